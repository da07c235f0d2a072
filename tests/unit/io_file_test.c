/* One suite over every implementation of file access: plain calls, io_uring, and the fault wrapper in its moods. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/hash.h"
#include "engine/io/fault_io.h"
#include "engine/io/io.h"

typedef struct flavour {
    const char *name;
    const char *backend;
    bool wrapped;
    bool short_transfers;
    bool like_mount;
} flavour;

typedef struct fixture {
    wendi_io *inner;
    wendi_io *io;
    char folder[64];
    wend_error error;
    bool like_mount;
} fixture;

static uint8_t byte_at(uint64_t place)
{
    return (uint8_t)(wendi_mix64(place / 8) >> (place % 8 * 8));
}

static char *fill(char *bytes, uint64_t offset, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        bytes[i] = (char)byte_at(offset + i);
    }
    return bytes;
}

static const char *path_of(const fixture *fix, const char *name)
{
    static char paths[4][160];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", fix->folder, name);
    return path;
}

static void expect(wend_status wanted, wend_status got, const wend_error *error)
{
    if (wanted != got) {
        fail_msg("%s, not %s: %s", wend_status_name(got), wend_status_name(wanted), error->message);
    }
}

static int setup(void **state)
{
    const flavour *kind = *state;
    fixture *fix = calloc(1, sizeof *fix);
    strcpy(fix->folder, "/tmp/wend-io-XXXXXX");
    assert_non_null(mkdtemp(fix->folder));
    wend_status status = wendi_io_open(kind->backend, &fix->inner, &fix->error);
    if (status == WEND_UNSUPPORTED) {
        print_message("%s\n", fix->error.message);
        rmdir(fix->folder);
        free(fix);
        *state = NULL;
        return 0;
    }
    expect(WEND_OK, status, &fix->error);
    fix->io = fix->inner;
    fix->like_mount = kind->like_mount;
    if (kind->wrapped) {
        wendi_fault_plan plan = wendi_fault_plan_none();
        plan.short_transfers = kind->short_transfers;
        plan.like_mount = kind->like_mount;
        plan.seed = 7;
        expect(WEND_OK, wendi_fault_io_open(fix->inner, fix->folder, &plan, &fix->io, &fix->error), &fix->error);
    }
    *state = fix;
    return 0;
}

static int teardown(void **state)
{
    fixture *fix = *state;
    if (fix == NULL) {
        return 0;
    }
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", fix->folder);
    assert_int_equal(system(command), 0);
    if (fix->io != fix->inner) {
        wendi_io_close(fix->io);
    }
    wendi_io_close(fix->inner);
    free(fix);
    return 0;
}

static fixture *fixture_of(void **state)
{
    if (*state == NULL) {
        skip();
    }
    return *state;
}

static void write_whole(fixture *fix, const char *name, size_t bytes, wendi_create_flags flags)
{
    char piece[70000];
    wendi_file *file = NULL;
    expect(WEND_OK, wendi_file_create(fix->io, path_of(fix, name), flags, &file, &fix->error), &fix->error);
    for (size_t at = 0; at < bytes;) {
        size_t length = wendi_mix64(at + 1) % sizeof piece;
        length = length < bytes - at ? length : bytes - at;
        expect(WEND_OK, wendi_file_write(file, fill(piece, at, length), length, &fix->error), &fix->error);
        memset(piece, 0xee, sizeof piece); /* ours again at once */
        at += length;
    }
    assert_int_equal(wendi_file_bytes(file), bytes);
    expect(WEND_OK, wendi_file_sync(file, &fix->error), &fix->error);
    expect(WEND_OK, wendi_file_close(file, &fix->error), &fix->error);
    expect(WEND_OK, wendi_io_settled(fix->io, path_of(fix, name), bytes, 1000, &fix->error), &fix->error);
}

