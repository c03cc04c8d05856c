# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""Behind each web server: events arrive at once; every form of request."""

import json
import select
import time

from lib import proc
from lib.site import IDS_FIRST, Site, data_of
from lib.web import ACCEPT

SOON = 2  # seconds; a heartbeat (25 s) or a next event would come later


def events_reach_curl(tap, place, kind):
    site = Site(place, kind)
    curl = site.curl("/events?channel=news").wait_open()
    tap.ok(not curl.events, "curl has an open stream, and no event yet")

    steps = (("crier pub", lambda: site.crierd.pub("news", "by crier pub")),
             ("echo > fifo", lambda: site.crierd.echo("news by echo, alone")),
             ("crier pub again", lambda: site.crierd.pub("news", "third")))
    for number, (name, publish) in enumerate(steps):
        publish()
        start = time.monotonic()
        curl.wait_events(number + 1, SOON)
        took = time.monotonic() - start
        tap.ok(len(curl.events) == number + 1,
               f"the event of {name} reaches curl alone and at once",
               f"{len(curl.events)} events after {took:.3f} s")
    tap.eq([event.data for event in curl.events],
           ["by crier pub", "by echo, alone", "third"], "each as published")

    site.crierd.pub("-e", "greeting", "news", "a named one")
    curl.wait_events(4, SOON)
    tap.eq(curl.events[3].type, "greeting", "an event keeps its name")


def head_and_first_bytes(tap, place, kind):
    site = Site(place, kind)
    with site.get("/events?channel=news") as stream:
        start = time.monotonic()
        stream.wait_open()
        took = time.monotonic() - start
        tap.ok(took < SOON * proc.SLOW, "the first bytes come at once",
               f"{took:.3f} s")
        tap.eq(stream.status, 200, "status")
        tap.eq(stream.headers.get("content-type"),
               "text/event-stream; charset=utf-8", "Content-Type")
        cache = {word.strip() for word in
                 stream.headers.get("cache-control", "").split(",")}
        tap.eq(cache, {"no-cache", "no-store", "no-transform"},
               "Cache-Control")
        if "x-accel-buffering" not in site.web.hidden_headers:
            tap.eq(stream.headers.get("x-accel-buffering"), "no",
                   "X-Accel-Buffering, for an nginx further ahead")
        tap.match(IDS_FIRST, stream.raw.decode(), "retry, then an id alone")
        tap.eq(stream.parser.retry, 3000, "retry is 3000")
        begin = len(stream.raw)
        event_id = site.crierd.publish("news", "a\nb\r\nc\rd", event="x")
        stream.wait_events(1)
        tap.eq(stream.raw[begin:].decode(),
               f"id: {event_id}\nevent: x\ndata: a\ndata: b\ndata: c\n"
               "data: d\n\n", "an event's record, byte by byte")
    with site.get("/events?channel=news",
                  headers={"Accept-Encoding": "gzip, deflate, br"}) as stream:
        stream.wait_open()
        tap.ok("content-encoding" not in stream.headers,
               "not compressed for a client that would like it",
               stream.headers)


FORMS = (
    ("?channel=a&channel=b", "/events?channel=one&channel=two",
     ["one", "two"]),
    ("a path", "/events/one", ["one"]),
    ("a path of segments", "/events/a/b", ["a/b"]),
    ("%2F in a path", "/events/a%2Fb", ["a/b"]),
    ("a percent-encoded path", "/events/%6Fne", ["one"]),
    ("UTF-8 in a path", "/events/caf%C3%A9/%E2%82%AC", ["café/€"]),
    ("UTF-8 in the query", "/events?channel=caf%c3%a9", ["café"]),
    ("raw UTF-8 in the query", "/events?channel=café", ["café"]),
    ("+ is a plus sign in a path", "/events/c++", ["c++"]),
    ("%2B in the query", "/events?channel=c%2b%2b", ["c++"]),
    ("other parameters are no matter", "/events?x=1&channel=one&y",
     ["one"]),
    ("query.like/names & dots", "/events/a.b-c_d~e:f@g", ["a.b-c_d~e:f@g"]),
)


