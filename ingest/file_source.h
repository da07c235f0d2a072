/**
 * Lines of files and of standard input as a source of messages.
 *
 * Plain, zstd (.zst) and gzip (.gz) files are told apart by their first bytes. One message a line;
 * '\n' ends a line, a '\r' before it is dropped, lines of blanks only are skipped. Lines are parsed in
 * place: payloads point into the block's own read buffer. A line longer than WENDI_MESSAGE_BYTES_MAX comes
 * cut to one byte more than that, for the decoder to reject.
 *
 * Identity. A file is what its content is: the hash of its first 64 KiB (less, when less was there at
 * its first reading) and the hash of the 4 KiB before the position that the table has reached. Path
 * and size are only shown. So a renamed, rotated, moved or recompressed file goes on where it stood, a grown
 * one gives only what is new, and one that was read to its end gives nothing, also when it is named
 * twice in one call. A file whose head is known but which ends before the known position is refused
 * (WEND_CONFLICT), since nobody can say whether it is a cut copy or something new; `reload` takes it, and
 * any other, from its beginning under a new identity.
 *
 * Positions count decompressed bytes. They stand at the end of a line, or at the file's end when its last
 * line has no '\n': without `follow` that line is given as it is, with `follow` it waits to be finished.
 */
#ifndef WENDI_INGEST_FILE_SOURCE_H
#define WENDI_INGEST_FILE_SOURCE_H

#include "ingest/message.h"

enum {
    WENDI_FILE_HEAD_BYTES = 65536,
    WENDI_FILE_TAIL_BYTES = 4096
};

/** Where the table stands in one file, as committed: fields of wendi_source_partition. */
typedef struct wendi_file_start {
    const char *topic; /* "file:…" or "stdin:…"; others are ignored */
    int64_t next;
    uint64_t fingerprint;
} wendi_file_start;

/** Borrowed for the call of open() only. Zero-filled but for files or use_stdin is a valid choice. */
typedef struct wendi_file_source_options {
    const char *const *paths; /* read one after the other, in this order */
    uint32_t path_count;
    bool use_stdin;           /* standard input instead of paths */
    int stdin_fd;             /* 0: descriptor 0; tests pass another */
    const char *source_name;  /* name of standard input, by which it can be resumed; NULL: each run is new */
    bool follow;              /* wait for more at the end; files then take turns */
    bool reload;              /* read from the beginning whatever the table knows of these files */
    const wendi_file_start *starts;
    uint32_t start_count;
    size_t read_bytes;        /* of one block's read buffer; 0: 512 KiB, which stays in a processor's cache until it is decoded */
} wendi_file_source_options;

/** How one file was recognised, for people. */
typedef enum wendi_file_recognised {
    WENDI_FILE_PENDING,  /* not reached yet */
    WENDI_FILE_NEW,      /* read from its beginning */
    WENDI_FILE_RESUMED,  /* known; what lies behind the known position is read */
    WENDI_FILE_REPEATED, /* known and read to its end before: nothing was read */
    WENDI_FILE_RELOADED  /* known, and read again because `reload` asked for it */
} wendi_file_recognised;

typedef struct wendi_file_report {
    const char *path;
    wendi_file_recognised recognised;
    int64_t start; /* where reading began */
    int64_t next;  /* where it stands */
} wendi_file_report;

/**
 * Check that the files can be opened; nothing is read yet. Partitions appear in partitions() when their
 * file is reached and has content. next() adds WEND_IO, WEND_CORRUPT (a compressed file is damaged or
 * cut), WEND_CONFLICT (see above; standard input that does not begin as the named source did).
 */
wend_status wendi_file_source_open(const wendi_file_source_options *options, wendi_source **source_out,
                                   wend_error *error) WEND_MUST_USE;
/** One report a path, in order; valid until next() or close(). */
const wendi_file_report *wendi_file_source_reports(const wendi_source *source, uint32_t *count);

#endif
