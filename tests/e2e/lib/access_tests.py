# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""Who may follow and publish over HTTP."""

import json
import os
import time

from lib import proc
from lib.fronts import Cgi, Door, Front, by_each, headers_of
from cases.http_tests import check_error
from cases.token_tests import HELPER, sign
from cases.web_access import WEB

SECRET = b"0123456789abcdef0123456789abcdef"
CONFIG = f"""
token-key = "{SECRET.decode()}"
token-cookie = "tk"
log-level = debug
channel "open/**" {{ publish = anyone }}
channel "user/**" {{ subscribe = user publish = user }}
channel "own/*" {{ subscribe = owner publish = owner }}
channel "token/**" {{ subscribe = token publish = token }}
channel "both/*" {{ subscribe = {{ owner, token }} publish = {{ owner, token }} }}
channel "nobody/**" {{ subscribe = nobody publish = nobody }}
channel "$streams" {{ subscribe = {{ token, user }} }}
route "GET /events" {{ subscribe = "{{query.channel}}" }}
route "GET /events/{{channel...}}" {{ subscribe = "{{channel}}" }}
route "POST /pub/{{channel...}}" {{ publish = "{{channel}}" }}
route "POST /all" {{ publish = {{ "open/a", "user/a" }} }}
route "GET /who/{{channel...}}" {{ presence = "{{channel}}" }}
route "GET /mine" {{ subscribe = "own/{{user}}" }}
route "POST /mine" {{ publish = "own/{{user}}" }}
route "GET /watch" {{ subscribe = "$streams" }}
route "GET /stats" {{ subscribe = "$stats" }}
route "GET,POST /run" {{
	run = {{ "/bin/sh", "-c", "echo user=$REMOTE_USER" }}
}}
"""


def token(claims=None, **more):
    claims = {"exp": int(time.time()) + 600, **(claims or {}), **more}
    return sign({"alg": "HS256"}, claims, SECRET)


def bearer(text):
    return {"HTTP_AUTHORIZATION": "Bearer " + text}


def follow(front, target, **more):
    """The status of a request for a stream."""
    with front.open(target, **more) as stream:
        stream.wait(lambda: stream.head is not None, "the head")
        return stream.status


def table(tap, place, front):
    front = front(place, CONFIG)
    both = token(subscribe=["token/a", "both/*"], publish=["token/a"])
    named = token(sub="ann", subscribe="token/**")
    whos = {
        "nobody": {},
        "a user": {"REMOTE_USER": "ann"},
        "header": bearer(both),
        "cookie": {"HTTP_COOKIE": f"a=b; tk={both}; c=d"},
        "query": {"token": both},
        "a token with a name": bearer(named),
        "a token that is none": bearer("x.y.z")}
    # Of each: who follows, who publishes.
    want = {
        "open/a": ("200 200 200 200 200 200 200",
                   "200 200 200 200 200 200 200"),
        "user/a": ("401 200 403 403 403 200 401",
                   "401 200 403 403 403 200 401"),
        "own/ann": ("401 200 403 403 403 200 401",
                    "401 200 403 403 403 200 401"),
        "own/bob": ("401 403 403 403 403 403 401",
                    "401 403 403 403 403 403 401"),
        "token/a": ("401 403 200 200 200 200 401",
                    "401 403 200 200 200 403 401"),
        "token/b": ("401 403 403 403 403 200 401",
                    "401 403 403 403 403 403 401"),
        "both/ann": ("401 200 200 200 200 200 401",
                     "401 200 403 403 403 200 401"),
        "nobody/a": ("403 403 403 403 403 403 403",
                     "403 403 403 403 403 403 403")}
    for channel, lists in want.items():
        got = ["", ""]
        for who in whos.values():
            more = dict(who)
            query = more.pop("token", None)
            query = f"?token={query}" if query else ""
            got[0] += f" {follow(front, f'/events/{channel}{query}', **more)}"
            answer = front.post(f"/pub/{channel}{query}", b"data=x", **more)
            got[1] += f" {answer.status}"
        tap.eq((got[0].strip(), got[1].strip()), lists,
               f"{channel}: {', '.join(whos)}")
    more = {"REMOTE_USER": "ann"}
    tap.eq([follow(front, "/events?channel=open/a&channel=user/a"
                   .replace("/a", "%2Fa")), follow(front, "/events/open/a")],
           [400, 200], "a parameter has no segments")
    check_error(tap, front.post("/all", b"data=x"), 401,
                "of two channels one is closed")
    tap.eq(front.post("/all", b"data=x", **more).status, 200, "and both open")
    for channel, status in (("open/a", 200), ("user/a", 401), ("no", 200)):
        tap.eq(front.fetch(f"/who/{channel}").status, status,
               f"presence goes by subscribe: {channel}")
    answer = front.fetch("/events/token/a")
    tap.eq(headers_of(answer).get("www-authenticate"), "Bearer",
           "401 with WWW-Authenticate")
    answer = front.fetch("/events/token/a", **bearer("x.y.z"))
    check_error(tap, answer, 401, "a bad token", "the token ")


