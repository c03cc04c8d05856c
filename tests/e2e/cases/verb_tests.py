# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""crier tail, status and close."""

import json
import os
import pty
import re
import select
import subprocess
import tty

from lib import bench, proc
from lib.daemon import Crierd
from lib.fcgi import Direct


class Tail:
    """A running crier tail and the lines that it has printed."""

    def __init__(self, place, crierd, *arguments, terminal=False):
        if terminal:
            its_own, out = pty.openpty()
            tty.setraw(out)
        else:
            its_own, out = os.pipe()
        with open(place.log("tail.log"), "ab") as log:
            self.child = subprocess.Popen(
                bench.CRIER + ["-s", crierd.queue, "tail", *arguments],
                stdin=subprocess.DEVNULL, stdout=out, stderr=log)
        os.close(out)
        self.out = open(its_own, "rb", buffering=0)
        os.set_blocking(its_own, False)
        self.text = b""
        place.own(self)

    def wait_lines(self, count):
        def look():
            select.select([self.out], [], [], 0.05)
            self.text += self.out.read(65536) or b""
            return self.text.count(b"\n") >= count
        proc.wait_for(look, f"{count} lines of crier tail: {self.text!r}")
        return self.text.decode().splitlines()

    def destroy(self):
        self.child.kill()
        self.child.wait()
        self.out.close()


def tail_follows(tap, place):
    crierd = Crierd(place).start()
    ids = [crierd.publish("a", f"old {n}") for n in range(5)]
    live = Tail(place, crierd, "a", "b")
    data = Tail(place, crierd, "-d", "a")
    crierd.wait_streams(2)
    event_id = crierd.publish("b", "new\nlines", event="e")
    line = json.loads(live.wait_lines(1)[0])
    tap.eq({k: line.get(k) for k in ("id", "event", "data")},
           {"id": event_id, "event": "e", "data": "new\nlines"},
           "an event is a line of JSON, as it arrives")
    crierd.publish("a", "plain")
    tap.eq(data.wait_lines(1), ["plain"], "-d: the data alone")
    line = json.loads(live.wait_lines(2)[1])
    tap.eq(line["data"], "plain", "in order")

    last = Tail(place, crierd, "-d", "-n", "2", "a")
    tap.eq(last.wait_lines(2), ["old 4", "plain"], "-n 2: the last two first")
    since = Tail(place, crierd, "-d", "--since", ids[2], "a")
    tap.eq(since.wait_lines(3), ["old 3", "old 4", "plain"],
           "--since ID: what came after it")
    crierd.publish("a", "to both")
    tap.eq((last.wait_lines(3)[2:], since.wait_lines(4)[3:]),
           (["to both"], ["to both"]), "and on they go")
    for follower in (live, data, last, since):
        follower.destroy()
    crierd.wait_streams(0)
    tap.ok(True, "each that is ended is gone from status")


def tail_on_a_terminal(tap, place):
    """It would act on what a publisher sends."""
    crierd = Crierd(place).start()
    evil = "a\x1b]0;x\x07b\u009b2Jc\x7fd\te\\\u00e9\nf\x01"
    for words in (("-d",), ()):
        seen = Tail(place, crierd, *words, "a", terminal=True)
        piped = Tail(place, crierd, *words, "a")
        crierd.wait_streams(2)
        crierd.publish("a", evil, event="x\u009b")
        count = 2 if words else 1
        shown = "\n".join(seen.wait_lines(count))
        plain = "\n".join(piped.wait_lines(count))
        tap.ok(not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", shown),
               f"{words}: a terminal gets none", repr(shown))
        if words:
            tap.eq(plain, evil, "-d: a pipe gets the data as they are")
            tap.eq(shown, "a\\u001b]0;x\\u0007b\\u009b2Jc\\u007fd\te\\\u00e9"
                   "\nf\\u0001", "-d: they are escaped, and nothing else")
        else:
            tap.eq((json.loads(shown)["data"], json.loads(plain)["data"]),
                   (evil, evil), "a line of JSON stays the same event")
        for follower in (seen, piped):
            follower.destroy()
        crierd.wait_streams(0)


