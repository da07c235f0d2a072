/**
 * Below io.h: the table of raw operations that an implementation fills, and what files are made of.
 *
 * Operations answer as the kernel does, with a handle or count of at least 0 or a negated errno, and a transfer may
 * be short. Retrying, buffering, ordering and words for people are done once, above the table, so that
 * all implementations (and the one that injects faults) share them. Included by engine/io only.
 */
#ifndef WENDI_IO_IO_BACKEND_H
#define WENDI_IO_IO_BACKEND_H

#include <stdatomic.h>

#include "engine/io/io.h"

enum { WENDI_IO_ALIGNMENT = 4096, WENDI_IO_DEPTH_MAX = 16 };

typedef enum wendi_transfer_kind { WENDI_TRANSFER_READ, WENDI_TRANSFER_WRITE, WENDI_TRANSFER_SYNC } wendi_transfer_kind;

/** One transfer under way. The memory of both it and its buffer lives until it came out of wait(). */
typedef struct wendi_transfer {
    wendi_transfer_kind kind;
    int handle;
    uint64_t offset;
    uint8_t *buffer; /* of a WRITE it is only read */
    size_t length;
    int64_t result; /* set when done: bytes, or -errno */
    struct wendi_transfer *next; /* the queue's */
} wendi_transfer;

typedef struct wendi_io_queue wendi_io_queue;

/** A queue belongs to one thread at a time. */
typedef struct wendi_io_queue_table {
    /** 0, or -errno when the transfer was not taken. At most WENDI_IO_DEPTH_MAX may be under way. */
    int (*submit)(wendi_io_queue *queue, wendi_transfer *transfer);
    /** Waits for any of those under way (there is one) and gives it back with its result. */
    wendi_transfer *(*wait)(wendi_io_queue *queue);
    /** Nothing may be under way. */
    void (*close)(wendi_io_queue *queue);
} wendi_io_queue_table;

struct wendi_io_queue {
    const wendi_io_queue_table *table;
};

typedef void (*wendi_io_visit)(void *context, const char *name, bool folder);

typedef struct wendi_io_table {
    void (*close)(wendi_io *io);
    int (*open_read)(wendi_io *io, const char *path);
    /** `*direct` comes in as what is wished and goes out as what is. */
    int (*create)(wendi_io *io, const char *path, bool *direct);
    int (*make_buffered)(wendi_io *io, int handle); /* end O_DIRECT */
    int (*close_file)(wendi_io *io, int handle);
    int64_t (*read)(wendi_io *io, int handle, void *buffer, size_t length, uint64_t offset);
    int (*size)(wendi_io *io, int handle, uint64_t *bytes);
    int (*queue_open)(wendi_io *io, wendi_io_queue **queue_out);
    int (*rename)(wendi_io *io, const char *from, const char *to, bool noreplace);
    int (*link)(wendi_io *io, const char *from, const char *to);
    int (*unlink)(wendi_io *io, const char *path);
    int (*mkdir)(wendi_io *io, const char *path);
    int (*rmdir)(wendi_io *io, const char *path);
    int (*sync_folder)(wendi_io *io, const char *path);
    int (*list)(wendi_io *io, const char *path, wendi_io_visit visit, void *context);
    int (*stat)(wendi_io *io, const char *path, wendi_io_info *info);
    /** Begin reading into the system's cache; nothing depends on it. May be NULL. */
    void (*will_need)(wendi_io *io, int handle, uint64_t offset, uint64_t length);
    /** The statfs type of what is at `path`, cut to 32 bits. */
    int (*file_system)(wendi_io *io, const char *path, wendi_file_system *file_system);
} wendi_io_table;

struct wendi_io {
    const wendi_io_table *table;
    const char *name;
    char reason[160];
    _Atomic uint64_t reads;
    _Atomic uint64_t bytes_read;
    _Atomic uint64_t writes;
    _Atomic uint64_t bytes_written;
    _Atomic uint64_t syncs;
};

/** Implementations. wendi_uring_io_new() gives -errno of the kernel's refusal. */
int wendi_posix_io_new(wendi_io **io_out);
int wendi_uring_io_new(wendi_io **io_out);
/** The posix operations on names and handles, which io_uring's table shares, and the posix queue. */
extern const wendi_io_table wendi_posix_io_table;
int wendi_posix_queue_open(wendi_io *io, wendi_io_queue **queue_out);

/** Fill `error` for a negated errno: "cannot <operation> <path>: <reason>", and what to do. */
wend_status wendi_io_fail(int negated_errno, const char *operation, const char *path, wend_error *error);
/** Whether `path` is on a file system whose sync, listing and locks are not those of a local disk. */
bool wendi_io_is_mount(wendi_io *io, const char *path);
/** The folder that `path` names something in, into `folder` (PATH_MAX bytes). */
void wendi_io_folder_of(const char *path, char *folder, size_t capacity);

typedef struct wendi_write_block {
    wendi_transfer transfer; /* of the bytes not yet written */
    uint8_t *memory;
    bool under_way;
} wendi_write_block;

enum { WENDI_WRITE_BLOCKS_MAX = 4 };

struct wendi_file {
    wendi_io *io;
    char *path;
    int handle;
    bool writing;
    bool mount;
    /* Open for reading: its size. Open for writing: bytes taken from the caller. */
    uint64_t bytes;
    /* Writing only, from here on. */
    bool direct;
    wendi_io_queue *queue;
    wendi_write_block blocks[WENDI_WRITE_BLOCKS_MAX];
    uint32_t block_count; /* 2 on mounts, where one may be under way while the other fills */
    uint32_t depth;
    uint32_t under_way;
    uint32_t filling;       /* the block that takes bytes now */
    size_t filled;          /* bytes in it */
    uint64_t written_to;    /* where in the file it begins */
    wend_status failed;     /* the first failure; the file is dead from then on */
    wend_error failure;
};

/** Ends a file that was being written; flushes unless it is dead or `abandon`. */
wend_status wendi_file_finish(wendi_file *file, bool abandon, wend_error *error);

#endif
