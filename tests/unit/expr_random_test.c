/**
 * Random expressions over random batches: the vectorised evaluator against a row-at-a-time
 * interpreter of the same tree, written here from SQL's rules alone. Columns come flat, constant and as
 * ordered and unordered dictionaries, with nulls, under random selections.
 *
 * An expression that fails for some selected row must fail as a whole, and for no other reason.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/expr/binder.h"
#include "engine/expr/evaluator.h"
#include "engine/sql/sql.h"

enum { ROWS_MAX = 300, INT_COLUMNS = 3, TEXT_COLUMNS = 2, BOOL_COLUMNS = 2, COLUMNS = 7, TEXTS = 12 };

typedef enum value_kind { INT, TEXT, BOOL } value_kind;
typedef enum operation {
    COLUMN, LITERAL, NULL_LITERAL, ADD, SUBTRACT, MULTIPLY, DIVIDE, MODULO, LENGTH, COMPARE, AND, OR, NOT, IS_NULL, IN, BETWEEN, LIKE,
    IS_TRUE, DISTINCT, CASE, COALESCE, LOWER, CONCAT, LEFT, GREATEST
} operation;

typedef struct node {
    operation op;
    value_kind kind;
    int column; /* slot */
    int64_t integer;
    const char *text; /* literal, pattern, or comparison operator */
    bool negated;
    int count;
    struct node *args[4];
} node;

typedef struct result {
    bool error;
    bool null;
    int64_t integer;
    char text[256];
} result;

static const char *const texts[TEXTS] = {"", "a", "b", "A", "ab", "aB", "abc", "Bc", "z", "é", "a%", "x_y"};
static uint64_t random_state;
static int64_t integers[INT_COLUMNS + BOOL_COLUMNS][ROWS_MAX]; /* the last ones are booleans */
static int text_of[TEXT_COLUMNS][ROWS_MAX];
static bool null_at[COLUMNS][ROWS_MAX];
static uint32_t row_count;

static uint32_t random_below(uint32_t limit)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((random_state >> 33) % limit);
}

static node *new_node(wendi_arena *arena, operation op, value_kind kind)
{
    node *made = wendi_arena_alloc_zero(arena, sizeof *made);
    assert_non_null(made);
    made->op = op;
    made->kind = kind;
    return made;
}

static node *grow(wendi_arena *arena, value_kind kind, int depth);

static node *with_args(wendi_arena *arena, operation op, value_kind kind, int count, const value_kind *kinds, int depth)
{
    node *made = new_node(arena, op, kind);
    made->count = count;
    for (int i = 0; i < count; i++) {
        made->args[i] = grow(arena, kinds[i], depth - 1);
    }
    return made;
}

static node *leaf(wendi_arena *arena, value_kind kind)
{
    uint32_t choice = random_below(10);
    node *made = new_node(arena, choice == 0 ? NULL_LITERAL : choice < 4 ? LITERAL : COLUMN, kind);

    made->column = kind == INT ? (int)random_below(INT_COLUMNS) : kind == TEXT ? INT_COLUMNS + (int)random_below(TEXT_COLUMNS)
                                                                               : INT_COLUMNS + TEXT_COLUMNS + (int)random_below(BOOL_COLUMNS);
    made->integer = kind == BOOL ? random_below(2) : (int64_t)random_below(7) - 3;
    made->text = texts[random_below(TEXTS)];
    if (kind == INT && random_below(40) == 0) {
        made->integer = INT64_C(9223372036854775000);
    }
    return made;
}

static node *grow_choice(wendi_arena *arena, value_kind kind, int depth)
{
    value_kind kinds[3] = {BOOL, kind, kind};
    value_kind same[3] = {kind, kind, kind};
    return random_below(2) ? with_args(arena, CASE, kind, 3, kinds, depth) : with_args(arena, COALESCE, kind, 2, same, depth);
}

