/* The tokens of a text as the library's own scanner cuts them, with their brackets paired: the
   source of every span, and the guard that keeps deep nesting away from recursive code. */
#include "engine/sql/reader.h"

#include <ctype.h>

#include "engine/base/alloc.h"

static void *protobuf_alloc(void *context, size_t bytes)
{
    (void)context;
    return wendi_alloc(bytes);
}

static void protobuf_free(void *context, void *memory)
{
    (void)context;
    wendi_free(memory);
}

ProtobufCAllocator wendi_sql_allocator(void)
{
    return (ProtobufCAllocator){protobuf_alloc, protobuf_free, NULL};
}

static bool equal_ignoring_case(const char *text, size_t length, const char *lower)
{
    for (size_t i = 0; i < length; i++) {
        if (lower[i] == '\0' || tolower((unsigned char)text[i]) != lower[i]) {
            return false;
        }
    }
    return lower[length] == '\0';
}

bool wendi_sql_token_is(const wendi_sql_reader *reader, int32_t index, const char *lower)
{
    if (index < 0 || index >= reader->token_count) {
        return false;
    }
    const wendi_sql_token *token = &reader->tokens[index];
    return equal_ignoring_case(reader->text + token->start, (size_t)(token->end - token->start),
                               lower);
}

/* A bracket's kind: positive opens, the same negative closes. */
static int bracket_of(const wendi_sql_reader *reader, int32_t index)
{
    static const struct {
        const char *word;
        int kind;
    } brackets[] = {{"(", 1}, {")", -1}, {"[", 2}, {"]", -2}, {"case", 3}, {"end", -3}};
    for (size_t i = 0; i < sizeof brackets / sizeof brackets[0]; i++) {
        if (wendi_sql_token_is(reader, index, brackets[i].word)) {
            return brackets[i].kind;
        }
    }
    return 0;
}

/* Tokens that put their operand one level deeper in the tree without any bracket. */
static bool deepens(const wendi_sql_reader *reader, int32_t index)
{
    static const char *const words[] = {
        "not",    "union",   "intersect", "except", "join",    "collate", "is",      "at",
        "isnull", "notnull", "like",      "ilike",  "similar", "in",      "between", "operator"};
    const wendi_sql_token *token = &reader->tokens[index];
    if (!token->keyword) {
        return strchr("+-*/<>=~!@#%^&|`?:", reader->text[token->start]) != NULL;
    }
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (wendi_sql_token_is(reader, index, words[i])) {
            return true;
        }
    }
    return false;
}

/* What separates items of one level: chains do not go across. */
static bool separates(const wendi_sql_reader *reader, int32_t index)
{
    static const char *const words[] = {",",    ";",    "and",   "or", "when",  "then",
                                        "else", "from", "where", "by", "having"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (wendi_sql_token_is(reader, index, words[i])) {
            return true;
        }
    }
    return false;
}

/* One open bracket and what stands directly in it. A tree's height there is at most that of its
   highest item plus the clauses that join items. */
typedef struct level {
    int32_t open; /* token of the bracket, NO_TOKEN at the bottom */
    int kind;
    uint32_t depth_above; /* levels of the tree that are certainly above this bracket */
    uint32_t clauses;     /* UNIONs and JOINs, which no separator ends */
    uint32_t chain;       /* deepening tokens of the item since its separator */
    uint32_t inner;       /* the highest bracket closed in the item */
    uint32_t highest;     /* of the items before */
} level;

static uint32_t height_of(const level *now)
{
    uint32_t item = now->chain + now->inner;
    return now->clauses + (item > now->highest ? item : now->highest);
}

static void count_token(const wendi_sql_reader *reader, int32_t index, level *now)
{
    if (wendi_sql_token_is(reader, index, ";")) {
        *now = (level){.open = now->open, .kind = now->kind, .depth_above = now->depth_above};
    } else if (wendi_sql_token_is(reader, index, "union") ||
               wendi_sql_token_is(reader, index, "except") ||
               wendi_sql_token_is(reader, index, "intersect") ||
               wendi_sql_token_is(reader, index, "join")) {
        now->clauses++;
    } else if (separates(reader, index)) {
        uint32_t item = now->chain + now->inner;
        now->highest = item > now->highest ? item : now->highest;
        now->chain = 0;
        now->inner = 0;
    } else if (deepens(reader, index)) {
        now->chain++;
    }
}

static wend_status refuse_depth(wendi_sql_reader *reader, int32_t position)
{
    wendi_fail_at(reader->error, WEND_INVALID, wendi_sql_place(reader, position),
                  "nested too deeply: at most %d levels", WENDI_SQL_DEPTH_MAX);
    wendi_error_hint(reader->error,
                     "split the expression; a list of values is shorter as x IN (…)");
    return WEND_INVALID;
}

/*
 * Pair the brackets and bound the height of any tree these tokens can make. The library recurses
 * without such a bound when it hands its tree over, so the bound comes before it parses.
 */
