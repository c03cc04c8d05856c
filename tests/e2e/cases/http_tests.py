# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""Publishing, status and presence over HTTP, by every way in."""

import errno
import json
import time

from lib import fronts, proc
from lib.fronts import headers_of
from lib.site import is_rising
from lib.store_tools import Interposer, Stored

CONFIG = """
max-event = 2000
max-request = 8192
channel "closed/**" { publish = nobody }
channel "**" { publish = anyone }
route "GET /events/{channel...}" { subscribe = "{channel}" }
route "POST /pub/{channel...}" { publish = "{channel}" }
route "POST /keyed/{channel...}" {
	publish = "{channel}"
	key = "{form.key?}"
}
route "POST /two" { publish = { "a", "b" } }
route "POST /sse/push" {
	publish = "user/{query.clientId}"
	data = "{query.content}"
}
route "POST /api/send" {
	publish = "chat"
	data = "{json.message}"
	reply = '{"status":"success","id":"{id}","n":{streams},"m":{json.message}}'
}
route "POST /plain" {
	publish = "chat"
	data = "{form.m}"
	reply = "{id} {streams} {form.m}"
	reply-type = "text/plain; charset=utf-8"
}
route "POST /html" {
	publish = "chat"
	data = "{form.m}"
	reply = "<p title='{form.m}'>{form.m}</p>"
	reply-type = "text/html"
}
route "POST /quiet" { publish = "chat" data = "{body}" reply = "" }
route "GET /status" { status = json }
route "GET /metrics" { status = prometheus }
route "GET /who/{channel...}" { presence = "{channel}" }
"""


def check_error(tap, answer, status, name, words=""):
    good = (answer.status == status
            and headers_of(answer).get("content-type") == "application/json")
    if good and answer.raw:
        said = json.loads(answer.raw)
        good = (said["ok"] is False and words in said["error"]
                and answer.raw.endswith(b"}\n"))
    tap.ok(good, f"{name}: {status} {words}", answer.head, answer.raw)


def _id_of(answer):
    if answer.status != 200:
        raise AssertionError(f"{answer.head!r} {answer.raw!r}")
    return json.loads(answer.raw)["id"]


def bodies(tap, front):
    stream = front.open("/events/a").wait_open()
    forms = (
        ("a form", "form", b"data=caf%C3%A9+1&event=note", "note"),
        ("a form with its charset",
         "application/x-www-form-urlencoded; charset=UTF-8",
         b"data=caf%C3%A9+1&event=note", "note"),
        ("JSON", "json", {"data": "caf\u00e9 1", "event": "note"}, "note"),
        ("plain text", "text", "caf\u00e9 1".encode(), "message"))
    ids = []
    for name, kind, body, event in forms:
        answer = front.post("/pub/a", body, kind)
        said = json.loads(answer.raw)
        ids.append(said["id"])
        tap.eq((answer.status, said["ok"], said["streams"],
                headers_of(answer)["content-type"]),
               (200, True, 1, "application/json"), name)
        stream.wait_events(len(ids))
        got = stream.events[-1]
        tap.eq((got.type, got.data, got.id), (event, "caf\u00e9 1", ids[-1]),
               f"{name} arrives")
    tap.ok(is_rising(ids), "the ids rise", ids)
    front.post("/pub/a", {"data": {"x": [1, None]}}, "json")
    stream.wait_events(len(ids) + 1)
    tap.eq(json.loads(stream.events[-1].data), {"x": [1, None]},
           "data that is an object is sent as its JSON")
    front.fetch("/pub/a", "POST", body=b"x\r\ny\rz\nw", kind="text")
    stream.wait_events(len(ids) + 2)
    tap.eq(stream.events[-1].data, "x\ny\nz\nw", "lines stay lines")
    stream.close()


