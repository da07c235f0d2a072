/*
 * Hostile log records with valid checksums: the first byte chooses commit or checkpoint, the next
 * eight are the version that the name would say, the rest is the record without its checksum. What
 * is read must give a state whose checkpoint comes back equal.
 */
#include <stdlib.h>

#include "engine/base/alloc.h"
#include "engine/base/hash.h"
#include "tests/support/record_cases.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A state that could be made must survive its checkpoint. */
static void check_state(const wendi_owned_state *state)
{
    wendi_arena arena = {0};
    wendi_buffer bytes = {0};
    wendi_record back;
    wendi_owned_state again;
    uint64_t checksum;
    wendi_record checkpoint = wendi_state_checkpoint(state);
    if (wendi_record_encode(&checkpoint, &bytes, &checksum) != WEND_OK ||
        wendi_record_decode(bytes.data, bytes.length, WENDI_RECORD_CHECKPOINT, state->state.version,
                            &arena, &back, &checksum, NULL) != WEND_OK ||
        wendi_state_apply(NULL, &back, checksum, &again, NULL) != WEND_OK ||
        !states_equal(state, &again)) {
        abort();
    }
    wendi_state_free(&again);
    wendi_buffer_free(&bytes);
    wendi_arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wendi_arena arena = {0};
    wendi_record record;
    wendi_owned_state state;
    uint64_t checksum;
    if (size < 9 || size > 1 << 20) {
        return 0;
    }
    wendi_record_kind kind = data[0] % 2 == 0 ? WENDI_RECORD_COMMIT : WENDI_RECORD_CHECKPOINT;
    uint64_t version = wendi_load_u64(data + 1);
    size_t covered = size - 9;
    uint8_t *bytes =
        wendi_alloc(covered + 8); /* of its exact size, so that a sanitizer sees any read beyond */
    if (bytes == NULL) {
        return 0;
    }
    memcpy(bytes, data + 9, covered);
    wendi_store_u64(bytes + covered, wendi_hash64_seed(bytes, covered, version));
    wend_status status =
        wendi_record_decode(bytes, covered + 8, kind, version, &arena, &record, &checksum, NULL);
    if (status == WEND_OK && wendi_state_apply(NULL, &record, checksum, &state, NULL) == WEND_OK) {
        check_state(&state);
        wendi_state_free(&state);
    } else if (status != WEND_OK && status != WEND_CORRUPT && status != WEND_UNSUPPORTED) {
        abort();
    }
    wendi_free(bytes);
    wendi_arena_free(&arena);
    return 0;
}
