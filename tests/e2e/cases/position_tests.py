# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""crier position: where a page that is being rendered begins to follow."""

import shutil
import subprocess

from lib.daemon import Crierd

PHP = """
$queue = stream_socket_client("unix://%s");
fwrite($queue, '{"do":"position"}' . "\\n");
$since = json_decode(fgets($queue))->position;
echo $since;
"""


def _position(crierd, *channels):
    done = crierd.crier("position", *channels)
    return done.returncode, done.stdout.decode().strip()


def _since(crierd, position, *channels):
    """What a stream that begins there brings, up to a last event."""
    with crierd.connect() as queue:
        queue.send({"do": "stream", "channel": list(channels),
                    "since": position})
        crierd.publish(channels[0], "end")
        seen = []
        while "end" not in seen:
            line = queue.line().decode()
            if line.startswith(("data: ", "event: ")):
                seen.append(line.partition(": ")[2])
        return seen[:-1]


def _positions(tap, crierd):
    first = crierd.publish("a", "one")
    tap.eq(_position(crierd), (0, first), "the newest id")
    second = crierd.publish("b", "two")
    tap.eq(_position(crierd), (0, second), "of all channels")
    tap.eq([_position(crierd, *names)[1] for names in
            (("a",), ("b",), ("a", "b"), ("a", "empty"))],
           [first, second, second, second],
           "with channels the newest of these, if each has one")
    own = crierd.publish("c", "three", id="17")
    number = _position(crierd, "c")[1]
    tap.ok(own == "17" and number > second,
           "an event with its publisher's id has a place as well", number)
    tap.eq(_since(crierd, number, "c"), [], "nothing came after it")
    before = _position(crierd)[1]
    crierd.publish("a", "between")
    tap.eq(_since(crierd, before, "a"), ["between"],
           "what is published after it is brought by since=")


def by_store(kind):
    def case(tap, place):
        if kind == "sqlite":
            place.store = "sqlite:" + place.run + "/history.db"
        crierd = Crierd(place).start()
        code, position = _position(crierd)
        tap.ok(code == 0 and position, "there is one before any event",
               position)
        tap.eq(_since(crierd, position, "a"), [], "with nothing behind it")
        _positions(tap, crierd)
        if kind == "sqlite":
            last = _position(crierd)[1]
            crierd.kill()
            crierd.start()
            again = _position(crierd, "a")[1]
            tap.ok(again >= last, "and it does not fall back in a restart",
                   f"{again} {last}")
            crierd.publish("a", "later")
            tap.eq(_since(crierd, last, "a"), ["later"],
                   "from before the restart it goes on")
    case.__name__ = f"position_{kind}"
    return case


def refused(tap, place):
    crierd = Crierd(place).start()
    done = crierd.crier("position", "a b")
    tap.eq((done.returncode, done.stdout), (65, b""), "a bad name is refused")
    with crierd.connect() as queue:
        queue.send({"channel": "a", "data": "x"})
        queue.send({"do": "position"})
        published, position = queue.reply(), queue.reply()
        tap.eq(position, {"ok": True, "position": published["id"]},
               "a position stands behind the lines before it")
        answer = queue.ask({"do": "position", "since": "1-0"})
        tap.eq((answer["ok"], answer["code"]), (False, 65),
               "a field that it does not have is refused")
        if not shutil.which("php"):
            tap.skip("the manual's PHP", "no php")
            return
        code = PHP % crierd.queue
        done = subprocess.run(["php", "-r", code], capture_output=True,
                              check=False, timeout=30)
        tap.eq(done.stdout.decode(), published["id"], "the manual's PHP")


TESTS = [by_store("memory"), by_store("sqlite"), refused]
OVER_REDIS = [by_store("redis")]
