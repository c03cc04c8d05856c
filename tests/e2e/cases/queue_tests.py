# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""The queue: its socket, line by line, and the named pipe."""

import fcntl
import grp
import json
import os
import pwd
import re
import subprocess
import termios
import time
from array import array

from lib import bench, proc
from lib.daemon import Crierd
from lib.fcgi import Direct
from lib.site import EVENT_ID, is_rising

GOOD = {"channel": "a", "data": "x"}

REFUSED = (
    # what is sent, the code, a word of the reason
    (b"{\n", 65, "JSON"),
    (b"hello\n", 65, "JSON"),
    (b"[]\n", 65, "object"),
    (b'"x"\n', 65, "object"),
    (b'{"channel":"a","data":"x"} {}\n', 65, "JSON"),
    (b'{"channel":"a","data":"x",}\n', 65, "JSON"),
    ({"data": "x"}, 65, "channel"),
    ({"channel": "", "data": "x"}, 65, "channel"),
    ({"channel": "a b", "data": "x"}, 65, "channel"),
    ({"channel": "a*", "data": "x"}, 65, "channel"),
    ({"channel": "a{b}", "data": "x"}, 65, "channel"),
    ({"channel": "a\u0001", "data": "x"}, 65, "channel"),
    (b'{"channel":"a\\u0000b","data":"x"}\n', 65, "channel"),
    ({"channel": "x" * 256, "data": "x"}, 65, "channel"),
    ({"channel": 5, "data": "x"}, 65, "channel"),
    ({"channel": [], "data": "x"}, 65, "channel"),
    ({"channel": ["a", 5], "data": "x"}, 65, "channel"),
    ({"channel": ["a", "b b"], "data": "x"}, 65, "channel"),
    ({"channel": "$streams", "data": "x"}, (65, 77), "crier"),
    ({"channel": "a"}, 65, "data"),
    ({"channel": "a", "data": "x" * 65537}, 65, "65536|large|long"),
    (b'{"channel":"a","data":"\xff"}\n', 65, "UTF-8"),
    (b'{"channel":"a","data":"\xed\xa0\x80"}\n', 65, "UTF-8"),
    ({**GOOD, "colour": 1}, 65, "colour"),
    ({**GOOD, "event": "a\nb"}, 65, "event"),
    ({**GOOD, "event": 5}, 65, "event"),
    ({**GOOD, "id": "a\rb"}, 65, "id"),
    (b'{"channel":"a","data":"x","id":"a\\u0000"}\n', 65, "id"),
    ({**GOOD, "retry": -1}, 65, "retry"),
    ({**GOOD, "retry": "soon"}, 65, "retry"),
    ({**GOOD, "expires": -1}, 65, "expires"),
    ({"do": "nonsense"}, (64, 65), "nonsense|do"),
    ({"do": 5}, 65, "do"),
)


def refuses_with_a_reason(tap, place):
    crierd = Crierd(place).start()
    with Direct(crierd.listen, "/events?channel=a") as stream, \
            crierd.connect() as queue:
        stream.wait_open()
        for sent, code, word in REFUSED:
            answer = queue.ask(sent)
            codes = code if isinstance(code, tuple) else (code,)
            shown = sent if isinstance(sent, bytes) else json.dumps(sent)
            tap.ok(answer.get("ok") is False and answer.get("code") in codes
                   and re.search(word, answer.get("error", ""), re.I),
                   f"refused with {code} and why: {str(shown)[:60]}",
                   str(answer)[:500])
        last = queue.publish("a", "a good one")
        tap.eq([(e.data, e.id) for e in stream.wait_events(1)],
               [("a good one", last)], "what is refused changes nothing")


