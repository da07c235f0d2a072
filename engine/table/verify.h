/** Reading every byte of a table and saying what is wrong with it. */
#ifndef WENDI_TABLE_VERIFY_H
#define WENDI_TABLE_VERIFY_H

#include "engine/base/status.h"
#include "engine/base/bytes.h"

/** One fault. Strings live for the call of the report. */
typedef struct wendi_table_fault {
    const char *path;    /* within the table's folder: "seg/<uuid>.wseg" */
    const char *message; /* what and at which place of the file */
} wendi_table_fault;

typedef struct wendi_table_verified {
    uint64_t files;
    uint64_t bytes;
    uint64_t rows; /* of live segments */
    uint64_t faults;
    uint64_t unreferenced; /* files that no commit names: what a crash left, or a reader still has;
                              not a fault */
} wendi_table_verified;

/**
 * Check the chain of commits, every checkpoint against the replayed state, every live segment (each
 * byte), every reject file and every key file. Needs no lock and does not open the table, so that it works on one
 * too damaged to open. Returns: WEND_OK no faults; WEND_CORRUPT faults were reported;
 * WEND_NOT_FOUND no such table.
 */
wend_status wendi_table_verify(const char *store, wendi_string table,
                               void (*report)(void *context, const wendi_table_fault *fault),
                               void *context, wendi_table_verified *verified, wend_error *error);

#endif
