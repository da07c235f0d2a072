#!/usr/bin/env python3
"""Kill the ingestor with SIGKILL at random moments and count what is there in the end.

From a file and from the mock broker with its producer paced by the table: after every kill the next
ingestor goes on from the last commit. In the end every line that was produced must be accounted for:
stored once (per user the very events produced), rejected with its raw text, or known as a repetition. Once with
the id stored, once with event_id = 'drop': then repetitions are known by key files alone, and events are told by a
second column of the same id.

CRASH_EVENTS (default 200000) lines, CRASH_KILLS (10) for each of the two sources, CRASH_SOURCES
("file broker"), CRASH_POLICIES ("keep drop"; also hash), CRASH_SEED (random, printed). The acceptance run is
    CRASH_EVENTS=2000000 CRASH_KILLS=100 tests/services/crash_test.py
"""
import base64
import csv
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROGRAM = os.environ.get("WEND_TEST_PROGRAM", "build/release/wend")
EVENTS = int(os.environ.get("CRASH_EVENTS", "200000"))
KILLS = int(os.environ.get("CRASH_KILLS", "10"))
SOURCES = os.environ.get("CRASH_SOURCES", "file broker").split()
POLICIES = os.environ.get("CRASH_POLICIES", "keep drop").split()
SEED = int(os.environ.get("CRASH_SEED", str(random.SystemRandom().randrange(1 << 30))))


def fail(message):
    sys.exit(f"crash_test: {message} (CRASH_SEED={SEED} CRASH_EVENTS={EVENTS} CRASH_KILLS={KILLS})")


def wend(store, *words, **options):
    return subprocess.run([PROGRAM, "-d", str(store), *words], capture_output=True, text=True, **options)


def must(result):
    if result.returncode != 0:
        fail(f"{' '.join(result.args)}: exit {result.returncode}: {result.stderr.strip()[:2000]}")
    return result.stdout


class Truth:
    """What the generator made: the events that must be stored, the texts that must be refused."""

    def __init__(self, lines_file):
        self.events, self.refused, self.line_count = {}, {}, 0
        with open(lines_file, "rb") as lines:
            for line in lines:
                line = line.rstrip(b"\n")
                self.line_count += 1
                try:
                    event = json.loads(line)
                except ValueError: # cut short, perhaps within a character
                    self.refused[line] = self.refused.get(line, 0) + 1
                    continue
                self.events.setdefault(event["event_id"], (event["user_id"] or "", event["event_type"]))
        self.rejected = sum(self.refused.values())
        self.repeated = self.line_count - self.rejected - len(self.events)


def check_events(store, truth):
    """Every stored event, with its user, is one that was produced, and none is there twice."""
    missing = dict(truth.events)
    process = subprocess.Popen([PROGRAM, "-d", str(store), "sql", "--format", "csv",
                                "select twin, user_id, event_type from events"], stdout=subprocess.PIPE, text=True)
    rows = csv.reader(process.stdout)
    next(rows)
    for event_id, user_id, event_type in rows:
        made = missing.pop(event_id, None)
        if made is None:
            fail(f"event {event_id} of user {user_id} is stored " +
                 ("twice" if event_id in truth.events else "but was never produced"))
        if made != (user_id, event_type):
            fail(f"event {event_id} is stored as {user_id, event_type}, was produced as {made}")
    if process.wait() != 0:
        fail("wend sql failed")
    if missing:
        fail(f"{len(missing)} events are lost, one is {next(iter(missing.items()))}")


def check_rejects(store, truth):
    left = dict(truth.refused)
    places = set()
    for line in must(wend(store, "rejects", "events", "--format", "ndjson")).splitlines():
        reject = json.loads(line)
        place = (reject["topic"], reject["partition"], reject["offset"])
        if place in places:
            fail(f"the reject at {place} is kept twice")
        places.add(place)
        raw = reject["raw"].encode() if "raw" in reject else base64.b64decode(reject["raw_base64"])
        if left.get(raw, 0) == 0:
            fail(f"a reject at {place} was never produced like that: {raw[:200]}")
        left[raw] -= 1
    if any(left.values()):
        fail("a refused line is not among the rejects")


def check_all(store, truth):
    status = json.loads(must(wend(store, "status", "events", "--reconcile", "--format", "json")))
    wanted = {"taken": truth.line_count, "stored": len(truth.events), "rejected": truth.rejected,
              "deduplicated": truth.repeated, "tombstones": 0, "gap": 0, "rows": len(truth.events), "reconciled": True}
    for name, value in wanted.items():
        if status[name] != value:
            fail(f"status says {name} = {status[name]}, produced were {wanted}; all: {status}")
    must(wend(store, "verify", "events"))
    check_events(store, truth)
    check_rejects(store, truth)
    return status


def check_between(store):
    """After a kill: the table is whole, and holds what its accounts say."""
    must(wend(store, "verify", "events"))
    status = json.loads(must(wend(store, "status", "events", "--reconcile", "--format", "json")))
    rows = must(wend(store, "sql", "--format", "csv", "select count(*), count(distinct twin) from events")).split()[1]
    if not status["reconciled"] or rows != f"{status['stored']},{status['stored']}":
        fail(f"after a kill the table has {rows} rows and events, its accounts say {status}")


def taken(store):
    return json.loads(must(wend(store, "status", "events", "--format", "json")))["taken"]


