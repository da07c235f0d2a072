/* Planning key files over the table's state and the window, which has the keys of all its commits.
 */
#include "engine/table/commit_keys.h"

#include <string.h>

#include "engine/table/table_sweep.h"

typedef struct retired_item {
    uint8_t uuid[WENDI_UUID_BYTES];
    int64_t dropped_us;
} retired_item;

/* The first file that the new one takes in, or the number of files. */
static uint32_t first_joined(const wendi_table_state *state, uint64_t new_keys)
{
    uint32_t first = state->key_file_count;
    uint64_t total = new_keys;
    while (new_keys > 0 && first > 0 && state->key_files[first - 1].key_count <= total &&
           state->key_files[first - 1].key_count < WENDI_KEY_FILE_FULL) {
        first--;
        total += state->key_files[first].key_count;
    }
    return first;
}

/* Files go whose last commit is older than the oldest that the window holds, and those joined. */
static wend_status list_dropped(const wendi_table_state *state, uint64_t oldest, uint32_t joined,
                                wendi_arena *arena, wendi_commit_keys *out, wend_error *error)
{
    out->dropped = wendi_arena_alloc(arena, ((size_t)state->key_file_count + 1) * WENDI_UUID_BYTES);
    if (out->dropped == NULL) {
        return wendi_fail_nomem(error, "a list of key files", state->key_file_count);
    }
    for (uint32_t i = 0; i < state->key_file_count; i++) {
        if (state->key_files[i].commit_last < oldest || i >= joined) {
            memcpy(out->dropped[out->dropped_count++], state->key_files[i].uuid, WENDI_UUID_BYTES);
        }
    }
    return WEND_OK;
}

/* The keys of the window's commits from `from` on, and of the new one, copied to the arena. */
static wend_status gather_runs(const wendi_unique_window *window, uint64_t from, uint64_t version,
                               uint64_t batch, wendi_arena *arena, wendi_key_run **runs_out,
                               uint32_t *count, wend_error *error)
{
    uint32_t commits = wendi_unique_window_commits(window);
    uint32_t first = commits;
    uint64_t total = wendi_unique_window_pending(window, batch);
    while (first > 0 && wendi_unique_window_at(window, first - 1).version >= from) {
        total += wendi_unique_window_at(window, --first).key_count;
    }
    wendi_key_run *runs = wendi_arena_alloc(arena, ((size_t)commits - first + 1) * sizeof *runs);
    wendi_hash128 *keys = wendi_arena_alloc(arena, total * sizeof *keys);
    if (runs == NULL || keys == NULL) {
        return wendi_fail_nomem(error, "a key file", total * sizeof *keys);
    }
    *runs_out = runs;
    for (*count = 0; first < commits; first++) {
        wendi_window_commit commit = wendi_unique_window_at(window, first);
        wendi_unique_window_copy(window, first, keys);
        runs[(*count)++] = (wendi_key_run){commit.version, keys, commit.key_count};
        keys += commit.key_count;
    }
    wendi_unique_window_copy_pending(window, batch, keys);
    runs[(*count)++] =
        (wendi_key_run){version, keys, wendi_unique_window_pending(window, batch)};
    return WEND_OK;
}

wend_status wendi_commit_keys_write(wendi_io *io, const char *folder,
                                    const wendi_table_state *state,
                                    const wendi_unique_window *window, pthread_mutex_t *lock,
                                    uint64_t version, uint64_t batch, wendi_arena *arena,
                                    wendi_commit_keys *out, wend_error *error)
{
    wendi_key_run *runs = NULL;
    uint32_t count = 0;
    wend_status status = WEND_OK;
    memset(out, 0, sizeof *out);
    pthread_mutex_lock(lock);
    uint64_t oldest = wendi_unique_window_oldest(window);
    uint64_t new_keys = wendi_unique_window_pending(window, batch);
    uint32_t joined = first_joined(state, new_keys);
    if (new_keys > 0) {
        uint64_t from =
            joined < state->key_file_count ? state->key_files[joined].commit_first : version;
        status = gather_runs(window, from, version, batch, arena, &runs, &count, error);
    }
    pthread_mutex_unlock(lock);
    WEND_TRY(status);
    WEND_TRY(list_dropped(state, oldest, joined, arena, out, error));
    if (count > 0) {
        WEND_TRY(wendi_key_file_write(io, folder, runs, count, &out->added, error));
        out->added_count = 1;
    }
cleanup:
    return status;
}

wend_status wendi_commit_keys_rebuild(wendi_io *io, const char *folder,
                                      const wendi_table_state *state, wendi_unique_window *window,
                                      wend_error *error)
{
    wendi_arena arena = {0};
    bool full = false;
    wend_status status = WEND_OK;
    for (uint32_t i = state->key_file_count; i > 0 && !full; i--) {
        wendi_key_run *runs = NULL;
        uint32_t count = 0;
        wendi_arena_reset(&arena);
        WEND_TRY(wendi_key_file_read(io, folder, &state->key_files[i - 1], &arena, &runs, &count,
                                     error));
        for (uint32_t k = count; k > 0 && !full; k--) {
            WEND_TRY(wendi_unique_window_prepend(window, runs[k - 1].commit, runs[k - 1].keys,
                                                 runs[k - 1].key_count, &full, error));
        }
    }
cleanup:
    wendi_arena_free(&arena);
    return status;
}

void wendi_retired_keys_add(wendi_retired_keys *retired, wendi_io *io, const char *folder,
                            const wendi_commit_keys *commit, int64_t now_us)
{
    size_t due = 0;
    for (uint32_t i = 0; i < commit->dropped_count; i++) {
        retired_item item = {.dropped_us = now_us};
        memcpy(item.uuid, commit->dropped[i], WENDI_UUID_BYTES);
        if (wendi_buffer_append(&retired->items, &item, sizeof item) != WEND_OK) {
            break;
        }
    }
    while (due < retired->items.length) { /* the oldest stand first */
        char path[WENDI_PATH_BYTES];
        retired_item item;
        wend_error ignored;
        memcpy(&item, retired->items.data + due, sizeof item);
        if (now_us - item.dropped_us < WENDI_SWEEP_GRACE_US) {
            break;
        }
        if (wendi_table_uuid_path(path, folder, "keys", item.uuid, ".keys", NULL) == WEND_OK) {
            (void)wendi_io_unlink(io, path, &ignored);
        }
        due += sizeof item;
    }
    if (due > 0) {
        retired->items.length -= due;
        memmove(retired->items.data, retired->items.data + due, retired->items.length);
    }
}

void wendi_retired_keys_free(wendi_retired_keys *retired)
{
    wendi_buffer_free(&retired->items);
}
