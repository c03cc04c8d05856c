# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""Behind each web server: nothing lost, doubled or out of order while
clients are cut at random and servers are restarted."""

import collections
import os
import random
import select
import time

from lib import bench, proc, web
from lib.reconnect import Reconnector, wait_all
from lib.site import Site, id_key

EVENTS = 1000
CLIENTS = 6
BURST = 10


def _text(number):
    # Of very different lengths, so that cuts fall everywhere.
    return f"{number}:" + "x" * (number * 37 % 400)


def _publish(site, clients, first, count):
    """Publish in bursts, never far ahead of the fastest client.

    So clients are cut amid live delivery and not only in their histories.
    """
    ids = []
    with site.crierd.connect() as queue:
        for start in range(first, first + count, BURST):
            numbers = range(start, min(start + BURST, first + count))
            ids += queue.publish_all("news", map(_text, numbers))
            enough = start - 5 * BURST
            proc.wait_for(
                lambda: any(c.failed or len(c.data()) >= enough
                            for c in clients),
                f"a client has {enough} events", 30)
    return ids


def _check(tap, clients, want, ids, what):
    bad = []
    for client in clients:
        got = [(e.data, e.id) for e in client.named("message")]
        if got != list(zip(want, ids)):
            bad.append(client.describe() + "\n" + _difference(
                [data for data, _id in got], want))
    tap.ok(not bad, what, *bad)


def _difference(got, want):
    numbers = [text.partition(":")[0] for text in got]
    lost = [text.partition(":")[0] for text in want if text not in got]
    doubled = sorted({n for n in numbers if numbers.count(n) > 1})
    return f"lost {lost[:20]}, doubled {doubled[:20]}, of {len(got)}"


def nothing_is_lost(tap, place, kind):
    seed = int(os.environ.get("CRIER_TEST_SEED")
               or random.SystemRandom().randrange(1 << 30))
    failures = tap.failures
    site = Site(place, kind)
    clients = [place.own(Reconnector(
        site.port, "/events/news", seed=seed + n, cut_after=(1, 9000),
        longest_wait=0.05, forgive=site.web.races)) for n in range(CLIENTS)]
    wait_all(clients, lambda c: c.last_event_id, "a first id")
    _with_cuts(tap, site, clients)
    if not any(client.failed for client in clients):
        _crierd_restarted(tap, site, clients)
    for client in clients:
        client.stop()
    tap.eq([c.failed for c in clients if c.failed], [],
           "no client was ever told to stay away")
    if tap.failures > failures:
        tap.diag(f"the seed was CRIER_TEST_SEED={seed}")
        for client in clients:
            tap.diag(client.describe())


def _with_cuts(tap, site, clients):
    publisher = bench.Thread(_publish, site, clients, 1, EVENTS)
    wait_all(clients, lambda c: len(c.data()) >= EVENTS // 2,
             "half of the events")
    if not site.web.ends_crierd:
        site.web.restart()
    ids = publisher.finish(60)
    wait_all(clients, lambda c: len(c.data()) >= EVENTS, "all events")
    _check(tap, clients, [_text(n) for n in range(1, EVENTS + 1)], ids,
           f"{EVENTS} events, cut clients, "
           + ("" if site.web.ends_crierd else "web server restarted, ")
           + "each once and in order")
    tap.ok(all(c.cuts >= 5 for c in clients), "every client was cut often",
           *[c.describe() for c in clients])
    tap.eq([e.data for c in clients for e in c.named("crier.gap")], [],
           "and nobody was told of a gap")
    keys = [id_key(event_id) for event_id in ids]
    tap.ok(keys == sorted(set(keys)), "ids rise")


def _crierd_restarted(tap, site, clients):
    # The history was in its memory: what it had is gone, and is told so.
    before = [len(client.events) for client in clients]
    site.crierd.stop()
    site.crierd.start()
    ids = _publish(site, clients, EVENTS + 1, 100)
    want = [_text(n) for n in range(EVENTS + 1, EVENTS + 101)]
    wait_all(clients, lambda c: len(c.data()) >= EVENTS + 100,
             "the events after crierd's restart")
    bad = []
    for client, start in zip(clients, before):
        later = client.events[start:]
        got = [(e.data, e.id) for e in later if e.type == "message"]
        names = [e.type for e in later if e.type != "crier.end"]
        if (got != list(zip(want, ids)) or names[0] != "crier.gap"):
            bad.append(client.describe() + f" {names[:3]} " + _difference(
                [data for data, _id in got], want))
    tap.ok(not bad, "crierd restarted: a gap is told, then each event "
           "published since, once and in order", *bad)


class Hammer:
    """Opens streams without pause; counts what an EventSource would die of."""

    def __init__(self, port):
        self.port = port
        self.answers = collections.Counter()
        self.stopped = False
        self.thread = bench.Thread(self._run)

    def _run(self):
        while not self.stopped:
            with web.Exchange(self.port, "/events/a",
                              headers=web.ACCEPT) as stream:
                while stream.body is None and not stream.ended:
                    select.select([stream], [], [], 1)
                    stream.pump()
            kind = stream.headers.get("content-type", "").partition(";")[0]
            self.answers[stream.status, kind] += 1
            time.sleep(0.002)  # for the other processes of a small machine

    def destroy(self):
        self.stopped = True
        self.thread.finish()


def _open_stalled(site):
    stream = site.get("/events/bulk", rcvbuf=4096)
    while not (stream.ended or stream.parser.primings):
        select.select([stream], [], [], 1)
        stream.pump()
    return None if stream.ended else stream


def restarts_are_no_errors(tap, place, kind):
    """Any status but 200 ends an EventSource for good.

    So there must be none at any moment of crierd's end and start, also not
    while it waits for a client that does not read.
    """
    site = Site(place, kind, ["drain-time=1"])
    hammers = [place.own(Hammer(site.port)) for _n in range(2)]
    for _restart in range(5):
        site.crierd.stop()
        site.crierd.start()
    stalled = proc.wait_for(lambda: _open_stalled(site), "a stream", 10)
    with site.crierd.connect() as queue:
        # More than all buffers on the way can hold.
        queue.publish_all("bulk", ["x" * 30000] * 600)
    site.crierd.stop()
    site.crierd.start()
    stalled.close()
    for hammer in hammers:
        hammer.destroy()
    answers = sum((h.answers for h in hammers), collections.Counter())
    good = answers.pop((200, "text/event-stream"), 0)
    bad = sum(answers.values())
    tap.ok(good > 20 and bad <= 6 * site.web.races, "six restarts of crierd: "
           "every answer is 200, an event stream",
           f"{good} good, {dict(answers)}")


TESTS = (nothing_is_lost, restarts_are_no_errors)
