#!/usr/bin/env python3
"""`wend inspect` by what must hold of every map, whatever the encodings are: the parts of a file tile it
without gaps and add up to its length, sums over segments are sums, what was written is among what was
weighed, and the page is well-formed, self-contained and shows every column's name as text.

Standard library only.
"""
import html.parser
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

WEND = os.environ.get("WEND_TEST_PROGRAM", "build/release/wend")
DONE, COULD_NOT, USED_WRONGLY, DAMAGED = 0, 1, 2, 3
ROWS = 9000
HEADER, TRAILER = 64, 64
# Names that would break out of HTML, JSON or a terminal if they could.
NAMES = ["</title><script>alert(1)</script>", 'a"b\'c&d;`', "tab\tbell\a", "na\u00efve \u672d\u5e4c", "x" * 63]
VOID = {"meta", "br", "rect", "img", "hr", "input", "link"}


def wend(*words):
    return subprocess.run([WEND, *words], capture_output=True, text=True, timeout=120)


def quoted(name):
    return '"%s"' % name.replace('"', '""')


class Place:
    """Two tables: the generated clickstream in several segments, and one of awkward names; and an empty one."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="wend-inspect-")
        self.store = self.path("store")
        with open(self.path("clicks"), "wb") as file:
            file.write(subprocess.run([WEND, "produce", "--events", str(ROWS), "--seed", "5"], capture_output=True,
                                      check=True).stdout)
        self.create(wend("produce", "--ddl").stdout)
        self.ingest("events", self.path("clicks"), "3000")
        columns = ["%s %s" % (quoted(name), kind) for name, kind in zip(NAMES, ["text", "bigint", "double precision",
                                                                                 "text", "boolean"])]
        self.create("CREATE TABLE odd (user_id text, ts timestamptz NOT NULL, %s, id uuid, plain text, note jsonb) WITH "
                    "(user_column='user_id', time_column='ts', rest='drop')" % ", ".join(columns))
        chance = random.Random(1)
        with open(self.path("odd"), "w", encoding="utf-8") as file:
            for i in range(2000):
                row = {"user_id": "u%d" % chance.randrange(90), "ts": "2026-01-02T03:%02d:00Z" % (i % 60),
                       "id": "%032x" % chance.getrandbits(128), "plain": "%x" % chance.getrandbits(200),
                       "note": {"<b>": chance.randrange(9)}}
                for name, value in zip(NAMES, ["<i>%d</i>" % chance.randrange(40), i, chance.random(), None, True]):
                    if chance.random() < 0.7:
                        row[name] = value
                file.write(json.dumps(row) + "\n")
        self.ingest("odd", self.path("odd"), "100000")
        self.create("CREATE TABLE nothing (ts timestamptz NOT NULL) WITH (time_column='ts')")

    def path(self, name):
        return os.path.join(self.folder, name)

    def create(self, statement):
        with open(self.path("ddl"), "w", encoding="utf-8") as file:
            file.write(statement)
        made = wend("-d", self.store, "create", "-f", self.path("ddl"))
        assert made.returncode == DONE, made.stderr

    def ingest(self, table, path, commit_rows):
        ran = wend("-d", self.store, "ingest", table, "--file", path, "--commit-rows", commit_rows)
        assert ran.returncode == DONE, ran.stderr


class Case(unittest.TestCase):
    maxDiff = None

    def ok(self, *words):
        ran = wend("-d", place.store, "inspect", *words)
        self.assertEqual(ran.returncode, DONE, f"{words}: {ran.stderr}")
        return ran.stdout

    def maps(self, table, *words):
        return json.loads(self.ok(table, "--format", "json", *words))


class Map(Case):
    def pieces(self, segment):
        """Everything the map gives a place, as (offset, bytes)."""
        yield 0, HEADER
        for group in segment["row_groups"]:
            for column in group["columns"]:
                for page in column["pages"]:
                    yield page["offset"], page["bytes"]
                at = column["offset"] + column["page_bytes"]
                yield at, column["dictionary_bytes"]
                yield at + column["dictionary_bytes"], column["prediction_bytes"]
            yield group["index_offset"], group["index_bytes"]
        yield segment["footer_offset"], segment["footer_bytes"] - HEADER - TRAILER
        yield segment["bytes"] - TRAILER, TRAILER

    def test_parts_tile_the_file(self):
        for table in ("events", "odd"):
            segments = self.maps(table)
            self.assertGreater(len(segments), 1 if table == "events" else 0)
            for segment in segments:
                self.assertEqual(segment["bytes"], os.path.getsize(segment["file"]))
                at = 0
                pieces = sorted(piece for piece in self.pieces(segment) if piece[1] > 0)
                for offset, length in pieces[:-1]:
                    self.assertEqual(offset, at)
                    at += length
                self.assertEqual(pieces[-1][0] - at, segment["padding_bytes"])
                with open(segment["file"], "rb") as file:  # what is called padding is zeros
                    file.seek(at)
                    self.assertEqual(file.read(segment["padding_bytes"]), bytes(segment["padding_bytes"]))

    def test_sums(self):
        for table in ("events", "odd"):
            for segment in self.maps(table):
                sums = {key: 0 for key in ("page_bytes", "dictionary_bytes", "prediction_bytes", "padding")}
                for column in (column for group in segment["row_groups"] for column in group["columns"]):
                    parts = column["parts"]
                    self.assertEqual(sum(parts.values()),
                                     column["page_bytes"] + column["dictionary_bytes"] + column["prediction_bytes"])
                    self.assertEqual(sum(page["bytes"] for page in column["pages"]), column["page_bytes"])
                    self.assertEqual(sum(page["rows"] for page in column["pages"]), column["rows"])
                    self.assertEqual(sum(page["nulls"] for page in column["pages"]), column["nulls"])
                    for page in column["pages"]:
                        self.assertEqual(page["bytes"], 64 + page["payload_bytes"] + page["padding_bytes"])
                        self.assertLessEqual(sum(stream["bytes"] for stream in page["streams"]), page["payload_bytes"])
                    if "dictionary" in column:
                        dictionary = column["dictionary"]
                        self.assertEqual(dictionary["entries"], column["dictionary_entries"])
                        self.assertEqual(sum(dictionary["forms"].values()), dictionary["blocks"])
                        self.assertEqual(dictionary["index_bytes"] + dictionary["stored_bytes"], parts["dictionary"])
                    for key in ("page_bytes", "dictionary_bytes", "prediction_bytes"):
                        sums[key] += column[key]
                    sums["padding"] += parts["padding"]
                self.assertEqual(sums["page_bytes"], segment["column_bytes"])
                self.assertEqual(sums["dictionary_bytes"], segment["dictionary_bytes"])
                self.assertEqual(sums["prediction_bytes"], segment["prediction_bytes"])
                self.assertEqual(sums["padding"], segment["page_padding_bytes"])
                self.assertEqual(segment["bytes"],
                                 sum(segment[key] for key in ("column_bytes", "dictionary_bytes", "prediction_bytes",
                                                              "index_bytes", "footer_bytes", "padding_bytes")))

    def test_total_is_the_sum_of_the_segments(self):
        segments = self.maps("events")
        total = self.maps("events", "--total")
        self.assertEqual(total["segments"], len(segments))
        for key in ("bytes", "rows", "column_bytes", "dictionary_bytes", "prediction_bytes", "index_bytes",
                    "footer_bytes", "padding_bytes", "page_padding_bytes"):
            self.assertEqual(total[key], sum(segment[key] for segment in segments), key)
        for column in total["columns"]:
            chunks = [chunk for segment in segments for group in segment["row_groups"] for chunk in group["columns"]
                      if chunk["name"] == column["name"]]
            for key in ("rows", "nulls", "page_bytes", "dictionary_bytes", "prediction_bytes", "dictionary_entries"):
                self.assertEqual(column[key], sum(chunk[key] for chunk in chunks), (column["name"], key))
            self.assertEqual(sum(column["encodings"].values()), sum(len(chunk["pages"]) for chunk in chunks))

    def test_bounds_are_those_of_the_rows(self):
        total = self.maps("odd", "--total")
        counted = {column["name"]: column for column in total["columns"]}[NAMES[1]]
        asked = wend("-d", place.store, "sql", "--format", "csv",
                     "select min(%s), max(%s), count(*) - count(%s) from odd" % ((quoted(NAMES[1]),) * 3))
        least, greatest, nulls = asked.stdout.splitlines()[-1].split(",")
        self.assertEqual((counted["min"], counted["max"], counted["nulls"]), (least, greatest, int(nulls)))

    def test_text(self):
        shown = self.ok("events")
        segments = len(self.maps("events"))
        self.assertEqual(shown.count("all columns"), segments + 1)  # each, and their sum
        self.assertIn(f"all {segments} segments", shown)
        self.assertEqual(self.ok("events", "--total").count("all columns"), 1)
        self.assertIn("row group 0: ", self.ok("events", "--row-groups"))
        self.assertIn("page 0 ", self.ok("events", "--pages"))
        for words in ([], ["--pages"], ["--why"], ["--total"]):
            self.assertFalse(re.search("[\x00-\x09\x0b-\x1f\x7f]", self.ok("odd", *words)), words)

    def test_an_empty_table(self):
        self.assertIn("no segments", self.ok("nothing"))
        self.assertEqual(self.maps("nothing"), [])
        self.assertEqual(self.maps("nothing", "--total")["bytes"], 0)
        page = place.path("nothing.html")
        self.ok("nothing", "--html", page)
        with open(page, encoding="utf-8") as file:
            self.assertIn("There are no segments yet", file.read())

    def test_one_segment_and_files(self):
        files = [segment["file"] for segment in self.maps("events")]
        uuid = os.path.basename(files[1]).removesuffix(".wseg")
        self.assertEqual(self.maps("events", "--segment", uuid), json.loads(wend("inspect", files[1], "--json").stdout))
        self.assertEqual([segment["file"] for segment in json.loads(wend("inspect", *files, "--json").stdout)], files)

    def test_mistakes_and_damage(self):
        for words, code, says in ((["nope"], COULD_NOT, "no table nope"),
                                  (["events", "--segment", "x"], COULD_NOT, "has no segment x"),
                                  (["x.wseg", "--segment", "y"], USED_WRONGLY, "one segment already"),
                                  (["events", "--format", "xml"], USED_WRONGLY, "text or json"),
                                  (["events", "--html", "x", "--json"], USED_WRONGLY, "--html"),
                                  (["events", "--total", "--pages"], USED_WRONGLY, "--total"),
                                  (["events", "--html", place.path("no/such.html")], COULD_NOT, "cannot write"),
                                  ([], USED_WRONGLY, "usage")):
            ran = wend("-d", place.store, "inspect", *words)
            self.assertEqual((ran.returncode, says in ran.stderr), (code, True), (words, ran.stderr))
        page = place.path("nope.html")
        wend("-d", place.store, "inspect", "nope", "--html", page)
        self.assertFalse(os.path.exists(page))
        store = place.path("damaged")
        shutil.copytree(place.store, store)
        segments = sorted(os.listdir(os.path.join(store, "events", "seg")))
        with open(os.path.join(store, "events", "seg", segments[0]), "r+b") as file:
            file.seek(4000)
            byte = file.read(1)[0]
            file.seek(4000)
            file.write(bytes([byte ^ 1]))
        for words in (["--json"], ["--json", "--why", "--row-groups"]):
            ran = wend("-d", store, "inspect", "events", *words)
            self.assertEqual(ran.returncode, DAMAGED)
            self.assertIn(segments[0], ran.stderr)
            self.assertEqual(len(json.loads(ran.stdout)), len(segments) - 1)


class Why(Case):
    def check(self, columns, sizes):
        for column in columns:
            self.assertEqual(column["bytes"], sizes[column["name"]], column["name"])
            # Streams: 0 or 1 a page, 2 where values are split; of each one codec was taken.
            codecs = column["codecs"]
            split = any("*" in option["name"] for option in codecs)
            taken = sum(option["taken"] for option in codecs)
            self.assertLessEqual(taken, column["page_count"] * (2 if split else 1))
            for option in codecs + column["forms"]:
                self.assertLessEqual(option["taken"], option["possible"])
                self.assertGreaterEqual(option["cost"], option["bytes"] if option in column["forms"] else 0)
                if option["taken"] == option["possible"] and option in codecs:  # weighed as it was written
                    self.assertEqual(option["bytes"], option["written_bytes"], (column["name"], option))
            if column["forms"]:
                self.assertGreaterEqual(sum(option["taken"] for option in column["forms"]), 1, column["name"])
            self.assertLessEqual(column["right_rows"] + column["listed_rows"], column["predicted_rows"])

    def sizes(self, columns, sums=None):
        sums = {} if sums is None else sums
        for column in columns:
            bytes_ = column["page_bytes"] + column["dictionary_bytes"] + column["prediction_bytes"]
            sums[column["name"]] = sums.get(column["name"], 0) + bytes_
        return sums

    def test_what_was_written_was_weighed(self):
        for table in ("events", "odd"):
            total = self.maps(table, "--total", "--why")
            self.check(total["why"], self.sizes(total["columns"]))
            for segment in self.maps(table, "--why"):
                sums = {}
                for group in segment["row_groups"]:
                    self.sizes(group["columns"], sums)
                self.check(segment["why"], sums)
            for segment in self.maps(table, "--why", "--row-groups"):
                for group, reasons in zip(segment["row_groups"], segment["why_row_groups"], strict=True):
                    self.check(reasons["why"], self.sizes(group["columns"]))

    def test_forms_that_were_written_cost_what_they_take(self):
        for column in self.maps("odd", "--total", "--why")["why"]:
            for form in column["forms"]:
                if form["taken"] and form["name"] not in ("string blocks", "decimals", "bits"):
                    self.assertEqual(form["bytes"], form["written_bytes"], (column["name"], form))

    def test_text(self):
        shown = self.ok("events", "--why")
        for word in ("uuid4", "string blocks", "against", "ts  timestamptz"):
            self.assertIn(word, shown)


class Reader(html.parser.HTMLParser):
    """Fails on tags that do not nest, on scripts and on whatever leads outside."""

    def __init__(self, case):
        super().__init__(convert_charrefs=True)
        self.case = case
        self.open = []
        self.text = []
        self.sum = 0

    def handle_starttag(self, tag, attributes):
        self.case.assertNotIn(tag, {"script", "iframe", "object", "embed", "base", "form"})
        for name, value in attributes:
            self.case.assertFalse(name.startswith("on"), name)
            self.case.assertNotIn(name, {"src", "href", "xlink:href", "srcset", "action", "background"})
            self.case.assertNotIn("url(", value or "")
            if name == "style" and self.open and self.open[-1][1] == "sum":
                self.sum += int(re.fullmatch(r"flex:(\d+) 1 0", value).group(1))
        if tag not in VOID:
            self.open.append((tag, dict(attributes).get("class")))

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag not in VOID:
            self.case.assertTrue(self.open and self.open[-1][0] == tag, (tag, self.open[-3:]))
            self.open.pop()

    def handle_data(self, data):
        self.text.append(data)
        if self.open and self.open[-1][0] == "style":
            self.case.assertNotIn("url(", data)
            self.case.assertNotIn("@import", data)


class Page(Case):
    def read(self, *words):
        path = place.path("page.html")
        self.ok(*words, "--html", path)
        with open(path, encoding="utf-8") as file:
            page = file.read()
        self.assertNotIn("://", re.sub(r"<text[^>]*>.*?</text>|<td.*?</td>|<title>.*?</title>", "", page, flags=re.S))
        reader = Reader(self)
        reader.feed(page)
        reader.close()
        self.assertEqual(reader.open, [])
        return reader

    def test_pages_hold_together(self):
        for table in ("events", "odd"):
            for words in ([], ["--why"]):
                reader = self.read(table, *words)
                total = self.maps(table, "--total")
                self.assertEqual(reader.sum, total["bytes"])
                shown = "".join(reader.text)
                for column in total["columns"]:
                    name = "".join(c if c >= " " else "\ufffd" for c in column["name"])
                    self.assertIn(name if len(name) < 60 else name[:59], shown)
                self.assertEqual("Why" in reader.text, words == ["--why"])

    def test_many_columns_and_segments_stay_readable(self):
        names = ["c%d" % i for i in range(120)]
        place.create("CREATE TABLE broad (ts timestamptz NOT NULL, %s) WITH (time_column='ts', rest='drop')" %
                     ", ".join(name + " bigint" for name in names))
        with open(place.path("broad"), "w") as file:
            for i in range(1200):
                row = {name: i * (k + 1) % 1000 for k, name in enumerate(names)}
                row["ts"] = "2026-01-01T00:%02d:00Z" % (i * 60 // 1200)
                file.write(json.dumps(row) + "\n")
        place.ingest("broad", place.path("broad"), "1200")
        reader = self.read("broad")
        self.assertIn("c119", reader.text)
        self.assertLess(os.path.getsize(place.path("page.html")), 4 << 20)


if __name__ == "__main__":
    place = Place()
    try:
        unittest.main(argv=[sys.argv[0], *sys.argv[1:]])
    finally:
        shutil.rmtree(place.folder, ignore_errors=True)
