# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""The disk that the store takes, and how it does with what there is."""

import os

from lib import proc
from lib.store_tools import Mount, Stored, connect

MEGA = 1 << 20
KEEP = ("keep=1000000", "keep-bytes=1M")
# What the manual says: the file, a quarter of it free, and the log.
MOST = 6 * MEGA


def _disk(crierd):
    """What the store takes of the disk."""
    total = 0
    for name in crierd.files():
        try:
            total += os.stat(os.path.join(crierd.folder,
                                          name)).st_blocks * 512
        except FileNotFoundError:
            pass
    return total


def _publish(crierd, count, size, most=None):
    """Events in bulk; the largest disk space seen meanwhile."""
    with crierd.connect() as queue:
        for start in range(0, count, 50):
            queue.publish_all("a", (f"{start + n} " + "x" * size
                                    for n in range(50)))
            most = max(most or 0, _disk(crierd))
    return most


def small_history(tap, place):
    """The log does not outgrow what is kept, whatever is published."""
    crierd = Stored(place, KEEP).start()
    most = _publish(crierd, 3000, 20000)
    tap.ok(most < MOST, "a history of 1 MiB takes less than 6, 60 MB later",
           most)
    proc.wait_for(lambda: crierd.store()["bytes"] <= MEGA, "it is trimmed")
    status = crierd.store()
    tap.ok(0 < status["log_bytes"] < status["file_bytes"] < MOST,
           "and status knows", status)
    crierd.stop()


def held_log(tap, place):
    """Another program that reads for long makes the log grow, until it is
    through."""
    crierd = Stored(place, KEEP).start()
    crierd.publish_many("a", 10)
    other = connect(crierd.path)
    other.execute("BEGIN")
    other.execute("SELECT count(*) FROM run").fetchall()
    _publish(crierd, 500, 20000)
    tap.ok(crierd.store()["log_bytes"] > 3 * MEGA,
           "the log grows while another program reads in it",
           crierd.store())
    other.execute("COMMIT")
    other.close()
    proc.wait_for(lambda: crierd.publish("a", "x")
                  and crierd.store()["log_bytes"] <= 2 * MEGA,
                  "the log is cut", 20)
    tap.ok(True, "and is cut afterwards")
    crierd.stop()


def small_disk(tap, place):
    """20 MiB are plenty for a history of one."""
    mount = Mount(place, "20m")
    if not mount.mounted:
        tap.skip("a small disk", "no file system can be mounted")
        return
    crierd = Stored(place, KEEP, folder=mount.folder).start()
    _publish(crierd, 3000, 20000)
    tap.ok(crierd.store()["errors"] == 0, "nothing is ever refused",
           crierd.store())
    # Others take all the rest: events replace each other all the same.
    mount.fill()
    for number in range(300):
        crierd.publish("a", f"{number} " + "x" * 20000)
    tap.ok(crierd.store()["errors"] == 0,
           "nor when others have filled the disk", crierd.store())
    last = crierd.publish("a", "before")
    crierd.crash()
    tap.eq(crierd.texts("/events/a?last=1", 1), ["before"],
           "killed on the full disk, it comes back with all of it")
    crierd.publish("a", "after")
    tap.eq(crierd.texts("/events/a", 1, last), ["after"], "and goes on")
    crierd.stop()


def _start_full(tap, place, way, mount, folder_is_new):
    """Where nothing can be written at the start."""
    name = f"full at the start, {way}, {'new' if folder_is_new else 'old'}"
    crierd = Stored(place, [*KEEP, "store-error=" + way], folder=mount.folder)
    last = None
    if not folder_is_new:
        crierd.start()
        crierd.publish_many("a", 10)
        last = crierd.publish("a", "before")
        crierd.stop()
    mount.fill()
    crierd.start()
    status = crierd.store()
    tap.ok(status["degraded"] and "full" in status["last_error"]
           and crierd.path in status["last_error"],
           f"{name}: crierd starts, and says what is wrong", status)
    with crierd.get("/events/a") as stream:
        stream.wait_open()
        answer = crierd.try_publish("a", "during")
        tap.ok(answer["ok"] is (way == "memory")
               and (way == "memory" or "full" in answer["error"]),
               f"{name}: an event is treated as store-error says", answer)
        if way == "memory":
            stream.wait_events(1)
        mount.unfill()
        proc.wait_for(lambda: not crierd.store()["degraded"],
                      f"{name}: it finds that there is room", 20)
        crierd.publish("a", "after")
        stream.wait_events(2 if way == "memory" else 1)
    tap.ok(True, f"{name}: it recovers, though nobody publishes")
    crierd.restart()
    texts = crierd.texts("/events/a?since=all", 1 if folder_is_new else 12)
    tap.ok(texts[-1] == "after" and ("before" in texts) is not folder_is_new,
           f"{name}: what was stored before and after is there", texts)
    if last:
        types = [e.type for e in crierd.history("/events/a", 1, last)]
        tap.eq(types[0], "crier.gap" if way == "memory" else "message",
               f"{name}: a gap is told only where something is lost")
    crierd.stop()
    for file in crierd.files():
        os.unlink(os.path.join(crierd.folder, file))


