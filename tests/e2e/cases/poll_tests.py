# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""Answers that end by themselves, for hosts with few connections.

A page notices nothing: its EventSource comes back, and gets each event once.
"""

import functools
import json
import re

from cases import chromium_tests
from lib import proc
from lib.reconnect import Reconnector, wait_all
from lib.server import NotThere
from lib.site import Site, data_of, named
from lib.store_tools import PLENTY, Stored, kinds, read_for

LONG = 3600
END = re.compile(rb"id: (\d+-\d+)\n\nretry: (\d+)\n\n$")
# Of curl's own: what a page never sees.
CURL = ("--max-time", str(int(60 * proc.SLOW)))


def _stored(place):
    """Settings for a history that survives."""
    return ["store=sqlite:" + place.make_dir("store") + "/history.db",
            *PLENTY]


def _behind(test, *kinds):
    """The test behind these web servers; or why it is not run."""
    def behind(kind):
        @functools.wraps(test)
        def run(tap, place):
            try:
                test(tap, place, kind)
            except NotThere as missing:
                tap.skip(test.__name__, f"{missing} is not installed")
        return run, f"{kind}: {test.__name__.replace('_', ' ')}"
    return [behind(kind) for kind in kinds or ("nginx", "lighttpd")]


def _texts(first, last):
    return [f"e{n}" for n in range(first, last + 1)]


def _check_end(tap, answer, retry, name):
    """A clean end without crier.end, and when to come again."""
    found = END.search(answer.raw)
    tap.ok(answer.status == 200 and answer.clean and found
           and not named(answer, "crier.end"), f"{name}: a clean end with a "
           "position, and nothing else", answer.status, answer.clean,
           answer.raw)
    tap.ok(found and retry / 2 <= int(found[2]) <= retry * 3 / 2,
           f"{name}: and a retry around the one that is set", answer.raw)
    return found[1].decode() if found else ""


def asked_for(tap, place, kind):
    site = Site(place, kind, config="retry = 2000\n"
                'channel "few" { keep = 2  retry = 500 }\n')
    got = site.fetch("/events/a?poll=0")
    at = _check_end(tap, got, 2000, "poll=0, nothing there")
    tap.match(re.compile(rb"^retry: 2000\n\nid: \d+-\d+\n\nid: "), got.raw,
              "it begins as every stream")
    tap.eq(got.headers.get("content-type", "").lower(),
           "text/event-stream; charset=utf-8", "and is one")
    with site.crierd.connect() as queue:
        ids = queue.publish_all("a", _texts(1, 5))
        queue.publish_all("few", _texts(1, 5))
    for target, since, want in (
            ("/events/a?poll=0", at, _texts(1, 5)),
            ("/events/a?poll=3600", at, _texts(1, 5)),
            ("/events/a?poll=0", ids[2], _texts(4, 5)),
            ("/events/a?poll=3600&since=all", "", _texts(1, 5)),
            ("/events/a?poll=3600&last=2", "", _texts(4, 5)),
            ("/events/a?poll=0.5&lastEventId=" + ids[3], "", ["e5"])):
        got = site.fetch(target, last_event_id=since)
        at = _check_end(tap, got, 2000, f"{target} from {since or 'now'}")
        tap.eq(data_of(got), want, "with what was pending")
    got = site.fetch("/events/few?poll=3600", last_event_id=ids[0])
    _check_end(tap, got, 500, "a gap")
    tap.eq(kinds(got.events), ["crier.gap", "message", "message"],
           "is told, and what is left comes with it")
    got = site.fetch("/events/a?poll=0.1", last_event_id=at)
    _check_end(tap, got, 2000, "nothing within its time")
    tap.eq(got.events, [], "no event")
    body = json.dumps({"channel": "a", "since": ids[1], "poll": 3600})
    got = site.fetch("/events", method="POST", body=body.encode(),
                     headers={"Content-Type": "application/json"})
    _check_end(tap, got, 2000, "in the body of a POST")
    tap.eq(data_of(got), _texts(3, 5), "from where the body says")
    tap.eq(site.crierd.streams(), 0, "and all are gone")


def what_is_no_number(tap, place, kind):
    site = Site(place, kind)
    for value in ("", "x", "-1", "3601", "3600.001", "1e3", "0.0001", "1s",
                  "99999999999999999999", "1%2C5"):
        got = site.fetch(f"/events/a?poll={value}")
        tap.ok(got.status == 400 and "poll is not a number of seconds up to "
               "3600" in got.json()["error"], f"poll={value}: 400 and why",
               got.status, got.raw)
    for value, status in (("1", 200), ("0", 200), ("x", 400)):
        got = site.fetch(f"/events/a?poll={value}", method="HEAD")
        tap.eq((got.status, got.raw), (status, b""), f"HEAD, poll={value}")
    got = site.fetch("/events/a", method="POST", body=b'{"poll":"soon"}',
                     headers={"Content-Type": "application/json"})
    tap.eq(got.status, 400, "also in a body")
    tap.eq(site.crierd.streams(), 0, "no stream is left of them")


def it_waits(tap, place, kind):
    site = Site(place, kind, ["heartbeat=0.5"])
    poll = site.get(f"/events?channel=a&channel=b&poll={LONG}").wait_open()
    curl = site.curl(f"/events/b?poll={LONG}", *CURL).wait_open()
    poll.wait(lambda: len(poll.parser.comments) >= 4, "two heartbeats")
    tap.ok(True, "while it waits it has heartbeats")
    status = site.crierd.status()
    tap.eq((status["streams"], status["streams_polling"],
            status["polls_served"]), (2, 2, 0), "status has them")
    site.crierd.publish("c", "of another channel")
    with site.crierd.connect() as queue:
        # One turn: all of it goes out together.
        queue.send(b'{"channel":"a","data":"first"}\n'
                   b'{"channel":["b","a"],"data":"second"}\n'
                   b'{"channel":"b","data":"third"}\n')
        ids = [queue.reply()["id"] for _n in range(3)]
    poll.wait_end()
    at = _check_end(tap, poll, 3000, "it waited")
    tap.eq((data_of(poll), at), (["first", "second", "third"], ids[2]),
           "for all that came together")
    tap.eq(curl.popen.wait(30 * proc.SLOW), 0, "curl sees an end, no error")
    curl.pump()
    tap.eq(data_of(curl), ["second", "third"], "and what was for it")
    for how, reason in ((("news",), "closed"), (("--stream", "4"), "closed")):
        with site.get(f"/events/news?poll={LONG}") as poll:
            poll.wait_open()
            tap.eq(site.crierd.crier("close", *how).returncode, 0, "close")
            poll.wait_end()
            tap.eq([json.loads(e.data) for e in named(poll, "crier.end")],
                   [{"reason": reason}], "another end is told as always")
    tap.ok(re.search(r"stream 1 ended: timeout .*events=3 ",
                     site.crierd.log_text()), "the log has its end",
           site.crierd.log_text())
    _status(tap, site)


def _status(tap, site):
    proc.wait_for(lambda: site.crierd.streams() == 0, "no stream")
    status = site.crierd.status()
    tap.eq((status["streams_polling"], status["polls_served"]), (0, 2),
           "status counts those that were served")
    tap.eq((status["limits"]["poll_ms"], status["limits"]["poll_above"]),
           (0, 0), "and has the settings")
    text = site.crierd.crier("status", "-v").stdout.decode()
    for words in (r"^polls served +2$", r"^streams polling +0$",
                  r"^  poll +0 s$", r"^  poll above +0$"):
        tap.match(re.compile(words, re.M), text, "so has the table")


def _check_all(tap, clients, want, ids, what):
    bad = [client.describe() + f" {client.data()[-5:]}" for client in clients
           if [(e.data, e.id) for e in client.named("message")]
           != list(zip(want, ids))]
    tap.ok(not bad, f"{what}: each event once, in order", *bad)


def _publish_slowly(crierd, clients, first, count, steps=8, who=any):
    """Some at a time, the next when somebody, or everybody, has them."""
    ids = []
    with crierd.connect() as queue:
        for start in range(first, first + count, steps):
            last = min(start + steps, first + count) - 1
            ids += queue.publish_all("news", _texts(start, last))
            proc.wait_for(lambda: who(len(c.data()) >= last
                                      for c in clients), f"e{last}", 30)
    return ids


def everybody_polls(tap, place, kind):
    """Over restarts of crierd and the web server, and with cuts."""
    site = Site(place, kind, ["poll=1", "retry=50", *_stored(place)])
    clients = [place.own(Reconnector(
        site.port, "/events/news", seed=n, longest_wait=0.1,
        cut_after=(1, 4000) if n % 2 else None)) for n in range(6)]
    wait_all(clients, lambda c: c.last_event_id, "a first id")
    ids = _publish_slowly(site.crierd, clients, 1, 200)
    served = site.crierd.status()["polls_served"]
    site.crierd.stop()
    site.crierd.start()
    ids += _publish_slowly(site.crierd, clients, 201, 50)
    site.web.restart()
    ids += _publish_slowly(site.crierd, clients, 251, 50)
    wait_all(clients, lambda c: len(c.data()) >= 300, "all events")
    for client in clients:
        client.stop()
    tap.eq([c.failed for c in clients if c.failed], [],
           "no client was ever told to stay away")
    _check_all(tap, clients, _texts(1, 300), ids, "poll = 1")
    tap.eq([c.named("crier.gap") for c in clients if c.named("crier.gap")],
           [], "nobody was told of a gap")
    ends = {json.loads(e.data)["reason"] for c in clients
            for e in c.named("crier.end")}
    tap.ok(ends <= {"shutdown"}, "and only of crierd's end, if at all", ends)
    status = site.crierd.status()
    served += status["polls_served"]
    tap.ok(served > 30 and min(c.opens for c in clients) > 5,
           "it took many polls", served, [c.opens for c in clients])
    tap.eq((status["limits"]["poll_ms"], status["limits"]["poll_above"]),
           (1000, 0), "status has the settings")


def some_stream_and_some_poll(tap, place, kind, poll=1):
    site = Site(place, kind, [f"poll={poll}", "poll-above=2", "retry=50"])
    clients = []
    for _number in range(5):
        clients.append(place.own(Reconnector(
            site.port, "/events/news", longest_wait=0.1)))
        wait_all(clients, lambda c: c.last_event_id, "a first id")
    ids = _publish_slowly(site.crierd, clients, 1, 80, who=all)
    opens = [c.opens for c in clients]
    tap.ok(opens[:2] == [1, 1] and min(opens[2:]) > 5,
           "the first two have streams, the others poll", opens)
    status = site.crierd.status()
    tap.ok(status["streams"] - status["streams_polling"] == 2
           and status["polls_served"] > 15, "status says so", status)
    clients[0].stop()
    proc.wait_for(lambda: _streaming(site) == 2, "its place is taken")
    tap.ok(True, "when one of them leaves another has its place")
    ids += _publish_slowly(site.crierd, clients[1:], 81, 40, who=all)
    for client in clients:
        client.stop()
    _check_all(tap, clients[1:], _texts(1, 120), ids, "poll-above = 2")
    tap.eq([e.type for c in clients for e in c.events
            if e.type != "message"], [], "and nothing else was said")
    tap.eq(site.crierd.status()["streams_turned_away"], 0,
           "nobody was turned away")


def some_do_not_even_wait(tap, place, kind):
    some_stream_and_some_poll(tap, place, kind, 0)


def _streaming(site):
    """How many stay, while the one that has left is not one of them."""
    if "stream 1 ended" not in site.crierd.log_text():
        return 0
    status = site.crierd.status()
    return status["streams"] - status["streams_polling"]


def from_the_store(tap, place):
    """All that memory no longer has comes in one poll, before its end."""
    crierd = Stored(place, [*PLENTY, "history-bytes=64K"]).start()
    ids = crierd.publish_many("a", 5000, 200)
    for poll in ("0", "0.1", "3600"):
        with crierd.get(f"/events/a?poll={poll}", ids[0]) as stream:
            stream.wait_end(60)
        tap.ok([e.id for e in stream.events] == ids[1:]
               and set(kinds(stream.events)) == {"message"},
               f"poll={poll} gets all at once", len(stream.events))
    with crierd.get("/events/a?poll=0.1&since=all") as slow:
        slow.wait_open()
        late = proc.holds_for(
            lambda: crierd.status()["streams_polling"] == 1, 0.5)
        tap.ok(late, "one that does not read is not ended by its time")
        slow.wait_end(60)
        tap.eq([e.id for e in slow.events], ids, "but gets all")
    tap.ok(crierd.store()["reads"] > 10, "it was read from the store, in "
           "slices", crierd.store())
    crierd.restart()
    with crierd.get("/events/a?poll=0&last=3000") as stream:
        stream.wait_end(60)
        tap.eq([e.id for e in stream.events], ids[2000:],
               "after a restart, too")
    with crierd.get(f"/events/a?poll={LONG}", ids[-1]) as stream:
        stream.wait_open()
        read_for(stream, 0.1)
        tap.ok(not stream.ended, "when the store has nothing new, it waits")
        last = crierd.publish("a", "new")
        stream.wait_end()
        tap.eq(([e.id for e in stream.events],
                END.search(stream.raw)[1].decode()), ([last], last),
               "and ends with what comes")
    with crierd.get(f"/events/a?poll={LONG}", "1-0") as stream:
        stream.wait_end(60)
        tap.eq((kinds(stream.events)[:2], len(stream.events)),
               (["crier.gap", "message"], 5002),
               "a gap is told, with all that is left")
    _store_by_steps(tap, crierd)


def _store_by_steps(tap, crierd):
    """Own ids that repeat are no positions; the polls' ends are."""
    want, got, at = [], [], ""
    channels = "/events?channel=b&channel=c&poll=0"
    for number in range(40):
        with crierd.connect() as queue:
            queue.publish("bc"[number % 2], f"e{number}", id="same")
        want.append(f"e{number}")
        if number % 8 == 5:
            crierd.restart()
        with crierd.get(channels if at else channels + "&since=all",
                        at) as stream:
            stream.wait_end()
        got += [event.data for event in stream.events]
        at = stream.parser.last_event_id
    tap.eq(got, want, "poll by poll, over restarts, nothing twice, though "
           "all events have the same id of their publisher's")


