# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""Many requests at once, and one behind the other."""

import os
import signal

from lib import bench, fcgi, fronts, proc
from cases.http_tests import CONFIG
from lib.site import is_rising


class Publisher:
    """A kept connection that publishes one event after the other."""

    def __init__(self, path, name, count):
        self.path, self.name, self.count = path, name, count
        self.ids = []

    def __call__(self):
        def body(n):
            return f"data={self.name}+{n}".encode()

        more = {"method": "POST", "keep": True,
                "CONTENT_TYPE": fronts.TYPES["form"]}
        with fcgi.Direct(self.path, f"/echo?n={self.name}.0", body=body(0),
                         **more) as direct:
            for n in range(self.count):
                direct.wait_end(60)
                event, echo = direct.raw.decode().split(" ")
                if echo != f"{self.name}.{n}":
                    raise AssertionError(f"not our reply: {direct.raw!r}")
                self.ids.append(event)
                if n + 1 < self.count:
                    direct.send_again(f"/echo?n={self.name}.{n + 1}",
                                      body=body(n + 1), **more)
        return self.ids


ECHO = CONFIG + """
keep = 100000
keep-bytes = 100M
route "POST /echo" {
	publish = "load"
	data = "{form.data}"
	reply = "{id} {query.n}"
	reply-type = "text/plain"
}
"""


def many(tap, place, front):
    """Many publishers at once, by HTTP and by crier pub."""
    front = front(place, ECHO)
    stream = front.open("/events/load").wait_open()
    count, threads = 125, 8
    begun = [bench.Thread(Publisher(front.path, name, count))
             for name in "abcdefgh"]
    lines = b"".join(b"pub %d\n" % n for n in range(500))
    front.crierd.pub("-l", "load", data=lines, seconds=60)
    ids = [thread.finish(90) for thread in begun]
    tap.ok(all(is_rising(own) for own in ids), "replies come in order, each "
           "to its request")
    stream.wait_events(count * threads + 500, 60)
    got = [event.data for event in stream.events]
    tap.ok(is_rising([event.id for event in stream.events]),
           "events come in the order of their ids")
    tap.eq(sorted(got), sorted(
        [f"{name} {n}" for name in "abcdefgh" for n in range(count)]
        + [f"pub {n}" for n in range(500)]), "none is lost or sent twice")
    for name, own in zip("abcdefgh", ids):
        mine = [e for e in stream.events if e.data.split()[0] == name]
        if [e.id for e in mine] != own or [
                e.data for e in mine] != [f"{name} {n}" for n in range(count)]:
            tap.ok(False, f"{name}: in order, with the ids replied", mine)
    stream.close()


def pipelined(tap, place, front):
    """Requests of all kinds sent at once on one connection."""
    front = front(place, ECHO)
    wanted = []
    octets = b""
    for n in range(40):
        for target, method, body, words in (
                (f"/echo?n={n}", "POST", f"data={n}".encode(), f" {n}"),
                ("/status", "GET", b"", '"ok":true'),
                ("/nowhere", "GET", b"", "no such route"),
                ("/who/a", "GET", b"", '"ok":true'),
                ("/pub/a", "GET", b"", "method not allowed")):
            octets += fcgi.request(target, method, body, keep=True,
                                   CONTENT_TYPE=fronts.TYPES["form"])
            wanted.append(words)
    octets += fcgi.request("/events/load?since=all", keep=True)
    direct = front.open("/nowhere", keep=True)
    direct.wait_end()
    direct.socket.setblocking(True)
    sender = bench.Thread(direct.socket.sendall, octets)
    got = []

    def look():
        direct.pump()
        while direct.protocol_status is not None:
            got.append(direct.raw.decode())
            direct.head, direct.raw, direct._output = None, b"", b""
            direct.protocol_status = None
            direct._take_records()
        return len(got) >= len(wanted)

    _one_record_at_a_time(direct)
    direct.protocol_status = None
    direct.head, direct.raw, direct._output = None, b"", b""
    direct.socket.setblocking(False)
    sender.finish()
    proc.wait_for(look, "all replies", 30)
    wrong = [(text, words) for text, words in zip(got, wanted)
             if words not in text]
    tap.ok(not wrong, "200 replies, in the requests' order", wrong[:3])
    direct.parser = fcgi.sse.Parser()
    direct.parser.feed(direct.raw)
    direct.wait_events(40)
    tap.eq([event.data for event in direct.events],
           [str(n) for n in range(40)], "and a stream behind them")
    direct.close()


def _one_record_at_a_time(direct):
    """Stop at each end of a response, so that none runs into the next."""
    plain = direct._take_records

    def take():
        if direct.protocol_status is None:
            while len(direct._input) >= 8:
                kind, length, padding = (
                    direct._input[1], int.from_bytes(direct._input[4:6],
                                                     "big"),
                    direct._input[6])
                whole = 8 + length + padding
                if len(direct._input) < whole:
                    return
                rest, direct._input = (direct._input[whole:],
                                       direct._input[:whole])
                plain()
                direct._input = rest
                if kind == fcgi.END:
                    return

    direct._take_records = take


def shutdown(tap, place):
    """Requests that wait for the hub when it is told to stop, or to reload."""
    store = os.path.join(place.make_dir("store"), "history.db")
    front = fronts.Front(place, ECHO, ["store=sqlite:" + store])
    threads = [bench.Thread(Publisher(front.path, name, 200))
               for name in "abcd"]
    for _n in range(5):
        front.crierd.proc.send_signal(signal.SIGHUP)
        front.post("/pub/a", b"data=x")
    for thread in threads:
        thread.finish(60)
    tap.ok(True, "reloads: requests that wait are answered")
    waiting = [front.open("/nowhere", keep=True).wait_end()
               for _n in range(100)]
    for answer in waiting:
        answer.send_again("/pub/a", method="POST", body=b"data=x", keep=True,
                          CONTENT_TYPE=fronts.TYPES["form"])
    front.crierd.stop()
    got = [answer.wait_end().status for answer in waiting]
    tap.ok(set(got) <= {200, 503}, "SIGTERM: and those that wait, too", got)
    for answer in waiting:
        answer.close()


LOAD = (fronts.by_each(many, fronts.Front, fronts.Door)
        + fronts.by_each(pipelined, fronts.Front, fronts.Door)
        + (shutdown,))
