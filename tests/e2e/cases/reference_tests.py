# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""What judges crier is itself judged: by the standards' rules."""

from lib import sse, web

M = "message"

# WHATWG HTML 9.2.6: a stream and its events (type, data, last event ID).
STREAMS = (
    ("lines of data", b"data: YHOO\ndata: +2\ndata: 10\n\n",
     [(M, "YHOO\n+2\n10", "")]),
    ("comment, id, leading space",
     b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n"
     b"\ndata:  third event\n\n",
     [(M, "first event", "1"), (M, "second event", ""),
      (M, " third event", "")]),
    ("empty data", b"data\n\ndata\ndata\n\ndata:", [(M, "", ""),
                                                    (M, "\n", "")]),
    ("one space is removed", b"data:test\n\ndata: test\n\n",
     [(M, "test", "")] * 2),
    ("CR and CRLF", b"data: a\rdata: b\r\ndata: c\n\r\n\r\ndata: d\r\r",
     [(M, "a\nb\nc", ""), (M, "d", "")]),
    ("a byte order mark", b"\xef\xbb\xbfdata: 1\n\n\xef\xbb\xbfdata: 2\n\n"
     b"data: 3\n\n", [(M, "1", ""), (M, "3", "")]),
    ("two byte order marks", b"\xef\xbb\xbf\xef\xbb\xbfdata: 1\n\n", []),
    ("event names", b"event: a\ndata: 1\n\ndata: 2\n\nevent:\ndata: 3\n\n"
     b"event: x\n\ndata: 4\n\n",
     [("a", "1", ""), (M, "2", ""), (M, "3", ""), (M, "4", "")]),
    ("an id stays", b"id: 1\ndata: a\n\ndata: b\n\nid: 2\n\ndata: c\n\n",
     [(M, "a", "1"), (M, "b", "1"), (M, "c", "2")]),
    ("an id with NUL", b"id: 1\ndata: a\n\nid: 2\0\ndata: b\n\n",
     [(M, "a", "1"), (M, "b", "1")]),
    ("unknown fields", b"Data: x\nfoo: y\ndata : z\n data: q\ndata: a\n\n",
     [(M, "a", "")]),
    ("no end", b"data: a\n\ndata: b\n", [(M, "a", "")]),
    ("UTF-8", "data: é€😀\n\n".encode(), [(M, "é€😀", "")]),
    ("not UTF-8", b"data: a\xffb\n\n", [(M, "a\ufffdb", "")]),
    ("NUL in data", b"data: a\0b\n\n", [(M, "a\0b", "")]),
)

RETRIES = ((b"retry: 5\n", 5), (b"retry:03\n", 3), (b"retry: 5x\n", None),
           (b"retry: -5\n", None), (b"retry:\n", None),
           ("retry: ٣\n".encode(), None))


def _seen(parts):
    parser = sse.Parser()
    for part in parts:
        parser.feed(part)
    return [(e.type, e.data, e.id) for e in parser.events]


def streams(tap, _place):
    for name, text, want in STREAMS:
        tap.eq(_seen([text]), want, name)
        tap.eq(_seen([text[i:i + 1] for i in range(len(text))]), want,
               f"{name}, byte by byte")
        halves = [_seen([text[:i], text[i:]]) for i in range(len(text))]
        tap.ok(all(half == want for half in halves),
               f"{name}, cut anywhere", halves)


def what_is_no_event(tap, _place):
    for text, want in RETRIES:
        parser = sse.Parser()
        parser.feed(text)
        tap.eq(parser.retry, want, f"{text!r}")
    parser = sse.Parser("before")
    tap.eq(parser.last_event_id, "before", "an id is kept from before")
    parser.feed(b": one\n:\nid: 7\n")
    tap.eq(parser.last_event_id, "before", "an id counts from its block's end")
    parser.feed(b"\n")
    tap.eq((parser.last_event_id, [p[0] for p in parser.primings]),
           ("7", ["7"]), "an id alone is no event, but counts")
    tap.eq([c[0] for c in parser.comments], [" one", ""], "comments")


def bodies(tap, _place):
    chunked = b"3\r\nabc\r\n1;x=y\r\nd\r\n0\r\n\r\n"
    for name, step in (("at once", len(chunked)), ("byte by byte", 1)):
        body = web.Body({"transfer-encoding": "chunked"})
        text = b"".join(body.feed(chunked[i:i + step])
                        for i in range(0, len(chunked), step))
        tap.eq((text, body.done), (b"abcd", True), f"chunks, {name}")
    body = web.Body({"transfer-encoding": "chunked"})
    body.feed(chunked[:-5])
    body.end_of_file()
    tap.eq(body.done, False, "without the last chunk it is no clean end")
    body = web.Body({"content-length": "3"})
    tap.eq((body.feed(b"ab"), body.done), (b"ab", False), "a length")
    tap.eq((body.feed(b"cd"), body.done), (b"c", True), "and its end")
    body = web.Body({})
    body.feed(b"x")
    body.end_of_file()
    tap.eq(body.done, True, "neither: the connection's end is the end")


TESTS = (streams, what_is_no_event, bodies)
