// Click events by RapidJSON's SAX reader, in place, with its own SSE4.2 loops and numbers given as text, which
// spares it the way through double.
#include "bench/peers/parse_values.hh"

#if defined(__SSE4_2__)
#define RAPIDJSON_SSE42 1
#endif
#include <rapidjson/reader.h>

namespace {

template <parse_peer_way way, bool copy>
struct handler : rapidjson::BaseReaderHandler<rapidjson::UTF8<>, handler<way, copy>> {
    peer::row_writer<copy> row;
    uint32_t column = PEER_COLUMN_COUNT;
    uint32_t expected = 0;
    uint32_t depth = 0;

    explicit handler(parse_peer_columns *columns) : row(columns) {}

    bool Key(const char *text, rapidjson::SizeType length, bool)
    {
        column = PEER_COLUMN_COUNT;
        if (depth != 1) {
            return true;
        }
        if (way == PEER_WAY_HASHED) {
            const_cast<char *>(text)[length] = '"'; // where in place the quote stood, now a NUL
            column = peer::key_columns.find(text);
            return true;
        }
        for (uint32_t i = expected; i < PEER_COLUMN_COUNT; i++) {
            if (length == peer::keys[i].length && std::memcmp(text, peer::keys[i].text, length) == 0) {
                column = i;
                expected = i + 1;
                break;
            }
        }
        return true;
    }
    bool String(const char *text, rapidjson::SizeType length, bool)
    {
        return column == PEER_COLUMN_COUNT || row.string(column, text, length);
    }
    bool RawNumber(const char *text, rapidjson::SizeType length, bool)
    {
        return column == PEER_COLUMN_COUNT || row.number(column, text, length);
    }
    bool Null()
    {
        if (column != PEER_COLUMN_COUNT) {
            row.null(column);
        }
        return true;
    }
    bool Bool(bool) { return column == PEER_COLUMN_COUNT; }
    bool StartObject() { return ++depth == 1 || column == PEER_COLUMN_COUNT; }
    bool EndObject(rapidjson::SizeType) { return --depth != 0 || row.end_row(); }
    bool StartArray() { return column == PEER_COLUMN_COUNT; }
};

template <parse_peer_way way, bool copy, bool validate>
const char *parse_all(const parse_peer_message *messages, uint32_t count, parse_peer_columns *columns)
{
    constexpr unsigned flags = rapidjson::kParseInsituFlag | rapidjson::kParseNumbersAsStringsFlag |
                               rapidjson::kParseStopWhenDoneFlag |
                               (validate ? unsigned(rapidjson::kParseValidateEncodingFlag) : 0u);
    rapidjson::Reader reader;
    handler<way, copy> into(columns);
    for (uint32_t i = 0; i < count; i++) {
        rapidjson::InsituStringStream text(messages[i].text);
        into.expected = 0;
        if (reader.Parse<flags>(text, into).IsError()) {
            return "RapidJSON refused a message";
        }
    }
    columns->row_count = into.row.row;
    return nullptr;
}

template <parse_peer_way way, bool copy>
const char *choose(const parse_peer_message *messages, uint32_t count, bool validate, parse_peer_columns *columns)
{
    return validate ? parse_all<way, copy, true>(messages, count, columns)
                    : parse_all<way, copy, false>(messages, count, columns);
}

} // namespace

const char *parse_peer_rapidjson(const parse_peer_message *messages, uint32_t count, parse_peer_way way, bool copy,
                                 bool validate, parse_peer_columns *columns)
{
    if (way == PEER_WAY_HASHED) {
        return copy ? choose<PEER_WAY_HASHED, true>(messages, count, validate, columns)
                    : choose<PEER_WAY_HASHED, false>(messages, count, validate, columns);
    }
    return copy ? choose<PEER_WAY_ORDERED, true>(messages, count, validate, columns)
                : choose<PEER_WAY_ORDERED, false>(messages, count, validate, columns);
}
