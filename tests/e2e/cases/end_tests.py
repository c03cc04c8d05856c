# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""How the streams of a route end, and who is to come back."""

import json

from lib.fronts import by_each, headers_of

CONFIG = """
channel "**" { publish = anyone }
route "GET /plain" { subscribe = "a" }
route "GET /named" { subscribe = "a" end-event = "close" }
route "GET /data" {
	subscribe = "a"
	end-event = "close"
	end-data = '{"bye":1}'
}
route "GET /none" { subscribe = "a" end-event = "" }
route "GET /stop" { subscribe = "a" end-stop = true }
route "GET /stop-none" { subscribe = "a" end-event = "" end-stop = true }
route "GET /stop-data" {
	subscribe = "a"
	end-data = "x"
	end-stop = true
}
route "GET /short" {
	subscribe = "a"
	max-time = 0.5
	heartbeat = 0.2
	retry = 99
	end-stop = true
}
"""


def closed(tap, place, front):
    front = front(place, CONFIG)
    streams = {name: front.open("/" + name).wait_open() for name in (
        "plain", "named", "data", "none", "stop", "stop-none", "stop-data")}
    front.crierd.pub("a", "before")
    for stream in streams.values():
        stream.wait_events(1)
    before = streams["plain"].events[0].id
    done = front.crierd.crier("close", "a")
    tap.eq(done.returncode, 0, "crier close")
    reason = '{"reason":"closed"}'
    for name, want in (
            ("plain", [("crier.end", reason, before)]),
            ("named", [("close", reason, before)]),
            ("data", [("close", '{"bye":1}', before)]), ("none", []),
            ("stop", [("crier.end", reason, "crier.end")]),
            ("stop-none", []),
            ("stop-data", [("crier.end", "x", "crier.end")])):
        stream = streams[name].wait_end()
        tap.eq([e[:3] for e in stream.events[1:]], want, f"{name}: the end")
        over = "stop" in name
        tap.eq(stream.parser.last_event_id, "crier.end" if over else before,
               f"{name}: the position")
        stream.close()
        with front.open("/" + name, HTTP_LAST_EVENT_ID=stream.parser
                        .last_event_id) as again:
            again.wait(lambda: again.head is not None or again.ended,
                       "the head")
            tap.eq(again.status, 204 if over else 200,
                   f"{name}: who comes back")
    with front.open("/stop", HTTP_LAST_EVENT_ID=before) as again:
        again.wait_open()
        front.crierd.pub("a", "after")
        again.wait_events(1)
        tap.eq(again.events[0].data, "after",
               "end-stop: who lost the connection before goes on")
    with front.open("/plain", HTTP_LAST_EVENT_ID="crier.end") as again:
        again.wait_open()
        tap.eq(again.status, 200, "elsewhere that is a position like any")


def timed(tap, place, front):
    """The route's own rules hold, wherever the request came in."""
    front = front(place, CONFIG)
    with front.open("/short") as stream:
        stream.wait_end()
    tap.ok(b"retry: 99\n\n" in stream.raw
           and len(stream.parser.comments) >= 1, "retry and heartbeat",
           stream.raw)
    tap.eq([e[:3] for e in stream.events],
           [("crier.end", '{"reason":"timeout"}', "crier.end")], "max-time")
    answer = front.fetch("/short", HTTP_LAST_EVENT_ID="crier.end")
    tap.eq((answer.status, answer.raw), (204, b""), "with end-stop: 204")
    answer = front.fetch("/short?lastEventId=crier.end",
                         HTTP_ORIGIN="https://x.example")
    tap.ok(answer.status == 204
           and "access-control-allow-origin" not in headers_of(answer),
           "by the query, too")


def shutdown(tap, place, front):
    """A restart is no end of anything."""
    front = front(place, CONFIG)
    front.crierd.pub("a", "x")
    streams = {name: front.open(f"/{name}?since=all")
               for name in ("plain", "stop", "stop-none", "stop-data")}
    for stream in streams.values():
        stream.wait_events(1)
    front.crierd.stop()
    for name, stream in streams.items():
        stream.wait_end()
        tap.ok(stream.parser.last_event_id == stream.events[0].id
               and stream.parser.retry >= 1000,
               f"{name}: a restart leaves the position",
               stream.raw[-200:])
        if name == "plain":
            tap.eq(json.loads(stream.events[-1].data),
                   {"reason": "shutdown"}, "and is told")
        stream.close()


ENDS = by_each(closed) + by_each(timed) + by_each(shutdown)
