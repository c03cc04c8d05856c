# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""Requests that wait for a hub: one that is slow, that ends, that lies."""

import fcntl
import json
import os
import signal
import socket
import threading
import time

from lib import daemon, fcgi, fronts, proc
from cases.http_tests import CONFIG, check_error

RUN = """
route "POST /run" { run = "/bin/true" }
"""
OK = b'{"ok":true,"id":"7-0","streams":0}\n'


def _post(front, body, path="/pub/a", **more):
    return front.open(path, "POST", body=body, kind="form", keep=True,
                      **more)


def late(tap, place):
    """Nobody gets the answer that another has not waited for."""
    front = fronts.Door(place, CONFIG + "request-timeout = 2\n")
    hub = front.crierd.pid
    with _post(front, b"data=first") as direct:
        direct.wait_end()
        os.kill(hub, signal.SIGSTOP)
        for n in range(3):
            direct.send_again("/pub/a", method="POST", body=b"data=lost",
                              keep=True, CONTENT_TYPE=fronts.TYPES["form"])
            direct.wait_end()
            check_error(tap, direct, 503, f"no answer in time, {n}")
        gone = [_post(front, b"data=gone") for _n in range(5)]
        stream = front.open("/events/a", keep=True)
        for one in gone:
            one.close()
        proc.wait_for(lambda: "no answer of a hub" in front.log_text(),
                      "the log says so")
        os.kill(hub, signal.SIGCONT)
        direct.send_again("/who/a", keep=True)
        direct.wait_end()
        tap.ok(direct.status == 200 and "users" in json.loads(direct.raw),
               "the next one gets its own", direct.raw)
        direct.send_again("/pub/b", method="POST", body=b"data=x&id=mine",
                          keep=True, CONTENT_TYPE=fronts.TYPES["form"])
        direct.wait_end()
        tap.eq(json.loads(direct.raw)["id"], "mine", "and so on")
        stream.close()
    front.post("/pub/a", b"data=end")
    with front.open("/events/a?since=all") as stream:
        stream.wait(lambda: stream.events
                    and stream.events[-1].data == "end", "the last one")
        tap.eq(stream.events[0].data, "first", "what was said is kept")


def slowly(tap, place):
    """A request that comes slowly leaves the hub all of its time."""
    front = fronts.Door(place, CONFIG + f"request-timeout = {6 * proc.SLOW}\n")
    whole = fcgi.request("/pub/a", "POST", b"data=x",
                         CONTENT_TYPE=fronts.TYPES["form"])
    direct = front.open("/nowhere", keep=True)
    direct.wait_end()
    direct.socket.sendall(whole[:20])
    time.sleep(4 * proc.SLOW)
    os.kill(front.crierd.pid, signal.SIGSTOP)
    direct.head, direct.raw, direct._output = None, b"", b""
    direct.protocol_status = None
    direct.socket.sendall(whole[20:])
    time.sleep(3 * proc.SLOW)
    os.kill(front.crierd.pid, signal.SIGCONT)
    direct.wait_end()
    tap.eq(direct.status, 200, "it is answered")
    direct.close()


def hub_killed(tap, place):
    """What may be said twice is, to the next hub; the rest is refused."""
    front = fronts.Door(place, CONFIG + RUN)
    os.kill(front.crierd.pid, signal.SIGSTOP)
    asked = {
        "run": _post(front, b"data=x", path="/run"),
        "plain": _post(front, b"data=once"),
        "keyed": _post(front, b"data=twice&key=k", path="/keyed/a"),
        "status": front.open("/status", keep=True),
        "presence": front.open("/who/a", keep=True)}
    stream = front.open("/events/a")
    gone = front.open("/status")
    gone.close()
    # All are on their way when the stream, the last, is.
    proc.wait_for(lambda: _pending(front) >= 6, "they wait for the hub")
    front.crierd.kill()
    for name, status in (("plain", 503), ("run", 503), ("keyed", 200),
                         ("status", 200), ("presence", 200)):
        answer = asked[name].wait_end()
        tap.eq(answer.status, status, f"the hub is killed: {name}")
        answer.close()
    stream.wait_open()
    front.post("/pub/a", b"data=next")
    stream.wait(lambda: stream.events and stream.events[-1].data == "next",
                "an event of the door, which is the hub now")
    tap.ok("once" not in [e.data for e in stream.events],
           "what was refused is not published")
    tap.ok("the hub now" in front.log_text(), "the door has become it")
    stream.close()


