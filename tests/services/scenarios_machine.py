"""Scenarios of the machine and its people: full disks, clocks that jump, two ingestors, a schema that changes."""
import errno
import json
import os
import shutil
import signal
import struct
import subprocess

import produced
from kafka_broker import Skipped
from scenarios_kills import begin
from service_stage import BUILD, PROGRAM


def two_ingestors(run):
    """The second on a table is refused and names the first; the first does not notice."""
    ledger, feed = begin(run)
    first = run.ingestor().start()
    run.wait_until(lambda: run.account()["taken"] > 0, "the first one reads")
    while feed.is_alive():
        second = run.ingestor().start()
        code = second.wait()
        if code != 1 or f"process {first.process.pid}" not in second.words_said():
            raise produced.Inexact(f"a second ingestor ended with {code}: {second.words_said()}")
        run.fault()
    feed.end()
    run.wait_until_taken(ledger.taken)
    first.drain()
    run.check(ledger)


def paused_and_fenced(run):
    """A stopped ingestor whose lock was taken from it wakes behind its successor: it may commit nothing more."""
    ledger, feed = begin(run, seconds=4)
    sleeper = run.ingestor(commits=("--commit-rows", "2000", "--commit-interval", "50ms")).start()
    run.wait_until(lambda: run.account()["taken"] > 0, "the first one reads")
    run.pause_s(0, 0.3)
    sleeper.signal(signal.SIGSTOP)
    run.fault()
    taken = run.account()["taken"]
    (run.store / "events" / "LOCK").unlink()  # as an operator might, or a mount on another host
    successor = run.ingestor(commits=("--commit-interval", "50ms")).start()
    run.wait_until(lambda: run.account()["taken"] > taken, "the successor commits")
    ended = run.random.random() < 0.5
    if ended:
        successor.drain()
    sleeper.signal(signal.SIGCONT)
    sleeper.must_stop_loudly("another writer", "fenced", "took over")
    feed.end()
    if ended:
        successor = run.ingestor().start()
    run.wait_until_taken(ledger.taken)
    successor.drain()
    run.check(ledger)