ACCEPTED = (
    ("text", {"channel": "a", "data": "x"}, "message", "x"),
    ("no text", {"channel": "a", "data": ""}, "message", ""),
    ("a leading space", {"channel": "a", "data": " x"}, "message", " x"),
    ("lines", {"channel": "a", "data": "a\nb\r\nc\rd\n"}, "message",
     "a\nb\nc\nd\n"),
    ("an object", {"channel": "a", "data": {"n": [1, None, "é"]}},
     "message", {"n": [1, None, "é"]}),
    ("a number", {"channel": "a", "data": 5}, "message", 5),
    ("a name", {"channel": "a", "data": "x", "event": "greet"}, "greet",
     "x"),
    ("65536 bytes", {"channel": "a", "data": "é" * 32768}, "message",
     "é" * 32768),
    ("escapes", b'{"channel":"a","data":"\\u20ac\\ud83d\\ude00\\"\\\\"}\n',
     "message", '€😀"\\'),
    ("a carriage return before the line's end",
     b'{"channel":"a","data":"x"}\r\n', "message", "x"),
    ("a BOM within", {"channel": "a", "data": "\ufeffx"}, "message",
     "\ufeffx"),
)


def accepts(tap, place):
    crierd = Crierd(place).start()
    with Direct(crierd.listen, "/events?channel=a") as stream, \
            crierd.connect() as queue:
        stream.wait_open()
        for number, (name, sent, kind, data) in enumerate(ACCEPTED):
            answer = queue.ask(sent)
            tap.ok(set(answer) >= {"ok", "id", "streams"}
                   and answer["ok"] is True and answer["streams"] == 1
                   and EVENT_ID.match(answer["id"]), f"{name}: accepted",
                   answer)
            event = stream.wait_events(number + 1)[-1]
            got = event.data if isinstance(data, str) else json.loads(
                event.data)
            tap.ok(got == data and event.type == kind
                   and event.id == answer["id"], f"{name}: delivered so",
                   str(event)[:500])
        for octet in b'{"channel":"a","data":"byte by byte"}\n':
            queue.send(bytes([octet]))
        tap.ok(queue.reply()["ok"], "a line in 38 writes")
        answer = queue.ask({"channel": ["a", "b", "c"], "data": "to all"})
        event = stream.wait_events(len(ACCEPTED) + 2)[-1]
        tap.eq((event.data, event.id), ("to all", answer["id"]),
               "one event for several channels has one id")
        own = queue.ask({**GOOD, "id": "mine-1"})
        tap.eq((own["id"], stream.wait_events(len(ACCEPTED) + 3)[-1].id),
               ("mine-1", "mine-1"), "a publisher's own id")
        queue.ask({**GOOD, "retry": 1234})
        stream.wait_events(len(ACCEPTED) + 4)
        tap.eq(stream.parser.retry, 1234, "retry reaches the client")


def pipelines(tap, place):
    crierd = Crierd(place).start()
    count = 10000
    lines = [b"{bad\n" if n % 1000 == 999 else json.dumps(
        {"channel": "a", "data": str(n)}).encode() + b"\n"
        for n in range(count)]
    with crierd.connect() as queue:
        # In one go, while nobody reads the replies.
        sender = bench.Thread(queue.send, b"".join(lines))
        replies = [queue.reply() for _n in range(count)]
        sender.finish()
    tap.eq([n for n in range(count) if not replies[n]["ok"]],
           list(range(999, count, 1000)),
           f"{count} lines in one go: a reply for each, in order")
    ids = [r["id"] for r in replies if r["ok"]]
    tap.ok(is_rising(ids), "and the ids rise")
    with Direct(crierd.listen, "/events/a?since=all") as stream:
        stream.wait_events(len(ids))
        tap.ok([e.id for e in stream.events] == ids
               and [e.data for e in stream.events]
               == [str(n) for n in range(count) if n % 1000 != 999],
               "and so is the history")


