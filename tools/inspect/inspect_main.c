/*
 * Which segments, read from where, printed how. A table's segments are those of its newest commit;
 * files are taken as they are, so a single damaged one can be looked at too.
 */
#include "tools/inspect/inspect.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/table/table.h"
#include "engine/table/table_state.h"
#include "tools/inspect/html_page.h"
#include "tools/inspect/map_json.h"
#include "tools/inspect/why.h"

enum { DONE = 0, COULD_NOT = 1, USED_WRONGLY = 2, DAMAGED = 3 };

typedef struct inspection {
    const wend_inspect_request *request;
    map_total total;
    why_report reasons; /* over all segments, where they are not shown by row group */
    html_page *page;    /* NULL: no page is made */
    uint32_t printed;
    int exit_code; /* of the worst so far */
} inspection;

static int exit_code_of(wend_status status)
{
    return status == WEND_OK ? DONE : status == WEND_CORRUPT ? DAMAGED : COULD_NOT;
}

static void tell(inspection *run, wend_status status, const wend_error *error)
{
    int code = exit_code_of(status);
    fprintf(stderr, "wend inspect: %s\n", error->message);
    if (error->hint[0] != '\0') {
        fprintf(stderr, "  %s\n", error->hint);
    }
    run->exit_code = code > run->exit_code ? code : run->exit_code;
}

/** A file opened for reading at any place. */
static wend_status file_read(void *context, uint64_t offset, void *buffer, size_t length,
                             wend_error *error)
{
    int descriptor = *(const int *)context;
    uint8_t *to = buffer;
    while (length > 0) {
        ssize_t got = pread(descriptor, to, length, (off_t)offset);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return wendi_fail(error, WEND_IO, "cannot read: %s",
                              got < 0 ? strerror(errno) : "the file became shorter");
        }
        to += got;
        offset += (uint64_t)got;
        length -= (size_t)got;
    }
    return WEND_OK;
}

/* Why, by row group where that was asked for: there it is told at once and not summed. */
static wend_status explain(inspection *run, const segment_map *map, wend_error *error)
{
    wend_status status = WEND_OK;
    bool opened = false; /* the JSON array of row groups */
    const wend_inspect_request *request = run->request;
    if (!request->why) {
        return WEND_OK;
    }
    uint32_t groups = wendi_segment_row_group_count(map->segment);
    if (request->total || run->page != NULL || (!request->row_groups && !request->json)) {
        return why_add(&run->reasons, map, 0, groups, error);
    }
    for (uint32_t g = 0; g < (request->row_groups ? groups : 1); g++) {
        why_report here = {.columns = NULL};
        status = why_add(&here, map, g, request->row_groups ? g + 1 : groups, error);
        if (status == WEND_OK && request->json) {
            fputs(!request->row_groups ? "," : g > 0 ? ",{" : ",\"why_row_groups\":[{", stdout);
            why_print_json(&here, stdout);
            fputs(request->row_groups ? "}" : "", stdout);
            opened = request->row_groups;
        } else if (status == WEND_OK) {
            fprintf(stdout, "  row group %" PRIu32 "\n", g);
            why_print_text(&here, 2, stdout);
        }
        why_free(&here);
        WEND_TRY(status);
    }
cleanup:
    fputs(opened ? "]" : "", stdout);
    return status;
}

static wend_status show_map(inspection *run, segment_map *map, wend_error *error)
{
    wend_status status = WEND_OK;
    const wend_inspect_request *request = run->request;
    if (map_total_add(&run->total, map) != WEND_OK) {
        return wendi_fail_nomem(error, "summing maps", 0);
    }
    if (run->page != NULL || request->total) {
        status = explain(run, map, error);
        return status == WEND_OK && run->page != NULL ? html_page_add(run->page, map, error)
                                                      : status;
    }
    if (request->json) {
        fputs(run->printed++ == 0 ? "\n " : ",\n ", stdout);
        status = segment_map_print_json(map, stdout);
        status = status == WEND_OK ? explain(run, map, error)
                                   : wendi_fail_nomem(error, "printing a map", 0);
        fputc('}', stdout);
        return status;
    }
    fputs(run->printed++ == 0 ? "" : "\n", stdout);
    map_detail detail = {.row_groups = request->row_groups, .pages = request->pages};
    if (!request->why || request->row_groups || request->pages) {
        status = segment_map_print_text(map, detail, stdout);
    }
    return status == WEND_OK ? explain(run, map, error)
                             : wendi_fail_nomem(error, "printing a map", 0);
}

static void inspect_file(inspection *run, const char *path)
{
    wend_error error = {.hint = ""};
    struct stat info;
    segment_map map = {.segment = NULL};
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    wend_status status = WEND_OK;
    if (descriptor < 0 || fstat(descriptor, &info) != 0) {
        status = wendi_fail(&error, WEND_IO, "cannot open %s: %s", path, strerror(errno));
    } else {
        wendi_segment_source source = {.context = &descriptor,
                                       .name = path,
                                       .length = (uint64_t)info.st_size,
                                       .read = file_read};
        status = segment_map_make(path, &source, &map, &error);
        status = status == WEND_OK ? show_map(run, &map, &error) : status;
    }
    segment_map_free(&map); /* Nothing where the page has taken it. */
    if (descriptor >= 0) {
        close(descriptor);
    }
    if (status != WEND_OK) {
        tell(run, status, &error);
    }
}

