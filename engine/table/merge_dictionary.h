/**
 * The dictionary of one text column across the row groups of a merge.
 *
 * Each entry of a source's dictionary is looked up once, when the first row needs it, and from then
 * on mapped by code. Columns of few texts keep what they have gathered from row group to row group;
 * others begin anew, so that memory is bounded by what one row group holds.
 */
#ifndef WENDI_TABLE_MERGE_DICTIONARY_H
#define WENDI_TABLE_MERGE_DICTIONARY_H

#include "engine/column/dictionary.h"

typedef struct wendi_merge_dictionary wendi_merge_dictionary;

wend_status wendi_merge_dictionary_open(uint32_t source_count,
                                        wendi_merge_dictionary **dictionary_out, wend_error *error);
void wendi_merge_dictionary_close(wendi_merge_dictionary *dictionary); /* accepts NULL */

/** to[places[i]] becomes the gathered code of code codes[i] of the source's dictionary `from`. */
wend_status wendi_merge_dictionary_map(wendi_merge_dictionary *dictionary, uint32_t source,
                                       const wendi_dictionary *from, const uint32_t *codes,
                                       uint32_t count, const uint32_t *places, uint32_t *to,
                                       wend_error *error);
/** The gathered code of a text; NULL: null. */
wend_status wendi_merge_dictionary_code(wendi_merge_dictionary *dictionary,
                                        const wendi_string *text, uint32_t *code,
                                        wend_error *error);
/**
 * The row group is complete: a dictionary (borrowed until the next finish) of all that was gathered, and its
 * codes in place of the gathered ones in codes[0..count-1]. It is ordered if those of all sources are.
 */
wend_status wendi_merge_dictionary_finish(wendi_merge_dictionary *dictionary, uint32_t *codes,
                                          uint32_t count, wendi_dictionary **finished_out,
                                          wend_error *error);
/** The source's dictionary is about to go. */
void wendi_merge_dictionary_forget(wendi_merge_dictionary *dictionary, uint32_t source);

#endif
