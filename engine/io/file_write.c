/*
 * Writing a file forward. Bytes are gathered in blocks; a full block is under way while the next one fills.
 *
 * Invariants: at most `depth` blocks are under way; a block's memory is not touched while it is; the
 * first failure is kept, and after it nothing more is submitted, but what is under way is still waited for, since
 * the kernel holds its memory. On mounts depth is 1, so bytes reach the file in order.
 */
#include <assert.h>
#include <errno.h>

#include "engine/base/alloc.h"
#include "engine/io/io_backend.h"

enum { WRITE_BLOCK_BYTES = 1 << 20, DEPTH_LOCAL = 3 };

static wend_status die(wendi_file *file, int result, const char *operation)
{
    if (file->failed == WEND_OK) {
        file->failed = wendi_io_fail(result, operation, file->path, &file->failure);
        if (file->failed == WEND_NOT_FOUND || file->failed == WEND_EXISTS) {
            file->failed = WEND_IO; /* It was there: this is the mount speaking. */
            file->failure.status = WEND_IO;
        }
    }
    return file->failed;
}

static wend_status report(const wendi_file *file, wend_error *error)
{
    if (file->failed != WEND_OK && error != NULL) {
        *error = file->failure;
    }
    return file->failed;
}

static wend_status submit(wendi_file *file, wendi_write_block *block)
{
    /* A tail, or what a short write left, is not what O_DIRECT takes. */
    uint64_t places = block->transfer.offset | block->transfer.length | (uintptr_t)block->transfer.buffer;
    if (file->direct && places % WENDI_IO_ALIGNMENT != 0) {
        int result = file->io->table->make_buffered(file->io, file->handle);
        if (result < 0) {
            return die(file, result, "write");
        }
        file->direct = false;
    }
    int result = file->queue->table->submit(file->queue, &block->transfer);
    if (result < 0) {
        return die(file, result, "write");
    }
    block->under_way = true;
    file->under_way++;
    return WEND_OK;
}

/* Take one finished write in; what it left over is sent again. */
static wend_status reap(wendi_file *file)
{
    wendi_transfer *transfer = file->queue->table->wait(file->queue);
    wendi_write_block *block = NULL;
    for (uint32_t i = 0; i < file->block_count; i++) {
        block = transfer == &file->blocks[i].transfer ? &file->blocks[i] : block;
    }
    assert(block != NULL && block->under_way);
    block->under_way = false;
    file->under_way--;
    atomic_fetch_add_explicit(&file->io->writes, 1, memory_order_relaxed);
    int64_t result = transfer->result;
    if (result < 0 && result != -EINTR && result != -EAGAIN) {
        return die(file, (int)result, "write");
    }
    if (result == 0) {
        return die(file, -EIO, "write"); /* It would go on for ever. */
    }
    uint64_t moved = result < 0 ? 0 : (uint64_t)result;
    WEND_REQUIRE(moved <= transfer->length);
    atomic_fetch_add_explicit(&file->io->bytes_written, moved, memory_order_relaxed);
    transfer->buffer += moved;
    transfer->offset += moved;
    transfer->length -= moved;
    if (transfer->length == 0 || file->failed != WEND_OK) {
        return file->failed;
    }
    return submit(file, block);
}

static void drain(wendi_file *file)
{
    while (file->under_way != 0) {
        (void)reap(file);
    }
}

/* Send the block that was being filled and choose another one. */
static wend_status send_block(wendi_file *file)
{
    wendi_write_block *block = &file->blocks[file->filling];
    block->transfer = (wendi_transfer){.kind = WENDI_TRANSFER_WRITE, .handle = file->handle, .offset = file->written_to,
                                       .buffer = block->memory, .length = file->filled};
    file->written_to += file->filled;
    file->filled = 0;
    while (file->under_way >= file->depth) {
        if (reap(file) != WEND_OK) {
            return file->failed;
        }
    }
    if (submit(file, block) != WEND_OK) {
        return file->failed;
    }
    for (;;) {
        for (uint32_t i = 0; i < file->block_count; i++) {
            if (!file->blocks[i].under_way) {
                file->filling = i;
                return WEND_OK;
            }
        }
        if (reap(file) != WEND_OK) {
            return file->failed;
        }
    }
}

