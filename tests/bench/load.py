# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""Runs of the programs that measure, and what stands at their other end."""

import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import tempfile
import time

from hub import Hub

BUILD = os.environ.get("BENCH_BUILD", "tests/bench")
PATIENCE = 20  # seconds in which a server must be there
QUEUED = "unix:{}"


class Failed(Exception):
    """A run that came to nothing."""


def program(name):
    return os.path.join(BUILD, name)


def wait_for(condition, what):
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise Failed(f"{what} within {PATIENCE} s: no")
        time.sleep(0.01)


def answers(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def children_of_task(path):
    """None of what has ended meanwhile."""
    try:
        with open(os.path.join(path, "children"), encoding="ascii") as file:
            return [int(child) for child in file.read().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def children(pid):
    """The process and all below it."""
    found = [pid]
    for one in found:
        tasks = f"/proc/{one}/task"
        try:
            names = os.listdir(tasks)
        except FileNotFoundError:
            continue
        for name in names:
            found += children_of_task(os.path.join(tasks, name))
    return found


class Process:
    """A server in a directory of its own."""

    def __init__(self, arguments, environment=None):
        self.where = tempfile.mkdtemp(prefix="crier-bench-")
        os.chmod(self.where, 0o755)
        self.arguments = arguments
        self.environment = environment
        self.process = None
        self.log = os.path.join(self.where, "log")

    def start(self, is_ready):
        environment = dict(os.environ, **(self.environment or {}))
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self.arguments, stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, cwd=self.where, env=environment)
        try:
            wait_for(lambda: is_ready() or self.process.poll() is not None,
                     f"{self.arguments[0]} is ready")
            if self.process.poll() is not None:
                raise Failed(f"{self.arguments[0]} has ended: "
                             + self.said()[-2000:])
        except Failed:
            self.stop()
            raise

    def said(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return log.read()

    def stop(self, number=signal.SIGTERM):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.where, ignore_errors=True)


class Crierd:
    """crierd alone, over FastCGI."""

    name = "crierd"

    def __init__(self, settings=(), mode="memory", config=""):
        self.hub = Hub(None, mode, ["keep-bytes=16M", *settings], config)
        self.prefix = "/events/"

    def __enter__(self):
        self.hub.start()
        return self

    def __exit__(self, *_):
        self.hub.stop(signal.SIGKILL)
        self.hub.remove()

    def pids(self):
        return [self.hub.process.pid]

    def subscribe(self):
        return ["-a", f"unix:{self.hub.fcgi}", "-u", self.prefix]

    def publish(self):
        return ["-q", f"unix:{self.hub.queue}"]


class Floor:
    """What any server must do at least."""

    name = "floor"

    def __init__(self, streams, batch=1, events=None):
        """After so many events all streams are expected to come back."""
        self.arguments = [os.path.abspath(program("floor")), "f", "q",
                          str(streams), str(batch)]
        if events:
            self.arguments.append(str(events))
        self.process = None

    def __enter__(self):
        self.process = Process(self.arguments)
        queue = os.path.join(self.process.where, "q")
        self.process.start(lambda: os.path.exists(queue))
        return self

    def __exit__(self, *_):
        self.process.stop(signal.SIGKILL)

    def pids(self):
        return [self.process.process.pid]

    def subscribe(self):
        return ["-a", f"unix:{self.process.where}/f", "-u", "/events/"]

    def publish(self):
        return ["-q", f"unix:{self.process.where}/q"]


def run(server, streams, events=0, rate=0, more=()):
    """One run against a server that is there."""
    arguments = [program("load"), *server.subscribe(), *server.publish(),
                 "-n", str(streams), "-k", str(events), "-r", str(rate),
                 "-w", ",".join(map(str, server.pids())), *more]
    done = subprocess.run(arguments, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode not in (0, 2):
        raise Failed(f"{server.name}: {done.stderr.strip()}")
    found = json.loads(done.stdout)
    found["server"] = server.name
    found["us_per_delivery"] = per_delivery(found)
    found["load"] = round(os.getloadavg()[0], 2)
    return found


def per_delivery(found):
    delivered = found["events"]["delivered"]
    if delivered == 0:
        return 0.0
    return found["publish"]["server_cpu_ms"] * 1000 / delivered


def deliveries_per_second(found):
    if found["deliver_ms"] == 0:
        return 0.0
    return found["events"]["delivered"] / found["deliver_ms"] * 1000


def harness(streams, channels, events, batch, visitors=1):
    done = subprocess.run(
        [program("harness"),
         *map(str, (streams, channels, events, batch, visitors))],
        stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def threads(streams, rounds, count):
    """Deliveries a second with one thread and with so many."""
    done = subprocess.run([program("fan"), str(streams), "1", str(rounds),
                           "1", str(count)], stdout=subprocess.PIPE,
                          check=True, text=True)
    one, many = map(json.loads, done.stdout.splitlines())
    return {"server": "crierd's threads", "ok": True, "one": one["best"],
            "many": many["best"]}


def median(runs, value):
    return statistics.median(value(found) for found in runs)
