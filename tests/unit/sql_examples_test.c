/* Every block marked sql in docs/ is SQL that wend reads; what creates a table makes a schema. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/expr/table_ddl.h"
#include "engine/sql/sql.h"

static uint32_t blocks;

static void check_block(const char *file, const char *text, size_t length)
{
    wendi_arena arena = {0};
    wend_error error = {.message = ""};
    const wendi_sql_statement *statements = NULL;
    uint32_t count = 0;
    if (wendi_sql_parse(text, length, &arena, &statements, &count, &error) != WEND_OK) {
        fail_msg("%s: %s (byte %d) in\n%.*s", file, error.message, error.position, (int)length,
                 text);
    }
    for (uint32_t i = 0; i < count; i++) {
        wendi_schema *schema = NULL;
        if (statements[i].kind == WENDI_SQL_STATEMENT_CREATE_TABLE &&
            wendi_schema_from_statement(&statements[i], &schema, &error) != WEND_OK) {
            fail_msg("%s: %s (byte %d) in\n%.*s", file, error.message, error.position, (int)length,
                     text);
        }
        wendi_schema_free(schema);
    }
    assert_true(count > 0);
    wendi_arena_free(&arena);
    blocks++;
}

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char *text = calloc(1, 1u << 20);
    assert_true(fread(text, 1, (1u << 20) - 1, file) < (1u << 20) - 1);
    fclose(file);
    return text;
}

static void check_file(const char *path)
{
    char *text = read_file(path);
    for (char *at = text; (at = strstr(at, "```sql\n")) != NULL;) {
        char *begin = at + strlen("```sql\n");
        char *end = strstr(begin, "\n```");
        assert_non_null(end);
        check_block(path, begin, (size_t)(end - begin));
        at = end;
    }
    free(text);
}

static void examples_are_read(void **state)
{
    (void)state;
    const char *source = getenv("WEND_TEST_SOURCE");
    char folder[4096];
    snprintf(folder, sizeof folder, "%s/docs", source != NULL ? source : ".");
    DIR *docs = opendir(folder);
    assert_non_null(docs);
    for (struct dirent *entry; (entry = readdir(docs)) != NULL;) {
        char path[8192];
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (strlen(path) > 3 && strcmp(path + strlen(path) - 3, ".md") == 0) {
            check_file(path);
        }
    }
    closedir(docs);
    assert_true(blocks >= 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(examples_are_read)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
