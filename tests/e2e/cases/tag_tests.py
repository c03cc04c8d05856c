# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""Streams that say which channel an event is from, through each door, from
memory and from each store."""

import json

from lib import fronts
from lib.store_tools import PLENTY, Stored

WHERE = (("a",), ("b",), ("b", "a"), ("a",), ("c", "b"), ("a", "b", "c"))
FOLLOWED = "/events?channel=a&channel=b&channel=c"


def _read(stream):
    """[(channel, data)] as a page's own reader has it, a line at a time."""
    channel, data, found = None, None, []
    for line in stream.raw.decode().split("\n"):
        if line.startswith(": channel "):
            channel = line.removeprefix(": channel ")
        elif line.startswith("data: "):
            data = line.removeprefix("data: ")
        elif line == "" and data is not None:
            found.append((channel, data))
            data = None
    return found


def _tags(stream):
    return [line for line in stream.raw.decode().split("\n")
            if line.startswith(": channel")]


def _publish(crierd, first, count):
    """Over several channels in turn: [(channel, data)] and the ids."""
    want, ids = [], []
    with crierd.connect() as queue:
        for n in range(first, first + count):
            channels = WHERE[n % len(WHERE)]
            ids.append(queue.publish(list(channels), f"e{n}"))
            want.append((min(channels), f"e{n}"))
    return want, ids


def _changes(pairs):
    return [f": channel {channel}" for n, (channel, _data) in enumerate(pairs)
            if n == 0 or pairs[n - 1][0] != channel]


def through(tap, place, kind):
    front = kind(place)
    crierd = front.crierd
    stream = front.open(FOLLOWED + "&tag=channel")
    plain = front.open(FOLLOWED)
    posted = front.open("/events", "POST", kind="json",
                        body={"channel": ["a", "b", "c"], "tag": "channel"})
    for each in (stream, plain, posted):
        each.wait_open()
    want, ids = _publish(crierd, 0, 60)
    for each in (stream, plain, posted):
        each.wait_events(60)
    for each, what in ((stream, "the query"), (posted, "JSON")):
        tap.eq(_read(each), want, f"as {what} asked, each is of its channel")
        tap.eq(_tags(each), _changes(want), "which is told where it changes")
    tap.eq(_tags(plain), [], "and nobody is told who has not asked")
    tap.eq([event[:3] for event in stream.events],
           [event[:3] for event in plain.events],
           "to an EventSource there is no difference")
    other = front.open("/events/a?tag=channel", HTTP_LAST_EVENT_ID=ids[9])
    other.wait_events(len([n for n in range(10, 60)
                           if "a" in WHERE[n % len(WHERE)]]))
    tap.eq(_tags(other), [": channel a"],
           "who follows one, and resumes, is told of it once")
    again = front.open(FOLLOWED + "&tag=channel", HTTP_LAST_EVENT_ID=ids[30])
    again.wait_events(29)
    tap.eq(_read(again), want[31:], "each connection begins anew")
    polled = front.fetch(FOLLOWED + "&tag=channel&poll=0&since=" + ids[50])
    tap.eq(_read(polled), want[51:], "the answer to a poll")
    crierd.crier("close", "a")
    stream.wait_end()
    tap.eq(_tags(stream), _changes(want), "its end has no tag")
    answer = front.fetch("/events/a?tag=id")
    tap.eq((answer.status, b"tag is not channel" in answer.raw), (400, True),
           "another tag is refused")
    head = front.fetch("/events/a?tag=channel", "HEAD")
    tap.eq((head.status, head.raw), (200, b""), "HEAD")
    answer = front.fetch(FOLLOWED + "&tag=channel&format=json&last=1")
    tap.eq([event["channel"] for event in json.loads(answer.raw)["events"]][-1],
           "a", "a history as JSON names it anyhow")


def a_tag_of_the_sites_own(tap, place):
    front = fronts.Front(place, """
route "GET /tagged" { subscribe = "tag/{query.tag}" }
""")
    front.crierd.publish("tag/red", "x")
    answer = front.fetch("/tagged?tag=red&poll=0&since=all")
    tap.eq((_tags(answer), answer.events[0].data), ([], "x"),
           "a parameter that names a channel is no tag")


def from_the_store(tap, place):
    """What was before a restart, what falls off meanwhile, and what comes."""
    crierd = Stored(place, PLENTY).start()
    want, ids = _publish(crierd, 0, 900)
    crierd.kill()
    crierd.start()
    for since in (0, 1, 450):
        with crierd.get(FOLLOWED + "&tag=channel", ids[since]) as stream:
            stream.wait_events(899 - since, 30)
            tap.eq(_read(stream), want[since + 1:], f"behind event {since}")
            tap.eq(_tags(stream), _changes(want[since + 1:]),
                   "told where it changes")
    stream = crierd.get(FOLLOWED + "&tag=channel&since=all")
    more, _ids = _publish(crierd, 900, 300)
    stream.wait_events(1200, 30)
    tap.eq(_read(stream), want + more, "into what memory has, without a seam")
    last = crierd.get(FOLLOWED + "&tag=channel&last=2")
    late = crierd.get("/events?channel=c&channel=a&tag=channel&since=all")
    plain = crierd.get("/events?channel=c&channel=a&since=all")
    for each in (last, late, plain):
        each.wait_open()
    wanted = [("c" if "c" in WHERE[n % len(WHERE)] else "a", f"e{n}")
              for n in range(1200) if WHERE[n % len(WHERE)] != ("b",)]
    late.wait_events(len(wanted), 30)
    plain.wait_events(len(wanted), 30)
    tap.eq(_read(late), wanted,
           "an event in several is of the one that was named first")
    tap.eq([event[:3] for event in plain.events],
           [event[:3] for event in late.events], "the events are the same")
    last.wait_events(3, 30)
    tap.eq(_read(last), (want + more)[-3:], "the last of each")


def a_slow_reader(tap, place):
    """Sockets that are full all the time: some bytes, and again."""
    crierd = Stored(place, ("keep=50", "threads=2")).start()
    streams = [crierd.get(FOLLOWED + "&tag=channel") for _n in range(3)]
    for stream in streams:
        stream.wait_open()
    want, text = [], "x" * 3000
    with crierd.connect() as queue:
        for n in range(600):
            channels = WHERE[n % len(WHERE)]
            queue.publish(list(channels), f"{n} {text}")
            want.append((min(channels), f"{n} {text}"))
    came_by = dict((data, channel) for channel, data in want)
    for stream in streams:
        stream.wait(lambda stream=stream: stream.events and
                    stream.events[-1].data == want[-1][1], "the last", 60)
        read = [pair for pair in _read(stream) if pair[1] in came_by]
        tap.ok(0 < _gaps(stream) == len(stream.events) - len(read),
               "it was behind, and read all that it got", str(len(read)))
        # What fell off one channel may have come by another.
        tap.eq([data for channel, data in read
                if channel not in WHERE[int(data.split()[0]) % len(WHERE)]],
               [], "each is of a channel that has it")


def _gaps(stream):
    return sum(event.type == "crier.gap" for event in stream.events)


TESTS = [*fronts.by_each(through), a_tag_of_the_sites_own, from_the_store,
         a_slow_reader]
OVER_REDIS = [from_the_store]
