/*
 * Files as sources: what comes out is every line once, whatever the chunk sizes, the compression, the names
 * and the restarts; and a file is known by what it holds.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <zlib.h>

#include "engine/base/alloc.h"
#include "engine/base/compress.h"
#include "ingest/file_source.h"
#include "ingest/json_decoder.h"

enum { PATH_BYTES = 256, LINES_MAX = 20000 };

static char folder[PATH_BYTES / 2] = "/tmp/wend-files-XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state)
{
    char command[PATH_BYTES];
    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

static const char *path_of(const char *name)
{
    static char paths[8][PATH_BYTES];
    static int turn;
    char *path = paths[turn++ % 8];
    snprintf(path, PATH_BYTES, "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name, const void *bytes, size_t length, const char *mode)
{
    FILE *file = fopen(path_of(name), mode);
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    fclose(file);
}

static void write_text(const char *name, const char *text, const char *mode)
{
    write_file(name, text, strlen(text), mode);
}

/* What a run gave, and the state that the table would have kept of it. */
typedef struct run_result {
    wend_status status;
    uint32_t count;
    char *lines[LINES_MAX];
    uint32_t lengths[LINES_MAX];
    int64_t positions[LINES_MAX];
    int64_t nexts[LINES_MAX];
    uint32_t known_count;
    wendi_file_start known[16];
    wendi_file_recognised recognised[8];
    wend_error error;
} run_result;

static void keep_lines(run_result *result, const wendi_message_block *block)
{
    for (uint32_t i = 0; i < block->count; i++) {
        const wendi_message *message = &block->messages[i];
        assert_true(result->count < LINES_MAX);
        result->lines[result->count] = malloc(message->length + 1);
        memcpy(result->lines[result->count], message->payload, message->length);
        result->lines[result->count][message->length] = '\0';
        result->lengths[result->count] = message->length;
        result->positions[result->count] = message->position;
        result->nexts[result->count++] = message->next;
    }
}

static void learn(run_result *result, const wendi_source_partition *partition)
{
    for (uint32_t i = 0; i < result->known_count; i++) {
        if (strcmp(result->known[i].topic, partition->topic) == 0) {
            assert_true(partition->next >= result->known[i].next);
            result->known[i].next = partition->next;
            result->known[i].fingerprint = partition->fingerprint;
            return;
        }
    }
    assert_true(result->known_count < 16);
    result->known[result->known_count++] = (wendi_file_start){strdup(partition->topic), partition->next, partition->fingerprint};
}

/* Take blocks until the end or until `block_count`; what the table knows afterwards is in result->known. */
static void take(wendi_source *source, run_result *result, uint32_t block_count)
{
    wendi_message_block block;
    assert_int_equal(wendi_message_block_init(&block, NULL), WEND_OK);
    for (uint32_t i = 0; i < block_count; i++) {
        result->status = source->next(source, &block, 20, &result->error);
        if (result->status != WEND_OK && result->status != WEND_END) {
            break;
        }
        if (result->status == WEND_OK) {
            keep_lines(result, &block);
        }
        uint32_t count;
        const wendi_source_partition *partitions = source->partitions(source, &count);
        for (uint32_t k = 0; k < count; k++) {
            learn(result, &partitions[k]);
        }
        if (result->status == WEND_END) {
            break;
        }
    }
    wendi_message_block_free(&block);
}

static void run(const wendi_file_source_options *options, run_result *result, uint32_t block_count)
{
    wendi_file_source_options with_starts = *options;
    wendi_source *source;
    for (uint32_t i = 0; i < result->count; i++) {
        free(result->lines[i]);
    }
    result->count = 0;
    with_starts.starts = result->known;
    with_starts.start_count = result->known_count;
    result->status = wendi_file_source_open(&with_starts, &source, &result->error);
    if (result->status != WEND_OK) {
        return;
    }
    take(source, result, block_count);
    uint32_t count;
    const wendi_file_report *reports = wendi_file_source_reports(source, &count);
    for (uint32_t i = 0; i < count && i < 8; i++) {
        result->recognised[i] = reports[i].recognised;
    }
    source->close(source);
}

static run_result *new_result(void)
{
    return calloc(1, sizeof(run_result));
}

static void free_result(run_result *result)
{
    for (uint32_t i = 0; i < result->count; i++) {
        free(result->lines[i]);
    }
    for (uint32_t i = 0; i < result->known_count; i++) {
        union {
            const char *kept;
            char *freed;
        } both = {.kept = result->known[i].topic};
        free(both.freed);
    }
    free(result);
}

