#!/usr/bin/env python3
"""Is docs/FORMAT.md enough to read what wend writes? The decoder beside this test was written from it alone.

  golden    every .wseg in segments/ (wend's writer made them) and made/ (segment_maker.py did, of all that may be in a
            file) is decoded and compared, value by value, with the .txt that tells its content
  written   generated events, users of every type, values of every kind and, where they are, the real streams of
            $WEND_TEST_SHARED/data are loaded; every row of every column, in order, is what `wend sql` answers
  made      segments made by chance from the document alone (segment_maker.py) hold for this decoder and for the program
            what they were made of: so neither believes in habits of wend's writer
  checked   in all, bounds, masks, counts and hashes agree with the values; rows are in the order that is promised
  flipped   a copy with one changed bit anywhere is refused; so are cut and lengthened ones, and unknown features
  resealed  with the checksums made good again over changed bytes, the decoder refuses or answers: it never fails; nor does
            the program, and what both accept has the same values for both

Needs the Python packages zstandard and xxhash, and skips where they cannot be had. WEND_TEST_SEED for other chances, WEND_TEST_ROUNDS
for more of them. With WEND_GOLDEN_WRITE set, files that made/ lacks are written.
"""

import array
import collections
import datetime
import glob
import ipaddress
import itertools
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "support")]
import peers

peers.ensure(["zstandard", "xxhash"])

import made_segments
import segment_checks
import segment_decoder
import segment_dictionaries
import segment_predictions
import segment_streams
from segment_decoder import Segment, xxh3
from segment_streams import Damage, Unsupported

ROOT = os.environ.get("WEND_TEST_SOURCE", os.path.join(HERE, "..", ".."))
DATA = os.path.join(os.environ.get("WEND_TEST_SHARED", os.path.join(ROOT, "..", "shared")), "data")
PROGRAM = os.environ.get("WEND_TEST_PROGRAM", os.path.join(ROOT, "build", "release", "wend"))
GOLDEN = os.path.join(HERE, "segments")
GOLDEN_MADE = os.path.join(HERE, "made")
GOLDEN_MADE_ROWS = {"one": 1, "short": 260, "vectors": 1300, "groups": 1100, "first_bytes": 300}
SEED = int(os.environ.get("WEND_TEST_SEED", "20261121"))
MADE = int(os.environ.get("WEND_TEST_ROUNDS", "8"))
FLIPS = int(os.environ.get("WEND_TEST_FLIPS", "20"))
EPOCH = datetime.datetime(1970, 1, 1)
# What made segments may use. The program is not asked to read statistic 8, which no writer of its own makes; this decoder is.
MADE_FEATURES = set(segment_decoder.FEATURES)
FIRST_BYTES_ROUNDS = 5
COMMIT_COLUMN = 0   # the id of what only merged segments have, and queries do not see

ENCODINGS = ({"layout " + name for name, _, _ in segment_decoder.LAYOUTS.values()} |
             {"codec " + name for name, _ in segment_streams.CODECS_PATCHED.values()} |
             {"form " + name for name, _ in segment_dictionaries.FORMS.values()} | {"first bytes"})
seen = collections.Counter()


def fail(message, *words):
    sys.exit("FAILED: " + (message % words if words else message))


def note_encodings(segment):
    """Count what the pages of a segment are made of, to say in the end what was covered."""
    for row_group in segment.row_groups:
        for chunk in row_group.chunks:
            for entry, page in zip(chunk.pages, segment.pages(chunk)):
                seen["layout " + page.layout] += 1
                seen.update("codec " + codec for codec in page.codecs)
                if entry.flags & segment_decoder.PAGE_BOUNDS_ARE_FIRST_BYTES:
                    seen["first bytes"] += 1
            if chunk.entries:
                seen.update("form " + form for form in segment.dictionary(chunk).forms_seen)
    seen.update("feature %d" % bit for bit in range(64) if segment.incompatible >> bit & 1)


# Golden files --------------------------------------------------------------------------------------

def golden_text(column, value):
    if value is None:
        return "null"
    if column.kind in segment_decoder.TEXT_KINDS:
        return "'%s'" % value
    if column.kind in segment_decoder.BYTES16_KINDS:
        return value.hex()
    if column.kind in segment_decoder.DOUBLE_KINDS:
        return struct.pack(">d", value).hex()
    return str(int(value))


