# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""What was found, each figure beside what it is to be."""

import statistics
import time

from load import Failed
from servers import NotThere


class Budget:
    """Seconds that all of it may take; what does not fit is left out."""

    def __init__(self, seconds):
        self.end = time.monotonic() + seconds
        self.left_out = []

    def allows(self, what, seconds=0.0):
        if time.monotonic() + seconds < self.end:
            return True
        self.left_out.append(f"{what} (no time)")
        return False

    def leave_out(self, what, why):
        self.left_out.append(f"{what} ({why})")


class Report:
    """The rows of the table, the runs behind them, and how many there are of
    each."""

    def __init__(self, runs, budget):
        self.count = runs
        self.budget = budget
        self.rows = []
        self.runs = {}
        self.wrong = []

    def measure(self, name, cases, seconds=0.0):
        """Runs all cases in turn, again and again, so that none has the better
        moment: {case: [what it gave]}; only those of which each run came to
        something."""
        found = {case: [] for case in cases}
        for number in range(self.count):
            for case, function in cases.items():
                if found[case] is None or not self.budget.allows(
                        f"{name}: {case}, run {number + 1}", seconds):
                    continue
                try:
                    found[case].append(function())
                except (Failed, NotThere) as error:
                    self.budget.leave_out(f"{name}: {case}", error)
                    found[case] = None
        found = {case: runs for case, runs in found.items() if runs}
        self.runs[name] = found
        self._check(name, found)
        return found

    def _check(self, name, found):
        for case, runs in found.items():
            for one in runs:
                if one.get("ok") is False:
                    self.wrong.append(
                        {"what": f"{name}: {case}", "server": one["server"],
                         "events": one["events"],
                         "again": one.get("again"),
                         "publisher": one["publisher"]})

    def title(self, number, text):
        print(f"\n{number}. {text}", flush=True)

    def row(self, number, what, value, unit, limit=None, base=None,
            base_name="", at_least=False):
        """A figure, or its ratio to another, beside what it is to be."""
        ratio = None
        if base is not None:
            ratio = value / base if base else float("inf")
        judged = value if ratio is None else ratio
        met = None
        if limit is not None:
            met = judged >= limit if at_least else judged <= limit
        self.rows.append({
            "target": number, "what": what, "value": round(value, 4),
            "unit": unit, "base": None if base is None else round(base, 4),
            "base_name": base_name, "limit": limit, "at_least": at_least,
            "ratio": None if ratio is None else round(ratio, 4), "met": met})
        self._print(self.rows[-1])

    @staticmethod
    def _print(row):
        text = (f"  {row['what']:46.46} {figure(row['value']):>9}"
                f" {row['unit']:5}")
        if row["base"] is not None:
            text += (f" {row['base_name']:>14.14} {figure(row['base']):>9}"
                     f" {row['ratio']:8.2f}")
        else:
            text += " " * 34
        if row["limit"] is not None:
            sign = ">=" if row["at_least"] else "<="
            text += (f"  {sign} {figure(row['limit']):7}"
                     f" {'met' if row['met'] else 'MISSED'}")
        print(text, flush=True)


def figure(number):
    """Three or four digits that matter."""
    if number >= 1000:
        return f"{number:.0f}"
    if number >= 100:
        return f"{number:.1f}"
    return f"{number:.3g}"


def median(runs, value):
    return statistics.median(value(one) for one in runs)
