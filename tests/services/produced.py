"""What goes into a topic, told by a seed, and whether a table holds exactly that.

A Generator makes messages by number: rows of many users, and by chance exact repeats, broken texts, rows that break
a CHECK, and tombstones. A Ledger is told of each message that went in and knows what must come of it; check() compares
it with a table: accounts, rows as a multiset of (user, id, number), rejected texts, and the table's own verification.
"""
import base64
import collections
import csv
import json
import random
import subprocess

# `place` and `position` come from Kafka itself: together they are different in every row of a topic.
DDL = """CREATE TABLE {name} (
    id text{unique},
    user_id text,
    ts timestamptz NOT NULL,
    n bigint,
    value double precision CHECK (value >= 0),
    topic text OPTIONS (path '$topic'),
    place integer OPTIONS (path '$partition'),
    position bigint OPTIONS (path '$offset')
) WITH (user_column = 'user_id', time_column = 'ts')
"""


class Inexact(AssertionError):
    """The table is not what was produced."""


def statement(name="events", unique=True):
    return DDL.format(name=name, unique=" UNIQUE" if unique else "")


class Message(collections.namedtuple("Message", "kind key payload row")):
    """kind: row, repeat, broken, rule or tombstone; payload None: a tombstone; row: (user, id, number) or None."""


class Generator:
    """An endless stream of messages; `name` is in every id, so streams can be told apart in one table."""

    def __init__(self, name, seed, users=500, clean=False):
        self.name, self.random, self.clean = name, random.Random(f"{name}/{seed}"), clean
        self.users, self.next_number, self.last = users, 0, None

    def __iter__(self):
        return self

    def __next__(self):
        dice = self.random.random()
        if self.clean or dice >= 0.02 or self.last is None:
            return self.fresh("row")
        if dice < 0.006:
            return self.last._replace(kind="repeat")
        if dice < 0.012:
            whole = self.fresh("broken")
            return whole._replace(payload=whole.payload[: self.random.randrange(1, len(whole.payload))], row=None)
        if dice < 0.016:
            return self.fresh("rule")
        return Message("tombstone", f"t{self.next_number}", None, None)

    def fresh(self, kind):
        number = self.next_number
        self.next_number += 1
        user = f"u{int(self.users * self.random.random() ** 2)}"
        name = f"{self.name}-{number}"
        value = -1.5 if kind == "rule" else number % 1000 / 8
        day, second = 1 + number % 28, number // 28 % 86400
        payload = (f'{{"id":"{name}","user_id":"{user}","ts":"2026-03-{day:02}T{second // 3600:02}:{second // 60 % 60:02}:'
                   f'{second % 60:02}.{number % 1000:03}Z","n":{number},"value":{value},"page":"/p/{number * 7919 % 997}"}}')
        message = Message(kind, user, payload, (user, name, number) if kind == "row" else None)
        if kind == "row":
            self.last = message
        return message

    def take(self, count):
        return [next(self) for _ in range(count)]


class Ledger:
    """What a table must hold, by what was sent to its topics."""

    def __init__(self, unique=True):
        self.unique = unique
        self.rows, self.refused = collections.Counter(), collections.Counter()
        self.taken = self.repeats = self.tombstones = 0

    def add(self, message):
        self.taken += 1
        if message.kind == "tombstone":
            self.tombstones += 1
        elif message.row is None:
            self.refused[message.payload] += 1
        elif self.unique and message.row in self.rows:
            self.repeats += 1
        else:
            self.rows[message.row] += 1

    def add_all(self, messages):
        for message in messages:
            self.add(message)

    def accounts(self):
        stored, rejected = sum(self.rows.values()), sum(self.refused.values())
        return {"taken": self.taken, "stored": stored, "rejected": rejected, "deduplicated": self.repeats,
                "tombstones": self.tombstones, "rows": stored}


def run(program, store, *words, allowed=(0,)):
    done = subprocess.run([program, "-d", str(store), *words], capture_output=True, text=True, check=False)
    if done.returncode not in allowed:
        raise Inexact(f"wend {' '.join(words)}: exit {done.returncode}: {done.stderr.strip()[-2000:]}")
    return done.stdout


def status(program, store, table="events"):
    return json.loads(run(program, store, "status", table, "--reconcile", "--format", "json", allowed=(0, 3)))


def stored_rows(program, store, table, places):
    """(user, id, number) of every row, with how often it is there; each place in Kafka is there once, and put into `places`."""
    text = run(program, store, "sql", "--format", "csv",
               f"select user_id, id, n, topic, place, position from {table}")
    rows = collections.Counter()
    lines = csv.reader(text.splitlines())
    next(lines)
    for user, name, number, *place in lines:
        rows[(user, name, int(number))] += 1
        if tuple(place) in places:
            raise Inexact(f"two rows of {table} come from {place}")
        places.add(tuple(place))
    return rows


def rejected_texts(program, store, table="events", places=None):
    texts, places = collections.Counter(), set() if places is None else places
    for line in run(program, store, "rejects", table, "--format", "ndjson").splitlines():
        reject = json.loads(line)
        place = (reject["topic"], reject["partition"], reject["offset"])
        if place in places:
            raise Inexact(f"the reject at {place} is kept twice")
        places.add(place)
        texts[reject["raw"] if "raw" in reject else base64.b64decode(reject["raw_base64"]).decode()] += 1
    return texts


def differ(what, found, wanted):
    """Say what one multiset has that the other has not."""
    lost, extra = wanted - found, found - wanted
    if lost or extra:
        raise Inexact(f"{what}: {sum(lost.values())} lost, such as {next(iter(lost), None)}; "
                      f"{sum(extra.values())} too many, such as {next(iter(extra), None)}")


def check(program, store, ledger, tables=("events",), gap=0):
    """Raises Inexact unless the tables together hold what the ledger says, to the last row."""
    sums, rows, texts = collections.Counter(), collections.Counter(), collections.Counter()
    row_places, reject_places = set(), set()
    for table in tables:
        account = status(program, store, table)
        if account["reconciled"] is not True:
            raise Inexact(f"the accounts of {table} do not add up: {account}")
        if account["taken"] != account["stored"] + account["rejected"] + account["deduplicated"] + account["tombstones"]:
            raise Inexact(f"{table} took other messages than it counts: {account}")
        for name in ("taken", "stored", "rejected", "deduplicated", "tombstones", "rows", "gap"):
            sums[name] += account[name]
        run(program, store, "verify", table)
        rows.update(stored_rows(program, store, table, row_places))
        texts.update(rejected_texts(program, store, table, reject_places))
    differ("rows", rows, ledger.rows)
    differ("rejected texts", texts, ledger.refused)
    for name, wanted in dict(ledger.accounts(), gap=gap).items():
        if sums[name] != wanted:
            raise Inexact(f"status says {name} = {sums[name]}, produced were {wanted}: {dict(sums)}")
    return sums