def golden_lines(segment):
    """The content of a segment as the .txt files tell it: a head, then of each chunk a hash of all values and the first three."""
    summary = segment.summary
    times = summary.times or (2 ** 63 - 1, -2 ** 63)
    hashes = summary.user_hashes or (2 ** 64 - 1, 0)
    yield "rows %d times %d..%d hashes %016x..%016x without user %d" % (
        segment.row_count, *times, *hashes, summary.rows_without_user)
    for row_group in segment.row_groups:
        for chunk in row_group.chunks:
            texts = [golden_text(chunk.column, value) for value in segment.chunk_rows(chunk)]
            content = "".join(text + "\n" for text in texts).encode("utf-8")
            yield "group %d column %s rows %d xxh3 %016x" % (row_group.number, chunk.column.name, len(texts), xxh3(content))
            yield from texts[:3]


def check_golden():
    files = [sorted(glob.glob(os.path.join(folder, "*.wseg"))) for folder in (GOLDEN, GOLDEN_MADE)]
    if not all(files):
        fail("no golden files in %s or %s", GOLDEN, GOLDEN_MADE)
    files = files[0] + files[1]
    for path in files:
        segment = Segment(path)
        segment_checks.verify(segment, ordered=False)
        with open(path[:-5] + ".txt", encoding="utf-8") as file:
            wanted = file.read()
        told = "".join(line + "\n" for line in golden_lines(segment))
        if told != wanted:
            pairs = itertools.zip_longest(told.split("\n"), wanted.split("\n"))
            number, (mine, theirs) = next((i, pair) for i, pair in enumerate(pairs, 1) if pair[0] != pair[1])
            fail("%s, line %d: decoded %r, wanted %r", path, number, mine, theirs)
        note_encodings(segment)
    print("golden: %d files hold what is told of them; none has: %s" % (len(files), ", ".join(sorted(ENCODINGS - set(seen))) or "nothing"))
    return files


# What the program wrote ----------------------------------------------------------------------------

class Number(str):
    """A number as it is written."""


def parse(text):
    return json.loads(text, parse_int=Number, parse_float=Number, object_pairs_hook=lambda pairs: pairs)


