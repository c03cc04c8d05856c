# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""What is asked of all nodes at a Redis, and what each of them says."""

import json
import os
import signal
import threading

from cases.redis_nodes import follow, nodes_at
from lib import proc, sse
from lib.daemon import Queue
from lib.fcgi import Direct
from lib.redis import Node, on_redis
from lib.redis_proxy import ASK, Proxy

CONFIG = """
route "GET /events/{name}" { subscribe = "{name}" }
route "GET /who/{name}" { presence = "{name}" }
route "GET /status" { status = json }
route "GET /metrics" { status = prometheus }
"""
QUESTIONS = 64  # of a node that may be open
NODES, LOG = "{crier}:nodes", "{crier}:log"


def ask(node, what, **more):
    with Queue(node.queue) as queue:
        return queue.ask({"do": what, **more})


def names(nodes):
    return [node.store()["node"] for node in nodes]


def fetch(node, target):
    return Direct(node.listen, target).wait_end().raw


@on_redis()
def who_follows(tap, place, redis):
    """Presence is the same at any node."""
    nodes = nodes_at(place, redis, 3, config=CONFIG)
    streams = [follow(node, "a", REMOTE_USER=user)
               for node, user in zip(nodes * 2, ("bob", "ann", "bob", "ann",
                                                 "", "cid"))]
    wanted = {"ok": True, "channel": "a", "streams": 6, "users": [
        {"user": "ann", "streams": 2}, {"user": "bob", "streams": 2},
        {"user": "cid", "streams": 1}], "anonymous": 1, "missing": []}
    for node in nodes:
        tap.eq(ask(node, "presence", channel="a"), wanted, f"{node}: all")
    tap.eq(json.loads(fetch(nodes[1], "/who/a")), wanted, "by HTTP")
    tap.eq(ask(nodes[0], "presence", channel="a", here=True)["users"],
           [{"user": "ann", "streams": 1}, {"user": "bob", "streams": 1}],
           "or of one node alone")
    tap.ok(b"cid" in nodes[0].crier("status", "a").stdout, "crier status a")
    streams[0].close()
    for node in nodes:
        proc.wait_for(lambda n=node: ask(n, "presence", channel="a")[
            "streams"] == 5, "who left is not there")
    with Queue(nodes[0].queue) as queue:
        for at in range(20):
            queue.send({"channel": "a", "data": str(at)})
            queue.send({"do": "presence", "channel": "a"})
            queue.send(b"no JSON\n")
        kinds = [sorted(queue.reply())[0] for _ in range(60)]
    tap.eq(kinds, ["id", "anonymous", "code"] * 20,
           "replies stand in the order of their lines")
    tap.eq(ask(nodes[0], "presence", channel="*")["code"], 65,
           "a name that is none is refused")


@on_redis()
def many_users(tap, place, redis):
    """The first of all nodes' names, each with all that it has."""
    nodes = nodes_at(place, redis, 2)
    streams = [follow(nodes[at % 2], "a", REMOTE_USER=f"u{at // 2:03}")
               for at in range(40)]
    tap.eq(ask(nodes[1], "presence", channel="a")["streams"], len(streams),
           "all are there")
    with Queue(nodes[0].queue) as queue:
        queue.send({"do": "status", "streams": True, "limit": 7})
        listed = queue.reply()["list"]
    tap.eq(len(listed), 7, "a limit holds over all nodes")
    answer = ask(nodes[1], "presence", channel="a")
    tap.eq(answer["users"], [{"user": f"u{at:03}", "streams": 2}
                             for at in range(20)], "names are merged")


