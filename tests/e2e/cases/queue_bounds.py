# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""The queue: what programs that mean no good can take of it."""

import array
import os
import select
import socket
import subprocess

from lib import bench, proc
from lib.daemon import Crierd, Queue
from lib.fcgi import Direct

LF = b"\n"
STATUS = b'{"do":"status","streams":true,"channels":true}\n'


def _descriptors(crierd):
    return len(os.listdir(f"/proc/{crierd.pid}/fd"))


def _rest(queue, text=b""):
    """What is read up to the end of file."""
    queue.socket.setblocking(True)
    try:
        while octets := queue.socket.recv(1 << 16):
            text += octets
    except ConnectionResetError:
        pass
    return text


def _unprivileged(crierd, script):
    """Run a few lines of Python as somebody who may not hand over."""
    more = {"user": "nobody", "group": "nogroup", "extra_groups": ()} \
        if bench.IS_ROOT else {}
    return subprocess.Popen(
        ["/usr/bin/python3", "-c", script, crierd.queue],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, **more)


HOLD = """
import socket, sys
held = []
for _n in range(40):
    held.append(socket.socket(socket.AF_UNIX))
    held[-1].connect(sys.argv[1])
    held[-1].settimeout(60)
    try:
        held[-1].sendall(b'{"do":"status"}\\n')
    except OSError:
        pass
print(sum(b'"ok":true' in s.recv(1 << 16) for s in held), flush=True)
sys.stdin.read()
"""


def a_number_of_connections(tap, place):
    """Below, at and above queue-connections."""
    crierd = Crierd(place, ["queue-connections=20",
                            "queue-mode=0666"]).start()
    before = _descriptors(crierd)
    if bench.IS_ROOT:
        stranger = _unprivileged(crierd, HOLD)
        served = int(stranger.stdout.readline())
        # The door's own connection is one of the 15.
        tap.eq(served, 14, "a stranger has three fourths of the places")
        with Direct(crierd.listen, "/events/a") as stream, \
                crierd.connect() as queue:
            stream.wait_open()
            queue.publish("a", "x")
            stream.wait_events(1)
        tap.ok(True, "the rest is for doors and the user of crierd")
        stranger.stdin.close()
        stranger.wait(20 * proc.SLOW)
    else:
        tap.skip("places for doors", "only root can be somebody else")
    held = [crierd.connect()]
    proc.wait_for(lambda: held[0].ask({"do": "status"})["queue"]
                  ["connections"] == 2, "the connections are gone")
    held += [crierd.connect() for _n in range(18)]
    answers = [queue.ask({"do": "status"})["ok"] for queue in held]
    tap.eq(answers, [True] * 19, "as many as may be, with the door's own")
    with crierd.connect() as more:
        reply = more.reply()
        tap.ok(reply["ok"] is False and reply["code"] == 75
               and "queue-connections" in reply["error"]
               and more.line() is None,
               "one more is told to come again, and closed", reply)
    status = held[0].ask({"do": "status"})["queue"]
    tap.ok(status["connections"] == status["connections_max"] == 20
           and status["turned_away"] > 0, "status says so", status)
    tap.ok("queue-connections" in crierd.log_text(), "and the log")
    with Direct(crierd.listen, "/events/a") as stream:
        stream.wait_open()
    tap.ok(True, "requests are served")
    for queue in held:
        queue.close()
    proc.wait_for(lambda: _descriptors(crierd) <= before + 1,
                  "descriptors are as at the beginning")


def a_small_limit_of_descriptors(tap, place):
    """Connections, streams and requests share what there is."""
    crierd = Crierd(place)
    crierd.proc = proc.Proc(
        ["/bin/sh", "-c", 'ulimit -n 256; exec "$@"', "sh", *bench.CRIERD,
         "-f", *crierd.arguments()], crierd.log)
    place.own(crierd)
    proc.wait_for(lambda: proc.can_connect(crierd.queue), "crierd accepts")
    held = []
    while len(held) < 300:
        held.append(Queue(crierd.queue))
        try:
            reply = held[-1].ask({"do": "status"})
        except BrokenPipeError:
            break  # it is closed before it was asked
        if reply["ok"] is False:
            break
    tap.eq(len(held), 16, "a sixteenth of the descriptors is the queue's")
    with Direct(crierd.listen, "/events/a") as stream:
        stream.wait_open()
    tap.ok(True, "and a request is served")
    status = held[0].ask({"do": "status"})
    tap.eq((status["queue"]["connections_max"],
            status["limits"]["max_streams"]), (16, 256 - 64 - 32),
           "streams leave room for both")
    for queue in held:
        queue.close()


