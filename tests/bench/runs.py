# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""Programs that print words, each in a channel that two follow: beside the
same words by the queue, and beside a program for the one client that asks."""

import os
import time

from load import Crierd, Failed, program, run
from report import median

RATE = 50  # words a second, of each program
SIZE = 48
NUMBER = 13
WATCHERS = 2
ROUTE = """run-max = {}
route "GET /{}/{{id}}" {{ run = {{ "{}", "{}", "{}", "{}", "{}" }} {} }}
"""


def crowd(count, seconds, url, channel, watchers):
    """Programs that begin to print when all streams are open."""
    # Less than the load client's own patience, 10 s without any event.
    patience = 2 + count * 0.004
    begin = time.monotonic_ns() + int(patience * 1e9)
    config = ROUTE.format(count, url, os.path.abspath(program("words")), begin,
                          seconds * RATE, RATE, SIZE, channel)
    with Crierd(config=config) as server:
        server.prefix = f"/{url}/"
        found = run(server, count * watchers, count * seconds * RATE, more=[
            "-e", "-c", str(count), "-s", str(SIZE), "-W", "1",
            "-t", str(seconds + int(patience) + 60)])
    if found["open"]["ms"] > patience * 1000:
        raise Failed(f"{count} programs were not there after {patience} s")
    return found


def by_queue(count, seconds):
    with Crierd() as server:
        return run(server, count * WATCHERS, count * seconds * RATE,
                   count * RATE, ["-c", str(count), "-s", str(SIZE),
                                 "-t", str(seconds + 60)])


def programs(report, count, seconds):
    report.title(NUMBER, f"Programs that run: {count} at once,"
                 f" {RATE} words a second of each")
    found = report.measure(f"runs {count}", {
        "channel": lambda: crowd(count, seconds, "runs",
                                 'channel = "{id}"', WATCHERS),
        "plain": lambda: crowd(count, seconds, "plain", "", 1),
        "queue": lambda: by_queue(count, seconds)}, 10 + seconds)
    if len(found) < 3:
        return

    def row(what, unit, value, base, name):
        report.row(NUMBER, what, median(found["channel"], value[0]), unit,
                   None, median(found[base], value[-1]), name)

    def cpu(one):
        return one["publish"]["server_cpu_ms"] * 1000 / (count * seconds)

    def p99(one):
        return one["events"]["latency_ms"]["p99"]

    def memory(watchers):
        return lambda one: one["rss_growth"] * watchers / 1024

    for base, name in (("queue", "by the queue"), ("plain", "one client")):
        row(f"CPU a run and second, {WATCHERS} watchers", "us", [cpu], base,
            name)
        row("p99 from print to page", "ms", [p99], base, name)
    # What a channel keeps is most of it, and in a plain run there is none.
    row("memory a run, with what its channel keeps", "KiB",
        [memory(WATCHERS)], "queue", "by the queue")
    row("the same", "KiB", [memory(WATCHERS), memory(1)], "plain",
        "one client")
