# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""crierd with the sockets of a service manager, and what it tells it."""

import os
import re
import signal
import socket
import stat
import time

from lib import proc, reconnect, servers
from lib.daemon import Crierd, Queue
from lib.fcgi import Direct
from lib.server import NotThere
from lib.systemd_manager import Manager, is_built_in

WATCHDOG_S = 3
OPEN_FLAGS = re.compile(r"^flags:\s*(\d+)$", re.M)


def _file_of(path):
    info = os.lstat(path)
    return (info.st_dev, info.st_ino, stat.S_IMODE(info.st_mode),
            info.st_uid, info.st_gid)


def _check_works(tap, crierd, name):
    with Direct(crierd.listen, "/events/a").wait_open() as stream:
        crierd.publish("a", name)
        tap.eq(stream.wait_events(1)[0].data, name, name)


def takes_what_is_passed(tap, place):
    manager, crierd = Manager(place), Crierd(place)
    crierd.listen, crierd.queue, crierd.fifo = (
        place.path("run", name) for name in ("web", "pub", "pipe"))
    fds = [manager.listen(crierd.listen, 0o606),
           manager.listen(crierd.queue, 0o642),
           manager.make_fifo(crierd.fifo)]
    paths = (crierd.listen, crierd.queue, crierd.fifo)
    files = [_file_of(path) for path in paths]
    words = crierd.arguments()
    words += ["-o", "queue=" + place.path("run", "queue.sock"), "-o",
              "listen=unix:" + place.path("run", "fcgi.sock"), "-o",
              "fifo=" + place.path("run", "queue.fifo")]
    notice = manager.start(crierd, fds, ("fcgi", "queue", "fifo"),
                           words=words)
    tap.ok(notice["READY"] == "1" and notice.get("STATUS"),
           "READY=1, with a STATUS", notice)
    _check_works(tap, crierd, "once it is ready, both sockets work")
    with Direct(crierd.listen, "/events/a").wait_open() as stream:
        crierd.echo("a by the pipe")
        tap.eq(stream.wait_events(1)[0].data, "by the pipe",
               "the pipe that was passed works")
    tap.ok(crierd.proc.alive(), "it stays in the foreground without -f")
    tap.match(re.compile("is ready"), crierd.log_text(),
              "and logs to standard error")
    tap.eq(sorted(os.listdir(place.run)),
           ["pipe", "pub", "queue.sock.lock", "web"],
           "it opens nothing of its own but the lock")
    tap.match(re.compile("socket that was passed is not at .*queue.sock"),
              crierd.log_text(), "a queue elsewhere is noted")
    for number in range(3, 6):
        with open(f"/proc/{crierd.pid}/fdinfo/{number}",
                  encoding="ascii") as file:
            flags = int(OPEN_FLAGS.search(file.read())[1], 8)
        tap.ok(flags & os.O_NONBLOCK and flags & os.O_CLOEXEC,
               f"descriptor {number}: non-blocking, close-on-exec",
               oct(flags))
    crierd.stop()
    tap.eq([_file_of(path) for path in paths], files,
           "what was passed is as it was: there, mode, owner")


def without_names(tap, place):
    """A socket's path tells the queue, its type the pipe."""
    for names in ((), ("crierd.socket",) * 4):
        manager, crierd = Manager(place), Crierd(place)
        other = place.path("run", "other.sock")
        fds = [manager.listen(other), manager.listen(crierd.queue),
               manager.make_fifo(crierd.fifo), manager.listen(crierd.listen)]
        manager.start(crierd, fds, names)
        called = "named as the unit" if names else "without names"
        _check_works(tap, crierd, f"{called}: queue and FastCGI")
        with Direct(other, "/events/a").wait_open() as stream:
            crierd.echo("a by the pipe")
            tap.eq(stream.wait_events(1)[0].data, "by the pipe",
                   f"{called}: the other socket, and the pipe")
        crierd.stop()
        manager.destroy()
        place.things.remove(manager)
        for name in os.listdir(place.run):
            os.unlink(os.path.join(place.run, name))
        os.unlink(manager.address)


