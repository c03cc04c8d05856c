# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""Runs where nodes share a Redis."""

import json
import threading

from lib import proc
from lib.daemon import Queue
from lib.fcgi import Direct
from lib.redis import Node, on_redis
from lib.redis_proxy import Proxy
from cases.runs_tests import (ROUTES, all_words, go_on, hold, make_programs,
                              started, words)

CLAIMS = "{crier}:claims"


def nodes_at(place, redis, count):
    folder = make_programs(place)
    return [Node(place, f"n{n}", redis.url(), (),
                 ROUTES.replace("DIR", folder)).start()
            for n in range(count)], folder


@on_redis()
def one_of_all(tap, place, redis):
    """Requests at both nodes at once: one program."""
    nodes, folder = nodes_at(place, redis, 2)
    hold(folder, 0)
    streams, lock = [], threading.Lock()

    def ask(node):
        stream = Direct(node.listen, "/chat/a", method="POST")
        with lock:
            streams.append(stream)

    threads = [threading.Thread(target=ask, args=(node,))
               for node in nodes * 10]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    proc.wait_for(lambda: started(folder), "it runs")
    proc.wait_for(lambda: sum(node.status()["runs"]["going"]
                              for node in nodes) == 1, "one node has it")
    go_on(folder, 0)
    for stream in streams:
        stream.wait_events(7)
    tap.eq({tuple(words(s.events[:6])) for s in streams},
           {tuple(all_words())}, "all have all of it, once")
    tap.eq((len(streams), len(started(folder))), (20, 1), "one program")
    again = Direct(nodes[0].listen, "/chat/a", method="POST")
    again.wait_end()
    other = Direct(nodes[1].listen, "/chat/a", method="POST")
    other.wait_end()
    tap.eq(words(other.events)[-7:-1], all_words(), "its words")
    tap.eq(len(started(folder)), 3, "after its end each node may run another")


@on_redis()
def node_is_killed(tap, place, redis):
    """Another node tells its channel, once, and may run there then."""
    nodes, folder = nodes_at(place, redis, 3)
    hold(folder, 2)
    page = Direct(nodes[1].listen, "/chat/a")
    page.wait_open()
    first = Direct(nodes[0].listen, "/chat/a", method="POST")
    first.wait_events(2)
    nodes[0].kill()
    page.wait_events(3, 60)
    tap.eq((words(page.events[:2]), page.events[2].type,
            json.loads(page.events[2].data)),
           (all_words(2), "crier.end", {"reason": "interrupted"}),
           "a node that is gone: its run was interrupted")
    go_on(folder, 2)
    again = Direct(nodes[2].listen, "/chat/a", method="POST")
    again.wait_end()
    page.wait_events(10)
    tap.eq(words(page.events[3:9]), all_words(),
           "it is told once, and another runs there")
    page.close()
    first.close()


@on_redis()
def heir_is_told_again(tap, place, redis):
    """As if the answer was lost that told of a run of a node that is gone."""
    (node,), _ = nodes_at(place, redis, 1)
    for name in ("run chat/a", "end chat/a\nend"):
        redis.ask("HSET", CLAIMS, name, f">{node.store()['node']} gone")
    proc.wait_for(lambda: redis.ask("HLEN", CLAIMS) == 0, "it left them", 20)
    with Queue(node.queue) as queue:
        events = queue.ask({"do": "history", "channel": "chat/a"})["events"]
    tap.eq([(event["event"], event["data"]) for event in events],
           [("end", '{"reason":"interrupted"}')], "the end is told, once")


@on_redis()
def claim_without_reply(tap, place, redis):
    """The name may be this node's then, and another would wait for ever."""
    nodes, folder = nodes_at(place, redis, 1)
    proxy = Proxy(place, redis)
    away = Node(place, "away", f"redis+unix://{proxy.path}", (),
                ROUTES.replace("DIR", folder)).start()
    proxy.order("claim")
    Direct(away.listen, "/chat/a", method="POST").wait_end()
    proc.wait_for(lambda: proxy.done().get("claim"), "it is cut")
    proc.wait_for(lambda: redis.ask("HLEN", CLAIMS) == 0, "it is given back")
    away.wait_state("live")
    for node in (nodes[0], away):
        Direct(node.listen, "/chat/a", method="POST").wait_end()
    tap.eq(len(started(folder)), 2, "each node may run there")


