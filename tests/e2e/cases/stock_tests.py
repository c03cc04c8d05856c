# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""In a lighttpd.conf of Debian's ours works wherever it is included, whichever
other modules are there, before it or behind it.
"""

import os

from lib import passwords, stock_lighttpd, ways, web
from lib.web import ACCEPT

CONFIG = """
request-timeout = 2
channel "**" { publish = anyone }
route "GET /events/{channel...}" { subscribe = "{channel}" }
route "POST /events/pub/{channel...}" { publish = "{channel}" }
"""
RIGHT = {"Authorization": passwords.basic("ann"), **ACCEPT}
# What stands in conf-available, and is enabled besides.
ENABLED = ((), ("05-auth.conf",), ("10-fastcgi.conf",),
           ("05-setenv.conf", "10-cgi.conf", "10-rewrite.conf"))


def _events(tap, way):
    with web.Exchange(way.port, "/events/news", headers=ACCEPT) as stream:
        stream.wait_open()
        answer = web.fetch(way.port, "/events/pub/news", method="POST",
                           headers={"Content-Type": "text/plain"}, body=b"x")
        stream.wait_events(1)
        tap.eq((answer.status, [event.data for event in stream.events]),
               (200, ["x"]), "an event is published, and comes")


def _passwords(tap, way, state):
    for header, status in ((ACCEPT, 401), (RIGHT, 200)):
        with web.Exchange(way.port, "/events/private/a",
                          headers=header) as stream:
            stream.wait_head()
            tap.eq(stream.status, status, f"{state}: a password")


def _down(tap, way):
    """crierd is not there, or the program that would start it."""
    if way.web.starts_crierd:
        os.unlink(way.crierd.program)
        way.crierd.stop()
    elif way.by_program:
        way.crierd.kill()
        os.unlink(way.web.place.path("libexec", "crier.cgi"))
    else:
        way.crierd.stop()
    # Twice: lighttpd finds out, and then knows.
    for turn in ("first", "again"):
        answer = web.fetch(way.port, "/events/news", headers=ACCEPT)
        tap.ok(answer.status == 200 and not answer.raw and answer.headers.get(
            "content-type") == "text/event-stream",
               f"without it, {turn}: an empty stream", answer.status,
               answer.headers, answer.raw)
        answer = web.fetch(way.port, "/events/pub/news", method="POST",
                           headers={"Content-Type": "text/plain"}, body=b"x")
        tap.ok(answer.status >= 400, f"without it, {turn}: publishing",
               answer.status)
    _passwords(tap, way, "without it")


def _bind(conf, is_linked, enabled):
    where = "linked" if is_linked else "appended"
    title = f"{conf} {where}, beside {', '.join(enabled) or 'nothing'}"
    kind = stock_lighttpd.KINDS[conf]

    def test(tap, place):
        missing = kind.missing()
        if missing:
            tap.skip(title, f"{missing} is not installed")
            return
        users = passwords.write(place)

        def prepare(server):
            server.is_linked = is_linked
            server.enabled = enabled
            server.protect("/events/private", users)
        way = ways.Way(place, conf, CONFIG, prepare, kind)
        _events(tap, way)
        _passwords(tap, way, "with it")
        tap.eq(web.fetch(way.port, "/index.html").status, 200, "a file")
        _down(tap, way)
    return test, title


TESTS = [_bind(conf, is_linked, enabled) for conf in stock_lighttpd.KINDS
         for is_linked in (True, False) for enabled in ENABLED]