def wend(store, *words):
    done = subprocess.run([PROGRAM, "-d", store, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if done.returncode != 0:
        fail("wend %s: exit %d: %s", " ".join(words)[:300], done.returncode, done.stderr.decode())
    return done.stdout


def instant(text):
    """Microseconds of a time as wend writes it."""
    day, clock = text.removesuffix("+00").split(" ")
    clock, _, fraction = clock.partition(".")
    whole = datetime.datetime.fromisoformat(day + " " + clock) - EPOCH
    return whole // datetime.timedelta(microseconds=1) + int(fraction.ljust(6, "0"))


def scaled(text, scale):
    whole, _, fraction = text.partition(".")
    assert len(fraction) <= scale, text
    return int(whole + fraction.ljust(scale, "0"))


def address(text):
    one = ipaddress.ip_address(text)
    return bytes(10) + b"\xff\xff" + one.packed if one.version == 4 else one.packed


# kind: what a segment must hold for an answer's value that is not null
ANSWERS = {
    "boolean": lambda value, _: value,
    "real": lambda value, _: array.array("f", [float(value)])[0],
    "double precision": lambda value, _: float(value),
    "numeric": lambda value, column: scaled(value, column.scale),
    "text": lambda value, _: value,
    "uuid": lambda value, _: uuid.UUID(value).bytes,
    "inet": lambda value, _: address(value),
    "date": lambda value, _: (datetime.datetime.fromisoformat(value) - EPOCH).days,
    "timestamptz": lambda value, _: instant(value),
}


def same(value, answer, column):
    """Whether a decoded value is the one that SQL answered with."""
    if value is None or answer is None:
        return value is None and answer is None
    if column.kind == "jsonb":
        return parse(value) == answer
    wanted = ANSWERS.get(column.kind, lambda number, _: int(number))(answer, column)
    if isinstance(wanted, float):
        return struct.pack("<d", value) == struct.pack("<d", wanted)
    return type(value) is type(wanted) and value == wanted


def segment_files(store, table):
    """A table's segments in its order."""
    return [one["file"] for one in json.loads(wend(store, "inspect", table, "--json"))]


def check_table(store, table, what):
    """Decode the segments of a table in its order, and compare them with what SQL answers for every column."""
    files = segment_files(store, table)
    columns = [column for column in Segment(files[0]).columns if column.id != COMMIT_COLUMN]
    names = ", ".join('"%s"' % column.name.replace('"', '""') for column in columns)
    answers = wend(store, "sql", "select %s from %s" % (names, table), "--threads", "1", "--format", "ndjson").splitlines()
    at = 0
    for path in files:
        segment = Segment(path)
        values = segment_checks.verify(segment)
        note_encodings(segment)
        present = [column for column in segment.columns if column.id != COMMIT_COLUMN]
        if [column.name for column in present] != [column.name for column in columns]:
            fail("%s: %s has columns %s, another segment %s", what, path, present, columns)
        for row, line in zip(zip(*(values[column.index] for column in present)), answers[at:at + segment.row_count]):
            for column, value, (name, wanted) in zip(present, row, parse(line)):
                if name != column.name or not same(value, wanted, column):
                    fail("%s: row %d, %s: decoded %r, answered %s: %r", what, at, column.name, value, name, wanted)
            at += 1
    if at != len(answers) or at == 0:
        fail("%s: %d rows in the files, %d answers", what, at, len(answers))
    print("written: %s: %d rows of %d columns in %d files as SQL answers" % (what, at, len(columns), len(files)))
    return files


def lines_file(folder, rows):
    path = os.path.join(folder, "rows.ndjson")
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    return path


def write_events(folder):
    """The generator's clickstream, in three commits."""
    store = os.path.join(folder, "events")
    ddl = subprocess.run([PROGRAM, "produce", "--ddl"], stdout=subprocess.PIPE, check=True).stdout.decode()
    lines = subprocess.run([PROGRAM, "produce", "--events", "24000", "--seed", "11"], stdout=subprocess.PIPE, check=True).stdout
    lines = lines.splitlines(keepends=True)
    wend(store, "create", ddl)
    for begin, end in ((0, 4000), (4000, 4001), (4001, len(lines))):
        path = os.path.join(folder, "part.ndjson")
        with open(path, "wb") as file:
            file.writelines(lines[begin:end])
        wend(store, "ingest", "events", "--file", path)
    return store


USERS = {
    "text": lambda i: "Nutzer ä%d" % (i % 7),
    "smallint": lambda i: i % 7 - 3,
    "integer": lambda i: (i % 7 - 3) * 100003,
    "bigint": lambda i: (i % 7 - 3) * 2 ** 60,
    "numeric(9,2)": lambda i: (i % 7 - 3) / 4,
    "real": lambda i: (i % 7 - 3) / 3 or (-0.0 if i % 2 else 0.0),
    "double precision": lambda i: (i % 7 - 3) / 3 or (-0.0 if i % 2 else 0.0),
    "uuid": lambda i: "00112233-4455-6677-8899-aabbccddee%02x" % (i % 7),
    "inet": lambda i: "10.0.0.%d" % (i % 7) if i % 2 else "2001:db8::%d" % (i % 7),
    "date": lambda i: "2026-01-%02d" % (i % 7 + 1),
    "timestamptz": lambda i: "2026-01-01T00:00:%02dZ" % (i % 7),
    "boolean": lambda i: i % 2 == 0,
}


def write_users(folder):
    """A table for each type that a user may have: hashes and order are checked with the rest."""
    store = os.path.join(folder, "users")
    for number, (kind, user) in enumerate(USERS.items()):
        path = lines_file(folder, ({"who": user(i) if i % 11 else None, "at": i // 3, "n": i} for i in range(300)))
        wend(store, "create", "create table t%d (n bigint, who %s, at timestamptz options (format 'epoch_s') not null) "
             "with (user_column='who', time_column='at')" % (number, kind))
        wend(store, "ingest", "t%d" % number, "--file", path)
        yield store, "t%d" % number, "users of " + kind


def any_rows(rng, count):
    """Rows that want every layout: few and many values, steps, runs, extremes, long strings, nulls."""
    uuids = [str(uuid.UUID(int=rng.getrandbits(128), version=4)) for _ in range(40)]
    for i in range(count):
        yield {
            "who": rng.choice(["a", "b", "ü", None]),
            "at": "2026-03-%02dT%02d:%02d:%02d.%06dZ" % (rng.randrange(1, 29), *(rng.randrange(n) for n in (24, 60, 60, 10 ** 6))),
            "flag": rng.random() < 0.01,
            "small": rng.choice([-32768, 32767, 0, None]),
            "whole": rng.randrange(-2 ** 31, 2 ** 31),
            "big": rng.choice([2 ** 63 - 1, -2 ** 63, i]),
            "steps": 10 ** 12 + i * 1000 + rng.randrange(7),
            "price": rng.choice([None, 0, 19.99, -4.5]),
            "ratio": rng.choice([rng.random(), 0.25, -0.0, 1e300, 5e-324]),
            "cents": rng.randrange(10 ** 6) / 100,
            "score": rng.choice([0.1, 3.4028234663852886e38, rng.random(), None]),
            "id": str(uuid.UUID(int=rng.getrandbits(128), version=4)),
            "few": rng.choice(uuids),
            "ip": rng.choice(["10.1.2.%d" % (i % 256), "2001:db8::%x" % rng.randrange(2 ** 16), None]),
            "day": "20%02d-0%d-11" % (rng.randrange(100), rng.randrange(1, 10)),
            "near": rng.choice(["", "x", "é" * 40, "long " * rng.randrange(2000)]) if i % 500 == 0 else "%032x" % rng.getrandbits(128),
            "session": "s_%016x" % (0x9E3779B97F4A7C15 * (i // 9 + 1) % 2 ** 64),
            "numbered": "P%05d" % (rng.randrange(4000)),
            "plain": "item %d" % rng.randrange(9000),
            "extra": rng.choice([{"a": [1, 2.50, "x"], "b": None}, [], "text", 7, {"n": i}, None]),
            **rng.choice([{}, {}, {"left over": i, "deep": {"a": [None]}}]),
        }


def write_any(folder):
    store = os.path.join(folder, "any")
    wend(store, "create", "create table t (who text, at timestamptz not null, flag boolean, small smallint, whole integer, big bigint, "
         "steps bigint, price numeric(12,2), ratio double precision, cents double precision, score real, id uuid, few uuid, ip inet, "
         "day date, near text, session text, numbered text, plain text, extra jsonb) with (user_column='who', time_column='at')")
    rng = random.Random(SEED)
    for count in (70000, 1, 3000):
        path = lines_file(folder, any_rows(rng, count))
        numbers = json.loads(wend(store, "ingest", "t", "--file", path))
        if numbers["stored"] != count:
            fail("%d of %d rows were stored: %s", numbers["stored"], count, numbers)
    return store


def check_options(folder):
    """What part 2 of the document says of ids that are hashed, and of the bytes of _rest."""
    store = os.path.join(folder, "options")
    wend(store, "create", "create table t (id uuid unique, n bigint) with (event_id = 'hash', rest = 'keep')")
    ids = [uuid.UUID(int=random.Random(SEED).getrandbits(128) + i) for i in range(100)]
    rows = ({"z": 1.50, "id": str(one), "a": {"y": 0, "x": [i]}, "n": i} if i else {"id": str(one), "n": 0} for i, one in enumerate(ids))
    wend(store, "ingest", "t", "--file", lines_file(folder, rows))
    segment, = map(Segment, segment_files(store, "t"))
    for number, hashed, rest in zip(*map(segment.rows, ("n", "id", "_rest"))):
        if hashed != segment_streams.signed(xxh3(ids[number].bytes)):
            fail("the hash of %s is stored as %d", ids[number], hashed)
        if rest != ('{"a":{"y": 0, "x": [%d]},"z":1.5}' % number if number else None):
            fail("what no column took of row %d is stored as %r", number, rest)
    print("written: hashed ids and _rest as the document says")


def write_streams(folder):
    if not os.path.isdir(DATA):
        print("written: no real streams at %s" % DATA)
        return
    store = os.path.join(folder, "streams")
    for path in sorted(glob.glob(os.path.join(DATA, "*.ndjson.zst"))):
        table = os.path.basename(path).split(".")[0].replace("-", "_")
        wend(store, "create", wend(store, "infer", path, "--table", table).decode())
        wend(store, "ingest", table, "--file", path)
        yield store, table, "the stream " + table


def compacted(store, table, what):
    """The same table with its segments merged, where the program can do that."""
    if b"\n  compact " not in subprocess.run([PROGRAM, "help"], stdout=subprocess.PIPE, check=True).stdout:
        return []
    question = ("sql", "select * from " + table, "--format", "ndjson")
    before = sorted(wend(store, *question).splitlines())
    wend(store, "compact", table)
    if sorted(wend(store, *question).splitlines()) != before:
        fail("%s: compacting changed rows", what)
    return check_table(store, table, what + ", compacted")


def check_written(folder):
    files = []
    check_options(folder)
    tables = itertools.chain(
        [(write_events(folder), "events", "generated events"), (write_any(folder), "t", "values of every kind")],
        write_users(folder), write_streams(folder))
    for store, table, what in tables:
        files += check_table(store, table, what)
        files += compacted(store, table, what)
    return files


# Segments that another writer made ------------------------------------------------------------------

def decode_made(what, data, rows):
    """A made segment holds for this decoder what it was made of; returns it."""
    segment = Segment(data=data)
    for at, (row, wanted) in enumerate(itertools.zip_longest(zip(*segment_checks.verify(segment)), rows)):
        if repr(row) != repr(wanted):
            fail("%s (WEND_TEST_SEED=%d): row %d is %r, made of %r", what, SEED, at, row, wanted)
    return segment


def write_golden():
    """Golden files of what the document allows, with their content; never over old ones."""
    os.makedirs(GOLDEN_MADE, exist_ok=True)
    for number, (name, row_count) in enumerate(GOLDEN_MADE_ROWS.items()):
        path = os.path.join(GOLDEN_MADE, name)
        if os.path.exists(path + ".wseg"):
            continue
        features = set(segment_decoder.FEATURES) if name == "first_bytes" else MADE_FEATURES
        _, data, rows = made_segments.segment(random.Random(number), row_count, features)
        segment = decode_made(name, data, rows)
        with open(path + ".wseg", "wb") as file:
            file.write(data)
        with open(path + ".txt", "w", encoding="utf-8") as file:
            file.writelines(line + "\n" for line in golden_lines(segment))


def check_made(folder):
    """Segments of any make: each is read by this decoder, all by the program through the log."""
    rng = random.Random(SEED)
    store = os.path.join(folder, "made")
    wend(store, "create", made_segments.TABLE)
    for path in sorted(glob.glob(os.path.join(GOLDEN_MADE, "*.wseg"))):
        with open(path, "rb") as file:
            data = file.read()
        if not Segment(data=data).incompatible >> segment_decoder.FEATURE_FIRST_BYTES & 1:
            made_segments.commit(os.path.join(store, "made"), uuid.UUID(bytes=Segment(data=data).uuid), data)
    for number in range(MADE):
        features = {bit for bit in MADE_FEATURES if rng.random() < 0.7}
        name, data, rows = made_segments.segment(rng, 66000 if number == 0 else rng.choice((1, 7, 700, 1024, 1500, 3100)), features)
        decode_made("made segment %d" % number, data, rows)
        made_segments.commit(os.path.join(store, "made"), name, data)
    for number in range(FIRST_BYTES_ROUNDS):
        _, data, rows = made_segments.segment(rng, rng.choice((7, 700, 1500)), set(segment_decoder.FEATURES))
        note_encodings(decode_made("made segment %d with first bytes" % number, data, rows))
    wend(store, "verify", "made")
    files = check_table(store, "made", "segments made by chance")
    return files + compacted(store, "made", "segments made by chance")


# Bytes that are not right --------------------------------------------------------------------------

def refused(data, what):
    try:
        segment_checks.verify(Segment(data=data), ordered=False)
    except Damage:
        return
    fail("%s was accepted", what)


def check_flips(files, rng):
    flips = 0
    for path in files:
        with open(path, "rb") as file:
            data = file.read()
        places = rng.sample(range(len(data)), min(FLIPS, len(data)))
        for at in itertools.chain(range(0, 64, 4), range(len(data) - 64, len(data), 4), places):
            bad = bytearray(data)
            bad[at] ^= 1 << rng.randrange(8)
            refused(bad, "%s with byte %d changed" % (path, at))
            flips += 1
        for bad in (b"", data[:-1], data[:-4096], data + bytes(4096), data[4096:], data[:64] + data[128:] + bytes(64)):
            refused(bad, "%s, cut or lengthened to %d bytes" % (path, len(bad)))
    print("flipped: %d changed bits in %d files are refused" % (flips, len(files)))


def part_places(segment):
    """What is covered by a checksum, innermost first: (place of the checksum, begin, end, seed)."""
    for row_group in segment.row_groups:
        for chunk in row_group.chunks:
            place = (row_group.number, chunk.column.id)
            for entry in chunk.pages:
                yield entry.offset, entry.offset + 8, entry.offset + entry.bytes, segment.seed(*place, entry.number)
            at = chunk.offset + chunk.pages_bytes
            if chunk.dictionary_bytes:
                blocks, = struct.unpack_from("<I", segment.data, at + 12)
                begin = end = at + 64 + 24 * blocks
                for block in range(blocks):
                    end = begin + struct.unpack_from("<I", segment.data, at + 64 + 24 * block + 4)[0]
                    yield at + 64 + 24 * block + 16, begin, end, segment.seed(*place, segment_dictionaries.PLACE_BLOCK + block)
                    begin = end
                yield at, at + 8, at + 64 + 24 * blocks, segment.seed(*place, segment_dictionaries.PLACE_DICTIONARY)
            if chunk.prediction_bytes:
                at += chunk.dictionary_bytes
                yield at, at + 8, at + chunk.prediction_bytes, segment.seed(*place, segment_predictions.PLACE_PREDICTION)
    length = len(segment.data)
    footer, footer_bytes = struct.unpack_from("<QI", segment.data, length - 64)
    for row_group in segment.row_groups:
        begin, end = row_group.index_offset, row_group.index_offset + row_group.index_bytes
        at = footer + 128 + 24 * len(segment.columns) + 64 * row_group.number + 16
        yield at, begin, end, segment.seed(row_group.number, segment_decoder.NONE, segment_decoder.PLACE_INDEX)
    yield 56, 0, 56, 0
    seed = segment.seed(segment_decoder.NONE, segment_decoder.NONE, segment_decoder.PLACE_FOOTER)
    yield length - 48, footer, footer + footer_bytes, seed
    yield length - 16, length - 64, length - 16, 0


def seal(data, places):
    """Make every checksum good again, as one who means harm would."""
    for at, begin, end, seed in places:
        struct.pack_into("<Q", data, at, xxh3(bytes(data[begin:end]), seed))
    return data


def check_resealed(files, rng):
    outcomes = collections.Counter()
    for path in files:
        segment = Segment(path)
        places = list(part_places(segment))
        if seal(bytearray(segment.data), places) != segment.data:
            fail("checksums of %s made anew are others", path)
        for _ in range(FLIPS):
            bad = bytearray(segment.data)
            _, begin, end, _ = rng.choice(places)
            for _ in range(rng.choice((1, 1, 2, 5))):
                bad[rng.randrange(begin, end)] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
            try:
                for column in Segment(data=seal(bad, places)).columns:
                    Segment(data=bad).rows(column)
                outcomes["answered"] += 1
            except Damage:
                outcomes["refused"] += 1
        check_features(segment, places)
    print("resealed: %d refused, %d answered" % (outcomes["refused"], outcomes["answered"]))


def harm(data, rng):
    """One byte changed and all sealed again; not within zstd frames, of which versions of zstd think differently."""
    segment = Segment(data=data)
    places = list(part_places(segment))
    parts = []
    for row_group in segment.row_groups:
        parts.append((row_group.index_offset, row_group.index_offset + row_group.index_bytes))
        for chunk in row_group.chunks:
            for page in segment.pages(chunk):
                entry = chunk.pages[page.number]
                parts.append((entry.offset + 8, entry.offset + (entry.bytes if page.layout != "STRINGS" else 80)))
            at = chunk.offset + chunk.pages_bytes
            if chunk.dictionary_bytes:
                parts.append((at + 8, at + 64 + 16))
            if chunk.prediction_bytes:
                parts.append((at + chunk.dictionary_bytes + 8, at + chunk.dictionary_bytes + 64))
    begin, end = rng.choice(parts)
    bad = bytearray(data)
    bad[rng.randrange(begin, min(end, begin + rng.choice((56, 100, 200, 10000))))] ^= 1 << rng.randrange(8)
    return bytes(seal(bad, places))


def check_harmed(folder):
    """Made segments, harmed: the program must say which are damaged, and answer as this decoder where both accept."""
    rng = random.Random(SEED + 1)
    store = os.path.join(folder, "harmed")
    wend(store, "create", made_segments.TABLE)
    table = os.path.join(store, "made")
    segments, accepted = {}, {}
    for _ in range(3 * MADE):
        name, data, _ = made_segments.segment(rng, rng.choice((7, 60, 300, 1100)), MADE_FEATURES)
        segments[str(name)] = data = harm(data, rng)
        made_segments.commit(table, name, data)
        try:
            accepted[str(name)] = segment_checks.verify(Segment(data=data), exact=False)
        except Damage:
            pass
    done = subprocess.run([PROGRAM, "-d", store, "verify", "made"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode not in (0, 3):
        fail("wend verify of harmed segments: exit %d: %s", done.returncode, done.stdout.decode()[-400:])
    said = done.stdout.decode()
    both = [name for name in accepted if name not in said]
    wend(os.path.join(folder, "both"), "create", made_segments.TABLE)
    for name in both:
        made_segments.commit(os.path.join(folder, "both", "made"), uuid.UUID(name), segments[name])
    names = ", ".join(name for name, _, _, _ in made_segments.COLUMNS if name != "extra")
    answers = wend(os.path.join(folder, "both"), "sql", "select %s from made" % names, "--threads", "1", "--format", "ndjson").splitlines()
    at = 0
    for name in both:
        segment = Segment(data=segments[name])
        for row, line in zip(zip(*accepted[name][:-1]), answers[at:at + segment.row_count]):
            for column, value, (_, wanted) in zip(segment.columns, row, parse(line)):
                if not same(value, wanted, column):
                    fail("harmed segment %s: %s: decoded %r, answered %r", name, column.name, value, wanted)
        at += segment.row_count
    if at != len(answers):
        fail("harmed segments: %d rows, %d answers", at, len(answers))
    print("resealed: of %d harmed segments the program refused %d, the decoder %d; what both accept is the same" % (
        len(segments), sum(name in said for name in segments), len(segments) - len(accepted)))


def check_features(segment, places):
    """An unknown bit of the incompatible features is refused by name, wherever it stands; of the compatible ones it is ignored."""
    footer, = struct.unpack_from("<Q", segment.data, len(segment.data) - 64)
    for header_at, footer_at, ignored in ((32, footer + 80, False), (40, footer + 88, True)):
        bad = bytearray(segment.data)
        for at in (header_at, footer_at):
            struct.pack_into("<Q", bad, at, struct.unpack_from("<Q", bad, at)[0] | 1 << 60)
        try:
            Segment(data=seal(bad, places))
            accepted = True
        except Unsupported as fault:
            accepted = False
            if "bit 60" not in str(fault):
                fail("a refusal does not name the bit: %s", fault)
        if accepted != ignored:
            fail("bit 60 at byte %d of the header: accepted %s", header_at, accepted)


def main():
    rng = random.Random(SEED)
    if os.environ.get("WEND_GOLDEN_WRITE"):
        write_golden()
    golden = check_golden()
    if not os.path.exists(PROGRAM):
        fail("there is no program %s; WEND_TEST_PROGRAM says where it is", PROGRAM)
    folder = tempfile.mkdtemp(prefix="wend-decoder-")
    try:
        made = sorted(check_made(folder), key=os.path.getsize)
        written = sorted(check_written(folder), key=os.path.getsize)
        files = golden + written[:6] + made[:-len(made) // 3]
        check_flips(files, rng)
        check_resealed(files, rng)
        check_harmed(folder)
    finally:
        shutil.rmtree(folder)
    if not ENCODINGS <= set(seen):
        fail("not met: %s", ", ".join(sorted(ENCODINGS - set(seen))))
    print("met: " + ", ".join("%s × %d" % item for item in sorted(seen.items())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
