/**
 * Files: the one way the engine reads, writes, publishes, lists and locks them.
 *
 * Everything here works on local disks, on network file systems and on FUSE mounts of object stores
 * and HDFS, so a file is written once, forward, by one descriptor, and read at any offset after it
 * was closed; there is no append, truncate or patch. Below this header stands a table of raw
 * operations (io_backend.h) with three implementations: io_uring, posix, and one that injects faults.
 *
 * Paths are NUL-terminated. Errors name the operation, the path and the system's reason, and hint at
 * what to do. Statuses: WEND_NOT_FOUND (no such file or folder), WEND_EXISTS, WEND_BUSY (lock),
 * WEND_CORRUPT (a read beyond the file's end), WEND_IO (anything else of the system), WEND_NOMEM.
 * A `wendi_io` is thread safe; a `wendi_file` open for reading may be read by many threads at once,
 * one open for writing belongs to one thread at a time.
 */
#ifndef WENDI_IO_IO_H
#define WENDI_IO_IO_H

#include "engine/base/arena.h"
#include "engine/base/bytes.h"

typedef struct wendi_io wendi_io;
typedef struct wendi_file wendi_file;
typedef struct wendi_io_lock wendi_io_lock;

/* ---- choosing an implementation ------------------------------------------------------------- */

/**
 * Open file access. `backend`: "uring", "posix" or NULL, which takes the environment variable WEND_IO
 * (same words) or else io_uring where the kernel allows it and posix where it does not. Naming "uring"
 * where it is refused is WEND_UNSUPPORTED; any other word is WEND_INVALID.
 */
wend_status wendi_io_open(const char *backend, wendi_io **io_out, wend_error *error);
/** All files, locks of `io` must be closed before. Accepts NULL. */
void wendi_io_close(wendi_io *io);
/** "io_uring" or "posix" (of what is wrapped, when faults are injected). */
const char *wendi_io_backend_name(const wendi_io *io);
/** Why it was chosen, for `wend status`: "asked for by WEND_IO", "io_uring_queue_init: Operation not permitted" … */
const char *wendi_io_backend_reason(const wendi_io *io);

/* ---- writing -------------------------------------------------------------------------------- */

typedef enum wendi_create_flags {
    WENDI_CREATE_PLAIN = 0,
    WENDI_CREATE_DIRECT = 1 /* bypass the page cache where the file system can: for large files read later, if at all */
} wendi_create_flags;

/**
 * Create a new file for writing (O_WRONLY | O_CREAT | O_EXCL); WEND_EXISTS when the name is taken.
 * The folder must exist.
 */
wend_status wendi_file_create(wendi_io *io, const char *path, wendi_create_flags flags, wendi_file **file_out,
                              wend_error *error);
/**
 * Write `length` bytes at the file's end. They are copied into the file's own buffers, which are
 * written behind the caller's back, several at a time on local disks and strictly one after the other
 * on mounts; `bytes` may be reused at once. A failure may surface here, at a later write, at sync or at
 * close; from the first one on the file is dead: every further call but close and abandon
 * returns that same error, and nothing of the file may be published.
 */
wend_status wendi_file_write(wendi_file *file, const void *bytes, size_t length, wend_error *error);
/** Bytes given to wendi_file_write() so far; of a file open for reading: its size when it was opened. */
uint64_t wendi_file_bytes(const wendi_file *file);
/** Wait for all writes, then make them durable (fdatasync). A mount's sync promises nothing: see wendi_io_settled(). */
wend_status wendi_file_sync(wendi_file *file, wend_error *error);
/**
 * Flush what is buffered and close; `file` is gone whatever is returned. WEND_OK only if every write,
 * sync and the close itself succeeded (on some mounts only close tells that the upload failed).
 * Does not sync. Also closes a file open for reading. Accepts NULL.
 */
wend_status wendi_file_close(wendi_file *file, wend_error *error);
/** Close without caring: for cleanup paths. What was buffered may be dropped. Accepts NULL. */
void wendi_file_abandon(wendi_file *file);

/** Create `path`, write, sync and close it. A file that failed half-way is removed again as well as can be. */
wend_status wendi_io_write_file(wendi_io *io, const char *path, const void *bytes, size_t length, wend_error *error);

/**
 * After close and before publishing: wait, at most `timeout_ms`, until the file's size is `bytes` for a
 * new reader. At once on local disks; some mounts finish an upload after close() has returned.
 * WEND_IO when it is not so in time: write the file again under another name.
 */
wend_status wendi_io_settled(wendi_io *io, const char *path, uint64_t bytes, uint32_t timeout_ms, wend_error *error);

/* ---- reading -------------------------------------------------------------------------------- */

/** WEND_NOT_FOUND when there is no such file. */
wend_status wendi_file_open(wendi_io *io, const char *path, wendi_file **file_out, wend_error *error);

typedef struct wendi_io_read {
    uint64_t offset;
    size_t length;
    void *buffer; /* caller's; length bytes; all written when WEND_OK is returned, undefined otherwise */
} wendi_io_read;

/**
 * Carry out all `read_count` reads, each in full, at most `depth` under way at a time (0: what suits the
 * file system and the sizes: 8 for small reads, 2 for reads of 1 MiB and more, 1 on mounts; a depth beyond
 * 1 is never used on mounts). Returns when none is under way. WEND_CORRUPT when the file ends earlier.
 */
