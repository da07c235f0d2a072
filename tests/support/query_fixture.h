/** Tables for tests of queries: rows written as text, laid out in segments as the test wants it. */
#ifndef TEST_QUERY_FIXTURE_H
#define TEST_QUERY_FIXTURE_H

#include "query/query.h"

typedef struct query_fixture {
    char store[64]; /* a folder of its own under $TMPDIR or /tmp */
} query_fixture;

/** Make an empty store. */
void query_fixture_open(query_fixture *fixture);
/** Remove it with all in it. */
void query_fixture_close(query_fixture *fixture);
/**
 * Create the table of `ddl` and store rows of its columns' texts (NULL: null), row after row in
 * `cells`, at most `segment_rows` in one segment, `commit_segments` segments in one commit.
 */
void query_fixture_table(const query_fixture *fixture, const char *ddl, const char *const *cells,
                         uint32_t cell_count, uint32_t segment_rows, uint32_t commit_segments);
/**
 * Run `sql` with `thread_count` threads and give its rows as text into `out` (NUL-terminated):
 * values in PostgreSQL's form, '|' between them, '\n' behind each row, "∅" for null. A failure
 * gives "error: message".
 */
void query_fixture_run(const query_fixture *fixture, const char *sql, uint32_t thread_count,
                       wendi_buffer *out);

#endif
