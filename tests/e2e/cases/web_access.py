# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""Publishing, passwords, tokens and programs through the web servers."""

import json
import time

from lib import bench, daemon, passwords as words, proc, servers, web
from lib.passwords import basic
from lib.server import NotThere
from cases.run_tests import begin, is_gone, programs, result_of, said
from cases.token_tests import sign

SECRET = b"0123456789abcdef0123456789abcdef"
CONFIG = f"""
heartbeat = 2
token-key = "{SECRET.decode()}"
token-cookie = "tk"
log-level = debug
max-event = 20000
channel "user/**" {{ subscribe = user publish = user }}
channel "own/*" {{ subscribe = owner publish = owner }}
channel "token/**" {{ subscribe = token publish = token }}
channel "**" {{ publish = anyone }}
route "GET /events" {{ subscribe = "{{query.channel}}" }}
route "GET /events/on/{{channel...}}" {{ subscribe = "{{channel}}" }}
route "POST /events/pub/{{channel...}}" {{ publish = "{{channel}}" }}
route "POST /events/quiet" {{ publish = "a" data = "{{body}}" reply = "" }}
route "GET /events/mine" {{ subscribe = "own/{{user}}" }}
route "GET /events/status" {{ status = json }}
route "GET /events/stay" {{ run = {{ "DIR/stay", "DIR/said" }} }}
route "POST /events/show" {{ run = "DIR/show" }}
route "GET /events/lines" {{ run = "DIR/lines" end-stop = true }}
"""
# What the files in conf/ say has to be added for passwords.
PASSWORDS = {
    "nginx": lambda text, users: text.replace(
        "\tfastcgi_param GATEWAY_INTERFACE",
        f'\tauth_basic "crier";\n\tauth_basic_user_file {users};\n'
        "\tfastcgi_param REMOTE_USER $remote_user;\n"
        "\tfastcgi_param GATEWAY_INTERFACE", 1),
    "lighttpd": lambda text, users: text + f"""
server.modules += ( "mod_auth", "mod_authn_file" )
auth.backend = "htpasswd"
auth.backend.htpasswd.userfile = "{users}"
auth.require = ( "/events" => ( "method" => "basic", "realm" => "crier",
    "require" => "valid-user" ) )
""",
    "apache": lambda text, users: text + f"""
<Location "/events">
    AuthType Basic
    AuthName crier
    AuthBasicProvider file
    AuthUserFile "{users}"
    Require valid-user
</Location>
"""}
PASSWORDS["mod_crier"] = PASSWORDS["apache"]


class Site:
    """crierd behind a web server, with passwords or without."""

    def __init__(self, place, kind, with_passwords=False):
        self.folder = programs(place)
        self.crierd = daemon.Crierd(
            place, config=CONFIG.replace("DIR", self.folder)).start()
        self.web = servers.KINDS[kind](place, self.crierd)
        if with_passwords:
            self._add_passwords(place, kind)
        self.web.start()

    def _add_passwords(self, place, kind):
        users = words.write(place)
        path = self.web.includes[0]
        with open(path, encoding="utf-8") as file:
            text = file.read()
        changed = PASSWORDS[kind](text, users)
        if changed == text:
            raise AssertionError(f"nothing changed in {path}")
        with open(path, "w", encoding="utf-8") as file:
            file.write(changed)

    def open(self, target, **more):
        return web.Exchange(self.web.port, target, **more)

    def fetch(self, target, method="GET", **more):
        return web.fetch(self.web.port, target, method=method, **more)

    def post(self, target, body, kind="application/x-www-form-urlencoded",
             **headers):
        return self.fetch(target, "POST", body=body, headers={
            "Content-Type": kind,
            **{name.replace("_", "-"): value
               for name, value in headers.items()}})


def _status(site, target, **headers):
    with site.open(target, headers={name.replace("_", "-"): value for
                                    name, value in headers.items()}) as stream:
        stream.wait_head()
        return stream.status


