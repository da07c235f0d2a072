/** Dictionaries of which single blocks are loaded, for looking up one string and for the strings of a few rows. */
#ifndef WENDI_FORMAT_DICTIONARY_PART_H
#define WENDI_FORMAT_DICTIONARY_PART_H

#include "format/segment.h"

/**
 * The part that is loaded of a dictionary (nothing at first use), shared by all threads and kept in the segment until it
 * is trimmed or closed. Only where there is a dictionary.
 */
wend_status wendi_segment_dictionary_part(wendi_segment *segment, uint32_t row_group, uint32_t column,
                                          wendi_dictionary_part **part_out, wend_error *error);
/** The string of a code from 1 on, below the number of entries; loads its block. */
wend_status wendi_dictionary_part_at(wendi_segment *segment, wendi_dictionary_part *part, uint32_t code,
                                     wendi_string *string_out, wend_error *error);
/**
 * The code of `text`, 0 when it is not there. `by_hash`: entries rise by (hash, bytes), else bytewise. Loads the
 * blocks that the search touches.
 */
wend_status wendi_dictionary_part_find(wendi_segment *segment, wendi_dictionary_part *part, wendi_string text,
                                       bool by_hash, uint32_t *code_out, wend_error *error);
/** Bytes of memory that it holds. */
uint64_t wendi_dictionary_part_memory(wendi_dictionary_part *part);
void wendi_dictionary_part_free(wendi_dictionary_part *part); /* accepts NULL */

#endif
