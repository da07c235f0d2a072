/** The behavioural table functions, for the query context's list of functions. docs/SEMANTICS.md
 * says what they mean. */
#ifndef WENDI_BEHAVIOUR_BEHAVIOUR_H
#define WENDI_BEHAVIOUR_BEHAVIOUR_H

#include "query/table_function.h"

extern const wendi_table_function wendi_function_funnel;
extern const wendi_table_function wendi_function_funnel_users;
extern const wendi_table_function wendi_function_sessions;
extern const wendi_table_function wendi_function_paths;
extern const wendi_table_function wendi_function_top_paths;
extern const wendi_table_function wendi_function_retention;

extern const uint32_t wendi_behaviour_function_count;
extern const wendi_table_function *const wendi_behaviour_functions[];

#endif
