# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""The status page (`status = page`).

It is the same by every file of conf/, shown to whom `allow` says, bounded
whatever there is to show, and looked at in Chromium.
"""

import json
import os
import re
import sqlite3
import urllib.parse

from cases.chromium_tests import Browser, why_not
from lib import bench, proc, ways, web
from lib.daemon import Crierd
from lib.fcgi import Direct
from lib.site import Site
from lib.web import ACCEPT

CONFIG = """
publish = anyone
channel "secret" { subscribe = nobody publish = nobody }
channel "members" { publish = user }
route "GET /events" { subscribe = "{query.channel}" }
route "GET /events/status" { status = page allow = anyone }
route "GET,POST /events/usual" { status = page }
route "GET /events/nobody" { status = page allow = nobody }
route "GET /events/json" { status = json allow = nobody }
route "GET /events/open" { status = json }
"""
# This says of each request that it forwards it for somebody.
FORWARDING = ("caddy/crier.caddy",)
FILES = (("", "text/html; charset=utf-8", b"<!DOCTYPE html>"),
         ("?view=script", "text/javascript; charset=utf-8", b"EventSource"),
         ("?view=style", "text/css; charset=utf-8", b"prefers-color-scheme"))


def the_page(tap, place, name):
    way = ways.Way(place, name, CONFIG)
    for query, kind, part in FILES:
        answer = web.fetch(way.port, "/events/status" + query)
        tap.ok(answer.status == 200 and part in answer.raw
               and answer.headers.get("content-type") == kind,
               f"{kind} comes whole", (answer.status, answer.headers))
        policy = answer.headers.get("content-security-policy", "")
        tap.ok("default-src 'none'" in policy and "unsafe" not in policy,
               "and runs nothing of anybody else's", policy)
    with web.Exchange(way.port, "/events/status?view=events",
                      headers=ACCEPT) as stream:
        stream.wait(lambda: any(e.type == "stats" for e in stream.events),
                    "figures by the stream")
        tap.ok(True, "its stream brings figures")
        answer = web.fetch(way.port, "/events/status?view=figures").json()
        tap.ok(answer["streams"] >= 1 and "channel_list" in answer
               and "limits" in answer and "request" in answer,
               "and the lists are there", answer)
    usual = web.fetch(way.port, "/events/usual").status
    tap.eq(usual, 401 if name in FORWARDING else 200,
           "whoever is on this machine may see it, unless it is forwarded")


def _wait_end(answer):
    def ended():
        answer.pump()
        return answer.ended
    proc.wait_for(ended, "the end of an answer")


def for_whom(tap, place):
    crierd = Crierd(place, config=CONFIG).start()
    local = {"REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "localhost"}
    far = {"REMOTE_ADDR": "192.0.2.7", "HTTP_HOST": "localhost"}
    rows = (
        ("this machine", "usual", local, 200),
        ("another one", "usual", far, 401),
        ("another one, for the figures", "usual?view=figures", far, 401),
        ("another one, for the stream", "usual?view=events", far, 401),
        ("another one, for the script", "usual?view=script", far, 200),
        ("somebody who is logged in", "usual",
         {**far, "REMOTE_USER": "ann"}, 200),
        ("a proxy for somebody", "usual",
         {**local, "HTTP_X_FORWARDED_FOR": "192.0.2.7"}, 401),
        ("a page of another site", "usual?view=figures",
         {**local, "HTTP_ORIGIN": "http://example.org"}, 401),
        ("another name of this machine", "usual",
         {**local, "HTTP_HOST": "example.org"}, 401),
        ("nobody", "nobody", {**local, "REMOTE_USER": "ann"}, 403),
        ("nobody, as JSON", "json", local, 403),
        ("JSON without a rule", "open", far, 200),
        ("a view that is not there", "status?view=all", far, 400),
        ("a channel for nobody", "status?view=channel&channel=secret", far,
         403),
        ("no channel", "status?view=channel", far, 400),
        ("an order that is not there", "status?view=figures&sort=x", far,
         400))
    for what, target, env, status in rows:
        with Direct(crierd.listen, "/events/" + target, **env) as answer:
            _wait_end(answer)
            tap.eq(answer.status, status, f"{what}: {status}")


def who_publishes(tap, place):
    crierd = Crierd(place, config=CONFIG).start()
    local = {"REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "localhost",
             "CONTENT_TYPE": "application/json"}
    far = {**local, "REMOTE_ADDR": "192.0.2.7"}
    ann = {**far, "REMOTE_USER": "ann"}
    other = {**ann, "HTTP_ORIGIN": "http://example.org"}
    to, good = "usual?view=publish", b'{"data":"x","event":"e"}'
    rows = (
        ("this machine", to + "&channel=news", local, good, 200),
        ("another one", to + "&channel=news", far, good, 401),
        ("a user", to + "&channel=members", ann, good, 200),
        ("no user", to + "&channel=members", local, good, 401),
        ("a user, where nobody may", to + "&channel=secret", ann, good, 403),
        ("another site's page", to + "&channel=members", other, good, 403),
        ("another site's page, for anyone", to + "&channel=news", other,
         good, 403),
        ("a page that says no origin", to + "&channel=news",
         {**ann, "HTTP_SEC_FETCH_SITE": "cross-site"}, good, 403),
        ("no channel", to, ann, good, 400),
        ("crier's own channel", to + "&channel=%24stats", ann, good, 403),
        ("no name of a channel", to + "&channel=a%20b", ann, good, 400),
        ("no data", to + "&channel=news", ann, b"{}", 400),
        ("a list", to + "&channel=news", ann, b"[1]", 400),
        ("too much", to + "&channel=news", ann,
         b'{"data":"' + b"x" * 65537 + b'"}', 413),
        ("a view that takes no POST", "usual?view=figures", ann, good, 405),
        ("a page without POST", "status?view=publish&channel=news", ann,
         good, 405))
    for what, target, env, body, status in rows:
        with Direct(crierd.listen, "/events/" + target, method="POST",
                    body=body, **env) as answer:
            _wait_end(answer)
            tap.eq(answer.status, status, f"publishing, {what}: {status}")
    with Direct(crierd.listen, f"/events/{to}&channel=news",
                **local) as answer:
        _wait_end(answer)
        tap.eq(answer.status, 405, "nothing is published by a GET")
    for channel, env, may in (("news", far | ann, True),
                              ("members", local, False),
                              ("members", ann, True), ("secret", ann, False)):
        with Direct(crierd.listen, "/events/usual?view=figures&channel="
                    + channel, **env) as answer:
            _wait_end(answer)
            tap.eq(json.loads(answer.raw)["may_publish"], may,
                   f"the page is told that {channel} is "
                   f"{'' if may else 'not '}for it")


def bounded(tap, place):
    crierd = Crierd(place, config=CONFIG).start()
    with crierd.connect() as queue:
        for hundred in range(0, 10000, 100):
            queue.publish_all([f"room/{number:05}" for number
                               in range(hundred, hundred + 100)], ["x"])
        queue.publish_all("room/07777", ["again"] * 3)

    def figures(more=""):
        with Direct(crierd.listen, "/events/status?view=figures"
                    + more) as answer:
            _wait_end(answer)
            return len(answer.raw), json.loads(answer.raw)

    size, all_of_it = figures("&sort=published")
    rows = all_of_it["channel_list"]
    tap.eq(all_of_it["channels"], 10000, "there are 10,000 channels")
    tap.eq(len(rows), 50, "the page gets fifty of them")
    tap.ok(size < 40000, "in a small answer", size)
    tap.eq((rows[0]["channel"], rows[0]["published"]), ("room/07777", 4),
           "the busiest first")
    found = figures("&find=%2F099&sort=events")[1]["channel_list"]
    tap.eq(sorted(row["channel"] for row in found),
           [name for name in (f"room/{n:05}" for n in range(10000))
            if "/099" in name][:50],
           "one can look for others by their names")


def in_a_browser(tap, place):
    reason = why_not()
    if reason:
        tap.skip("the status page in Chromium", reason)
        return
    site = Site(place, "lighttpd", config=CONFIG, options=[
        "store=sqlite:" + os.path.join(place.run, "history.db"),
        "store-error=memory"])
    browser = Browser(place)
    browser.driver.get(f"http://127.0.0.1:{site.port}/events/usual")
    _wait(browser, "live", "the page is live")
    tap.ok(True, "the page is live")
    proc.wait_for(lambda: "FastCGI" in browser.text("#way"), "the way", 30)
    tap.ok(True, "it tells how it is attached")
    _picture(browser, "idle")
    name = "<b>&amp;"
    reader = site.curl("/events?channel=" + urllib.parse.quote(name))
    site.crierd.wait_streams(2, 30)
    for number in range(5):
        site.crierd.pub(name, f"<b>{number}</b>")
    row = "#channels tbody tr"
    proc.wait_for(lambda: name in browser.text("#channels")
                  and "5" in browser.text(row), "the channel is listed", 30)
    tap.ok(True, "a channel is listed with its events, its name as text")
    proc.wait_for(lambda: "follows" in browser.text("#log"), "a coming", 30)
    tap.ok(True, "who comes is told")
    proc.wait_for(lambda: "µs" in browser.text("#work")
                  or "ms" in browser.text("#work"), "latency", 30)
    tap.ok(True, "and how late events are")
    browser.script("document.querySelector('#channels button').click()")
    proc.wait_for(lambda: "<b>4</b>" in browser.text("#look-events"),
                  "the channel's events", 30)
    tap.ok(True, "its last events are shown")
    browser.script("document.querySelector('#figures-box').open = true")
    _publish(tap, browser)
    proc.wait_for(lambda: "streams" in browser.text("#figures"),
                  "the table of figures", 30)
    tap.ok(True, "the figures are there as a table")
    tap.eq(_wide(browser), [], "nothing is wider than a phone")
    _picture(browser, "busy")
    _degraded(tap, place, site, browser)
    site.crierd.stop()
    _wait(browser, "gone", "the page says that crierd is gone")
    tap.ok(True, "crierd gone, the page says so")
    _picture(browser, "gone")
    site.crierd.start()
    _wait(browser, "live", "and is live again")
    tap.ok(True, "and goes on by itself when it is back")
    tap.eq(browser.script("return document.querySelectorAll("
                          "'#channels b, .events b').length"), 0,
           "no name and no event has become HTML")
    tap.eq(browser.errors(), [], "no script of the page failed")
    del reader


def _publish(tap, browser):
    proc.wait_for(lambda: browser.script(
        "return !document.querySelector('#say').hidden"), "the form", 30)
    browser.script("document.querySelector('#say-data').value = '<b>7</b>';"
                   "document.querySelector('#say-event').value = 'open';"
                   "document.querySelector('#say').requestSubmit()")
    proc.wait_for(lambda: "accepted" in browser.text("#say-note"),
                  "the answer to what was published", 30)
    proc.wait_for(lambda: "open: <b>7</b>" in browser.text("#look-events"),
                  "what was published", 30)
    tap.ok(True, "who may publishes from the page")


def _degraded(tap, place, site, browser):
    other = sqlite3.connect(os.path.join(place.run, "history.db"),
                            isolation_level=None)
    try:
        other.execute("BEGIN EXCLUSIVE")
        proc.wait_for(lambda: site.crierd.crier("pub", "news", "x").returncode
                      == 0 and site.crierd.status()["store"]["degraded"],
                      "the store is degraded", 60)
        proc.wait_for(lambda: "degraded" in browser.text("#alarms")
                      and "locked" in browser.text("#store"),
                      "the page says that the store is degraded", 30)
        tap.ok(True, "a degraded store and its last error are told")
        _picture(browser, "degraded")
        other.execute("ROLLBACK")
        proc.wait_for(lambda: site.crierd.crier("pub", "news", "x").returncode
                      == 0 and not site.crierd.status()["store"]["degraded"],
                      "the store is well", 60)
        proc.wait_for(lambda: "degraded" not in browser.text("#alarms"),
                      "the page says that it is well", 30)
        tap.ok(True, "and that it is well again")
    finally:
        other.close()


def _picture(browser, name):
    """For whoever looks at the page: CRIER_TEST_PICTURES is a directory."""
    folder = os.environ.get("CRIER_TEST_PICTURES")
    if not folder:
        return
    for kind, width, dark in (("light", 1280, False), ("dark", 1280, True),
                              ("phone", 390, False)):
        browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {
            "features": [{"name": "prefers-color-scheme",
                          "value": "dark" if dark else "light"}]})
        browser.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": 900, "deviceScaleFactor": 1,
             "mobile": False})
        height = browser.script("return document.body.scrollHeight")
        browser.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1,
             "mobile": False})
        browser.driver.save_screenshot(f"{folder}/{name}-{kind}.png")


def as_doctor_says(tap, _place):
    """The page's remedies are among crier doctor's."""
    def read(name):
        with open(os.path.join(bench.SRCDIR, "src", name),
                  encoding="utf-8") as file:
            return file.read()
    remedies = re.search(r"const remedies = \{(.*?)\};",
                         read("request/page/page.js"), re.S).group(1)
    pairs = re.findall(r'(\w+): "([^"]*)"', remedies)
    advice = read("doctor/advice_table.c")
    tap.eq(len(pairs), 4, "there are remedies")
    for server, text in pairs:
        tap.ok(text in advice, f"{server}: {text}")


def _wait(browser, state, what):
    proc.wait_for(lambda: browser.script(
        "return document.body.dataset.state") == state, what, 60)


def _wide(browser):
    """What makes the page scroll sideways at a phone's width."""
    browser.driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": 360, "height": 800, "deviceScaleFactor": 1, "mobile": True})
    return browser.script("""
return Array.from(document.querySelectorAll('main *')).filter(
    e => !e.closest('.scroll, .hush, svg, .events')
        && e.getBoundingClientRect().right > 361).map(e => e.outerHTML);
""")


TESTS = [for_whom, who_publishes, bounded, as_doctor_says,
         in_a_browser] + ways.each(the_page)
