#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""How fast crier is: beside a floor, beside nchan and others, and beside what
it is to reach.

Started by `make bench`.  Prints a table, and writes all of it as JSON.  What
else runs on the machine shows in the figures: only ratios of one run mean
something, and only on a machine that is quiet.
"""

import argparse
import json
import os
import platform
import shutil
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import apache  # noqa: E402
import behind  # noqa: E402
import nodes_targets  # noqa: E402
import runs  # noqa: E402
import targets  # noqa: E402
from hub import CRIERD  # noqa: E402
from report import Budget, Report  # noqa: E402

PARTS = ("fan-out", "harness", "memory", "connecting", "publishing",
         "latency", "slow", "threads", "behind", "apache", "nodes",
         "runs", "sweep", "others")
QUICK_SECONDS = 300


def read_options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-d", metavar="DIR", default=".",
                        help="where databases are made (default: here)")
    parser.add_argument("-o", metavar="FILE", default="bench.json",
                        help="where the JSON goes")
    parser.add_argument("--full", action="store_true",
                        help="medians of 5 long runs, all sizes and peers")
    parser.add_argument("--runs", type=int, metavar="N",
                        help="how many runs of each")
    parser.add_argument("--only", metavar="PART[,PART]",
                        help=f"of {', '.join(PARTS)}")
    options = parser.parse_args()
    options.only = options.only.split(",") if options.only else [
        part for part in PARTS if options.full or part != "others"]
    for part in options.only:
        if part not in PARTS:
            parser.error(f"{part} is none of {', '.join(PARTS)}")
    return options


def run_parts(options, report, where):
    """The parts that are wanted: what durability costs, and the sweep."""
    full = options.full
    sizes = (1000, 5000, 18000) if full else (1000, 18000)
    behind_sizes = (1000, 5000) if full else (5000,)
    paced = 100 if full else 15
    found, harnessed = {}, {}

    def wants(part):
        return part in options.only

    if wants("fan-out"):
        targets.fan_out(report, sizes, paced, 1000)
    if wants("harness"):
        harnessed = targets.without_kernel(report, targets.MILLION)
    if wants("memory"):
        targets.memory(report, harnessed, targets.MOST)
    if wants("connecting"):
        targets.connecting(report, targets.MOST, targets.STORM)
    if wants("publishing"):
        found["durability"] = targets.publishing(
            report, where, 1000000 if full else 300000,
            1000000 if full else 0, report.budget)
    if wants("latency"):
        targets.latency(report, 10000, paced)
    if wants("slow"):
        targets.slow_clients(report, 5000, targets.SLOW, paced)
    if wants("threads"):
        targets.delivery_threads(report, 4900)
    if wants("behind"):
        behind.behind(report, behind_sizes, paced, 200)
    if wants("apache"):
        apache.apache(report, (1000, 5000) if full else (1000,), paced, 200,
                      full)
    if wants("nodes"):
        nodes_targets.nodes(report, where, full)
    if wants("runs"):
        runs.programs(report, 1000 if full else 200, 10 if full else 4)
    if wants("sweep"):
        found["sweep"] = behind.sweep(report, 5000, behind.SWEEP,
                                      5 if full else 1.5)
    if wants("others"):
        behind.others(report, 1000, paced, 200)
    return found


def print_end(report):
    judged = [row for row in report.rows if row["met"] is not None]
    met = sum(row["met"] for row in judged)
    print(f"\n{met} of {len(judged)} targets are met.")
    for row in judged:
        if not row["met"]:
            print(f"  missed: {row['target']}. {row['what']}")
    for one in report.wrong:
        print(f"  NOT EVERY STREAM GOT EVERY EVENT ONCE: {one}")
    for what in report.budget.left_out:
        print(f"  left out: {what}")


def main():
    options = read_options()
    runs = options.runs or (5 if options.full else 1)
    report = Report(runs, Budget(6 * 3600 if options.full or options.runs
                                 else QUICK_SECONDS))
    result = {"crierd": CRIERD, "machine": platform.platform(),
              "processors": os.cpu_count(), "runs_of_each": runs,
              "load_before": os.getloadavg()}
    print(f"{platform.platform()}, {os.cpu_count()} processors, load"
          f" {os.getloadavg()[0]:.2f}; medians of {runs}"
          f" run{'s' * (runs > 1)} each", flush=True)
    targets.end_with_signals()
    where = targets.make_directory(options.d)
    try:
        result.update(run_parts(options, report, where))
    finally:
        shutil.rmtree(where)
    result.update(rows=report.rows, wrong=report.wrong, runs=report.runs,
                  left_out=report.budget.left_out,
                  load_after=os.getloadavg())
    print_end(report)
    with open(options.o, "w", encoding="utf-8") as file:
        json.dump(result, file, indent="\t")
        file.write("\n")
    print(f"\nAll of it in {options.o}")
    return any(one["server"].startswith("crierd") for one in report.wrong)


if __name__ == "__main__":
    sys.exit(main())
