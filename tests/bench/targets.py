# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""What crier is to reach by itself: beside a floor that does nothing but
write, and beside figures."""

import os
import signal
import subprocess
import tempfile
import time

import durability
from hub import CRIER, Hub
from load import (Crierd, Failed, Floor, deliveries_per_second, harness,
                  program, run, threads)
from report import median

SLOW = 500  # of 5000 clients that do not read
STORM = 15000
BACK = 100
MOST = 18000  # streams of one process, as descriptors are usually limited
MILLION = 1000000


def with_server(make, *arguments, **more):
    """A run against a server that is started for it."""
    with make() as server:
        return run(server, *arguments, **more)


def cost(found):
    return found["us_per_delivery"]


def p99(found):
    return found["events"]["latency_ms"]["p99"]


def p50(found):
    return found["events"]["latency_ms"]["p50"]


def fan_out(report, sizes, paced, burst):
    report.title(1, "Fan-out over FastCGI, one channel, 128 bytes")
    for n in sizes:
        found = report.measure(f"paced {n}", {
            "floor": lambda: with_server(lambda: Floor(n), n, paced, 10),
            "crierd": lambda: with_server(Crierd, n, paced, 10)},
            2 + paced / 10)
        if len(found) == 2:
            report.row(1, f"CPU a delivery, 10/s, {n} streams",
                       median(found["crierd"], cost), "us", 1.25,
                       median(found["floor"], cost), "floor")
        found = report.measure(f"burst {n}", {
            "floor": lambda: with_server(lambda: Floor(n, 10), n, burst),
            "crierd": lambda: with_server(Crierd, n, burst)}, 4)
        if len(found) == 2:
            report.row(1, f"CPU a delivery, burst of {burst}, {n}",
                       median(found["crierd"], cost), "us", 1.5,
                       median(found["floor"], cost), "floor, by 10")
            report.row(1, f"deliveries, burst of {burst}, {n}", median(
                found["crierd"], deliveries_per_second) / 1e6, "M/s")


def without_kernel(report, million):
    report.title(2, "The hub alone, its sending stubbed out")
    found = report.measure("harness", {
        "1000": lambda: harness(1000, 1, 20000, 1),
        "million": lambda: harness(million, 1, 20, 1),
        "batch": lambda: harness(1000, 1, 50000, 50),
        "one": lambda: harness(1, 1, 300000, 1),
        "thousand": lambda: harness(1000, 1000, 100000, 1),
        "many": lambda: harness(million, million, 100000, 1),
        "visitors": lambda: harness(million, 1, 1, 1, million)}, 5)
    if len(found) < 7:
        return found

    def ns(case):
        return median(found[case], lambda one: one["delivery"]["ns"])

    report.row(1, "user time a delivery, 1000 streams", ns("1000"), "ns", 100)
    report.row(1, f"user time a delivery, {million} streams", ns("million"),
               "ns", 100, None)
    report.row(1, f"the same, {million} to 1000 streams", ns("million"), "ns",
               2, ns("1000"), "1000")
    report.row(1, "user time a delivery, 50 events a turn", ns("batch"), "ns")
    # One channel alone is no measure for many: it has as many events as it
    # keeps, so none takes memory, and all that it touches is in the nearest
    # cache.
    report.row(2, f"user time an event, {million} channels", ns("many"), "ns",
               2.5, ns("thousand"), "1000")
    report.row(2, "the same, beside one channel", ns("many"), "ns",
               None, ns("one"), "one channel")
    for case, what in (("1000", "a delivery"), ("batch", "of 50 events")):
        report.row(1, f"system calls {what}", median(
            found[case], lambda one: one["delivery"]["calls"]), "", 1.0)
    report.row(1, "allocations a delivery", median(
        found["1000"], lambda one: one["delivery"]["allocations"]), "", 0.01)
    return found


def memory(report, harnessed, n):
    report.title(3, "Memory of an idle stream")
    found = report.measure(f"memory {n}", {
        "idle": lambda: with_server(Crierd, n),
        "traffic": lambda: with_server(
            lambda: Crierd(["keep-bytes=64K"]), n, 200)}, 6)
    if "idle" in found:
        report.row(3, f"resident, {n} real streams", median(
            found["idle"], lambda one: one["rss_per_stream"]), "bytes", 512)
    if "traffic" in found:
        report.row(3, "more of it after 200 events", median(
            found["traffic"],
            lambda one: one["rss_growth"] - one["rss_per_stream"]),
            "bytes", 64)
    # Where each has a channel to itself, that is counted, too.
    for case, what, limit in (
            ("million", "a million on one channel", 512),
            ("visitors", "the same, each of its own user", 512),
            ("many", "a million on as many channels", None)):
        if case in harnessed:
            report.row(3, f"allocated, {what}", median(
                harnessed[case], lambda one: one["open"]["memory"]), "bytes",
                limit)


def connecting(report, n, storm):
    report.title(4, "Connecting")
    found = report.measure("connecting", {
        "open": lambda: with_server(Crierd, n),
        "storm": lambda: with_server(Crierd, storm, 2 * BACK,
                                     more=["-b", str(BACK)]),
        "floor": lambda: with_server(lambda: Floor(storm, BACK, 2 * BACK),
                                     storm, 2 * BACK, more=["-b", str(BACK)])}, 6)
    if "open" in found:
        report.row(4, f"streams opened, {n}", median(
            found["open"], lambda one: n / one["open"]["ms"] * 1000), "/s",
            10000, at_least=True)
        report.row(4, "CPU of crierd's a stream opened", median(
            found["open"],
            lambda one: one["open"]["server_cpu_ms"] * 1000 / n), "us")
    if "storm" in found and "floor" in found:
        report.row(4, f"{storm} back for {BACK} events: time", median(
            found["storm"], lambda one: one["storm"]["ms"]), "ms", 1.5,
            median(found["floor"], lambda one: one["storm"]["ms"]), "floor")
        # To open so many takes any server longer than to write to them, so
        # this ratio says more of the machine than of crierd.
        report.row(4, "the same beside writes to open streams",
                   median(found["storm"], lambda one: one["storm"]["ms"]),
                   "ms", None,
                   median(found["floor"], lambda one: one["deliver_ms"] / 2),
                   "floor")


def through_fifo(where, count):
    """Lines by the named pipe: how many a second."""
    fifo = os.path.join(where, "fifo")
    line = b"bench/0 " + b"x" * durability.DATA + b"\n"
    with Hub(where, "memory", [f"fifo={fifo}"]) as hub:
        began = time.monotonic()
        with open(fifo, "wb", buffering=65536) as file:
            for _ in range(count // 100):
                file.write(line * 100)
        while hub.status()["events"]["published"] < count:
            if time.monotonic() > began + 60:
                raise Failed("not all lines of the pipe were taken")
        return {"rate": count / (time.monotonic() - began)}


def singly(arguments, times):
    """How long a program runs that is started so often, in seconds."""
    loop = 'i=0; while [ $i -lt "$0" ]; do "$@" >/dev/null; i=$((i + 1)); done'
    began = time.monotonic()
    subprocess.run(["/bin/sh", "-c", loop, str(times), *arguments],
                   check=True)
    return (time.monotonic() - began) / times


def one_shot(times):
    """`crier pub` beside the least that a program can be."""
    with Hub(None, "memory") as hub:
        once = singly([program("once"), hub.queue], times)
        pub = singly([CRIER, "-s", hub.queue, "pub", "bench", "once"], times)
        return {"once": once * 1e6, "pub": pub * 1e6}


def publishing(report, where, count, stored, budget):
    report.title(5, "Publishing")
    found = durability.measure(where, count, stored, budget)
    print()
    rows = found["publish"].get("1", {})
    for mode, limit in (("memory", 300000), ("process", 150000)):
        if mode in rows:
            report.row(5, f"crier pub -n, {mode}",
                       rows[mode]["events_per_second"], "/s", limit,
                       at_least=True)
    more = report.measure("publishing", {
        "fifo": lambda: through_fifo(where, count),
        "one-shot": lambda: one_shot(300)}, 5)
    if "fifo" in more:
        report.row(5, "lines of the named pipe", median(
            more["fifo"], lambda one: one["rate"]), "/s", 300000,
            at_least=True)
    if "one-shot" in more:
        report.row(5, "crier pub, one event: time", median(
            more["one-shot"], lambda one: one["pub"]), "us", 1.3, median(
                more["one-shot"], lambda one: one["once"]), "least program")
    return found


def latency(report, n, paced):
    report.title(6, "Latency over FastCGI")
    found = report.measure("latency", {
        "one": lambda: with_server(Crierd, 1, 400, 200),
        "one of the floor": lambda: with_server(lambda: Floor(1), 1, 400, 200),
        "floor": lambda: with_server(lambda: Floor(n), n, paced, 10),
        "crierd": lambda: with_server(Crierd, n, paced, 10)},
        2 + paced / 10)
    if "one" in found:
        report.row(6, "p50, one stream", median(found["one"], p50) * 1000,
                   "us", 100)
    if "one" in found and "one of the floor" in found:
        report.row(6, "the same, beside the floor",
                   median(found["one"], p50) * 1000, "us", None,
                   median(found["one of the floor"], p50) * 1000, "floor")
    if "floor" in found and "crierd" in found:
        report.row(6, f"p99, {n} streams, 10/s",
                   median(found["crierd"], p99), "ms", 1.3,
                   median(found["floor"], p99), "floor")


def slow_clients(report, n, slow, paced):
    report.title(8, f"Slow clients: {slow} of {n} do not read")
    found = report.measure("slow clients", {
        "none": lambda: with_server(Crierd, n, paced, 10, more=["-F"]),
        "slow": lambda: with_server(Crierd, n, paced, 10, more=[
            "-F", "-S", str(slow)])}, 6 + paced / 10)
    if len(found) == 2:
        report.row(8, "p99 of the others, 10/s",
                   median(found["slow"], p99), "ms", 1.1,
                   median(found["none"], p99), "none stalled")
        report.row(8, "more memory a stream than with none", median(
            found["slow"], lambda one: one["rss_growth"]) - median(
                found["none"], lambda one: one["rss_growth"]), "bytes", 64)


def delivery_threads(report, streams):
    report.title(9, "Delivery threads, to readers that do not run")
    found = report.measure("threads", {
        "fan": lambda: threads(streams, 100, 2)}, 5)
    if "fan" in found:
        report.row(9, f"deliveries with 2 threads, {streams} streams",
                   median(found["fan"], lambda one: one["many"]), "/s", 1.7,
                   median(found["fan"], lambda one: one["one"]), "1 thread",
                   at_least=True)


def make_directory(parent):
    return tempfile.mkdtemp(prefix="bench-", dir=parent)


def end_with_signals():
    """So that what was started is stopped."""
    def end(number, _frame):
        raise SystemExit(128 + number)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