static node *grow_boolean(wendi_arena *arena, int depth)
{
    static const char *const comparisons[] = {"=", "<>", "<", "<=", ">", ">="};
    static const char *const patterns[] = {"a%", "%b", "%b%", "_", "ab", "a\\%", "%"};
    value_kind any = random_below(2) ? INT : TEXT;
    value_kind operands[3] = {any, any, any};
    value_kind booleans[3] = {BOOL, BOOL, BOOL};
    node *made;

    switch (random_below(10)) {
    case 0:
    case 1:
        return with_args(arena, AND, BOOL, 2 + (int)random_below(2), booleans, depth);
    case 2:
        return with_args(arena, OR, BOOL, 2 + (int)random_below(2), booleans, depth);
    case 3:
        return with_args(arena, random_below(2) ? NOT : IS_TRUE, BOOL, 1, booleans, depth);
    case 4:
        made = with_args(arena, IS_NULL, BOOL, 1, operands, depth);
        break;
    case 5:
        made = with_args(arena, IN, BOOL, 1, operands, depth);
        for (made->count = 1; made->count < 4; made->count++) {
            made->args[made->count] = new_node(arena, random_below(8) == 0 ? NULL_LITERAL : LITERAL, any);
            made->args[made->count]->integer = random_below(5);
            made->args[made->count]->text = texts[random_below(TEXTS)];
        }
        break;
    case 6:
        made = with_args(arena, BETWEEN, BOOL, 3, operands, depth);
        break;
    case 7:
        operands[0] = TEXT;
        made = with_args(arena, LIKE, BOOL, 1, operands, depth);
        made->text = patterns[random_below(7)];
        break;
    case 8:
        made = with_args(arena, DISTINCT, BOOL, 2, operands, depth);
        break;
    default:
        made = with_args(arena, COMPARE, BOOL, 2, operands, depth);
        made->text = comparisons[random_below(6)];
        return made;
    }
    made->negated = random_below(3) == 0;
    return made;
}

static node *grow(wendi_arena *arena, value_kind kind, int depth)
{
    static const operation arithmetic[] = {ADD, SUBTRACT, MULTIPLY, DIVIDE, MODULO, GREATEST};
    value_kind integers_2[2] = {INT, INT};
    value_kind texts_2[2] = {TEXT, TEXT};
    value_kind text_int[2] = {TEXT, INT};

    if (depth <= 0 || random_below(6) == 0) {
        return leaf(arena, kind);
    }
    if (random_below(6) == 0) {
        return grow_choice(arena, kind, depth);
    }
    if (kind == BOOL) {
        return grow_boolean(arena, depth);
    }
    if (kind == INT) {
        return random_below(5) == 0 ? with_args(arena, LENGTH, INT, 1, texts_2, depth)
                                    : with_args(arena, arithmetic[random_below(6)], INT, 2, integers_2, depth);
    }
    uint32_t choice = random_below(3);
    return choice == 0   ? with_args(arena, LOWER, TEXT, 1, texts_2, depth)
           : choice == 1 ? with_args(arena, CONCAT, TEXT, 2, texts_2, depth)
                         : with_args(arena, LEFT, TEXT, 2, text_int, depth);
}

/* As SQL. */

static void print(const node *n, wendi_buffer *out);

static void print_list(const node *n, int from, const char *separator, wendi_buffer *out)
{
    for (int i = from; i < n->count; i++) {
        wendi_buffer_printf(out, "%s", i > from ? separator : "");
        print(n->args[i], out);
    }
}

static void print_call(const char *name, const node *n, wendi_buffer *out)
{
    wendi_buffer_printf(out, "%s(", name);
    print_list(n, 0, ", ", out);
    wendi_buffer_printf(out, ")");
}

static void print_infix(const char *name, const node *n, wendi_buffer *out)
{
    wendi_buffer_printf(out, "(");
    print_list(n, 0, name, out);
    wendi_buffer_printf(out, ")");
}

static void print_leaf(const node *n, wendi_buffer *out)
{
    static const char *const types[] = {"bigint", "text", "boolean"};

    if (n->op == COLUMN) {
        wendi_buffer_printf(out, "c%d", n->column);
    } else if (n->op == NULL_LITERAL) {
        wendi_buffer_printf(out, "null::%s", types[n->kind]);
    } else if (n->kind == INT) {
        wendi_buffer_printf(out, "(%lld)::bigint", (long long)n->integer);
    } else if (n->kind == BOOL) {
        wendi_buffer_printf(out, "%s", n->integer ? "true" : "false");
    } else {
        wendi_buffer_printf(out, "'%s'::text", n->text);
    }
}

