/* Names near a misspelt one, by Levenshtein distance; letters that differ in case alone are equal. */
#include "query/name_hint.h"

enum { NAME_BYTES_MAX = 63 }; /* longer ones are not typed by hand */

static unsigned char lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static uint32_t least_of(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static uint32_t edits_between(wendi_string a, wendi_string b)
{
    uint32_t row[NAME_BYTES_MAX + 1];
    for (uint32_t j = 0; j <= b.length; j++) {
        row[j] = j;
    }
    for (uint32_t i = 1; i <= a.length; i++) {
        uint32_t diagonal = row[0];
        row[0] = i;
        for (uint32_t j = 1; j <= b.length; j++) {
            uint32_t above = row[j];
            uint32_t replaced = diagonal + (lower(a.data[i - 1]) != lower(b.data[j - 1]));
            row[j] = least_of(replaced, least_of(above, row[j - 1]) + 1);
            diagonal = above;
        }
    }
    return row[b.length];
}

void wendi_name_hint_offer(wendi_name_hint *hint, wendi_string name)
{
    if (name.length > NAME_BYTES_MAX || hint->wanted.length > NAME_BYTES_MAX) {
        return;
    }
    uint32_t edits = edits_between(hint->wanted, name);
    uint32_t allowed = hint->wanted.length < 4 ? 1 : hint->wanted.length < 8 ? 2 : 3;
    if (edits <= allowed && (hint->nearest.length == 0 || edits < hint->edits)) {
        hint->nearest = name;
        hint->edits = edits;
    }
}

void wendi_name_hint_tell(const wendi_name_hint *hint, wend_error *error)
{
    if (hint->nearest.length > 0) {
        wendi_error_hint(error, "do you mean \"%.*s\"?", (int)hint->nearest.length,
                         hint->nearest.data);
    }
}

wend_status wendi_name_dropped(const wendi_schema *schema, wendi_string name, int32_t position,
                               wend_error *error)
{
    if (schema->dropped_name.length == 0 || !wendi_string_equal(schema->dropped_name, name)) {
        return WEND_OK;
    }
    wendi_fail_at(error, WEND_NOT_FOUND, position, "column \"%.*s\" of table \"%.*s\" is not stored",
                  (int)name.length, name.data, (int)schema->table_name.length,
                  schema->table_name.data);
    wendi_error_hint(error, "the table was made with event_id = 'drop': the id served to drop repeated events");
    return WEND_NOT_FOUND;
}
