# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""A Redis that is emptied under its nodes: it is told to all, and ids grow."""

import json

from cases.redis_nodes import (ALWAYS, GAP, follow, is_ascending, nodes_at,
                               resume)
from lib.fcgi import Direct
from lib.redis import Node, on_redis
from lib.redis_proxy import FLUSH, Proxy
from lib.site import id_key


@on_redis()
def all_is_flushed(tap, place, redis):
    """A loss is told to all, and ids grow."""
    first, second = nodes_at(place, redis, 2)
    clients = [follow(first, "a"), follow(second, "a")]
    last = first.publish("a", "1")
    for client in clients:
        client.wait_events(1)
    redis.ask("FLUSHALL")
    later = second.publish("a", "2")
    tap.ok(is_ascending([last, later]), "ids grow", last, later)
    for client in clients:
        client.wait(lambda c=client: any(e.data == "2" for e in c.events),
                    "what follows")
        tap.eq([event.type for event in client.events],
               ["message", GAP, "message"], "a gap is told, once")
    back = resume(first, "a", last).wait_events(2)
    tap.eq([event.type for event in back], [GAP, "message"],
           "to who comes back as well")
    quiet = resume(second, "quiet", last).wait_events(1)
    tap.eq(quiet[0].type, GAP, "even where there is nothing any more")


@on_redis(*ALWAYS)
def flushed_unseen(tap, place, redis):
    """A node that nobody publishes at finds out by itself, and a log that
    begins anew has no id that any node has read."""
    quiet, other = nodes_at(place, redis, 2)
    client = follow(quiet, "a")
    # Restarts take ids far ahead of the clock.
    for _restart in range(2):
        redis.kill()
        redis.start()
        for node in (quiet, other):
            node.wait_state("live")
    old = [other.publish("a", f"{at}") for at in range(5)]
    client.wait_events(5)
    other.kill()
    redis.ask("FLUSHALL")
    fresh = Node(place, "fresh", redis.url()).start()
    early = fresh.publish("a", "early")
    tap.ok(not is_ascending([old[-1], early]), "a new node cannot know the ids",
           early)
    client.wait(lambda: client.events[-1].type == GAP, "a gap", 20)
    late = fresh.publish("a", "late")
    client.wait(lambda: client.events[-1].data == "late", "what follows")
    tap.eq([event.type for event in client.events],
           ["message"] * 5 + [GAP, "message"], "it is told, once")
    tap.ok(is_ascending([*old, late]), "ids grow for it", old, late)
    tap.ok(id_key(late)[0] - id_key(old[-1])[0] >= 10000,
           "by more than others may have read", old, late)
    back = resume(fresh, "a", early)
    back.wait(lambda: back.events[-1:] and back.events[-1].data == "late",
              "the last")
    tap.eq(back.events[0].type, GAP, "who was at the new node is told, too")


def history(node, since):
    with Direct(node.listen, f"/events/a?since={since}",
                HTTP_ACCEPT="application/json") as answer:
        told = json.loads(answer.wait_end().raw)
    return [event["data"] for event in told["events"]], told["gap"]


@on_redis()
def flushed_while_read(tap, place, redis):
    """Between the question and the look: the answer tells it, for whoever
    wants no stream hears of nothing later."""
    proxy = Proxy(place, redis)
    (first,) = nodes_at(place, redis, 1)
    since = first.publish("a", "1")
    first.publish("a", "2")
    node = Node(place, "late", f"redis+unix://{proxy.path}").start()
    tap.eq(history(node, since), (["2"], False), "nothing is missing")
    proxy.order(FLUSH)
    tap.eq(history(node, since), ([], True), "a gap is told")
    tap.eq(proxy.done(), {FLUSH: 1}, "it was emptied then")
    tap.eq(history(node, since), ([], True), "and from now on")


TESTS = [all_is_flushed, flushed_unseen, flushed_while_read]
