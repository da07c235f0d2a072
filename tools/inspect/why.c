/* Going through chunks and pages, and weighing every codec for every stream; see why.h. */
#include "tools/inspect/why.h"

#include "engine/base/alloc.h"

enum { ROOM = WENDI_PAGE_ROWS + WENDI_VECTOR_ROWS };

void why_count(why_options *options, const char *name, bool taken, uint64_t bytes, uint64_t cost,
               uint64_t instead_bytes)
{
    uint32_t i = 0;
    while (i < options->count && strcmp(options->items[i].name, name) != 0) {
        i++;
    }
    if (i == WHY_OPTIONS_MAX) {
        return; /* There are fewer layouts and codecs than that. */
    }
    why_option *option = &options->items[i];
    if (i == options->count) {
        options->count++;
        *option = (why_option){.count = 0};
        snprintf(option->name, sizeof option->name, "%s", name);
    }
    option->count++;
    option->taken += taken;
    option->bytes += bytes;
    option->cost += cost;
    option->instead_bytes += instead_bytes;
}

uint64_t why_best_stream(why_scratch *scratch, const int64_t *values, uint32_t count)
{
    size_t body_bytes = 0;
    const wendi_stream_input *input = wendi_stream_analyse(scratch->streams, values, count);
    (void)wendi_codec_choose(input, (wendi_codec_wish){.forced = 0}, &body_bytes);
    return why_stream_bytes(body_bytes);
}

static void decode_stream(const wendi_stream *stream, int64_t *values)
{
    wendi_stream_decode(stream, 0, stream->count, values);
    if (stream->lane_bytes == 4) {
        const uint32_t *narrow = (const uint32_t *)values;
        for (uint32_t i = stream->count; i > 0; i--) {
            values[i - 1] =
                narrow[i - 1]; /* From the end: nothing is overwritten before it was read. */
        }
    }
}

/* Every codec for one of a page's streams, the other one left as it is. */
static void weigh_stream(why_scratch *scratch, why_column *column, const page_map *page, int s)
{
    wendi_codec_candidate candidates[WENDI_CODEC_COUNT];
    const wendi_stream_input *input =
        wendi_stream_analyse(scratch->streams, scratch->values, page->value_count);
    uint32_t count = wendi_codec_candidates(input, (wendi_codec_wish){.forced = 0}, candidates);
    for (uint32_t i = 0; i < count; i++) {
        char name[64];
        const wendi_codec_candidate *candidate = &candidates[i];
        if (!candidate->applies) {
            continue;
        }
        uint64_t bytes = why_page_bytes(page->payload_bytes - page->stream_bytes[s] +
                                        why_stream_bytes(candidate->bytes));
        const char *form = page->codecs[1] == 0 ? "%s(%s)" : s == 0 ? "%s(%s,*)" : "%s(*,%s)";
        snprintf(name, sizeof name, form, layout_name(page->layout), candidate->name);
        why_count(&column->codecs, name, candidate->id == page->codecs[s], bytes,
                  bytes + (candidate->cost - candidate->bytes), page->bytes);
    }
}

/* Residuals: 0 is right, up to the list's length a frequent exception. */
static void count_residuals(const why_scratch *scratch, why_column *column, uint32_t count)
{
    uint64_t listed = scratch->map->prediction.list_count;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t residual = (uint64_t)scratch->values[i];
        column->right_rows += residual == 0;
        column->listed_rows += residual != 0 && residual <= listed;
    }
    column->predicted_rows += count;
}

static wend_status weigh_page(why_scratch *scratch, why_column *column, uint32_t p,
                              wend_error *error)
{
    wend_status status = WEND_OK;
    const page_map *of = &scratch->map->pages[p];
    const wendi_segment *segment = scratch->chunk->segment;
    wendi_place place = {
        .row_group = scratch->chunk->row_group, .column_id = column->id, .page = p};
    wendi_arena arena = {.blocks = NULL};
    wendi_page page;
    uint8_t *bytes = NULL;
    const char *reason = NULL;
    memcpy(place.uuid, segment->footer.uuid, sizeof place.uuid);
    WEND_TRY(map_read(segment, of->offset, of->bytes, &bytes, error));
    status = wendi_page_open(&page, bytes, of->bytes, &place, of->row_count, &arena, &reason);
    if (status != WEND_OK) {
        status = wendi_segment_damage(segment, status, place.row_group, scratch->chunk->column, p,
                                      of->offset, reason, error);
        goto cleanup;
    }
    for (int s = 0; s < 2 && of->codecs[s] != 0; s++) {
        decode_stream(&page.streams[s], scratch->values);
        weigh_stream(scratch, column, of, s);
        if (of->layout == WENDI_LAYOUT_PREDICTED) {
            count_residuals(scratch, column, page.streams[s].count);
        }
    }
    column->page_count++;
cleanup:
    wendi_arena_free(&arena);
    wendi_free(bytes);
    return status;
}

