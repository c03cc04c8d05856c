# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""What a web server asks a password for cannot be had by another spelling.

A web server decodes a path before it looks for a rule, or it does not, and
crierd gets the path as it was sent and decodes it by itself.  Where the two
come to different ends a rule is passed by.
"""

import time

from lib import passwords, proc, ways, web
from lib.web import ACCEPT

PATH = "/events/private"
RIGHT = {"Authorization": passwords.basic("ann"), **ACCEPT}

# All of them come, one way or another, to PATH + "/x".
SPELLINGS = (
    "/events/private/x", "/events/private%2Fx", "/events/private%2fx",
    "/events%2Fprivate/x", "/events%2fprivate%2fx", "/%2Fevents/private/x",
    "/events//private/x", "//events/private/x", "/events/private//x",
    "/events/%2Fprivate/x", "/events%2F/private/x", "/events/private/%2Fx",
    "/events/%2Fprivate%2Fx",
    "/events/./private/x", "/events/private/./x", "/./events/private/x",
    "/events/%2e/private/x", "/events/.%2Fprivate/x",
    "/events/a/../private/x", "/events/private/../private/x",
    "/events/a/%2e%2e/private/x", "/events/a/..%2Fprivate/x",
    "/events/a%2F..%2Fprivate%2Fx", "/x/../events/private/x",
    "/events/../events/private/x",
    "/events/%70rivate/x", "/events/privat%65/x", "/events/%70rivate%2Fx",
    "/%65vents/private/x", "/events/private/%78", "/events/p%72ivate//x",
    "/events/%2570rivate/x", "/events/private%252Fx", "/events/private%255Cx",
    "/events/private;/x", "/events/private;a=b/x", "/events;a/private/x",
    "/events/;/private/x", "/events/private/x;a", "/events/private%3B/x",
    "/events/PRIVATE/x", "/Events/private/x", "/EVENTS/PRIVATE/X",
    "/events/%50RIVATE/x",
    "/events/private/x/", "/events/private/x//", "/events/private/x/.",
    "/events/private/x%2F", "/events/private/x/..%2Fx",
    "/events/private/x?", "/events/private/x?channel=y",
    "/events/private/x?/../../events/public", "/events/private/x??",
    "/events/private%3F/x", "/events/private/x%3F", "/events/private%3Fx",
    "/events/private%23/x", "/events/private/x#y", "/events?/private/x",
    "/events/private\\x", "/events/private%5Cx", "/events\\private\\x",
    "/events/private%00/x", "/events/private/x%00", "/events/%00/private/x",
    "/events/private%09/x", "/events/private%20/x", "/events/private/x%20",
    "/events/private%C0%AFx", "/events/private%E2%81%84x",
    "/events/%c0%ae/private/x", "/events/p%EF%BD%92ivate/x",
    "http://localhost/events/private/x", "http://localhost/events/private%2Fx",
    "http://localhost//events/%70rivate/x")


class Asker:
    """One request without a password, and what comes of it."""

    def __init__(self, port, target):
        self.target = target
        self.stream = None
        try:
            self.stream = web.Exchange(port, target, headers=ACCEPT)
            self.stream.wait_head()
            self.status = self.stream.status
        except (proc.Late, web.Broken, OSError) as error:
            self.status = str(error)

    def events(self):
        """What has come to it until now."""
        if self.stream:
            self.stream.pump()
        return self.stream.events if self.stream else []

    def close(self):
        if self.stream:
            self.stream.close()


def _reach(way):
    """Who gets an event of the channel: with the password, and without."""
    with web.Exchange(way.port, SPELLINGS[0], headers=RIGHT) as allowed:
        allowed.wait_open()
        askers = [Asker(way.port, target) for target in SPELLINGS]
        with way.crierd.connect() as queue:
            for channel in ("private/x", "private"):
                queue.publish(channel, "secret")
        allowed.wait_events(1)
        end = time.monotonic() + 0.3 * proc.SLOW
        while time.monotonic() < end:
            for asker in askers:
                asker.events()
            time.sleep(0.02)
        for asker in askers:
            asker.close()
        return allowed.status, askers


def a_password(tap, place, name, more=""):
    users = passwords.write(place)

    def prepare(web_server):
        web_server.protect(PATH, users)
        web_server.append(more)
    way = ways.Way(place, name, prepare=prepare)
    with web.Exchange(way.port, "/events/public/x") as other:
        other.wait_open()
        tap.eq(other.status, 200, "another path asks for no password")
    status, askers = _reach(way)
    tap.eq(status, 200, f"{PATH}/x with the password")
    tap.eq(askers[0].status, 401, f"{PATH}/x without it")
    for asker in askers:
        tap.ok(not asker.events(), f"{asker.target} without it: "
               f"{asker.status}, and nothing", asker.events())


def apache_says_no_decode(tap, place, name):
    """As our own files once told to say in a virtual host."""
    a_password(tap, place, name, "\nAllowEncodedSlashes NoDecode\n")


# Where no password is asked for, none of these makes a client a user.
NAMES = (
    {"Authorization": passwords.basic("ann")},
    {"Authorization": passwords.basic("ann", "x")},
    {"authorization": "basic " + passwords.basic("ann").split()[1]},
    {"Authorization": 'Digest username="ann", realm="x", uri="/"'},
    {"Authorization": "Bearer ann"}, {"Authorization": "ann"},
    {"Proxy-Authorization": passwords.basic("ann")},
    {"Remote-User": "ann"}, {"REMOTE_USER": "ann"}, {"Remote_User": "ann"},
    {"HTTP_REMOTE_USER": "ann"}, {"X-Remote-User": "ann"},
    {"X-Forwarded-User": "ann"}, {"Auth-User": "ann"},
    {"Redirect-Remote-User": "ann"}, {"Cookie": "REMOTE_USER=ann"},
)


def a_name_alone(tap, place, name):
    way = ways.Way(place, name, """
        channel "user/**" { subscribe = user }
        channel "own/*" { subscribe = owner }
        """)
    for headers in ({}, *NAMES):
        for target in ("/events/user/x", "/events/own/ann"):
            with web.Exchange(way.port, target,
                              headers={**headers, **ACCEPT}) as answer:
                answer.wait_head()
                tap.ok(answer.status in (400, 401, 403),
                       f"{target} with {headers}", answer.status)


TESTS = ways.each(a_name_alone) + ways.each(a_password) + ways.each(apache_says_no_decode, [
    name for name in ways.WAYS if name.startswith("apache/")])