def fields(tap, front):
    one = front.post("/keyed/a", b"data=x&key=k1")
    again = front.post("/keyed/a", b"data=x&key=k1")
    tap.eq(_id_of(again), _id_of(one), "the same key again: the same id")
    other = front.post("/keyed/b", b"data=x&key=k1")
    tap.ok(_id_of(other) != _id_of(one), "on another channel: another id")
    none = {_id_of(front.post("/pub/k", {"data": "x", "key": "k1"}, "json"))
            for _n in range(2)}
    tap.eq(len(none), 2, "without a template there is no key")
    with front.crierd.connect() as queue:
        mine = [queue.ask({"channel": "a/b", "data": "x", "key": "k1"})
                for _n in range(2)]
    tap.eq(["duplicate" in answer for answer in mine], [False, True],
           "the queue's keys are its own")
    late = front.post("/keyed/a/b", b"data=x&key=k1")
    tap.ok(_id_of(late) not in {answer["id"] for answer in mine},
           "a route's key makes no duplicate of the queue's, or the reverse")
    with front.open("/events/a?since=all") as stream:
        stream.wait_events(1)
        front.post("/pub/a", b"data=last")
        stream.wait(lambda: stream.events[-1].data == "last", "the last")
        tap.eq([e.data for e in stream.events], ["x", "last"],
               "the event is there once")
    stream = front.open("/events/c").wait_open()
    own = front.post("/pub/c", b"data=own&id=order-7&retry=1234")
    stream.wait_events(1)
    tap.eq((stream.events[0].id, stream.parser.retry),
           ("order-7", 1234), "an own id, and retry")
    tap.ok(own.status == 200, "are accepted", own.raw)
    stream.close()
    with front.open("/events/c", HTTP_LAST_EVENT_ID="order-7") as stream:
        stream.wait_open()
        front.post("/pub/c", b"data=next")
        stream.wait_events(1)
        tap.eq([e.data for e in stream.events], ["next"],
               "and clients resume by it")
    front.post("/pub/short", {"data": "gone", "expires": 0.05}, "json")
    front.post("/pub/short", {"data": "stays", "expires": 600.5}, "json")
    time.sleep(0.1)
    with front.open("/events/short?since=all") as stream:
        stream.wait_events(1)
        tap.eq([e.data for e in stream.events], ["stays"],
               "expires: what is over is not sent")
    both = [front.open(f"/events/{name}").wait_open() for name in "ab"]
    answer = front.post("/two", b"data=to+both")
    tap.eq(json.loads(answer.raw)["streams"], 2, "two channels: two streams")
    for stream in both:
        stream.wait_events(1)
        tap.eq((stream.events[0].data, stream.events[0].id),
               ("to both", _id_of(answer)), "each gets it, with one id")
        stream.close()


def replies(tap, front):
    stream = front.open("/events/chat").wait_open()
    answer = front.post("/sse/push?clientId=7&content=a%20b%26c", b"", None)
    tap.eq(json.loads(answer.raw)["streams"], 0, "by query parameters")
    nasty = 'a"b\\c</script>\u2028{id}\n\x7f'
    answer = front.post("/api/send", {"message": nasty}, "json")
    said = json.loads(answer.raw)
    stream.wait_events(1)
    tap.eq(said, {"status": "success", "id": stream.events[0].id, "n": 1,
                  "m": nasty}, "a reply of JSON: nothing breaks out of it")
    answer = front.post("/plain", b"m=x%0d%0aSet-Cookie:+y%0d%0a%0d%0a<b>")
    stream.wait_events(2)
    tap.eq((headers_of(answer)["content-type"], answer.raw.decode()),
           ("text/plain; charset=utf-8",
            f"{stream.events[1].id} 1 x\r\nSet-Cookie: y\r\n\r\n<b>"),
           "a plain one")
    tap.ok("set-cookie" not in headers_of(answer), "no header comes of it")
    answer = front.post("/html", b"m=%3Cscript%3E'%22%26")
    tap.eq((headers_of(answer)["content-type"], answer.raw),
           ("text/html", b"<p title='&lt;script&gt;&#39;&#34;&amp;'>"
            b"&lt;script&gt;&#39;&#34;&amp;</p>"), "HTML")
    answer = front.post("/quiet", b"shh", "text")
    tap.eq((answer.status, answer.raw, "content-type" in headers_of(answer)),
           (204, b"", False), "an empty one: 204")
    stream.close()


