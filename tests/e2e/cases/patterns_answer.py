# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""An answer that is written while one reads: reloaded, opened in a second
tab, cut off, stopped; every word is shown once, in order."""

import functools
import json
import os
import re
import shutil
import subprocess
import threading
import time

from lib import proc
from cases.chromium_tests import Browser
from cases.patterns_run import running
from lib.patterns_page import Page, in_chromium
from lib.patterns_site import Site

SOON = ('subscribe = "chat/{id}"', 'subscribe = "chat/{id}"  retry = 200')
WORDS = 40
QUESTION = " ".join(f"w{n}" for n in range(WORDS))
RELOADS = 5


class Answers(Site):
    """The site, whose program writes as many words as it is let to."""

    def __init__(self, place, kind, changes=(SOON,)):
        super().__init__(place, kind, "answer", changes)
        self.script = os.path.join(self.programs, "answer.py")
        self.gate = os.path.join(self.programs, "gate")
        self.let(0)
        with open(self.script, encoding="utf-8") as file:
            text = file.read()
        with open(self.script, "w", encoding="utf-8") as file:
            file.write(text.replace("    time.sleep(0.1)\n", f"""\
    written = globals().get("written", 0) + 1
    while int(open("{self.gate}").read() or 0) < written:
        time.sleep(0.02)