def a_slow_client(tap, place, kind):
    site = Site(place, kind, ["poll=0.2", "drain-time=0", *PLENTY])
    with site.crierd.connect() as queue:
        queue.publish_all("a", (f"{n} " + "x" * 20000 for n in range(800)))
    with site.get("/events/a?since=all", rcvbuf=4096) as slow:
        slow.wait_open()
        tap.ok(proc.holds_for(
            lambda: site.crierd.status()["streams_polling"] == 1, 0.5),
            "a slow client's poll is not ended by its time")
        slow.wait_end(60)
        tap.eq([data.split()[0] for data in data_of(slow)],
               [str(n) for n in range(800)], "it gets all")
        tap.ok(slow.clean and slow.parser.retry, "and its end", slow.clean)


def _shown(browser):
    return [found[2] for found in browser.events()][::-1]


def _wait_shown(browser, want, what):
    try:
        proc.wait_for(lambda: _shown(browser) == want, what, 60)
    except proc.Late as late:
        raise proc.Late(f"{late}; shown: {_shown(browser)}, wanted: {want}, "
                        f"state {browser.state()}") from None


def the_demo_page(tap, place, kind):
    """As it is shipped; every event is there once, over many polls."""
    reason = chromium_tests.why_not()
    if reason:
        tap.skip("the demo page in Chromium", reason)
        return
    site = Site(place, kind, ["poll=1", "retry=200", *_stored(place)])
    browser = chromium_tests.Browser(place)
    browser.driver.get(f"http://127.0.0.1:{site.port}/?channel=news&"
                       "channel=team&names=notice")
    proc.wait_for(lambda: site.crierd.status()["polls_served"] >= 2,
                  "the page polls", 30)
    tap.ok(True, "the page polls, over and over")
    want = []
    for number in range(1, 13):
        _publish_some(site, number, want)
        _wait_shown(browser, want, f"round {number}")
    served = site.crierd.status()["polls_served"]
    tap.ok(served >= 12, "in many polls it shows every event once, in order",
           served)
    site.crierd.stop()
    site.crierd.start()
    for number in range(13, 17):
        _publish_some(site, number, want)
    _wait_shown(browser, want, "what came after crierd's restart")
    tap.ok(True, "also over a restart of crierd")
    before = site.crierd.status()["polls_served"]
    proc.wait_for(lambda: site.crierd.status()["polls_served"] >= before + 3,
                  "three more polls", 30)
    tap.eq((_shown(browser), browser.number("#gaps")), (want, 0),
           "polls without an event show nothing, and no gap")
    tap.eq(browser.errors(), [], "no script of the page failed")


def _publish_some(site, number, want):
    """While the page's poll waits, or when it is away; one or some."""
    proc.wait_for(lambda: site.crierd.streams() == number // 2 % 2,
                  "the page's poll is there, or is not", 30)
    site.crierd.publish("news", f"n{number}")
    want.append(f"n{number}")
    for more in range(number % 3):
        site.crierd.publish(["team", "news"], f"t{number}.{more}",
                            event="notice")
        want.append(f"t{number}.{more}")


ALL = ("nginx", "lighttpd", "apache")
TESTS = (*_behind(asked_for, *ALL), *_behind(what_is_no_number),
         *_behind(it_waits, *ALL), *_behind(everybody_polls),
         *_behind(some_stream_and_some_poll),
         *_behind(some_do_not_even_wait), from_the_store,
         *_behind(a_slow_client), *_behind(the_demo_page))
