/** Small segments that together use every type, layout and codec: for golden files and as fuzz corpora. */
#ifndef WENDI_TESTS_SEGMENT_CASES_H
#define WENDI_TESTS_SEGMENT_CASES_H

#include "tests/support/segment_fixture.h"

typedef struct segment_case {
    const char *name;
    uint32_t row_count; /* of each row group */
    uint32_t row_groups;
    column_shape shape;
    uint32_t null_percent;
    bool users; /* the first column is a user column */
} segment_case;

extern const segment_case segment_cases[];
extern const uint32_t segment_case_count;

/** Write the case into `bytes`; the same bytes on every call and machine. */
void segment_case_write(const segment_case *which, segment_bytes *bytes);
/** The content of a segment as text: a line per row group and column; NULL text when it cannot be read. */
wend_status segment_dump(const wendi_segment_source *source, wendi_buffer *text, wend_error *error);

#endif
