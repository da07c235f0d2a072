/* Bottom-up merge sort over insertion-sorted runs. */
#include "query/index_sort.h"

#include <string.h>

#include "engine/base/alloc.h"

enum { RUN = 16 };

static void insertion(uint32_t *indices, uint32_t count, wendi_index_compare compare,
                      const void *context)
{
    for (uint32_t i = 1; i < count; i++) {
        uint32_t moved = indices[i];
        uint32_t at = i;
        while (at > 0 && compare(context, indices[at - 1], moved) > 0) {
            indices[at] = indices[at - 1];
            at--;
        }
        indices[at] = moved;
    }
}

static void merge(const uint32_t *a, uint32_t a_count, const uint32_t *b, uint32_t b_count,
                  uint32_t *out, wendi_index_compare compare, const void *context)
{
    while (a_count > 0 && b_count > 0) {
        if (compare(context, *a, *b) <= 0) {
            *out++ = *a++;
            a_count--;
        } else {
            *out++ = *b++;
            b_count--;
        }
    }
    memcpy(out, a, a_count * sizeof *a);
    memcpy(out + a_count, b, b_count * sizeof *b);
}

wend_status wendi_index_sort(uint32_t *indices, uint32_t count, wendi_index_compare compare,
                             const void *context, wend_error *error)
{
    for (uint32_t begin = 0; begin < count; begin += RUN) {
        insertion(indices + begin, count - begin < RUN ? count - begin : RUN, compare, context);
    }
    if (count <= RUN) {
        return WEND_OK;
    }
    uint32_t *scratch = wendi_alloc((size_t)count * sizeof *scratch);
    if (scratch == NULL) {
        return wendi_fail_nomem(error, "sorting", (size_t)count * sizeof *scratch);
    }
    uint32_t *from = indices;
    uint32_t *to = scratch;
    for (uint64_t width = RUN; width < count; width *= 2) {
        for (uint64_t begin = 0; begin < count; begin += 2 * width) {
            uint64_t middle = begin + width < count ? begin + width : count;
            uint64_t end = begin + 2 * width < count ? begin + 2 * width : count;
            merge(from + begin, (uint32_t)(middle - begin), from + middle, (uint32_t)(end - middle),
                  to + begin, compare, context);
        }
        uint32_t *swap = from;
        from = to;
        to = swap;
    }
    if (from != indices) {
        memcpy(indices, from, (size_t)count * sizeof *indices);
    }
    wendi_free(scratch);
    return WEND_OK;
}
