# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""Pages whose streams follow channels: orders that wait for a client who is
away, emitters that end, messages to one user, a feed for everybody."""

import json
import os
import re
import urllib.parse

from lib import bench, proc
from cases.chromium_tests import Browser
from lib.patterns_page import Page, in_chromium
from lib.patterns_site import FILES, JOINS, URLS, Site, read

HOLD = 1.5  # seconds in which a page would be back five times over


@in_chromium
def orders(tap, place):
    """Behind nginx: the client is away for three orders."""
    site = Site(place, "nginx", "orders")
    browser = Browser(place)
    answer = site.post("/sse/push?clientId=user-001&content=Tee")
    tap.eq((answer.json()["ok"], answer.json()["streams"]), (True, 0),
           "an order for who has never been there yet")
    page = Page(browser, site.url + "/orders.html").wait_list(["Tee"])
    tap.ok(True, "it is there when the page is opened first")
    page.submit("Käse & Brot", "content")
    want = ["Tee", "Käse & Brot"]
    page.wait_list(want)
    tap.ok(True, "POST /sse/push from the page")

    page.close()
    site.crierd.wait_streams(0)
    for number in range(3):
        site.post(f"/sse/push?clientId=user-001&content=away+{number}")
    site.post("/sse/push?clientId=user-002&content=not+yours")
    page.open()
    away = [f"away {number}" for number in range(3)]
    page.wait_list(away)
    tap.ok("lastEventId=" in page.script("return source.url"),
           "closed for three orders, it gets these three: it said which one "
           "was its last", page.script("return source.url"))
    _cut(tap, site, page, away)
    tap.eq(browser.errors(), [], "no script of the page failed")


def _cut(tap, site, page, shown):
    """The page connects again by itself, with a new EventSource."""
    before = page.script("return source.url")
    site.web.stop()
    page.wait(lambda: page.ready() == 2, "the page is cut off")
    for number in range(3):
        site.crierd.pub("user/user-001", f"cut off {number}")
    site.web.start()
    want = shown + [f"cut off {number}" for number in range(3)]
    page.wait_list(want)
    tap.ok(page.script("return source.url") != before,
           "cut off for three orders, it gets these three, once each")
    site.post("/sse/push?clientId=user-001&content=live")
    page.wait_list(want + ["live"])
    tap.ok(True, "and goes on live")


@in_chromium
def emitter(tap, place):
    """Behind Apache: every way in which an emitter ends."""
    site = Site(place, "apache", "emitter", [("10", "0.7")])
    browser = Browser(place)
    seen = place.path("emitters")
    with open(seen, "wb") as out:
        site.start("emitter.sh", stdout=out)
    site.crierd.wait_streams(1)

    def lines(name):
        with open(seen, encoding="utf-8") as text:
            return [line.rstrip("\n").partition(": ")[2] for line in text
                    if line.startswith(f"emitter/{name}: ")]

    page = Page(browser, site.url + "/emitter.html?id=1")
    page.wait(lambda: lines(1)[:3] == ["open", "timed out", "open"],
              "a time-out and a new beginning")
    tap.ok(page.script("return opened") >= 2,
           "after max-time the page is back by itself; the script saw it")
    site.crierd.pub("emitter/1", "still there")
    page.wait_list(["still there"])
    tap.ok(True, "and goes on")
    _completed(tap, site, page, lines)


def _completed(tap, site, page, lines):
    """Ended by the site, for good; and by its client's leaving."""
    site.crierd.crier("close", "--stop", "emitter/1")
    page.wait_ready(2)
    page.wait(lambda: lines(1).count("open") * 2 == len(lines(1)),
              "the end of each that was opened")
    tap.ok(True, "closed for good: the page does not come back, the script "
           "saw it")
    with site.get("/emitter?id=2") as stream:
        stream.wait_open()
        site.crierd.crier("close", "emitter/2")
        stream.wait_end()
    proc.wait_for(lambda: lines(2) == ["open", "completed"], "completion")
    tap.ok(True, "completion is told of as such")
    # Apache tells of a client that left when something is written to it.
    with site.get("/emitter?id=3") as stream:
        stream.wait_open()
        stream.reset()
        proc.wait_for(lambda: site.crierd.pub("emitter/3", "there?")
                      or len(lines(3)) == 2, "the end of it")
    tap.eq(lines(3), ["open", "error"], "so is a client that is gone")


@in_chromium
def user(tap, place):
    """Behind lighttpd: messages to one user, with an id, in two tabs."""
    # A page would be back at once if it were not told to wait a minute.
    site = Site(place, "lighttpd", "user", [("last = 50",
                                             "last = 50  retry = 300")])
    browser = Browser(place)
    tabs = [Page(browser, site.url + "/user.html?uid=7") for _n in range(2)]
    other = Page(browser, site.url + "/user.html?uid=8")
    for tab in (*tabs, other):
        tab.wait_ready(1)

    def send(uid, number, text):
        form = {"uid": uid, "messageId": f"m-{number}", "message": text}
        answer = site.post_form("/sse/send", urllib.parse.urlencode(form))
        return answer.json()

    told = send(7, 17, "你好 & welcome")
    tap.eq((told["id"], told["streams"]), ("m-17", 2),
           "the sender learns of two tabs")
    for tab in tabs:
        tab.wait_list(["你好 & welcome"])
    ids = [tab.script("return document.querySelector('li').dataset.id")
           for tab in tabs]
    tap.eq(ids, ["m-17", "m-17"], "both have the message with its id")
    _close_user(tap, site, tabs, other)
    told = send(7, 18, "while you were away")
    tap.eq(told["streams"], 0, 'nobody there: "streams":0')
    send(8, 19, "for 8")
    other.wait_list(["for 8"])
    tap.eq(other.list(), ["for 8"], "another user sees none of it")
    tabs[0].load()
    tabs[0].wait_list(["你好 & welcome", "while you were away"])
    tap.ok(True, "it is delivered to who comes back")
    with site.get("/sse/connect/7", last_event_id="m-17") as stream:
        tap.eq([e.data for e in stream.wait_events(1)],
               ["while you were away"], "by id, exactly what is missing")


