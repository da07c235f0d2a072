#!/bin/sh
# What `cmake --install` puts down works for strangers: docs/example.c built against the shared
# library and the static one by pkg-config and by find_package(wend); the headers do for C++; only
# wend_ symbols are exported; manual pages and completion are there.
set -eu
build=${WEND_TEST_BUILD:?}
source=${WEND_TEST_SOURCE:?}
for need in libwend.so libwend.a wend man/wend.1; do
    if [ ! -e "$build/$need" ]; then
        echo "skipped: there is no $build/$need; build all first"
        exit 77
    fi
done
if nm -D "$build/libwend.so" 2>/dev/null | grep -q '__asan_init\|__tsan_init\|__ubsan_handle'; then
    echo "skipped: the library of a sanitizer build needs its runtime loaded first"
    exit 77
fi
for tool in cmake pkg-config nm; do
    command -v $tool >/dev/null || { echo "skipped: there is no $tool"; exit 77; }
done
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
prefix=$folder/prefix
cmake --install "$build" --prefix "$prefix" >"$folder/log" || { cat "$folder/log"; exit 1; }
cat >"$folder/expected" <<'END'
ann did buy: 1
ann did view: 1
bob did view: 1
END
fail() { echo "$1"; exit 1; }
says_it() { # says_it PROGRAM: the example's program prints what it should
    "$1" "$1.store" >"$folder/said" || fail "$1 failed"
    diff "$folder/expected" "$folder/said" || fail "$1 said something else"
}

pc=$(dirname "$(find "$prefix" -name wend.pc)")
lib=$(dirname "$pc")
export PKG_CONFIG_PATH="$pc"
flags="-std=c17 -Wall -Wextra -Werror -pedantic"
cc=${CC:-cc}

# shellcheck disable=SC2046,SC2086
$cc $flags "$source/docs/example.c" $(pkg-config --cflags --libs wend) -Wl,-rpath,"$lib" -o "$folder/shared"
says_it "$folder/shared"
ldd "$folder/shared" | grep -q libwend || fail "the shared example does not use libwend.so"

# The same flags with --static; the archive is taken because no shared library lies beside it.
mkdir "$folder/static-lib"
cp "$lib/libwend.a" "$folder/static-lib"
# shellcheck disable=SC2046,SC2086
$cc $flags "$source/docs/example.c" -L"$folder/static-lib" $(pkg-config --static --cflags --libs wend | sed "s|-L$folder[^ ]*||g") -o "$folder/static"
says_it "$folder/static"
if ldd "$folder/static" | grep -q libwend; then fail "the static example uses libwend.so"; fi

mkdir "$folder/found"
cp "$source/docs/example.c" "$folder/found"
cat >"$folder/found/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.20)
project(found C)
find_package(wend 0.1 REQUIRED)
add_executable(found example.c)
target_link_libraries(found PRIVATE wend::wend)
END
cmake -G Ninja -S "$folder/found" -B "$folder/found/build" -DCMAKE_PREFIX_PATH="$prefix" >"$folder/log" 2>&1 || { cat "$folder/log"; exit 1; }
cmake --build "$folder/found/build" >"$folder/log" 2>&1 || { cat "$folder/log"; exit 1; }
says_it "$folder/found/build/found"

if command -v c++ >/dev/null; then
    printf '#include <wend/wend.h>\n#include <wend/ingest.h>\n#include <wend/arrow.h>\nint main() { return wend_version()[0] == 0; }\n' >"$folder/plus.cpp"
    # shellcheck disable=SC2046
    c++ -Wall -Wextra -Werror -pedantic "$folder/plus.cpp" $(pkg-config --cflags --libs wend) -Wl,-rpath,"$lib" -o "$folder/plus"
    "$folder/plus"
fi

# Exported: wend_ and nothing else; and every function that the headers announce.
nm -D --defined-only "$lib/libwend.so" | awk '{ print $3 }' | sort >"$folder/shared.symbols"
nm -g --defined-only "$lib/libwend.a" 2>/dev/null | awk 'NF == 3 { print $3 }' | sort >"$folder/static.symbols"
for kind in shared static; do
    if grep -v '^wend_' "$folder/$kind.symbols"; then fail "the $kind library exports these beside wend_"; fi
done
cat "$prefix"/include/wend/*.h | tr '\n' ' ' | sed 's/;/;\n/g' | sed -n 's/.*WEND_API.*[ *]\(wend_[a-z_0-9]*\)(.*/\1/p' | sort -u >"$folder/announced"
[ "$(wc -l <"$folder/announced")" -gt 20 ] || fail "the headers were not understood"
for kind in shared static; do
    missing=$(comm -23 "$folder/announced" "$folder/$kind.symbols")
    [ -z "$missing" ] || fail "the $kind library lacks $missing"
done

"$prefix/bin/wend" --version
for page in wend wend-ingest wend-top-paths; do
    [ -s "$prefix/share/man/man1/$page.1" ] || fail "there is no manual page $page"
done
sh -n "$prefix/share/bash-completion/completions/wend" 2>/dev/null || bash -n "$prefix/share/bash-completion/completions/wend"
echo "what was installed works"
