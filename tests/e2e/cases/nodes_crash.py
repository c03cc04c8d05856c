# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""Three nodes at one Redis, and whatever can be done to all of them."""

import glob
import os
import random
import signal
import time

from lib import bench, nodes_load, proc
from lib.redis import Node, Redis, needs_redis
from lib.redis_proxy import KINDS, Proxy
from lib.redis_sentinel import Watched, needs_sentinel, url
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
    """Nodes, and the load on them; where is the URL of what they share."""

    def __init__(self, tap, place, where, options=()):
        self.tap = tap
        self.place = place
        self.seed = int(os.environ.get("CRIER_TEST_SEED")
                        or random.SystemRandom().randrange(1 << 32))
        tap.diag(f"CRIER_TEST_SEED={self.seed}")
        self.random = random.Random(self.seed)
        self.clock = None
        if Interposer.is_there():
            self.clock = Interposer(place, "node")
        self.nodes = [self._node(f"n{i}", where, options)
                      for i in range(NODES)]
        self.load = nodes_load.Load(place, self.nodes, self.seed)
        self.acts = []

    def _node(self, name, where, options):
        # Most resumes at the others are served by the Redis.
        memory = "1G" if name == "n0" else "20K"
        node = Victim(self.place, name, where,
                      [*OPTIONS, "history-bytes=" + memory, *options],
                      nodes_load.CONFIG)
        if name == "n0" and self.clock:
            node.env = self.clock.env
        return node.start()

    def pause(self, most=PAUSE):
        time.sleep(self.random.uniform(0, most) * proc.SLOW)

    # What is done to them.

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

    def _move(self, clock):
        for seconds in (3600, -3600, 0):
            clock.clock(seconds)
            self.pause()

    def move_node_clock(self):
        self._move(self.clock)

    def stop_node(self):
        node = self.random.choice(self.nodes)
        os.kill(node.pid, signal.SIGSTOP)
        self.pause(3)
        os.kill(node.pid, signal.SIGCONT)

    def await_nodes(self):
        proc.wait_for(lambda: all(node.is_up() for node in self.nodes),
                      "all nodes are there", 30)

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
                    f"{self.load.total} accepted; {' '.join(self.acts)}",
                    *self.more())

    def more(self):
        """What else helps to understand a failure."""
        return []


class AtOne(Scene):
    """At one Redis, by a proxy."""

    def __init__(self, tap, place, settings, options=()):
        self.redis = Redis(place, *settings)
        self.redis_clock = None
        if Interposer.is_there():
            self.redis_clock = Interposer(place, "redis")
            self.redis.env.update(self.redis_clock.env)
        self.redis.start()
        self.proxy = Proxy(place, self.redis)
        super().__init__(tap, place, f"redis+unix://{self.proxy.path}",
                         options)

    def _state(self, name):
        text = self.redis.ask("HGET", "{crier}:state", name)
        return (text or b"-").decode()

    def _await_fsync(self):
        """While one hangs, everysec answers before it writes."""
        proc.wait_for(lambda: b"aof_pending_bio_fsync:0" in self.redis.ask(
            "INFO", "persistence"), "nothing is being written", 30)

    def kill_redis(self):
        self._await_fsync()
        self.acts.append(self._state("last"))
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

    def more(self):
        return ["cuts: " + self._state("cuts")]

    def flush_scripts(self):
        self.redis.ask("SCRIPT", "FLUSH")

    def kill_clients(self):
        with self.redis.connect() as connection:
            connection.ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME",
                           "yes")

    def fill_memory(self):
        refusals = self.refusals()
        self.redis.ask("CONFIG", "SET", "maxmemory", "1")
        proc.wait_for(lambda: self.refusals() > refusals,
                      "somebody is refused", 30)
        self.redis.ask("CONFIG", "SET", "maxmemory", "0")

    def refusals(self):
        return sum(getattr(p, "refusals", 0) for p in self.load.publishers)

    def cut(self, kind):
        part = self.random.uniform(0.02, 0.98)
        self.proxy.order(kind, part)

    def move_redis_clock(self):
        self._move(self.redis_clock)

    def flush_all(self):
        """A new node could not know which ids there were."""
        self.await_nodes()
        self.acts.append(self._state("last"))
        self.redis.ask("FLUSHALL")
        proc.wait_for(lambda: self._state("last") != "-",
                      "somebody finds out", 30)

    def rewrite_file(self):
        self.redis.ask("BGREWRITEAOF")
        proc.wait_for(lambda: not {b"aof_rewrite_in_progress:1",
                                   b"aof_rewrite_scheduled:1"} & set(
            self.redis.ask("INFO", "persistence").split()),
            "the file is rewritten", 60)

    def cut_file_short(self):
        """A power loss: of the file's end some is not on the disk.

        What a node alone has read that goes with it nobody can tell.
        """
        self.await_nodes()
        self.acts.append(self._state("last"))
        self.redis.kill()
        (path,) = glob.glob(os.path.join(self.redis.dir, "appendonlydir",
                                         "*.incr.aof"))
        size = os.path.getsize(path)
        os.truncate(path, max(size // 2, size - self.random.randrange(
            2000, 60000)))
        self.redis.start()


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
    if scene.clock:
        acts += [(scene.move_node_clock, 1), (scene.move_redis_clock, 1)]
    return acts