static void files_come_back(void **state)
{
    static const size_t sizes[] = {0, 1, 4095, 4096, 4097, 1048575, 1048576, 1048577, 5000000, 8388608};
    fixture *fix = fixture_of(state);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (int direct = 0; direct < 2; direct++) {
            wendi_buffer got = {0};
            write_whole(fix, "file", sizes[i], direct ? WENDI_CREATE_DIRECT : WENDI_CREATE_PLAIN);
            expect(WEND_OK, wendi_io_read_file(fix->io, path_of(fix, "file"), sizes[i], &got, &fix->error), &fix->error);
            assert_int_equal(got.length, sizes[i]);
            for (size_t k = 0; k < sizes[i]; k++) {
                if (got.data[k] != byte_at(k)) {
                    fail_msg("byte %zu of %zu", k, sizes[i]);
                }
            }
            if (sizes[i] > 0) {
                wendi_buffer small = {0};
                expect(WEND_CORRUPT,
                       wendi_io_read_file(fix->io, path_of(fix, "file"), sizes[i] - 1, &small, &fix->error), &fix->error);
                wendi_buffer_free(&small);
            }
            wendi_buffer_free(&got);
            expect(WEND_OK, wendi_io_unlink(fix->io, path_of(fix, "file"), &fix->error), &fix->error);
        }
    }
}

/* A sync in the middle leaves a tail behind that is not aligned; what follows must still be right. */
static void writing_goes_on_after_a_sync(void **state)
{
    fixture *fix = fixture_of(state);
    char piece[5000];
    wendi_file *file = NULL;
    wendi_buffer got = {0};
    expect(WEND_OK, wendi_file_create(fix->io, path_of(fix, "f"), WENDI_CREATE_DIRECT, &file, &fix->error), &fix->error);
    for (size_t i = 0; i < 300; i++) {
        expect(WEND_OK, wendi_file_write(file, fill(piece, i * sizeof piece, sizeof piece), sizeof piece, &fix->error),
               &fix->error);
        if (i % 50 == 10) {
            expect(WEND_OK, wendi_file_sync(file, &fix->error), &fix->error);
        }
    }
    expect(WEND_OK, wendi_file_close(file, &fix->error), &fix->error);
    expect(WEND_OK, wendi_io_read_file(fix->io, path_of(fix, "f"), 1 << 24, &got, &fix->error), &fix->error);
    assert_int_equal(got.length, 300 * sizeof piece);
    for (size_t k = 0; k < got.length; k++) {
        assert_int_equal(got.data[k], byte_at(k));
    }
    wendi_buffer_free(&got);
}

static void many_reads_at_any_depth(void **state)
{
    enum { BYTES = 3000000, READS = 100 };
    fixture *fix = fixture_of(state);
    wendi_file *file = NULL;
    static char buffers[READS][50000];
    write_whole(fix, "file", BYTES, WENDI_CREATE_PLAIN);
    expect(WEND_OK, wendi_file_open(fix->io, path_of(fix, "file"), &file, &fix->error), &fix->error);
    assert_int_equal(wendi_file_bytes(file), BYTES);
    for (uint32_t depth = 0; depth < 40; depth += 3) {
        wendi_io_read reads[READS];
        for (uint32_t i = 0; i < READS; i++) {
            uint64_t chance = wendi_mix64(depth * 1000 + i);
            reads[i] = (wendi_io_read){chance % (BYTES - 50000), i % 7 == 3 ? 0 : chance >> 32 & 0x7fff, buffers[i]};
        }
        expect(WEND_OK, wendi_file_read(file, reads, READS, depth, &fix->error), &fix->error);
        for (uint32_t i = 0; i < READS; i++) {
            for (size_t k = 0; k < reads[i].length; k++) {
                assert_int_equal((uint8_t)buffers[i][k], byte_at(reads[i].offset + k));
            }
        }
        reads[READS / 2] = (wendi_io_read){BYTES - 10, 11, buffers[0]};
        expect(WEND_CORRUPT, wendi_file_read(file, reads, READS, depth, &fix->error), &fix->error);
        assert_non_null(strstr(fix->error.message, "file"));
    }
    assert_true(wendi_io_counters_now(fix->io).reads >= READS);
    expect(WEND_OK, wendi_file_close(file, &fix->error), &fix->error);
}

typedef struct reader {
    fixture *fix;
    wendi_file *file;
    uint64_t seed;
    int wrong;
} reader;

