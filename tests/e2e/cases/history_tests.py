# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""Histories and resuming, as a client behind nginx sees them."""

import json
import re
import time

from lib import proc
from lib.site import Site, data_of, is_rising, named

NGINX = "nginx"


def _texts(first, last):
    return [f"e{n}" for n in range(first, last + 1)]


def _after(site, target, count, **more):
    """The data of a stream's first events, and no more come."""
    with site.get(target, **more) as stream:
        stream.wait_open()
        stream.wait_events(count)
        stream.quiet_for(0.05)
        return data_of(stream)


def ways_to_resume(tap, place):
    site = Site(place, NGINX)
    with site.crierd.connect() as queue:
        ids = queue.publish_all("a", _texts(1, 10))
    base = "/events?channel=a"
    tap.eq(_after(site, base, 3, last_event_id=ids[6]), _texts(8, 10),
           "the Last-Event-ID header")
    for name in ("lastEventId", "last-event-id", "Last-Event-ID"):
        tap.eq(_after(site, f"{base}&{name}={ids[7]}", 2), _texts(9, 10),
               f"?{name}=")
    tap.eq(_after(site, f"{base}&lastEventId={ids[0]}", 1,
                  last_event_id=ids[8]), ["e10"],
           "the header and an older one in the query")
    tap.eq(_after(site, f"{base}&lastEventId={ids[8]}", 1,
                  last_event_id=ids[0]), ["e10"],
           "the header and a newer one in the query")
    tap.eq(_after(site, f"{base}&lastEventId={ids[5]}&lastEventId={ids[8]}",
                  1), ["e10"],
           "the page's own and a polyfill's behind it")
    tap.eq(_after(site, base, 0, last_event_id=ids[9]), [],
           "the last id: nothing is missing")
    tap.eq(_after(site, base, 0), [], "no id: from now on")
    tap.eq(_after(site, base + "&since=all", 10), _texts(1, 10), "since=all")
    for count in (0, 1, 3, 10, 11):
        want = _texts(max(1, 11 - count), 10)
        tap.eq(_after(site, f"{base}&last={count}", len(want)), want,
               f"last={count}")
    tap.eq(_after(site, base + "&since=all", 2, last_event_id=ids[7]),
           _texts(9, 10), "a reconnect goes on, it does not begin again")
    tap.eq(_after(site, base + "&last=5", 1, last_event_id=ids[8]), ["e10"],
           "nor with last=N")
    with site.get(base, last_event_id=ids[8]) as stream:
        stream.wait_events(1)
        site.crierd.publish("a", "live")
        stream.wait_events(2)
        tap.eq(data_of(stream), ["e10", "live"], "then it is live")
        tap.eq(stream.parser.primings[0][0], ids[8],
               "its first id is the one it resumes from")


def an_empty_channel(tap, place):
    site = Site(place, NGINX)
    with site.get("/events/a") as stream:
        first = stream.wait_open().parser.last_event_id
    site.crierd.publish("a", "while nobody looked")
    tap.eq(_after(site, "/events/a", 1, last_event_id=first),
           ["while nobody looked"], "the first id of a stream of an empty "
           "channel resumes exactly")
    with site.get("/events/b", last_event_id=first) as stream:
        stream.wait_open().quiet_for(0.05)
        tap.eq(stream.events, [], "also on another empty channel, no gap")


def own_ids(tap, place):
    site = Site(place, NGINX)
    with site.crierd.connect() as queue:
        for number in range(1, 6):
            queue.publish("a", f"e{number}", id=f"order/{number}")
        queue.publish("a", "plain")
        queue.publish("b", "of b", id="order/9")
    with site.get("/events/a?last=2") as stream:
        stream.wait_events(2)
        tap.eq([e.id for e in stream.events][:1], ["order/5"],
               "a publisher's own id is what the client sees")
    tap.eq(_after(site, "/events/a", 3, last_event_id="order/3"),
           ["e4", "e5", "plain"], "and what it resumes from")
    tap.eq(_after(site, "/events/a?lastEventId=order%2F4", 2),
           ["e5", "plain"], "also in the query")
    with site.get("/events/a", last_event_id="order/77") as stream:
        stream.wait_events(1 + 6)
        tap.eq([e.type for e in stream.events][0], "crier.gap",
               "one that never was is a gap")
        tap.eq(data_of(stream), _texts(1, 5) + ["plain"],
               "and then everything that is retained")
    tap.eq(_after(site, "/events?channel=a&channel=b", 1,
                  last_event_id="order/5")[0], "plain",
           "an own id resumes a stream of two channels")


