/* What the numbers were measured on, as Linux tells it; a line that cannot be had says "unknown".
 */
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "bench/harness.h"
#include "engine/base/thread_pool.h"
#include "format/kernel/kernels.h"

enum { TEXT_MAX = 256 };

/* The value of the first line of a /proc file that begins with `key`, behind its colon. */
static void proc_value(const char *path, const char *key, char *text)
{
    char line[8192];
    FILE *file = fopen(path, "re");
    snprintf(text, TEXT_MAX, "unknown");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        char *colon = strchr(line, ':');
        if (strncmp(line, key, strlen(key)) == 0 && colon != NULL) {
            colon += strspn(colon, ": \t");
            colon[strcspn(colon, "\n")] = '\0';
            snprintf(text, TEXT_MAX, "%.*s", TEXT_MAX - 1, colon);
            break;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
}

static void load_average(char *text)
{
    FILE *file = fopen("/proc/loadavg", "re");
    if (file == NULL || fscanf(file, "%15s", text) != 1) {
        snprintf(text, 16, "unknown");
    }
    if (file != NULL) {
        fclose(file);
    }
}

void wendi_bench_machine(wendi_bench *bench)
{
    struct utsname system = {.release = "unknown"};
    char cpu[TEXT_MAX], memory[TEXT_MAX], load[16], now[32];
    time_t seconds = time(NULL);
    struct tm utc;
    const char *isa = wendi_kernels_get()->name;

    (void)uname(&system);
    proc_value("/proc/cpuinfo", "model name", cpu);
    proc_value("/proc/meminfo", "MemTotal", memory);
    load_average(load);
    strftime(now, sizeof now, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &utc));
    printf("- %s, %u cores, kernels: %s, memory %s\n- Linux %s, compiler %s, wend %s\n- %s, load "
           "average %s at the start\n",
           cpu, wendi_cpu_count(), isa, memory, system.release, __VERSION__, WEND_VERSION, now,
           load);
    if (bench->json != NULL) {
        fprintf(bench->json,
                "{\"kind\":\"machine\",\"cpu\":\"%s\",\"cores\":%u,\"isa\":\"%s\",\"memory\":\"%"
                "s\",\"kernel\":\"%s\","
                "\"compiler\":\"%s\",\"version\":\"%s\",\"time\":\"%s\",\"load\":\"%s\"}\n",
                cpu, wendi_cpu_count(), isa, memory, system.release, __VERSION__, WEND_VERSION, now,
                load);
    }
}
