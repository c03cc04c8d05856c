# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""crier doctor behind web servers that start crierd themselves, and behind
those that doctor_tests.py does not have."""

from typing import NamedTuple

from lib import bench, servers, started, started_servers
from lib.daemon import Crierd
from cases.doctor_tests import (directives, doctor, faults, judge,
                                needs_curl)

LATE = ("leaving-late", "heartbeat = ")
FOUR = '"max-procs" => 4'


class Case(NamedTuple):
    """As in doctor_tests; how is the attachment that is recognised, one of
    several, and edits are of what the server includes."""
    name: str
    server: type
    how: tuple
    edits: tuple = ()
    heartbeat: int = 1
    expect: tuple = ()
    warning: tuple = ()
    also: tuple = ()
    options: tuple = ()

    @property
    def kind(self):
        return self.server.name


CGI = ("cgi by handoff",)
FASTCGI = ("fastcgi",)
HANDED = ("fastcgi by handoff",)
# Where the process that gets the request may be the hub itself.
EITHER = FASTCGI + HANDED

# Apache and the like notice at a heartbeat who has left, so these have longer
# ones.  Timeouts are such that a busy machine may start crierd in them.
CASES = (
    Case("mod_fcgid as shipped", started_servers.ApacheFcgid, HANDED,
         heartbeat=2, warning=LATE),
    Case("mod_fcgid that buffers", started_servers.ApacheFcgid, HANDED,
         (("\nFcgidOutputBufferSize 0\n", "\n"),),
         expect=("held-back", "FcgidOutputBufferSize 0\n")),
    Case("mod_fcgid with a short timeout", started_servers.ApacheFcgid,
         HANDED, (("\tIOTimeout 3600 ", "\tIOTimeout 3 "),), heartbeat=8,
         expect=("cut-off", "IOTimeout 3600\nFcgidIOTimeout 3600\n")),
    # With FcgidCmdOptions it counts for nothing; so say those.
    Case("mod_fcgid with its own timeout", started_servers.ApacheFcgid,
         HANDED, (("\nFcgidOutputBufferSize",
                   "\nFcgidIOTimeout 1\nFcgidOutputBufferSize"),),
         heartbeat=4, warning=LATE),
    # The process that is too busy is gone.
    Case("mod_fcgid with a short busy timeout", started_servers.ApacheFcgid,
         HANDED, (("\nFcgidOutputBufferSize", "\nFcgidBusyTimeout 3\n"
                   "FcgidBusyScanInterval 1\nFcgidOutputBufferSize"),),
         heartbeat=6, warning=LATE),

    Case("mod_cgid as shipped", started_servers.ApacheCgid, CGI,
         heartbeat=2, warning=LATE),
    Case("mod_cgid with a short timeout", started_servers.ApacheCgid, CGI,
         (("Timeout 60\n", "Timeout 3\n"),), heartbeat=8,
         expect=("cut-off", "CGIDScriptTimeout 3600\n")),
    Case("mod_cgid, and what mends that", started_servers.ApacheCgid, CGI,
         (("Timeout 60\n", "Timeout 3\nCGIDScriptTimeout 3600\n"),),
         heartbeat=8, warning=LATE),

    Case("lighttpd's mod_cgi as shipped", started_servers.LighttpdCgi, CGI,
         heartbeat=2, warning=LATE),
    Case("lighttpd's mod_cgi that buffers", started_servers.LighttpdCgi, CGI,
         (("server.stream-response-body = 2",
           "server.stream-response-body = 0"),),
         expect=("held-back", "server.stream-response-body = 2\n")),
    # They are about processes, which have left.
    Case("lighttpd's mod_cgi with limits", started_servers.LighttpdCgi, CGI,
         (("cgi.assign =", 'cgi.limits = ( "read-timeout" => 3,'
           ' "tcp-fin-propagate" => "SIGTERM" )\ncgi.assign ='),),
         heartbeat=8, warning=LATE),
    Case("lighttpd starts one", started_servers.LighttpdSpawn, FASTCGI,
         heartbeat=3),
    Case("lighttpd starts four", started_servers.LighttpdSpawnFour, EITHER,
         heartbeat=3),
    Case("lighttpd starts four, with a short timeout",
         started_servers.LighttpdSpawnFour, EITHER,
         ((FOUR, FOUR + ', "read-timeout" => 1'),),
         heartbeat=8, expect=("cut-off", '"read-timeout" => 3600\n')),
    Case("lighttpd starts two that share no queue",
         started_servers.LighttpdSpawn, ("unknown",) + EITHER,
         (('( "/events" => ( (', '''( "/events" => ( (
             "bin-path" => "PLACE/libexec/crier.fcgi",
             "socket" => "PLACE/run/other-fcgi.sock", "max-procs" => 1,
             "bin-environment" => ( "CRIER_QUEUE" => "PLACE/other/queue.sock",
                 "CRIER_CONF" => "PLACE/crierd.conf" ),
             "check-local" => "disable",
             "tcp-fin-propagate" => "enable" ), ('''),),
         expect=("several-crierds", '"max-procs" => 1\n'),
         also=("several-crierds",
               '"CRIER_QUEUE" => "/run/crier/queue.sock"\n')),

    Case("HAProxy as shipped", servers.HAProxy, FASTCGI, heartbeat=3,
         options=("--server", "haproxy")),
    Case("Caddy as shipped", servers.Caddy, FASTCGI, heartbeat=2,
         warning=LATE),
    Case("h2o as shipped", servers.H2o, FASTCGI, heartbeat=2, warning=LATE),
)


def edited(kind, edits):
    """A server that starts crierd, with edits in what it includes."""
    class Edited(kind):
        def parts(self):
            texts = super().parts()
            for old, new in edits:
                if not any(old in text for text in texts):
                    raise AssertionError(f"not in the configuration: {old}")
                new = new.replace("PLACE", self.place.dir)
                texts = [text.replace(old, new) for text in texts]
            return texts
    return Edited


def begin(place, number, case):
    """Start one case; its doctor, as a thread."""
    corner = bench.Corner(place, str(number))
    config = f"heartbeat = {case.heartbeat}\n"
    if issubclass(case.server, started_servers.Starting):
        corner.make_dir("other")
        crierd = started.Hub(corner, config)
        web = edited(case.server, case.edits)(corner, crierd)
    else:
        crierd = Crierd(corner, config=config).start()
        web = case.server(corner, crierd)
    web.start()
    return bench.Thread(doctor, crierd,
                        f"http://127.0.0.1:{web.port}/events", *case.options)


def configurations(tap, place):
    """All side by side: nearly all of the time is waiting."""
    runs = []
    for number, case in enumerate(CASES):
        missing = case.server.missing()
        if missing:
            tap.skip(case.name, f"{missing} is not installed")
        else:
            runs.append((case, begin(place, number, case)))
    for case, run in runs:
        outcome = run.finish(120)
        judge(tap, case, outcome)
        tap.ok(outcome[1].get("attachment") in case.how,
               f"{case.name}: {' or '.join(case.how)}",
               outcome[1].get("attachment"))


def needs_lighttpd(function):
    def wrapped(tap, place):
        missing = started_servers.LighttpdCgi.missing()
        if missing:
            tap.skip(function.__name__, f"{missing} is not installed")
        else:
            function(tap, place)
    wrapped.__name__ = function.__name__
    return wrapped


@needs_lighttpd
def handoff_not_allowed(tap, place):
    """crier.cgi is another user than the crierd of the system."""
    if not bench.IS_ROOT:
        tap.skip("handoff-allow", "only root can be several users")
        return
    system = Crierd(place, ["user=nobody", "queue-mode=0666"],
                    user=False).start()
    web = started_servers.LighttpdCgi(place, system).start()
    code, report, said = doctor(system, f"http://127.0.0.1:{web.port}/events")
    tap.ok(code == 1 and faults(report, "FAULT") == {"gateway"}
           and "handoff-allow = " in directives(report, "gateway"),
           "503: handoff-allow is named", f"{code} {report} {said}")


@needs_lighttpd
def another_queue(tap, place):
    """The web server's programs have another one than the doctor."""
    elsewhere = place.make_dir("elsewhere") + "/queue.sock"
    hub = started.Hub(place, queue=elsewhere)
    ours = Crierd(place)
    web = edited(started_servers.LighttpdCgi,
                 ((ours.queue, elsewhere),))(place, hub).start()
    url = f"http://127.0.0.1:{web.port}/events"
    code, _report, said = doctor(ours, url)
    tap.ok(code == 69 and "no crierd" in said,
           "69: the web server's crierd is not at this queue", said)
    ours.start()
    code, report, said = doctor(ours, url)
    tap.ok(code == 1 and faults(report, "FAULT") == {"other-crierd"}
           and "CRIER_QUEUE=" in directives(report, "other-crierd"),
           "another crierd: CRIER_QUEUE is named", f"{code} {report} {said}")


TESTS = [needs_curl(function) for function in (
    configurations, handoff_not_allowed, another_queue)]
