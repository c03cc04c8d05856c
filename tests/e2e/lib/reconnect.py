# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""A client that comes back, as EventSource does (WHATWG HTML, 9.2.3)."""

import random
import select
import socket
import threading
import time

from lib import proc, web


class Reconnector(threading.Thread):
    """Follows one target until told to stop; may be cut at random.

    Cut means that the connection is closed after a random number of bytes,
    in the middle of whatever those bytes were.  An answer that an
    EventSource would not survive (a status other than 200, another content
    type) ends it with .failed set; so many of them are forgiven.
    """

    def __init__(self, port, target, seed=0, cut_after=None,
                 longest_wait=0.3, forgive=0):
        super().__init__(daemon=True)
        self.port = port
        self.target = target
        self.random = random.Random(seed)
        self.cut_after = cut_after
        self.longest_wait = longest_wait
        self.forgive = forgive
        self.events = []
        self.comments = []
        self.retry_ms = 3000
        self.last_event_id = ""
        self.connects = 0
        self.opens = 0
        self.cuts = 0
        self.failed = None
        self._stopped = threading.Event()
        self.start()

    def run(self):
        try:
            while not self._stopped.is_set() and not self.failed:
                self._one_connection()
                wait = min(self.retry_ms / 1000, self.longest_wait)
                self._stopped.wait(wait)
        except Exception as error:
            self.failed = repr(error)

    def stop(self):
        self._stopped.set()
        self.join(10 * proc.SLOW)

    def destroy(self):
        self.stop()

    def _one_connection(self):
        self.connects += 1
        try:
            exchange = web.Exchange(self.port, self.target,
                                    headers={"Accept": "text/event-stream"},
                                    last_event_id=self.last_event_id)
        except (OSError, socket.timeout):
            return
        with exchange:
            self._follow(exchange)

    def _follow(self, exchange):
        limit = None
        if self.cut_after:
            limit = self.random.randrange(*self.cut_after)
        seen = 0
        counted = False
        while not self._stopped.is_set():
            select.select([exchange], [], [], 0.1)
            # A small limit lets the cut fall anywhere, also inside what
            # one recv() would have brought whole.
            size = 1 << 16 if limit is None else max(
                1, limit - exchange.received)
            going = exchange.pump(size)
            if not self._answer_is_good(exchange):
                return
            if exchange.body and not counted:
                counted = True
                self.opens += 1
            parser = exchange.parser
            self.events += parser.events[seen:]
            seen = len(parser.events)
            self.last_event_id = parser.last_event_id
            if parser.retry is not None:
                self.retry_ms = parser.retry
            if not going:
                break
            if limit is not None and exchange.received >= limit:
                self.cuts += 1
                break
        self.comments += exchange.parser.comments

    def _answer_is_good(self, exchange):
        if exchange.body is None:
            return True
        kind = exchange.headers.get("content-type", "")
        if exchange.status == 200 and kind.startswith("text/event-stream"):
            return True
        if self.forgive > 0:
            self.forgive -= 1
            return False
        self.failed = (f"status {exchange.status}, {kind}: an EventSource "
                       "would never come back")
        return False

    def named(self, kind):
        return [event for event in self.events if event.type == kind]

    def data(self):
        """The data of events without a name, in order of arrival."""
        return [event.data for event in self.named("message")]

    def describe(self):
        return (f"{self.target}: {self.connects} connects, {self.opens} "
                f"answers, {self.cuts} cuts, {len(self.events)} events, "
                f"retry {self.retry_ms}, last id {self.last_event_id!r}, "
                f"failed: {self.failed}, comments {self.comments[-3:]}")


def wait_all(clients, condition, what, seconds=60):
    """Until it holds for each client; says of whom it does not."""
    end = time.monotonic() + seconds * proc.SLOW
    while True:
        late = [c for c in clients if not condition(c)]
        if not late:
            return
        if time.monotonic() > end or any(c.failed for c in late):
            raise proc.Late(what + ": not so for\n" + "\n".join(
                c.describe() for c in late))
        time.sleep(proc.STEP)
