# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""crier.js in many tabs of one browser, behind nginx over HTTP/1.1."""

import os

from cases.chromium_tests import Browser
from lib import proc, web
from lib.patterns_page import in_chromium
from lib.script_page import PAGE, Tab
from lib.site import Site

CONFIG = """
retry = 300
store = "sqlite:%s"
channel "**" { publish = anyone }
route "GET,POST /events" { subscribe = { "{query.channel?}",
    "{json.channel?}" } }
route "GET /events/crier.js" { script = on }
"""
TABS = 8


class Tabs:
    """A site with the page, and a browser."""

    def __init__(self, place, kind="nginx"):
        history = os.path.join(place.make_dir("history"), "history.db")
        self.site = Site(place, kind, config=CONFIG % history)
        self.crierd = self.site.crierd
        with open(os.path.join(self.site.web.www, "page.html"), "w",
                  encoding="utf-8") as page:
            page.write(PAGE % "/events/crier.js")
        self.url = f"http://127.0.0.1:{self.site.port}/page.html"
        self.browser = Browser(place)
        self.sent = []

    def tab(self, url="/events?channel=news", **more):
        return Tab(self.browser, self.url).follow(url, **more)

    def pub(self, count=1):
        for _number in range(count):
            self.sent.append(f"event {len(self.sent)}")
            self.crierd.publish("news", self.sent[-1])

    def all_have(self, tap, tabs, what):
        """Each tab has each event once, in order; there is one stream."""
        for tab in tabs:
            tab.wait_data(self.sent)
        self.crierd.wait_streams(1)
        tap.ok(True, what)


@in_chromium
def eight_tabs(tap, place):
    site = Tabs(place)
    tabs = [site.tab() for _number in range(TABS)]
    for tab in tabs:
        tab.wait_state(1)
    site.crierd.wait_streams(1)
    site.pub(20)
    site.all_have(tap, tabs, f"{TABS} tabs have all events by one stream")
    status = tabs[-1].script(
        "return fetch('/page.html?again').then(r => r.status)")
    tap.eq(status, 200, "and the site still answers them")
    first, *others = tabs
    first.close()
    site.pub(20)
    site.all_have(tap, others, "the leader closed, another goes on: nothing "
                  "is lost or doubled")
    late = site.tab("/events?channel=news&last=3")
    late.wait_data(site.sent[-3:])
    since = site.tab("/events?channel=news&since=all")
    since.wait_data(site.sent)
    site.pub(2)
    late.wait_data(site.sent[-5:])
    since.wait_data(site.sent)
    tap.ok(True, "who comes later gets what the URL asks for, then the rest")
    late.close()
    others.append(since)
    site.all_have(tap, others, "still by one stream")
    site.crierd.kill()
    for tab in others:
        tab.wait_state(0)
    tap.ok(True, "crierd killed, all tabs know")
    site.crierd.start()
    site.pub(20)
    site.all_have(tap, others, "crierd back, all go on where they were")
    tap.eq([tab.note("gap") for tab in others], [0] * len(others), "no gap")


TESTS = [eight_tabs]
