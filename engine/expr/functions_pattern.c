/**
 * LIKE, ILIKE and regular expressions.
 *
 * LIKE matches characters; ILIKE compares them by their simple lower case. Regular expressions are
 * POSIX extended ones of the C library in the C locale (bytes, case rules of ASCII), to which \d, \D
 * and (?: are translated; what has no POSIX form (lazy quantifiers, look-around, \1) is refused.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/expr/evaluator_internal.h"
#include "engine/expr/text_case.h"

enum { RAISES = WENDI_EXPR_RAISES, NO_ESCAPE = -1 };

/** Is there a run of `text` for `pattern`? Remembers the last %, which is where trying goes on. */
static bool like_match(wendi_string text, wendi_string pattern, int escape)
{
    const char *t = text.data;
    const char *t_end = t + text.length;
    const char *p = pattern.data;
    const char *p_end = p + pattern.length;
    const char *again_pattern = NULL;
    const char *again_text = NULL;

    for (;;) {
        if (p < p_end && *p == '%' && *p != escape) {
            again_pattern = ++p;
            again_text = t;
            continue;
        }
        bool one = false;
        const char *p_next = p;
        const char *t_next = t;
        if (t < t_end && p < p_end) {
            if (*p == '_' && *p != escape) {
                wendi_utf8_decode(t, t_end, &t_next);
                p_next = p + 1;
                one = true;
            } else {
                const char *literal = *p == escape && p + 1 < p_end ? p + 1 : p;
                one = *literal == *t;
                p_next = literal + 1;
                t_next = t + 1;
            }
        }
        if (one) {
            p = p_next;
            t = t_next;
        } else if (t == t_end && p == p_end) {
            return true;
        } else if (again_pattern == NULL || again_text == t_end) {
            return false;
        } else {
            wendi_utf8_decode(again_text, t_end, &again_text);
            p = again_pattern;
            t = again_text;
        }
    }
}

typedef enum like_shape { LIKE_ANY, LIKE_EXACT, LIKE_PREFIX, LIKE_SUFFIX, LIKE_CONTAINS } like_shape;

/** Patterns of plain text with a % at an end or both need no matching by character. */
static like_shape shape_of(wendi_string pattern, int escape, wendi_string *plain)
{
    *plain = pattern;
    bool front = pattern.length > 0 && pattern.data[0] == '%' && escape != '%';
    if (front) {
        plain->data++;
        plain->length--;
    }
    bool back = plain->length > 0 && plain->data[plain->length - 1] == '%' && escape != '%';
    plain->length -= back;
    for (uint32_t i = 0; i < plain->length; i++) {
        if (plain->data[i] == '%' || plain->data[i] == '_' || plain->data[i] == escape) {
            return LIKE_ANY;
        }
    }
    return front && back ? LIKE_CONTAINS : front ? LIKE_SUFFIX : back ? LIKE_PREFIX : LIKE_EXACT;
}

static bool like_shaped(wendi_string text, like_shape shape, wendi_string plain)
{
    switch (shape) {
    case LIKE_EXACT:
        return wendi_string_equal(text, plain);
    case LIKE_PREFIX:
        return text.length >= plain.length && memcmp(text.data, plain.data, plain.length) == 0;
    case LIKE_SUFFIX:
        return text.length >= plain.length &&
               memcmp(text.data + text.length - plain.length, plain.data, plain.length) == 0;
    default:
        return plain.length == 0 || memmem(text.data, text.length, plain.data, plain.length) != NULL;
    }
}

/** The escape character of a row: a backslash unless ESCAPE says otherwise; '' for none. */
static wend_status escape_at(const wendi_call *call, uint32_t row, int *escape)
{
    *escape = '\\';
    if (call->arg_count == 3) {
        wendi_string text = wendi_arg_string(call, 2, row);
        if (text.length > 1) {
            wend_status status = wendi_call_fail(call, "invalid escape string");
            wendi_error_hint(call->error, "the escape string must be empty or one ASCII character");
            return status;
        }
        *escape = text.length == 0 ? NO_ESCAPE : text.data[0];
    }
    return WEND_OK;
}