static void run_paths(run_result *result, const char *a, const char *b)
{
    const char *paths[2] = {a, b};
    run(&(wendi_file_source_options){.paths = paths, .path_count = b != NULL ? 2 : 1, .read_bytes = 70000}, result, 1000000);
}

static void test_lines(void **state)
{
    run_result *result = new_result();
    (void)state;
    write_text("lines", "{\"a\":1}\r\n\n  \t \n{\"b\":2}\n{\"c\"", "w");
    run_paths(result, path_of("lines"), NULL);
    assert_int_equal(result->status, WEND_END);
    assert_int_equal(result->count, 3);
    assert_string_equal(result->lines[0], "{\"a\":1}");
    assert_int_equal(result->positions[0], 0);
    assert_int_equal(result->nexts[0], 9);
    assert_string_equal(result->lines[1], "{\"b\":2}");
    assert_int_equal(result->positions[1], 15);
    assert_string_equal(result->lines[2], "{\"c\"");
    assert_int_equal(result->known[0].next, 27);
    run_paths(result, path_of("lines"), NULL);
    assert_int_equal(result->count, 0);
    assert_int_equal(result->recognised[0], WENDI_FILE_REPEATED);
    write_text("lines", "\n{\"d\":4}\n", "a"); /* the last line gets its end, and more follows */
    run_paths(result, path_of("lines"), NULL);
    assert_int_equal(result->count, 1);
    assert_string_equal(result->lines[0], "{\"d\":4}");
    assert_int_equal(result->recognised[0], WENDI_FILE_RESUMED);
    free_result(result);
}

