# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""How runs end: by themselves, stopped, left alone, interrupted."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import threading
from contextlib import closing

from lib import bench, fronts, proc
from lib.fronts import by_each
from cases.runs_tests import (ROUTES, all_words, end_of, going, go_on, hold,
                              set_up, started, words)

# What it does is its argument.
ODD = r"""#!/usr/bin/python3
import os, signal, subprocess, sys, time
what = sys.argv[1]
place = os.path.dirname(sys.argv[0])
print("begins", flush=True)
if what == "kill":
    os.kill(os.getpid(), signal.SIGSEGV)
elif what == "much":
    for n in range(100000):
        print(n, "x" * 993)
elif what == "long":
    time.sleep(1000)
elif what == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("deaf", flush=True)
    time.sleep(1000)
elif what == "flood":
    while True:
        print("y" * 1000)
elif what in ("daemon", "parent"):
    if os.fork() == 0:
        os.setsid()
        for _n in range(2):
            if os.fork():
                time.sleep(0.1)
                os._exit(0)
        with open(place + "/left", "a") as file:
            print(os.getpid(), file=file)
        while True:
            print("daemon", flush=True)
            time.sleep(0.05)
    os.wait()
    print("has left", flush=True)
    time.sleep(1000 if what == "parent" else 0)
elif what == "attempt":
    print(os.environ["CRIER_ATTEMPT"], os.environ["CRIER_RUN"],
          os.environ.get("QUERY_STRING"), sys.stdin.read(), flush=True)
    while os.path.exists(place + "/hold-0"):
        time.sleep(0.02)
"""
ODDS = ("kill", "much", "long", "stubborn", "flood", "attempt", "daemon",
        "parent")


def odd_routes():
    lines = [ROUTES, "keep = 100\n"]
    more = {"flood": "run-bytes = 100000", "long": "run-linger = 0",
            "stubborn": "run-time = 1", "attempt": "run-again = true",
            "much": "run-linger = forever"}
    for what in ODDS:
        lines.append(f'route "POST /odd/{what}" {{ run = {{ "DIR/odd", '
                     f'"{what}" }} channel = "odd/{what}" '
                     f'{more.get(what, "")} }}\n'
                     f'route "GET /odd/{what}" {{ subscribe = "odd/{what}" '
                     '}\n')
    return "".join(lines)


def odd_set_up(place, front, options=()):
    front, folder = set_up(place, front, odd_routes(), options=options)
    path = place.write("programs/odd", ODD)
    os.chmod(path, 0o755)
    return front, folder


def result_of(front, target, method="POST", **more):
    """How the run of a request ended."""
    stream = front.open(target, method, **more)
    stream.wait_end(30)
    return end_of(stream)


def ends(tap, place, front):
    front, _folder = odd_set_up(place, front)
    end = result_of(front, "/odd/kill")
    tap.eq((end["reason"], end["signal"]), ("ended", signal.SIGSEGV),
           "killed by a signal")
    end = result_of(front, "/odd/stubborn")
    tap.eq((end["reason"], end["signal"]), ("timeout", signal.SIGKILL),
           "run-time, and who does not listen")
    end = result_of(front, "/odd/flood")
    tap.eq(end["reason"], "cut", "run-bytes")
    stream = front.open("/odd/long", "POST")
    stream.wait_events(1)
    stream.close()
    proc.wait_for(lambda: going(front) == 0, "it ends")
    with front.open("/odd/long") as late:
        late.wait_events(2)
        tap.eq(end_of(late)["reason"], "abandoned",
               "run-linger = 0: it ends with its last client")


def left(tap, place, front):
    """What it leaves in sessions of its own ends with it."""
    front, folder = odd_set_up(place, front)

    def pids():
        with open(folder + "/left", encoding="ascii") as file:
            return [int(line) for line in file]

    tap.eq(result_of(front, "/odd/daemon")["status"], 0, "it forks a daemon")
    proc.wait_for(lambda: all(map(proc.is_gone, pids())), "which has ended")
    stream = front.open("/odd/parent", "POST")
    stream.wait(lambda: "has left" in words(stream.events), "it has left")
    tap.ok(not proc.is_gone(pids()[-1]), "one that runs keeps its daemon")
    front.crierd.crier("stop", "odd/parent")
    stream.wait_end()
    proc.wait_for(lambda: all(map(proc.is_gone, pids())), "stopped, too")
    stream = front.open("/odd/parent", "POST")
    stream.wait(lambda: "has left" in words(stream.events), "it has left")
    front.crierd.stop()
    proc.wait_for(lambda: all(map(proc.is_gone, pids())), "crierd ends, too")
    stream.close()
    tap.eq(len(pids()), 3, "three of them")


