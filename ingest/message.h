/**
 * What every source hands to the pipeline: blocks of raw messages, each with its place of origin.
 *
 * A *partition* here is anything with an order of its own: one Kafka partition, one file, one run
 * of standard input. Positions count messages (Kafka offsets) or decompressed bytes (files). A
 * source numbers its partitions 0..n-1 in the order that fixes arrival (topic name, then partition
 * number; files in the order given), and that ordinal travels with each message.
 */
#ifndef WENDI_INGEST_MESSAGE_H
#define WENDI_INGEST_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/arena.h"
#include "engine/base/bytes.h"
#include "engine/base/status.h"

enum {
    WENDI_MESSAGE_PADDING = 64, /* readable bytes behind every payload, of any value, so that parsers may over-read */
    WENDI_MESSAGE_BLOCK_MAX = 4096
};

typedef struct wendi_message_header {
    wendi_string name;
    wendi_string value;
} wendi_message_header;

/** One message. All pointers are borrowed from its block's arena. */
typedef struct wendi_message {
    const char *payload; /* NULL: a tombstone (Kafka's null value), counted apart */
    uint32_t length;
    uint32_t partition;   /* ordinal within the source */
    int64_t position;     /* Kafka offset, or byte at which the line begins */
    int64_t next;         /* the position to go on from once this message is settled */
    int64_t timestamp_us; /* broker or producer time; INT64_MIN when there is none */
    bool key_present;
    wendi_string key;
    const wendi_message_header *headers; /* NULL unless the source was asked for them */
    uint32_t header_count;
    const char *refused; /* not NULL: the source refuses it for this reason; it goes to the rejects as it came */
} wendi_message;

/** A reusable batch of messages; the arena owns every byte that the messages point to. */
typedef struct wendi_message_block {
    wendi_arena arena;
    wendi_message *messages; /* WENDI_MESSAGE_BLOCK_MAX slots, owned */
    uint32_t count;
    size_t payload_bytes;
    char *space; /* where wendi_message_block_space() goes on, and how many bytes it has there */
    size_t space_bytes;
} wendi_message_block;

/** What a source knows of one of its partitions; `topic` and pointers live as long as the source. */
typedef struct wendi_source_partition {
    const char *topic;    /* Kafka topic; for files "file:" and the hash of the file's head in hex;
                             for standard input "stdin:" and its --source name or a run id */
    int32_t partition;    /* Kafka partition number; 0 for files */
    const char *shown;    /* for people: "topic[3]" or the file's path */
    int64_t next;         /* where reading goes on */
    int64_t end;          /* high-water mark or file size in bytes when known, else -1 */
    int64_t gap;          /* messages known to be gone before `next` (accepted gaps), else 0 */
    int32_t leader_epoch; /* of the last message taken; -1 unknown */
    uint64_t fingerprint; /* hash of the last message taken, or of the 4 KiB before `next` of a file */
    bool finished;        /* a bounded run has read all that it wanted of it */
    bool draining;        /* given up to another shard, which waits until what was handed out is committed */
} wendi_source_partition;

/**
 * A source of messages, implemented by ingest/file_source.c and ingest/kafka/kafka_source.c.
 *
 * Threads: one thread at a time per source. next() blocks at most `timeout_ms`; WEND_OK may come
 * with no messages (nothing arrived yet); WEND_END: every partition is finished. Any other status
 * is final for the source, and only close() is meaningful after it. The block is reset and filled.
 */
typedef struct wendi_source wendi_source;
struct wendi_source {
    wend_status (*next)(wendi_source *self, wendi_message_block *block, int timeout_ms, wend_error *error);
    /** The partitions, `*count` of them; valid until the next call of next() or close(). */
    const wendi_source_partition *(*partitions)(wendi_source *self, uint32_t *count);
    /** Tell the outside (Kafka's group offsets) what the table has committed; advisory, may be NULL. */
    void (*committed)(wendi_source *self, const wendi_source_partition *partitions, uint32_t count);
    void (*close)(wendi_source *self);
    /** Whether the messages that are read from now on are to have headers, which costs; any thread. NULL: it has none. */
    void (*want_headers)(wendi_source *self, bool wanted);
};

wend_status wendi_message_block_init(wendi_message_block *block, wend_error *error);
void wendi_message_block_reset(wendi_message_block *block);
void wendi_message_block_free(wendi_message_block *block);
/**
 * Room for `length` bytes and their padding in the block's arena; NULL when refused. What is asked for one after the
 * other lies side by side, the padding of one being the next, so that little of a cache is taken.
 */
char *wendi_message_block_space(wendi_message_block *block, size_t length);

#endif
