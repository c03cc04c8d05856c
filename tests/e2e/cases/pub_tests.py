# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""crier pub, in all its forms."""

import json
import os
import shutil
import subprocess
import time

from lib import bench, proc
from lib.daemon import Crierd
from lib.fcgi import Direct

FORMS = (
    # arguments, standard input, what the event is (type, data)
    (["a", "text"], None, ("message", "text")),
    (["a", "two words"], None, ("message", "two words")),
    (["a", ""], None, ("message", "")),
    (["a", "-"], b"of stdin\n", ("message", "of stdin")),
    (["a"], b"line 1\nline 2\n", ("message", "line 1\nline 2")),
    (["a"], b"no end", ("message", "no end")),
    (["a"], "é €\n".encode(), ("message", "é €")),
    (["-e", "greet", "a", "x"], None, ("greet", "x")),
    (["a", "-e"], None, ("message", "-e")),
    (["--", "a", "x"], None, ("message", "x")),
)


def forms(tap, place):
    crierd = Crierd(place).start()
    with Direct(crierd.listen, "/events/a") as stream:
        stream.wait_open()
        count = 0
        for words, data, want in FORMS:
            done = crierd.crier("pub", *words, data=data)
            name = "crier pub " + " ".join(words)
            if not tap.ok(done.returncode == 0 and done.stdout == b""
                          and done.stderr == b"", name, done):
                continue
            count += 1
            event = stream.wait_events(count)[-1]
            tap.eq((event.type, event.data), want, f"{name}: the event")
        event_id = crierd.pub("-v", "a", "x").strip()
        tap.eq(stream.wait_events(count + 1)[-1].id, event_id,
               "-v prints the id")
        crierd.pub("-i", "my-id", "-r", "777", "a", "x")
        tap.eq((stream.wait_events(count + 2)[-1].id, stream.parser.retry),
               ("my-id", 777), "-i and -r")
        crierd.pub("a", "for ever")
        crierd.pub("-x", "1", "a", "for a second")
        tap.eq([e.data for e in stream.wait_events(count + 4)[-2:]],
               ["for ever", "for a second"], "-x 1: a live event")

    def is_gone():
        with Direct(crierd.listen, "/events/a?last=1") as late:
            return late.wait_events(1)[0].data == "for ever"
    proc.wait_for(is_gone, "the event expires")
    tap.ok(True, "that is gone from the history after its second")


