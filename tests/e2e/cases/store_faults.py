# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""A store that cannot be written: what becomes of events, and of streams."""

import errno
import os
import shutil
import subprocess
import time

from lib import bench, proc
from lib.store_tools import (PLENTY, Interposer, Mount, Stored, connect,
                             read_for)

WAYS = ("refuse", "memory")


def _crierd(place, way, *more, **named):
    return Stored(place, [*PLENTY, "store-error=" + way, *more], **named)


def _during(tap, crierd, way, stream, name, reason):
    """Publishing while the store fails, with a stream open."""
    before = len(stream.events)
    last = stream.events[-1].id
    began = time.monotonic()
    answer = crierd.try_publish("a", f"{name} 1")
    took = time.monotonic() - began
    if way == "refuse":
        tap.ok(answer["ok"] is False and answer.get("code") == 75
               and reason in answer["error"],
               f"{name}: refused for now, with the reason", answer)
        done = crierd.crier("pub", "a", f"{name} 2")
        tap.ok(done.returncode == 75 and reason.encode() in done.stderr,
               f"{name}: crier pub says so", done)
        read_for(stream, 0.1)
        tap.eq(len(stream.events), before, f"{name}: nothing is delivered")
    else:
        tap.ok(answer["ok"] is True, f"{name}: accepted in memory", answer)
        tap.eq(crierd.crier("pub", "a", f"{name} 2").returncode, 0,
               f"{name}: also from crier pub")
        stream.wait_events(before + 2)
        tap.eq([event.data for event in stream.events[before:]],
               [f"{name} 1", f"{name} 2"], f"{name}: and delivered")
    tap.ok(took < 5 * proc.SLOW, f"{name}: the answer comes in time",
           f"{took:.1f} s")
    status = crierd.store()
    tap.ok(status["degraded"] is True and status["errors"] > 0
           and reason in status["last_error"],
           f"{name}: status says degraded and why", status)
    if way == "memory":
        answers = [crierd.try_publish("key", "x", key=name)
                   for _n in range(2)]
        tap.ok(answers[1].get("duplicate") is True
               and answers[1]["id"] == answers[0]["id"],
               f"{name}: and its key is known", answers)
    crierd.wait_log("(?i)error: .*" + reason)
    tap.ok(not stream.ended, f"{name}: the stream goes on")
    return last


def _afterwards(tap, crierd, way, stream, name, last):
    """It recovers by itself; what was accepted is in the store.  last is the
    id of the last event before."""
    before = len(stream.events)
    proc.wait_for(lambda: crierd.try_publish("a", f"{name} 3")["ok"],
                  f"{name}: events are accepted again", 20)
    proc.wait_for(lambda: crierd.try_publish("a", f"{name} 4")["ok"]
                  and not crierd.store()["degraded"],
                  f"{name}: no longer degraded", 20)
    tap.ok(True, f"{name}: recovers by itself")
    stream.wait(lambda: stream.events[-1].data == f"{name} 4",
                "the newest event")
    got = [event.data for event in stream.events[before:]]
    crierd.wait_log("can be stored again")
    crierd.crash()
    kept = crierd.texts("/events/a?since=all", 1)
    tap.eq(kept[-len(got):], got, f"{name}: and they are in the store")
    if way == "refuse":
        tap.ok(not any(text in (f"{name} 1", f"{name} 2") for text in kept),
               f"{name}: what was refused is not", kept)
    got = crierd.history("/events/a", 1, last)
    tap.eq(got[0].type, "crier.gap" if way == "memory" else "message",
           f"{name}: who had the last event before is told of a gap only "
           "where something is lost")


def _with_errors(tap, place, number, name):
    if not Interposer.is_there():
        tap.skip(name, "there is no compiler")
        return
    fault = Interposer(place)
    for way in WAYS:
        crierd = _crierd(place, way, folder=place.make_dir("store-" + way))
        crierd.start(env=fault.env)
        crierd.publish_many("a", 100)
        with crierd.get("/events/a") as stream:
            stream.wait_open()
            crierd.publish("a", "before")
            stream.wait_events(1)
            before = fault.hits()
            fault.fail(number)
            last = _during(
                tap, crierd, way, stream, f"{name}, {way}", "disk is full"
                if number == errno.ENOSPC else "disk I/O error")
            tap.ok(fault.hits() > before, f"{name}: writes did fail")
            fault.fail(0)
            _afterwards(tap, crierd, way, stream, f"{name}, {way}", last)
        crierd.stop()


def no_room(tap, place):
    _with_errors(tap, place, errno.ENOSPC, "ENOSPC")


def bad_disk(tap, place):
    _with_errors(tap, place, errno.EIO, "EIO")


def read_only_disk(tap, place):
    """As a file system that the kernel has remounted read-only."""
    _with_errors(tap, place, errno.EROFS, "EROFS")


def a_full_disk(tap, place):
    mount = Mount(place)
    if not mount.mounted:
        tap.skip("a full disk", "no file system can be mounted")
        return
    for way in WAYS:
        crierd = _crierd(place, way, folder=mount.folder).start()
        crierd.publish_many("a", 10, 100)
        with crierd.get("/events/a") as stream:
            stream.wait_open()
            crierd.publish("a", "before")
            stream.wait_events(1)
            mount.fill()
            # What room there is in files that have been made.
            name = f"full, {way}"
            for size in (60000, 2000, 10):
                proc.wait_for(lambda size=size: not crierd.try_publish(
                    "a", "x" * size)["ok"] or crierd.store()["degraded"],
                    f"it is full for {size} bytes")
            read_for(stream, 0.1)
            last = _during(tap, crierd, way, stream, name, "full")
            mount.unfill()
            _afterwards(tap, crierd, way, stream, name, last)
        crierd.stop()
        for file in crierd.files():
            os.unlink(os.path.join(crierd.folder, file))


