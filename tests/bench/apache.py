# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""crierd behind Apache, by mod_proxy_fcgi and by mod_crier, and behind nginx
with our module and without, against nchan."""

import servers
import servers_apache
from load import deliveries_per_second
from report import median
from targets import cost, p50, p99, with_server

FCGI, RELAY, PASS, NCHAN = "mod_proxy_fcgi", "relayed", "passed", "nchan"
NGINX, NGINX_PASS = "nginx", "passed by nginx"
ALL = {FCGI: servers_apache.ApacheFcgi, RELAY: servers_apache.ApacheRelay,
       PASS: servers_apache.ApachePass, NGINX: servers.Nginx,
       NGINX_PASS: servers.NginxPass, NCHAN: servers.Nchan}


ALL_TLS = {FCGI: servers_apache.ApacheFcgiTls,
           RELAY: servers_apache.ApacheRelayTls}


def memory(found):
    return found["rss_per_stream"] / 1024


def opening(found):
    return found["streams"] / found["open"]["ms"] * 1000


# The scenario, what of it, its unit; whether more of it is better; what it may
# be beside mod_proxy_fcgi, relayed and passed; and passed beside nchan.
ROWS = (
    ("10/s", cost, "CPU a delivery, 10/s", "us", False, 0.55, 0.25, 1),
    ("10/s", memory, "memory a stream", "KB", False, 0.5, 0.5, None),
    ("10/s", opening, "streams opened", "/s", True, None, None, None),
    ("10/s", p50, "p50, 10/s", "ms", False, None, None, None),
    ("10/s", p99, "p99, 10/s", "ms", False, None, None, None),
    ("50/s", p50, "p50, 50/s", "ms", False, None, None, None),
    ("50/s", p99, "p99, 50/s", "ms", False, None, None, None),
    ("burst", deliveries_per_second, "deliveries, burst", "/s", True, None,
     None, None),
    ("burst", cost, "CPU a delivery, burst", "us", False, None, None, None))


def judge(report, found, n, how=""):
    for scenario, value, what, unit, most, relay, passed, nchan in ROWS:
        runs = found[scenario]
        for ours, base, limit in ((RELAY, FCGI, relay), (PASS, FCGI, passed),
                                  (PASS, NCHAN, nchan),
                                  (NGINX_PASS, NGINX, None),
                                  (NGINX_PASS, NCHAN, nchan)):
            if ours in runs and base in runs:
                report.row(10, f"{ours}{how}, {n}: {what}",
                           median(runs[ours], value), unit, limit,
                           median(runs[base], value), base, at_least=most)


def servers_of(report, servers_by_name, sizes, paced, burst, how=""):
    for n in sizes:
        found = {}
        for scenario, rate in (("10/s", 10), ("50/s", 50), ("burst", 0)):
            events = {10: paced, 50: paced * 5, 0: burst}[rate]
            found[scenario] = report.measure(
                f"Apache{how}, {scenario}, {n}",
                {name: lambda make=make: with_server(make, n, events, rate)
                 for name, make in servers_by_name.items()},
                3 + n / 700 + paced / 10)
        judge(report, found, n, how)


def apache(report, sizes, paced, burst, full):
    """Without full: of those that have something to reach."""
    report.title(10, "Behind Apache and nginx: what our modules save")
    few = {name: ALL[name] for name in (FCGI, RELAY, PASS, NCHAN)}
    servers_of(report, ALL if full else few, sizes, paced, burst)
    if full:
        servers_of(report, ALL_TLS, sizes, paced, burst, ", TLS")
