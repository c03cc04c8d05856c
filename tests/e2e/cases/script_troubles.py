# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""crier.js before a server of our own that answers whatever a test says:
refusals, a captive portal, tokens, and streams cut anywhere.
"""

import http.server
import json
import os
import threading
import time
import urllib.parse

from cases.chromium_tests import Browser
from cases.script_tests import BUILT
from lib import bench, proc
from lib.patterns_page import in_chromium
from lib.script_page import PAGE, Tab

BEGIN = b"retry: 60\n\nid: 1700000000000-0\n\n"
FIRST = b"id: 1700000000001-0\ndata: first\n\n"
LAST = b"id: 1700000000002-0\ndata: last\n\n"
STREAM = "text/event-stream; charset=utf-8"
HTML = b"<!doctype html><title>Welcome to our wireless network</title>"

# What is temporary: status, type and body of an answer; None: none.
TROUBLES = {
    "bad_gateway": (502, "text/html", HTML),
    "unavailable": (503, "text/html", HTML),
    "broken": (500, STREAM, b""),
    "many": (429, "text/plain", b"slowly"),
    "portal": (200, "text/html", HTML),
    "portal_login": (511, "text/html", HTML),
    "json": (200, "application/json", b"{}"),
    "nothing": None,
    "empty": (200, STREAM, b"retry: 60\n: crierd does not answer\n\n")}
# What is final.
REFUSALS = (204, 400, 401, 403, 404, 405, 410)

# Texts of a stream, and (type, data, lastEventId) of what it brings.
TEXTS = (
    ("data: a\n\ndata: b\n\n", [("message", "a", ""), ("message", "b", "")]),
    ("\ufeffdata: a\n\n", [("message", "a", "")]),
    ("data: a\r\rdata:b\r\r", [("message", "a", ""), ("message", "b", "")]),
    ("data: a\r\ndata:  b\r\n\r\n", [("message", "a\n b", "")]),
    ("data\n\ndata\ndata\n\ndata:", [("message", "", ""),
                                     ("message", "\n", "")]),
    (": comment\n:data: x\ndata:y:z\n\n", [("message", "y:z", "")]),
    ("event: e\ndata: 1\n\ndata: 2\n\n", [("e", "1", ""),
                                          ("message", "2", "")]),
    ("event: e\n\ndata: 3\n\n", [("message", "3", "")]),
    ("id: 1\ndata: a\n\ndata: b\n\nid\ndata: c\n\n",
     [("message", "a", "1"), ("message", "b", "1"), ("message", "c", "")]),
    ("id: 1\n\nid: 2\0\ndata: a\n\n", [("message", "a", "1")]),
    ("id: 7\n\ndata: x\n\n", [("message", "x", "7")]),
    ("retry: x\nretry: -1\nfoo: bar\nDATA: no\ndata : no\ndata: é€😀\n\n",
     [("message", "é€😀", "")]),
    ("data: unfinished\n", []),
    ("data: \u2028 one line\x0b\x0c\x85\n\n",
     [("message", "\u2028 one line\x0b\x0c\x85", "")]))

PARSE = """
const [octets, done] = arguments, all = Uint8Array.from(octets);
const old = window.fetch, got = [];
const one = (cuts) => new Promise((end) => {
    window.fetch = async () => new Response(new ReadableStream({
        start(c) {
            let at = 0;
            for (const cut of [...cuts, all.length]) {
                c.enqueue(all.slice(at, cut));
                at = cut;
            }
            c.close();
        }}), {headers: {"Content-Type": "text/event-stream"}});
    const said = [], s = new Crier("/x", {share: false});
    for (const type of ["message", "e"])
        s.addEventListener(type, (e) =>
            said.push([e.type, e.data, e.lastEventId]));
    s.onerror = () => { s.close(); end(said); };
});
(async () => {
    got.push(await one([]), await one([...all.keys()]));
    for (let i = 1; i < all.length; i++)
        got.push(await one([i]));
    window.fetch = old;
    done(got);
})();
"""
NATIVE = """
const [url, done] = arguments, said = [], s = new EventSource(url);
for (const type of ["message", "e"])
    s.addEventListener(type, (e) => said.push([e.type, e.data, e.lastEventId]));
