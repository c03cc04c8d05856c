# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""A crierd in private directories, and what its threads cost."""

import json
import os
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time

CRIERD = os.environ.get("CRIERD", "./crierd").split()
CRIER = os.environ.get("CRIER", "./crier")
TICK = os.sysconf("SC_CLK_TCK")
STEP = 0.001
LIMIT = 60  # seconds in which anything must have happened


class Connection:
    """Lines of the queue's protocol."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(LIMIT)
        try:
            self.socket.connect(path)
        except OSError:
            self.socket.close()
            raise
        self.file = self.socket.makefile("rwb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()

    def send(self, line):
        self.file.write(json.dumps(line).encode() + b"\n")
        self.file.flush()

    def line(self):
        line = self.file.readline()
        if not line:
            raise EOFError("crierd has closed the connection")
        return line


class Hub:
    """A crierd; its mode is memory, the URL of a Redis, or what a database
    promises.  That is below `where`, the sockets are not: their paths are
    bounded."""

    def __init__(self, where, mode, settings=(), config=""):
        self.sockets = tempfile.mkdtemp(prefix="crier-bench-")
        os.chmod(self.sockets, 0o755)
        self.files = tempfile.mkdtemp(prefix="bench-", dir=where)
        self.fcgi = os.path.join(self.sockets, "fcgi")
        self.queue = os.path.join(self.sockets, "queue")
        self.database = os.path.join(self.files, "history.db")
        self.log = os.path.join(self.files, "log")
        self.settings = [
            f"listen=unix:{self.fcgi}", "listen-mode=0666",
            f"queue={self.queue}", "fifo=",
            "user=root" if os.geteuid() == 0 else "user=",
            # Few, so that streams get the descriptors: see targets.MOST.
            "log-level=warning", "queue-connections=100", *settings]
        if mode == "memory" or mode.startswith("redis"):
            self.settings.append(f"store={mode}")
        else:
            self.settings += [f"store=sqlite:{self.database}",
                              f"durability={mode}"]
        self.config = os.path.join(self.files, "crier.conf")
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(config)
        self.process = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop(signal.SIGKILL)
        self.remove()

    def remove(self):
        shutil.rmtree(self.sockets)
        shutil.rmtree(self.files)

    def start(self):
        """Start it; the seconds until it has answered `status`."""
        options = [word for s in self.settings for word in ("-o", s)]
        began = time.monotonic()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [*CRIERD, "-f", "-c", self.config, *options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        while time.monotonic() - began < LIMIT:
            try:
                self.status()
                return time.monotonic() - began
            except (OSError, EOFError):
                if self.process.poll() is not None:
                    break
                time.sleep(STEP)
        with open(self.log, encoding="utf-8") as log:
            raise RuntimeError(f"crierd does not answer: {log.read()}")

    def stop(self, number):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)
            try:
                self.process.wait(LIMIT)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise
        self.process = None

    def ask(self, **line):
        with Connection(self.queue) as connection:
            connection.send(line)
            return json.loads(connection.line())

    def status(self):
        return self.ask(do="status")

    def events(self, channel, since, count):
        """Ids of the first `count` events after `since`, and the seconds."""
        began = time.monotonic()
        ids, pending = [], None
        with Connection(self.queue) as connection:
            connection.send({"do": "stream", "channel": [channel],
                             "since": since})
            while len(ids) < count:
                line = connection.line().strip()
                if line.startswith(b"id: "):
                    pending = line[4:].decode()
                elif line.startswith(b"event: crier."):
                    raise RuntimeError(f"{channel}: {line.decode()}")
                elif line.startswith(b"data: "):
                    ids.append(pending)
        return ids, time.monotonic() - began

    def forget(self):
        """Let the operating system's cache lose the database."""
        for name in os.listdir(self.files):
            with open(os.path.join(self.files, name), "rb") as file:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)

    def threads(self):
        """CPU seconds of the first thread, and of the others together."""
        first, others = 0.0, 0.0
        for task in os.listdir(f"/proc/{self.process.pid}/task"):
            path = f"/proc/{self.process.pid}/task/{task}/stat"
            with open(path, encoding="utf-8") as file:
                fields = file.read().rpartition(")")[2].split()
            seconds = (int(fields[11]) + int(fields[12])) / TICK
            if int(task) == self.process.pid:
                first += seconds
            else:
                others += seconds
        return first, others

    def publish(self, lines):
        """Publish a file of lines with `crier pub -n`: the seconds."""
        began = time.monotonic()
        with open(lines, "rb") as file:
            pub = subprocess.Popen([CRIER, "-s", self.queue, "pub", "-n"],
                                   stdin=file)
        # wait() with a limit would look only every 50 ms.
        ended = os.pidfd_open(pub.pid)
        try:
            if not select.select([ended], [], [], LIMIT)[0]:
                pub.kill()
        finally:
            os.close(ended)
        seconds = time.monotonic() - began
        if pub.wait() != 0:
            raise RuntimeError(f"crier pub -n ended with {pub.returncode}")
        return seconds

    def publish_singly(self, seconds, data):
        """Wait for each reply before the next event: events a second."""
        line = {"channel": "bench/0", "data": data}
        began = time.monotonic()
        count = 0
        with Connection(self.queue) as connection:
            while time.monotonic() - began < seconds:
                connection.send(line)
                if not json.loads(connection.line())["ok"]:
                    raise RuntimeError("an event was refused")
                count += 1
        return count / (time.monotonic() - began)
