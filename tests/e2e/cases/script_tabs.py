# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""crier.js in many tabs of one browser, behind nginx over HTTP/1.1."""

import json
import os
import time

from cases.chromium_tests import Browser
from cases.token_tests import sign
from lib import bench, proc
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
KEY = "0123456789abcdef0123456789abcdef"
# Hears what the leader says.
LISTEN = """
window.heard = new BroadcastChannel("crier " + [true, false,
    sources.a.url]);
heard.onmessage = (e) => { if (e.data[4]) window.last = e.data; };
"""
# Whether this tab has the lock of what is shared.
LEADS = """
const done = arguments[0];
navigator.locks.request("me", async () => {
    const held = (await navigator.locks.query()).held;
    const me = held.find((lock) => lock.name === "me").clientId;
    done(held.some((lock) => lock.name.startsWith("crier true") &&
        lock.clientId === me));
});
"""


class Tabs:
    """A site with the page, and a browser."""

    def __init__(self, place, kind="nginx", config="", host="127.0.0.1"):
        history = os.path.join(place.make_dir("history"), "history.db")
        self.site = Site(place, kind, config=config + CONFIG % history)
        self.crierd = self.site.crierd
        with open(os.path.join(self.site.web.www, "page.html"), "w",
                  encoding="utf-8") as page:
            page.write(PAGE % "/events/crier.js")
        self.url = f"http://{host}:{self.site.port}/page.html"
        self.browser = Browser(place, [
            "--host-resolver-rules=MAP shop.test 127.0.0.1"])
        self.sent = []

    def tab(self, url="/events?channel=news", **more):
        return Tab(self.browser, self.url).follow(url, **more)

    def pub(self, count=1):
        for _number in range(count):
            self.sent.append(f"event {len(self.sent)}")
            self.crierd.publish("news", self.sent[-1])

    def token(self, seconds):
        return sign({"alg": "HS256"}, {
            "exp": int(time.time()) + seconds, "subscribe": ["private"]},
                    KEY.encode())

    def channels(self):
        """What is followed by streams that stay."""
        with self.crierd.connect() as queue:
            return {stream["channels"][0] for stream in queue.ask(
                {"do": "status", "streams": True})["list"]}

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
    site.crierd.crier("close", "--stop", "news")
    for tab in others:
        tab.wait_state(2)
    tap.ok(True, "closed for good, all are")


@in_chromium
def other_channels(tap, place):
    site = Tabs(place)
    names = [f"c{number}" for number in range(10)]
    tab = site.tab()
    for name in names:
        tab.follow(f"/events?channel={name}", name=name)
    for name in names:
        tab.wait_state(1, name)
    site.crierd.wait_streams(4)
    for name in names:
        site.crierd.publish(name, f"to {name}")
    for name in names:
        tab.wait_data([f"to {name}"], name)
    site.crierd.wait_streams(4)
    status = tab.script("return fetch('/page.html?x').then(r => r.status)")
    tap.eq(status, 200, "11 channels over HTTP/1.1: four are streams, the "
           "others poll, and the site answers")
    tab.script("sources.a.close()")
    proc.wait_for(lambda: len(site.channels()) == 4
                  and "news" not in site.channels(),
                  "another one has the place")
    tap.ok(True, "a place that is free is taken")


@in_chromium
def left_and_frozen(tap, place):
    site = Tabs(place)
    first, second, third = [site.tab() for _number in range(3)]
    for tab in (first, second, third):
        tab.wait_state(1)
    site.pub(3)
    site.all_have(tap, (first, second, third), "three tabs")
    first.load(site.url + "?elsewhere")
    site.pub(3)
    site.all_have(tap, (second, third), "the leader's page left, another goes "
                  "on")
    first.driver.switch_to.window(first.handle)
    first.driver.back()
    tap.eq(first.script("return restored"), 1,
           "the browser had kept the page")
    site.pub(3)
    site.all_have(tap, (first, second, third), "gone back to, it has what "
                  "came meanwhile")
    for tab in (second, first):
        _frozen(tap, site, tab, [each for each in (first, second, third)
                                 if each is not tab])
    tabs = sorted((first, second, third), key=lambda tab: not _leads(tab))
    tap.eq([_leads(tab) for tab in tabs], [True, False, False],
           "one tab leads")
    _stuck(tap, site, *tabs[:2])


@in_chromium
def without_locks(tap, place):
    """Plain HTTP, where browsers have no Web Locks."""
    site = Tabs(place, host="shop.test")
    tabs = [site.tab() for _number in range(2)]
    for tab in tabs:
        tab.wait_state(1)
    tap.eq(tabs[0].script("return typeof navigator.locks"), "undefined",
           "there are no locks")
    site.pub(2)
    for tab in tabs:
        tab.wait_data(site.sent)
    tap.eq(site.crierd.streams(), 2, "so each tab has a stream of its own")