static void *read_on(void *argument)
{
    reader *self = argument;
    char buffers[4][3000];
    for (uint64_t i = 0; i < 200; i++) {
        wendi_io_read reads[4];
        for (uint64_t k = 0; k < 4; k++) {
            reads[k] = (wendi_io_read){wendi_mix64(self->seed + i * 4 + k) % 900000, 3000, buffers[k]};
        }
        self->wrong += wendi_file_read(self->file, reads, 4, 4, NULL) != WEND_OK;
        for (uint64_t k = 0; k < 4; k++) {
            self->wrong += (uint8_t)buffers[k][2999] != byte_at(reads[k].offset + 2999);
        }
    }
    return NULL;
}

static void threads_share_a_file(void **state)
{
    fixture *fix = fixture_of(state);
    pthread_t threads[4];
    reader readers[4];
    wendi_file *file = NULL;
    write_whole(fix, "file", 1000000, WENDI_CREATE_PLAIN);
    expect(WEND_OK, wendi_file_open(fix->io, path_of(fix, "file"), &file, &fix->error), &fix->error);
    for (uint64_t i = 0; i < 4; i++) {
        readers[i] = (reader){fix, file, i * 1000003, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, read_on, &readers[i]), 0);
    }
    for (uint64_t i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(readers[i].wrong, 0);
    }
    expect(WEND_OK, wendi_file_close(file, &fix->error), &fix->error);
}

static void names_are_not_replaced(void **state)
{
    fixture *fix = fixture_of(state);
    wendi_file *file = NULL;
    wendi_buffer got = {0};
    wendi_io_info info;
    expect(WEND_OK, wendi_io_write_file(fix->io, path_of(fix, "a"), "first", 5, &fix->error), &fix->error);
    expect(WEND_EXISTS, wendi_io_write_file(fix->io, path_of(fix, "a"), "again", 5, &fix->error), &fix->error);
    expect(WEND_EXISTS, wendi_file_create(fix->io, path_of(fix, "a"), WENDI_CREATE_PLAIN, &file, &fix->error),
           &fix->error);
    expect(WEND_OK, wendi_io_write_file(fix->io, path_of(fix, "b"), "second", 6, &fix->error), &fix->error);
    expect(WEND_EXISTS, wendi_io_rename_new(fix->io, path_of(fix, "b"), path_of(fix, "a"), &fix->error), &fix->error);
    assert_non_null(strstr(fix->error.message, "/b"));
    expect(WEND_OK, wendi_io_read_file(fix->io, path_of(fix, "a"), 100, &got, &fix->error), &fix->error);
    assert_memory_equal(got.data, "first", 5);
    expect(WEND_OK, wendi_io_rename_new(fix->io, path_of(fix, "b"), path_of(fix, "c"), &fix->error), &fix->error);
    expect(WEND_NOT_FOUND, wendi_io_stat(fix->io, path_of(fix, "b"), &info, &fix->error), &fix->error);
    expect(WEND_NOT_FOUND, wendi_io_rename_new(fix->io, path_of(fix, "b"), path_of(fix, "d"), &fix->error), &fix->error);
    expect(fix->like_mount ? WEND_IO : WEND_OK,
           wendi_io_rename_replace(fix->io, path_of(fix, "c"), path_of(fix, "a"), &fix->error), &fix->error);
    wendi_buffer_free(&got);
}

