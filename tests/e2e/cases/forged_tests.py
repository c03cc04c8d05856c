# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""What has effects is not done for another site's page, and a stranger's keys
and positions touch nobody else: behind each web server, in each way.

What each door makes of such a request is in lib/access_tests.  Here it is
whether the request comes to crierd with what the decision needs.
"""

import os

from lib import ways, web
from lib.web import ACCEPT
from cases.token_tests import sign

SECRET = b"0123456789abcdef0123456789abcdef"
FRIEND = "https://friend.example"
CONFIG = f"""
token-key = "{SECRET.decode()}"
token-cookie = tk
allow-origin = "{FRIEND}"
channel "token/**" {{ subscribe = token publish = token }}
channel "open/**" {{ publish = anyone }}
route "GET /events/on/{{channel...}}" {{ subscribe = "{{channel}}" }}
route "POST /events/post/{{channel...}}" {{ publish = "{{channel}}" }}
route "GET /events/get/{{channel...}}" {{
    publish = "{{channel}}" data = "{{query.data}}" }}
route "GET,POST /events/run" {{ run = "PROGRAM" }}
"""
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
COOKIE = {"Cookie": "tk=" + sign({
    "alg": "HS256", "typ": "JWT"}, {
        "exp": 4102444800, "publish": ["token/**"],
        "subscribe": ["token/**"]}, SECRET)}

# Where it comes from, by the headers that a browser adds; and whether crierd
# does what is asked.
PAGES = (
    ("no page", {}, True),
    ("our own", {"Origin": "http://localhost",
                 "Sec-Fetch-Site": "same-origin"}, True),
    ("our own, an old browser", {"Origin": "http://localhost"}, True),
    ("typed by hand", {"Sec-Fetch-Site": "none"}, True),
    ("a friend's", {"Origin": FRIEND, "Sec-Fetch-Site": "cross-site"}, True),
    ("another", {"Origin": "https://evil.example",
                 "Sec-Fetch-Site": "cross-site"}, False),
    ("another, an old browser", {"Origin": "https://evil.example"}, False),
    ("one that hides", {"Origin": "null",
                        "Sec-Fetch-Site": "cross-site"}, False),
    ("another, by an image", {"Sec-Fetch-Site": "cross-site",
                              "Sec-Fetch-Mode": "no-cors"}, False),
    ("a neighbour's, by a link", {"Sec-Fetch-Site": "same-site",
                                  "Sec-Fetch-Mode": "navigate"}, False),
    ("another port", {"Origin": "http://localhost:1",
                      "Sec-Fetch-Site": "same-site"}, False),
    ("another scheme", {"Origin": "https://localhost",
                        "Sec-Fetch-Site": "cross-site"}, False),
    ("a longer name", {"Origin": "http://localhost.evil.example"}, False))

# What has effects: the method, the target, its headers and its body.
DEEDS = (("publishing", "POST", "/events/post/token/a", FORM, b"data=x"),
         ("publishing by GET", "GET", "/events/get/token/a?data=x", {}, None),
         ("a program", "GET", "/events/run", ACCEPT, None),
         ("a program by POST", "POST", "/events/run", {**ACCEPT, **FORM},
          b"x=1"))
# Of these nothing comes, wherever they are from.
IDLE = (("HEAD", "/events/get/token/a?data=x"),
        ("OPTIONS", "/events/get/token/a?data=x"),
        ("HEAD", "/events/run"), ("GET", "/events/post/token/a?data=x"),
        ("PUT", "/events/get/token/a?data=x"))


class Scene:
    """A web server, and what was done behind it."""

    def __init__(self, place, name, kind=None):
        folder = place.make_dir("programs")
        self.ran = place.write("programs/ran", "")
        program = place.write(
            "programs/run", f"#!/bin/sh\necho x >>{self.ran}\n"
            "printf 'data: done\\n\\n'\n")
        os.chmod(folder, 0o777)
        os.chmod(self.ran, 0o666)
        os.chmod(program, 0o755)
        self.way = ways.Way(place, name, CONFIG.replace("PROGRAM", program),
                            kind=kind)

    def ask(self, method, target, headers, body=None):
        with web.Exchange(self.way.port, target, method, headers,
                          body) as answer:
            answer.wait_head()
            if answer.status == 200 and target == "/events/run" and \
                    method != "HEAD":
                answer.wait_events(1)
        return answer.status

    def runs(self):
        return os.path.getsize(self.ran) // 2

    def published(self, channel):
        with self.way.crierd.connect() as queue:
            queue.publish(channel, "end")
        with web.Exchange(self.way.port, f"/events/on/{channel}?since=all",
                          headers={**COOKIE, **ACCEPT}) as stream:
            stream.wait(lambda: stream.events
                        and stream.events[-1].data == "end", "the end")
            return [event.data for event in stream.events[:-1]]


def of_another_site(tap, place, name, kind=None):
    scene = Scene(place, name, kind)
    for what, method, target, more, body in DEEDS:
        for page, headers, allowed in PAGES:
            status = scene.ask(method, target, {**COOKIE, **more, **headers},
                               body)
            tap.eq(status, 200 if allowed else 403, f"{what}, {page}")
    done = sum(allowed for _page, _headers, allowed in PAGES)
    for method, target in IDLE:
        status = scene.ask(method, target, {**COOKIE, **ACCEPT})
        tap.ok(status in (200, 204, 405), f"{method} {target}", status)
    tap.eq((scene.published("token/a"), scene.runs()),
           (["x"] * 2 * done, 2 * done), "what was allowed was done, once, and "
           "nothing else was")


def of_a_stranger(tap, place, name, kind=None):
    """Keys that no template names, and positions that are given twice."""
    scene = Scene(place, name, kind)
    for number in range(3):
        scene.ask("POST", "/events/post/open/a", FORM,
                  b"key=order-17&id=7-7&data=%d" % number)
    with scene.way.crierd.connect() as queue:
        told = queue.publish("open/a", "ours", key="order-17")
    tap.eq(scene.published("open/a"), ["0", "1", "2", "ours"],
           "a key in a form uses up nobody's")
    with web.Exchange(scene.way.port, f"/events/on/open/a?since={told}"
                      "&lastEventId=0-1&lastEventId=1-1",
                      headers={"Last-Event-ID": "1-2", **ACCEPT}) as stream:
        stream.wait_events(1)
        tap.eq([event.data for event in stream.events], ["end"],
               "of positions the newest counts")


TESTS = [test for function in (of_another_site, of_a_stranger)
         for test in ways.each(function) + ways.each_passing(function)]