s.onerror = () => { s.close(); done(said); };
"""


class Server:
    """Answers each path by the functions in its list, the last one for ever."""

    def __init__(self, place):
        with open(BUILT, "rb") as file:
            script = file.read()
        self.files = {"/": ("text/html", (PAGE % "/crier.js").encode()),
                      "/crier.js": ("text/javascript", script)}
        self.answers = {}
        self.seen = {}
        self.lock = threading.Lock()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.serve(self)

            do_POST = do_GET

            def log_message(self, *_words):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0),
                                                      Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/"
        self.thread = bench.Thread(self.server.serve_forever)
        place.own(self)

    def destroy(self):
        self.server.shutdown()
        self.server.server_close()

    def serve(self, request):
        path, _mark, query = request.path.partition("?")
        if path in self.files:
            put(request, 200, *self.files[path])
            return
        body = request.rfile.read(int(request.headers["Content-Length"] or 0))
        with self.lock:
            seen = self.seen.setdefault(path, [])
            seen.append({"query": dict(urllib.parse.parse_qsl(query)),
                         "headers": request.headers, "body": body.decode(),
                         "method": request.command})
            answers = self.answers[path]
            answer = answers[min(len(seen), len(answers)) - 1]
        if answer is not None:
            put(request, *answer)

    def requests(self, path):
        with self.lock:
            return list(self.seen.get(path, ()))


def put(request, status, kind, body, more=None):
    request.send_response(status)
    request.send_header("Content-Type", kind)
    request.end_headers()
    request.wfile.write(body)
    request.wfile.flush()
    if more:
        more(request)


def _slowly(request):
    """Heartbeats, each in time, then the last event."""
    for _beat in range(8):
        time.sleep(0.1 * proc.SLOW)
        request.wfile.write(b":\n\n")
        request.wfile.flush()
    request.wfile.write(LAST)


def stream(*parts):
    return 200, STREAM, b"".join(parts)


def _until_last(tab, name, options="{}"):
    """Follow /name by a stream of its own, until the last event."""
    tab.script(f"const s = follow('{name}', '/{name}', "
               f"{{share: false, ...{options}}}, ['crier.gap']);"
               "s.addEventListener('message', (e) => "
               "{ if (e.data === 'last') s.close(); });")


def _troubles(tap, server, tab):
    for name, answer in TROUBLES.items():
        server.answers["/" + name] = [stream(BEGIN, FIRST), answer, answer,
                                      stream(BEGIN, LAST)]
        _until_last(tab, name)
    for name in TROUBLES:
        tab.wait_data(["first", "last"], name)
        seen = server.requests("/" + name)
        tap.eq([request["query"].get("lastEventId") for request in seen],
               [None] + ["1700000000001-0"] * 3,
               f"{name}: it comes back, for what came after the last event")
        tap.eq((seen[0]["headers"]["Accept"], tab.state(name),
                tab.note("open", name)),
               ("text/event-stream", 2, 4 if name == "empty" else 2),
               f"{name}: only a stream opens it")


def _refusals(tap, server, tab):
    for status in REFUSALS:
        server.answers[f"/s{status}"] = [stream(BEGIN, FIRST),
                                         (status, "text/plain", b"")]
        _until_last(tab, f"s{status}")
    for status in REFUSALS:
        tab.wait_state(2, f"s{status}")
        tap.eq((len(server.requests(f"/s{status}")),
                tab.note("error", f"s{status}"),
                tab.note("handlers", f"s{status}")), (2, 2, 3),
               f"{status} is the end, and is told")


def _tokens(tap, server, tab):
    denied = 401, "application/json", b"{}"
    server.answers["/t"] = [
        stream(BEGIN, FIRST), denied, (403, "text/plain", b""),
        stream(BEGIN, LAST)]
    tab.script("window.token = () => { tokens.push(1);"
               "if (tokens.length === 2) throw new Error('no network');"
               "return 't' + tokens.length; }")
    _until_last(tab, "t", "{token, headers: {'X-Site': 'shop'}}")
    tab.wait_data(["first", "last"], "t")
    seen = server.requests("/t")
    tap.eq([request["headers"]["Authorization"] for request in seen],
           ["Bearer t1", "Bearer t1", "Bearer t3", "Bearer t4"],
           "the page is asked for a token at first, and when one is refused")
    tap.eq({request["headers"]["X-Site"] for request in seen}, {"shop"},
           "the page's own headers are sent, too")
    server.answers["/p"] = server.answers["/t"][:1] + server.answers["/t"][3:]
    _until_last(tab, "p", "{method: 'POST', body: '{\"channel\":\"a\"}'}")
    tab.wait_data(["first", "last"], "p")
    tap.eq([(request["method"], request["body"],
             request["query"].get("lastEventId"))
            for request in server.requests("/p")],
           [("POST", '{"channel":"a"}', None),
            ("POST", '{"channel":"a"}', "1700000000001-0")],
           "and a body, again with each request")


def _gaps_and_silence(tap, server, tab):
    gap = b'event: crier.gap\ndata: {"channel":"a","missed":3}\n\n'
    server.answers["/g"] = [stream(BEGIN, gap, LAST)]
    _until_last(tab, "g")
    tab.wait_data(['{"channel":"a","missed":3}', "last"], "g")
    tap.eq((tab.note("gap", "g"), tab.note("handlers", "g")), (1, 2),
           "the page is told of a gap, by both names")
    end = threading.Event()
    server.answers["/silent"] = [(*stream(BEGIN, FIRST),
                                  lambda _request: end.wait(30)),
                                 stream(BEGIN, LAST)]
    _until_last(tab, "silent", "{silence: 400}")
    tab.wait_data(["first", "last"], "silent")
    end.set()
    tap.eq(len(server.requests("/silent")), 2,
           "a connection without a byte is given up")
    server.answers["/slow"] = [(*stream(BEGIN, FIRST), _slowly)]
    _until_last(tab, "slow", f"{{silence: {500 * proc.SLOW}}}")
    tab.wait_data(["first", "last"], "slow")
    tap.eq(len(server.requests("/slow")), 1, "one with heartbeats is not")


def _any_stream(tap, server, tab):
    tab.script("")
    driver = tab.driver
    driver.set_script_timeout(30)
    for number, (text, want) in enumerate(TEXTS):
        want = [list(event) for event in want]
        octets = text.encode()
        server.answers[f"/x{number}"] = [stream(octets)]
        native = driver.execute_async_script(NATIVE, f"/x{number}")
        tap.eq(native, want, f"{json.dumps(text)}: an EventSource")
        got = driver.execute_async_script(PARSE, list(octets))
        wrong = [cut for cut, said in enumerate(got) if said != want]
        tap.eq([got[cut] for cut in wrong[:1]], [],
               f"and ours, cut at any of {len(octets)} places")


@in_chromium
def troubles(tap, place):
    server = Server(place)
    tab = Tab(Browser(place), server.url)
    for part in (_troubles, _refusals, _tokens, _gaps_and_silence,
                 _any_stream):
        tab.load()
        part(tap, server, tab)


TESTS = [troubles]
