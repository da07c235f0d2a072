/**
 * Inside of the pipeline: what its threads share, and which of its files does what.
 *
 *   pipeline.c           life, the thread that watches the clock, numbers
 *   pipeline_worker.c    a worker's round: flush what is due, else decode a block, else read one; settling in order
 *   pipeline_read.c      the reading of the source, by one worker at a time
 *   pipeline_batch.c     which block goes into which batch, rows and their memory
 *   pipeline_commit.c    the line of batches that wait for their commit
 *   pipeline_requests.c  what other commands ask of a live ingestor
 *
 * A *batch* is what one commit publishes. Batches are numbered; of those opened and not committed the oldest ones are
 * flushed, flushing or closed, and the newest may be filling. Blocks are numbered, too, in the order in which they are
 * read and handed out; each belongs to the batch that was filling then, so a batch is made of blocks in a row.
 *
 * A block's messages are a *text*, needed until they are decoded; there is one a worker and one more, for what was read
 * and cannot be handed out. What settling needs stays in the block's place in a ring, which bounds how many blocks may
 * be handed out and not settled: the back-pressure on the source.
 */
#ifndef WENDI_INGEST_PIPELINE_H
#define WENDI_INGEST_PIPELINE_H

#include <pthread.h>

#include "ingest/ingest.h"
#include "ingest/intake.h"

/** The arrays that a batch's rows stand in until they are a segment: large, and used again by a later batch. */
typedef struct wendi_pipeline_rows {
    struct wendi_pipeline_rows *next_idle;
    wendi_row_builder builder;
    wendi_row_builder *lanes; /* one a worker */
    size_t *lane_bytes;       /* of strings, as the worker left them with its last block; under the lock */
    uint32_t slots_used;      /* most that any batch had: so much of the arrays is memory */
} wendi_pipeline_rows;

typedef enum wendi_batch_phase { WENDI_BATCH_FILLING, WENDI_BATCH_CLOSED, WENDI_BATCH_FLUSHING, WENDI_BATCH_FLUSHED } wendi_batch_phase;

typedef struct wendi_pipeline_batch {
    wendi_batch_phase phase;
    wendi_intake_batch record; /* accounts, rejects, positions: written by settling, then by the commit */
    wendi_pipeline_rows *rows; /* NULL once flushed */
    uint32_t slot_count;       /* of the rows that were handed out */
    size_t reject_bytes;       /* of the record, as of the last block that was settled */
    uint64_t block_end;        /* number behind its last block, once closed */
    int64_t begin_us;          /* when its first block was handed out */
    int64_t closed_us;
    bool awaited;              /* another shard waits for its commit, to go on in a partition */
    wendi_pending_segment *segment; /* NULL: it had no rows */
} wendi_pipeline_batch;

/** A block from its reading until it is settled, but for its text. */
typedef struct wendi_pipeline_block {
    wendi_source_partition *partitions; /* where they stood behind it: a copy; the strings are the source's */
    uint32_t partition_count;
    uint32_t partition_capacity;
    size_t text_bytes;       /* memory of its messages; 0 when it has none */
    wendi_intake_block decoded;
    uint64_t batch;
    uint32_t lane;
    bool is_decoded;
} wendi_pipeline_block;

typedef struct wendi_partition_list {
    wendi_source_partition *each;
    uint32_t count;
    uint32_t capacity;
} wendi_partition_list;

typedef struct wendi_pipeline wendi_pipeline;

typedef struct wendi_pipeline_worker {
    wendi_pipeline *pipeline;
    uint32_t index; /* of its lane */
    wendi_intake *intake;
    wendi_message_block *text; /* its own, empty: to read into */
    pthread_t thread;
    bool started;
} wendi_pipeline_worker;

struct wendi_pipeline {
    const wendi_ingest_options *options;
    wendi_table *table;
    wendi_table_writer *writer;
    wendi_source *source;
    wendi_string cluster_id;
    /* Sizes, settled before any thread starts. */
    uint32_t worker_count;
    uint32_t row_capacity;   /* of a batch */
    size_t batch_bytes_max;
    size_t memory_limit;
    int64_t interval_us;
    int64_t begin_us;

    pthread_mutex_t lock; /* guards all up to `settling_lock` */
    pthread_cond_t work;  /* a worker may find something due */
    pthread_cond_t told;  /* something was committed, or failed, or all is done: for the thread that watches */
    wendi_pipeline_block *blocks; /* ring of block_count; block `number` is blocks[number % block_count] */
    uint32_t block_count;
    uint64_t handed;  /* blocks ever handed out, settled; handed - settled <= block_count */
    uint64_t settled;
    wendi_message_block *texts; /* worker_count + 1 */
    wendi_message_block *read;  /* was read and is to be handed out next, as block number `handed`; or NULL */
    wendi_message_block *spare; /* the text that no worker has, while none waits in `read` */
    bool reading;               /* a worker reads the source: only it calls it, and writes to block number `handed` */
    bool ended;                 /* the source gives no more */
    wend_status outcome;        /* how it ended */
    wend_error source_error;
    uint64_t read_messages;
    uint64_t source_waits;      /* times that a worker waited because others had to settle, flush or commit first; */
    bool held_back;             /* counted since the source was read last */
    wendi_partition_list to_announce; /* what the table has committed, for the source to pass on */
    wendi_partition_list announcing;  /* the reading worker's */
    wendi_pipeline_worker *workers;
    wendi_intake **intakes; /* the workers' */
    wendi_pipeline_batch *line; /* ring of line_length; batch `number` is line[number % line_length] */
    uint32_t line_length;
    uint64_t opened;    /* batches ever opened, taken to be flushed, committed */
    uint64_t flushes;
    uint64_t committed;
    bool filling;       /* the newest takes blocks */
    wendi_pipeline_rows *rows; /* all that were made, rows_made of them */
    uint32_t rows_made;
    wendi_pipeline_rows *idle_rows;
    bool settling;   /* a worker settles blocks: only it does */
    bool committing; /* a worker commits: only it does */
    bool paused;     /* no block is handed out */
    bool stopped;    /* workers end */
    bool failed;     /* as `status` and `error` say: nothing more is committed */
    wend_status status;
    wend_error error;
    uint64_t taken_committed;
    uint64_t commit_count;
    uint64_t segment_count;
    int64_t committed_us;
    int64_t commit_latency_us;
    wendi_arena arena; /* of one commit: the committing worker's */