def a_publisher_that_never_reads(tap, place):
    crierd = Crierd(place).start()
    line = json.dumps({"channel": "b", "data": "x"}).encode() + b"\n"
    with crierd.connect() as rude, crierd.connect() as other, \
            Direct(crierd.listen, "/events/a") as stream:
        stream.wait_open()
        rude.socket.setblocking(False)
        sent = _fill(rude.socket, line * 1000)
        tap.ok(sent < 32 << 20, "who does not read replies may not send "
               "for ever", f"{sent} bytes were taken")
        start = time.monotonic()
        other.publish("a", "from another")
        stream.wait_events(1)
        took = time.monotonic() - start
        tap.ok(took < proc.SLOW, "and stalls nobody", f"{took:.3f} s")
        rude.socket.setblocking(True)
        rude.socket.settimeout(20 * proc.SLOW)
        whole = sent // len(line)
        good = sum(rude.reply()["ok"] for _n in range(whole))
        tap.eq(good, whole, "reading at last, it has a reply for each line")
    with crierd.connect() as rude:
        rude.socket.setblocking(False)
        _fill(rude.socket, line * 1000)
    crierd.pub("a", "alive")
    tap.eq(stream.events[0].data, "from another", "its leaving is no harm")


def _fill(connection, octets, quiet=0.5):
    """Send until nothing was taken for a while; the number of bytes."""
    sent = 0
    since = time.monotonic()
    while time.monotonic() - since < quiet * proc.SLOW and sent < 64 << 20:
        try:
            at = sent % len(octets)
            sent += connection.send(octets[at:])
            since = time.monotonic()
        except BlockingIOError:
            time.sleep(proc.STEP)
    return sent


def a_line_without_end(tap, place):
    crierd = Crierd(place, ["max-event=1000"]).start()
    with crierd.connect() as queue:
        sender = bench.Thread(_send_quietly, queue, b'{"channel":"a","data":"'
                              + b"x" * (4 << 20) + b'"}\n')
        answer = queue.reply()
        sender.finish()
        tap.ok(answer["ok"] is False and answer["code"] == 65,
               "a line of 4 MB is refused", answer)
    crierd.pub("a", "x")
    tap.eq(len(crierd.pub("-v", "a", "x" * 1000).split()), 1,
           "max-event bytes of data are good")
    done = crierd.crier("pub", "a", "x" * 1001)
    tap.eq(done.returncode, 65, "one more is not")


def _send_quietly(queue, octets):
    try:
        queue.send(octets)
    except OSError:
        pass  # it may close on such a peer


def named_pipe(tap, place):
    crierd = Crierd(place).start()
    with Direct(crierd.listen, "/events/news") as stream:
        stream.wait_open()
        with open(crierd.fifo, "wb", buffering=0) as fifo:
            fifo.write(b"news par")
            fifo.write(b"tial\nne")
            stream.wait_events(1)
            fifo.write(b"ws whole\n")
        with open(crierd.fifo, "wb", buffering=0) as fifo:
            fifo.write(b'{"channel":["news","x"],"data":"json",'
                       b'"event":"e"}\n')
        stream.wait_events(3)
        tap.eq([(e.type, e.data) for e in stream.events],
               [("message", "partial"), ("message", "whole"), ("e", "json")],
               "text and JSON; lines in pieces are put together")
        for number in range(20):
            crierd.echo(f"news from writer {number}")
        stream.wait_events(23)
        tap.eq([e.data for e in stream.events[3:]],
               [f"from writer {n}" for n in range(20)],
               "writers that open and close never end it")


def _unread(pipe):
    """How many bytes are in a pipe."""
    return array("i", fcntl.ioctl(pipe, termios.FIONREAD, b"\0" * 4))[0]


def named_pipe_refuses(tap, place):
    crierd = Crierd(place).start()
    with Direct(crierd.listen, "/events/news") as stream, \
            open(crierd.fifo, "wb", buffering=0) as fifo:
        stream.wait_open()
        fits = 4096 - len("news \n")
        fifo.write(b"news " + b"y" * fits + b"\n")
        tap.eq(len(stream.wait_events(1)[0].data), fits,
               "a line of 4096 bytes is good")
        # Whatever part of it was taken for a line would be an event.
        long = b"news " * 1800 + b"\n"
        for start in range(0, len(long), 1000):
            fifo.write(long[start:start + 1000])
            proc.wait_for(lambda: _unread(fifo) == 0, "the pipe is empty")
        fifo.write(b"news after\n")
        tap.eq([e.data for e in stream.wait_events(2)][1:], ["after"],
               "a longer one is refused whole, the next is not hurt")
        for line in (b"{bad\n", b"a*b text\n", b"news \xff\n",
                     b'{"channel":"news","data":"x","colour":1}\n'):
            fifo.write(line)
        fifo.write(b"news again\n")
        tap.eq([e.data for e in stream.wait_events(3)][2:], ["again"],
               "bad lines are refused")
        tap.eq(crierd.status()["queue"]["fifo_refused"], 5,
               "refused lines are counted in status")
        log = crierd.log_text()
        tap.ok(log.count("warning") >= 1 and "named pipe" in log,
               "and logged", log)