static void print(const node *n, wendi_buffer *out)
{
    static const char *const infix[] = {[ADD] = " + ", [SUBTRACT] = " - ", [MULTIPLY] = " * ", [DIVIDE] = " / ", [MODULO] = " % ",
                                        [AND] = " and ", [OR] = " or ", [CONCAT] = " || "};
    static const char *const calls[] = {[LENGTH] = "length", [LOWER] = "lower", [LEFT] = "left", [COALESCE] = "coalesce", [GREATEST] = "greatest"};
    const char *not = n->negated ? "not " : "";

    switch (n->op) {
    case COLUMN:
    case LITERAL:
    case NULL_LITERAL:
        print_leaf(n, out);
        return;
    case LENGTH:
    case LOWER:
    case LEFT:
    case COALESCE:
    case GREATEST:
        print_call(calls[n->op], n, out);
        return;
    case COMPARE:
        print_infix(n->text, n, out);
        return;
    case CASE:
        wendi_buffer_printf(out, "case when ");
        print(n->args[0], out);
        wendi_buffer_printf(out, " then ");
        print(n->args[1], out);
        wendi_buffer_printf(out, " else ");
        print(n->args[2], out);
        wendi_buffer_printf(out, " end");
        return;
    case NOT:
        wendi_buffer_printf(out, "(not ");
        print(n->args[0], out);
        wendi_buffer_printf(out, ")");
        return;
    case IS_NULL:
    case IS_TRUE:
    case IN:
    case BETWEEN:
    case LIKE:
    case DISTINCT:
        wendi_buffer_printf(out, "(");
        print(n->args[0], out);
        if (n->op == IS_NULL || n->op == IS_TRUE) {
            wendi_buffer_printf(out, " is %s%s", not, n->op == IS_NULL ? "null" : "true");
        } else if (n->op == IN) {
            wendi_buffer_printf(out, " %sin (", not );
            print_list(n, 1, ", ", out);
            wendi_buffer_printf(out, ")");
        } else if (n->op == BETWEEN) {
            wendi_buffer_printf(out, " %sbetween ", not );
            print_list(n, 1, " and ", out);
        } else if (n->op == LIKE) {
            wendi_buffer_printf(out, " %slike '%s'", not, n->text);
        } else {
            wendi_buffer_printf(out, " is %sdistinct from ", not );
            print(n->args[1], out);
        }
        wendi_buffer_printf(out, ")");
        return;
    default:
        print_infix(infix[n->op], n, out);
    }
}

/* By the row. `filter`: only whether it is true matters, so AND stops at a null. */

static result interpret(const node *n, uint32_t row, bool filter);

static int order_of(const node *n, const result *a, const result *b)
{
    return n->args[0]->kind == TEXT ? strcmp(a->text, b->text) : (a->integer > b->integer) - (a->integer < b->integer);
}

static result truth(int value) /* -1: null */
{
    return (result){.null = value < 0, .integer = value > 0};
}

static result row_of_column(const node *n, uint32_t row)
{
    result r = {.null = null_at[n->column][row]};

    if (r.null) {
        return r;
    }
    if (n->kind == TEXT) {
        strcpy(r.text, texts[text_of[n->column - INT_COLUMNS][row]]);
    } else {
        r.integer = integers[n->kind == INT ? n->column : n->column - TEXT_COLUMNS][row];
    }
    return r;
}

static result row_of_and_or(const node *n, uint32_t row, bool filter)
{
    int64_t decides = n->op == OR;
    bool null = false;

    for (int i = 0; i < n->count; i++) {
        result r = interpret(n->args[i], row, filter);
        if (r.error || (!r.null && r.integer == decides)) {
            return r;
        }
        null |= r.null;
        if (null && filter && n->op == AND) {
            return truth(-1);
        }
    }
    return truth(null ? -1 : !decides);
}

static bool like_naive(const char *text, const char *pattern)
{
    if (*pattern == '\0') {
        return *text == '\0';
    }
    if (*pattern == '%') {
        return like_naive(text, pattern + 1) || (*text != '\0' && like_naive(text + 1, pattern));
    }
    if (*pattern == '_') {
        int size = (uint8_t)*text >= 0xc0 ? 2 : 1;
        return *text != '\0' && like_naive(text + size, pattern + 1);
    }
    pattern += *pattern == '\\';
    return *text == *pattern && like_naive(text + 1, pattern + 1);
}

