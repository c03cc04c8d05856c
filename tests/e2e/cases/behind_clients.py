# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""Behind each web server: clients that leave or do not read, and many."""

import json
import time

from lib import crowd, proc, servers
from lib.site import Site, data_of, is_rising, named


def a_client_leaves(tap, place, kind):
    """At once where the server tells us, else by the heartbeat.

    Some tell us by failing the second write; a heartbeat is two, so with one
    comment in it this would take twice as many heartbeats.
    """
    beats = servers.KINDS[kind].beats_to_notice
    beat = 2 * proc.SLOW if beats else 25
    limit = (beats + 0.5) * beat if beats else 1.5 * proc.SLOW
    site = Site(place, kind, [f"heartbeat={beat:g}"])
    streams = [site.get("/events/news").wait_open() for _n in range(3)]
    site.crierd.wait_streams(3)
    tap.eq(site.crierd.status()["streams"], 3, "status counts the streams")
    for number, leave in enumerate(("close", "reset")):
        stream = streams.pop()
        if beats:
            stream.wait(lambda: stream.parser.comments, "a heartbeat", 10)
        start = time.monotonic()
        getattr(stream, leave)()
        site.crierd.wait_streams(2 - number, 10 + (beats + 1) * beat)
        took = time.monotonic() - start
        tap.ok(took < limit,
               f"a client that leaves ({leave}) is noticed "
               + (f"within {beats} heartbeats" if beats else "at once"),
               f"{took:.3f} s, limit {limit:g} s")
        tap.ok(streams[0].quiet_for(0.1) and not streams[0].ended,
               "the others stay")
    lines = [line for line in site.crierd.log_text().splitlines()
             if "client" in line and "news" in line]
    tap.ok(len(lines) == 2, "the log has a line for each, with its reason",
           site.crierd.log_text())
    event = site.crierd.publish("news", "still here")
    tap.eq(streams[0].wait_events(1)[0].id, event, "and get their events")
    streams[0].close()


def _batches(site, channel, fast, batches, size):
    """Publish batches; how long each took to reach all fast clients."""
    times = []
    number = len(data_of(fast[0]))
    with site.crierd.connect() as queue:
        for _batch in range(batches):
            texts = [f"{number + n + 1}:".ljust(size, "x")
                     for n in range(100)]
            number += 100
            start = time.monotonic()
            queue.publish_all(channel, texts)
            for stream in fast:
                stream.wait_events(number, 20)
            times.append(time.monotonic() - start)
    return times


def _numbers(stream):
    return [int(text.partition(":")[0]) for text in data_of(stream)]


def _stall(site, channel, fast_count=3):
    """A client that has stopped reading, and some that read."""
    fast = [site.get(f"/events/{channel}").wait_open()
            for _n in range(fast_count)]
    slow = site.get(f"/events/{channel}", rcvbuf=4096).wait_open()
    site.crierd.wait_streams(fast_count + 1)
    return slow, fast


def stalled_then_the_rest(tap, place, kind):
    """What a stalled client missed is still retained: it gets it all."""
    site = Site(place, kind, config='channel "**" { keep-bytes = 64M }\n')
    slow, fast = _stall(site, "bulk")
    times = _batches(site, "bulk", fast, 60, 1500)
    tap.ok(max(times) < 3 * proc.SLOW, "nobody is delayed by a client "
           "that does not read", f"slowest batch {max(times):.3f} s")
    slow.wait_events(6000, 60)
    tap.ok(_numbers(slow) == list(range(1, 6001)),
           "reading again, it gets the rest: each once and in order",
           f"{len(slow.events)} events")
    tap.eq(named(slow, "crier.gap"), [], "without a gap")
    for stream in fast + [slow]:
        stream.close()


def stalled_then_a_gap(tap, place, kind):
    """What it missed has been dropped: a gap says so, then the newest."""
    site = Site(place, kind, config='channel "**" { keep-bytes = 1M }\n')
    slow, fast = _stall(site, "bulk")
    # One that keeps it all is slower with each megabyte.
    batches = 10 if site.web.keeps_everything else 40
    last = 100 * batches
    times = _batches(site, "bulk", fast, batches, 6000)
    tap.ok(max(times) < 3 * proc.SLOW, f"nobody is delayed while {last} "
           "events pass by a client that does not read",
           f"slowest batch {max(times):.3f} s")
    with site.get("/events/other").wait_open() as bystander:
        start = time.monotonic()
        site.crierd.pub("other", "quick")
        bystander.wait_events(1)
        took = time.monotonic() - start
        tap.ok(took < 1 * proc.SLOW, "nor are other channels",
               f"{took:.3f} s")
    slow.wait(lambda: _newest(slow) == last, "the newest event", 60)
    if site.web.keeps_everything:
        tap.ok(_numbers(slow) == list(range(1, last + 1))
               and not named(slow, "crier.gap"),
               "reading again, it gets all: the web server has kept it")
    else:
        _check_gap(tap, slow, last)
    tap.ok(all(_numbers(s) == list(range(1, last + 1)) for s in fast),
           "the others got every event, in order")
    for stream in fast + [slow]:
        stream.close()


def _check_gap(tap, slow, last):
    gaps = named(slow, "crier.gap")
    if not tap.ok(len(gaps) == 1, "reading again, it is told of one gap",
                  gaps):
        return
    numbers = _numbers(slow)
    place_of_gap = slow.events.index(gaps[0])
    before, after = numbers[:place_of_gap], numbers[place_of_gap:]
    tap.ok(before == list(range(1, len(before) + 1))
           and after == list(range(last + 1 - len(after), last + 1))
           and len(before) < after[0] - 1,
           "around it all is in order, nothing doubled",
           f"before {before[:1]}..{before[-1:]}, "
           f"after {after[:1]}..{after[-1:]}")
    tap.eq(json.loads(gaps[0].data)["missed"],
           after[0] - len(before) - 1, "and it says how many are missing")


def _newest(stream):
    numbers = _numbers(stream)
    return numbers[-1] if numbers else 0


def many_streams(tap, place, kind):
    web = servers.KINDS[kind]
    count = web.crowd
    beat = 1 if web.beats_to_notice else 25
    site = Site(place, kind, [f"heartbeat={beat}"])
    targets = ["/events?channel=news&channel=all" if n % 2
               else "/events/news" for n in range(count)]
    with crowd.Crowd(site.port, targets) as many:
        many.open()
        tap.eq([s.status for s in many.all() if s.status != 200], [],
               f"{count} streams are answered 200")
        site.crierd.wait_streams(count)
        tap.ok(True, f"status shows {count} streams")
        with site.crierd.connect() as queue:
            ids = [queue.publish("news", f"event {n}") for n in range(20)]
        many.wait_events(20)
        wrong = [s for s in many.all() if [e.id for e in s.events] != ids]
        tap.ok(not wrong and is_rising(ids),
               f"all {count} get 20 events, in order",
               f"{len(wrong)} do not, e.g. "
               f"{[e.id for e in wrong[0].events] if wrong else ''}")
        many.leave()
    site.crierd.wait_streams(0, 30)
    tap.ok(True, "all leave, and status shows 0 streams")
    lines = site.crierd.log_text().splitlines()
    tap.ok(len([x for x in lines if "client" in x]) >= count,
           "the log has a line for each",
           f"{len(lines)} lines in the log")


TESTS = (a_client_leaves, stalled_then_the_rest, stalled_then_a_gap,
         many_streams)
