# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""Thousands of streams in one thread."""

import select
import time

from lib import proc, web


class Crowd:
    """Streams that are opened together and read by one epoll."""

    def __init__(self, port, targets, headers=None):
        self.port = port
        self.headers = headers
        self.poll = select.epoll()
        self.streams = {}
        self.targets = list(targets)

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self.leave()
        self.poll.close()

    def open(self, at_once=100, seconds=60):
        """Open all; at most so many of them not yet answered."""
        waiting = set()
        end = time.monotonic() + seconds * proc.SLOW
        todo = list(reversed(self.targets))
        while todo or waiting:
            while todo and len(waiting) < at_once:
                stream = web.Exchange(self.port, todo.pop(),
                                      headers=self.headers)
                number = stream.fileno()
                self.streams[number] = stream
                self.poll.register(number, select.EPOLLIN)
                waiting.add(number)
            for number in self._turn():
                stream = self.streams[number]
                if stream.parser.primings or stream.ended:
                    waiting.discard(number)
            if time.monotonic() > end:
                raise proc.Late(f"{len(waiting) + len(todo)} of "
                                f"{len(self.targets)} streams did not open")
        return self

    def _turn(self):
        """Read what is there; the numbers of the streams that had any."""
        ready = [number for number, _events in self.poll.poll(0.1, 512)]
        for number in ready:
            # An ended stream's descriptor is closed: epoll forgets it.
            self.streams[number].pump()
        return ready

    def all(self):
        return list(self.streams.values())

    def wait_events(self, count, seconds=60):
        """Until each stream has that many events (or the deadline)."""
        end = time.monotonic() + seconds * proc.SLOW
        left = {number for number, stream in self.streams.items()
                if len(stream.events) < count}
        while left and time.monotonic() < end:
            for number in self._turn():
                stream = self.streams[number]
                if len(stream.events) >= count or stream.ended:
                    left.discard(number)
        return self

    def leave(self):
        for stream in self.all():
            stream.close()
        self.streams.clear()
