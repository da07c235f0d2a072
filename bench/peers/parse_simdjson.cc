// Click events by simdjson's On-Demand interface: one parser for all, text padded in place, members visited in
// the order in which they stand. Keys are compared where they stand, without unescaping them.
#include "bench/peers/parse_values.hh"

#define SIMDJSON_EXCEPTIONS 0
#include <simdjson.h>

namespace {

namespace od = simdjson::ondemand;

enum { CAPACITY = 1 << 20 };

bool is_key(const od::raw_json_string &key, const peer::key_name &name)
{
    const char *text = key.raw();
    return std::memcmp(text, name.text, name.length) == 0 && text[name.length] == '"';
}

template <bool copy> bool take_value(peer::row_writer<copy> &row, uint32_t column, od::value value)
{
    if (column == PEER_PRICE || column == PEER_QUANTITY) {
        std::string_view token = value.raw_json_token();
        size_t length = token.size();
        while (length > 0 && uint8_t(token[length - 1]) <= ' ') { // the token reaches to the next one
            length--;
        }
        if (length > 0 && token[0] == 'n') {
            bool null = false;
            if (value.is_null().get(null) || !null) {
                return false;
            }
            row.null(column);
            return true;
        }
        return row.number(column, token.data(), uint32_t(length));
    }
    std::string_view text;
    if (!value.get_string().get(text)) {
        return row.string(column, text.data(), uint32_t(text.size()));
    }
    bool null = false;
    if (value.is_null().get(null) || !null) {
        return false;
    }
    row.null(column);
    return true;
}

template <parse_peer_way way, bool copy> bool take_object(peer::row_writer<copy> &row, od::object object)
{
    uint32_t expected = 0;
    for (auto member : object) {
        od::raw_json_string key;
        if (member.key().get(key)) {
            return false;
        }
        uint32_t column = PEER_COLUMN_COUNT;
        if (way == PEER_WAY_HASHED) {
            column = peer::key_columns.find(key.raw());
        } else {
            for (uint32_t i = expected; i < PEER_COLUMN_COUNT; i++) {
                if (is_key(key, peer::keys[i])) {
                    column = i;
                    expected = i + 1;
                    break;
                }
            }
        }
        od::value value;
        if (member.value().get(value)) {
            return false;
        }
        if (column != PEER_COLUMN_COUNT && !take_value<copy>(row, column, value)) {
            return false;
        }
    }
    return row.end_row();
}

template <bool copy> bool take_lookups(peer::row_writer<copy> &row, od::object object)
{
    for (uint32_t i = 0; i < PEER_COLUMN_COUNT; i++) {
        od::value value;
        auto error = object.find_field_unordered(std::string_view(peer::keys[i].text, peer::keys[i].length)).get(value);
        if (error == simdjson::NO_SUCH_FIELD) {
            continue;
        }
        if (error || !take_value<copy>(row, i, value)) {
            return false;
        }
    }
    return row.end_row();
}

template <parse_peer_way way, bool copy>
const char *parse_all(const parse_peer_message *messages, uint32_t count, parse_peer_columns *columns)
{
    static od::parser parser;
    peer::row_writer<copy> row(columns);
    if (parser.capacity() < CAPACITY && parser.allocate(CAPACITY)) {
        return "simdjson: no memory";
    }
    for (uint32_t i = 0; i < count; i++) {
        od::document document;
        od::object object;
        const parse_peer_message &message = messages[i];
        if (parser.iterate(message.text, message.length, message.length + PEER_MESSAGE_PADDING).get(document) ||
            document.get_object().get(object)) {
            return "simdjson refused a message";
        }
        bool good = way == PEER_WAY_LOOKUP ? take_lookups<copy>(row, object) : take_object<way, copy>(row, object);
        if (!good) {
            return "simdjson refused a value";
        }
    }
    columns->row_count = row.row;
    return nullptr;
}

template <bool copy> const char *parse_stream(const char *text, size_t length, parse_peer_columns *columns)
{
    static od::parser parser;
    peer::row_writer<copy> row(columns);
    od::document_stream stream;
#ifdef SIMDJSON_THREADS_ENABLED
    parser.threaded = false; // one core, as the others
#endif
    if (parser.iterate_many(text, length, CAPACITY).get(stream)) {
        return "simdjson refused the stream";
    }
    for (auto document : stream) {
        od::object object;
        if (document.get_object().get(object)) {
            return "simdjson refused a message";
        }
        if (!take_object<PEER_WAY_ORDERED, copy>(row, object)) {
            return "simdjson refused a value";
        }
    }
    columns->row_count = row.row;
    return nullptr;
}

} // namespace

const char *parse_peer_simdjson(const parse_peer_message *messages, uint32_t count, parse_peer_way way, bool copy,
                                parse_peer_columns *columns)
{
    switch (way) {
    case PEER_WAY_ORDERED:
        return copy ? parse_all<PEER_WAY_ORDERED, true>(messages, count, columns)
                    : parse_all<PEER_WAY_ORDERED, false>(messages, count, columns);
    case PEER_WAY_HASHED:
        return copy ? parse_all<PEER_WAY_HASHED, true>(messages, count, columns)
                    : parse_all<PEER_WAY_HASHED, false>(messages, count, columns);
    default:
        return copy ? parse_all<PEER_WAY_LOOKUP, true>(messages, count, columns)
                    : parse_all<PEER_WAY_LOOKUP, false>(messages, count, columns);
    }
}

const char *parse_peer_simdjson_stream(const parse_peer_message *messages, uint32_t count, bool copy,
                                       parse_peer_columns *columns)
{
    const parse_peer_message &last = messages[count - 1];
    size_t length = size_t(last.text - messages[0].text) + last.length;
    return copy ? parse_stream<true>(messages[0].text, length, columns)
                : parse_stream<false>(messages[0].text, length, columns);
}
