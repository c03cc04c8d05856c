# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""Processes that are always ended, and waiting for conditions."""

import ctypes
import glob
import os
import random
import signal
import socket
import subprocess
import time

SLOW = float(os.environ.get("CRIER_TEST_SLOW", "1"))
STEP = 0.01


PR_SET_CHILD_SUBREAPER = 36


class Late(AssertionError):
    """A condition did not come true before its deadline."""


def adopt_orphans():
    """Descendants whose parent has ended become our children.

    So nothing that a server or a browser started can be left behind.
    """
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def reap(pid):
    """Collect an ended child that is no Popen; True if it is no more."""
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return not os.path.exists(f"/proc/{pid}")


def children():
    """(pid, command) of our children, ended ones reaped."""
    found = []
    for path in glob.glob("/proc/self/task/*/children"):
        for pid in map(int, _read(path).split()):
            if not reap(pid):
                command = _read(f"/proc/{pid}/cmdline")
                found.append((pid, command.replace(b"\0", b" ")))
    return found


def is_gone(pid):
    """Whether it has ended, whoever has to be told of it."""
    children()  # reaps those that are ours
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8",
                  errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def _read(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def end_children(seconds=5):
    """Wait until none is left, then kill those that are; what they were."""
    end = time.monotonic() + seconds * SLOW
    while children() and time.monotonic() < end:
        time.sleep(STEP)
    left = children()
    for pid, _command in left:
        os.kill(pid, signal.SIGKILL)
    while children():
        time.sleep(STEP)
    return left


def wait_for(condition, what, seconds=15):
    """The condition's first true value; Late when it stays false."""
    end = time.monotonic() + seconds * SLOW
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Late(f"not within {seconds * SLOW:g} s: {what}")
        time.sleep(STEP)


def holds_for(condition, seconds):
    """True when the condition stays true that long (not scaled)."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not condition():
            return False
        time.sleep(STEP)
    return True


def can_connect(address):
    """address: a path of a Unix socket, or a TCP port of this host."""
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    if family == socket.AF_INET:
        address = ("127.0.0.1", address)
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.settimeout(5)
        try:
            probe.connect(address)
        except OSError:
            return False
    return True


def free_port():
    """A TCP port below the range of outgoing connections.

    Ports that the kernel gives out (port 0) may be an outgoing connection's
    of another test before our server has bound them.
    """
    for _ in range(1000):
        port = random.SystemRandom().randrange(15000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise Late("no free port")


class Proc:
    """A child in a process group of its own, its output in files."""

    def __init__(self, argv, log, env=None, stdin=subprocess.DEVNULL,
                 stdout=None, cwd=None, pass_fds=()):
        self.argv = [str(word) for word in argv]
        self.log = log
        self.last_status = None
        with open(log, "ab") as err:
            self.popen = subprocess.Popen(
                self.argv, stdin=stdin, stdout=stdout or err, stderr=err,
                env=env, cwd=cwd, start_new_session=True, pass_fds=pass_fds)
        self.pid = self.popen.pid

    def alive(self):
        return self.popen.poll() is None

    def status(self):
        """The exit status, negative for a signal; None while it runs."""
        return self.popen.poll()

    def send_signal(self, number):
        if self.alive():
            os.kill(self.pid, number)

    def wait(self, seconds=15):
        """Wait for its end; the exit status."""
        try:
            return self.popen.wait(seconds * SLOW)
        except subprocess.TimeoutExpired:
            raise Late(f"did not end within {seconds * SLOW:g} s: "
                       + " ".join(self.argv)) from None

    def stop(self, number=signal.SIGTERM, seconds=15):
        """Ask it to end and wait; its exit status."""
        self.send_signal(number)
        return self.wait(seconds)

    def destroy(self):
        """End it and its group, whatever state it is in."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.popen.wait()


def tail(path, lines=40):
    try:
        with open(path, "rb") as log:
            text = log.read().decode("utf-8", "backslashreplace")
    except OSError as error:
        return str(error)
    return "\n".join(text.splitlines()[-lines:])
