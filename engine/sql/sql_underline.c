/* The two lines under an error that show where in the text it is. */
#include "engine/sql/sql.h"

enum { SHOWN_MAX = 76, BEFORE_MAX = 50 };

static bool begins_character(char byte)
{
    return ((unsigned char)byte & 0xc0) != 0x80;
}

/* The byte `characters` code points before or (negative: behind) `at`, within [low, high]. */
static int32_t move(const char *text, int32_t at, int32_t characters, int32_t low, int32_t high)
{
    while (characters > 0 && at > low) {
        at--;
        characters -= begins_character(text[at]);
    }
    while (characters < 0 && at < high) {
        at++;
        characters += at == high || begins_character(text[at]);
    }
    return at;
}

static int32_t count_characters(const char *text, int32_t from, int32_t to)
{
    int32_t count = 0;
    for (int32_t i = from; i < to; i++) {
        count += begins_character(text[i]);
    }
    return count;
}

static wend_status append_flat(wendi_buffer *out, const char *text, int32_t from, int32_t to)
{
    wend_status status = WEND_OK;
    for (int32_t i = from; i < to && status == WEND_OK; i++) {
        bool control = (unsigned char)text[i] < 0x20 || text[i] == 0x7f;
        status = wendi_buffer_u8(out, control ? ' ' : (uint8_t)text[i]);
    }
    return status;
}

wend_status wendi_sql_underline(const char *text, int32_t position, wendi_buffer *out)
{
    wend_status status = WEND_OK;
    int32_t length = (int32_t)strlen(text);
    int32_t line = 1;
    int32_t line_start = 0;
    if (position < 0 || position > length) {
        return WEND_OK;
    }
    for (int32_t i = 0; i < position; i++) {
        if (text[i] == '\n') {
            line++;
            line_start = i + 1;
        }
    }
    int32_t line_end = line_start + (int32_t)strcspn(text + line_start, "\n");
    int32_t from = line_start;
    int32_t to = line_end;
    if (count_characters(text, line_start, line_end) > SHOWN_MAX) {
        from = move(text, position, BEFORE_MAX, line_start, line_end);
        to = move(text, from, -SHOWN_MAX, line_start, line_end);
    }
    size_t before = out->length;
    WEND_TRY(wendi_buffer_printf(out, "LINE %d: %s", line, from > line_start ? "..." : ""));
    int32_t indent = (int32_t)(out->length - before) + count_characters(text, from, position);
    WEND_TRY(append_flat(out, text, from, to));
    WEND_TRY(wendi_buffer_printf(out, "%s\n%*s^\n", to < line_end ? "..." : "", indent, ""));
cleanup:
    return status;
}
