/* The list of behavioural functions. */
#include "query/behaviour/behaviour.h"

const wendi_table_function *const wendi_behaviour_functions[] = {
    &wendi_function_funnel, &wendi_function_funnel_users, &wendi_function_sessions,
    &wendi_function_paths,  &wendi_function_top_paths,    &wendi_function_retention};
const uint32_t wendi_behaviour_function_count =
    sizeof wendi_behaviour_functions / sizeof wendi_behaviour_functions[0];
