# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""The demo page in headless Chromium, served by lighttpd."""

import os
import re
import signal

from lib import bench, proc
from lib.site import Site

DRIVER = "/usr/bin/chromedriver"
BROWSER = "/usr/bin/chromium"
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu",
         "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync",
         "--window-size=1000,900")
WIDTHS = (320, 390, 479, 480, 600, 899, 900, 920, 1200, 1600)
# The width of a divider's rule, that of the page beyond the window, and the
# lines of the title.
LAYOUT = """
const item = document.querySelector('.divider');
const rule = getComputedStyle(item, '::before');
const head = document.querySelector('#live-title');
return [rule.display === 'none' ? 0 : parseFloat(rule.width),
        document.documentElement.scrollWidth - innerWidth,
        Math.round(head.getBoundingClientRect().height /
                   parseFloat(getComputedStyle(head).lineHeight))];
"""
EVENTS = """
return Array.from(document.querySelectorAll('#events li[data-id]')).map(
    li => [li.dataset.id, li.dataset.event || '',
           li.querySelector('.data').textContent]);
"""


def why_not():
    """Why there can be no browser here, or None."""
    for path in (DRIVER, BROWSER):
        if not os.path.exists(path):
            return f"no {path}"
    try:
        import selenium  # noqa: F401
    except ImportError:
        return "python3-selenium is not installed"
    return None


class Browser:
    """A Chromium with a profile of its own."""

    def __init__(self, place, flags=()):
        from selenium import webdriver
        from selenium.webdriver.chrome.options import Options
        from selenium.webdriver.chrome.service import Service
        options = Options()
        options.binary_location = BROWSER
        for flag in FLAGS + tuple(flags) + ("--user-data-dir=" + place.path("profile"),):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(
            service=Service(DRIVER, log_path=place.path("chromedriver.log")),
            options=options)
        self.service_pid = self.driver.service.process.pid
        place.own(self)

    def destroy(self):
        try:
            self.driver.quit()
        finally:
            if os.path.exists(f"/proc/{self.service_pid}"):
                try:
                    os.kill(self.service_pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass

    def script(self, text):
        return self.driver.execute_script(text)

    def events(self):
        """(id, name, data) of each that was published, newest first."""
        return [tuple(found) for found in self.script(EVENTS)
                if not found[1].startswith("crier.")]

    def text(self, selector):
        return self.script("return document.querySelector("
                           f"'{selector}').textContent")

    def number(self, selector):
        digits = "".join(c for c in self.text(selector) if c.isdigit())
        return int(digits or 0)

    def state(self):
        return self.script("return document.querySelector('#state')"
                           ".dataset.state")

    def errors(self):
        """What went wrong in the page itself; not the network's trouble."""
        return [entry["message"] for entry in self.driver.get_log("browser")
                if entry["level"] == "SEVERE"
                and entry.get("source") != "network"]


def _wait_for(browser, want, what):
    """Until the page shows these data: each once, newest first."""
    def data():
        return [found[2] for found in browser.events()]
    try:
        proc.wait_for(lambda: data() == want[::-1], what, 30)
    except proc.Late as late:
        raise proc.Late(f"{late}; shown: {browser.events()}, "
                        f"state {browser.state()}") from None


def the_demo_page(tap, place):
    reason = why_not()
    if reason:
        tap.skip("the demo page in Chromium", reason)
        return
    site = Site(place, "lighttpd")
    browser = Browser(place)
    browser.driver.get(f"http://127.0.0.1:{site.port}/")
    site.crierd.wait_streams(1, 30)
    proc.wait_for(lambda: browser.state() == "live", "the page is connected")
    tap.ok(True, "the page opens a stream and says that it is live")

    first = site.crierd.pub("-v", "news", "Going <b>down</b> at five")
    _wait_for(browser, ["Going <b>down</b> at five"], "the event")
    tap.eq([e[0] for e in browser.events()], [first.strip()],
           "it shows an event of crier pub, as text, with its id")
    site.crierd.pub("-e", "notice", "news", "a named one")
    _wait_for(browser, ["Going <b>down</b> at five", "a named one"],
              "the named event")
    tap.ok("notice" in [e[1] for e in browser.events()],
           "and one that has a name", browser.events())
    tap.eq(browser.number("#count"), 2, "it counts them")
    want = ["Going <b>down</b> at five", "a named one"]
    _cut_by_web_server(tap, site, browser, want)
    _crierd_restarted(tap, site, browser, want)
    _at_all_widths(tap, browser)
    tap.eq(browser.errors(), [], "no script of the page failed")


def _at_all_widths(tap, browser):
    """On phones and beside the other pane."""
    wrong = []
    for width in WIDTHS:
        browser.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": 800, "deviceScaleFactor": 1,
            "mobile": width < 500})
        rule, beyond, head = browser.script(LAYOUT)
        if 0 < rule < 30 or beyond > 0 or head > 1:
            wrong.append((width, rule, beyond, head))
    browser.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    tap.eq(wrong, [], f"at {len(WIDTHS)} widths: no rule is a dash, the title "
           "is one line, nothing is wider than the window")


