# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""The scripts that nodes run in a Redis, each run on one of our own."""

import os
import struct

from lib import bench
from lib.redis import on_redis as on_server

SCRIPTS = os.path.join(bench.SRCDIR, "src", "store", "redis")
STATE, LOG, NODES = "{t}:state", "{t}:log", "{t}:nodes"
STOPS, CLAIMS = "{t}:stops", "{t}:claims"
GONE = 15000
RULE = "100 1000000 3600000 "
MARGIN = 10000


class Scripts:
    """A redis-server's scripts, by one connection."""

    def __init__(self, server):
        self.connection = server.connect()
        self.ask = self.connection.ask
        self.run = "r1"
        self.answer = None
        self.floor = self.aged = None

    def script(self, name, keys, *arguments):
        with open(os.path.join(SCRIPTS, name + ".lua"), "rb") as file:
            text = file.read()
        return self.ask("EVAL", text, len(keys), *keys, *arguments)

    def hello(self, ms=0, n=0, header=b"", node="a", evicted=0,
              ages=1):
        floor, last, lost, away, cuts, aged = self.script(
            "hello", (STATE, LOG, NODES), self.run, ms, n, header, node,
            MARGIN, evicted, ages)
        self.floor, self.aged = floor, as_id(aged)
        return as_id(floor), as_id(last), lost, away, cuts.decode()

    def publish(self, seq, blob, count, keys=(), node="a", seen=(0, 0),
                rules=RULE, buckets=("{t}:k:2", "{t}:k:1")):
        return self.script(
            "publish", (STATE, LOG, "{t}:b:" + node, STOPS),
            self.run, seq, *seen,
            count, "", 3600000, "{t}:c:", f"{node} {seq}", blob, *buckets,
            86400000, rules, *keys)

    def read(self, channel, after=(0, 0), most=1 << 18, upto=(1 << 50, 0),
             last=""):
        """The headers and runs; what is said before them is in `answer`."""
        self.answer = self.script("read", ("{t}:c:" + channel, STATE), *after,
                                  *upto, most, last, self.run, self.floor)
        return None if self.answer is None else self.answer[4:]

    def own(self, channel, own):
        return self.script("own", ("{t}:c:" + channel,), own)


def as_id(text):
    return tuple(int(part) for part in text.split(b"-"))


def run_of(*events):
    return b"".join(struct.pack(">IQHI", offset, 0, 0, len(text)) + text
                    for offset, text in events)


def blob_of(*channels, rule=1):
    """channels: a name and its events, (offset, text) each."""
    parts = []
    for name, events in channels:
        run = run_of(*events)
        parts.append(struct.pack(">HHIII", rule, len(name), len(run),
                                 len(events), events[-1][0]) + name + run)
    return b"".join(parts)


def on_redis(function):
    def test(tap, _place, server):
        function(tap, Scripts(server))

    test.__name__ = function.__name__
    return on_server()(test)


@on_redis
def a_batch(tap, redis):
    """On the log, in its channels, with ids that only grow."""
    floor, last, lost, away, cuts = redis.hello()
    tap.eq((floor, lost, away, cuts), (last, 0, 0, ""), "a first hello")
    blob = blob_of((b"x", [(0, b"one"), (1, b"two")]), (b"y", [(1, b"two")]))
    word, ms, n, count = redis.publish(1, blob, 2, seen=last)
    first = int(ms), int(n)
    tap.eq((word, count), (b"OK", b"2"), "is taken")
    tap.ok(first > last, "its ids are greater than the last")
    (entry,) = redis.ask("XRANGE", LOG, f"{first[0]}-{first[1] + 1}", "+")
    tap.eq(entry[1][3], blob, "the log has its bytes")
    tap.eq(struct.unpack(">QIIQI", entry[1][1][:28]),
           (*first, 2, *last), "and its header, with the one before")
    tap.eq(entry[1][1][28:], b"a 1", "and whose it is")
    header, run = redis.read("x")
    tap.eq(run, run_of((0, b"one"), (1, b"two")), "a channel has its run")
    tap.eq(struct.unpack(">QIIQQ", header[:32]),
           (first[0], first[1] + 1, first[1], 2, len(run)), "and a header")
    tap.eq(redis.read("y")[1], run_of((1, b"two")), "another has its own")
    tap.eq(redis.read("x", (first[0], first[1] + 1)), [], "nothing is behind")
    tap.eq(redis.read("z"), None, "no channel, no list")
    tap.eq(redis.publish(1, blob, 2), [b"KNOWN", ms, n, b"2"],
           "the same again is known")
    redis.publish(2, blob, 2)
    tap.eq(redis.publish(1, blob, 2), [b"OLD"], "a late copy is refused")
    tap.eq(redis.publish(3, blob, 2, seen=(first[0] + 10 ** 6, 0)), [b"LOST"],
           "whoever has read more is told")
    tap.eq(redis.ask("XLEN", LOG), 3, "these are not on the log")
    redis.run = "r2"
    tap.eq(redis.publish(4, blob, 2), [b"RUN"], "another server: hello first")


