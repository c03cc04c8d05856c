# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""The same cases with clients of npm: eventsource, and fetch-event-source of
Microsoft; each test has both at the same time."""

import functools
import json
import os
import shutil
import subprocess
import urllib.parse

from lib import proc
from cases.chromium_tests import Browser
from cases.patterns_live import Elsewhere
from lib.patterns_page import Page, in_chromium
from cases.patterns_answer import QUESTION, SOON as SOON_READ, Answers
from cases.patterns_run import FAST, LONG, running
from lib.patterns_site import FILES, Site, read

NPM = os.path.join(os.path.abspath(os.environ.get("builddir", ".")), "npm")
FETCH = os.path.join(NPM, "node_modules", "@microsoft", "fetch-event-source")
PACKAGES = ("eventsource", "fetch-event-source")
SOON = "  retry = 200"
LINES = 20000


def why_not():
    """Why there can be no such clients here, or None."""
    if not shutil.which("node"):
        return "node is not installed"
    if not os.path.isdir(FETCH):
        return "the packages are not installed (make npm)"
    return None


def with_packages(function):
    @functools.wraps(function)
    def wrapped(tap, place):
        reason = why_not()
        if reason:
            tap.skip("with packages of npm", reason)
        else:
            function(tap, place)
    return wrapped


class Client:
    """patterns/client.js, and what it has told."""

    def __init__(self, site, package, target, **options):
        self.package = package
        with open(site.place.log("client.log"), "ab") as log:
            self.child = subprocess.Popen(
                ["node", os.path.join(FILES, "client.js"), package,
                 site.url + target, json.dumps(options)],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
                env={**os.environ, "CRIER_NPM": NPM})
        os.set_blocking(self.child.stdout.fileno(), False)
        self.input = b""
        self.told = []
        site.place.own(self)

    def look(self):
        self.input += self.child.stdout.read() or b""
        *lines, self.input = self.input.split(b"\n")
        self.told += map(json.loads, lines)
        return self

    def states(self):
        return [told["state"] for told in self.look().told
                if "state" in told]

    def events(self):
        """All that have data: for that package others are events, too."""
        return [told for told in self.look().told
                if told.get("data") and told["event"] != "crier.end"]

    def data(self):
        return [event["data"] for event in self.events()]

    def empty(self):
        return [told for told in self.look().told if told.get("data") == ""]

    def wait(self, condition, what, seconds=20):
        try:
            proc.wait_for(condition, what, seconds)
        except proc.Late as late:
            raise proc.Late(f"{self.package}: {late}; told: "
                            f"{self.told[-10:]}") from None

    def wait_state(self, state, times=1):
        self.wait(lambda: self.states().count(state) >= times, state)

    def wait_data(self, want):
        self.wait(lambda: self.data() == want, want)

    def destroy(self):
        self.child.kill()
        self.child.wait()
        self.child.stdout.close()


def both(site, target, **options):
    clients = [Client(site, package, target, **options)
               for package in PACKAGES]
    for client in clients:
        client.wait_state("open")
    return clients


@with_packages
def orders(tap, place):
    site = Site(place, "nginx", "orders",
                [("last = 1000", "last = 1000" + SOON)])
    clients = both(site, "/sse/connect?clientId=user-001")
    site.post("/sse/push?clientId=user-001&content=first")
    for client in clients:
        client.wait_data(["first"])
    site.web.stop()
    want = ["first"]
    for number in range(3):
        site.crierd.pub("user/user-001", f"away {number}")
        want.append(f"away {number}")
    site.web.start()
    for client in clients:
        client.wait_data(want)
        tap.ok(True, f"{client.package}: cut off for three orders, it gets "
               "these three")


@with_packages
def ticker(tap, place):
    site = Site(place, "lighttpd", "ticker", [
        *FAST, ("end-stop = true", "end-stop = true" + SOON)])
    for client in both(site, "/sse", end="close"):
        client.wait_state("closed")
        tap.eq([event["event"] for event in client.events()],
               ["message"] * 5 + ["close"],
               f"{client.package}: five time stamps, then close")
    for client in both(site, "/sse"):
        client.wait_state("closed")
        tap.eq(len([e for e in client.events() if e["event"] == "message"]),
               5, f"{client.package}: it does not close, and gets no second "
               "run")
    site.crierd.wait_streams(0)


@with_packages
def emitter(tap, place):
    site = Site(place, "apache", "emitter", [("10", "0.7" + SOON)])
    seen = place.path("emitters")
    with open(seen, "wb") as out:
        site.start("emitter.sh", stdout=out)
    site.crierd.wait_streams(1)

    def lines():
        with open(seen, encoding="utf-8") as text:
            return text.read().splitlines()

    clients = both(site, "/emitter?id=1")
    for client in clients:
        client.wait_state("open", 3)
        tap.ok("emitter/1: timed out" in lines(),
               f"{client.package}: a time-out, and it is back by itself")
    site.crierd.crier("close", "--stop", "emitter/1")
    for client in clients:
        client.wait_state("closed")
        tap.ok(True, f"{client.package}: completed, it stays away")


@with_packages
def user(tap, place):
    site = Site(place, "lighttpd", "user",
                [("last = 50", "last = 50" + SOON)])
    clients = both(site, "/sse/connect/7")

    def send(number, text):
        form = {"uid": 7, "messageId": f"m-{number}", "message": text}
        return site.post_form("/sse/send",
                              urllib.parse.urlencode(form)).json()

    tap.eq(send(17, "你好")["streams"], 2, "two clients of one user")
    for client in clients:
        client.wait_data(["你好"])
        tap.eq(client.events()[0]["id"], "m-17",
               f"{client.package}: the message with its id")
    site.crierd.crier("close", "user/7")
    site.crierd.wait_streams(0)
    tap.ok(proc.holds_for(lambda: site.crierd.streams() == 0, 1.5),
           "closed, both wait for the minute they were told to")
    tap.eq(send(18, "while you were away")["streams"], 0, "nobody is there")
    for client in both(site, "/sse/connect/7",
                       headers={"Last-Event-ID": "m-17"}):
        client.wait_data(["while you were away"])
        tap.ok(True, f"{client.package}: back, it gets what it missed")


@with_packages
def feed(tap, place):
    site = Site(place, "lighttpd", "feed", [('"1"', '"0.05"' ),
                                            ("end-stop = true",
                                             "end-stop = true" + SOON)])
    chats = both(site, "/api/messages")
    want = [f"第{n}条消息 🎉" for n in range(1, 11)]
    for client in both(site, "/api/sse-stream", names=["custom"]):
        client.wait_state("closed")
        parts = [(e["event"], json.loads(e["data"]))
                 for e in client.events()]
        tap.eq([part["content"] for kind, part in parts
                if part.get("type") == "message"], want,
               f"{client.package}: ten messages")
        tap.eq([(kind, part.get("content")) for kind, part in parts[10:]],
               [("custom", "自定义事件 👨‍👩‍👧‍👦"), ("message", None)],
               f"{client.package}: a custom one, and the end")
    body = json.dumps({"message": "你好 🎉"}, ensure_ascii=False).encode()
    answer = site.post("/api/send-message", body=body, headers={
        "Content-Type": "application/json"})
    tap.eq(answer.raw, b'{"status":"success"}', "POST /api/send-message")
    for client in chats:
        client.wait(client.data, "it")
        tap.eq(json.loads(client.data()[0]), {"message": "你好 🎉"},
               f"{client.package}: it is shown")


def _type(site, package, message):
    return Client(site, package, "/api/manual-sse-stream", method="POST",
                  headers={"Content-Type": "application/json"},
                  body=json.dumps({"message": message}))


@with_packages
def typewriter(tap, place):
    site = Site(place, "nginx", "typewriter",
                [("terse = true", "terse = true  end-stop = true" + SOON)])
    script = site.programs + "/typewriter.py"
    for package in PACKAGES:
        client = _type(site, package, "你好 🎉")
        client.wait_state("closed")
        parts = [json.loads(data) for data in client.data()]
        tap.eq("".join(part.get("content", "") for part in parts),
               "你好 🎉", f"{package}: it is typed, once")
        tap.eq(([p["type"] for p in parts][::len(parts) - 1],
                client.empty()), (["start", "end"], []),
               f"{package}: all that comes is from the program")
        proc.wait_for(lambda: not running(script), "its program has ended")
        client = _type(site, package, LONG)
        client.wait(lambda: len(client.data()) > 10, "some of it")
        client.destroy()
        proc.wait_for(lambda: not running(script), "the program is gone")
        tap.ok(True, f"{package}: it leaves, and the program is gone")


@with_packages
@in_chromium
def typewriter_in_chromium(tap, place):
    """fetch-event-source as pages have it, from another origin."""
    elsewhere = Elsewhere(place)
    site = Site(place, "nginx", "typewriter", [
        ("route", f'allow-origin = "{elsewhere.url}"\nroute')])
    os.mkdir(os.path.join(elsewhere.web.www, "npm"))
    os.chmod(os.path.join(elsewhere.web.www, "npm"), 0o755)
    for name in ("index.js", "fetch.js", "parse.js"):
        with open(os.path.join(FETCH, "lib", "esm", name),
                  encoding="utf-8") as module:
            elsewhere.page("npm/" + name, module.read())
    elsewhere.page("index.html", read("typewriter-package.html").replace(
        "http://localhost:4000", site.url))
    browser = Browser(place)
    page = Page(browser, elsewhere.url + "/index.html")
    page.submit("Grüße 你好 🎉", "message")
    page.wait_text("#state", "done")
    tap.eq(page.text("#text"), "Grüße 你好 🎉",
           "a page that reads each message as JSON has nothing but its "
           "program's")
    proc.wait_for(lambda: [a for a in site.asked()
                           if a["method"] == "OPTIONS"], "the preflight")
    tap.ok(True, "after a preflight")
    script = site.programs + "/typewriter.py"
    proc.wait_for(lambda: not running(script), "its program has ended")
    page.submit(LONG, "message")
    proc.wait_for(lambda: running(script), "another one")
    page.close()
    proc.wait_for(lambda: not running(script), "the program is gone")
    tap.ok(True, "the page is closed, and the program is gone")


@with_packages
def answer(tap, place):
    """Both begin by POST; cut off, each comes back for the rest alone."""
    site = Answers(place, "nginx", [
        ('end-event = "done"', 'end-event = "done"  retry = 200'), SOON_READ])
    words = [word + " " for word in QUESTION.split(" ")]
    words[-1] = words[-1].strip()
    clients = [Client(site, package, f"/chat/{package}", method="POST",
                      body=QUESTION, names=["done"]) for package in PACKAGES]
    at = 5

    def shows(client):
        client.wait(lambda: [json.loads(e["data"]) for e in client.events()
                             if e["event"] == "message"]
                    == words[:at + 1], f"{at + 1} words")

    for _turn in range(3):
        site.let(at)
        for client in clients:
            shows(client)
        site.web.stop()
        at += 5
        site.let(at)
        site.web.start()
    for client in clients:
        shows(client)
        tap.ok(True, f"{client.package}: cut off three times, every word once")
    tap.eq(running(site.script), 2, "one program each")
    at = len(words)
    site.let(at)
    for client in clients:
        client.wait_state("closed")
        shows(client)
        tap.eq([json.loads(e["data"])["reason"] for e in client.events()
                if e["event"] == "done"], ["ended"],
               f"{client.package}: the end, and it is told to stay away")
    for package in PACKAGES:
        reader = Client(site, package, f"/chat/{PACKAGES[0]}",
                        names=["done"], end="done")
        reader.wait_state("closed")
        tap.eq([json.loads(e["data"]) for e in reader.events()
                if e["event"] == "message"], words,
               f"{package}: who comes later reads all of it")
    tap.eq(running(site.script), 0, "and begins nothing")


@with_packages
def clock(tap, place):
    site = Site(place, "nginx", "clock", [('"clock"', '"clock"' + SOON)])
    clients = both(site, "/stream")
    loop = site.start("clock.sh", "0.1")
    for client in clients:
        client.wait(lambda: len(client.data()) >= 3, "it ticks")
    loop.destroy()
    site.crierd.pub("-i", 'odd: "id"', "clock", "the last of it")
    for client in clients:
        client.wait(lambda: client.data()[-1] == "the last of it", "it")
    site.web.stop()
    for text in ("one", "two", "three"):
        site.crierd.pub("clock", text)
    site.web.start()
    for client in clients:
        client.wait(lambda: len(client.data()) > 3
                    and client.data()[-4:] == [
                        "the last of it", "one", "two", "three"], "the rest")
        tap.ok(True, f"{client.package}: cut off, back by itself, nothing "
               "missed")


@with_packages
def progress(tap, place):
    site = Site(place, "apache", "progress")
    site.crierd.pub("-J", "job/42", "pct=10")
    site.crierd.pub("-J", "job/42", "pct=50")
    clients = both(site, "/jobs/42/progress")
    for client in clients:
        client.wait_data(['{"pct":50}'])
        tap.ok(True, f"{client.package}: it sees at once where it stands")
    site.crierd.pub("-J", "job/42", "pct=100")
    for client in clients:
        client.wait_data(['{"pct":50}', '{"pct":100}'])
        tap.ok(True, f"{client.package}: and goes on")


@with_packages
def log(tap, place):
    site = Site(place, "lighttpd", "log")
    path = place.write("app.log", "")
    site.start("log.sh", path)
    clients = both(site, "/log")
    with open(path, "a", encoding="utf-8") as app:
        app.write("ready\n")
        app.flush()
        clients[0].wait(clients[0].data, "the first line")
        app.writelines(f"{n}\n" for n in range(LINES))
    want = ["ready"] + [str(n) for n in range(LINES)]
    for client in clients:
        client.wait(lambda: len(client.data()) >= len(want), "all", 60)
        tap.ok(client.data() == want, f"{client.package}: {LINES} lines, in "
               "order, none lost, none twice")


@with_packages
def tags(tap, place):
    """Which channel an event is from, to who looks at comments."""
    site = Site(place, "nginx", "clock",
                [('/stream" { subscribe = "clock" }',
                  '/stream" { subscribe = { "a", "b" } }')])
    target = "/stream?tag=channel"
    clients = both(site, target)
    reader = Client(site, "eventsource-parser", target)
    reader.wait_state("open")
    want = [("a", "1"), ("a", "2"), ("b", "3"), ("a", "4")]
    for channel, data in want:
        site.crierd.publish(channel, data)
    reader.wait_data([data for _channel, data in want])
    tap.eq([(event["channel"], event["data"]) for event in reader.events()],
           want, "eventsource-parser hands it to onComment")
    tap.eq([told for told in reader.told if "error" in told], [],
           "and has no error")
    for client in clients:
        client.wait_data([data for _channel, data in want])
        tap.ok(True, f"{client.package} passes over it")


TESTS = (orders, ticker, emitter, user, feed, typewriter,
         typewriter_in_chromium, answer, clock, progress, log,
         tags)
