# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""What memory no longer has is read from the store, without a seam."""

import random
import select
import time

from lib import bench, proc
from lib.site import id_key, is_rising
from lib.store_tools import PLENTY, Stored, gap_of, kinds

BEFORE = 4000
LIVE = 16000
WHERE = (("a",), ("b",), ("a", "b"))


def _publish(crierd, count, first=0, size=120):
    """At full speed; [(channels, data, id)]."""
    events = []
    with crierd.connect() as queue:
        for start in range(first, first + count, 100):
            part = [(WHERE[n % 3], f"{n} " + "x" * (n * 7 % size))
                    for n in range(start, min(start + 100, first + count))]
            queue.send(b"".join(
                b'{"channel":["%s"],"data":"%s"}\n' % (
                    '","'.join(channels).encode(), data.encode())
                for channels, data in part))
            for channels, data in part:
                answer = queue.reply()
                if answer.get("ok") is not True:
                    raise AssertionError(answer)
                events.append((channels, data, answer["id"]))
    return events


def _read_slowly(stream, last):
    """Some bytes at a time, with pauses: it is always far behind."""
    end = time.monotonic() + 60 * proc.SLOW
    stream.socket.setblocking(True)
    while not any(event.data == last for event in stream.events[-50:]):
        octets = stream.socket.recv(6000)
        if not octets or time.monotonic() > end:
            raise AssertionError(f"ended or late: {stream.raw[-200:]!r}")
        stream._input += octets
        stream._take_records()
        time.sleep(0.0005)


def _follow(crierd, target, since, last, slow):
    """[(data, id)] of what follows since, up to the event that is last."""
    with crierd.get(target, since) as stream:
        if slow:
            _read_slowly(stream, last)
        else:
            stream.wait(lambda: any(event.data == last
                                    for event in stream.events[-50:]),
                        "the last event", 60)
        return [(event.type, event.data, event.id)
                for event in stream.events]


def _expected(events, channels, since):
    after = id_key(since)
    return [("message", data, event_id) for to, data, event_id in events
            if set(to) & channels and id_key(event_id) > after]


def _compare(tap, got, want, name):
    if got == want:
        return tap.ok(True, name)
    at = next((n for n, (a, b) in enumerate(zip(got, want)) if a != b),
              min(len(got), len(want)))
    return tap.ok(False, name, f"{len(got)} events, expected {len(want)}; "
                  f"they differ at {at}:", got[at:at + 3], want[at:at + 3])


def meets_live_delivery(tap, place):
    seed = random.SystemRandom().randrange(1 << 32)
    tap.diag(f"seed {seed}")
    pick = random.Random(seed)
    crierd = Stored(place, [*PLENTY, "history-bytes=64K"]).start()
    events = _publish(crierd, BEFORE)
    live = bench.Thread(_publish, crierd, LIVE, BEFORE)
    followers = []
    for number in range(9):
        target, channels = (("/events/a", {"a"}), ("/events/b", {"b"}), (
            "/events?channel=a&channel=b", {"a", "b"}))[number % 3]
        since = events[pick.randrange(BEFORE - 500)][2]
        followers.append((target, channels, since, number >= 6, bench.Thread(
            _follow, crierd, target, since, "the end", number >= 6)))
        time.sleep(0.05)
    early = live.is_alive()
    events += live.finish(60)
    crierd.publish(["a", "b"], "the end")
    tap.ok(early, "publishing goes on when the last stream is opened")
    tap.ok(is_rising([event_id for _c, _d, event_id in events]), "ids rise")
    for target, channels, since, slow, thread in followers:
        got = thread.finish(90)
        if got:
            got.pop()
        _compare(tap, got, _expected(events, channels, since),
                 f"{target} from {since}{', read slowly' if slow else ''}: "
                 "each event once, in order")
    status = crierd.status()
    tap.ok(status["store"]["reads"] > 2 * len(followers),
           "it was read from the store, in slices", status)


def a_reader_that_falls_behind(tap, place):
    """It began in memory, which then went on without it."""
    crierd = Stored(place, [*PLENTY, "history-bytes=64K"]).start()
    with crierd.get("/events/a") as stalled, \
            crierd.get("/events/a") as other:
        stalled.wait_open()
        other.wait_open()
        ids = crierd.publish_many("a", 8000, 200)
        other.wait(lambda: other.events and other.events[-1].id == ids[-1],
                   "the other one gets all", 30)
        stalled.wait(lambda: stalled.events
                     and stalled.events[-1].id == ids[-1],
                     "so does the one that did not read", 30)
        for stream, name in ((other, "a quick reader"),
                             (stalled, "one that did not read for a while")):
            tap.ok([event.id for event in stream.events] == ids
                   and set(kinds(stream.events)) == {"message"},
                   f"{name} gets each event once, in order, and no gap",
                   len(stream.events))