@on_redis()
def too_many_claims(tap, place, redis):
    """There is room for the first of a run's two names alone."""
    (node,), folder = nodes_at(place, redis, 1)
    redis.ask("EVAL", "for n = 2, 4096 do redis.call('HSET', KEYS[1], n, "
              "ARGV[1]) end", 1, CLAIMS, node.store()["node"])
    Direct(node.listen, "/chat/a", method="POST").wait_end()
    proc.wait_for(lambda: redis.ask("HLEN", CLAIMS) == 4095,
                  "it is given back")
    tap.eq(len(started(folder)), 0, "no program")


@on_redis()
def store_is_away(tap, place, redis):
    """None is begun, and that is said as what it is."""
    (node,), folder = nodes_at(place, redis, 1)
    redis.kill()
    node.wait_state("down")
    done = node.crier("run", "chat/a", "true")
    tap.ok(done.returncode == 75 and b"the store is away" in done.stderr,
           "crier run: 75", done)
    page = Direct(node.listen, "/chat/a", method="POST")
    page.wait_end()
    tap.ok(page.status == 503 and b"cannot be reached" in page.raw,
           "a request: 503", page.head, page.raw)
    tap.eq(started(folder), [], "nothing was begun")


# Says where it is, and goes on until it is stopped; that takes so long.
ENDLESS = ("/bin/sh", "-c",
           "trap 'sleep $0; exit 0' TERM; echo up; "
           "while :; do sleep 0.05; done")


def run_line(seconds=0):
    return {"do": "run", "channel": "job", "command": [*ENDLESS, str(seconds)]}


def going_at(nodes):
    return [node.status()["runs"]["going"] for node in nodes]


def ends_of_job(queue):
    events = queue.ask({"do": "history", "channel": "job"})["events"]
    return [event.get("event") for event in events].count("crier.end")


@on_redis()
def run_is_answered(tap, place, redis):
    """`run` is answered when it is known which node has the channel."""
    nodes, _ = nodes_at(place, redis, 3)
    queues = [Queue(node.queue) for node in nodes]
    for queue in queues[:2]:
        queue.send(run_line())
        queue.send({"channel": "b", "data": "behind"})
    replies = [queue.reply() for queue in queues[:2]]
    tap.eq(["id" in queue.reply() for queue in queues[:2]], [True, True],
           "a line behind it is answered behind it")
    tap.eq(sorted(reply.get("code", 0) for reply in replies), [0, 75],
           "at two nodes at once: one begins, one is told")
    tap.eq([r["error"] for r in replies if not r["ok"]],
           ["a program runs in this channel already"], "what it is told")
    tap.eq(queues[2].ask(run_line()).get("code"), 75, "later: told, too")
    listed = queues[2].ask({"do": "status", "runs": True})["run_list"]
    tap.eq([run["channel"] for run in listed], ["job"], "one is listed")
    at = next(n for n in range(2) if replies[n]["ok"])
    command = nodes[1 - at].crier("run", "-f", "job", "true")
    tap.eq(command.returncode, 75, "crier run -f elsewhere follows nothing")
    tap.eq(queues[2].ask({"do": "stop", "channel": "job"})["stopped"], 1,
           "one is stopped")
    proc.wait_for(lambda: going_at(nodes) == [0, 0, 0], "it ends")
    missing = {**run_line(), "command": ["/nowhere/to/be/found"]}
    tap.eq(queues[0].ask(missing).get("code"), 65, "what cannot be started")
    for queue in queues:
        queue.close()


@on_redis()
def claim_is_stopped(tap, place, redis):
    """What waits for another node's run to end is stopped with that."""
    nodes, _ = nodes_at(place, redis, 2)
    with Queue(nodes[0].queue) as first, Queue(nodes[1].queue) as other, \
            Queue(nodes[0].queue) as third:
        for count, seconds in enumerate((1, 0), 1):
            first.ask(run_line(seconds))
            other.send(run_line())
            proc.wait_for(lambda: going_at(nodes)[1] == 1 or
                          nodes[1].status()["runs"]["busy"] >= count,
                          "it waits")
            stopped = third.ask({"do": "stop", "channel": "job"})["stopped"]
            code = other.reply().get("code", 0)
            proc.wait_for(lambda: going_at(nodes) == [0, 0], "none runs")
            if seconds > 0:
                tap.eq((stopped, code), (1, 75), "it is told, and not counted")
            tap.eq(ends_of_job(third) >= count, True, "the end is told")


TESTS = (claim_without_reply, too_many_claims, store_is_away,
         heir_is_told_again, one_of_all, node_is_killed, run_is_answered,
         claim_is_stopped)