def opens_the_rest(tap, place):
    manager, crierd = Manager(place), Crierd(place)
    passed = manager.listen(crierd.queue)
    manager.start(crierd, [passed], ["queue"])
    _check_works(tap, crierd, "only the queue is passed: it listens itself")
    crierd.stop()
    tap.eq(sorted(os.listdir(place.run)),
           ["queue.fifo", "queue.sock", "queue.sock.lock"],
           "it removes its own socket, and not the other's")

    port = proc.free_port()
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(16)
        tcp = manager.keep(listener)
    os.unlink(crierd.queue)
    web = manager.listen(crierd.listen)
    manager.start(crierd, [web, tcp], ["fcgi", "fcgi"])
    _check_works(tap, crierd, "only FastCGI's are passed: its own queue")
    tap.ok(proc.can_connect(port), "a TCP socket is among them")
    crierd.stop()
    tap.eq(sorted(os.listdir(place.run)),
           ["fcgi.sock", "queue.fifo", "queue.sock.lock"],
           "and again only its own is removed")

    os.unlink(crierd.listen)
    manager.start(crierd)
    tap.ok(crierd.proc.alive(), "NOTIFY_SOCKET alone keeps it in front")
    _check_works(tap, crierd, "with sockets of its own")
    crierd.stop()


def for_another_process(tap, place):
    """What is meant for somebody else is left to them."""
    manager, crierd = Manager(place), Crierd(place)
    fd = manager.listen(place.path("run", "other.sock"))
    manager.start(crierd, [fd], ["fcgi"], env={"LISTEN_PID": "1"})
    _check_works(tap, crierd, "LISTEN_PID of another: its own sockets")
    crierd.stop()


def tells_of_reloads(tap, place):
    manager, crierd = Manager(place), Crierd(place, config="retry = 1111\n")
    manager.start(crierd)
    steps = (("retry = 2222\n", "read again", 2222),
             ("retry = 3\nnonsense = 1\n", "error", 2222),
             ("retry = 4444\nkey-seconds = 5\n", "read again", 4444),
             ('store = "sqlite:/x/y"\n', "restart", 4444))
    for text, status, retry in steps:
        place.write("crierd.conf", text)
        since = len(manager.notices)
        before = time.clock_gettime(time.CLOCK_MONOTONIC) * 1e6
        crierd.proc.send_signal(signal.SIGHUP)
        reloading = manager.wait("RELOADING", since)
        ready = manager.wait("READY", since)
        after = time.clock_gettime(time.CLOCK_MONOTONIC) * 1e6
        tap.ok(manager.notices[since] is reloading
               and manager.notices[since + 1] is ready
               and reloading["RELOADING"] == ready["READY"] == "1",
               "SIGHUP: RELOADING=1, then READY=1", manager.notices)
        tap.ok(before - 1 <= int(reloading.get("MONOTONIC_USEC", 0)) <= after,
               "and when it began", reloading, before, after)
        tap.ok(status in ready.get("STATUS", ""), f"and: {status}", ready)
        with Direct(crierd.listen, "/events/a").wait_open() as stream:
            tap.eq(stream.parser.retry, retry, "as it is")
    crierd.stop()


def leaves_sockets_to_the_next(tap, place):
    manager, crierd = Manager(place), Crierd(place)
    fds = [manager.listen(crierd.listen), manager.listen(crierd.queue)]
    names = ("fcgi", "queue")
    manager.start(crierd, fds, names)
    _check_works(tap, crierd, "the first")
    tap.eq(manager.count("STOPPING"), 0, "no STOPPING as yet")

    rival = manager.spawn(crierd, fds, names)
    place.own(rival)
    tap.ok(rival.wait() > 0, "a second one on the same sockets ends")
    tap.match(re.compile(re.escape(crierd.queue) + r"\.lock: another crierd"),
              crierd.log_text(), "the lock decides")
    _check_works(tap, crierd, "the first goes on")

    crierd.proc.send_signal(signal.SIGTERM)
    tap.eq(manager.wait("STOPPING")["STOPPING"], "1", "STOPPING=1")
    crierd.stop()
    web = Direct(crierd.listen, "/events/a")
    queue = Queue(crierd.queue)
    queue.send({"channel": "a", "data": "while nobody was there"})
    manager.start(crierd, fds, names)
    tap.eq(queue.reply().get("ok"), True,
           "who published while nobody was there is answered")
    web.wait_open()
    tap.ok(True, "so is the web server")
    web.close()
    queue.close()
    crierd.kill()
    web = Direct(crierd.listen, "/events/a")
    manager.start(crierd, fds, names)
    web.wait_open()
    tap.ok(True, "also when the one before was killed")
    web.close()
    _check_works(tap, crierd, "the third")
    crierd.stop()