static wend_status pair_brackets(wendi_sql_reader *reader, level *levels)
{
    int32_t top = 0;
    levels[0] = (level){.open = WENDI_SQL_NO_TOKEN};
    for (int32_t i = 0; i < reader->token_count; i++) {
        wendi_sql_token *token = &reader->tokens[i];
        level *now = &levels[top];
        int bracket = bracket_of(reader, i);
        token->match = WENDI_SQL_NO_TOKEN;
        token->parent = now->open;
        if (bracket < 0 && top > 0 && now->kind == -bracket) {
            uint32_t height = height_of(now) + 1;
            token->match = now->open;
            reader->tokens[now->open].match = i;
            now = &levels[--top];
            token->parent = now->open;
            now->inner = height > now->inner ? height : now->inner;
        } else if (bracket == 0) {
            count_token(reader, i, now);
        }
        if (now->depth_above + height_of(now) > WENDI_SQL_TOKEN_DEPTH_MAX) {
            return refuse_depth(reader, token->start);
        }
        if (bracket > 0) {
            uint32_t above = now->depth_above + now->clauses + now->chain + 1;
            levels[++top] = (level){.open = i, .kind = bracket, .depth_above = above};
        }
    }
    return WEND_OK;
}

/* The bytes of the name that a token is, 0 when it is no name. The library would cut longer ones in
 * silence. */
static int32_t name_bytes(const char *text, int32_t length)
{
    int32_t bytes = 0;
    bool quoted =
        text[0] == '"' || (length > 2 && (text[0] | 32) == 'u' && text[1] == '&' && text[2] == '"');
    if (!quoted && !isalpha((unsigned char)text[0]) && text[0] != '_' &&
        (unsigned char)text[0] < 0x80) {
        return 0;
    }
    for (int32_t i = 0; i < length; i++) {
        if (text[i] == '\'') {
            return 0; /* E'…' and its kin begin with a letter too */
        }
        bytes += text[i] != '"';
    }
    return quoted && text[0] != '"' ? bytes - 2 : bytes;
}

static wend_status check_name(const wendi_sql_reader *reader, const wendi_sql_token *token)
{
    if (name_bytes(reader->text + token->start, token->end - token->start) <=
        WENDI_SQL_NAME_BYTES_MAX) {
        return WEND_OK;
    }
    wendi_fail_at(reader->error, WEND_INVALID, wendi_sql_place(reader, token->start),
                  "this name has more than %d bytes", WENDI_SQL_NAME_BYTES_MAX);
    wendi_error_hint(
        reader->error,
        "choose a shorter one; a column's place in the JSON can stand in OPTIONS (path '…')");
    return WEND_INVALID;
}

/* Where a string whose last quote is before `at` goes on, in another line, with nothing but blanks
 * and comments between; -1: it does not. */
static int32_t continuation(const char *text, int32_t at)
{
    bool another_line = false;
    for (;;) {
        if (text[at] == '-' && text[at + 1] == '-') {
            at += (int32_t)strcspn(text + at, "\n\r");
        } else if (text[at] != '\0' && strchr(" \t\n\r\f\v", text[at]) != NULL) {
            another_line = another_line || text[at] == '\n' || text[at] == '\r';
            at++;
        } else {
            return another_line && text[at] == '\'' ? at : -1;
        }
    }
}

/* One behind the quote that ends what is quoted from `at` on; doubled it is a character. */
static int32_t quoted_end(const char *text, int32_t at, char quote)
{
    for (; text[at] != '\0'; at++) {
        if (text[at] == quote && text[++at] != quote) {
            break;
        }
    }
    return at;
}

/* Of U&'…' and U&"…" the library's scanner gives a wrong end: they end at their own quote, strings
 * at that of their last line. */
static int32_t token_end(const wendi_sql_reader *reader, const PgQuery__ScanToken *token)
{
    const char *text = reader->text;
    int32_t at = token->start;
    if ((text[at] | 32) != 'u' || text[at + 1] != '&' ||
        (text[at + 2] != '\'' && text[at + 2] != '"')) {
        return token->end;
    }
    const char quote = text[at + 2];
    int32_t next = at + 2;
    do {
        at = quoted_end(text, next + 1, quote);
        next = quote == '\'' ? continuation(text, at) : -1;
    } while (next >= 0);
    return at;
}

static wend_status read_tokens(wendi_sql_reader *reader, const PgQuery__ScanResult *scan)
{
    level levels[WENDI_SQL_TOKEN_DEPTH_MAX + 2]; /* every open bracket is a level of depth */
    int32_t count = 0;
    WENDI_SQL_PASS(
        wendi_sql_memory(reader, scan->n_tokens, sizeof *reader->tokens, &reader->tokens));
    for (size_t i = 0; i < scan->n_tokens; i++) {
        const PgQuery__ScanToken *token = scan->tokens[i];
        const char *text = reader->text + token->start;
        if (strncmp(text, "--", 2) == 0 || strncmp(text, "/*", 2) == 0) {
            continue; /* comments come as tokens too */
        }
        reader->tokens[count++] = (wendi_sql_token){
            .start = token->start,
            .end = token_end(reader, token),
            .keyword = token->keyword_kind != PG_QUERY__KEYWORD_KIND__NO_KEYWORD,
            .reserved = token->keyword_kind == PG_QUERY__KEYWORD_KIND__RESERVED_KEYWORD ||
                        token->keyword_kind == PG_QUERY__KEYWORD_KIND__TYPE_FUNC_NAME_KEYWORD,
        };
        WENDI_SQL_PASS(check_name(reader, &reader->tokens[count - 1]));
    }
    reader->token_count = count;
    return pair_brackets(reader, levels);
}

