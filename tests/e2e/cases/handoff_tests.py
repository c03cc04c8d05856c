# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""Streams handed from process to process, and who gets in the way of it."""

import fcntl
import os
import pwd
import random
import signal
import socket
import subprocess
import time

from lib import bench, proc
from lib.daemon import Crierd, Queue
from lib.doors import (Cgi, Hub, Requester, Spawned, account, hand_over,
                       handoff, install, pipe_end)

DOORS = 4
STREAMS = 300
KILLS = 3


def spread(hub, spawned, count):
    """So many requests to the shared socket; those that were opened."""
    found = [Requester(spawned.listen, f"/events/c{n % 10}")
             for n in range(count)]
    for one in found:
        hub.place.own(one)
        one.destroy = one.close
    return found


def wait_settled(requests, seconds=60):
    """Until each has a stream, or an end; those that hang."""
    end = time.monotonic() + seconds * proc.SLOW
    left = requests
    while left and time.monotonic() < end:
        for one in left:
            one.pump()
        left = [r for r in left if not r.ended and not r.parser.primings]
        time.sleep(proc.STEP)
    return left


def kill_soon(hub, seconds):
    time.sleep(seconds)
    hub.kill()


def stop_soon(hub, seconds):
    time.sleep(seconds)
    hub.send(signal.SIGTERM)


