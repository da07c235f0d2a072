/*
 * The command: which segments, read from where, printed how. A table's segments are those of its
 * newest commit; files are taken as they are, so a single damaged one can be looked at too.
 */
#include "tools/inspect/inspect.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/table/table.h"
#include "engine/table/table_state.h"
#include "tools/inspect/segment_map.h"

enum { DONE = 0, COULD_NOT = 1, USED_WRONGLY = 2, DAMAGED = 3 };

typedef struct inspect_options {
    const char *store;
    const char *segment; /* uuid as text; NULL: all */
    bool json;
    map_detail detail;
    const char **words;
    int word_count;
} inspect_options;

typedef struct inspection {
    const inspect_options *options;
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
static wend_status file_read(void *context, uint64_t offset, void *buffer, size_t length, wend_error *error)
{
    int descriptor = *(const int *)context;
    uint8_t *to = buffer;
    while (length > 0) {
        ssize_t got = pread(descriptor, to, length, (off_t)offset);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return wendi_fail(error, WEND_IO, "cannot read: %s", got < 0 ? strerror(errno) : "the file became shorter");
        }
        to += got;
        offset += (uint64_t)got;
        length -= (size_t)got;
    }
    return WEND_OK;
}

static wend_status print_map(inspection *run, const char *path, const wendi_segment_source *source, wend_error *error)
{
    segment_map map;
    wend_status status = segment_map_make(path, source, &map, error);
    if (status != WEND_OK) {
        return status;
    }
    if (run->options->json) {
        fputs(run->printed == 0 ? "\n " : ",\n ", stdout);
        status = segment_map_print_json(&map, stdout);
    } else {
        fputs(run->printed == 0 ? "" : "\n", stdout);
        status = segment_map_print_text(&map, run->options->detail, stdout);
    }
    run->printed++;
    segment_map_free(&map);
    return status == WEND_OK ? status : wendi_fail_nomem(error, "printing a map", 0);
}

static void inspect_file(inspection *run, const char *path)
{
    wend_error error = {.hint = ""};
    struct stat info;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    wend_status status = WEND_OK;
    if (descriptor < 0 || fstat(descriptor, &info) != 0) {
        status = wendi_fail(&error, WEND_IO, "cannot open %s: %s", path, strerror(errno));
    } else {
        wendi_segment_source source = {.context = &descriptor, .name = path, .length = (uint64_t)info.st_size,
                                       .read = file_read};
        status = print_map(run, path, &source, &error);
    }
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
    wendi_table *table = NULL;
    wendi_snapshot *snapshot = NULL;
    uint32_t wanted = 0;
    if (run->options->store == NULL) {
        return wendi_fail(error, WEND_INVALID, "which store? give -d DIR or set WEND_DIR");
    }
    WEND_TRY(wendi_table_open(run->options->store, wendi_string_of(name), &table, error));
    WEND_TRY(wendi_table_snapshot(table, &snapshot, error));
    const wendi_table_state *state = wendi_snapshot_state(snapshot);
    for (uint32_t i = 0; i < state->segment_count; i++) {
        char uuid[WENDI_UUID_TEXT_BYTES];
        char path[4096];
        wendi_uuid_text(state->segments[i].uuid, uuid);
        if (run->options->segment != NULL && strcmp(run->options->segment, uuid) != 0) {
            continue;
        }
        if (snprintf(path, sizeof path, "%s/seg/%s.wseg", wendi_table_folder(table), uuid) >= (int)sizeof path) {
            status = wendi_fail(error, WEND_INVALID, "the store's path is too long");
            goto cleanup;
        }
        inspect_file(run, path);
        wanted++;
    }
    if (run->options->segment != NULL && wanted == 0) {
        status = wendi_fail(error, WEND_NOT_FOUND, "table %s has no segment %s", name, run->options->segment);
    }
cleanup:
    wendi_snapshot_release(snapshot);
    wendi_table_close(table);
    return status;
}

static void print_usage(FILE *out)
{
    fputs("Usage: wend [-d DIR] inspect TABLE [options]\n"
          "       wend inspect FILE.wseg... [options]\n"
          "\n"
          "What the bytes of segments are spent on: columns, encodings, dictionaries, zone maps.\n"
          "\n"
          "  --row-groups      each row group by itself\n"
          "  --pages           each page\n"
          "  --segment UUID    of the table's segments, this one\n"
          "  --json            everything, as a JSON array\n"
          "  -d, --dir DIR     the store (default: $WEND_DIR)\n"
          "  -h, --help        this text\n",
          out);
}

/* An option with a value, as --name VALUE or --name=VALUE; moves *at. */
static bool take_value(const char *name, int argc, char **argv, int *at, const char **value)
{
    size_t length = strlen(name);
    if (strncmp(argv[*at], name, length) != 0) {
        return false;
    }
    if (argv[*at][length] == '=') {
        *value = argv[*at] + length + 1;
        return true;
    }
    if (argv[*at][length] == '\0' && *at + 1 < argc) {
        *value = argv[++*at];
        return true;
    }
    return false;
}

/* 0: go on; else the exit code plus 1. */
static int parse(int argc, char **argv, inspect_options *options)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            options->json = true;
        } else if (strcmp(argv[i], "--row-groups") == 0) {
            options->detail.row_groups = true;
        } else if (strcmp(argv[i], "--pages") == 0) {
            options->detail.pages = true;
        } else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            print_usage(stdout);
            return DONE + 1;
        } else if (take_value("--segment", argc, argv, &i, &options->segment) ||
                   take_value("--dir", argc, argv, &i, &options->store) ||
                   take_value("-d", argc, argv, &i, &options->store)) {
            continue;
        } else if (argv[i][0] == '-') {
            fprintf(stderr, "wend inspect: unknown or incomplete option %s\n", argv[i]);
            print_usage(stderr);
            return USED_WRONGLY + 1;
        } else {
            options->words[options->word_count++] = argv[i];
        }
    }
    if (options->word_count == 0) {
        fputs("wend inspect: which table, or which segment file?\n", stderr);
        print_usage(stderr);
        return USED_WRONGLY + 1;
    }
    return 0;
}

static bool is_file(const char *word)
{
    size_t length = strlen(word);
    return length > 5 && strcmp(word + length - 5, ".wseg") == 0;
}

int wend_cmd_inspect(int argc, char **argv)
{
    inspect_options options = {.store = getenv("WEND_DIR")};
    inspection run = {.options = &options};
    options.words = calloc((size_t)argc + 1, sizeof *options.words);
    if (options.words == NULL) {
        return COULD_NOT;
    }
    int parsed = parse(argc, argv, &options);
    if (parsed != 0) {
        free(options.words);
        return parsed - 1;
    }
    fputs(options.json ? "[" : "", stdout);
    for (int i = 0; i < options.word_count; i++) {
        wend_error error = {.hint = ""};
        if (is_file(options.words[i])) {
            inspect_file(&run, options.words[i]);
        } else {
            wend_status status = inspect_table(&run, options.words[i], &error);
            if (status != WEND_OK) {
                tell(&run, status, &error);
                run.exit_code = status == WEND_INVALID && run.exit_code < USED_WRONGLY ? USED_WRONGLY : run.exit_code;
            }
        }
    }
    fputs(options.json ? "\n]\n" : "", stdout);
    free(options.words);
    return run.exit_code;
}
