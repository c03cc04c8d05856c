# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""A history that is damaged, or is not crier's at all."""

import os
import random
import sqlite3

from lib import bench, proc
from lib.store_tools import PLENTY, Stored, connect, gap_of, kinds, query


def _own(path):
    if bench.IS_ROOT:
        user = bench.server_user()
        os.chown(path, user.pw_uid, user.pw_gid)


def _aside(crierd):
    return [name for name in crierd.files() if ".damaged-" in name
            and not name.endswith(("-wal", "-shm"))]


def _make(crierd, count=400):
    """A history whose events are all in the file itself."""
    crierd.start()
    ids = crierd.publish_many("a", count, 500)
    crierd.stop()
    return ids


def _scribble(path, first_page, seed=1):
    """Random bytes over all pages from this one on."""
    pick = random.Random(seed)
    with open(path, "r+b") as file:
        file.seek(first_page * 4096)
        left = os.path.getsize(path) - first_page * 4096
        file.write(pick.randbytes(left))


def _goes_on(tap, crierd, name, ids):
    """With an empty history; the old one lies beside it."""
    tap.eq(len(_aside(crierd)), 1, f"{name}: set aside under another name")
    crierd.wait_log("DAMAGED")
    new = crierd.publish_many("z", 3)
    crierd.crash()
    tap.eq([event.id for event in crierd.history("/events/z?since=all", 3)],
           new, f"{name}: service goes on, with an empty history")
    got = crierd.history("/events/a", 0, ids[5])
    tap.eq(kinds(got)[:1], ["crier.gap"],
           f"{name}: who comes back is told of the gap")
    got = crierd.history("/events/z", 2, new[0])
    tap.eq(kinds(got), ["message"] * 2, f"{name}: but not later")
    tap.eq(query(crierd.path, "PRAGMA integrity_check"), [("ok",)],
           f"{name}: the new file is whole")


def damaged_at_the_start(tap, place):
    for name, page, text in (
            ("a torn first page", 0, None), ("lost tables", 1, None),
            ("not a database", 0, b"Dear diary, " * 3000),
            ("a short file", 0, b"SQLite format 3\0" + bytes(84))):
        crierd = Stored(place, PLENTY,
                        folder=place.make_dir(name.replace(" ", "-")))
        ids = _make(crierd)
        if text is None:
            _scribble(crierd.path, page)
        else:
            with open(crierd.path, "wb") as file:
                file.write(text)
        crierd.start()
        tap.ok(int(crierd.publish("b", "x").split("-")[0])
               >= int(ids[-1].split("-")[0]), f"{name}: ids go on")
        _goes_on(tap, crierd, name, ids)
        crierd.stop()


def damaged_events(tap, place):
    """Found when they are read: the start does not look at all of it."""
    crierd = Stored(place, PLENTY)
    ids = _make(crierd, 4000)
    pages = query(crierd.path, "PRAGMA page_count")[0][0]
    _scribble(crierd.path, pages // 4)
    crierd.start()
    with crierd.get("/events/a", ids[3]) as stream:
        stream.wait(lambda: stream.ended or len(stream.events) > 3990,
                    "an answer of some kind")
        tap.ok(b"SQLite" not in stream.raw, "nobody is told of it")
    proc.wait_for(lambda: _aside(crierd), "the damaged file is set aside, "
                  "though nobody publishes", 10)
    got = crierd.history("/events/a", 0, ids[3])
    tap.eq(kinds(got)[:1], ["crier.gap"], "then a client has an answer")
    answer = crierd.try_publish("a", "after")
    tap.ok(answer["ok"], "and publishers, too", answer)


def damaged_while_running(tap, place):
    """Bigger than what is cached, so that it is seen."""
    crierd = Stored(place, PLENTY)
    ids = _make(crierd, 40000)
    crierd.start()
    with crierd.get("/events/a") as stream:
        stream.wait_open()
        crierd.publish("a", "before")
        stream.wait_events(1)
        _scribble(crierd.path, 1)
        answers = []

        def is_noticed():
            answers.append(crierd.try_publish(
                f"new/{len(answers)}", "more"))
            return _aside(crierd)
        proc.wait_for(is_noticed, "the damaged file is set aside; "
                      f"{crierd.store()}, {crierd.files()}", 20)
        tap.diag(answers[:5])
        tap.ok(all(a["ok"] or a["code"] == 75 and "malformed" in a["error"]
                   for a in answers),
               "until then events are stored, or refused with the reason",
               answers)
        crierd.publish("a", "after")
        stream.wait(lambda: stream.events[-1].data == "after",
                    "live delivery goes on")
        tap.ok(not stream.ended, "the stream goes on")
        with crierd.connect() as queue:
            news = queue.publish_all("a", ("n1", "n2"))
    tap.eq([event.id for event in crierd.history("/events/a", 1, news[0])],
           news[1:], "and what is new is stored and resumed")
    _goes_on(tap, crierd, "while running", ids)


def not_ours(tap, place):
    """Refused, and not touched."""
    crierd = Stored(place, PLENTY)
    _make(crierd, 10)
    other = connect(crierd.path)
    other.execute("PRAGMA user_version = 5")
    other.close()
    _refused(tap, crierd, "a newer version's", "newer version")
    other = connect(crierd.path)
    other.execute("PRAGMA user_version = 4")
    other.close()
    crierd.start()
    tap.eq(len(crierd.texts("/events/a?since=all", 10)), 10,
           "and all of it is there for that version")
    crierd.stop()
    crierd = Stored(place, PLENTY, folder=place.make_dir("other"))
    other = sqlite3.connect(crierd.path)
    other.execute("CREATE TABLE channel (id INTEGER, title TEXT)")
    other.execute("INSERT INTO channel VALUES (1, 'theirs')")
    other.commit()
    other.close()
    _own(crierd.path)
    _refused(tap, crierd, "another program's", "not crier's")
    tap.eq(query(crierd.path, "SELECT * FROM channel"), [(1, "theirs")],
           "another program's: it has what it had")


def _refused(tap, crierd, name, why):
    before = open(crierd.path, "rb").read()
    status, text = crierd.fails_to_start()
    tap.ok(status > 0 and why in text and crierd.path in text,
           f"{name}: crierd says so and does not start", status, text)
    tap.ok(open(crierd.path, "rb").read() == before and not _aside(crierd),
           f"{name}: the file is left alone", crierd.files())


def nowhere(tap, place):
    for name, path in (
            ("below a file", place.write("file", "") + "/history.db"),
            ("a directory", place.make_dir("folder"))):
        crierd = Stored(place, PLENTY, kind="sqlite:" + path,
                        folder=place.make_dir(name.replace(" ", "-")))
        status, text = crierd.fails_to_start()
        tap.ok(status > 0 and path in text, f"{name}: crierd says so and "
               "does not start", status, text)


def only_its_owner(tap, place):
    crierd = Stored(place, PLENTY).start()
    crierd.publish("a", "secret")
    tap.eq([name for name in crierd.files() if os.stat(os.path.join(
        crierd.folder, name)).st_mode & 0o007], [],
        "others cannot read the history")
    tap.eq(crierd.files(), ["history.db", "history.db-shm", "history.db-wal"],
           "these are its files")
    crierd.restart()
    got = crierd.history("/events/a", 2, "nothing known")
    tap.eq(gap_of(got[0])["since"], "nothing known", "a gap names the id")


TESTS = (damaged_at_the_start, damaged_events, damaged_while_running,
         not_ours, nowhere, only_its_owner)
