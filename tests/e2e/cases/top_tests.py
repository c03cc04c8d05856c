# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""crier top: a page in a terminal, lines elsewhere."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios

from lib import bench, proc
from lib.daemon import Crierd
from lib.fcgi import Direct

ENTER, LEAVE = b"\033[?1049h", b"\033[?1049l"
CONFIG = 'route "GET /events" { subscribe = "{query.channel}" }'


class Terminal:
    """A program in a pseudo-terminal of so many lines and columns."""

    def __init__(self, place, crierd, *words, size=(24, 100)):
        self.master, self.slave = pty.openpty()
        self.resize(*size)
        self.before = termios.tcgetattr(self.slave)
        self.out = b""
        self.popen = subprocess.Popen(
            [*bench.CRIER, "-s", crierd.queue, "top", *words],
            stdin=self.slave, stdout=self.slave, stderr=self.slave,
            env={**os.environ, "TERM": "xterm"}, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        place.own(self)

    def destroy(self):
        if self.popen.poll() is None:
            self.popen.kill()
            self.popen.wait()
        os.close(self.master)
        os.close(self.slave)

    def resize(self, lines, columns):
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ,
                    struct.pack("HHHH", lines, columns, 0, 0))

    def key(self, key):
        os.write(self.master, key)

    def pump(self):
        while select.select([self.master], [], [], 0.05)[0]:
            self.out += os.read(self.master, 1 << 16)
        return self.out

    def page(self):
        """The last whole page, line by line, without its sequences."""
        pages = self.pump().split(b"\033[H")
        for page in reversed(pages):
            if page.endswith(b"\033[J"):
                for sequence in (b"\033[J", b"\033[K", b"\033[0m", b"\033[7m"):
                    page = page.replace(sequence, b"")
                return page.decode().replace("\r", "").split("\n")
        return []

    def wait(self, words, what):
        proc.wait_for(lambda: any(words in line for line in self.page()),
                      what, 20)

    def is_restored(self):
        self.pump()
        return (self.out.rstrip().endswith(LEAVE)
                and termios.tcgetattr(self.slave) == self.before)


def a_terminal(tap, place):
    crierd = Crierd(place, config=CONFIG).start()
    for number in range(40):
        crierd.publish(f"room/{number:02}", "x")
    stalled = Direct(crierd.listen, "/events?channel=loud",
                     REMOTE_USER="\u009b31m\033]0;x\007")
    stalled.wait_open()
    with crierd.connect() as queue:
        queue.publish_all("loud", ["x" * 60000] * 100)
    terminal = Terminal(place, crierd, "--sort", "events")
    terminal.wait("room/00", "the channels")
    tap.ok(terminal.out.startswith(ENTER), "it takes the other screen")
    page = terminal.page()
    tap.ok(len(page) <= 24, "a page fits", page)
    tap.ok(all(len(line) <= 100 for line in page), "and its lines do", page)
    with Direct(crierd.listen, "/events?channel=quiet") as stream:
        stream.wait_open()
        terminal.wait("streams 2 ", "a stream is counted")
    tap.ok(True, "it counts streams, and goes on")
    terminal.key(b"s")
    terminal.wait("sorted by bytes", "another order")
    tap.ok(True, "a key sorts by something else")
    terminal.resize(10, 40)
    terminal.popen.send_signal(signal.SIGWINCH)
    proc.wait_for(lambda: 0 < len(terminal.page()) <= 10
                  and all(len(line) <= 40 for line in terminal.page()),
                  "a smaller page", 20)
    tap.ok(True, "it follows the terminal's size")
    terminal.resize(24, 100)
    terminal.wait("31m", "a stream whose client does not read")
    tap.ok(b"\xc2\x9b" not in terminal.pump()
           and b"\033]" not in terminal.pump(),
           "what others have written does nothing to the terminal")
    crierd.stop()
    terminal.wait("does not answer", "crierd is gone")
    tap.ok(True, "it says that crierd is gone")
    stalled.close()
    crierd.start()
    terminal.wait("up ", "crierd is back")
    tap.ok(True, "and goes on when it is back")
    terminal.key(b"q")
    tap.eq(terminal.popen.wait(20), 0, "q ends it")
    tap.ok(terminal.is_restored(), "the terminal is as it was",
           terminal.out[-60:])


def ends(tap, place):
    crierd = Crierd(place, config=CONFIG).start()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP,
                   signal.SIGQUIT, signal.SIGSEGV, signal.SIGUSR1):
        terminal = Terminal(place, crierd)
        terminal.wait("streams", "a page")
        terminal.popen.send_signal(number)
        status = terminal.popen.wait(20)
        tap.ok(terminal.is_restored(),
               f"{number.name}: the terminal is as it was",
               terminal.out[-60:])
        tap.eq(status, -number, "and the signal has ended it")
    terminal = Terminal(place, crierd)
    terminal.wait("streams", "a page")
    terminal.popen.send_signal(signal.SIGTSTP)
    proc.wait_for(terminal.is_restored, "it gives the terminal back", 20)
    tap.ok(True, "stopped, it gives the terminal back")
    begun = len(terminal.pump())
    terminal.popen.send_signal(signal.SIGCONT)
    proc.wait_for(lambda: ENTER in terminal.pump()[begun:],
                  "it takes the terminal again", 20)
    tap.ok(True, "and takes it again")


def no_terminal(tap, place):
    crierd = Crierd(place, config=CONFIG).start()
    run = subprocess.run([*bench.CRIER, "-s", crierd.queue, "top", "-n", "2"],
                         capture_output=True, timeout=60, check=False)
    lines = run.stdout.decode().splitlines()
    tap.eq((run.returncode, len(lines)), (0, 2), "a line a second")
    tap.ok(all(line.startswith("streams 0 ") and "\033" not in line
               for line in lines), "of figures alone", lines)
    for words, status in ((("-n", "0"), 64), (("-n", "x"), 64),
                          (("--sort", "x"), 64), (("x",), 64), (("-h",), 0)):
        run = subprocess.run([*bench.CRIER, "-s", crierd.queue, "top", *words],
                             capture_output=True, timeout=60, check=False)
        tap.eq(run.returncode, status, f"{' '.join(words)}: {status}")
    crierd.stop()
    run = subprocess.run([*bench.CRIER, "-s", crierd.queue, "top"],
                         capture_output=True, timeout=60, check=False)
    tap.eq(run.returncode, 69, "no crierd: 69")


TESTS = (a_terminal, ends, no_terminal)
