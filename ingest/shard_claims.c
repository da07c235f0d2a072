/*
 * Claims as lock files, membership as a file in each table: see shard_claims.h.
 *
 * Invariants: a claim is taken before any log is read for its partition's position, and every
 * commit of messages of the partition is done under it; so the greatest position found is the last
 * one there is.
 */
#include "ingest/shard_claims.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/alloc.h"

enum { PATH_BYTES = 4096, NAME_BYTES = 256, GROUP_BYTES_MAX = 120 };
static const char claims_folder[] = ".claims";
static const char group_file[] = "GROUP";

struct wendi_shard_claims {
    wendi_io *io;
    char *store;
    char *table;
    char *group;
    char folder[PATH_BYTES]; /* of this group's claims */
    wendi_kafka_shards calls;
};

/* ---- names ------------------------------------------------------------------------------------
 */

static wend_status check_group_name(const char *group, wend_error *error)
{
    size_t length = strlen(group);
    bool good = length > 0 && length <= GROUP_BYTES_MAX && group[0] != '.';
    for (size_t i = 0; i < length && good; i++) {
        good = isalnum((unsigned char)group[i]) || strchr("._-", group[i]) != NULL;
    }
    if (!good) {
        wendi_fail(error, WEND_INVALID, "\"%.128s\" cannot be the name of a group of shards",
                   group);
        wendi_error_hint(error,
                         "use at most %d letters, digits, '.', '_' and '-', not beginning with '.'",
                         GROUP_BYTES_MAX);
        return WEND_INVALID;
    }
    return WEND_OK;
}

static wend_status make_path(char path[PATH_BYTES], const char *folder, const char *name,
                             wend_error *error)
{
    int length = snprintf(path, PATH_BYTES, "%s/%s", folder, name);
    return length < PATH_BYTES
               ? WEND_OK
               : wendi_fail(error, WEND_INVALID, "the path %s/%s is too long", folder, name);
}

static wend_status group_path(char path[PATH_BYTES], const char *store, const char *table,
                              const char *name, wend_error *error)
{
    int length = snprintf(path, PATH_BYTES, "%s/%s/%s", store, table, name);
    return length < PATH_BYTES
               ? WEND_OK
               : wendi_fail(error, WEND_INVALID, "the path %s/%s is too long", store, table);
}

/* ---- which group a table belongs to ------------------------------------------------------------
 */

/* `group` is "" when the table belongs to none. */
static wend_status read_group(wendi_io *io, const char *store, const char *table,
                              char group[NAME_BYTES], wend_error *error)
{
    char path[PATH_BYTES];
    wendi_buffer text = {0};
    wend_status status = WEND_OK;
    group[0] = 0;
    WEND_TRY(group_path(path, store, table, group_file, error));
    status = wendi_io_read_file(io, path, NAME_BYTES - 1, &text, error);
    if (status == WEND_NOT_FOUND) {
        status = WEND_OK;
        goto cleanup;
    }
    WEND_TRY(status);
    if (text.length < 2 || text.data[text.length - 1] != '\n') {
        status = wendi_fail(error, WEND_CORRUPT, "%s does not hold the name of a group", path);
        goto cleanup;
    }
    memcpy(group, text.data, text.length - 1);
    group[text.length - 1] = 0;
    status = check_group_name(group, error);
    if (status != WEND_OK) {
        wendi_error_context(error, "%s", path);
        status = WEND_CORRUPT;
    }
cleanup:
    wendi_buffer_free(&text);
    return status;
}

static wend_status write_group(const wendi_shard_claims *claims, wend_error *error)
{
    char path[PATH_BYTES];
    char fresh[PATH_BYTES];
    char line[NAME_BYTES];
    char name[NAME_BYTES];
    char folder[PATH_BYTES];
    wend_status status = WEND_OK;
    wend_error ignored;
    snprintf(name, sizeof name, "%s.new", group_file);
    WEND_TRY(group_path(path, claims->store, claims->table, group_file, error));
    WEND_TRY(group_path(fresh, claims->store, claims->table, name, error));
    WEND_TRY(make_path(folder, claims->store, claims->table, error));
    (void)!wendi_io_unlink(claims->io, fresh, &ignored); /* of a process that was killed here */
    int length = snprintf(line, sizeof line, "%s\n", claims->group);
    WEND_TRY(wendi_io_write_file(claims->io, fresh, line, (size_t)length, error));
    WEND_TRY(wendi_io_rename_new(claims->io, fresh, path, error));
    WEND_TRY(wendi_io_sync_folder(claims->io, folder, error));
cleanup:
    return status;
}