def much(tap, place, front):
    """100 MB that nobody reads."""
    front, _folder = odd_set_up(place, front)
    stream = front.open("/odd/much", "POST")
    stream.wait_events(1)
    stream.close()
    proc.wait_for(lambda: going(front) == 0, "it goes on to its end", 60)
    status = front.crierd.status()
    tap.ok(status["events"]["published"] > 100000
           and status["history_bytes"] < 1 << 20,
           "a reader who is not there holds nothing up, and nothing grows",
           status)
    with front.open("/odd/much", HTTP_LAST_EVENT_ID="") as late:
        late.wait_events(100)
        tap.eq(late.events[0].type, "crier.gap", "what is gone is told")


def stopped(tap, place, front):
    front, folder = set_up(place, front)
    hold(folder, 1)
    for name, stop in (
            ("DELETE", lambda: front.fetch("/chat/ann", "DELETE",
                                           REMOTE_USER="ann")),
            ("crier stop", lambda: front.crierd.crier("stop", "chat/ann")),
            ("status -r", None)):
        if stop is None:
            break
        stream = front.open("/chat/ann", "POST", REMOTE_USER="bob")
        stream.wait_events(1)
        pid = started(folder)[-1]
        listed = front.crierd.crier("status", "-r").stdout.decode()
        tap.ok(re.search(r" 1 +1 +\d+ bob +\d+-\d+ +chat/ann", listed),
               f"{name}: status -r lists it", listed)
        stop()
        stream.wait_end()
        end = end_of(stream)
        tap.eq((end["reason"], end["signal"]), ("stopped", signal.SIGTERM),
               f"{name}: stopped")
        proc.wait_for(lambda pid=pid: proc.is_gone(pid), "it is gone")
    stream = front.open("/chat/ann", "POST", REMOTE_USER="bob")
    stream.wait_events(1)
    for user, status in (("", 401), ("eve", 403), ("bob", 200)):
        answer = front.fetch("/chat/ann", "DELETE", REMOTE_USER=user)
        tap.eq(answer.status, status, f"who may stop it: {user or 'nobody'}")
    stream.wait_end()
    answer = front.fetch("/chat/ann", "DELETE", REMOTE_USER="ann")
    tap.eq(json.loads(answer.raw), {"ok": True, "stopped": 0},
           "where nothing runs")
    answer = front.fetch("/chat/ann", "DELETE", REMOTE_USER="ann",
                         HTTP_ORIGIN="https://evil.example",
                         HTTP_HOST="here.example")
    tap.eq(answer.status, 403, "another site's page may not")