static void folders_are_listed(void **state)
{
    fixture *fix = fixture_of(state);
    wendi_arena arena;
    wendi_io_entry *entries = NULL;
    uint32_t count = 0;
    char name[32];
    wendi_io_info info;
    wendi_arena_init(&arena, 256);
    expect(WEND_OK, wendi_io_mkdir(fix->io, path_of(fix, "sub"), &fix->error), &fix->error);
    expect(WEND_EXISTS, wendi_io_mkdir(fix->io, path_of(fix, "sub"), &fix->error), &fix->error);
    for (int i = 199; i >= 0; i--) {
        snprintf(name, sizeof name, "f%03d", i);
        expect(WEND_OK, wendi_io_write_file(fix->io, path_of(fix, name), name, 4, &fix->error), &fix->error);
    }
    expect(WEND_OK, wendi_io_sync_folder(fix->io, fix->folder, &fix->error), &fix->error);
    expect(WEND_OK, wendi_io_list(fix->io, fix->folder, &arena, &entries, &count, &fix->error), &fix->error);
    assert_int_equal(count, 201);
    for (uint32_t i = 0; i < 200; i++) {
        snprintf(name, sizeof name, "f%03u", i);
        assert_string_equal(entries[i].name.data, name);
        assert_false(entries[i].folder);
    }
    assert_string_equal(entries[200].name.data, "sub");
    assert_true(entries[200].folder);
    expect(WEND_OK, wendi_io_stat(fix->io, path_of(fix, "sub"), &info, &fix->error), &fix->error);
    assert_true(info.folder);
    expect(WEND_OK, wendi_io_stat(fix->io, path_of(fix, "f000"), &info, &fix->error), &fix->error);
    assert_int_equal(info.bytes, 4);
    assert_true(info.modified_us > INT64_C(1600000000000000));
    expect(WEND_OK, wendi_io_rmdir(fix->io, path_of(fix, "sub"), &fix->error), &fix->error);
    expect(WEND_NOT_FOUND, wendi_io_list(fix->io, path_of(fix, "sub"), &arena, &entries, &count, &fix->error), &fix->error);
    expect(WEND_NOT_FOUND, wendi_io_unlink(fix->io, path_of(fix, "sub"), &fix->error), &fix->error);
    expect(WEND_NOT_FOUND, wendi_io_sync_folder(fix->io, path_of(fix, "sub"), &fix->error), &fix->error);
    wendi_file *file = NULL;
    expect(WEND_NOT_FOUND, wendi_file_open(fix->io, path_of(fix, "sub"), &file, &fix->error), &fix->error);
    assert_non_null(strstr(fix->error.message, "/sub"));
    assert_true(fix->error.hint[0] != '\0');
    expect(WEND_IO, wendi_file_open(fix->io, fix->folder, &file, &fix->error), &fix->error);
    expect(WEND_NOT_FOUND, wendi_file_create(fix->io, path_of(fix, "no/x"), WENDI_CREATE_PLAIN, &file, &fix->error),
           &fix->error);
    wendi_arena_free(&arena);
}

static void a_lock_names_its_holder(void **state)
{
    fixture *fix = fixture_of(state);
    wendi_io_lock *lock = NULL;
    wendi_io_lock *second = NULL;
    char note[200];
    bool held = true;
    expect(WEND_OK, wendi_io_lock_holder(fix->io, path_of(fix, "LOCK"), &held, note, sizeof note, &fix->error), &fix->error);
    assert_false(held);
    expect(WEND_OK, wendi_io_lock_acquire(fix->io, path_of(fix, "LOCK"), &lock, &fix->error), &fix->error);
    expect(WEND_BUSY, wendi_io_lock_acquire(fix->io, path_of(fix, "LOCK"), &second, &fix->error), &fix->error);
    char mine[32];
    snprintf(mine, sizeof mine, "process %ld ", (long)getpid());
    assert_non_null(strstr(fix->error.message, mine));
    expect(WEND_OK, wendi_io_lock_holder(fix->io, path_of(fix, "LOCK"), &held, note, sizeof note, &fix->error), &fix->error);
    assert_true(held);
    assert_non_null(strstr(note, mine));
    wendi_io_lock_release(lock);
    expect(WEND_OK, wendi_io_lock_holder(fix->io, path_of(fix, "LOCK"), &held, note, sizeof note, &fix->error), &fix->error);
    assert_false(held);

    /* A process that dies lets go. */
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        _exit(wendi_io_lock_acquire(fix->io, path_of(fix, "LOCK"), &second, NULL) != WEND_OK ||
              write(ready[1], "x", 1) != 1 || pause());
    }
    char byte;
    assert_int_equal(read(ready[0], &byte, 1), 1);
    expect(WEND_BUSY, wendi_io_lock_acquire(fix->io, path_of(fix, "LOCK"), &lock, &fix->error), &fix->error);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    expect(WEND_OK, wendi_io_lock_acquire(fix->io, path_of(fix, "LOCK"), &lock, &fix->error), &fix->error);
    wendi_io_lock_release(lock);
    close(ready[0]);
    close(ready[1]);
}

