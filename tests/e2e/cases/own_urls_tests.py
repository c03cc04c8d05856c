# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""A site's own URLs reach crierd beside /events, and are in no way less: they
can ask for a password, and an EventSource on them survives crierd's end.
"""

from lib import passwords, ways, web
from lib.web import ACCEPT

CONFIG = """
request-timeout = 2
channel "**" { publish = anyone }
route "GET /events" { subscribe = "{query.channel}" }
route "GET /events/{channel...}" { subscribe = "{channel}" }
route "GET /sse/connect" { subscribe = "user/{query.id}" }
route "GET /sse/private" { subscribe = "secret" }
route "POST /api/messages" { publish = "user/{json.to}" data = "{json.text}" }
"""
RIGHT = {"Authorization": passwords.basic("ann"), **ACCEPT}
MESSAGE = b'{"to":"7","text":"hi"}'


def _post(way):
    return web.fetch(way.port, "/api/messages", method="POST", body=MESSAGE,
                     headers={"Content-Type": "application/json"})


def _status(way, target, headers):
    with web.Exchange(way.port, target, headers=headers) as stream:
        stream.wait_head()
        return stream.status


def own_urls(tap, place, name):
    users = passwords.write(place)

    def prepare(server):
        server.join_urls()
        server.protect("/sse/private", users)
    way = ways.Way(place, name, CONFIG, prepare)
    with web.Exchange(way.port, "/sse/connect?id=7", headers=ACCEPT) as own, \
            web.Exchange(way.port, "/events/user/7", headers=ACCEPT) as usual:
        for stream in (own, usual):
            stream.wait_open()
        answer = _post(way)
        for stream, what in ((own, "/sse/connect"), (usual, "/events")):
            stream.wait_events(1)
            tap.eq((answer.status, [event.data for event in stream.events]),
                   (200, ["hi"]), f"by /api/messages to {what}")
    for target in ("/sse/private", "/sse/%70rivate", "/sse/private?x=y"):
        status = _status(way, target, ACCEPT)
        tap.ok(status in (401, 400), f"{target} without the password", status)
    tap.eq(_status(way, "/sse/private", RIGHT), 200, "and with it")
    tap.eq(_status(way, "/sse/none", ACCEPT), 404, "no such route")
    if way.by_program or way.web.starts_crierd:
        return
    way.crierd.stop()
    answer = web.fetch(way.port, "/sse/connect?id=7", headers=ACCEPT)
    tap.ok(answer.status == 200 and answer.clean and not answer.events,
           "without crierd: an empty stream", answer.status, answer.raw)
    tap.eq(_post(way).status, 503, "and publishing is refused")
    tap.eq(_status(way, "/sse/private", ACCEPT), 401, "a password is asked "
           "for all the same")


def rewritten_before(tap, place, name):
    """lighttpd's url.rewrite-once, which once was what we told, does, too."""
    way = ways.Way(place, name, CONFIG, lambda server: server.append(
        'url.rewrite-once = ( "^/(sse|api/messages)([/?]|$)"'
        ' => "/events/${qsa}" )\n'))
    with web.Exchange(way.port, "/sse/connect?id=7", headers=ACCEPT) as own:
        own.wait_open()
        _post(way)
        own.wait_events(1)
        tap.eq([event.data for event in own.events], ["hi"],
               "from /api/messages to /sse/connect")


TESTS = ways.each(own_urls) + ways.each(rewritten_before, [
    name for name in ways.WAYS if name.startswith("lighttpd/")])
