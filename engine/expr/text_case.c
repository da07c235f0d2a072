/** UTF-8 and simple case mapping, by ranges of Unicode's UnicodeData.txt (fields 12 and 13). */
#include "engine/expr/text_case.h"

/** Capitals first..last lie `offset` before their small letters; step 2: capitals and small letters alternate. */
typedef struct case_range {
    uint16_t first;
    uint16_t last;
    int16_t offset;
    uint16_t step;
} case_range;

static const case_range ranges[] = {
    {0x0041, 0x005a, 32, 1},  {0x00c0, 0x00d6, 32, 1},  {0x00d8, 0x00de, 32, 1},  {0x0100, 0x012e, 1, 2},
    {0x0132, 0x0136, 1, 2},   {0x0139, 0x0147, 1, 2},   {0x014a, 0x0176, 1, 2},   {0x0178, 0x0178, -121, 1},
    {0x0179, 0x017d, 1, 2},   {0x01cd, 0x01db, 1, 2},   {0x01de, 0x01ee, 1, 2},   {0x01f8, 0x021e, 1, 2},
    {0x0222, 0x0232, 1, 2},   {0x0386, 0x0386, 38, 1},  {0x0388, 0x038a, 37, 1},  {0x038c, 0x038c, 64, 1},
    {0x038e, 0x038f, 63, 1},  {0x0391, 0x03a1, 32, 1},  {0x03a3, 0x03ab, 32, 1},  {0x0400, 0x040f, 80, 1},
    {0x0410, 0x042f, 32, 1},  {0x0460, 0x0480, 1, 2},   {0x048a, 0x04be, 1, 2},   {0x04c1, 0x04cd, 1, 2},
    {0x04d0, 0x052e, 1, 2},   {0x0531, 0x0556, 48, 1},  {0x1e00, 0x1e94, 1, 2},   {0x1ea0, 0x1efe, 1, 2},
    {0xff21, 0xff3a, 32, 1}};

uint32_t wendi_lower_code_point(uint32_t code_point)
{
    if (code_point < 0x80) {
        return code_point - 'A' < 26 ? code_point + 32 : code_point;
    }
    for (size_t i = 1; i < sizeof ranges / sizeof *ranges && code_point >= ranges[i].first; i++) {
        if (code_point <= ranges[i].last && (code_point - ranges[i].first) % ranges[i].step == 0) {
            return (uint32_t)((int32_t)code_point + ranges[i].offset);
        }
    }
    return code_point;
}

uint32_t wendi_upper_code_point(uint32_t code_point)
{
    if (code_point < 0x80) {
        return code_point - 'a' < 26 ? code_point - 32 : code_point;
    }
    for (size_t i = 1; i < sizeof ranges / sizeof *ranges; i++) {
        int64_t capital = (int64_t)code_point - ranges[i].offset;
        if (capital >= ranges[i].first && capital <= ranges[i].last && (capital - ranges[i].first) % ranges[i].step == 0) {
            return (uint32_t)capital;
        }
    }
    return code_point == 0x3c2 ? 0x3a3 : code_point; /* final sigma */
}

uint32_t wendi_utf8_decode(const char *at, const char *end, const char **next)
{
    uint8_t lead = (uint8_t)*at;
    uint32_t extra = lead < 0x80 ? 0 : lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    uint32_t code_point = extra == 0 ? lead : lead & (0x3fu >> extra);

    *next = at + 1;
    if (extra == 0) {
        return code_point;
    }
    if (lead < 0xc2 || lead > 0xf4 || end - at <= (ptrdiff_t)extra) {
        return 0xdc00u + lead;
    }
    for (uint32_t i = 1; i <= extra; i++) {
        uint8_t byte = (uint8_t)at[i];
        if ((byte & 0xc0) != 0x80) {
            return 0xdc00u + lead;
        }
        code_point = code_point << 6 | (byte & 0x3f);
    }
    *next = at + extra + 1;
    return code_point;
}

uint32_t wendi_utf8_encode(uint32_t code_point, char *out)
{
    if (code_point < 0x80) {
        out[0] = (char)code_point;
        return 1;
    }
    if (code_point >= 0xdc80 && code_point <= 0xdcff) {
        out[0] = (char)(code_point - 0xdc00);
        return 1;
    }
    if (code_point < 0x800) {
        out[0] = (char)(0xc0 | code_point >> 6);
        out[1] = (char)(0x80 | (code_point & 0x3f));
        return 2;
    }
    if (code_point < 0x10000) {
        out[0] = (char)(0xe0 | code_point >> 12);
        out[1] = (char)(0x80 | (code_point >> 6 & 0x3f));
        out[2] = (char)(0x80 | (code_point & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | code_point >> 18);
    out[1] = (char)(0x80 | (code_point >> 12 & 0x3f));
    out[2] = (char)(0x80 | (code_point >> 6 & 0x3f));
    out[3] = (char)(0x80 | (code_point & 0x3f));
    return 4;
}

uint32_t wendi_utf8_length(wendi_string text)
{
    uint32_t length = 0;

    for (uint32_t i = 0; i < text.length; i++) {
        length += ((uint8_t)text.data[i] & 0xc0) != 0x80;
    }
    return length;
}

uint32_t wendi_utf8_offset(wendi_string text, uint64_t index)
{
    uint32_t at = 0;

    for (; at < text.length; at++) {
        if (((uint8_t)text.data[at] & 0xc0) != 0x80) {
            if (index == 0) {
                return at;
            }
            index--;
        }
    }
    return at;
}

uint32_t wendi_utf8_change_case(wendi_string text, bool upper, char *out)
{
    const char *at = text.data;
    const char *end = text.data + text.length;
    uint32_t length = 0;

    while (at < end) {
        uint32_t code_point = wendi_utf8_decode(at, end, &at);
        length += wendi_utf8_encode(upper ? wendi_upper_code_point(code_point) : wendi_lower_code_point(code_point),
                                    out + length);
    }
    return length;
}
