/* Prints what the benchmarks run on; the first part of every report. */
#include "bench/harness.h"

int main(int argc, char **argv)
{
    wendi_bench bench;
    if (wendi_bench_open(&bench, "bench_machine", argc, argv) > 1) {
        wendi_bench_fail("usage: bench_machine [--json FILE]");
    }
    wendi_bench_machine(&bench);
    wendi_bench_close(&bench);
    return 0;
}