@on_redis()
def closes_and_counts(tap, place, redis):
    nodes = nodes_at(place, redis, 3)
    streams = [follow(node, channel) for node in nodes for channel in "aab"]
    tap.eq(ask(nodes[0], "close", channel=["a", "b"]),
           {"ok": True, "closed": 9, "missing": []}, "channels")
    for stream in streams:
        stream.wait_end()
    streams = [follow(node, "b", REMOTE_USER="ann") for node in nodes]
    tap.eq(ask(nodes[1], "close", user="ann")["closed"], 3, "a user")
    for stream in streams:
        stream.wait_end()
    stream = follow(nodes[2], "c")
    listed = ask(nodes[0], "status", streams=True)["list"]
    (found,) = [one for one in listed if one["channels"] == ["c"]]
    one = f"{found['node']}.{found['stream']}"
    tap.ok(one in nodes[1].crier("status", "-s").stdout.decode(), "status -s has it")
    tap.eq(ask(nodes[0], "close", stream=found["stream"] + 1000)["closed"], 0,
           "a number alone is of the node that is asked")
    answer = nodes[0].crier("close", "-v", "--stream", one)
    tap.eq(answer.stdout, b"closed 1\n", f"a stream of another node, {one}")
    stream.wait_end()
    for bad in ("x.y", ".5", "a.", f"{found['node']}.-1"):
        tap.eq(ask(nodes[0], "close", stream=bad)["code"], 65,
               f"{bad} is none")


@on_redis()
def what_is_there(tap, place, redis):
    """Status has the nodes, and lists of all of them."""
    nodes = nodes_at(place, redis, 2, config=CONFIG)
    streams = [follow(node, target) for node, target in (
        (nodes[0], "both"), (nodes[1], "both"), (nodes[0], "first"),
        (nodes[1], "second"))]
    nodes[0].publish("both", "1")
    status = ask(nodes[1], "status", channels=True, streams=True)
    tap.eq((status["streams"], status["streams_everywhere"]), (2, 4),
           "streams, here and everywhere")
    tap.eq(sorted((node["node"], node["streams"], node["answered"])
                  for node in status["nodes"]),
           sorted((name, 2, True) for name in names(nodes)), "the nodes")
    tap.ok(all(node["position"] == status["last_id"]
               or node["position"] > "1" for node in status["nodes"]),
           "with their positions", status["nodes"])
    channels = {one["channel"]: (one["streams"], one["events"])
                for one in status["channel_list"]}
    tap.eq(channels, {"both": (2, 1), "first": (1, 0), "second": (1, 0)},
           "channels are merged")
    tap.eq([one["channel"] for one in
            ask(nodes[0], "status", channels=True, find="o",
                sort="streams")["channel_list"]], ["both", "second"],
           "those that are looked for, in order")
    tap.eq(len(status["list"]), len(streams), "streams of all")
    tap.eq(sorted(nodes[0].crier("status", "--names").stdout.decode().split()),
           ["both", "first", "second"], "crier status --names")
    text = nodes[0].crier("status").stdout.decode()
    tap.ok(all(name in text for name in names(nodes)), "crier status", text)
    tap.eq(json.loads(fetch(nodes[0], "/status"))["streams_everywhere"], 4,
           "by HTTP")
    asked = nodes[0].store()["questions"]
    metrics = fetch(nodes[0], "/metrics").decode()
    tap.ok("crier_streams 2\n" in metrics, "metrics are one node's")
    tap.eq(nodes[0].store()["questions"], asked + 1, "and ask nobody")