def locked(tap, place):
    for way in WAYS:
        crierd = _crierd(place, way, folder=place.make_dir("store-" + way))
        crierd.start()
        with crierd.get("/events/a") as stream:
            stream.wait_open()
            crierd.publish("a", "before")
            stream.wait_events(1)
            other = connect(crierd.path)
            other.execute("BEGIN EXCLUSIVE")
            last = _during(tap, crierd, way, stream, f"locked, {way}",
                           "locked")
            _many_wait(tap, crierd, way)
            other.execute("ROLLBACK")
            other.close()
            _afterwards(tap, crierd, way, stream, f"locked, {way}",
                        last)
        crierd.stop()


def _many_wait(tap, crierd, way):
    """Each with an event of its own, at different moments."""
    def publish(number):
        with crierd.connect() as queue:
            queue.socket.settimeout(100 * proc.SLOW)
            began = time.monotonic()
            answer = queue.ask({"channel": "busy", "data": str(number)})
            return answer, time.monotonic() - began

    threads = []
    for number in range(12):
        threads.append(bench.Thread(publish, number))
        time.sleep(0.05)
    results = [thread.finish(100) for thread in threads]
    longest = max(seconds for _answer, seconds in results)
    tap.ok(all(answer["ok"] is (way == "memory") for answer, _s in results)
           and longest < 8 * proc.SLOW,
           f"locked, {way}: many publishers are answered in time",
           f"{longest:.1f} s", results[0], results[-1])


def locked_for_a_moment(tap, place):
    """Whoever reads it, or writes for a moment, does no harm."""
    crierd = _crierd(place, "refuse").start()
    crierd.publish_many("a", 100)
    reader = connect(crierd.path)
    reader.execute("BEGIN")
    tap.ok(reader.execute("SELECT * FROM sqlite_master").fetchall(),
           "another program reads it")
    crierd.publish_many("a", 100, first=100)
    tap.eq(crierd.store()["errors"], 0, "which does not hinder crierd")
    reader.execute("COMMIT")
    reader.execute("BEGIN IMMEDIATE")
    thread = bench.Thread(crierd.publish, "a", "waits")
    time.sleep(0.3)
    reader.execute("ROLLBACK")
    reader.close()
    thread.finish()
    tap.eq(crierd.store()["errors"], 0, "nor does a short lock")


def read_only(tap, place):
    for way in WAYS:
        crierd = _crierd(place, way, folder=place.make_dir("store-" + way))
        crierd.start()
        crierd.publish_many("a", 10)
        crierd.stop()
        os.chmod(crierd.path, 0o444)
        os.chmod(crierd.folder, 0o555)
        name = f"read-only, {way}"
        status, text = crierd.fails_to_start()
        tap.ok(status > 0 and crierd.path in text
               and "may not write" in text and "0444" in text,
               f"{name}: crierd says so and does not start", text)
        os.chmod(crierd.folder, 0o755)
        os.chmod(crierd.path, 0o644)
        crierd.start()
        tap.eq(len(crierd.texts("/events/a?since=all", 10)), 10,
               f"{name}: nothing has happened to it")
        crierd.stop()


def power(tap, place):
    """power: a flush to the disk between an event's receipt and its reply;
    process: none."""
    if not shutil.which("strace") or subprocess.run(
            ["strace", "-f", "-o", place.path("try.log"), "true"],
            capture_output=True, check=False).returncode:
        tap.skip("durability = power", "strace cannot run here")
        return
    for durability in ("power", "process", "none"):
        crierd = Stored(place, ["durability=" + durability],
                        folder=place.make_dir("store-" + durability)).start()
        crierd.publish_many("a", 20)
        log = place.path(f"strace-{durability}.log")
        tracer = proc.Proc(
            ["strace", "-f", "-y", "-p", str(crierd.pid), "-o", log, "-s",
             "40", "-e", "trace=fsync,fdatasync,sync_file_range,read,recvmsg,"
             "recvfrom,write,writev,sendmsg,sendto,pwrite64"],
            place.log("strace.log"))
        place.own(tracer)
        proc.wait_for(lambda: _traced(crierd), "all threads are traced")
        ids = [crierd.publish("a", f"event {n}") for n in range(5)]
        tracer.stop(seconds=20)
        with open(log, encoding="utf-8", errors="replace") as lines:
            between = [_syncs(lines, n, ids[n]) for n in range(5)]
        if durability == "power":
            tap.ok(all(n is not None and n > 0 for n in between),
                   "power: each event is on the disk before its reply",
                   between)
        else:
            tap.ok(all(n == 0 for n in between),
                   f"{durability}: no event waits for the disk", between)
        tap.eq(crierd.store()["durability"], durability, "status says which")
        crierd.stop()


def _traced(crierd):
    folder = f"/proc/{crierd.pid}/task"
    for task in os.listdir(folder):
        with open(f"{folder}/{task}/status", encoding="ascii") as status:
            if "TracerPid:\t0\n" in status.read():
                return False
    return True


def _syncs(lines, number, event_id):
    """Finished flushes between an event's receipt and its reply; None if
    those are not seen."""
    lines.seek(0)
    count, started = None, False
    for line in lines:
        if not started and '"{' in line and "channel" in line and (
                "read" in line or "recv" in line):
            number -= 1
            started = number < 0
            count = 0 if started else None
        elif started and ("sync" in line and "history.db" in line
                          or "sync resumed" in line) \
                and line.rstrip().endswith("= 0"):
            count += 1
        elif started and "ok" in line \
                and event_id in line:
            return count
    return None


TESTS = (no_room, bad_disk, read_only_disk, a_full_disk, locked,
         locked_for_a_moment, read_only, power)
