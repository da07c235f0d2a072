/* The loop over members in plain C, but for what every processor of the architecture has. */
#include "ingest/json_members.h"

#define TAKE_MEMBERS wendi_json_members_portable
#include "ingest/json_members_body.h"
