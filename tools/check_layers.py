#!/usr/bin/env python3
"""Hold the arrows of docs/ARCHITECTURE.md: every #include must point the way the picture allows.

Rooms are folders. ALLOWED names, for each room, the rooms it may include beside itself. Outside
libraries are named with the only files that may see them. Exit 1 lists every breach.
"""
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PUBLIC = "engine/include/wend"
BELOW_FORMAT = ["engine/column", "engine/base"]

ALLOWED = {
    "engine/base": [],
    "engine/column": ["engine/base"],
    "engine/io": ["engine/base"],
    "engine/sql": ["engine/base"],
    "engine/expr": ["engine/sql", *BELOW_FORMAT],
    "format/kernel": BELOW_FORMAT,
    "format/codec": ["format", "format/kernel", *BELOW_FORMAT],
    "format": ["format/codec", "format/kernel", *BELOW_FORMAT],
    "engine/table": ["format", "format/kernel", "engine/io", "engine/expr", "engine/sql", *BELOW_FORMAT],
    "query": ["query/behaviour", "engine/table", "engine/expr", "engine/sql", "format", "format/kernel", *BELOW_FORMAT],
    "query/behaviour": ["query", "engine/table", "engine/expr", "engine/sql", "format", "format/kernel", *BELOW_FORMAT],
    "ingest": ["ingest/kafka", "engine/table", "engine/expr", "engine/sql", "engine/io", *BELOW_FORMAT],
    "ingest/kafka": ["ingest", "engine/base"],
    "ingest/operations": ["ingest", "ingest/kafka", "engine/table", *BELOW_FORMAT],
    "bench/clickgen": ["engine/base"],
    "engine/api": ["query", "query/behaviour", "ingest", "ingest/operations", "engine/table", "engine/expr", "engine/sql", *BELOW_FORMAT],
    "tools/cli": ["tools/parquet_export", "tools/inspect", "bench/clickgen", "ingest/kafka", "ingest", *BELOW_FORMAT],
    "tools/parquet_export": [],
    "tools/inspect": None,  # may open any room
    "bench": None,
    "tests": None,
}
# header -> the files that may include it
LIBRARIES = {
    r"xxhash\.h": ["engine/base/hash.c", "engine/base/hash_avx2.c", "engine/base/hash_wide.h"],
    r"zstd.*\.h": ["engine/base/compress.c", "tools/parquet_export/"],
    r"snappy-c\.h": ["tools/parquet_export/"],
    r"liburing\.h": ["engine/io/"],
    r"pg_query.*": ["engine/sql/"],
    r"librdkafka/.*": ["ingest/kafka/"],
    r"zlib\.h": ["ingest/"],
    r"microhttpd\.h": ["ingest/operations/metrics_server.c"],
    r"editline/.*": ["tools/cli/"],
}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def room_of(path: str) -> str:
    folder = str(Path(path).parent)
    while folder not in ALLOWED and folder not in (".", PUBLIC):
        folder = str(Path(folder).parent)
    return folder


def breaches(path: Path):
    name = str(path.relative_to(ROOT))
    room = room_of(name)
    for bracket, header in INCLUDE.findall(path.read_text(encoding="utf-8")):
        if header.startswith("wend/"):
            continue
        if bracket == "<":
            for pattern, users in LIBRARIES.items():
                free = room in ("tests", "bench") and not name.startswith("bench/clickgen")
                if re.fullmatch(pattern, header) and not free and not any(name.startswith(user) for user in users):
                    yield f"{name}: <{header}> may be seen by {', '.join(users)} only"
            continue
        if not (ROOT / header).is_file():
            yield f'{name}: "{header}" is not a path from the root of the project'
            continue
        target = room_of(header)
        if room == PUBLIC:
            yield f'{name}: a public header includes "{header}"'
        elif room != "." and ALLOWED[room] is not None and target != room and target not in ALLOWED[room]:
            yield f'{name}: {room} may not include {target} ("{header}")'


def main() -> int:
    files = [path for pattern in ("*.c", "*.h") for top in ("engine", "format", "ingest", "query", "bench", "tests", "tools")
             for path in sorted((ROOT / top).rglob(pattern))]
    found = [breach for path in files for breach in breaches(path)]
    names = {}
    for path in files:
        if PUBLIC in str(path):
            continue
        names.setdefault(path.name, []).append(str(path.relative_to(ROOT)))
    found += [f"file names repeat: {', '.join(same)}" for same in names.values() if len(same) > 1]
    for breach in found:
        print(breach)
    print(f"{len(files)} files, {len(found)} breaches of the layers")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