static void the_probe_leaves_nothing(void **state)
{
    fixture *fix = fixture_of(state);
    wendi_file_system info;
    wendi_arena arena = {0};
    wendi_io_entry *entries = NULL;
    uint32_t count = 99;
    for (int trying = 0; trying < 2; trying++) {
        expect(WEND_OK, wendi_io_probe(fix->io, fix->folder, trying == 1, &info, &fix->error), &fix->error);
        assert_int_equal(info.mount, fix->like_mount);
        assert_int_equal(info.atomic_publish, !fix->like_mount);
        assert_int_equal(info.folder_sync, !fix->like_mount);
        assert_true(info.free_bytes > 0 && info.total_bytes >= info.free_bytes);
        assert_true(info.name[0] != '\0');
    }
    expect(WEND_OK, wendi_io_list(fix->io, fix->folder, &arena, &entries, &count, &fix->error), &fix->error);
    assert_int_equal(count, 0);
    expect(WEND_NOT_FOUND, wendi_io_probe(fix->io, path_of(fix, "no"), true, &info, &fix->error), &fix->error);
    wendi_arena_free(&arena);
}

/* Refuse every allocation in turn: each call must fail with a status or succeed, and leak nothing. */
static void refused_memory_is_survived(void **state)
{
    fixture *fix = fixture_of(state);
    for (int64_t refuse_at = 0; refuse_at < 40; refuse_at++) {
        wendi_file *file = NULL;
        wendi_buffer got = {0};
        wendi_arena arena = {0};
        wendi_io_entry *entries;
        uint32_t count;
        char buffer[16];
        wendi_io_read reads[2] = {{0, 4, buffer}, {4, 4, buffer + 8}};
        if (fix->io == fix->inner || refuse_at > 0) { /* the wrapper's model would be spoilt otherwise */
            wendi_alloc_refuse_at(refuse_at);
        }
        (void)wendi_io_write_file(fix->io, path_of(fix, "f"), "12345678", 8, NULL);
        if (wendi_file_open(fix->io, path_of(fix, "f"), &file, NULL) == WEND_OK) {
            (void)wendi_file_read(file, reads, 2, 2, NULL);
            (void)wendi_file_close(file, NULL);
        }
        (void)wendi_io_read_file(fix->io, path_of(fix, "f"), 100, &got, NULL);
        (void)wendi_io_list(fix->io, fix->folder, &arena, &entries, &count, NULL);
        wendi_alloc_refuse_at(-1);
        (void)wendi_io_unlink(fix->io, path_of(fix, "f"), NULL);
        wendi_buffer_free(&got);
        wendi_arena_free(&arena);
    }
}

/* A full disk: the error surfaces, names the file, and the file stays dead. RLIMIT_FSIZE stands in where not root. */
static void a_full_disk_is_told(void **state)
{
    fixture *fix = fixture_of(state);
    char target[160];
    snprintf(target, sizeof target, "%s", path_of(fix, "small"));
    expect(WEND_OK, wendi_io_mkdir(fix->io, target, &fix->error), &fix->error);
    if (mount("tmpfs", target, "tmpfs", 0, "size=2m") != 0) {
        print_message("no tmpfs can be mounted here: skipped\n");
        skip();
    }
    char piece[65536];
    wendi_file *file = NULL;
    wend_status status = wendi_file_create(fix->io, path_of(fix, "small/f"), WENDI_CREATE_PLAIN, &file, &fix->error);
    expect(WEND_OK, status, &fix->error);
    for (int i = 0; i < 100 && status == WEND_OK; i++) {
        status = wendi_file_write(file, fill(piece, 0, sizeof piece), sizeof piece, &fix->error);
    }
    expect(WEND_IO, status, &fix->error);
    assert_non_null(strstr(fix->error.message, "small/f"));
    assert_non_null(strstr(fix->error.message, "No space left"));
    expect(WEND_IO, wendi_file_write(file, "x", 1, &fix->error), &fix->error);
    expect(WEND_IO, wendi_file_sync(file, &fix->error), &fix->error);
    expect(WEND_IO, wendi_file_close(file, &fix->error), &fix->error);
    assert_non_null(strstr(fix->error.message, "No space left"));
    assert_int_equal(umount(target), 0);
}

