/*
 * A whole program with libwend: create a table, append three events, ask a question.
 *     cc example.c $(pkg-config --cflags --libs wend) -o example && ./example /tmp/store
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <wend/wend.h>

static const char ddl[] =
    "CREATE TABLE events (user_id text, ts timestamptz NOT NULL, event_type text, price "
    "numeric(12,2))"
    " WITH (user_column = 'user_id', time_column = 'ts', event_column = 'event_type')";
static const char lines[] =
    "{\"user_id\":\"ann\",\"ts\":\"2025-01-31T10:00:00Z\",\"event_type\":\"view\"}\n"
    "{\"user_id\":\"bob\",\"ts\":\"2025-01-31T10:01:00Z\",\"event_type\":\"view\"}\n"
    "{\"user_id\":\"ann\",\"ts\":\"2025-01-31T10:02:00Z\",\"event_type\":\"buy\",\"price\":9.5}\n";
static const char sql[] = "SELECT user_id || ' did ' || event_type AS what, count(*) AS times FROM "
                          "events GROUP BY 1 ORDER BY 1";

static int failed(const wend_error *error)
{
    fprintf(stderr, "%s: %s %s\n", wend_status_name(error->status), error->message, error->hint);
    return 1;
}

static void print_batch(const struct ArrowArray *batch)
{
    const int32_t *offsets = batch->children[0]->buffers[1]; /* what: utf8 */
    const char *text = batch->children[0]->buffers[2];
    const int64_t *times = batch->children[1]->buffers[1]; /* times: int64 */
    for (int64_t row = 0; row < batch->length; row++) {
        printf("%.*s: %" PRId64 "\n", (int)(offsets[row + 1] - offsets[row]), text + offsets[row],
               times[row]);
    }
}

int main(int argc, char **argv)
{
    wend_error error;
    wend_store *store = NULL;
    wend_writer *writer = NULL;
    wend_query *query = NULL;
    struct ArrowArrayStream stream = {0};
    struct ArrowArray batch;

    if (wend_store_open(argc > 1 ? argv[1] : "store", true, &store, &error) != WEND_OK ||
        wend_create_table(store, ddl, true, &error) != WEND_OK ||
        wend_writer_open(store, "events", "example", &writer, &error) != WEND_OK) {
        return failed(&error);
    }
    if (wend_writer_position(writer) ==
        0) { /* Our source has three events: a second run finds them stored. */
        if (wend_writer_append_json(writer, lines, strlen(lines), &error) != WEND_OK ||
            wend_writer_commit(writer, 3, &error) != WEND_OK) {
            return failed(&error);
        }
    }
    wend_writer_close(writer);
    if (wend_query_open(store, sql, NULL, &query, &error) != WEND_OK ||
        wend_query_stream(query, &stream, &error) != WEND_OK) {
        return failed(&error);
    }
    while (stream.get_next(&stream, &batch) == 0 && batch.release != NULL) {
        print_batch(&batch);
        batch.release(&batch);
    }
    int code = wend_query_error(query)->status == WEND_OK ? 0 : failed(wend_query_error(query));
    stream.release(&stream);
    wend_query_close(query);
    wend_store_close(store);
    return code;
}
