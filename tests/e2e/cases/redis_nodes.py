# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""Several crierd with one history, in a Redis."""

import json
import os
import re
import signal
import threading
import time

from lib import bench, proc
from lib.daemon import Queue
from lib.fcgi import Direct
from lib.redis import Node, example_user, on_redis

ALWAYS = ("--appendonly", "yes", "--appendfsync", "always")
EVENTS = 300  # of each publisher
GAP = "crier.gap"
BOTH = "?channel=a&channel=b"


def nodes_at(place, redis, count, options=(), config=""):
    return [Node(place, f"n{i}", redis.url(), options, config).start()
            for i in range(1, count + 1)]


def events(target):
    return "/events" + ("" if target[0] == "?" else "/") + target


def follow(node, target, **more):
    return Direct(node.listen, events(target), **more).wait_open()


def resume(node, target, last):
    return Direct(node.listen, events(target), HTTP_LAST_EVENT_ID=last)


def seen(stream):
    return [(event.id, event.data) for event in stream.events]


def is_ascending(ids):
    pairs = [tuple(map(int, one.split("-"))) for one in ids]
    return all(a < b for a, b in zip(pairs, pairs[1:]))


@on_redis()
def one_order(tap, place, redis):
    """Three nodes, a publisher and two clients at each."""
    nodes = nodes_at(place, redis, 3)
    clients = [follow(node, target) for node in nodes
               for target in ("?channel=a", BOTH)]
    acknowledged = {}

    def publish(number):
        with Queue(nodes[number].queue) as queue:
            for at in range(EVENTS):
                channel = "ab"[at % 2]
                text = f"{number} {at}"
                acknowledged[text] = queue.publish(channel, text)

    threads = [threading.Thread(target=publish, args=(number,))
               for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    tap.eq(len(acknowledged), 3 * EVENTS, "all are acknowledged")
    for client in clients[::2]:
        client.wait_events(3 * EVENTS // 2)
    for client in clients[1::2]:
        client.wait_events(3 * EVENTS)
    tap.ok(all(seen(client) == seen(clients[0]) for client in clients[2::2]),
           "one channel is the same on all nodes")
    tap.ok(all(seen(client) == seen(clients[1]) for client in clients[3::2]),
           "and so are two")
    both = seen(clients[1])
    tap.ok(is_ascending([one for one, _text in both]), "ids grow")
    tap.eq({text: one for one, text in both}, acknowledged,
           "each has the id that its publisher was told")
    store = nodes[0].store()
    tap.eq((store["kind"], store["errors"]), ("redis", 0), f"the status: {store}")
    shown = nodes[0].crier("status").stdout.decode()
    told = dict(re.split(r"  +", line.strip(), maxsplit=1) for line in
                shown.partition("\nstore\n")[2].partition("\n\n")[0]
                .splitlines())
    tap.ok({"kind", "state", "nodes", "position", "lag", "floor",
            "connects"} <= set(told) and told["state"] == "live",
           f"crier status: {told}")
    tap.ok(store["lag_ms"] < 5000 * proc.SLOW, f"its lag: {store['lag_ms']}")
    tap.eq(store["floor_ms"], int(store["floor"].split("-")[0]),
           "the floor's time")
    proc.wait_for(lambda: nodes[0].store()["nodes"] == 3, "three are there")


@on_redis()
def resumes(tap, place, redis):
    """Whoever comes back to another node gets what it missed, once."""
    first, second, third = nodes_at(place, redis, 3)
    client = follow(first, BOTH)
    first.publish("a", "1")
    last = client.wait_events(1)[0].id
    client.close()
    wanted = []
    for at in range(40):
        node = (first, second)[at % 2]
        wanted.append((node.publish("abc"[at % 3], f"m{at}"), f"m{at}"))
    wanted = [pair for at, pair in enumerate(wanted) if at % 3 < 2]
    for node in (third, second, first):
        back = resume(node, BOTH, last)
        back.wait_events(len(wanted))
        tap.eq(seen(back), wanted, f"{node}: all that it missed")
        tap.ok(GAP not in {event.type for event in back.events}, "no gap")
    # A node that starts later knows of it all.
    late = Node(place, "late", redis.url()).start()
    back = resume(late, BOTH, wanted[9][0])
    back.wait_events(len(wanted) - 10)
    tap.eq(seen(back), wanted[10:], "at a node that was not there")
    live = late.publish("b", "live")
    back.wait_events(len(wanted) - 9)
    tap.eq(seen(back)[-1], (live, "live"), "and then what is new")
    for count in (1, 3, 100):
        texts = [text for _id, text in wanted if int(text[1:]) % 3 == 0]
        recent = Direct(third.listen, f"/events/a?last={count}")
        recent.wait_events(min(count, len(texts)))
        tap.eq([event.data for event in recent.events][-len(texts):],
               texts[-count:], f"last={count}")


@on_redis()
def keys(tap, place, redis):
    """A key that one node took is known to all."""
    first, second = nodes_at(place, redis, 2)
    got = first.publish("a", "x", key="k")
    with Queue(second.queue) as queue:
        queue.send(b"".join(
            json.dumps({"channel": "a", "data": f"{at}",
                        "key": key}).encode() + b"\n"
            for at, key in enumerate(("k", "new", "k", "new", "other"))))
        answers = [queue.reply() for _ in range(5)]
    tap.eq([answer.get("duplicate", False) for answer in answers],
           [True, False, True, True, False], f"known ones are told: {answers}")
    tap.eq((answers[0]["id"], answers[2]["id"]), (got, got),
           "with the first id")
    tap.eq(answers[3]["id"], answers[1]["id"], "within a batch as well")
    back = resume(first, "a", got).wait_events(2)
    tap.eq([event.data for event in back], ["1", "4"], "none is twice")


@on_redis()
def own_ids(tap, place, redis):
    first, second = nodes_at(place, redis, 2)
    for at in range(5):
        first.publish("a", f"{at}", id=f"own {at}")
    back = resume(second, "a", "own 2").wait_events(2)
    tap.eq([(event.id, event.data) for event in back],
           [("own 3", "3"), ("own 4", "4")], "a publisher's own position")


@on_redis()
def a_node_goes(tap, place, redis):
    """The others do not notice; its clients go on elsewhere."""
    first, second = nodes_at(place, redis, 2)
    client, other = follow(first, "a"), follow(second, "a")
    first.publish("a", "1")
    last = client.wait_events(1)[0].id
    first.kill()
    ids = [second.publish("a", text) for text in ("2", "3")]
    back = resume(second, "a", last)
    back.wait_events(2)
    tap.eq(seen(back), list(zip(ids, ("2", "3"))), "they go on at another")
    other.wait_events(3)
    first.start()
    back = resume(first, "a", last)
    back.wait_events(2)
    tap.eq(seen(back), list(zip(ids, ("2", "3"))), "and here when it is back")


def publish_on(tap, queue, names, acknowledged, refused):
    """Each text until one of these is taken, or refused for now."""
    for text in names:
        answer = queue.ask({"channel": "a", "data": text, "key": text})
        if answer.get("ok") is True:
            acknowledged[text] = answer["id"]
        else:
            refused.append(answer)
    tap.diag(f"{len(acknowledged)} taken, {len(refused)} refused")


@on_redis(*ALWAYS)
def redis_is_killed(tap, place, redis):
    """Streams stay; nothing that was acknowledged is lost or doubled."""
    first, second = nodes_at(place, redis, 2)
    clients = [follow(first, "a"), follow(second, "a")]
    acknowledged, refused = {}, []
    with Queue(first.queue) as queue:
        publish_on(tap, queue, [f"{at}" for at in range(50)], acknowledged,
                   refused)
        redis.kill()
        first.wait_state("down", "connecting")
        publish_on(tap, queue, ["away"], acknowledged, refused)
        tap.eq((len(refused), refused[0]["code"]), (1, 75),
               f"meanwhile publishers are to come again: {refused}")
        asked = Direct(second.listen, "/events/a",
                       HTTP_LAST_EVENT_ID="1-0").wait_end()
        tap.eq(asked.events, [], "and clients that only it could serve")
        redis.start()
        for node in (first, second):
            node.wait_state("live")
        refused.clear()
        publish_on(tap, queue, [f"{at}" for at in range(50, 100)],
                   acknowledged, refused)
    tap.eq((len(acknowledged), refused), (100, []), "then it goes on")
    for client in clients:
        client.wait(lambda c=client: len(
            [e for e in c.events if e.type != GAP]) >= 100, "100 events")
        got = [event for event in client.events if event.type != GAP]
        tap.eq({event.data: event.id for event in got}, acknowledged,
               "all that was acknowledged, on streams that stayed")
        tap.eq(len(got), 100, "each once")
        tap.ok(is_ascending([event.id for event in got]), "in order")
        tap.eq(len(client.events), 100, "without a gap")
    tap.eq(first.store()["cuts"], 1, "a restart is remembered")


@on_redis(*ALWAYS)
def killed_in_between(tap, place, redis):
    """Kills while three publishers are at work, with keys."""
    nodes = nodes_at(place, redis, 3)
    clients = [follow(node, "a") for node in nodes]
    acknowledged = {}
    done = threading.Event()

    def publish(number):
        at = 0
        while not done.is_set():
            text = f"{number} {at}"
            with Queue(nodes[number].queue) as queue:
                answer = queue.ask({"channel": "a", "data": text,
                                    "key": text})
            if answer.get("ok") is True:
                acknowledged[text] = answer["id"]
                at += 1

    threads = [threading.Thread(target=publish, args=(number,))
               for number in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(3):
            count = len(acknowledged)
            proc.wait_for(lambda c=count: len(acknowledged) > c + 50,
                          "publishers get on", 30)
            redis.kill()
            redis.start()
        count = len(acknowledged)
        proc.wait_for(lambda: len(acknowledged) > count + 50,
                      "publishers get on", 30)
    finally:
        done.set()
        for thread in threads:
            thread.join()
    for client in clients:
        client.wait(lambda c=client: len(c.events) >= len(acknowledged),
                    "all events")
        tap.eq({event.data: event.id for event in client.events},
               acknowledged, "what was acknowledged came")
        tap.eq(len(client.events), len(acknowledged), "each once, no gap")
        tap.ok(is_ascending([event.id for event in client.events]),
               "in order")


@on_redis()
def forged(tap, place, redis):
    """A position that nobody gave is a gap, and nothing else."""
    (node,) = nodes_at(place, redis, 1)
    node.publish("a", "1")
    stream = resume(node, "a", "9999999999999-7").wait_events(1, 20)
    tap.eq(stream[0].type, GAP, "it is told")
    ids = [node.publish("a", "2")]
    tap.ok(ids[0] < "9999999999999-0", "ids do not follow it", ids)


def refused_start(tap, place, url, options, wanted):
    node = Node(place, "refused", url, options)
    node.proc = proc.Proc(bench.CRIERD + ["-f"] + node.arguments(), node.log)
    status = node.proc.wait()
    node.proc = None
    tap.ok(status != 0 and wanted in node.log_text(), wanted,
           status, node.log_text())


@on_redis("--requirepass", "secret")
def login(tap, place, redis):
    """A wrong password is said, and never the password."""
    wrong = place.write("wrong", "wrong\n")
    right = place.write("right", "secret\n")
    for path in (wrong, right):
        os.chmod(path, 0o644)
    refused_start(tap, place, redis.url(),
                  ["store-password-file=" + right], "chmod o-rwx")
    for path in (wrong, right):
        os.chmod(path, 0o640)
        os.chown(path, os.getuid(), os.stat(redis.dir).st_gid)
    for name, options, wanted in (
            ("none", [], "NOAUTH"),
            ("bad", ["store-password-file=" + wrong], "WRONGPASS")):
        node = Node(place, name, redis.url(), options)
        node.awaits_store = False
        node.start()
        node.wait_log(wanted)
        tap.ok(wanted in node.store()["last_error"], f"{wanted} in status",
               node.store())
        with Queue(node.queue) as queue:
            answer = queue.ask({"channel": "a", "data": "x"})
        tap.eq(answer.get("code"), 75, f"and publishers come again: {answer}")
    node = Node(place, "good", redis.url(), ["store-password-file=" + right])
    node.start()
    tap.ok(node.publish("a", "x"), "the right one is taken")
    tap.ok("secret" not in node.log_text(), "it is not logged")


@on_redis("--maxmemory-policy", "allkeys-lru", "--maxmemory", "100mb")
def evicts(tap, place, redis):
    """A server that forgets what it likes is none for a history."""
    node = Node(place, "n", redis.url())
    node.awaits_store = False
    node.start()
    node.wait_log("noeviction")
    redis.ask("CONFIG", "SET", "maxmemory-policy", "noeviction")
    node.wait_state("live")
    tap.ok(node.publish("a", "x"), "until it is set right")


@on_redis("--maxmemory", "30mb")
def memory_is_full(tap, place, redis):
    """Refused for now, as a whole; streams and replays go on."""
    (node,) = nodes_at(place, redis, 1)
    stream = follow(node, "a")
    first = node.publish("a", "1")
    redis.ask("CONFIG", "SET", "maxmemory", "1")
    with Queue(node.queue) as queue:
        answer = queue.ask({"channel": "a", "data": "2"})
    tap.ok(answer["code"] == 75 and "OOM" in answer["error"], "it is told",
           answer)
    redis.ask("CONFIG", "SET", "maxmemory", "0")
    last = node.publish("a", "3")
    stream.wait_events(2)
    tap.eq(seen(stream), [(first, "1"), (last, "3")], "and then it goes on")


@on_redis()
def scripts_are_flushed(tap, place, redis):
    (node,) = nodes_at(place, redis, 1)
    first = node.publish("a", "1")
    redis.ask("SCRIPT", "FLUSH")
    ids = [first, node.publish("a", "2")]
    redis.ask("SCRIPT", "FLUSH")
    client = resume(node, "a", "1-0")
    client.wait(lambda: len([e for e in client.events if e.type != GAP]) == 2,
                "both")
    tap.ok(is_ascending(ids), "they are sent again")
    tap.eq(node.store()["connects"], 1, "on the same connection")


@on_redis()
def it_hangs(tap, place, redis):
    """A server that does not answer is away; what it took then is known."""
    (node,) = nodes_at(place, redis, 1)
    client = follow(node, "a")
    node.publish("a", "1")
    redis.send(signal.SIGSTOP)
    with Queue(node.queue) as queue:
        queue.send({"channel": "a", "data": "2"})
        node.wait_state("down", "connecting")
        redis.send(signal.SIGCONT)
        answer = queue.reply()
    tap.ok(answer.get("ok"), "it is told what became of it", answer)
    node.publish("a", "3")
    client.wait_events(3)
    tap.eq([event.data for event in client.events], ["1", "2", "3"],
           "each is there once")


@on_redis(*ALWAYS)
def it_dies_with_a_batch(tap, place, redis):
    """What it got and never read is sent again."""
    (node,) = nodes_at(place, redis, 1)
    client = follow(node, "a")
    redis.send(signal.SIGSTOP)
    with Queue(node.queue) as queue:
        queue.send({"channel": "a", "data": "1"})
        proc.wait_for(lambda: node.status()["committing"]["batches"] == 1,
                      "it is on its way")
        redis.kill()
        redis.start()
        answer = queue.reply()
    tap.ok(answer.get("ok"), "it is taken", answer)
    client.wait_events(1)
    tap.eq(seen(client), [(answer.get("id"), "1")], "and delivered, once")
    tap.eq(node.store()["doubts"], 1, "it was in doubt")


def close(node, **what):
    with Queue(node.queue) as queue:
        return queue.ask({"do": "close", **what})


@on_redis()
def closes(tap, place, redis):
    """On all nodes, behind what was published before; stops last."""
    first, second = nodes_at(place, redis, 2)
    streams = [follow(node, "a") for node in (first, second)]
    other = follow(second, "b")
    with Queue(first.queue) as queue:
        queue.send({"channel": "a", "data": "last"})
        queue.send({"do": "close", "channel": "a"})
        replies = [queue.reply(), queue.reply()]
    tap.eq(replies[1], {"ok": True, "closed": 2, "missing": []},
           "it says how many there were")
    for stream in streams:
        stream.wait_end()
        tap.eq([(event.type, event.data) for event in stream.events],
               [("message", "last"), ("crier.end", '{"reason":"closed"}')],
               "a stream ends behind the last event")
    follow(second, "a").close()
    tap.ok(not other.ended, "another channel's stays")
    stopped = follow(second, "a")
    close(first, channel="a", stop=True)
    stopped.wait_end()
    late = Node(place, "late", redis.url()).start()
    anns = [follow(node, "b", REMOTE_USER="ann") for node in (second, late)]
    close(first, user="ann", stop=True)
    for ann in anns:
        ann.wait_end()
    for node in (first, second, late):
        tap.eq([Direct(node.listen, "/events/" + channel,
                       REMOTE_USER=user).wait_end().status
                for channel, user in (("a", ""), ("b", "ann"))], [204, 204],
               f"{node}: nobody comes back")
    again = first.publish("a", "again")
    with redis.connect() as connection:
        connection.ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    proc.wait_for(lambda: second.store()["connects"] == 2, "they come again")
    second.wait_state("live")
    back = resume(second, "a", again)
    first.publish("a", "live")
    back.wait_events(1)
    tap.eq([event.data for event in back.events], ["live"],
           "an event lifts a channel's stop, and a hello leaves it so")
    back.close()
    redis.kill()
    first.wait_state("down", "connecting")
    tap.eq(close(first, channel="b")["code"], 75,
           "without the others it is not done")
    tap.ok(not other.ended, "nor anything of it")


@on_redis()
def with_few_rights(tap, place, redis):
    """The user and settings of conf/redis are enough, and not less."""
    folder = os.path.join(bench.SRCDIR, "conf", "redis")
    with open(os.path.join(folder, "redis.conf"), encoding="utf-8") as file:
        for line in file:
            if line.strip() and line[0] != "#":
                tap.eq(redis.ask("CONFIG", "SET", *line.split()), "OK",
                       line.strip())
    user, options = example_user(place, redis)
    url = f"redis+unix://{user}@{redis.path}"
    first, second = [Node(place, name, url, options).start()
                     for name in ("n1", "n2")]
    client = follow(second, "a")
    start = first.publish("a", "1", key="k", id="own")
    tap.eq(close(first, user="ann", stop=True)["ok"], True, "a close")
    with Queue(second.queue) as queue:
        answer = queue.ask({"channel": "a", "data": "x", "key": "k"})
    tap.eq(answer.get("id"), start, "a key")
    client.wait_events(1)
    first.publish("a", "2")
    tap.eq([event.data for event in
            resume(second, "a", "own").wait_events(1)], ["2"], "a resume")
    tap.eq(len(resume(first, "a", "1-0").wait_events(3)), 3, "from the start")
    first.kill()
    first.start()
    tap.eq(first.store()["last_error"], "", "all of it may be done")
    redis.ask("ACL", "SETUSER", "crier", "-xread")
    first.kill()
    first.awaits_store = False
    first.start()
    first.wait_log("NOPERM.*xread")
    tap.ok("xread" in first.store()["last_error"], "what may not is told")


@on_redis()
def others_entry(tap, place, redis):
    """An entry that is not crier's is told, and not asked for all the time."""
    first, second = nodes_at(place, redis, 2)
    stream = follow(first, "a")
    first.publish("a", "1")
    entry = redis.ask("XADD", "{crier}:log", "*", "b", "x", "d", "y")
    for node in (first, second):
        node.wait_log("none of crier's")
    time.sleep(2)
    for node in (first, second):
        text = node.log_text()
        tap.eq((text.count("none of crier's"), text.count("Redis is there")),
               (1, 1), f"{node}: it is logged once")
        count = node.store()["connects"]
        tap.ok(count < 8, f"{node} waits longer each time: {count}")
    redis.ask("XDEL", "{crier}:log", entry)
    for node in (first, second):
        proc.wait_for(lambda n=node: n.log_text().count("is there") == 2,
                      "it is read again")
    second.publish("a", "2")
    stream.wait_events(2)
    tap.eq([event.data for event in stream.events], ["1", "2"], "no gap")


@on_redis()
def too_large(tap, place, redis):
    """An event that no node could read in time is refused for good."""
    first, second = nodes_at(place, redis, 2, ["max-event=1M"])
    names = [f"c{i}" for i in range(4)]
    stream = follow(second, "c0")
    with Queue(first.queue) as queue:
        answer = queue.ask({"channel": names, "data": "x" * 1000000})
        tap.eq(answer.get("code"), 65, "four megabytes in four channels")
        tap.ok("too large" in answer.get("error", ""), "it says why", answer)
        answer = queue.ask({"channel": names[:3], "data": "y" * 1000000})
        tap.ok(answer.get("ok"), "three are taken", answer)
    stream.wait_events(1)
    tap.eq(stream.events[0].data[:1], "y", "and come")


TESTS = [one_order, resumes, keys, own_ids, a_node_goes, redis_is_killed,
         killed_in_between, forged, login, evicts, memory_is_full,
         scripts_are_flushed, it_hangs, it_dies_with_a_batch, closes,
         with_few_rights, others_entry, too_large]