static result row_of_test(const node *n, uint32_t row)
{
    result a = interpret(n->args[0], row, false);
    result b;
    bool null = false;

    if (a.error) {
        return a;
    }
    switch (n->op) {
    case IS_NULL:
        return truth(a.null != n->negated);
    case IS_TRUE:
        return truth((!a.null && a.integer) != n->negated);
    case LIKE:
        return truth(a.null ? -1 : like_naive(a.text, n->text) != n->negated);
    case IN:
        for (int i = 1; i < n->count; i++) {
            b = interpret(n->args[i], row, false);
            null |= b.null;
            if (!a.null && !b.null && order_of(n, &a, &b) == 0) {
                return truth(!n->negated);
            }
        }
        return truth(a.null || null ? -1 : n->negated);
    default:
        b = interpret(n->args[1], row, false);
        if (b.error) {
            return b;
        }
        if (n->op == DISTINCT) {
            return truth((a.null != b.null || (!a.null && order_of(n, &a, &b) != 0)) != n->negated);
        }
    }
    int order = order_of(n, &a, &b);
    bool holds = strcmp(n->text, "=") == 0    ? order == 0
                 : strcmp(n->text, "<>") == 0 ? order != 0
                 : strcmp(n->text, "<") == 0  ? order < 0
                 : strcmp(n->text, "<=") == 0 ? order <= 0
                 : strcmp(n->text, ">") == 0  ? order > 0
                                              : order >= 0;
    return truth(a.null || b.null ? -1 : holds);
}

static result row_of_between(const node *n, uint32_t row, bool filter)
{
    node low = {.op = COMPARE, .kind = BOOL, .text = n->negated ? "<" : ">=", .count = 2, .args = {n->args[0], n->args[1]}};
    node high = {.op = COMPARE, .kind = BOOL, .text = n->negated ? ">" : "<=", .count = 2, .args = {n->args[0], n->args[2]}};
    node both = {.op = n->negated ? OR : AND, .kind = BOOL, .count = 2, .args = {&low, &high}};
    return interpret(&both, row, filter);
}

static result row_of_integers(const node *n, const result *a, const result *b)
{
    result r = {.null = a->null || b->null};
    int64_t x = a->integer;
    int64_t y = b->integer;

    if (n->op == GREATEST) {
        return a->null ? *b : b->null ? *a : x > y ? *a : *b;
    }
    if (r.null) {
        return r;
    }
    if (n->op == DIVIDE || n->op == MODULO) {
        r.error = y == 0 || (n->op == DIVIDE && y == -1 && x == INT64_MIN);
        r.integer = r.error ? 0 : n->op == DIVIDE ? x / y : y == -1 ? 0 : x % y;
    } else {
        r.error = n->op == ADD        ? __builtin_add_overflow(x, y, &r.integer)
                  : n->op == SUBTRACT ? __builtin_sub_overflow(x, y, &r.integer)
                                      : __builtin_mul_overflow(x, y, &r.integer);
    }
    return r;
}

static int characters(const char *text)
{
    int count = 0;
    for (; *text != '\0'; text++) {
        count += ((uint8_t)*text & 0xc0) != 0x80;
    }
    return count;
}

static result row_of_text(const node *n, const result *a, const result *b)
{
    result r = {.null = a->null || (n->count > 1 && b->null)};

    if (r.null) {
        return r;
    }
    if (n->op == LENGTH) {
        r.integer = characters(a->text);
    } else if (n->op == LOWER) {
        for (size_t i = 0; a->text[i] != '\0'; i++) {
            r.text[i] = (char)(a->text[i] >= 'A' && a->text[i] <= 'Z' ? a->text[i] + 32 : a->text[i]);
        }
    } else if (n->op == CONCAT) {
        size_t length = strlen(a->text);
        assert_true(length + strlen(b->text) < sizeof r.text);
        strcpy(r.text, a->text);
        strcpy(r.text + length, b->text);
    } else {
        int64_t keep = b->integer >= 0 ? b->integer : characters(a->text) + b->integer;
        size_t at = 0;
        while (a->text[at] != '\0' && (keep > 0 || ((uint8_t)a->text[at] & 0xc0) == 0x80)) {
            keep -= ((uint8_t)a->text[at] & 0xc0) != 0x80;
            r.text[at] = a->text[at];
            at++;
        }
    }
    return r;
}

