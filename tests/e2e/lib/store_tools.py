# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""crierd with a store, and what can be done to both."""

import json
import os
import select
import shutil
import sqlite3
import struct
import subprocess

from lib import bench, daemon, proc
from lib.fcgi import Direct

PLENTY = ("keep=10000000", "keep-bytes=1G")


class Stored(daemon.Crierd):
    """A crierd whose history is in a file, here or in another directory; or
    in a Redis of its own, if the place says so (redis.over_redis)."""

    def __init__(self, place, options=(), config="", folder=None, kind=""):
        self.folder = folder or place.make_dir("store")
        self.path = os.path.join(self.folder, "history.db")
        kind = kind or place.store
        super().__init__(place, ["store=" + (kind or "sqlite:" + self.path),
                                 *options], config)

    def get(self, target, last_event_id=""):
        more = {"HTTP_LAST_EVENT_ID": last_event_id} if last_event_id else {}
        return Direct(self.listen, target, **more)

    def history(self, target, count, last_event_id=""):
        """So many events of a stream, and that there are no more at once."""
        with self.get(target, last_event_id) as stream:
            stream.wait_open()
            if count:
                stream.wait_events(count, 30)
            read_for(stream, 0.05)
            return list(stream.events)

    def texts(self, target, count, last_event_id=""):
        return [event.data for event in
                self.history(target, count, last_event_id)]

    def store(self):
        return self.status()["store"]

    def restart(self, *more, **named):
        self.stop()
        return self.start(*more, **named)

    def crash(self, *more, **named):
        self.kill()
        return self.start(*more, **named)

    def publish_many(self, channel, count, size=10, first=0):
        """Events "0 xxx", "1 xxx"...; their ids."""
        with self.connect() as queue:
            return queue.publish_all(
                channel, (f"{n} " + "x" * size
                          for n in range(first, first + count)))

    def try_publish(self, channel, data, **more):
        """The reply, whatever it is."""
        with self.connect() as queue:
            return queue.ask({"channel": channel, "data": data, **more})

    def fails_to_start(self):
        """Start it where it should not come up; (status, its last words)."""
        process = proc.Proc(bench.CRIERD + ["-f"] + self.arguments(),
                            self.log)
        self.place.own(process)
        return process.wait(30), proc.tail(self.log, 5)

    def files(self):
        return sorted(os.listdir(self.folder))


def connect(path):
    """Another program that uses the database."""
    return sqlite3.connect(path, isolation_level=None, timeout=5 * proc.SLOW)


def query(path, statement):
    other = connect(path)
    try:
        return other.execute(statement).fetchall()
    finally:
        other.close()


def read_for(stream, seconds):
    """Read what comes in this time."""
    proc.holds_for(lambda: _pump(stream), seconds)


def _pump(stream):
    if select.select([stream.socket], [], [], 0.01)[0]:
        stream.pump()
    return not stream.ended


def kinds(events):
    return [event.type for event in events]


def gap_of(event):
    return json.loads(event.data) if event.type == "crier.gap" else None


class Interposer:
    """A library in crierd that moves its clocks and fails its writes."""

    def __init__(self, place, name=""):
        here = os.path.dirname(os.path.abspath(__file__))
        library = place.path(f"interpose{name}.so")
        compiler = (os.environ.get("CC") or "cc").split()
        subprocess.run(
            [*compiler, "-std=c11", "-D_GNU_SOURCE", "-O1", "-shared",
             "-fPIC", "-o", library,
             os.path.join(here, "store_interpose.c"), "-ldl"],
            check=True, capture_output=True)
        self.control = place.path(f"interpose{name}.control")
        with open(self.control, "wb") as control:
            control.write(bytes(56))
        os.chmod(self.control, 0o666)
        asan = os.environ.get("ASAN_OPTIONS", "")
        self.env = {
            "LD_PRELOAD": library, "INTERPOSE_CONTROL": self.control,
            "ASAN_OPTIONS": asan + ":verify_asan_link_order=0"}

    @staticmethod
    def is_there():
        compiler = (os.environ.get("CC") or "cc").split()[0]
        return shutil.which(compiler) is not None

    def _set(self, at, value):
        with open(self.control, "r+b") as control:
            control.seek(at)
            control.write(struct.pack("q", value))

    def clock(self, seconds):
        """So much is added to the wall clock."""
        self._set(0, seconds)

    def pass_time(self, seconds):
        """All clocks say that so much has passed, in all.  crierd sees it when
        it wakes up."""
        self._set(48, seconds)

    def fail(self, number):
        """Writes to the history fail with this errno; 0: no more."""
        self._set(8, number)

    def fail_some(self, number, after, most):
        """So many of them fail, behind so many that do not."""
        for at, value in ((16, 0), (24, after), (32, most), (8, number)):
            self._set(at, value)

    def receive(self, size):
        """So much is received at once; 0: as much as there is."""
        self._set(40, size)

    def hits(self):
        with open(self.control, "rb") as control:
            return struct.unpack("qqq", control.read(24))[2]


class Mount:
    """A small file system of its own, where root may mount one."""

    def __init__(self, place, size="2m", folder=None):
        self.folder = folder or place.make_dir("small")
        os.makedirs(self.folder, exist_ok=True)
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size}", "none",
             self.folder], capture_output=True, check=False) \
            if bench.IS_ROOT and shutil.which("mount") else None
        self.mounted = done is not None and done.returncode == 0
        if self.mounted:
            user = bench.server_user()
            os.chown(self.folder, user.pw_uid, user.pw_gid)
            place.own(self)

    def fill(self):
        """A file that leaves no room."""
        with open(os.path.join(self.folder, "filler"), "wb", 0) as out:
            try:
                while out.write(bytes(4096)):
                    pass
            except OSError:
                pass

    def unfill(self):
        os.unlink(os.path.join(self.folder, "filler"))

    def destroy(self):
        if self.mounted:
            subprocess.run(["umount", self.folder], check=False,
                           capture_output=True)

    def __str__(self):
        return "a file system"