wend_status wendi_sql_tokenize(wendi_sql_reader *reader)
{
    ProtobufCAllocator allocator = wendi_sql_allocator();
    wend_status status = WEND_OK;
    PgQuery__ScanResult *scan = NULL;
    PgQueryScanResult result = pg_query_scan(reader->text);

    if (result.error != NULL) {
        status = wendi_sql_syntax_error(reader, result.error);
        goto cleanup;
    }
    scan = pg_query__scan_result__unpack(&allocator, result.pbuf.len,
                                         (const uint8_t *)result.pbuf.data);
    if (scan == NULL) {
        status = wendi_fail_nomem(reader->error, "the tokens of an SQL text", result.pbuf.len);
        goto cleanup;
    }
    status = read_tokens(reader, scan);
cleanup:
    if (scan != NULL) {
        pg_query__scan_result__free_unpacked(scan, &allocator);
    }
    pg_query_free_scan_result(result);
    return status;
}

int32_t wendi_sql_token_at(const wendi_sql_reader *reader, int32_t position)
{
    int32_t low = 0;
    int32_t high = reader->token_count;
    while (low < high) {
        int32_t middle = low + (high - low) / 2;
        if (reader->tokens[middle].end <= position) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return position < 0 || low == reader->token_count ? WENDI_SQL_NO_TOKEN : low;
}

int32_t wendi_sql_token_skip(const wendi_sql_reader *reader, int32_t index)
{
    if (index >= 0 && index < reader->token_count && reader->tokens[index].match > index) {
        return reader->tokens[index].match + 1;
    }
    return index + 1;
}

wendi_sql_span wendi_sql_token_span(const wendi_sql_reader *reader, int32_t first, int32_t last)
{
    if (first < 0 || last < first || last >= reader->token_count) {
        return (wendi_sql_span){-1, -1};
    }
    for (int32_t i = first; i <= last; i++) {
        int32_t match = reader->tokens[i].match;
        if (match == WENDI_SQL_NO_TOKEN) {
            continue;
        }
        last = match > last ? match : last;
        if (match < first) {
            first = match;
        }
    }
    return (wendi_sql_span){wendi_sql_place(reader, reader->tokens[first].start),
                            wendi_sql_place(reader, reader->tokens[last].end)};
}

void wendi_sql_span_tokens(const wendi_sql_reader *reader, wendi_sql_span span, int32_t *first,
                           int32_t *last)
{
    *first = WENDI_SQL_NO_TOKEN;
    *last = WENDI_SQL_NO_TOKEN;
    if (span.start >= 0 && span.end > span.start) {
        *first = wendi_sql_token_at(reader, span.start + reader->shift);
        *last = wendi_sql_token_at(reader, span.end - 1 + reader->shift);
    }
}

wendi_sql_span wendi_sql_span_union(wendi_sql_span a, wendi_sql_span b)
{
    if (a.start < 0) {
        return b;
    }
    if (b.start < 0) {
        return a;
    }
    return (wendi_sql_span){a.start < b.start ? a.start : b.start, a.end > b.end ? a.end : b.end};
}

int32_t wendi_sql_place(const wendi_sql_reader *reader, int32_t location)
{
    return location < reader->shift ? -1 : location - reader->shift;
}

bool wendi_sql_is_free_word(const char *word, bool function)
{
    ProtobufCAllocator allocator = wendi_sql_allocator();
    PgQueryScanResult result = pg_query_scan(word);
    PgQuery__ScanResult *scan = NULL;
    bool free_word = false;
    if (result.error == NULL) {
        scan = pg_query__scan_result__unpack(&allocator, result.pbuf.len,
                                             (const uint8_t *)result.pbuf.data);
    }
    if (scan != NULL && scan->n_tokens == 1) {
        PgQuery__KeywordKind kind = scan->tokens[0]->keyword_kind;
        free_word = kind == PG_QUERY__KEYWORD_KIND__NO_KEYWORD ||
                    kind == PG_QUERY__KEYWORD_KIND__UNRESERVED_KEYWORD ||
                    (function && kind == PG_QUERY__KEYWORD_KIND__TYPE_FUNC_NAME_KEYWORD);
    }
    if (scan != NULL) {
        pg_query__scan_result__free_unpacked(scan, &allocator);
    }
    pg_query_free_scan_result(result);
    return free_word;
}
