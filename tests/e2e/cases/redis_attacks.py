# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""What clients and servers make up: positions that nobody gave, and answers
that are none."""

import os
import signal
import struct
import time

from cases.redis_nodes import (ALWAYS, GAP, follow, is_ascending, nodes_at,
                               resume, seen)
from cases.redis_servers import GOOD, of_port, waiting_node
from lib import proc
from lib.daemon import Queue
from lib.fake_server import FakeRedis
from lib.redis import Node, needs_redis, on_redis
from lib.redis_proxy import DRIP, GO, HOLD, Proxy
from lib.site import id_key



def trickle():
    """An answer that does not end within a lifetime."""
    yield b"*1\r\n$1000000\r\n"
    while True:
        yield b"x"
        time.sleep(0.1)


def huge():
    """A channel's run, larger than any, and all of it nonsense."""
    header = struct.pack(">QIIQQQI", 2, 0, 0, 1, 1, 1, 0)
    yield b"*6\r\n:1\r\n:1\r\n:0\r\n$0\r\n\r\n$44\r\n" + header
    yield b"\r\n$40000000\r\n"
    for _ in range(40):
        yield b"x" * 1000000
        time.sleep(0.01)
    yield b"\r\n"


ANSWERS = (
    trickle,
    huge,
    b"*1\r\n$2\r\nOK\r\n",
    b"*4\r\n$2\r\nOK\r\n:1\r\n:1\r\n:1\r\n",
    b"*4\r\n$2\r\nOK\r\n$1\r\nx\r\n$1\r\nx\r\n$1\r\nx\r\n",
    b"*1\r\n$3\r\nDUP\r\n",
    b"*3\r\n$3\r\nDUP\r\n$2\r\n99\r\n$3\r\n1-0\r\n",
    b"*1\r\n$7\r\nnothing\r\n",
    b"*2\r\n*1\r\n*1\r\n:1\r\n*0\r\n",
    b":7\r\n",
    b"")


def forged(tap, node, last, channel="a"):
    """What is made of a position that nobody gave."""
    back = resume(node, channel, last).wait_events(1, 20)
    tap.eq(back[0].type, GAP, f"{last}: a gap is told")


@on_redis(*ALWAYS)
def positions(tap, place, redis):
    """Ahead of all, in a cut, before all, and none at all."""
    (node,) = nodes_at(place, redis, 1)
    first = node.publish("a", "1")
    ms, n = id_key(first)
    redis.kill()
    redis.start()
    node.wait_state("live")
    fresh = Node(place, "fresh", redis.url()).start()
    last = follow(fresh, "a").parser.last_event_id
    back = resume(node, "a", last).wait_open()
    tap.eq((back.events, last > first), ([], True),
           "where a restart left the log nothing is missing")
    for last in (f"{ms}-{n + 1}", f"{ms + 5000}-0", f"{ms + 9999}-7",
                 "9999999999999-0", "18446744073709551615-0", "1-0", "0-0",
                 f"{ms + 10**9}-18446744073709551615"):
        forged(tap, node, last)
    for last in ("x", "1-2-3", "{crier}:state", "-1-0", "*", "1-0 2-0"):
        back = resume(node, "a", last)
        back.wait_open()
        tap.ok(back.status == 200, f"{last}: one that is none of crier's")
        back.close()
    later = node.publish("a", "2")
    tap.ok(is_ascending([first, later])
           and id_key(later)[0] <= ms + 30000, "ids do not follow them",
           first, later)
    back = resume(node, "a", first).wait_events(1)
    tap.eq([(event.type, event.data) for event in back],
           [("message", "2")], "what is right is served as ever")


@on_redis()
def ahead(tap, place, redis):
    """A client that comes to a node which is behind gets what follows, once."""
    first, second = nodes_at(place, redis, 2)
    os.kill(second.pid, signal.SIGSTOP)
    ids = [first.publish("ab"[at % 2], f"{at}") for at in range(100)]
    clients = [resume(second, "?channel=a&channel=b", last)
               for last in (ids[9], ids[98], ids[99])]
    os.kill(second.pid, signal.SIGCONT)
    ids.append(first.publish("a", "100"))
    for client, at in zip(clients, (9, 98, 99)):
        client.wait_events(100 - at)
        tap.eq([one for one, _text in seen(client)], ids[at + 1:],
               f"behind {at}")


