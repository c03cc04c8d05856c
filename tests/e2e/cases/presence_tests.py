# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""crier's own channels: $streams and $stats."""

import json
import shlex
import signal
import socket

from lib import bench, proc
from lib.fcgi import Direct
from lib.store_tools import Stored
from cases.verb_tests import Tail

CONFIG = """
stall-time = 1
channel "brief" { max-time = 0.5 }
"""
MANY = 1000
STREAMS = "$streams"

# What a shell makes of it: a file with a line for each event.
SCRIPT = """
%s -s "$1" -w 30 tail -d '$streams' | while read -r line; do
    printf '%%s\\n' "$line" >> "$2"
done
"""


class Watcher:
    """A shell script that follows $streams."""

    def __init__(self, place, crierd):
        self.path = place.path("seen")
        before = _watchers(crierd)
        with open(self.path, "wb"):
            pass
        self.script = proc.Proc(
            ["/bin/sh", "-c", SCRIPT % shlex.join(bench.CRIER), "sh",
             crierd.queue, self.path], place.log("script.log"))
        place.own(self.script)
        proc.wait_for(lambda: _watchers(crierd) > before,
                      "the script follows")

    def all(self):
        with open(self.path, encoding="utf-8") as seen:
            return [json.loads(line) for line in seen
                    if line.endswith("\n")]

    def wait(self, condition, what, seconds=20):
        proc.wait_for(lambda: [e for e in self.all() if condition(e)], what,
                      seconds)
        return [e for e in self.all() if condition(e)][0]

    def wait_close(self, channel):
        return self.wait(lambda e: e["do"] == "close"
                         and e["channels"] == [channel],
                         f"the close of a stream of {channel}")


def _watchers(crierd):
    with crierd.connect() as queue:
        status = queue.ask({"do": "status", "streams": True})
    return len([s for s in status["list"] if STREAMS in s["channels"]])


def _slow(crierd):
    """A client that takes nothing."""
    stuck = Direct(crierd.listen, "/events/big").wait_open()
    stuck.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    with crierd.connect() as queue:
        queue.publish_all("big", ("x" * 60000 for _n in range(20)))
    return stuck


def _reasons(tap, place, kind):
    crierd = Stored(place, config=CONFIG, kind=kind).start()
    is_node = {"node"} if crierd.store()["kind"] == "redis" else set()
    watcher = Watcher(place, crierd)
    with Direct(crierd.listen, "/events/left", REMOTE_USER="anna",
                REMOTE_ADDR="192.0.2.7") as stream:
        stream.wait_open()
        event = watcher.wait(lambda e: e["channels"] == ["left"], "an open")
        number = event.pop("stream")
        tap.eq({"node"} & event.keys(), is_node, "whose it is")
        event.pop("node", None)
        tap.eq(event, {"do": "open", "user": "anna", "address": "192.0.2.7",
                       "channels": ["left"], "door": "fastcgi"}, "open: who, and what")
        crierd.publish("left", "one")
        stream.wait_events(1)
        count = len(stream.raw)
    event = watcher.wait_close("left")
    tap.ok(event.pop("bytes") >= count and event.pop("seconds") >= 0,
           "close: bytes and seconds", event)
    event.pop("node", None)
    tap.eq(event, {"do": "close", "stream": number, "user": "anna",
                   "address": "192.0.2.7", "channels": ["left"], "door": "fastcgi",
                   "events": 1,
                   "reason": "client"}, "close: the client has left")
    with Direct(crierd.listen, "/events/brief") as stream:
        stream.wait_end()
        tap.eq(watcher.wait_close("brief")["reason"], "timeout", "max-time")
    with Direct(crierd.listen, "/events/shut") as stream:
        stream.wait_open()
        crierd.crier("close", "shut")
        tap.eq(watcher.wait_close("shut")["reason"], "closed", "crier close")
    with _slow(crierd):
        tap.eq(watcher.wait_close("big")["reason"], "slow", "stall-time")
    _shutdown(tap, crierd, watcher)
    if kind:
        return
    crierd.start()
    follower = Tail(place, crierd, "-d", "-n", "100", STREAMS)
    kept = [json.loads(line) for line in
            follower.wait_lines(len(watcher.all()))]
    tap.eq(kept, watcher.all(), "all of it is in the store")
    follower.destroy()


