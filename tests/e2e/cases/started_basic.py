# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""Behind each web server that starts crierd, one way or the other."""

import json

from lib import crowd, proc, started
from cases.behind_basic import check_error
from lib.site import IDS_FIRST, data_of

SOON = 5  # seconds, where a heartbeat (25 s) would come later


def site_of(place, server, config="heartbeat = 25\n"):
    hub = started.Hub(place, config)
    return started.Started(place, server(place, hub), hub)


def events(tap, place, server, door):
    """One stream, several, a resumed one: as they are everywhere."""
    site = site_of(place, server)
    hub = site.hub
    with site.get("/events/news") as first:
        first.wait_open()
        tap.eq((first.status, first.headers.get("content-type")),
               (200, "text/event-stream; charset=utf-8"), "a stream opens")
        text = first.raw.decode()
        if text.startswith(":"):
            text = text.partition("\n")[2]
        tap.match(IDS_FIRST, text, "retry, then an id alone")
        tap.ok([name.partition("-")[0] for name in hub.doors()]
               == [door.partition("-")[0]], "its door", hub.doors())
        ids = [hub.publish("news", "one")]
        first.wait_events(1, SOON)
        tap.eq(data_of(first), ["one"], "an event comes at once")
        with site.get("/events/a/b") as second:
            second.wait_open()
            ids.append(hub.publish("a/b", "two"))
            second.wait_events(1, SOON)
            tap.eq(data_of(second), ["two"], "and to a second stream")
        ids.append(hub.publish("news", "three"))
        first.wait_events(2, SOON)
    with site.get("/events?channel=news&channel=b",
                  last_event_id=ids[0]) as again:
        again.wait_events(1)
        tap.eq([(e.data, e.id) for e in again.events],
               [("three", ids[2])], "Last-Event-ID: from there on")
    body = json.dumps({"channel": ["a/b"], "lastEventId": ids[0]}).encode()
    with site.get("/events", method="POST", body=body, headers={
            "Content-Type": "application/json"}) as post:
        post.wait_events(1)
        tap.eq(data_of(post), ["two"], "POST with a body of JSON")


def answers(tap, place, server):
    """All but a stream."""
    site = site_of(place, server, 'allow-origin = "https://app.example"\n')
    check_error(tap, site.fetch("/events"), 400, "no channel")
    check_error(tap, site.fetch("/events?channel=a*"), 400, "a star")
    check_error(tap, site.fetch("/events/"), (400, 404), "no name in a path")
    check_error(tap, site.fetch("/events?channel=a", method="DELETE"), 405,
                "DELETE")
    check_error(tap, site.fetch("/events", method="POST", body=b"{", headers={
        "Content-Type": "application/json"}), 400, "a body that is no JSON")
    head = site.fetch("/events/a", method="HEAD")
    tap.ok(head.status == 200 and head.headers.get(
        "content-type", "").startswith("text/event-stream"),
           "HEAD: 200, text/event-stream, and an end",
           f"{head.status} {head.headers}")
    origin = {"Origin": "https://app.example",
              "Access-Control-Request-Method": "GET",
              "Access-Control-Request-Headers": "last-event-id"}
    answer = site.fetch("/events/a", method="OPTIONS", headers=origin)
    told = answer.headers.get("access-control-allow-headers", "").lower()
    tap.ok("last-event-id" in told and answer.status in (200, 204),
           "OPTIONS answers a preflight", f"{answer.status} {answer.headers}")
    with site.get("/events/a", headers={
            "Origin": "https://app.example"}) as stream:
        stream.wait_open()
        tap.eq(stream.headers.get("access-control-allow-origin"),
               "https://app.example", "CORS for a named origin")


def leaving(tap, place, server):
    site = site_of(place, server, "heartbeat = 1\n")
    streams = [site.get("/events/news").wait_open() for _n in range(3)]
    site.hub.wait_streams(3)
    for left, leave in ((2, "close"), (1, "reset")):
        getattr(streams.pop(), leave)()
        site.hub.wait_streams(left, 30)
        tap.ok(True, f"a client that leaves ({leave}) is noticed")
    event_id = site.hub.publish("news", "still here")
    tap.eq(streams[0].wait_events(1)[0].id, event_id,
           "the one that stays gets its event")
    streams[0].close()
    site.hub.wait_streams(0, 30)


def query_is_no_option(tap, place, server):
    """Some servers make arguments of a query without "="."""
    site = site_of(place, server)
    for query in ("-V", "--help", "-f+-n", "-c+/dev/null+-o+queue:x",
                  "--on-demand"):
        with site.get("/events/news?" + query) as stream:
            stream.wait_open()
            tap.eq(stream.status, 200, f"?{query} is a query")
    tap.eq(site.hub.status()["streams_opened"], 5, "each opened a stream")


def many(tap, place, server, count, are_gone=None):
    """are_gone: whether the processes have left that are to leave."""
    site = site_of(place, server, "heartbeat = 1\n")
    targets = ["/events?channel=news&channel=all" if n % 2
               else "/events/news" for n in range(count)]
    with crowd.Crowd(site.port, targets) as streams:
        streams.open(at_once=50)
        tap.eq([s.status for s in streams.all() if s.status != 200], [],
               f"{count} streams are answered 200")
        site.hub.wait_streams(count, 60)
        if are_gone:
            proc.wait_for(are_gone, "the processes leave", 30)
            tap.ok(True, "none of the processes that began them is left")
        with site.hub.connect() as queue:
            ids = [queue.publish("news", f"event {n}") for n in range(20)]
        streams.wait_events(20)
        wrong = [s for s in streams.all() if [e.id for e in s.events] != ids]
        tap.ok(not wrong, f"all {count} get 20 events, in order",
               f"{len(wrong)} do not")
        streams.leave()
    site.hub.wait_streams(0, 60)
    tap.ok(True, "all leave, and are noticed")
    return site


def bind(function, *more):
    """A test of a list for tap.main, and its name."""
    server = more[0]
    name = f"{server.title}: {function.__name__.replace('_', ' ')}"
    missing = server.missing()

    def bound(tap, place):
        if missing:
            tap.skip(name, f"{missing} is not installed")
        else:
            function(tap, place, *more)
    return bound, name