def owners(tap, place, front):
    """A name with anything in it is one segment, or nobody's."""
    front = front(place, CONFIG)
    for user, channel, status in (
            ("ann", "own/ann", 200), ("ann", "own/Ann", 403),
            ("ann", "own/ann%00", 400), ("ann%2Fx", "own/ann/x", 200),
            ("a%2Fb", "own/a%2Fb", 200), ("a b", "own/a%20b", 400),
            ("*", "own/*", 400), ("", "own/ann", 401),
            ("\u00e9", "own/%C3%A9", 200), ("\u00e9", "own/%c3%a9", 200),
            ("ann", "own/%61nn", 200), ("ann", "own/ann/", 400)):
        got = follow(front, "/events/" + channel, REMOTE_USER=user)
        # own/a/b is no "own/*", but open to anyone.
        tap.eq(got, status, f"{user!r} follows {channel}")
    for user, status in (("ann", 200), ("", 403), ("a/b", 400), ("a b", 400),
                         ("$streams", 200), ("..", 200), ("a\tb", 400)):
        tap.eq(follow(front, "/mine", REMOTE_USER=user), status,
               f"own/{{user}} of {user!r}")
        if user:
            tap.eq(follow(front, "/mine", **bearer(token(sub=user)))
                   if "\t" not in user else status, status,
                   f"and of a token's {user!r}")
    with front.open("/mine", **bearer(token(sub="tom"))) as stream:
        stream.wait_open()
        front.post("/mine", b"data=x", REMOTE_USER="tom")
        stream.wait_events(1)
        tap.eq(stream.events[0].data, "x", "{user} of a token")
    with front.open("/run", **bearer(token(sub="tom"))) as stream:
        stream.wait_events(1)
        tap.eq(stream.events[0].data, "user=tom", "a program gets it, too")
    with front.open("/run", REMOTE_USER="",
                    **bearer(token(sub="tom"))) as stream:
        stream.wait_events(1)
        tap.eq(stream.events[0].data, "user=tom",
               "even where the web server says that it is nobody")
    with front.open("/run", REMOTE_USER="ann",
                    **bearer(token(sub="tom"))) as stream:
        stream.wait_events(1)
        tap.eq(stream.events[0].data, "user=ann",
               "but the web server's word counts")


def expiry(tap, place, front):
    front = front(place, CONFIG)
    short = token(exp=time.time() + 1.5, subscribe="token/a")
    stream = front.open("/events/token/a", **bearer(short)).wait_open()
    front.crierd.pub("token/a", "in time")
    stream.wait_events(1)
    stream.wait_end()
    tap.eq(json.loads(stream.events[-1].data), {"reason": "timeout"},
           "its token expires: the stream ends")
    answer = front.fetch("/events/token/a", **bearer(short),
                         HTTP_LAST_EVENT_ID=stream.events[0].id)
    check_error(tap, answer, 401, "and it cannot come back", "has expired")
    stream.close()
    long = token(subscribe="token/a")
    with front.open("/events/token/a", HTTP_LAST_EVENT_ID=stream.events[0].id,
                    HTTP_COOKIE="tk=" + long) as again:
        again.wait_open()
        front.crierd.pub("token/a", "later")
        again.wait_events(1)
        tap.eq(again.events[0].data, "later", "with another one it goes on")


