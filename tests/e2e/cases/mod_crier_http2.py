# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""mod_crier over HTTP/2, where each stream holds one of httpd's workers."""

import time

from cases.mod_crier_tests import page_takes, site_of
from lib import http2, proc


def http2_leaves_workers(tap, place):
    """18 of 25 threads of a child, whatever the streams' connections."""
    site = site_of(place, "StartServers 1\nMaxRequestWorkers 25\n")
    curls = [site.curl("/events/a", "--http2-prior-knowledge", "-i",
                       "-H", "Accept: text/event-stream")
             for _n in range(22)]
    for curl in curls:
        curl.wait(lambda curl=curl: curl.popen.poll() is not None
                  or b"\nid: " in curl.raw, "an answer")
    tap.eq(site.crierd.streams(), 18, "18 streams over HTTP/2 are opened")
    took = page_takes(site)
    tap.ok(took < 1 * proc.SLOW, "pages are served", f"{took:.3f} s")
    later = [curl for curl in curls if curl.popen.poll() is not None]
    for curl in later:
        curl.pump()
    tap.ok(len(later) == 4 and all(
        curl.raw.startswith(b"HTTP/2 200") and b"retry: " in curl.raw
        for curl in later), "the others are asked to come again")
    for curl in curls:
        curl.destroy()
    site.crierd.wait_streams(0)
    tap.ok(True, "that they left is noticed")


def http2_leaves_its_workers(tap, place):
    """Those of mod_http2 are others than the threads, and may be fewer."""
    site = site_of(place, "StartServers 1\nMaxRequestWorkers 25\n"
                   "H2MinWorkers 4\nH2MaxWorkers 8\n")
    with http2.Connection(site.port) as first, \
            http2.Connection(site.port) as second:
        streams = [(browser, browser.request("/events/a", "text/event-stream"))
                   for _n in range(4) for browser in (first, second)]
        got = [browser.wait(lambda at=browser, n=number: at.bodies[n],
                            10 * proc.SLOW) for browser, number in streams]
        tap.ok(all(got), "each of 8 streams is answered", got)
        tap.eq(site.crierd.streams(), 6, "6 of mod_http2's 8 workers are held")
        page = second.request("/index.html")
        tap.ok(second.wait(lambda: page in second.ended, 10 * proc.SLOW),
               "a page is served")
    tap.ok("H2MaxWorkers 8 is less than" in site.web.log_text(),
           "the log says that these are few")


def http2_streams(site, count):
    """How many are open when it tries to have as many."""
    connections = {}
    end = time.monotonic() + 30 * proc.SLOW
    while len(connections) < count and time.monotonic() < end:
        connection = http2.Connection(site.port)
        number = connection.request("/events/a", "text/event-stream")
        connection.wait(lambda: connection.bodies[number], 5)
        if connection.wait(lambda: number in connection.ended, 0.05):
            connection.socket.close()
        else:
            connections[number, connection] = True
    site.crierd.wait_streams(len(connections))
    for _number, connection in connections:
        connection.socket.close()
    return len(connections)


def http2_starts_children(tap, place):
    """Threads that streams leave free must not look like enough to httpd."""
    site = site_of(place, "ThreadsPerChild 10\nServerLimit 4\n"
                   "MaxRequestWorkers 40\nMaxSpareThreads 40\n"
                   "MinSpareThreads 10\nStartServers 1\n")
    tap.eq(http2_streams(site, 30), 30,
           "30 streams over HTTP/2, of 40 workers: all children are started")


TESTS = tuple((test, None) for test in (
    http2_leaves_workers, http2_leaves_its_workers, http2_starts_children))
