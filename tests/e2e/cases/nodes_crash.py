# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""Three nodes at one Redis, and whatever can be done to all of them."""

import glob
import os
import random
import signal
import time

from lib import bench, nodes_load, proc
from lib.redis import IS_THERE, Node, Redis
from lib.redis_proxy import KINDS, Proxy
from lib.store_tools import Interposer

NODES = 3
PAUSE = 0.3  # seconds that all is left alone, at most
DAYS = 86400 * 30
OPTIONS = (f"keep-seconds={DAYS}", f"key-seconds={DAYS}", "keep=10000000",
           "keep-bytes=1G", "max-keys=10000000", "log-level=warning")


def durable(fsync):
    return ["--appendonly", "yes", "--appendfsync", fsync,
            "--auto-aof-rewrite-percentage", "0"]


class Victim(Node):
    """A node that is started without waiting for it."""

    env = None

    def start(self, *more, **named):
        return super().start(*more, env=self.env, **named)

    def launch(self):
        self.proc = proc.Proc(bench.CRIERD + ["-f"] + self.arguments(),
                              self.log, env={**os.environ,
                                             **(self.env or {})})

    def is_up(self):
        return self._is_up()

    def end(self, number):
        """It must be alive until then; its status."""
        early = self.proc.status()
        if early is not None:
            raise AssertionError(f"{self.name} ended by itself: {early}")
        return self.proc.stop(number, 30)


class Scene:
    """The Redis, a proxy before it, the nodes and the load on them."""

    def __init__(self, tap, place, settings):
        self.tap = tap
        self.seed = int(os.environ.get("CRIER_TEST_SEED")
                        or random.SystemRandom().randrange(1 << 32))
        tap.diag(f"CRIER_TEST_SEED={self.seed}")
        self.random = random.Random(self.seed)
        self.redis = Redis(place, *settings)
        self.clocks = self._interpose(place)
        self.redis.start()
        self.proxy = Proxy(place, self.redis)
        self.nodes = [self._node(place, f"n{i}") for i in range(NODES)]
        self.load = nodes_load.Load(place, self.nodes, self.seed)
        self.acts = []

    def _interpose(self, place):
        """Clocks that can be moved: of the first node and of the Redis."""
        if not Interposer.is_there():
            return []
        clocks = [Interposer(place, "node"), Interposer(place, "redis")]
        self.redis.env = {**os.environ, **clocks[1].env}
        return clocks

    def _node(self, place, name):
        # Most resumes at the others are served by the Redis.
        memory = "1G" if name == "n0" else "20K"
        node = Victim(place, name, f"redis+unix://{self.proxy.path}",
                      [*OPTIONS, "history-bytes=" + memory],
                      nodes_load.CONFIG)
        if name == "n0" and self.clocks:
            node.env = self.clocks[0].env
        return node.start()

    def pause(self, most=PAUSE):
        time.sleep(self.random.uniform(0, most) * proc.SLOW)

    # What is done.

    def kill_node(self):
        node = self.random.choice(self.nodes)
        node.end(signal.SIGKILL)
        node.launch()

    def end_node(self):
        node = self.random.choice(self.nodes)
        # Before it has set itself up, the signal just ends it.
        proc.wait_for(node.is_up, f"{node} is up", 30)
        status = node.end(signal.SIGTERM)
        node.launch()
        if status != 0:
            raise AssertionError(f"SIGTERM: {node} ends with {status}")

    def stop_node(self):
        node = self.random.choice(self.nodes)
        os.kill(node.pid, signal.SIGSTOP)
        self.pause(3)
        os.kill(node.pid, signal.SIGCONT)

    def kill_redis(self):
        self.redis.kill()
        self.pause()
        self.redis.start()

    def stop_redis(self):
        self.redis.send(signal.SIGSTOP)
        self.pause(0.5)
        self.redis.send(signal.SIGCONT)

    def hang_redis(self):
        """For longer than a node waits for an answer."""
        self.redis.send(signal.SIGSTOP)
        time.sleep(3 + self.random.random())
        self.redis.send(signal.SIGCONT)

    def flush_scripts(self):
        self.redis.ask("SCRIPT", "FLUSH")

    def kill_clients(self):
        with self.redis.connect() as connection:
            connection.ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME",
                           "yes")

    def fill_memory(self):
        refusals = self._refusals()
        self.redis.ask("CONFIG", "SET", "maxmemory", "1")
        proc.wait_for(lambda: self._refusals() > refusals,
                      "somebody is refused", 30)
        self.redis.ask("CONFIG", "SET", "maxmemory", "0")

    def _refusals(self):
        return sum(getattr(p, "refusals", 0) for p in self.load.publishers)

    def cut(self, kind):
        part = self.random.uniform(0.02, 0.98)
        self.proxy.cut(kind, part)

    def _move_clock(self, which):
        for seconds in (3600, -3600, 0):
            self.clocks[which].clock(seconds)
            self.pause()

    def move_node_clock(self):
        self._move_clock(0)

    def move_redis_clock(self):
        self._move_clock(1)

    def flush_all(self):
        self.redis.ask("FLUSHALL")

    def await_nodes(self):
        proc.wait_for(lambda: all(node.is_up() for node in self.nodes),
                      "all nodes are there", 30)

    def cut_file_short(self):
        """A power loss: of the file's end some is not on the disk.

        What a node alone has read that goes with it nobody can tell.
        """
        self.await_nodes()
        self.redis.kill()
        (path,) = glob.glob(os.path.join(self.redis.dir, "appendonlydir",
                                         "*.incr.aof"))
        size = os.path.getsize(path)
        os.truncate(path, max(size // 2, size - self.random.randrange(
            2000, 60000)))
        self.redis.start()

    # All of it.

    def all_acts(self, counts):
        """So many of each, in any order."""
        acts = [act for act, count in counts for _one in range(count)]
        self.random.shuffle(acts)
        return acts

    def run(self, acts):
        self.load.resume()
        self.load.progress(50)
        for act in acts:
            self.pause()
            self.load.progress(5)
            self.acts.append(act.__name__)
            act()
        self.load.progress(50)

    def settle(self, is_lossy=False):
        """What is wrong with what clients saw, and with what is stored."""
        text = self.load.settle(120)
        last = self.nodes[-1]
        last.end(signal.SIGKILL)
        last.launch()
        proc.wait_for(last.is_up, f"{last} is up", 30)
        return self.load.judge(is_lossy, self.load.audit(last, text))

    def finish(self, wrong, name):
        for one in self.load.all():
            self.tap.diag(one)
        self.tap.ok(not wrong, name, *wrong[:20],
                    f"{self.load.total} accepted; {' '.join(self.acts)}")


