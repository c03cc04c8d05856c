# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""What several crierd with a Redis keep for how long."""

import os
import signal

from cases.redis_nodes import GAP, nodes_at, resume, seen
from lib import proc
from lib.daemon import Queue
from lib.redis import Node, Redis, needs_redis, on_redis
from lib.store_tools import Interposer


@on_redis()
def ages_change(tap, place, redis):
    """A list that a shorter keep-seconds let go is a gap, and no other is."""
    short = 'channel "a" { keep-seconds = 1 }'
    node = Node(place, "n1", redis.url(), (), short).start()
    other = Node(place, "other", redis.url(), (), short).start()
    first, gone = other.publish("a", "1"), other.publish("a", "2")
    redis.ask("PEXPIRE", "{crier}:c:a", 1)
    proc.wait_for(lambda: redis.ask("EXISTS", "{crier}:c:a") == 0, "it goes")
    place.write("n1.conf", 'channel "a" { keep-seconds = 3600 }')
    os.kill(node.pid, signal.SIGHUP)
    proc.wait_for(lambda: node.store()["connects"] == 2, "it is told")
    later = node.publish("b", "1")
    tap.eq(resume(node, "a", first).wait_events(1)[0].type, GAP,
           "what is not there any more")
    quiet = resume(node, "a", later).wait_open()
    last = node.publish("a", "3")
    quiet.wait_events(1)
    tap.eq(seen(quiet), [(last, "3")], "from behind it nothing is missing")
    for start in (node.stop, node.kill):
        start()
        node.start()
        tap.eq([event.type for event in
                resume(node, "a", first).wait_events(2)], [GAP, "message"],
               "the new list says that one was before")
        back = resume(node, "a", later)
        back.wait_events(1)
        tap.eq(seen(back), [(last, "3")], "a restart changes nothing")
        empty = resume(node, "never", later).wait_open()
        live = node.publish("never", "x")
        empty.wait_events(1)
        tap.eq(seen(empty), [(live, "x")], "nor where there was nothing")
        redis.ask("DEL", "{crier}:c:never")
    tap.ok(gone > first, "ids grow")


@needs_redis
def keys_rotate(tap, place):
    """A key is known for key-seconds to twice that, by the Redis' clock; the
    buckets before go."""
    if not Interposer.is_there():
        tap.skip("keys_rotate", "no compiler")
        return
    clock = Interposer(place)
    redis = Redis(place, env=clock.env).start()
    nodes = nodes_at(place, redis, 2, ["key-seconds=3600"])

    def buckets():
        return sorted(int(key.rpartition(b":")[2]) for key in
                      redis.ask("KEYS", "{crier}:k:3600000:*"))

    def publish(node, key):
        with Queue(node.queue) as queue:
            return queue.ask({"channel": "a", "data": "x", "key": key})

    # The middle of an hour, lest the test itself meet an hour's end.
    middle = 1800 - int(redis.ask("TIME")[0]) % 3600
    first = None
    for hours, known in ((0, False), (1, True), (2, False), (6, False)):
        clock.clock(middle + 3600 * hours)
        for number, node in enumerate(nodes):
            count = node.store()["connects"]
            with redis.connect() as connection:
                connection.ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME",
                               "yes")
            proc.wait_for(lambda n=node, c=count: n.store()["connects"] > c,
                          "it asks for the time")
            node.wait_state("live")
            answer = publish(node, "k")
            tap.eq(answer.get("duplicate", False), known or number > 0,
                   f"{hours} hours later at {node}")
            first = first or answer["id"]
            if known:
                tap.eq(answer["id"], first, "it is the first")
        now = int(redis.ask("TIME")[0]) // 3600
        tap.ok(set(buckets()) <= {now - 2, now - 1, now},
               f"buckets that are there: {buckets()}, now {now}")


TESTS = [ages_change, keys_rotate]