def full_at_the_start(tap, place):
    mount = Mount(place)
    if not mount.mounted:
        tap.skip("full at the start", "no file system can be mounted")
        return
    for way in ("refuse", "memory"):
        for folder_is_new in (False, True):
            _start_full(tap, place, way, mount, folder_is_new)


def _used(crierd):
    """The bytes of the pages in use."""
    other = connect(crierd.path)
    try:
        number = [other.execute(f"PRAGMA {name}").fetchone()[0]
                  for name in ("page_count", "freelist_count")]
    finally:
        other.close()
    return (number[0] - number[1]) * 4096


def store_bytes(tap, place):
    """The oldest of all channels gives first, and who misses it is told."""
    crierd = Stored(place, ["keep=1000000", "keep-bytes=1G",
                            "store-bytes=4M"]).start()
    ids = {}
    for number in range(40):
        ids[number] = crierd.publish_many(f"c{number}", 10, 25000)
    proc.wait_for(lambda: _used(crierd) <= 4 * MEGA
                  and crierd.store()["bytes"] < 4 * MEGA, "it is trimmed", 20)
    status = crierd.status()
    tap.ok(status["limits"]["store_bytes"] == 4 * MEGA
           and 3 * MEGA < status["store"]["bytes"] < 4 * MEGA,
           "so much is kept, and no less than may be", status["store"])
    crierd.crash()
    left = [len(crierd.texts(f"/events/c{n}?since=all", 0))
            for n in range(40)]
    tap.ok(left == sorted(left) and left[0] == 0 and left[39] == 10,
           "what is oldest has gone", left)
    types = [event.type for event in
             crierd.history("/events/c0", 1, ids[0][0])]
    tap.eq(types, ["crier.gap"], "who resumes from before it is told")
    tap.eq(len(crierd.texts("/events/c39", 9, ids[39][0])), 9,
           "and who resumes from what is there gets all that follows")
    crierd.stop()


def _use_keys(crierd, channel, count):
    with crierd.connect() as queue:
        for number in range(count):
            answer = queue.ask({"channel": channel, "data": "x",
                                "key": f"{channel}-{number}" + "y" * 200})
            if not answer["ok"]:
                raise AssertionError(answer)


def _knows(crierd, channel, number):
    key = f"{channel}-{number}" + "y" * 200
    return crierd.try_publish(channel, "x", key=key).get("duplicate", False)


def keys(tap, place):
    """Keys have a bound, and go before events that are younger."""
    crierd = Stored(place, ["keep=10", "max-keys=300"]).start()
    _use_keys(crierd, "a", 1000)
    proc.wait_for(lambda: crierd.store()["keys"] == 300, "keys go", 20)
    tap.eq([_knows(crierd, "a", n) for n in (701, 999, 699)],
           [True, True, False], "the newest 300 are known")
    crierd.restart("-o", "max-keys=100000", "-o", "store-bytes=256K")
    _use_keys(crierd, "b", 4000)
    proc.wait_for(lambda: _used(crierd) <= 256 * 1024, "it is trimmed", 20)
    tap.ok(0 < crierd.store()["keys"] < 4000 and _knows(crierd, "b", 3999),
           "store-bytes bounds keys, too; the newest stay", crierd.store())
    tap.eq(len(crierd.texts("/events/b?since=all", 10)), 10,
           "and younger events")
    crierd.restart("-o", "max-keys=100000")
    before = _used(crierd)
    _use_keys(crierd, "c", 3000)
    tap.ok(_used(crierd) - before < 3000 * 120,
           "a key takes few bytes, however long it is",
           (_used(crierd) - before) / 3000)
    crierd.stop()


TESTS = (store_bytes, keys, small_history, held_log, small_disk, full_at_the_start)
