/** Sizes of a stored dictionary that its writer and its reader share. */
#ifndef WENDI_FORMAT_DICTIONARY_LAYOUT_H
#define WENDI_FORMAT_DICTIONARY_LAYOUT_H

enum { WENDI_DICTIONARY_ORDERED = 1, WENDI_DICTIONARY_FORMS = 2 }; /* flags of the header */
enum {
    WENDI_DICTIONARY_HEADER_BYTES = 64,
    WENDI_DICTIONARY_INDEX_BYTES = 24, /* a block */
    /* Entries of a block with more than one add up to no more: front coding cannot be made a bomb. */
    WENDI_DICTIONARY_BLOCK_STRING_BYTES = 1 << 20
};

#endif
