# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""What several nodes over a Redis are to reach: events published a second, what
each costs every node, how long it is on its way, and how fast history is read;
beside one crierd with SQLite or memory, and beside nchan.

Two figures stand beside nchan's without a target, each next to the one that has
it.  Single events at three nodes that nobody reads: a node of nchan's does not
hear of them, one of crier's always does; the target is that of three nodes with
a stream each.  The way to a page behind nginx by fastcgi_pass: that is a hop
more than nchan has, which is in nginx; the target is that of the way where
nginx gives the client's socket to crierd (src/nginx)."""

import contextlib
import time

from hub import Hub
from load import Crierd, run
from nodes import (KEEP, NchanNodes, NchanOfRedis, Nodes, Redis, publish,
                   queue_of, replay, wait_up)
from report import median
from servers import Nginx, NginxPass
from targets import p50, p99

NUMBER = 12
BATCHES = (1, 10, 100, 1000)
EVENTS = {1: 2000, 10: 20000, 100: 100000, 1000: 200000}
MANY = 10000  # channels
MOST = {1: 200000, MANY: 50000}  # events of a run
CROWDS = (1, 3, 10)  # nodes
REPLAYED = 100000
PACED, RATE = 600, 200
SETTLE = 0.5  # seconds between a stream's begin and the first event
BULK = {1: 100000, MANY: 50000}  # events a second in batches of 1000
READING = 0.5  # us an event in batches of 100
FURTHER = 0.4  # ms to another node
SAME, OTHER = "the same node", "another node"
FCGI = "another's page, fastcgi_pass"
PASSED = "another's page, passed by nginx"
NCHAN = "nchan, Redis"
PEERS = {"1 node": NCHAN, "3 nodes": f"{NCHAN}, 3"}
UNEQUAL = ("3 nodes", 1)  # a case and its batch: nchan's others hear of none


def publish_at_nodes(where, make, count, channels):
    """{batch: events a second} in batches of each size, at all of them."""
    with make(where, count) as nodes:
        return {batch: nodes.publish(channels, batch, min(
            EVENTS[batch], MOST[channels]), count)["rate"]
            for batch in BATCHES}


def publish_alone(where, mode, channels):
    with Hub(where, mode, KEEP) as hub:
        return {batch: publish(channels, batch, min(
            EVENTS[batch], MOST[channels]), [queue_of(hub)])["rate"]
            for batch in BATCHES}


def publishing(report, where, channels):
    found = report.measure(f"nodes, {channels} channels", {
        "1 node": lambda: publish_at_nodes(where, Nodes, 1, channels),
        "3 nodes": lambda: publish_at_nodes(where, Nodes, 3, channels),
        "SQLite": lambda: publish_alone(where, "process", channels),
        "memory": lambda: publish_alone(where, "memory", channels),
        NCHAN: lambda: publish_at_nodes(where, NchanNodes, 1, channels),
        f"{NCHAN}, 3": lambda: publish_at_nodes(where, NchanNodes, 3,
                                                channels)}, 5)
    for case, runs in found.items():
        judge_rates(report, channels, case, runs, found.get(PEERS.get(case)))


def judge_rates(report, channels, case, runs, peer):
    for batch in BATCHES:
        def rate(one):
            return one[batch]

        what = f"{channels} channels, by {batch}: {case}"
        if peer is None:
            report.row(NUMBER, what, median(runs, rate), "/s")
        else:
            limit = None if (case, batch) == UNEQUAL else 1
            report.row(NUMBER, what, median(runs, rate), "/s", limit,
                       median(peer, rate), PEERS[case], at_least=True)
    if case in PEERS:
        report.row(NUMBER, f"{channels} channels in bulk: {case}",
                   median(runs, lambda one: one[BATCHES[-1]]), "/s",
                   BULK[channels], at_least=True)


def event_costs(where, make, count, batch, streams):
    """us an event: of the Redis, of the node where it was published, of each
    other one; of which each has so many streams of the channel."""
    warm, events = batch * 10, EVENTS[batch]
    with contextlib.ExitStack() as stack:
        nodes = stack.enter_context(make(where, count))
        readers = [stack.enter_context(nodes.follow(node, 0))
                   for node in nodes.nodes for _ in range(streams)]
        time.sleep(SETTLE if streams else 0)

        def publish_all(number, sum_of_them):
            nodes.publish(1, batch, number)
            for reader in readers:
                reader.wait(sum_of_them)
            if streams == 0:
                nodes.wait_even()

        publish_all(warm, warm)
        before, began = nodes.costs(), time.monotonic()
        publish_all(events, warm + events)
        seconds = time.monotonic() - began
        redis, first, others = (
            (after - b) * 1e6 / events
            for after, b in zip(nodes.costs(), before))
    return {"Redis": redis, "its node": first,
            "another node": others / max(count - 1, 1),
            "all of them": redis + first + others,
            "rate": events / seconds}


