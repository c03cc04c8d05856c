# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""Publishers that never give up, and clients that check all they get.

An event's data says who published it, to what and its number there, so that
each client sees whether one is missing, came twice or too late; a checksum
over data and ids is compared with what the publishers were told.

Events come in the order of their lines, but for those that were refused: what
is sent again comes after lines that were accepted meanwhile.
"""

import binascii
import collections
import json
import select
import threading
import time

from lib import proc, reconnect
from lib.daemon import Queue
from lib.site import id_key

TARGETS = (("a",), ("b",), ("a", "b"), ("c",), ("c", "a", "b"))
WINDOW = 64
MAX_BEHIND = 4000
MAX_FAULTS = 20


def _checksum(data, event_id):
    """To be added up, in any order."""
    return binascii.crc32(f"{data}\n{event_id}\n".encode())


class Refused(Exception):
    """For now: to be tried again."""


class Publisher(threading.Thread):
    """Pipelines events with keys; what was not acknowledged is sent again,
    in the same order and with the same keys, on the next connection.

    After a refusal it takes the replies that it still awaits, and so knows of
    each line whether it was refused.
    """

    def __init__(self, load, number):
        super().__init__(daemon=True)
        self.load = load
        self.number = number
        self.made = [0] * len(TARGETS)
        self.acknowledged = [0] * len(TARGETS)
        self.sums = [0] * len(TARGETS)
        self.duplicates = self.connections = self.cut_short = 0
        self.waiting = collections.deque()
        self.again = []  # refused on this connection
        self.refused = [set() for _target in TARGETS]  # their numbers, ever
        self.connected = False
        self.failed = None
        self.start()

    def run(self):
        try:
            while not self.load.stopped.is_set():
                try:
                    with Queue(self.load.queue) as queue:
                        self.connections += 1
                        self.connected = True
                        self._use_up(queue)
                    self.connected = False
                except OSError:
                    time.sleep(0.005)
        except Exception as error:
            self.failed = repr(error)

    def _use_up(self, queue):
        try:
            self._use(queue)
        except (OSError, Refused):
            self.waiting.extendleft(reversed(self.again))
            self.again.clear()
            self.cut_short += bool(self.waiting)

    def _use(self, queue):
        queue.send(b"".join(line for line, *_rest in self.waiting))
        while not self.load.stopped.is_set():
            if self.load.paused.is_set() or self._is_ahead():
                if not self.waiting:
                    self._idle(queue)
                    continue
            elif not self.again and len(self.waiting) <= WINDOW // 2:
                self._send_more(queue)
            self._take_reply(queue)
            if self.again and not self.waiting:
                raise Refused

    @staticmethod
    def _idle(queue):
        """No reply is awaited: what can be read is the end of crierd."""
        if select.select([queue.socket], [], [], 0.005)[0]:
            raise Refused

    def _is_ahead(self):
        return any(follower.behind(self) > MAX_BEHIND
                   for follower in self.load.followers)

    def _send_more(self, queue):
        lines = []
        for number in range(len(self.waiting), WINDOW):
            at = (number + sum(self.made)) % len(TARGETS)
            data = f"{self.number} {at} {self.made[at]} " + "x" * (
                self.made[at] % 7 * 40)
            key = f"{self.load.name}-{self.number}-{at}-{self.made[at]}"
            line = json.dumps({"channel": TARGETS[at], "data": data,
                               "key": key}).encode() + b"\n"
            self.waiting.append((line, at, self.made[at], data))
            self.made[at] += 1
            lines.append(line)
        queue.send(b"".join(lines))

    def _take_reply(self, queue):
        line = queue.line()
        if line is None:
            raise Refused
        answer = json.loads(line)
        if answer.get("ok") is not True and answer.get("code") != 75:
            raise AssertionError(f"refused for good: {answer}")
        one = self.waiting.popleft()
        _line, at, count, data = one
        if answer.get("ok") is not True:
            self.again.append(one)
            self.refused[at].add(count)
            return
        self.duplicates += answer.get("duplicate") is True
        self.sums[at] += _checksum(data, answer["id"])
        self.acknowledged[at] += 1

    def has_all_replies(self):
        return self.acknowledged == self.made

    def __str__(self):
        return (f"publisher {self.number}: made {self.made}, acknowledged "
                f"{self.acknowledged}, {self.duplicates} duplicates, "
                f"{sum(map(len, self.refused))} refused for now, "
                f"{self.connections} connections, {self.cut_short} cut "
                f"short, failed: {self.failed}")


class Follower(reconnect.Reconnector):
    """Checks as it goes, for a run may be as long as one likes."""

    def __init__(self, load, port, channels, **more):
        self.load = load
        self.channels = channels
        self.wants = [at for at, target in enumerate(TARGETS)
                      if set(target) & set(channels)]
        self.next = {}
        self.missing = collections.defaultdict(set)  # numbers below .next
        self.sums = collections.Counter()
        self.last_key = (0, 0)
        self.taken = self.late = 0
        self.faults = collections.defaultdict(list)
        super().__init__(port, "/events?" + "&".join(
            "channel=" + channel for channel in channels), **more)

    def behind(self, publisher):
        return max(publisher.acknowledged[at]
                   - self.next.get((publisher.number, at), 0)
                   for at in self.wants)

    def _follow(self, exchange):
        limit = None
        if self.cut_after:
            limit = self.random.randrange(*self.cut_after)
        going = True
        while going and not self._stopped.is_set():
            select.select([exchange], [], [], 0.1)
            size = 1 << 16 if limit is None else max(
                1, min(1 << 16, limit - exchange.received))
            going = exchange.pump(size)
            if not self._answer_is_good(exchange):
                return
            parser = exchange.parser
            events, parser.events = parser.events, []
            parser.comments.clear()
            self._take(events)
            self.last_event_id = parser.last_event_id
            if limit is not None and exchange.received >= limit:
                self.cuts += 1
                return

    def _fault(self, kind, text):
        if len(self.faults[kind]) < MAX_FAULTS:
            self.faults[kind].append(text)

    def _take(self, events):
        for event in events:
            if event.type == "crier.gap":
                self._fault("gap", event.data)
            if event.type != "message":
                continue
            number, at, count, _pad = event.data.split(" ", 3)
            where = (int(number), int(at))
            self._count(where, int(count), event)
            key = id_key(event.id)
            if key <= self.last_key:
                self._fault("disorder", f"{event.id} after {self.last_key}")
            self.last_key = key
            self.sums[where] += _checksum(event.data, event.id)
            self.taken += 1

    def _count(self, where, count, event):
        want = self.next.get(where, 0)
        if count >= want:
            self.missing[where].update(range(want, count))
            self.next[where] = count + 1
            return
        text = (f"{event.data.rstrip('x')} ({event.id}) instead of {want}, "
                f"connection {self.connects}")
        if count not in self.missing[where]:
            self._fault("doubled", text)
            return
        self.missing[where].remove(count)
        self.late += 1
        number, at = where
        if count not in self.load.publishers[number].refused[at]:
            self._fault("late", text)

    def lost(self):
        """Some of what never came, though later ones did."""
        return [(where, sorted(missing)[:MAX_FAULTS])
                for where, missing in list(self.missing.items()) if missing]

    def has_all(self, publishers):
        return not self.lost() and all(
            self.next.get((p.number, at), 0) >= p.acknowledged[at]
            for p in publishers for at in self.wants)

    def same_sums(self, publishers):
        return all(self.sums[(p.number, at)] == p.sums[at]
                   for p in publishers for at in self.wants)

    def __str__(self):
        return (f"{self.target}: {self.taken} events, {self.late} late, "
                f"{self.connects} connects, {self.cuts} cuts, last id "
                f"{self.last_event_id}, failed: {self.failed}, "
                f"{dict(self.faults)}")


class Load:
    """All of them, until destroyed."""

    def __init__(self, place, queue, port, name, publishers=3):
        self.queue = queue
        self.name = name
        self.stopped = threading.Event()
        self.paused = threading.Event()
        self.publishers = []
        self.followers = []
        place.own(self)
        self.paused.set()
        for seed, (channels, cut) in enumerate((
                ("a", None), ("b", (1, 60000)), ("c", None),
                ("abc", None), ("cb", (1000, 200000)), ("abc", (1, 500000)))):
            self.followers.append(Follower(
                self, port, list(channels), seed=seed, cut_after=cut,
                longest_wait=0.05))
        proc.wait_for(lambda: all(f.last_event_id for f in self.followers),
                      "all clients have a position")
        self.publishers += [Publisher(self, number)
                            for number in range(publishers)]

    def all(self):
        return self.publishers + self.followers

    def acknowledged(self):
        return sum(sum(p.acknowledged) for p in self.publishers)

    def resume(self):
        self.paused.clear()

    def settle(self, seconds=60):
        """No more events; until all that were made are acknowledged, and
        everybody has them."""
        self.paused.set()
        try:
            proc.wait_for(
                lambda: any(x.failed for x in self.all()) or (
                    all(p.has_all_replies() for p in self.publishers)
                    and all(f.has_all(self.publishers)
                            for f in self.followers)),
                "everything is acknowledged and delivered", seconds)
        except proc.Late as late:
            return str(late)
        return ""

    def check(self, tap, late):
        """What settle() said, and what everybody saw."""
        tap.ok(not late, "what is acknowledged reaches every client", late,
               *self.all())
        tap.eq([f.lost() for f in self.followers if f.lost()], [],
               "nothing is lost")
        for kind, name in (("doubled", "nothing comes twice"),
                           ("late", "only what was refused comes late"),
                           ("disorder", "ids rise"),
                           ("gap", "nobody is told of a gap")):
            tap.eq([f.faults[kind] for f in self.followers if f.faults[kind]],
                   [], name)
        tap.ok(all(f.same_sums(self.publishers) for f in self.followers),
               "clients have the ids that publishers were told", *self.all())
        tap.eq([x.failed for x in self.all() if x.failed], [],
               "no client and no publisher gave up")

    def destroy(self):
        self.stopped.set()
        for follower in self.followers:
            follower.stop()
        for publisher in self.publishers:
            publisher.join(20 * proc.SLOW)

    def __str__(self):
        return "publishers and clients"
