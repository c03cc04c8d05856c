# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""Runs: begun once, joined, followed again, ended with an event."""

import json
import os

from lib import fronts, proc
from lib.fronts import by_each
from cases.http_tests import check_error

# Prints words; before the one that has a file of its name it waits for that
# to go.  Says that it was started.
WORDS = r"""#!/usr/bin/python3
import os, sys, time
place = os.path.dirname(sys.argv[0])
with open(place + "/started", "a") as file:
    print(os.getpid(), os.environ["CRIER_CHANNEL"], file=file)
body = sys.stdin.read()
if body:
    print("body", body)
for n in range(int(sys.argv[1])):
    while os.path.exists(f"{place}/hold-{n}"):
        time.sleep(0.02)
    print("word", n, flush=True)
sys.exit(3)
"""
ROUTES = """
heartbeat = 1
run-max = 3
route "POST /chat/{id}" { run = { "DIR/words", "6" } channel = "chat/{id}" }
route "GET /chat/{id}" { subscribe = "chat/{id}" }
route "DELETE /chat/{id}" { stop = "chat/{id}" }
route "GET /es/{id}" { run = { "DIR/words", "6" } channel = "es/{id}"
	end-event = "done" end-data = "over" }
route "POST /one/{id}" { run = { "DIR/words", "6" } channel = "one/{id}"
	run-busy = refuse }
route "POST /key/{id}" { run = { "DIR/words", "2" } channel = "key/{id}"
	key = "{query.key}" }
route "GET /key/{id}" { subscribe = "key/{id}" }
route "POST /missing" { run = "DIR/none" channel = "missing" }
route "GET /status" { status = json }
channel "chat/*" { publish = "owner" }
"""


def make_programs(place):
    """The folder of WORDS."""
    folder = place.make_dir("programs")
    os.chmod(folder, 0o777)
    os.chmod(place.write("programs/words", WORDS), 0o755)
    return folder


def set_up(place, front, config=ROUTES, more="", options=()):
    folder = make_programs(place)
    return front(place, config.replace("DIR", folder) + more,
                 options), folder


def hold(folder, number):
    with open(f"{folder}/hold-{number}", "w", encoding="ascii"):
        pass


def go_on(folder, number):
    os.unlink(f"{folder}/hold-{number}")


def started(folder):
    """The process ids of those that were."""
    try:
        with open(folder + "/started", encoding="ascii") as file:
            return [int(line.split()[0]) for line in file]
    except OSError:
        return []


def words(events):
    return [event.data for event in events]


def all_words(count=6):
    return [f"word {n}" for n in range(count)]


def end_of(stream):
    """What the last event says of the run's end."""
    last = stream.events[-1]
    if last.type != "crier.end":
        raise AssertionError(f"not an end: {last!r}")
    return json.loads(last.data)


def list_runs(front):
    """What status says of each that runs."""
    with front.crierd.connect() as queue:
        return queue.ask({"do": "status", "runs": True})["run_list"]


def going(front):
    return front.crierd.status()["runs"]["going"]


def life(tap, place, front):
    front, folder = set_up(place, front)
    hold(folder, 3)
    first = front.open("/chat/a", "POST", body=b"hello", kind="text")
    first.wait_events(4)
    tap.eq(words(first.events), ["body hello"] + all_words(3),
           "the body, and the first words")
    page = front.open("/chat/a")
    page.wait_events(4)
    tap.eq([e[:3] for e in page.events], [e[:3] for e in first.events],
           "whoever follows its channel has it from the beginning")
    again = front.open("/chat/a", "POST", body=b"other", kind="text")
    again.wait_events(4)
    resumed = front.open("/chat/a", HTTP_LAST_EVENT_ID=first.events[1].id)
    resumed.wait_events(2)
    first.close()
    go_on(folder, 3)
    for stream in (page, resumed):
        stream.wait(lambda s=stream: s.events[-1].type == "crier.end", "end")
    again.wait_end()
    everything = ["body hello"] + all_words()
    tap.eq((words(page.events[:-1]), words(again.events[:-1])),
           (everything, everything), "a second request joins")
    tap.eq(words(resumed.events[:-1]), everything[2:],
           "who comes back has exactly the rest")
    tap.eq(len(started(folder)), 1, "one program")
    end = end_of(again)
    tap.ok(end.pop("seconds") >= 0, "the end has the seconds")
    tap.eq(end, {"reason": "ended", "status": 3}, "reason and status")
    ids = [e.id for e in page.events]
    tap.ok(len(set(ids)) == len(ids) and ids == [e.id for e in again.events],
           "each event has an id, and all clients the same")
    last = ids[-1]
    for method in ("GET", "POST"):
        answer = front.fetch("/chat/a", method, HTTP_LAST_EVENT_ID=last)
        tap.eq((answer.status, answer.raw), (204, b""),
               f"{method}: who has seen the end is told to stop")
    with front.open("/chat/a") as late:
        late.wait_events(8)
        tap.eq(words(late.events[:-1]), everything, "later: all of it")
    answer = front.fetch("/chat/a", "POST", HTTP_LAST_EVENT_ID=ids[2])
    tap.eq(words(answer.events[:-1]), everything[3:],
           "who comes back to the route has the rest, and its end")
    tap.eq(len(started(folder)), 1, "still one program")
    answer = front.fetch("/chat/a", "POST", body=b"next", kind="text")
    tap.eq(words(answer.events[:-1]), ["body next"] + all_words(),
           "a new request is a new run, and that alone")
    tap.eq(len(started(folder)), 2, "a second program")
    page.close()
    resumed.close()


