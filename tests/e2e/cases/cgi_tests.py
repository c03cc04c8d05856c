# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""crier.cgi behind web servers, with the files of conf/."""

import os
import re
import shlex
import subprocess

from lib import bench, daemon, proc, started
from lib.web import ACCEPT
from cases.started_basic import (answers, bind, events, leaving, many,
                                 query_is_no_option, site_of)
from lib.started_servers import (ApacheCgi, ApacheCgid, ApacheHtaccess,
                                 LighttpdCgi)

STREAMS = 200


def all_gone():
    return not started.processes("crier.cgi")


def ended_at_least():
    """mod_cgi asks for a child's end when the response has ended."""
    return all(state == "Z" for _pid, state in started.processes("crier.cgi"))


def handoff_allow(tap, place, server):
    """A hub that is another user's takes no streams unless it is told."""
    if not bench.IS_ROOT:
        tap.skip("handoff-allow", "only root can be several users")
        return
    system = daemon.Crierd(place, ["user=nobody", "queue-mode=0666",
                                   "heartbeat=1"], user=False)
    system.start()
    site = started.Started(place, server(place, system), system)
    refused = site.fetch("/events/news")
    tap.ok(refused.status == 503 and refused.json()["ok"] is False
           and "handoff-allow" in refused.json()["error"],
           "a stream is refused, and why", f"{refused.status} {refused.raw}")
    proc.wait_for(lambda: "handoff-allow" in site.error_log(),
                  "the reason in the server's error log")
    tap.ok(True, "the web server's error log says why")
    tap.eq(system.status()["streams_opened"], 0, "no stream was opened")
    system.stop()
    system.options.append("handoff-allow=" + bench.server_user().pw_name)
    system.start()
    with site.get("/events/news") as stream:
        stream.wait_open()
        system.publish("news", "allowed")
        stream.wait_events(1)
        tap.eq([e.data for e in stream.events], ["allowed"],
               "with handoff-allow it is taken")
        listed = started.Hub.list(system)
        tap.eq([(s["door"], s["address"]) for s in listed],
               [("cgi", "127.0.0.1")], "with who the client is")
    system.wait_streams(0)


def no_place(tap, place, server):
    """Where no crierd can be started: an EventSource comes back."""
    site = site_of(place, server)
    os.chmod(place.run, 0o555)
    if bench.IS_ROOT:
        os.chown(place.run, 0, 0)
    elif os.access(place.run, os.W_OK):
        tap.skip("a directory that cannot be written", "it can")
        return
    answer = site.fetch("/events/news", headers=ACCEPT)
    tap.ok(answer.status == 200 and not answer.events and answer.clean
           and answer.parser.retry and "is not there" in answer.raw.decode(),
           "200, an empty stream that asks to try again",
           f"{answer.status} {answer.raw}")
    proc.wait_for(lambda: place.run in site.error_log(),
                  "the directory in the error log")
    tap.ok("Permission denied" in site.error_log(),
           "the web server's error log says why", site.error_log())


def missing_program(tap, place, server):
    """lighttpd's file has an answer for that, too."""
    site = site_of(place, server)
    for name in ("crierd", "crier.cgi"):
        os.unlink(place.path("libexec", name))
    answer = site.fetch("/events/news", headers=ACCEPT)
    tap.ok(answer.status == 200 and answer.headers.get(
        "content-type", "").startswith("text/event-stream"),
           "without crier.cgi: 200, an empty stream",
           f"{answer.status} {answer.headers}")


def owner_publishes(tap, place, server):
    """Programs run as the web server's user, and the site is another's."""
    if not bench.IS_ROOT:
        tap.skip("the owner", "only root can be several users")
        return
    owner = "nobody"
    with open(os.path.join(bench.SRCDIR, "conf", "apache", "htaccess"),
              encoding="utf-8") as file:
        line = re.search(r"printf '%s\\n' (.*) >~/crier.conf", file.read())
    settings = "\n".join(shlex.split(line[1])) + "\n"
    site = site_of(place, server, settings.replace('"me"', f'"{owner}"'))
    os.chmod(place.run, 0o1777)
    with site.get("/events/news") as stream:
        stream.wait_open()
        for user, text in ((owner, "mine"), ("daemon", "not mine")):
            done = subprocess.run(
                ["setpriv", f"--reuid={user}", "--regid=nogroup",
                 "--clear-groups", *bench.CRIER, "-s", site.hub.queue, "pub",
                 "news", text], capture_output=True, check=False)
            tap.eq(done.returncode, 0 if user == owner else 77,
                   f"{user} publishes: {done.stderr.decode()}")
        stream.wait_events(1)
        tap.eq([event.data for event in stream.events], ["mine"],
               "what its owner publishes comes")


TESTS = [
    bind(many, ApacheCgid, STREAMS, all_gone),
    bind(many, LighttpdCgi, STREAMS, all_gone),
    bind(many, ApacheCgi, STREAMS, ended_at_least),
    bind(missing_program, LighttpdCgi),
    bind(owner_publishes, ApacheHtaccess),
]
for SERVER in (ApacheCgid, ApacheCgi, ApacheHtaccess, LighttpdCgi):
    TESTS += [bind(events, SERVER, "cgi"), bind(answers, SERVER),
              bind(leaving, SERVER), bind(query_is_no_option, SERVER)]
for SERVER in (ApacheCgid, LighttpdCgi):
    TESTS += [bind(handoff_allow, SERVER), bind(no_place, SERVER)]
