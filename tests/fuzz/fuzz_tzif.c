/* Time zone files are the system's, and may still be anything. What is taken must be in order. */
#include <stdlib.h>

#include "engine/base/tzif.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wendi_tz_data zone;
    if (wendi_tzif_parse(data, size, &zone) == WEND_OK) {
        for (uint32_t i = 0; i < zone.transition_count; i++) {
            if ((i != 0 && zone.transitions[i - 1] >= zone.transitions[i]) || zone.offsets[i] == zone.offsets[i + 1]) {
                abort();
            }
        }
        if (zone.rule.present) {
            (void)wendi_tz_rule_offset(&zone.rule, INT64_C(9000000000));
            (void)wendi_tz_rule_offset(&zone.rule, -INT64_C(90000000000));
        }
        wendi_tzif_free(&zone);
    }
    wendi_tz_rule rule;
    (void)wendi_tz_rule_parse((wendi_string){(const char *)data, (uint32_t)size}, &rule);
    return 0;
}