@in_chromium
def a_token_expires(tap, place):
    site = Tabs(place, config=f'token-key = "{KEY}"\n'
                'channel "private" { subscribe = token }\n')
    first, second = [Tab(site.browser, site.url) for _number in range(2)]
    for tab in (first, second):
        tokens = [site.token(seconds) for seconds in (2, 600)]
        tab.script(f"tokens.push(...{json.dumps(tokens)})")
        tab.follow("/events?channel=private",
                   options="{token: () => tokens[asked++]}")
        tab.wait_state(1)
    site.crierd.publish("private", "before")
    for tab in (first, second):
        tab.wait_data(["before"])
    proc.wait_for(lambda: first.script("return asked") == 2,
                  "the leader's token is refused")
    site.crierd.publish("private", "after")
    for tab in (first, second):
        tab.wait_data(["before", "after"])
    site.crierd.wait_streams(1)
    tap.eq([tab.script("return asked") for tab in (first, second)], [2, 1],
           "a token expired, its page is asked for another one, and all tabs "
           "go on")
    first.close()
    site.crierd.publish("private", "last")
    second.wait_data(["before", "after", "last"])
    tap.eq(second.script("return asked"), 2,
           "who takes over with a token that expired asks, too")


@in_chromium
def missed(tap, place):
    """A tab that cannot be sure that it has heard all asks crierd."""
    site = Tabs(place)
    tabs = [site.tab() for _number in range(3)]
    for tab in tabs:
        tab.wait_state(1)
    tabs[0].script(LISTEN)
    site.pub()
    site.all_have(tap, tabs, "three tabs")
    for forged, what in (("[last[0], last[1] + 5, 1, last[3]]",
                          "messages are missing"),
                         ("[last[0] + 5, 0, 1, '1700000000000-0']",
                          "a new leader goes on elsewhere")):
        before = site.crierd.status()["polls_served"]
        tabs[0].wait(lambda: tabs[0].script("return window.last"), "a message")
        tabs[0].script(f"heard.postMessage({forged})")
        proc.wait_for(lambda at=before:
                      site.crierd.status()["polls_served"] >= at + 2,
                      "two followers ask")
        site.pub(2)
        site.all_have(tap, tabs, f"{what}: they ask, and have all, once")


@in_chromium
def under_load(tap, place):
    """Leaders go and tabs come while events do, some with a publisher's id."""
    site = Tabs(place)
    tabs = [site.tab("/events?channel=news&since=all") for _number in range(5)]
    for tab in tabs:
        tab.wait_state(1)
    load = bench.Thread(_publish, site)
    for _time in range(2):
        leader = next(tab for tab in tabs if _leads(tab))
        tabs.remove(leader)
        leader.close()
        tabs.append(site.tab("/events?channel=news&since=all"))
    _crash(next(tab for tab in tabs if _leads(tab)), tabs)
    load.finish()
    site.all_have(tap, tabs, "each tab has all, once, in order")


@in_chromium
def the_demo(tap, place):
    site = Tabs(place, "lighttpd")
    site.url = f"http://127.0.0.1:{site.site.port}/?tabs&channel=news"
    tabs = [Tab(site.browser, site.url) for _number in range(2)]
    for tab in tabs:
        tab.wait(lambda one=tab: one.text("#tabs-text").startswith("2 pages"),
                 "it knows of the other")
    site.crierd.wait_streams(1)
    site.pub()
    for tab in tabs:
        tab.wait(lambda one=tab: "event 0" in one.text("#events"), "an event")
    tap.eq([tab.text("#state") for tab in tabs], ["live", "live"],
           "two demo pages are live by one stream")


def _publish(site):
    with site.crierd.connect() as queue:
        for number in range(300):
            more = {"id": f"own-{number}"} if number % 3 == 0 else {}
            queue.publish("news", f"event {number}", **more)
            site.sent.append(f"event {number}")
            time.sleep(0.01)


def _crash(tab, tabs):
    tabs.remove(tab)
    tab.script("")
    try:
        tab.driver.execute_cdp_cmd("Page.crash", {})
    except Exception as gone:  # the driver's own, which is of selenium
        if "crash" not in str(gone):
            raise
    tab.driver.switch_to.window(tab.first)


def _leads(tab):
    tab.script("")
    return tab.driver.execute_async_script(LEADS)


def _lifecycle(tab, state):
    tab.script("")
    tab.driver.execute_cdp_cmd("Page.setWebLifecycleState", {"state": state})


def _frozen(tap, site, tab, others):
    _lifecycle(tab, "frozen")
    site.pub(3)
    site.all_have(tap, others, "a tab frozen, the others go on")
    _lifecycle(tab, "active")
    site.pub(3)
    site.all_have(tap, [tab, *others], "thawed, it has all")


def _stuck(tap, site, leader, other):
    """The leader's page does not stop; it is not even told that it lost."""
    leader.script("setTimeout(() => { const end = Date.now() + 6000;"
                  "localStorage.setItem('stuck', 1);"
                  "while (Date.now() < end); window.end = end; }, 200)")
    other.wait(lambda: other.script("return localStorage.getItem('stuck')"),
               "the leader is stuck")
    site.pub(3)
    other.script("dispatchEvent(new Event('visibilitychange'))")
    other.wait_data(site.sent)
    then = other.script("return Date.now()")
    leader.wait(lambda: leader.script("return window.end"), "an end", 30)
    tap.ok(then < leader.script("return window.end"),
           "another takes over from one that is stuck")
    site.pub(3)
    leader.wait_data(site.sent)
    other.wait_data(site.sent)
    site.crierd.wait_streams(1)
    tap.ok(True, "which then has all, once, by one stream")


TESTS = [eight_tabs, other_channels, left_and_frozen,
         without_locks, a_token_expires, missed, under_load, the_demo]
