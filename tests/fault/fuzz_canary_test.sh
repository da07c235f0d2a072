#!/bin/sh
# The planted bug of tests/fuzz/canary.c must be found by libFuzzer within a minute.
set -u
source_folder=${WEND_TEST_SOURCE:-.}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$source_folder" || exit 1
flags="-std=c17 -D_GNU_SOURCE -I. -Iengine/include -O1 -g -fsanitize=address,fuzzer"
echo 'int LLVMFuzzerTestOneInput(const unsigned char *d, unsigned long n) { return d == 0 && n == 0 ? 0 : 0; }' > "$work/probe.c"
if ! clang $flags "$work/probe.c" -o "$work/probe" 2> /dev/null; then
    echo "skipped: clang with libFuzzer and AddressSanitizer is not here (Debian: libclang-rt-14-dev)"
    exit 77
fi
kernels=""
if [ "$(uname -m)" = x86_64 ]; then
    kernels="$work/avx2.o $work/avx512.o"
    clang $flags -march=x86-64-v3 -c format/kernel/table_avx2.c -o "$work/avx2.o" &&
    clang $flags -march=x86-64-v4 -c format/kernel/table_avx512.c -o "$work/avx512.o" || exit 1
fi
base="engine/base/alloc.c engine/base/arena.c engine/base/bytes.c engine/base/hash.c engine/base/hash_avx2.c engine/base/status.c engine/base/compress.c"
page="format/page_open.c format/page_encode.c format/string_blocks.c format/codec/*.c format/kernel/kernels.c format/kernel/table_scalar.c"
clang $flags tests/fuzz/canary.c tests/support/fuzz_mend.c $base $page $kernels -o "$work/canary" -lzstd -lxxhash -lpthread || exit 1
mkdir "$work/found"
"$work/canary" -max_total_time=60 -seed=1 -artifact_prefix="$work/" "$work/found" tests/fuzz/corpus/page > "$work/log" 2>&1
if grep -q "heap-buffer-overflow" "$work/log"; then
    echo "the canary was found"
    exit 0
fi
tail -5 "$work/log"
echo "the canary survived: the page fuzzer does not reach what is behind the checksum"
exit 1