static why_column *find_column(why_report *to, const wendi_segment_column *column)
{
    for (uint32_t i = 0; i < to->column_count; i++) {
        why_column *at = to->columns[i];
        if (at->id == column->id && at->type.kind == column->type.kind &&
            wendi_string_equal(at->name, column->name)) {
            return at;
        }
    }
    why_column **columns =
        wendi_realloc(to->columns, ((size_t)to->column_count + 1) * sizeof *columns);
    if (columns == NULL) {
        return NULL;
    }
    to->columns = columns;
    why_column *made = wendi_arena_alloc_zero(&to->arena, sizeof *made);
    char *name = wendi_arena_copy(&to->arena, column->name.data, column->name.length);
    if (made == NULL || name == NULL) {
        return NULL;
    }
    made->id = column->id;
    made->type = column->type;
    made->name = (wendi_string){name, column->name.length};
    to->columns[to->column_count++] = made;
    return made;
}

static wend_status add_chunk(why_report *to, why_scratch *scratch, const segment_map *map,
                             uint32_t group, uint32_t c, wend_error *error)
{
    wend_status status = WEND_OK;
    const wendi_segment_column *of = wendi_segment_column_at(map->segment, c);
    why_column *column = find_column(to, of);
    if (column == NULL) {
        return wendi_fail_nomem(error, "weighing encodings", 0);
    }
    scratch->map = segment_map_chunk(map, group, c);
    scratch->type = of->type;
    column->row_count += scratch->map->zone.row_count;
    column->chunk_count++;
    column->bytes +=
        scratch->map->page_bytes + scratch->map->dictionary_bytes + scratch->map->prediction_bytes;
    column->prediction_bytes += scratch->map->prediction_bytes;
    if (prediction_total_add(&column->prediction, map, scratch->map, &to->arena) != WEND_OK) {
        return wendi_fail_nomem(error, "weighing encodings", 0);
    }
    WEND_TRY(wendi_chunk_open(map->segment, group, c, &scratch->chunk, error));
    for (uint32_t p = 0; p < scratch->map->page_count; p++) {
        WEND_TRY(weigh_page(scratch, column, p, error));
    }
    WEND_TRY(why_forms(scratch, column, error));
cleanup:
    wendi_chunk_close(scratch->chunk);
    scratch->chunk = NULL;
    return status;
}

static wend_status open_scratch(why_scratch *scratch)
{
    *scratch = (why_scratch){.chunk = NULL};
    scratch->values = wendi_alloc_aligned(64, ROOM * sizeof *scratch->values);
    scratch->integers = wendi_alloc_aligned(64, ROOM * sizeof *scratch->integers);
    scratch->strings = wendi_alloc(ROOM * sizeof *scratch->strings);
    wend_status status = wendi_page_encoder_init(&scratch->encoder);
    if (status == WEND_OK) {
        status = wendi_stream_scratch_new(&scratch->streams);
    }
    return scratch->values == NULL || scratch->integers == NULL || scratch->strings == NULL
               ? WEND_NOMEM
               : status;
}

static void close_scratch(why_scratch *scratch)
{
    wendi_page_encoder_free(&scratch->encoder);
    wendi_stream_scratch_free(scratch->streams);
    wendi_buffer_free(&scratch->out);
    wendi_free(scratch->values);
    wendi_free(scratch->integers);
    wendi_free(scratch->strings);
}

wend_status why_add(why_report *to, const segment_map *map, uint32_t begin, uint32_t end,
                    wend_error *error)
{
    wend_status status = WEND_OK;
    why_scratch scratch;
    if (open_scratch(&scratch) != WEND_OK) {
        status = wendi_fail_nomem(error, "weighing encodings", 0);
        goto cleanup;
    }
    scratch.encoder.out = &scratch.out;
    for (uint32_t g = begin; g < end; g++) {
        for (uint32_t c = 0; c < wendi_segment_column_count(map->segment); c++) {
            WEND_TRY(add_chunk(to, &scratch, map, g, c, error));
        }
        to->row_count += wendi_segment_row_group(map->segment, g)->row_count;
    }
cleanup:
    close_scratch(&scratch);
    return status;
}

void why_free(why_report *to)
{
    wendi_free(to->columns);
    wendi_arena_free(&to->arena);
    *to = (why_report){.columns = NULL};
}