def forms_of_request(tap, place, kind):
    site = Site(place, kind)
    forms = [form for form in FORMS if form[0] not in site.web.refuses]
    streams = [site.get(_sent_on(tap, site, name, target))
               for name, target, _channels in forms]
    for stream, (name, _target, _channels) in zip(streams, forms):
        stream.wait_head()
        tap.ok(stream.status == 200, f"{name} is answered",
               f"{stream.status} {stream.raw!r}")
        if stream.status == 200:
            stream.wait_open()
    with site.crierd.connect() as queue:
        for channel in ("one", "two", "a/b", "café", "café/€", "c++",
                        "a.b-c_d~e:f@g", "other"):
            queue.publish(channel, "to " + channel)
        for channel in ("one", "two", "a/b", "café", "café/€", "c++",
                        "a.b-c_d~e:f@g", "other"):
            queue.publish(channel, "end")
    for stream, (name, _target, channels) in zip(streams, forms):
        want = ["to " + c for c in channels] + ["end"] * len(channels)
        if stream.status == 200:
            stream.wait_events(len(want))
        tap.eq(data_of(stream), want, f"{name} gets its channels' events")
        stream.close()
    for name, target, _channels in FORMS:
        if name in site.web.refuses:
            tap.eq(site.fetch(target).status, 400, f"{name}: 400")


def _sent_on(tap, site, name, target):
    """The target, or where the web server itself sends who asks for it."""
    if name not in site.web.sends_on:
        return target
    answer = site.fetch(target)
    other = answer.headers.get("location", "")
    tap.ok(answer.status == 308 and other != target,
           f"{name}: sent on to {other}", answer.status, answer.headers)
    return other


def post_subscribe(tap, place, kind):
    site = Site(place, kind)
    body = json.dumps({"channel": ["a", "café"]}).encode()
    headers = {"Content-Type": "application/json"}
    with site.get("/events", method="POST", body=body,
                  headers=headers) as stream:
        stream.wait_open()
        tap.eq(stream.status, 200, "POST with a JSON body opens a stream")
        site.crierd.pub("b", "not this")
        first = site.crierd.publish("a", "one")
        site.crierd.publish("café", "two")
        stream.wait_events(2)
        tap.eq(data_of(stream), ["one", "two"], "of the channels it named")
    with site.get("/events", method="POST", body=body,
                  headers=headers, last_event_id=first) as stream:
        stream.wait_events(1)
        tap.eq(data_of(stream), ["two"], "and resumes by Last-Event-ID")
    for name, text in (("not JSON", b"{"), ("no channel", b"{}"),
                       ("a bad channel", b'{"channel":["a b"]}')):
        bad = site.fetch("/events", method="POST", body=text,
                         headers=headers)
        check_error(tap, bad, 400, f"POST with {name}")


def check_error(tap, answer, statuses, name):
    """A refusal in JSON; one of the statuses."""
    if isinstance(statuses, int):
        statuses = (statuses,)
    kind = answer.headers.get("content-type", "")
    text = answer.raw.decode("utf-8", "replace")
    try:
        value = json.loads(text)
        told = value.get("ok") is False and value.get("error")
    except ValueError:
        told = False
    tap.ok(answer.status in statuses
           and kind.startswith("application/json") and told,
           f"{name}: {' or '.join(map(str, statuses))}, in JSON",
           f"{answer.status} {answer.headers} {text}")