def pings_the_watchdog(tap, place):
    manager, crierd = Manager(place), Crierd(place)
    manager.start(crierd, env={"WATCHDOG_USEC": str(WATCHDOG_S * 1000000)})
    start = time.monotonic()

    def pings():
        manager.hear(proc.STEP)
        return [n.at for n in manager.notices if "WATCHDOG" in n]
    times = proc.wait_for(lambda: len(pings()) >= 3 and pings(), "3 pings")
    gaps = [b - a for a, b in zip([start] + times, times)]
    tap.ok(max(gaps) <= WATCHDOG_S * proc.SLOW,
           "WATCHDOG=1 at least once in each interval", gaps)
    tap.ok(time.monotonic() - start > len(times) * WATCHDOG_S / 4,
           "and not all the time", gaps)
    os.kill(crierd.pid, signal.SIGSTOP)
    manager.hear()
    count = len(pings())
    tap.ok(proc.holds_for(lambda: len(pings()) == count,
                          WATCHDOG_S * 0.9),
           "no more of them while its loop stands still")
    os.kill(crierd.pid, signal.SIGCONT)
    proc.wait_for(lambda: len(pings()) > count, "pings again")
    crierd.stop()


def restarts_behind_nginx(tap, place):
    """Publishers and pages wait for the next one; nothing is lost."""
    manager = Manager(place)
    crierd = Crierd(place, config='store = "sqlite:'
                    + place.path("run", "history.db") + '"\n')
    fds = [manager.listen(crierd.listen), manager.listen(crierd.queue),
           manager.make_fifo(crierd.fifo)]
    names = ("fcgi", "queue", "queue")
    manager.start(crierd, fds, names)
    try:
        nginx = servers.Nginx(place, crierd).start()
    except NotThere:
        tap.skip("behind nginx", "nginx is not installed")
        return
    clients = [place.own(reconnect.Reconnector(nginx.port,
                                               "/events?channel=a"))
               for _n in range(3)]
    reconnect.wait_all(clients, lambda c: c.opens == 1, "open streams")
    expected = []
    for turn in range(3):
        expected += [f"{turn} before {n}" for n in range(5)]
        with crierd.connect() as queue:
            queue.publish_all("a", expected[-5:])
        crierd.stop()
        late = place.own(reconnect.Reconnector(nginx.port,
                                               "/events?channel=a"))
        queues = [Queue(crierd.queue) for _n in range(8)]
        for number, queue in enumerate(queues):
            queue.send({"channel": "a", "data": f"{turn} gap {number}"})
        crierd.echo(f"a {turn} pipe")
        manager.start(crierd, fds, names)
        replies = [queue.reply() for queue in queues]
        tap.ok(all(reply.get("ok") for reply in replies),
               "what was published between two crierds is acknowledged",
               replies)
        for queue in queues:
            queue.close()
        expected += [f"{turn} gap {n}" for n in range(8)] + [f"{turn} pipe"]
        reconnect.wait_all([late], lambda c: c.opens == 1,
                           "a page that came between two crierds")
    reconnect.wait_all(clients, lambda c: len(c.data()) >= len(expected),
                       f"{len(expected)} events")
    for client in clients:
        client.stop()
        tap.eq(sorted(client.data()), sorted(expected),
               "every event has reached the page, once")
        tap.eq((client.failed, client.named("crier.gap")), (None, []),
               "and the page never saw an error or a gap")
    crierd.stop()


