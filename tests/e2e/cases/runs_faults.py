# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""Runs where something is in their way."""

import json
import os
import pwd
import signal

from lib import daemon, fronts, proc
from lib.fcgi import Direct
from lib.redis import Node, on_redis
from cases.runs_tests import go_on, going, hold, words

# Prints an event of so many lines, between two others.
LARGE = r"""#!/usr/bin/python3
import json, os, sys, time
place = os.path.dirname(sys.argv[0])
with open(place + "/started", "a") as file:
    print(os.getpid(), file=file)
print("before", flush=True)
while os.path.exists(place + "/hold-0"):
    time.sleep(0.02)
print(json.dumps({"data": "\n" * int(sys.argv[1])}))
print("behind", flush=True)
while os.path.exists(place + "/hold-1"):
    time.sleep(0.02)
"""
ROUTES = """
route "POST /large" { run = { "DIR/large", "LINES" } channel = "large" }
route "POST /alone" { run = { "DIR/large", "1" } channel = "alone"
	run-linger = 0 }
route "DELETE /large" { stop = "large" }
channel "large" { publish = anyone }
"""


def set_up(place, lines):
    """The folder of the program, and the configuration."""
    folder = place.make_dir("programs")
    os.chmod(folder, 0o777)
    os.chmod(place.write("programs/large", LARGE), 0o755)
    return folder, ROUTES.replace("DIR", folder).replace("LINES", str(lines))


def check_left_out(tap, stream, crierd, why):
    stream.wait_end()
    tap.eq((words(stream.events[:-1]), stream.events[-1].type),
           (["before", "behind"], "crier.end"), f"it goes on: {why}")
    tap.eq(crierd.log_text().count("is left out"), 1, "said once")


def lowered(tap, place):
    """An event that a new max-event does not allow."""
    folder, config = set_up(place, 3000)
    front = fronts.Front(place, config)
    hold(folder, 0)
    stream = front.open("/large", "POST")
    stream.wait_events(1)
    place.write(os.path.basename(front.crierd.config),
                config + "max-event = 1000\n")
    assert front.crierd.crier("reload").returncode == 0
    go_on(folder, 0)
    check_left_out(tap, stream, front.crierd, "max-event")


@on_redis()
def too_large(tap, place, redis):
    """An event that a Redis never takes."""
    _folder, config = set_up(place, 1000000)
    node = Node(place, "n0", redis.url(), (),
                config + "max-event = 1M\n").start()
    stream = Direct(node.listen, "/large", method="POST")
    check_left_out(tap, stream, node, "too large for the store")


@on_redis()
def left_before(tap, place, redis):
    """Its last client goes before the store has said whose the run is."""
    folder, config = set_up(place, 1)
    hold(folder, 0)
    node = Node(place, "n0", redis.url(), (), config).start()
    redis.send(signal.SIGSTOP)
    stream = Direct(node.listen, "/alone", method="POST")
    node.wait_streams(1)
    stream.close()
    node.wait_streams(0)
    redis.send(signal.SIGCONT)
    proc.wait_for(lambda: node.status()["runs"]["going"] == 0, "it ends")
    done = node.crier("history", "alone")
    tap.eq([json.loads(json.loads(line)["data"])["reason"]
            for line in done.stdout.splitlines()], ["abandoned"],
           "linger 0: it is not begun, and that is told")
    tap.ok(not os.path.exists(folder + "/started"), "no program")


@on_redis()
def taken_for_gone(tap, place, redis):
    """A node that said nothing for long, and comes back."""
    folder, config = set_up(place, 1)
    nodes = [Node(place, f"n{n}", redis.url(), (), config).start()
             for n in range(2)]
    hold(folder, 0)
    page = Direct(nodes[1].listen, "/large", method="POST")
    page.wait_events(1)
    page.close()
    pid = nodes[1].pid
    with open(folder + "/started", encoding="ascii") as file:
        program = int(file.read())
    os.kill(pid, signal.SIGSTOP)
    nodes[0].wait_log("is gone", 60)
    os.kill(pid, signal.SIGCONT)
    proc.wait_for(lambda: proc.is_gone(program), "its program has ended")
    proc.wait_for(lambda: nodes[1].status()["runs"]["going"] == 0,
                  "and the run")
    again = Direct(nodes[0].listen, "/large", method="POST")
    again.wait_events(1)
    answer = Direct(nodes[1].listen, "/large", method="DELETE")
    answer.wait_end()
    tap.eq(json.loads(answer.raw)["stopped"], 1,
           "a route's stop ends what runs at another node")
    again.wait_end()
    done = nodes[0].crier("history", "large")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    tap.eq([e["data"] if e["event"] == "message" else e["event"]
            for e in events],
           ["before", "crier.end", "before", "crier.end"],
           "told once, and nothing comes behind that but the next run")


def marked(tap, place):
    """A crierd that something of an interrupted run has started."""
    store = "store=sqlite:" + os.path.join(place.run, "history.db")
    folder, config = set_up(place, 1)
    # Who becomes somebody else may not read its own environment.
    user = "user=" + pwd.getpwuid(os.getuid()).pw_name
    crierd = daemon.Crierd(place, (store, user), config, user=False).start()
    front = fronts.Front(place, crierd=crierd)
    hold(folder, 0)
    stream = front.open("/large", "POST")
    stream.wait_events(1)
    (run,) = json.loads(front.crierd.crier("status", "-r", "-j").stdout)[
        "run_list"]
    front.crierd.kill()
    stream.close()
    front.crierd.start(env={**os.environ, "CRIER_RUN": run["since"]})
    proc.wait_for(lambda: going(front) == 0, "it does not kill itself")
    done = front.crierd.crier("history", "large")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    tap.eq([e["event"] for e in events],
           ["message", "crier.end"], "and tells the channel")


# What a line that asks for a run has beside its channel, and what is wrong.
WRONG = (
    ({"command": ["/bin/echo", "a\0b"]},
     "command has a word with a NUL in it"),
    ({"command": ["/bin/true"], "linger": "5"},
     "linger is not a number of seconds up to a year"),
    ({"command": ["/bin/true"], "linger": 1e300},
     "linger is not a number of seconds up to a year"),
    ({"command": ["/bin/true"], "linger": -1},
     "linger is not a number of seconds up to a year"),
    ({"command": ["/bin/true"], "key": 5}, "key is not of the form of an id"),
    ({"command": ["/bin/true"], "key": "a\nb"},
     "key is not of the form of an id"),
    ({"command": ["/bin/true"], "directory": 5},
     "directory is not the name of one"),
    ({"command": ["/bin/true"], "directory": "/no/such"},
     "/no/such: No such file or directory"),
    ({"command": ["/no/such"], "directory": "/"},
     "/no/such: No such file or directory"),
    ({"command": ["/bin/true"], "directory": "/tmp\0x"},
     "directory is not the name of one"))


def wrong(tap, place):
    front = fronts.Front(place)
    with front.crierd.connect() as queue:
        for line, error in WRONG:
            answer = queue.ask({"do": "run", "channel": "a", **line})
            tap.eq((answer.get("error"), answer.get("code")), (error, 65),
                   f"{line}")
    tap.eq(front.crierd.status()["runs"]["begun"], 0, "nothing is begun")


TESTS = (lowered, too_large, left_before, taken_for_gone, marked, wrong)
