/*
 * Walking directories of ours. Nothing is ever removed that is not on the list (or, in a temporary
 * directory that a killed export left without one, not named as we name files), and no symbolic
 * link is followed.
 */
#include "tools/parquet_export/parquet_listing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static wend_status read_all(int fd, parquet_bytes *bytes, wend_error *error)
{
    for (;;) {
        wend_status status = parquet_bytes_reserve(bytes, 65536);
        ssize_t got;

        if (status != WEND_OK) {
            return status;
        }
        got = read(fd, bytes->data + bytes->length, 65536);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return parquet_fail(error, WEND_IO, "cannot read %s: %s", PARQUET_LISTING_NAME,
                                strerror(errno));
        }
        if (got == 0) {
            return parquet_bytes_append(bytes, "", 1); /* a NUL behind it */
        }
        bytes->length += (size_t)got;
    }
}

static int compare_paths(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static wend_status split(parquet_listing *listing)
{
    size_t line_count = 0;
    char *at = listing->text;
    char *end;

    for (const char *c = at; *c != '\0'; c++) {
        line_count += *c == '\n';
    }
    listing->paths = parquet_alloc((line_count + 1) * sizeof(*listing->paths));
    if (listing->paths == NULL) {
        return WEND_NOMEM;
    }
    while ((end = strchr(at, '\n')) != NULL) {
        *end = '\0';
        listing->paths[listing->path_count++] = at;
        at = end + 1;
    }
    qsort(listing->paths, listing->path_count, sizeof(*listing->paths), compare_paths);
    return WEND_OK;
}

wend_status parquet_listing_read(parquet_listing *listing, int dir_fd, wend_error *error)
{
    int fd = openat(dir_fd, PARQUET_LISTING_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    wend_status status = WEND_OK;
    parquet_bytes bytes = {0};

    *listing = (parquet_listing){0};
    if (fd < 0) {
        return errno == ENOENT ? WEND_NOT_FOUND
                               : parquet_fail(error, WEND_IO, "cannot open %s: %s",
                                              PARQUET_LISTING_NAME, strerror(errno));
    }
    PARQUET_TRY(read_all(fd, &bytes, error));
    if (strncmp((char *)bytes.data, PARQUET_LISTING_HEAD, strlen(PARQUET_LISTING_HEAD)) != 0) {
        status = WEND_NOT_FOUND; /* Some other file of that name. */
        goto cleanup;
    }
    listing->text = (char *)bytes.data;
    bytes = (parquet_bytes){0};
    PARQUET_TRY(split(listing));
cleanup:
    (void)close(fd);
    parquet_bytes_free(&bytes);
    if (status != WEND_OK) {
        parquet_listing_free(listing);
    }
    return status;
}

void parquet_listing_free(parquet_listing *listing)
{
    parquet_free(listing->text);
    parquet_free(listing->paths);
    *listing = (parquet_listing){0};
}

static bool has_part_name(const char *name)
{
    size_t length = strlen(name);

    return length > 13 && strncmp(name, "part-", 5) == 0 &&
           strspn(name + 5, "0123456789") == length - 13 &&
           strcmp(name + length - 8, ".parquet") == 0;
}

static bool is_ours(const parquet_listing *listing, const char *relative)
{
    const char *name = strrchr(relative, '/');

    name = name == NULL ? relative : name + 1;
    if (strcmp(relative, PARQUET_LISTING_NAME) == 0) {
        return true;
    }
    if (listing->is_pattern) {
        return has_part_name(name);
    }
    return listing->path_count > 0 && bsearch(&relative, listing->paths, listing->path_count,
                                              sizeof(*listing->paths), compare_paths) != NULL;
}

/* No heap: this also clears up after memory was refused. */
typedef struct sweep_state {
    const parquet_listing *listing;
    const char *path;
    bool is_removing;
    bool is_foreign_found;
    wend_error *error;
    char relative[PATH_MAX]; /* of the entry looked at */
} sweep_state;

static wend_status sweep_folder(sweep_state *state, int dir_fd, size_t prefix_length);

static wend_status fail_entry(const sweep_state *state, const char *what)
{
    return parquet_fail(state->error, WEND_IO, "cannot %s %s/%s: %s", what, state->path,
                        state->relative, strerror(errno));
}

static void note_foreign(sweep_state *state)
{
    if (!state->is_foreign_found) {
        parquet_fail(state->error, WEND_EXISTS, "%s holds %s, which no export wrote", state->path,
                     state->relative);
    }
    state->is_foreign_found = true;
}

static wend_status sweep_subfolder(sweep_state *state, int dir_fd, const char *name, size_t length)
{
    int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    wend_status status;

    if (fd < 0) {
        return fail_entry(state, "open");
    }
    state->relative[length] = '/';
    status = sweep_folder(state, fd, length + 1);
    state->relative[length] = '\0';
    (void)close(fd);
    return status;
}

static wend_status sweep_entry(sweep_state *state, int dir_fd, size_t prefix_length,
                               const char *name)
{
    size_t length = prefix_length + strlen(name);
    wend_status status = WEND_OK;
    struct stat info;
    bool is_folder;
    bool is_known;

    if (length + 2 > sizeof(state->relative)) {
        errno = ENAMETOOLONG;
        return fail_entry(state, "look below");
    }
    memcpy(state->relative + prefix_length, name, length - prefix_length + 1);
    if (fstatat(dir_fd, name, &info, AT_SYMLINK_NOFOLLOW) != 0) {
        return fail_entry(state, "look at");
    }
    is_folder = S_ISDIR(info.st_mode);
    is_known = is_folder ? strchr(name, '=') != NULL
                         : S_ISREG(info.st_mode) && is_ours(state->listing, state->relative);
    if (!is_known) {
        note_foreign(state);
        return WEND_OK;
    }
    if (is_folder) {
        status = sweep_subfolder(state, dir_fd, name, length);
    }
    if (status == WEND_OK && state->is_removing &&
        unlinkat(dir_fd, name, is_folder ? AT_REMOVEDIR : 0) != 0 &&
        !(errno == ENOTEMPTY && state->is_foreign_found)) {
        status = fail_entry(state, "remove");
    }
    return status;
}

static DIR *open_again(int dir_fd)
{
    int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);

    if (dir == NULL && fd >= 0) {
        (void)close(fd);
    }
    return dir;
}

static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static wend_status sweep_folder(sweep_state *state, int dir_fd, size_t prefix_length)
{
    DIR *dir = open_again(dir_fd);
    wend_status status = WEND_OK;
    const struct dirent *entry;

    if (dir == NULL) {
        state->relative[prefix_length] = '\0';
        return fail_entry(state, "list");
    }
    while (status == WEND_OK && (entry = readdir(dir)) != NULL) {
        if (!is_dots(entry->d_name)) {
            status = sweep_entry(state, dir_fd, prefix_length, entry->d_name);
        }
    }
    (void)closedir(dir);
    return status;
}

wend_status parquet_listing_sweep(const parquet_listing *listing, int dir_fd, const char *path,
                                  bool is_removing, wend_error *error)
{
    sweep_state state = {
        .listing = listing, .path = path, .is_removing = is_removing, .error = error};
    wend_status status = sweep_folder(&state, dir_fd, 0);

    return status != WEND_OK ? status : state.is_foreign_found ? WEND_EXISTS : WEND_OK;
}

wend_status parquet_listing_sync(int dir_fd, const char *path, wend_error *error)
{
    DIR *dir = open_again(dir_fd);
    wend_status status = WEND_OK;
    const struct dirent *entry;

    if (dir == NULL) {
        return parquet_fail(error, WEND_IO, "cannot list %s: %s", path, strerror(errno));
    }
    while (status == WEND_OK && (entry = readdir(dir)) != NULL) {
        int fd;

        if (is_dots(entry->d_name)) {
            continue;
        }
        fd = openat(dir_fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (fd >= 0) {
            status = parquet_listing_sync(fd, entry->d_name, error);
            (void)close(fd);
        } else if (errno != ENOTDIR) {
            status = parquet_fail(error, WEND_IO, "cannot open %s/%s: %s", path, entry->d_name,
                                  strerror(errno));
        }
    }
    if (status == WEND_OK && fsync(dir_fd) != 0 && errno != EINVAL && errno != EROFS) {
        status = parquet_fail(error, WEND_IO, "cannot sync %s: %s", path, strerror(errno));
    }
    (void)closedir(dir);
    return status;
}
