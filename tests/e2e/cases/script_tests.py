# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""crier.js as it is served (`script = on`)."""

import os

from lib import bench, ways, web

CONFIG = """
route "GET /events/crier.js" { script = on }
route "GET /events" { subscribe = "{query.channel}" }
"""
SIZE_MAX = 4096
BUILT = os.path.join(os.environ.get("builddir", "."), "conf", "www",
                     "crier.min.js")


def the_script(tap, place, name):
    way = ways.Way(place, name, CONFIG)
    answer = web.fetch(way.port, "/events/crier.js")
    with open(BUILT, "rb") as file:
        want = file.read()
    tap.ok(answer.status == 200 and answer.raw == want
           and answer.headers.get("content-type")
           == "text/javascript; charset=utf-8"
           and answer.headers.get("x-content-type-options") == "nosniff"
           and answer.headers.get("cache-control") == "max-age=3600",
           "the script comes whole, and may be kept",
           (answer.status, answer.headers, answer.raw[:100]))
    etag = answer.headers.get("etag", "")
    again = web.fetch(way.port, "/events/crier.js",
                      headers={"If-None-Match": f'W/{etag}, "x"'})
    tap.ok(etag and again.status == 304 and not again.raw,
           "who has it is told so", (etag, again.status, again.raw[:100]))
    other = web.fetch(way.port, "/events/crier.js",
                      headers={"If-None-Match": '"x"'})
    tap.eq((other.status, len(other.raw)), (200, len(want)),
           "who has another one gets it")


def is_small(tap, _place):
    size = os.path.getsize(BUILT)
    tap.ok(size <= SIZE_MAX, f"it is at most {SIZE_MAX} bytes", size)


TESTS = [is_small] + ways.each(the_script)
