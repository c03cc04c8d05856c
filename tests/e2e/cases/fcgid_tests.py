# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""crier.fcgi behind mod_fcgid, which gives a process one request at a time."""

from lib import started
from cases.started_basic import (answers, bind, events, leaving, many,
                                 query_is_no_option, site_of)
from lib.started_servers import ApacheFcgid, ApacheFcgidSite

STREAMS = 200
WORKERS = 8


def hardly_any():
    """mod_fcgid asks for a process's end when the request has ended."""
    return all(state == "Z" for _pid, state in started.processes("crier.fcgi"))


def two_hundred(tap, place, server):
    site = many(tap, place, server, STREAMS, hardly_any)
    # What mod_fcgid thinks of the processes that have left, while it has not
    # yet asked for all of them, must not be in the way of who comes next.
    for _again in range(3):
        with site.get("/events/news") as stream:
            stream.wait_open()
        tap.eq(stream.status, 200, "one that comes just then is answered 200")


class FewWorkers(ApacheFcgid):
    """So few that each that is not given back is missed."""

    title = "Apache, mod_fcgid, few workers"

    def sizes(self):
        return ("ServerLimit 1\nStartServers 1\nThreadLimit 8\n"
                f"ThreadsPerChild {WORKERS}\nMaxRequestWorkers {WORKERS}\n"
                f"MinSpareThreads 1\nMaxSpareThreads {WORKERS}\n")


def workers_are_free_again(tap, place, server):
    site = site_of(place, server, "heartbeat = 1\n")
    for turn in range(3):
        streams = [site.get("/events/news") for _n in range(WORKERS)]
        for stream in streams:
            stream.wait(lambda one=stream: one.parser.primings,
                        "a worker", 30)
        tap.ok(True, f"turn {turn + 1}: all {WORKERS} workers have a stream")
        for stream in streams:
            stream.close()
        site.hub.wait_streams(0, 30)


def hub_killed(tap, place, server):
    """The streams come back to another one, and miss nothing."""
    site = site_of(place, server, "heartbeat = 1\n")
    with site.get("/events/news") as stream:
        stream.wait_open()
        first = site.hub.publish("news", "one")
        stream.wait_events(1)
        site.hub.kill()
        stream.wait_end()
    with site.get("/events/news", last_event_id=first) as stream:
        stream.wait_open()
        site.hub.publish("news", "two")
        stream.wait_events(1)
        tap.eq([(e.type, e.data) for e in stream.events],
               [("message", "two")], "resumed at another hub, without a gap")


TESTS = [
    bind(events, ApacheFcgid, "fastcgi-handoff"),
    bind(events, ApacheFcgidSite, "fastcgi-handoff"),
    bind(answers, ApacheFcgid),
    bind(leaving, ApacheFcgid),
    bind(query_is_no_option, ApacheFcgid),
    bind(hub_killed, ApacheFcgid),
    bind(workers_are_free_again, FewWorkers),
    bind(two_hundred, ApacheFcgid),
]
