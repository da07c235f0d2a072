/*
 * The wrapper that injects faults. Every operation asks `decide` first, which counts it and says what is to
 * happen; what did happen is told to the model. One lock covers the count and the model.
 */
#include "engine/io/fault_io.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>

#include "engine/base/alloc.h"
#include "engine/base/hash.h"
#include "engine/io/fault_model.h"
#include "engine/io/io_backend.h"

enum { HANDLES_MAX = 4096, STATFS_FUSE = 0x65735546 };

typedef struct fault_io {
    wendi_io base;
    wendi_io *inner;
    pthread_mutex_t lock; /* over everything below */
    wendi_fault_plan plan;
    int64_t counted;
    bool power_lost;
    uint64_t choices;
    wendi_fault_model *model;
    wendi_model_file *files[HANDLES_MAX]; /* by handle, of files being written */
} fault_io;

typedef enum verdict { VERDICT_GO_ON, VERDICT_FAIL, VERDICT_DEAD } verdict;

static uint64_t draw(fault_io *io)
{
    io->choices = wendi_mix64(io->choices + UINT64_C(0x9e3779b97f4a7c15));
    return io->choices;
}

/* Call with the lock held. */
static verdict decide(fault_io *io, wendi_fault_kind kind)
{
    uint32_t kinds = io->plan.kinds == 0 ? (uint32_t)WENDI_FAULT_ALL : io->plan.kinds;
    if ((kinds & (uint32_t)kind) == 0) {
        return io->power_lost ? VERDICT_DEAD : VERDICT_GO_ON;
    }
    int64_t ordinal = io->counted++;
    io->power_lost |= io->plan.power_lost_at >= 0 && ordinal >= io->plan.power_lost_at;
    if (io->power_lost) {
        return VERDICT_DEAD;
    }
    bool fails = io->plan.fail_at >= 0 && (ordinal == io->plan.fail_at || (io->plan.fail_after_too && ordinal > io->plan.fail_at));
    return fails ? VERDICT_FAIL : VERDICT_GO_ON;
}

static int code_of(const fault_io *io)
{
    return io->plan.error_code != 0 ? -io->plan.error_code : -EIO;
}

/* The verdict of an operation on names: 0 go on, 1 go on but report the failure, else the failure. */
static int begin(fault_io *io, wendi_fault_kind kind)
{
    pthread_mutex_lock(&io->lock);
    switch (decide(io, kind)) {
    case VERDICT_GO_ON:
        return 0;
    case VERDICT_FAIL:
        return io->plan.carried_out ? 1 : code_of(io);
    case VERDICT_DEAD:
        break;
    }
    return -EIO;
}

static int end(fault_io *io, int begun, int result)
{
    if (begun == 1 && result >= 0) {
        result = code_of(io);
    }
    pthread_mutex_unlock(&io->lock);
    return begun < 0 ? begun : result;
}

/* ---- names ---------------------------------------------------------------------------------- */

static int fault_open_read(wendi_io *io, const char *path)
{
    fault_io *own = (fault_io *)io;
    int begun = begin(own, WENDI_FAULT_OPEN);
    int result = begun == 0 ? own->inner->table->open_read(own->inner, path) : code_of(own);
    return end(own, begun == 1 ? code_of(own) : begun, result);
}

static int fault_create(wendi_io *io, const char *path, bool *direct)
{
    fault_io *own = (fault_io *)io;
    int begun = begin(own, WENDI_FAULT_CREATE);
    int result = 0;
    if (begun >= 0) {
        result = own->inner->table->create(own->inner, path, direct);
        WEND_REQUIRE(result < HANDLES_MAX);
        if (result >= 0) {
            own->files[result] = own->model == NULL ? NULL : wendi_fault_model_create(own->model, path);
        }
        if (result >= 0 && begun == 1) {
            own->inner->table->close_file(own->inner, result);
        }
    }
    return end(own, begun, result);
}