def refusals(tap, front):
    post = front.post
    for name, answer, status, words in (
            ("no body", post("/pub/a", b"", None), 400, "data is missing"),
            ("no data", post("/pub/a", b"event=x"), 400, "data is missing"),
            ("not JSON", post("/pub/a", b"{", "json"), 400, "valid JSON"),
            ("a list", post("/pub/a", [1], "json"), 400, "JSON object"),
            ("not UTF-8", post("/pub/a", b"data=%ff"), 400, "UTF-8"),
            ("a NUL", post("/pub/a", b"data=%00"), 400, "NUL"),
            ("a bad escape", post("/pub/a", b"data=%zz"), 400, "%-escape"),
            ("twice", post("/pub/a", b"data=1&data=2"), 400, "more than once"),
            ("a line end in the name",
             post("/pub/a", b"data=x&event=a%0Ab"), 400, ""),
            ("a line end in the id",
             post("/pub/a", b"data=x&id=a%0Ab"), 400, ""),
            ("crier's own name",
             post("/pub/a", b"data=x&event=crier.end"), 400, ""),
            ("retry", post("/pub/a", b"data=x&retry=soon"), 400, "retry"),
            ("expires", post("/pub/a", b"data=x&expires=0"), 400, "expires"),
            ("no such parameter", post("/sse/push?clientId=1", b"", None), 400,
             "content in the query is missing"),
            ("a channel's name", post("/pub/a%20b", b"data=x"), 400, ""),
            ("dots", post("/pub/a/../b", b"data=x"), 400, ".."),
            ("encoded dots", post("/pub/%2e%2E/b", b"data=x"), 400, ".."),
            ("a NUL in the path", post("/pub/a%00b", b"data=x"), 400, ""),
            ("nobody may", post("/pub/closed/a", b"data=x"), 403, ""),
            ("crier's own", post("/pub/$streams", b"data=x"), 403, "crier's"),
            ("crier's own, encoded",
             post("/pub/%24streams", b"data=x"), 403, "crier's"),
            ("no route", post("/publish", b"data=x"), 404, "no such route"),
            ("an empty segment before", post("//pub/a", b"data=x"), 404, ""),
            ("data over max-event",
             post("/pub/a", b"data=" + b"x" * 2001), 413, "max-event"),
            ("a body over max-request",
             post("/pub/a", b"data=" + b"x" * 9000), 413, "max-request"),
            ("multipart", post("/pub/a", b"--x", "multipart/form-data"), 415,
             "multipart"),
            ("XML", post("/pub/a", b"<x/>", "text/xml"), 415, ""),
            ("Latin-1", post("/pub/a", b"x", "text/plain; charset=latin1"),
             415, "charset"),
            ("a type that is none", post("/pub/a", b"x", "\x01;"), 415, "")):
        check_error(tap, answer, status, name, words)
    tap.eq(post("/pub/a", b"data=" + b"x" * 2000).status, 200, "just so much")
    # With 8 KB of parameters and no body the request is too large, too.
    answer = front.fetch("/pub/a?" + "x" * 9000, "POST")
    check_error(tap, answer, 431, "too many parameters", "max-request")


def lengths(tap, front):
    """A body that is not as long as it says is not published."""
    def published():
        return front.crierd.status()["events"]["published"]

    body = b"data=half"
    chunked = {"HTTP_TRANSFER_ENCODING": "chunked"}
    # A CGI program must not look for more bytes (RFC 3875, 4.2).
    longer = () if isinstance(front, fronts.Cgi) else (
        ("a longer one", body, {"CONTENT_LENGTH": "5"}, 400),
        ("one that is none", body, {"CONTENT_LENGTH": "0"}, 400),
        ("none said", body, {"CONTENT_LENGTH": ""}, 411))
    for name, text, more, status in (
            ("a shorter one", body, {"CONTENT_LENGTH": "10"}, 400),
            ("none at all", b"", {"CONTENT_LENGTH": "9"}, 400),
            ("a word", body, {"CONTENT_LENGTH": "abc"}, 400),
            ("below 0", body, {"CONTENT_LENGTH": "-1"}, 400),
            ("a sign", body, {"CONTENT_LENGTH": "+9"}, 400),
            ("two", body, {"CONTENT_LENGTH": "9, 9"}, 400),
            ("beyond 64 bits", body,
             {"CONTENT_LENGTH": "18446744073709551616"}, 400),
            ("over max-request", body, {"CONTENT_LENGTH": "8193"}, 413),
            ("chunked", body, {"CONTENT_LENGTH": "", **chunked}, 411),
            ("chunked and empty", b"", {"CONTENT_LENGTH": "", **chunked}, 411),
            *longer):
        before = published()
        answer = front.fetch("/pub/a", "POST", body=text, kind="form", **more)
        check_error(tap, answer, status, f"a length, {name}")
        tap.eq(published(), before, f"{name}: nothing is published")
    for more in ({"CONTENT_LENGTH": "9"}, {"CONTENT_LENGTH": "009"},
                 {"CONTENT_LENGTH": "9", **chunked}):
        answer = front.fetch("/pub/a", "POST", body=body, kind="form", **more)
        tap.eq(answer.status, 200, f"a right one, {more}")


