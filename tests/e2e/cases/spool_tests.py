# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""Events that crier keeps while crierd is away."""

import errno
import json
import os
import random
import shutil
import stat
import subprocess
import threading

from lib import bench, proc
from lib.daemon import Crierd
from lib.fcgi import Direct
from lib.store_tools import Interposer, Stored

PUBLISHERS = 20
EVENTS = 60
ERRORS = ("EIO", "ENOSPC")


class Spool:
    """A directory for pub -S."""

    def __init__(self, place, name="spool"):
        self.place = place
        self.dir = place.path(name)
        self.nowhere = place.path("nowhere.sock")

    def pub(self, *words, queue=None, data=None, wrap=()):
        """crier pub -S DIR; without a queue there is no crierd."""
        return subprocess.run(
            [*wrap, *bench.CRIER, "-s", queue or self.nowhere, "pub", "-S",
             self.dir, *words], input=data, capture_output=True, check=False,
            stdin=None if data is not None else subprocess.DEVNULL,
            timeout=60 * bench.SLOW)

    def flush(self, queue=None, wait="0", wrap=()):
        return subprocess.run(
            [*wrap, *bench.CRIER, "-s", queue or self.nowhere, "-w", wait,
             "flush", "-v", "-S", self.dir], stdin=subprocess.DEVNULL,
            capture_output=True, check=False, timeout=60 * bench.SLOW)

    def size(self):
        try:
            return os.path.getsize(os.path.join(self.dir, "journal"))
        except FileNotFoundError:
            return 0


def _crierd(place):
    """With a store that survives a kill."""
    store = os.path.join(place.make_dir("store"), "history.db")
    return Crierd(place, options=["store=sqlite:" + store]).start()


def _all(crierd, channel, last):
    """The data of a channel's events, up to the one that is `last`."""
    with Direct(crierd.listen, f"/events/{channel}?since=all") as stream:
        stream.wait(lambda: any(e.data == last for e in stream.events),
                    f"{last} on {channel}")
        return [event.data for event in stream.events]


def forms(tap, place):
    spool = Spool(place)
    for words, data in (
            (("a", "1"), None), (("a",), b"2\n"), (("-l", "a"), b"3\n4\n"),
            (("-n",), b'{"channel":"a","data":"5"}\n'),
            (("-e", "named", "-i", "own-id", "a", "6"), None),
            (("-J", "a", "n=7"), None)):
        done = spool.pub(*words, data=data)
        tap.eq((done.returncode, done.stdout, done.stderr), (0, b"", b""),
               f"no crierd: {' '.join(words)} is kept")
    modes = [stat.S_IMODE(os.stat(path).st_mode) for path in (
        spool.dir, os.path.join(spool.dir, "journal"))]
    tap.eq(modes, [0o700, 0o600], "only its owner may read it")
    done = spool.flush()
    tap.ok(done.returncode == 69 and done.stderr, "flush: no crierd", done)
    crierd = _crierd(place)
    done = spool.pub("-v", "a", "8", queue=crierd.queue)
    tap.ok(done.returncode == 0 and done.stdout.strip() != b"kept",
           "crierd is back: -v prints the id", done)
    with Direct(crierd.listen, "/events/a?since=all") as stream:
        got = stream.wait_events(8)
        tap.eq([e.data for e in got], ["1", "2", "3", "4", "5", "6",
                                       '{"n":7}', "8"], "all, in order")
        tap.eq((got[5].type, got[5].id), ("named", "own-id"),
               "with what was said of them")
        tap.eq(got[7].id, done.stdout.decode().strip(), "and that id")
    tap.eq(spool.size(), 0, "nothing is left")
    tap.eq(spool.flush().returncode, 0, "flush then needs no crierd")


def bad_events(tap, place):
    crierd = _crierd(place)
    spool = Spool(place)
    done = spool.pub("a b", "x", queue=crierd.queue)
    tap.eq(done.returncode, 65, "a bad event is refused by crierd")
    tap.eq(spool.pub("a b", "x").returncode, 65, "and without it")
    tap.eq(spool.size(), 0, "and not kept")
    spool.pub("-l", "a", data=b"1\n" + b"x" * 70000 + b"\n2\n")
    done = spool.flush(crierd.queue)
    tap.ok(done.returncode == 65 and b"refused" in done.stderr
           and done.stdout == b"sent 2, expired 0, refused 1\n",
           "one that is too long for this crierd: 65 from flush", done)
    tap.eq(_all(crierd, "a", "2"), ["1", "2"], "the others are sent")
    with open(os.path.join(spool.dir, "refused"), "rb") as refused:
        event = json.loads(refused.read())
    tap.eq((event["channel"], len(event["data"])), ("a", 70000),
           "it is in DIR/refused, as pub -n takes it")
    tap.eq(spool.flush(crierd.queue).returncode, 0, "once")