@on_redis()
def one_is_silent(tap, place, redis):
    """Who does not answer in time is named; who has ended is not waited for."""
    nodes = nodes_at(place, redis, 3)
    first, silent, other = names(nodes)
    streams = [follow(node, "a") for node in nodes]
    nodes[0].publish("a", "x")
    for stream in streams:
        stream.wait_events(1)
    os.kill(nodes[1].pid, signal.SIGSTOP)
    answer = ask(nodes[0], "presence", channel="a")
    tap.eq((answer["streams"], answer["missing"]), (2, [silent]),
           "it is missing")
    rows = {node["node"]: node for node in ask(nodes[2], "status")["nodes"]}
    tap.eq([rows[name]["answered"] for name in (first, silent, other)],
           [True, False, True], f"status says so: {rows}")
    tap.ok("silent_ms" in rows[silent], "and how long it said nothing")
    closed = ask(nodes[0], "close", channel="a")
    tap.eq((closed["closed"], closed["missing"]), (2, [silent]), "a close")
    os.kill(nodes[1].pid, signal.SIGCONT)
    proc.wait_for(lambda: ask(nodes[0], "presence", channel="a") == {
        "ok": True, "channel": "a", "streams": 0, "users": [],
        "anonymous": 0, "missing": []}, "it has closed its streams as well")
    nodes[1].kill()
    answer = ask(nodes[0], "presence", channel="a")
    tap.eq(answer["missing"], [silent], "one that was killed is missing, too")
    redis.ask("ZADD", NODES, "1", silent)  # as after its 15 seconds
    proc.wait_for(lambda: ask(nodes[0], "presence", channel="a")["missing"]
                  == [], "until it is gone")
    proc.wait_for(lambda: redis.ask("ZCARD", NODES) == 2, "for good")
    nodes[2].stop()
    answer = ask(nodes[0], "presence", channel="a")
    tap.eq(answer["missing"], [], "one that ended is gone at once")
    tap.eq(redis.ask("ZCARD", NODES), 1, "by its own word")


@on_redis()
def it_is_bounded(tap, place, redis):
    """So many questions are open, and the next one is refused."""
    nodes = nodes_at(place, redis, 2)
    nodes[0].publish("a", "x")
    os.kill(nodes[1].pid, signal.SIGSTOP)
    queues = [Queue(nodes[0].queue) for _ in range(QUESTIONS + 5)]
    try:
        for queue in queues:
            queue.send({"do": "close", "channel": "a"})
        replies = [queue.reply() for queue in queues]
    finally:
        for queue in queues:
            queue.close()
        os.kill(nodes[1].pid, signal.SIGCONT)
    refused = [reply for reply in replies if not reply["ok"]]
    tap.ok(0 < len(refused) <= 5, "some are refused", len(refused))
    tap.ok(all(reply["code"] == 75 and "too many" in reply["error"]
               for reply in refused), "for now", refused)
    store = nodes[0].store()
    tap.eq(store["questions_open"], 0, f"then none is: {store}")
    tap.ok(store["answers_missing"] >= QUESTIONS, "answers that did not come")
    proc.wait_for(lambda: nodes[1].store()["answers"] >= QUESTIONS,
                  "late answers come")
    proc.wait_for(lambda: redis.ask("XLEN", "{crier}:a:" + store["node"]) == 0,
                  "what was read is deleted")


@on_redis()
def redis_is_away(tap, place, redis):
    """Each answers for itself, and says that the others are missing."""
    nodes = nodes_at(place, redis, 2)
    streams = [follow(node, "a") for node in nodes]
    other = names(nodes)[1]
    proc.wait_for(lambda: nodes[0].store()["nodes"] == 2, "both are known")
    redis.kill()
    nodes[0].wait_state("down", "connecting")
    answer = ask(nodes[0], "presence", channel="a")
    tap.eq((answer["streams"], answer["missing"]), (1, [other]), "presence")
    status = ask(nodes[0], "status")
    tap.eq((status["streams_everywhere"], status["missing"]), (1, [other]),
           "status")
    redis.start()
    nodes[0].wait_state("live")
    proc.wait_for(lambda: ask(nodes[0], "presence", channel="a")["streams"]
                  == len(streams), "and then all do")