def methods(tap, front):
    for method in ("GET", "HEAD", "PUT", "DELETE"):
        answer = front.fetch("/pub/a", method)
        tap.eq((answer.status, headers_of(answer).get("allow")),
               (405, "POST, OPTIONS"), f"{method}: 405 with Allow")
        tap.eq(bool(answer.raw), method != "HEAD", f"{method}: its body")
    answer = front.fetch("/pub/a", "OPTIONS")
    tap.eq((answer.status, headers_of(answer).get("allow"), answer.raw),
           (204, "POST, OPTIONS", b""), "OPTIONS")
    for target in ("/status", "/metrics", "/who/a"):
        head = front.fetch(target, "HEAD")
        tap.eq((head.status, head.raw), (200, b""), f"HEAD {target}")
        check_error(tap, front.post(target, b""), 405, f"POST {target}")
    answer = front.fetch("/events/a", "HEAD")
    tap.eq((answer.status, answer.raw), (200, b""), "HEAD of a stream")


def status(tap, front):
    front.post("/pub/a", b"data=x")
    streams = [front.open("/events/a", REMOTE_USER=user).wait_open()
               for user in ("ann", "ann", 'b"\\')]
    answer = front.fetch("/status")
    said = json.loads(answer.raw)
    tap.eq((answer.status, headers_of(answer)["content-type"],
            headers_of(answer)["cache-control"], said["ok"],
            said["streams"], said["pid"]),
           (200, "application/json", "no-store", True, 3, front.crierd.pid),
           "status: JSON of the hub")
    answer = front.fetch("/metrics")
    tap.ok(answer.status == 200
           and headers_of(answer)["content-type"].startswith("text/plain")
           and b"\ncrier_streams 3\n" in answer.raw,
           "status: Prometheus", answer.head, answer.raw)
    answer = front.fetch("/who/a")
    said = json.loads(answer.raw)
    tap.ok(answer.status == 200 and said["ok"] is True
           and 'b"\\' in json.dumps(said, ensure_ascii=False).replace(
               '\\"', '"').replace("\\\\", "\\")
           and "ann" in json.dumps(said), "presence", answer.raw)
    said = json.loads(front.fetch("/who/nobody-here").raw)
    tap.eq(said["ok"], True, "presence of none")
    check_error(tap, front.fetch("/who/a%20b"), 400, "presence of no channel")
    for stream in streams:
        stream.close()


def cors(tap, place):
    origin = "https://a.example"
    front = fronts.Front(place, CONFIG + f'allow-origin = "{origin}"\n')
    said = headers_of(front.fetch("/pub/a", "OPTIONS", HTTP_ORIGIN=origin))
    tap.eq((said["access-control-allow-origin"],
            said["access-control-allow-credentials"], said["vary"],
            said["access-control-allow-methods"]),
           (origin, "true", "Origin", "POST, OPTIONS"), "preflight")
    allowed = said["access-control-allow-headers"].lower()
    tap.ok(all(name in allowed for name in
               ("last-event-id", "cache-control", "authorization",
                "content-type")), "and its headers", allowed)
    for name, sent in (("another", "https://b.example"),
                       ("null", "null"), ("with a port", origin + ":8443"),
                       ("http", "http://a.example"),
                       ("another case", "https://A.example"),
                       ("a longer one", origin + ".evil"),
                       ("line ends", origin + "\r\nX-Evil: 1"),
                       ("line ends alone", "\r\nX-Evil: 1")):
        for method in ("OPTIONS", "POST"):
            answer = front.fetch("/pub/a", method, body=b"data=x",
                                 kind="form", HTTP_ORIGIN=sent)
            said = headers_of(answer)
            tap.ok("access-control-allow-origin" not in said
                   and "x-evil" not in said and said["vary"] == "Origin",
                   f"Origin, {name}: {method} allows it nothing", said)


