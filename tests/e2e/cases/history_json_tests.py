# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""History as JSON: over each store, through each door, by each rule."""

import json
import os
import signal
import time

from lib import fronts, proc, ways
from lib.daemon import Crierd
from lib.fcgi import Direct
from lib.redis import Node, on_redis

JSON = "application/json"
FIELDS = {"id", "event", "channel", "data", "at"}
CONFIG = """
channel "few" { keep = 3 }
channel "open/**" { subscribe = anyone }
channel "user/*" { subscribe = owner }
channel "closed" { subscribe = nobody }
"""


def _history(crierd, target, **more):
    with Direct(crierd.listen, target, **more) as answer:
        answer.wait_end()
    return answer


def _told(crierd, target, **more):
    answer = _history(crierd, target, HTTP_ACCEPT=JSON, **more)
    if answer.status != 200:
        raise AssertionError(f"{target}: {answer.raw!r}")
    return json.loads(answer.raw)


def _data(told):
    return [event["data"] for event in told["events"]]


def _pages(crierd, target, limit):
    """The data of all pages, and how many events each had."""
    told = _told(crierd, f"{target}&limit={limit}")
    data, sizes = _data(told), [len(told["events"])]
    while "next" in told:
        since = told["next"]
        told = _told(crierd, f"{target}&limit={limit}&since={since}")
        data += _data(told)
        sizes.append(len(told["events"]))
    return data, sizes


def _start(place, kind, config=CONFIG, options=()):
    if kind == "sqlite":
        place.store = "sqlite:" + place.run + "/history.db"
    return Crierd(place, options, config).start()


def _one_event(tap, crierd):
    before = int(time.time() * 1000)
    number = crierd.publish("a", "one\ntwo", event="up")
    own = crierd.publish("a", {"n": 1}, id="own/1")
    told = _told(crierd, "/events/a")
    after = int(time.time() * 1000)
    tap.ok(all(set(event) == FIELDS for event in told["events"]),
           "an event has all of its fields", str(told))
    first, second = told["events"]
    tap.eq((first["id"], first["event"], first["channel"], first["data"]),
           (number, "up", "a", "one\ntwo"), "they are as published")
    tap.ok(before - 2000 <= first["at"] <= after + 2000,
           "at is the time in milliseconds", first)
    tap.eq((second["id"], second["event"], second["data"]),
           (own, "message", '{"n":1}'),
           "an id of the publisher's, no name, and data that was JSON")
    tap.eq((told["ok"], told["gap"], "next" in told), (True, False, False),
           "nothing is missing, and nothing more there")


def _positions(tap, crierd):
    with crierd.connect() as queue:
        ids = queue.publish_all("b", [f"e{n}" for n in range(10)])
        queue.publish("c", "of c")
    told = _told(crierd, "/events/b")
    tap.eq(_data(told), [f"e{n}" for n in range(10)],
           "without a position all that is retained")
    tap.eq(_data(_told(crierd, f"/events/b?since={ids[6]}")),
           ["e7", "e8", "e9"], "since")
    tap.eq(_data(_told(crierd, "/events/b", HTTP_LAST_EVENT_ID=ids[8])),
           ["e9"], "Last-Event-ID")
    tap.eq(_data(_told(crierd, "/events/b?last=2")), ["e8", "e9"], "last")
    tap.eq(_data(_told(crierd, "/events/b?last=0")), [], "last=0")
    tap.eq(_data(_told(crierd, "/events/b?last=4&limit=3")),
           ["e6", "e7", "e8"], "limit cuts the end, not the beginning")
    tap.eq(_pages(crierd, "/events/b?last=7", 3),
           ([f"e{n}" for n in range(3, 10)], [3, 3, 1]), "next pages on")
    tap.eq(_pages(crierd, "/events/b?last=6", 3)[1], [3, 3],
           "without a page that is empty")
    part = _told(crierd, "/events/b?limit=4")
    tap.eq((part["next"], part["position"]), (ids[3], ids[3]),
           "a page's position is where the next one begins")
    with Direct(crierd.listen,
                f"/events?channel=b&channel=c&since={told['position']}") as s:
        s.wait_open()
        crierd.publish("b", "live")
        s.wait_events(1)
        tap.eq([event.data for event in s.events], ["live"],
               "a stream goes on from a position, and brings nothing twice")


