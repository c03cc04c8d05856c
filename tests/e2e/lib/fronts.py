# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""The ways a request comes to crierd: to the hub's own door, to a door in
another process, to a CGI program."""

import json
import os
import socket
import subprocess

from lib import bench, daemon, fcgi, proc

TYPES = {"form": "application/x-www-form-urlencoded",
         "json": "application/json", "text": "text/plain"}


def by_each(function, *fronts):
    """The tests of a function of a tap, a place and one of the fronts."""
    def test_of(front):
        def test(tap, place):
            function(tap, place, front)
        test.__name__ = f"{function.__name__}_{front.name}"
        return test, f"{function.__name__.replace('_', ' ')} ({front.name})"
    return tuple(test_of(front) for front in fronts or FRONTS.values())


def headers_of(answer):
    """{lower-case name: value}; a name that is there twice fails."""
    found = {}
    for line in (answer.head or b"").decode("latin-1").split("\r\n"):
        name, colon, value = line.partition(": ")
        if not colon or name.lower() in found:
            raise AssertionError(f"not a header, or again: {line!r}")
        found[name.lower()] = value
    return found


def variables(target, method="GET", body=b"", kind=None, **more):
    """The arguments of fcgi.request; kind is a key of TYPES, or a type."""
    if kind is not None:
        more["CONTENT_TYPE"] = TYPES.get(kind, kind)
    if isinstance(body, (dict, list)):
        body = json.dumps(body).encode()
    return {"target": target, "method": method, "body": body, **more}


class Front:
    """A hub, and its own door."""

    name = "hub"

    def __init__(self, place, config="", options=(), crierd=None):
        self.place = place
        self.crierd = crierd or daemon.Crierd(place, options, config).start()
        self.path = self.crierd.listen
        self.set_up()

    def set_up(self):
        pass

    def log_text(self):
        """The log of whoever gets the requests."""
        return self.crierd.log_text()

    def open(self, target, method="GET", **more):
        return fcgi.Direct(self.path, **variables(target, method, **more))

    def fetch(self, target, method="GET", **more):
        """A whole answer."""
        with self.open(target, method, **more) as answer:
            answer.wait_end()
        return answer

    def post(self, target, body, kind="form", **more):
        return self.fetch(target, "POST", body=body, kind=kind, **more)


class Door(Front):
    """A spawned crierd, whose hub is another process."""

    name = "door"

    def set_up(self):
        self.path = os.path.join(self.place.run, "door.sock")
        self.log = self.place.log("door.log")
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(self.path)
        listener.listen(64)
        words = bench.CRIERD + ["-c", self.crierd.config]
        if bench.IS_ROOT:
            words += ["-o", "user=" + bench.server_user().pw_name]
        self.proc = proc.Proc(
            words, self.log, stdin=listener,
            env={**os.environ, "CRIER_QUEUE": self.crierd.queue})
        listener.close()
        self.place.own(self)
        proc.wait_for(lambda: "a door to the hub" in self.log_text(),
                      "the spawned one is a door")

    def log_text(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return log.read()

    def destroy(self):
        try:
            if self.proc.stop() != 0:
                raise AssertionError(f"status {self.proc.status()}")
        finally:
            self.proc.destroy()

    def __str__(self):
        return "the door"


class Cgi(Front):
    """A program for each request, its standard output a pipe."""

    name = "CGI"

    def set_up(self):
        self.log = self.place.log("cgi.log")
        open(self.log, "ab").close()

    def log_text(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return log.read()

    def open(self, target, method="GET", **more):
        return Program(self, **variables(target, method, **more))


FRONTS = {front.name: front for front in (Front, Door, Cgi)}


class Pipe:
    """The end of a pipe that is read, as far as a socket is needed."""

    def __init__(self, descriptor):
        os.set_blocking(descriptor, False)
        self.descriptor = descriptor

    def fileno(self):
        return self.descriptor

    def recv(self, count):
        return os.read(self.descriptor, count)

    def close(self):
        if self.descriptor != -1:
            os.close(self.descriptor)
        self.descriptor = -1


class Program(fcgi.Direct):
    """A CGI request; what it answers is read as from crierd's socket."""

    def __init__(self, front, target, method="GET", body=b"", script=None,
                 **more):
        path, _mark, query = target.partition("?")
        env = {"PATH": os.environ["PATH"], "GATEWAY_INTERFACE": "CGI/1.1",
               "REQUEST_METHOD": method, "REQUEST_URI": target,
               "SCRIPT_NAME": path, "QUERY_STRING": query,
               "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "127.0.0.1",
               "CONTENT_LENGTH": str(len(body)) if body else "",
               "CRIER_CONF": front.crierd.config,
               "CRIER_QUEUE": front.crierd.queue, **more}
        if script:
            env["SCRIPT_FILENAME"] = script
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"):
            if name in os.environ:
                env[name] = os.environ[name]
        out, its_own = os.pipe()
        who = {}
        if bench.IS_ROOT:
            user = bench.server_user()
            who = {"user": user.pw_uid, "group": user.pw_gid,
                   "extra_groups": []}
        with open(front.log, "ab") as log:
            done = subprocess.run(bench.CRIERD, input=body, stdout=its_own,
                                  stderr=log, env=env, check=False,
                                  timeout=30 * proc.SLOW, **who)
        os.close(its_own)
        self.exit_status = done.returncode
        self.socket = Pipe(out)
        self.parser = fcgi.sse.Parser()
        self.head = None
        self.raw = b""
        self.protocol_status = None
        self.closed = False
        self._output = b""

    def pump(self):
        try:
            octets = self.socket.recv(1 << 20)
        except BlockingIOError:
            return
        if not octets:
            self.closed = True
        self._take_output(octets)