@on_redis()
def prefixes(tap, place, redis):
    """Two sites at one Redis have nothing to do with each other."""
    one = Node(place, "one", redis.url("?prefix=one")).start()
    two = Node(place, "two", redis.url("?prefix=two")).start()
    stream = follow(two, "a")
    one.publish("a", "1", key="k")
    with Queue(two.queue) as queue:
        answer = queue.ask({"channel": "a", "data": "2", "key": "k"})
    tap.ok("duplicate" not in answer, "a key is another's", answer)
    stream.wait_events(1)
    tap.eq([event.data for event in stream.events], ["2"], "so is a channel")
    keys = redis.ask("KEYS", "*")
    tap.eq([key for key in keys if not key.startswith((b"{one}:",
                                                       b"{two}:"))],
           [], "and all keys have a prefix")


@needs_redis
def no_answers(tap, place):
    """To a batch and to a resume: publishers and clients come again, and
    crierd goes on and ends when it is asked to."""
    nodes = []
    for at, answer in enumerate(ANSWERS):
        fake = FakeRedis(place, {**GOOD, "EVALSHA": answer}).start()
        nodes.append(waiting_node(place, of_port(fake.port), name=f"n{at}"))
    for node in nodes:
        proc.wait_for(lambda n=node: n.store()["connects"] > 0, "it comes")
    queues, clients = [], []
    for node in nodes:
        queues.append(Queue(node.queue))
        queues[-1].send({"channel": "a", "data": "x"})
        clients.append(resume(node, "a", "1-0"))
    for answer, node, queue, client in zip(ANSWERS, nodes, queues, clients):
        with queue:
            name = getattr(answer, "__name__", answer)
            tap.eq(queue.reply().get("code"), 75, f"{name}: come again")
        if not client.ended:
            proc.wait_for(lambda c=client: c.pump() or c.ended
                          or c.parser.events or c.parser.primings,
                          "it is answered", 30)
        tap.eq([event for event in client.events if event.type != GAP], [],
               "a client gets no event")
        tap.ok(node.store()["last_error"] or node.store()["errors"],
               "it is told", node.store())
        node.stop()


@on_redis()
def byte_by_byte(tap, place, redis):
    """A Redis as slow as can be: all is as ever, but later; and while it is in
    the middle of an answer the node does the rest."""
    proxy = Proxy(place, redis)
    (other,) = nodes_at(place, redis, 1)
    ids = [other.publish("a", "0")]
    node = Node(place, "slow", f"redis+unix://{proxy.path}").start()
    stream = follow(node, "a")
    proxy.order(DRIP)
    ids += [one.publish("a", f"{at}") for at, one in
            enumerate((node, other, node, other), 1)]
    stream.wait_events(4)
    tap.eq(seen(stream), [(one, f"{at}") for at, one in
                          enumerate(ids[1:], 1)], "a stream has all of it")
    back = resume(node, "a", ids[0]).wait_events(4)
    tap.eq([event.id for event in back], ids[1:], "and who comes back")
    proxy.order(HOLD, 0.5)
    with Queue(node.queue) as queue:
        first = queue.ask({"channel": "a", "data": "5"})
        proc.wait_for(lambda: proxy.done().get("held"), "half an answer")
        tap.ok(first.get("ok"), "the log says as much as an answer", first)
        with follow(node, "a") as late:
            queue.send({"channel": "a", "data": "6"})
            proc.wait_for(lambda: node.status()["committing"]["batches"] == 1,
                          "the next waits for it")
            tap.eq((stream.ended, late.ended), (False, False),
                   "meanwhile clients stay and come")
            proxy.order(GO)
            last = (queue.reply().get("id"), "6")
            late.wait_events(1)
    stream.wait_events(6)
    tap.eq(seen(stream)[-2:], [(first["id"], "5"), last], "then all is there")


TESTS = [byte_by_byte, positions, ahead, prefixes, no_answers]