static int fault_rename(wendi_io *io, const char *from, const char *to, bool noreplace)
{
    fault_io *own = (fault_io *)io;
    wendi_io_info info;
    int begun = begin(own, WENDI_FAULT_RENAME);
    int result = 0;
    if (begun >= 0 && own->plan.like_mount) {
        bool taken = own->inner->table->stat(own->inner, to, &info) == 0;
        result = noreplace ? (taken ? -EEXIST : -EINVAL) : taken ? -EIO : 0;
    }
    if (begun >= 0 && result == 0) {
        result = own->inner->table->rename(own->inner, from, to, noreplace);
        if (result == 0 && own->model != NULL) {
            wendi_fault_model_rename(own->model, from, to);
        }
    }
    return end(own, begun, result);
}

static int fault_link(wendi_io *io, const char *from, const char *to)
{
    fault_io *own = (fault_io *)io;
    int begun = begin(own, WENDI_FAULT_LINK);
    int result = own->plan.like_mount ? -EIO : 0;
    if (begun >= 0 && result == 0) {
        result = own->inner->table->link(own->inner, from, to);
        if (result == 0 && own->model != NULL) {
            wendi_fault_model_link(own->model, from, to);
        }
    }
    return end(own, begun, result);
}

static int remove_by(fault_io *own, wendi_fault_kind kind, int (*remove)(wendi_io *, const char *), const char *path)
{
    int begun = begin(own, kind);
    int result = 0;
    if (begun >= 0) {
        result = remove(own->inner, path);
        if (result == 0 && own->model != NULL) {
            wendi_fault_model_remove(own->model, path);
        }
    }
    return end(own, begun, result);
}

static int fault_unlink(wendi_io *io, const char *path)
{
    fault_io *own = (fault_io *)io;
    return remove_by(own, WENDI_FAULT_UNLINK, own->inner->table->unlink, path);
}

static int fault_rmdir(wendi_io *io, const char *path)
{
    fault_io *own = (fault_io *)io;
    return remove_by(own, WENDI_FAULT_FOLDER, own->inner->table->rmdir, path);
}

static int fault_mkdir(wendi_io *io, const char *path)
{
    fault_io *own = (fault_io *)io;
    int begun = begin(own, WENDI_FAULT_FOLDER);
    int result = 0;
    if (begun >= 0) {
        result = own->inner->table->mkdir(own->inner, path);
        if (result == 0 && own->model != NULL) {
            wendi_fault_model_mkdir(own->model, path);
        }
    }
    return end(own, begun, result);
}

static int fault_sync_folder(wendi_io *io, const char *path)
{
    fault_io *own = (fault_io *)io;
    int begun = begin(own, WENDI_FAULT_SYNC_FOLDER);
    int result = 0;
    if (begun >= 0) {
        result = own->inner->table->sync_folder(own->inner, path);
        if (result == 0 && own->plan.like_mount) {
            result = -EIO;
        } else if (result == 0 && own->model != NULL) {
            wendi_fault_model_sync_folder(own->model, path);
        }
    }
    return end(own, begun, result);
}

static int fault_list(wendi_io *io, const char *path, wendi_io_visit visit, void *context)
{
    fault_io *own = (fault_io *)io;
    int begun = begin(own, WENDI_FAULT_LIST);
    return end(own, begun, begun < 0 ? 0 : own->inner->table->list(own->inner, path, visit, context));
}

static int fault_stat(wendi_io *io, const char *path, wendi_io_info *info)
{
    fault_io *own = (fault_io *)io;
    int begun = begin(own, WENDI_FAULT_STAT);
    return end(own, begun, begun < 0 ? 0 : own->inner->table->stat(own->inner, path, info));
}

static int fault_file_system(wendi_io *io, const char *path, wendi_file_system *file_system)
{
    fault_io *own = (fault_io *)io;
    int result = own->inner->table->file_system(own->inner, path, file_system);
    if (result == 0 && own->plan.like_mount) {
        file_system->type = STATFS_FUSE;
    }
    return result;
}

/* ---- handles -------------------------------------------------------------------------------- */

static int fault_make_buffered(wendi_io *io, int handle)
{
    fault_io *own = (fault_io *)io;
    return own->inner->table->make_buffered(own->inner, handle);
}

static int fault_size(wendi_io *io, int handle, uint64_t *bytes)
{
    fault_io *own = (fault_io *)io;
    return own->inner->table->size(own->inner, handle, bytes);
}