static wend_status check_pattern(const wendi_call *call, wendi_string pattern, int escape)
{
    for (uint32_t i = 0; i < pattern.length; i++) {
        if (pattern.data[i] == escape && ++i == pattern.length) {
            return wendi_call_fail(call, "LIKE pattern must not end with escape character");
        }
    }
    return WEND_OK;
}

static wend_status like(wendi_call *call)
{
    bool fixed = call->args[1].form == WENDI_FORM_CONSTANT && (call->arg_count < 3 || call->args[2].form == WENDI_FORM_CONSTANT);
    wendi_string pattern = {NULL, 0};
    wendi_string plain = {NULL, 0};
    like_shape shape = LIKE_ANY;
    int escape = NO_ESCAPE;
    bool first = true;

    WENDI_CALL_ROWS(call, row)
    {
        if (first || !fixed) {
            pattern = wendi_arg_string(call, 1, row);
            wend_status status = escape_at(call, row, &escape);
            status = status == WEND_OK ? check_pattern(call, pattern, escape) : status;
            if (status != WEND_OK) {
                return status;
            }
            shape = shape_of(pattern, escape, &plain);
            first = false;
        }
        wendi_string text = wendi_arg_string(call, 0, row);
        call->out.i64[row] = shape == LIKE_ANY ? like_match(text, pattern, escape) : like_shaped(text, shape, plain);
    }
    return WEND_OK;
}

/** `text` in lower case, in the evaluator's string memory. */
static wend_status lowered(const wendi_call *call, wendi_string text, wendi_string *result)
{
    char *bytes = wendi_call_bytes(call, (size_t)text.length * 3);

    if (bytes == NULL) {
        return WEND_NOMEM;
    }
    *result = (wendi_string){bytes, wendi_utf8_change_case(text, false, bytes)};
    return WEND_OK;
}

static wend_status ilike(wendi_call *call)
{
    wendi_string pattern = {NULL, 0};
    wendi_string low_pattern = {NULL, 0};
    wendi_string low_text;
    wend_status status = WEND_OK;
    int escape;

    WENDI_CALL_ROWS(call, row)
    {
        wendi_string here = wendi_arg_string(call, 1, row);
        WEND_TRY(escape_at(call, row, &escape));
        if (here.data != pattern.data || here.length != pattern.length) {
            pattern = here;
            WEND_TRY(check_pattern(call, pattern, escape));
            WEND_TRY(lowered(call, pattern, &low_pattern));
        }
        WEND_TRY(lowered(call, wendi_arg_string(call, 0, row), &low_text));
        escape = escape >= 'A' && escape <= 'Z' ? escape + 32 : escape;
        call->out.i64[row] = like_match(low_text, low_pattern, escape);
    }
cleanup:
    return status;
}