def named_pipe_of_many(tap, place):
    crierd = Crierd(place).start()

    def write(name):
        for number in range(50):
            with open(crierd.fifo, "wb", buffering=0) as fifo:
                text = f"{name}.{number}:".ljust(4000, name)
                fifo.write(b"news " + text.encode() + b"\n")

    with Direct(crierd.listen, "/events/news") as stream:
        stream.wait_open()
        writers = [bench.Thread(write, name) for name in "pqrs"]
        stream.wait_events(200)
        for writer in writers:
            writer.finish()
        texts = [e.data for e in stream.events]
        whole = [t for t in texts if len(t) == 4000
                 and set(t.partition(":")[2]) == {t[0]}]
        tap.eq(len(whole), 200, "lines of four writers arrive whole")
        orders = [[int(t[2:].partition(":")[0]) for t in texts
                   if t[0] == name] for name in "pqrs"]
        tap.eq(orders, [list(range(50))] * 4, "each writer's in its order")


def a_stream_on_the_queue(tap, place):
    """An event stream by the queue: {"do":"stream"}."""
    crierd = Crierd(place).start()
    first = crierd.publish("a", "one")
    crierd.publish("a", "two")
    with crierd.connect() as queue:
        queue.send({"do": "stream", "channel": ["a"], "since": first})
        text = b""
        while b"data: two\n\n" not in text:
            octets = queue.socket.recv(4096)
            if not octets:
                break
            text += octets
        tap.ok(text.startswith(b"retry: ") and b"data: two\n\n" in text
               and b"data: one" not in text,
               "the connection becomes a raw event stream", text)
    tap.ok(os.path.exists(crierd.fifo), "the pipe stays")


def who_may(tap, place):
    """queue-allow goes by who is at the other end, not by the mode."""
    if os.getuid() != 0:
        tap.skip("queue-allow", "only root can be somebody else")
        return
    crierd = Crierd(place, ("queue-mode=0666", "queue-allow=daemon")).start()
    for name, code in (("nobody", 77), ("games", 77), ("daemon", 0),
                       ("root", 0)):
        account = pwd.getpwnam(name)
        done = subprocess.run(
            [*bench.CRIER, "-s", crierd.queue, "pub", "-v", "a", name],
            user=account.pw_uid, group=account.pw_gid, extra_groups=(),
            capture_output=True, timeout=20 * proc.SLOW, check=False)
        tap.eq(done.returncode, code, f"{name} ends with {code}")
        tap.ok((b"queue-allow" in done.stderr) == (code == 77),
               f"{name} is told why, if it may not", done.stderr)
    by_group = subprocess.run(
        [*bench.CRIER, "-s", crierd.queue, "pub", "a", "by group"],
        user=pwd.getpwnam("nobody").pw_uid,
        extra_groups=(grp.getgrnam("daemon").gr_gid,),
        group=pwd.getpwnam("nobody").pw_gid,
        capture_output=True, timeout=20 * proc.SLOW, check=False)
    tap.eq(by_group.returncode, 0, "a group of its own is enough")
    status = crierd.status()
    tap.eq(status["queue"]["not_allowed"], 2, "status counts who may not")
    tap.eq(status["events"]["published"], 3, "and nothing came of it")
    crierd.stop()


TESTS = (who_may, refuses_with_a_reason, accepts, pipelines,
         a_publisher_that_never_reads, a_line_without_end, named_pipe,
         named_pipe_refuses, named_pipe_of_many, a_stream_on_the_queue)
