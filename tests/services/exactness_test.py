#!/usr/bin/env python3
"""What goes into a real broker comes out in a table, exactly, whatever happens in between.

Without arguments each scenario runs once, small, against one broker; CTest does that. To prove one:

    tests/services/exactness_test.py --scenario kill_ingestor --runs 20 --seed 1 --events 100000

Scenarios may be named several times, by a part of their name; --list tells what each does. Every run has the seed SEED + its
number, makes its own topics and tables, and is judged by comparing rows, rejected texts and accounts with what
was produced. At the end stands a table, also written to --results FILE. Exit 77: Java, Maven or a driver is missing.
"""
import argparse
import os
import random
import signal
import sys
import time
import traceback
from pathlib import Path

import kafka_broker
import produced
import scenarios_groups
import scenarios_kills
import scenarios_machine
import scenarios_topics
from service_stage import BUILD, PROGRAM, Run, Stage

SCENARIOS = {scenario.__name__: scenario for module in (scenarios_kills, scenarios_topics, scenarios_groups, scenarios_machine)
             for scenario in module.SCENARIOS}
SMALL = 20000  # messages of a run, unless --events says
UNSTAGED_MAX, UNSTAGED_SEED = 3, 1 << 21  # runs that may be made again, since a busy machine starves brokers


class Row:
    """One line of the table of results."""

    def __init__(self, name):
        self.name, self.runs, self.events, self.kills, self.faults, self.seconds = name, 0, 0, 0, 0, 0.0
        self.inexact, self.skipped, self.unstaged = [], None, 0

    def line(self):
        verdict = f"skipped: {self.skipped}" if self.skipped else "yes" if not self.inexact else f"NO: {len(self.inexact)}"
        return (f"| {self.name} | {self.runs} | {self.events:,} | {self.kills} | {self.faults} | {verdict} | "
                f"{self.seconds / max(self.runs, 1):.1f} |")


HEAD = "| scenario | runs | events | kills | faults | exact | s a run |\n|---|---|---|---|---|---|---|"


def run_once(stage, row, scenario, seed, arguments):
    run = Run(stage, row.name, seed, arguments.events)
    begun, failure = time.monotonic(), None
    try:
        stage.heal()
        scenario(run)
    except kafka_broker.Skipped as why:
        row.skipped = str(why)
    except (produced.Inexact, RuntimeError, OSError) as fault:
        failure = fault
        print(f"{row.name}: seed {seed}: {type(fault).__name__}: {fault}\n    left in {run.folder}", file=sys.stderr, flush=True)
        if not isinstance(fault, produced.Inexact):
            traceback.print_exc()
    finally:
        run.end(keep=failure is not None)
    if failure is not None and not isinstance(failure, produced.Inexact) and row.unstaged < UNSTAGED_MAX:
        row.unstaged += 1  # the broker or its driver failed, not the program: that run tells nothing and is made again
        return run_once(stage, row, scenario, seed + UNSTAGED_SEED, arguments)
    if failure is not None:
        row.inexact.append(seed)
    row.runs += 1
    row.events += run.events
    row.kills += run.kills
    row.faults += run.faults
    row.seconds += time.monotonic() - begun
    return None


def chosen(words):
    if not words:
        return list(SCENARIOS)
    names = [word for word in words if word in SCENARIOS] or \
            [name for name in SCENARIOS if any(word in name for word in words)]
    if not names:
        sys.exit(f"exactness_test: no scenario is called {' or '.join(words)}; there are {', '.join(SCENARIOS)}")
    return names


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--scenario", action="append", default=[], help="a scenario, or a part of its name")
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 20))
    parser.add_argument("--events", type=int, default=int(os.environ.get("WEND_TEST_EVENTS", SMALL)))
    parser.add_argument("--results", help="a file to add the table's lines to")
    parser.add_argument("--list", action="store_true")
    return parser.parse_args()


def main():
    arguments = parse()
    if arguments.list:
        for name, scenario in SCENARIOS.items():
            print(f"{name:20} {scenario.__doc__}")
        return 0
    for needed in (Path(PROGRAM), BUILD / "tests" / "kafka_driver"):
        if not needed.exists():
            print(f"skipped: {needed} is not built")
            return 77
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        stage = Stage()
    except kafka_broker.Skipped as why:
        print(f"skipped: {why}")
        return 77
    rows = []
    print(f"seed {arguments.seed}, {arguments.events} messages a run\n{HEAD}", flush=True)
    try:
        stage.start()
        for name in chosen(arguments.scenario):
            rows.append(Row(name))
            for number in range(arguments.runs):
                run_once(stage, rows[-1], SCENARIOS[name], arguments.seed + number, arguments)
                if rows[-1].skipped:
                    break
            print(rows[-1].line(), flush=True)
            if arguments.results:
                with open(arguments.results, "a", encoding="utf-8") as results:
                    results.write(rows[-1].line() + "\n")
    finally:
        stage.end()
    return 1 if any(row.inexact for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