def crier_own(tap, place, front):
    front = front(place, CONFIG)
    good = token(subscribe=["$streams", "**"], sub="boss")
    for target in ("/events/$streams", "/events/%24streams",
                   "/events?channel=$streams", "/events?channel=%24stats",
                   "/events/$stats"):
        answer = front.fetch(target, **bearer(good))
        check_error(tap, answer, 403, f"{target}: only a literal route", "")
    check_error(tap, front.fetch("/watch"), 401, "/watch, nobody")
    check_error(tap, front.fetch("/watch", **bearer(token(
        subscribe="**"))), 403, "/watch, ** is not $streams")
    check_error(tap, front.fetch("/stats", **bearer(good)), 403,
                "/stats: no section opens it")
    secret = token(subscribe="token/a")
    with front.open("/watch", **bearer(good)) as watch:
        watch.wait_open()
        with front.open(f"/events/token/a?token={secret}") as stream:
            stream.wait_open()
            watch.wait(lambda: any("token/a" in e.data for e in watch.events),
                       "it is told")
        proc.wait_for(lambda: front.crierd.streams() == 1, "it is gone")
        watch.wait(lambda: len([e for e in watch.events
                                if "token/a" in e.data]) >= 2, "and again")
        tap.ok(secret not in watch.raw.decode(), "$streams has no token")
        front.fetch(f"/nowhere?token={secret}")
        front.fetch(f"/pub/%zz?token={secret}")
        front.fetch(f"/events/token/b?token={secret}")
        front.post("/pub/token/a", b"data=x", **bearer(secret))
        front.fetch("/run", **bearer(secret))
        told = json.dumps(front.crierd.status()) + front.crierd.crier(
            "status", "-v").stdout.decode()
        part = secret.rsplit(".", maxsplit=1)[-1]
        for name, text in (("crierd's log", front.crierd.log_text()),
                           ("the door's log", front.log_text()),
                           ("crier status", told)):
            tap.ok(part not in text and SECRET.decode() not in text,
                   f"{name} has no token and no key", text[-2000:])


def forged(tap, place, front):
    """Another site's page makes a browser publish."""
    front = front(place, CONFIG + 'allow-origin = "https://friend.example"\n')
    good = token(publish=["token/**"])
    cookie = {"HTTP_COOKIE": "tk=" + good, "HTTP_HOST": "www.example.org"}
    for name, more, status in (
            ("no Origin", {}, 200),
            ("our own", {"HTTP_ORIGIN": "https://www.example.org"}, 200),
            ("our own, in capitals",
             {"HTTP_ORIGIN": "https://WWW.example.org"}, 200),
            ("our own, with its port at the host",
             {"HTTP_ORIGIN": "https://www.example.org",
              "HTTP_HOST": "www.example.org:443"}, 200),
            ("another scheme's port",
             {"HTTP_ORIGIN": "https://www.example.org",
              "HTTP_HOST": "www.example.org:80"}, 403),
            ("a friend's", {"HTTP_ORIGIN": "https://friend.example"}, 200),
            ("another", {"HTTP_ORIGIN": "https://evil.example"}, 403),
            ("null", {"HTTP_ORIGIN": "null"}, 403),
            ("a port", {"HTTP_ORIGIN": "https://www.example.org:81"}, 403),
            ("a beginning", {"HTTP_ORIGIN": "https://www.example"}, 403),
            ("a longer one",
             {"HTTP_ORIGIN": "https://www.example.org.evil"}, 403),
            ("an extension", {"HTTP_ORIGIN": "moz-extension://1-2"}, 403),
            ("a user in it",
             {"HTTP_ORIGIN": "https://www.example.org@evil"}, 403),
            ("a host with a port", {
                "HTTP_ORIGIN": "http://[::1]:8080",
                "HTTP_HOST": "[::1]:8080"}, 200),
            ("another port", {"HTTP_ORIGIN": "http://[::1]:8081",
                              "HTTP_HOST": "[::1]:8080"}, 403),
            ("no Origin, but from elsewhere",
             {"HTTP_SEC_FETCH_SITE": "cross-site"}, 403),
            ("or from a neighbour",
             {"HTTP_SEC_FETCH_SITE": "same-site"}, 403),
            ("typed by hand", {"HTTP_SEC_FETCH_SITE": "none"}, 200),
            ("a token in the header",
             {"HTTP_ORIGIN": "https://evil.example", **bearer(good)}, 200),
            ("a header that browsers fill in themselves",
             {"HTTP_ORIGIN": "https://evil.example",
              "HTTP_AUTHORIZATION": "Basic YTpi"}, 403)):
        answer = front.post("/pub/token/a", b"data=x", **{**cookie, **more})
        tap.eq(answer.status, status, f"a cookie, {name}")
    # A password of the web server's is added by the browser as a cookie is.
    for name, more, status in (
            ("from elsewhere", {"HTTP_ORIGIN": "https://evil.example"}, 403),
            ("our own", {"HTTP_ORIGIN": "https://www.example.org"}, 200)):
        answer = front.post("/pub/user/a", b"data=x", REMOTE_USER="ann",
                            HTTP_HOST="www.example.org",
                            HTTP_AUTHORIZATION="Basic YW5uOng=", **more)
        tap.eq(answer.status, status, f"a password, {name}")
    tap.eq(front.post("/pub/open/a", b"data=x",
                      HTTP_ORIGIN="https://evil.example").status, 200,
           "what is open to anyone is open to any page")
    tap.eq(follow(front, "/events/token/a", HTTP_ORIGIN="https://evil.example",
                  HTTP_COOKIE="tk=" + token(subscribe="token/a")), 200,
           "a stream opens, and the browser keeps it from the page")