def event_source(tap, place, front):
    """A route for GET, which an EventSource opens again by itself."""
    front, folder = set_up(place, front)
    answer = front.fetch("/es/a")
    tap.eq(answer.events[-1][:2], ("done", "over"), "end-event and end-data")
    back = front.fetch("/es/a", HTTP_LAST_EVENT_ID=answer.events[-1].id)
    tap.eq((back.status, len(started(folder))), (204, 1),
           "it comes back by itself: no second program")
    back = front.fetch("/es/b", HTTP_LAST_EVENT_ID=answer.events[-1].id)
    tap.eq((back.status, len(started(folder))), (204, 1),
           "nobody comes back to a run that never was")


def busy(tap, place, front):
    front, folder = set_up(place, front)
    hold(folder, 2)
    first = front.open("/one/a", "POST")
    first.wait_events(2)
    answer = front.fetch("/one/a", "POST")
    body = json.loads(answer.raw)
    since = body.pop("since")
    tap.eq((answer.status, body),
           (409, {"ok": False, "channel": "one/a",
                  "error": "a program runs in this channel already"}),
           "run-busy = refuse: 409, with where to follow")
    with front.open("/one/a", "POST", HTTP_LAST_EVENT_ID=since) as stream:
        stream.wait_events(2)
        tap.eq(words(stream.events), all_words(2), "who follows from there")
    others = [front.open(f"/chat/{n}", "POST") for n in range(2)]
    for stream in others:
        stream.wait_events(2)
    check_error(tap, front.fetch("/chat/x", "POST"), 503, "run-max")
    go_on(folder, 2)
    for stream in others + [first]:
        stream.wait_end()
    check_error(tap, front.fetch("/missing", "POST"), 503,
                "one that cannot be started")
    proc.wait_for(lambda: going(front) == 0, "nothing runs")
    tap.eq((len(started(folder)), front.crierd.status()["runs"]["busy"]),
           (3, 1), "and is counted")


def keys(tap, place, front):
    front, folder = set_up(place, front)
    count = 0
    for name, target, more in (
            ("header", "/chat/a", {"HTTP_IDEMPOTENCY_KEY": '"k1"'}),
            ("bare", "/chat/b", {"HTTP_IDEMPOTENCY_KEY": "k1"}),
            ("template", "/key/a?key=k1", {})):
        first = front.fetch(target, "POST", **more)
        again = front.fetch(target, "POST", **more)
        tap.eq([e[:3] for e in again.events], [e[:3] for e in first.events],
               f"{name}: the same run")
        count += 1
        tap.eq(len(started(folder)), count, f"{name}: not run again")
    front.fetch("/key/a?key=k2", "POST")
    front.fetch("/chat/a", "POST")
    tap.eq(len(started(folder)), count + 2, "another key, or none, is another")
    front.fetch("/key/a?key=k1", "POST")
    tap.eq(len(started(folder)), count + 2, "and the first is known still")
    check_error(tap, front.fetch("/key/a?key=" + "x" * 256, "POST"), 400,
                "a key that is too long")


TESTS = sum((by_each(function) for function in (
    life, event_source, busy, keys)), ())