def _several(tap, crierd):
    crierd.publish("x", "1")
    with crierd.connect() as queue:
        queue.publish(["x", "y"], "2")
        queue.publish("y", "3", id="own/3")
        queue.publish("x", "4")
    told = _told(crierd, "/events?channel=y&channel=x&channel=empty")
    tap.eq([(event["channel"], event["data"]) for event in told["events"]],
           [("x", "1"), ("y", "2"), ("y", "3"), ("x", "4")],
           "several channels in one order, an event of two once")
    told = _told(crierd, "/events?channel=y&channel=x&since=own%2F3")
    tap.eq(_data(told), ["4"], "from a publisher's id on")
    tap.eq(_data(_told(crierd, "/events?channel=y&channel=x&last=1")),
           ["3", "4"], "the last of each")


def _gaps(tap, crierd):
    with crierd.connect() as queue:
        ids = queue.publish_all("few", [f"f{n}" for n in range(8)])
    # A store drops what is too much in its idle moments.
    proc.wait_for(lambda: _told(crierd, f"/events/few?since={ids[1]}")["gap"],
                  "what is not kept is dropped")
    told = _told(crierd, f"/events/few?since={ids[1]}")
    tap.eq((_data(told), told["gap"]), (["f5", "f6", "f7"], True),
           "a gap is told, and what is left")
    told = _told(crierd, f"/events/few?since={ids[5]}")
    tap.eq((_data(told), told["gap"]), (["f6", "f7"], False), "no gap")
    told = _told(crierd, "/events/few?since=never-was")
    tap.eq((_data(told), told["gap"]), (["f5", "f6", "f7"], True),
           "an id that nobody knows is a gap before all")
    told = _told(crierd, "/events/few?since=all")
    tap.eq((_data(told), told["gap"]), (["f5", "f6", "f7"], False),
           "who wants all there is misses nothing")
    told = _told(crierd, "/events/empty?since=99999999999999-0")
    tap.eq((_data(told), told["gap"]), ([], True),
           "an id from the future was never given")
    crierd.publish("few", "short", expires=0.001)
    proc.wait_for(lambda: "short" not in _data(
        _told(crierd, "/events/few")), "an expired event is left out")


def _large(tap, crierd):
    """Answers end at 256 KiB, or with one event that is larger."""
    text = "\x01" * 30000
    with crierd.connect() as queue:
        queue.publish_all("big", [text] * 20)
    told = _told(crierd, "/events/big")
    tap.eq((len(told["events"]), "next" in told), (8, True),
           "an answer is bounded in bytes")
    data, sizes = _pages(crierd, "/events/big?last=20", 1000)
    tap.eq((data == [text] * 20, sizes), (True, [8, 8, 4]),
           "and nothing is lost at the bound")
    crierd.publish("huge", "\n" * 100000)
    crierd.publish("huge", "after")
    data, sizes = _pages(crierd, "/events/huge?last=2", 1000)
    tap.eq((data == ["\n" * 100000, "after"], sizes), (True, [1, 1]),
           "an event that is larger than the bound comes alone")


