/**
 * File access that fails on purpose, for tests: wraps any other and injects faults by plan, and keeps a
 * model of what was made durable so that the folder after a power loss can be written out.
 *
 * Failing calls come in the order in which operations reach the wrapper. With several threads that order
 * is the scheduler's; a single-threaded test is repeatable.
 */
#ifndef WENDI_IO_FAULT_IO_H
#define WENDI_IO_FAULT_IO_H

#include "engine/io/io.h"

typedef enum wendi_fault_kind {
    WENDI_FAULT_OPEN = 1 << 0,
    WENDI_FAULT_CREATE = 1 << 1,
    WENDI_FAULT_READ = 1 << 2,
    WENDI_FAULT_WRITE = 1 << 3,
    WENDI_FAULT_SYNC = 1 << 4,
    WENDI_FAULT_CLOSE = 1 << 5,
    WENDI_FAULT_RENAME = 1 << 6,
    WENDI_FAULT_LINK = 1 << 7,
    WENDI_FAULT_UNLINK = 1 << 8,
    WENDI_FAULT_FOLDER = 1 << 9, /* mkdir and rmdir */
    WENDI_FAULT_SYNC_FOLDER = 1 << 10,
    WENDI_FAULT_LIST = 1 << 11,
    WENDI_FAULT_STAT = 1 << 12,
    WENDI_FAULT_ALL = (1 << 13) - 1
} wendi_fault_kind;

/** Zero-filled but for `fail_at` = -1 and `power_lost_at` = -1 it injects nothing: see wendi_fault_plan_none(). */
typedef struct wendi_fault_plan {
    uint32_t kinds;      /* wendi_fault_kind bits that are counted and may fail; 0: all */
    int64_t fail_at;     /* the ordinal, from 0, of the counted operation that fails; -1: none */
    bool fail_after_too; /* every later one fails as well */
    int error_code;      /* errno it fails with; 0: EIO */
    bool torn;           /* a failing write leaves part of its bytes behind */
    bool carried_out;    /* a failing operation on names happens nevertheless, and only its answer is lost */
    bool short_transfers; /* every read and write of more than one byte moves only part */
    int64_t power_lost_at; /* from this counted operation on everything fails and nothing happens; -1: never */
    bool like_mount;     /* answer as a FUSE mount of HDFS: no RENAME_NOREPLACE, links, folder sync or rename onto a file */
    uint64_t seed;       /* of all choices */
} wendi_fault_plan;

static inline wendi_fault_plan wendi_fault_plan_none(void)
{
    return (wendi_fault_plan){.fail_at = -1, .power_lost_at = -1};
}

/**
 * Wrap `inner`, which must live longer. `root` (may be NULL: no power loss then) is the folder whose durability is
 * modelled: everything in it now counts as durable. Paths must be given with that same prefix.
 */
wend_status wendi_fault_io_open(wendi_io *inner, const char *root, const wendi_fault_plan *plan, wendi_io **io_out,
                                wend_error *error);
/** Operations of the plan's kinds counted so far. */
int64_t wendi_fault_io_operations(const wendi_io *io);
/**
 * Write the state of `root` after a power loss now to the new folder `into`: what was synced, and of
 * everything since then an arbitrary part chosen by `seed`: sectors of 512 bytes written or not, names
 * made, renamed and removed or not (each as a whole, and none before another of the same file or name).
 */
wend_status wendi_fault_io_power_loss(wendi_io *io, const char *into, uint64_t seed, wend_error *error);

#endif
