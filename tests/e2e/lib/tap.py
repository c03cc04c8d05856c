# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""Test Anything Protocol output, and the runner of a .tap program.

A program is a list of functions, each given a Tap and a Bench.  A function
makes as many checks as it likes; an exception in it is one failed check, and
the next function runs all the same, on a bench of its own.
"""

import os
import signal
import sys
import traceback

from lib import bench, proc, reach

LIMIT_SECONDS = 230


class Tap:
    def __init__(self):
        self.count = 0
        self.failures = 0
        self.prefix = ""

    def ok(self, good, name, *more):
        """One check; the words in more are printed only when it failed."""
        self.count += 1
        if self.prefix:
            name = f"{self.prefix}: {name}"
        name = str(name).replace("#", "").replace("\n", " ")
        print(f"{'ok' if good else 'not ok'} {self.count} - {name}",
              flush=True)
        if not good:
            self.failures += 1
            for text in more:
                self.diag(text)
        return bool(good)

    def eq(self, got, want, name):
        return self.ok(got == want, name, f"     got: {shorten(got)}",
                       f"expected: {shorten(want)}")

    def match(self, pattern, text, name):
        """pattern is a compiled regular expression, searched for."""
        return self.ok(pattern.search(text), name,
                       f"no match of {pattern.pattern!r} in", shorten(text))

    def diag(self, text):
        for line in str(text).splitlines() or [""]:
            print("# " + line, flush=True)

    def skip(self, name, reason):
        self.count += 1
        print(f"ok {self.count} - {name} # SKIP {reason}", flush=True)

    def plan(self):
        print(f"1..{self.count}", flush=True)


def shorten(value, limit=1500):
    text = value if isinstance(value, str) else repr(value)
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]} ... {text[-half:]} ({len(text)} characters)"


def bail(reason):
    print("Bail out! " + reason.replace("\n", " "), flush=True)
    sys.exit(1)


def _on_signal(number, _frame):
    # A SystemExit unwinds every 'with', so whatever was started is ended.
    # Only once: whoever sends it twice must not cut the cleaning short.
    signal.signal(number, signal.SIG_IGN)
    if number == signal.SIGALRM:
        raise TimeoutError("the whole test program took too long")
    raise SystemExit(128 + number)


def _run_one(tap, function, name):
    tap.prefix = name
    before = tap.failures
    with bench.Bench(tap) as place:
        try:
            function(tap, place)
        except Exception:
            text = traceback.format_exc()
            tap.ok(False, "runs to its end", text)
        place.close()
        if tap.failures > before:
            place.keep()


def _run_all(tap, functions, only):
    for item in functions:
        function, name = item if isinstance(item, tuple) else (item, None)
        name = name or function.__name__.replace("_", " ")
        if not only or function.__name__ in only or name in only:
            _run_one(tap, function, name)


def main(functions):
    """Run the functions, or only those named in the arguments; then exit."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP,
                   signal.SIGALRM):
        signal.signal(number, _on_signal)
    proc.adopt_orphans()
    # Whoever runs this may keep new files to himself, which servers read.
    os.umask(0o022)
    signal.alarm(int(LIMIT_SECONDS * bench.SLOW))
    only = sys.argv[1:]
    tap = Tap()
    missing = bench.missing_programs()
    if missing:
        bail("not there: " + missing + " (set CRIERD and CRIER)")
    closed = reach.unreachable_place()
    if closed:
        bail(f"{bench.server_user().pw_name} cannot enter {closed}, where the "
             "tests work (set TMPDIR)")
    with reach.Programs():
        _run_all(tap, functions, only)
    tap.prefix = ""
    tap.plan()
    sys.stdout.flush()
    os._exit(1 if tap.failures else 0)
