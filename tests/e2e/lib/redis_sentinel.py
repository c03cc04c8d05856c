# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""A master, its replicas, and sentinels that watch them, all the test's own."""

import os
import shutil

from lib import bench, proc
from lib.fake_server import Proxy
from lib.redis import Connection, Redis

IS_THERE = shutil.which("redis-sentinel") is not None
NAME = "crier"  # of the master, at its sentinels
EXAMPLE = os.path.join(bench.SRCDIR, "conf", "redis", "sentinel.conf")


class Server(Redis):
    """One that others reach by TCP, as replicas and sentinels do."""

    def __init__(self, place, name, *settings, env=None):
        self.port = proc.free_port()
        super().__init__(place, "--port", str(self.port),
                         "--repl-diskless-sync-delay", "0", *settings,
                         name=name, env=env)

    def follow(self, port):
        """Until all that the one at the port has is here."""
        self.ask("REPLICAOF", "127.0.0.1", port)
        proc.wait_for(lambda: self.info("master_link_status") == "up",
                      f"{self} follows another")
        return self

    def wait_replica(self):
        """A replica has all that was written."""
        with self.connect() as connection:
            connection.ask("SET", "x", "x")
            if connection.ask("WAIT", 1, 5000) < 1:
                raise proc.Late("the replica does not get on")

    def info(self, name):
        for line in self.ask("INFO").decode().splitlines():
            if line.startswith(name + ":"):
                return line.partition(":")[2]
        return None

    def lag(self):
        """From now on it gets nothing more, and tries in vain."""
        self.ask("CONFIG", "SET", "masteruser", "nobody")
        self.ask("CONFIG", "SET", "masterauth", "nothing")
        self.ask("CLIENT", "KILL", "TYPE", "master")
        proc.wait_for(lambda: self.info("master_link_status") == "down",
                      f"{self} is cut off")


class Sentinel:
    """One redis-sentinel, by the example of conf/redis but for its address
    and times; more are lines of its configuration."""

    def __init__(self, place, name, master_port, more="", has_tls=False):
        self.place = place
        self.name = name
        self.port = proc.free_port()
        self.dir = place.make_dir(name)
        self.log = place.path(f"{name}.log")
        self.config = os.path.join(self.dir, "sentinel.conf")
        self.proc = None
        port = f"port 0\ntls-port {self.port}" if has_tls else \
            f"port {self.port}"
        with open(EXAMPLE, encoding="utf-8") as file:
            text = file.read()
        for before, behind in (
                ("port 26379", f"{port}\ndir {self.dir}"),
                ("10.0.0.1 6379", f"127.0.0.1 {master_port}"),
                ("milliseconds crier 5000", "milliseconds crier 500"),
                ("timeout crier 60000", "timeout crier 3000")):
            assert before in text, before
            text = text.replace(before, behind)
        with open(self.config, "w", encoding="utf-8") as out:
            out.write(text + more)
        place.own(self)

    def start(self):
        self.proc = proc.Proc(["redis-sentinel", self.config], self.log)
        proc.wait_for(lambda: proc.can_connect(self.port),
                      f"{self} answers")
        return self

    def ask(self, *words):
        with Connection(self.port) as connection:
            return connection.ask(*words)

    def is_ready(self, replicas):
        return (str(self.ask("SENTINEL", "CKQUORUM", NAME)).startswith("OK")
                and len(self.ask("SENTINEL", "REPLICAS", NAME)) == replicas)

    def master(self):
        answer = self.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME)
        return int(answer[1])

    def destroy(self):
        if self.proc is not None:
            self.proc.destroy()

    def __str__(self):
        return self.name


def url(ports, more=""):
    """Of sentinels at ports of this host."""
    hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
    return f"redis+sentinel://{hosts}/{NAME}{more}"


class Watched:
    """A master with one replica, watched by three sentinels; with a proxy the
    two latter come to the master through it, as it can be cut."""

    def __init__(self, place, replica_env=None, with_proxy=False):
        self.place = place
        self.master = Server(place, "master")
        self.proxy = None
        port = self.master.port
        if with_proxy:
            self.proxy = Proxy(place, port).start()
            port = self.proxy.port
            self.master.settings += ["--replica-announce-ip", "127.0.0.1",
                                     "--replica-announce-port", str(port)]
        self.master.start()
        self.replica = Server(place, "replica", env=replica_env).start()
        self.replica.follow(port)
        self.sentinels = [Sentinel(place, f"sentinel{i}", port)
                          for i in range(3)]
        for sentinel in self.sentinels:
            sentinel.start()
        for sentinel in self.sentinels:
            proc.wait_for(lambda one=sentinel: one.is_ready(1),
                          f"{sentinel} knows the others and the replica", 30)

    def ports(self):
        return [one.port for one in self.sentinels]


def needs_sentinel(function):
    def test(tap, place):
        if not IS_THERE:
            tap.skip(function.__name__, "no redis-sentinel")
            return
        function(tap, place)

    test.__name__ = function.__name__
    test.__doc__ = function.__doc__
    return test
