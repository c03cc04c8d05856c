# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""Plays systemd: opens sockets and keeps them, passes them to one crierd
after another, and hears what those have to say (sd_listen_fds(3),
sd_notify(3))."""

import os
import select
import socket
import subprocess
import sys
import time

from lib import bench, proc

VARIABLES = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "NOTIFY_SOCKET",
             "WATCHDOG_PID", "WATCHDOG_USEC", "JOURNAL_STREAM")

# Becomes crierd, with the descriptors that the arguments name as 3, 4, ...
# Under numbers of their own first, lest one takes another's place.
BECOME = """
import fcntl, os, sys
count = int(sys.argv[1])
given = [fcntl.fcntl(int(word), fcntl.F_DUPFD, 100)
         for word in sys.argv[2:2 + count]]
for number, fd in enumerate(given):
    os.dup2(fd, 3 + number)
    os.close(fd)
if "LISTEN_FDS" in os.environ:
    os.environ.setdefault("LISTEN_PID", str(os.getpid()))
os.execvp(sys.argv[2 + count], sys.argv[2 + count:])
"""


def is_built_in():
    """Whether this crierd was built with libsystemd."""
    if bench.missing_programs():
        return True  # which is said later
    done = subprocess.run(bench.CRIERD + ["-V"], stdout=subprocess.PIPE,
                          check=True)
    return b"systemd: yes" in done.stdout


class Notice(dict):
    """NAME=VALUE lines of one message."""

    def __init__(self, octets):
        lines = octets.decode().splitlines()
        super().__init__(line.split("=", 1) for line in lines)
        self.at = time.monotonic()


class Manager:
    def __init__(self, place):
        self.place = place
        self.notices = []
        self.kept = []
        self.address = place.path("notify")
        self.ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.ear.bind(self.address)
        self.ear.setblocking(False)
        os.chmod(self.address, 0o666)
        place.own(self)

    def destroy(self):
        for fd in self.kept:
            os.close(fd)
        self.ear.close()

    def __str__(self):
        return "the manager"

    def keep(self, thing):
        """A descriptor of a socket's or number's own, closed at the end."""
        fd = thing if isinstance(thing, int) else thing.detach()
        self.kept.append(fd)
        return fd

    def listen(self, path, mode=0o666):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        os.chmod(path, mode)
        listener.listen(256)
        return self.keep(listener)

    def make_fifo(self, path, flags=os.O_RDWR):
        os.mkfifo(path)
        os.chmod(path, 0o666)
        return self.keep(os.open(path, flags | os.O_NONBLOCK))

    def environment(self, fds, names, more):
        env = {name: value for name, value in os.environ.items()
               if name not in VARIABLES}
        env["NOTIFY_SOCKET"] = self.address
        if fds:
            env["LISTEN_FDS"] = str(len(fds))
        if names:
            env["LISTEN_FDNAMES"] = ":".join(names)
        env.update(more)
        return {name: value for name, value in env.items()
                if value is not None}

    def spawn(self, crierd, fds=(), names=(), env=None, words=None):
        """crierd without -f, with these descriptors, by these names."""
        if words is None:
            words = crierd.arguments()
        argv = [sys.executable, "-c", BECOME, len(fds), *fds,
                *bench.CRIERD, *words]
        return proc.Proc(argv, crierd.log, pass_fds=tuple(fds),
                         env=self.environment(fds, names, env or {}))

    def start(self, crierd, fds=(), names=(), env=None, words=None):
        """Start it, and wait for READY=1: that notice."""
        self.hear()
        before = len(self.notices)
        crierd.proc = self.spawn(crierd, fds, names, env, words)
        self.place.own(crierd)
        return self.wait("READY", since=before, process=crierd.proc)

    def hear(self, seconds=0.0):
        """Take what has come, waiting so long for the first of it."""
        select.select([self.ear], [], [], seconds)
        while True:
            try:
                self.notices.append(Notice(self.ear.recv(1 << 16)))
            except BlockingIOError:
                return

    def count(self, name):
        self.hear()
        return sum(name in notice for notice in self.notices)

    def wait(self, name, since=0, process=None, seconds=20):
        """The first notice of this name from number since on."""
        def find():
            self.hear(proc.STEP)
            for notice in self.notices[since:]:
                if name in notice:
                    return notice
            if process is not None and not process.alive():
                raise AssertionError(f"ended, status {process.status()}, "
                                     f"and no {name}:\n"
                                     + proc.tail(process.log))
            return None
        return proc.wait_for(find, f"{name}= in {self.notices[since:]}",
                             seconds)