def _cut_by_web_server(tap, site, browser, want):
    site.web.stop()
    proc.wait_for(lambda: browser.state() != "live",
                  "the page notices that it is cut off")
    tap.ok(True, "cut off, the page says so")
    for number in range(5):
        site.crierd.pub("news", f"unseen {number}")
        want.append(f"unseen {number}")
    site.web.start()
    _wait_for(browser, want, "what it missed while it was cut off")
    tap.ok(True, "back by itself, it has missed nothing, doubled nothing")
    tap.eq(browser.number("#gaps"), 0, "no gap")
    tap.ok(browser.number("#reconnects") >= 1, "it counts reconnects",
           browser.text("#reconnects"))


def _crierd_restarted(tap, site, browser, want):
    before = browser.number("#reconnects")
    site.crierd.stop()
    proc.wait_for(lambda: browser.state() != "live",
                  "the page notices crierd's end")
    site.crierd.start()
    for number in range(5):
        site.crierd.pub("news", f"after the restart {number}")
        want.append(f"after the restart {number}")
    _wait_for(browser, want, "what was published after the restart")
    proc.wait_for(lambda: browser.state() == "live", "connected again")
    tap.ok(browser.number("#reconnects") > before,
           "after crierd's restart it reconnects by itself, and shows each "
           "event since, once", browser.text("#reconnects"))
    tap.ok(browser.number("#gaps") >= 1,
           "and that the history before it is gone", browser.text("#gaps"))


def _demo_settings():
    """What tests/demo.sh gives crierd, so that the page can publish."""
    with open(os.path.join(bench.SRCDIR, "tests", "demo.sh"),
              encoding="utf-8") as file:
        return re.search(r"crierd\.conf\" <<'EOF'\n(.*?)^EOF$", file.read(),
                         re.MULTILINE | re.DOTALL)[1]


