# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""crier pub -c: the lines that a command prints, and its end."""

import json
import os
import signal
import subprocess

from lib import bench, proc
from lib.daemon import Crierd
from lib.fcgi import Direct

TRAP = ("trap 'echo caught; exit 7' {0}; echo up; "
        "while :; do sleep 0.05; done")


def events_of(crierd, channel, count):
    """What a channel retains: (type, data); the last is an exit's."""
    with Direct(crierd.listen, f"/events/{channel}?since=all") as stream:
        stream.wait_events(count)
        return [(e.type, e.data) for e in stream.events]


def exit_of(events):
    """The data of the exit event, which must be the last and only one."""
    kinds = [kind for kind, _data in events]
    if kinds.count("exit") != 1 or kinds[-1] != "exit":
        raise AssertionError(f"no exit at the end: {events}")
    return json.loads(events[-1][1])


class Running:
    """crier pub -c in the background."""

    def __init__(self, place, queue, *words, wrap=()):
        self.err = place.log("pub.log")
        self.proc = place.own(proc.Proc(
            [*wrap, *bench.CRIER, "-s", queue, "pub", *words], self.err))

    def wait(self):
        return self.proc.wait(30)


def lines(tap, place):
    crierd = Crierd(place).start()
    with Direct(crierd.listen, "/events/a") as stream:
        stream.wait_open()
        done = crierd.crier(
            "pub", "-v", "-c",
            "echo one; printf '\\ntwo\\r\\n'; echo err >&2; printf last;"
            " exit 3", "a")
        tap.eq((done.returncode, done.stderr), (0, b"err\n"),
               "the command's status is not crier's; its errors pass")
        got = stream.wait_events(5)
        tap.eq([(e.type, e.data) for e in got[:4]],
               [("message", text) for text in ("one", "", "two", "last")],
               "each line is an event")
        end = json.loads(got[4].data)
        tap.ok(got[4].type == "exit" and end["status"] == 3
               and 0 <= end["seconds"] < 60 * bench.SLOW
               and set(end) == {"status", "seconds"}, "then its end",
               got[4].data)
        tap.eq(done.stdout.decode().split(), [e.id for e in got],
               "-v prints the ids of all")
        done = crierd.crier("pub", "-e", "line", "-x", "3600", "-r", "777",
                            "-c", "cat", "a", data=b"stdin\n")
        got = stream.wait_events(7)[5:]
        tap.eq([(e.type, e.data) for e in got[:1]], [("line", "stdin")],
               "-e; its standard input is crier's")
        tap.eq((got[1].type, stream.parser.retry), ("exit", 777),
               "the name of the end stays")
        os.mkfifo(place.path("go"))
        child = Running(place, crierd.queue, "-c",
                        f"echo early; read x < {place.path('go')}", "a")
        tap.eq(stream.wait_events(8)[7].data, "early",
               "a line goes out while the command runs")
        with open(place.path("go"), "w", encoding="ascii") as go:
            go.write("x\n")
        tap.eq(child.wait(), 0, "and crier ends with it")


def ends(tap, place):
    crierd = Crierd(place).start()
    for number, (command, want) in enumerate((
            ("true", {"status": 0}), ("exit 255", {"status": 255}),
            ("kill -9 $$", {"status": 137, "signal": 9}),
            ("kill -TERM $$", {"status": 143, "signal": 15}),
            (place.path("none"), {"status": 127}),
            ("exec >&-; exit 4", {"status": 4}),
            ("trap '' PIPE; exit 5", {"status": 5}))):
        done = crierd.crier("pub", "-c", command, f"c{number}")
        end = exit_of(events_of(crierd, f"c{number}", 1))
        seconds = end.pop("seconds")
        tap.ok(done.returncode == 0 and end == want and seconds >= 0,
               f"{command!r}: {want}", end, done)
    # SIGPIPE is as crier found it, not ignored.
    done = crierd.crier("pub", "-c", "yes | head -n 1", "p")
    tap.eq((events_of(crierd, "p", 2)[0][1], done.stderr), ("y", b""),
           "a pipe in it breaks as usual")
    done = crierd.crier("pub", "-c", "printf 'a\\n\\377\\nb\\n'", "bad")
    tap.ok(done.returncode == 65 and b"line 2" in done.stderr,
           "a bad line: 65, and it is named", done)
    got = events_of(crierd, "bad", 3)
    tap.eq([data for _kind, data in got[:2]], ["a", "b"],
           "the others are published")
    tap.eq(exit_of(got)["status"], 0, "and the end")


