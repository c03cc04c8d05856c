# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""Servers on a TCP port that say what a test likes, or nothing, or that pass
on what they get until they are cut off."""

import socket
import threading

from lib import proc


class _Port:
    """Takes connections in a thread; each is served by one of its own."""

    def __init__(self, place):
        self.port = proc.free_port()
        self.listener = None
        self.connections = set()
        place.own(self)

    def start(self):
        self.listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=(self.listener,),
                         daemon=True).start()
        return self

    def _accept(self, listener):
        while True:
            try:
                connection, _address = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,),
                             daemon=True).start()

    def _serve(self, connection):
        self.connections.add(connection)
        try:
            self.serve(connection)
        except OSError:
            pass
        finally:
            self.connections.discard(connection)
            connection.close()

    def serve(self, connection):
        raise NotImplementedError

    def cut(self):
        """Nothing listens any more, and all connections end."""
        if self.listener is not None:
            self.listener.shutdown(socket.SHUT_RDWR)
            self.listener.close()
            self.listener = None
        for connection in list(self.connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    destroy = cut


class Proxy(_Port):
    """To another port of this host."""

    def __init__(self, place, to):
        super().__init__(place)
        self.to = to

    def serve(self, connection):
        with socket.create_connection(("127.0.0.1", self.to)) as other:
            self.connections.add(other)
            back = threading.Thread(target=self._copy,
                                    args=(other, connection), daemon=True)
            back.start()
            self._copy(connection, other)
            back.join()
            self.connections.discard(other)

    @staticmethod
    def _copy(source, target):
        try:
            while data := source.recv(65536):
                target.sendall(data)
        except OSError:
            pass
        for one in (source, target):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class FakeRedis(_Port):
    """answers: of a command's first word in capitals, the bytes of its reply;
    b"" is no reply; "" is that of all others.  A function gives the parts of
    one, in turn."""

    def __init__(self, place, answers):
        super().__init__(place)
        self.answers = answers

    def serve(self, connection):
        file = connection.makefile("rb")
        while line := file.readline():
            words = []
            for _ in range(int(line[1:])):
                length = int(file.readline()[1:])
                words.append(file.read(length + 2)[:-2])
            word = words[0].decode().upper()
            answer = self.answers.get(word, self.answers[""])
            for part in answer() if callable(answer) else [answer]:
                connection.sendall(part)


def array(*words):
    """The bytes of a reply."""
    words = [str(word).encode() for word in words]
    return b"*%d\r\n" % len(words) + b"".join(
        b"$%d\r\n%s\r\n" % (len(word), word) for word in words)


def text(words):
    return b"$%d\r\n%s\r\n" % (len(words), words.encode())


class FakeSentinel(FakeRedis):
    """Names a port of this host as the master, or says other bytes."""

    def __init__(self, place, says):
        super().__init__(place, {"": b"-ERR unknown command\r\n"})
        self.say(says)

    def say(self, says):
        self.answers["SENTINEL"] = (
            array("127.0.0.1", says) if isinstance(says, int) else says)
