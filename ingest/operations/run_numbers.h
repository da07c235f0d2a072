/**
 * The numbers of a run, one row each: its name in the live status, and its name, kind, unit and
 * help among the metrics. Who writes or reads numbers by name goes through this table, so a new
 * number is added here once.
 */
#ifndef WENDI_RUN_NUMBERS_H
#define WENDI_RUN_NUMBERS_H

#include "ingest/operations/run_board.h"

typedef enum wendi_number_type {
    WENDI_NUMBER_U64,
    WENDI_NUMBER_I64,
    WENDI_NUMBER_U32,
    WENDI_NUMBER_SIZE,
    WENDI_NUMBER_REAL
} wendi_number_type;

typedef struct wendi_run_number {
    const char *name;   /* in the live status */
    const char *metric; /* NULL: not a metric by itself */
    const char *help;
    bool counter;    /* only grows in a run; else a gauge */
    bool kafka;      /* only known of runs from Kafka */
    bool zero_unset; /* 0 means that there is none yet: no metric */
    wendi_number_type type;
    double scale;  /* the metric is the number times this */
    size_t offset; /* in wendi_run_view */
} wendi_run_number;

extern const wendi_run_number wendi_run_numbers[];
extern const uint32_t wendi_run_number_count;

/** The value as text (at most 32 bytes with its NUL), unscaled, exact. */
void wendi_run_number_print(const wendi_run_number *number, const wendi_run_view *view,
                            char text[32]);
/** Take a value from text; false: it is none. */
bool wendi_run_number_parse(const wendi_run_number *number, const char *text, wendi_run_view *view);
/** For metrics, scaled. */
double wendi_run_number_value(const wendi_run_number *number, const wendi_run_view *view);

#endif
