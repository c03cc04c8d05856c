# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""mod_crier: several times as many streams as Apache has workers."""

from cases.mod_crier_tests import page_takes, site_of
from lib import crowd, proc
from lib.server_mod_crier import ModCrier, ModCrierTls


def check(tap, place, kind, count):
    """Debian's sizes: 150 workers."""
    site = site_of(place, kind=kind)
    with crowd.Crowd(site.port, ["/events/a"] * count) as streams:
        streams.open()
        site.crierd.wait_streams(count)
        took = []
        for number in range(10):
            site.crierd.publish("a", f"event {number}")
            took.append(page_takes(site))
        tap.ok(max(took) < 1 * proc.SLOW,
               f"{count} streams, 150 workers: pages are served",
               f"seconds: {took}")
        streams.wait_events(10)
        tap.ok(True, "and all events come")
    site.crierd.wait_streams(0, 30)


def plain(tap, place):
    check(tap, place, ModCrier, 700)


def by_tls(tap, place):
    check(tap, place, ModCrierTls, 300)


TESTS = tuple((test, None) for test in (plain, by_tls))
