// From a token's text to a column, alike for both parsers: wend's own parsers of single values (a call each, as
// wend's), digits summed where they stand, and strings as codes or copies.
#ifndef WENDI_BENCH_PARSE_VALUES_HH
#define WENDI_BENCH_PARSE_VALUES_HH

#include <cstring>

#include "bench/peers/parse_peer.h"

// The parts of engine/base/bytes.h, engine/column/value.h and engine/column/dictionary.h that are used, whose
// headers are not C++.
extern "C" {
struct wendi_string {
    const char *data;
    uint32_t length;
};
struct wendi_timezone;
int wendi_interner_code(void *interner, wendi_string text, uint32_t *code);
int wendi_parse_uuid(wendi_string text, void *value, const char **reason);
int wendi_parse_inet(wendi_string text, void *value, const char **reason);
int wendi_parse_timestamp(wendi_string text, const wendi_timezone *zone, int64_t *us, const char **reason);
}

namespace peer {

struct key_name {
    const char *text;
    uint32_t length;
};

#define PEER_KEY(name) {name, sizeof name - 1}
inline constexpr key_name keys[PEER_COLUMN_COUNT] = {
    PEER_KEY("event_id"),   PEER_KEY("session_id"), PEER_KEY("user_id"),  PEER_KEY("ts"),
    PEER_KEY("event_type"), PEER_KEY("page"),       PEER_KEY("referrer"), PEER_KEY("product_id"),
    PEER_KEY("price"),      PEER_KEY("quantity"),   PEER_KEY("currency"), PEER_KEY("payment_method"),
    PEER_KEY("ip"),         PEER_KEY("user_agent"), PEER_KEY("os"),       PEER_KEY("device"),
    PEER_KEY("browser"),    PEER_KEY("country"),    PEER_KEY("city"),     PEER_KEY("language")};

// A perfect hash of the first eight bytes with the quote behind short keys; found once by trying multipliers.
class key_table {
public:
    key_table()
    {
        for (uint64_t odd = 0x9e3779b97f4a7c15u;; odd += 0x2545f4914f6cdd1eu) {
            if (fill(odd)) {
                return;
            }
        }
    }
    // `key` stands behind its quote, and eight bytes may be read. PEER_COLUMN_COUNT: none.
    uint32_t find(const char *key) const
    {
        uint32_t column = table[place(head_of(key), multiplier)];
        const key_name &name = keys[column];
        return std::memcmp(key, name.text, name.length) == 0 && key[name.length] == '"' ? column
                                                                                         : uint32_t(PEER_COLUMN_COUNT);
    }

private:
    static uint64_t head_of(const char *key)
    {
        uint64_t head;
        std::memcpy(&head, key, sizeof head);
        const uint64_t ones = 0x0101010101010101u;
        uint64_t quotes = head ^ ones * '"';
        quotes = (quotes - ones) & ~quotes & ones * 0x80; // its lowest bit is that of the first quote
        return quotes == 0 ? head : head & (quotes ^ (quotes - 1));
    }
    static uint32_t place(uint64_t head, uint64_t odd) { return uint32_t(head * odd >> 58); }
    bool fill(uint64_t odd)
    {
        bool used[64] = {};
        multiplier = odd | 1;
        for (uint32_t i = 0; i < PEER_COLUMN_COUNT; i++) {
            char text[24] = {};
            std::memcpy(text, keys[i].text, keys[i].length);
            text[keys[i].length] = '"';
            uint32_t at = place(head_of(text), multiplier);
            if (used[at]) {
                return false;
            }
            used[at] = true;
            table[at] = uint8_t(i);
        }
        return true;
    }
    uint8_t table[64] = {};
    uint64_t multiplier = 0;
};

inline const key_table key_columns;

// A number such as 12, -3.5 or 19.99 as an integer scaled by `decimals` tens; false where it does not fit.
inline bool scaled(const char *at, const char *end, int decimals, int64_t *value)
{
    bool negative = at < end && *at == '-';
    int64_t sum = 0;
    at += negative;
    const char *begin = at;
    for (; at < end && uint8_t(*at - '0') < 10; at++) {
        sum = sum * 10 + (*at - '0');
    }
    if (at == begin || at - begin > 16) {
        return false;
    }
    if (at < end && *at == '.') {
        for (at++; at < end && uint8_t(*at - '0') < 10; at++) {
            if (decimals-- == 0) {
                return false;
            }
            sum = sum * 10 + (*at - '0');
        }
    }
    if (at != end) {
        return false;
    }
    for (; decimals > 0; decimals--) {
        sum *= 10;
    }
    *value = negative ? -sum : sum;
    return true;
}

// Where one row's values go.
template <bool copy> struct row_writer {
    parse_peer_columns *columns;
    uint32_t row = 0;
    uint32_t given = 0;
    uint32_t filled[PEER_COLUMN_COUNT] = {}; // bytes copied so far

    explicit row_writer(parse_peer_columns *into) : columns(into) {}

    bool number(uint32_t column, const char *text, uint32_t length)
    {
        given |= 1u << column;
        columns->nulls[column][row] = 0;
        if (column == PEER_PRICE) {
            return scaled(text, text + length, 2, &columns->i64[column][row]);
        }
        int64_t *value = &columns->i64[column][row];
        return column == PEER_QUANTITY && scaled(text, text + length, 0, value) && *value == int16_t(*value);
    }
    bool string(uint32_t column, const char *text, uint32_t length)
    {
        given |= 1u << column;
        switch (column) {
        case PEER_EVENT_ID:
            columns->nulls[column][row] = 0;
            return wendi_parse_uuid({text, length}, columns->b16[column] + 16 * size_t(row), nullptr) == 0;
        case PEER_IP:
            columns->nulls[column][row] = 0;
            return wendi_parse_inet({text, length}, columns->b16[column] + 16 * size_t(row), nullptr) == 0;
        case PEER_TS:
            columns->nulls[column][row] = 0;
            return wendi_parse_timestamp({text, length}, nullptr, &columns->i64[column][row], nullptr) == 0;
        case PEER_PRICE:
        case PEER_QUANTITY:
            return false;
        default:
            break;
        }
        if (copy) {
            columns->nulls[column][row] = 0;
            std::memcpy(columns->bytes[column] + filled[column], text, length);
            filled[column] += length;
            columns->ends[column][row] = filled[column];
            return true;
        }
        return wendi_interner_code(columns->interners[column], {text, length}, &columns->codes[column][row]) == 0;
    }
    void null(uint32_t column)
    {
        given |= 1u << column;
        if (columns->codes[column] == nullptr) {
            columns->nulls[column][row] = 1;
            if (columns->b16[column] != nullptr) {
                std::memset(columns->b16[column] + 16 * size_t(row), 0, 16);
            } else {
                columns->i64[column][row] = 0;
            }
        } else if (copy) {
            columns->nulls[column][row] = 1;
            columns->ends[column][row] = filled[column];
        } else {
            columns->codes[column][row] = 0;
        }
    }
    bool end_row()
    {
        for (uint32_t missing = ~given & ((1u << PEER_COLUMN_COUNT) - 1); missing != 0; missing &= missing - 1) {
            null(uint32_t(__builtin_ctz(missing)));
        }
        bool whole = columns->nulls[PEER_TS][row] == 0; // NOT NULL, as the other column of that kind below
        whole &= copy ? columns->nulls[PEER_EVENT_TYPE][row] == 0 : columns->codes[PEER_EVENT_TYPE][row] != 0;
        given = 0;
        row++;
        return whole;
    }
};

} // namespace peer

#endif
