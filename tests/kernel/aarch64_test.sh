#!/bin/sh
# The kernel tests on aarch64: cross-compiled without any library but C's and run under qemu, once
# with each table that WEND_ISA can force there. Needs aarch64-linux-gnu-gcc and qemu-aarch64 (Debian:
# gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user); skips, saying so, without them.
set -eu

source=${WEND_TEST_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
compiler=${WEND_AARCH64_CC:-aarch64-linux-gnu-gcc}

# Debian names it qemu-aarch64-static when it comes from qemu-user-static.
emulator=
for name in qemu-aarch64 qemu-aarch64-static; do
    if command -v "$name" >/dev/null 2>&1; then
        emulator=$name
        break
    fi
done
if ! command -v "$compiler" >/dev/null 2>&1 || [ -z "$emulator" ]; then
    echo "skipped: needs $compiler and qemu-aarch64"
    exit 77
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM
if ! echo '#include <stdlib.h>
int main(void) { return 0; }' | "$compiler" -x c - -static -o "$work/probe" 2>/dev/null; then
    echo "skipped: $compiler has no C library to link with (Debian: libc6-dev-arm64-cross)"
    exit 77
fi

# The flags of cmake/Rooms.cmake and cmake/Presets: warnings are errors here too.
flags="-std=c17 -O2 -Wall -Wextra -Wconversion -Wno-sign-conversion -Wshadow -Wstrict-prototypes
    -Wmissing-prototypes -Wvla -Wpointer-arith -Wcast-qual -Werror -fno-strict-aliasing -D_GNU_SOURCE
    -I$source -I$source/engine/include"
cd "$work"
for table in scalar neon; do
    # shellcheck disable=SC2086 # words
    "$compiler" $flags -O3 -c "$source/format/kernel/table_$table.c"
done
# shellcheck disable=SC2086
"$compiler" $flags -c "$source/format/kernel/kernels.c" "$source/engine/base/status.c"
for program in "$source"/tests/kernel/*_test.c; do
    test=$(basename "$program" _test.c)
    # shellcheck disable=SC2086
    "$compiler" $flags -I"$source/tests/kernel/cross" -static -o "$test" "$program" \
        table_scalar.o table_neon.o kernels.o status.o -lm
    for isa in scalar neon; do
        echo "$test, WEND_ISA=$isa"
        WEND_ISA=$isa "$emulator" "./$test"
    done
done
