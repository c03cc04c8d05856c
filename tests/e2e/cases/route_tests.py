# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""Routes of the configuration: the URLs that a page has already."""

import json
import signal
import subprocess

from lib import bench, daemon, proc, servers, web
from cases.behind_basic import check_error
from lib.site import data_of

ROUTES = """
route "GET /sse/connect" { subscribe = { "user/{query.clientId}" } }
route "GET,POST /user/{name}/feed" { subscribe = { "user/{name}", "news" } }
route "GET /files/{file...}" { subscribe = "{file}" }
"""

# nginx hands these on as it does /events.
LOCATIONS = """
        location /sse/ { rewrite ^ /events/ last; }
        location /user/ { rewrite ^ /events/ last; }
        location /files/ { rewrite ^ /events/ last; }
"""


class Nginx(servers.Nginx):
    def main_conf(self):
        return super().main_conf().replace(
            "        include", LOCATIONS + "        include", 1)


class Site:
    def __init__(self, place, config):
        self.crierd = daemon.Crierd(place, config=config).start()
        self.web = Nginx(place, self.crierd).start()

    def get(self, target, **more):
        return web.Exchange(self.web.port, target, **more)

    def fetch(self, target, **more):
        return web.fetch(self.web.port, target, **more)


def own_urls(tap, place):
    site = Site(place, ROUTES)
    forms = (("/sse/connect?clientId=5", ["five"]),
             ("/sse/connect?t=1&clientId=5&clientId=6", ["five", "six"]),
             ("/user/6/feed", ["six", "to all"]),
             ("/user/caf%C3%A9/feed", ["to all"]),
             ("/files/user/5", ["five"]),
             ("/files/user%2F6", ["six"]))
    streams = [site.get(target).wait_open() for target, _data in forms]
    with site.crierd.connect() as queue:
        for channel, data in (("user/5", "five"), ("user/6", "six"),
                              ("news", "to all"), ("user/7", "nobody's")):
            queue.publish(channel, data)
    for stream, (target, data) in zip(streams, forms):
        stream.wait_events(len(data))
        tap.eq(data_of(stream), data, f"{target} gets its channels' events")
    last = streams[0].events[-1].id
    streams[0].close()
    site.crierd.pub("user/5", "later")
    with site.get("/sse/connect?clientId=5", last_event_id=last) as stream:
        stream.wait_events(1)
        tap.eq(data_of(stream), ["later"], "and resumes")
    body = json.dumps({"lastEventId": last}).encode()
    with site.get("/user/5/feed", method="POST", body=body, headers={
            "Content-Type": "application/json"}) as stream:
        stream.wait_events(1)
        tap.ok("later" in data_of(stream), "with POST, too", stream.raw)


def refusals(tap, place):
    site = Site(place, ROUTES)
    for name, target, status in (
            ("no parameter", "/sse/connect", 400),
            ("an empty one", "/sse/connect?clientId=", 400),
            ("a slash in it", "/sse/connect?clientId=a/b", 400),
            ("%2F in it", "/sse/connect?clientId=a%2Fb", 400),
            ("a line end in it", "/sse/connect?clientId=a%0d%0ab", 400),
            ("%2F in a {name}", "/user/a%2Fb/feed", 400),
            ("dots that nginx has resolved", "/user/x/../5/feed", 400),
            ("encoded ones", "/user/x/%2e%2e/5/feed", 400),
            ("a path from elsewhere", "/user/../files/5", 400),
            ("a channel of crier's own", "/files/$stats", 403),
            ("another path", "/user/5/feeds", 404),
            ("the routes that stand otherwise", "/events?channel=a", 404)):
        check_error(tap, site.fetch(target), status, name)
    told = site.fetch("/sse/connect").json()["error"]
    tap.eq(told, "clientId in the query is missing", "it is named")
    for target, want in (("/sse/connect", "GET, HEAD, OPTIONS"),
                         ("/user/5/feed", "GET, HEAD, POST, OPTIONS")):
        answer = site.fetch(target, method="DELETE")
        check_error(tap, answer, 405, f"DELETE {target}")
        tap.eq(answer.headers.get("allow"), want, "with Allow")
        answer = site.fetch(target, method="OPTIONS")
        tap.eq((answer.status, answer.headers.get("allow")), (204, want),
               f"OPTIONS {target}")
    head = site.fetch("/sse/connect?clientId=5", method="HEAD")
    tap.eq((head.status, head.headers.get("content-type")),
           (200, "text/event-stream; charset=utf-8"), "HEAD")


def _is_open(site, target):
    with site.get(target) as stream:
        stream.wait_head()
        return stream.status == 200


def reload(tap, place):
    site = Site(place, ROUTES)
    stream = site.get("/sse/connect?clientId=5").wait_open()
    place.write("crierd.conf",
                'route "GET /sse/new" { subscribe = "user/{query.id}" }\n')
    site.crierd.proc.send_signal(signal.SIGHUP)
    proc.wait_for(lambda: _is_open(site, "/sse/new?id=5"),
                  "a new route after SIGHUP")
    tap.ok(True, "SIGHUP: a new route is served")
    check_error(tap, site.fetch("/sse/connect?clientId=5"), 404,
                "one that is gone")
    site.crierd.pub("user/5", "still")
    stream.wait_events(1)
    tap.eq(data_of(stream), ["still"], "its streams go on")
    place.write("crierd.conf",
                '\nroute "GET /sse/newer" { subscribe = "{oops}" }\n')
    site.crierd.proc.send_signal(signal.SIGHUP)
    site.crierd.wait_log(r"not changed: .*crierd\.conf:2: subscribe: \{oops\}"
                         " is neither in the path")
    tap.ok(_is_open(site, "/sse/new?id=5"), "a bad file changes nothing")
    place.write("crierd.conf", "")
    site.crierd.proc.send_signal(signal.SIGHUP)
    proc.wait_for(lambda: _is_open(site, "/events?channel=a"),
                  "/events without any route")
    tap.ok(True, "without any, the usual ones stand")
    stream.close()


def _check(place, text):
    conf = place.write("check.conf", text)
    done = subprocess.run(bench.CRIERD + ["-n", "-c", conf],
                          capture_output=True, text=True, check=False)
    return done.returncode, done.stderr.replace(conf, "F")


def checked_before(tap, place):
    tap.eq(_check(place, ROUTES)[0], 0, "crierd -n accepts good routes")
    for name, text, want in (
            ("a mistake in a template",
             'route "GET /x" {\n\n subscribe = "{form.x}"\n}\n',
             "F:3: subscribe: {form.x} needs a body, which a GET request has "
             "not"),
            ("two that are the same", ROUTES + 'route "GET /user/{x}/feed" '
             "{ status = json }\n",
             'F:5: route "GET /user/{x}/feed": the route in line 3 serves '
             "GET on this path already")):
        tap.eq(_check(place, text), (78, f"crierd: {want}\n"), name)


TESTS = (own_urls, refusals, reload, checked_before)
