/* What file system a folder is on, and what works there. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/clock.h"
#include "engine/io/io_backend.h"

static const struct {
    uint32_t type;
    const char *name;
    wendi_file_system_kind kind;
} known[] = {
    {0x65735546, "fuse", WENDI_FILE_SYSTEM_FUSE},    {0x6969, "nfs", WENDI_FILE_SYSTEM_NFS},
    {0xef53, "ext4", WENDI_FILE_SYSTEM_LOCAL},       {0x58465342, "xfs", WENDI_FILE_SYSTEM_LOCAL},
    {0x9123683e, "btrfs", WENDI_FILE_SYSTEM_LOCAL},  {0x01021994, "tmpfs", WENDI_FILE_SYSTEM_LOCAL},
    {0x794c7630, "overlay", WENDI_FILE_SYSTEM_LOCAL}, {0xf2f52010, "f2fs", WENDI_FILE_SYSTEM_LOCAL},
    {0x2fc12fc1, "zfs", WENDI_FILE_SYSTEM_LOCAL},    {0x01021997, "9p", WENDI_FILE_SYSTEM_LOCAL},
    {0xca451a4e, "bcachefs", WENDI_FILE_SYSTEM_LOCAL}, {0xff534d42, "cifs", WENDI_FILE_SYSTEM_LOCAL},
};

static void name_type(wendi_file_system *file_system)
{
    file_system->name = "unknown";
    file_system->kind = WENDI_FILE_SYSTEM_LOCAL;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (known[i].type == file_system->type) {
            file_system->name = known[i].name;
            file_system->kind = known[i].kind;
        }
    }
    file_system->mount = file_system->kind != WENDI_FILE_SYSTEM_LOCAL;
    file_system->rename_noreplace = !file_system->mount;
    file_system->hard_link = file_system->kind != WENDI_FILE_SYSTEM_FUSE;
    file_system->folder_sync = !file_system->mount;
}

/* Two names, one file. Whatever is left is removed again. */
static wend_status try_operations_in(wendi_io *io, const char *folder, wendi_file_system *file_system, wend_error *error)
{
    char first[PATH_MAX];
    char second[PATH_MAX];
    long long unique = (long long)wendi_clock_monotonic_us();
    if ((size_t)snprintf(first, sizeof first, "%s/.probe-%ld-%lld-a", folder, (long)getpid(), unique) >= sizeof first ||
        (size_t)snprintf(second, sizeof second, "%s/.probe-%ld-%lld-b", folder, (long)getpid(), unique) >= sizeof second) {
        return wendi_io_fail(-ENAMETOOLONG, "try what works in", folder, error);
    }
    wend_status status = wendi_io_write_file(io, first, "probe", 5, error);
    if (status != WEND_OK) {
        wendi_error_context(error, "trying what works in %s", folder);
        return status == WEND_NOMEM ? status : WEND_IO;
    }
    file_system->rename_noreplace = io->table->rename(io, first, second, true) == 0;
    const char *now = file_system->rename_noreplace ? second : first;
    const char *other = file_system->rename_noreplace ? first : second;
    file_system->hard_link = io->table->link(io, now, other) == 0;
    file_system->folder_sync = io->table->sync_folder(io, folder) == 0;
    io->table->unlink(io, now);
    if (file_system->hard_link) {
        io->table->unlink(io, other);
    }
    return WEND_OK;
}

wend_status wendi_io_probe(wendi_io *io, const char *folder, bool try_operations, wendi_file_system *file_system,
                           wend_error *error)
{
    *file_system = (wendi_file_system){0};
    int result = io->table->file_system(io, folder, file_system);
    if (result < 0) {
        return wendi_io_fail(result, "find the file system of", folder, error);
    }
    name_type(file_system);
    wend_status status = try_operations ? try_operations_in(io, folder, file_system, error) : WEND_OK;
    /* NFS answers a link or a rename that the server did carry out with a failure when the reply was lost. */
    file_system->atomic_publish = !file_system->mount && (file_system->rename_noreplace || file_system->hard_link);
    return status;
}
