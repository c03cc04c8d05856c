# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""Users: who follows a channel, how many streams they may have, their end."""

import json
import signal

from lib import proc
from lib.daemon import Crierd
from lib.fcgi import Direct
from cases.presence_tests import Watcher


def _open(crierd, channel="room", user="", address="127.0.0.1"):
    return Direct(crierd.listen, "/events/" + channel, REMOTE_USER=user,
                  REMOTE_ADDR=address).wait_open()


def tells_who_is_there(tap, place):
    crierd = Crierd(place).start()
    streams = [_open(crierd, user=user) for user in
               ("carol", "anna", "", "carol", "zo\u00eb")]
    other = _open(crierd, "other", "dave")
    with crierd.connect() as queue:
        answer = queue.ask({"do": "presence", "channel": "room"})
        tap.eq(answer, {
            "ok": True, "channel": "room", "streams": 5, "users": [
                {"user": "anna", "streams": 1},
                {"user": "carol", "streams": 2},
                {"user": "zo\u00eb", "streams": 1}], "anonymous": 1},
            "presence: users in order, their streams, and nobody's")
        answer = queue.ask({"do": "presence", "channel": "empty"})
        tap.eq((answer["streams"], answer["users"]), (0, []),
               "nobody is in a channel that is not there")
        answer = queue.ask({"do": "presence", "channel": "a b"})
        tap.eq(answer["code"], 65, "nor has one a bad name")
    done = crierd.crier("status", "-j", "room")
    tap.eq(json.loads(done.stdout)["streams"], 5, "crier status -j CHANNEL")
    done = crierd.crier("status", "room")
    text = done.stdout.decode()
    tap.ok(done.returncode == 0 and "carol" in text and "dave" not in text
           and not text.startswith("{"), "crier status CHANNEL", text)
    tap.eq(crierd.crier("status", "a b").returncode, 65, "65 for a bad name")
    streams.pop(0).close()
    streams.pop(0).close()
    crierd.wait_streams(4)
    done = crierd.crier("status", "-j", "room")
    tap.eq(json.loads(done.stdout)["users"],
           [{"user": "carol", "streams": 1},
            {"user": "zo\u00eb", "streams": 1}], "who has left is gone")
    for stream in streams + [other]:
        stream.close()


def _is_asked_again(tap, crierd, word, name, **who):
    with Direct(crierd.listen, "/events/room", **who).wait_end() as stream:
        tap.ok(stream.status == 200 and stream.protocol_status == 0
               and b"text/event-stream" in stream.head
               and stream.parser.retry and not stream.events
               and word in str(stream.parser.comments),
               f"{name}: 200, a retry, a comment that says why, an end",
               stream.head, stream.raw)
        return stream.parser.retry


def limits(tap, place):
    config = "max-streams-per-user = 3\nmax-streams-per-address = 5\n"
    crierd = Crierd(place, config=config).start()
    anna = {"REMOTE_USER": "anna", "REMOTE_ADDR": "192.0.2.1"}
    streams = [_open(crierd, user="anna", address="192.0.2.1")
               for _n in range(3)]
    tap.ok(True, "below and at max-streams-per-user")
    retries = {_is_asked_again(tap, crierd, "max-streams-per-user",
                               "one above it", **anna) for _n in range(5)}
    tap.ok(len(retries) > 2, "each after another time", retries)
    streams += [_open(crierd, user="bert", address="192.0.2.1"),
                _open(crierd, address="192.0.2.1")]
    tap.ok(True, "below and at max-streams-per-address")
    _is_asked_again(tap, crierd, "max-streams-per-address", "one above it",
                    REMOTE_ADDR="192.0.2.1")
    _is_asked_again(tap, crierd, "max-streams-per-address",
                    "the same within IPv6", REMOTE_ADDR="::FFFF:192.0.2.1")
    streams += [_open(crierd, address=f"2001:db8::{n:x}") for n in range(5)]
    for form in ("2001:db8::ffff", "2001:0DB8:0:0:1:2:3:4", "2001:db8::%eth0"):
        _is_asked_again(tap, crierd, "max-streams-per-address",
                        f"one household in IPv6, {form}", REMOTE_ADDR=form)
    streams += [_open(crierd, address=f"2001:db8:0:{n:x}::1")
                for n in range(1, 7)]
    streams += [_open(crierd, address=f"fe80::{n:x}") for n in range(1, 7)]
    tap.ok(True, "other networks, and hosts of the link")
    streams += [_open(crierd, address="192.0.2.2") for _n in range(5)]
    streams += [_open(crierd, address="") for _n in range(7)]
    streams += [_open(crierd, address="unix:") for _n in range(7)]
    tap.ok(True, "what is no address is not counted")
    status = crierd.status()
    tap.eq((status["streams_user_full"], status["streams_address_full"],
            status["streams_turned_away"]), (5, 5, 10), "status counts them")
    tap.eq((status["limits"]["max_streams_per_user"],
            status["limits"]["max_streams_per_address"]), (3, 5),
           "and shows the limits")
    tap.eq(len([line for line in crierd.log_text().splitlines()
                if "max-streams-per" in line]), 1,
           "the log has one line, not one for each")
    streams.pop(0).close()
    crierd.wait_streams(len(streams))
    streams.append(_open(crierd, user="anna", address="192.0.2.1"))
    tap.ok(True, "when one has left there is room again")
    _is_asked_again(tap, crierd, "max-streams-per-user", "for one", **anna)
    _reload(tap, crierd, streams, anna)
    for stream in streams:
        stream.close()
    crierd.wait_streams(0)


