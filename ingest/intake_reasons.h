/**
 * Rejects counted by reason: the kind and the column or rule, without the value that was wrong.
 */
#ifndef WENDI_INGEST_INTAKE_REASONS_H
#define WENDI_INGEST_INTAKE_REASONS_H

#include "ingest/ingest.h"

/** Zero-filled is a valid empty one. */
typedef struct wendi_intake_reasons {
    wendi_ingest_reason entries[WENDI_INGEST_REASONS_MAX - 1];
    uint32_t count;
    uint32_t last; /* entry that was met last */
    uint64_t others;
} wendi_intake_reasons;

/** Count one reject. `rule` is the CHECK's or column's name where the kind has one. */
void wendi_intake_reasons_add(wendi_intake_reasons *reasons, const wendi_reject *reject, wendi_string rule);
/** Forget all. */
void wendi_intake_reasons_reset(wendi_intake_reasons *reasons);
/** Add up `more`, in the order in which its reasons were met first. */
void wendi_intake_reasons_merge(wendi_intake_reasons *into, const wendi_intake_reasons *more);
/** Most frequent first; what did not fit is summed up last. */
uint32_t wendi_intake_reasons_list(const wendi_intake_reasons *reasons, wendi_ingest_reason list[WENDI_INGEST_REASONS_MAX]);

#endif
