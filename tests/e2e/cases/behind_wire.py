# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""Behind each web server: what reaches crierd, silence, HTTP/2."""

import base64
import time

from lib import http2, proc, servers
from lib.application import Application
from lib.site import Site

# Longer than the time-outs that the servers' own configurations set here.
SILENCE = 3

# In the query the digits of the case that lighttpd makes them.
TARGET = "/events/a%2fb%20c/%c3%a9?channel=x%2Fy&channel=z%26"
FORGED = "Basic " + base64.b64encode(b"root:guess").decode()


def what_arrives(tap, place, kind):
    """The request as the client sent it, seen where crierd would be."""
    if servers.KINDS[kind].starts_crierd:
        tap.skip("the request", "only crierd itself can be started")
        return
    application = Application(place)
    web = servers.KINDS[kind](place, application).start()
    target = TARGET
    if "%2F in a path" in web.sends_on:
        target = TARGET.replace("%2f", "/", 1)
    got = web.fetch(target, last_event_id="17-4", headers={
        "Authorization": "Bearer a.b.c", "X-Other": "other",
        "Cookie": "a=b"})
    tap.eq((got.status, got.parser.last_event_id), (200, "1-0"),
           "a short answer is passed")
    web.fetch("/events", method="POST", body=b'{"channel":"a"}',
              headers={"Content-Type": "application/json"})
    web.fetch("/events/forged", headers={"Authorization": FORGED})
    get, post, forged = application.requests
    variables = get.variables
    tap.eq(variables.get("REQUEST_URI"), target,
           "REQUEST_URI is what was asked for, byte by byte")
    tap.eq(variables.get("QUERY_STRING"), target.partition("?")[2],
           "QUERY_STRING is its second half")
    tap.eq([variables.get(name) for name in (
        "REQUEST_METHOD", "REMOTE_ADDR", "HTTP_LAST_EVENT_ID",
        "HTTP_AUTHORIZATION", "HTTP_X_OTHER", "HTTP_COOKIE")],
           ["GET", "127.0.0.1", "17-4", "Bearer a.b.c", "other", "a=b"],
           "method, address, Last-Event-ID, Authorization, other headers")
    tap.eq((post.variables.get("REQUEST_METHOD"),
            post.variables.get("CONTENT_TYPE"),
            post.variables.get("CONTENT_LENGTH"), post.body),
           ("POST", "application/json", "15", b'{"channel":"a"}'),
           "a POST comes with its body, type and length")
    tap.eq(forged.variables.get("REMOTE_USER", ""), "",
           "nobody is REMOTE_USER by saying so")
    tap.ok(not any(r.keep for r in application.requests),
           "each connection is for one request")


def silence(tap, place, kind):
    """A stream may be silent for longer than the server is used to."""
    site = Site(place, kind, ["heartbeat=25"], patience=1)
    with site.get("/events/news") as stream, \
            site.get("/events/news") as other:
        stream.wait_open()
        other.wait_open()
        tap.ok(stream.quiet_for(SILENCE) and not stream.ended
               and not stream.parser.comments, "silence is no end")
        site.crierd.publish("news", "at last")
        for each in (stream, other):
            each.wait_events(1)
        tap.ok(True, "an event after it arrives")


def one_after_another(tap, place, kind):
    """No event waits for company, as with a delay of 200 ms each."""
    site = Site(place, kind)
    with site.get("/events/news") as stream, \
            site.crierd.connect() as queue:
        stream.wait_open()
        start = time.monotonic()
        for number in range(20):
            queue.publish("news", f"event {number}")
            stream.wait_events(number + 1)
        took = time.monotonic() - start
        tap.ok(took < 3 * proc.SLOW, "20 events, each when the last has "
               "arrived, take no 200 ms each", f"{took:.3f} s")


def has_http2(tap, kind):
    has = servers.KINDS[kind].at_once > 0
    if not has:
        tap.skip("HTTP/2", "it is not made for that")
    return has


def http2_once(tap, place, kind):
    if not has_http2(tap, kind):
        return
    site = Site(place, kind, ["heartbeat=1"])
    curl = site.curl("/events/news", "--http2-prior-knowledge", "-i",
                     port=site.web.http2_port)
    curl.wait(lambda: b"\nid: " in curl.raw, "the first id")
    tap.ok(curl.raw.startswith(b"HTTP/2 200"), "HTTP/2 200", curl.raw)
    for number in (1, 2):
        site.crierd.pub("news", f"event {number}")
        curl.wait(lambda: b"data: event %d\n\n" % number in curl.raw,
                  f"event {number}", 5)
        tap.ok(True, f"event {number} arrives")
    curl.destroy()
    site.crierd.wait_streams(0)
    tap.ok(True, "that it left is noticed")
    if site.web.starts_crierd:
        return
    site.crierd.stop()
    curl = site.curl("/events/news", "--http2-prior-knowledge", "-i",
                     "-H", "Accept: text/event-stream",
                     port=site.web.http2_port)
    curl.wait(lambda: curl.popen.poll() is not None, "its end")
    curl.pump()
    tap.ok(curl.raw.startswith(b"HTTP/2 200")
           and b"text/event-stream" in curl.raw,
           "without crierd: 200, an empty stream", curl.raw)


def http2_at_once(tap, place, kind):
    """Streams and something else on one connection, as a browser has them."""
    if not has_http2(tap, kind):
        return
    site = Site(place, kind)
    count = site.web.at_once - 1
    port = site.web.http2_port
    with http2.Connection(port) as browser:
        streams = [browser.request(f"/events/a{n}", "text/event-stream")
                   for n in range(count)]
        other = browser.request("/index.html")
        tap.ok(browser.wait(lambda: other in browser.ended and all(
            browser.bodies[n] for n in streams), 10 * proc.SLOW),
               f"{count} streams on a connection, and another request",
               f"{sum(bool(browser.bodies[n]) for n in streams)} are open")
    browsers = [http2.Connection(port) for _n in range(50)]
    streams = [(browser, browser.request(f"/events/b{n}", "text/event-stream"))
               for browser in browsers for n in range(5)]
    end = time.monotonic() + 40 * proc.SLOW  # Apache starts processes
    # After a stream that hangs the others are looked at all the same.
    opened = [browser.wait(lambda at=browser, n=number: at.bodies[n],
                           max(end - time.monotonic(), 0.05))
              for browser, number in streams]
    tap.ok(all(opened), "five streams on each of 50 connections",
           f"{sum(map(bool, opened))} are open")
    for browser in browsers:
        browser.close()


TESTS = (what_arrives, silence, one_after_another, http2_once, http2_at_once)
