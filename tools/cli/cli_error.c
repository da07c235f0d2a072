/*
 * Mistakes and faults as people see them: the message, the place in the text they wrote, what to
 * do, and the exit code. Standard output is flushed first, so that both streams read in order.
 *
 * Commands that write SQL from their options register which bytes came from which option; an error
 * that points there is shown under the option's own text, since that is what the user can mend.
 */
#define _XOPEN_SOURCE 700
#include <stdlib.h>
#include <string.h>

#include "tools/cli/result_print.h"

enum { SPANS_MAX = CLI_LIST_MAX + 32, SHOWN_BEFORE = 100, SHOWN_MAX = 160 };

static struct span {
    const char *option;
    size_t begin, end;
} spans[SPANS_MAX];
static size_t span_count;

void cli_span_add(const char *option, size_t begin, size_t end)
{
    if (span_count < SPANS_MAX) { /* beyond it, errors are shown in the SQL */
        spans[span_count++] = (struct span){option, begin, end};
    }
}

int cli_exit_code(const wend_error *error)
{
    switch (error->status) {
    case WEND_OK:
    case WEND_END:
        return EXIT_DONE;
    case WEND_INVALID:
    case WEND_UNSUPPORTED:
        return EXIT_USED_WRONGLY;
    case WEND_NOT_FOUND:
    case WEND_EXISTS: /* what a statement names wrongly is a mistake in it; a missing table or file
                         is not */
        return error->position >= 0 ? EXIT_USED_WRONGLY : EXIT_COULD_NOT;
    case WEND_CORRUPT:
        return EXIT_DAMAGED;
    default:
        return EXIT_COULD_NOT;
    }
}

static bool continues(char byte)
{
    return ((unsigned char)byte & 0xc0) == 0x80;
}

/* The line that holds `at` within [begin, end), with `prefix` before it and a caret under the
 * place. */
static void point(const char *prefix, const char *begin, const char *at, const char *end)
{
    const char *line = at;
    while (line > begin && line[-1] != '\n') {
        line--;
    }
    if (at - line > SHOWN_BEFORE) { /* long lines are cut before the place */
        line = at - SHOWN_BEFORE;
        while (continues(*line)) {
            line++;
        }
    }
    size_t length = 0;
    while (line + length < end && line[length] != '\n' && length < SHOWN_MAX) {
        length++;
    }
    while (length > 0 && line + length < end && continues(line[length])) {
        length--;
    }
    fprintf(stderr, "%s%.*s\n", prefix, (int)length, line);
    int width = cli_width((wendi_string){line, (uint32_t)(at - line)});
    fprintf(stderr, "%*s^\n", (int)strlen(prefix) + width, "");
}

static void point_in_sql(const char *sql, size_t position)
{
    char prefix[64];
    int line = 1;
    for (size_t i = 0; i < span_count; i++) {
        if (position >= spans[i].begin && position <= spans[i].end) {
            snprintf(prefix, sizeof prefix, "--%s ", spans[i].option);
            point(prefix, sql + spans[i].begin, sql + position, sql + spans[i].end);
            return;
        }
    }
    for (size_t i = 0; i < position; i++) {
        line += sql[i] == '\n';
    }
    snprintf(prefix, sizeof prefix, "LINE %d: ", line);
    point(prefix, sql, sql + position, sql + strlen(sql));
}

int cli_fail(const wend_error *error, const char *sql)
{
    fflush(stdout);
    fprintf(stderr, "wend: %s\n", error->message);
    if (sql != NULL && error->position >= 0 && (size_t)error->position <= strlen(sql)) {
        point_in_sql(sql, (size_t)error->position);
    }
    if (error->hint[0] != '\0') {
        fprintf(stderr, "hint: %s\n", error->hint);
    }
    return cli_exit_code(error);
}
