/*
 * Reading a file at any place, and what files for reading and writing have in common: their end.
 *
 * A file open for reading has no state that a read changes, so any number of threads may read it.
 */
#include <assert.h>
#include <errno.h>

#include "engine/base/alloc.h"
#include "engine/io/io_backend.h"

enum { DEPTH_SMALL = 8, DEPTH_LARGE = 2, LARGE_READ_BYTES = 1 << 20 };

wend_status wendi_file_open(wendi_io *io, const char *path, wendi_file **file_out, wend_error *error)
{
    *file_out = NULL;
    wendi_file *file = wendi_alloc_zero(1, sizeof *file);
    char *name = wendi_strdup(path);
    if (file == NULL || name == NULL) {
        wendi_free(file);
        wendi_free(name);
        return wendi_fail_nomem(error, path, sizeof *file);
    }
    file->io = io;
    file->path = name;
    file->handle = io->table->open_read(io, path);
    int result = file->handle < 0 ? file->handle : io->table->size(io, file->handle, &file->bytes);
    if (result < 0) {
        wend_status status = wendi_io_fail(result, "open", path, error);
        (void)wendi_file_close(file, NULL);
        return status;
    }
    file->mount = wendi_io_is_mount(io, path);
    *file_out = file;
    return WEND_OK;
}

uint64_t wendi_file_bytes(const wendi_file *file)
{
    return file->bytes;
}

static wend_status ends_early(const wendi_file *file, uint64_t offset, size_t length, wend_error *error)
{
    wendi_fail(error, WEND_CORRUPT, "%s ends before byte %llu, up to which it was to be read", file->path,
               (unsigned long long)(offset + length));
    wendi_error_hint(error, "the file is cut short: `wend verify` shows what is damaged");
    return WEND_CORRUPT;
}

static void count_read(wendi_io *io, uint64_t bytes)
{
    atomic_fetch_add_explicit(&io->reads, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&io->bytes_read, bytes, memory_order_relaxed);
}

static wend_status read_one(wendi_file *file, const wendi_io_read *read, wend_error *error)
{
    uint8_t *into = read->buffer;
    size_t left = read->length;
    uint64_t offset = read->offset;
    while (left != 0) {
        int64_t got = file->io->table->read(file->io, file->handle, into, left, offset);
        if (got == -EINTR || got == -EAGAIN) {
            continue;
        }
        if (got < 0) {
            return wendi_io_fail((int)got, "read", file->path, error);
        }
        if (got == 0) {
            return ends_early(file, read->offset, read->length, error);
        }
        count_read(file->io, (uint64_t)got);
        into += got;
        offset += (uint64_t)got;
        left -= (size_t)got;
    }
    return WEND_OK;
}

/* Several reads under way in one queue. `transfers` has a place for each of the `depth` allowed. */
typedef struct reading {
    wendi_file *file;
    wendi_io_queue *queue;
    wendi_transfer transfers[WENDI_IO_DEPTH_MAX];
    uint32_t free_places[WENDI_IO_DEPTH_MAX];
    uint32_t free_count;
    uint32_t under_way;
    wend_status status;
    wend_error *error;
} reading;

static void send(reading *run, wendi_transfer *transfer)
{
    int result = run->queue->table->submit(run->queue, transfer);
    if (result < 0) {
        run->status = wendi_io_fail(result, "read", run->file->path, run->error);
        run->free_places[run->free_count++] = (uint32_t)(transfer - run->transfers);
    } else {
        run->under_way++;
    }
}

static void take(reading *run)
{
    wendi_transfer *transfer = run->queue->table->wait(run->queue);
    int64_t got = transfer->result;
    run->under_way--;
    if (got > 0) {
        count_read(run->file->io, (uint64_t)got);
        transfer->buffer += got;
        transfer->offset += (uint64_t)got;
        transfer->length -= (size_t)got;
    }
    bool again = transfer->length != 0 && (got > 0 || got == -EINTR || got == -EAGAIN);
    if (again && run->status == WEND_OK) {
        send(run, transfer);
        return;
    }
    if (run->status == WEND_OK && transfer->length != 0) {
        run->status = got == 0 ? ends_early(run->file, transfer->offset, transfer->length, run->error)
                               : wendi_io_fail((int)got, "read", run->file->path, run->error);
    }
    run->free_places[run->free_count++] = (uint32_t)(transfer - run->transfers);
}

static wend_status read_many(wendi_file *file, const wendi_io_read *reads, size_t read_count, uint32_t depth,
                             wend_error *error)
{
    reading run = {.file = file, .status = WEND_OK, .error = error};
    int result = file->io->table->queue_open(file->io, &run.queue);
    if (result < 0) {
        return wendi_io_fail(result, "prepare reading", file->path, error);
    }
    for (uint32_t i = 0; i < depth; i++) {
        run.free_places[run.free_count++] = i;
    }
    for (size_t i = 0; i < read_count && run.status == WEND_OK; i++) {
        if (reads[i].length == 0) {
            continue;
        }
        while (run.free_count == 0) {
            take(&run);
        }
        if (run.status == WEND_OK) {
            wendi_transfer *transfer = &run.transfers[run.free_places[--run.free_count]];
            *transfer = (wendi_transfer){.kind = WENDI_TRANSFER_READ, .handle = file->handle, .offset = reads[i].offset,
                                         .buffer = reads[i].buffer, .length = reads[i].length};
            send(&run, transfer);
        }
    }
    while (run.under_way != 0) { /* also after a failure: the kernel is still writing into the buffers */
        take(&run);
    }
    run.queue->table->close(run.queue);
    return run.status;
}

wend_status wendi_file_read(wendi_file *file, const wendi_io_read *reads, size_t read_count, uint32_t depth,
                            wend_error *error)
{
    assert(!file->writing);
    size_t longest = 0;
    for (size_t i = 0; i < read_count; i++) {
        longest = reads[i].length > longest ? reads[i].length : longest;
    }
    if (depth == 0) {
        depth = longest >= LARGE_READ_BYTES ? DEPTH_LARGE : DEPTH_SMALL;
    }
    depth = file->mount ? 1 : depth < WENDI_IO_DEPTH_MAX ? depth : WENDI_IO_DEPTH_MAX;
    if (depth > 1 && read_count > 1) {
        return read_many(file, reads, read_count, depth, error);
    }
    for (size_t i = 0; i < read_count; i++) {
        wend_status status = read_one(file, &reads[i], error);
        if (status != WEND_OK) {
            return status;
        }
    }
    return WEND_OK;
}

void wendi_file_will_need(wendi_file *file, uint64_t offset, uint64_t length)
{
    assert(!file->writing);
    if (!file->mount && file->io->table->will_need != NULL) {
        file->io->table->will_need(file->io, file->handle, offset, length);
    }
}

wend_status wendi_file_close(wendi_file *file, wend_error *error)
{
    wend_status status = WEND_OK;
    if (file == NULL) {
        return WEND_OK;
    }
    if (file->writing) {
        status = wendi_file_finish(file, false, error);
    } else if (file->handle >= 0) {
        int result = file->io->table->close_file(file->io, file->handle);
        if (result < 0) {
            status = wendi_io_fail(result, "close", file->path, error);
        }
    }
    wendi_free(file->path);
    wendi_free(file);
    return status;
}

void wendi_file_abandon(wendi_file *file)
{
    if (file != NULL && file->writing) {
        (void)wendi_file_finish(file, true, NULL);
        wendi_free(file->path);
        wendi_free(file);
    } else {
        (void)wendi_file_close(file, NULL);
    }
}
