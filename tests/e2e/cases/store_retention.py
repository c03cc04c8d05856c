# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""How much a store keeps, and what it says of what it keeps no more."""

import os
import time

from lib import bench, proc
from lib.store_tools import Interposer, Stored, gap_of, kinds

SIZE = 1000
BUSY = 160000


def _wait_events(crierd, count):
    proc.wait_for(lambda: crierd.store()["events"] == count,
                  f"the store keeps {count} events; {crierd.store()}", 20)


def by_count(tap, place):
    crierd = Stored(place, ["keep=100"]).start()
    ids = crierd.publish_many("a", 5000)
    for how in (crierd.restart, crierd.crash):
        how()
        got = crierd.history("/events/a?since=all", 100)
        tap.eq([event.id for event in got], ids[-100:],
               f"{how.__name__}: the newest")
        got = crierd.history("/events/a", 101, ids[17])
        tap.eq(kinds(got), ["crier.gap"] + ["message"] * 100,
               f"{how.__name__}: a gap, then they, for an id before them")
        gap = gap_of(got[0])
        tap.eq((gap["channel"], gap["since"]), ("a", ids[17]),
               f"{how.__name__}: the gap says so")
        got = crierd.history("/events/a", 100, ids[-101])
        tap.eq(kinds(got), ["message"] * 100,
               f"{how.__name__}: no gap behind the last that has gone")
        tap.eq([e.id for e in crierd.history("/events/a", 7, ids[-8])],
               ids[-7:], f"{how.__name__}: nor later")


def count_of_the_file(tap, place):
    crierd = Stored(place, ["keep=100"]).start()
    ids = crierd.publish_many("a", 5000)
    _wait_events(crierd, 100)
    tap.ok(True, "keep: so many events are left")
    status = crierd.store()
    tap.ok(status["events"] == 100 and status["channels"] == 1
           and status["oldest_ms"] == int(ids[-100].split("-")[0])
           and status["kind"] == "sqlite" and not status["degraded"]
           and status["last_error"] == "" and status["errors"] == 0,
           "status knows events, channels and the oldest", status)


def by_bytes(tap, place):
    crierd = Stored(place, ["keep-bytes=20K"]).start()
    ids = crierd.publish_many("a", 500, SIZE)
    crierd.restart()
    got = [e.id for e in crierd.history("/events/a?since=all", 16)]
    tap.ok(15 < len(got) < 21, "keep-bytes: not more, and hardly less",
           len(got))
    tap.eq(got, ids[-len(got):], "the newest")
    tap.eq(kinds(crierd.history("/events/a", len(got) + 1, ids[0])),
           ["crier.gap"] + ["message"] * len(got), "and a gap before them")


def bytes_of_the_file(tap, place):
    crierd = Stored(place, ["keep-bytes=20K"]).start()
    crierd.publish_many("a", 500, SIZE)
    proc.wait_for(lambda: crierd.store()["bytes"] <= 20480,
                  "the store keeps so many bytes", 20)
    status = crierd.store()
    tap.ok(17000 < status["bytes"] <= 20480 and 15 < status["events"] < 21,
           "keep-bytes: not more, and hardly less", status)


def by_age(tap, place):
    crierd = Stored(place, ["keep-seconds=2"], config='channel "old/*" '
                    '{ keep-seconds = 3600 }\n').start()
    ids = crierd.publish_many("a", 1500)
    crierd.publish_many("old/a", 10)
    crierd.restart()
    proc.wait_for(lambda: not crierd.texts("/events/a?since=all", 0),
                  "what is older goes", 20)
    tap.eq(len(crierd.texts("/events/old/a?since=all", 10)), 10,
           "keep-seconds: what is older goes, though crierd was restarted; "
           "other channels keep theirs")
    got = crierd.history("/events/a", 1, ids[3])
    tap.eq(kinds(got), ["crier.gap"], "a gap for who missed some of it")
    tap.eq(crierd.texts("/events/a", 0, ids[-1]), [],
           "none for who had the last")


def age_of_the_file(tap, place):
    crierd = Stored(place, ["keep-seconds=2"]).start()
    crierd.publish_many("a", 1500)
    first = crierd.store()["events"]
    tap.ok(first == 1500, "all of it at first", first)
    # Nobody publishes to it any more, nor looks at it.
    crierd.restart()
    _wait_events(crierd, 0)
    tap.ok(True, "it goes by itself")


