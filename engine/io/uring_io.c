/*
 * Transfers through io_uring: the only file that sees liburing. Names and handles are as in posix_io.c.
 *
 * A ring belongs to the queue that holds it; closed queues keep theirs in a small pool, since making
 * one costs as much as a hundred reads. Requests are never linked: a link does not stop at a failed fsync.
 * A ring that the kernel refuses later on (its memory is limited) is replaced by a posix queue for that once.
 */
#include <errno.h>
#include <liburing.h>
#include <pthread.h>
#include <sched.h>

#include "engine/base/alloc.h"
#include "engine/io/io_backend.h"

enum { IDLE_QUEUES_MAX = 8, SUBMIT_TRIES = 1000 };

typedef struct uring_io uring_io;

typedef struct uring_queue {
    wendi_io_queue base;
    uring_io *owner;
    struct io_uring ring;
    bool broken; /* the kernel would not take a request: never use the ring again */
    struct uring_queue *next_idle;
} uring_queue;

struct uring_io {
    wendi_io base;
    pthread_mutex_t lock; /* over the two below */
    uring_queue *idle;
    uint32_t idle_count;
};

static void prepare(struct io_uring_sqe *request, const wendi_transfer *transfer)
{
    unsigned length = transfer->length < 1u << 30 ? (unsigned)transfer->length : 1u << 30;
    switch (transfer->kind) {
    case WENDI_TRANSFER_READ:
        io_uring_prep_read(request, transfer->handle, transfer->buffer, length, transfer->offset);
        break;
    case WENDI_TRANSFER_WRITE:
        io_uring_prep_write(request, transfer->handle, transfer->buffer, length, transfer->offset);
        break;
    case WENDI_TRANSFER_SYNC:
        io_uring_prep_fsync(request, transfer->handle, IORING_FSYNC_DATASYNC);
        break;
    }
}

static int uring_submit(wendi_io_queue *queue, wendi_transfer *transfer)
{
    uring_queue *own = (uring_queue *)queue;
    struct io_uring_sqe *request = own->broken ? NULL : io_uring_get_sqe(&own->ring);
    if (request == NULL) {
        return -EIO;
    }
    prepare(request, transfer);
    io_uring_sqe_set_data(request, transfer);
    int taken = -EAGAIN;
    for (int tries = 0; tries < SUBMIT_TRIES; tries++) {
        taken = io_uring_submit(&own->ring);
        if (taken != -EINTR && taken != -EAGAIN && taken != -EBUSY) {
            break;
        }
        sched_yield(); /* The kernel is short of memory for requests, or of room for answers. */
    }
    if (taken == 1) {
        return 0;
    }
    own->broken = true; /* The request still stands in the ring and must not be sent by a later submit. */
    return taken < 0 ? taken : -EIO;
}

static wendi_transfer *uring_wait(wendi_io_queue *queue)
{
    uring_queue *own = (uring_queue *)queue;
    struct io_uring_cqe *done = NULL;
    int waited;
    do {
        waited = io_uring_wait_cqe(&own->ring, &done);
    } while (waited == -EINTR || waited == -EAGAIN);
    WEND_REQUIRE(waited == 0 && done != NULL);
    wendi_transfer *transfer = io_uring_cqe_get_data(done);
    transfer->result = done->res;
    io_uring_cqe_seen(&own->ring, done);
    return transfer;
}

static void destroy_queue(uring_queue *queue)
{
    io_uring_queue_exit(&queue->ring);
    wendi_free(queue);
}

static void uring_queue_close(wendi_io_queue *queue)
{
    uring_queue *own = (uring_queue *)queue;
    uring_io *owner = own->owner;
    bool keep = false;
    pthread_mutex_lock(&owner->lock);
    if (!own->broken && owner->idle_count < IDLE_QUEUES_MAX) {
        own->next_idle = owner->idle;
        owner->idle = own;
        owner->idle_count++;
        keep = true;
    }
    pthread_mutex_unlock(&owner->lock);
    if (!keep) {
        destroy_queue(own);
    }
}

static int make_queue(uring_io *owner, uring_queue **queue_out)
{
    static const wendi_io_queue_table table = {uring_submit, uring_wait, uring_queue_close};
    uring_queue *queue = wendi_alloc_zero(1, sizeof *queue);
    if (queue == NULL) {
        return -ENOMEM;
    }
    queue->base.table = &table;
    queue->owner = owner;
    int made = io_uring_queue_init(WENDI_IO_DEPTH_MAX, &queue->ring, 0);
    if (made < 0) {
        wendi_free(queue);
        return made;
    }
    *queue_out = queue;
    return 0;
}

static int uring_queue_open(wendi_io *io, wendi_io_queue **queue_out)
{
    uring_io *own = (uring_io *)io;
    pthread_mutex_lock(&own->lock);
    uring_queue *queue = own->idle;
    if (queue != NULL) {
        own->idle = queue->next_idle;
        own->idle_count--;
    }
    pthread_mutex_unlock(&own->lock);
    if (queue == NULL && make_queue(own, &queue) < 0) {
        return wendi_posix_queue_open(io, queue_out);
    }
    *queue_out = &queue->base;
    return 0;
}

static void uring_close(wendi_io *io)
{
    uring_io *own = (uring_io *)io;
    while (own->idle != NULL) {
        uring_queue *queue = own->idle;
        own->idle = queue->next_idle;
        destroy_queue(queue);
    }
    pthread_mutex_destroy(&own->lock);
    wendi_free(own);
}

/* A kernel may know io_uring and yet not the three requests we make. */
static bool can_do_ours(const uring_queue *queue)
{
    struct io_uring_probe *probe = io_uring_get_probe_ring((struct io_uring *)(uintptr_t)&queue->ring);
    if (probe == NULL) {
        return false;
    }
    bool can = io_uring_opcode_supported(probe, IORING_OP_READ) && io_uring_opcode_supported(probe, IORING_OP_WRITE) &&
               io_uring_opcode_supported(probe, IORING_OP_FSYNC);
    io_uring_free_probe(probe);
    return can;
}

static wendi_io_table uring_table;
static pthread_once_t uring_table_once = PTHREAD_ONCE_INIT;

static void fill_table(void)
{
    uring_table = wendi_posix_io_table;
    uring_table.close = uring_close;
    uring_table.queue_open = uring_queue_open;
}

int wendi_uring_io_new(wendi_io **io_out)
{
    uring_queue *first = NULL;
    uring_io *io = wendi_alloc_zero(1, sizeof *io);
    if (io == NULL) {
        return -ENOMEM;
    }
    pthread_once(&uring_table_once, fill_table);
    io->base.table = &uring_table;
    io->base.name = "io_uring";
    pthread_mutex_init(&io->lock, NULL);
    int made = make_queue(io, &first);
    if (made == 0 && !can_do_ours(first)) {
        destroy_queue(first);
        made = -ENOSYS;
    }
    if (made < 0) {
        pthread_mutex_destroy(&io->lock);
        wendi_free(io);
        return made;
    }
    uring_queue_close(&first->base); /* into the pool */
    *io_out = &io->base;
    return 0;
}
