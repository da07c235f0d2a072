/** to_char() for times. */
#ifndef WENDI_EXPR_TIME_FORMAT_H
#define WENDI_EXPR_TIME_FORMAT_H

#include "engine/base/timezone.h"
#include "engine/column/calendar.h"

/**
 * Append `local_us` by PostgreSQL's template patterns: HH HH12 HH24 MI SS MS US SSSS AM PM (also A.M.), Y,YYY YYYY YYY
 * YY Y IYYY IYY IY I, MONTH MON MM RM, DAY DY DDD DD D ID IDDD, W WW IW CC J Q, BC AD, TZ TZH TZM OF, with the
 * prefix FM and the suffixes TH and th; names follow the case of the pattern. Text in double quotes and all else
 * stands for itself. `offset_us` is local - utc; `zone` NULL for wall times.
 */
wend_status wendi_time_format(int64_t local_us, int64_t offset_us, const wendi_timezone *zone, wendi_string pattern,
                              wendi_buffer *out);

#endif
