/*
 * Putting an export in its place. A file is renamed over the old one. A directory is exchanged with
 * the old one in one step (renameat2), and by two renames where the file system cannot do that; the
 * old one is removed only after the new one is in place and synced.
 */
#include "tools/parquet_export/parquet_output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/parquet_export/parquet_listing.h"

#define LOCK_ATTEMPTS_MAX 100

struct parquet_output {
    bool is_directory;
    bool is_published;
    char *target; /* absolute, links resolved */
    char *parent;
    char *temporary;
    char *set_aside; /* where the old directory waits when names cannot be exchanged */
    int lock_fd;     /* the temporary; -1: not made */
    parquet_bytes listing;
};

static wend_status fail_path(wend_error *error, const char *what, const char *path)
{
    return parquet_fail(error, WEND_IO, "cannot %s %s: %s", what, path, strerror(errno));
}

bool parquet_output_is_directory(const parquet_output *output)
{
    return output->is_directory;
}

/* Resolving ----------------------------------------------------------------------------------- */

static wend_status resolve_new(parquet_output *output, char *path, wend_error *error)
{
    char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;
    const char *folder = slash == NULL ? "." : slash == path ? "/" : path;
    char resolved[PATH_MAX];

    if (name[0] == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
        return parquet_fail(error, WEND_INVALID, "\"%s\" does not name a file or directory to make",
                            path);
    }
    if (slash != NULL) {
        *slash = '\0';
    }
    if (realpath(folder, resolved) == NULL) {
        parquet_fail(error, errno == ENOENT ? WEND_NOT_FOUND : WEND_IO, "cannot write into %s: %s",
                     folder, strerror(errno));
        parquet_hint(error, "make the folder first: mkdir -p %s", folder);
        return errno == ENOENT ? WEND_NOT_FOUND : WEND_IO;
    }
    output->target = parquet_format("%s/%s", strcmp(resolved, "/") == 0 ? "" : resolved, name);
    return output->target == NULL ? WEND_NOMEM : WEND_OK;
}

static wend_status resolve_path(parquet_output *output, const char *given, wend_error *error)
{
    char *path = parquet_format("%s", given);
    char resolved[PATH_MAX];
    wend_status status;

    if (path == NULL) {
        return WEND_NOMEM;
    }
    for (size_t length = strlen(path); length > 1 && path[length - 1] == '/'; length--) {
        path[length - 1] = '\0';
    }
    if (realpath(path, resolved) != NULL) {
        output->target = parquet_format("%s", resolved);
        status = output->target == NULL ? WEND_NOMEM : WEND_OK;
    } else if (errno != ENOENT) {
        status = fail_path(error, "look at", path);
    } else {
        struct stat info;

        if (lstat(path, &info) == 0) {
            status = parquet_fail(error, WEND_INVALID, "%s is a symbolic link to nothing", path);
        } else {
            status = resolve_new(output, path, error);
        }
    }
    parquet_free(path);
    return status;
}

static wend_status name_neighbours(parquet_output *output, wend_error *error)
{
    const char *name = strrchr(output->target, '/') + 1;
    size_t parent_length = (size_t)(name - output->target);

    if (name[0] == '\0') {
        return parquet_fail(error, WEND_INVALID, "\"/\" cannot be replaced");
    }
    parent_length -= parent_length > 1;
    output->parent = parquet_format("%.*s", (int)parent_length, output->target);
    output->temporary =
        parquet_format("%.*s/.%s.wend-tmp", (int)(name - output->target - 1), output->target, name);
    output->set_aside =
        parquet_format("%.*s/.%s.wend-old", (int)(name - output->target - 1), output->target, name);
    return output->parent == NULL || output->temporary == NULL || output->set_aside == NULL
               ? WEND_NOMEM
               : WEND_OK;
}

/* Refusing ------------------------------------------------------------------------------------ */

/* A directory may go when an export wrote all of it. WEND_OK also when it is empty. */
static wend_status check_replaceable(const char *path, wend_error *error)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    parquet_listing listing = {0};
    wend_status status;

    if (fd < 0) {
        return fail_path(error, "open", path);
    }
    status = parquet_listing_read(&listing, fd, error);
    if (status == WEND_OK || status == WEND_NOT_FOUND) {
        status = parquet_listing_sweep(&listing, fd, path, false, error);
    }
    if (status == WEND_EXISTS) {
        parquet_hint(error, "export to another directory, or move that away first");
        status = WEND_INVALID;
        if (error != NULL) {
            error->status = status;
        }
    }
    parquet_listing_free(&listing);
    (void)close(fd);
    return status;
}