@on_redis()
def asked_by_many(tap, place, redis):
    """Answers find who asked."""
    nodes = nodes_at(place, redis, 3)
    streams = [follow(nodes[at % 3], f"c{at}") for at in range(6)]
    wrong = []

    def work(number):
        with Queue(nodes[number].queue) as queue:
            for at in range(60):
                answer = queue.ask({"do": "presence",
                                    "channel": f"c{at % len(streams)}"})
                if answer["streams"] != 1 and not answer["missing"]:
                    wrong.append(answer)

    threads = [threading.Thread(target=work, args=(number,))
               for number in range(3) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    tap.eq(wrong, [], "each is the answer to its question")


def notices(stream):
    return [json.loads(event.data) for event in stream.events
            if event.type != "crier.gap"]


def tail(node, channel):
    queue = Queue(node.queue)
    queue.send({"do": "stream", "channel": [channel]})
    return Followed(queue)


class Followed:
    """A channel that is followed on the queue's socket."""

    def __init__(self, queue):
        self.queue = queue
        self.parser = sse.Parser()
        queue.socket.settimeout(0.2)

    @property
    def events(self):
        try:
            while True:
                self.parser.feed(self.queue.socket.recv(65536))
        except TimeoutError:
            return self.parser.events

    def wait(self, condition, what):
        proc.wait_for(lambda: any(condition(one) for one in notices(self)),
                      what, 30)
        return [one for one in notices(self) if condition(one)]


@on_redis()
def streams_of_all(tap, place, redis):
    """Who follows $streams at one node hears of the streams of all, and of
    nodes that come and go."""
    nodes = nodes_at(place, redis, 2)
    first, second = names(nodes)
    told = nodes[1].store()["answers"]
    watcher = tail(nodes[0], "$streams")
    proc.wait_for(lambda: nodes[1].store()["answers"] > told, "all know of it")
    there = follow(nodes[1], "a", REMOTE_USER="ann")
    here = follow(nodes[0], "a")
    watcher.wait(lambda e: e["do"] == "open" and e["node"] == first, "here")
    (opened,) = watcher.wait(lambda e: e["do"] == "open"
                             and e["node"] == second, "and there")
    tap.eq((opened["user"], opened["channels"]), ("ann", ["a"]),
           "a stream of another node")
    other = tail(nodes[1], "$streams")
    there.close()
    for one in (watcher, other):
        closed = one.wait(lambda e: e["do"] == "close"
                          and e["node"] == second, "its end")
        tap.eq([e["stream"] for e in closed], [opened["stream"]], "once")
    late = Node(place, "late", redis.url()).start()
    (joined,) = watcher.wait(lambda e: e["do"] == "join", "a node comes")
    name = late.store()["node"]
    tap.eq((joined["node"], joined["streams"]), (name, 0), "it is told")
    kept = [follow(late, "a") for _ in range(3)]
    watcher.wait(lambda e: e["do"] == "open" and e["node"] == name,
                 "it knows what is followed")
    proc.wait_for(lambda: json.loads(redis.ask(
        "HGET", "{crier}:said", name))["streams"] == len(kept),
        "it has said how many it has", 20)
    late.kill()
    redis.ask("ZADD", NODES, "1", name)
    for one in (watcher, other):
        gone = one.wait(lambda e: e["do"] == "gone", "it is gone")
        tap.eq([(e["node"], e["streams"]) for e in gone], [(name, 3)],
               "with its streams, once")
    here.close()


@on_redis()
def figures_of_all(tap, place, redis):
    """$stats has an event of each node a second, wherever it is followed."""
    nodes = nodes_at(place, redis, 2)
    watcher = tail(nodes[0], "$stats")
    for name in names(nodes):
        watcher.wait(lambda e, n=name: e["node"] == n, name)
    watcher.queue.close()
    done = nodes[1].crier("top", "-n", "1")
    tap.ok(b"streams 0 " in done.stdout, "crier top", done.stdout)
    streams = [follow(node, "a") for node in nodes]
    done = nodes[1].crier("top", "-n", "1")
    tap.ok(b"streams %d " % len(streams) in done.stdout, "of all nodes",
           done.stdout)


RUNS = """
route "GET /chat/{id}" {
	run = { "/bin/sh", "-c", "echo begun; sleep 100" }
	channel = "chat/{id}"
}
"""


@on_redis()
def what_runs(tap, place, redis):
    """What runs at any node is listed, and stopped, from all."""
    nodes = nodes_at(place, redis, 2, config=RUNS)
    stream = Direct(nodes[1].listen, "/chat/1", REMOTE_USER="ann")
    stream.wait_events(1)
    (run,) = ask(nodes[0], "status", runs=True)["run_list"]
    tap.eq((run["channel"], run["node"]), ("chat/1", names(nodes)[1]),
           "it is listed, with its node")
    tap.eq(ask(nodes[0], "status", runs=True, here=True)["run_list"], [],
           "here nothing runs")
    tap.eq(ask(nodes[0], "stop", channel="chat/1", user="bob").get("code"),
           77, "who has not begun it may not")
    tap.eq(ask(nodes[0], "stop", channel="chat/2"),
           {"ok": True, "stopped": 0, "missing": []}, "another channel")
    tap.eq(ask(nodes[0], "stop", channel="chat/1", user="ann"),
           {"ok": True, "stopped": 1, "missing": []}, "who has may")
    stream.wait_end()
    tap.ok('"stopped"' in stream.events[-1].data, "it ended so",
           stream.events)


@on_redis()
def old_goes(tap, place, redis):
    """Questions let go what is old on the log, if nobody publishes."""
    redis.ask("EVAL", "for n = 1, 1000 do redis.call('XADD', KEYS[1], "
              "'1-' .. n, 'b', 'x', 'd', 'x') end", 1, LOG)
    (node,) = nodes_at(place, redis, 1)
    ask(node, "presence", channel="a")
    left = redis.ask("XLEN", LOG)
    tap.ok(left < 200, "1000 entries from long before", left)


@on_redis()
def many_were_silent(tap, place, redis):
    """They make room for who is silent now, for whom nobody waits twice."""
    (node,) = nodes_at(place, redis, 1)
    for number in range(20):
        redis.ask("ZADD", NODES, 1 << 50, f"ghost-{number}")
        if number == 15:
            ask(node, "presence", channel="a")
            redis.ask("ZREM", NODES, *(f"ghost-{n}" for n in range(16)))
    ask(node, "presence", channel="a")
    answers = []
    with Queue(node.queue) as queue:
        for _ in range(60):
            queue.send({"do": "presence", "channel": "a"})
        # Each that waits for somebody takes a second.
        proc.wait_for(lambda: answers.append(queue.reply()["missing"]) or
                      len(answers) == 60, "60 answers")
    tap.eq(len(answers[-1]), 4, "who is silent is missing")


def can_follow(node):
    """Whether channel a is not stopped."""
    stream = Direct(node.listen, "/events/a")
    stream.wait(lambda: stream.status, "an answer")
    stream.close()
    return stream.status == 200


@on_redis()
def stop_is_over(tap, place, redis):
    """A node that reads late of a stop does not begin it then."""
    nodes = nodes_at(place, redis, 2, ["stop-seconds=1"])
    streams = [follow(node, "a") for node in nodes]
    os.kill(nodes[1].pid, signal.SIGSTOP)
    ask(nodes[0], "close", channel="a", stop=True)
    proc.wait_for(lambda: can_follow(nodes[0]), "it is over")
    os.kill(nodes[1].pid, signal.SIGCONT)
    for stream in streams:
        stream.wait_end()
    tap.ok(can_follow(nodes[1]), "at the late node, too")


@on_redis()
def its_reply_is_lost(tap, place, redis):
    """An order is sent again, and reaches each node once: who came back since
    is not sent away, and what was lifted is not stopped."""
    proxy = Proxy(place, redis)
    (other,) = nodes_at(place, redis, 1)
    node = Node(place, "cut", f"redis+unix://{proxy.path}").start()
    streams = [follow(one, "a") for one in (node, other)]
    proxy.order(ASK)
    answer = ask(node, "close", channel="a", stop=True)
    tap.eq((proxy.done().get(ASK), answer["closed"]), (1, 2),
           f"all is closed: {answer}")
    for stream in streams:
        stream.wait_end()
    orders = [one[1][3] for one in redis.ask(
        "XRANGE", "{crier}:log", "-", "+") if b'"do":"close"' in one[1][3]]
    tap.eq(len(orders), 1, f"it is on the log once: {orders}")


TESTS = [old_goes, stop_is_over, many_were_silent, what_runs, streams_of_all,
         figures_of_all, who_follows, many_users, closes_and_counts,
         what_is_there, one_is_silent, it_is_bounded, redis_is_away,
         asked_by_many, its_reply_is_lost]