@on_redis
def keys(tap, redis):
    """All or nothing; both buckets are asked."""
    redis.hello()
    blob = blob_of((b"x", [(0, b"a"), (1, b"b")]))
    _, ms, n, _ = redis.publish(1, blob, 2, (0, "", "k0", 1, "own", "k1"))
    tap.eq(redis.publish(2, blob, 2, (0, "", "new", 1, "", "k1")),
           [b"DUP", b"1", b"own"], "a known key, and whose")
    tap.eq(redis.ask("XLEN", LOG), 2, "nothing of the batch is stored")
    tap.eq(redis.ask("HEXISTS", "{t}:k:2", "new"), 0, "nor its other key")
    later = ("{t}:k:3", "{t}:k:2")
    tap.eq(redis.publish(2, blob, 2, (0, "", "k0"), buckets=later),
           [b"DUP", b"0", ms + b"-" + n], "in the bucket before")
    many = [word for i in range(9000) for word in (i, "", f"m{i}")]
    tap.eq(redis.publish(2, blob, 9000, many)[0], b"OK", "9000 keys")
    tap.eq(len(redis.publish(3, blob, 9000, many)), 1 + 2 * 9000,
           "are all known")


@on_redis
def retention(tap, redis):
    """By events and bytes; each header names the one before."""
    redis.hello()
    for seq in range(1, 301):
        redis.publish(seq, blob_of((b"x", [(0, b"e%d" % seq)])), 1)
    answer = redis.read("x")
    runs = len(answer) // 2
    tap.ok(100 <= runs <= 113, f"keep 100: {runs} events are there")
    headers = [struct.unpack(">QIIQQQI", part) for part in answer[::2]]
    tap.ok(all(a[:2] == b[5:] for a, b in zip(headers, headers[1:])),
           "a chain without a hole")
    for at in (0, 1, runs // 2, runs - 2):
        tap.eq(redis.read("x", headers[at][:2]), answer[2 * at + 2:],
               f"what is behind run {at}")
    tap.eq(len(redis.read("x", most=1)), 2, "one run, however small the room")
    for seq in range(301, 400):
        redis.publish(seq, blob_of((b"y", [(0, b"x" * 1000)])), 1,
                      rules="1000 10000 0 ")
    runs = len(redis.read("y")) // 2
    tap.ok(9 <= runs <= 12, f"keep-bytes 10000: {runs} events of 1000 bytes")
    tap.eq(redis.ask("PTTL", "{t}:c:y"), -1, "without an age it stays")
    tap.ok(redis.ask("PTTL", "{t}:c:x") > 3600000, "with one it goes after it")
    for seq, (seconds, least, most) in enumerate(
            ((100, 160, 173), (1000, 1060, 1186), (1000, 1060, 1186),
             (0, -1, -1), (100, 160, 173)), 500):
        redis.publish(seq, blob_of((b"w", [(0, b"a")])), 1,
                      rules=f"10 1000 {seconds * 1000} ")
        life = redis.ask("TTL", "{t}:c:w")
        tap.ok(least <= life <= most,
               f"keep-seconds {seconds}: {life}")
    redis.publish(600, blob_of((b"z", [(0, b"a")]), rule=0), 1)
    tap.eq(redis.read("z"), None, "what is fleeting is in no channel")


@on_redis
def what_a_reader_knows(tap, redis):
    """Is what the server has, or it reads nothing."""
    first = redis.hello()[1]
    redis.publish(1, blob_of((b"x", [(0, b"a")])), 1)
    lost = redis.hello(first[0] + 10 ** 6, 0)
    known = redis.run, redis.floor
    tap.ok(lost[0] > first and len(redis.read("x")) == 2, "it is")
    for run, floor, name in (("r2", known[1], "another server's"),
                             (known[0], b"1-0", "an older floor"),
                             (known[0], known[1] + b"0", "a newer one")):
        redis.run, redis.floor = run, floor
        for channel in ("x", "none"):
            redis.read(channel)
            tap.eq(redis.answer, [b"CHANGED"], f"{name}, {channel}")
    redis.run, redis.floor = known
    redis.ask("FLUSHALL")
    redis.read("x")
    tap.eq(redis.answer, [b"CHANGED"], "nothing is there any more")


def stop(redis, number, node="a"):
    return redis.script(
        "ask", (STATE, LOG, STOPS, NODES, "{t}:q:" + node), redis.run,
        f"ask {node} {number} 0 close", GONE, 100000, 0, number, 3600000,
        "c:x", "c:y", "u:x")


@on_redis
def stops(tap, redis):
    """An event lifts its channel's, and no other."""
    redis.hello()
    redis.publish(1, blob_of((b"x", [(0, b"a")])), 1)
    answer = stop(redis, 1)
    tap.eq(answer, [b"OK", b"a"], "who is there is to answer")
    (entry,) = redis.ask("XREVRANGE", LOG, "+", "-", "COUNT", 1)
    tap.eq(entry[1][3], b"ask a 1 0 close", "it stands in the log")
    redis.publish(2, blob_of((b"x", [(0, b"a")])), 1)
    tap.eq(sorted(redis.ask("ZRANGE", STOPS, 0, -1)), [b"c:y", b"u:x"],
           "a new event")
    count = redis.ask("XLEN", LOG)
    tap.eq((stop(redis, 1), redis.ask("XLEN", LOG)), ([b"OK", b"a"], count),
           "the same order again does nothing")
    tap.eq(redis.ask("ZSCORE", STOPS, "c:x"), None, "what was lifted stays so")
    stop(redis, 3)
    tap.eq((stop(redis, 2)[0], redis.ask("XLEN", LOG)), (b"OLD", count + 1),
           "nor does a copy that comes behind a later one")
    tap.eq((stop(redis, 1, "b")[0], redis.ask("XLEN", LOG)),
           (b"OK", count + 2), "each node has its own")


@on_redis
def the_end(tap, redis):
    """Of a read: up to an id, and the last so many events."""
    redis.hello()
    heads = []
    for seq in range(1, 21):
        _, ms, n, _ = redis.publish(seq, blob_of(
            (b"x", [(0, b"a"), (1, b"b")])), 2)
        heads.append((int(ms), int(n) + 1))
    read = redis.read("x", upto=heads[9])
    tap.eq((len(read) // 2, redis.answer[:3:2]), (10, [20, 0]),
           "up to the tenth of twenty runs; that are 20 events")
    tap.eq(redis.read("x", heads[4], upto=heads[5]), read[10:12], "one run")
    tap.eq(struct.unpack(">QI", redis.answer[3]), heads[4],
           "and which was before it")
    redis.read("x", most=1)
    tap.eq(redis.answer[:3:2], [40, 1], "there are more")
    tap.eq(redis.read("x", upto=(1, 0)), [], "nothing is so old")
    tap.eq(len(redis.read("x", last=5, upto=heads[9])) // 2, 3,
           "the last five events are in three runs")
    tap.eq(len(redis.read("x", last=100)) // 2, 20, "there are not so many")


@on_redis
def own_ids(tap, redis):
    """The newest event with an id of its publisher's."""
    redis.hello()
    ids = []
    for seq, own in enumerate((b"one", b"two", b"one", b"x"), 1):
        record = b"id: " + own + b"\ndata: one two\n\n"
        run = struct.pack(">IQHI", 3, 0, len(own), len(record)) + record
        blob = struct.pack(">HHIII", 1, 1, len(run), 1, 3) + b"c" + run
        _, ms, n, _ = redis.publish(seq, blob, 4)
        ids.append([ms, b"%d" % (int(n) + 3)])
    tap.eq(redis.own("c", "one"), ids[2], "the newer of two")
    tap.eq(redis.own("c", "two"), ids[1], "one that others have in their data")
    tap.eq((redis.own("c", "data"), redis.own("d", "one")), (None, None),
           "none")


@on_redis
def another_server(tap, redis):
    """A cut for each new run id; one floor for a loss."""
    redis.hello()
    _, ms, n, _ = redis.publish(1, blob_of((b"x", [(0, b"a")])), 1)
    here = int(ms), int(n)
    floor = redis.hello(*here)[0]
    tap.eq(redis.hello(*here)[2:], (0, 0, ""), "the same server: nothing")
    redis.run = "r2"
    got = redis.hello(*here)
    tap.eq((got[0], got[2]), (floor, 0), "another that has all: no floor")
    tap.eq(got[4], f"{here[0]}-{here[1]}:{got[1][0]}-{got[1][1]} ", "a cut")
    tap.ok(got[1][0] >= here[0] + MARGIN, "with a margin")
    tap.eq(redis.hello(here[0], here[1] + 1)[2], 1,
           "who is in the cut has lost something")
    ahead = got[1][0] + 10 ** 6
    lost = redis.hello(ahead, 0)
    tap.eq(lost[2], 1, "who has read more than there is, too")
    tap.ok(lost[0][0] >= ahead, "the floor is beyond it")
    tap.eq(redis.hello(ahead - 1, 0, node="b")[:3], (lost[0], lost[1], 1),
           "another node finds the same loss: the same floor")
    tap.eq(redis.hello(*lost[1], b"another")[2], 1, "another entry there")
    redis.ask("FLUSHALL")
    last = redis.hello(*lost[1])
    tap.ok(last[1] > lost[1], "after FLUSHALL ids go on growing")
    tap.ok(last[2] == 1 and last[0] == last[1], "and all is lost before them")


@on_redis
def away(tap, redis):
    """A position that was trimmed is no loss."""
    redis.hello()
    _, ms, n, _ = redis.publish(1, blob_of((b"x", [(0, b"a")])), 1)
    redis.publish(2, blob_of((b"x", [(0, b"b")])), 1)
    redis.ask("XTRIM", LOG, "MAXLEN", 1)
    tap.eq(redis.hello(int(ms), int(n))[2:4], (0, 1), "away, and not lost")


@on_redis
def full(tap, redis):
    """Without memory a batch is refused as a whole."""
    redis.hello()
    redis.ask("CONFIG", "SET", "maxmemory", "1")
    tap.ok(str(redis.publish(1, blob_of((b"x", [(0, b"a")])), 1))
           .startswith("OOM"), "an error")
    redis.ask("CONFIG", "SET", "maxmemory", "0")
    tap.eq((redis.ask("XLEN", LOG), redis.read("x")), (1, None), "and nothing")


@on_redis
def a_channel_fails(tap, redis):
    """What is on the log stays, and the reply says so."""
    redis.hello()
    redis.ask("SET", "{t}:c:x", "no list")
    reply = redis.publish(1, blob_of((b"x", [(0, b"a")])), 1)
    tap.ok(reply[0] == b"OK" and b"WRONGTYPE" in reply[4], "is told", reply)
    first, entry, told = redis.ask("XRANGE", LOG, "-", "+")
    tap.eq((entry[1][3][-1:], told[1][3][:6]), (b"a", b"floor "),
           "the log has it, and a floor behind it")
    last = as_id(told[0])
    tap.eq(redis.hello(*as_id(first[0]))[:3], (last, last, 1),
           "whoever comes from before is told")


@on_redis
def evicts(tap, redis):
    """Keys that went for want of memory: one floor each time."""
    redis.hello(evicted=7)
    _, ms, n, _ = redis.publish(1, blob_of((b"x", [(0, b"a")])), 1)
    here = int(ms), int(n)
    tap.eq(redis.hello(*here, evicted=7)[2], 0, "those before all began")
    lost = redis.hello(*here, evicted=8)
    tap.eq(lost[2], 1, "one more")
    tap.eq(redis.hello(*lost[1], evicted=8)[:3], (lost[0], lost[1], 0),
           "is told once")
    redis.run = "r2"
    tap.eq(redis.hello(*lost[1], evicted=0)[2], 0, "a new server has none")
    tap.eq(redis.hello(*lost[1], evicted=3)[2], 1, "and then some")


def beat(redis, node, said=b"here"):
    """1 if it was not known, and what it hears: a name, a time, what."""
    answer = redis.script("beat", (NODES, "{t}:said", CLAIMS), node, said,
                          GONE)
    rest = answer[1:]
    return answer[0], list(zip(rest[::3], rest[1::3], rest[2::3]))


def claim(redis, node, name, wanted=1):
    return redis.script("claim", (CLAIMS,), node, name, wanted)


def inherited(redis, node):
    """The names of b's that a beat says are this node's now."""
    return sorted(what for owner, ms, what in beat(redis, node)[1]
                  if (owner, ms) == (b"b", -2))


@on_redis
def who_is_there(tap, redis):
    """Each hears all; who is silent for too long is gone, for one of them."""
    tap.eq(beat(redis, "a"), (1, [(b"a", 0, b"here")]), "the first")
    is_new, heard = beat(redis, "b", b"too")
    tap.eq((is_new, [(name, said) for name, _ms, said in heard]),
           (1, [(b"a", b"here"), (b"b", b"too")]), "two")
    tap.eq(beat(redis, "a")[0], 0, "again")
    redis.ask("ZADD", NODES, 1, "a")
    tap.eq(beat(redis, "b")[1][0], (b"a", -1, b"here"), "one is gone")
    tap.eq([name for name, *_ in beat(redis, "c")[1]], [b"b", b"c"],
           "which nobody else hears")
    tap.eq(beat(redis, "a")[0], 1, "it was not there, if it comes again")
    redis.ask("CONFIG", "SET", "maxmemory", "1")
    tap.eq(beat(redis, "a")[0], 0, "a full memory changes nothing")
    redis.ask("CONFIG", "SET", "maxmemory", "0")


@on_redis
def claims(tap, redis):
    """A name is one node's, and another's when that is gone."""
    for node in "ab":
        beat(redis, node)
    for node, name, wanted, answer in (
            ("a", "x", 1, [b"OK"]), ("a", "x", 1, [b"OK"]),
            ("b", "x", 1, [b"TAKEN", b"a"]), ("b", "y", 1, [b"OK"]),
            ("b", "x", 0, [b"OK"]), ("b", "x", 1, [b"TAKEN", b"a"]),
            ("a", "x", 0, [b"OK"]), ("b", "x", 1, [b"OK"])):
        tap.eq(claim(redis, node, name, wanted), answer,
               f"{node} {'wants' if wanted else 'leaves'} {name}")
    redis.ask("ZADD", NODES, 1, "b")
    tap.eq(claim(redis, "a", "y"), [b"TAKEN", b"b"],
           "it is taken until the other is known to be gone")
    tap.eq(inherited(redis, "a"), [b"x", b"y"], "then one inherits")
    tap.eq(inherited(redis, "c"), [], "and nobody else")
    tap.eq(claim(redis, "c", "x"), [b"TAKEN", b"a"], "it has the name")
    tap.eq(inherited(redis, "a"), [b"x", b"y"],
           "it is told again, as if the reply was lost")
    claim(redis, "c", "x", 0)
    claim(redis, "a", "x", 0)
    tap.eq(inherited(redis, "a"), [b"y"], "until it leaves the name")
    tap.eq(claim(redis, "c", "x"), [b"OK"], "which another may have then")
    redis.ask("ZADD", NODES, 1, "a")
    tap.eq(inherited(redis, "c"), [b"y"], "an heir may be gone, too")
    redis.ask("DEL", CLAIMS)
    for at in range(4096):
        redis.ask("HSET", CLAIMS, f"n{at}", "a")
    tap.eq([claim(redis, "a", name) for name in ("one more", "n7")],
           [[b"FULL"], [b"OK"]], "there is a bound")


@on_redis
def ages_change(tap, redis):
    """From before it, a list that is not there may have been one."""
    last = redis.hello()[1]
    tap.eq(redis.aged, (0, 0), "at first nothing was")
    _, ms, n, _ = redis.publish(1, blob_of((b"x", [(0, b"a")])), 1)
    here = int(ms), int(n)
    redis.hello(*here)
    tap.eq(redis.aged, (0, 0), "the same ages")
    redis.hello(*here, ages=2)
    tap.eq(redis.aged, here, "others: up to now")
    redis.publish(2, blob_of((b"y", [(0, b"a")])), 1)
    redis.hello(*here, ages=2)
    tap.eq(redis.aged, here, "these again")
    redis.read("y", last)
    tap.eq(struct.unpack(">QI", redis.answer[3]), here,
           "a list that begins says so")


TESTS = [who_is_there, claims, a_batch, keys, retention,
         what_a_reader_knows, stops, the_end, own_ids, another_server, away,
         full, a_channel_fails, evicts, ages_change]