def _pending(front):
    """How many descriptors the door has of connections to it."""
    count = 0
    with open("/proc/net/unix", encoding="utf-8") as table:
        for line in table:
            words = line.split()
            count += (words[-1] == front.path and words[5] == "03")
    return count


class Fake:
    """What looks like a hub to who connects; each line is answered by act."""

    def __init__(self, place, act):
        self.queue = os.path.join(place.run, "queue.sock")
        self.lines = []
        self.act = act
        self.lock = open(self.queue + ".lock", "wb")
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        os.chmod(self.queue + ".lock", 0o666)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.queue)
        os.chmod(self.queue, 0o666)
        self.listener.listen(16)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        place.own(self)

    def run(self):
        while True:
            try:
                peer, _address = self.listener.accept()
            except OSError:
                return
            with peer:
                if peer.recv(1 << 16, socket.MSG_PEEK):
                    self.act(self, peer)

    def destroy(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.listener.close()
        self.lock.close()


def _answer(fake, peer):
    fake.lines.append(peer.recv(1 << 16))
    peer.sendall(OK)


def _leave(fake, peer):
    fake.lines.append(peer.recv(1 << 16))
    fake.act = _answer


def _leave_unread(fake, peer):
    fake.act = _answer
    fake.lines.append(peer.recv(1 << 16, socket.MSG_PEEK))


def said_twice(tap, place):
    """A CGI program and a hub that ends while it is asked."""
    crierd = daemon.Crierd(place, config=CONFIG + RUN)
    fake = Fake(place, _leave)
    front = fronts.Cgi(place, crierd=crierd)
    for name, act, path, status, count in (
            ("a hub that has read it", _leave, "/pub/a", 503, 1),
            ("that, with a key", _leave, "/keyed/a", 200, 2),
            ("that, with a key that no template names", _leave,
             "/pub/a", 503, 1),
            ("a hub that has not", _leave_unread, "/pub/a", 200, 2),
            ("a hub that may have started a program", _leave, "/run", 503, 1),
            ("one that has not", _leave_unread, "/run", 503, 2),
            ("a hub that may have opened a stream", _leave, "/events/a", 503, 2),
            ("one that answers", _answer, "/pub/a", 200, 1)):
        fake.act, fake.lines = act, []
        answer = front.fetch(path) if path == "/events/a" else front.post(
            path, b"data=x&key=k")
        tap.eq((answer.status, len(fake.lines)), (status, count), name)


def odd_answers(tap, place):
    """Whatever the hub says, it comes to an answer."""
    crierd = daemon.Crierd(place, config=CONFIG)
    says = [b""]

    def say(fake, peer):
        fake.lines.append(peer.recv(1 << 16))
        peer.sendall(says[0])

    Fake(place, say)
    front = fronts.Cgi(place, crierd=crierd)
    for text, status in (
            (b"\n", 503), (b"null\n", 503), (b"[]\n", 503), (b"{}\n", 503),
            (b"{\n", 503), (b'{"ok":false}\n', 503), (b"\xff\0\n", 503),
            (b'{"ok":false,"error":null,"code":65}\n', 400),
            (b'{"ok":false,"error":7,"code":"x"}\n', 503),
            (b'{"ok":false,"error":"a\\r\\nX-Evil: 1\\"","code":77}\n', 403),
            (b'{"ok":true}\n', 200), (b'{"ok":true,"id":null}\n', 200),
            (b'{"ok":true,"id":"a\\r\\n\\"","streams":"x"}\n', 200)):
        says[0] = text
        answer = front.post("/pub/a", b"data=x")
        said = json.loads(answer.raw)
        tap.ok(answer.status == status and said["ok"] is (status == 200)
               and b"X-Evil" not in answer.head, f"{text!r}: {status}",
               answer.head, answer.raw)
    for text in (b"{}\n", b'{"ok":true,"answer":null}\n',
                 b'{"answer":7,"error":null}\n', b'{"answer":"opened?"}\n'):
        says[0] = text
        answer = front.fetch("/events/a")
        check_error(tap, answer, 503, f"a stream, {text!r}")


WAITING = (late, slowly, hub_killed, said_twice, odd_answers)
