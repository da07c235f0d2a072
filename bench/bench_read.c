/*
 * Ways to read a large file: through the page cache or around it, in which pieces, with how many
 * requests under way, and mapped; with nothing cached and with all of it. What was decided from it
 * is in docs/decisions/reading-through-the-page-cache.md.
 *
 *   bench_read [shared options]      --rows: MiB of the file, 512 unless said, in $TMPDIR
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench/harness.h"
#include "engine/base/alloc.h"
#include "engine/base/hash.h"

enum { MIB = 1 << 20, PIECE_MAX = 4 * MIB, THREADS_MAX = 16 };

typedef struct reading {
    char path[96];
    uint64_t bytes;
    size_t piece;
    uint32_t depth;  /* requests under way: threads */
    uint32_t one_in; /* read one piece in so many, the others not; 1: all */
    bool direct;     /* O_DIRECT */
    bool cold;       /* drop the file from the page cache first */
    uint32_t ahead;  /* so many pieces are asked for before they are read (WILLNEED) */
    bool random;     /* tell the system not to read ahead by itself */
    bool mapped;
    int handle;
    pthread_mutex_t lock;
    uint64_t next;
    uint64_t sum;
} reading;

/* Pieces in order, or, when not all of them, spread as dictionaries and pages of a few columns are.
 */
static uint64_t take(reading *work)
{
    pthread_mutex_lock(&work->lock);
    uint64_t at = work->next;
    work->next += work->piece * work->one_in;
    pthread_mutex_unlock(&work->lock);
    return at;
}

static uint64_t touch(const uint8_t *bytes, size_t length)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < length; i += 64) {
        sum += bytes[i];
    }
    return sum;
}

static void *read_pieces(void *of)
{
    reading *work = of;
    uint8_t *buffer = wendi_alloc_aligned(4096, PIECE_MAX);
    uint64_t sum = 0;
    uint64_t at;
    while ((at = take(work)) < work->bytes) {
        for (uint32_t i = at == 0 ? 1 : work->ahead; i <= work->ahead; i++) {
            uint64_t next = at + i * work->piece * work->one_in;
            (void)posix_fadvise(work->handle, (off_t)next, (off_t)work->piece, POSIX_FADV_WILLNEED);
        }
        if (pread(work->handle, buffer, work->piece, (off_t)at) != (ssize_t)work->piece) {
            wendi_bench_fail("cannot read %s", work->path);
        }
        sum += touch(buffer, work->piece);
    }
    wendi_free(buffer);
    pthread_mutex_lock(&work->lock);
    work->sum += sum;
    pthread_mutex_unlock(&work->lock);
    return NULL;
}

static void read_mapped(reading *work)
{
    uint8_t *bytes = mmap(NULL, work->bytes, PROT_READ, MAP_SHARED, work->handle, 0);
    if (bytes == MAP_FAILED) {
        wendi_bench_fail("cannot map %s", work->path);
    }
    for (uint64_t at = 0; at < work->bytes; at += work->piece * work->one_in) {
        work->sum += touch(bytes + at, work->piece);
    }
    munmap(bytes, work->bytes);
}

static void run(void *of)
{
    reading *work = of;
    pthread_t threads[THREADS_MAX];
    work->handle = open(work->path, O_RDONLY | O_CLOEXEC | (work->direct ? O_DIRECT : 0));
    if (work->handle < 0) {
        wendi_bench_fail("cannot open %s", work->path);
    }
    if (work->random) {
        (void)posix_fadvise(work->handle, 0, 0, POSIX_FADV_RANDOM);
    }
    if (work->cold) {
        (void)posix_fadvise(work->handle, 0, 0, POSIX_FADV_DONTNEED);
    }
    work->next = 0;
    if (work->mapped) {
        read_mapped(work);
    } else {
        for (uint32_t i = 1; i < work->depth; i++) {
            if (pthread_create(&threads[i], NULL, read_pieces, work) != 0) {
                wendi_bench_fail("no thread");
            }
        }
        read_pieces(work);
        for (uint32_t i = 1; i < work->depth; i++) {
            pthread_join(threads[i], NULL);
        }
    }
    close(work->handle);
}