def others_do_not_wait(tap, place):
    """A long replay that nobody reads does not hold up anybody else."""
    crierd = Stored(place, [*PLENTY, "history-bytes=64K"]).start()
    first = crierd.publish_many("a", 20000, 500)[0]
    lazy = [crierd.get("/events/a", first) for _n in range(10)]
    longest = 0.0
    with crierd.get("/events/b") as stream:
        stream.wait_open()
        for number in range(50):
            begin = time.monotonic()
            crierd.publish("b", str(number))
            stream.wait_events(number + 1)
            longest = max(longest, time.monotonic() - begin)
            for one in lazy[:5]:
                if select.select([one.socket], [], [], 0)[0]:
                    one.pump()
    for one in lazy:
        one.close()
    tap.ok(longest < 0.5 * proc.SLOW, "while ten streams replay, an event is "
           "stored and delivered at once", f"{longest:.3f} s at most")


def budget(tap, place):
    """Forty that do not read share one megabyte; then all of them read."""
    crierd = Stored(place, [*PLENTY, "history-bytes=64K",
                            "replay-bytes=1M"]).start()
    ids = crierd.publish_many("a", 20000, 200)
    streams = [crierd.get("/events/a?since=all") for _n in range(40)]
    most = 0

    def is_quiet():
        nonlocal most
        figures = crierd.status()["replays"]
        most = max(most, figures["bytes"] + figures["pinned_bytes"])
        return (figures["interrupted"] >= 30 and not figures["waiting"]
                and figures["pinned_bytes"] > 0)

    proc.wait_for(is_quiet, "each has had a turn", 30)
    tap.ok(0 < most <= 1 << 20, "they have no more than replay-bytes", most)
    readers = [bench.Thread(stream.wait, lambda one=stream: one.events
                            and one.events[-1].id == ids[-1],
                            "the last event", 120) for stream in streams[:8]]
    for reader in readers:
        reader.finish(150)
    tap.ok(all([event.id for event in stream.events] == ids
               for stream in streams[:8]),
           "whoever reads then gets each event once, in order")
    for stream in streams:
        stream.close()
    proc.wait_for(lambda: crierd.status()["streams"] == 0, "they leave", 30)
    figures = crierd.status()["replays"]
    tap.eq((figures["waiting"], figures["slices"], figures["bytes"],
            figures["pinned_bytes"]), (0, 0, 0, 0), "nothing stays")


def last_from_memory(tap, place):
    """last is no more than what is kept; if memory has that, it is enough."""
    crierd = Stored(place, ["keep=50"]).start()
    crierd.publish_many("a", 80)
    reads = crierd.store()["reads"]
    for target in ("/events/a?last=50", "/events/a?last=4000000000",
                   "/events/a?since=all"):
        tap.eq([text.split(" ")[0] for text in crierd.texts(target, 50)],
               [str(n) for n in range(30, 80)], target)
    tap.eq(crierd.store()["reads"], reads, "nothing was read from the store")
    crierd.publish_many("b", 49)
    tap.eq(len(crierd.texts("/events/b?last=50", 49)), 49, "one less")
    tap.ok(crierd.store()["reads"] > reads, "needs a look at the store")


def _some_history(crierd):
    """On a and b; the ids by the data."""
    ids = {}
    with crierd.connect() as queue:
        for number in range(1, 41):
            channel = (["a"], ["b"], ["a", "b"])[number % 3]
            more = {"id": f"order/{number}"} if number % 10 == 0 else {}
            ids[f"e{number}"] = queue.publish(channel, f"e{number}", **more)
    return ids


def _on(channels):
    sets = ({"a"}, {"b"}, {"a", "b"})
    return [f"e{n}" for n in range(1, 41) if sets[n % 3] & set(channels)]


def after_a_restart(tap, place):
    crierd = Stored(place, PLENTY).start()
    with crierd.get("/events/a") as stream:
        begin = stream.wait_open().parser.last_event_id
    ids = _some_history(crierd)
    ids["begin"] = begin
    for how in (crierd.restart, crierd.crash):
        name = how.__name__
        how()
        _ways_to_begin(tap, crierd, name, ids)
    crierd.publish("a", "new")
    tap.eq(crierd.texts("/events/a?last=3", 3), _on("a")[-2:] + ["new"],
           "last=N: some from the store, some from memory")
    tap.eq(crierd.texts("/events/a?since=all", 27), _on("a") + ["new"],
           "since=all, too")
    with crierd.get("/events/b", "order/40") as stream:
        stream.wait_open()
        crierd.publish("b", "live")
        stream.wait(lambda: stream.events
                    and stream.events[-1].data == "live", "a live event")


