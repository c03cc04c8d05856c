# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""Pages whose streams are what a program prints for them: a ticker that comes
to its end, and a typewriter whose reader leaves."""

import functools
import glob
import time

from lib import proc
from cases.chromium_tests import Browser
from lib.patterns_page import Page, in_chromium
from lib.patterns_site import Site

FAST = [('"30", "1"', '"5", "0.1"')]
LONG = "abcdefghij" * 60  # a minute of typing


def running(script):
    """How many processes there are of a script."""
    count = 0
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(path, "rb") as line:
                words = line.read().split(b"\0")
        except OSError:
            continue
        count += script.encode() in words
    return count


@in_chromium
def ticker(tap, place):
    """Behind lighttpd: a program of its own for each page."""
    site = Site(place, "lighttpd", "ticker", [
        *FAST, ("end-stop = true", "end-stop = true  retry = 200")])
    browser = Browser(place)
    page = Page(browser, site.url + "/ticker.html")
    page.wait_text("#state", "closed")
    tap.eq(len(page.list()), 5, "five time stamps, then event: close")
    tap.eq(page.ready(), 2, "the page has closed its stream")
    deaf = Page(browser, site.url + "/ticker-deaf.html")
    deaf.wait_ready(2)
    tap.eq(len(deaf.list()), 5,
           "a page that does not close comes back, and is told to stay away "
           "instead of being fed a second run")
    site.crierd.wait_streams(0)
    tap.eq(browser.errors(), [], "no script of the page failed")


@in_chromium
def ticker_of_a_channel(tap, place):
    """Behind Apache: one shell loop for all who look."""
    site = Site(place, "apache", "ticker-channel", [
        ('"close"', '"close"  retry = 200')])
    browser = Browser(place)
    pages = [Page(browser, f"{site.url}/{name}.html")
             for name in ("ticker", "ticker", "ticker-deaf")]
    for page in pages:
        page.wait_ready(1)
    site.crierd.stop()
    site.crierd.start()
    site.crierd.wait_streams(3)
    tap.eq([page.text("#state") for page in pages[:2]], ["open"] * 2,
           "a restart of crierd is not the ticker's end")
    loop = site.start("ticker-channel.sh", "5", "0.1")
    for page in pages:
        page.wait_ready(2)
    tap.eq(loop.wait(), 0, "the loop is through")
    tap.eq([page.text("#state") for page in pages[:2]], ["closed"] * 2,
           "both pages that listen to it have seen event: close")
    shown = [page.list() for page in pages]
    tap.eq((len(shown[0]), shown[1:]), (5, [shown[0]] * 2),
           "all three have the same five time stamps, once")
    with site.get("/sse") as stream:
        stream.wait_end()
        tap.eq(stream.status, 204, "who comes now is told that it is over")
    site.crierd.pub("ticker", "a new day")
    with site.get("/sse") as stream:
        stream.wait_open()
        tap.ok(True, "until it begins anew")


def _typewriter(tap, place, kind):
    site = Site(place, kind, "typewriter")
    browser = Browser(place)
    page = Page(browser, site.url + "/typewriter.html")
    page.submit("Grüße 你好 🎉", "message")
    page.wait_text("#state", "done")
    tap.eq(page.text("#text"), "Grüße 你好 🎉",
           "start, a chunk for each character, end")
    script = site.programs + "/typewriter.py"
    proc.wait_for(lambda: not running(script), "its program has ended")
    page.submit(LONG, "message")
    page.wait(lambda: len(page.text("#text")) > 20, "some more is typed")
    tap.eq(running(script), 1, "its program is running")
    page.close()
    began = time.monotonic()
    proc.wait_for(lambda: not running(script), "the program is gone", 10)
    seconds = time.monotonic() - began
    tap.ok(True, "the page is closed half-way: its program is gone, long "
           "before it would have ended")
    tap.diag(f"behind {kind}: {seconds:.2f} s after the page was closed")
    site.crierd.wait_streams(0)


def _behind(kind):
    @in_chromium
    @functools.wraps(_typewriter)
    def typewriter(tap, place):
        _typewriter(tap, place, kind)
    return typewriter, f"typewriter behind {kind}"


TESTS = (ticker, ticker_of_a_channel,
         *(_behind(kind) for kind in ("nginx", "lighttpd", "apache")))