def _shutdown(tap, crierd, watcher):
    with Direct(crierd.listen, "/events/last") as stream, _slow(crierd):
        stream.wait_open()
        crierd.stop(signal.SIGTERM)
        tap.eq(watcher.wait_close("last")["reason"], "shutdown", "SIGTERM")
        proc.wait_for(lambda: [e for e in watcher.all()
                               if e["channels"] == ["big"]
                               and e.get("reason") == "shutdown"],
                      "the end of one that is stuck")
    events = watcher.all()
    opened = [e["stream"] for e in events if e["do"] == "open"]
    closed = [e["stream"] for e in events if e["do"] == "close"]
    tap.eq((sorted(opened), len(set(opened))), (sorted(closed), len(opened)),
           "each that was opened was closed, once")


def reasons_in_memory(tap, place):
    _reasons(tap, place, "memory")


def reasons_in_store(tap, place):
    _reasons(tap, place, "")


def _count(tap, place, kind):
    """Each is told once, to whoever follows, and in order."""
    crierd = Stored(place, kind=kind).start()
    watcher = Watcher(place, crierd)
    streams = [Direct(crierd.listen, f"/events/c{n % 7}")
               for n in range(MANY)]
    for stream in streams:
        stream.wait_open()
    tap.eq(crierd.status()["streams"], MANY + 1, f"{MANY} streams")
    for stream in streams:
        stream.close()
    crierd.wait_streams(1)
    proc.wait_for(lambda: len(watcher.all()) >= 2 * MANY, "all of it", 30)
    with Direct(crierd.listen, "/events/more") as stream:
        stream.wait_open()
        watcher.wait(lambda e: e["channels"] == ["more"], "one more")
    events = [e for e in watcher.all() if e["channels"] != ["more"]]
    opened = [e["stream"] for e in events if e["do"] == "open"]
    closed = [e["stream"] for e in events if e["do"] == "close"]
    tap.eq((len(opened), len(set(opened))), (MANY, MANY),
           f"{MANY} are opened")
    tap.eq((len(closed), set(closed)), (MANY, set(opened)),
           f"{MANY} are closed")
    tap.eq(events[:MANY], [e for e in events if e["do"] == "open"],
           "in the order in which it happened")
    tap.eq(crierd.status()["events"]["published"], 0,
           "they are nobody's publications")


def a_thousand_in_memory(tap, place):
    _count(tap, place, "memory")


def a_thousand_in_store(tap, place):
    _count(tap, place, "")


def watchers_are_not_watched(tap, place):
    crierd = Stored(place, kind="memory").start()
    with Direct(crierd.listen, "/events/a") as early:
        early.wait_open()
        both = Tail(place, crierd, "-d", "$streams", "a")
        more = Tail(place, crierd, "-d", "$streams", "$stats")
        event = json.loads(both.wait_lines(1)[0])
        tap.eq((event["do"], event["channels"], event["address"]),
               ("open", ["$streams", "a"], "queue"),
               "who follows others too is told of itself, once")
        watcher = Watcher(place, crierd)
        crierd.wait_streams(4)
        crierd.crier("close", "--stream", str(event["stream"]))
        event = watcher.wait(lambda e: e["do"] == "close", "its close")
        tap.eq((event["channels"], event["reason"]),
               (["$streams", "a"], "closed"), "and others of its end")
        tap.eq([e for e in watcher.all() if "a" not in e["channels"]], [],
               "of who only watches nobody is told")
        both.destroy()
        more.destroy()