    pthread_mutex_t settling_lock; /* what settling counts; never held while `lock` is asked for */
    wendi_intake_totals totals;
    wendi_ingest_partition *positions;
    uint32_t position_count;
    uint32_t position_capacity;

    /* Of the thread that watches. */
    wendi_ingest_stats stats;
    wendi_ingest_partition *shown; /* a copy of positions */
    uint32_t shown_capacity;
    int64_t requests_us; /* when requests were looked for */
    int64_t progress_us; /* when progress was told last, and what the numbers were */
    uint64_t progress_taken;
    uint64_t progress_bytes;
};

/* "Held": the caller has the lock; where it is given up in between, that is said. */

/** Held: remember the first failure and wake everybody. */
void wendi_pipeline_fail(wendi_pipeline *self, wend_status status, const wend_error *error);
wendi_pipeline_batch *wendi_pipeline_batch_at(wendi_pipeline *self, uint64_t number);

wendi_pipeline_block *wendi_pipeline_block_at(wendi_pipeline *self, uint64_t number);

/* pipeline_read.c */
/** Held: nobody reads, and the source is to be read. */
bool wendi_pipeline_may_read(const wendi_pipeline *self);
/** Held, given up in between: read a block into the worker's text, which waits in `read` then; or find the source ended. */
void wendi_pipeline_read(wendi_pipeline_worker *worker);
/** Held: a worker finds nothing to do: count it if the source could be read but for the other workers. */
void wendi_pipeline_note_wait(wendi_pipeline *self);
/** Held: everything that the source gave is settled, and nothing more comes. */
bool wendi_pipeline_is_drained(const wendi_pipeline *self);
/** Held: have the source told, before the next block is read, what was committed. Advisory: left out when memory is refused. */
void wendi_pipeline_announce(wendi_pipeline *self, const wendi_source_partition *partitions, uint32_t count);
/** No worker is at work: what was announced last is told. */
void wendi_pipeline_tell_last(wendi_pipeline *self);
/** Held: memory of messages that were read and are not settled; 0: there are none. */
size_t wendi_pipeline_text_bytes(wendi_pipeline *self);

/* pipeline_batch.c */
/** Held: close the filling batch if the block that was read does not fit into it, or none will come, or it is due. */
void wendi_pipeline_close_full(wendi_pipeline *self);
/**
 * Held: hand the block that was read out to the worker: its text, in exchange for the worker's own, its batch and its
 * slots. False: none was read, or it may not be handed out now.
 */
bool wendi_pipeline_hand_out(wendi_pipeline_worker *worker, uint64_t *number, uint32_t *first_slot);
/** Held: the filling batch, if there is one, takes no more blocks. */
void wendi_pipeline_close_batch(wendi_pipeline *self);
/** Held: how long the filling batch may go on filling; 0: it is to be closed; INT64_MAX: there is none. */
int64_t wendi_pipeline_batch_left_us(wendi_pipeline *self, int64_t now_us);
/** Held: the batch to be flushed next, when all its blocks are settled; else NULL. */
wendi_pipeline_batch *wendi_pipeline_take_flush(wendi_pipeline *self);
/** Held: a batch's rows are a segment: their memory serves the next one. */
void wendi_pipeline_give_rows_back(wendi_pipeline *self, wendi_pipeline_batch *batch);
/** Held: bytes of all rows and of what flushes keep. */
size_t wendi_pipeline_batch_bytes(wendi_pipeline *self);
/** No thread is at work: rows of the old schema go. */
void wendi_pipeline_free_rows(wendi_pipeline *self);
/** How many rows a batch may have, given the memory; before any thread starts. */
uint32_t wendi_pipeline_row_capacity(const wendi_pipeline *self);

/* pipeline_worker.c */
wend_status wendi_pipeline_start_workers(wendi_pipeline *self, wend_error *error);
/** Ends and joins the workers that were started. */
void wendi_pipeline_stop_workers(wendi_pipeline *self);

/* pipeline_commit.c */
/** Held, given up in between: commit what has come to its turn. */
void wendi_pipeline_commit_line(wendi_pipeline *self);
/** Held: nothing waits for its commit. */
bool wendi_pipeline_line_is_empty(const wendi_pipeline *self);

/* pipeline_requests.c */
/** Tell the source whether the table has a column of headers. Not held. */
void wendi_pipeline_ask_for_headers(wendi_pipeline *self);
/** Carry out what other commands ask, when some time has passed since the last look. Not held. */
wend_status wendi_pipeline_serve_requests(wendi_pipeline *self, wend_error *error);
/* pipeline.c: nothing is handed out any more: wait until all that was is committed. Not held. False: it failed. */
bool wendi_pipeline_drain(wendi_pipeline *self);

#endif
