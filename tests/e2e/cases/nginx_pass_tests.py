# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""nginx's module gives clients' sockets away."""

import os

from cases.mod_crier_pass_tests import (check_crierd, doors_of, not_taken,
                                        not_with_a_request_behind, start,
                                        variables_of)
from lib import proc, web
from lib.server_nginx import NginxPass
from lib.site import Site


def with_crierd(tap, place):
    check_crierd(tap, place, NginxPass)


def when_crierd_refuses(tap, place):
    not_taken(tap, place, NginxPass)


def descriptors(server):
    path = f"/proc/{server.proc.pid}/task/{server.proc.pid}/children"
    with open(path, encoding="utf-8") as file:
        return sum(len(os.listdir(f"/proc/{pid}/fd"))
                   for pid in file.read().split())


def watched(server):
    """How many files nginx's workers have in their epolls."""
    path = f"/proc/{server.proc.pid}/task/{server.proc.pid}/children"
    count = 0
    with open(path, encoding="utf-8") as file:
        workers = file.read().split()
    for pid in workers:
        for number in os.listdir(f"/proc/{pid}/fdinfo"):
            with open(f"/proc/{pid}/fdinfo/{number}",
                      encoding="utf-8") as info:
                count += info.read().count("tfd:")
    return count


def nothing_is_left(tap, place):
    site = Site(place, "nginx_pass")
    site.web.stop()
    # Which shuts a client's socket down, where it can.
    site.web.append("lingering_close always;\n")
    site.web.start()
    streams = [site.get("/events/a").wait_open() for _n in range(300)]
    # Its own are some twenty.
    proc.wait_for(lambda: descriptors(site.web) < 100,
                  "nginx to have closed its descriptors")
    tap.ok(True, "300 streams: no descriptor of theirs is left in nginx")
    tap.ok(watched(site.web) < 100,
           "nor is one watched", f"{watched(site.web)} files")
    site.crierd.publish("a", "hello")
    for stream in streams:
        stream.wait_events(1)
        stream.close()
    site.crierd.wait_streams(0)
    tap.ok(True, "their clients get events, and leave")


def when_not_to_ask(tap, place):
    application, server = start(place, NginxPass)
    got = variables_of(application, server, "/events/a",
                       headers={"Crier-Pass": "1"})
    tap.eq(got.get("CRIER_PASS"), "1", "a stream may be passed on")
    not_with_a_request_behind(tap, application, server)


def filters_see_all(tap, place):
    """What another filter of nginx must see is not passed on."""
    site = Site(place, "nginx_pass")
    tap.eq(site.fetch("/events/a", method="HEAD").status, 200, "HEAD")
    site.web.stop()
    site.web.append("sub_filter_types text/event-stream;\n"
                    "sub_filter hello changed;\n")
    site.web.start()
    with site.get("/events/a") as stream:
        stream.wait_open()
        site.crierd.publish("a", "hello")
        tap.eq(stream.wait_events(1)[0].data, "changed",
               "a filter has its way")
        tap.eq(doors_of(site), {"fastcgi"}, "nginx keeps the stream")


TESTS = tuple((test, None) for test in (
    with_crierd, when_crierd_refuses, nothing_is_left, when_not_to_ask,
    filters_see_all))