def _cuts(scene):
    def bound(kind):
        def act():
            scene.cut(kind)
        act.__name__ = kind
        return act
    return [bound(kind) for kind in KINDS]


def kept_acts(scene):
    """What takes nothing from a Redis that writes before it answers, and how
    often in half of the short run."""
    acts = [(scene.kill_node, 25), (scene.end_node, 3), (scene.stop_node, 1),
            (scene.kill_redis, 2), (scene.stop_redis, 1),
            (scene.hang_redis, 1), (scene.flush_scripts, 2),
            (scene.kill_clients, 1), (scene.fill_memory, 1)]
    acts += [(act, 2) for act in _cuts(scene)]
    if scene.clocks:
        acts += [(scene.move_node_clock, 1), (scene.move_redis_clock, 1)]
    return acts


def lossy_acts(scene):
    """What takes some or all of it."""
    return [(scene.flush_all, 2), (scene.cut_file_short, 6),
            (scene.kill_redis, 3), (scene.kill_node, 10)]


def nothing_is_lost(tap, place):
    if not IS_THERE:
        tap.skip("nothing is lost", "no redis-server")
        return
    scene = Scene(tap, place, durable("always"))
    for fsync in ("always", "everysec"):
        scene.redis.settings = durable(fsync)
        scene.kill_redis()
        scene.run(scene.all_acts(kept_acts(scene)))
    scene.finish(scene.settle(), "what is accepted comes once, in order")
    done = scene.proxy.done()
    tap.ok(all(done.get(kind) for kind in KINDS),
           "connections were cut everywhere", done)
    scene.await_nodes()


def losses_are_told(tap, place):
    if not IS_THERE:
        tap.skip("losses are told", "no redis-server")
        return
    scene = Scene(tap, place, durable("everysec"))
    scene.run(scene.all_acts(lossy_acts(scene)))
    gaps = sum(f.gaps for f in scene.load.followers)
    scene.finish(scene.settle(is_lossy=True),
                 "what is missing is told, and ids grow")
    tap.ok(gaps > len(scene.load.followers), "there were losses", gaps)
    # What was told is over: nothing more is lost or told.
    scene.load.resume()
    scene.load.progress(200)
    scene.finish(scene.settle(), "and then all is well again")


TESTS = [nothing_is_lost, losses_are_told]