def _shell(tap, crierd):
    done = crierd.crier("history", "x", "y")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    tap.eq((done.returncode, [line["data"] for line in lines],
            all(set(line) == FIELDS for line in lines)),
           (0, ["1", "2", "3", "4"], True), "crier history: an event a line")
    done = crierd.crier("history", "-d", "-n", "1", "x")
    tap.eq(done.stdout, b"4\n", "-d -n")
    done = crierd.crier("history", "-d", "--since", "own/3", "x", "y")
    tap.eq(done.stdout, b"4\n", "--since")
    done = crierd.crier("history", "-d", "--since", "never-was", "x")
    tap.eq((done.stdout, b"may be missing" in done.stderr),
           (b"1\n2\n4\n", True), "a gap is told on standard error")
    done = crierd.crier("history", "empty")
    tap.eq((done.returncode, done.stdout), (0, b""), "nothing is no error")
    done = crierd.crier("history", "-d", "big")
    tap.eq((done.returncode, done.stdout.count(b"\n")), (0, 20),
           "all pages are asked for")


def by_store(kind):
    def case(tap, place):
        crierd = _start(place, kind, options=("max-event=1M",))
        for part in (_one_event, _positions, _several, _gaps, _large, _shell):
            part(tap, crierd)
        before = [_told(crierd, f"/events/{name}")["events"]
                  for name in ("a", "b", "x", "few")]
        if kind == "memory":
            return
        crierd.kill()
        crierd.start()
        tap.eq([_told(crierd, f"/events/{name}")["events"]
                for name in ("a", "b", "x", "few")], before,
               "the same from the store after a kill")
        tap.eq(_pages(crierd, "/events?channel=b&channel=x&last=4", 2),
               (["e7", "e8", "e9", "live", "1", "2", "4"], [2, 2, 2, 1]),
               "in pages")
        told = _told(crierd, "/events?channel=y&channel=x&since=own%2F3")
        tap.eq(_data(told), ["4"], "from a publisher's id on, in the store")
        _gaps(tap, crierd)
        figures = crierd.status()["histories"]
        tap.ok(figures["answered"] > 10 and figures["waiting"] == 0,
               "status counts", str(figures))
    case.__name__ = f"history_{kind}"
    return case


# By which way, and who.

RULES = (("/events/open/a", {}, 200), ("/events/closed", {}, 403),
         ("/events/closed", {"REMOTE_USER": "ann"}, 403),
         ("/events/user/ann", {}, 401),
         ("/events/user/ann", {"REMOTE_USER": "bob"}, 403),
         ("/events/user/ann", {"REMOTE_USER": "ann"}, 200),
         ("/events", {}, 400), ("/events/a%20b", {}, 400),
         ("/events/$stats", {}, 403), ("/elsewhere", {}, 404),
         ("/events/a?limit=0", {}, 400), ("/events/a?limit=1001", {}, 400),
         ("/events/a?last=x", {}, 400), ("/events/a?format=no", {}, 400))


def through(tap, place, kind):
    front = kind(place, CONFIG)
    front.crierd.publish("open/a", "x")
    for target, who, status in RULES:
        answer = front.fetch(target, HTTP_ACCEPT=JSON, **who)
        tap.eq((answer.status, json.loads(answer.raw)["ok"]),
               (status, status == 200), f"{target} {who}")
    answer = front.fetch("/events/open/a?format=json")
    head = fronts.headers_of(answer)
    tap.eq((head["content-type"], head["cache-control"],
            head["x-content-type-options"]),
           (JSON, "no-store", "nosniff"), "its header")
    tap.eq(_data(json.loads(answer.raw)), ["x"], "?format=json")
    answer = front.fetch("/events/open/a?format=json", "HEAD")
    tap.eq((fronts.headers_of(answer), answer.raw), (head, b""),
           "HEAD has the same, and no body")
    answer = front.post("/events", {"channel": "open/a", "last": 1,
                                    "format": "json"}, kind="json")
    tap.eq(_data(json.loads(answer.raw)), ["x"], "POST, as fetch() has it")
    answer = front.fetch("/events/open/a?poll=0", HTTP_ACCEPT="*/*")
    tap.eq("text/event-stream" in fronts.headers_of(answer)["content-type"],
           True, "who takes anything gets the stream")