def lines_and_json(tap, place):
    crierd = Crierd(place).start()
    with Direct(crierd.listen, "/events/a") as stream:
        stream.wait_open()
        child = subprocess.Popen(
            bench.CRIER + ["-s", crierd.queue, "pub", "-l", "-v", "a"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            child.stdin.write(b"first\n")
            child.stdin.flush()
            tap.eq(stream.wait_events(1)[0].data, "first",
                   "pub -l: a line is an event, as it arrives")
            tap.eq(child.stdout.readline().decode().strip(),
                   stream.events[0].id, "-v prints its id, as it arrives")
            child.stdin.write(b"second\n\nlast, no end")
            child.stdin.close()
            tap.eq([e.data for e in stream.wait_events(4)[1:]],
                   ["second", "", "last, no end"], "and the lines after it")
            tap.eq(child.wait(20 * bench.SLOW), 0, "status 0 at the end")
        finally:
            child.kill()
            child.wait()
            child.stdout.close()
        crierd.pub("-J", "-e", "j", "a", "n=1", "t=true", "s=a text",
                   "q=1.0 x", "o={\"k\":[1,null]}", "e=", "eq=a=b", "z=\"1\"")
        event = stream.wait_events(5)[4]
        tap.eq((event.type, json.loads(event.data)),
               ("j", {"n": 1, "t": True, "s": "a text", "q": "1.0 x",
                      "o": {"k": [1, None]}, "e": "", "eq": "a=b",
                      "z": "1"}), "pub -J: an object")
        for words in (("a", "-e", "x", "text"), ("a", "text", "-v"),
                      ("-l", "a", "-v"), ("-J", "a", "n=1", "-v"),
                      ("a", "text", "--start")):
            done = crierd.crier("pub", *words, data=b"x\n")
            tap.ok(done.returncode == 64
                   and b"options come before CHANNEL" in done.stderr,
                   f"pub {' '.join(words)}: where options belong", done)
        crierd.pub("a", "-v")
        tap.eq((stream.wait_events(6)[5].data, len(stream.events)),
               ("-v", 6), "nothing of these was published, but a text may be "
               "like an option")
        done = crierd.crier("pub", "-J", "a", "no-value")
        tap.ok(done.returncode == 64 and b"no-value" in done.stderr,
               "an argument without = is a usage error", done)


def bulk(tap, place):
    crierd = Crierd(place).start()
    lines = [json.dumps({"channel": "a", "data": f"e{n}"})
             for n in range(1, 5001)]
    done = crierd.crier("pub", "-n", data="\n".join(lines).encode() + b"\n")
    tap.eq((done.returncode, done.stderr), (0, b""), "pub -n: 5,000 events")
    with Direct(crierd.listen, "/events/a?since=all") as stream:
        stream.wait_events(5000)
        tap.ok([e.data for e in stream.events]
               == [f"e{n}" for n in range(1, 5001)], "in order")
    for number, bad in ((1, "{"), (3, '{"channel":"a b","data":"x"}'),
                        (7, '{"channel":"b"}'), (10, "text")):
        part = [json.dumps({"channel": "b", "data": f"{number}.{n}"})
                for n in range(1, 11)]
        part[number - 1] = bad
        done = crierd.crier("pub", "-n",
                            data="\n".join(part).encode() + b"\n")
        tap.ok(done.returncode == 65
               and f"line {number}".encode() in done.stderr,
               f"a bad line {number}: 65, and it is named",
               f"{done.returncode} {done.stderr}")
        if number > 1:
            with Direct(crierd.listen, "/events/b?since=all") as stream:
                want = [f"{number}.{n}" for n in range(1, number)]
                stream.wait(lambda: set(want) <= {
                    e.data for e in stream.events}, "what stood before it")
            tap.ok(True, f"the lines before line {number} are published")
    done = crierd.crier("pub", "-n", "-v", data=b"\n".join(
        line.encode() for line in lines[:3]))
    tap.eq(len(done.stdout.split()), 3, "-n -v: an id for each")


def exit_codes(tap, place):
    crierd = Crierd(place).start()
    for status, words, data in (
            (64, [], None), (64, ["nonsense"], None), (64, ["pub"], None),
            (64, ["pub", "-Z", "a", "x"], None),
            (64, ["pub", "a", "x", "y"], None),
            (64, ["pub", "-r", "soon", "a", "x"], None),
            (64, ["pub", "-x", "never", "a", "x"], None),
            (64, ["tail"], None), (64, ["status", "x", "y"], None),
            (64, ["close"], None), (64, ["-w", "x", "status"], None),
            (65, ["pub", "a b", "x"], None), (65, ["pub", "*", "x"], None),
            (65, ["pub", "a"], b"\xff\n"),
            (65, ["pub", "-e", "a\nb", "a", "x"], None),
            (65, ["pub", "-i", "a\nb", "a", "x"], None),
            (65, ["pub", "a"], b"x" * 70000),
            (65, ["pub", "-l", "a"], b"good\n\xff\n")):
        done = crierd.crier(*words, data=data)
        tap.ok(done.returncode == status and done.stderr.strip()
               and done.stdout == b"",
               f"{status}: crier {' '.join(words)!r}, and why",
               f"{done.returncode} {done.stdout} {done.stderr}")
    help_ = crierd.crier("-h")
    text = help_.stdout.decode()
    tap.ok(help_.returncode == 0 and help_.stderr == b"" and all(
        word in text for word in ("pub", "tail", "status", "close", "-w",
                                  "64", "69", "75", "77")),
           "crier -h helps", help_)
    tap.eq(place.crier("status", env={"CRIER_QUEUE": crierd.queue})
           .returncode, 0, "the queue from $CRIER_QUEUE")
    _no_crierd(tap, place, crierd)


def _no_crierd(tap, place, crierd):
    missing = place.path("run", "none.sock")
    for name, path, words in (("none there", missing, b"pub --start"),
                              ("a file", crierd.config, b"start it again")):
        done = place.crier("-s", path, "pub", "a", "x")
        tap.ok(done.returncode == 69 and path.encode() in done.stderr
               and words in done.stderr,
               f"69: no crierd: {name}", done)
    _not_allowed(tap, place, crierd)
    crierd.kill()
    done = crierd.crier("pub", "a", "x")
    tap.ok(done.returncode == 69 and done.stderr.strip(),
           "69: crierd was killed", done)
    os.unlink(crierd.queue)
    start = time.monotonic()
    done = crierd.crier("-w", "1", "pub", "a", "x")
    took = time.monotonic() - start
    tap.ok(done.returncode == 69 and 0.9 < took < 5 * bench.SLOW,
           "-w 1 waits for a second", f"{took:.3f} s, {done}")


def _not_allowed(tap, place, crierd):
    program = bench.CRIER
    extra = {}
    if bench.IS_ROOT:
        # Somebody else, with a copy that anybody may run.
        program = [shutil.copy(bench.CRIER[-1], place.path("crier-copy"))]
        os.chmod(program[0], 0o755)
        extra = {"user": "nobody", "group": "nogroup", "extra_groups": []}
    else:
        os.chmod(crierd.queue, 0)
    done = subprocess.run(program + ["-s", crierd.queue, "pub", "a", "x"],
                          stdin=subprocess.DEVNULL, capture_output=True,
                          check=False, timeout=20 * bench.SLOW, **extra)
    if not extra:
        os.chmod(crierd.queue, 0o660)
    tap.ok(done.returncode == 77 and crierd.queue.encode() in done.stderr
           and b"queue-group" in done.stderr
           and b"crierd-queue.socket" in done.stderr
           and b"CRIER_QUEUE" in done.stderr,
           "77: the socket's mode does not allow it, and what would", done)


def waits_for_crierd(tap, place):
    crierd = Crierd(place, config="")
    child = subprocess.Popen(
        bench.CRIER + ["-s", crierd.queue, "-w", str(int(60 * bench.SLOW)),
                       "pub", "a", "early"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE)
    try:
        tap.ok(proc.holds_for(lambda: child.poll() is None, 0.3),
               "-w: waits while there is no crierd")
        crierd.start()
        out, err = child.communicate(timeout=20 * bench.SLOW)
        tap.eq((child.returncode, out, err), (0, b"", b""),
               "and publishes when it has come")
    finally:
        child.kill()
        child.wait()
    with Direct(crierd.listen, "/events/a?since=all") as stream:
        tap.eq(stream.wait_events(1)[0].data, "early", "the event is there")


def crierd_goes_away(tap, place):
    crierd = Crierd(place).start()
    child = subprocess.Popen(
        bench.CRIER + ["-s", crierd.queue, "pub", "-l", "-v", "a"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE)
    try:
        child.stdin.write(b"first\n")
        child.stdin.flush()
        tap.ok(child.stdout.readline(), "the first line is accepted")
        crierd.stop()
        _out, err = child.communicate(b"second\n", timeout=20 * bench.SLOW)
        tap.ok(child.returncode == 75 and err, "75: try again later",
               f"{child.returncode} {err}")
    finally:
        child.kill()
        child.wait()


TESTS = (forms, lines_and_json, bulk, exit_codes, waits_for_crierd,
         crierd_goes_away)
