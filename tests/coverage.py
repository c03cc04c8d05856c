#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""What tests have reached, of a build with --enable-gcov.

usage: coverage.py begin    forget all counts, and let every process write some
       coverage.py report   lines and branches of each file, and what was not
                            reached: functions, and files by their share

begin makes the files of all counts: processes that have given up root write to
them, too, and nobody else could make them.
"""

import collections
import glob
import json
import os
import subprocess
import sys

Share = collections.namedtuple("Share", "reached all")


def notes():
    """The compiler's notes on each object of src/."""
    return sorted(glob.glob("src/**/*.gcno", recursive=True))


def begin():
    for path in notes():
        path = path[:-4] + "gcda"
        with open(path, "wb"):
            pass
        os.chmod(path, 0o666)


def read(path):
    """What gcov has of one object, of its own source alone."""
    # Of an object without functions gcov has nothing, and fails.
    done = subprocess.run(["gcov", "-b", "-j", "-t", path], check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    wanted = path[:-4] + "c"
    for line in done.stdout.splitlines():
        for file in json.loads(line)["files"]:
            if file["file"].endswith(wanted):
                yield file


def share(items):
    items = list(items)
    return Share(sum(items), len(items))


def percent(part):
    return f"{100 * part.reached / part.all:6.1f}" if part.all else "     -"


def add(shares):
    shares = list(shares)
    return Share(sum(s.reached for s in shares), sum(s.all for s in shares))


def report():
    rows, never = [], []
    for path in notes():
        for file in read(path):
            lines = share(line["count"] > 0 for line in file["lines"])
            branches = share(branch["count"] > 0 for line in file["lines"]
                             for branch in line["branches"])
            rows.append((path[:-4] + "c", lines, branches))
            never += [f"{path[:-4]}c:{f['start_line']}: {f['name']}"
                      for f in file["functions"] if not f["execution_count"]]
    print(f"{'file':40} {'lines':>6} {'branches':>8}")
    for name, lines, branches in sorted(
            rows, key=lambda row: row[1].reached / max(1, row[1].all)):
        print(f"{name:40} {percent(lines)} {percent(branches):>8}")
    lines, branches = add(r[1] for r in rows), add(r[2] for r in rows)
    print("\nfunctions that nothing reached:")
    print("\n".join(never) or "none")
    print(f"\nlines {percent(lines).strip()} % of {lines.all}, branches "
          f"{percent(branches).strip()} % of {branches.all}")


def main():
    if sys.argv[1:] not in (["begin"], ["report"]):
        print(__doc__, file=sys.stderr)
        sys.exit(64)
    begin() if sys.argv[1] == "begin" else report()


main()