def _publish(spool, crierd, number, results):
    """One of many publishers: odd ones by a command an event."""
    texts = [f"e{n}" for n in range(1, EVENTS + 1)]
    codes = []
    if number % 2:
        for text in texts:
            codes.append(spool.pub(f"c{number}", text, queue=crierd.queue))
    else:
        child = subprocess.Popen(
            bench.CRIER + ["-s", crierd.queue, "pub", "-l", "-v", "-S",
                           spool.dir, f"c{number}"], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for text in texts:
            child.stdin.write(text.encode() + b"\n")
            child.stdin.flush()
            child.stdout.readline()  # it is sent or kept
        out, err = child.communicate()
        codes.append(subprocess.CompletedProcess(child.args,
                                                 child.returncode, out, err))
    results[number] = codes


def crierd_is_killed(tap, place):
    crierd = _crierd(place)
    spool = Spool(place)
    results = {}
    threads = [threading.Thread(target=_publish,
                                args=(spool, crierd, n, results))
               for n in range(PUBLISHERS)]
    for thread in threads:
        thread.start()
    choice = random.Random(1)
    kills = 0
    while any(thread.is_alive() for thread in threads):
        proc.holds_for(lambda: True, choice.uniform(0.02, 0.2))
        crierd.kill()
        kills += 1
        proc.holds_for(lambda: True, choice.uniform(0, 0.1))
        crierd.start()
    for thread in threads:
        thread.join()
    tap.ok(kills >= 2, f"crierd was killed {kills} times")
    bad = [done for codes in results.values() for done in codes
           if done.returncode or done.stderr]
    tap.ok(not bad, "all 20 publishers were told: sent or kept", bad[:3])
    done = spool.flush(crierd.queue)
    tap.eq((done.returncode, done.stderr), (0, b""), "flush sends the rest")
    want = [f"e{n}" for n in range(1, EVENTS + 1)]
    wrong = {}
    for number in range(PUBLISHERS):
        got = _all(crierd, f"c{number}", f"e{EVENTS}")
        if got != want:
            wrong[number] = got
    tap.ok(not wrong, "every event once and in order per publisher", wrong)


# LeakSanitizer cannot work under it, and would end the program for that.  The
# profiler's files of counts, which a fault would spoil, are not written.
STRACE = ["strace", "-E", "ASAN_OPTIONS=detect_leaks=0",
          "-E", "GCOV_PREFIX=/dev/null"]


def _system_calls(place, command):
    """Those from the spool's opening on: (name, its how many-th it is)."""
    log = place.path("strace.log")
    done = command([*STRACE, "-o", log])
    if done.returncode not in (0, 69):
        raise AssertionError(f"strace: {done}")
    seen = {}
    calls = []
    with open(log, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            name = line.split("(")[0]
            # A failing brk() is none of the kernel's: malloc() would crash.
            if not name.isidentifier() or name in ("brk", "mmap"):
                continue
            seen[name] = seen.get(name, 0) + 1
            if calls or "O_DIRECTORY" in line:
                calls.append((name, seen[name]))
    return calls


def _strace(fault, call):
    name, number = call
    return [*STRACE, "-o", "/dev/null", "-e",
            f"inject={name}:{fault}:when={number}"]


def _has_strace(tap, place):
    if shutil.which("strace") and subprocess.run(
            ["strace", "-o", place.path("try.log"), "-e",
             "inject=close:signal=USR1:when=60000", "true"], check=False,
            capture_output=True).returncode == 0:
        return True
    tap.skip("a crash at every system call", "strace cannot run here")
    return False


def _check_history(tap, place_name, got, said):
    """said: (text, whether it was told to be safe), in order."""
    safe = [text for text, good in said if good]
    order = [text for text, _good in said]
    tap.ok(len(set(got)) == len(got), f"{place_name}: none is doubled", got)
    tap.ok(set(safe) <= set(got), f"{place_name}: none that exited with 0 is "
           "lost", sorted(set(safe) - set(got)))
    tap.eq(got, [text for text in order if text in got],
           f"{place_name}: in order")


def _each_fault(fault, calls, pub, after):
    """Publish with a fault at each system call; after each, a sound one."""
    said = []
    for call in calls:
        text = "{}-{}-{}".format(fault.split("=")[1], *call)
        done = pub(text, _strace(fault, call))
        said.append((text, done.returncode == 0))
        done = after(text + "-after")
        if done.returncode:
            raise AssertionError(f"after {text}: {done}")
        said.append((text + "-after", True))
    return said


def crashes_without_crierd(tap, place):
    """A fault at every system call of keeping an event."""
    if not _has_strace(tap, place):
        return
    crierd = _crierd(place)
    for n, fault in enumerate(("signal=KILL",
                               *("error=" + name for name in ERRORS))):
        spool = Spool(place, f"spool{n}")
        channel = f"c{n}"

        def pub(text, wrap=(), spool=spool, channel=channel):
            return spool.pub(channel, text, wrap=wrap)
        pub("zeroth")
        calls = _system_calls(place, lambda wrap, pub=pub: pub("first", wrap))
        said = [("zeroth", True), ("first", True)]
        said += _each_fault(fault, calls, pub, pub)
        done = spool.flush(crierd.queue)
        tap.eq(done.returncode, 0, f"{fault}: all is sent then")
        _check_history(tap, fault, _all(crierd, channel, said[-1][0]), said)
        tap.ok(any(not good for _text, good in said),
               f"{fault}: {len(calls)} system calls, of which some failed")


def crashes_while_sending(tap, place):
    """A fault at every system call of sending, with kept events before."""
    if not _has_strace(tap, place):
        return
    crierd = _crierd(place)
    for n, fault in enumerate(("signal=KILL", "error=EIO")):
        spool = Spool(place, f"spool{n}")
        channel = f"c{n}"
        said = []

        def pub(text, wrap=(), spool=spool, channel=channel, said=said):
            spool.pub(channel, text + "-kept")
            said.append((text + "-kept", True))
            return spool.pub(channel, text, queue=crierd.queue, wrap=wrap)

        calls = _system_calls(place, lambda wrap, pub=pub: pub("first", wrap))
        said.append(("first", True))
        for call in calls:
            text = "{}-{}".format(*call)
            done = pub(text, _strace(fault, call))
            said.append((text, done.returncode == 0))
        tap.ok(any(not good for _text, good in said),
               f"{fault}: {len(calls)} system calls, of which some failed")
        done = pub("last")
        tap.eq(done.returncode, 0, f"{fault}: a sound one after them")
        said.append(("last", True))
        tap.eq(spool.flush(crierd.queue).returncode, 0, "nothing is left")
        _check_history(tap, fault, _all(crierd, channel, "last"), said)


def crashes_of_the_first(tap, place):
    """A fault at every system call when the directory is made, too."""
    if not _has_strace(tap, place):
        return
    crierd = _crierd(place)
    calls = _system_calls(
        place, lambda wrap: Spool(place).pub("a", "x", wrap=wrap))
    for fault in ("signal=KILL", "error=EIO", "error=ENOSPC"):
        said = []
        for call in calls:
            text = "{}-{}-{}".format(fault.split("=")[1], *call)
            spool = Spool(place, text)
            done = spool.pub(fault, text, wrap=_strace(fault, call))
            said.append((text, done.returncode == 0))
            done = spool.pub(fault, text + "-after", queue=crierd.queue)
            if done.returncode:
                raise AssertionError(f"after {text}: {done}")
            said.append((text + "-after", True))
        _check_history(tap, fault, _all(crierd, fault, said[-1][0]), said)
        tap.ok(any(not good for _text, good in said),
               f"{fault}: {len(calls)} system calls, of which some failed")


def crashes_of_flush(tap, place):
    if not _has_strace(tap, place):
        return
    crierd = _crierd(place)
    for n, fault in enumerate(("signal=KILL", "error=EIO", "error=ENOSPC")):
        spool = Spool(place, f"spool{n}")
        channel = f"c{n}"
        said = [(f"first{n}", True) for n in range(3)]
        spool.pub("-l", channel, data=b"first0\nfirst1\nfirst2\n")
        codes = set()
        for call in _system_calls(place, lambda wrap, spool=spool: spool.flush(
                crierd.queue, wrap=wrap)):
            texts = ["{}-{}.{}".format(*call, n) for n in range(3)]
            spool.pub("-l", channel, data="\n".join(texts).encode())
            said += [(text, True) for text in texts]
            codes.add(spool.flush(crierd.queue, wrap=_strace(
                fault, call)).returncode)
        tap.ok(codes - {0}, f"{fault}: flush ended with {codes}")
        tap.ok(-11 not in codes, "and not by a fault of its own")
        spool.pub(channel, "last")
        said.append(("last", True))
        tap.eq(spool.flush(crierd.queue).returncode, 0,
               f"{fault}: all is sent in the end")
        _check_history(tap, fault, _all(crierd, channel, "last"), said)


def order(tap, place):
    """The store refuses once in the middle of what is sent at once."""
    if not Interposer.is_there():
        tap.skip("order", "there is no compiler")
        return
    fault = Interposer(place)
    crierd = Stored(place, ["durability=none"])
    crierd.start(env=fault.env)
    texts = [f"e{n}" for n in range(1, EVENTS + 1)]
    lines = "".join(text + "\n" for text in texts).encode()

    def send(verb, spool, after, data):
        if verb == "flush":
            spool.pub("-l", f"{verb}{after}", data=data)
        # A few events are one commit, of which one fails.
        fault.receive(512)
        fault.fail_some(errno.EIO, after, 1)
        done = spool.flush(crierd.queue) if verb == "flush" else spool.pub(
            "-v", "-l", f"{verb}{after}", data=data, queue=crierd.queue)
        hits = fault.hits()
        fault.fail(0)
        fault.receive(0)
        return done, hits

    for verb in ("pub", "flush"):
        stopped = 0
        for after in (0, 1, 9, 20, 33):
            spool = Spool(place, f"{verb}{after}")
            done, hits = send(verb, spool, after, lines)
            stopped += hits > 0 and (
                done.returncode == 75 if verb == "flush"
                else 0 < done.stdout.count(b"kept") <= EVENTS)
            spool.flush(crierd.queue)
            tap.eq((_all(crierd, f"{verb}{after}", texts[-1]), spool.size()),
                   (texts, 0), f"{verb}: a refusal behind {after} writes")
        tap.ok(stopped >= 4, f"{verb}: which stopped it", stopped)


def waits(tap, place):
    crierd = Crierd(place, config="")
    spool = Spool(place)
    child = subprocess.Popen(
        bench.CRIER + ["-s", crierd.queue, "-w", str(int(60 * bench.SLOW)),
                       "pub", "-v", "-S", spool.dir, "a", "early"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE)
    try:
        tap.ok(proc.holds_for(lambda: child.poll() is None, 0.3),
               "-w: waits while there is no crierd")
        crierd.start()
        out, err = child.communicate(timeout=20 * bench.SLOW)
        tap.ok(child.returncode == 0 and err == b""
               and out not in (b"", b"kept\n"), "and sends when it has come",
               f"{child.returncode} {out} {err}")
    finally:
        child.kill()
        child.wait()


def not_ours(tap, place):
    """What another user may write to, or read."""
    spool = Spool(place)
    tap.eq(spool.pub("a", "1").returncode, 0, "a spool of ours")
    for mode, code in ((0o700, 0), (0o755, 0), (0o770, 77), (0o702, 77),
                       (0o1777, 77), (0o750, 0)):
        os.chmod(spool.dir, mode)
        done = spool.pub("a", "x")
        tap.eq((done.returncode, b"others may write" in done.stderr),
               (code, code == 77), f"pub: mode {mode:o}")
        done = spool.flush()
        tap.eq(done.returncode, code or 69, f"flush: mode {mode:o}")
    if not bench.IS_ROOT:
        return
    os.chmod(spool.dir, 0o700)
    os.chown(spool.dir, bench.server_user().pw_uid, -1)
    done = spool.pub("a", "x")
    tap.ok(done.returncode == 77 and b"another user" in done.stderr,
           "pub: another user's", done)
    tap.eq(spool.flush().returncode, 77, "flush: with a file of ours in it")
    os.chown(os.path.join(spool.dir, "journal"),
             bench.server_user().pw_uid, -1)
    tap.eq(spool.flush().returncode, 69, "flush: root may send what he kept")


TESTS = (forms, not_ours, bad_events, order, crierd_is_killed, crashes_without_crierd,
         crashes_of_the_first, crashes_while_sending, crashes_of_flush,
         waits)