def _is_gone(group):
    proc.children()  # reaps those that have become ours
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


def signals(tap, place):
    crierd = Crierd(place).start()
    for name in ("TERM", "INT", "HUP"):
        channel = name.lower()
        child = Running(place, crierd.queue, "-c", TRAP.format(name), channel)
        events_of(crierd, channel, 1)
        child.proc.send_signal(getattr(signal, "SIG" + name))
        tap.eq(child.wait(), 0, f"SIG{name} to crier: it ends well")
        got = events_of(crierd, channel, 3)
        tap.eq([data for _kind, data in got[:2]], ["up", "caught"],
               "the command has got it")
        tap.eq(exit_of(got)["status"], 7, "and its end is told")
    # The whole group: the shell waits for its child, which gets it as well.
    child = Running(place, crierd.queue, "-c",
                    "echo $$; sleep 600; echo after; exit 1", "group")
    shell = int(events_of(crierd, "group", 1)[0][1])
    child.proc.send_signal(signal.SIGTERM)
    tap.eq(child.wait(), 0, "a command that does not expect it")
    tap.eq(exit_of(events_of(crierd, "group", 2))["signal"], 15,
           "is ended by it")
    proc.wait_for(lambda: _is_gone(shell), "the group's end")
    tap.ok(True, "with all of its children")
    child = Running(place, crierd.queue, "-c",
                    "echo up; sleep 1; echo done", "nohup",
                    wrap=["/bin/sh", "-c", "trap '' HUP; exec \"$@\"", "sh"])
    events_of(crierd, "nohup", 1)
    child.proc.send_signal(signal.SIGHUP)
    child.wait()
    tap.eq(exit_of(events_of(crierd, "nohup", 3))["status"], 0,
           "what is ignored stays so")


def crierd_goes_away(tap, place):
    crierd = Crierd(place).start()
    proof = place.path("proof")
    os.mkfifo(place.path("go"))
    child = Running(place, crierd.queue, "-c",
                    f"echo first; read x < {place.path('go')};"
                    f" seq 100000 && echo done > {proof}", "a")
    events_of(crierd, "a", 1)
    crierd.kill()
    with open(place.path("go"), "w", encoding="ascii") as go:
        go.write("x\n")
    tap.eq(child.wait(), 75, "crierd goes away: 75")
    with open(proof, encoding="ascii") as file:
        tap.eq(file.read(), "done\n", "but the command has ended well")
    with open(child.err, encoding="utf-8") as file:
        tap.ok("the command goes on" in file.read(), "and crier says so")
    done = crierd.crier("pub", "-c", f"echo x > {proof}.2", "a")
    tap.ok(done.returncode == 69 and not os.path.exists(proof + ".2"),
           "without a crierd it is not started", done)


def waits(tap, place):
    crierd = Crierd(place)
    proof = place.path("proof")
    child = place.own(proc.Proc(
        [*bench.CRIER, "-s", crierd.queue, "-w", "60", "pub", "-c",
         f"echo x > {proof}; echo hi", "a"], place.log("pub.log")))
    tap.ok(proc.holds_for(lambda: not os.path.exists(proof), 0.3),
           "-w: nor before there is one")
    crierd.start()
    tap.eq(child.wait(30), 0, "then it is")
    tap.eq(events_of(crierd, "a", 2)[0][1], "hi", "and published")


