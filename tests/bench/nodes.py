# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""Several crierd over one Redis, and several nchan over one; and what it takes
to publish at them, to read there, and to count what that costs."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time

from hub import Connection, Hub
from load import Failed, Process, answers, free_port, program, wait_for
from servers import Nchan, find

# What is published is kept.
KEEP = ("keep=200000", "keep-bytes=64M", "history-bytes=1G")
LIMIT = 60  # seconds


class Redis(Process):
    """A redis-server, set as conf/redis/redis.conf says, and reached by
    TCP."""

    def __init__(self, where):
        self.port = free_port()
        self.files = tempfile.mkdtemp(prefix="redis-", dir=where)
        super().__init__([
            find("redis-server"), "--port", str(self.port), "--bind",
            "127.0.0.1", "--dir", self.files, "--save", "", "--appendonly",
            "yes", "--appendfsync", "everysec", "--maxmemory-policy",
            "noeviction", "--lazyfree-lazy-expire", "yes"])

    def __enter__(self):
        self.start(lambda: answers(self.port))
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.files, ignore_errors=True)

    def url(self):
        return f"redis://127.0.0.1:{self.port}"

    def pids(self):
        return [self.process.pid]


def wait_up(hub):
    wait_for(lambda: hub.status()["store"]["up"], "its store is up")


class Several:
    """So many nodes, and the Redis that they share."""

    def __init__(self, where, count):
        self.redis = Redis(where)
        self.nodes = [self.make(where) for _ in range(count)]
        self.stack = contextlib.ExitStack()

    def make(self, where):
        raise NotImplementedError

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            stack.enter_context(self.redis)
            for node in self.nodes:
                stack.enter_context(node)
            self.are_up()
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        self.stack.close()

    def are_up(self):
        """Waits until they are."""

    def pids(self, node):
        raise NotImplementedError

    def costs(self):
        """CPU of the Redis, of the first node, and of the others together:
        seconds."""
        return (cpu(self.redis.pids()), cpu(self.pids(self.nodes[0])),
                sum(cpu(self.pids(node)) for node in self.nodes[1:]))


class Nodes(Several):
    """crierd."""

    def make(self, where):
        return Hub(where, self.redis.url(), KEEP)

    def are_up(self):
        for hub in self.nodes:
            wait_up(hub)

    def pids(self, node):
        return [node.process.pid]

    def publish(self, channels, batch, events, publishers=1):
        return publish(channels, batch, events, [
            queue_of(hub) for hub in self.nodes[:publishers]])

    def wait_even(self):
        """Each has read what the first has published; what nodes say to each
        other moves them on meanwhile."""
        def position(hub):
            return tuple(map(int, hub.status()["store"]["position"]
                             .split("-")))

        wanted = position(self.nodes[0])
        for hub in self.nodes[1:]:
            wait_for(lambda hub=hub: position(hub) >= wanted,
                     "all nodes have read all")

    def follow(self, node, channel):
        connection = Connection(node.queue)
        connection.send({"do": "stream", "channel": [f"bench/{channel}"]})
        return Reader(connection.socket)


class NchanOfRedis(Nchan):
    """nchan with its messages in a Redis."""

    name = "nchan, Redis"

    def __init__(self, redis):
        self.redis = redis
        super().__init__()

    def upstream(self):
        return ("upstream messages {"
                f" nchan_redis_server {self.redis.url()}; }}")

    def of_location(self):
        return "nchan_redis_pass messages;"

    def is_ready(self):
        """It answers before it has come to its Redis."""
        return super().is_ready() and self.takes()

    def takes(self):
        with socket.create_connection(("127.0.0.1", self.port)) as one:
            one.settimeout(LIMIT)
            one.sendall(b"POST /pub?ch=first HTTP/1.0\r\n"
                        b"Content-Length: 1\r\n\r\nx")
            return one.recv(64).startswith(b"HTTP/1.1 2")


class NchanNodes(Several):
    """nginx with nchan."""

    def make(self, where):
        return NchanOfRedis(self.redis)

    def pids(self, node):
        return node.pids()

    def publish(self, channels, batch, events, publishers=1):
        return publish(channels, batch, events, [
            str(node.port) for node in self.nodes[:publishers]], "/pub?ch=")

    def follow(self, node, channel):
        one = socket.create_connection(("127.0.0.1", node.port))
        one.sendall(f"GET /sub?ch=bench{channel} HTTP/1.1\r\n"
                    "Host: localhost\r\nAccept: text/event-stream\r\n\r\n"
                    .encode())
        return Reader(one)


def queue_of(hub):
    return f"unix:{hub.queue}"


def publish(channels, batch, events, servers, prefix=None):
    """What the program `batches` says, and the rate."""
    url = ["-p", prefix] if prefix else []
    done = subprocess.run(
        [program("batches"), *url, str(channels), str(batch), str(events),
         *servers], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        check=False)
    if done.returncode != 0:
        raise Failed(f"batches: {done.stderr.strip() or done.stdout.strip()}")
    found = json.loads(done.stdout)
    found["rate"] = found["events"] / found["seconds"]
    return found


def cpu(pids):
    """Seconds that all threads of these processes had."""
    total = 0
    for pid in pids:
        for task in os.listdir(f"/proc/{pid}/task"):
            path = f"/proc/{pid}/task/{task}/schedstat"
            with open(path, encoding="ascii") as file:
                total += int(file.read().split()[0])
    return total / 1e9


class Reader:
    """A stream whose events are counted, by a thread."""

    mark = b"data: "

    def __init__(self, opened):
        self.socket = opened
        self.socket.settimeout(None)
        self.count = 0
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.socket.close()

    def _read(self):
        kept = b""
        while piece := self.socket.recv(1 << 18):
            text = kept + piece
            self.count += text.count(self.mark)
            kept = text[1 - len(self.mark):]

    def wait(self, count):
        wait_for(lambda: self.count >= count, f"{count} events are read")


def replay(hub, channel, count):
    """Seconds in which so many events of its history are read."""
    began = time.monotonic()
    with Connection(hub.queue) as connection:
        connection.send({"do": "stream", "channel": [channel],
                         "since": "all"})
        reader = Reader(connection.socket)
        end = began + LIMIT
        while reader.count < count:
            reader.thread.join(0.001)
            if not reader.thread.is_alive() or time.monotonic() > end:
                raise Failed(f"{reader.count} of {count} events are read")
        seconds = time.monotonic() - began
        reader.__exit__()
    return seconds
