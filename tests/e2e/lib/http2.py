# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""HTTP/2 by hand: many requests on one connection (RFC 9113)."""

import collections
import select
import socket
import ssl
import struct
import time

from lib import proc, web

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY = 0, 1, 3, 4, 6, 7
WINDOW_UPDATE = 8
END_STREAM, END_HEADERS, ACK = 1, 4, 1
MAX_CONCURRENT_STREAMS = 3
WINDOW = 1 << 30


def _frame(kind, flags, stream, payload=b""):
    return (struct.pack("!I", len(payload))[1:] + bytes((kind, flags))
            + struct.pack("!I", stream) + payload)


def _field(name, value):
    """A literal field that is not indexed (RFC 7541, 6.2.2)."""
    def text(octets):
        if len(octets) > 126:
            raise ValueError("a name or a value that is too long for us")
        return bytes((len(octets),)) + octets
    return b"\0" + text(name.encode()) + text(value.encode())


class Connection:
    """One connection; each request gets a number, 1, 3, 5, ..."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port),
                                               10 * proc.SLOW)
        context = web.TLS.get(port)
        if context:
            context.set_alpn_protocols(["h2"])
            self.socket = context.wrap_socket(self.socket)
        self.bodies = collections.defaultdict(bytes)
        self.ended = set()
        self.granted = None  # how many requests at a time, if it says so
        self._next = 1
        self._raw = b""
        self.socket.sendall(PREFACE + _frame(SETTINGS, 0, 0)
                            + _frame(WINDOW_UPDATE, 0, 0,
                                     struct.pack("!I", WINDOW)))

    def request(self, target, accept="*/*"):
        """Ask; the number of the request."""
        number = self._next
        self._next += 2
        fields = ((":method", "GET"), (":scheme", "http"),
                  (":authority", "localhost"), (":path", target),
                  ("accept", accept))
        self.socket.sendall(_frame(
            HEADERS, END_STREAM | END_HEADERS, number,
            b"".join(_field(*field) for field in fields)))
        return number

    def cancel(self, number):
        """As a browser does whose EventSource is closed."""
        self.socket.sendall(_frame(RST_STREAM, 0, number,
                                   struct.pack("!I", 8)))

    def wait(self, condition, seconds):
        """Read until the condition holds, or not; whether it does."""
        end = time.monotonic() + seconds
        while not condition():
            left = end - time.monotonic()
            if left <= 0:
                return False
            if self._is_decrypted() or select.select(
                    [self.socket], [], [], left)[0]:
                self._read()
        return True

    def _is_decrypted(self):
        """Whether TLS has taken more off the wire than was read."""
        return isinstance(self.socket, ssl.SSLSocket) and \
            self.socket.pending() > 0

    def _read(self):
        octets = self.socket.recv(1 << 16)
        if not octets:
            raise proc.Late("the connection was closed")
        self._raw += octets
        while len(self._raw) >= 9:
            length = int.from_bytes(self._raw[:3], "big")
            if len(self._raw) < 9 + length:
                return
            kind, flags = self._raw[3:5]
            stream = int.from_bytes(self._raw[5:9], "big") & 0x7fffffff
            payload = self._raw[9:9 + length]
            self._raw = self._raw[9 + length:]
            self._take(kind, flags, stream, payload)

    def _take(self, kind, flags, stream, payload):
        if kind == DATA:
            self.bodies[stream] += payload
        elif kind == SETTINGS and not flags & ACK:
            for at in range(0, len(payload), 6):
                name, value = struct.unpack("!HI", payload[at:at + 6])
                if name == MAX_CONCURRENT_STREAMS:
                    self.granted = value
            self.socket.sendall(_frame(SETTINGS, ACK, 0))
        elif kind == PING and not flags & ACK:
            self.socket.sendall(_frame(PING, ACK, 0, payload))
        if kind == RST_STREAM or (kind in (DATA, HEADERS)
                                  and flags & END_STREAM):
            self.ended.add(stream)

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self.close()
