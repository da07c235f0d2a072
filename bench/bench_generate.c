/* Lines a second of the seeded generator, with and without dirt, into memory that is thrown away.
 */
#include "bench/clickgen/clickgen.h"
#include "bench/harness.h"

typedef struct generation {
    wendi_clickgen_options options;
    uint64_t bytes; /* of the last run */
} generation;

static void run(void *context)
{
    generation *work = context;
    wendi_clickgen *generator = NULL;
    wendi_clickgen_line line;
    wend_error error = {.message = ""};
    char space[WENDI_CLICKGEN_LINE_MAX];
    wend_status status;

    wendi_bench_must(wendi_clickgen_open(&work->options, &generator, &error), "the generator",
                     &error);
    work->bytes = 0;
    while ((status = wendi_clickgen_next(generator, space, &line, &error)) == WEND_OK) {
        work->bytes += line.length + 1;
    }
    wendi_bench_must(status == WEND_END ? WEND_OK : status, "the generator", &error);
    wendi_clickgen_close(generator);
}

static void measure(wendi_bench *bench, const char *name, wendi_clickgen_options options)
{
    generation work = {.options = options};
    run(&work);
    wendi_bench_case of = {
        name, run, &work, (double)options.event_count, "events", (double)work.bytes};
    (void)wendi_bench_measure(bench, &of);
}

int main(int argc, char **argv)
{
    wendi_bench bench;
    if (wendi_bench_open(&bench, "bench_generate", argc, argv) > 1) {
        wendi_bench_fail("usage: bench_generate [--rows N] [--runs N] [--json FILE]");
    }
    uint64_t rows = bench.rows > 0 ? bench.rows : bench.quick ? 200000 : 1000000;
    wendi_bench_heading(&bench, "Generator");
    measure(&bench, "one topic, with dirt",
            (wendi_clickgen_options){.seed = 1, .event_count = rows});
    measure(&bench, "one topic, clean",
            (wendi_clickgen_options){.seed = 1, .event_count = rows, .clean = true});
    measure(&bench, "three topics",
            (wendi_clickgen_options){.seed = 1, .event_count = rows, .shop = true});
    wendi_bench_close(&bench);
    return 0;
}