def _ways_to_begin(tap, crierd, name, ids):
    both = "/events?channel=a&channel=b"
    tap.eq(crierd.texts("/events/a?since=all", 26), _on("a"),
           f"{name}: since=all")
    tap.eq(crierd.texts(both + "&since=all", 40), _on("ab"),
           f"{name}: since=all of two channels, events of both come once")
    tap.eq(crierd.texts("/events/b?last=5", 5), _on("b")[-5:],
           f"{name}: last=5")
    got = crierd.texts(both + "&last=2", 2)
    want = [e for e in _on("ab") if e in _on("a")[-2:] + _on("b")[-2:]]
    tap.eq(got, want, f"{name}: last=2 counts by channel")
    tap.eq(crierd.texts("/events/a", 0), [], f"{name}: nothing is asked for")
    for data in ("e1", "e17", "e38"):
        want = _on("ab")[_on("ab").index(data) + 1:]
        tap.eq(crierd.texts(both, len(want), ids[data]), want,
               f"{name}: resumed behind {data}")
    want = [e for e in _on("a") if int(e[1:]) > 20]
    tap.eq(crierd.texts("/events/a", len(want), "order/20"), want,
           f"{name}: a publisher's own id")
    got = crierd.history(both, 42, "order/7")
    tap.eq([event.data for event in got if event.type == "message"],
           _on("ab"), f"{name}: an unknown id gets all that is retained")
    tap.eq([gap_of(event)["since"] for event in got if gap_of(event)],
           ["order/7"] * 2, f"{name}: behind a gap of each channel")
    got = crierd.history("/events/a", 27, "99999999999999-0")
    tap.eq(kinds(got)[:2], ["crier.gap", "message"],
           f"{name}: an id that was never given is unknown, too")
    got = crierd.history("/events/a", 26, ids["begin"])
    tap.eq(kinds(got), ["message"] * 26,
           f"{name}: an id from before the first event misses nothing")
    got = crierd.history("/events/a", 27, "1-0")
    tap.eq(kinds(got), ["crier.gap"] + ["message"] * 26,
           f"{name}: one from before the history may have missed some")


def last_in_several_slices(tap, place):
    """last=N of two channels, one of which fills slices by itself."""
    crierd = Stored(place, PLENTY).start()
    want = []
    with crierd.connect() as queue:
        for number in range(12):
            queue.publish("big", f"B{number} " + "x" * 60000)
            if number >= 2:
                want.append(f"B{number}")
            for small in range(20):
                queue.publish("small", f"s{number}.{small}")
    crierd.restart()
    want[-1:] = ["B11"] + [f"s11.{n}" for n in range(10, 20)]
    got = [event.data.split(" ")[0] for event in crierd.history(
        "/events?channel=big&channel=small&last=10", len(want))]
    tap.eq(got, want, "last=10 counts by channel, however much it is")


def expired(tap, place):
    crierd = Stored(place, PLENTY).start()
    crierd.publish("a", "stays")
    crierd.publish("a", "goes", expires=1)
    crierd.publish("a", "stays, too", expires=1000)
    crierd.restart()
    proc.wait_for(lambda: crierd.texts("/events/a?since=all", 2)
                  == ["stays", "stays, too"], "it expires", 10)
    tap.eq(crierd.texts("/events/a?last=2", 2), ["stays", "stays, too"],
           "what has expired is not replayed, nor counted")


def forms(tap, place):
    """What an event was is the same after a restart."""
    crierd = Stored(place, PLENTY).start()
    texts = ["", "\n", "a\nb\r\nc\rd", "é€😀", " lead", "x" * 65536, "\ufeff"]
    with crierd.connect() as queue:
        for text in texts:
            queue.publish("ä/é/😀", text)
        queue.publish("ä/é/😀", {"n": [1, None]}, event="named", id="own id",
                      retry=1234)
    with crierd.get("/events/%C3%A4/%C3%A9/%F0%9F%98%80?since=all") as one:
        one.wait(lambda: b"named" in one.raw and one.raw.endswith(b"\n\n"),
                 "all events")
        before = one.raw
    crierd.restart()
    with crierd.get("/events/%C3%A4/%C3%A9/%F0%9F%98%80?since=all") as two:
        two.wait(lambda: len(two.raw) >= len(before), "as many bytes")
        tap.ok(two.raw == before, "every byte is the same after a restart",
               before[:200], two.raw[:200])
        tap.eq((two.events[-1].type, two.events[-1].id, two.parser.retry),
               ("named", "own id", 1234), "name, own id, retry")


TESTS = (meets_live_delivery, a_reader_that_falls_behind, others_do_not_wait,
         budget, last_from_memory, after_a_restart, last_in_several_slices,
         expired, forms)
