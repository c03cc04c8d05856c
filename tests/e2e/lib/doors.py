# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""Doors without a web server: spawned processes, and CGI programs."""

import json
import os
import pwd
import select
import shutil
import signal
import socket
import subprocess
import time

from lib import bench, daemon, fcgi, proc, sse


def install(place):
    """A crierd that every user can run; its path."""
    folder = place.path("bin")
    program = os.path.join(folder, "crierd")
    if not os.path.exists(program):
        os.mkdir(folder)
        os.chmod(folder, 0o755)
        shutil.copy(bench.CRIERD[-1], program)
        os.chmod(program, 0o755)
    return program


def account(user=None):
    """What makes Popen's child the web server's user, if we are root."""
    if not bench.IS_ROOT:
        return {}
    found = pwd.getpwnam(user) if user else bench.server_user()
    return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}


class Hub(daemon.Crierd):
    """Whoever serves the bench's queue; no process of its own."""

    def __init__(self, place, config="", queue=None):
        super().__init__(place, config=config, user=False)
        if queue:
            self.queue = queue
        self.log = place.log(os.path.join(os.path.dirname(self.queue),
                                          "crierd.log"))
        place.own(self)

    def env(self, **more):
        return {"PATH": "/usr/bin:/bin", "CRIER_QUEUE": self.queue,
                "CRIER_CONF": self.config, "LSAN_OPTIONS":
                os.environ.get("LSAN_OPTIONS", ""), **more}

    def is_up(self):
        return proc.can_connect(self.queue)

    @property
    def pid(self):
        return self.status()["pid"]

    def try_status(self):
        """What it says of itself, or None while there is none."""
        try:
            with daemon.Queue(self.queue) as queue:
                return queue.ask({"do": "status"})
        except (OSError, AssertionError, ValueError):
            return None

    def send(self, number):
        pid = proc.wait_for(self.try_status, "a hub")["pid"]
        os.kill(pid, number)
        return pid

    def kill(self, number=signal.SIGKILL):
        pid = self.send(number)
        proc.wait_for(lambda: proc.is_gone(pid), f"the end of {pid}", 30)
        return pid

    def destroy(self):
        status = self.try_status()
        if status is None:
            return
        try:
            os.kill(status["pid"], signal.SIGTERM)
        except ProcessLookupError:
            return
        proc.wait_for(lambda: proc.is_gone(status["pid"]), "the hub's end", 30)

    def __str__(self):
        return "the hub"


class Spawned:
    """Several processes with one listening socket, as of a web server's.

    An ended one is not started again.
    """

    def __init__(self, hub, count, **env):
        place = hub.place
        self.listen = os.path.join(place.run, "doors.sock")
        program = install(place)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(self.listen)
        os.chmod(self.listen, 0o666)
        listener.listen(1024)
        self.log = place.log("spawned.log")
        self.processes = []
        with open(self.log, "ab") as log, listener:
            for _number in range(count):
                self.processes.append(subprocess.Popen(
                    [program], stdin=listener, stdout=log, stderr=log,
                    env=hub.env(**env), cwd="/", **account()))
        place.own(self)
        proc.wait_for(lambda: self.log_text().count(" is ready: ") == count,
                      f"{count} processes are ready")

    def pids(self):
        return [one.pid for one in self.processes if one.poll() is None]

    def log_text(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return log.read()

    def destroy(self):
        for one in self.processes:
            if one.poll() is None:
                one.send_signal(signal.SIGCONT)
                one.terminate()
        bad = [one.wait(30 * proc.SLOW) for one in self.processes]
        bad = [status for status in bad if status not in (0, -9)]
        if bad:
            raise AssertionError(f"status {bad}: " + proc.tail(self.log))

    def __str__(self):
        return "the spawned processes"


class Cgi:
    """A CGI program's request; all that comes out of its standard output."""

    def __init__(self, hub, target, user=None, ignore=(), **variables):
        path, _mark, query = target.partition("?")
        env = hub.env(GATEWAY_INTERFACE="CGI/1.1", REQUEST_METHOD="GET",
                      REQUEST_URI=target, QUERY_STRING=query,
                      SCRIPT_NAME="/crier.cgi", PATH_INFO=path,
                      SERVER_PROTOCOL="HTTP/1.1", REMOTE_ADDR="192.0.2.1",
                      **variables)

        def prepare():
            for number in ignore:
                signal.signal(number, signal.SIG_IGN)

        ours, theirs = os.pipe()
        os.set_blocking(ours, False)
        self.fd = ours
        self.raw = b""
        self.closed = False
        self.parser = sse.Parser()
        self.log = hub.place.log("cgi.log")
        self.begun = time.monotonic()
        with open(self.log, "ab") as log:
            self.popen = subprocess.Popen(
                [install(hub.place)], env=env, stdin=subprocess.DEVNULL,
                stdout=theirs, stderr=log, cwd="/",
                preexec_fn=prepare if ignore else None, **account(user))
        os.close(theirs)

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self.close()

    def close(self):
        if self.fd != -1:
            os.close(self.fd)
        self.fd = -1
        self.popen.wait(60 * proc.SLOW)

    def pump(self):
        try:
            octets = os.read(self.fd, 1 << 16)
        except BlockingIOError:
            return
        self.closed = self.closed or not octets
        self.raw += octets
        self.parser.feed(octets)

    def wait(self, condition, what, seconds=30):
        end = time.monotonic() + seconds * proc.SLOW
        while not condition():
            if self.closed or time.monotonic() > end:
                raise proc.Late(f"{'ended' if self.closed else 'late'}: "
                                f"{what}; {self.raw!r}")
            poller = select.poll()
            poller.register(self.fd, select.POLLIN)
            poller.poll(200)
            self.pump()
        return self

    def wait_open(self):
        return self.wait(lambda: self.parser.primings, "the first id")

    def wait_events(self, count):
        return self.wait(lambda: len(self.parser.events) >= count,
                         f"{count} events")

    def wait_end(self, seconds=30):
        return self.wait(lambda: self.closed, "the end", seconds)

    @property
    def is_later(self):
        """Whether it was asked, by a 200, to come again."""
        return (self.raw.startswith(b"Status: 200") and not
                self.parser.primings and self.parser.retry is not None)


def handoff(channel, **more):
    """The line of a handoff."""
    return json.dumps({"do": "handoff", "framing": "cgi",
                       "head": "Status: 200 OK\r\n\r\n",
                       "channel": [channel], **more}).encode() + b"\n"


def hand_over(sock, line, *numbers):
    """A line and descriptors, in one message."""
    socket.send_fds(sock, [line], list(numbers))


def pipe_end(fd, seconds=20):
    """All that comes until the pipe's end, or None if that is late."""
    end = time.monotonic() + seconds * proc.SLOW
    out = b""
    while time.monotonic() < end:
        if select.select([fd], [], [], 0.2)[0]:
            octets = os.read(fd, 1 << 16)
            if not octets:
                return out
            out += octets
    return None


class Requester(fcgi.Direct):
    """A request whose connection may be closed at any moment."""

    def __init__(self, path, target, **more):
        while True:
            try:
                super().__init__(path, target, **more)
                return
            except (BrokenPipeError, ConnectionResetError):
                self.socket.close()  # it was a killed process's; again

    def pump(self):
        try:
            super().pump()
        except ValueError:  # what is no event stream
            self.closed = True