def passwords(tap, place, kind):
    site = Site(place, kind, True)
    ann = basic("ann")
    for name, target, header, status in (
            ("no password", "/events/on/user/a", None, 401),
            ("a wrong one", "/events/on/user/a", basic("ann", "x"), 401),
            ("a user", "/events/on/user/a", ann, 200),
            ("the owner", "/events/on/own/ann", ann, 200),
            ("not the owner", "/events/on/own/bob", ann, 403),
            ("{user}", "/events/mine", ann, 200),
            ("no token", "/events/on/token/a", ann, 403)):
        more = {"Authorization": header} if header else {}
        tap.eq(_status(site, target, **more), status, name)
    with site.open("/events/mine", headers={"Authorization": ann}) as stream:
        stream.wait_open()
        for user, status in (("ann", 200), ("bob", 403)):
            answer = site.post("/events/pub/own/ann", b"data=x",
                               Authorization=basic(user))
            tap.eq(answer.status, status, f"{user} publishes to own/ann")
        stream.wait_events(1)
        tap.eq(len(stream.events), 1, "and it arrives")
        done = site.crierd.crier("close", "--user", "ann")
        tap.eq(done.returncode, 0, "crier close --user")
        stream.wait_end()
    # The browser adds a password that it knows by itself.
    for name, headers, status in (
            ("our own page", {"Origin": "http://localhost"}, 200),
            ("another site's", {"Origin": "https://evil.example"}, 403),
            ("one that hides", {"Origin": "null"}, 403)):
        answer = site.post("/events/pub/user/a", b"data=x", Authorization=ann,
                           **headers)
        tap.eq(answer.status, status, f"{name} publishes with a password")


def publishing(tap, place, kind):
    site = Site(place, kind)
    stream = site.open("/events/on/a").wait_open()
    ids = []
    for name, kind_of, body in (
            ("a form", "application/x-www-form-urlencoded",
             b"data=caf%C3%A9+1"),
            ("JSON", "application/json", '{"data":"caf\u00e9 1"}'.encode()),
            ("text", "text/plain; charset=UTF-8", "caf\u00e9 1".encode())):
        answer = site.post("/events/pub/a", body, kind_of)
        tap.eq((answer.status, answer.headers["content-type"],
                answer.json()["ok"], answer.json()["streams"]),
               (200, "application/json", True, 1), name)
        ids.append(answer.json()["id"])
    stream.wait_events(3)
    tap.eq([(e.data, e.id) for e in stream.events],
           [("caf\u00e9 1", event_id) for event_id in ids], "they arrive")
    answer = site.post("/events/quiet", b"shh", "text/plain")
    tap.eq((answer.status, answer.raw), (204, b""), "204")
    for name, answer, status in (
            ("no data", site.post("/events/pub/a", b""), 400),
            ("nobody", site.post("/events/pub/user/a", b"data=x"), 401),
            ("no route", site.post("/events/nowhere", b"data=x"), 404),
            ("a wrong method", site.fetch("/events/pub/a"), 405),
            ("too much data", site.post("/events/pub/a", b"data="
                                        + b"x" * 20001), 413),
            ("a body that is too large",
             site.post("/events/pub/a", b"data=" + b"x" * 70000), 413),
            ("a wrong type", site.post("/events/pub/a", b"<x/>",
                                       "text/xml"), 415)):
        tap.ok(answer.status == status
               and answer.headers.get("content-type") == "application/json"
               and answer.json()["ok"] is False, f"{name}: {status}",
               answer.status, answer.headers, answer.raw)
    tap.eq(site.fetch("/events/pub/a").headers.get("allow"), "POST, OPTIONS",
           "Allow")
    answer = site.fetch("/events/pub/a", "OPTIONS")
    tap.ok(answer.status in (200, 204) and answer.headers.get("allow"),
           "OPTIONS", answer.status, answer.headers)
    tap.eq(site.fetch("/events/status", "HEAD").status, 200, "HEAD")
    tap.eq(site.fetch("/events/status").json()["streams"], 1, "status")
    answers = [bench.Thread(_publish_some, site, name) for name in "abcd"]
    ids = [event_id for thread in answers for event_id in thread.finish(60)]
    stream.wait(lambda: len(stream.events) >= 204, "all of them", 30)
    tap.eq(sorted(e.id for e in stream.events[-200:]), sorted(ids),
           "two hundred in four threads")
    stream.close()


