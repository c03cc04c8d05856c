# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""While there is no crierd: 200 for what asks for an event stream, so that an
EventSource comes back, and 503 for all else: nobody may take that for an
answer of crierd's.
"""

import collections
import os
import time

from lib import bench, proc, servers, ways, web
from lib.web import ACCEPT

ORIGIN = "https://app.example.org"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}
PREFLIGHT = {"Origin": ORIGIN, "Access-Control-Request-Method": "GET"}

CONFIG = f"""
request-timeout = 2
allow-origin = "{ORIGIN}"
channel "**" {{ publish = anyone }}
route "GET /events" {{ subscribe = "{{query.channel}}" }}
route "GET,POST /events/on/{{channel...}}" {{ subscribe = "{{channel}}" }}
route "POST /events/pub/{{channel...}}" {{ publish = "{{channel}}" }}
route "GET /events/get/{{channel...}}" {{
    publish = "{{channel}}" data = "{{query.data}}" }}
route "POST /events/run" {{ run = "/bin/false" }}
route "GET /events/metrics" {{ status = prometheus }}
"""
# Of each request: what it is, its method, path, headers and body.  Then the
# status: of a web server, which knows no routes; of a crier.cgi, which does,
# but has no crierd; and of one with a mistake in its settings.
REQUESTS = (
    ("an EventSource", "GET", "/events/on/news", ACCEPT, None, 200, 200, 200),
    ("one that resumes", "GET", "/events?channel=a&channel=b",
     {"Last-Event-ID": "1-0", **ACCEPT}, None, 200, 200, 200),
    ("one of several types", "GET", "/events/on/news",
     {"Accept": "text/event-stream, application/json;q=0.9"}, None, 200, 200,
     200),
    ("capitals", "GET", "/events/on/news", {"Accept": "Text/Event-Stream"},
     None, 200, 200, 200),
    ("no Accept", "GET", "/events/on/news", {}, None, 503, 200, 503),
    ("any answer", "GET", "/events/on/news", {"Accept": "*/*"}, None, 503,
     200, 503),
    ("metrics", "GET", "/events/metrics", {"Accept": "text/plain"}, None, 503,
     503, 503),
    ("metrics, any answer", "GET", "/events/metrics", {"Accept": "*/*"}, None,
     503, 503, 503),
    ("HEAD", "HEAD", "/events/on/news", ACCEPT, None, 503, 200, 503),
    ("a preflight", "OPTIONS", "/events/pub/a", PREFLIGHT, None, 503, 204,
     503),
    ("publishing a form", "POST", "/events/pub/a", FORM, b"data=x", 503, 503,
     503),
    ("publishing JSON", "POST", "/events/pub/a", JSON, b'{"data":"x"}', 503,
     503, 503),
    ("publishing, any answer", "POST", "/events/pub/a",
     {"Accept": "*/*", **FORM}, b"data=x", 503, 503, 503),
    ("publishing, an event stream", "POST", "/events/pub/a",
     {**ACCEPT, **FORM}, b"data=x", 503, 503, 503),
    ("publishing by GET", "GET", "/events/get/a?data=x", {"Accept": "*/*"},
     None, 503, 503, 503),
    ("a program by POST", "POST", "/events/run", {**ACCEPT, **FORM}, b"x=1",
     503, 503, 503),
    ("a stream by POST", "POST", "/events/on/a", {**ACCEPT, **JSON}, b"{}",
     503, 200, 503),
    ("PUT", "PUT", "/events/on/news", ACCEPT, b"x", 503, 405, 503),
    ("DELETE", "DELETE", "/events/on/news", ACCEPT, None, 503, 405, 503))
WEB_SERVER, CRIER_CGI, MISTAKEN = range(3)


def _is_empty_stream(answer):
    return (answer.status == 200 and answer.clean and not answer.events
            and answer.headers.get("content-type", "").startswith(
                "text/event-stream"))


def _table(tap, way, who, at_most=200):
    """Each request; at_most: 503 if the web server hides nothing."""
    for name, method, target, headers, body, *statuses in REQUESTS:
        want = max(statuses[who], at_most)
        answer = web.fetch(way.port, target, method=method, headers=headers,
                           body=body)
        told = (answer.status, answer.headers, answer.raw)
        if want == 200:
            tap.ok(_is_empty_stream(answer), f"{name}: an empty stream", told)
            continue
        tap.ok(answer.status == want, f"{name}: {want}", told)
        kind = answer.headers.get("content-type", "")
        tap.ok(not kind.startswith("text/event-stream"),
               f"{name}: and no event stream", told)


def _stop(way):
    """There is no crierd any more, and none can be started; or False."""
    if way.by_program:
        os.chmod(way.web.place.run, 0o555)
        if bench.IS_ROOT:
            os.chown(way.web.place.run, 0, 0)
        return not os.access(way.web.place.run, os.W_OK) or bench.IS_ROOT
    if way.web.starts_crierd:
        os.unlink(way.crierd.program)
        way.crierd.stop()
        proc.wait_for(lambda: web.fetch(way.port, "/events/metrics").status
                      == 503, "the end of crierd")
    else:
        way.crierd.stop()
    return True


def stopped(tap, place, name, kind=None):
    way = ways.Way(place, name, CONFIG, kind=kind)
    if not _stop(way):
        tap.skip("no crierd", "one can be started everywhere")
        return
    _table(tap, way, CRIER_CGI if way.by_program else WEB_SERVER)


def killed(tap, place, name, kind=None):
    way = ways.Way(place, name, CONFIG, kind=kind)
    way.crierd.kill()
    _table(tap, way, WEB_SERVER, 200 if way.web.hides_dead_socket else 503)


def killed_without_asis(tap, place, name):
    killed(tap, place, name, servers.ApacheBare)


def mistaken(tap, place, name):
    """crier.cgi cannot know what there is on this site."""
    way = ways.Way(place, name, CONFIG + "no-such-setting = 1\n")
    _table(tap, way, MISTAKEN)


class Publisher:
    """Publishes one event after the other, and believes what it is told."""

    def __init__(self, port):
        self.port = port
        self.told = []
        self.statuses = collections.Counter()
        self.odd = []
        self.stopped = False
        self.thread = bench.Thread(self._run)

    def _run(self):
        number = 0
        while not self.stopped:
            number += 1
            try:
                answer = web.fetch(self.port, "/events/pub/a", method="POST",
                                   headers={**FORM, "Accept": "*/*"},
                                   body=b"data=%d" % number)
            except (OSError, AssertionError):
                self.statuses["none"] += 1
                continue
            self.statuses[answer.status] += 1
            if answer.status == 200:
                self._believe(number, answer)
            time.sleep(0.002)  # for the other processes of a small machine

    def _believe(self, number, answer):
        try:
            self.told.append((answer.json()["id"], str(number)))
        except (ValueError, KeyError):
            self.odd.append(answer.raw)

    def destroy(self):
        self.stopped = True
        self.thread.finish()


def restarted(tap, place, name):
    """What a publisher was told 200 for is there, whatever went on."""
    config = CONFIG.replace("publish = anyone",
                            "publish = anyone keep = 100000")
    way = ways.Way(place, name, f'store = "sqlite:{place.run}/history.db"\n'
                   + config)
    publisher = place.own(Publisher(way.port))
    for end in (way.crierd.stop, way.crierd.kill, way.crierd.stop):
        count = len(publisher.told) + 20
        proc.wait_for(lambda: len(publisher.told) >= count, "20 events", 30)
        end()
        refused = _refused(publisher)
        proc.wait_for(lambda: _refused(publisher) > refused + 5,
                      "some that are refused", 30)
        way.crierd.start()
    count = len(publisher.told) + 20
    proc.wait_for(lambda: len(publisher.told) >= count, "20 more", 30)
    publisher.destroy()
    tap.eq(publisher.odd, [], "200 has an id with it")
    tap.ok(set(publisher.statuses) <= {200, 500, 502, 503, 504,
                                      "none"},
           "all others are refused", publisher.statuses)
    tap.diag(f"{name}: {dict(publisher.statuses)}")
    with web.Exchange(way.port, "/events/on/a?since=all",
                      headers=ACCEPT) as stream:
        stream.wait(lambda: stream.parser.last_event_id
                    == publisher.told[-1][0], "the last one", 30)
        kept = {(event.id, event.data) for event in stream.events}
        lost = [told for told in publisher.told if told not in kept]
        tap.ok(not lost, f"{len(publisher.told)} that were told 200 are there",
               f"lost {lost}")


def _refused(publisher):
    return sum(publisher.statuses.values()) - publisher.statuses[200]


def cross_origin(tap, place, name):
    """A page of another site comes back, too, with its cookies."""
    way = ways.Way(place, name, CONFIG, lambda server:
                   server.allow_origin(ORIGIN))
    if not _stop(way):
        tap.skip("no crierd", "one can be started everywhere")
        return
    answer = web.fetch(way.port, "/events/on/news",
                       headers={"Origin": ORIGIN, **ACCEPT})
    head = answer.headers
    tap.ok(_is_empty_stream(answer), "an empty stream", answer.status)
    tap.eq((head.get("access-control-allow-origin"),
            head.get("access-control-allow-credentials")), (ORIGIN, "true"),
           "for an origin with credentials")
    tap.ok("origin" in head.get("vary", "").lower(), "which it varies with",
           head)
    answer = web.fetch(way.port, "/events/on/news", headers=ACCEPT)
    tap.ok(_is_empty_stream(answer), "an empty stream without an Origin",
           answer.status)
    tap.ok(answer.headers.get("access-control-allow-origin", "*") == "*"
           and "access-control-allow-credentials" not in answer.headers,
           "and without credentials", answer.headers)


CGI = ["lighttpd/cgi.conf", "apache/cgi.conf", "apache/htaccess"]
DAEMONS = [name for name in ways.WAYS if name not in CGI
           + ["lighttpd/spawn.conf", "apache/fcgid.conf"]]
TESTS = ways.each(stopped) + ways.each_passing(stopped) + ways.each(
    killed, DAEMONS) + ways.each_passing(killed) + ways.each(
    killed_without_asis, ["apache/proxy_fcgi.conf"]) + ways.each(
    mistaken, CGI) + ways.each(cross_origin) + ways.each(
        restarted, DAEMONS)
