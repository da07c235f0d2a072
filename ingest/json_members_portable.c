/* The loop over members in plain C, but for what every processor of the architecture has. */
#include "ingest/json_members.h"

#define LOOPS wendi_json_portable
#include "ingest/json_members_body.h"
