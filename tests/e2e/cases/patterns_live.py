# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""Pages that show how things stand: a clock for other origins, the progress
of a job, a log of thousands of lines a second."""

import json
import os
import signal
import time

from lib import proc, servers
from cases.chromium_tests import Browser
from lib.patterns_page import Page, in_chromium
from lib.patterns_site import Site, read

LINES = 20000
BURST = 500


class Elsewhere:
    """Another origin: lighttpd on a port of its own, without crier."""

    class _Lighttpd(servers.Lighttpd):
        name = "lighttpd"

        def _copy_conf(self, *_names):
            return self.place.write("nothing.conf", "")

        def _copy_www(self):
            self.www = self.place.make_dir("elsewhere")

    def __init__(self, place):
        self.web = self._Lighttpd(place, "").start()
        self.url = f"http://127.0.0.1:{self.web.port}"

    def page(self, name, text):
        path = os.path.join(self.web.www, name)
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        os.chmod(path, 0o644)


def clock_site(place, origin=None):
    """A page elsewhere; the clock behind nginx. origin: who may, or it."""
    elsewhere = Elsewhere(place)
    site = Site(place, "nginx", "clock", [
        ("https://www.example.org", origin or elsewhere.url),
        ('"clock"', '"clock"  retry = 200')])
    for name in ("clock.html", "clock-credentials.html"):
        elsewhere.page(name, read(name).replace("http://localhost:4000",
                                                site.url))
    return site, elsewhere


def _asked(site, method="GET"):
    return [line for line in site.asked()
            if line["uri"].startswith("/stream") and line["method"] == method]


@in_chromium
def clock(tap, place):
    """For a page of a named origin."""
    site, elsewhere = clock_site(place)
    browser = Browser(place)
    page = Page(browser, elsewhere.url + "/clock.html")
    with_cookie = Page(browser, elsewhere.url + "/clock-credentials.html")
    with_cookie.script("document.cookie = 'session=abc; path=/'")
    with_cookie.load()
    for each in (page, with_cookie):
        each.wait_ready(1)
    loop = site.start("clock.sh", "0.1")
    for each in (page, with_cookie):
        each.wait(lambda: each.script("return seen.length") >= 3, "it ticks")
    tap.ok(True, "a page of another origin shows the clock, with and without "
           "credentials")
    loop.destroy()
    _back_across_origins(tap, site, elsewhere, (page, with_cookie))


def _back_across_origins(tap, site, elsewhere, pages):
    """The browser's own reconnect, with the id that it saw last."""
    last = _history(site)[-1]
    for page in pages:
        page.wait(lambda: page.script("return seen.at(-1)") == last.data,
                  "the last of the clock")
        page.script("seen.length = 0")
    site.web.stop()
    for page in pages:
        page.wait_ready(0)
    for text in ("one", "two", "three"):
        site.crierd.pub("clock", text)
    site.web.start()
    for page in pages:
        page.wait(lambda: page.script("return seen")
                  == ["one", "two", "three"], "what it missed, once")
    tap.ok(True, "cut off, each is back by itself and has missed nothing")
    site.crierd.crier("close", "clock")
    proc.wait_for(lambda: len([a for a in _asked(site)
                               if a["since"] == last.id]) >= 2,
                  "nginx has told of both requests")
    back = [a for a in _asked(site) if a["since"] == last.id]
    tap.eq(({a["origin"] for a in back}, {a["cookie"] for a in back}),
           ({elsewhere.url}, {"-", "session=abc"}),
           "Last-Event-ID came across origins, the cookie only with "
           "credentials")
    tap.eq(_asked(site, "OPTIONS"), [], "and needed no preflight")


def _history(site):
    """All that there was; nothing is published any more."""
    site.crierd.pub("clock", "the last of it")
    with site.get("/stream?since=all") as stream:
        stream.wait(lambda: stream.events
                    and stream.events[-1].data == "the last of it", "it")
        return stream.events


@in_chromium
def clock_for_whom(tap, place):
    """Who may, and who may not."""
    site, elsewhere = clock_site(place, "*")
    browser = Browser(place)
    page = Page(browser, elsewhere.url + "/clock.html").wait_ready(1)
    tap.ok(True, "allow-origin = *: any page may")
    page.load(elsewhere.url + "/clock-credentials.html")
    page.wait_ready(2)
    tap.ok(True, "but not with credentials")
    place.write("crierd.conf", read("clock.conf"))
    site.crierd.proc.send_signal(signal.SIGHUP)
    proc.wait_for(lambda: "https://www.example.org" == site.fetch(
        "/stream", method="OPTIONS",
        headers={"Origin": "https://www.example.org"}).headers.get(
            "access-control-allow-origin"), "the new configuration")
    page.load(elsewhere.url + "/clock.html")
    page.wait_ready(2)
    tap.ok(True, "a page of an origin that is not named may not")