/* A text of numbered lines of uneven lengths. */
static size_t numbered(char *out, uint32_t first, uint32_t count, uint32_t seed)
{
    size_t length = 0;
    for (uint32_t i = first; i < first + count; i++) {
        uint32_t filler = (i * 2654435761u + seed) % 97;
        length += (size_t)sprintf(out + length, "{\"seed\":%u,\"n\":%u,\"f\":\"%.*s\"}\n", seed, i, (int)filler,
                                  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
    }
    return length;
}

static void expect_numbers(const run_result *result, uint32_t first, uint32_t count, uint32_t seed)
{
    assert_int_equal(result->count, count);
    for (uint32_t i = 0; i < count; i++) {
        char want[40];
        int length = snprintf(want, sizeof want, "{\"seed\":%u,\"n\":%u,", seed, first + i);
        assert_memory_equal(result->lines[i], want, (size_t)length);
    }
}

static void write_gzip(const char *name, const char *text, size_t length)
{
    gzFile file = gzopen(path_of(name), "wb");
    assert_int_equal(gzwrite(file, text, (unsigned)(length / 2)), (int)(length / 2));
    gzclose(file);
    file = gzopen(path_of(name), "ab"); /* a second member */
    gzwrite(file, text + length / 2, (unsigned)(length - length / 2));
    gzclose(file);
}

static void write_zstd(const char *name, const char *text, size_t length)
{
    size_t capacity = wendi_compress_bound(length);
    char *out = malloc(capacity);
    size_t out_length;
    for (int half = 0; half < 2; half++) { /* two frames */
        size_t begin = half == 0 ? 0 : length / 3;
        size_t part = half == 0 ? length / 3 : length - length / 3;
        assert_int_equal(wendi_compress(text + begin, part, 3, out, capacity, &out_length), WEND_OK);
        write_file(name, out, out_length, half == 0 ? "wb" : "ab");
    }
    free(out);
}

static void test_compressed_and_recompressed(void **state)
{
    char *text = malloc(4 << 20);
    size_t length = numbered(text, 0, 12000, 1);
    size_t part = numbered(text, 0, 5000, 1);
    numbered(text, 0, 12000, 1);
    run_result *result = new_result();
    (void)state;
    write_gzip("c.gz", text, part);
    run_paths(result, path_of("c.gz"), NULL);
    expect_numbers(result, 0, 5000, 1);
    write_zstd("c.zst", text, length); /* more of the same content, under another name and form */
    run_paths(result, path_of("c.zst"), NULL);
    expect_numbers(result, 5000, 7000, 1);
    assert_int_equal(result->known_count, 1);
    write_file("c", text, length, "wb");
    run_paths(result, path_of("c"), path_of("c.zst"));
    assert_int_equal(result->count, 0);
    assert_int_equal(result->recognised[0], WENDI_FILE_REPEATED);
    assert_int_equal(result->recognised[1], WENDI_FILE_REPEATED);
    run_paths(result, path_of("c.gz"), NULL); /* a beginning of what is loaded: a cut copy? */
    assert_int_equal(result->status, WEND_CONFLICT);
    free(text);
    free_result(result);
}

static void test_rotation_renaming_and_growth(void **state)
{
    char *old_text = malloc(4 << 20);
    char *new_text = malloc(4 << 20);
    size_t old_part = numbered(old_text, 0, 3000, 1);
    size_t old_length = numbered(old_text, 0, 4000, 1);
    size_t new_length = numbered(new_text, 0, 2000, 2);
    run_result *result = new_result();
    (void)state;
    write_file("app.log", old_text, old_part, "wb");
    run_paths(result, path_of("app.log"), NULL);
    expect_numbers(result, 0, 3000, 1);
    write_file("app.log", old_text + old_part, old_length - old_part, "ab"); /* it grows, and is rotated */
    rename(path_of("app.log"), path_of("app.log.1"));
    write_file("app.log", new_text, new_length, "wb");
    run_paths(result, path_of("app.log.1"), path_of("app.log"));
    assert_int_equal(result->count, 3000);
    assert_int_equal(result->recognised[0], WENDI_FILE_RESUMED);
    assert_int_equal(result->recognised[1], WENDI_FILE_NEW);
    assert_int_equal(result->known_count, 2);
    run_paths(result, path_of("app.log"), path_of("app.log.1"));
    assert_int_equal(result->count, 0);
    /* The same head, another continuation: another file. */
    new_text[new_length - 100] = 'Z';
    write_file("app.log", new_text, new_length, "wb");
    run_paths(result, path_of("app.log"), NULL);
    expect_numbers(result, 0, 2000, 2);
    assert_int_equal(result->known_count, 3);
    /* Asked for: loaded again under a new identity, and afterwards known. */
    const char *paths[1] = {path_of("app.log")};
    run(&(wendi_file_source_options){.paths = paths, .path_count = 1, .reload = true}, result, 1000000);
    expect_numbers(result, 0, 2000, 2);
    assert_int_equal(result->recognised[0], WENDI_FILE_RELOADED);
    assert_int_equal(result->known_count, 4);
    run_paths(result, path_of("app.log"), NULL);
    assert_int_equal(result->count, 0);
    free(old_text);
    free(new_text);
    free_result(result);
}

static void test_short_head_and_named_twice(void **state)
{
    run_result *result = new_result();
    (void)state;
    write_text("short", "{\"n\":1}\n", "w");
    write_text("copy", "{\"n\":1}\n", "w");
    write_text("empty", "", "w");
    run_paths(result, path_of("short"), path_of("copy"));
    assert_int_equal(result->count, 1);
    assert_int_equal(result->recognised[1], WENDI_FILE_REPEATED);
    write_text("short", "{\"n\":2}\n", "a");
    run_paths(result, path_of("short"), path_of("empty"));
    assert_int_equal(result->count, 1);
    assert_string_equal(result->lines[0], "{\"n\":2}");
    assert_int_equal(result->known_count, 1);
    write_text("other", "{\"n\":1}\n{\"n\":3}\n", "w"); /* begins alike, goes on differently */
    run_paths(result, path_of("other"), NULL);
    assert_int_equal(result->count, 2);
    assert_int_equal(result->known_count, 2);
    run_paths(result, path_of("missing"), NULL);
    assert_int_equal(result->status, WEND_NOT_FOUND);
    run_paths(result, folder, NULL);
    assert_int_equal(result->status, WEND_INVALID);
    free_result(result);
}

/* Whatever the block borders at which the process dies, resuming gives exactly the rest. */
static void test_resume_anywhere(void **state)
{
    char *text = malloc(8 << 20);
    size_t length = numbered(text, 0, 15000, 9);
    (void)state;
    write_file("resume", text, length, "wb");
    for (uint32_t blocks = 1; blocks < 14; blocks += 2) {
        run_result *result = new_result();
        const char *paths[1] = {path_of("resume")};
        wendi_file_source_options options = {.paths = paths, .path_count = 1, .read_bytes = 65536};
        run(&options, result, blocks);
        uint32_t first = result->count;
        expect_numbers(result, 0, first, 9);
        run(&options, result, 1000000);
        expect_numbers(result, first, 15000 - first, 9);
        free_result(result);
    }
    free(text);
}

static void test_long_lines(void **state)
{
    size_t big = (size_t)WENDI_MESSAGE_BYTES_MAX + 500000;
    char *text = malloc(2 * big + 200);
    size_t length = (size_t)sprintf(text, "{\"n\":1}\n");
    run_result *result = new_result();
    (void)state;
    memset(text + length, 'x', big);
    length += big;
    length += (size_t)sprintf(text + length, "\n{\"n\":2}\n{\"n\":3}\n");
    write_file("long", text, length, "wb");
    const char *paths[1] = {path_of("long")};
    run(&(wendi_file_source_options){.paths = paths, .path_count = 1, .read_bytes = 100000}, result, 1000000);
    assert_int_equal(result->status, WEND_END);
    assert_int_equal(result->count, 4);
    assert_int_equal(result->lengths[1], WENDI_MESSAGE_BYTES_MAX + 1);
    assert_int_equal(result->positions[1], 8);
    assert_int_equal(result->nexts[1], (int64_t)big + 9);
    assert_string_equal(result->lines[2], "{\"n\":2}");
    assert_string_equal(result->lines[3], "{\"n\":3}");
    assert_int_equal(result->known[0].next, (int64_t)length);
    run_paths(result, path_of("long"), NULL); /* and the fingerprint behind it is right */
    assert_int_equal(result->count, 0);
    assert_int_equal(result->recognised[0], WENDI_FILE_REPEATED);
    write_file("long2", text, length - 20, "wb"); /* ends within the long line */
    run_paths(result, path_of("long2"), NULL);
    assert_int_equal(result->status, WEND_CONFLICT);
    free(text);
    free_result(result);
}

static void test_tiny_lines_fill_blocks(void **state)
{
    char *text = malloc(1 << 20);
    size_t length = 0;
    run_result *result = new_result();
    (void)state;
    for (int i = 0; i < 19000; i++) {
        length += (size_t)sprintf(text + length, "%d\n\n", i);
    }
    write_file("tiny", text, length, "wb");
    const char *paths[1] = {path_of("tiny")};
    run(&(wendi_file_source_options){.paths = paths, .path_count = 1}, result, 1000000);
    assert_int_equal(result->count, 19000);
    for (int i = 0; i < 19000; i++) {
        assert_int_equal(atoi(result->lines[i]), i);
    }
    free(text);
    free_result(result);
}

static void test_damaged_compression(void **state)
{
    char *text = malloc(4 << 20);
    size_t length = numbered(text, 0, 8000, 3);
    run_result *result = new_result();
    struct stat info;
    (void)state;
    write_gzip("bad.gz", text, length);
    assert_int_equal(stat(path_of("bad.gz"), &info), 0);
    assert_int_equal(truncate(path_of("bad.gz"), info.st_size - 100), 0);
    run_paths(result, path_of("bad.gz"), NULL);
    assert_int_equal(result->status, WEND_CORRUPT);
    expect_numbers(result, 0, result->count, 3);
    write_zstd("bad.zst", text, length);
    assert_int_equal(stat(path_of("bad.zst"), &info), 0);
    assert_int_equal(truncate(path_of("bad.zst"), info.st_size - 7), 0);
    run_paths(result, path_of("bad.zst"), NULL);
    assert_int_equal(result->status, WEND_CORRUPT);
    free(text);
    free_result(result);
}

static void test_follow(void **state)
{
    run_result *result = new_result();
    char live[PATH_BYTES];
    char later[PATH_BYTES];
    const char *paths[2] = {live, later};
    wendi_file_source_options options = {.paths = paths, .path_count = 2, .follow = true};
    wendi_source *source;
    (void)state;
    strcpy(live, path_of("live")); /* path_of() reuses its memory */
    strcpy(later, path_of("later"));
    write_text("live", "{\"n\":1}\n{\"n\":", "w");
    write_text("later", "", "w");
    assert_int_equal(wendi_file_source_open(&options, &source, NULL), WEND_OK);
    take(source, result, 4);
    assert_int_equal(result->count, 1); /* the unfinished line waits */
    write_text("live", "2}\n", "a");
    write_text("later", "{\"m\":1}\n", "a");
    take(source, result, 6);
    assert_int_equal(result->count, 3);
    rename(path_of("live"), path_of("live.1"));
    write_text("live", "{\"fresh\":1}\n", "w");
    write_text("live.1", "{\"n\":3}", "a"); /* written through the old descriptor, without an end */
    take(source, result, 8);
    assert_int_equal(result->count, 5);
    assert_string_equal(result->lines[3], "{\"n\":3}");
    assert_string_equal(result->lines[4], "{\"fresh\":1}");
    assert_int_equal(result->known_count, 3);
    source->close(source);
    options.follow = false; /* nothing of all that is given again */
    run(&options, result, 1000);
    assert_int_equal(result->count, 0);
    free_result(result);
}

static void feed(int pipe_fd[2], const char *text)
{
    assert_int_equal(pipe(pipe_fd), 0);
    assert_int_equal(write(pipe_fd[1], text, strlen(text)), (ssize_t)strlen(text));
    close(pipe_fd[1]);
}

static void test_standard_input(void **state)
{
    run_result *result = new_result();
    int ends[2];
    (void)state;
    feed(ends, "{\"n\":1}\n{\"n\":2}\n");
    run(&(wendi_file_source_options){.use_stdin = true, .stdin_fd = ends[0], .source_name = "feed"}, result, 1000);
    assert_int_equal(result->count, 2);
    assert_string_equal(result->known[0].topic, "stdin:feed");
    close(ends[0]);
    feed(ends, "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n");
    run(&(wendi_file_source_options){.use_stdin = true, .stdin_fd = ends[0], .source_name = "feed"}, result, 1000);
    assert_int_equal(result->count, 1);
    assert_string_equal(result->lines[0], "{\"n\":3}");
    close(ends[0]);
    feed(ends, "{\"n\":1}\n{\"n\":9}\n{\"n\":3}\n{\"n\":4}\n");
    run(&(wendi_file_source_options){.use_stdin = true, .stdin_fd = ends[0], .source_name = "feed"}, result, 1000);
    assert_int_equal(result->status, WEND_CONFLICT);
    close(ends[0]);
    feed(ends, "{\"n\":1}\n");
    run(&(wendi_file_source_options){.use_stdin = true, .stdin_fd = ends[0], .source_name = "feed"}, result, 1000);
    assert_int_equal(result->status, WEND_CONFLICT);
    close(ends[0]);
    feed(ends, "{\"n\":1}\n"); /* without a name every run is new */
    run(&(wendi_file_source_options){.use_stdin = true, .stdin_fd = ends[0]}, result, 1000);
    assert_int_equal(result->count, 1);
    close(ends[0]);
    free_result(result);
}

static void test_wrong_options(void **state)
{
    run_result *result = new_result();
    const char *paths[1] = {"x"};
    (void)state;
    run(&(wendi_file_source_options){.use_stdin = false}, result, 1);
    assert_int_equal(result->status, WEND_INVALID);
    run(&(wendi_file_source_options){.use_stdin = true, .paths = paths, .path_count = 1}, result, 1);
    assert_int_equal(result->status, WEND_INVALID);
    run(&(wendi_file_source_options){.use_stdin = true, .follow = true}, result, 1);
    assert_int_equal(result->status, WEND_INVALID);
    run(&(wendi_file_source_options){.paths = paths, .path_count = 1, .source_name = "n"}, result, 1);
    assert_int_equal(result->status, WEND_INVALID);
    free_result(result);
}

static void test_refused_memory(void **state)
{
    uint32_t refused = 0;
    (void)state;
    write_text("memory", "{\"n\":1}\n{\"n\":2}\n{\"n\":3", "w");
    for (int64_t calls = 0; calls < 60; calls++) {
        const char *paths[1] = {path_of("memory")};
        wendi_file_start start = {"file:0000000000000000", 100, 0};
        wendi_file_source_options options = {.paths = paths, .path_count = 1, .starts = &start, .start_count = 1};
        wendi_source *source = NULL;
        wendi_message_block block;
        uint32_t count = 0;
        assert_int_equal(wendi_message_block_init(&block, NULL), WEND_OK);
        wendi_alloc_refuse_at(calls);
        wend_status status = wendi_file_source_open(&options, &source, NULL);
        while (status == WEND_OK) {
            status = source->next(source, &block, 0, NULL);
            count += status == WEND_OK ? block.count : 0;
        }
        wendi_alloc_refuse_at(-1);
        assert_true(status == WEND_END ? count == 3 : status == WEND_NOMEM);
        refused += status == WEND_NOMEM;
        if (source != NULL) {
            source->close(source);
        }
        wendi_message_block_free(&block);
    }
    assert_true(refused > 5 && refused < 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_compressed_and_recompressed),
        cmocka_unit_test(test_rotation_renaming_and_growth),
        cmocka_unit_test(test_short_head_and_named_twice),
        cmocka_unit_test(test_resume_anywhere),
        cmocka_unit_test(test_long_lines),
        cmocka_unit_test(test_tiny_lines_fill_blocks),
        cmocka_unit_test(test_damaged_compression),
        cmocka_unit_test(test_follow),
        cmocka_unit_test(test_standard_input),
        cmocka_unit_test(test_wrong_options),
        cmocka_unit_test(test_refused_memory),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
