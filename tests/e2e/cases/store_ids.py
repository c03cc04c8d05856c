# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""Ids that grow whatever the clock does, keys, and the pipe at the end."""

import json
import os
import signal
import time

from lib import proc
from lib.site import id_key, is_rising
from lib.store_tools import PLENTY, Interposer, Stored

HOUR = 3600


def ids_grow(tap, place):
    if not Interposer.is_there():
        tap.skip("the clock is set back", "there is no compiler")
        return
    clock = Interposer(place)
    crierd = Stored(place, PLENTY).start(env=clock.env)
    ids = crierd.publish_many("a", 50)
    begin = int(time.time() * 1000)
    tap.ok(abs(id_key(ids[-1])[0] - begin) < 10000 * proc.SLOW,
           "ids begin with the time", ids[-1])
    clock.clock(HOUR)
    ids += crierd.publish_many("a", 50, first=50)
    tap.ok(id_key(ids[-1])[0] > begin + HOUR * 900,
           "the clock is what crierd goes by", ids[-1])
    for number, offset in enumerate((-HOUR, -3 * HOUR, 0, -24 * HOUR)):
        if number != 2:
            clock.clock(offset)
        ids += crierd.publish_many("a", 50, first=len(ids))
        (crierd.restart if number % 2 else crierd.crash)(env=clock.env)
        clock.clock(offset)
        ids += crierd.publish_many("a", 50, first=len(ids))
    tap.ok(is_rising(ids), "ids rise across restarts, kills and a clock that "
           "is set back", ids)
    clock.clock(0)
    ids += crierd.publish_many("a", 50, first=len(ids))
    got = crierd.history("/events/a?since=all", len(ids))
    tap.eq([event.id for event in got], ids, "all of it is retained, in order")
    got = crierd.history("/events/a", len(ids) - 120, ids[119])
    tap.eq([event.id for event in got], ids[120:], "and resumes")


def an_empty_start(tap, place):
    """An id of a stream that saw no event is one to resume from, too."""
    crierd = Stored(place, PLENTY).start()
    crierd.publish("b", "elsewhere")
    with crierd.get("/events/a") as stream:
        cursor = stream.wait_open().parser.last_event_id
    crierd.crash()
    crierd.publish("a", "1")
    crierd.crash()
    crierd.publish("a", "2")
    got = crierd.history("/events/a", 2, cursor)
    tap.eq([(event.type, event.data) for event in got],
           [("message", "1"), ("message", "2")],
           "resumed exactly, after two kills")


def keys(tap, place):
    crierd = Stored(place, PLENTY).start()
    first = crierd.try_publish("a", "1", key="k/1")
    own = crierd.try_publish("a", "2", key="ключ", id="own id")
    tap.ok(first["ok"] and "duplicate" not in first, "a new key", first)
    tap.eq(own["id"], "own id", "with an id of one's own")
    for how in (lambda: None, crierd.restart, crierd.crash):
        how()
        again = crierd.try_publish("a", "other", key="k/1")
        tap.eq((again["ok"], again["id"], again.get("duplicate")),
               (True, first["id"], True), "a known key: the first one's id")
        again = crierd.try_publish("a", "2", key="ключ")
        tap.eq((again["id"], again.get("duplicate")), ("own id", True),
               "also where that is its own")
    with crierd.connect() as queue:
        queue.send(b"".join(
            json.dumps({"channel": "a", "data": f"b{n}", "key": f"b{n % 3}"}
                       ).encode() + b"\n" for n in range(9)))
        answers = [queue.reply() for _n in range(9)]
    tap.eq([a.get("duplicate", False) for a in answers],
           [False] * 3 + [True] * 6, "one batch: the first of each key counts")
    tap.eq([a["id"] for a in answers], [a["id"] for a in answers[:3]] * 3,
           "the others get its id")
    tap.eq(crierd.texts("/events/a?since=all", 5),
           ["1", "2", "b0", "b1", "b2"], "each was published once")
    crierd.restart()
    tap.eq(crierd.texts("/events/a?since=all", 5),
           ["1", "2", "b0", "b1", "b2"], "and stored once")


# Who uses the text as a key, in their order, and for whom it is the same key.
OWNERS = (
    ("a", "a"), ("b", "b"), (["a", "b"], "a b"), (["b", "a"], "a b"),
    (["a", "b", "a"], "a b"), ("a", "a"), ("a/b", "a/b"), ("b", "b"),
)


def keys_of_channels(tap, place):
    """A key belongs to the channels of its event, before and after a restart."""
    for store in ("sqlite", "memory"):
        crierd = (Stored(place, PLENTY) if store == "sqlite" else
                  Stored(place, PLENTY, folder=place.run, kind=store)).start()
        ids = {}
        for when in ("first", "again"):
            for channels, owner in OWNERS:
                answer = crierd.try_publish(channels, "x", key="order-17")
                known = owner in ids
                tap.eq((answer.get("duplicate", False),
                        answer["id"] == ids.setdefault(owner, answer["id"])),
                       (known, True), f"{store}, {when}: {channels}")
            if store == "sqlite":
                crierd.restart()
        crierd.stop()


def keys_are_forgotten(tap, place):
    crierd = Stored(place, [*PLENTY, "key-seconds=1"]).start()
    first = crierd.try_publish("a", "1", key="k")
    crierd.restart()
    # To ask does not make it younger.
    answers = []

    def is_new():
        answers.append(crierd.try_publish("a", "2", key="k"))
        return "duplicate" not in answers[-1]
    tap.ok(not is_new() and answers[0]["id"] == first["id"],
           "a key is known at first", answers)
    proc.wait_for(is_new, "key-seconds are over", 10)
    tap.ok(answers[-1]["id"] != first["id"], "then it is as good as new")


def the_pipe_at_the_end(tap, place):
    crierd = Stored(place, PLENTY).start()
    for times in range(3):
        lines = [f"a {times}.{n}" for n in range(1500)]
        os.kill(crierd.pid, signal.SIGSTOP)
        fifo = os.open(crierd.fifo, os.O_WRONLY | os.O_NONBLOCK)
        for line in lines:
            os.write(fifo, line.encode() + b"\n")
        os.close(fifo)
        os.kill(crierd.pid, signal.SIGTERM)
        os.kill(crierd.pid, signal.SIGCONT)
        status = crierd.proc.wait(20)
        tap.eq(status, 0, "crierd ends well")
        crierd.proc = None
        crierd.start()
        got = crierd.texts("/events/a?since=all", 1500 * (times + 1))
        tap.ok(got[1500 * times:] == [line[2:] for line in lines],
               "what was in the pipe is stored, in order", len(got), got[-3:])


TESTS = (ids_grow, an_empty_start, keys, keys_of_channels, keys_are_forgotten,
         the_pipe_at_the_end)
