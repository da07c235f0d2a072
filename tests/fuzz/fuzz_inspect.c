/*
 * What `wend inspect` makes of hostile segments, whose checksums are made right: a refusal, or a
 * map whose parts add up to the file, and all that is printed from it.
 */
#include <stdlib.h>

#include "format/footer.h"
#include "tests/support/fuzz_repair.h"
#include "tests/support/heap_bound.h"
#include "tests/support/segment_fixture.h"
#include "tools/inspect/html_page.h"
#include "tools/inspect/map_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);

enum { INPUT_MAX = 1 << 17 };

static void print(const segment_map *map)
{
    static FILE *null;
    map_total total = {.columns = NULL};
    why_report reasons = {.columns = NULL};
    null = null == NULL ? fopen("/dev/null", "w") : null;
    if (map_total_add(&total, map) != WEND_OK || segment_map_print_json(map, null) != WEND_OK ||
        segment_map_print_text(map, (map_detail){.pages = true}, null) != WEND_OK ||
        map_total_print_json(&total, null) != WEND_OK) {
        abort();
    }
    uint64_t parts = total.column_bytes + total.dictionary_bytes + total.prediction_bytes +
                     total.index_bytes + total.footer_bytes + total.padding_bytes;
    if (parts != total.file_bytes) {
        abort();
    }
    html_treemap(&total, null);
    (void)html_columns(&total, null);
    if (why_add(&reasons, map, 0, wendi_segment_row_group_count(map->segment), NULL) == WEND_OK) {
        why_print_text(&reasons, 0, null);
    }
    why_free(&reasons);
    map_total_free(&total);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    segment_bytes file = {.read_calls = 0};
    segment_map map;
    size_t length = size > 0 ? (size - 1) / WENDI_FILE_ALIGNMENT * WENDI_FILE_ALIGNMENT : 0;
    if (length == 0 || length > INPUT_MAX ||
        wendi_buffer_append(&file.bytes, data + 1, length) != WEND_OK) {
        return 0;
    }
    repair_segment(file.bytes.data, length);
    wendi_segment_source source = segment_bytes_source(&file);
    heap_bound_begin(heap_bound_of(length));
    if (segment_map_make("hostile", &source, &map, NULL) == WEND_OK) {
        print(&map);
        segment_map_free(&map);
    }
    (void)heap_bound_end();
    wendi_buffer_free(&file.bytes);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
    return mutate_segment(data, size, max_size, seed);
}
