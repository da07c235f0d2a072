/**
 * One slice of the hash space in memory: the rows of every row group, and merging them by user.
 *
 * Inside of user_stream only. A slice belongs to one worker; all its memory is in one arena that is
 * reset between slices.
 */
#ifndef WENDI_BEHAVIOUR_USER_SLICE_H
#define WENDI_BEHAVIOUR_USER_SLICE_H

#include <pthread.h>

#include "query/behaviour/user_stream.h"

/** Text and sixteen-byte values of one cell (column of results) as ids, shared by all workers. */
typedef struct wendi_value_ids {
    pthread_mutex_t lock;
    wendi_interner interner;
} wendi_value_ids;

/** The rows of one row group within the slice, column by column, and where each user's begin. */
typedef struct wendi_slice_source {
    uint32_t row_count;
    uint32_t row_capacity;
    int64_t *times;
    uint64_t *flags;
    uint64_t **cells; /* cell_count, then the order column's if there is one */
    uint8_t **nulls;
    uint32_t run_count;
    uint32_t run_capacity;
    uint32_t *run_rows; /* first row of each run; the last run ends at row_count */
    uint64_t *run_hashes;
    wendi_value *run_users;
    uint32_t next_run; /* of the merge */
} wendi_slice_source;

typedef struct wendi_slice_layout { /* the same for all slices of a stream */
    uint32_t flag_words;
    uint32_t cell_count;
    bool has_order;
    wendi_type order_type;
} wendi_slice_layout;

typedef struct wendi_user_slice {
    const wendi_slice_layout *layout;
    wendi_arena arena;
    wendi_slice_source *sources; /* in arrival order: segment by segment, row group by row group */
    uint32_t source_count;
    uint32_t source_capacity;
    /* Scratch of the merge, for the users whose rows lie in several sources: */
    uint32_t *heap;
    struct wendi_slice_place *places;
    struct wendi_slice_place *places_scratch;
    uint32_t place_capacity;
    wendi_user_rows rows;
    const uint64_t **cell_view;
    const uint8_t **null_view;
    uint32_t gathered_capacity;
    int64_t *gathered_times;
    uint64_t *gathered_flags;
    uint64_t **gathered_cells;
    uint8_t **gathered_nulls;
} wendi_user_slice;

void wendi_user_slice_init(wendi_user_slice *slice, const wendi_slice_layout *layout);
void wendi_user_slice_free(wendi_user_slice *slice);
void wendi_user_slice_reset(wendi_user_slice *slice);
/** A new source with room for `row_capacity` rows, behind the others. */
wend_status wendi_user_slice_source(wendi_user_slice *slice, uint32_t row_capacity,
                                    wendi_slice_source **source_out, wend_error *error);
/** Begin a run at the source's current row; the user's string is copied. */
wend_status wendi_slice_source_run(wendi_user_slice *slice, wendi_slice_source *source,
                                   uint64_t hash, const wendi_value *user, wend_error *error);
/** Give every user of the slice to `consume`, in (hash, user) order. */
wend_status wendi_user_slice_merge(wendi_user_slice *slice, wendi_user_consumer consume,
                                   void *context, uint32_t worker, uint32_t number,
                                   wend_error *error);

#endif