def costs(report, where, batch):
    found = report.measure(f"nodes' CPU, by {batch}", {
        count: lambda count=count: event_costs(where, Nodes, count, batch, 0)
        for count in CROWDS}, 5)
    for count, runs in found.items():
        for who in ("Redis", "its node", "another node"):
            if count > 1 or who != "another node":
                is_judged = who == "another node" and batch == 100
                report.row(NUMBER, f"CPU an event by {batch}, {count}: {who}",
                           median(runs, lambda one: one[who]), "us",
                           READING if is_judged else None)


def costs_beside_nchan(report, where, batch, count):
    """Each node has a stream, so nchan, too, tells each of each event."""
    found = report.measure(f"nodes' CPU with a stream each, by {batch}", {
        "crier": lambda: event_costs(where, Nodes, count, batch, 1),
        NCHAN: lambda: event_costs(where, NchanNodes, count, batch, 1)}, 8)
    for key, what, unit in (("rate", "events read", "/s"),
                            ("Redis", "CPU an event: Redis", "us"),
                            ("all of them", "CPU an event: all", "us")):
        if len(found) == 2:
            report.row(NUMBER, f"{count} nodes, {count} streams, by {batch}:"
                       f" {what}", median(
                           found["crier"], lambda one: one[key]), unit, 1,
                       median(found[NCHAN], lambda one: one[key]), NCHAN,
                       at_least=key == "rate")


class Way:
    """Published at one server, read at another."""

    def __init__(self, name, at, to):
        self.name, self.at, self.to = name, at, to

    def subscribe(self):
        return self.to.subscribe()

    def publish(self):
        return self.at.publish()

    def pids(self):
        return self.at.pids() + self.to.pids()


def way(name, at, to):
    return run(Way(name, at, to), 1, PACED, RATE)


def way_of_nodes(where, front=None, is_same=False):
    """From one node to a stream at another, or at a server before that."""
    with Redis(where) as redis:
        one = Crierd(mode=redis.url())
        two = Crierd(mode=redis.url())
        hubs = one.hub, two.hub
        with one, front(two) if front else two as other:
            for hub in hubs:
                wait_up(hub)
            return way("crierd, Redis", one, one if is_same else other)


def way_of_nchan(where):
    with Redis(where) as redis:
        with NchanOfRedis(redis) as one, NchanOfRedis(redis) as two:
            return way(NCHAN, one, two)


def latency(report, where):
    found = report.measure("nodes' latency", {
        SAME: lambda: way_of_nodes(where, is_same=True),
        OTHER: lambda: way_of_nodes(where),
        FCGI: lambda: way_of_nodes(where, Nginx),
        PASSED: lambda: way_of_nodes(where, NginxPass),
        NCHAN: lambda: way_of_nchan(where)}, 5)
    for name in (SAME, OTHER):
        for value, what in ((p50, "p50"), (p99, "p99")):
            if name in found:
                report.row(NUMBER, f"{what} to {name}",
                           median(found[name], value), "ms")
    if SAME in found and OTHER in found:
        report.row(NUMBER, "p50 to another node, less that to the same",
                   median(found[OTHER], p50) - median(found[SAME], p50), "ms",
                   FURTHER)
    for name, limit in ((FCGI, None), (PASSED, 1)):
        for value, what in ((p50, "p50"), (p99, "p99")):
            if name in found and NCHAN in found:
                report.row(NUMBER, f"{what} to {name}",
                           median(found[name], value), "ms", limit,
                           median(found[NCHAN], value), NCHAN)


def replay_of(where, mode):
    """At a node, or a start of crierd, that has not seen it published."""
    with contextlib.ExitStack() as stack:
        is_redis = mode == "redis"
        if is_redis:
            mode = stack.enter_context(Redis(where)).url()
        hub = stack.enter_context(Hub(where, mode, KEEP))
        publish(1, 1000, REPLAYED, [queue_of(hub)])
        if is_redis:
            hub = stack.enter_context(Hub(where, mode, KEEP))
            wait_up(hub)
        elif mode != "memory":
            hub.stop(15)
            hub.start()
        return {"seconds": replay(hub, "bench/0", REPLAYED)}


def replaying(report, where):
    found = report.measure("nodes' history", {
        "Redis": lambda: replay_of(where, "redis"),
        "SQLite": lambda: replay_of(where, "process"),
        "memory": lambda: replay_of(where, "memory")}, 5)
    for case, runs in found.items():
        report.row(NUMBER, f"{REPLAYED} events replayed: {case}", median(
            runs, lambda one: one["seconds"]), "s")


def nodes(report, where, full):
    report.title(NUMBER, "Several nodes over a Redis, 128 bytes")
    publishing(report, where, 1)
    publishing(report, where, MANY)
    for batch in BATCHES if full else (100,):
        costs(report, where, batch)
    for batch in (1, 100):
        costs_beside_nchan(report, where, batch, 3)
    latency(report, where)
    replaying(report, where)