def status_tells(tap, place):
    crierd = Crierd(place).start()
    with Direct(crierd.listen, "/events?channel=a&channel=b") as stream:
        stream.wait_open()
        crierd.publish("a", "x")
        crierd.publish("c", "y")
        value = crierd.status()
        tap.eq((value["pid"], value["streams"]), (crierd.pid, 1),
               "status -j: pid and streams")
        done = crierd.crier("status")
        text = done.stdout.decode()
        tap.ok(done.returncode == 0 and str(crierd.pid) in text
               and not text.lstrip().startswith("{"),
               "status: for people", text)
        for words in (r"^streams +1$", r"^channels +3$",
                      r"^  published +2$", r"^  kind +memory$"):
            tap.match(re.compile(words, re.M), text, f"it has {words}")
        tap.ok(len(text.splitlines()) < 24 and "limits" not in text,
               "on one screen", text)
        everything = crierd.crier("status", "-v").stdout.decode()
        tap.ok("\nlimits\n" in everything and {line.split()[0] for line
               in text.splitlines() if line} <= set(everything.split()),
               "status -v: all of it, and more", everything)
        lines = crierd.crier("status", "-c").stdout.decode().splitlines()
        tap.eq([line.split()[0] for line in lines],
               ["channel", "a", "c", "b"], "status -c: the channels")
        done = crierd.crier("status", "-cj")
        tap.eq([(c["channel"], c["events"], c["streams"]) for c
                in json.loads(done.stdout)["channel_list"]],
               [("a", 1, 1), ("c", 1, 0), ("b", 0, 1)], "-cj: as JSON")


def close_ends_streams(tap, place):
    crierd = Crierd(place).start()
    streams = {name: Direct(crierd.listen, f"/events/{channel}",
                            REMOTE_USER=user).wait_open()
               for name, channel, user in (
                   ("news", "news", ""), ("alice", "other", "alice"),
                   ("bob", "other", "bob"), ("carol", "other", "carol"))}
    first = crierd.publish("news", "last words")
    done = crierd.crier("close", "news")
    tap.eq(done.returncode, 0, "close CHANNEL")
    streams["news"].wait_end()
    kinds = [e.type for e in streams["news"].events]
    tap.eq(kinds, ["message", "crier.end"],
           "its stream gets its events, then crier.end")
    tap.ok("reason" in json.loads(streams["news"].events[-1].data),
           "with a reason")
    with Direct(crierd.listen, "/events/news") as again:
        tap.ok(again.wait_open(), "and may come back")
    tap.eq(crierd.crier("close", "--user", "alice").returncode, 0,
           "close --user")
    streams["alice"].wait_end()
    tap.ok(not streams["bob"].ended, "only that user's end")
    # Streams are numbered as they open.
    tap.eq(crierd.crier("close", "--stream", "3").returncode, 0,
           "close --stream ID")
    streams["bob"].wait_end()
    crierd.publish("other", "x")
    tap.eq(streams["carol"].wait_events(1)[0].data, "x", "only that one ends")
    _stop_user(tap, crierd, streams["carol"])

    tap.eq(crierd.crier("close", "--stop", "news").returncode, 0,
           "close --stop CHANNEL")
    with Direct(crierd.listen, "/events/news").wait_end() as stopped:
        tap.eq((stopped.status, stopped.raw), (204, b""), "204 afterwards")
    with Direct(crierd.listen, "/events/news",
                HTTP_LAST_EVENT_ID=first).wait_end() as stopped:
        tap.eq(stopped.status, 204, "also when nothing is missing")
    crierd.publish("news", "open again")
    with Direct(crierd.listen, "/events/news",
                HTTP_LAST_EVENT_ID=first) as again:
        tap.eq(again.wait_events(1)[0].data, "open again",
               "publishing opens it again")


def _stop_user(tap, crierd, stream):
    done = crierd.crier("close", "--stop", "--user", "carol")
    tap.eq(done.returncode, 0, "close --stop --user")
    stream.wait_end()
    with Direct(crierd.listen, "/events/other",
                REMOTE_USER="carol").wait_end() as again:
        tap.eq(again.status, 204, "that user may not come back")
    with Direct(crierd.listen, "/events/other", REMOTE_USER="dave") as other:
        tap.ok(other.wait_open(), "others may")


def a_resume_of_a_stopped_channel(tap, place):
    """What is still missing comes first, then the end, then 204."""
    crierd = Crierd(place).start()
    ids = [crierd.publish("news", f"e{n}") for n in range(3)]
    crierd.crier("close", "--stop", "news")
    with Direct(crierd.listen, "/events/news",
                HTTP_LAST_EVENT_ID=ids[0]).wait_end() as late:
        tap.eq([(e.type, e.data) for e in late.events][:2],
               [("message", "e1"), ("message", "e2")],
               "events still missing are sent")
        tap.eq([e.type for e in late.events][2:], ["crier.end"],
               "then the end")
    with Direct(crierd.listen, "/events/news",
                HTTP_LAST_EVENT_ID=ids[2]).wait_end() as later:
        tap.eq(later.status, 204, "then 204")


TESTS = (tail_follows, tail_on_a_terminal, status_tells, close_ends_streams,
         a_resume_of_a_stopped_channel)