def gaps(tap, place):
    site = Site(place, NGINX, config='channel "few" { keep = 5 }\n'
                'channel "small" { keep-bytes = 1K }\n')
    with site.crierd.connect() as queue:
        ids = queue.publish_all("few", _texts(1, 20))
        small = queue.publish_all("small", ["x" * 100 for _n in range(50)])
    tap.eq(_after(site, "/events/few?since=all", 5), _texts(16, 20),
           "keep: so many events are retained")
    with site.get("/events/few", last_event_id=ids[3]) as stream:
        stream.wait_events(6)
        kinds = [e.type for e in stream.events]
        tap.eq(kinds, ["crier.gap"] + ["message"] * 5,
               "an id that is no longer retained: a gap first")
        tap.eq(data_of(stream), _texts(16, 20), "then what is retained")
        gap = stream.events[0]
        tap.eq(json.loads(gap.data), {"channel": "few", "since": ids[3],
                                      "oldest": ids[15]}, "it says so in JSON")
        tap.ok(b"event: crier.gap\ndata: {" in stream.raw
               and gap.id == stream.parser.primings[0][0],
               "and has no id of its own", stream.raw)
    tap.eq(_after(site, "/events/few", 5, last_event_id=ids[14]),
           _texts(16, 20), "the id before the first retained one: no gap")
    with site.get("/events/few", last_event_id="1-0") as stream:
        stream.wait_events(6)
        tap.eq(stream.events[0].type, "crier.gap", "an ancient id: a gap")
    with site.get("/events/few", last_event_id="no id of ours: é") as stream:
        stream.wait_events(6)
        tap.eq([e.type for e in stream.events][:2], ["crier.gap", "message"],
               "an id that never was: a gap, then all")
    with site.get("/events/small", last_event_id=small[0]) as stream:
        stream.wait_events(2)
        stream.quiet_for(0.05)
        tap.ok(named(stream, "crier.gap")
               and 3 < len(data_of(stream)) < 11
               and stream.events[-1].id == small[-1],
               "keep-bytes: a kilobyte is retained, the newest",
               len(stream.events))
    with site.get("/events/few") as stream:
        stream.wait_open()
        tap.eq(stream.events, [], "without an id there is no gap to tell")


def events_expire(tap, place):
    site = Site(place, NGINX, config='channel "short" '
                '{ keep-seconds = 1 }\n')
    with site.crierd.connect() as queue:
        queue.publish("a", "stays 1")
        first = queue.publish("a", "goes", expires=1)
        queue.publish("a", "stays 2")
        old = queue.publish("short", "old")
    tap.eq(_after(site, "/events/a?since=all", 3),
           ["stays 1", "goes", "stays 2"], "before they expire")
    proc.wait_for(lambda: _after(site, "/events/a?since=all", 2)
                  == ["stays 1", "stays 2"], "the event expires", 10)
    tap.ok(True, "an event that expires is gone, the others stay")
    tap.eq(_after(site, "/events/a", 1, last_event_id=first), ["stays 2"],
           "and its id still resumes")
    proc.wait_for(lambda: _after(site, "/events/short?last=9", 0) == [],
                  "keep-seconds is over", 10)
    site.crierd.publish("short", "new")
    tap.eq(_after(site, "/events/short", 1, last_event_id=old), ["new"],
           "keep-seconds: what is older is gone, and nothing was missed")


