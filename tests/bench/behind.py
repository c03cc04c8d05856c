# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""crierd behind nginx and lighttpd, against nchan and other peers."""

import load
import servers
from load import deliveries_per_second
from report import median
from targets import cost, p50, p99, with_server

# With one worker process and with two: the better one counts, for both sides.
OURS = {"nginx": {"nginx1": servers.Nginx, "nginx2": servers.Nginx2},
        "lighttpd": {"lighttpd": servers.Lighttpd}}
NCHAN = {"nchan1": servers.Nchan, "nchan2": servers.Nchan2}
ALL = {**OURS["nginx"], **OURS["lighttpd"], **NCHAN}
OTHERS = {"express": servers.Express, "better-sse": servers.BetterSse,
          "pushpin": servers.Pushpin, "php": servers.Php}
SWEEP = (10, 25, 50, 100, 200, 400)
SUSTAINED_MS = 250
PHP_STREAMS = 200


def scenarios(report, names, n, paced, burst):
    """Each server isolated, busy and in a burst: {scenario: {server: runs}}"""
    found = {}
    for scenario, rate in (("10/s", 10), ("50/s", 50), ("burst", 0)):
        events = {10: paced, 50: paced * 5, 0: burst}[rate]
        found[scenario] = report.measure(
            f"behind, {scenario}, {n}",
            {name: lambda make=make: with_server(make, n, events, rate)
             for name, make in names.items()}, 3 + paced / 10)
    return found


def better(found, names, value, most=False):
    """The best of these, by that figure."""
    figures = [median(found[name], value) for name in names if name in found]
    if not figures:
        return None
    return max(figures) if most else min(figures)


def judge(report, found, n):
    rows = (
        (deliveries_per_second, "burst", True, 8, "deliveries", "/s"),
        (cost, "burst", False, 0.25, "CPU a delivery, burst", "us"),
        (p99, "50/s", False, 0.25, "p99, 50/s", "ms"),
        (cost, "10/s", False, 1.6, "CPU a delivery, 10/s", "us"),
        (p99, "10/s", False, 1.5, "p99, 10/s", "ms"))
    for ours, names in OURS.items():
        for value, scenario, most, limit, what, unit in rows:
            figure = better(found[scenario], names, value, most)
            base = better(found[scenario], NCHAN, value, most)
            if figure is None or base is None:
                continue
            # At 1000 streams a pace of 50/s overloads nobody.
            if scenario == "50/s" and n < 5000:
                limit = None
            report.row(7, f"{ours}, {n}: {what}", figure, unit, limit, base,
                       "nchan", at_least=most)


def behind(report, sizes, paced, burst):
    report.title(7, "Behind nginx and lighttpd, against nchan")
    for n in sizes:
        judge(report, scenarios(report, ALL, n, paced, burst), n)


def others(report, n, paced, burst):
    """Ahead of them in every figure."""
    report.title(7, "Against other peers")
    ours = servers.Nginx2
    for name, make in OTHERS.items():
        streams = PHP_STREAMS if name == "php" else n
        found = scenarios(report, {"nginx": ours, name: make}, streams, paced,
                          burst)
        for scenario, value, what, unit, most in (
                ("10/s", cost, "CPU a delivery, 10/s", "us", False),
                ("10/s", p50, "p50, 10/s", "ms", False),
                ("10/s", p99, "p99, 10/s", "ms", False),
                ("burst", cost, "CPU a delivery, burst", "us", False),
                ("burst", deliveries_per_second, "deliveries, burst", "/s",
                 True)):
            if len(found[scenario]) == 2:
                report.row(7, f"nginx, {streams}: {what}",
                           median(found[scenario]["nginx"], value), unit, 1,
                           median(found[scenario][name], value), name,
                           at_least=most)


def sweep_one(make, n, rates, seconds):
    """Rates that rise until one is not sustained: [what each gave]"""
    found = []
    for rate in rates:
        # What else the machine does may disturb one run.
        for _ in range(2):
            try:
                one = with_server(make, n, max(int(rate * seconds), 20), rate)
            except load.Failed:
                continue
            one["rate"] = rate
            found.append(one)
            if p99(one) < SUSTAINED_MS and one["ok"]:
                break
        else:
            break
    return {"sweep": found, "sustained": max(
        (one["rate"] for one in found
         if one["ok"] and p99(one) < SUSTAINED_MS), default=0)}


def sustained(one):
    return one["sustained"]


def sweep(report, n, rates, seconds):
    """The highest rate at which all is well."""
    report.title(7, f"Sustained with p99 below {SUSTAINED_MS} ms, {n} streams")
    found = report.measure(
        "sweep", {name: lambda make=make: sweep_one(make, n, rates, seconds)
                  for name, make in ALL.items()},
        len(rates) * (seconds + 2))
    base = better(found, NCHAN, sustained, True)
    for ours, names in OURS.items():
        figure = better(found, names, sustained, True)
        if figure is not None and base:
            report.row(7, f"{ours}: events", figure, "/s", 4, base, "nchan",
                       at_least=True)
    return found