def no_injection(tap, place):
    """What comes from the client, in every answer."""
    front = fronts.Front(place, CONFIG + 'allow-origin = "*"\n')
    evil = "x\r\nX-Evil: 1\r\n\r\nbody"
    names = ("HTTP_ORIGIN", "HTTP_HOST", "HTTP_LAST_EVENT_ID", "REMOTE_USER",
             "HTTP_COOKIE", "HTTP_AUTHORIZATION", "CONTENT_TYPE",
             "REMOTE_ADDR", "HTTP_SEC_FETCH_SITE", "SCRIPT_NAME")
    for target, method in (("/pub/a", "POST"), ("/status", "GET"),
                           ("/nowhere", "GET"), ("/pub/a", "GET"),
                           ("/events/a", "HEAD"), ("/who/a", "GET"),
                           ("/plain", "POST"), ("/pub/" + evil, "POST"),
                           ("/pub/a?" + evil, "POST")):
        for name in names:
            answer = front.fetch(target, method, body=b"m=1", **{name: evil})
            if b"X-Evil" in answer.head:
                tap.ok(False, f"{method} {target} {name}", answer.head)
    tap.ok(True, "no value of a request comes to be a header")
    answer = front.fetch("/pub/a", "PO\r\nX-Evil: 1\r\n", body=b"data=x")
    tap.ok(answer.status == 405 and b"X-Evil" not in answer.head
           and headers_of(answer)["allow"] == "POST, OPTIONS",
           "nor the method", answer.head)
    with front.open("/events/a", HTTP_LAST_EVENT_ID="a\ndata: x\n\n") as stream:
        stream.wait_open()
        front.post("/pub/a", b"data=real")
        stream.wait(lambda: any(e.type == "message" for e in stream.events),
                    "the event")
        tap.eq([e.data for e in stream.events if e.type == "message"],
               ["real"], "nor is Last-Event-ID an event")


def whole_response(tap, place):
    """A CGI program whose name begins with nph- writes the status line."""
    front = fronts.Cgi(place, CONFIG)
    answer = front.open("/pub/a", "POST", body=b"data=x", kind="form",
                        script="/usr/lib/cgi-bin/nph-crier",
                        HTTP_ORIGIN="x\r\nX-Evil: 1")
    answer.wait_end()
    lines = answer.head.split(b"\r\n")
    tap.ok(lines[0] == b"HTTP/1.1 200 OK" and b"X-Evil" not in answer.head
           and b"Status:" not in answer.head
           and json.loads(answer.raw)["ok"] is True,
           "nph-: a whole response", answer.head)
    answer.close()


def store_down(tap, place):
    """Nothing is accepted that cannot be kept; and then it is, again."""
    if not Interposer.is_there():
        tap.skip("a store that is full", "there is no compiler")
        return
    fault = Interposer(place)
    crierd = Stored(place, ["store-error=refuse"], CONFIG)
    crierd.start(env=fault.env)
    for front in (fronts.Front, fronts.Door, fronts.Cgi):
        front = front(place, crierd=crierd)
        good = front.post("/pub/a", b"data=1")
        fault.fail(errno.ENOSPC)
        answer = front.post("/pub/a", b"data=2")
        check_error(tap, answer, 503, f"{front.name}: a full disk", "full")
        tap.eq(headers_of(answer)["retry-after"], "5", "with Retry-After")
        tap.eq(front.fetch("/status").status, 200, "status is told")
        fault.fail(0)
        proc.wait_for(lambda: front.post("/pub/a", b"data=3").status == 200,
                      "it recovers", 30)
        with front.open("/events/a", HTTP_LAST_EVENT_ID=_id_of(good)) as (
                stream):
            stream.wait_events(1)
            tap.ok("2" not in [e.data for e in stream.events],
                   "what was refused is not sent")


def _on(function, *more):
    """The same with the front made, of this configuration."""
    def test(tap, place, front):
        function(tap, front(place, *more))
    test.__name__ = function.__name__
    return test


TESTS = sum((fronts.by_each(_on(function, CONFIG)) for function in (
    bodies, fields, replies, refusals, lengths, methods, status)), ())
TESTS += (cors, no_injection, whole_response, store_down)
