# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""crierd as one or several processes that a server or spawn-fcgi started."""

import os
import signal

from lib import daemon, proc, started
from lib.reconnect import Reconnector, wait_all
from cases.started_basic import (answers, bind, events, leaving, many,
                                 query_is_no_option, site_of)
from lib.started_servers import (LighttpdSpawn, LighttpdSpawnFour,
                                 NginxSpawnFcgi)

STREAMS = 100
EVENTS = 500
KILL_AT = 250


class Publisher:
    """Publishes each event until some hub says that it has it.

    By its key a hub knows an event that another has acknowledged to nobody.
    """

    def __init__(self, hub):
        self.hub = hub
        self.queue = None

    def publish(self, number):
        return proc.wait_for(lambda: self._try(number),
                             f"event {number} is taken", 30)

    def _try(self, number):
        try:
            if self.queue is None:
                self.queue = self.hub.connect()
            reply = self.queue.ask({"channel": "news", "data": str(number),
                                    "key": f"event {number}"})
        except (OSError, AssertionError, ValueError):
            self.queue = None
            return None
        return reply["id"] if reply["ok"] else None


def alive():
    return [pid for pid, state in started.processes("crier.fcgi")
            if state != "Z"]


def hub_killed(tap, place, server, processes):
    """Half-way the hub is killed: another process is the hub then."""
    site = site_of(place, server, "heartbeat = 25\nretry = 100\n")
    proc.wait_for(site.hub.is_up, "a hub")
    proc.wait_for(lambda: len(alive()) == processes,
                  f"{processes} processes", 30)
    clients = [place.own(Reconnector(site.port, "/events/news", seed=n,
                                     longest_wait=0.2))
               for n in range(STREAMS)]
    wait_all(clients, lambda c: c.last_event_id, "a first id")
    site.hub.wait_streams(STREAMS)
    if processes > 1:
        handed = site.hub.status()["fastcgi"]["handoffs"]
        tap.ok(handed > 0, "doors have handed streams over",
               f"{handed} of {STREAMS}")
    publisher = Publisher(site.hub)
    ids = [publisher.publish(n) for n in range(KILL_AT)]
    old = site.hub.pid
    os.kill(old, signal.SIGKILL)
    ids += [publisher.publish(n) for n in range(KILL_AT, EVENTS)]
    wait_all(clients, lambda c: len(c.data()) >= EVENTS, "all events", 90)
    want = [(str(n), event_id) for n, event_id in enumerate(ids)]
    wrong = [c for c in clients
             if [(e.data, e.id) for e in c.events] != want]
    tap.ok(not wrong, f"{STREAMS} streams get {EVENTS} events, each once, in "
           "order, and no gap", *[c.describe() for c in wrong[:3]])
    tap.ok(site.hub.pid != old, "another process is the hub")
    return site


def hub_killed_and_respawned(tap, place, server, processes):
    site = hub_killed(tap, place, server, processes)
    proc.wait_for(lambda: len(alive()) == processes,
                  "the killed one is started again", 30)
    hub = site.hub.pid
    tap.ok(hub in alive(), "there are as many processes as before")
    # What was started again is a door: the hub is the same, and requests
    # that come to each of the sockets are served.
    streams = [site.get("/events/more").wait_open() for _n in range(20)]
    site.hub.publish("more", "x")
    for stream in streams:
        stream.wait_events(1)
        stream.close()
    tap.eq(site.hub.pid, hub, "the new one is a door, and serves")


def all_killed(tap, place, server):
    """One after the other becomes the hub, until none is left."""
    site = site_of(place, server, "retry = 100\n")
    proc.wait_for(lambda: len(alive()) == server.processes,
                  "all processes", 30)
    client = place.own(Reconnector(site.port, "/events/news",
                                   longest_wait=0.2))
    wait_all([client], lambda c: c.last_event_id, "a first id")
    publisher = Publisher(site.hub)
    ids = []
    for number in range(server.processes):
        ids.append(publisher.publish(number))
        if number + 1 < server.processes:
            site.hub.kill()
    wait_all([client], lambda c: len(c.data()) >= len(ids), "all events", 60)
    tap.eq([(e.type, e.id) for e in client.events],
           [("message", event_id) for event_id in ids],
           "each event once, and no gap")
    tap.eq([client.failed, len(alive())], [None, 1], "the last one serves")


def restart(tap, place, server):
    """The server's restart is crierd's, and nothing is missed."""
    site = site_of(place, server, "retry = 100\n")
    client = place.own(Reconnector(site.port, "/events/news",
                                   longest_wait=0.2))
    wait_all([client], lambda c: c.last_event_id, "a first id")
    ids = [site.hub.publish("news", "before")]
    site.web.restart()
    publisher = Publisher(site.hub)
    ids.append(publisher.publish(2))
    wait_all([client], lambda c: len(c.data()) >= 2, "both events", 60)
    tap.eq([e.id for e in client.events if e.type != "crier.end"], ids,
           "both events, without a gap")


def system_crierd(tap, place, server):
    """With a crierd on the queue already, the spawned ones are its doors."""
    system = daemon.Crierd(place, ["heartbeat=25"])
    system.start()
    site = started.Started(place, server(place, system), system)
    with site.get("/events/news") as stream:
        stream.wait_open()
        system.publish("news", "from the system's")
        stream.wait_events(1)
        status = system.status()
        tap.eq((status["pid"], status["streams"]), (system.pid, 1),
               "the stream is the system's crierd's")
    system.wait_streams(0)


TESTS = [
    bind(hub_killed_and_respawned, LighttpdSpawnFour, 4),
    bind(hub_killed_and_respawned, LighttpdSpawn, 1),
    bind(hub_killed, NginxSpawnFcgi, 3),
    bind(all_killed, NginxSpawnFcgi),
    bind(many, LighttpdSpawnFour, 200),
    bind(restart, LighttpdSpawn),
    bind(restart, LighttpdSpawnFour),
    bind(system_crierd, LighttpdSpawn),
    bind(system_crierd, LighttpdSpawnFour),
]
for SERVER in (LighttpdSpawn, LighttpdSpawnFour, NginxSpawnFcgi):
    TESTS += [bind(events, SERVER, "fastcgi"), bind(answers, SERVER),
              bind(leaving, SERVER), bind(query_is_no_option, SERVER)]