static wend_status enter_group(const wendi_shard_claims *claims, wend_error *error)
{
    char group[NAME_BYTES];
    wend_status status = read_group(claims->io, claims->store, claims->table, group, error);
    if (status != WEND_OK || strcmp(group, claims->group) == 0) {
        return status;
    }
    if (group[0] != 0) {
        wendi_fail(error, WEND_CONFLICT, "the table %s is a shard of the group %s, not of %s",
                   claims->table, group, claims->group);
        wendi_error_hint(error, "each group needs tables of its own");
        return WEND_CONFLICT;
    }
    return write_group(claims, error);
}

wend_status wendi_shard_claims_leave(const char *store, const char *table, wend_error *error)
{
    char path[PATH_BYTES];
    wendi_io *io = NULL;
    wend_status status = WEND_OK;
    WEND_TRY(group_path(path, store, table, group_file, error));
    WEND_TRY(wendi_io_open(NULL, &io, error));
    status = wendi_io_unlink(io, path, error);
    status = status == WEND_NOT_FOUND ? WEND_OK : status;
cleanup:
    wendi_io_close(io);
    return status;
}

wend_status wendi_shard_claims_check_alone(const char *store, const char *table, wend_error *error)
{
    char group[NAME_BYTES];
    wendi_io *io = NULL;
    wend_status status = WEND_OK;
    WEND_TRY(wendi_io_open(NULL, &io, error));
    WEND_TRY(read_group(io, store, table, group, error));
    if (group[0] != 0) {
        status = wendi_fail(error, WEND_CONFLICT,
                            "the table %s is a shard of the group %s: read without it, it would "
                            "repeat what other shards have",
                            table, group);
        wendi_error_hint(error, "--group %s", group);
    }
cleanup:
    wendi_io_close(io);
    return status;
}

/* ---- claims ------------------------------------------------------------------------------------
 */

static wend_status claim(void *context, const char *topic, int32_t partition, void **claim_out,
                         wend_error *error)
{
    wendi_shard_claims *claims = context;
    char name[300];
    char path[PATH_BYTES];
    wendi_io_lock *lock = NULL;
    *claim_out = NULL;
    snprintf(name, sizeof name, "%s-%d", topic, partition);
    wend_status status = make_path(path, claims->folder, name, error);
    if (status == WEND_OK) {
        status = wendi_io_lock_acquire(claims->io, path, &lock, error);
    }
    *claim_out = lock;
    return status;
}

static void release(void *context, void *held)
{
    (void)context;
    wendi_io_lock_release(held);
}

/* ---- positions ---------------------------------------------------------------------------------
 */

static wendi_kafka_start *asked_for(wendi_kafka_start *starts, uint32_t count,
                                    const wendi_source_state *known)
{
    for (uint32_t i = 0; i < count; i++) {
        if (starts[i].partition == known->partition &&
            wendi_string_equal(known->topic, wendi_string_of(starts[i].topic))) {
            return &starts[i];
        }
    }
    return NULL;
}

static wend_status refuse_stranger(const wendi_shard_claims *claims, const char *table,
                                   const wendi_kafka_start *start, wend_error *error)
{
    wendi_fail(error, WEND_CONFLICT,
               "the table %s has read %s[%d] without a group: whether the shards of %s shall have "
               "the same events again is in doubt",
               table, start->topic, start->partition, claims->group);
    wendi_error_hint(
        error, "make it a shard (start its ingest with --group %s) or keep it in another store",
        claims->group);
    return WEND_CONFLICT;
}

/* What one table holds of the partitions asked for. */
static wend_status add_table(const wendi_shard_claims *claims, const char *table,
                             wendi_kafka_start *starts, uint32_t count, wend_error *error)
{
    char group[NAME_BYTES];
    wendi_table *opened = NULL;
    wendi_snapshot *snapshot = NULL;
    wend_status status = WEND_OK;
    WEND_TRY(read_group(claims->io, claims->store, table, group, error));
    if (group[0] != 0 && strcmp(group, claims->group) != 0) {
        return WEND_OK;
    }
    status = wendi_table_open_io(claims->io, claims->store, wendi_string_of(table), &opened, error);
    if (status == WEND_NOT_FOUND) { /* dropped since it was listed */
        status = WEND_OK;
        goto cleanup;
    }
    WEND_TRY(status);
    WEND_TRY(wendi_table_snapshot(opened, &snapshot, error));
    const wendi_table_state *state = wendi_snapshot_state(snapshot);
    for (uint32_t i = 0; i < state->source_count; i++) {
        const wendi_source_state *known = &state->sources[i];
        wendi_kafka_start *start = asked_for(starts, count, known);
        if (start == NULL) {
            continue;
        }
        if (group[0] == 0) {
            WEND_TRY(refuse_stranger(claims, table, start, error));
        }
        if (known->next > start->next) {
            start->next = known->next;
            start->fingerprint = known->fingerprint;
            start->leader_epoch = known->leader_epoch;
        }
        start->gap = strcmp(table, claims->table) == 0 ? known->gap : start->gap;
    }
cleanup:
    wendi_snapshot_release(snapshot);
    if (opened != NULL) {
        wendi_table_close(opened);
    }
    return status;
}

