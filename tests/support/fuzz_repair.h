/**
 * Repairs that let hostile content get past what only guards against accidents: checksums and
 * places always, and for mutators the counts and lengths that must agree with each other before
 * anything behind them is looked at.
 */
#ifndef WENDI_TESTS_FUZZ_REPAIR_H
#define WENDI_TESTS_FUZZ_REPAIR_H

#include "format/page.h"

/** Of a whole page of `length` bytes (a multiple of 64): its place and its checksum. */
void repair_page(uint8_t *bytes, size_t length, const wendi_place *place);
/** Of a dictionary: its place, the checksums of its blocks as far as they lie inside, of header and
 * index. */
void repair_dictionary(uint8_t *bytes, size_t length, wendi_place place);
/** Of a prediction: its place and checksum. */
void repair_prediction(uint8_t *bytes, size_t length, wendi_place place);
/** Of a segment: everything that the file gives a place to, from the pages up to the trailer. */
void repair_segment(uint8_t *file, size_t length);

/** Header of the stream at `at`, of which `left` bytes may be used: its count, and a body that lies
 * inside. Its bytes. */
size_t mend_stream(uint8_t *at, size_t left, uint32_t count);
/** A page's header against its length, its nulls against its values, its streams against both. */
void mend_page(uint8_t *bytes, size_t length);
/** A dictionary's index against its header and its length; `entries`: what the footer says. */
void mend_dictionary(uint8_t *bytes, size_t length, uint32_t entries, bool ordered);
/** A prediction's stored bytes against its length; raw where they are as many as numbers need. */
void mend_prediction(uint8_t *bytes, size_t length);

/* ---- for custom mutators, which only libFuzzer calls ---- */
/** libFuzzer's own mutation: the new size, at most `max_size`. */
size_t mutate_any(uint8_t *data, size_t size, size_t max_size);
/** A custom mutator for pages: mostly mended ones of few rows. `seed` decides. */
size_t mutate_page(uint8_t *data, size_t size, size_t max_size, unsigned seed);
/** A custom mutator for a byte that says how and a segment behind it. */
size_t mutate_segment(uint8_t *data, size_t size, size_t max_size, unsigned seed);
/** Mutate `size` bytes in place without changing their number. */
void mutate_within(uint8_t *data, size_t size);

#endif
