# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""Whatever is killed, and whenever: what was acknowledged is delivered."""

import os
import random
import signal
import time

from lib import bench, daemon, proc, servers
from lib.crash_load import TARGETS, Load
from lib.daemon import Queue

KILLS = 50
TERMS = 10
SERVER_KILLS = 10
UP_TO = 0.35  # seconds that it is left alone, at most


class Victim(daemon.Crierd):
    """A crierd that is started without waiting for it."""

    def launch(self):
        self.proc = proc.Proc(bench.CRIERD + ["-f"] + self.arguments(),
                              self.log)

    def is_up(self):
        return self._is_up()

    def end(self, number):
        """It must be alive until then."""
        early = self.proc.status()
        if early is not None:
            raise AssertionError(f"crierd ended by itself: {early}")
        return self.proc.stop(number, 30)


class Scene:
    """crierd with a store, nginx before it, and the load on them."""

    def __init__(self, tap, place, name, keep=10000000, store=None,
                 more=()):
        self.tap = tap
        self.seed = int(os.environ.get("CRIER_TEST_SEED")
                        or random.SystemRandom().randrange(1 << 32))
        tap.diag(f"CRIER_TEST_SEED={self.seed}")
        self.random = random.Random(self.seed)
        store = os.path.join(store or place.make_dir("store"), "history.db")
        # A small memory: clients that are behind are served by the store.
        self.crierd = Victim(place, [
            "store=sqlite:" + store, f"keep={keep}", "keep-bytes=1G",
            "history-bytes=1M", "drain-time=1", "log-level=warning",
            *more])
        self.crierd.start()
        self.nginx = servers.KINDS["nginx"](place, self.crierd)
        self.nginx.start()
        self.load = Load(place, self.crierd.queue, self.nginx.port, name)
        self.load.resume()

    def pause(self):
        time.sleep(self.random.uniform(0, UP_TO) * proc.SLOW)

    def kill(self):
        self.crierd.end(signal.SIGKILL)
        self.crierd.launch()

    def terminate(self):
        # Before it has set itself up, the signal just ends it.
        proc.wait_for(self.crierd.is_up, "crierd is up")
        self.pause()
        status = self.crierd.end(signal.SIGTERM)
        self.crierd.launch()
        if status != 0:
            raise AssertionError(f"SIGTERM: status {status}")

    def kill_server(self):
        port = self.nginx.port
        self.nginx.proc.destroy()
        self.nginx.start()
        if self.nginx.port != port:
            raise AssertionError("nginx cannot have its port back")

    def repeat(self, times, act):
        for _time in range(times):
            self.pause()
            act()

    def finish(self, times):
        before = sum(p.cut_short for p in self.load.publishers)
        late = self.load.settle()
        for one in self.load.all():
            self.tap.diag(one)
        self.tap.ok(self.load.acknowledged() > 20 * times,
                    "publishers got on between", *self.load.all())
        self._send_again()
        self.load.check(self.tap, late)
        return before

    def _send_again(self):
        """As if the reply had been lost with the last crierd."""
        answers = []
        with Queue(self.crierd.queue) as queue:
            for publisher in self.load.publishers:
                for at, target in enumerate(TARGETS):
                    key = (f"{self.load.name}-{publisher.number}-{at}-"
                           f"{publisher.made[at] - 1}")
                    answers.append(queue.ask(
                        {"channel": target, "data": "again", "key": key}))
        self.tap.ok(all(answer.get("duplicate") is True
                        for answer in answers),
                    "what is sent again had been stored before", *answers)


def crierd_is_killed(tap, place):
    scene = Scene(tap, place, "kill")
    scene.repeat(KILLS, scene.kill)
    cut_short = scene.finish(KILLS)
    tap.ok(cut_short > KILLS // 2, "many a kill left publishers without "
           "their answers", cut_short)


def crierd_is_asked_to_end(tap, place):
    scene = Scene(tap, place, "term")
    scene.repeat(TERMS, scene.terminate)
    scene.finish(TERMS)


def the_web_server_is_killed(tap, place):
    scene = Scene(tap, place, "nginx")
    connects = sum(f.connects for f in scene.load.followers)
    scene.repeat(SERVER_KILLS, scene.kill_server)
    scene.finish(SERVER_KILLS)
    tap.ok(sum(f.connects for f in scene.load.followers) - connects
           >= SERVER_KILLS * 3, "clients were cut each time")


TESTS = (crierd_is_killed, crierd_is_asked_to_end, the_web_server_is_killed)
