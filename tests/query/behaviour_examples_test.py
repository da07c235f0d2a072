#!/usr/bin/env python3
"""Every example of docs/SEMANTICS.md runs, on the table that the page itself creates.

Rows are made so that the examples have something to say: an example whose answer is empty fails too.
"""

import json
import os
import random
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.environ.get("WEND_TEST_SOURCE", os.path.join(HERE, "..", ".."))
SHELL = os.environ.get("WEND_TEST_QUERY_SHELL") or os.path.join(
    os.environ.get("WEND_TEST_BUILD", os.path.join(ROOT, "build", "dev")), "tests", "query_shell"
)
EMPTY = "\x1e"


def statements(page):
    """The statements of the blocks marked sql; none of them has a semicolon inside."""
    for block in re.findall(r"```sql\n(.*?)\n```", page, re.DOTALL):
        yield from (statement.strip() for statement in block.split(";") if statement.strip())


def make_rows():
    rng = random.Random(7)
    rows = []
    for user in range(200):
        minute = rng.randrange(20 * 24 * 60)
        for seq in range(rng.randrange(1, 30)):
            minute += rng.choice([0, 1, 2, 5, 50, 1500])
            kind = rng.choice(["page_view", "page_view", "add_to_cart", "search", "purchase", "signup", "logout", "first_visit"])
            rows.append([
                EMPTY if user % 3 == 0 else "u%d" % user, "a%d" % user,
                "2024-%02d-%02d %02d:%02d:00+00" % (3 + minute // 44640, minute // 1440 % 31 + 1 if minute < 44640 else minute // 1440 % 30 + 1, minute // 60 % 24, minute % 60),
                kind, rng.choice(["/", "/", "/cart", "/product", EMPTY]), EMPTY,
                "19.90" if kind == "purchase" else EMPTY, rng.choice(["DE", "FR", EMPTY]), rng.choice(["ios", "android", "web"]),
                rng.choice(["spring", EMPTY]), str(user * 100 + seq // 5), str(seq), EMPTY,
            ])
    return rows


def main():
    with open(os.path.join(ROOT, "docs", "SEMANTICS.md"), encoding="utf-8") as file:
        page = file.read()
    shell = subprocess.Popen([SHELL, "2"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def tell(message):
        shell.stdin.write(message.encode() + b"\0")
        shell.stdin.flush()

    ddl, *queries = statements(page)
    tell("D" + ddl)
    tell("R700\n" + "".join(cell + "\x1f" for row in make_rows() for cell in row))
    shell.stdout.readline()
    faults = 0
    for query in queries:
        tell("Q" + query)
        answer = json.loads(shell.stdout.readline())
        if "error" in answer or "late_error" in answer or not answer["rows"]:
            faults += 1
            print("%s\n  %s" % (query, answer))
    print("%d examples of docs/SEMANTICS.md, %d faults" % (len(queries), faults))
    return 1 if faults or len(queries) < 10 else 0


if __name__ == "__main__":
    sys.exit(main())