def _reload(tap, crierd, streams, anna):
    """With those in place who came before."""
    with open(crierd.config, "w", encoding="utf-8") as config:
        config.write("max-streams-per-user = 4\n")
    _hang_up(crierd, 4)
    streams.append(_open(crierd, user="anna", address="192.0.2.1"))
    _is_asked_again(tap, crierd, "max-streams-per-user",
                    "a reload: above the new limit", **anna)
    with open(crierd.config, "w", encoding="utf-8") as config:
        config.write("max-streams-per-user = 0\n")
    _hang_up(crierd, 0)
    streams += [_open(crierd, user="anna") for _n in range(5)]
    tap.ok(True, "a reload: no limit")


def _hang_up(crierd, limit):
    crierd.proc.send_signal(signal.SIGHUP)
    proc.wait_for(lambda: crierd.status()["limits"]["max_streams_per_user"]
                  == limit, "the new configuration")


def the_queue_has_no_limit(tap, place):
    crierd = Crierd(place, ["max-streams-per-user=1",
                            "max-streams-per-address=1"]).start()
    queues = [crierd.connect() for _n in range(5)]
    for queue in queues:
        queue.send({"do": "stream", "channel": ["room"]})
        tap.ok(queue.line().startswith(b"retry:"), "a stream of the queue's")
    for queue in queues:
        queue.close()
    crierd.wait_streams(0)


def closes_all_tabs(tap, place):
    crierd = Crierd(place).start()
    watcher = Watcher(place, crierd)
    tabs = [_open(crierd, channel, "anna")
            for channel in ("a", "b", "a", "c")]
    others = [_open(crierd, "a", "bert"), _open(crierd, "a")]
    done = crierd.crier("close", "-v", "--user", "anna")
    tap.eq((done.returncode, done.stdout), (0, b"closed 4\n"),
           "close --user: all tabs")
    for tab in tabs:
        tab.wait_end()
    proc.wait_for(lambda: len([e for e in watcher.all()
                               if e["do"] == "close"]) == 4, "four closes")
    tap.eq({(e["user"], e["reason"]) for e in watcher.all()
            if e["do"] == "close"}, {("anna", "closed")},
           "and $streams tells of each")
    tabs = [_open(crierd, "a", "anna"), _open(crierd, "b", "anna")]
    crierd.crier("close", "--stop", "--user", "anna")
    for tab in tabs:
        tab.wait_end()
    for channel in ("a", "new"):
        with Direct(crierd.listen, "/events/" + channel,
                    REMOTE_USER="anna").wait_end() as again:
            tap.eq((again.status, again.raw), (204, b""),
                   "close --stop --user: 204 afterwards")
    tap.ok(not any(stream.ended for stream in others), "others stay")
    for stream in others:
        stream.close()


TESTS = (tells_who_is_there, limits, the_queue_has_no_limit, closes_all_tabs)
