# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""Inputs by ways in: whatever brings an event, the same becomes of it.

A way takes an event's fields as bytes, and returns what arrived.  What must
differ is in the ways' traits, with its reason.
"""

import fcntl
import json
import os
import shlex
import struct
import subprocess
import termios
import urllib.parse

from lib import bench, proc
from lib.daemon import Crierd
from lib.fcgi import Direct

MAX = 2000  # max-event; a named pipe keeps twice that whole
FORM = "application/x-www-form-urlencoded"
CONFIG = """
max-event = 2000
route "GET /run" { run = { "/bin/cat", "FILE" } end-event = over }
route "GET /events" { subscribe = "{query.channel}" }
route "POST /events/{channel...}" { publish = "{channel}" }
route "POST /body" { publish = "a" data = "{body}" }
route "POST /template" { publish = "a" data = "{form.data}" }
route "POST /template/json" { publish = "a" data = "{json.data}" }
route "POST /template/query" { publish = "a" data = "{query.data}" }
channel "**" { publish = anyone }
"""


def to_json(fields):
    """Bytes as they are within strings, be they UTF-8 or not."""
    text = json.dumps({name: value.decode("latin-1")
                       for name, value in fields.items()}, ensure_ascii=False)
    return text.encode("latin-1")


def run_crier(words, data):
    subprocess.run([*bench.CRIER, *words], input=data, check=False,
                   capture_output=True, timeout=60)


class Ways:
    def __init__(self, place):
        self.kept = place.path("kept")
        self.output = place.write("output", "")
        self.crierd = Crierd(place, config=CONFIG.replace(
            "FILE", self.output)).start()
        self.stream = Direct(self.crierd.listen, "/events?channel=a")
        self.stream.wait_open()
        self.queue = self.crierd.connect()
        self.taken = 0

    def arrived(self):
        """What has come since the last time, when all has."""
        last = self.queue.publish("a", "that is all")
        self.stream.wait(lambda: self.stream.events
                         and self.stream.events[-1].id == last, "the last")
        new = self.stream.events[self.taken:-1]
        self.taken = len(self.stream.events)
        return new

    def published(self):
        return self.crierd.status()["events"]["published"]

    # Many lines at once.

    def queue_lines(self, octets):
        with self.crierd.connect() as queue:
            queue.send(octets)
            queue.socket.shutdown(1)
            while queue.line() is not None:
                pass
        return self.arrived()

    def pipe_lines(self, octets):
        with open(self.crierd.fifo, "r+b", buffering=0) as fifo:
            fifo.write(octets)
            proc.wait_for(lambda: struct.unpack("i", fcntl.ioctl(
                fifo, termios.FIONREAD, b"    "))[0] == 0, "an empty pipe")
        return self.arrived()

    def pub(self, *arguments, data=None):
        self.crierd.crier("pub", *arguments, data=data)
        return self.arrived()

    def run_lines(self, octets):
        with open(self.output, "wb") as output:
            output.write(octets)
        with Direct(self.crierd.listen, "/run") as stream:
            stream.wait(lambda: [e for e in stream.events
                                 if e.type == "over"], "its end")
            self.retry = stream.parser.retry
            return stream.events[:-1]

    def post(self, body, kind, target="/events/a"):
        with Direct(self.crierd.listen, target, method="POST", body=body,
                    CONTENT_TYPE=kind) as answer:
            answer.wait_end()
            self.status = answer.status
        return self.arrived()

    # An event of one text.

    def queue_json(self, fields):
        return self.queue_lines(to_json({"channel": b"a", **fields}) + b"\n")

    def pipe_json(self, fields):
        return self.pipe_lines(to_json({"channel": b"a", **fields}) + b"\n")

    def pipe_text(self, fields):
        return self.pipe_lines(b"a " + fields["data"] + b"\n")

    def pub_json(self, fields):
        return self.pub("-n", data=to_json({"channel": b"a", **fields}))

    def pub_option(self, fields):
        options = {"event": "-e", "id": "-i", "retry": "-r", "expires": "-x"}
        words = []
        for name, value in fields.items():
            if name != "data":
                words += [options[name], value.decode(errors="surrogateescape")]
        return self.pub(*words, "--", "a",
                        fields["data"].decode(errors="surrogateescape"))

    def pub_input(self, fields):
        return self.pub("a", data=fields["data"])

    def pub_lines(self, fields):
        return self.pub("-l", "a", data=fields["data"] + b"\n")

    def pub_command(self, fields):
        with open(self.output, "wb") as output:
            output.write(fields["data"] + b"\n")
        return self.pub("-c", "cat " + shlex.quote(self.output), "a")[:-1]

    def pub_object(self, fields):
        got = self.pub("-J", "a", "v=" + fields["data"].decode(
            errors="surrogateescape"))
        return [e._replace(data=lines(json.loads(e.data)["v"])) for e in got]

    def form(self, fields):
        return self.post(urllib.parse.urlencode(fields).encode(), FORM)

    def form_template(self, fields):
        return self.post(urllib.parse.urlencode(fields).encode(), FORM,
                         "/template")

    def query_template(self, fields):
        return self.post(b"", "", "/template/query?"
                         + urllib.parse.urlencode(fields))

    def json_template(self, fields):
        return self.post(to_json(fields), "application/json",
                         "/template/json")

    def spool(self, arguments, data):
        """Kept while there is no crierd, and sent later."""
        os.makedirs(self.kept, 0o700, exist_ok=True)
        run_crier(["-s", self.kept + ".none", "pub", "-S", self.kept,
                   *arguments], data)
        run_crier(["-s", self.crierd.queue, "flush", "-S", self.kept], None)
        return self.arrived()

    def spool_input(self, fields):
        return self.spool(["a"], fields["data"])

    def spool_lines(self, fields):
        return self.spool(["-l", "a"], fields["data"] + b"\n")

    def spool_json(self, fields):
        return self.spool(["-n"], to_json({"channel": b"a", **fields}))

    def json(self, fields):
        return self.post(to_json(fields), "application/json")

    def text(self, fields):
        return self.post(fields["data"], "text/plain")

    def body(self, fields):
        return self.post(fields["data"], "text/plain", "/body")

    def run_text(self, fields):
        return self.run_lines(fields["data"] + b"\n")

    def run_json(self, fields):
        # A line of JSON that is no event is data like any other.
        line = to_json(fields)
        return [event for event in self.run_lines(line + b"\n")
                if event.data.encode(errors="replace") != line]


def lines(text):
    return text.replace("\r\n", "\n").replace("\r", "\n")


# Why some ways cannot bring some texts.
LINE = "a line is a text: it cannot have line ends in it"
WORD = "a word of a command line has no NUL"
DROPS = "as the shell does: the last line end of a file is no text"
OBJECT = "the data is the object, whose JSON is what max-event bounds"

WAYS = (
    (Ways.queue_json, ()), (Ways.pipe_json, ()), (Ways.pipe_text, (LINE,)),
    (Ways.pub_option, (WORD,)), (Ways.pub_input, (DROPS,)),
    (Ways.pub_lines, (LINE,)), (Ways.pub_command, (LINE,)),
    (Ways.pub_json, ()), (Ways.pub_object, (WORD, OBJECT)),
    (Ways.spool_input, (DROPS,)), (Ways.spool_lines, (LINE,)),
    (Ways.spool_json, ()), (Ways.query_template, ()),
    (Ways.form, ()), (Ways.form_template, ()), (Ways.json, ()),
    (Ways.json_template, ()),
    (Ways.text, ()), (Ways.body, ()), (Ways.run_text, (LINE,)),
    (Ways.run_json, ()))

CONTROL = bytes(n for n in range(1, 128) if n < 32 or n == 127).replace(
    b"\r", b"").replace(b"\n", b"")
TEXTS = (
    ("a word", b"word"),
    ("nothing", b""),
    ("blanks at its ends", b" \t x \t "),
    ("a byte order mark before it", "\ufeffx".encode()),
    ("a byte order mark alone", "\ufeff".encode()),
    ("control characters", CONTROL),
    ("rare characters", "\x85\u2028\ufffe\U0010ffff".encode()),
    ("percent, plus and ampersand", b"100%+1&data=2;=%00"),
    ("what looks like a field", b"data: x"),
    ("a CR", b"a\rb"),
    ("an LF", b"a\nb"),
    ("a CRLF", b"a\r\nb"),
    ("empty lines", b"\n\na\r\n\r\rb\n\n"),
    ("an LF at its end", b"a\n"),
    ("a CRLF at its end", b"a\r\n"),
    ("one byte less than max-event", b"x" * (MAX - 1)),
    ("max-event", b"x" * MAX),
    ("max-event in characters of two bytes", "é".encode() * (MAX // 2)),
    ("as many, and escaped in JSON", b"\x01" * (MAX // 4)),
)
REFUSED = (
    ("one byte more than max-event", b"x" * (MAX + 1)),
    ("more characters than fit", "é".encode() * (MAX // 2) + b"x"),
    ("a NUL", b"a\0b"),
    ("no UTF-8", b"a\xffb"),
    ("a surrogate", b"\xed\xa0\x80"),
    ("a form too long", b"\xc0\xaf"),
    ("a character cut off", b"\xe2\x82"),
)


def cannot(traits, text):
    return (LINE in traits and b"\n" in text
            or WORD in traits and b"\0" in text
            or OBJECT in traits and len(text) >= MAX / 4)


def want_of(traits, text):
    if DROPS in traits:
        text = text[:-2] if text.endswith(b"\r\n") else (
            text[:-1] if text.endswith(b"\n") else text)
    return lines(text.decode())


def texts(tap, place):
    ways = Ways(place)
    for name, text in TEXTS:
        for way, traits in WAYS:
            if cannot(traits, text):
                continue
            got = [(e.type, e.data) for e in way(ways, {"data": text})]
            tap.eq(got, [("message", want_of(traits, text))],
                   f"{name}: {way.__name__}")


def refused_texts(tap, place):
    ways = Ways(place)
    for name, text in REFUSED:
        for way, traits in WAYS:
            if not cannot(traits, text):
                tap.eq(way(ways, {"data": text}), [],
                       f"{name}: {way.__name__}")


# A name without an end is nobody's: the pipe waits for the rest of its line.
ENDS = (("LF", b"\n", b"\n"), ("CRLF", b"\r\n", b"\r\n"),
        ("both", b"\r\n", b"\n"), ("none at the last", b"\n", b""),
        ("none at the last, and CRLF", b"\r\n", b""),
        ("CR at the last", b"\n", b"\r"))
LINE_WAYS = (
    ("the queue", Ways.queue_lines, b'{"channel":"a","data":"%s"}'),
    ("the pipe", Ways.pipe_lines, b"a %s"),
    ("the pipe in JSON", Ways.pipe_lines, b'{"channel":"a","data":"%s"}'),
    ("pub -l", lambda w, text: w.pub("-l", "a", data=text), b"%s"),
    ("pub -n", lambda w, text: w.pub("-n", data=text),
     b'{"channel":"a","data":"%s"}'),
    ("pub -S -l", lambda w, text: w.spool(["-l", "a"], text), b"%s"),
    ("pub -S -n", lambda w, text: w.spool(["-n"], text),
     b'{"channel":"a","data":"%s"}'),
    ("run", Ways.run_lines, b"%s"),
    ("run in JSON", Ways.run_lines, b'{"data":"%s"}'),
)


def line_ends(tap, place):
    ways = Ways(place)
    for name, first, last in ENDS:
        for way, send, form in LINE_WAYS:
            if "pipe" in way and not last.endswith(b"\n"):
                continue
            text = form % b"one" + first + form % b"two" + last
            tap.eq([e.data for e in send(ways, text)], ["one", "two"],
                   f"{way}: {name}")
    for way, send, form in LINE_WAYS:
        # Blank lines are empty texts where a line is all of a text.
        text = form % b"one" + b"\n\n\r\n" + form % b"two" + b"\n"
        want = ["one", "two"] if form != b"%s" and "run" not in way else [
            "one", "", "", "two"]
        tap.eq([e.data for e in send(ways, text)], want, f"{way}: blank lines")


# Field, text, whether it is taken; JSON has it as a string, and as a number
# where it is one.
NUMBERS = (
    ("retry", "0", True), ("retry", "86400000", True),
    ("retry", "86400001", False), ("retry", "-1", False),
    ("retry", "1.5", False), ("retry", "1e3", False),
    ("retry", "", False), ("retry", " 1", False), ("retry", "+1", False),
    ("retry", "0x1", False), ("retry", "18446744073709551616", False),
    ("expires", "1", True), ("expires", "0.001", True),
    ("expires", "0.0001", True), ("expires", "1000000000", True),
    ("expires", "1000000000.001", False), ("expires", "1e3", True),
    ("expires", "0", False), ("expires", "0.0", False),
    ("expires", "-1", False), ("expires", "1e300", False),
    ("expires", "1.", False), ("expires", ".5", False),
    ("expires", "", False), ("expires", "1 ", False),
    ("expires", "inf", False), ("expires", "nan", False),
    ("expires", "0x1", False), ("expires", "1s", False),
)
WORDS = (
    ("event", "", True), ("event", "x" * 255, True),
    ("event", "x" * 256, False), ("event", "é", True),
    ("event", "\ufeffx", True), ("event", "a\nb", False),
    ("event", "a\r", False), ("event", "a\0b", False),
    ("event", "crier.end", False), ("event", " a ", True),
    ("id", "", False), ("id", "x" * 255, True), ("id", "x" * 256, False),
    ("id", "é", True), ("id", " a", False), ("id", "a ", False),
    ("id", "a\tb", False), ("id", "a\x7f", False), ("id", "a\0", False),
    ("id", "a\nb", False), ("id", "77", True),
)
FIELD_WAYS = (Ways.queue_json, Ways.pipe_json, Ways.pub_json, Ways.pub_option,
              Ways.spool_json,
              Ways.form, Ways.json, Ways.run_json)


def is_number(text):
    try:
        return text == text.strip() and isinstance(
            json.loads(text), (int, float))
    except ValueError:
        return False


def as_number(way):
    """The way, with JSON in which the fields but the data are numbers."""
    def send(ways, fields):
        more = {"channel": "a"} if way not in (Ways.json, Ways.run_json) else {}
        text = json.dumps({"data": fields["data"].decode(), **more})
        for name, value in fields.items():
            if name != "data":
                text = f'{text[:-1]}, "{name}": {value.decode()}}}'
        line = text.encode()
        if way is Ways.queue_json:
            return ways.queue_lines(line + b"\n")
        if way is Ways.pipe_json:
            return ways.pipe_lines(line + b"\n")
        if way is Ways.pub_json:
            return ways.pub("-n", data=line)
        if way is Ways.spool_json:
            return ways.spool(["-n"], line)
        if way is Ways.json:
            return ways.post(line, "application/json")
        return [e for e in ways.run_lines(line + b"\n")
                if e.data.encode() != line]
    return send


def fields(tap, place):
    ways = Ways(place)
    for number, (field, text, good) in enumerate(NUMBERS + WORDS):
        for way in FIELD_WAYS:
            if way is Ways.pub_option and "\0" in text or (
                    way is Ways.run_json and field == "expires"):
                continue  # nobody keeps what a program prints
            if way is Ways.spool_json and text.startswith("0.0") and good:
                continue  # its time is over before there is a crierd
            given = {"data": b"%d" % number, field: text.encode()}
            shown = f"{field} {text[:20]!r}: {way.__name__}"
            check_field(tap, ways, way, given, good, shown)
            if field in ("retry", "expires", "id") and is_number(text) and (
                    way not in (Ways.form, Ways.pub_option)):
                check_field(tap, ways, as_number(way), given, good,
                            shown + ", as a number")


def check_field(tap, ways, send, given, good, name):
    ways.retry = None
    before = ways.published()
    got = send(ways, given)
    if "expires" in given:
        # A short time may be over before the event is sent.
        tap.eq(ways.published() - before, 1 + good,
               f"{name}: {'taken' if good else 'refused'}")
        return
    if not good:
        tap.eq(got, [], f"{name}: refused")
        return
    word = {key: value.decode() for key, value in given.items()}
    have = [(e.data, e.type) for e in got]
    tap.eq(have, [(word["data"], word.get("event") or "message")],
           f"{name}: taken")
    if "id" in word and have:
        tap.eq(got[0].id, word["id"], f"{name}: it is the event's")
    if "retry" in word and have:
        tap.eq(ways.retry if ways.retry is not None
               else ways.stream.parser.retry, int(word["retry"]),
               f"{name}: clients get it")


NAMES = (("\ufeffa", False), ("a b", False), ("a*", False), ("a{", False),
         ("a\x01", False), ("a\x85", False), ("é" * 127, True),
         ("é" * 128, False), ("a\ufeff", True), ("$stats", False))


def channels(tap, place):
    ways = Ways(place)
    crierd = ways.crierd

    def by_path(name):
        ways.post(b"x", "text/plain", "/events/" + urllib.parse.quote(name))

    for name, good in NAMES:
        line = json.dumps({"channel": name, "data": "x"}).encode() + b"\n"
        for way, send in (
                ("the queue", lambda: ways.queue_lines(line)),
                ("the pipe", lambda: ways.pipe_lines(name.encode() + b" x\n")),
                ("the pipe in JSON", lambda: ways.pipe_lines(line)),
                ("pub", lambda: ways.pub(name, "x")),
                ("pub -n", lambda: ways.pub("-n", data=line)),
                ("HTTP", lambda: by_path(name))):
            if way == "the pipe" and " " in name:
                continue  # it ends the name
            before = ways.published()
            send()
            # One more is what arrived() publishes.
            tap.eq(ways.published() - before, 1 + good,
                   f"{name[:20]!r}: {way}")


LABELS = (("", True), ("; charset=utf-8", True), (";charset=UTF-8", True),
          ('; charset="utf-8"', True), ("; charset=utf8", True),
          ("; charset=us-ascii", True), ("; format=flowed", True),
          ("; x=y; charset=utf-8; z", True),
          ("; charset=iso-8859-1", False), ("; charset=utf-16", False),
          ("; charset=utf-80", False), ("; charset=", False),
          ('; charset="utf-8', False), ('; charset=""', False),
          ("; charset=utf-8; charset=latin1", False))


def charsets(tap, place):
    ways = Ways(place)
    for label, good in LABELS:
        for kind, body in (("text/plain", b"x"), (FORM, b"data=x"),
                           ("application/json", b'{"data":"x"}')):
            got = [e.data for e in ways.post(body, kind + label)]
            tap.eq((got, ways.status), (["x"], 200) if good else ([], 415),
                   kind + label)


TESTS = [texts, refused_texts, line_ends, fields, channels, charsets]