static void make_file(reading *work)
{
    const char *parent = getenv("TMPDIR");
    uint64_t *block = wendi_alloc_aligned(4096, MIB);
    snprintf(work->path, sizeof work->path, "%.60s/wend-bench-XXXXXX",
             parent == NULL ? "/tmp" : parent);
    int handle = mkstemp(work->path);
    if (handle < 0 || block == NULL) {
        wendi_bench_fail("no file in %s", parent == NULL ? "/tmp" : parent);
    }
    for (uint64_t at = 0; at < work->bytes; at += MIB) {
        for (size_t i = 0; i < MIB / sizeof *block; i++) {
            block[i] = wendi_mix64(at + i);
        }
        if (write(handle, block, MIB) != MIB) {
            wendi_bench_fail("cannot write %s", work->path);
        }
    }
    if (fsync(handle) != 0) {
        wendi_bench_fail("cannot sync %s", work->path);
    }
    close(handle);
    wendi_free(block);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        size_t piece;
        uint32_t depth, one_in, ahead;
        bool direct, cold, random, mapped;
    } cases[] = {
        {"cold, pread 256 KiB in order", MIB / 4, 1, 1, 0, false, true, false, false},
        {"cold, pread 1 MiB in order", MIB, 1, 1, 0, false, true, false, false},
        {"cold, direct 256 KiB in order, 1 under way", MIB / 4, 1, 1, 0, true, true, false, false},
        {"cold, direct 1 MiB in order, 1 under way", MIB, 1, 1, 0, true, true, false, false},
        {"cold, direct 1 MiB in order, 4 under way", MIB, 4, 1, 0, true, true, false, false},
        {"cold, mapped", MIB, 1, 1, 0, false, true, false, true},
        {"cold, pread 64 KiB, one in 8", MIB / 16, 1, 8, 0, false, true, false, false},
        {"the same, told to be random", MIB / 16, 1, 8, 0, false, true, true, false},
        {"the same, 1 asked for ahead", MIB / 16, 1, 8, 1, false, true, false, false},
        {"the same, 4 asked for ahead", MIB / 16, 1, 8, 4, false, true, false, false},
        {"the same, 16 asked for ahead", MIB / 16, 1, 8, 16, false, true, false, false},
        {"cold, pread 256 KiB, one in 8", MIB / 4, 1, 8, 0, false, true, false, false},
        {"the same, 1 asked for ahead", MIB / 4, 1, 8, 1, false, true, false, false},
        {"the same, 8 asked for ahead", MIB / 4, 1, 8, 8, false, true, false, false},
        {"cold, direct 64 KiB, one in 8, 1 under way", MIB / 16, 1, 8, 0, true, true, false, false},
        {"cold, direct 64 KiB, one in 8, 8 under way", MIB / 16, 8, 8, 0, true, true, false, false},
        {"cold, direct 256 KiB, one in 8, 4 under way", MIB / 4, 4, 8, 0, true, true, false, false},
        {"cold, mapped 64 KiB, one in 8", MIB / 16, 1, 8, 0, false, true, false, true},
        {"warm, pread 64 KiB in order", MIB / 16, 1, 1, 0, false, false, false, false},
        {"warm, pread 256 KiB in order", MIB / 4, 1, 1, 0, false, false, false, false},
        {"warm, pread 1 MiB in order", MIB, 1, 1, 0, false, false, false, false},
        {"warm, mapped", MIB, 1, 1, 0, false, false, false, true},
        {"again, direct 1 MiB in order, 4 under way", MIB, 4, 1, 0, true, false, false, false},
    };
    wendi_bench bench;
    reading work = {.sum = 0};
    if (wendi_bench_open(&bench, "bench_read", argc, argv) > 1) {
        wendi_bench_fail("usage: bench_read [--rows MIB] [--runs N] [--json FILE]");
    }
    work.bytes = (bench.rows > 0 ? bench.rows : bench.quick ? 64 : 512) * MIB;
    pthread_mutex_init(&work.lock, NULL);
    make_file(&work);
    wendi_bench_heading(&bench, "Reading a file");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        work.piece = cases[i].piece;
        work.depth = cases[i].depth;
        work.one_in = cases[i].one_in;
        work.direct = cases[i].direct;
        work.cold = cases[i].cold;
        work.ahead = cases[i].ahead;
        work.random = cases[i].random;
        work.mapped = cases[i].mapped;
        double bytes = (double)(work.bytes / work.one_in);
        wendi_bench_case of = {cases[i].name, run,  &work, bytes / (double)work.piece,
                               "pieces",      bytes};
        (void)wendi_bench_measure(&bench, &of);
    }
    unlink(work.path);
    pthread_mutex_destroy(&work.lock);
    wendi_bench_close(&bench);
    return 0;
}
