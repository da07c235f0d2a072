/* Scratches on a shelf. An array never shrinks: batches of one run are much alike. */
#include "engine/table/flush_scratch.h"

#include <assert.h>
#include <string.h>

#include "engine/base/alloc.h"

enum { ARRAY_ALIGNMENT = 64, ARRAY_PADDING = 64 };

void wendi_flush_shelf_init(wendi_flush_shelf *shelf, size_t bytes_max)
{
    *shelf = (wendi_flush_shelf){.bytes_max = bytes_max};
    pthread_mutex_init(&shelf->lock, NULL);
    (void)wendi_prediction_memory_new(&shelf->predictions); /* without it every flush looks anew */
}

static void free_scratch(wendi_flush_scratch *scratch)
{
    for (uint32_t i = 0; i < scratch->array_count; i++) {
        wendi_free(scratch->arrays[i].memory);
    }
    wendi_free(scratch->arrays);
    wendi_row_order_free(&scratch->order);
    wendi_free(scratch);
}

void wendi_flush_shelf_free(wendi_flush_shelf *shelf)
{
    while (shelf->idle != NULL) {
        wendi_flush_scratch *scratch = shelf->idle;
        shelf->idle = scratch->next;
        free_scratch(scratch);
    }
    wendi_prediction_memory_free(shelf->predictions);
    pthread_mutex_destroy(&shelf->lock);
}

static bool has_arrays(wendi_flush_scratch *scratch, uint32_t array_count)
{
    if (array_count > scratch->array_count) {
        struct wendi_flush_array *more = wendi_realloc(scratch->arrays, array_count * sizeof *more);
        if (more == NULL) {
            return false;
        }
        memset(more + scratch->array_count, 0, (array_count - scratch->array_count) * sizeof *more);
        scratch->arrays = more;
        scratch->array_count = array_count;
    }
    return true;
}

wendi_flush_scratch *wendi_flush_shelf_take(wendi_flush_shelf *shelf, uint32_t array_count)
{
    pthread_mutex_lock(&shelf->lock);
    wendi_flush_scratch *scratch = shelf->idle;
    if (scratch != NULL) {
        shelf->idle = scratch->next;
        shelf->idle_bytes -= scratch->bytes;
    }
    pthread_mutex_unlock(&shelf->lock);
    if (scratch == NULL) {
        scratch = wendi_alloc_zero(1, sizeof *scratch);
    }
    if (scratch != NULL && !has_arrays(scratch, array_count)) {
        free_scratch(scratch);
        scratch = NULL;
    }
    return scratch;
}

void wendi_flush_shelf_put(wendi_flush_shelf *shelf, wendi_flush_scratch *scratch)
{
    if (scratch == NULL) {
        return;
    }
    scratch->bytes = wendi_row_order_bytes(&scratch->order);
    for (uint32_t i = 0; i < scratch->array_count; i++) {
        scratch->bytes += scratch->arrays[i].bytes;
    }
    pthread_mutex_lock(&shelf->lock);
    bool keep = shelf->bytes_max == 0 || shelf->idle_bytes + scratch->bytes <= shelf->bytes_max;
    if (keep) {
        scratch->next = shelf->idle;
        shelf->idle = scratch;
        shelf->idle_bytes += scratch->bytes;
    }
    pthread_mutex_unlock(&shelf->lock);
    if (!keep) {
        free_scratch(scratch);
    }
}

size_t wendi_flush_shelf_bytes(wendi_flush_shelf *shelf)
{
    pthread_mutex_lock(&shelf->lock);
    size_t bytes = shelf->idle_bytes;
    pthread_mutex_unlock(&shelf->lock);
    return bytes;
}

void *wendi_flush_scratch_array(wendi_flush_scratch *scratch, uint32_t index, size_t bytes)
{
    assert(index < scratch->array_count);
    struct wendi_flush_array *array = &scratch->arrays[index];
    if (array->memory == NULL || bytes > array->bytes) {
        wendi_free(array->memory);
        array->memory = wendi_alloc_aligned(ARRAY_ALIGNMENT, bytes + ARRAY_PADDING);
        array->bytes = array->memory != NULL ? bytes : 0;
    }
    if (array->memory != NULL) {
        memset((char *)array->memory + bytes, 0, ARRAY_PADDING);
    }
    return array->memory;
}
