# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""Publishers and clients that change between nodes, and what they must see.

Every text is published once, or with a key until it is accepted.  Between two
settlements all of it is remembered; settle() lets everything come to rest, and
judge() says what is wrong:

    what was accepted reaches every client that follows one of its channels,
    once, with the id that its publisher was told and in its publisher's order;
    what was never answered may come, once;
    ids only grow, whatever node a client is at;
    nobody is told of a gap.

Where the Redis may lose what it had (is_lossy), an event may be missing, or
come again, where the client was told a gap in between; and what is sent again
comes later than what its publisher sent afterwards.
"""

import collections
import json
import random
import select
import subprocess
import threading
import time

from lib import bench, proc
from lib.daemon import Queue
from lib.fcgi import Direct
from lib.site import id_key

TARGETS = (("a",), ("b",), ("a", "b"), ("c",), ("c", "a", "b"))
FOLLOWED = ("a", "b", "c", "abc", "cb", "abc", "ab", "ac", "a", "bc", "c",
            "abc")
WINDOW = 16
PAUSE = 0.01
CONFIG = """
channel "**" { publish = anyone }
route "GET /events" { subscribe = "{query.channel?}" }
route "POST /pub/{channel...}" { publish = "{channel}" }
"""


class Publisher(threading.Thread):
    """Its texts are "NAME TARGET NUMBER"."""

    def __init__(self, load, name):
        super().__init__(daemon=True)
        self.load = load
        self.name = name
        self.random = random.Random(f"{load.seed} {name}")
        self.made = 0
        self.is_idle = False
        self.failed = None
        self.start()

    def make(self):
        """A text and its channels."""
        at = self.random.randrange(len(TARGETS))
        text = f"{self.name} {at} {self.made}"
        self.made += 1
        self.load.sent[text] = TARGETS[at], time.monotonic()
        return text, TARGETS[at]

    def node(self):
        return self.random.choice(self.load.nodes)

    def run(self):
        try:
            while not self.load.stopped.is_set():
                is_paused = self.load.paused.is_set()
                if is_paused and not self.has_more():
                    self.is_idle = True
                    time.sleep(PAUSE)
                    continue
                self.is_idle = False
                try:
                    self.turn(is_paused)
                except OSError:
                    self.leave()
                    time.sleep(PAUSE)
        except Exception as error:
            self.failed = repr(error)

    def has_more(self):
        """Whether it has something left to do although it is paused."""
        return False

    def leave(self):
        """The connection is over."""


class Pipelining(Publisher):
    """By the queue, several at a time."""

    def __init__(self, load, name, has_keys):
        self.has_keys = has_keys
        self.waiting = collections.deque()
        self.again = []  # refused on this connection
        self.queue = None
        self.moves = self.refusals = 0
        super().__init__(load, name)

    def has_more(self):
        return bool(self.waiting or self.again)

    def leave(self):
        if self.queue is not None:
            self.queue.close()
        self.queue = None
        self.moves += 1
        if not self.has_keys:
            self.waiting.clear()
        self.waiting.extendleft(reversed(self.again))
        self.again = []
        # Of these some may have been refused, and nobody read it.
        self.load.refused.update(text for text, _channels in self.waiting)

    def line(self, text, channels):
        more = {"key": f"key {text}"} if self.has_keys else {}
        return json.dumps({"channel": channels, "data": text,
                           **more}).encode() + b"\n"

    def turn(self, is_paused):
        if self.queue is None:
            self.queue = Queue(self.node().queue)
            self.queue.socket.settimeout(3 * proc.SLOW)
            self.queue.send(b"".join(self.line(*one)
                                     for one in self.waiting))
        if not is_paused and not self.again and (
                len(self.waiting) <= WINDOW // 2):
            time.sleep(PAUSE)
            more = [self.make() for _one in range(
                self.random.randrange(1, WINDOW // 2))]
            self.waiting.extend(more)
            self.queue.send(b"".join(self.line(*one) for one in more))
        if self.waiting:
            self.take_reply()
        if (self.again and not self.waiting) or self.random.random() < 0.005:
            self.leave()

    def take_reply(self):
        line = self.queue.line()
        if line is None:
            raise OSError("the queue ended")
        answer = json.loads(line)
        text, channels = self.waiting.popleft()
        if answer.get("ok") is True:
            self.load.answered[text] = answer["id"]
            return
        if answer.get("code") != 75:
            raise AssertionError(f"refused for good: {answer}")
        self.refusals += 1
        self.load.refused.add(text)
        if self.has_keys:
            self.again.append((text, channels))

    def __str__(self):
        return (f"{self.name}: {self.made} made, {self.moves} moves, "
                f"{self.refusals} refusals, failed: {self.failed}")


class Posting(Publisher):
    """Over HTTP, one at a time, without keys."""

    def turn(self, is_paused):
        time.sleep(4 * PAUSE)
        text, channels = self.make()
        # A route names one channel.
        self.load.sent[text] = channels[:1], time.monotonic()
        answer = Direct(self.node().listen, "/pub/" + channels[0],
                        method="POST", body=b"data=" + text.encode(),
                        CONTENT_TYPE="application/x-www-form-urlencoded")
        with answer:
            try:
                answer.wait(lambda: answer.ended, "the end", 3)
            except proc.Late:
                return
            if answer.status == 200:
                self.load.answered[text] = json.loads(answer.raw)["id"]

    def __str__(self):
        return f"{self.name}: {self.made} made, failed: {self.failed}"


class Spooling(Publisher):
    """By crier pub -S: all of it is accepted."""

    def __init__(self, load, name):
        self.dir = load.place.path(name)
        self.is_kept = False
        self.kept = 0
        super().__init__(load, name)

    def has_more(self):
        return self.is_kept

    def crier(self, *words, data=b""):
        return subprocess.run(
            [*bench.CRIER, "-s", self.node().queue, "-w", "1", *words],
            capture_output=True, check=False, input=data,
            timeout=60 * proc.SLOW)

    def turn(self, is_paused):
        if is_paused:
            self.is_kept = self.crier("flush", "-S", self.dir).returncode != 0
            return
        time.sleep(10 * PAUSE)
        text, channels = self.make()
        line = json.dumps({"channel": channels, "data": text})
        done = self.crier("pub", "-n", "-v", "-S", self.dir,
                          data=line.encode() + b"\n")
        if done.returncode != 0:
            raise AssertionError(f"crier pub -S: {done}")
        printed = done.stdout.decode().split()[-1]
        self.is_kept = self.is_kept or printed == "kept"
        self.kept += printed == "kept"
        self.load.answered[text] = "" if printed == "kept" else printed

    def __str__(self):
        return (f"{self.name}: {self.made} made, {self.kept} kept, failed: "
                f"{self.failed}")


class Client:
    """What one has got, and what was wrong with its ids."""

    def __init__(self, number, channels, newest=(0, 0)):
        self.number = number
        self.channels = set(channels)
        self.got = []       # of each event (text, id), of a gap a Gap
        self.newest = newest
        self.taken = self.gaps = 0
        self.wrong = []

    def take(self, event):
        if event.type == "crier.gap":
            self.gaps += 1
            self.got.append(Gap(json.loads(event.data)["channel"],
                                self.newest, event.at))
        if event.type != "message":
            return
        key = id_key(event.id)
        if key <= self.newest:
            self.wrong.append(f"{event.data} has {event.id} behind "
                              f"{self.newest}")
        self.newest = key
        self.taken += 1
        self.got.append((event.data, event.id))

    def has(self, text):
        return any(one[0] == text for one in self.got[-50:])


class Auditor(Client):
    """Who reads all of it from the store."""

    def __init__(self, mark):
        super().__init__("of the store", "abc", id_key(mark))


class Follower(Client, threading.Thread):
    """A client that is cut at random, and comes back to any node."""

    def __init__(self, load, number, channels):
        threading.Thread.__init__(self, daemon=True)
        Client.__init__(self, number, channels)
        self.load = load
        self.target = "/events?" + "&".join(
            f"channel={name}" for name in channels)
        self.random = random.Random(f"{load.seed} follower {number}")
        self.last = ""  # as an EventSource has it
        self.connects = 0
        self.failed = None
        self.start()

    def run(self):
        try:
            while not self.load.stopped.is_set():
                node = self.random.choice(self.load.nodes)
                try:
                    more = {"HTTP_LAST_EVENT_ID": self.last} \
                        if self.last else {}
                    with Direct(node.listen, self.target, **more) as stream:
                        self.connects += 1
                        self.follow(stream)
                except OSError:
                    pass
                time.sleep(PAUSE)
        except Exception as error:
            self.failed = repr(error)

    def follow(self, stream):
        end = time.monotonic() + self.random.expovariate(0.7)
        while not self.load.stopped.is_set():
            select.select([stream.socket], [], [], 0.05)
            stream.pump()
            if stream.status not in (None, 200):
                raise AssertionError(
                    f"{stream.status}: an EventSource would give up")
            events = stream.parser.events[:]
            del stream.parser.events[:len(events)]
            for event in events:
                self.take(event)
            self.last = stream.parser.last_event_id or self.last
            if stream.ended or time.monotonic() > end:
                return

    def __str__(self):
        return (f"client {self.number} of {''.join(sorted(self.channels))}: "
                f"{self.taken} events, {self.gaps} gaps, {self.connects} "
                f"connects, newest {self.newest}, failed: {self.failed}")


Gap = collections.namedtuple("Gap", "channel behind at")


class Load:
    """All of them, until destroyed; nodes have a .queue and a .listen."""

    def __init__(self, place, nodes, seed):
        self.place = place
        self.nodes = nodes
        self.seed = seed
        self.sent = {}      # text: channels, when
        self.before = {}    # the same, before the last settlement
        self.answered = {}  # text: id, or "" if it is not known
        self.refused = set()
        self.stopped = threading.Event()
        self.paused = threading.Event()
        self.settled = self.total = 0
        self.publishers = []
        place.own(self)
        self.followers = [Follower(self, number, channels)
                          for number, channels in enumerate(FOLLOWED)]
        proc.wait_for(lambda: all(f.last for f in self.followers),
                      "all clients have a position")
        self._mark()
        self.mark = self.answered.pop("mark 0 1")
        self.publishers = (
            [Pipelining(self, f"key{i}", True) for i in range(3)]
            + [Pipelining(self, f"bare{i}", False) for i in range(2)]
            + [Posting(self, "http"), Spooling(self, "spool")])

    def all(self):
        return self.publishers + self.followers

    def _check_alive(self):
        failed = [one for one in self.all() if one.failed]
        if failed:
            raise AssertionError("; ".join(map(str, failed)))

    def progress(self, count, seconds=60):
        """Until so many more are accepted."""
        goal = len(self.answered) + count

        def is_there():
            self._check_alive()
            return len(self.answered) >= goal
        proc.wait_for(is_there, f"{count} more are accepted", seconds)

    def _mark(self):
        """The last event of each channel; its text."""
        self.settled += 1
        text = f"mark 0 {self.settled}"
        line = {"channel": ["a", "b", "c"], "data": text, "key": text}
        self.sent[text] = line["channel"], time.monotonic()

        def is_taken():
            try:
                with Queue(self.nodes[0].queue) as queue:
                    answer = queue.ask(line)
            except OSError:
                return False
            if answer.get("ok") is True:
                self.answered[text] = answer["id"]
            return answer.get("ok") is True
        proc.wait_for(is_taken, "the last event is accepted", 30)
        return text

    def settle(self, seconds=60):
        """No more is published; until all of it has come to all clients."""
        self.paused.set()

        def is_idle():
            self._check_alive()
            return all(p.is_idle for p in self.publishers)
        proc.wait_for(is_idle, "publishers have come to rest", seconds)
        text = self._mark()

        def is_there():
            self._check_alive()
            return all(f.has(text) for f in self.followers)
        proc.wait_for(is_there, "all clients come to the last event", seconds)
        return text

    def audit(self, node, text):
        """What is in the store since the last settlement, as one more client
        gets it at a node that has nothing in its memory."""
        auditor = Auditor(self.mark)
        with Direct(node.listen, "/events?channel=a&channel=b&channel=c",
                    HTTP_LAST_EVENT_ID=self.mark) as stream:
            stream.wait(lambda: any(event.data == text
                                    for event in stream.events),
                        "the last event in the store", 60)
            for event in stream.events:
                auditor.take(event)
        self.mark = self.answered[text]
        return auditor

    def judge(self, is_lossy, auditor):
        """What is wrong since the last time; and all of it is forgotten."""
        wrong = []
        for follower in [*self.followers, auditor]:
            wrong += Judgement(self, follower, is_lossy).wrong
            follower.got = []
            follower.wrong = []
        self.total += len(self.answered)
        self.before, self.sent, self.answered = self.sent, {}, {}
        self.refused = set()
        return wrong

    def resume(self):
        for publisher in self.publishers:
            publisher.is_idle = False
        self.paused.clear()

    def destroy(self):
        self.stopped.set()
        for one in self.all():
            one.join(20 * proc.SLOW)

    def __str__(self):
        return "publishers and clients"


class Judgement:
    """Of what one client got."""

    def __init__(self, load, follower, is_lossy):
        self.load = load
        self.follower = follower
        self.is_lossy = is_lossy
        self.wrong = [f"{follower.number}: {text}" for text in follower.wrong]
        self.gaps = [one for one in follower.got if isinstance(one, Gap)]
        if self.gaps and not is_lossy:
            self._say(f"gaps: {self.gaps[:3]}")
        self._look_at_events()
        self._look_for_losses()

    def _say(self, text):
        self.wrong.append(f"client {self.follower.number}: {text}")

    def _look_at_events(self):
        seen = {}    # text: gaps before it
        newest = {}  # publisher and target: number
        gaps = 0
        for one in self.follower.got:
            if isinstance(one, Gap):
                gaps += 1
                continue
            text, event_id = one
            if text in seen and (not self.is_lossy or gaps == seen[text]):
                self._say(f"{text} came again, as {event_id}")
            seen[text] = gaps
            if text not in self.load.sent:
                if text not in self.load.before:
                    self._say(f"{text} was never published")
                continue
            told = self.load.answered.get(text)
            if told and told != event_id and not self.is_lossy:
                self._say(f"{text} is {event_id}, its publisher had {told}")
            # A node may send again what was lost on its way, behind what
            # its publisher has sent by another node.
            if told is not None and text not in self.load.refused and (
                    not self.is_lossy):
                name, at, number = text.split(" ")
                last = newest.get((name, at), -1)
                if int(number) < last:
                    self._say(f"{text} came behind {last}")
                newest[name, at] = int(number)
        self.seen = seen

    def _look_for_losses(self):
        for text, event_id in self.load.answered.items():
            channels, when = self.load.sent[text]
            followed = self.follower.channels.intersection(channels)
            if followed and text not in self.seen and not (
                    self.is_lossy and self._is_told(followed, when)):
                self._say(f"{text} ({event_id or 'id not known'}) is missing: "
                          f"{self._around(event_id)}")

    def _around(self, event_id):
        """What the client got before and behind an id."""
        got = self.follower.got
        for at, one in enumerate(got):
            if event_id and not isinstance(one, Gap) and (
                    id_key(one[1]) > id_key(event_id)):
                return got[max(0, at - 4):at + 2]
        return got[-4:]

    def _is_told(self, channels, when):
        """A gap of one of its channels came after it was sent."""
        return any(gap.channel in channels and gap.at >= when
                   for gap in self.gaps)
