# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""A redis-server of the test's own, and crierd as nodes at it."""

import os
import shutil
import signal
import socket

from lib import bench, proc
from lib.daemon import Crierd

IS_THERE = shutil.which("redis-server") is not None


class Redis:
    """On a Unix socket; settings are more of its command line, env of its
    environment."""

    def __init__(self, place, *settings, name="redis", env=None):
        self.place = place
        self.name = name
        self.dir = place.make_dir(name)
        self.path = os.path.join(self.dir, "redis.sock")
        self.log = place.path(f"{name}.log")
        self.settings = list(settings)
        self.env = {**os.environ, **(env or {})}
        self.proc = None
        place.own(self)

    def start(self, is_awaited=True):
        if os.path.exists(self.path):
            os.unlink(self.path)  # of one that was killed
        self.proc = proc.Proc(
            ["redis-server", "--port", "0", "--unixsocket", self.path,
             "--unixsocketperm", "777", "--dir", self.dir, "--save", "",
             *self.settings], self.log, env=self.env)
        if is_awaited:
            proc.wait_for(self.is_up, "redis-server answers")
        return self

    def is_up(self):
        if not proc.can_connect(self.path):
            return False
        try:
            with self.connect() as connection:
                return not str(connection.ask("PING")).startswith("LOADING")
        except ConnectionError:  # it takes one, and still has the last one
            return False

    def kill(self):
        self.proc.stop(signal.SIGKILL)

    def send(self, number):
        os.kill(self.proc.pid, number)

    def destroy(self):
        if self.proc is not None:
            self.proc.destroy()

    def connect(self):
        return Connection(self.path)

    def ask(self, *words):
        with self.connect() as connection:
            return connection.ask(*words)

    def url(self, more=""):
        return f"redis+unix://{self.path}{more}"

    def __str__(self):
        return self.name


class Connection:
    """Commands, and their replies: bytes, numbers, lists, None; a status or
    an error is a text."""

    def __init__(self, address):
        """address: a path of a Unix socket, or a TCP port of this host."""
        if isinstance(address, str):
            self.socket = socket.socket(socket.AF_UNIX)
        else:
            self.socket = socket.socket()
            address = ("127.0.0.1", address)
        self.socket.settimeout(20 * proc.SLOW)
        self.socket.connect(address)
        self.file = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self.close()

    def close(self):
        self.file.close()
        self.socket.close()

    def _reply(self):
        line = self.file.readline()[:-2]
        kind, rest = line[:1], line[1:]
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(
                int(rest) + 2)[:-2]
        if kind == b"*":
            return None if rest == b"-1" else [
                self._reply() for _ in range(int(rest))]
        return int(rest) if kind == b":" else rest.decode()

    def ask(self, *words):
        words = [word if isinstance(word, bytes) else str(word).encode()
                 for word in words]
        self.socket.sendall(b"*%d\r\n" % len(words) + b"".join(
            b"$%d\r\n%s\r\n" % (len(word), word) for word in words))
        return self._reply()


class Node(Crierd):
    """One of several crierd, each with sockets of its own."""

    def __init__(self, place, name, url, options=(), config=""):
        super().__init__(place, ["store=" + url, "drain-time=0", *options],
                         config)
        self.name = name
        folder = place.make_dir(name)
        place.logs.remove(self.log)
        self.log = place.log(f"{name}.log")
        self.listen = os.path.join(folder, "fcgi.sock")
        self.queue = os.path.join(folder, "queue.sock")
        self.fifo = os.path.join(folder, "queue.fifo")
        self.config = place.write(f"{name}.conf", config)

    def store(self):
        return self.status()["store"]

    def wait_state(self, *states):
        proc.wait_for(lambda: self.store()["state"] in states,
                      f"{self.name} is {states}")
        return self

    def __str__(self):
        return self.name


def needs_redis(function):
    """A test function(tap, place) that starts its redis-server itself."""
    def test(tap, place):
        if not IS_THERE:
            tap.skip(function.__name__, "no redis-server")
            return
        function(tap, place)

    test.__name__ = function.__name__
    test.__doc__ = function.__doc__
    return test


def example_user(place, redis):
    """Makes the user of conf/redis: its name, and the options of a crierd that
    logs in as it."""
    path = os.path.join(bench.SRCDIR, "conf", "redis", "crier.acl")
    with open(path, encoding="utf-8") as file:
        (words,) = [line.split() for line in file if line[0] != "#"]
    rules = [word.replace("PASSWORD", "secret") for word in words[2:]]
    assert redis.ask("ACL", "SETUSER", words[1], *rules) == "OK"
    return words[1], ["store-password-file=" +
                      password_file(place, "secret")]


def password_file(place, text):
    """One that crierd takes."""
    path = place.write("password", text + "\n")
    os.chmod(path, 0o640)
    os.chown(path, os.getuid(), os.stat(place.run).st_gid)
    return path


def on_redis(*settings):
    """A test function(tap, place, redis) with a redis-server of its own."""
    def decorate(function):
        def test(tap, place):
            if not IS_THERE:
                tap.skip(function.__name__, "no redis-server")
                return
            function(tap, place, Redis(place, *settings).start())

        test.__name__ = function.__name__
        test.__doc__ = function.__doc__
        return test
    return decorate


def over_redis(function, *settings):
    """A test that has its crierd's history in a Redis."""
    def test(tap, place):
        if not IS_THERE:
            tap.skip(function.__name__, "no redis-server")
            return
        place.store = Redis(place, *settings).start().url()
        function(tap, place)

    test.__name__ = function.__name__
    test.__doc__ = function.__doc__
    return test
