#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""Pictures of latency and CPU against the number of streams, and of latency
and CPU against the events a second, beside the floor and nchan.

Started by `make bench-plots`; needs gnuplot.  What was measured is written
beside them, so that they can be drawn again.
"""

import argparse
import json
import os
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import behind  # noqa: E402
import targets  # noqa: E402
from load import Crierd, Floor  # noqa: E402
from report import Budget, Report, median  # noqa: E402

STREAMS = (100, 500, 1000, 2000, 5000, 10000, 18000)
SWEEP_STREAMS = 5000
COMMON = """
set terminal svg size 640,360 font 'sans-serif,12' background '#ffffff'
set key left top reverse Left
set grid lc rgb '#dddddd'
set border 3
set tics nomirror
set logscale xy
"""


def against_streams(report, events):
    """{server: [(streams, p50 ms, p99 ms, us a delivery)]}"""
    rows = {"floor": [], "crierd": []}
    for n in STREAMS:
        found = report.measure(f"{n} streams", {
            "floor": lambda: targets.with_server(
                lambda: Floor(n), n, events, 10),
            "crierd": lambda: targets.with_server(Crierd, n, events, 10)})
        for name, runs in found.items():
            rows[name].append((n, median(runs, targets.p50),
                               median(runs, targets.p99),
                               median(runs, targets.cost)))
    return rows


def against_rate(report, seconds):
    """{server: [(events a second, p50 ms, p99 ms, us a delivery)]}"""
    rows = {}
    for rate in behind.SWEEP:
        found = report.measure(f"{rate} events a second", {
            name: lambda make=make: targets.with_server(
                make, SWEEP_STREAMS, max(int(rate * seconds), 20), rate)
            for name, make in behind.ALL.items()})
        for name, runs in found.items():
            rows.setdefault(name, []).append(
                (rate, median(runs, targets.p50), median(runs, targets.p99),
                 median(runs, targets.cost)))
    return rows


def draw(path, titles, rows, curves):
    """One picture; curves are (server, column, what it is called)."""
    lines = [COMMON, f"set output '{path}'", f"set title '{titles[0]}'",
             f"set xlabel '{titles[1]}'", f"set ylabel '{titles[2]}'"]
    plots = []
    for number, (name, column, called) in enumerate(curves):
        if rows.get(name):
            lines.append(f"$data{number} << end")
            lines += [f"{row[0]} {row[column]:.5g}" for row in rows[name]]
            lines.append("end")
            plots.append(f"$data{number} with linespoints lw 2 pt 7 ps 0.5"
                         f" title '{called}'")
    if not plots:
        return
    lines.append("plot " + ", ".join(plots))
    subprocess.run(["gnuplot"], input="\n".join(lines) + "\n", text=True,
                   check=True)
    print(path)


def draw_all(where, streams, rate):
    over_fcgi = "over FastCGI, one channel, 10 events a second of 128 bytes"
    draw(os.path.join(where, "latency.svg"),
         (f"Publish to arrival {over_fcgi}", "streams", "milliseconds"),
         streams, [("floor", 1, "floor, median"), ("floor", 2, "floor, p99"),
                   ("crierd", 1, "crierd, median"),
                   ("crierd", 2, "crierd, p99")])
    draw(os.path.join(where, "cpu.svg"),
         (f"CPU a delivery {over_fcgi}", "streams", "microseconds"), streams,
         [("floor", 3, "floor"), ("crierd", 3, "crierd")])
    names = (("nginx1", "crierd behind nginx, 1 worker"),
             ("nginx2", "crierd behind nginx, 2 workers"),
             ("lighttpd", "crierd behind lighttpd"),
             ("nchan1", "nchan, 1 worker"), ("nchan2", "nchan, 2 workers"))
    for file, column, what, unit in (
            ("sweep-latency", 2, "p99 from publish to arrival",
             "milliseconds"),
            ("sweep-cpu", 3, "CPU a delivery", "microseconds")):
        draw(os.path.join(where, f"{file}.svg"),
             (f"{what}, {SWEEP_STREAMS} streams", "events a second", unit),
             rate, [(name, column, called) for name, called in names])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", metavar="DIR", default=".",
                        help="where the pictures go (default: here)")
    parser.add_argument("--runs", type=int, default=3, metavar="N",
                        help="how many runs of each (default: 3)")
    parser.add_argument("--seconds", type=float, default=3, metavar="N",
                        help="how long each is paced (default: 3)")
    parser.add_argument("--again", metavar="FILE",
                        help="draw what an earlier run has written")
    options = parser.parse_args()
    if options.again:
        with open(options.again, encoding="utf-8") as file:
            found = json.load(file)
    else:
        targets.end_with_signals()
        report = Report(options.runs, Budget(6 * 3600))
        found = {"streams": against_streams(report,
                                            int(options.seconds * 10)),
                 "rate": against_rate(report, options.seconds)}
        with open("bench-plots.json", "w", encoding="utf-8") as file:
            json.dump(found, file)
        for what in report.budget.left_out:
            print(f"left out: {what}")
    draw_all(options.o, found["streams"], found["rate"])


if __name__ == "__main__":
    main()
