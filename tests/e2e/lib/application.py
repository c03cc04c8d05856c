# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""A FastCGI application in crierd's place, that shows what reaches it."""

import os
import socket

from lib import bench, fcgi, proc

ANSWER = (b"Status: 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
          b"id: 1-0\n\n")


class Request:
    """All of one request's records."""

    def __init__(self):
        self.keep = False
        self.params = b""
        self.body = b""
        self.kinds = []

    @property
    def variables(self):
        found = {}
        left = self.params
        while left:
            name_length, left = _take_length(left)
            value_length, left = _take_length(left)
            name = left[:name_length].decode("latin-1")
            left = left[name_length:]
            found[name] = left[:value_length].decode("latin-1")
            left = left[value_length:]
        return found


def _take_length(octets):
    if octets[0] < 128:
        return octets[0], octets[1:]
    return (int.from_bytes(octets[:4], "big") & 0x7fffffff), octets[4:]


class Application:
    """Answers one request after the other, each with an empty stream.

    It has what a web server's configuration needs to know of a crierd.
    """

    def __init__(self, place):
        self.listen = os.path.join(place.run, "fcgi.sock")
        self.queue = os.path.join(place.run, "queue.sock")
        self.config = "/dev/null"
        self.requests = []
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(self.listen)
        os.chmod(self.listen, 0o666)
        self.socket.listen(8)
        self.stopped = False
        place.own(self)
        self.thread = bench.Thread(self._run)

    def _run(self):
        while True:
            connection, _address = self.socket.accept()
            with connection:
                if self.stopped:
                    return
                connection.settimeout(10 * proc.SLOW)
                try:
                    self._serve(connection)
                except ConnectionError:
                    pass  # the client has left

    def _serve(self, connection):
        request = Request()
        stream = connection.makefile("rb")
        while True:
            header = stream.read(fcgi.HEADER.size)
            if not header:
                return  # somebody who only looked whether we are there
            _v, kind, number, length, padding = fcgi.HEADER.unpack(header)
            content = stream.read(length)
            stream.read(padding)
            request.kinds.append(kind)
            if kind == fcgi.BEGIN:
                request.keep = bool(content[2] & 1)
            elif kind == fcgi.PARAMS:
                request.params += content
            elif kind == fcgi.STDIN:
                request.body += content
                if not content:
                    break
        self.requests.append(request)
        self.answer(connection, number)

    def answer(self, connection, number):
        connection.sendall(fcgi.record(fcgi.STDOUT, ANSWER, number)
                           + fcgi.record(fcgi.STDOUT, b"", number)
                           + fcgi.record(fcgi.END, bytes(8), number))

    def destroy(self):
        self.stopped = True
        with socket.socket(socket.AF_UNIX) as last:
            last.connect(self.listen)
        self.thread.finish()
        self.socket.close()


PASS_HEAD = (b"Status: 200 OK\r\nContent-Type: text/event-stream\r\n"
             b"X-Crier-Pass: 1\r\n\r\n")
CLIENT = 64


class TakingApplication(Application):
    """Does with the clients' sockets what a test says: the name in does."""

    def __init__(self, place):
        self.does = "take"
        self.taken = []
        self.kept = []
        self.declined = 0
        super().__init__(place)

    def answer(self, connection, number):
        may = self.requests[-1].variables.get("CRIER_PASS") == "1"
        if not may:
            super().answer(connection, number)
            return
        connection.sendall(fcgi.record(fcgi.STDOUT, PASS_HEAD, number))
        octets, numbers, _flags, _address = socket.recv_fds(
            connection, fcgi.HEADER.size, 1)
        kind = fcgi.HEADER.unpack(octets)[1]
        if kind != CLIENT:
            raise AssertionError(f"record {kind}, {len(numbers)} descriptors")
        if not numbers:
            self.declined += 1
            self.go_on(connection, number)
            return
        client = socket.socket(fileno=numbers[0])
        getattr(self, self.does)(connection, number, client)

    def take(self, connection, number, client):
        connection.sendall(fcgi.record(fcgi.END, b"\0\0\0\1" + bytes(4),
                                       number))
        self.taken.append(client)
        client.sendall(b"id: 1-0\n\n")

    def refuse(self, connection, number, client):
        client.close()
        self.go_on(connection, number)

    @staticmethod
    def go_on(connection, number):
        connection.sendall(
            fcgi.record(fcgi.STDOUT, b"id: 2-0\n\ndata: refused\n\n", number)
            + fcgi.record(fcgi.STDOUT, b"", number)
            + fcgi.record(fcgi.END, bytes(8), number))

    def end(self, connection, number, client):
        client.close()
        connection.sendall(fcgi.record(fcgi.END, bytes(8), number))

    def die(self, _connection, _number, client):
        client.close()

    def say_nothing(self, connection, _number, client):
        self.kept.append((client, connection.dup()))
