# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""The files of conf/ change the answers of a crierd that is not there, and no
others: a browser must see the 401 that makes it ask for a password.
"""

from lib import passwords, ways, web
from lib.web import ACCEPT

WRONG = {"Authorization": passwords.basic("ann", "wrong")}
RIGHT = {"Authorization": passwords.basic("ann")}
TEXT = {"Content-Type": "text/plain"}
LONG = "/events/on/a?" + "x" * 20000
LARGE = b"x" * 10000
CONFIG = """
channel "**" { publish = anyone }
route "GET /events/on/{channel...}" { subscribe = "{channel}" }
route "GET /events/private/{channel...}" { subscribe = "{channel}" }
route "POST /events/pub/{channel...}" { publish = "{channel}" }
"""
# Of each request: its name, method, path, headers, body, and the statuses.
ROWS = (
    ("no password", "GET", "/events/private/a", {}, None, (401,)),
    ("a wrong one", "GET", "/events/private/a", WRONG, None, (401,)),
    ("no password, spelt otherwise", "GET", "/events/%70rivate%2Fa", {}, None,
     (401, 400, 404)),
    ("forbidden", "GET", "/events/closed/a", {}, None, (403,)),
    ("forbidden to publish", "POST", "/events/closed/a", TEXT, b"x", (403,)),
    ("a file that is not there", "GET", "/nothing", {}, None, (404,)),
    ("a body that is too large", "POST", "/events/pub/a", TEXT, LARGE,
     (413,)),
    ("a NUL in the path", "GET", "/events/on/%00", {}, None, (400, 404)),
    ("a URL that is too long", "GET", LONG, {}, None, (400, 414, 431, 500)))
# What they do not decide by themselves, or otherwise.
OTHERS = {
    "haproxy/crier.cfg": {"a file that is not there": (503,),
                          "a NUL in the path": ()},
    "caddy/crier.caddy": {"a NUL in the path": (),
                          "a URL that is too long": (),
                          # Not before it has been read for somebody.
                          "a body that is too large": (413, 503)},
    "h2o/crier.conf": {"a NUL in the path": (), "a URL that is too long": ()},
    # LimitRequestBody is nothing to mod_proxy_fcgi, and to mod_fcgid an end:
    # it announces the body, and sends nothing.
    "apache/proxy_fcgi.conf": {"a body that is too large": ()},
    "apache/fcgid.conf": {"a body that is too large": ()}}


def _check(tap, way, state):
    others = OTHERS.get(way.name, {})
    for name, method, target, headers, body, statuses in ROWS:
        statuses = others.get(name, statuses)
        if not statuses:
            continue
        for kind in ({}, ACCEPT):
            answer = web.fetch(way.port, target, method=method, body=body,
                               headers={**headers, **kind})
            what = f"{state}, {name}" + (", an EventSource" if kind else "")
            tap.ok(answer.status in statuses,
                   f"{what}: {' or '.join(map(str, statuses))}",
                   answer.status, answer.headers, answer.raw)
            if answer.status == 401:
                asked = answer.headers.get("www-authenticate", "")
                tap.ok(asked.lower().startswith("basic"),
                       f"{what}: with WWW-Authenticate", answer.headers)


def own_answers(tap, place, name):
    users = passwords.write(place)

    def prepare(server):
        server.protect("/events/private", users)
        server.forbid("/events/closed")
        server.limit_bodies(4)
    way = ways.Way(place, name, CONFIG, prepare)
    with web.Exchange(way.port, "/events/private/a",
                      headers={**ACCEPT, **RIGHT}) as stream:
        stream.wait_open()
        tap.eq(stream.status, 200, "with the password")
    _check(tap, way, "crierd runs")
    if way.by_program or way.web.starts_crierd:
        return
    way.crierd.stop()
    answer = web.fetch(way.port, "/events/private/a",
                       headers={**ACCEPT, **RIGHT})
    tap.eq(answer.status, 200, "without crierd, with the password: an empty "
           "stream")
    _check(tap, way, "without crierd")


def long_urls(tap, place, name):
    """What crier(7) says of them, and each file of its server's limit."""
    config = 'route "GET /events" { subscribe = "{query.channel}" }\n'
    way = ways.Way(place, name, config,
                   lambda server: server.lengthen_urls())
    for size in (7500, 15000):
        target = "/events?channel=a&x="
        target += "y" * (size - len(target))
        with web.Exchange(way.port, target, headers=ACCEPT) as stream:
            stream.wait_head()
            tap.eq(stream.status, 200, f"a URL of {size} bytes")


TESTS = ways.each(own_answers) + ways.each(long_urls)