static result interpret(const node *n, uint32_t row, bool filter)
{
    result a = {.null = true};
    result b = {.null = true};

    switch (n->op) {
    case COLUMN:
        return row_of_column(n, row);
    case LITERAL:
        a = (result){.integer = n->integer};
        strcpy(a.text, n->kind == TEXT ? n->text : "");
        return a;
    case NULL_LITERAL:
        return a;
    case AND:
    case OR:
        return row_of_and_or(n, row, filter);
    case NOT:
        a = interpret(n->args[0], row, false);
        return a.error ? a : truth(a.null ? -1 : !a.integer);
    case CASE:
        a = interpret(n->args[0], row, true);
        return a.error ? a : interpret(n->args[!a.null && a.integer ? 1 : 2], row, false);
    case COALESCE:
        a = interpret(n->args[0], row, false);
        return a.error || !a.null ? a : interpret(n->args[1], row, false);
    case BETWEEN:
        return row_of_between(n, row, filter);
    case IS_NULL:
    case IS_TRUE:
    case IN:
    case LIKE:
    case DISTINCT:
    case COMPARE:
        return row_of_test(n, row);
    default:
        break;
    }
    a = interpret(n->args[0], row, false);
    if (a.error) {
        return a;
    }
    if (n->count > 1) {
        b = interpret(n->args[1], row, false);
        if (b.error) {
            return b;
        }
    }
    return n->op >= ADD && n->op <= MODULO ? row_of_integers(n, &a, &b) : n->op == GREATEST ? row_of_integers(n, &a, &b) : row_of_text(n, &a, &b);
}

/* Batches. */

static wendi_dictionary *random_dictionary(bool ordered, uint32_t *codes_of)
{
    int order[TEXTS];
    uint32_t *offsets = wendi_alloc_zero(TEXTS + 2, sizeof *offsets);
    char *bytes = wendi_alloc_zero(1, 256);
    uint32_t length = 0;

    for (int i = 0; i < TEXTS; i++) {
        order[i] = i;
    }
    for (int i = TEXTS - 1; i > 0; i--) {
        int j = (int)random_below((uint32_t)i + 1);
        int keep = order[i];
        order[i] = order[j];
        order[j] = keep;
    }
    for (int i = 0; ordered && i < TEXTS; i++) { /* a dozen: sorted by exchange */
        for (int j = i + 1; j < TEXTS; j++) {
            if (strcmp(texts[order[i]], texts[order[j]]) > 0) {
                int keep = order[i];
                order[i] = order[j];
                order[j] = keep;
            }
        }
    }
    for (int i = 0; i < TEXTS; i++) {
        offsets[i + 1] = length;
        memcpy(bytes + length, texts[order[i]], strlen(texts[order[i]]));
        length += (uint32_t)strlen(texts[order[i]]);
        codes_of[order[i]] = (uint32_t)i + 1;
    }
    offsets[TEXTS + 1] = length;
    wendi_dictionary *dictionary = wendi_dictionary_new(TEXTS + 1, offsets, bytes, ordered);
    assert_non_null(dictionary);
    return dictionary;
}

static void random_rows(void)
{
    row_count = 1 + random_below(ROWS_MAX);
    for (uint32_t row = 0; row < row_count; row++) {
        for (int c = 0; c < COLUMNS; c++) {
            null_at[c][row] = c % 2 == 1 && random_below(4) == 0;
        }
        for (int c = 0; c < INT_COLUMNS; c++) {
            integers[c][row] = c == 2 && random_below(200) == 0 ? INT64_MIN : (int64_t)random_below(9) - (c == 0 ? 0 : 4);
        }
        for (int c = 0; c < BOOL_COLUMNS; c++) {
            integers[INT_COLUMNS + c][row] = random_below(2);
        }
        for (int c = 0; c < TEXT_COLUMNS; c++) {
            text_of[c][row] = (int)random_below(TEXTS);
        }
    }
}

