/**
 * What the kernel tests share: lengths around those of vectors and words, a seeded generator, and
 * memory that ends where a page without rights begins, so that a kernel that touches one byte beyond
 * its values dies. Needs nothing but the kernels: the tests can be cross-compiled (aarch64_test.sh).
 */
#ifndef WENDI_TESTS_KERNEL_CASES_H
#define WENDI_TESTS_KERNEL_CASES_H

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "format/kernel/kernels.h"

static const size_t kernel_lengths[] = {1,  2,  3,   7,   8,   9,    15,   16,  17,
                                        31, 63, 64,  65,  127, 128,  1000, 1023, 1024, 4097};
enum {
    KERNEL_LENGTHS = sizeof kernel_lengths / sizeof *kernel_lengths,
    KERNEL_LONGEST = 4097
};

/** SplitMix64 (Steele, Lea, Flood 2014). */
static inline uint64_t kernel_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/** Memory before a page that nobody may touch. */
typedef struct kernel_room {
    uint8_t *bytes;
    size_t capacity;
} kernel_room;

static inline kernel_room kernel_room_new(size_t capacity)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t rounded = (capacity + page - 1) / page * page;
    uint8_t *bytes = mmap(NULL, rounded + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (bytes == MAP_FAILED || mprotect(bytes + rounded, page, PROT_NONE) != 0) {
        abort();
    }
    return (kernel_room){bytes, rounded};
}

static inline void kernel_room_free(kernel_room *room)
{
    munmap(room->bytes, room->capacity + (size_t)sysconf(_SC_PAGESIZE));
}

/** The last `bytes` of the room: aligned as their number is. */
static inline void *kernel_room_end(const kernel_room *room, size_t bytes)
{
    return room->bytes + room->capacity - bytes;
}

#endif