static void backends_are_chosen(void **state)
{
    (void)state;
    wend_error error;
    wendi_io *io = NULL;
    expect(WEND_OK, wendi_io_open("posix", &io, &error), &error);
    assert_string_equal(wendi_io_backend_name(io), "posix");
    wendi_io_close(io);
    expect(WEND_INVALID, wendi_io_open("aio", &io, &error), &error);
    setenv("WEND_IO", "posix", 1);
    expect(WEND_OK, wendi_io_open(NULL, &io, &error), &error);
    assert_string_equal(wendi_io_backend_name(io), "posix");
    assert_non_null(strstr(wendi_io_backend_reason(io), "WEND_IO"));
    wendi_io_close(io);
    setenv("WEND_IO", "magic", 1);
    expect(WEND_INVALID, wendi_io_open(NULL, &io, &error), &error);
    unsetenv("WEND_IO");
    expect(WEND_OK, wendi_io_open(NULL, &io, &error), &error);
    print_message("file access: %s (%s)\n", wendi_io_backend_name(io), wendi_io_backend_reason(io));
    wendi_io_close(io);

    /* Where the kernel refuses io_uring, plain calls take over and say so. */
    pid_t child = fork();
    if (child == 0) {
        struct rlimit none = {3, 3};
        setrlimit(RLIMIT_NOFILE, &none); /* no descriptor for a ring */
        bool ok = wendi_io_open(NULL, &io, NULL) == WEND_OK && strcmp(wendi_io_backend_name(io), "posix") == 0 &&
                  strstr(wendi_io_backend_reason(io), "io_uring_queue_init") != NULL &&
                  wendi_io_open("uring", &io, NULL) == WEND_UNSUPPORTED;
        _exit(!ok);
    }
    int result = 0;
    waitpid(child, &result, 0);
    assert_int_equal(result, 0);
}

int main(void)
{
    static flavour flavours[] = {
        {"posix", "posix", false, false, false},       {"io_uring", "uring", false, false, false},
        {"wrapped", "posix", true, false, false},      {"short", "posix", true, true, false},
        {"short uring", "uring", true, true, false},   {"like a mount", "uring", true, false, true},
    };
    static const struct {
        const char *name;
        CMUnitTestFunction function;
    } suite[] = {
        {"files_come_back", files_come_back},
        {"writing_goes_on_after_a_sync", writing_goes_on_after_a_sync},
        {"many_reads_at_any_depth", many_reads_at_any_depth},
        {"threads_share_a_file", threads_share_a_file},
        {"names_are_not_replaced", names_are_not_replaced},
        {"folders_are_listed", folders_are_listed},
        {"a_lock_names_its_holder", a_lock_names_its_holder},
        {"the_probe_leaves_nothing", the_probe_leaves_nothing},
        {"refused_memory_is_survived", refused_memory_is_survived},
        {"a_full_disk_is_told", a_full_disk_is_told},
    };
    enum { FLAVOURS = sizeof flavours / sizeof flavours[0], SUITE = sizeof suite / sizeof suite[0] };
    static char names[FLAVOURS * SUITE][80];
    struct CMUnitTest tests[FLAVOURS * SUITE + 1] = {cmocka_unit_test(backends_are_chosen)};
    for (size_t f = 0; f < FLAVOURS; f++) {
        for (size_t s = 0; s < SUITE; s++) {
            size_t at = f * SUITE + s;
            snprintf(names[at], sizeof names[at], "%s: %s", flavours[f].name, suite[s].name);
            tests[at + 1] = (struct CMUnitTest){names[at], suite[s].function, setup, teardown, &flavours[f]};
        }
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
