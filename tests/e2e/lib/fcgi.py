# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""A small FastCGI client, to speak with crierd without a web server."""

import select
import socket
import struct
import time

from lib import proc, sse

BEGIN, ABORT, END, PARAMS, STDIN, STDOUT, STDERR = range(1, 8)
HEADER = struct.Struct("!BBHHBx")


def record(kind, content, request_id=1):
    padding = -len(content) % 8
    return (HEADER.pack(1, kind, request_id, len(content), padding)
            + content + b"\0" * padding)


def _length(number):
    if number < 128:
        return bytes([number])
    return struct.pack("!I", number | 0x80000000)


def pairs(variables):
    out = b""
    for name, value in variables.items():
        name, value = name.encode(), str(value).encode()
        out += _length(len(name)) + _length(len(value)) + name + value
    return out


def request(target, method="GET", body=b"", keep=False, **more):
    path, _mark, query = target.partition("?")
    variables = {
        "REQUEST_METHOD": method, "REQUEST_URI": target,
        "SCRIPT_NAME": path, "QUERY_STRING": query,
        "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_LENGTH": str(len(body)) if body else "", **more}
    begin = struct.pack("!HB5x", 1, 1 if keep else 0)
    out = record(BEGIN, begin) + record(PARAMS, pairs(variables))
    out += record(PARAMS, b"")
    for start in range(0, len(body), 65000):
        out += record(STDIN, body[start:start + 65000])
    return out + record(STDIN, b"")


class Direct(sse.Waiting):
    """One request on a connection of its own to crierd's socket."""

    def __init__(self, path, target, **more):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(10 * proc.SLOW)
        self.socket.connect(path)
        self.socket.sendall(request(target, **more))
        self.socket.setblocking(False)
        self.parser = sse.Parser()
        self.head = None
        self.raw = b""
        self.protocol_status = None
        self.closed = False
        self._input = b""
        self._output = b""

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self.close()

    def close(self):
        self.socket.close()

    def send_again(self, target, **more):
        """The next request on the same, kept connection."""
        self.head, self.raw, self._output = None, b"", b""
        self.protocol_status = None
        self.parser = sse.Parser()
        self.socket.sendall(request(target, **more))

    @property
    def events(self):
        return self.parser.events

    @property
    def status(self):
        """The HTTP status: that of Status:, else 200."""
        for line in (self.head or b"").split(b"\r\n"):
            if line.lower().startswith(b"status:"):
                return int(line.split()[1])
        return 200 if self.head is not None else None

    def pump(self):
        try:
            octets = self.socket.recv(1 << 20)
        except BlockingIOError:
            return
        except OSError:
            octets = b""
        if not octets:
            self.closed = True
        self._input += octets
        self._take_records()

    def _take_records(self):
        while len(self._input) >= 8:
            _v, kind, _id, length, padding = HEADER.unpack(self._input[:8])
            if len(self._input) < 8 + length + padding:
                return
            content = self._input[8:8 + length]
            self._input = self._input[8 + length + padding:]
            if kind == STDOUT:
                self._take_output(content)
            elif kind == END:
                self.protocol_status = content[4]

    def _take_output(self, content):
        if self.head is None:
            self._output += content
            if b"\r\n\r\n" not in self._output:
                return
            self.head, _gap, content = self._output.partition(b"\r\n\r\n")
        self.raw += content
        self.parser.feed(content)

    @property
    def ended(self):
        return self.closed or self.protocol_status is not None

    def wait(self, condition, what, seconds=15):
        end = time.monotonic() + seconds * proc.SLOW
        while not condition():
            if self.ended or time.monotonic() > end:
                raise proc.Late(f"{'ended' if self.ended else 'late'}: "
                                f"{what}; {self.head!r} {self.raw[-300:]!r}")
            select.select([self.socket], [], [], 0.2)
            self.pump()
        return self