def lossy_acts(scene):
    """What takes some or all of it."""
    return [(scene.flush_all, 2), (scene.cut_file_short, 6),
            (scene.kill_redis, 3), (scene.kill_node, 10)]


@needs_redis
def nothing_is_lost(tap, place):
    scene = AtOne(tap, place, durable("always"))
    for fsync in ("always", "everysec"):
        scene.redis.settings = durable(fsync)
        scene.kill_redis()
        scene.run(scene.all_acts(kept_acts(scene)))
    scene.finish(scene.settle(), "what is accepted comes once, in order")
    done = scene.proxy.done()
    tap.ok(all(done.get(kind) for kind in KINDS),
           "connections were cut everywhere", done)
    scene.await_nodes()


@needs_redis
def losses_are_told(tap, place):
    scene = AtOne(tap, place, durable("everysec"))
    scene.run(scene.all_acts(lossy_acts(scene)))
    scene.finish(scene.settle(is_lossy=True),
                 "what is missing is told, and ids grow")
    gaps = sum(f.gaps for f in scene.load.followers)
    tap.ok(gaps > len(scene.load.followers), "there were losses", gaps)
    # What was told is over: nothing more is lost or told.
    scene.load.resume()
    scene.load.progress(200)
    scene.finish(scene.settle(), "and then all is well again")


@needs_sentinel
def fails_over(tap, place):
    """To a replica that lags, and whose clock is an hour behind."""
    clock = Interposer(place, "replica") if Interposer.is_there() else None
    if clock:
        clock.clock(-3600)
    redis = Watched(place, replica_env=clock and clock.env)
    scene = Scene(tap, place, url(redis.ports()))
    scene.run([scene.kill_node] * 3)
    redis.master.wait_replica()
    redis.replica.lag()
    scene.load.progress(200)
    scene.await_nodes()
    redis.master.kill()
    scene.run([scene.kill_node] * 3)
    scene.finish(scene.settle(is_lossy=True),
                 "what is missing is told, and ids grow")
    gaps = [f.gaps for f in scene.load.followers]
    tap.ok(all(gaps), "all were told", gaps)
    tap.eq(len({node.store()["floor"] for node in scene.nodes}), 1,
           "it is one epoch")


@needs_redis
def rolling_restart(tap, place):
    """One node after the other, as one brings in a new version."""
    scene = AtOne(tap, place, durable("everysec"), ["drain-time=1"])
    scene.load.resume()
    for _round in range(2):
        for node in scene.nodes:
            scene.load.progress(100)
            tap.eq(node.end(signal.SIGTERM), 0, f"{node} ends")
            node.launch()
            proc.wait_for(node.is_up, f"{node} is up", 30)
    scene.load.progress(100)
    refusals = scene.refusals()
    scene.finish(scene.settle(), "a rolling restart loses nothing")
    tap.eq(refusals, 0, "and nobody is refused")


@needs_redis
def soak_nodes(tap, place):
    """For SOAK_SECONDS, in turns that lose nothing, and now and then one that
    does."""
    scene = AtOne(tap, place, durable("everysec"), ["keep=50000"])
    end = time.monotonic() + float(os.environ.get("SOAK_SECONDS") or 3600)
    wrong, turn = [], 0
    while not wrong and time.monotonic() < end:
        turn += 1
        is_lossy = turn % 4 == 0
        acts = scene.all_acts((lossy_acts if is_lossy else kept_acts)(scene))
        scene.acts.clear()
        scene.run(acts)
        wrong = scene.settle(is_lossy)
        scene.rewrite_file()
        tap.diag(f"turn {turn}: {scene.load.total} events, "
                 f"{max(0, end - time.monotonic()):.0f} s left")
    scene.finish(wrong, "what is accepted comes once, in order, or its loss "
                 "is told")


TESTS = [nothing_is_lost, losses_are_told, fails_over, rolling_restart]
