# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""crierd by itself: limits of streams, answers, and its log."""

import json
import os
import re

from lib import bench, proc
from lib.daemon import Crierd
from lib.fcgi import Direct

LOG_LINE = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ crierd\[\d+\] "
                      r"(error|warning|info|debug): .*$")


def answers_when_it_is_full(tap, place):
    crierd = Crierd(place, ["max-streams=2"]).start()
    two = [Direct(crierd.listen, "/events/a").wait_open() for _n in range(2)]
    retries = set()
    for _n in range(10):
        with Direct(crierd.listen, "/events/a").wait_end() as third:
            retries.add(third.parser.retry)
            good = (third.status == 200 and third.protocol_status == 0
                    and b"text/event-stream" in third.head
                    and third.parser.retry and third.parser.comments
                    and not third.events)
            if not good:
                break
    tap.ok(good, "full: 200, a retry, a comment that says why, a clean end",
           third.head, third.raw)
    tap.ok(len(retries) > 3, "the retry differs from client to client",
           retries)
    two.pop().close()
    crierd.wait_streams(1)
    with Direct(crierd.listen, "/events/a").wait_open() as stream:
        crierd.pub("a", "room")
        tap.eq(stream.wait_events(1)[0].data, "room",
               "when one has left there is room for another")


def default_routes(tap, place):
    crierd = Crierd(place).start()
    for target, method, statuses in (
            ("/", "GET", (404,)), ("/event", "GET", (404,)),
            ("/eventsx", "GET", (404,)), ("/x/events", "GET", (404,)),
            ("/events", "GET", (400,)), ("/events?channel=a", "PUT", (405,)),
            ("/events/a", "PATCH", (405,)),
            ("/events?channel=a%00b", "GET", (400,)),
            ("/events/a%zz", "GET", (400,)),
            ("/events?channel=" + "a" * 256, "GET", (400,))):
        with Direct(crierd.listen, target, method=method).wait_end() as got:
            try:
                told = json.loads(got.raw)["ok"] is False
            except (ValueError, KeyError):
                told = False
            tap.ok(got.status in statuses and told
                   and b"application/json" in got.head.lower()
                   and got.protocol_status == 0,
                   f"{method} {target[:20]}: {statuses[0]} in JSON",
                   f"{got.head} {got.raw}")
    with Direct(crierd.listen, "/events/" + "a" * 255) as longest:
        tap.ok(longest.wait_open(), "a name of 255 bytes is good")
    with Direct(crierd.listen, "/events/a", method="HEAD").wait_end() as head:
        tap.eq((head.status, head.raw), (200, b""), "HEAD has no body")
    with Direct(crierd.listen, "/events/a?padding=2048") as padded:
        padded.wait_open()
        tap.ok(re.match(rb":.{2046,2047}\n", padded.raw),
               "padding=2048: a comment of so many bytes first",
               padded.raw[:100])


def requests_one_after_another(tap, place):
    """A kept connection carries further requests (FCGI_KEEP_CONN)."""
    crierd = Crierd(place).start()
    with Direct(crierd.listen, "/nothing", keep=True) as first:
        first.wait_end()
        tap.eq((first.status, first.closed), (404, False),
               "the connection stays")
        first.send_again("/events/a")
        first.wait_open()
        crierd.pub("a", "on a kept connection")
        tap.eq(first.wait_events(1)[0].data, "on a kept connection",
               "and carries a stream")


def logs_a_line_per_stream(tap, place):
    crierd = Crierd(place).start()
    with Direct(crierd.listen, "/events/weather/today",
                REMOTE_ADDR="192.0.2.7", REMOTE_USER="alice") as stream:
        stream.wait_open()
        crierd.pub("weather/today", "rain")
        stream.wait_events(1)
    crierd.wait_streams(0)
    lines = [line for line in crierd.log_text().splitlines()
             if "weather/today" in line]
    tap.eq(len(lines), 1, "one line for one stream")
    line = lines[0] if lines else ""
    for word in ("192.0.2.7", "alice", "client"):
        tap.ok(word in line, f"it tells {word}", line)


HOSTILE = "eve\nforged line\r\x1b[31mred\x07\x85\u2028"


def log_escapes_what_peers_send(tap, place):
    crierd = Crierd(place).start()
    with Direct(crierd.listen, "/events/a", REMOTE_USER=HOSTILE,
                REMOTE_ADDR="10.0.0.1\nforged") as stream:
        stream.wait(lambda: stream.head is not None, "an answer")
    with open(crierd.fifo, "wb", buffering=0) as fifo:
        fifo.write(b"\x1b]0;title\x07 x\n\xff\xfe y\n{\x1b[2J\n")
    with crierd.connect() as queue:
        queue.ask({"channel": "a\n\x1b[31m", "data": "x"})
        queue.ask({"do": "\n\x1b[31mforged"})
    crierd.pub("a", "alive")
    crierd.wait_streams(0)
    with open(crierd.log, "rb") as log:
        raw = log.read()
    bad = [line for line in raw.decode("utf-8", "replace").split("\n")
           if line and not LOG_LINE.match(line)]
    tap.eq(bad, [], "every line of the log is crierd's own")
    tap.ok(not re.search(rb"[\x00-\x09\x0b-\x1f\x7f]", raw),
           "and has no control characters", raw)


def descriptors_run_out(tap, place):
    """max-streams follows from the descriptor limit; at it, 200 and retry."""
    crierd = Crierd(place)
    crierd.proc = proc.Proc(
        ["/bin/sh", "-c", 'ulimit -n 64; exec "$@"', "sh"] + bench.CRIERD
        + ["-f"] + crierd.arguments(), crierd.log, env=dict(os.environ))
    place.own(crierd)
    proc.wait_for(lambda: proc.can_connect(crierd.queue), "its queue")
    streams = []
    try:
        for _n in range(100):
            stream = Direct(crierd.listen, "/events/a")
            streams.append(stream)
            stream.wait(lambda: stream.parser.primings or stream.ended
                        or stream.parser.retry, "an answer")
        opened = [s for s in streams if s.parser.primings and not s.ended]
        turned = [s for s in streams if not s.parser.primings]
        tap.ok(10 < len(opened) < 64, "so many streams as descriptors allow",
               len(opened))
        tap.ok(turned and all(s.status == 200 and s.parser.retry
                              for s in turned),
               "the others are asked to come again", len(turned))
        crierd.pub("a", "to all")
        for stream in opened:
            stream.wait_events(1)
        tap.ok(True, "publishing goes on")
    finally:
        for stream in streams:
            stream.close()
    crierd.wait_streams(0)
    with Direct(crierd.listen, "/events/a") as stream:
        tap.ok(stream.wait_open(), "afterwards all is well again")


TESTS = (answers_when_it_is_full, default_routes, requests_one_after_another,
         logs_a_line_per_stream, log_escapes_what_peers_send,
         descriptors_run_out)