static wend_status inspect_table(inspection *run, const char *name, wend_error *error)
{
    wend_status status = WEND_OK;
    const wend_inspect_request *request = run->request;
    wendi_table *table = NULL;
    wendi_snapshot *snapshot = NULL;
    uint32_t wanted = 0;
    if (request->store == NULL) {
        return wendi_fail(error, WEND_INVALID, "which store? give -d DIR or set WEND_DIR");
    }
    WEND_TRY(wendi_table_open(request->store, wendi_string_of(name), &table, error));
    WEND_TRY(wendi_table_snapshot(table, &snapshot, error));
    const wendi_table_state *state = wendi_snapshot_state(snapshot);
    for (uint32_t i = 0; i < state->segment_count; i++) {
        char uuid[WENDI_UUID_TEXT_BYTES];
        char path[4096];
        wendi_uuid_text(state->segments[i].uuid, uuid);
        if (request->segment != NULL && strcmp(request->segment, uuid) != 0) {
            continue;
        }
        if (snprintf(path, sizeof path, "%s/seg/%s.wseg", wendi_table_folder(table), uuid) >=
            (int)sizeof path) {
            status = wendi_fail(error, WEND_INVALID, "the store's path is too long");
            goto cleanup;
        }
        inspect_file(run, path);
        wanted++;
    }
    if (request->segment != NULL && wanted == 0) {
        status =
            wendi_fail(error, WEND_NOT_FOUND, "table %s has no segment %s", name, request->segment);
    } else if (wanted == 0 && !request->json && request->html == NULL) {
        printf("table %s: no segments yet, 0 rows\n", name);
    }
cleanup:
    wendi_snapshot_release(snapshot);
    wendi_table_close(table);
    return status;
}

static wend_status print_total_json(inspection *run)
{
    wend_status status = map_total_print_json(&run->total, stdout);
    if (status == WEND_OK && run->request->why) {
        fputc(',', stdout);
        why_print_json(&run->reasons, stdout);
    }
    fputs("}\n", stdout);
    return status;
}

static wend_status print_total_text(inspection *run)
{
    wend_status status = WEND_OK;
    const map_total *total = &run->total;
    bool many = total->segment_count > 1 || run->request->total;
    if (many && total->segment_count > 0) {
        double rows = total->row_count == 0 ? 1 : (double)total->row_count;
        printf(
            "%sall %" PRIu32 " segments\n  %" PRIu64 " bytes, %" PRIu64 " rows, %" PRIu64
            " row groups, %.2f bytes a row\n  pages %" PRIu64 ", dictionaries %" PRIu64
            ", predictions %" PRIu64 ", indexes %" PRIu64 ", headers, footers and trailers %" PRIu64
            ", zeros behind the footers %" PRIu64 "; padding in pages %" PRIu64 "\n",
            run->printed > 0 ? "\n" : "", total->segment_count, total->file_bytes, total->row_count,
            total->row_group_count, (double)total->file_bytes / rows, total->column_bytes,
            total->dictionary_bytes, total->prediction_bytes, total->index_bytes,
            total->footer_bytes, total->padding_bytes, total->page_padding_bytes);
        status = map_total_print_text(total, 2, stdout);
    } else if (run->request->why && !run->request->row_groups && total->segment_count > 0) {
        status = map_total_print_text(total, 2, stdout);
    }
    if (status == WEND_OK && run->reasons.column_count > 0) {
        fputc('\n', stdout);
        why_print_text(&run->reasons, 2, stdout);
    }
    return status;
}

/* What comes behind all segments. */
static void finish(inspection *run)
{
    wend_error error = {.hint = ""};
    wend_status status = WEND_OK;
    const wend_inspect_request *request = run->request;
    if (run->page != NULL && run->page->map_count == 0 && run->exit_code != DONE) {
        return; /* Nothing could be looked at, and that was told: a page of nothing would hide it.
                 */
    }
    if (run->page != NULL) {
        status = html_page_write(run->page, &run->total, &run->reasons, request->html, &error);
    } else if (request->json && request->total) {
        status = print_total_json(run);
    } else if (request->json) {
        fputs("\n]\n", stdout);
    } else {
        status = print_total_text(run);
    }
    if (status != WEND_OK) {
        if (run->page == NULL) {
            (void)wendi_fail_nomem(&error, "printing maps", 0);
        }
        tell(run, status, &error);
    }
}

static bool is_file(const char *word)
{
    size_t length = strlen(word);
    return length > 5 && strcmp(word + length - 5, ".wseg") == 0;
}

static void inspect_word(inspection *run, const char *word)
{
    wend_error error = {.hint = ""};
    wend_status status = WEND_OK;
    if (is_file(word) && run->request->segment != NULL) {
        status = wendi_fail(&error, WEND_INVALID, "%s is one segment already: leave --segment out",
                            word);
    } else if (is_file(word)) {
        inspect_file(run, word);
    } else {
        status = inspect_table(run, word, &error);
    }
    if (status != WEND_OK) {
        tell(run, status, &error);
        bool wrongly = status == WEND_INVALID && run->exit_code < USED_WRONGLY;
        run->exit_code = wrongly ? USED_WRONGLY : run->exit_code;
    }
}

int wend_inspect(const wend_inspect_request *request)
{
    inspection run = {.request = request};
    if (request->html != NULL &&
        html_page_new(request->words, request->word_count, &run.page) != WEND_OK) {
        return COULD_NOT;
    }
    fputs(request->json && !request->total && run.page == NULL ? "[" : "", stdout);
    for (size_t i = 0; i < request->word_count; i++) {
        inspect_word(&run, request->words[i]);
    }
    finish(&run);
    html_page_free(run.page);
    why_free(&run.reasons);
    map_total_free(&run.total);
    return run.exit_code;
}