def together(tap, place):
    """Fifty requests at once, over all doors."""
    front, folder = set_up(place, fronts.Front)
    doors = [fronts.Door(Corner(place, n), crierd=front.crierd)
             for n in range(4)]
    cgi = fronts.Cgi(place, crierd=front.crierd)
    hold(folder, 2)
    streams, lock = [], threading.Lock()

    def ask(way):
        stream = way.open("/chat/x", "POST")
        with lock:
            streams.append(stream)

    threads = [threading.Thread(target=ask, args=(way,)) for way in
               ([front] * 20 + doors * 5 + [cgi] * 10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for stream in streams:
        stream.wait_events(2)
    go_on(folder, 2)
    for stream in streams:
        stream.wait_end()
    tap.eq({tuple(words(s.events[:-1])) for s in streams},
           {tuple(all_words())}, "all have all of it, once")
    tap.eq((len(streams), len(started(folder))), (50, 1), "one program")


def killed(tap, place):
    """crierd is killed: the next one tells, once."""
    store = "store=sqlite:" + os.path.join(place.run, "history.db")
    front, folder = odd_set_up(place, fronts.Front, (store, "run-max=4"))
    hold(folder, 0)
    hold(folder, 3)
    first = front.open("/chat/a", "POST", HTTP_IDEMPOTENCY_KEY="k")
    again = front.open("/odd/attempt?q=1", "POST", body=b"b", kind="text")
    silent = front.open("/chat/b", "POST")
    go_on(folder, 0)
    first.wait_events(3)
    silent.wait_events(3)
    again.wait_end()
    hold(folder, 0)
    again = front.open("/odd/attempt?q=1", "POST", body=b"b", kind="text")
    again.wait_events(2)
    with front.open("/odd/parent", "POST") as stream:
        stream.wait(lambda: "has left" in words(stream.events), "it has left")
    with open(folder + "/left", encoding="ascii") as file:
        daemon = int(file.read())
    pids = started(folder)
    front.crierd.kill()
    for pid in pids:
        proc.wait_for(lambda pid=pid: proc.is_gone(pid), "its programs die")
    front.crierd.start()
    proc.wait_for(lambda: proc.is_gone(daemon), "and what they have left")
    page = front.open("/chat/a")
    page.wait_events(4)
    tap.eq((words(page.events[:3]), page.events[3].type,
            json.loads(page.events[3].data)),
           (all_words(3), "crier.end", {"reason": "interrupted"}),
           "whoever comes has it all, and is told of the interruption")
    back = front.open("/chat/a", HTTP_LAST_EVENT_ID=first.events[1].id)
    back.wait_events(2)
    tap.eq(words(back.events), ["word 2", '{"reason":"interrupted"}'],
           "who comes back has the rest, and the end")
    answer = front.fetch("/chat/a", HTTP_LAST_EVENT_ID=page.events[-1].id)
    tap.eq(answer.status, 204, "who has seen that is told to stop")
    answer = front.fetch("/chat/a", "POST", HTTP_IDEMPOTENCY_KEY="k")
    tap.eq((len(answer.events), len(started(folder))), (4, 2),
           "the key is known still: it is not run again")
    proc.wait_for(lambda: going(front) == 1, "one is going on")
    more = front.open("/odd/attempt", HTTP_LAST_EVENT_ID=again.events[1].id)
    more.wait_events(2)
    attempts = [again.events[1].data.split()] + [more.events[1].data.split()]
    tap.eq([a[0] for a in attempts] + attempts[1][2:], ["1", "2", "q=1", "b"],
           "run-again: it runs again, is told so, and for the same request")
    tap.eq(attempts[0][1], attempts[1][1], "and it is the same run")
    go_on(folder, 0)
    more.wait_events(3)
    front.crierd.stop()
    front.crierd.start()
    with front.open("/chat/b") as late:
        late.wait_events(4)
        tap.ok(len(late.events) == 4
               and front.crierd.status()["runs"]["going"] == 0,
               "once: the one after that has nothing to tell")


# Target; what is done there; who comes back, having seen all but so many
# events: all of those are there for them, and for none is answered 204.
RESTARTS = (
    ("/chat/ended", ("run",), (1, 2)),
    ("/chat/twice", ("run", "run"), (1, 7)),
    ("/chat/more", ("run", "publish"), (1,)),
    ("/chat/late", ("run", "publish", "run"), (7, 8)),
    ("/es/ended", ("run",), (0, 1)),
    ("/es/twice", ("run", "run"), (0, 7, 8)),
    ("/chat/interrupted", ("run", "interrupted"), (2, 4)))


def come_back(tap, front, target, missed, when):
    name = f"{when}: {target}: who has seen all but {missed}"
    lines = front.crierd.crier("history", target[1:]).stdout.splitlines()
    ids = [json.loads(line)["id"] for line in lines]
    with front.open(target, HTTP_LAST_EVENT_ID=ids[-1 - missed]) as stream:
        stream.wait(lambda: stream.head, "the answer")
        if missed == 0:
            tap.ok(stream.head.startswith(b"Status: 204"), name, stream.head)
            return
        stream.wait(lambda: stream.ended or len(stream.events) >= missed,
                    "what is missed")
        tap.eq([event.id for event in stream.events], ids[-missed:], name)


def restarts(tap, place):
    """Who has seen the end of a run comes back to a later crierd."""
    store = "store=sqlite:" + os.path.join(place.run, "history.db")
    front, folder = set_up(place, fronts.Front, options=(store,))
    for target, deeds, _missed in RESTARTS:
        for deed in deeds:
            if deed == "run":
                front.fetch(target, "GET" if "/es/" in target else "POST")
            elif deed == "publish":
                front.crierd.publish(target[1:], "more")
    hold(folder, 3)
    with front.open("/chat/interrupted", "POST") as stream:
        stream.wait_events(3)
        front.crierd.kill()
    front.crierd.start()
    proc.wait_for(lambda: going(front) == 0, "its interruption is told")
    for end in (front.crierd.stop, front.crierd.kill, None):
        when = f"before {end.__name__}" if end else "at last"
        for target, _deeds, all_missed in RESTARTS:
            for missed in all_missed:
                come_back(tap, front, target, missed, when)
        if end:
            end()
            front.crierd.start()
    go_on(folder, 3)
    tap.eq(len(started(folder)),
           sum(len([d for d in deeds if d != "publish"])
               for _target, deeds, _missed in RESTARTS), "nothing runs again")


def store_refuses(tap, place):
    """A store that takes nothing in the middle of a run."""
    path = os.path.join(place.run, "history.db")
    front, folder = set_up(place, fronts.Front,
                           options=("store=sqlite:" + path,))
    hold(folder, 2)
    page = front.open("/chat/a", "POST")
    page.wait_events(2)
    with closing(sqlite3.connect(path, isolation_level=None)) as lock:
        lock.execute("BEGIN IMMEDIATE")
        go_on(folder, 2)
        front.crierd.wait_log("run chat/a: waits, for its output is refused")
        refused = front.crierd.status()["events"]["refused"]
        proc.wait_for(
            lambda: front.crierd.status()["events"]["refused"] >= refused + 3,
            "it is tried again")
        page.pump()
        tap.eq((words(page.events), going(front)), (all_words(2), 1),
               "what is refused nobody has, and the run waits")
        lock.execute("ROLLBACK")
    page.wait_end()
    tap.eq(words(page.events[:-1]), all_words(),
           "when the store takes it, all of it is there, once, in order")
    tap.eq(end_of(page)["status"], 3, "and its end")
    front.crierd.wait_log("run chat/a: its output is taken again")
    tap.eq(front.crierd.log_text().count("output is refused"), 1,
           "the log has it once")


def orderly(tap, place):
    """crierd ends in order: it tells itself, whatever its store."""
    front, folder = set_up(place, fronts.Front)
    hold(folder, 3)
    page = front.open("/chat/a", "POST")
    page.wait_events(3)
    front.crierd.stop()
    page.wait_end()
    tap.eq((words(page.events[:3]), json.loads(page.events[3].data)),
           (all_words(3), {"reason": "interrupted"}),
           "its streams are told before they end")
    proc.wait_for(lambda: all(map(proc.is_gone, started(folder))),
                  "its program has ended")


def from_shell(tap, place):
    """crier tail prints a run's end as an event, and goes on."""
    front, _folder = set_up(place, fronts.Front)
    front.fetch("/chat/a", "POST")
    done = front.crierd.crier("history", "chat/a")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    tap.eq((len(events), events[-1].get("event")), (7, "crier.end"),
           "crier history has its end")


# COMMAND, exit status of crier run -f, what it prints.
SHELL = (
    (("echo", "a b"), 0, "a b\n"),
    (("sh", "-c", "echo x; echo y; exit 7"), 7, "x\ny\n"),
    (("sh", "-c", "kill -9 $$"), 137, ""),
    (("sh", "-c", 'echo "$CRIER_CHANNEL $0 $PWD"', "0"), 0,
     "c/3 0 DIRECTORY\n"),
    (("/no/such",), 65, ""),
    (("no-such-command",), 65, ""))


# What is in a file, its mode, what is said of it.
BARRED = (
    ("plain", "echo", 0o644, "Permission denied"),
    ("bare", "echo", 0o755,
     "neither a program nor a script that begins with #!"),
    ("lost", "#!/no/such/python\n", 0o755, "its interpreter (#!) is not there"),
    ("gone", None, 0, "No such file or directory"))


def cannot_begin(tap, place, front):
    """crier run names what cannot be begun, and why, at once."""
    with front.crierd.connect() as queue:
        for name, text, mode, why in BARRED:
            path = place.path(name)
            if text is not None:
                os.chmod(place.write(name, text), mode)
            answer = queue.ask({"do": "run", "channel": "b",
                                "command": [path]})
            tap.eq((answer["error"], answer["code"]), (f"{path}: {why}", 65),
                   f"{name}: {why}")
        os.chmod(place.make_dir("closed"), 0)
        for name, why in (("closed", "Permission denied"),
                          ("none", "No such file or directory")):
            folder = place.path(name)
            answer = queue.ask({"do": "run", "channel": "b",
                                "command": ["/bin/true"],
                                "directory": folder})
            tap.eq((answer["error"], answer["code"]), (f"{folder}: {why}", 65),
                   f"in a directory: {why}")
    tap.eq(going(front), 0, "none is begun")


def shell(tap, place):
    """crier run."""
    front, _folder = set_up(place, fronts.Front)
    crier = front.crierd.crier
    for n, (command, status, text) in enumerate(SHELL):
        done = crier("run", "-f", f"c/{n}", *command)
        tap.eq((done.returncode, done.stdout.decode()),
               (status, text.replace("DIRECTORY", os.path.realpath("."))),
               f"crier run -f {command[0]}")
    done = crier("run", "-k", "k", "c/k", "sh", "-c", "echo $$; sleep 1000")
    since = done.stdout.decode().strip()
    tap.ok(done.returncode == 0 and re.fullmatch(r"\d+-\d+", since),
           "crier run prints where it begins", done)
    stream = front.crierd.connect()
    stream.send({"do": "stream", "channel": "c/k", "since": since})
    proc.wait_for(lambda: (stream.line() or b"").startswith(b"data: "),
                  "it is followed from there")
    stream.close()
    done = crier("run", "-k", "k", "c/k", "true")
    tap.eq(done.stdout.decode().strip(), since, "once with a key")
    done = crier("run", "c/k", "true")
    tap.ok(done.returncode == 75 and b"runs in this channel" in done.stderr,
           "and one at a time", done)
    tap.eq(crier("stop", "-v", "c/k").stdout, b"stopped 1\n", "crier stop -v")
    proc.wait_for(lambda: going(front) == 0, "it ends")
    tap.eq(crier("stop", "-v", "c/k").stdout, b"stopped 0\n", "once")
    done = crier("run", "--linger", "0.1", "c/l", "sleep", "1000")
    proc.wait_for(lambda: going(front) == 0, "--linger")
    with front.crierd.connect() as queue:
        for line, error in (
                ({}, "channel is missing"),
                ({"channel": "$a", "command": ["/bin/true"]},
                 "channels that begin with $ are crier's own"),
                ({"channel": "a"}, "command is no list of words"),
                ({"channel": "a", "command": [1]},
                 "command has a word that is no string"),
                ({"channel": "a", "command": ["true"]},
                 "command does not begin with a full path")):
            answer = queue.ask({"do": "run", **line})
            tap.eq((answer["error"], answer["code"]), (error, 65), error)
    cannot_begin(tap, place, front)
    if bench.IS_ROOT:
        done = subprocess.run(
            bench.CRIER + ["-s", front.crierd.queue, "run", "a", "true"],
            user=65534, group=bench.server_user().pw_gid, extra_groups=[],
            stderr=subprocess.PIPE, stdout=subprocess.PIPE, check=False)
        tap.ok(done.returncode == 77 and b"run-allow" in done.stderr,
               "not for everybody who may publish", done)


class Corner:
    """A place for one of several doors."""

    def __init__(self, place, number):
        self.place = place
        self.run = place.make_dir(f"door{number}")
        os.chmod(self.run, 0o777)
        self.number = number

    def log(self, name):
        return self.place.log(f"{self.number}-{name}")

    def own(self, thing):
        return self.place.own(thing)


TESTS = by_each(ends, fronts.Front, fronts.Door)
TESTS += by_each(much, fronts.Front) + by_each(left, fronts.Front)
TESTS += by_each(stopped)
TESTS += (together, killed, restarts, store_refuses, orderly, from_shell,
          shell)
