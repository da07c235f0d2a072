/**
 * Memory that flushes use again: to ask the system for it anew at every flush would cost more than sorting does.
 *
 * A *scratch* is what one flush needs beside its builder: the order of the rows and two arrays a column. A
 * *shelf* keeps the scratches that no flush uses now; there are never more of them than flushes ran at once. It also
 * keeps what flushes found out about the columns: which are predicted from which.
 */
#ifndef WENDI_TABLE_FLUSH_SCRATCH_H
#define WENDI_TABLE_FLUSH_SCRATCH_H

#include <pthread.h>

#include "engine/table/row_order.h"
#include "format/prediction.h"

typedef struct wendi_flush_scratch wendi_flush_scratch;
struct wendi_flush_scratch {
    wendi_flush_scratch *next; /* on the shelf */
    wendi_row_order order;
    struct wendi_flush_array {
        void *memory;
        size_t bytes;
    } *arrays;
    uint32_t array_count;
    size_t bytes; /* of everything, as it was when it was put back */
};

typedef struct wendi_flush_shelf {
    pthread_mutex_t lock;
    wendi_flush_scratch *idle;
    size_t idle_bytes;
    size_t bytes_max; /* of what is kept for the next flush; 0: whatever it is */
    wendi_prediction_memory *predictions; /* NULL: no memory for it */
} wendi_flush_shelf;

void wendi_flush_shelf_init(wendi_flush_shelf *shelf, size_t bytes_max);
/** No scratch is out. */
void wendi_flush_shelf_free(wendi_flush_shelf *shelf);
/** A scratch with `array_count` arrays, some of which may have memory from before; any thread. NULL: no memory. */
wendi_flush_scratch *wendi_flush_shelf_take(wendi_flush_shelf *shelf, uint32_t array_count);
/** Put it back, or free it when the shelf would hold more than it may. Accepts NULL; any thread. */
void wendi_flush_shelf_put(wendi_flush_shelf *shelf, wendi_flush_scratch *scratch);
/** What lies on the shelf. */
size_t wendi_flush_shelf_bytes(wendi_flush_shelf *shelf);

/** Array `index` with room for `bytes` and 64 more that may be read; aligned to 64, its content is anything. NULL: refused. */
void *wendi_flush_scratch_array(wendi_flush_scratch *scratch, uint32_t index, size_t bytes);

#endif
