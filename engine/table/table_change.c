/*
 * Doing it oneself or asking the writer. The lock decides: who gets it may write; who does not,
 * leaves a request and watches both the answer and the lock, since the writer may die first.
 */
#include "engine/table/table_change.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "engine/table/requests.h"
#include "engine/table/table_handle.h"
#include "engine/table/writer.h"

enum { POLL_MS = 20 };

static wend_status alter_here(wendi_table *table, const char *sql, wend_error *error)
{
    wendi_table_writer *writer = NULL;
    wend_status status = wendi_table_writer_open(table, NULL, &writer, error);
    if (status == WEND_OK) {
        status = wendi_table_writer_alter(writer, wendi_string_of(sql), error);
    }
    wendi_table_writer_close(writer);
    return status;
}

/* Wait for the answer to a request. WEND_END: nobody holds the lock any more and the request was
 * taken back. */
static wend_status await(wendi_table *table, wendi_string name, wend_error *error)
{
    char lock_path[WENDI_PATH_BYTES];
    wend_status status = wendi_table_path(lock_path, table->folder, "LOCK", "", error);
    while (status == WEND_OK) {
        bool answered;
        bool held = true;
        char note[256];
        wend_status outcome = WEND_OK;
        wend_error why;
        status = wendi_io_lock_holder(table->io, lock_path, &held, note, sizeof note, error);
        if (status == WEND_OK) { /* the lock first: an answer may come just before it falls */
            status = wendi_request_collect(table->io, table->folder, name, &answered, &outcome,
                                           &why, error);
        }
        if (status == WEND_OK && answered) {
            if (outcome != WEND_OK && error != NULL) {
                *error = why;
            }
            return outcome;
        }
        if (status == WEND_OK && !held &&
            wendi_request_withdraw(table->io, table->folder, name, NULL) == WEND_OK) {
            return WEND_END;
        }
        struct timespec pause = {0, POLL_MS * 1000000L};
        nanosleep(&pause, NULL);
    }
    return status;
}

wend_status wendi_table_alter(wendi_table *table, const char *sql, bool wait, char request_name[64],
                              wend_error *error)
{
    wendi_arena arena = {0};
    wend_status status;
    request_name[0] = '\0';
    do {
        wendi_string name;
        status = alter_here(table, sql, error);
        if (status != WEND_BUSY) {
            break;
        }
        status = wendi_request_leave(table->io, table->folder, "alter", sql, &arena, &name, error);
        if (status == WEND_OK && !wait) {
            snprintf(request_name, 64, "%s", name.data);
            break;
        }
        if (status == WEND_OK) {
            status = await(table, name, error);
        }
    } while (status == WEND_END);
    wendi_arena_free(&arena);
    return status;
}