BEGUN = (
    ("a line", b'{"channel":"a",'),
    ("a line behind others", b'{"channel":"a","data":"x"}\n{"chan'),
    ("a line that is too long", b'{"channel":"a","data":"' + b"x" * 600000),
)


def a_line_has_its_time(tap, place):
    crierd = Crierd(place, ["request-timeout=0.5"]).start()
    with crierd.connect() as silent:
        silent.publish("a", "before")
        for name, octets in BEGUN:
            with crierd.connect() as queue:
                queue.send(octets)
                text = _rest(queue)
                tap.ok(b"request-timeout" in text and b'"code":75' in text,
                       f"{name}: not ended in time", text[-300:])
        with crierd.connect() as slow:
            # A byte now and then is no end.
            slow.socket.setblocking(False)
            for _n in range(1000):
                try:
                    slow.socket.send(b" ")
                except OSError:
                    break
                if select.select([slow.socket], [], [], 0.05)[0]:
                    break
            tap.ok(b"request-timeout" in _rest(slow),
                   "a byte now and then does not help")
        silent.publish("a", "after")
        tap.ok(True, "between two lines a publisher may be silent")
    proc.wait_for(lambda: crierd.status()["queue"]["bytes"] < 20000,
                  "their memory is given back")
    tap.eq(crierd.status()["queue"]["broken"], 4, "status counts them")


def replies_have_their_time(tap, place):
    crierd = Crierd(place, ["stall-time=0.5"]).start()
    with crierd.connect() as rude:
        rude.socket.setblocking(False)
        try:
            while rude.socket.send(STATUS * 100):
                select.select([], [rude.socket], [], 0.2)
        except OSError:
            pass
        proc.wait_for(
            lambda: crierd.status()["queue"]["broken"] == 1,
            "who reads no replies for stall-time is closed")
    proc.wait_for(lambda: crierd.status()["queue"]["connections"] == 2,
                  "and gone")
    tap.ok(crierd.status()["queue"]["bytes"] < 20000,
           "its memory is given back")


def all_together_have_a_bound(tap, place):
    """queue-bytes: lines that were begun, and unread replies."""
    crierd = Crierd(place, ["queue-bytes=4M", "max-event=1M",
                            "request-timeout=60"]).start()
    line = b'{"channel":"a","data":"' + b"x" * 400000
    held = []
    most = 0
    for _n in range(40):
        held.append(crierd.connect())
        try:
            held[-1].send(line)
        except OSError:
            pass
        with crierd.connect() as queue:
            most = max(most, queue.ask({"do": "status"})["queue"]["bytes"])
    tap.ok(most < 8 << 20, "40 lines of 400 KB take no more than is allowed",
           f"{most} bytes")
    crierd.publish("a", "short")
    tap.ok(True, "a short line comes through")
    refused = crierd.status()["queue"]["broken"]
    tap.ok(refused > 0, "long ones are refused", refused)
    for queue in held:
        queue.close()
    for _n in range(400):
        crierd.publish(f"channel/{_n}", "x" * 100)
    held = []
    for _n in range(60):
        held.append(crierd.connect())
        held[-1].socket.setblocking(False)
        try:
            held[-1].socket.send(STATUS * 500)
        except OSError:
            pass
    with crierd.connect() as queue:
        reply = queue.ask({"do": "status"})
        tap.ok(reply["ok"] and reply["queue"]["bytes"] < 16 << 20,
               "nor do replies that nobody reads", reply["queue"])
        short = queue.ask({"channel": "a", "data": "x"})
        tap.ok(short["ok"], "and events are taken")
    for queue in held:
        queue.close()
    proc.wait_for(lambda: crierd.status()["queue"]["bytes"] < 20000,
                  "all is given back")