def _bad_sets(manager, place):
    """(what, descriptors, names, environment, pattern of the complaint)"""
    deaf = socket.socket(socket.AF_UNIX)
    deaf.bind(place.path("deaf"))
    deaf = manager.keep(deaf)
    datagram = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    datagram.bind(place.path("datagram"))
    datagram = manager.keep(datagram)
    tcp = socket.socket()
    tcp.bind(("127.0.0.1", 0))
    tcp.listen(1)
    tcp = manager.keep(tcp)
    null = manager.keep(os.open("/dev/null", os.O_RDWR))
    good = [manager.listen(place.path(f"good{n}")) for n in range(17)]
    pipes = [manager.make_fifo(place.path(f"pipe{n}")) for n in range(2)]
    half = manager.make_fifo(place.path("half"), os.O_RDONLY)
    neither = "neither a listening stream socket nor a named pipe"
    return (
        ("not listening", [deaf], ["fcgi"], {},
         rf"descriptor 3 .*\(fcgi\): is {neither}"),
        ("the second is a datagram socket", [good[0], datagram],
         ["fcgi", "queue"], {}, rf"descriptor 4 .*\(queue\): is {neither}"),
        ("a file", [null], (), {}, rf"descriptor 3 .*: is {neither}"),
        ("two queues", good[:2], ["queue", "queue"], {},
         r"descriptor 4 .*second socket for the queue"),
        ("a queue by TCP", [tcp], ["queue"], {},
         "the queue must be a Unix socket"),
        ("two pipes", pipes, ["fifo", "fifo"], {},
         r"descriptor 4 .*\(fifo\): is a second named pipe"),
        ("a pipe that is read only", [half], ["fifo"], {},
         "not open for reading and writing"),
        ("too many", good, ["fcgi"] * 17, {}, "more than 16"),
        ("fewer than announced", good[:1], (), {"LISTEN_FDS": "9"},
         "LISTEN_FDS"),
        ("no number", good[:1], (), {"LISTEN_FDS": "many"}, "LISTEN_FDS"),
        ("fewer names than sockets", good[:2], ["fcgi"], {}, "LISTEN_FDS"),
    )


def refuses_bad_ones(tap, place):
    manager, crierd = Manager(place), Crierd(place)
    for what, fds, names, env, complaint in _bad_sets(manager, place):
        crierd.log = place.log(what.replace(" ", "-") + ".log")
        with open(crierd.log, "w", encoding="utf-8"):
            pass
        process = place.own(manager.spawn(crierd, fds, names, env))
        status = process.wait()
        tap.ok(status > 0, f"{what}: it does not start", status)
        tap.match(re.compile(complaint), crierd.log_text(),
                  f"{what}: and says why")
    tap.eq(manager.count("READY"), 0, "never READY")
    tap.eq(os.listdir(place.run), [], "nothing was opened or left")
    tap.ok(proc.can_connect(place.path("good0")),
           "what was passed is there still")


def writes_for_the_journal(tap, place):
    manager, crierd = Manager(place), Crierd(place)
    with open(crierd.log, "w", encoding="utf-8") as log:
        info = os.fstat(log.fileno())
    stream = f"{info.st_dev}:{info.st_ino}"
    manager.start(crierd, env={"JOURNAL_STREAM": stream})
    place.write("crierd.conf", "nonsense = 1\n")
    crierd.proc.send_signal(signal.SIGHUP)
    crierd.wait_log("nonsense")
    crierd.stop()
    lines = crierd.log_text().splitlines()
    tap.ok(lines and all(re.match(r"<\d>\w", line) for line in lines),
           "to the journal: each line has its priority", lines)
    tap.ok([line for line in lines if re.match("<3>.*nonsense", line)],
           "an error that of errors", lines)

    other = f"{info.st_dev}:{info.st_ino + 1}"
    place.write("crierd.conf", "")
    with open(crierd.log, "w", encoding="utf-8"):
        pass
    manager.start(crierd, env={"JOURNAL_STREAM": other})
    crierd.stop()
    tap.ok("<" not in crierd.log_text(),
           "not so if standard error is something else",
           crierd.log_text())


TESTS = (takes_what_is_passed, without_names, opens_the_rest,
         for_another_process, tells_of_reloads, leaves_sockets_to_the_next,
         pings_the_watchdog, restarts_behind_nginx, refuses_bad_ones,
         writes_for_the_journal)


def _skipped(tap, _place):
    tap.skip("sockets and notices", "crierd was built without libsystemd")


if not is_built_in():
    TESTS = ((_skipped, "systemd"),)