def small_disk(run, mib):
    """A tmpfs as the run's store, unmounted at its end."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        raise Skipped("mounting a tmpfs needs root")
    run.store.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mib}m", "wend-test", str(run.store)],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        run.store.rmdir()
        raise Skipped(f"no tmpfs can be mounted: {done.stderr.strip()}")
    run.cleanups.append(lambda: subprocess.run(["umount", "-l", str(run.store)], check=False))


def fill_disk(run, spare_bytes):
    """A file that leaves about so much of the disk free, while others write to it."""
    with open(run.store / "ballast", "wb") as ballast:
        while True:
            free = os.statvfs(run.store)
            at = os.fstat(ballast.fileno()).st_size
            try:
                os.posix_fallocate(ballast.fileno(), 0, at + max(free.f_bavail * free.f_bsize - spare_bytes, 4096))
                return
            except OSError as full:
                if full.errno != errno.ENOSPC:
                    raise
                if os.fstat(ballast.fileno()).st_size > at or free.f_bavail == 0:
                    return


def disk_full(run):
    """The disk fills up under the ingestor: it says so and loses nothing; with space again it goes on."""
    small_disk(run, 64)
    ledger, feed = begin(run, seconds=4)
    for _ in range(2):
        ingestor = run.ingestor(commits=("--commit-rows", "1000", "--commit-interval", "50ms")).start()
        run.pause_s(0.2, 0.8)
        fill_disk(run, run.random.choice([0, 4096, 20000, 100000]))
        run.fault()
        ingestor.must_stop_loudly("No space left", "disk is full", "space")
        for _ in range(2):  # a service manager would try again and again
            used = subprocess.run(["du", "-sb", str(run.store / "events")], capture_output=True, text=True, check=True).stdout
            again = run.ingestor().start()
            if again.wait() == 0:
                raise produced.Inexact("an ingestor on a full disk ended well, though nobody asked it to")
            left = list((run.store / "events" / "tmp").iterdir())
            if left:
                raise produced.Inexact(f"what could not be written is left lying about: {left}, {used}")
        (run.store / "ballast").unlink()
    feed.end()
    run.ingestor().finish()
    run.check(ledger)


class Clock:
    """The wall clock of ingestors that are started with its environment: see clock_jumps.c."""

    def __init__(self, run):
        self.library = BUILD / "tests" / "libclock_jumps.so"
        if not self.library.exists():
            raise Skipped(f"{self.library} is not built: it does not go with sanitizers")
        self.file = run.folder / "clock"
        self.file.write_bytes(struct.pack("q", 0))
        self.environment = {"WEND_TEST_CLOCK": str(self.file)}

    def jump_to(self, ahead_s):
        with open(self.file, "r+b") as file:
            file.write(struct.pack("q", int(ahead_s * 1e6)))


def clock_jumps(run):
    """The wall clock jumps forth and back, by seconds, hours and days: commits go on, the log stays whole."""
    clock = Clock(run)
    ledger, feed = begin(run, seconds=3.5)
    ingestor = run.ingestor(commits=("--commit-interval", "100ms"), preload=clock.library, environment=clock.environment).start()
    while feed.is_alive():
        clock.jump_to(run.random.choice([-1, 1]) * run.random.choice([0.5, 5, 3600, 5400, 86400, 2 * 86400]))
        run.fault()
        run.pause_s(0.1, 0.4)
        if run.random.random() < 0.2:
            ingestor.kill()
            ingestor = run.ingestor(commits=("--commit-interval", "100ms"), preload=clock.library,
                                    environment=clock.environment).start()
    feed.end()
    clock.jump_to(-86400)  # an interval that goes by the wall clock would not end before tomorrow
    messages = produced.Generator("late", run.seed).take(100)
    run.fill(messages, ledger)
    run.wait_until(lambda: run.account()["taken"] >= ledger.taken, "it commits in spite of the clock", 20)
    ingestor.drain()
    run.check(ledger)


def alter_while_running(run):
    """Columns are added under an ingestor that gets killed, too: every row has its value, in the column or in _rest."""
    ledger, feed = begin(run, seconds=4)
    ingestor = run.ingestor().start()
    run.pause_s(0.2, 1)
    produced.run(PROGRAM, run.store, "alter", "ALTER TABLE events ADD COLUMN page text")
    run.fault()
    ingestor.kill()
    ingestor = run.ingestor().start()
    run.pause_s(0.1, 0.5)
    produced.run(PROGRAM, run.store, "alter", "ALTER TABLE events ADD COLUMN twice double precision GENERATED ALWAYS AS (value * 2) STORED")
    run.fault()
    feed.end()
    run.wait_until_taken(ledger.taken)
    ingestor.drain()
    run.check(ledger)
    wrong = ("select count(*) from events where coalesce(page, _rest->>'page') is null or twice is null or twice <> value * 2 or "
             "(page is not null and _rest is not null)")
    if produced.run(PROGRAM, run.store, "sql", "--format", "csv", wrong).split()[1] != "0":
        raise produced.Inexact("rows have lost what the new columns stand for")
    if produced.run(PROGRAM, run.store, "sql", "--format", "csv", "select count(page) from events").split()[1] == "0":
        raise produced.Inexact("the new column has nothing")


def io_uring_refused(run):
    """The kernel refuses io_uring: kills are got over by plain calls alike, and the run says so."""
    launcher = BUILD / "tests" / "refuse_io_uring"
    if not launcher.exists():
        raise Skipped(f"{launcher} is not built")
    words = [str(launcher), run.random.choice(["eperm", "enosys"])]
    ledger, feed = begin(run)
    while feed.is_alive() or run.kills < 4:
        ingestor = run.ingestor(launcher=words).start()
        run.pause_s(0.05, 0.7)
        ingestor.kill()
    feed.end()
    last = run.ingestor(launcher=words)
    last.finish()
    if json.loads(last.numbers.read_text())["io"] != "posix":
        raise produced.Inexact("io_uring was refused, but the numbers do not say so")
    run.check(ledger)


SCENARIOS = [two_ingestors, paused_and_fenced, disk_full, clock_jumps, alter_while_running, io_uring_refused]