def origins(tap, place):
    crierd = Crierd(place, config='allow-origin = { "https://a.example" }\n'
                    ).start()
    crierd.publish("a", "x")
    for origin, want in (("https://a.example", "https://a.example"),
                         ("https://b.example", None)):
        answer = _history(crierd, "/events/a?format=json", HTTP_ORIGIN=origin)
        head = fronts.headers_of(answer)
        tap.eq((head.get("access-control-allow-origin"), head["vary"]),
               (want, "Origin"), f"{origin} is told as of any answer")


def a_route_of_its_own(tap, place):
    crierd = Crierd(place, config="""
route "GET /chat/{room}" { subscribe = { "chat/{room}", "all" } last = 2 }
route "GET /by/format" { subscribe = "{query.format}" }
route "GET /poll" { subscribe = "all" poll = 30 }
""").start()
    for number in range(3):
        crierd.publish("chat/7", f"c{number}")
    crierd.publish("all", "to all")
    tap.eq([(e["channel"], e["data"]) for e in
            _told(crierd, "/chat/7")["events"]],
           [("chat/7", "c1"), ("chat/7", "c2"), ("all", "to all")],
           "the route's last holds for who names no position")
    tap.eq(_data(_told(crierd, "/chat/7?since=all")),
           ["c0", "c1", "c2", "to all"], "and for nobody else")
    crierd.publish("json", "by name")
    tap.eq(_data(_told(crierd, "/by/format?format=json")), ["by name"],
           "a parameter that names a channel is no format")
    tap.eq(_data(_told(crierd, "/poll")), ["to all"],
           "a route that polls answers at once")


@on_redis()
def store_is_away(tap, place, redis):
    """What cannot be told for now is 503, and no stream."""
    node = Node(place, "n1", redis.url(), config=CONFIG).start()
    node.publish("a", "x")
    tap.eq(_data(_told(node, "/events/a")), ["x"], "while it is there")
    redis.kill()
    node.wait_state("down", "connecting")
    answer = _history(node, "/events/b?format=json")
    head = fronts.headers_of(answer)
    tap.eq((answer.status, head["retry-after"], head["content-type"]),
           (503, "5", JSON), "what only the store may have")
    done = node.crier("history", "b")
    tap.eq(done.returncode, 75, "in the shell")
    tap.ok(node.status()["histories"]["refused"] >= 2, "status counts that")


@on_redis()
def a_node_behind(tap, place, redis):
    """From a faster node's position nothing is missed, and no gap told."""
    nodes = [Node(place, f"n{i}", redis.url(), config=CONFIG).start()
             for i in (1, 2)]
    nodes[0].publish("a", "one")
    nodes[1].publish("a", "two")
    for node in nodes:
        proc.wait_for(lambda node=node: _data(_told(node, "/events/a"))
                      == ["one", "two"], "both are at both")
    os.kill(nodes[1].pid, signal.SIGSTOP)
    nodes[0].publish("a", "three")
    position = _told(nodes[0], "/events/a")["position"]
    asked = Direct(nodes[1].listen, f"/events/a?format=json&since={position}")
    os.kill(nodes[1].pid, signal.SIGCONT)
    asked.wait_end()
    told = json.loads(asked.raw)
    tap.eq((_data(told), told["gap"]), ([], False), "nothing behind it")
    tap.ok(told["position"] >= position, "and no step back", str(told))