def _publish_some(site, name):
    return [site.post("/events/pub/a", f"data={name}+{n}".encode())
            .json()["id"] for n in range(50)]


def tokens(tap, place, kind):
    site = Site(place, kind)
    claims = {"exp": int(time.time()) + 600, "sub": "ann",
              "subscribe": ["token/**"], "publish": ["token/**"]}
    good = sign({"alg": "HS256"}, claims, SECRET)
    for name, target, headers in (
            ("header", "/events/on/token/a",
             {"Authorization": "Bearer " + good}),
            ("cookie", "/events/on/token/a", {"Cookie": f"x=y; tk={good}"}),
            ("query", f"/events/on/token/a?token={good}", {})):
        tap.eq(_status(site, target, **headers), 200, f"a token: {name}")
        answer = site.fetch(target.replace("/on/", "/pub/"), "POST",
                            body=b"x", headers={
                                "Content-Type": "text/plain", **headers})
        tap.eq(answer.status, 200, f"and publishes: {name}")
    tap.eq(_status(site, "/events/on/token/a"), 401, "none")
    tap.eq(_status(site, "/events/on/own/ann",
                   Authorization="Bearer " + good), 200, "its user")
    short = sign({"alg": "HS256"}, {**claims, "exp": time.time() + 1.5},
                 SECRET)
    with site.open("/events/on/token/a", headers={
            "Authorization": "Bearer " + short}) as stream:
        stream.wait_open()
        stream.wait_end()
        tap.ok(stream.clean and stream.events[-1].type == "crier.end",
               "it expires: the stream ends", stream.raw)
    tap.eq(_status(site, "/events/on/token/a",
                   Authorization="Bearer " + short), 401, "for good")
    tap.ok(good.rsplit(".", maxsplit=1)[-1] not in site.crierd.log_text(),
           "the log has none")


def running(tap, place, kind):
    site = Site(place, kind)
    with site.open("/events/lines") as stream:
        stream.wait_end()
        tap.eq([e.data for e in stream.events][:2], ["one", "two"],
               "a program")
        tap.eq(result_of(stream)["status"], 3, "and its end")
        last = stream.parser.last_event_id
    answer = site.fetch("/events/lines", last_event_id=last)
    tap.eq((answer.status, answer.raw), (204, b""), "204 to who comes back")
    body = bytes(range(256)) * 20
    with site.open("/events/show", method="POST", body=body, headers={
            "Content-Type": "application/octet-stream", "X-Test": "1",
            "Proxy": "http://evil"}) as stream:
        stream.wait_events(2)
    shown = json.loads(stream.events[0].data)
    env = shown["env"]
    tap.ok(shown["body"].encode("latin-1") == body
           and env["REQUEST_URI"] == "/events/show"
           and env["REQUEST_METHOD"] == "POST" and env["HTTP_X_TEST"] == "1"
           and env["CONTENT_LENGTH"] == str(len(body))
           and "HTTP_PROXY" not in env and "REMOTE_USER" not in env,
           "its environment and its input", env)
    stream, pids = begin(site, "/events/stay", 2)
    stream.close()
    # Apache tells it only by the second heartbeat that cannot be written.
    proc.wait_for(lambda: all(map(is_gone, pids)) or not site.crierd.publish(
        "x", "x"), "the client leaves, and they end", 60)
    tap.eq(sorted(said(site.folder)), ["child", "term"], "with SIGTERM")


def _of(function, kind):
    def test(tap, place):
        try:
            function(tap, place, kind)
        except NotThere as error:
            tap.skip(function.__name__, f"{error} is not installed")
    test.__name__ = f"{function.__name__}_{kind}"
    return test, f"{function.__name__} ({kind})"


WEB = tuple(_of(function, kind) for kind in PASSWORDS
            for function in (passwords, publishing, tokens, running))