def hub_killed_under_load(tap, place):
    """kill -9 while hundreds of streams are being handed over."""
    hub = Hub(place, "retry = 100\nrequest-timeout = 20\n")
    spawned = Spawned(hub, DOORS)
    proc.wait_for(hub.is_up, "a hub")
    requests = []
    for _round in range(KILLS):
        killer = bench.Thread(kill_soon, hub, random.random() * 0.1)
        requests += spread(hub, spawned, STREAMS // KILLS)
        killer.finish()
    requests += spread(hub, spawned, STREAMS // KILLS)
    hanging = wait_settled(requests)
    tap.eq([r.raw for r in hanging], [],
           f"of {len(requests)} requests none hangs")
    for one in requests:
        one.pump()
    alive = [r for r in requests if not r.ended]
    tap.ok(all(r.protocol_status is not None and r.parser.retry is not None
               or r.closed for r in requests if r.ended),
           "who has no stream was told to come again, or cut off")
    tap.diag(f"{len(alive)} streams of {len(requests)} requests, "
             f"{KILLS} hubs killed")
    proc.wait_for(lambda: hub.streams() == len(alive),
                  f"{len(alive)} streams in status, each once")
    for number in range(10):
        hub.publish(f"c{number}", "x")
    for one in alive:
        one.wait_events(1)
    with Queue(hub.queue) as queue:
        queue.publish("c0", "last")
    for one in alive:
        one.pump()
    tap.eq([len(r.events) for r in alive if len(r.events) > 2], [],
           "no event comes twice")
    tap.eq(len(spawned.pids()), DOORS - KILLS, "the doors live")
    left = hub.status()
    tap.ok(left["fastcgi"]["waiting"] <= 1, "nothing waits", left["fastcgi"])


def stopped_hub(tap, place):
    """A hub that does not answer holds nobody longer than it may."""
    hub = Hub(place, "request-timeout = 1\nretry = 100\n")
    spawned = Spawned(hub, 2)
    pid = hub.send(signal.SIGSTOP)
    try:
        # The other process is a door, which accepts all of them.
        requests = spread(hub, spawned, 20)
        with Cgi(hub, "/events/a") as stopped:
            stopped.wait(lambda: stopped.parser.retry is not None,
                         "an answer")
            seconds = time.monotonic() - stopped.begun
            tap.ok(stopped.is_later, "CGI: 200, come again", stopped.raw)
            tap.ok(seconds < 10 * proc.SLOW, "within request-timeout",
                   f"{seconds} s")
        for one in requests:
            one.wait_end()
        tap.eq([r.raw for r in requests
                if r.status != 200 or r.parser.retry is None], [],
               "spawned: 200, come again")
    finally:
        os.kill(pid, signal.SIGCONT)
    hub.wait_streams(0)
    requests = spread(hub, spawned, 8)
    tap.eq(wait_settled(requests), [], "then it goes on serving")


def hub_drains(tap, place):
    """SIGTERM to one hub after the other, under load."""
    hub = Hub(place, "retry = 100\nrequest-timeout = 20\n")
    spawned = Spawned(hub, DOORS)
    requests = []
    for _round in range(DOORS - 1):
        stopper = bench.Thread(stop_soon, hub, random.random() * 0.05)
        requests += spread(hub, spawned, STREAMS // KILLS)
        stopper.finish()
    requests += spread(hub, spawned, 20)
    hanging = wait_settled(requests)
    tap.eq([r.raw for r in hanging], [],
           f"of {len(requests)} requests none hangs")
    for one in requests:
        one.pump()
    tap.eq([r.raw for r in requests if r.ended and r.parser.retry is None],
           [], "who has no stream was told to come again")
    tap.diag(f"{len([r for r in requests if not r.ended])} streams of "
             f"{len(requests)} requests")


def _limit(program, descriptors):
    """So many may a process of ours open from now on."""
    subprocess.run(["/usr/bin/prlimit", f"--pid={program.pid}",
                    f"--nofile={descriptors}:64"], check=True, **account())


def no_descriptors(tap, place):
    """The hub has none left: come again, and then it goes on."""
    hub = Hub(place)
    with open(place.log("few.log"), "ab") as log:
        program = subprocess.Popen(
            ["/bin/sh", "-c", 'ulimit -n 64; exec "$0" --on-demand -f',
             install(place)], env=hub.env(), cwd="/",
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, **account())
    proc.wait_for(hub.is_up, "a hub")
    with Queue(hub.queue) as queue:
        proc.wait_for(lambda: queue.ask({"do": "status"})["queue"]
                      ["connections"] == 2, "nobody else is there")
        # Whoever is at the queue cannot take them all: its limit does.
        taken = {int(n) for n in os.listdir(f"/proc/{program.pid}/fd")}
        _limit(program, min(set(range(64)) - taken))
        answers = []
        for _n in range(3):
            ours, theirs = os.pipe()
            hand_over(queue.socket, handoff("a"), theirs)
            os.close(theirs)
            answers.append(queue.reply())
            tap.eq(pipe_end(ours), b"", "its client sees the end at once")
            os.close(ours)
        tap.ok(all(a.get("code") == 75 for a in answers),
               "for now there is no place for a descriptor", answers)
        _limit(program, 64)
        with Cgi(hub, "/events/a") as stream:
            stream.wait_open()
            tap.ok(True, "then it goes on")
    program.terminate()
    tap.eq(program.wait(20 * proc.SLOW), 0, "it ends with status 0")


NOT_ALLOWED = """
import os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
r, w = os.pipe()
socket.send_fds(s, [sys.argv[2].encode() + b"\\n"], [w] * 3)
os.close(w)
print(s.recv(4096).decode(), end="")
print(repr(os.read(r, 100)))
"""


def other_user(tap, place):
    """Who may publish may not hand over, unless he is named."""
    if not bench.IS_ROOT:
        tap.skip("another user", "needs root")
        return
    crierd = Crierd(place, ["queue-mode=0666"]).start()
    line = handoff("a").decode().strip()

    def attempt():
        return subprocess.run(
            ["/usr/bin/python3", "-c", NOT_ALLOWED, crierd.queue, line],
            stdout=subprocess.PIPE, timeout=30 * proc.SLOW, check=False,
            cwd="/", **account("nobody")).stdout.decode()

    before = len(os.listdir(f"/proc/{crierd.pid}/fd"))
    said = attempt()
    tap.ok("handoff-allow" in said and '"code":77' in said
           and said.endswith("b''\n"), "not allowed, and nothing is written",
           said)
    tap.eq(crierd.streams(), 0, "there is no stream")
    proc.wait_for(lambda: len(os.listdir(f"/proc/{crierd.pid}/fd")) <= before,
                  "his descriptors to be gone")
    with open(crierd.config, "w", encoding="utf-8") as conf:
        conf.write('handoff-allow = { "nobody" }\n')
    crierd.proc.send_signal(signal.SIGHUP)
    crierd.wait_log("configuration read again")
    said = attempt()
    tap.ok('"opened"' in said and said.endswith("b'Status: 200 OK"
           "\\r\\n\\r\\nretry: 3000\\n\\nid: " + said.rpartition("id: ")[2]),
           "a reload names him", said)


def crossed_lines(tap, place):
    """Whatever is said before it, a stream goes to its own client."""
    crierd = Crierd(place).start()
    with crierd.connect() as queue:
        first, theirs = os.pipe()
        hand_over(queue.socket, b"x" * 100, theirs)
        os.close(theirs)
        queue.send(b"x" * 100000 + b"\n")
        tap.eq(queue.reply()["ok"], False, "a line is refused")
        for channel in ("mine", "yours"):
            ours, theirs = os.pipe()
            hand_over(queue.socket, handoff(channel), theirs)
            os.close(theirs)
            tap.eq(queue.reply()["ok"], True, f"{channel}: opened")
            crierd.publish(channel, "for " + channel)
            text = b""
            while b"\ndata: " not in text:
                text += os.read(ours, 4096)
            tap.ok(f"data: for {channel}\n".encode() in text,
                   f"{channel}: gets its own", text)
            os.close(ours)
        tap.eq(pipe_end(first), b"", "the one of no line is closed")
        os.close(first)
    crierd.wait_streams(0)


def reload_while_asking(tap, place):
    """Configurations come and go while streams are handed over."""
    hub = Hub(place, "retry = 100\n")
    spawned = Spawned(hub, DOORS)
    proc.wait_for(hub.is_up, "a hub")
    requests = []
    for number in range(20):
        requests += spread(hub, spawned, 10)
        with open(hub.config, "w", encoding="utf-8") as conf:
            conf.write(f"retry = {100 + number}\nheartbeat = 25\n")
        for pid in spawned.pids():
            os.kill(pid, signal.SIGHUP)
    hanging = wait_settled(requests)
    tap.eq(len(hanging) + len([r for r in requests if r.ended]), 0,
           f"{len(requests)} streams are opened")
    hub.wait_streams(len(requests))
    tap.eq(len(spawned.pids()), DOORS, "all processes live")


def client_leaves_while_asking(tap, place):
    """Whose client is gone before the hub answers is nobody's stream."""
    hub = Hub(place, "heartbeat = 1\nretry = 100\n")
    spawned = Spawned(hub, DOORS)
    proc.wait_for(hub.is_up, "a hub")
    pid = hub.send(signal.SIGSTOP)
    requests = spread(hub, spawned, 40)
    time.sleep(0.2)
    for one in requests:
        one.close()
    os.kill(pid, signal.SIGCONT)
    hub.wait_streams(0)
    again = spread(hub, spawned, 20)
    tap.eq(wait_settled(again), [], "others are served")
    hub.wait_streams(20)
    tap.eq(len(spawned.pids()), DOORS, "all processes live")


def turned_away(tap, place):
    """A door that the hub does not want tries again, not all the time."""
    if not bench.IS_ROOT:
        tap.skip("a door that is turned away", "needs root")
        return
    crierd = Crierd(place, ["queue-mode=0666", "user=nobody",
                            "request-timeout=1"], user=False)
    os.chown(place.run, pwd.getpwnam("nobody").pw_uid, -1)
    crierd.start()
    hub = Hub(place, 'request-timeout = 1\n', crierd.queue)
    hub.destroy = lambda: None
    with open(crierd.config, "w", encoding="utf-8") as conf:
        conf.write('queue-allow = { "daemon" }\nrequest-timeout = 1\n')
    crierd.proc.send_signal(signal.SIGHUP)
    crierd.wait_log("configuration read again")
    spawned = Spawned(hub, 1)
    os.chmod(place.run, 0o755)
    request = spread(hub, spawned, 1)[0]
    request.wait_end(30)
    tap.ok(request.status == 503 and b"queue-allow" in request.raw
           or request.status == 200 and request.parser.retry,
           "its clients are told, or come again", request.raw)
    time.sleep(1)
    text = spawned.log_text()
    tap.ok(text.count("\n") < 12, "it writes no log without an end",
           text[-2000:])
    tap.ok("queue-allow" in text, "and says what may be the matter", text)


def ignored_children(tap, place):
    """A web server that ignores its children's ends starts a hub as well."""
    hub = Hub(place)
    with Cgi(hub, "/events/a", ignore=[signal.SIGCHLD]) as stream:
        stream.wait_open()
        tap.eq(stream.popen.wait(20), 0, "the program leaves, status 0")
    hub.wait_streams(0)


def no_notices(tap, place):
    """A manager that waits for the web server is told nothing by us."""
    path = os.path.join(place.run, "notify.sock")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        os.chmod(path, 0o666)
        manager.setblocking(False)
        hub = Hub(place)
        spawned = Spawned(hub, 2, NOTIFY_SOCKET=path)
        for pid in spawned.pids():
            os.kill(pid, signal.SIGHUP)
        proc.wait_for(lambda: spawned.log_text().count("read again") == 2,
                      "reloads")
        spawned.destroy()
        said = []
        try:
            while True:
                said.append(manager.recv(4096))
        except BlockingIOError:
            pass
        tap.eq(said, [], "nothing is said of starting, reloading, stopping")


def nowhere_to_be(tap, place):
    """No hub can be started: the client comes again, the log says why."""
    closed = place.make_dir("closed")
    os.chmod(closed, 0o555)
    if bench.IS_ROOT:
        os.chown(closed, 0, 0)
    cases = [("a directory that cannot be written to",
              os.path.join(closed, "queue.sock"), "ermission denied")]
    taken = place.make_dir("taken")
    os.mkdir(os.path.join(taken, "queue.sock.lock"))
    cases.append(("a lock that is no file",
                  os.path.join(taken, "queue.sock"), "s a directory"))
    other = place.make_dir("other")
    with open(os.path.join(other, "queue.sock"), "w", encoding="utf-8"):
        os.chmod(os.path.join(other, "queue.sock"), 0o666)
    cases.append(("a queue that is no socket",
                  os.path.join(other, "queue.sock"), "is no socket"))
    linked = place.make_dir("linked")
    os.symlink("/etc/passwd", os.path.join(linked, "queue.sock.lock"))
    cases.append(("a lock that is a link",
                  os.path.join(linked, "queue.sock"), "is a symbolic link"))
    logged = place.make_dir("logged")
    os.symlink("/etc/passwd", os.path.join(logged, "crierd.log"))
    cases.append(("a log that is a link",
                  os.path.join(logged, "queue.sock"), "is a symbolic link"))
    for name, queue, why in cases:
        hub = Hub(place, "request-timeout = 2\n", queue)
        with Cgi(hub, "/events/a") as one:
            one.wait_end()
            tap.ok(one.is_later, f"{name}: 200, come again", one.raw)
        with open(one.log, encoding="utf-8", errors="replace") as log:
            text = log.read()
        tap.ok(why in text, f"{name}: the log says why", text[-1000:])
    stale = place.make_dir("stale")
    path = os.path.join(stale, "queue.sock")
    with socket.socket(socket.AF_UNIX) as old:
        old.bind(path)
    if bench.IS_ROOT:
        os.chown(path, bench.server_user().pw_uid, -1)
    hub = Hub(place, "", path)
    with Cgi(hub, "/events/a") as one:
        one.wait_open()
        tap.ok(True, "a socket that a dead hub left is in nobody's way")
    tap.eq(os.stat(os.path.join(stale, "crierd.log")).st_mode & 0o777, 0o640,
           "its log is its own")


def door_stops(tap, place):
    """A door that is told to end finishes what it has begun, and leaves."""
    hub = Hub(place, "request-timeout = 5\ndrain-time = 20\nretry = 100\n")
    spawned = Spawned(hub, DOORS)
    proc.wait_for(hub.is_up, "a hub")
    pid = hub.pid
    doors = [p for p in spawned.pids() if p != pid]
    requests = spread(hub, spawned, 40)
    for door in doors:
        os.kill(door, signal.SIGTERM)
    tap.eq(wait_settled(requests), [], "none hangs")
    proc.wait_for(lambda: all(map(proc.is_gone, doors)), "the doors to end",
                  15)
    tap.eq([r.raw for r in requests if r.ended], [], "none is cut off")
    tap.eq(hub.pid, pid, "the hub stays")


def sockets_of(pid):
    count = 0
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            count += os.readlink(f"/proc/{pid}/fd/{fd}").startswith("socket:")
        except FileNotFoundError:
            pass  # closed meanwhile
    return count


def door_stops_without_hub(tap, place):
    """What a door has begun goes to the next hub, though the door leaves."""
    hub = Hub(place, "request-timeout = 20\ndrain-time = 20\nretry = 100\n")
    spawned = Spawned(hub, 2)
    proc.wait_for(hub.is_up, "a hub")
    pid = hub.pid
    door, = [p for p in spawned.pids() if p != pid]
    os.kill(door, signal.SIGSTOP)
    hub.kill()
    with open(f"{hub.queue}.lock", "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        os.kill(door, signal.SIGCONT)
        requests = spread(hub, spawned, 20)
        # The listening one, and theirs.
        proc.wait_for(lambda: sockets_of(door) == 1 + 20,
                      "the requests to be taken")
        os.kill(door, signal.SIGTERM)
        proc.wait_for(lambda: "stopping: signal" in spawned.log_text(),
                      "the door to stop")
    subprocess.run([install(place), "--on-demand"], env=hub.env(), cwd="/",
                   check=True, **account())
    tap.eq(wait_settled(requests), [], "none hangs")
    proc.wait_for(lambda: proc.is_gone(door), "the door to end", 15)
    tap.eq([r.raw for r in requests if r.ended], [],
           "each has a stream at the next hub")


TESTS = [hub_killed_under_load, hub_drains, stopped_hub, no_descriptors,
         other_user, crossed_lines, reload_while_asking,
         client_leaves_while_asking, turned_away, ignored_children,
         no_notices, nowhere_to_be, door_stops, door_stops_without_hub]
