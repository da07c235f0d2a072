/** What a live ingestor does, for `wend status`. */
#ifndef WEND_CLI_LIVE_TEXT_H
#define WEND_CLI_LIVE_TEXT_H

#include "wend/ingest.h"

void cli_live_text(const wend_live *live);
/** As a member ,"ingestor":{…} of an object that is being printed; NULL: null. */
void cli_live_json(const wend_live *live);

#endif