/* The handle is gone whatever is answered, as with close(2). */
static int fault_close_file(wendi_io *io, int handle)
{
    fault_io *own = (fault_io *)io;
    int begun = begin(own, WENDI_FAULT_CLOSE);
    int result = own->inner->table->close_file(own->inner, handle);
    if (handle < HANDLES_MAX) {
        own->files[handle] = NULL;
    }
    return end(own, begun, result);
}

static int64_t fault_read(wendi_io *io, int handle, void *buffer, size_t length, uint64_t offset)
{
    fault_io *own = (fault_io *)io;
    int begun = begin(own, WENDI_FAULT_READ);
    if (begun >= 0 && own->plan.short_transfers && length > 1) {
        length = 1 + draw(own) % (length - 1);
    }
    int64_t result = begun < 0 ? begun : own->inner->table->read(own->inner, handle, buffer, length, offset);
    result = begun == 1 && result >= 0 ? code_of(own) : result;
    pthread_mutex_unlock(&own->lock);
    return result;
}

/* ---- the queue ------------------------------------------------------------------------------ */

typedef struct sent {
    wendi_transfer *transfer;
    size_t length; /* what the caller asked for, when less was sent */
    int result;    /* to answer instead of the truth; 0: the truth */
} sent;

typedef struct fault_queue {
    wendi_io_queue base;
    fault_io *owner;
    wendi_io_queue *inner;
    sent under_way[WENDI_IO_DEPTH_MAX + 1];
    uint32_t under_way_count;
    wendi_transfer *refused; /* answered without having been sent */
} fault_queue;

static int refuse(fault_queue *queue, wendi_transfer *transfer, int result)
{
    transfer->result = result;
    transfer->next = queue->refused;
    queue->refused = transfer;
    return 0;
}

/* Whole pages of what is whole pages: a file written past the page cache takes nothing else. */
static size_t part_of(fault_io *io, size_t length)
{
    size_t pages = length / WENDI_IO_ALIGNMENT;
    if (length % WENDI_IO_ALIGNMENT == 0) {
        return (pages > 1 ? 1 + draw(io) % (pages - 1) : pages) * WENDI_IO_ALIGNMENT;
    }
    return length > 1 ? 1 + draw(io) % (length - 1) : length;
}

static int fault_submit(wendi_io_queue *base, wendi_transfer *transfer)
{
    fault_queue *queue = (fault_queue *)base;
    fault_io *own = queue->owner;
    wendi_fault_kind kind = transfer->kind == WENDI_TRANSFER_READ    ? WENDI_FAULT_READ
                            : transfer->kind == WENDI_TRANSFER_WRITE ? WENDI_FAULT_WRITE
                                                                     : WENDI_FAULT_SYNC;
    sent *entry = &queue->under_way[queue->under_way_count];
    *entry = (sent){transfer, transfer->length, 0};

    pthread_mutex_lock(&own->lock);
    verdict said = decide(own, kind);
    int code = said == VERDICT_DEAD ? -EIO : code_of(own);
    bool torn = said == VERDICT_FAIL && kind == WENDI_FAULT_WRITE && own->plan.torn;
    if (said == VERDICT_FAIL && kind == WENDI_FAULT_SYNC && transfer->handle < HANDLES_MAX) {
        wendi_fault_model_lose(own->files[transfer->handle]);
    }
    if (torn || (said == VERDICT_GO_ON && own->plan.short_transfers && kind != WENDI_FAULT_SYNC)) {
        transfer->length = part_of(own, transfer->length);
        entry->result = torn ? code : 0;
    }
    pthread_mutex_unlock(&own->lock);

    if (said != VERDICT_GO_ON && !torn) {
        return refuse(queue, transfer, code);
    }
    int result = queue->inner->table->submit(queue->inner, transfer);
    if (result == 0) {
        queue->under_way_count++;
    } else {
        transfer->length = entry->length;
    }
    return result;
}

static void tell_model(fault_io *io, const wendi_transfer *transfer)
{
    pthread_mutex_lock(&io->lock);
    wendi_model_file *file = transfer->handle < HANDLES_MAX ? io->files[transfer->handle] : NULL;
    if (transfer->kind == WENDI_TRANSFER_WRITE && transfer->result > 0 && io->model != NULL) {
        wendi_fault_model_write(io->model, file, transfer->offset, transfer->buffer, (size_t)transfer->result);
    } else if (transfer->kind == WENDI_TRANSFER_SYNC && transfer->result >= 0 && !io->plan.like_mount) {
        wendi_fault_model_sync(file);
    }
    pthread_mutex_unlock(&io->lock);
}

