# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""A reference parser of event streams: WHATWG HTML, section 9.2.6.

Written from the standard alone.  It takes bytes however they are split.
What the standard drops (comments, blocks of an id alone) is noted beside it,
because the tests want to see those too.
"""

import codecs
import time
from typing import NamedTuple


class Event(NamedTuple):
    """What would be dispatched: a MessageEvent, and when it came."""
    type: str
    data: str
    id: str
    at: float


class Parser:
    def __init__(self, last_event_id=""):
        # 9.2.2: the last event ID string outlives a connection.
        self.last_event_id = last_event_id
        self.retry = None
        self.events = []
        self.comments = []
        self.primings = []
        self._id_buffer = last_event_id
        self._data = ""
        self._type = ""
        self._has_id = False
        self._line = ""
        self._after_cr = False
        self._first = True
        self._now = 0.0
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, octets):
        """Take some bytes; the events that they complete."""
        before = len(self.events)
        self._now = time.monotonic()
        text = self._decoder.decode(octets)
        if self._first and text:
            # "UTF-8 decode" strips one leading byte order mark.
            self._first = False
            text = text.removeprefix("\ufeff")
        self._feed_text(text)
        return self.events[before:]

    def _feed_text(self, text):
        # A line ends with CRLF, LF or CR.  A CR ends it at once: whether a
        # LF belongs to it is known when the next character is there.
        if self._after_cr and text:
            self._after_cr = False
            text = text.removeprefix("\n")
        if text.endswith("\r"):
            self._after_cr = True
        text = self._line + text
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        lines = text.split("\n")
        self._line = lines.pop()
        for line in lines:
            self._take_line(line)

    def _take_line(self, line):
        if line == "":
            self._dispatch()
        elif line.startswith(":"):
            self.comments.append((line[1:], self._now))
        else:
            name, _colon, value = line.partition(":")
            self._take_field(name, value.removeprefix(" "))

    def _take_field(self, name, value):
        if name == "event":
            self._type = value
        elif name == "data":
            self._data += value + "\n"
        elif name == "id":
            if "\0" not in value:
                self._id_buffer = value
                self._has_id = True
        elif name == "retry":
            if value and all(c in "0123456789" for c in value):
                self.retry = int(value)

    def _dispatch(self):
        self.last_event_id = self._id_buffer
        if self._data == "":
            if self._has_id:
                self.primings.append((self.last_event_id, self._now))
        else:
            data = self._data.removesuffix("\n")
            self.events.append(Event(self._type or "message", data,
                                     self.last_event_id, self._now))
        self._data = ""
        self._type = ""
        self._has_id = False


class Waiting:
    """For what has a stream: waits, by the wait() that it has, for more."""

    def wait_open(self):
        """The stream's first bytes: its cursor."""
        return self.wait(lambda: self.parser.primings, "the first id")

    def wait_events(self, count, seconds=15):
        self.wait(lambda: len(self.events) >= count, f"{count} events",
                  seconds)
        return self.events[:count]

    def wait_end(self, seconds=15):
        return self.wait(lambda: self.ended, "the end", seconds)
