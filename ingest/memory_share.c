/* Control groups are read where version 2 shows them; a group that cannot be read limits nothing. */
#include "ingest/memory_share.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { SHARE = 4, LINE_BYTES = 1024, PATH_BYTES = LINE_BYTES + 64 };
static const uint64_t share_max = (uint64_t)4 << 30;
static const uint64_t machine_default = (uint64_t)4 << 30; /* when nobody tells */

/* What memory.max of the group at `path` says ("max" is no limit), if that is less than `bytes`. */
static uint64_t limited_by(const char *path, uint64_t bytes)
{
    char name[PATH_BYTES];
    unsigned long long limit = 0;
    snprintf(name, sizeof name, "/sys/fs/cgroup%s/memory.max", path);
    FILE *file = fopen(name, "re");
    if (file == NULL) {
        return bytes;
    }
    int fields = fscanf(file, "%llu", &limit);
    fclose(file);
    return fields == 1 && limit < bytes ? limit : bytes;
}

/* The process's group and all above it; in a container the root is what there is to see. */
static uint64_t limited_by_groups(uint64_t bytes)
{
    char line[LINE_BYTES];
    FILE *file = fopen("/proc/self/cgroup", "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "0::", 3) != 0) {
            continue;
        }
        line[strcspn(line, "\n")] = '\0';
        for (char *end = strrchr(line, '/'); end != NULL && end > line + 3; end = strrchr(line, '/')) {
            bytes = limited_by(line + 3, bytes);
            *end = '\0';
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return limited_by("", bytes);
}

size_t wendi_memory_share(void)
{
    long pages = sysconf(_SC_PHYS_PAGES);
    long page_bytes = sysconf(_SC_PAGESIZE);
    uint64_t machine = pages > 0 && page_bytes > 0 ? (uint64_t)pages * (uint64_t)page_bytes : machine_default;
    uint64_t share = limited_by_groups(machine) / SHARE;
    return (size_t)(share < share_max ? share : share_max);
}
