# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""crierd as the tests run it, and every way of publishing to it."""

import json
import os
import re
import shlex
import signal
import socket

from lib import bench, proc

MORE_OPTIONS = os.environ.get("CRIER_TEST_OPTIONS", "").split()


class Crierd:
    """A crierd in the foreground, its sockets in the bench's run/.

    options are settings for -o; config is the text of a configuration file.
    $CRIER_TEST_OPTIONS, between spaces, are more of them for every crierd:
    CRIER_TEST_OPTIONS="threads=2" has all of a test's delivered by two
    threads.  A test's own options have the last word.
    """

    awaits_store = True  # until it is up, a start is not over

    def __init__(self, place, options=(), config="", user=True):
        self.place = place
        self.log = place.log("crierd.log")
        self.listen = os.path.join(place.run, "fcgi.sock")
        self.queue = os.path.join(place.run, "queue.sock")
        self.fifo = os.path.join(place.run, "queue.fifo")
        self.config = place.write("crierd.conf", config)
        self.options = MORE_OPTIONS + list(options)
        if place.store:
            self.options.insert(0, "store=" + place.store)
        self.proc = None
        self.expected = {0}
        if user and bench.IS_ROOT:
            self.options.insert(0, "user=" + bench.server_user().pw_name)

    def arguments(self, listen=True):
        words = ["-c", self.config, "-o", "queue=" + self.queue,
                 "-o", "fifo=" + self.fifo]
        if listen:
            words += ["-o", "listen=unix:" + self.listen]
        for option in self.options:
            words += ["-o", option]
        return words

    def start(self, *more, listen=True, stdin=None, env=None):
        """Start it and wait until its queue answers."""
        extra = {} if stdin is None else {"stdin": stdin}
        self.proc = proc.Proc(
            bench.CRIERD + ["-f"] + self.arguments(listen) + list(more),
            self.log, env={**os.environ, **(env or {})}, **extra)
        self.place.own(self)
        proc.wait_for(self._is_up, "crierd accepts on its queue")
        return self

    def _is_up(self):
        if not self.proc.alive():
            raise AssertionError("crierd ended at its start, status "
                                 f"{self.proc.status()}")
        if not proc.can_connect(self.queue):
            return False
        with Queue(self.queue) as queue:  # answered by its loop: it is set up
            store = queue.ask({"do": "status"})["store"]
        return (not self.awaits_store or store["kind"] != "redis"
                or store["up"])

    @property
    def pid(self):
        return self.proc.pid

    def stop(self, number=signal.SIGTERM):
        """Ask it to end; its exit status must be 0."""
        status = self.proc.stop(number)
        self.place.tap.ok(status == 0, "crierd ends with status 0",
                          f"status {status}")
        self.proc = None
        return status

    def kill(self):
        self.proc.stop(signal.SIGKILL)
        self.proc = None

    def destroy(self):
        if self.proc is None:
            return
        process, self.proc = self.proc, None
        early = process.status()
        try:
            status = process.stop() if early is None else early
            if status != 0 or early is not None:
                raise AssertionError(
                    f"crierd ended {'by itself' if early is not None else ''}"
                    f" with status {status}")
        finally:
            process.destroy()

    def __str__(self):
        return "crierd"

    # What it says.

    def log_text(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return log.read()

    def wait_log(self, pattern, seconds=10):
        """A line of its log that matches the regular expression."""
        return proc.wait_for(lambda: re.search(pattern, self.log_text()),
                             f"{pattern!r} in crierd's log", seconds)

    def crier(self, *arguments, **more):
        return self.place.crier("-s", self.queue, *arguments, **more)

    def status(self):
        done = self.crier("status", "-j")
        if done.returncode:
            raise AssertionError(f"crier status -j: {done.returncode} "
                                 f"{done.stderr!r}")
        return json.loads(done.stdout)

    def streams(self):
        with Queue(self.queue) as queue:
            return queue.ask({"do": "status"})["streams"]

    def wait_streams(self, count, seconds=15):
        proc.wait_for(lambda: self.streams() == count,
                      f"{count} streams in status", seconds)

    # Publishing.

    def pub(self, *arguments, **more):
        """crier pub …; it must succeed."""
        done = self.crier("pub", *arguments, **more)
        if done.returncode:
            raise AssertionError(f"crier pub {arguments}: status "
                                 f"{done.returncode}, {done.stderr!r}")
        return done.stdout.decode()

    def echo(self, line):
        """echo LINE > fifo, by the shell."""
        writer = proc.Proc(["/bin/sh", "-c", 'echo "$1" > "$2"', "sh", line,
                            self.fifo], self.place.log("echo.log"))
        self.place.own(writer)
        if writer.wait() != 0:
            raise AssertionError("echo > fifo failed")

    def connect(self):
        return Queue(self.queue)

    def publish(self, channel, data, **more):
        """One event by the queue socket; its id."""
        with Queue(self.queue) as queue:
            return queue.publish(channel, data, **more)


class Spawned(Crierd):
    """A crierd that the web server starts, and starts again."""

    def __init__(self, place, options=(), config=""):
        lines = "".join(_as_line(option)
                        for option in _last_of_each(options))
        super().__init__(place, (), f'{lines}store = "memory"\n'
                         f'fifo = "{place.run}/queue.fifo"\n{config}')
        self.program = self._write_program("crier.fcgi")

    def _write_program(self, name):
        """What stands where the conf file names /usr/local/libexec."""
        words = " ".join(map(shlex.quote, bench.CRIERD))
        path = self.place.write(
            name, f'#!/bin/sh\nexec {words} "$@" 2>>{self.log}\n')
        os.chmod(path, 0o755)
        with open(self.log, "ab"):
            os.chmod(self.log, 0o666)
        return path

    def start(self):
        """Wait until the web server has started it, or started it again."""
        proc.wait_for(self._answers, "the web server starts crierd")
        return self

    def _answers(self):
        if not proc.can_connect(self.queue):
            return False
        self.streams()
        return True

    @property
    def pid(self):
        with Queue(self.queue) as queue:
            return queue.ask({"do": "status"})["pid"]

    def stop(self, number=signal.SIGTERM):
        """Ask it to end and wait; another one may be there already."""
        pid = self.pid
        os.kill(pid, number)
        proc.wait_for(lambda: not _runs(pid), "crierd ends")

    def kill(self):
        self.stop(signal.SIGKILL)

    def destroy(self):
        """It ends with the web server."""


def _runs(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="latin-1") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _last_of_each(options):
    return {option.partition("=")[0]: option
            for option in MORE_OPTIONS + list(options)}.values()


def _as_line(option):
    name, _equals, value = option.partition("=")
    return f'{name} = "{value}"\n'


class Queue:
    """A connection to the queue socket: lines of JSON."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20 * proc.SLOW)
        self.socket.connect(path)
        self._input = b""

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, value):
        """An object, as its line; or bytes as they are."""
        if not isinstance(value, bytes):
            value = json.dumps(value, ensure_ascii=False).encode() + b"\n"
        self.socket.sendall(value)

    def line(self):
        """The next line, without its end; None at end of file."""
        while b"\n" not in self._input:
            octets = self.socket.recv(1 << 16)
            if not octets:
                return None
            self._input += octets
        line, _end, self._input = self._input.partition(b"\n")
        return line

    def reply(self):
        line = self.line()
        if line is None:
            raise AssertionError("the queue was closed, no reply")
        return json.loads(line)

    def ask(self, value):
        self.send(value)
        return self.reply()

    def publish(self, channel, data, **more):
        answer = self.ask({"channel": channel, "data": data, **more})
        if answer.get("ok") is not True:
            raise AssertionError(f"refused: {answer}")
        return answer["id"]

    def publish_all(self, channel, texts):
        """Many events, pipelined; their ids."""
        texts = list(texts)
        ids = []
        for start in range(0, len(texts), 500):
            part = texts[start:start + 500]
            self.send(b"".join(
                json.dumps({"channel": channel, "data": text}).encode()
                + b"\n" for text in part))
            for _text in part:
                answer = self.reply()
                if answer.get("ok") is not True:
                    raise AssertionError(f"refused: {answer}")
                ids.append(answer["id"])
        return ids