/** One value for all rows of a column, for CONSTANT form. */
static void make_same(int c)
{
    for (uint32_t row = 1; row < row_count; row++) {
        null_at[c][row] = null_at[c][0];
        if (c < INT_COLUMNS) {
            integers[c][row] = integers[c][0];
        } else if (c < INT_COLUMNS + TEXT_COLUMNS) {
            text_of[c - INT_COLUMNS][row] = text_of[c - INT_COLUMNS][0];
        } else {
            integers[c - TEXT_COLUMNS][row] = integers[c - TEXT_COLUMNS][0];
        }
    }
}

static void fill_vector(wendi_arena *arena, int c, wendi_vector *vector)
{
    static const wendi_type_kind kinds[COLUMNS] = {WENDI_TYPE_BIGINT, WENDI_TYPE_BIGINT, WENDI_TYPE_BIGINT, WENDI_TYPE_TEXT,
                                                   WENDI_TYPE_TEXT, WENDI_TYPE_BOOLEAN, WENDI_TYPE_BOOLEAN};
    bool text = kinds[c] == WENDI_TYPE_TEXT;
    uint32_t form = random_below(8);
    bool constant = form == 0;
    bool dictionary = text && form > 3;
    uint32_t codes_of[TEXTS];
    uint8_t *nulls = wendi_arena_alloc_zero(arena, row_count + 64);
    int64_t *values = wendi_arena_alloc_zero(arena, row_count * 16 + 64);
    wendi_string *strings = (wendi_string *)(void *)values;
    uint32_t *codes = (uint32_t *)(void *)values;
    bool any = false;

    *vector = (wendi_vector){.type = wendi_type_of(kinds[c]), .row_count = row_count, .data = values};
    vector->form = constant ? WENDI_FORM_CONSTANT : dictionary ? WENDI_FORM_DICTIONARY : WENDI_FORM_FLAT;
    if (constant) {
        make_same(c);
    }
    if (dictionary) {
        vector->dictionary = random_dictionary(form > 5, codes_of);
    }
    for (uint32_t row = 0; row < (constant ? 1 : row_count); row++) {
        bool null = null_at[c][row];
        any |= null;
        nulls[row] = null;
        if (dictionary) {
            codes[row] = null ? 0 : codes_of[text_of[c - INT_COLUMNS][row]];
        } else if (text) {
            strings[row] = null ? (wendi_string){"", 0} : wendi_string_of(texts[text_of[c - INT_COLUMNS][row]]);
        } else {
            values[row] = null ? 0 : integers[c < INT_COLUMNS ? c : c - TEXT_COLUMNS][row];
        }
    }
    vector->nulls = dictionary || !any ? NULL : nulls;
}

static wend_status resolve(void *context, wendi_string qualifier, wendi_string name, int32_t position, uint32_t *slot,
                           wendi_type *type, wend_error *error)
{
    const wendi_vector *columns = context;

    (void)qualifier;
    (void)position;
    (void)error;
    *slot = (uint32_t)(name.data[1] - '0');
    *type = columns[*slot].type;
    return WEND_OK;
}

static void check_values(const node *tree, const wendi_vector *out, const wendi_selection *rows, const char *sql)
{
    for (uint32_t k = 0; k < rows->count; k++) {
        uint32_t row = rows->indices == NULL ? k : rows->indices[k];
        result expected = interpret(tree, row, false);
        bool null = wendi_vector_is_null(out, row);
        bool same = null == expected.null;
        if (same && !null && tree->kind == TEXT) {
            same = wendi_string_equal(wendi_vector_string(out, row), wendi_string_of(expected.text));
        } else if (same && !null) {
            same = out->i64[wendi_vector_index(out, row)] == expected.integer;
        }
        if (same && null && out->form == WENDI_FORM_FLAT && tree->kind != TEXT) {
            same = out->i64[row] == 0; /* the value of a null row */
        }
        if (!same) {
            fail_msg("row %u of %s (null %d, expected null %d value %lld '%s')", row, sql, null, expected.null,
                     (long long)expected.integer, expected.text);
        }
    }
}

