# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""crierd and a web server before it, on one bench."""

import os
import re
import select
import shutil
import subprocess

from lib import daemon, proc, servers, sse, web

EVENT_ID = re.compile(r"^(\d+)-(\d+)$")
IDS_FIRST = re.compile(r"^retry: \d+\n\nid: (\d+-\d+)\n\n")


class Site:
    def __init__(self, place, kind, options=(), config="", patience=60):
        self.place = place
        self.kind = kind
        server = servers.KINDS[kind]
        if server.starts_crierd:
            self.crierd = daemon.Spawned(place, options, config)
        else:
            self.crierd = daemon.Crierd(place, options, config).start()
        self.web = server(place, self.crierd)
        self.web.patience = patience
        self.web.start()
        if server.starts_crierd:
            self.crierd.start()

    @property
    def port(self):
        return self.web.port

    def get(self, target, **more):
        return web.Exchange(self.port, target, **more)

    def fetch(self, target, **more):
        return self.web.fetch(target, **more)

    def curl(self, target, *options, port=None):
        return self.place.own(Curl(self.place, port or self.port, target,
                                   options))


class Curl:
    """A real curl -N, its output parsed as it comes."""

    def __init__(self, place, port, target, options=()):
        program = shutil.which("curl")
        if not program:
            raise AssertionError("curl is not installed")
        log = open(place.log("curl.log"), "ab")
        with log:
            self.popen = subprocess.Popen(
                [program, "-sSk", "-N", *options,
                 f"http{'s' if port in web.TLS else ''}://127.0.0.1:"
                 f"{port}{target}"],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log)
        os.set_blocking(self.popen.stdout.fileno(), False)
        self.parser = sse.Parser()
        self.raw = b""

    @property
    def events(self):
        return self.parser.events

    def pump(self):
        select.select([self.popen.stdout], [], [], 0.05)
        octets = self.popen.stdout.read(1 << 16)
        if octets:
            self.raw += octets
            self.parser.feed(octets)

    def wait(self, condition, what, seconds=10):
        def look():
            self.pump()
            return condition()
        return proc.wait_for(look, f"curl: {what}; got {self.raw[-300:]!r}",
                             seconds)

    def wait_open(self):
        self.wait(lambda: self.parser.primings, "the first id")
        return self

    def wait_events(self, count, seconds=10):
        self.wait(lambda: len(self.events) >= count, f"{count} events",
                  seconds)
        return self.events[:count]

    def destroy(self):
        self.popen.kill()
        self.popen.wait()
        self.popen.stdout.close()


def id_key(event_id):
    """An id of crier's own form, as something that can be compared."""
    found = EVENT_ID.match(event_id)
    if not found:
        raise AssertionError(f"not an id of ours: {event_id!r}")
    return int(found[1]), int(found[2])


def is_rising(ids):
    keys = [id_key(event_id) for event_id in ids]
    return all(a < b for a, b in zip(keys, keys[1:]))


def data_of(stream):
    """The data of the events that have no name."""
    return [event.data for event in stream.events if event.type == "message"]


def named(stream, kind):
    return [event for event in stream.events if event.type == kind]
