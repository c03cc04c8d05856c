# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""HTTP/1.1 by hand: what arrives is seen when it arrives (RFC 9112)."""

import json
import select
import socket
import ssl
import time

from lib import proc, sse


# What an EventSource says that it takes (WHATWG HTML, 9.2.2).
ACCEPT = {"Accept": "text/event-stream"}
# Ports at which TLS is spoken: what their clients connect with.
TLS = {}


class Broken(AssertionError):
    """The answer is not HTTP as it should be."""


class Body:
    """Decodes a body by its transfer coding; done after a clean end."""

    def __init__(self, headers, method="GET", status=200):
        self.done = False
        self._raw = b""
        self._left = None
        self._chunked = "chunked" in headers.get("transfer-encoding", "")
        if method == "HEAD" or status in (204, 304):
            self.done = True
        elif not self._chunked and "content-length" in headers:
            self._left = int(headers["content-length"])
            self.done = self._left == 0

    def feed(self, octets):
        if self._chunked:
            return self._feed_chunked(octets)
        if self._left is not None:
            octets = octets[:self._left]
            self._left -= len(octets)
            self.done = self._left == 0
        return octets

    def _feed_chunked(self, octets):
        self._raw += octets
        out = []
        while not self.done:
            end = self._raw.find(b"\r\n")
            if end < 0:
                break
            size = int(self._raw[:end].split(b";")[0], 16)
            if len(self._raw) < end + 2 + size + 2:
                break
            out.append(self._raw[end + 2:end + 2 + size])
            if self._raw[end + 2 + size:end + 4 + size] != b"\r\n":
                raise Broken("a chunk does not end with CRLF")
            self._raw = self._raw[end + 4 + size:]
            self.done = size == 0
        return b"".join(out)

    def end_of_file(self):
        """The connection was closed: without framing, that is the end."""
        if not self._chunked and self._left is None:
            self.done = True


def parse_head(raw):
    """(status, {lower-case name: value}) of a response's head."""
    lines = raw.decode("latin-1").split("\r\n")
    words = lines[0].split(" ", 2)
    if len(words) < 2 or not words[0].startswith("HTTP/1."):
        raise Broken(f"not a status line: {lines[0]!r}")
    headers = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon:
            raise Broken(f"not a header line: {line!r}")
        name = name.lower()
        value = value.strip()
        if name in headers:
            value = headers[name] + ", " + value
        headers[name] = value
    return int(words[1]), headers


def build_request(target, method="GET", headers=None, body=None,
                  host="localhost"):
    if isinstance(target, str):
        target = target.encode()
    lines = [method.encode() + b" " + target + b" HTTP/1.1",
             b"Host: " + host.encode()]
    if body is not None:
        lines.append(b"Content-Length: %d" % len(body))
    for name, value in (headers or {}).items():
        lines.append(f"{name}: {value}".encode())
    return b"\r\n".join(lines) + b"\r\n\r\n" + (body or b"")


class Exchange(sse.Waiting):
    """One request and its response, an event stream or anything else."""

    def __init__(self, port, target, method="GET", headers=None, body=None,
                 rcvbuf=None, last_event_id=""):
        headers = self._begin(method, headers, last_event_id)
        self.socket = socket.socket()
        if rcvbuf:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF,
                                   rcvbuf)
        self.socket.settimeout(10 * proc.SLOW)
        self.socket.connect(("127.0.0.1", port))
        if port in TLS:
            self.socket = TLS[port].wrap_socket(self.socket)
        self.sent_at = time.monotonic()
        self.socket.sendall(build_request(target, method, headers, body))
        self.socket.setblocking(False)

    def _begin(self, method, headers, last_event_id):
        """Set what nothing has come of yet; returns the request's headers."""
        self.method = method
        self.status = None
        self.headers = {}
        self.raw = b""
        self.received = 0
        self.ended = False
        self.clean = False
        self.head_at = None
        self.body = None
        self.parser = sse.Parser(last_event_id)
        self._head = b""
        headers = dict(headers or {})
        if last_event_id:
            headers["Last-Event-ID"] = last_event_id
        return headers

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self.close()

    @property
    def events(self):
        return self.parser.events

    def fileno(self):
        return self.socket.fileno()

    def close(self):
        self.socket.close()
        self.ended = True

    def reset(self):
        """Leave with a RST, as a client whose machine is gone."""
        linger = b"\1\0\0\0\0\0\0\0"
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.close()

    def pump(self, limit=1 << 20):
        """Take what is there without waiting; False after the end."""
        if self.ended:
            return False
        try:
            octets = self._receive(limit)
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except OSError:
            octets = b""
        if octets:
            self._take(octets)
        else:
            if self.body:
                self.body.end_of_file()
            self._end()
        return not self.ended

    def _receive(self, limit):
        octets = self.socket.recv(limit)
        # What TLS has decrypted, no select() tells of.
        while (octets and isinstance(self.socket, ssl.SSLSocket)
               and self.socket.pending() and len(octets) < limit):
            octets += self.socket.recv(limit - len(octets))
        return octets

    def _end(self):
        self.clean = bool(self.body and self.body.done)
        self.ended = True
        self.socket.close()

    def _take(self, octets):
        if self.body is None:
            self._head += octets
            while self.body is None and b"\r\n\r\n" in self._head:
                head, _gap, self._head = self._head.partition(b"\r\n\r\n")
                self.status, self.headers = parse_head(head)
                self.head_at = time.monotonic()
                if self.status >= 200:
                    self.body = Body(self.headers, self.method, self.status)
            if self.body is None:
                return
            octets, self._head = self._head, b""
        octets = self.body.feed(octets)
        self.received += len(octets)
        if len(self.raw) < 100000:
            self.raw += octets
        self.parser.feed(octets)
        if self.body.done:
            self._end()

    def wait(self, condition, what, seconds=15):
        """Read until the condition holds; an end without it is an error."""
        end = time.monotonic() + seconds * proc.SLOW
        while not condition():
            left = end - time.monotonic()
            if left <= 0:
                raise proc.Late(f"not within {seconds * proc.SLOW:g} s: "
                                f"{what}; status {self.status}, body "
                                f"{self.raw[-300:]!r}")
            if self.ended:
                raise proc.Late(f"the response ended before: {what}; "
                                f"status {self.status}, "
                                f"body {self.raw[-300:]!r}")
            select.select([self.socket], [], [], min(left, 0.5))
            self.pump()
        return self

    def wait_head(self):
        return self.wait(lambda: self.body is not None, "a response's head")

    def quiet_for(self, seconds):
        """Read that long; True when no event came."""
        before = len(self.events)
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self.ended:
            select.select([self.socket], [], [], 0.02)
            self.pump()
        return len(self.events) == before

    def json(self):
        return json.loads(self.raw.decode())


def fetch(port, target, **more):
    """A whole exchange, read to its end."""
    with Exchange(port, target, **more) as exchange:
        return exchange.wait_end()