static wendi_transfer *fault_wait(wendi_io_queue *base)
{
    fault_queue *queue = (fault_queue *)base;
    wendi_transfer *transfer = queue->refused;
    if (transfer != NULL) {
        queue->refused = transfer->next;
        return transfer;
    }
    transfer = queue->inner->table->wait(queue->inner);
    tell_model(queue->owner, transfer);
    uint32_t at = 0;
    while (queue->under_way[at].transfer != transfer) {
        at++;
        assert(at < queue->under_way_count);
    }
    transfer->length = queue->under_way[at].length;
    if (queue->under_way[at].result != 0) {
        transfer->result = queue->under_way[at].result;
    }
    queue->under_way[at] = queue->under_way[--queue->under_way_count];
    return transfer;
}

static void fault_queue_close(wendi_io_queue *base)
{
    fault_queue *queue = (fault_queue *)base;
    queue->inner->table->close(queue->inner);
    wendi_free(queue);
}

static int fault_queue_open(wendi_io *io, wendi_io_queue **queue_out)
{
    static const wendi_io_queue_table table = {fault_submit, fault_wait, fault_queue_close};
    fault_io *own = (fault_io *)io;
    fault_queue *queue = wendi_alloc_zero(1, sizeof *queue);
    if (queue == NULL) {
        return -ENOMEM;
    }
    queue->base.table = &table;
    queue->owner = own;
    int result = own->inner->table->queue_open(own->inner, &queue->inner);
    if (result < 0) {
        wendi_free(queue);
        return result;
    }
    *queue_out = &queue->base;
    return 0;
}

/* ---- the wrapper itself --------------------------------------------------------------------- */

static void fault_close(wendi_io *io)
{
    fault_io *own = (fault_io *)io;
    wendi_fault_model_free(own->model);
    pthread_mutex_destroy(&own->lock);
    wendi_free(own);
}

static const wendi_io_table fault_table = {
    .close = fault_close,
    .open_read = fault_open_read,
    .create = fault_create,
    .make_buffered = fault_make_buffered,
    .close_file = fault_close_file,
    .read = fault_read,
    .size = fault_size,
    .queue_open = fault_queue_open,
    .rename = fault_rename,
    .link = fault_link,
    .unlink = fault_unlink,
    .mkdir = fault_mkdir,
    .rmdir = fault_rmdir,
    .sync_folder = fault_sync_folder,
    .list = fault_list,
    .stat = fault_stat,
    .file_system = fault_file_system,
};

wend_status wendi_fault_io_open(wendi_io *inner, const char *root, const wendi_fault_plan *plan, wendi_io **io_out,
                                wend_error *error)
{
    *io_out = NULL;
    fault_io *io = wendi_alloc_zero(1, sizeof *io);
    if (io == NULL) {
        return wendi_fail_nomem(error, "fault injection", sizeof *io);
    }
    pthread_mutex_init(&io->lock, NULL);
    io->base.table = &fault_table;
    io->base.name = inner->name;
    memcpy(io->base.reason, inner->reason, sizeof io->base.reason);
    io->inner = inner;
    io->plan = *plan;
    io->choices = wendi_mix64(plan->seed + 1);
    if (root != NULL && wendi_fault_model_new(root, &io->model) != WEND_OK) {
        fault_close(&io->base);
        return wendi_fail(error, WEND_IO, "cannot take in %s", root);
    }
    *io_out = &io->base;
    return WEND_OK;
}

int64_t wendi_fault_io_operations(const wendi_io *io)
{
    assert(io->table == &fault_table);
    return ((const fault_io *)io)->counted;
}

wend_status wendi_fault_io_power_loss(wendi_io *io, const char *into, uint64_t seed, wend_error *error)
{
    fault_io *own = (fault_io *)io;
    assert(io->table == &fault_table && own->model != NULL);
    pthread_mutex_lock(&own->lock);
    wend_status status = wendi_fault_model_power_loss(own->model, into, seed, error);
    pthread_mutex_unlock(&own->lock);
    return status;
}