def many_cookies(tap, place):
    front = Front(place, CONFIG)
    good = token(subscribe="token/a")
    for name, cookie, status in (
            ("the first counts", f"tk={good}; tk=x.y.z", 200),
            ("the first counts, again", f"tk=x.y.z; tk={good}", 401),
            ("a thousand of them", "tk=x.y.z; " * 1000 + f"tk={good}", 401),
            ("very long", "tk=" + "a" * 20000, 401),
            ("dots", "tk=" + "." * 8000, 401),
            ("another's name", f"xtk={good}; tkx={good}", 401),
            ("quoted", f'a="tk={good}; tk="; tk={good}', 401)):
        tap.eq(follow(front, "/events/token/a", HTTP_COOKIE=cookie), status,
               f"cookies: {name}")


def users(tap, place, front):
    front = front(place, CONFIG + "max-streams-per-user = 2\n")
    mine = bearer(token(sub="ann"))
    streams = [front.open("/events/open/a", **mine).wait_open()
               for _n in range(2)]
    with front.open("/events/open/a", **mine) as third:
        third.wait_end()
        tap.ok(third.status == 200 and b"max-streams-per-user" in third.raw
               and third.parser.retry > 0, "one more than a user may have",
               third.raw)
    tap.eq(follow(front, "/events/open/a", **bearer(token(sub="bob"))), 200,
           "another user may")
    tap.eq(follow(front, "/events/open/a"), 200, "and who is nobody")
    done = front.crierd.crier("close", "--user", "ann")
    for stream in streams:
        stream.wait_end()
        tap.eq(json.loads(stream.events[-1].data)["reason"], "closed",
               "crier close --user")
        stream.close()
    tap.eq(done.returncode, 0, "it succeeds")
    front.crierd.crier("close", "--stop", "--user", "ann")
    answer = front.fetch("/events/open/a", **mine)
    tap.eq((answer.status, answer.raw), (204, b""), "with --stop: 204")


def without(tap, place):
    tap.skip("tokens over HTTP", "crierd is without tokens")
    del place


if os.path.exists(HELPER):
    TESTS = sum((by_each(function) for function in (
        table, owners, expiry, crier_own, users)), ())
    TESTS += by_each(forged, Front, Door, Cgi) + (many_cookies,) + WEB
else:
    TESTS = (without,)