def several_channels(tap, place):
    site = Site(place, NGINX)
    with site.crierd.connect() as queue:
        ids = []
        for number in range(1, 61):
            channels = (["a"], ["b"], ["c"], ["a", "b"], ["b", "c"],
                        ["a", "b", "c"])[number % 6]
            ids.append(queue.publish(channels, f"e{number}"))
    target = "/events?channel=a&channel=b&channel=c"
    tap.ok(is_rising(ids), "ids rise across channels")
    with site.get(target + "&since=all") as stream:
        stream.wait_events(60)
        stream.quiet_for(0.05)
        tap.eq([(e.data, e.id) for e in stream.events],
               list(zip(_texts(1, 60), ids)), "several channels are merged "
               "in the order of ids, no event comes twice")
    for at in (0, 17, 33, 58):
        got = _after(site, target, 59 - at, last_event_id=ids[at])
        tap.eq(got, _texts(at + 2, 60), f"resumed at event {at + 1}")
    with site.get(target + "&last=2") as stream:
        stream.wait_events(3)
        stream.quiet_for(0.05)
        want = [n for n in range(1, 61)
                if any(n in _of(channel)[-2:] for channel in range(3))]
        tap.eq(data_of(stream), [f"e{n}" for n in want],
               "last=2: two of each channel, each event once")
    with site.get(target) as stream:
        stream.wait_open()
        with site.crierd.connect() as queue:
            queue.publish(["a", "b"], "both")
            queue.publish(["c", "a", "b"], "all")
            queue.publish("b", "b")
        stream.wait_events(3)
        stream.quiet_for(0.05)
        tap.eq(data_of(stream), ["both", "all", "b"], "and live, too")
    with site.get("/events?channel=a&channel=a&channel=a") as stream:
        stream.wait_open()
        site.crierd.publish("a", "once")
        stream.wait_events(1)
        stream.quiet_for(0.05)
        tap.eq(data_of(stream), ["once"], "a channel that is named thrice")


def _of(channel):
    """The numbers of several_channels' events that are on channel 0..2."""
    on = ((0,), (1,), (2,), (0, 1), (1, 2), (0, 1, 2))
    return [n for n in range(1, 61) if channel in on[n % 6]]


def max_time_ends(tap, place):
    site = Site(place, NGINX, config='channel "short" { max-time = 1 }\n'
                'channel "slow" { retry = 9000 }\n')
    site.crierd.publish("short", "first")
    begin = time.monotonic()
    with site.get("/events/short?since=all") as stream, \
            site.get("/events/long") as other:
        other.wait_open()
        stream.wait_events(1)
        last = stream.events[0].id
        stream.wait_end()
        took = time.monotonic() - begin
        end = named(stream, "crier.end")
        tap.ok(stream.clean and 0.8 < took < 3 * proc.SLOW,
               "max-time = 1: a clean end after a second, or a little "
               "before", f"{took:.3f} s")
        tap.eq([json.loads(e.data)["reason"] for e in end], ["timeout"],
               "crier.end says why")
        tap.ok(other.quiet_for(0.05) and not other.ended,
               "other channels' streams go on")
    site.crierd.publish("short", "second")
    with site.get("/events/short",
                  last_event_id=stream.parser.last_event_id) as again:
        again.wait_events(1)
        tap.eq((data_of(again), stream.parser.last_event_id),
               (["second"], last), "the client resumes")
    with site.get("/events/slow") as stream:
        tap.eq(stream.wait_open().parser.retry, 9000,
               "retry of a channel's section")


def heartbeats(tap, place):
    site = Site(place, NGINX, ["heartbeat=1"],
                config='channel "calm" { heartbeat = 60 }\n')
    with site.get("/events/a") as stream, \
            site.get("/events/calm") as calm:
        calm.wait_open()
        stream.wait(lambda: len(stream.parser.comments) >= 8,
                    "four heartbeats")
        times = [at for _text, at in stream.parser.comments]
        # Medians: one late moment of a busy machine is no matter.
        apart = sorted(times[n + 1] - times[n] for n in (0, 2, 4, 6))[1]
        tap.ok(0.03 < apart < 0.35 * proc.SLOW,
               "a heartbeat is two comments, 100 ms apart", times)
        period = sorted(times[n + 2] - times[n] for n in (0, 2, 4))[1]
        tap.ok(0.7 < period < 1.6 * proc.SLOW, "once a second", times)
        tap.ok(re.search(r"\n\n:\n.*:\n", stream.raw.decode(), re.S)
               and not stream.events, "comments, not events", stream.raw)
        calm.quiet_for(0.05)
        tap.eq(calm.parser.comments, [], "not on a calmer channel")
        # An event counts as a sign of life.
        begin = time.monotonic()
        while time.monotonic() < begin + 2.5:
            site.crierd.publish("a", "busy")
            stream.quiet_for(0.2)
        late = [at for _text, at in stream.parser.comments
                if at > begin + 0.3]
        tap.eq(late, [], "a busy stream needs none")


TESTS = (ways_to_resume, an_empty_channel, own_ids, gaps, events_expire,
         several_channels, max_time_ends, heartbeats)