def as_bootstrap_shows_it(tap, place):
    """The page of ./bootstrap --demo publishes, to one of several channels."""
    reason = why_not()
    if reason:
        tap.skip("the page of the demo in Chromium", reason)
        return
    site = Site(place, "lighttpd", config=_demo_settings())
    browser = Browser(place)
    page = f"http://127.0.0.1:{site.port}/?channel=alpha,%20beta"
    browser.driver.get(page)
    site.crierd.wait_streams(1, 30)
    tap.eq(browser.script("return document.querySelector('#send').hidden"),
           True, "elsewhere there is nothing to send with")
    browser.driver.get(page + "&demo=/etc")
    tap.eq(browser.script("return document.querySelector('#send').hidden"),
           True, "nor with a directory that is not the demo's")
    browser.driver.get(page + "&demo=/tmp/crier-demo.Ab1")
    proc.wait_for(lambda: browser.state() == "live", "the page is connected")
    with site.crierd.connect() as queue:
        channels = [stream["channels"] for stream in queue.ask(
            {"do": "status", "streams": True})["list"]]
    tap.ok(["alpha", "beta"] in channels,
           "spaces and commas are between channels", channels)
    tap.ok("crier pub alpha " in browser.text("#commands")
           and ". /tmp/crier-demo.Ab1/env" in browser.text("#commands")
           and browser.text("#restart").endswith("crier restart")
           and "sudo" not in browser.text("#restart"),
           "the commands are the demo's",
           browser.text("#commands"))
    proc.wait_for(lambda: "status page" in browser.text("#papers"),
                  "a link to the status page")
    tap.ok("porting.md" in browser.text("#papers"),
           "status page and papers are linked to", browser.text("#papers"))
    _answer(tap, site, browser)
    _send(browser, "beta", "from <the> page & more")
    proc.wait_for(lambda: browser.text("#copied"), "the page says so")
    # Pages that the browser has left may live in its cache.
    tap.match(re.compile(r"^Sent to (1 page|[2-9] pages)$"),
              browser.text("#copied"), "it was sent")
    _wait_for(browser, ["from <the> page & more"], "what the page sent")
    tap.ok("crier pub beta " in browser.text("#commands"),
           "the commands follow the choice", browser.text("#commands"))
    _shown_once(tap, site, browser)
    site.crierd.stop()
    proc.wait_for(lambda: browser.state() != "live", "crierd has ended")
    _send(browser, "alpha", "to nobody")
    proc.wait_for(lambda: "crierd does not answer" in browser.text("#copied"),
                  "the page says that it could not send")
    site.crierd.start()
    proc.wait_for(lambda: browser.state() == "live", "connected again")
    tap.match(re.compile(r"\breconnect 1( |$)"), browser.script(
        "return document.querySelector('.counts').innerText"
        ".replace(/\\n/g, ' ')"), "one reconnect, not reconnects")
    browser.driver.get(f"http://127.0.0.1:{site.port}/?channel=user/ann")
    proc.wait_for(lambda: browser.state() == "live", "a name with a slash")
    proc.wait_for(lambda: "status page" in browser.text("#papers"),
                  "a link to the status page without the demo, too")
    tap.ok("sudo crier pub user/ann " in browser.text("#commands")
           and browser.text("#restart").endswith("sudo crier restart"),
           "the commands for a crierd of the system are root's",
           browser.text("#commands"))
    site.crierd.publish("user/ann", "to ann")
    _wait_for(browser, ["to ann"], "an event for a name with a slash")
    tap.eq(browser.errors(), [], "no script of the page failed")


def _answer(tap, site, browser):
    """The pane of an answer that is written while one reads."""
    def shows(selector, want):
        proc.wait_for(lambda: browser.text(selector) == want,
                      f"{selector}: {want}")
    browser.script("""
document.querySelector('#question').value = 'one <two> "three"';
document.querySelector('#ask button').click();
""")
    proc.wait_for(lambda: browser.text("#answer"), "an answer is begun")
    browser.script("location.reload()")
    shows("#answer-state", "ended")
    tap.eq(browser.text("#answer"), 'one <two> "three" ',
           "an answer, reloaded half-way, has each word once")
    browser.script("""
document.querySelector('#question').value = 'word '.repeat(300);
document.querySelector('#ask button').click();
""")
    proc.wait_for(lambda: browser.text("#answer").startswith("word"),
                  "a long one is begun")
    browser.script("document.querySelector('#stop').click()")
    shows("#answer-state", "stopped")
    tap.eq((browser.script("return document.querySelector('#stop').disabled"),
            site.crierd.status()["runs"]["going"]), (True, 0), "it is stopped")


def _send(browser, channel, text):
    browser.script(f"""
const target = document.querySelector('#target');
target.value = '{channel}';
target.dispatchEvent(new Event('change'));
document.querySelector('#text').value = '{text}';
document.querySelector('#send button').click();
""")


def _shown_once(tap, site, browser):
    site.crierd.publish("alpha", {"job": "backup"})
    site.crierd.publish("alpha", "long " * 1000)
    proc.wait_for(lambda: browser.number("#count") == 3, "two more events")
    text = browser.script("return document.querySelector('#events').innerText")
    tap.ok(text.count("backup") == 1 and "{" not in text,
           "an object is shown once", text[:500])
    tall = browser.script("return document.querySelector('#events .long')"
                          ".clientHeight")
    tap.ok(20 < tall < 300, "a long event is folded", tall)
    browser.script("document.querySelector('#events .fold').click()")
    tap.eq(browser.script("return document.querySelectorAll('#events .long')"
                          ".length"), 0, "until somebody wants all of it")


TESTS = (the_demo_page, as_bootstrap_shows_it)