def other_answers(tap, place, kind):
    site = Site(place, kind, config='allow-origin = '
                '{ "https://app.example.org" }\n')
    check_error(tap, site.fetch("/events"), 400, "no channel")
    check_error(tap, site.fetch("/events?channel="), 400, "empty channel")
    check_error(tap, site.fetch("/events?channel=a%20b"), 400, "a space")
    check_error(tap, site.fetch("/events?channel=a*"), 400, "a star")
    check_error(tap, site.fetch("/events?channel=" + "x" * 256), 400,
                "256 bytes")
    check_error(tap, site.fetch("/events?channel=a&channel=b*c"), 400,
                "a bad one beside a good one")
    for name, target in (("not UTF-8", "/events?channel=%ff"),
                         ("a line feed", "/events?channel=a%0ab")):
        if name in site.web.refuses:
            tap.eq(site.fetch(target).status, 400, f"{name}: 400")
        else:
            check_error(tap, site.fetch(target), 400, name)
    check_error(tap, site.fetch("/events/"), (400, 404), "no name in a path")
    check_error(tap, site.fetch("/events?channel=%24streams"), (400, 403),
                "a channel of crier's own")
    refused = site.fetch("/events?channel=a", method="DELETE")
    check_error(tap, refused, 405, "DELETE")
    allow = {w.strip() for w in refused.headers.get("allow", "").split(",")}
    tap.eq(allow, {"GET", "HEAD", "OPTIONS", "POST"}, "with Allow")

    head = site.fetch("/events?channel=a", method="HEAD")
    tap.ok(head.status == 200 and head.headers.get(
        "content-type", "").startswith("text/event-stream"),
           "HEAD: 200, text/event-stream, and an end",
           f"{head.status} {head.headers}")
    origin = {"Origin": "https://app.example.org",
              "Access-Control-Request-Method": "GET",
              "Access-Control-Request-Headers": "last-event-id"}
    answer = site.fetch("/events?channel=a", method="OPTIONS",
                        headers=origin)
    allowed = answer.headers.get("access-control-allow-headers",
                                 "").lower()
    tap.ok(answer.status in (200, 204)
           and answer.headers.get("access-control-allow-origin")
           == "https://app.example.org"
           and all(word in allowed for word in
                   ("last-event-id", "cache-control", "authorization")),
           "OPTIONS answers a preflight",
           f"{answer.status} {answer.headers}")
    with site.get("/events?channel=a", headers={
            "Origin": "https://app.example.org"}) as stream:
        stream.wait_open()
        tap.eq((stream.headers.get("access-control-allow-origin"),
                "origin" in stream.headers.get("vary", "").lower()),
               ("https://app.example.org", True), "CORS for a named origin")
    with site.get("/events?channel=a", headers={
            "Origin": "https://evil.example"}) as stream:
        stream.wait_head()
        tap.ok("access-control-allow-origin" not in stream.headers,
               "and for no other", stream.headers)


def stopped_and_down(tap, place, kind):
    site = Site(place, kind)
    with site.get("/events/news") as stream:
        stream.wait_open()
        done = site.crierd.crier("close", "--stop", "news")
        tap.eq(done.returncode, 0, "crier close --stop")
        stream.wait_end()
        tap.ok(stream.clean, "the stream ends cleanly")
    again = site.fetch("/events/news")
    tap.eq((again.status, again.raw), (204, b""), "204 afterwards")
    site.crierd.pub("news", "open again")
    with site.get("/events/news?since=all") as stream:
        stream.wait_events(1)
        tap.eq(data_of(stream), ["open again"], "publishing opens it again")

    site.crierd.stop()
    if not site.web.starts_crierd:
        _without_crierd(tap, site)
        site.crierd.start()
    proc.wait_for(lambda: _opens(site), "a stream", 10)
    tap.ok(True, "when crierd is back, so are the streams")
    if site.web.starts_crierd or not site.web.hides_dead_socket:
        return
    site.crierd.kill()
    down = site.fetch("/events/news", headers=ACCEPT)
    tap.ok(down.status == 200 and not down.events and down.headers.get(
        "content-type", "").startswith("text/event-stream"),
           "the same when crierd was killed",
           f"{down.status} {down.headers} {down.raw!r}")


def _without_crierd(tap, site):
    """What the web server's own file says when crierd is not there.

    An empty stream, after which an EventSource comes back.
    """
    down = site.fetch("/events/news", headers=ACCEPT)
    kind_of = down.headers.get("content-type", "")
    tap.ok(down.status == 200 and kind_of.startswith("text/event-stream")
           and down.clean and not down.events,
           "without crierd the web server answers 200, an empty stream",
           f"{down.status} {down.headers} {down.raw!r}")


def _opens(site):
    with site.get("/events/news", headers=ACCEPT) as stream:
        while not (stream.ended or stream.parser.primings):
            select.select([stream], [], [], 1)
            stream.pump()
        return bool(stream.parser.primings)


TESTS = (events_reach_curl, head_and_first_bytes, forms_of_request,
         post_subscribe, other_answers, stopped_and_down)