def names_with_a_dollar(tap, place):
    crierd = Stored(place, kind="memory").start()
    with crierd.connect() as queue:
        for name in ("$streams", "$stats", "$other"):
            answer = queue.ask({"channel": name, "data": "x"})
            tap.eq((answer["ok"], answer["code"]), (False, 77),
                   f"nobody may publish to {name}")
        answer = queue.ask({"do": "stream", "channel": ["a", "$other"]})
        tap.ok(answer["code"] == 65 and "$stats" in answer["error"],
               "there is no $other to follow", answer)
    for name in ("$streams", "$stats"):
        with Direct(crierd.listen, "/events/" + name).wait_end() as stream:
            tap.eq(stream.status, 403, f"{name} is not for the web")


def a_second_of_figures(tap, place):
    crierd = Stored(place).start()
    follower = Tail(place, crierd, "-d", "$stats")
    crierd.wait_streams(1)
    with Direct(crierd.listen, "/events/a") as stream:
        stream.wait_open()
        for number in range(5):
            crierd.publish("a", str(number))
        stream.wait_events(5)
        count = len(follower.wait_lines(0))
        first = json.loads(follower.wait_lines(count + 1)[count])
        last = json.loads(follower.wait_lines(count + 2)[count + 1])
    for name in ("streams", "channels", "published", "delivered", "bytes",
                 "writes", "published_per_second", "delivered_per_second",
                 "history_bytes", "store_wait_ms"):
        tap.ok(isinstance(first.get(name), int), f"it has {name}", first)
    tap.ok(last["published"] == 5 and last["streams"] == 2,
           "as it is", last)
    follower.destroy()
    crierd.wait_streams(0)
    proc.wait_for(lambda: crierd.status()["channels"] == 1,
                  "nothing of it stays")
    tap.eq((crierd.store()["events"], crierd.store()["channels"]), (5, 1),
           "and nothing was stored")


def a_crash(tap, place):
    """Presence is what is; who resumes is told that closes are missing."""
    crierd = Stored(place).start()
    before = Tail(place, crierd, STREAMS)
    crierd.wait_streams(1)
    room = [Direct(crierd.listen, "/events/room", REMOTE_USER=f"u{n % 2}")
            .wait_open() for n in range(5)]
    lines = [json.loads(line) for line in before.wait_lines(5)]
    tap.eq(_presence(crierd), (5, [("u0", 3), ("u1", 2)]), "five are there")
    crierd.kill()
    crierd.start()
    before.destroy()
    tap.eq(_presence(crierd), (0, []), "after a kill there is nobody")
    again = [Direct(crierd.listen, "/events/room", REMOTE_USER="u9")
             .wait_open() for _n in range(2)]
    tap.eq(_presence(crierd), (2, [("u9", 2)]), "but those who came back")
    after = Tail(place, crierd, "--since", lines[2]["id"], STREAMS)
    got = [json.loads(line) for line in after.wait_lines(3)]
    tap.eq((got[0]["event"], got[1:3]), ("crier.gap", lines[3:]),
           "$streams: a gap, then what is known")
    again.pop().close()
    proc.wait_for(lambda: len(_closes(after)) > 0, "a close is told")
    tap.ok("u9" in _closes(after)[0]["data"], "and on it goes",
           _closes(after))
    tap.eq(_presence(crierd), (1, [("u9", 1)]), "one is left")
    after.destroy()
    for stream in room + again:
        stream.close()


def _closes(tail):
    events = [json.loads(line) for line in tail.wait_lines(0)]
    return [event for event in events if event["event"] == "close"]


def _presence(crierd):
    with crierd.connect() as queue:
        answer = queue.ask({"do": "presence", "channel": "room"})
    return (answer["streams"],
            [(u["user"], u["streams"]) for u in answer["users"]])


TESTS = (reasons_in_memory, reasons_in_store, a_thousand_in_memory,
         a_thousand_in_store, watchers_are_not_watched, names_with_a_dollar,
         a_second_of_figures, a_crash)
OVER_REDIS = (reasons_in_store, a_thousand_in_store, a_crash)