def the_file_shrinks(tap, place):
    crierd = Stored(place, ["keep=1000000", "keep-bytes=1G",
                            "keep-seconds=4"]).start()
    crierd.publish_many("a", 30000, SIZE)
    biggest = 0

    def all_gone():
        nonlocal biggest
        biggest = max(biggest, _disk(crierd))
        return crierd.store()["events"] == 0
    proc.wait_for(all_gone, "all events are too old", 30)
    tap.ok(biggest > 30e6, "30 MB are on the disk", biggest)
    proc.wait_for(lambda: _main(crierd) < biggest / 4,
                  f"the file's size is given back; {_main(crierd)} of "
                  f"{biggest}, {crierd.store()}", 20)
    tap.ok(True, "the file's size is given back")
    status = crierd.store()
    tap.ok(_main(crierd) <= status["file_bytes"] < biggest / 2,
           "status knows it, what is yet to be moved into the file included",
           status["file_bytes"])
    crierd.stop()
    tap.ok(_disk(crierd) < biggest / 4, "a clean stop leaves no more",
           _disk(crierd), crierd.files())


def _main(crierd):
    return os.path.getsize(crierd.path)


def _disk(crierd):
    """With the log of what is not in the file itself yet."""
    return sum(os.path.getsize(os.path.join(crierd.folder, name))
               for name in crierd.files())


def _publish_round(crierd, count, channels):
    """One event after the other to each of the channels, and again."""
    with crierd.connect() as queue:
        for start in range(0, count, 400):
            queue.send(b"".join(
                b'{"channel":"c%d","data":"%s"}\n' % (
                    (start + n) % channels, b"x" * 200)
                for n in range(400)))
            for _n in range(400):
                if not queue.reply().get("ok"):
                    raise AssertionError("refused")


def under_load(tap, place):
    """Retention keeps up with who publishes to many channels for long."""
    crierd = Stored(place, ["keep=10"]).start()
    thread = bench.Thread(_publish_round, crierd, BUSY, 200)
    most = 0
    while thread.is_alive():
        most = max(most, crierd.store()["events"])
        time.sleep(0.05)
    thread.finish()
    tap.diag(f"{BUSY} events published, at most {most} stored")
    # What a step of retention leaves for the next is fine; not that it grows.
    tap.ok(most < 10 * 2000, "200 channels of 10 events each do not fill the "
           "file while they are busy", f"{most} stored at one time")
    _wait_events(crierd, 2000)
    tap.ok(True, "and in the end it is what they keep")


def _cross(tap, crierd, fault, seconds, name):
    """What was published before the clock was set, afterwards."""
    before = crierd.publish("a", f"{name} before")
    crierd.publish("a", f"{name} expiring", expires=3600)
    crierd.try_publish("key", "x", key=name)
    fault.clock(seconds)
    crierd.wait_log("the clock was set")
    crierd.publish("a", f"{name} after")
    # Retention looks once a second.
    ended = crierd.store()["commits"]
    proc.wait_for(lambda: crierd.try_publish("tick", "x")["ok"]
                  and crierd.store()["commits"] > ended + 20, "it has looked",
                  20)
    tap.eq(crierd.texts("/events/a", 2, before),
           [f"{name} expiring", f"{name} after"], f"{name}: nothing goes")
    tap.ok(crierd.try_publish("key", "x", key=name).get("duplicate", False),
           f"{name}: a key is known")
    # The next one begins with the clock as it is.
    crierd.crash(env=fault.env)
    tap.eq(crierd.texts("/events/a", 2, before),
           [f"{name} expiring", f"{name} after"],
           f"{name}: nor in the next run")
    tap.ok(crierd.try_publish("key", "x", key=name).get("duplicate", False),
           f"{name}: and the key is known")


def clock_steps(tap, place):
    """The wall clock is set, by more than anything is kept."""
    if not Interposer.is_there():
        tap.skip("steps of the clock", "there is no compiler")
        return
    fault = Interposer(place)
    crierd = Stored(place, ["keep-seconds=7200", "key-seconds=7200"])
    crierd.start(env=fault.env)
    _cross(tap, crierd, fault, 86400, "forward")
    _cross(tap, crierd, fault, -86400, "back")
    _cross(tap, crierd, fault, 86400 * 3, "far")
    crierd.stop()


def old_after_a_step(tap, place):
    """What is too old goes, wherever the clock has been."""
    if not Interposer.is_there():
        tap.skip("ages after a step", "there is no compiler")
        return
    for seconds in (86400, -86400):
        fault = Interposer(place)
        crierd = Stored(place, ["keep-seconds=3"],
                        folder=place.make_dir(f"store{seconds}"))
        crierd.start(env=fault.env)
        crierd.publish("a", "x")
        fault.clock(seconds)
        crierd.wait_log("the clock was set")
        tap.eq(crierd.store()["events"], 1, f"{seconds} s: not at once")
        proc.wait_for(lambda crierd=crierd: crierd.store()["events"] == 0,
                      "it goes", 20)
        tap.ok(True, f"{seconds} s: an event goes when it is old")
        crierd.stop()


WHAT_IS_KEPT = (by_count, by_bytes, by_age)
TESTS = (clock_steps, old_after_a_step, *WHAT_IS_KEPT, count_of_the_file,
         bytes_of_the_file, age_of_the_file, the_file_shrinks, under_load)
