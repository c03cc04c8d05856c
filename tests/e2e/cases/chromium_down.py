# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""Chromium: no EventSource is closed for good while there is no crierd, also
of a page of another site, with credentials, and for none is that a lie.
"""

import http.server
import time

from lib import bench, proc, ways
from cases.chromium_tests import Browser, why_not

# crierd runs by itself behind these.
NAMES = [name for name, kind in ways.WAYS.items()
         if kind.__name__ in ("Nginx", "Lighttpd", "Apache", "Caddy", "H2o",
                              "HAProxy", "ModCrier") and not kind.missing()]
# How long an EventSource may take to come back: 3000 ms, and what is usual.
AGAIN = 12
OPEN = """
window.sources = {}; window.said = {}; window.failures = {};
window.follow = (name, url, init) => {
    const source = new EventSource(url, init);
    sources[name] = source; said[name] = []; failures[name] = 0;
    source.onmessage = e => said[name].push(e.data);
    source.onerror = () => failures[name]++;
};
window.publish = url => fetch(url, {method: 'POST', body: 'x'})
    .then(answer => answer.status, () => 0);
"""


class Page(http.server.BaseHTTPRequestHandler):
    """A page without anything, of a site of its own."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>another site</title>")

    def log_message(self, *_words):
        pass


class Site:
    """The origin of the page."""

    def __init__(self, place):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
        self.origin = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = bench.Thread(self.server.serve_forever)
        place.own(self)

    def destroy(self):
        self.server.shutdown()
        self.server.server_close()


def _begin(place, name, origin):
    corner = bench.Corner(place, name.replace("/", "-"))
    config = (f'allow-origin = "{origin}"\nretry = 1000\n'
              'channel "**" { publish = anyone }\n'
              'route "GET /events/{channel...}" { subscribe = "{channel}" }\n'
              'route "POST /events/pub/{channel...}" '
              '{ publish = "{channel}" data = "{body}" }\n')
    return ways.Way(corner, name, config, lambda server:
                    server.allow_origin(origin))


def _states(browser, keys):
    return {key: browser.script(f"return sources['{key}'].readyState")
            for key in keys}


def _wait_data(browser, keys, text, what):
    def data():
        return {key: browser.script(f"return said['{key}'].includes('{text}')")
                for key in keys}
    proc.wait_for(lambda: all(data().values()), what, AGAIN)


def another_site(tap, place):
    reason = why_not()
    if reason:
        tap.skip("EventSources in Chromium", reason)
        return
    site = Site(place)
    all_ways = {name: _begin(place, name, site.origin) for name in NAMES}
    browser = Browser(place)
    browser.driver.get(site.origin + "/")
    browser.script(OPEN)
    for name, way in all_ways.items():
        url = f"http://localhost:{way.port}/events/news"
        browser.script(f"follow('{name}', '{url}', {{withCredentials: true}})")
        browser.script(f"follow('{name} plain', '{url}')")
    keys = [name + more for name in NAMES for more in ("", " plain")]
    proc.wait_for(lambda: set(_states(browser, keys).values()) == {1},
                  "all are open", 30)
    tap.ok(True, f"{len(keys)} streams of a page of another site are open")
    for end in ("stop", "kill"):
        _without(tap, browser, all_ways, keys, end)


def _without(tap, browser, all_ways, keys, end):
    hiding = [name for name, way in all_ways.items()
              if end == "stop" or way.web.hides_dead_socket]
    browser.script("for (const key in failures) failures[key] = 0")
    for name in hiding:
        getattr(all_ways[name].crierd, end)()
    own = [key for key in keys if key.partition(" ")[0] in hiding]
    # The first is the end of the stream, the second an empty one's.
    proc.wait_for(lambda: all(browser.script(f"return failures['{key}'] > 1")
                              for key in own), "they have come back", AGAIN)
    for name in hiding:
        # One that is opened now, as by a page that is loaded just then.
        url = f"http://localhost:{all_ways[name].port}/events/news"
        browser.script(f"follow('{name} late', '{url}', "
                       "{withCredentials: true})")
    time.sleep(2 * proc.SLOW)
    late = [name + " late" for name in hiding]
    for key, state in _states(browser, own + late).items():
        tap.ok(state != 2, f"{end}, {key}: it tries again", state)
    for name in hiding:
        url = f"http://localhost:{all_ways[name].port}/events/pub/news"
        status = browser.driver.execute_async_script(
            f"publish('{url}').then(arguments[0])")
        tap.ok(status != 200, f"{end}, {name}: who publishes is told",
               status)
    for name in hiding:
        way = all_ways[name]
        way.crierd.start()
    proc.wait_for(lambda: set(_states(browser, own + late).values()) == {1},
                  "all are open again", AGAIN)
    for name in hiding:
        all_ways[name].crierd.pub("news", f"after {end}")
    _wait_data(browser, own + late, f"after {end}", "the event is there")
    tap.ok(True, f"after {end} all come back, and get the next event")


TESTS = [another_site]