def lines_in_order(tap, place):
    """Replies stand in the order of the lines, whoever waits for a store."""
    crierd = _start(place, "sqlite")
    crierd.publish("a", "old")
    crierd.kill()
    crierd.start()
    with crierd.connect() as queue:
        for _turn in range(3):
            queue.send(b'{"channel":"a","data":"new"}\n'
                       b'{"do":"history","channel":"a"}\n'
                       b'{"channel":"b","data":"behind"}\n'
                       b'{"do":"status"}\n'
                       b'{"do":"history","channel":["a","b"]}\n')
            replies = [queue.reply() for _line in range(5)]
            tap.eq(["id" in replies[0], "events" in replies[1],
                    "id" in replies[2], "version" in replies[3],
                    "events" in replies[4]], [True] * 5, "each at its place")
            tap.eq([_data(replies[1])[-1], _data(replies[4])[-1]],
                   ["new", "behind"], "a history has what stood before it")
    for _turn in range(20):
        with crierd.connect() as queue:
            queue.send({"do": "history", "channel": "a"})
    proc.wait_for(lambda: crierd.status()["histories"]["waiting"] == 0,
                  "those who left are not waited for")
    with crierd.connect() as queue:
        for line, code in (({"channel": []}, 65), ({}, 65),
                           ({"channel": ["a", "a"]}, 65),
                           ({"channel": "a b"}, 65),
                           ({"channel": "$x"}, 65),
                           ({"channel": "a", "limit": 1001}, 65),
                           ({"channel": "a", "stop": True}, 65)):
            answer = queue.ask({"do": "history", **line})
            tap.eq((answer["ok"], answer["code"]), (False, code), str(line))


def publishing_waits_for_none(tap, place, kind):
    """Many histories from the store, and an event by the same door."""
    place.store = "sqlite:" + place.run + "/history.db"
    crierd = Crierd(place, config="""
route "POST /pub" { publish = "b"  data = "{body}" }
route "GET /events/{channel}" { subscribe = "{channel}" }
channel "**" { publish = anyone }
""").start()
    with crierd.connect() as queue:
        queue.publish_all("a", ["x" * 2000] * 400)
    crierd.kill()
    front = kind(place, crierd=crierd.start())
    asked = [front.open("/events/a?format=json") for _n in range(60)]
    answer = front.post("/pub", b"text", kind="text")
    answered = crierd.status()["histories"]["answered"]
    tap.eq(answer.status, 200, "the event is taken")
    tap.ok(answered < 60, "before all of the histories are told", answered)
    for other in asked:
        other.wait_end()
    tap.eq({other.status for other in asked}, {200}, "and these are")
    figures = crierd.status()["queue"]
    tap.ok(figures["connections"] <= 4, "by one connection more",
           str(figures))
    # What is asked when a hub has ended is asked of the next one.
    crierd.kill()
    if kind is fronts.Front:
        crierd.start()
    proc.wait_for(lambda: front.fetch("/events/a?format=json&limit=1").status
                  == 200, "the next hub is asked")


def through_each(tap, place, name):
    """A long answer comes whole through each file of conf/."""
    way = ways.Way(place, name)
    target = "/events/a?format=json"
    with way.web.fetch(target) as answer:
        tap.eq((answer.status, answer.json()["events"]), (200, []),
               "nothing yet")
    with way.crierd.connect() as queue:
        queue.publish("a", "short")
    answer = way.web.fetch("/events/a", headers={"Accept": JSON})
    tap.eq((answer.headers["content-type"], _data(answer.json())),
           (JSON, ["short"]), "a short one")
    answer = way.web.fetch("/events/a", method="HEAD",
                           headers={"Accept": JSON})
    tap.eq((answer.status, answer.headers["content-type"], answer.raw),
           (200, JSON, b""), "HEAD")
    with way.crierd.connect() as queue:
        queue.publish_all("a", ["x" * 60000] * 4)
    answer = way.web.fetch(target)
    tap.ok(answer.clean and answer.received > 240000, "a long one is whole",
           str(answer.received))


TESTS = [by_store("memory"), by_store("sqlite"),
         *fronts.by_each(through),
         *fronts.by_each(publishing_waits_for_none, fronts.Front, fronts.Door),
         origins, a_route_of_its_own,
         lines_in_order, store_is_away, a_node_behind]
OVER_REDIS = [by_store("redis")]
THROUGH = ways.each(through_each)