static wend_status check_target(const parquet_output *output, wend_error *error)
{
    struct stat info;

    if (stat(output->target, &info) != 0) {
        return errno == ENOENT ? WEND_OK : fail_path(error, "look at", output->target);
    }
    if (output->is_directory) {
        if (!S_ISDIR(info.st_mode)) {
            return parquet_fail(error, WEND_INVALID,
                                "%s is a file, and a directory is to be written", output->target);
        }
        return check_replaceable(output->target, error);
    }
    if (!S_ISREG(info.st_mode)) {
        parquet_fail(error, WEND_INVALID,
                     "%s is not a regular file and cannot be replaced as a whole", output->target);
        parquet_hint(error, "write to a file, then copy it there");
        return WEND_INVALID;
    }
    return WEND_OK;
}

/* The temporary ------------------------------------------------------------------------------- */

static wend_status open_temporary(parquet_output *output, wend_error *error)
{
    int flags = output->is_directory ? O_RDONLY | O_DIRECTORY : O_RDWR | O_CREAT;

    if (output->is_directory && mkdir(output->temporary, 0777) != 0 && errno != EEXIST) {
        return fail_path(error, "make", output->temporary);
    }
    output->lock_fd = open(output->temporary, flags | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (output->lock_fd < 0) {
        fail_path(error, "open", output->temporary);
        parquet_hint(error, "if no export runs, it is a leftover: remove it");
        return WEND_IO;
    }
    return WEND_OK;
}

/* Lock it, and see that the name still means what was locked; `is_held` tells. */
static wend_status lock_temporary(parquet_output *output, bool *is_held, wend_error *error)
{
    struct stat locked;
    struct stat named;

    *is_held = false;
    if (flock(output->lock_fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        parquet_fail(error, WEND_BUSY, "another export is writing %s", output->target);
        parquet_hint(error, "wait for it, or export to another place");
        return WEND_BUSY;
    } /* A file system without locks is taken as it is. */
    if (fstat(output->lock_fd, &locked) != 0) {
        return fail_path(error, "look at", output->temporary);
    }
    *is_held = lstat(output->temporary, &named) == 0 && named.st_ino == locked.st_ino &&
               named.st_dev == locked.st_dev;
    return WEND_OK;
}

/* Empty what a killed export may have left. */
static wend_status clear_temporary(parquet_output *output, wend_error *error)
{
    parquet_listing pattern = {.is_pattern = true};
    struct stat target;

    if (output->is_directory) {
        return parquet_listing_sweep(&pattern, output->lock_fd, output->temporary, true, error);
    }
    if (ftruncate(output->lock_fd, 0) != 0) {
        return fail_path(error, "empty", output->temporary);
    }
    if (stat(output->target, &target) == 0 &&
        fchmod(output->lock_fd, target.st_mode & 07777) != 0) {
        return fail_path(error, "set the mode of", output->temporary);
    }
    return WEND_OK;
}

static wend_status make_temporary(parquet_output *output, wend_error *error)
{
    wend_status status = WEND_OK;
    bool is_held = false;

    for (int attempt = 0; attempt < LOCK_ATTEMPTS_MAX && !is_held; attempt++) {
        PARQUET_TRY(open_temporary(output, error));
        PARQUET_TRY(lock_temporary(output, &is_held, error));
        if (!is_held) { /* Another export put it in place just now. */
            (void)close(output->lock_fd);
            output->lock_fd = -1;
        }
    }
    if (!is_held) {
        status = parquet_fail(error, WEND_BUSY, "other exports keep replacing %s", output->target);
        goto cleanup;
    }
    return clear_temporary(output, error);
cleanup:
    if (output->lock_fd >= 0) { /* Not ours: parquet_output_close() must leave it alone. */
        (void)close(output->lock_fd);
        output->lock_fd = -1;
    }
    return status;
}

static bool is_directory_wanted(const parquet_export_options *options)
{
    size_t length = strlen(options->output);
    struct stat info;

    if (options->target != PARQUET_TARGET_AUTO) {
        return options->target == PARQUET_TARGET_DIRECTORY;
    }
    return options->partition_by_count > 0 || options->output[length - 1] == '/' ||
           (stat(options->output, &info) == 0 && S_ISDIR(info.st_mode));
}

wend_status parquet_output_open(parquet_output **output_out, const parquet_export_options *options,
                                wend_error *error)
{
    parquet_output *output = parquet_alloc_zero(1, sizeof(*output));
    wend_status status = WEND_OK;

    *output_out = NULL;
    if (output == NULL) {
        return WEND_NOMEM;
    }
    output->lock_fd = -1;
    output->is_directory = is_directory_wanted(options);
    PARQUET_TRY(resolve_path(output, options->output, error));
    PARQUET_TRY(name_neighbours(output, error));
    PARQUET_TRY(check_target(output, error));
    PARQUET_TRY(make_temporary(output, error));
    PARQUET_TRY(
        parquet_bytes_append(&output->listing, PARQUET_LISTING_HEAD, strlen(PARQUET_LISTING_HEAD)));
    *output_out = output;
    output = NULL;
cleanup:
    parquet_output_close(output);
    return status;
}

/* Parts --------------------------------------------------------------------------------------- */

/* Make the folders of "a=1/b=2" below the temporary. */
static wend_status make_folders(const parquet_output *output, const char *folder, wend_error *error)
{
    const char *end = folder;
    wend_status status = WEND_OK;

    while (status == WEND_OK && *end != '\0') {
        char *path;

        end = strchrnul(end + 1, '/');
        path = parquet_format("%s/%.*s", output->temporary, (int)(end - folder), folder);
        if (path == NULL) {
            return WEND_NOMEM;
        }
        if (mkdir(path, 0777) != 0 && errno != EEXIST) {
            status = fail_path(error, "make", path);
        }
        parquet_free(path);
    }
    return status;
}

wend_status parquet_output_part(parquet_output *output, const char *folder, int64_t number,
                                char **path_out, wend_error *error)
{
    const char *slash = folder[0] == '\0' ? "" : "/";
    wend_status status = WEND_OK;
    char *relative = NULL;

    *path_out = NULL;
    if (!output->is_directory) {
        *path_out = parquet_format("%s", output->temporary);
        return *path_out == NULL ? WEND_NOMEM : WEND_OK;
    }
    PARQUET_TRY(make_folders(output, folder, error));
    relative = parquet_format("%s%spart-%05lld.parquet\n", folder, slash, (long long)number);
    if (relative == NULL) {
        status = WEND_NOMEM;
        goto cleanup;
    }
    PARQUET_TRY(parquet_bytes_append(&output->listing, relative, strlen(relative)));
    *path_out = parquet_format("%s/%.*s", output->temporary, (int)strlen(relative) - 1, relative);
    status = *path_out == NULL ? WEND_NOMEM : WEND_OK;
cleanup:
    parquet_free(relative);
    return status;
}

/* Publishing ---------------------------------------------------------------------------------- */

static wend_status write_listing(const parquet_output *output, wend_error *error)
{
    int fd = openat(output->lock_fd, PARQUET_LISTING_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
                    0666);
    size_t done = 0;
    wend_status status = WEND_OK;

    if (fd < 0) {
        return fail_path(error, "make " PARQUET_LISTING_NAME " in", output->temporary);
    }
    while (done < output->listing.length) {
        ssize_t written = write(fd, output->listing.data + done, output->listing.length - done);

        if (written < 0 && errno != EINTR) {
            status = fail_path(error, "write " PARQUET_LISTING_NAME " in", output->temporary);
            break;
        }
        done += written > 0 ? (size_t)written : 0;
    }
    if (status == WEND_OK && fsync(fd) != 0) {
        status = fail_path(error, "sync " PARQUET_LISTING_NAME " in", output->temporary);
    }
    (void)close(fd);
    return status;
}

static wend_status sync_parent(const parquet_output *output, wend_error *error)
{
    int fd = open(output->parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    wend_status status = WEND_OK;

    if (fd < 0) {
        return fail_path(error, "open", output->parent);
    }
    if (fsync(fd) != 0 && errno != EINVAL && errno != EROFS) {
        status = fail_path(error, "sync", output->parent);
    }
    (void)close(fd);
    return status;
}

/* Remove the directory that was replaced, open as `fd` and now at `path`. */
static wend_status remove_old(const parquet_listing *listing, int fd, const char *path,
                              wend_error *error)
{
    wend_status status = parquet_listing_sweep(listing, fd, path, true, error);

    if (status == WEND_OK && rmdir(path) != 0) {
        status = fail_path(error, "remove", path);
    }
    if (status != WEND_OK) {
        parquet_hint(error, "the export is complete; what it replaced is kept there");
    }
    return status;
}

/* Where names cannot be exchanged: between the two renames the target is missing, never mixed. */
static wend_status replace_by_two_renames(const parquet_output *output, wend_error *error)
{
    if (rename(output->target, output->set_aside) != 0) {
        return fail_path(error, "set aside", output->target);
    }
    if (rename(output->temporary, output->target) != 0) {
        wend_status status = fail_path(error, "put in place", output->target);

        if (rename(output->set_aside, output->target) != 0) {
            parquet_hint(error, "what was there is kept as %s", output->set_aside);
        }
        return status;
    }
    return WEND_OK;
}

/* Give the temporary the target's name; `old` becomes the name of what was there, if anything. */
static wend_status swap_in(const parquet_output *output, bool is_replacing, const char **old,
                           wend_error *error)
{
    wend_status status = WEND_OK;

    *old = NULL;
    if (!is_replacing) {
        return rename(output->temporary, output->target) == 0
                   ? WEND_OK
                   : fail_path(error, "put in place", output->target);
    }
    if (renameat2(AT_FDCWD, output->temporary, AT_FDCWD, output->target, RENAME_EXCHANGE) == 0) {
        *old = output->temporary;
    } else if (errno == EINVAL || errno == ENOSYS || errno == ENOTSUP) {
        status = replace_by_two_renames(output, error);
        *old = output->set_aside;
    } else {
        status = fail_path(error, "put in place", output->target);
    }
    return status;
}

static wend_status publish_directory(parquet_output *output, wend_error *error)
{
    parquet_listing listing = {0};
    const char *old = NULL;
    wend_status status = WEND_OK;
    int old_fd = -1;

    PARQUET_TRY(write_listing(output, error));
    PARQUET_TRY(parquet_listing_sync(output->lock_fd, output->temporary, error));
    PARQUET_TRY(check_target(output, error)); /* Again: hours may have passed. */
    old_fd = open(output->target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (old_fd >= 0) {
        /* Locked, so that an export that begins now does not take the old one for its temporary. */
        (void)flock(old_fd, LOCK_EX | LOCK_NB);
        status = parquet_listing_read(&listing, old_fd, error);
        status = status == WEND_NOT_FOUND ? WEND_OK : status; /* empty: nothing to list */
        PARQUET_TRY(status);
    }
    PARQUET_TRY(swap_in(output, old_fd >= 0, &old, error));
    output->is_published = true;
    PARQUET_TRY(sync_parent(output, error));
    if (old != NULL) {
        PARQUET_TRY(remove_old(&listing, old_fd, old, error));
    }
cleanup:
    parquet_listing_free(&listing);
    if (old_fd >= 0) {
        (void)close(old_fd);
    }
    return status;
}

wend_status parquet_output_publish(parquet_output *output, wend_error *error)
{
    wend_status status = WEND_OK;

    if (output->is_directory) {
        return publish_directory(output, error);
    }
    PARQUET_TRY(check_target(output, error));
    if (rename(output->temporary, output->target) != 0) {
        status = fail_path(error, "put in place", output->target);
        goto cleanup;
    }
    output->is_published = true;
    PARQUET_TRY(sync_parent(output, error));
cleanup:
    return status;
}

void parquet_output_close(parquet_output *output)
{
    parquet_listing pattern = {.is_pattern = true};

    if (output == NULL) {
        return;
    }
    if (output->lock_fd >= 0 && !output->is_published) {
        /* Best effort: the fault that led here is what the caller must hear of. */
        if (!output->is_directory) {
            (void)unlink(output->temporary);
        } else if (parquet_listing_sweep(&pattern, output->lock_fd, output->temporary, true,
                                         NULL) == WEND_OK) {
            (void)rmdir(output->temporary);
        }
    }
    if (output->lock_fd >= 0) {
        (void)close(output->lock_fd);
    }
    parquet_bytes_free(&output->listing);
    parquet_free(output->target);
    parquet_free(output->parent);
    parquet_free(output->temporary);
    parquet_free(output->set_aside);
    parquet_free(output);
}
