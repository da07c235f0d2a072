/* Strings and values as JSON; see json_text.h. */
#include "tools/inspect/json_text.h"

/* Bytes that are no UTF-8 would be no JSON: everything beyond ASCII is written as it is only when
 * valid. */
size_t utf8_length(const uint8_t *at, size_t left)
{
    size_t length = at[0] < 0x80                    ? 1
                    : at[0] >= 0xc2 && at[0] < 0xe0 ? 2
                    : at[0] >= 0xe0 && at[0] < 0xf0 ? 3
                    : at[0] >= 0xf0 && at[0] < 0xf5 ? 4
                                                    : 0;
    for (size_t i = 1; i < length; i++) {
        if (i >= left || (at[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    bool bad = (at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] >= 0xa0) ||
               (at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] >= 0x90);
    return length > 1 && bad ? 0 : length;
}

void json_string(wendi_string text, FILE *out)
{
    const uint8_t *bytes = (const uint8_t *)text.data;
    size_t length = text.length;
    fputc('"', out);
    for (size_t i = 0; i < length;) {
        size_t step = utf8_length(bytes + i, length - i);
        if (step == 0) {
            fputs("\\ufffd", out);
            step = 1;
        } else if (bytes[i] == '"' || bytes[i] == '\\') {
            fprintf(out, "\\%c", bytes[i]);
        } else if (bytes[i] < 32) {
            fprintf(out, "\\u%04x", bytes[i]);
        } else {
            fwrite(bytes + i, 1, step, out);
        }
        i += step;
    }
    fputc('"', out);
}

wend_status json_value(const wendi_value *value, FILE *out)
{
    wendi_buffer text = {.length = 0};
    wend_status status = wendi_value_format(value, NULL, &text);
    if (status == WEND_OK) {
        json_string((wendi_string){(const char *)text.data, (uint32_t)text.length}, out);
    }
    wendi_buffer_free(&text);
    return status;
}