static wend_status stand(void *context, wendi_kafka_start *starts, uint32_t count,
                         wend_error *error)
{
    const wendi_shard_claims *claims = context;
    wendi_arena arena = {0};
    wendi_string *names = NULL;
    uint32_t name_count = 0;
    wend_status status = WEND_OK;
    for (uint32_t i = 0; i < count; i++) {
        starts[i].next = -1;
        starts[i].fingerprint = 0;
        starts[i].leader_epoch = -1;
        starts[i].gap = 0;
    }
    WEND_TRY(wendi_table_list_io(claims->io, claims->store, &arena, &names, &name_count, error));
    for (uint32_t i = 0; i < name_count; i++) {
        WEND_TRY(add_table(claims, names[i].data, starts, count, error));
    }
cleanup:
    wendi_arena_free(&arena);
    return status;
}

/* ---- opening -----------------------------------------------------------------------------------
 */

/* Locks of a mount do not reach other hosts, and two processes on one partition would double its
 * events. */
static wend_status check_file_system(const wendi_shard_claims *claims, wend_error *error)
{
    wendi_file_system file_system;
    wend_status status = wendi_io_probe(claims->io, claims->store, false, &file_system, error);
    if (status == WEND_OK && file_system.mount) {
        wendi_fail(error, WEND_UNSUPPORTED,
                   "%s is a mount (%s): locks there hold on one host only, so shards cannot claim "
                   "partitions",
                   claims->store, file_system.name);
        wendi_error_hint(
            error,
            "keep the store on a local disk, or divide the topics yourself with --partitions");
        return WEND_UNSUPPORTED;
    }
    return status;
}

static wend_status make_folder(const wendi_shard_claims *claims, const char *path,
                               const char *parent, wend_error *error)
{
    wend_status status = wendi_io_mkdir(claims->io, path, error);
    if (status == WEND_EXISTS) {
        return WEND_OK;
    }
    return status == WEND_OK ? wendi_io_sync_folder(claims->io, parent, error) : status;
}

wend_status wendi_shard_claims_open(const char *store, const char *table, const char *group,
                                    wendi_shard_claims **claims_out, wend_error *error)
{
    char above[PATH_BYTES];
    wend_status status = WEND_OK;
    wendi_shard_claims *claims = wendi_alloc_zero(1, sizeof *claims);
    *claims_out = NULL;
    if (claims == NULL) {
        return wendi_fail_nomem(error, "a group of shards", sizeof *claims);
    }
    claims->calls =
        (wendi_kafka_shards){.context = claims, .claim = claim, .release = release, .stand = stand};
    WEND_TRY(check_group_name(group, error));
    claims->store = wendi_strdup(store);
    claims->table = wendi_strdup(table);
    claims->group = wendi_strdup(group);
    if (claims->store == NULL || claims->table == NULL || claims->group == NULL) {
        status = wendi_fail_nomem(error, "a group of shards", strlen(store) + strlen(table));
        goto cleanup;
    }
    WEND_TRY(wendi_io_open(NULL, &claims->io, error));
    WEND_TRY(check_file_system(claims, error));
    WEND_TRY(make_path(above, store, claims_folder, error));
    WEND_TRY(make_path(claims->folder, above, group, error));
    WEND_TRY(make_folder(claims, above, store, error));
    WEND_TRY(make_folder(claims, claims->folder, above, error));
    WEND_TRY(enter_group(claims, error));
    *claims_out = claims;
    claims = NULL;
cleanup:
    wendi_shard_claims_close(claims);
    return status;
}

void wendi_shard_claims_close(wendi_shard_claims *claims)
{
    if (claims == NULL) {
        return;
    }
    wendi_io_close(claims->io);
    wendi_free(claims->store);
    wendi_free(claims->table);
    wendi_free(claims->group);
    wendi_free(claims);
}

const wendi_kafka_shards *wendi_shard_claims_calls(wendi_shard_claims *claims)
{
    return &claims->calls;
}
