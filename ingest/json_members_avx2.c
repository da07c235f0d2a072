/* The loop over members for processors with AVX2, BMI and BMI2; called only where there is one. */
#include "ingest/json_members.h"

#if defined(__x86_64__)
#define TAKE_MEMBERS wendi_json_members_avx2
#include "ingest/json_members_body.h"
#else
typedef int json_members_avx2_is_empty; /* ISO C wants something in every file */
#endif