wend_status wendi_file_create(wendi_io *io, const char *path, wendi_create_flags flags, wendi_file **file_out,
                              wend_error *error)
{
    wend_status status = WEND_OK;
    char folder[4096];

    *file_out = NULL;
    wendi_file *file = wendi_alloc_zero(1, sizeof *file);
    char *name = wendi_strdup(path);
    if (file == NULL || name == NULL) {
        wendi_free(file);
        wendi_free(name);
        return wendi_fail_nomem(error, path, sizeof *file);
    }
    wendi_io_folder_of(path, folder, sizeof folder);
    file->io = io;
    file->path = name;
    file->handle = -1;
    file->writing = true;
    file->mount = wendi_io_is_mount(io, folder);
    file->depth = file->mount ? 1 : DEPTH_LOCAL;
    file->block_count = file->depth + 1;
    file->direct = (flags & WENDI_CREATE_DIRECT) != 0 && !file->mount;

    int result = io->table->queue_open(io, &file->queue);
    if (result < 0) {
        status = wendi_io_fail(result, "prepare writing", path, error);
    } else {
        result = io->table->create(io, path, &file->direct);
        if (result < 0) {
            status = wendi_io_fail(result, "create", path, error);
        } else {
            file->handle = result;
        }
    }
    if (status != WEND_OK) {
        wendi_file_abandon(file);
        return status;
    }
    *file_out = file;
    return WEND_OK;
}

wend_status wendi_file_write(wendi_file *file, const void *bytes, size_t length, wend_error *error)
{
    assert(file->writing);
    const uint8_t *from = bytes;
    while (length != 0 && file->failed == WEND_OK) {
        wendi_write_block *block = &file->blocks[file->filling];
        if (block->memory == NULL) {
            block->memory = wendi_alloc_aligned(WENDI_IO_ALIGNMENT, WRITE_BLOCK_BYTES);
            if (block->memory == NULL) {
                die(file, -ENOMEM, "write");
                break;
            }
        }
        size_t room = WRITE_BLOCK_BYTES - file->filled;
        size_t piece = length < room ? length : room;
        memcpy(block->memory + file->filled, from, piece);
        file->filled += piece;
        file->bytes += piece;
        from += piece;
        length -= piece;
        if (file->filled == WRITE_BLOCK_BYTES) {
            (void)send_block(file);
        }
    }
    return report(file, error);
}

static void flush(wendi_file *file)
{
    if (file->failed == WEND_OK && file->filled != 0) {
        (void)send_block(file);
    }
    drain(file);
}

wend_status wendi_file_sync(wendi_file *file, wend_error *error)
{
    assert(file->writing);
    flush(file);
    if (file->failed == WEND_OK) {
        wendi_transfer sync = {.kind = WENDI_TRANSFER_SYNC, .handle = file->handle};
        int result = file->queue->table->submit(file->queue, &sync);
        if (result == 0) {
            const wendi_transfer *done = file->queue->table->wait(file->queue);
            assert(done == &sync);
            result = (int)done->result;
            atomic_fetch_add_explicit(&file->io->syncs, 1, memory_order_relaxed);
        }
        if (result < 0) {
            /* Never again on this file: the kernel has marked the lost pages clean, and a second sync would lie. */
            die(file, result, "sync");
        }
    }
    return report(file, error);
}

wend_status wendi_file_finish(wendi_file *file, bool abandon, wend_error *error)
{
    if (abandon) {
        drain(file);
    } else {
        flush(file);
    }
    if (file->handle >= 0) {
        int result = file->io->table->close_file(file->io, file->handle);
        if (result < 0) {
            die(file, result, "close");
        }
    }
    wend_status status = report(file, error);
    if (file->queue != NULL) {
        file->queue->table->close(file->queue);
    }
    for (uint32_t i = 0; i < file->block_count; i++) {
        wendi_free(file->blocks[i].memory);
    }
    return status;
}
