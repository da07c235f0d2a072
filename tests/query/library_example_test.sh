#!/bin/sh
# docs/example.c as a stranger would build it: public headers and the shared library alone. Run
# twice, since its second run must find the events of the first and add none.
set -eu
build=${WEND_TEST_BUILD:?}
source=${WEND_TEST_SOURCE:?}
if [ ! -e "$build/libwend.so" ]; then
    echo "skipped: there is no $build/libwend.so"
    exit 77
fi
if nm -D "$build/libwend.so" 2>/dev/null | grep -q '__asan_init\|__tsan_init'; then
    echo "skipped: the library of a sanitizer build needs its runtime loaded first"
    exit 77
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${CC:-cc}" -std=c17 -Wall -Wextra -Werror -pedantic -I "$source/engine/include" "$source/docs/example.c" \
    -o "$folder/example" -L "$build" -lwend -Wl,-rpath,"$build"
cat >"$folder/expected" <<'END'
ann did buy: 1
ann did view: 1
bob did view: 1
END
for run in first second; do
    "$folder/example" "$folder/store" >"$folder/said"
    diff "$folder/expected" "$folder/said" || { echo "the $run run said something else"; exit 1; }
done
# Headers must do for C++ too.
if command -v c++ >/dev/null; then
    printf '#include <wend/wend.h>\n#include <wend/ingest.h>\nint main() { return wend_version()[0] == 0; }\n' >"$folder/plus.cpp"
    c++ -I "$source/engine/include" "$folder/plus.cpp" -o "$folder/plus" -L "$build" -lwend -Wl,-rpath,"$build"
    "$folder/plus"
fi
echo "the example did what it says"
