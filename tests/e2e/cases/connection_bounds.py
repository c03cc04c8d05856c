# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""fastcgi-connections behind web servers: below the bound, at it, and above;
and a reload that moves it.  Whoever is above gets an answer, at once."""

import os
import signal
import socket

from lib import proc, servers, web
from lib.daemon import Crierd
from lib.web import ACCEPT

BOUND = 90  # more than crierd takes anyway: max-streams and up to 64
STREAMS = 3
CONFIG = """
max-streams = 10
request-timeout = 300
heartbeat = 0.3
fastcgi-connections = {}
channel "**" {{ publish = anyone }}
route "GET /events/{{channel...}}" {{ subscribe = "{{channel}}" }}
route "POST /events/pub/{{channel...}}" {{ publish = "{{channel}}" }}
route "GET /events/metrics" {{ status = prometheus  allow = anyone }}
"""
# A request, and the status of the answer if there is no place for it.
REQUESTS = (
    ("an EventSource", "GET", "/events/a", ACCEPT, None, 200),
    ("a publisher", "POST", "/events/pub/a",
     {"Content-Type": "text/plain"}, b"x", 503),
    ("metrics", "GET", "/events/metrics", {}, None, 503),
)


class Bound:
    """A crierd behind a server, and connections that say nothing."""

    def __init__(self, tap, place, kind):
        self.tap = tap
        self.place = place
        self.crierd = Crierd(place, config=CONFIG.format(BOUND)).start()
        self.server = servers.KINDS[kind](place, self.crierd).start()
        self.streams = [web.Exchange(self.server.port, "/events/a",
                                     headers=ACCEPT)
                        for _n in range(STREAMS)]
        for stream in self.streams:
            stream.wait_open()
        self.held = []

    def figures(self):
        return self.crierd.status()["fastcgi"]

    def hold(self, count):
        """All connections but those of streams: so many say nothing."""
        while len(self.held) > count:
            self.held.pop().close()
        while len(self.held) < count:
            self.held.append(socket.socket(socket.AF_UNIX))
            self.held[-1].connect(self.crierd.listen)
        proc.wait_for(lambda: self.figures()["waiting"] == count,
                      f"{count} connections wait")

    def reload(self, bound):
        self.place.write(os.path.basename(self.crierd.config),
                         CONFIG.format(bound))
        self.crierd.proc.send_signal(signal.SIGHUP)
        proc.wait_for(lambda: self.figures()["connections_max"] == bound,
                      "status has the bound that was set")

    def ask(self, name, is_served):
        for what, method, target, headers, body, refused in REQUESTS:
            with web.Exchange(self.server.port, target, method, headers,
                              body) as answer:
                if is_served and headers is ACCEPT:
                    answer.wait_open()
                else:
                    answer.wait_end()
            wanted = 200 if is_served else refused
            hint = answer.raw.startswith(b"retry: ") if headers is ACCEPT \
                else is_served or "retry-after" in answer.headers
            # Some servers notice at a heartbeat that a client has left.
            self.crierd.wait_streams(STREAMS)
            self.hold(len(self.held))
            self.tap.ok(answer.status == wanted and hint, f"{name}: {what}",
                        answer.status, answer.headers, answer.raw[:300])

    def end(self):
        with self.crierd.connect() as queue:
            queue.publish("a", "the end")
        for stream in self.streams:
            stream.wait(lambda s=stream: s.events
                        and s.events[-1].data == "the end", "the last event")
            stream.close()
        self.tap.ok(True, "those who were there had all of it")
        self.hold(0)


def _bound(tap, place, kind):
    bound = Bound(tap, place, kind)
    bound.hold(BOUND - STREAMS - 1)
    bound.ask("one place is left", True)
    bound.hold(BOUND - STREAMS)
    before = bound.figures()["turned_away"]
    bound.ask("none is left", False)
    tap.eq(bound.figures()["turned_away"] - before, len(REQUESTS),
           "status counts them")
    bound.reload(BOUND + 1)
    bound.ask("a reload made a place", True)
    bound.reload(BOUND - 5)
    bound.ask("a reload took six", False)
    bound.hold(BOUND - 5 - STREAMS - 1)
    bound.ask("some have left", True)
    bound.end()


def _behind(kind):
    def test(tap, place):
        if servers.KINDS[kind].missing():
            tap.skip(kind, "it is not installed")
            return
        _bound(tap, place, kind)
    test.__name__ = kind
    return test


TESTS = tuple(_behind(kind) for kind in
              ("nginx", "lighttpd", "apache", "haproxy", "caddy", "h2o"))
