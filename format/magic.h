/** Magic bytes and flag bits of a segment; see docs/FORMAT.md. */
#ifndef WENDI_FORMAT_MAGIC_H
#define WENDI_FORMAT_MAGIC_H

#define WENDI_HEADER_MAGIC "WENDSEG\n"
#define WENDI_FOOTER_MAGIC "WENDFOOT"
#define WENDI_TRAILER_MAGIC "WENDEND\n"

enum {
    WENDI_STATISTIC_MIN_MAX = 1,
    WENDI_STATISTIC_CODES = 2,
    WENDI_STATISTIC_MASK = 4,
    WENDI_STATISTIC_FIRST_BYTES = 8, /* of a page */
    WENDI_STATISTIC_ORDERED = 8      /* of a chunk */
};

#endif
