#!/bin/sh
# The kernel tests under every WEND_ISA, and what a user sees of one: the same answers from each that
# the machine runs, and a clear error, not a silent default, from one that it does not.
set -u
source=${WEND_TEST_SOURCE:?the folder of the sources}
build=${WEND_TEST_BUILD:?the folder of the build}
wend=${WEND_TEST_PROGRAM:?the program}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

fail() {
    echo "FAILED: $1"
    failed=1
}

echo '{"ts":"2026-01-01T00:00:00Z","page":"a","n":1}
{"ts":"2026-01-01T00:00:01Z","page":"b","n":2}' > "$work/events.ndjson"
"$wend" -d "$work/store" create 'CREATE TABLE e (ts TIMESTAMPTZ NOT NULL, page TEXT, n BIGINT)' > "$work/log" 2>&1 ||
    fail "creating a table: $(cat "$work/log")"
"$wend" -d "$work/store" ingest e --file "$work/events.ndjson" > "$work/log" 2>&1 ||
    fail "loading: $(cat "$work/log")"
question='SELECT page, sum(n) FROM e GROUP BY page ORDER BY page'
expected=$("$wend" -d "$work/store" sql "$question") || fail "asking"

for isa in scalar avx2 avx512 neon avx1024 Scalar; do
    if answer=$(WEND_ISA=$isa "$wend" -d "$work/store" sql "$question" 2> "$work/error"); then
        echo "WEND_ISA=$isa runs here"
        [ "$answer" = "$expected" ] || fail "WEND_ISA=$isa answers otherwise: $answer"
        for test in "$source"/tests/kernel/*_test.c; do
            program=$build/tests/kernel_$(basename "$test" .c)
            WEND_ISA=$isa "$program" > "$work/log" 2>&1 || fail "WEND_ISA=$isa $program: $(tail -3 "$work/log")"
        done
    else
        status=$?
        echo "WEND_ISA=$isa is refused: $(cat "$work/error")"
        [ "$status" -eq 1 ] || [ "$status" -eq 2 ] || fail "WEND_ISA=$isa ended with $status"
        grep -q "WEND_ISA=$isa" "$work/error" || fail "the error does not name WEND_ISA=$isa"
        case $isa in scalar) fail "scalar runs everywhere" ;; esac
    fi
    case $isa in avx1024 | Scalar) [ -s "$work/error" ] || fail "WEND_ISA=$isa was taken" ;; esac
done
exit $failed
