# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""crierd with a Redis that sentinels know, and its failovers."""

import os

from cases.redis_nodes import GAP, follow, is_ascending, resume, seen
from lib import bench, proc
from lib.daemon import Queue
from lib.fake_server import FakeSentinel
from lib.redis import Node
from lib.redis_sentinel import Sentinel, Server, Watched, needs_sentinel, url
from lib.store_tools import Interposer

HOUR = 3600


def nodes_at(place, where, count, options=()):
    return [Node(place, f"n{i}", where, options).start()
            for i in range(1, count + 1)]


def wait_at(node, server):
    proc.wait_for(lambda: (node.store()["state"], node.store()["master"]) ==
                  ("live", f"127.0.0.1:{server.port}"),
                  f"{node} is at {server}", 30)


def wait_told(node, wanted):
    proc.wait_for(lambda: wanted in node.store()["last_error"],
                  f"{wanted} in {node}'s status")


def publish_until(node, channel, text):
    """By its key, until it is taken; its id."""
    def attempt():
        with Queue(node.queue) as queue:
            return queue.ask({"channel": channel, "data": text,
                              "key": text}).get("id")
    return proc.wait_for(attempt, f"{text} is taken", 30)


def came(client):
    return {event.id for event in client.events if event.type != GAP}


def wait_last(client, text):
    client.wait(lambda: client.events and client.events[-1].data == text,
                f"{text}, the last event", 30)


@needs_sentinel
def fails_over(tap, place):
    """The replica had it all: nothing is lost, and nobody is told a gap."""
    redis = Watched(place)
    where = url([proc.free_port(), *redis.ports()])
    first, second = nodes_at(place, where, 2)
    store = first.store()
    tap.eq((store["master"], store["sentinels"]),
           (f"127.0.0.1:{redis.master.port}", 3),
           "with a sentinel that is not there")
    clients = [follow(first, "a"), follow(second, "a")]
    ids = [node.publish("a", f"{at}") for at in range(10)
           for node in (first, second)]
    redis.master.wait_replica()
    redis.master.kill()
    ids.append(publish_until(first, "a", "later"))
    for node in (first, second):
        wait_at(node, redis.replica)
    ids.append(publish_until(second, "a", "last"))
    for client in clients:
        wait_last(client, "last")
        tap.eq([event.id for event in client.events], ids,
               "all of them, once, in order, without a gap")
    tap.ok(is_ascending(ids), "ids grow")
    tap.eq([node.store()["cuts"] for node in (first, second)], [1, 1],
           "a cut is remembered")
    back = resume(first, "a", ids[3]).wait_events(len(ids) - 4)
    tap.eq([event.id for event in back], ids[4:], "a resume over it")


@needs_sentinel
def loses(tap, place):
    """The replica lags, and its clock is an hour behind: what is lost is told
    once to all, and ids grow."""
    clock = Interposer(place)
    clock.clock(-HOUR)
    redis = Watched(place, replica_env=clock.env)
    first, second = nodes_at(place, url(redis.ports()), 2)
    clients = [follow(first, "a"), follow(second, "a")]
    kept = [first.publish("a", f"kept {at}") for at in range(5)]
    redis.master.wait_replica()
    redis.replica.lag()
    lost = [node.publish("a", f"lost {at}") for at in range(10)
            for node in (first, second)]
    for client in clients:
        client.wait_events(len(kept + lost))
    redis.master.kill()
    later = [publish_until(node, "a", f"later {node}")
             for node in (first, second)]
    for client in clients:
        wait_last(client, f"later {second}")
        tap.eq([event.id for event in client.events if event.type != GAP],
               kept + lost + later, "what came is not taken back")
        tap.eq([event.type for event in client.events].count(GAP), 1,
               "one gap is told")
    tap.ok(is_ascending(kept + lost + later), "ids grow", lost[-1], later)
    floors = {node.store()["floor"] for node in (first, second)}
    tap.eq((len(floors), [node.store()["cuts"] for node in (first, second)]),
           (1, [1, 1]), f"one epoch: {floors}")
    for last in (lost[0], lost[-1], kept[2]):
        for node in (first, second):
            back = resume(node, "a", last)
            wait_last(back, f"later {second}")
            tap.eq([event.type for event in back.events].count(GAP), 1,
                   f"a resume behind {last} is told")
            tap.ok(not came(back) & set(lost), "nothing of what was lost")
    back = resume(first, "a", later[0]).wait_events(1)
    tap.eq([event.id for event in back], later[1:], "behind it there is none")


@needs_sentinel
def two_masters(tap, place):
    """A partition with a node on each side: both go on; what the side that
    loses had is told as lost."""
    redis = Watched(place, with_proxy=True)
    cut_off = FakeSentinel(place, redis.master.port).start()
    (left,) = nodes_at(place, url([cut_off.port]), 1)
    right = Node(place, "right", url(redis.ports())).start()
    clients = {node: follow(node, "a") for node in (left, right)}
    both = [left.publish("a", f"both {at}") for at in range(5)]
    for client in clients.values():
        client.wait_events(5)
    redis.master.wait_replica()
    redis.proxy.cut()
    lefts = [left.publish("a", f"left {at}") for at in range(5)]
    wait_at(right, redis.replica)
    rights = [publish_until(right, "a", f"right {at}") for at in range(5)]
    lefts += [left.publish("a", f"left {at}") for at in range(5, 10)]
    redis.proxy.start()
    cut_off.say(redis.replica.port)
    redis.master.ask("REPLICAOF", "127.0.0.1", redis.replica.port)
    wait_at(left, redis.replica)
    after = [publish_until(node, "a", f"after {node}")
             for node in (left, right)]
    for node, own in ((left, lefts), (right, rights)):
        wait_last(clients[node], f"after {right}")
        events = clients[node].events
        tap.eq([event.id for event in events if event.type != GAP],
               both + own + after, f"{node}: what its side had, and the rest")
        tap.ok(is_ascending(both + own + after), "ids grow")
    types = [event.type for event in clients[left].events]
    tap.eq((types.count(GAP), types.index(GAP)), (1, 15),
           "the left one is told a gap, where it changed sides")
    back = resume(right, "a", lefts[7])
    wait_last(back, f"after {right}")
    tap.eq(back.events[0].type, GAP, "as is who comes back from there")
    tap.eq(came(back) & set(lefts), set(), "of what went nothing comes")


