# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""./bootstrap --demo --nodes in headless Chromium: nodes go by its buttons."""

import os
import re
import shutil

from cases.chromium_tests import Browser, why_not
from lib import bench, proc

DEMO = os.path.join(bench.SRCDIR, "tests", "demo.sh")


def _missing():
    for name in ("redis-server", "nginx"):
        if not shutil.which(name, path=os.environ["PATH"]
                            + ":/usr/sbin:/sbin"):
            return name
    return why_not()


def _start(place):
    """The demo, and the directory that it says."""
    log = place.path("demo.log")
    port = proc.free_port()
    place.own(proc.Proc(
        [DEMO, "--nodes"], log,
        env={**os.environ, "TMPDIR": place.dir, "CRIER_DEMO_PORT": str(port),
             "CRIER_DEMO_BUILD": os.path.dirname(bench.CRIER[-1])}))

    def said():
        with open(log, encoding="utf-8") as file:
            return re.search(r"> (\S+)/control", file.read())

    return proc.wait_for(said, "the demo says what to do", 30)[1], port


def _is_at(browser):
    found = re.search(r"at node ([123])", browser.text("#at"))
    return found and found[1]


def _goes_on(browser, count):
    proc.wait_for(lambda: browser.number("#count") >= count,
                  f"{count} numbers", 30)


def nodes_go(tap, place):
    """Each node that the page is at is taken away in turn."""
    reason = _missing()
    if reason:
        tap.skip("the demo of several nodes", reason)
        return
    folder, port = _start(place)
    browser = Browser(place)
    browser.driver.get(f"http://127.0.0.1:{port}/")
    seen = set()
    for moves, verb in enumerate(("stop", "kill", "stop")):
        node = proc.wait_for(lambda: _is_at(browser), "it says where it is")
        seen.add(node)
        _goes_on(browser, browser.number("#count") + 2)
        browser.script(f"document.querySelector('#{verb}{node}').click()")
        proc.wait_for(lambda n=node: _is_at(browser) not in (None, n),
                      f"the page is elsewhere after {verb}", 30)
        tap.eq(browser.number("#moves"), moves + 1, f"{verb}: it moved")
        _goes_on(browser, browser.number("#count") + 2)
        browser.script(f"document.querySelector('#start{node}').click()")
        pid = os.path.join(folder, node, "pid")
        proc.wait_for(lambda p=pid: os.path.getsize(p) > 1,
                      "the node is started again")
        proc.wait_for(lambda n=node: proc.can_connect(
            os.path.join(folder, n, "queue.sock")), "and there")
    tap.eq([browser.number(f"#{name}") for name in
            ("missing", "wrong", "gaps")], [0, 0, 0],
           "no number is missing, twice or out of order, and no gap")
    tap.ok(len(seen) > 1, f"it was at {sorted(seen)}")
    tap.eq(browser.errors(), [], "no script of the page failed")


TESTS = (nodes_go,)