FETCH = """
fetch("%s/stream?x=1", { headers: { "Authorization": "Bearer none",
    "Cache-Control": "no-cache", "Last-Event-ID": "a \\"b\\"" } }).then(
    (response) => document.title = "status " + response.status,
    (error) => document.title = String(error));
"""


@in_chromium
def clock_with_preflight(tap, place):
    """What a browser asks about before it asks."""
    site, elsewhere = clock_site(place)
    browser = Browser(place)
    page = Page(browser, elsewhere.url + "/clock.html").wait_ready(1)
    page.script(FETCH % site.url)
    page.wait(lambda: page.script("return document.title")
              == "status 200", "fetch() with headers of its own")
    proc.wait_for(lambda: _asked(site, "OPTIONS"), "nginx has told of it")
    tap.eq([a["status"] for a in _asked(site, "OPTIONS")], ["204"],
           "a header that is not for everybody: the preflight is answered")
    site.crierd.pub("-i", 'tick: "1"', "clock", "with an odd id")
    page.wait(lambda: page.script("return seen") == ["with an odd id"],
              "an event with an id of its own")
    site.crierd.crier("close", "clock")
    site.crierd.pub("clock", "after it")
    page.wait(lambda: page.script("return seen")
              == ["with an odd id", "after it"], "what came after it")
    tap.ok(True, "an id of bytes that not every server may be sent: resumed, "
           "nothing twice")
    tap.diag(f"{len(_asked(site, 'OPTIONS')) - 1} preflights for that")


@in_chromium
def progress(tap, place):
    """Behind Apache: a job, and a page that is opened late."""
    site = Site(place, "apache", "progress")
    browser = Browser(place)
    early = Page(browser, site.url + "/progress.html").wait_ready(1)
    job = site.start("progress.sh", "42", "0.2")
    early.wait(lambda: early.script("return bar.value") >= 30, "some of it")
    os.killpg(job.pid, signal.SIGSTOP)
    stands = _stands_at(site)
    late = Page(browser, site.url + "/progress.html")
    late.wait(lambda: late.script("return seen.length"), "where it stands")
    tap.eq(late.script("return seen"), [stands],
           "a page that is opened late sees at once where it stands")
    os.killpg(job.pid, signal.SIGCONT)
    for page in (early, late):
        page.wait_text("#result", "all 10 parts done")
    tap.eq(early.script("return seen"), list(range(0, 101, 10)),
           "who was there from the beginning saw every step")
    tap.eq(late.script("return seen"), list(range(stands, 101, 10)),
           "who came later every one from there")
    tap.eq(job.wait(), 0, "the job is done")
    with site.get("/jobs/42/progress?last=2") as stream:
        tap.eq([json.loads(e.data)["pct"] for e in stream.wait_events(2)],
               [90, 100], "?last= in a page's URL goes before the route's")


def _stands_at(site):
    with site.get("/jobs/42/progress") as stream:
        return json.loads(stream.wait_events(1)[0].data)["pct"]


@in_chromium
def log(tap, place):
    """Behind nginx: tail -F, and more lines than anybody can read."""
    site = Site(place, "nginx", "log")
    path = place.write("app.log", "")
    pipe = site.start("log.sh", path)
    browser = Browser(place)
    page = Page(browser, site.url + "/log.html").wait_ready(1)
    with open(path, "a", encoding="utf-8") as app:
        app.write("ready\n")
        app.flush()
        page.wait(lambda: page.script("return lines.length") == 1,
                  "the first line")
        began = time.monotonic()
        ticks = page.script("return ticks")
        for first in range(0, LINES, BURST):
            app.writelines(f"{n} GET /index.html 200 {n * 37 % 5000}\n"
                           for n in range(first, first + BURST))
            app.flush()
            time.sleep(0.05)
    page.wait(lambda: page.script("return lines.length") > LINES,
              "all lines", 60)
    seconds = time.monotonic() - began
    more = page.script("return ticks") - ticks
    tap.eq(page.script("return lines.slice(1).filter((line, n) => "
                       "!line.startsWith(n + ' ')).length"), 0,
           f"{LINES} lines, in order, none lost, none twice")
    tap.diag(f"{LINES / seconds:.0f} lines a second, {more / seconds:.1f} "
             "ticks of 20 a second")
    tap.ok(more > 10, "meanwhile the page's timer went on", more)
    os.rename(path, path + ".1")
    place.write("app.log", "after logrotate\n")
    page.wait(lambda: page.script("return lines.at(-1)")
              == "after logrotate", "the new file's line")
    tap.ok(pipe.alive(), "the log may be rotated")


TESTS = (clock, clock_for_whom, clock_with_preflight, progress, log)