wend_status wendi_file_read(wendi_file *file, const wendi_io_read *reads, size_t read_count, uint32_t depth,
                            wend_error *error);
static inline wend_status wendi_file_read_at(wendi_file *file, uint64_t offset, void *buffer, size_t length,
                                             wend_error *error)
{
    wendi_io_read read = {offset, length, buffer};
    return wendi_file_read(file, &read, 1, 1, error);
}

/**
 * These bytes will be read soon: on local disks the system begins to fetch them and this returns at once; elsewhere
 * nothing happens.
 */
void wendi_file_will_need(wendi_file *file, uint64_t offset, uint64_t length);

/** Append the whole file to `out`; WEND_CORRUPT when it is larger than `bytes_max`. */
wend_status wendi_io_read_file(wendi_io *io, const char *path, size_t bytes_max, wendi_buffer *out, wend_error *error);

/* ---- names ---------------------------------------------------------------------------------- */

/**
 * Rename `from` to the free name `to`; WEND_EXISTS (and `from` stays) when it is taken. Atomic against
 * other processes on local disks (RENAME_NOREPLACE, else link + unlink). On mounts, where neither
 * works, it looks first (by opening, not by listing) and then renames: two hosts can race, so names there must be
 * unique to their writer (wendi_file_system.atomic_publish says which it is).
 */
wend_status wendi_io_rename_new(wendi_io *io, const char *from, const char *to, wend_error *error);
/** Rename over whatever is at `to`. Some mounts refuse when something is there. */
wend_status wendi_io_rename_replace(wendi_io *io, const char *from, const char *to, wend_error *error);
/** WEND_NOT_FOUND when there is none. */
wend_status wendi_io_unlink(wendi_io *io, const char *path, wend_error *error);
/** WEND_EXISTS when there is something of that name. Only the last part is made. */
wend_status wendi_io_mkdir(wendi_io *io, const char *path, wend_error *error);
/** Remove an empty folder. */
wend_status wendi_io_rmdir(wendi_io *io, const char *path, wend_error *error);
/** Make names created, renamed and removed in a folder durable. On a mount a refusal is not a failure. */
wend_status wendi_io_sync_folder(wendi_io *io, const char *path, wend_error *error);

typedef struct wendi_io_entry {
    wendi_string name; /* NUL-terminated too */
    bool folder;
} wendi_io_entry;

/** All entries but "." and "..", sorted bytewise by name, in `arena`. */
wend_status wendi_io_list(wendi_io *io, const char *path, wendi_arena *arena, wendi_io_entry **entries, uint32_t *count,
                          wend_error *error);

typedef struct wendi_io_info {
    uint64_t bytes;
    int64_t modified_us; /* since 1970 */
    bool folder;
} wendi_io_info;

/** WEND_NOT_FOUND when there is nothing of that name. */
wend_status wendi_io_stat(wendi_io *io, const char *path, wendi_io_info *info, wend_error *error);

/* ---- locks and file systems ----------------------------------------------------------------- */

/**
 * Take the exclusive lock of the file at `path` (made when missing) without waiting; it ends with release
 * or with the process. WEND_BUSY names the holder (process id, host, since when), whose note stands in
 * the file. On mounts the lock holds between processes of this mount only.
 */
wend_status wendi_io_lock_acquire(wendi_io *io, const char *path, wendi_io_lock **lock_out, wend_error *error);
/** Empties the note and lets go. The file stays. Accepts NULL. */
void wendi_io_lock_release(wendi_io_lock *lock);
/** Whether somebody holds the lock at `path` now, and their note (at most `capacity` bytes, NUL-terminated). */
wend_status wendi_io_lock_holder(wendi_io *io, const char *path, bool *held, char *note, size_t capacity,
                                 wend_error *error);

typedef enum wendi_file_system_kind {
    WENDI_FILE_SYSTEM_LOCAL,
    WENDI_FILE_SYSTEM_FUSE, /* statfs type 0x65735546 */
    WENDI_FILE_SYSTEM_NFS   /* 0x6969 */
} wendi_file_system_kind;

typedef struct wendi_file_system {
    wendi_file_system_kind kind;
    uint32_t type;        /* statfs f_type */
    const char *name;     /* "ext4", "tmpfs", "fuse" …; "unknown" for types without a name here */
    bool mount;           /* FUSE or NFS: sync may promise nothing, listings may be old, locks are this mount's */
    bool atomic_publish;  /* wendi_io_rename_new() is atomic */
    bool rename_noreplace; /* renameat2(RENAME_NOREPLACE) works */
    bool hard_link;
    bool folder_sync;     /* fsync of a folder works */
    uint64_t free_bytes;  /* for this user */
    uint64_t total_bytes;
} wendi_file_system;

/**
 * What file system `folder` is on, and, with `try_operations`, what works there, tried with two small files
 * that are removed again (without: the three flags are what the kind usually does). A folder in which nothing may be
 * created gives WEND_IO when trying.
 */
wend_status wendi_io_probe(wendi_io *io, const char *folder, bool try_operations, wendi_file_system *file_system,
                           wend_error *error);

/** Counters since open, for status and EXPLAIN. */
typedef struct wendi_io_counters {
    uint64_t reads;
    uint64_t bytes_read;
    uint64_t writes;
    uint64_t bytes_written;
    uint64_t syncs;
} wendi_io_counters;
wendi_io_counters wendi_io_counters_now(const wendi_io *io);

#endif