"""))

    def let(self, count):
        """Let it go on up to this word, and that it has written the next."""
        with open(self.gate + ".new", "w", encoding="ascii") as file:
            file.write(str(count))
        os.chmod(self.gate + ".new", 0o644)
        os.rename(self.gate + ".new", self.gate)


def _first(count):
    """The answer, when so many words are let through."""
    return "".join(f"w{n} " if n < WORDS - 1 else f"w{n}"
                   for n in range(min(count + 1, WORDS)))


def _shows(page, count):
    page.wait_text("#answer", _first(count))


def _answer(tap, place, kind):
    site = Answers(place, kind)
    browser = Browser(place)
    page = Page(browser, site.url + "/answer.html")
    page.submit(QUESTION, "question")
    at = 3
    site.let(at)
    _shows(page, at)
    tap.eq(running(site.script), 1, "it is begun, and read")
    for _turn in range(RELOADS):
        page.script("location.reload()")
        at += 2
        site.let(at)
        _shows(page, at)
    tap.ok(True, "reloaded half-way five times, it has every word once")
    tabs = [page, Page(browser, page.script("return location.href"))]
    _shows(tabs[1], at)
    tap.ok(True, "a second tab has all of them, too")
    channel = "chat/" + page.script("return location.hash.slice(1)")
    site.crierd.crier("close", channel)
    at += 3
    site.let(at)
    for tab in tabs:
        _shows(tab, at)
    tap.ok(True, "the streams were ended, and came back")
    site.web.stop()
    at += 3
    site.let(at)
    site.web.start()
    for tab in tabs:
        _shows(tab, at)
    tap.ok(True, "so were all connections, with the web server")
    tap.eq(running(site.script), 1, "all the time one program runs")
    site.let(WORDS)
    for tab in tabs:
        tab.wait_text("#state", "ended")
        tap.eq(tab.text("#answer"), QUESTION, "its end, and every word")
    proc.wait_for(lambda: not running(site.script), "it has ended")
    tabs[1].script("location.reload()")
    tabs[1].wait_text("#state", "ended")
    tap.eq((tabs[1].text("#answer"), running(site.script)), (QUESTION, 0),
           "who comes later reads it, and begins nothing")
    _stop(tap, site, tabs)
    tap.eq(browser.errors(), [], "no script of the page failed")


def _stop(tap, site, tabs):
    site.let(5)
    tabs[0].submit(QUESTION, "question")
    _shows(tabs[0], 5)
    tabs[1].load("about:blank")
    tabs[1].load(tabs[0].script("return location.href"))
    _shows(tabs[1], 5)
    began = time.monotonic()
    tabs[1].script("document.getElementById('stop').click()")
    proc.wait_for(lambda: not running(site.script), "the program is gone", 4)
    seconds = time.monotonic() - began
    for tab in tabs:
        tab.wait_text("#state", "stopped")
        tap.eq(tab.text("#answer"), _first(5),
               "one tab stops it: both say so, and keep what there is")
    tap.diag(f"behind {site.kind}: gone {seconds:.2f} s after the click")


@in_chromium
def killed(tap, place):
    """crierd is killed half-way: nothing is shown twice, and nobody waits."""
    place.store = "sqlite:" + place.run + "/history.db"
    site = Answers(place, "nginx")
    browser = Browser(place)
    page = Page(browser, site.url + "/answer.html")
    page.submit(QUESTION, "question")
    site.let(5)
    _shows(page, 5)
    tabs = [page, Page(browser, page.script("return location.href"))]
    _shows(tabs[1], 5)
    site.crierd.kill()
    site.crierd.start()
    for tab in tabs:
        tab.wait_text("#state", "interrupted")
        tap.eq(tab.text("#answer"), _first(5), "every word once, and the end")
    tabs[1].script("location.reload()")
    tabs[1].wait_text("#state", "interrupted")
    tap.eq(tabs[1].text("#answer"), _first(5), "it says so to who comes later")
    proc.wait_for(lambda: not running(site.script), "its program is gone")
    tap.eq(browser.errors(), [], "no script of the page failed")


def _behind(kind):
    @in_chromium
    @functools.wraps(_answer)
    def answer(tap, place):
        _answer(tap, place, kind)
    return answer, f"answer behind {kind}"


def in_php(tap, place):
    """The same program in PHP, without a browser."""
    if not shutil.which("php"):
        tap.skip("the program in PHP", "no php")
        return
    site = Site(place, "nginx", "answer", [("answer.py", "answer.php")])
    body = "Grüße \"an\" alle\n".encode()
    with site.get("/chat/1", method="POST", body=body) as stream:
        stream.wait_end()
    tap.eq([event.data for event in stream.events[:-1]],
           ['"Gr\\u00fc\\u00dfe "', '"\\"an\\" "', '"alle\\n"'],
           "it writes the same")
    with site.get("/chat/1", method="POST", body=body) as again:
        again.wait_end()
    tap.eq([event.id for event in again.events],
           [event.id for event in stream.events],
           "the same question again is not run again")


def _order(number):
    return json.dumps({"id": number, "text": f"order {number}"})


class Shop(Site):
    """A site with a file of orders, each of which is published, too."""

    def __init__(self, place):
        super().__init__(place, "nginx", "list")
        self.orders = os.path.join(self.programs, "orders")
        self.count = 0
        with open(self.orders, "w", encoding="ascii"):
            pass
        path = os.path.join(self.programs, "list.php")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        self.php = place.write("list.php", text.replace(
            "/run/crier/queue.sock", self.crierd.queue).replace(
                "/usr/local/lib/site/orders", self.orders))

    def take(self, queue):
        """An order comes in: it is stored, and then published."""
        self.count += 1
        with open(self.orders, "a", encoding="ascii") as file:
            file.write(_order(self.count) + "\n")
        queue.publish("orders", _order(self.count))

    def render(self):
        return subprocess.run(["php", self.php], capture_output=True,
                              check=True, timeout=30 * proc.SLOW).stdout


def _take_until(shop, is_over):
    with shop.crierd.connect() as queue:
        while not is_over.wait(0.001):
            shop.take(queue)


def no_race(tap, place):
    """Orders come all the time; a page that is rendered lacks none."""
    if not shutil.which("php"):
        tap.skip("a page in PHP", "no php")
        return
    shop = Shop(place)
    is_over = threading.Event()
    writer = threading.Thread(target=_take_until, args=(shop, is_over))
    writer.start()
    pages = []
    try:
        for _page in range(12):
            text = shop.render().decode()
            since = re.search(r'since = "([^"]+)"', text)[1]
            listed = {int(n) for n in re.findall(r'"id": (\d+)', text)}
            stream = shop.get(f"/events/orders?since={since}")
            pages.append((listed, place.own(Closing(stream))))
    finally:
        is_over.set()
        writer.join()
    twice = 0
    for listed, closing in pages:
        stream = closing.stream
        stream.wait(lambda s=stream: s.events and json.loads(
            s.events[-1].data)["id"] == shop.count, "the last order")
        streamed = {json.loads(e.data)["id"] for e in stream.events}
        twice += bool(listed & streamed)
        if listed | streamed != set(range(1, shop.count + 1)):
            tap.eq(sorted(listed | streamed), [], "a page lacks some")
            return
    tap.ok(shop.count > 12, f"each of {shop.count} orders is in each of 12 "
           "pages, in its list or on its stream")
    tap.diag(f"{twice} pages had some of them twice")


class Closing:
    def __init__(self, stream):
        self.stream = stream

    def destroy(self):
        self.stream.close()


@in_chromium
def lists(tap, place):
    """A list that the server renders, and one that crier tells."""
    shop = Shop(place)
    browser = Browser(place)
    with shop.crierd.connect() as queue:
        shop.take(queue)
        shop.take(queue)
        pages = [Page(browser, shop.url + "/list.html")]
        if shutil.which("php"):
            shop.page("rendered.html", shop.render().decode())
            shop.take(queue)
            pages.append(Page(browser, shop.url + "/rendered.html"))
        else:
            shop.take(queue)
        shop.take(queue)
    for page in pages:
        page.wait_list([f"order {n}" for n in range(1, 5)])
        tap.ok(True, f"{page.url}: each order once, in order")
    tap.eq(pages[0].text("#state"), "all", "and it knows that none is missing")
    tap.eq(browser.errors(), [], "no script of the page failed")


TESTS = (*(_behind(kind) for kind in ("nginx", "lighttpd", "apache")),
         killed, in_php, no_race, lists)