def _close_user(tap, site, tabs, other):
    site.crierd.crier("close", "user/7")
    for tab in tabs:
        tab.wait_ready(0)
    site.crierd.wait_streams(1)
    tap.ok(proc.holds_for(lambda: site.crierd.streams() == 1, HOLD),
           "closed by the server, both tabs wait for the minute they were "
           "told to")
    tap.eq(other.ready(), 1, "another user's page stays")


@in_chromium
def user_owner(tap, place):
    """Behind nginx: each user follows his own messages alone."""
    site = Site(place, "nginx", "user-owner")
    token = site.token("--user", "7")
    if not token:
        tap.skip("only the owner", "there are no tokens without libjwt")
        return
    browser = Browser(place)
    page = Page(browser, site.url + "/user.html?uid=7").wait_ready(2)
    tap.ok(True, "who is not logged in is refused")
    page.script(f"document.cookie = 'crier={token}; path=/'")
    page.load(site.url + "/user.html?uid=8")
    page.wait_ready(2)
    tap.ok(True, "so is somebody else")
    page.load(site.url + "/user.html?uid=7")
    page.wait_ready(1)
    site.crierd.pub("-i", "m-1", "user/7", "yours")
    page.wait_list(["yours"])
    tap.ok(True, "the user gets the messages")
    site.crierd.crier("close", "--stop", "--user", "7")
    page.wait_ready(2)
    tap.ok(True, "crier close --stop --user ends it for good")


CHINESE = "你好，世界 🎉👨‍👩‍👧‍👦"


@in_chromium
def feed(tap, place):
    """Behind lighttpd: a feed for each page, messages for all of them."""
    site = Site(place, "lighttpd", "feed", [('"1"', '"0.05"')])
    browser = Browser(place)
    pages = [Page(browser, site.url + "/feed.html") for _n in range(2)]
    want = [f"{n} 第{n}条消息 🎉" for n in range(1, 11)]
    want += ["custom 自定义事件 👨‍👩‍👧‍👦", "结束"]
    for page in pages:
        page.wait_list(want).wait_ready(1, "chat")
    tap.ok(True, "ten messages, a custom one and the end, in both pages")
    pages[1].submit(CHINESE, "message")
    for page in pages:
        page.wait_list([CHINESE], "#chat")
    tap.ok(True, "what one page sends is shown in both")
    pages[1].wait_text("#status", "success")
    body = json.dumps({"message": 'a "quoted" \\ one\n</b>'}).encode()
    answer = site.post("/api/send-message", body=body, headers={
        "Content-Type": "application/json; charset=utf-8"})
    tap.eq((answer.status, answer.raw), (200, b'{"status":"success"}'),
           "the answer is just what it was before crier")
    pages[0].wait_list([CHINESE, 'a "quoted" \\ one\n</b>'], "#chat")
    tap.ok(True, "quotes and line ends are what they were")
    tap.eq(browser.errors(), [], "no script of the page failed")


def _flat(text):
    return re.sub(r"^\t+", "", text, flags=re.MULTILINE)


def _unlicensed(text):
    """Without the lines that the files of crier begin with."""
    return re.sub(r"^(?:#|//) (?:SPDX-|Copyright ).*\n", "", text,
                  flags=re.MULTILINE)


def the_documentation(tap, _place):
    """doc/porting.md shows what is tried here."""
    with open(os.path.join(bench.SRCDIR, "doc", "porting.md"),
              encoding="utf-8") as page:
        text = page.read()
    for kind, ends in (("conf", (".conf",)), ("sh", (".sh",)),
                       ("python", (".py",)), ("php", (".php",)),
                       ("js", (".html", ".php"))):
        files = [_flat(_unlicensed(read(name))) for name in os.listdir(FILES)
                 if name.endswith(ends)]
        blocks = re.findall(r"^```" + kind + r"\n(.*?)^```$", text,
                            re.MULTILINE | re.DOTALL)
        missing = [block for block in blocks if not any(
            _flat(block) in file for file in files)]
        tap.eq((missing, bool(blocks)), ([], True), f"its blocks of {kind}")
    for kind, lines in JOINS.items():
        shown = lines.replace(URLS, "(sse|api/messages)")
        if kind == "apache":
            shown = shown.replace("(sse", "(events|sse")
        tap.ok(all("\n    " + line + "\n" in text
                   for line in shown.split("\n")), f"its lines for {kind}",
               shown)


TESTS = (orders, emitter, user, user_owner, feed, the_documentation)
