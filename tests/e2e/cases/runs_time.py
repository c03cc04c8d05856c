# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""Runs for which much time passes: crierd's clocks are moved."""

from lib import daemon, proc
from lib.fronts import by_each
from lib.store_tools import Interposer
from cases.runs_tests import (all_words, end_of, go_on, hold, list_runs,
                              make_programs, words)

HOUR = 3600
STEP = 600
# run-linger; seconds that pass with nobody there; how the run ends.  What is
# to go on is far from its limit, for a busy machine takes time, too.
LINGERS = (("0", 0, "abandoned"), ("2", 2, "abandoned"),
           ("60", 30, "ended"), ("60", 60, "abandoned"),
           ("", 30, "ended"), ("", 60, "abandoned"),
           ("forever", HOUR, "ended"))


def route(name, setting):
    return (f'route "GET /{name}/{{id}}" {{ run = {{ "DIR/words", "6" }}'
            f' channel = "{name}/{{id}}"'
            f' {"run-linger = " + setting if setting else ""} }}\n')


ROUTES = "heartbeat = 30\n" + "".join(
    route(f"linger{setting}", setting)
    for setting in sorted({setting for setting, _s, _r in LINGERS}))


def set_up(tap, place, front, what):
    """A front, its programs, and crierd's clocks; or None."""
    if not Interposer.is_there():
        tap.skip(what, "there is no compiler")
        return None
    clock = Interposer(place)
    folder = make_programs(place)
    crierd = daemon.Crierd(place, (), ROUTES.replace("DIR", folder))
    crierd.start(env=clock.env)
    return front(place, crierd=crierd), folder, clock


def leave(front, stream):
    """A stream ends, of a run that goes on without any; its position."""
    stream.close()
    proc.wait_for(lambda: [run["streams"] for run in list_runs(front)] == [0],
                  "nobody is there")
    return stream.parser.last_event_id


def silent(tap, place, front):
    """A program that prints nothing for an hour, and one who comes back and
    stays."""
    made = set_up(tap, place, front, "an hour passes")
    if made is None:
        return
    front, folder, clock = made
    hold(folder, 3)
    stream = front.open("/linger60/a")
    stream.wait_events(3)
    since = leave(front, stream)
    stream = front.open("/linger60/a", HTTP_LAST_EVENT_ID=since)
    stream.wait_open()
    for passed in range(STEP, HOUR + 1, STEP):
        beats = len(stream.parser.comments)
        clock.pass_time(passed)
        front.crierd.status()
        stream.wait(lambda n=beats: len(stream.parser.comments) > n,
                    "a heartbeat")
    tap.eq((len(list_runs(front)), stream.events, stream.ended),
           (1, [], False),
           "an hour without a word: it runs, and its stream is open")
    go_on(folder, 3)
    stream.wait_end()
    end = end_of(stream)
    tap.eq((words(stream.events[:-1]), end["reason"], end["seconds"] > HOUR),
           (all_words()[3:], "ended", True), "the rest, and its own end")


def lingers(tap, place, front):
    """For how long it goes on with nobody there."""
    made = set_up(tap, place, front, "run-linger")
    if made is None:
        return
    front, folder, clock = made
    passed = 0
    for number, (setting, seconds, reason) in enumerate(LINGERS):
        target = f"/linger{setting}/{number}"
        hold(folder, 3)
        stream = front.open(target)
        stream.wait_events(3)
        if setting == "0":
            stream.close()
            since = stream.parser.last_event_id
        else:
            since = leave(front, stream)
        passed += seconds
        clock.pass_time(passed)
        # Timers that are due come before what follows in its loop.
        for _n in range(2):
            front.crierd.status()
        if reason == "abandoned":
            proc.wait_for(lambda: not list_runs(front), "it ends")
        go_on(folder, 3)
        with front.open(target, HTTP_LAST_EVENT_ID=since) as back:
            back.wait_end()
            tap.eq((end_of(back)["reason"], words(back.events[:-1])),
                   (reason, all_words()[3:] if reason == "ended" else []),
                   f"run-linger {setting or 'unset'}: {reason} after"
                   f" {seconds} s")


TESTS = by_each(silent) + by_each(lingers)
