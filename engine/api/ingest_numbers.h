/** Numbers of runs on their way across the library's border. */
#ifndef WENDI_API_INGEST_NUMBERS_H
#define WENDI_API_INGEST_NUMBERS_H

#include "ingest/operations/run_board.h"
#include "wend/ingest.h"

/** Show one table's numbers; arrays are in `arena`, texts in the view, which must live as long. WEND_NOMEM. */
wend_status wendi_numbers_show(const wendi_run_view *view, wendi_arena *arena, wend_ingest_stats *out) WEND_MUST_USE;
/** The sums over several tables; reasons and unknown keys get their table's name before them. WEND_NOMEM. */
wend_status wendi_numbers_sum(const wendi_run_view *views, uint32_t count, wendi_arena *arena,
                              wend_ingest_stats *out) WEND_MUST_USE;

#endif
