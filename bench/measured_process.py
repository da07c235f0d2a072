"""Programs whose cost the kernel tells when they end, for the drivers in bench/."""

import json
import os
import subprocess
import sys
import time

TICKS = os.sysconf("SC_CLK_TCK")


class Cost:
    """Wall and processor seconds (user and system, all threads) and peak resident bytes of a process."""

    def __init__(self, wall_s, usage):
        self.wall_s = wall_s
        self.cpu_s = usage.ru_utime + usage.ru_stime
        self.peak_rss_bytes = usage.ru_maxrss * 1024


def finish(process, begin):
    """Wait for a Popen and take its cost, which Popen's own wait would throw away."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return Cost(time.monotonic() - begin, usage)


def run_measured(command, **how):
    """(standard output, Cost) of a program that must succeed."""
    begin = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, **how) as process:
        text = process.stdout.read()
        cost = finish(process, begin)
    if process.returncode != 0:
        sys.exit("%s: %s ended with %d" % (os.path.basename(sys.argv[0]), " ".join(command[:6]), process.returncode))
    return text, cost


def cpu_seconds_of(pid):
    """Processor seconds that a running process has used so far."""
    with open("/proc/%d/stat" % pid, encoding="ascii", errors="replace") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def folder_bytes(folder):
    return sum(os.path.getsize(os.path.join(place, name)) for place, _, names in os.walk(folder) for name in names)


class Promises:
    """What was promised beside what was measured: shown as a table, kept as JSON lines."""

    def __init__(self, program):
        self.program, self.rows = program, []

    def add(self, what, measured, promised, held):
        self.rows.append((what, measured, promised, held))

    def show(self):
        if self.rows:
            print("\n| promised | measured | | |\n|---|--:|--:|---|")
        for what, measured, promised, held in self.rows:
            print("| %s | %s | %s | %s |" % (what, measured, promised, "held" if held else "**missed**"))
        sys.stdout.flush()

    def records(self):
        return [{"kind": "promise", "program": self.program, "what": what, "measured": measured, "promised": promised,
                 "held": held} for what, measured, promised, held in self.rows]


def append_records(path, records):
    if path:
        with open(path, "a", encoding="utf-8") as file:
            for record in records:
                file.write(json.dumps(record) + "\n")
