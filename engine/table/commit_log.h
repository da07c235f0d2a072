/**
 * The commit log of a table folder: which records there are, replaying and publishing them.
 *
 *   FOLDER/log/00000000000000000042.commit       immutable, each names its predecessor's checksum
 *   FOLDER/log/00000000000000000064.checkpoint   the whole state after that commit
 *
 * A name that is published has good content: bad bytes under such a name are damage, never the
 * log's end.
 */
#ifndef WENDI_TABLE_COMMIT_LOG_H
#define WENDI_TABLE_COMMIT_LOG_H

#include "engine/table/table_state.h"

enum { WENDI_CHECKPOINT_COMMITS = 64, WENDI_PATH_BYTES = 4096 };
#define WENDI_LOG_HISTORY_US (INT64_C(7) * 86400 * 1000000)

/** Folders and files of a table; WEND_INVALID when the path is too long. */
wend_status wendi_table_path(char path[WENDI_PATH_BYTES], const char *folder, const char *part,
                             const char *name, wend_error *error);
/** "seg/<uuid>.wseg" under the folder, or any other part and suffix. */
wend_status wendi_table_uuid_path(char path[WENDI_PATH_BYTES], const char *folder, const char *part,
                                  const uint8_t uuid[WENDI_UUID_BYTES], const char *suffix,
                                  wend_error *error);

/** The folder of a table, whether it is there or not; WEND_INVALID when `table` cannot be a name.
 */
wend_status wendi_table_find_folder(const char *store, wendi_string table,
                                    char folder[WENDI_PATH_BYTES], wend_error *error);

/** Replay: newest checkpoint, then every commit after it. The caller frees `state`. */
wend_status wendi_log_load(wendi_io *io, const char *folder, wendi_owned_state *state,
                           wend_error *error);
/** Apply commits newer than *state, if any, to a new state: `*changed` says whether `next` was
 * made. */
wend_status wendi_log_follow(wendi_io *io, const char *folder, const wendi_owned_state *state,
                             wendi_owned_state *next, bool *changed, wend_error *error);
/**
 * Write `record` under tmp/, make it durable, publish it as its version. WEND_FENCED when another
 * writer published that version first; `*checksum` is the new head. WEND_IO: unknown whether it is
 * there.
 */
wend_status wendi_log_publish(wendi_io *io, const char *folder, const wendi_record *record,
                              uint64_t *checksum, wend_error *error);
/** Publish the state's checkpoint and drop log files that a newer checkpoint and the history time
 * made needless. */
wend_status wendi_log_checkpoint(wendi_io *io, const char *folder, const wendi_owned_state *state,
                                 int64_t now_us, wend_error *error);

/** Read and decode one record of the log by version, into `arena`. WEND_NOT_FOUND when there is
 * none. */
wend_status wendi_log_read(wendi_io *io, const char *folder, wendi_record_kind kind,
                           uint64_t version, wendi_arena *arena, wendi_record *record,
                           uint64_t *checksum, wend_error *error);
/** Version and kind of a file name of the log folder; false when it is none. */
bool wendi_log_name_parse(wendi_string name, wendi_record_kind *kind, uint64_t *version);

#endif