WRONG = (
    (b"*-1\r\n", "it knows no master named crier"),
    (b"-NOAUTH Authentication required.\r\n", "NOAUTH"),
    (b"HTTP/1.0 400 Bad Request\r\n\r\n", "sentinel"),
    (b"*1\r\n$1\r\nx\r\n", "its answer is no sentinel's"),
    (b"*2\r\n$3\r\na b\r\n$1\r\n1\r\n", "its answer is no sentinel's"),
    (b"*2\r\n$1\r\na\r\n$5\r\n99999\r\n", "its answer is no sentinel's"),
    (b"", "it does not answer"),
    (1, "refused"),
)


@needs_sentinel
def says_wrong(tap, place):
    """One sentinel: whatever it says is told, until it names a master."""
    master = Server(place, "master").start()
    replica = Server(place, "replica").start().follow(master.port)
    sentinel = FakeSentinel(place, b"*-1\r\n").start()
    node = Node(place, "n1", url([sentinel.port]))
    node.awaits_store = False
    node.start()
    for says, wanted in (*WRONG, (replica.port, "it is a replica")):
        sentinel.say(says)
        wait_told(node, wanted)
        tap.ok(node.store()["state"] != "live", f"{says}: {wanted}")
    sentinel.cut()
    wait_told(node, "refused")
    tap.ok(f"127.0.0.1:{sentinel.port}" in node.store()["last_error"],
           "which one is told")
    sentinel.say(master.port)
    sentinel.start()
    wait_at(node, master)
    tap.ok(node.publish("a", "x"), "then it is there")
    sentinel.cut()
    proc.wait_for(lambda: node.store()["sentinels"] == 0, "it is alone")
    stream = follow(node, "a")
    tap.ok(node.publish("a", "y"), "which does not matter")
    stream.wait_events(1)
    tap.eq(node.store()["connects"], 1, "to a connection that is there")


@needs_sentinel
def most_are_right(tap, place):
    """A sentinel that says something else than two others."""
    servers = [Server(place, name).start() for name in ("s1", "s2")]
    ports = [server.port for server in servers]
    sentinels = [FakeSentinel(place, port).start()
                 for port in (ports[1], ports[0], ports[0])]
    node = Node(place, "n1", url([one.port for one in sentinels])).start()
    stream = follow(node, "a")
    wait_at(node, servers[0])
    first = node.publish("a", "1")
    for one, port in ((0, ports[0]), (0, ports[1]), (0, 1)):
        sentinels[one].say(port)
    proc.wait_for(lambda: node.log_text().count("the master is") >= 4,
                  "it hears of it")
    tap.eq(node.store()["connects"], 1, "one alone does not move it")
    sentinels[1].say(ports[1])
    sentinels[0].say(ports[1])
    wait_at(node, servers[1])
    second = node.publish("a", "2")
    wait_last(stream, "2")
    tap.ok(first < second, "two do, and ids grow", first, second)
    tap.eq([event.type for event in stream.events],
           ["message", GAP, "message"], "what the other had is told as lost")
    tap.eq(seen(stream)[-1], (second, "2"), "and it goes on")


def example_servers(place):
    """A master and two replicas with the users of conf/redis, and sentinels
    that log in."""
    with open(os.path.join(bench.SRCDIR, "conf/redis/crier.acl"),
              encoding="utf-8") as file:
        users = [line[1:].replace("PASSWORD", "secret").split()
                 for line in file if line.startswith("#user ")]
    settings = [word for user in users for word in ("--user", *user[1:])]
    settings += ["--masteruser", "replica", "--masterauth", "secret",
                 "--min-replicas-to-write", "1"]
    servers = [Server(place, name, *settings).start()
               for name in ("master", "replica1", "replica2")]
    for replica in servers[1:]:
        replica.follow(servers[0].port)
    sentinels = [Sentinel(place, f"sentinel{i}", servers[0].port, """
sentinel auth-user crier sentinel
sentinel auth-pass crier secret
""").start() for i in range(3)]
    for sentinel in sentinels:
        proc.wait_for(lambda one=sentinel: one.is_ready(2),
                      f"{sentinel} knows the others and the replicas", 30)
    return servers, sentinels


@needs_sentinel
def of_two_replicas(tap, place):
    """With two of them the new master has one, and takes events though it is
    to have one; the users of conf/redis may do what that takes."""
    servers, sentinels = example_servers(place)
    (node,) = nodes_at(place, url([one.port for one in sentinels]), 1)
    wait_at(node, servers[0])
    first = publish_until(node, "a", "before")
    servers[0].wait_replica()
    servers[0].kill()
    publish_until(node, "a", "behind")
    tap.ok(node.store()["master"] in [f"127.0.0.1:{one.port}"
                                      for one in servers[1:]],
           "a replica is the master and takes events")
    tap.eq([event.data for event in
            resume(node, "a", first).wait_events(1)][-1:], ["behind"],
           "which are there")
    tap.eq([one.ask("ACL", "LOG") for one in servers[1:]], [[], []],
           "nobody tried what the users may not")


TESTS = [fails_over, of_two_replicas, loses, two_masters, says_wrong, most_are_right]
