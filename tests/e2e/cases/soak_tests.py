# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""A long run: kills, full disks, restarts, and clients that read nothing.

Turns in which crierd is killed alternate with turns in which one crierd lives
and all around it goes wrong.  What was acknowledged reaches every client; and
a crierd that lived has, when all is quiet, the descriptors that it had before,
not much more memory, and its files are no larger than the history needs.  The
second half is one crierd's: what it loses little by little shows there.
"""

import os
import signal
import socket
import time

from lib import proc
from lib.crash_load import MAX_BEHIND
from lib.fcgi import Direct
from lib.store_tools import Mount
from cases.crash_tests import Scene

TURN_SECONDS = 30
KEEP = 4 * 3 * MAX_BEHIND  # a client is never so far behind
MAX_KEYS = 20000           # publishers send nothing again that is so old
IDLE = 40                  # clients that read nothing, at most
MEMORY = 64 << 20          # that a turn may leave behind, in bytes
CREEP = 16 << 20           # that all turns of a life leave, after two of them
DISK = "512m"


def memory(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        for line in status:
            if line.startswith("VmRSS"):
                return int(line.split()[1]) << 10
    raise AssertionError("no VmRSS")


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


class Soak(Scene):
    def __init__(self, tap, place, seconds):
        self.mount = Mount(place, DISK)
        self.store = (self.mount.folder if self.mount.mounted
                      else place.make_dir("store"))
        super().__init__(tap, place, "soak", keep=KEEP, store=self.store,
                         more=[f"max-keys={MAX_KEYS}"])
        self.end = time.monotonic() + seconds
        self.half = self.end - seconds / 2
        self.idle = []
        self.acts = self.full_disks = 0
        self.largest = []  # of the files, after each turn
        self.life = []     # memory of the crierd that lives, after each turn

    def read_nothing(self):
        """One more client that asks for everything and reads nothing, or all
        of them go."""
        if len(self.idle) == IDLE:
            self.leave()
            return
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        try:
            client.connect(("127.0.0.1", self.nginx.port))
            client.sendall(b"GET /events?channel=a&channel=b&since=all "
                           b"HTTP/1.1\r\nHost: x\r\n\r\n")
        except OSError:
            client.close()
            return
        self.idle.append(client)

    def leave(self):
        for client in self.idle:
            client.close()
        self.idle.clear()

    def half_a_line(self):
        """A publisher that ends within a line."""
        try:
            with self.crierd.connect() as queue:
                queue.send(b'{"channel":"a","da')
        except OSError:
            pass

    def reload(self):
        self.crierd.proc.send_signal(signal.SIGHUP)

    def fill_disk(self):
        if not self.mount.mounted:
            return
        self.mount.fill()
        time.sleep(self.random.uniform(0, 2) * proc.SLOW)
        self.mount.unfill()
        self.full_disks += 1

    def turn(self, acts):
        end = min(time.monotonic() + TURN_SECONDS, self.end)
        while time.monotonic() < end:
            self.pause()
            self.random.choice(acts)()
            self.acts += 1
        self.leave()
        late = self.load.settle(120)
        self.largest.append(sum(
            os.stat(os.path.join(self.store, name)).st_size
            for name in os.listdir(self.store)))
        return late

    def quiet(self):
        """Nobody is there but the clients and publishers of the load.  The
        store has been read, for its reader opens the file (three descriptors)
        only when it is asked."""
        proc.wait_for(self.crierd.is_up, "crierd is up", 30)
        with Direct(self.crierd.listen, "/events/a?since=all") as first:
            first.wait_events(1)
        self.crierd.wait_streams(len(self.load.followers), 60)
        proc.wait_for(lambda: all(p.connected for p in self.load.publishers),
                      "all publishers are connected")
        return descriptors(self.crierd.pid), memory(self.crierd.pid)

    def killing(self):
        self.life.clear()
        return self.turn([self.kill] * 8 + [
            self.terminate, self.kill_server, self.read_nothing,
            self.half_a_line])

    def living(self):
        """A turn that one crierd lives through."""
        pid = self.crierd.pid
        before = self.quiet()
        self.load.resume()
        late = self.turn([self.read_nothing] * 8 + [
            self.half_a_line, self.reload, self.kill_server, self.fill_disk])
        if late:
            return late
        after = self.quiet()
        self.tap.diag(f"descriptors {before[0]}, then {after[0]}; memory "
                      f"{before[1] >> 10} KiB, then {after[1] >> 10} KiB")
        if self.crierd.pid != pid:
            return "crierd has ended by itself"
        if after[0] > before[0] + 2:
            return f"descriptors: {before[0]}, then {after[0]}"
        if after[1] > before[1] + MEMORY:
            return f"memory: {before[1]}, then {after[1]}"
        self.life.append(after[1])
        return ""

    def next_turn(self):
        """Kills are for the first half, in every other turn."""
        if len(self.largest) % 2 == 0 and time.monotonic() < self.half:
            return self.killing()
        return self.living()

    def failed(self):
        return any(x.failed for x in self.load.all()) or any(
            any(f.faults.values()) for f in self.load.followers)


def soak(tap, place):
    """For SOAK_SECONDS, all of it, in any order."""
    scene = Soak(tap, place, float(os.environ.get("SOAK_SECONDS") or 3600))
    wrong = ""
    while not wrong and not scene.failed():
        wrong = scene.next_turn()
        tap.diag(f"{scene.acts} acts, {scene.load.acknowledged()} events, "
                 f"{scene.largest[-1] >> 10} KiB in files, "
                 f"{max(0, scene.end - time.monotonic()):.0f} s left")
        if time.monotonic() > scene.end:
            break
        scene.load.resume()
    for one in scene.load.all():
        tap.diag(one)
    scene.load.check(tap, "")
    tap.eq(wrong, "", "all is settled after each turn: events, descriptors, "
           "memory")
    if len(scene.life) > 4:
        tap.ok(scene.life[-1] <= scene.life[1] + CREEP,
               "memory does not creep", scene.life)
    half = len(scene.largest) // 2
    if half > 2 and scene.load.acknowledged() > 5 * KEEP:
        tap.ok(max(scene.largest[half:]) <= 1.5 * max(scene.largest[:half]),
               "files grow no more", scene.largest)
    tap.ok(scene.load.acknowledged() > 20 * scene.acts,
           "publishers got on between")