/** What follows a backslash, as POSIX writes it; NULL, or what is refused. */
static const char *translate_escape(char letter, bool bracket, char *out, uint32_t *n)
{
    const char *set = letter == 'd' || letter == 'D'   ? "0-9"
                      : letter == 's' || letter == 'S' ? "[:space:]"
                      : letter == 'w' || letter == 'W' ? "[:alnum:]_"
                                                       : NULL;
    bool inverse = letter == 'D' || letter == 'S' || letter == 'W';

    if (letter == '\0') {
        return "a backslash at the end";
    }
    if (set != NULL) {
        if (inverse && bracket) {
            return "\\D, \\S or \\W inside []";
        }
        *n += (uint32_t)sprintf(out + *n, bracket ? "%s" : inverse ? "[^%s]" : "[%s]", set);
    } else if (letter == 'n' || letter == 't' || letter == 'r') {
        out[(*n)++] = letter == 'n' ? '\n' : letter == 't' ? '\t' : '\r';
    } else if (!bracket && (letter == 'y' || letter == 'm' || letter == 'M')) {
        out[(*n)++] = '\\';
        out[(*n)++] = letter == 'y' ? 'b' : letter == 'm' ? '<' : '>';
    } else if ((letter >= '0' && letter <= '9') || (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z')) {
        return "a backslash before this letter or digit";
    } else {
        if (!bracket) { /* POSIX brackets take a backslash as itself */
            out[(*n)++] = '\\';
        }
        out[(*n)++] = letter;
    }
    return NULL;
}

/** Write \d as [0-9] and (?: as (; refuse what POSIX reads otherwise than PostgreSQL does. */
static const char *translate(wendi_string text, char *out)
{
    bool bracket = false;
    uint32_t n = 0;

    for (uint32_t i = 0; i < text.length; i++) {
        char c = text.data[i];
        char next = i + 1 < text.length ? text.data[i + 1] : '\0';
        if (c == '\0') {
            return "a NUL byte";
        }
        if (c == '\\') {
            const char *refused = translate_escape(next, bracket, out, &n);
            if (refused != NULL) {
                return refused;
            }
            i++;
            continue;
        }
        if (bracket) {
            if (c == '[' && (next == ':' || next == '.' || next == '=')) { /* a class: copied to its end */
                out[n++] = c;
                out[n++] = next;
                for (i += 2; i < text.length && !(text.data[i] == next && i + 1 < text.length && text.data[i + 1] == ']'); i++) {
                    out[n++] = text.data[i];
                }
                if (i >= text.length) {
                    return "a class without its end";
                }
                out[n++] = next;
                out[n++] = ']';
                i++;
                continue;
            }
            bracket = c != ']';
            out[n++] = c;
            continue;
        }
        if (c == '[') {
            bracket = true;
            out[n++] = c;
            if (next == '^') {
                out[n++] = text.data[++i];
                next = i + 1 < text.length ? text.data[i + 1] : '\0';
            }
            if (next == ']') { /* the first ] is a member */
                out[n++] = text.data[++i];
            }
            continue;
        }
        if (c == '(' && next == '?') {
            if (i + 2 >= text.length || text.data[i + 2] != ':') {
                return "(? with anything but :";
            }
            out[n++] = '(';
            i += 2;
            continue;
        }
        out[n++] = c;
        if ((c == '*' || c == '+' || c == '?' || c == '}') && next == '?') {
            return "a lazy quantifier";
        }
    }
    out[n] = '\0';
    return NULL;
}

static wend_status compile(wendi_string text, bool ignore_case, regex_t *regex, int32_t position, wend_error *error)
{
    char *posix = wendi_alloc((size_t)text.length * 14 + 16); /* the longest translation: [^[:alnum:]_] */
    wend_status status = WEND_OK;

    if (posix == NULL) {
        return wendi_fail_nomem(error, "a regular expression", text.length);
    }
    const char *refused = translate(text, posix);
    if (refused != NULL) {
        status = wendi_fail_at(error, WEND_UNSUPPORTED, position, "invalid regular expression: %s", refused);
        wendi_error_hint(error, "regular expressions are POSIX extended ones, with \\d \\w \\s \\y and (?: besides");
    } else {
        int code = regcomp(regex, posix, REG_EXTENDED | (ignore_case ? REG_ICASE : 0));
        if (code != 0) {
            char message[128];
            regerror(code, regex, message, sizeof message);
            status = code == REG_ESPACE ? wendi_fail_nomem(error, "a regular expression", text.length)
                                        : wendi_fail_at(error, WEND_INVALID, position, "invalid regular expression: %s", message);
        }
    }
    wendi_free(posix);
    return status;
}

/** The patterns table is full: the longest unused goes. */
static void drop_oldest_pattern(wendi_evaluator *evaluator)
{
    uint32_t oldest = 0;

    for (uint32_t i = 1; i < evaluator->pattern_count; i++) {
        if (evaluator->patterns[i]->used_at < evaluator->patterns[oldest]->used_at) {
            oldest = i;
        }
    }
    regfree(&evaluator->patterns[oldest]->regex);
    wendi_free(evaluator->patterns[oldest]->text);
    wendi_free(evaluator->patterns[oldest]);
    evaluator->patterns[oldest] = evaluator->patterns[--evaluator->pattern_count];
}

wend_status wendi_pattern_compiled(const wendi_call *call, wendi_string text, bool ignore_case, const regex_t **regex)
{
    wendi_evaluator *evaluator = call->evaluator;

    for (uint32_t i = 0; i < evaluator->pattern_count; i++) {
        wendi_pattern *pattern = evaluator->patterns[i];
        if (pattern->ignore_case == ignore_case &&
            wendi_string_equal((wendi_string){pattern->text, pattern->length}, text)) {
            pattern->used_at = ++evaluator->clock;
            *regex = &pattern->regex;
            return WEND_OK;
        }
    }
    if (evaluator->pattern_count == WENDI_PATTERN_MAX) {
        drop_oldest_pattern(evaluator);
    }
    wendi_pattern *pattern = wendi_alloc_zero(1, sizeof *pattern);
    char *copy = wendi_alloc(text.length);
    wend_status status = pattern == NULL || copy == NULL
                             ? wendi_fail_nomem(call->error, "a regular expression", text.length)
                             : compile(text, ignore_case, &pattern->regex, call->node->position, call->error);
    if (status != WEND_OK) {
        wendi_free(pattern);
        wendi_free(copy);
        return status;
    }
    memcpy(copy, text.data, text.length);
    pattern->text = copy;
    pattern->length = text.length;
    pattern->ignore_case = ignore_case;
    pattern->used_at = ++evaluator->clock;
    evaluator->patterns[evaluator->pattern_count++] = pattern;
    *regex = &pattern->regex;
    return WEND_OK;
}

/** A constant pattern is tried at binding, so that its fault is said before any row. */
static wend_status check_regex(const wendi_expr *call, wend_error *error)
{
    const wendi_value *pattern = wendi_expr_value(call->args[1]);
    regex_t regex;

    if (pattern == NULL || pattern->null) {
        return WEND_OK;
    }
    wend_status status = compile(pattern->string, false, &regex, call->args[1]->position, error);
    if (status == WEND_OK) {
        regfree(&regex);
    }
    return status;
}

/** Search `text` from `from` on; the matches' places count from the text's start. */
static bool search(const regex_t *regex, wendi_string text, uint32_t from, regmatch_t *matches, size_t match_count)
{
    matches[0].rm_so = (regoff_t)from;
    matches[0].rm_eo = (regoff_t)text.length;
    return regexec(regex, text.data == NULL ? "" : text.data, match_count, matches, REG_STARTEND | (from > 0 ? REG_NOTBOL : 0)) == 0;
}

typedef struct regex_flags {
    bool ignore_case;
    bool global;
} regex_flags;

static wend_status read_flags(const wendi_call *call, uint32_t arg, uint32_t row, regex_flags *flags)
{
    *flags = (regex_flags){false, false};
    if (call->arg_count <= arg) {
        return WEND_OK;
    }
    wendi_string text = wendi_arg_string(call, arg, row);
    for (uint32_t i = 0; i < text.length; i++) {
        if (text.data[i] == 'i') {
            flags->ignore_case = true;
        } else if (text.data[i] == 'c') {
            flags->ignore_case = false;
        } else if (text.data[i] == 'g') {
            flags->global = true;
        } else {
            wend_status status = wendi_call_fail(call, "invalid regular expression option: \"%c\"", text.data[i]);
            wendi_error_hint(call->error, "options are g (all matches), i (ignore case) and c");
            return status;
        }
    }
    return WEND_OK;
}

static wend_status matches_regex(wendi_call *call, bool with_flags, bool ignore_case)
{
    wend_status status = WEND_OK;
    regex_flags flags = {ignore_case, false};
    const regex_t *regex = NULL;
    wendi_string pattern = {NULL, 0};

    WENDI_CALL_ROWS(call, row)
    {
        wendi_string here = wendi_arg_string(call, 1, row);
        regmatch_t match[1];
        if (with_flags) {
            WEND_TRY(read_flags(call, 2, row, &flags));
        }
        if (with_flags || regex == NULL || here.data != pattern.data || here.length != pattern.length) {
            WEND_TRY(wendi_pattern_compiled(call, here, flags.ignore_case, &regex));
            pattern = here;
        }
        call->out.i64[row] = search(regex, wendi_arg_string(call, 0, row), 0, match, 1);
    }
cleanup:
    return status;
}

static wend_status regex_case(wendi_call *call)
{
    return matches_regex(call, false, false);
}

static wend_status regex_no_case(wendi_call *call)
{
    return matches_regex(call, false, true);
}

static wend_status regexp_like(wendi_call *call)
{
    return matches_regex(call, true, false);
}

/** The part that matches, null when none does. */
static wend_status regexp_substr(wendi_call *call)
{
    wend_status status = WEND_OK;

    WENDI_CALL_ROWS(call, row)
    {
        wendi_string text = wendi_arg_string(call, 0, row);
        const regex_t *regex;
        regmatch_t match[1];
        WEND_TRY(wendi_pattern_compiled(call, wendi_arg_string(call, 1, row), false, &regex));
        if (search(regex, text, 0, match, 1)) {
            call->out.strings[row] = (wendi_string){text.data + match[0].rm_so, (uint32_t)(match[0].rm_eo - match[0].rm_so)};
        } else {
            call->out.strings[row] = (wendi_string){"", 0};
            call->nulls[row] = 1;
        }
    }
cleanup:
    return status;
}

/** Append the replacement: \1 … \9 are groups, \& the match, \\ a backslash. */
static wend_status append_replacement(wendi_buffer *out, wendi_string with, wendi_string text, const regmatch_t *matches)
{
    wend_status status = WEND_OK;

    for (uint32_t i = 0; i < with.length && status == WEND_OK; i++) {
        char c = with.data[i];
        char next = i + 1 < with.length ? with.data[i + 1] : '\0';
        int group = c != '\\' ? -1 : next == '&' ? 0 : next >= '1' && next <= '9' ? next - '0' : -1;
        if (group >= 0) {
            i++;
            if (matches[group].rm_so >= 0) {
                status = wendi_buffer_append(out, text.data + matches[group].rm_so,
                                             (size_t)(matches[group].rm_eo - matches[group].rm_so));
            }
            continue;
        }
        i += c == '\\' && next == '\\';
        status = wendi_buffer_append(out, &with.data[i], 1);
    }
    return status;
}

static wend_status replace_in(wendi_buffer *out, wendi_string text, const regex_t *regex, wendi_string with, bool global)
{
    wend_status status = WEND_OK;
    regmatch_t matches[10];
    uint32_t copied = 0;
    uint32_t from = 0;

    while (from <= text.length && search(regex, text, from, matches, 10)) {
        uint32_t start = (uint32_t)matches[0].rm_so;
        uint32_t end = (uint32_t)matches[0].rm_eo;
        WEND_TRY(wendi_buffer_append(out, text.data + copied, start - copied));
        WEND_TRY(append_replacement(out, with, text, matches));
        copied = end;
        from = end > start ? end : end + 1; /* an empty match must not be found again */
        if (!global) {
            break;
        }
    }
    WEND_TRY(wendi_buffer_append(out, text.data + copied, text.length - copied));
cleanup:
    return status;
}

static wend_status regexp_replace(wendi_call *call)
{
    wendi_buffer buffer = {.data = NULL};
    wend_status status = WEND_OK;

    WENDI_CALL_ROWS(call, row)
    {
        wendi_string text = wendi_arg_string(call, 0, row);
        const regex_t *regex;
        regex_flags flags;
        WEND_TRY(read_flags(call, 3, row, &flags));
        WEND_TRY(wendi_pattern_compiled(call, wendi_arg_string(call, 1, row), flags.ignore_case, &regex));
        buffer.length = 0;
        if (replace_in(&buffer, text, regex, wendi_arg_string(call, 2, row), flags.global) != WEND_OK) {
            status = wendi_fail_nomem(call->error, "a string", buffer.length);
            break;
        }
        WEND_TRY(wendi_call_string(call, row, buffer.data == NULL ? "" : (const char *)buffer.data, buffer.length));
    }
cleanup:
    wendi_buffer_free(&buffer);
    return status;
}

#define CHECKED(NAME, ARGS, RESULT, FLAGS, KERNEL, CHECK)                                          \
    {.name = NAME, .args = ARGS, .result = RESULT, .flags = FLAGS, .kernel = KERNEL, .check = CHECK}
const wendi_function wendi_pattern_functions[] = {
    CHECKED("~", "tt", "b", RAISES, regex_case, check_regex),
    CHECKED("~*", "tt", "b", RAISES, regex_no_case, check_regex),
    CHECKED("~~", "ttt?", "b", RAISES, like, NULL),
    CHECKED("~~*", "ttt?", "b", RAISES, ilike, NULL),
    CHECKED("regexp_like", "ttt?", "b", RAISES, regexp_like, check_regex),
    CHECKED("regexp_replace", "tttt?", "t", RAISES, regexp_replace, check_regex),
    CHECKED("regexp_substr", "tt", "t", RAISES | WENDI_FUNCTION_MAY_NULL, regexp_substr, check_regex),
    {.name = NULL}};
