# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""crier beside what is no crierd, or dies in the middle of its answer; and what
it prints where nothing can be written."""

import os
import socket
import subprocess
import threading

from lib import bench
from lib.daemon import Crierd

# What it answers to the first line; then it closes the connection.
ANSWERS = (("no JSON", b"\x00\xff{]\n"),
           ("lines of HTTP", b"HTTP/1.1 400 Bad Request\r\n\r\n<html>\n"),
           ("an array", b"[]\n"), ("an object without a word of it", b"{}\n"),
           ("ok is a text", b'{"ok":"true"}\n'), ("an empty line", b"\n"),
           ("half a line", b'{"ok":tr'), ("nothing", b""))
VERBS = (("pub", "a", "x"), ("pub", "-l", "a"), ("pub", "-n"), ("status",),
         ("status", "-c"), ("close", "a"), ("tail", "a"), ("reload",),
         ("shutdown",), ("flush",), ("doctor", "http://127.0.0.1:1/events"))


class FalseHub:
    """Answers every connection's first words alike, and closes it."""

    def __init__(self, place):
        self.queue = os.path.join(place.run, "false.sock")
        self.answer = b""
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.queue)
        self.listener.listen(16)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        place.own(self)

    def _run(self):
        while True:
            try:
                peer, _address = self.listener.accept()
            except OSError:
                return
            with peer:
                try:
                    peer.recv(1 << 16)
                    peer.sendall(self.answer)
                    peer.shutdown(socket.SHUT_WR)
                    while peer.recv(1 << 16):
                        pass
                except OSError:
                    pass

    def destroy(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.listener.close()


def _run(queue, words, data=b"one\n", **more):
    return subprocess.run([*bench.CRIER, "-s", queue, *words], input=data,
                          check=False, timeout=60, **more)


def no_crierd(tap, place):
    """Each verb ends with 75 and says why; nothing counts as published."""
    hub = FalseHub(place)
    spool = place.path("false-spool")
    os.mkdir(spool, 0o700)
    _run(place.path("nobody.sock"), ("pub", "-S", spool, "a", "kept"))
    for name, hub.answer in ANSWERS:
        for verb in VERBS:
            words = verb if verb != ("flush",) else ("flush", "-S", spool)
            data = b'{"channel":"a","data":"1"}\n' if "-n" in verb else b"one\n"
            done = _run(hub.queue, words, data, capture_output=True)
            tap.ok(done.returncode == 75 and done.stdout == b""
                   and done.stderr.startswith(b"crier: "),
                   f"{name}: crier {' '.join(verb)}", done)
    crierd = Crierd(place).start()
    crierd.crier("flush", "-S", spool)
    tap.eq(crierd.status()["events"]["published"], 1, "what was kept still is")


def a_full_output(tap, place):
    """What cannot be printed is an error (74)."""
    crierd = Crierd(place).start()
    crierd.publish("a", "x")
    for words in (("status",), ("status", "-c"), ("status", "a"), ("-h",),
                  ("pub", "-h"), ("pub", "-v", "a", "y"),
                  ("tail", "-n", "1", "a"), ("tail", "-d", "-n", "1", "a")):
        with open("/dev/full", "wb") as full:
            done = _run(crierd.queue, words, stdout=full,
                        stderr=subprocess.PIPE)
        tap.ok(done.returncode == 74 and b"standard output" in done.stderr,
               f"crier {' '.join(words)} into a full disk", done)


TESTS = (no_crierd, a_full_output)