static void check_filter(wendi_evaluator *evaluator, const node *tree, const wendi_expr *bound, const wendi_batch *batch,
                         const wendi_selection *rows, const char *sql)
{
    uint32_t found[ROWS_MAX];
    uint32_t count = 0;
    uint32_t at = 0;
    bool may_fail = false;
    bool must_fail = false;
    wend_error error;
    wend_status status = wendi_evaluate_filter(evaluator, bound, batch, rows, found, &count, &error);

    for (uint32_t k = 0; k < rows->count; k++) {
        uint32_t row = rows->indices == NULL ? k : rows->indices[k];
        result strict = interpret(tree, row, false);
        result loose = interpret(tree, row, true);
        /* Between the two lie rows whose AND is null already: whether the rest runs is nobody's promise. */
        may_fail |= strict.error;
        must_fail |= loose.error;
        if (status == WEND_OK && !loose.error && !loose.null && loose.integer) {
            if (at >= count || found[at] != row) {
                fail_msg("filter misses row %u of %s", row, sql);
            }
            at++;
        }
    }
    if (status == WEND_OK ? must_fail : !may_fail) {
        fail_msg("filter: status %d, %s", status, sql);
    }
    if (status == WEND_OK && at != count) {
        fail_msg("filter has %u rows too many: %s", count - at, sql);
    }
}

static void run_once(wendi_evaluator *evaluator, wendi_arena *arena, uint64_t seed)
{
    wendi_session session = {wendi_timezone_utc(), 0};
    wendi_vector columns[COLUMNS];
    wendi_batch batch = {.column_count = COLUMNS, .columns = columns};
    wendi_scope scope = {.context = columns, .column = resolve, .session = &session};
    uint32_t indices[ROWS_MAX];
    wendi_selection rows = {NULL, 0};
    wendi_buffer sql = {.data = NULL};
    wend_error error = {.message = ""};
    const wendi_sql_expr *parsed;
    const wendi_expr *bound;
    wendi_vector out;

    random_state = seed * 2654435761u + 7;
    random_rows();
    batch.row_count = row_count;
    for (int c = 0; c < COLUMNS; c++) {
        fill_vector(arena, c, &columns[c]);
    }
    uint32_t density = random_below(4);
    for (uint32_t row = 0; row < row_count; row++) {
        if (random_below(3) < density) {
            indices[rows.count++] = row;
        }
    }
    rows = density == 3 ? (wendi_selection){NULL, row_count} : (wendi_selection){indices, rows.count};
    node *tree = grow(arena, (value_kind)random_below(3), 1 + (int)random_below(5));
    print(tree, &sql);
    assert_int_equal(wendi_buffer_append(&sql, "", 1), WEND_OK);
    const char *text = (const char *)sql.data;
    if (wendi_sql_parse_expression(text, strlen(text), arena, &parsed, &error) != WEND_OK ||
        wendi_bind(parsed, &scope, arena, &bound, &error) != WEND_OK) {
        fail_msg("%s: %s", text, error.message);
    }
    bool fails = false;
    for (uint32_t k = 0; k < rows.count; k++) {
        fails |= interpret(tree, rows.indices == NULL ? k : rows.indices[k], false).error;
    }
    for (int again = 0; again < 2; again++) { /* the second time by what was remembered */
        wend_status status = wendi_evaluate(evaluator, bound, &batch, &rows, &out, &error);
        if ((status != WEND_OK) != fails) {
            fail_msg("seed %llu: %s %s: %s", (unsigned long long)seed, text, fails ? "must fail" : "fails", error.message);
        }
        if (status == WEND_OK) {
            check_values(tree, &out, &rows, text);
        }
        if (tree->kind == BOOL) {
            check_filter(evaluator, tree, bound, &batch, &rows, text);
        }
        wendi_evaluator_reset(evaluator);
    }
    wendi_evaluator_forget(evaluator);
    for (int c = 0; c < COLUMNS; c++) {
        wendi_dictionary_release(columns[c].dictionary);
    }
    wendi_buffer_free(&sql);
    wendi_arena_reset(arena);
}

static void test_random_expressions(void **state)
{
    const char *more = getenv("WEND_TEST_ROUNDS");
    uint64_t rounds = more == NULL ? 20000 : strtoull(more, NULL, 10);
    wendi_arena arena = {.blocks = NULL};
    wendi_evaluator *evaluator;

    (void)state;
    assert_int_equal(wendi_evaluator_open(&evaluator, NULL), WEND_OK);
    for (uint64_t seed = 1; seed <= rounds; seed++) {
        run_once(evaluator, &arena, seed);
    }
    wendi_evaluator_close(evaluator);
    wendi_arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_expressions)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
