# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""mod_crier under valgrind: streams come and go in every way."""

import os
import random
import re
import shutil
import time

from cases.mod_crier_pass_tests import doors_of
from lib import proc, servers, web
from lib.server_mod_crier import (ModCrier, ModCrierPass, ModCrierTls,
                                  ModCrierWorker)
from lib.server_nginx import NginxPass
from lib.site import Site

STREAMS = int(os.environ.get("CRIER_CHURN", "120"))
AT_ONCE = 30
OPEN = 5  # streams at the server's end


def under_valgrind(kind):
    class Wrapped(kind):
        mpm_conf = ("StartServers 1\nThreadsPerChild 25\n"
                    "MaxRequestWorkers 25\nServerLimit 1\n")

        def arguments(self, conf):
            self.report = self.place.path("valgrind.log")
            command = super().arguments(conf)
            if isinstance(self, ModCrier):
                command = [self.binary, "-X", "-f", conf]
            return [shutil.which("valgrind"), "--leak-check=no",
                    f"--log-file={self.report}", *command]

        def _came_up(self):
            proc.wait_for(lambda: not self.proc.alive()
                          or proc.can_connect(self.port), "Apache", 60)
            return self.proc.alive()
    return Wrapped


def descriptors(site):
    return len(os.listdir(f"/proc/{site.web.proc.pid}/fd"))


def leave(stream, how):
    """One of the ways in which clients leave."""
    if how == 0:
        stream.reset()
    elif how == 1:
        stream.socket.shutdown(1)
    elif how == 2:
        stream.socket.sendall(b"GET /junk HTTP/1.1\r\n" * 20)
    stream.close()


def churn(site, kind):
    """Streams come and go, in every way; how many there were."""
    dice = random.Random(1)
    done = 0
    # A handshake takes valgrind a tenth of a second.
    wanted = STREAMS // 4 if kind is ModCrierTls else STREAMS
    while done < wanted:
        streams = []
        for _n in range(min(AT_ONCE, 18 if kind is ModCrierWorker else 99)):
            try:
                streams.append(web.Exchange(site.port, "/events/a"))
            except OSError:
                continue
        for stream in streams:
            if dice.random() < 0.8:
                stream.wait(lambda stream=stream: stream.body
                            or stream.ended, "a head", 60)
        site.crierd.publish("a", "x" * dice.choice((10, 3000, 60000)))
        if dice.random() < 0.2:
            site.crierd.crier("close", "a")
        site.fetch("/events?channel=a%20b")
        for stream in streams:
            if not stream.ended:
                leave(stream, dice.randrange(4))
        done += len(streams)
    return done


def check(tap, place, kind, door="fastcgi"):
    """door: where crierd has the streams."""
    left = 0 if door == "passed" else 2  # descriptors of a stream
    name = f"{kind.name}, valgrind"
    servers.KINDS[name] = under_valgrind(kind)
    site = Site(place, name, config='channel "**" { keep-bytes = 256K }\n')
    site.fetch("/events?channel=a%20b")
    before = descriptors(site)
    start = time.monotonic()
    done = churn(site, kind)
    site.crierd.wait_streams(0)
    proc.wait_for(lambda: descriptors(site) <= before,
                  f"{descriptors(site)} descriptors to be {before}", 60)
    tap.ok(site.web.proc.alive(),
           f"{done} streams in {time.monotonic() - start:.0f} s: all "
           "descriptors are back, and the server is there")
    streams = [site.get("/events/a").wait_open() for _n in range(OPEN)]
    tap.eq(doors_of(site), {door}, f"{OPEN} more are {door}")
    # The event MPM crashes by itself if it is stopped in the very moment in
    # which it closes a connection (ap_queue_info_push_pool against
    # ap_queue_info_free_idle_pools), and passed streams' are closed by it.
    proc.wait_for(lambda: descriptors(site) <= before + left * OPEN,
                  "the streams to be passed", 60)
    site.web.stop()
    for stream in streams:
        stream.close()
    with open(site.web.report, encoding="utf-8") as file:
        report = file.read()
    tap.ok(re.search(r"ERROR SUMMARY: 0 errors", report),
           "the server ends: valgrind has nothing to say",
           report[-3000:])


def relayed(tap, place):
    check(tap, place, ModCrier)


def relayed_by_tls(tap, place):
    check(tap, place, ModCrierTls)


def held(tap, place):
    check(tap, place, ModCrierWorker)


def passed(tap, place):
    check(tap, place, ModCrierPass, "passed")


TESTS = tuple((test, None) for test in (relayed, relayed_by_tls, held, passed))


class NginxAlone(NginxPass):
    """One process, which valgrind sees."""

    def main_conf(self):
        return super().main_conf().replace(
            "worker_processes 2;", "master_process off;")


def passed_by_nginx(tap, place):
    check(tap, place, NginxAlone, "passed")


NGINX_TESTS = ((passed_by_nginx, None),)