def what_costs_takes_turns(tap, place):
    """Lines that ask for much do not stop the loop, whoever sends them."""
    crierd = Crierd(place).start()
    streams = [Direct(crierd.listen, "/events/a?last=0")
               for _n in range(400)]
    for stream in streams:
        stream.wait_open()
    costly = (STATUS, b'{"do":"presence","channel":"a"}\n',
              b'{"do":"close","user":"nobody at all"}\n')
    for line in costly:
        text = line * (350000 // len(line))
        held = [crierd.connect() for _n in range(8)]
        senders = [bench.Thread(_exchange, queue, text) for queue in held]
        with crierd.connect() as queue:
            before = queue.ask({"do": "status"})["queue"]["lines"]
            # Each is answered while thousands of those lines wait.
            for number in range(20):
                queue.publish("a", str(number))
            taken = queue.ask({"do": "status"})["queue"]["lines"] - before
        tap.ok(taken < 8 * text.count(LF),
               f"20 events pass {8 * text.count(LF)} lines of "
               f"{line[:18].decode()}", taken)
        for queue in held:
            queue.socket.shutdown(socket.SHUT_RDWR)
        for sender in senders:
            sender.finish()
        for queue in held:
            queue.close()
        proc.wait_for(lambda: crierd.status()["queue"]["connections"] == 2,
                      "they are gone")
    with crierd.connect() as queue:
        queue.send(STATUS * 3 + b'{"channel":"b","data":"x"}\n'
                   + costly[1] * 200 + costly[2] * 100)
        replies = [queue.reply() for _n in range(304)]
    tap.ok(all(reply["ok"] for reply in replies)
           and [set(reply) >= {"id"} for reply in replies].index(True) == 3
           and all("users" in reply for reply in replies[4:204]),
           "each line has its reply, in order")
    for stream in streams:
        stream.close()


def _exchange(queue, text):
    """Send it all and read all replies, for as long as that goes."""
    queue.socket.setblocking(False)
    sent = 0
    while True:
        want = [queue.socket] if sent < len(text) else []
        readable, writable, _x = select.select([queue.socket], want, [], 30)
        try:
            if writable:
                sent += queue.socket.send(text[sent:sent + 65536])
            if readable and not queue.socket.recv(1 << 20):
                return
        except BlockingIOError:
            pass
        except OSError:
            return


def _pass(queue, octets, fds):
    queue.socket.sendmsg(
        [octets], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                    array.array("i", fds))])


HANDOFF = (b'{"do":"handoff","framing":"cgi","request":0,"head":"",'
           b'"channel":["a"]}\n')
COPIES = (
    # what comes with the copies; whether the sender ends behind it
    ("a line that is whole", b'{"do":"status"}\n'),
    ("an event", b'{"channel":"a","data":"x"}\n'),
    ("a line that is begun", b'{"do":"sta'),
    ("bytes in the middle", b'{"do":"status"}\n{"do"'),
    ("no line", b"not JSON\n"),
    ("a handoff of the connection itself", HANDOFF),
    ("a line that waits for its turn", STATUS * 3000),
)


def copies_of_its_own_end(tap, place):
    """A peer that passes its own socket does not stay for good."""
    crierd = Crierd(place, ["request-timeout=1", "stall-time=1"]).start()
    before = _descriptors(crierd)
    for name, octets in COPIES:
        for count in (1, 14, 30):
            for _n in range(4):
                queue = crierd.connect()
                _pass(queue, octets[:100000], [queue.socket.fileno()] * count)
                queue.close()
        # Its structure goes with the last copy.
        proc.wait_for(lambda: _descriptors(crierd) <= before
                      and crierd.status()["queue"]["connections"] == 2,
                      f"{name}: all descriptors are closed", 30)
        tap.eq(crierd.status()["queue"]["descriptors"], 0,
               f"{name}: none is held")
    tap.eq(crierd.status()["streams"], 0, "and there is no stream")
    queue = crierd.connect()
    _pass(queue, HANDOFF, [queue.socket.fileno()])
    reply = queue.reply()
    tap.ok(reply["ok"] is False and "own" in reply["error"],
           "a stream on the queue's own connection is refused", reply)
    queue.close()


TESTS = (a_number_of_connections, a_small_limit_of_descriptors,
         a_line_has_its_time, replies_have_their_time,
         all_together_have_a_bound, what_costs_takes_turns,
         copies_of_its_own_end)
