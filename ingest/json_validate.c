/* One document judged as a whole, and the wording of faults. */
#include "ingest/json_validate.h"

#include "ingest/json_scan.h"

const char *wendi_json_fault_text(wendi_json_fault fault)
{
    switch (fault) {
    case WENDI_JSON_GOOD:
        return "valid JSON";
    case WENDI_JSON_TRUNCATED:
        return "truncated JSON: the text ends inside a value";
    case WENDI_JSON_UNEXPECTED:
        return "invalid JSON: a byte that cannot stand here";
    case WENDI_JSON_TRAILING:
        return "more than one JSON document, or bytes behind it";
    case WENDI_JSON_BOM:
        return "a byte order mark before the JSON";
    case WENDI_JSON_DEPTH:
        return "JSON nested deeper than 64";
    case WENDI_JSON_UTF8:
        return "invalid UTF-8";
    case WENDI_JSON_SURROGATE:
        return "a lone surrogate in a \\u escape";
    case WENDI_JSON_CONTROL:
        return "a raw control character in a string";
    case WENDI_JSON_ESCAPE:
        return "an unknown escape in a string";
    case WENDI_JSON_NUMBER:
        return "invalid JSON number";
    case WENDI_JSON_EMPTY:
        return "no JSON: the message is empty";
    }
    return "invalid JSON";
}

static wendi_json_fault judge(const char *text, const char *end, wendi_json_error *error)
{
    const char *at = wendi_json_blanks(text, end);
    error->at = at;
    if (at == end) {
        return WENDI_JSON_EMPTY;
    }
    if (end - at >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0) {
        return WENDI_JSON_BOM;
    }
    at = wendi_json_skip(at, end, 0, error);
    if (at == NULL) {
        return error->fault;
    }
    at = wendi_json_blanks(at, end);
    error->at = at;
    return at == end ? WENDI_JSON_GOOD : WENDI_JSON_TRAILING;
}

wendi_json_fault wendi_json_validate(const char *text, size_t length, size_t *position)
{
    wendi_json_error error = {WENDI_JSON_GOOD, text};
    wendi_json_fault fault = judge(text, text + length, &error);
    if (position != NULL) {
        *position = (size_t)(error.at - text);
    }
    return fault;
}