class Killer:
    """Starts ingestors and kills them, at moments spread so that the kills cover the whole load."""

    def __init__(self, store, words, generator):
        self.store, self.words, self.generator = store, words, generator
        self.mean_s, self.kills, self.ended, self.before = 0.05, 0, 0, 0

    def start(self, *more):
        environment = dict(os.environ, WEND_IO=self.generator.choice(["posix", "posix", ""]) or os.environ.get("WEND_IO", ""))
        if not environment["WEND_IO"]:
            del environment["WEND_IO"]
        rows = str(self.generator.choice([500, 5000, 20000, 60000]))
        return subprocess.Popen([PROGRAM, "-d", str(self.store), "ingest", "events", "-q", "--commit-rows", rows,
                                 "--commit-interval", "200ms", *self.words, *more],
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def run_one(self):
        """One ingestor, killed unless it ends first. True when it was killed."""
        process = self.start()
        try:
            _, said = process.communicate(timeout=self.generator.uniform(0, 2 * self.mean_s))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.communicate()
            self.kills += 1
            self.adapt()
            return True
        if process.returncode != 0:
            fail(f"ingest: exit {process.returncode}: {said[-2000:]}")
        self.ended += 1
        return False

    def adapt(self):
        now = taken(self.store)
        target = (EVENTS - now) / (KILLS - self.kills + 1)
        self.mean_s *= 1.15 if now - self.before < target else 0.8
        self.mean_s = min(max(self.mean_s, 0.02), 2)
        self.before = now

    def begin_again(self, store):
        self.store, self.before = store, 0
        self.mean_s /= 3


def statement(policy):
    """The generator's table, with the policy, and the id a second time under a name of its own."""
    ddl = subprocess.run([PROGRAM, "produce", "--ddl"], capture_output=True, text=True, check=True).stdout
    column, options = "event_id uuid UNIQUE,", ") WITH ("
    if column not in ddl or options not in ddl:
        fail(f"the generator's statement has changed: {ddl}")
    return (ddl.replace(column, f"{column}\n    twin uuid OPTIONS (path '$.event_id'),")
            .replace(options, f"{options}event_id = '{policy}', "))


def new_store(folder, name, ddl):
    store = folder / name
    must(wend(store, "create", "-f", str(ddl)))
    return store


def from_file(folder, ddl, lines, truth, generator):
    killer = Killer(new_store(folder, "from-file", ddl), ["--file", str(lines)], generator)
    while killer.kills < KILLS:
        if not killer.run_one(): # faster than the kills: that load is checked, and the rest fall on another
            check_all(killer.store, truth)
            killer.begin_again(new_store(folder, f"from-file-{killer.ended}", ddl))
        elif killer.kills % max(KILLS // 10, 5) == 0:
            check_between(killer.store)
    process = killer.start()
    _, said = process.communicate()
    if process.returncode != 0:
        fail(f"ingest: exit {process.returncode}: {said[-2000:]}")
    return killer, check_all(killer.store, truth)


def from_broker(folder, ddl, truth, generator):
    store = new_store(folder, "from-broker", ddl)
    broker = subprocess.Popen([PROGRAM, "mock-broker", "--topic", "clicks:4"], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True)
    producer = None
    try:
        servers = broker.stdout.readline().strip()
        producer = subprocess.Popen([PROGRAM, "-d", str(store), "produce", "--events", str(EVENTS), "--seed", str(SEED),
                                     "--brokers", servers, "--topic", "clicks", "--paced-by", "events"],
                                    stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        killer = Killer(store, ["--brokers", servers, "--topic", "clicks"], generator)
        while killer.kills < KILLS:
            if killer.run_one() and killer.kills % max(KILLS // 10, 5) == 0:
                check_between(store)
        draining = killer.start()
        _, said = producer.communicate()
        if producer.returncode != 0:
            fail(f"produce: exit {producer.returncode}: {said[-2000:]}")
        draining.send_signal(signal.SIGTERM)
        _, said = draining.communicate()
        if draining.returncode not in (0, -signal.SIGTERM): # the signal may come before it can be heard
            fail(f"ingest after SIGTERM: exit {draining.returncode}: {said[-2000:]}")
        last = killer.start("--until-caught-up")
        _, said = last.communicate()
        if last.returncode != 0:
            fail(f"ingest --until-caught-up: exit {last.returncode}: {said[-2000:]}")
    finally:
        if producer is not None and producer.poll() is None:
            producer.kill()
        broker.stdin.close()
        broker.wait()
    return killer, check_all(store, truth)


def main():
    if not Path(PROGRAM).exists():
        print(f"skipped: there is no program at {PROGRAM} (WEND_TEST_PROGRAM)")
        sys.exit(77)
    generator = random.Random(SEED)
    folder = Path(tempfile.mkdtemp(prefix="wend-crash-"))
    print(f"CRASH_SEED={SEED}", flush=True)
    try:
        lines = folder / "events.ndjson"
        with open(lines, "wb") as out:
            subprocess.run([PROGRAM, "produce", "--events", str(EVENTS), "--seed", str(SEED)], stdout=out, check=True)
        truth = Truth(lines)
        for source, policy in [(source, policy) for source in SOURCES for policy in POLICIES]:
            begun = time.monotonic()
            (folder / policy).mkdir(exist_ok=True)
            ddl = folder / policy / "events.sql"
            ddl.write_text(statement(policy))
            killer, status = (from_file(folder / policy, ddl, lines, truth, generator) if source == "file"
                              else from_broker(folder / policy, ddl, truth, generator))
            print(f"{source}, event_id {policy}: {killer.kills} kills in {killer.ended + 1} load(s), {status['taken']} taken = {status['stored']} stored + "
                  f"{status['rejected']} rejected + {status['deduplicated']} deduplicated, commit {status['version']}, "
                  f"{time.monotonic() - begun:.0f} s", flush=True)
        shutil.rmtree(folder)
    except SystemExit:
        print(f"the stores are left in {folder}", file=sys.stderr)
        raise


if __name__ == "__main__":
    main()
