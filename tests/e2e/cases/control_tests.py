# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""crier reload, restart and shutdown; one crierd after another."""

import os
import signal
import subprocess
import threading

from cases.daemon_tests import Background, run_crierd
from lib import bench, proc
from lib.daemon import Crierd
from lib.fcgi import Direct

STREAMS = 200


class Daemon:
    """A crierd that goes into the background, whichever is there now."""

    def __init__(self, tap, place, options=(), config=""):
        self.tap = tap
        self.crierd = Crierd(place, list(options), config)
        self.background = place.own(Background(self.crierd.queue))
        self.start()

    def start(self):
        status, _out, err = run_crierd(self.tap, *self.crierd.arguments())
        if status:
            raise AssertionError(f"crierd: {status} {err}")
        return self.background.ask_pid()

    def follow(self, count):
        return [Direct(self.crierd.listen, "/events/news").wait_open()
                for _ in range(count)]


def reload(tap, place):
    crierd = Crierd(place).start()
    place.write("crierd.conf", "retry = 5555\n")
    done = crierd.crier("reload")
    tap.eq((done.returncode, done.stdout, done.stderr), (0, b"", b""),
           "it says nothing")
    tap.eq(Direct(crierd.listen, "/events/a").wait_open().parser.retry, 5555,
           "and the setting holds")
    for text, why in (("retry = x\n", b"crierd.conf:1: retry"),
                      ("threads = 3\n", b"threads cannot change")):
        place.write("crierd.conf", text)
        done = crierd.crier("reload")
        tap.ok(done.returncode == 65 and why in done.stderr,
               f"{text!r}: 65, and why", f"{done.returncode} {done.stderr}")
    tap.eq(Direct(crierd.listen, "/events/a").wait_open().parser.retry, 5555,
           "what is wrong changes nothing")


def restart(tap, place):
    """Streams, and a history that lasts; the arguments are the same."""
    history = os.path.join(place.dir, "history")
    os.mkdir(history)
    if bench.IS_ROOT:
        user = bench.server_user()
        os.chown(history, user.pw_uid, user.pw_gid)
    daemon = Daemon(tap, place, [f"store=sqlite:{history}/h.db",
                                 "retry=4321"])
    first = daemon.background.ask_pid()
    streams = daemon.follow(STREAMS)
    daemon.crierd.pub("news", "kept")
    done = daemon.crierd.crier("restart")
    second = daemon.background.ask_pid()
    tap.ok(done.returncode == 0 and second != first,
           "another process serves when it returns",
           f"{done.returncode} {done.stderr} {first} {second}")
    for stream in streams:
        stream.wait_end()
    again = Direct(daemon.crierd.listen, "/events/news?since=all").wait_open()
    tap.eq(again.wait_events(1)[0].data, "kept", "it has the history")
    tap.eq(again.parser.retry, 4321, "with the same settings")
    place.write("crierd.conf", "retry = x\n")
    done = daemon.crierd.crier("restart")
    tap.ok(done.returncode == 65 and b"crierd.conf:1" in done.stderr
           and daemon.background.ask_pid() == second,
           "a configuration with an error: it goes on",
           f"{done.returncode} {done.stderr}")


def restart_by_others(tap, place):
    """In the foreground whoever started it starts it again."""
    crierd = Crierd(place).start()

    def supervise():
        crierd.proc.wait(20 * proc.SLOW)
        crierd.start()

    supervisor = threading.Thread(target=supervise)
    supervisor.start()
    first = crierd.pid
    done = crierd.crier("restart")
    supervisor.join()
    tap.ok(done.returncode == 0 and crierd.pid != first,
           "it waits for the next one", f"{done.returncode} {done.stderr}")
    place.write("crierd.conf", "")


def shutdown(tap, place):
    daemon = Daemon(tap, place)
    stream = daemon.follow(1)[0]
    done = daemon.crierd.crier("shutdown")
    tap.ok(done.returncode == 0 and daemon.background.is_gone(),
           "it has ended when it returns",
           f"{done.returncode} {done.stderr}")
    stream.wait_end()
    done = daemon.crierd.crier("shutdown")
    tap.eq(done.returncode, 69, "there is none any more: 69")


def who_may(tap, place):
    if not bench.IS_ROOT:
        tap.skip("who may", "needs root")
        return
    crierd = Crierd(place, ["queue-mode=0666"]).start()
    for verb in ("reload", "restart", "shutdown"):
        done = subprocess.run(
            [*bench.CRIER, "-s", crierd.queue, verb], user="nobody",
            group="nogroup", extra_groups=[], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
            timeout=30 * proc.SLOW, cwd="/")
        tap.ok(done.returncode == 77 and b"crierd's own user" in done.stderr,
               f"{verb}: not everybody", f"{done.returncode} {done.stderr}")
    tap.eq(crierd.streams(), 0, "it serves")


def restart_of_roots(tap, place):
    """Its own user may end it, but could not start it as root did."""
    if not bench.IS_ROOT:
        tap.skip("a restart of root's", "needs root")
        return
    daemon = Daemon(tap, place)
    user = bench.server_user()
    done = subprocess.run(
        [*bench.CRIER, "-s", daemon.crierd.queue, "restart"],
        user=user.pw_uid, group=user.pw_gid, extra_groups=[],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, check=False, timeout=30 * proc.SLOW, cwd="/")
    tap.ok(done.returncode == 77 and b"started by root" in done.stderr,
           "77, and it goes on", f"{done.returncode} {done.stderr}")
    tap.eq(daemon.crierd.streams(), 0, "it serves")


def one_after_another(tap, place):
    """kill; crierd: the next one waits for the one that drains."""
    daemon = Daemon(tap, place)
    for _ in range(3):
        first = daemon.background.ask_pid()
        streams = daemon.follow(STREAMS)
        os.kill(first, signal.SIGTERM)
        second = daemon.start()
        for stream in streams:
            stream.wait_end()
        tap.ok(second != first, "the next one serves", f"{first} {second}")


def beside_another(tap, place):
    """Not beside one that serves."""
    daemon = Daemon(tap, place)
    status, _out, err = run_crierd(tap, *daemon.crierd.arguments())
    tap.ok(status == 1 and "another crierd is running" in err,
           "a second crierd says so", f"{status} {err}")
    tap.eq(daemon.crierd.streams(), 0, "and the first one goes on")


TESTS = (reload, restart, restart_by_others, shutdown, who_may,
         restart_of_roots, one_after_another, beside_another)