def spooled(tap, place):
    store = os.path.join(place.make_dir("store"), "history.db")
    crierd = Crierd(place, options=["store=sqlite:" + store])
    spool = place.path("spool")

    def pub(*words):
        return place.crier("-s", crierd.queue, "pub", "-S", spool, *words)
    done = pub("-v", "-c", "seq 3; exit 2", "a")
    tap.eq((done.returncode, done.stdout), (0, b"kept\n" * 4),
           "-S without a crierd: all is kept, the end, too")
    crierd.start()
    done = pub("-v", "-c", "seq 4 6", "a")
    tap.eq((done.returncode, done.stderr, len(done.stdout.split())),
           (0, b"", 4), "-S with one: all is sent")
    got = events_of(crierd, "a", 8)
    tap.eq([data for kind, data in got if kind != "exit"],
           ["1", "2", "3", "4", "5", "6"], "in order")
    tap.eq([json.loads(data)["status"] for kind, data in got
            if kind == "exit"], [2, 0], "and both ends")
    child = Running(place, crierd.queue, "-S", spool, "-c",
                    TRAP.format("TERM"), "b")
    events_of(crierd, "b", 1)
    child.proc.send_signal(signal.SIGTERM)
    tap.eq(child.wait(), 0, "-S and a signal")
    tap.eq(exit_of(events_of(crierd, "b", 3))["status"], 7,
           "the end is told")


def fast(tap, place):
    crierd = Crierd(place, options=["keep=300000", "keep-bytes=64M"]).start()
    count = 200000
    done = crierd.crier("pub", "-c", f"seq {count}", "a", seconds=100)
    tap.eq((done.returncode, done.stderr), (0, b""),
           f"a command that prints {count:,} lines at once")
    with Direct(crierd.listen, "/events/a?since=all") as stream:
        stream.wait_events(count + 1, 100)
        tap.ok([e.data for e in stream.events[:-1]]
               == [str(n) for n in range(1, count + 1)], "all, in order")
        tap.eq(stream.events[-1].type, "exit", "and its end behind them")
    # One that never ends: crier takes what comes, and ends when told.
    child = Running(place, crierd.queue, "-c", "yes", "b")
    events_of(crierd, "b", 10000)
    child.proc.send_signal(signal.SIGTERM)
    tap.eq(child.wait(), 0, "one that never ends can be ended")
    with Direct(crierd.listen, "/events/b?last=1") as stream:
        tap.eq(stream.wait_events(1)[0].type, "exit", "its end is told")
    _lines_without_end(tap, crierd)


def _lines_without_end(tap, crierd):
    writer = subprocess.Popen(["yes"], stdout=subprocess.PIPE)
    child = subprocess.Popen(
        bench.CRIER + ["-s", crierd.queue, "pub", "-l", "c"],
        stdin=writer.stdout)
    try:
        writer.stdout.close()
        events_of(crierd, "c", 10000)
        # While crierd stands still the producer waits, and nothing grows.
        crierd.proc.send_signal(signal.SIGSTOP)

        def size():
            with open(f"/proc/{child.pid}/statm", encoding="ascii") as file:
                return int(file.read().split()[1])
        proc.wait_for(lambda: _is_asleep(writer.pid), "the producer waits")
        before = size()
        tap.ok(proc.holds_for(lambda: size() <= before + 64, 0.3),
               "pub -l of a line without end: bounded while crierd stalls")
        crierd.proc.send_signal(signal.SIGCONT)
        proc.wait_for(lambda: not _is_asleep(writer.pid),
                      "the producer goes on")
        tap.ok(True, "and it goes on afterwards")
    finally:
        crierd.proc.send_signal(signal.SIGCONT)
        writer.kill()
        writer.wait()
    tap.eq(child.wait(30 * bench.SLOW), 0, "then all of it is published")


def _is_asleep(pid):
    """Whether a process waits (for its pipe) for a while."""
    def now():
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            words = file.read().rsplit(")", 1)[1].split()
        return words[0], words[11], words[12]
    first = now()
    return first[0] == "S" and proc.holds_for(lambda: now() == first, 0.2)


def usage(tap, place):
    for words in (["-c"], ["-c", "true"], ["-c", "", "a"],
                  ["-c", "true", "a", "b"], ["-c", "true", "-l", "a"],
                  ["-c", "true", "-n"], ["-c", "true", "-J", "a", "b=c"],
                  ["-c", "true", "-i", "x", "a"]):
        done = place.crier("-s", place.path("none"), "pub", *words)
        tap.ok(done.returncode == 64 and done.stderr,
               f"64: crier pub {' '.join(words)!r}", done)


TESTS = (lines, ends, signals, crierd_goes_away, waits, spooled, fast, usage)
