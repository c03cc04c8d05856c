# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""crier doctor behind real web servers: each with its shipped configuration,
and with what is known to go wrong in it."""

import json
import os
import shutil
import subprocess
from typing import NamedTuple

from lib import bench, crowd, proc, servers
from lib.daemon import Crierd

SERVERS = "/usr/sbin:/usr/bin:/usr/local/sbin"
FIN = '"tcp-fin-propagate" => "enable",'
LIGHTTPD_DEFLATE = "/usr/lib/lighttpd/mod_deflate.so"


class Case(NamedTuple):
    """A configuration, and what is to be said of it.

    edits change the shipped file or the server's own; expect is a fault and
    a directive, or nothing, and also is another fault with its own; warning
    is the same for what is no fault.
    """
    name: str
    kind: str
    edits: tuple = ()
    heartbeat: int = 1
    expect: tuple = ()
    warning: tuple = ()
    also: tuple = ()


CASES = (
    # Leaving is a matter of heartbeats, so these have longer ones.
    Case("nginx as shipped", "nginx", heartbeat=3),
    Case("lighttpd as shipped", "lighttpd", heartbeat=3),
    Case("Apache as shipped", "apache", heartbeat=2,
         warning=("leaving-late", "heartbeat = ")),

    Case("nginx that buffers", "nginx",
         (("fastcgi_buffering off;", "fastcgi_buffering on;"
           " fastcgi_ignore_headers X-Accel-Buffering;"),),
         expect=("held-back", "fastcgi_buffering off;\n")),
    Case("nginx that buffers, but for crierd's header", "nginx",
         (("fastcgi_buffering off;", "fastcgi_buffering on;"),)),
    Case("nginx that buffers and compresses", "nginx",
         (("fastcgi_buffering off;", "fastcgi_buffering on;"
           " fastcgi_ignore_headers X-Accel-Buffering;"), ("gzip off;", "")),
         expect=("held-back", "fastcgi_buffering off;\n"),
         also=("compressed", "gzip off;\n")),
    Case("nginx with a short timeout", "nginx",
         (("fastcgi_read_timeout 1h;", "fastcgi_read_timeout 1s;"),),
         heartbeat=6, expect=("cut-off", "fastcgi_read_timeout 1h;\n")),
    Case("nginx that compresses", "nginx", (("gzip off;", ""),),
         expect=("compressed", "gzip off;\n")),
    Case("nginx that ignores who leaves", "nginx",
         (("ignore_client_abort off", "ignore_client_abort on"),),
         heartbeat=3,
         warning=("leaving-late", "fastcgi_ignore_client_abort off;\n")),
    Case("nginx behind nginx", "nginx",
         (("location = /events {", "location /ahead/ {"
           " proxy_pass http://127.0.0.1:PORT/events/; }\n"
           "location = /events {"),),
         expect=("held-back", "proxy_buffering off;\n"),
         also=("compressed", "gzip off;\n")),

    Case("lighttpd that buffers", "lighttpd",
         (("server.stream-response-body = 2", ""),),
         expect=("held-back", "server.stream-response-body = 2\n")),
    Case("lighttpd with a short timeout", "lighttpd",
         ((FIN, FIN + ' "read-timeout" => 1,'),),
         heartbeat=8, expect=("cut-off", '"read-timeout" => 3600\n')),
    Case("lighttpd that does not tell who leaves", "lighttpd",
         ((FIN, ""),), heartbeat=3,
         warning=("leaving-late", '"tcp-fin-propagate" => "enable"\n')),
    # mod_deflate of 1.4.69 leaves streams alone, whatever it is told.
    Case("lighttpd that compresses text", "lighttpd",
         (('server.modules = (', 'deflate.mimetypes = ( "text/" )\n'
           'deflate.allowed-encodings = ( "gzip" )\n'
           'server.modules = ( "mod_deflate",'),)),

    # No file of Apache's on this machine is read: see doctor().
    Case("Apache with mod_crier, and Debian's MPM", "mod_crier", heartbeat=3,
         warning=("mpm", "AsyncRequestWorkerFactor 400\nMaxSpareThreads 150\n")),
    Case("Apache that passes clients on", "mod_crier_pass", heartbeat=3),

    Case("Apache that buffers", "apache", (("flushpackets=on ", ""),),
         expect=("held-back", " flushpackets=on ")),
    Case("Apache with a short timeout", "apache",
         (("timeout=3600", "timeout=1"),), heartbeat=6,
         expect=("cut-off", " timeout=3600 ")),
    Case("Apache that compresses", "apache", (("SetEnv no-gzip 1", ""),),
         expect=("compressed", "SetEnv no-gzip 1\n")),
)


def edited(kind, edits):
    """The server's class, with the edits in whatever file they are for."""
    class Edited(servers.KINDS[kind]):
        def __init__(self, place, crierd):
            self.done = set()
            super().__init__(place, crierd)

        def _edit(self, text):
            for old, new in edits:
                if old in text:
                    text = text.replace(old, new)
                    self.done.add(old)
            return text.replace(":PORT/", f":{self.port}/")

        def main_conf(self):
            text = self._edit(super().main_conf())
            for path in self.includes:
                with open(path, encoding="utf-8") as conf:
                    self.place.write(os.path.basename(path),
                                     self._edit(conf.read()))
            missing = {old for old, _new in edits} - self.done
            if missing:
                raise AssertionError(f"not in the configuration: {missing}")
            return text
    return Edited


def begin(place, number, case):
    """Start one case; its doctor, as a thread."""
    corner = bench.Corner(place, str(number))
    crierd = Crierd(corner, [f"heartbeat={case.heartbeat}"]).start()
    web = edited(case.kind, case.edits)(corner, crierd).start()
    path = "ahead/{channel}" if "behind" in case.name else "events"
    return bench.Thread(doctor, crierd, f"http://127.0.0.1:{web.port}/{path}")


def debian(place):
    """A folder with the settings of Debian's mpm_event.conf."""
    folder = os.path.join(place.dir, "mods-enabled")
    os.makedirs(folder, exist_ok=True)
    place.write("mods-enabled/mpm.load", "LoadModule mpm_event_module x.so\n")
    place.write("mods-enabled/mpm.conf",
                "MaxSpareThreads 75\nMaxRequestWorkers 150\n")
    return place.dir


def doctor(crierd, url, *options):
    done = crierd.crier("doctor", "-j", "--apache", debian(crierd.place),
                        *options, url, seconds=120)
    try:
        report = json.loads(done.stdout)
    except ValueError:
        report = {}
    return done.returncode, report, done.stderr.decode()


def faults(report, verdict):
    return {check["fault"] for check in report.get("checks", ())
            if check["verdict"] == verdict}


def directives(report, fault):
    return "".join(advice["directive"] for advice in report.get("advice", ())
                   if advice["fault"] == fault)


def check(report, name):
    for one in report.get("checks", ()):
        if one["check"] == name:
            return one
    return {}


def why_not(case):
    """Why a case cannot be tried here, or None."""
    kind = servers.KINDS[case.kind]
    if not shutil.which(kind.program, path=SERVERS) or kind.missing():
        return f"{kind.program} or {kind.missing()} is not installed"
    if "compresses text" in case.name and not os.path.exists(
            LIGHTTPD_DEFLATE):
        return "lighttpd has no mod_deflate"
    return None


def judge(tap, case, outcome):
    code, report, said = outcome
    about = f"status {code}, {said}\n{json.dumps(report, indent=1)}"
    found = faults(report, "FAULT")
    tap.eq(report.get("server"),
           servers.KINDS[case.kind].folder or case.kind,
           f"{case.name}: server")
    wanted = [pair for pair in (case.expect, case.also) if pair]
    for fault, directive in wanted:
        tap.ok(code == 1 and fault in found and report["ok"] is False,
               f"{case.name}: exit status 1, {fault}", about)
        tap.ok(directive in directives(report, fault),
               f"{case.name}: {directive.strip()}", about)
    if wanted:
        tap.ok(found == {fault for fault, _directive in wanted},
               f"{case.name}: no other fault", about)
        return
    tap.ok(code == 0 and not found and report["ok"] is True,
           f"{case.name}: exit status 0", about)
    tap.ok(len(report["measured"]["events"]) == 5
           and report["measured"]["resumed"] == 2
           and report["measured"]["heartbeats"] > 0,
           f"{case.name}: all is measured", about)
    if case.warning:
        fault, directive = case.warning
        tap.ok(fault in faults(report, "warning")
               and directive in directives(report, fault),
               f"{case.name}: warned of {fault}, {directive.strip()}", about)
    elif case.heartbeat > 1:
        tap.ok(check(report, "leaving")["verdict"] == "ok",
               f"{case.name}: leaving is noticed at once", about)


def known_configurations(tap, place):
    """All side by side: nearly all of the time is waiting."""
    runs = []
    for number, case in enumerate(CASES):
        reason = why_not(case)
        if reason:
            tap.skip(case.name, reason)
        else:
            runs.append((case, begin(place, number, case)))
    for case, run in runs:
        judge(tap, case, run.finish(120))


def threads_of_a_crowd(tap, place):
    crierd = Crierd(place, ["heartbeat=1"]).start()
    if servers.KINDS["apache"].missing():
        tap.skip("a crowd", "there is no Apache")
        return
    web = servers.KINDS["apache"](place, crierd).start()
    url = f"http://127.0.0.1:{web.port}/events"
    for count, found in ((0, False), (50, True)):
        with crowd.Crowd(web.port, ["/events/a"] * count) as streams:
            streams.open()
            crierd.wait_streams(count)
            _code, report, said = doctor(crierd, url)
        tap.eq("threads" in faults(report, "warning")
               and "SetHandler crier\n" in directives(report, "threads"),
               found, f"mod_proxy_fcgi, {count} streams: "
               f"mod_crier is {'' if found else 'not '}recommended")
        tap.diag(f"{check(report, 'threads')} {said}")


BUFFERED = (("fastcgi_buffering off;", "fastcgi_buffering on;"
             " fastcgi_ignore_headers X-Accel-Buffering;"),)
POLLS = (
    # name, nginx's edits, crierd's options, behind /events, fault
    ("poll", (), ("poll=1",), "", None),
    ("polls that do not wait", (), (), "?poll=0", None),
    ("long polls", (), (), "?poll=3600", None),
    ("polls behind a buffer", BUFFERED, ("poll=1",), "", None),
    ("long polls behind a buffer", BUFFERED, (), "?poll=3600", None),
    ("polls without Last-Event-ID",
     (("fastcgi_buffering off;", "fastcgi_buffering off;"
       ' fastcgi_param HTTP_LAST_EVENT_ID "";'),), ("poll=1",), "",
     "last-event-id"),
)


def polls(tap, place):
    """Where answers end by themselves, that is no fault."""
    runs = []
    for name, edits, options, query, fault in POLLS:
        corner = bench.Corner(place, name.replace(" ", "-"))
        crierd = Crierd(corner, ["heartbeat=1", "retry=200",
                                 *options]).start()
        web = edited("nginx", edits)(corner, crierd).start()
        runs.append((name, fault, bench.Thread(
            doctor, crierd, f"http://127.0.0.1:{web.port}/events{query}")))
    for name, fault, run in runs:
        code, report, said = run.finish(120)
        about = f"{code} {said}\n{json.dumps(report, indent=1)}"
        if fault:
            tap.ok(code == 1 and fault in faults(report, "FAULT"),
                   f"{name}: {fault}", about)
            continue
        tap.ok(code == 0 and report["ok"] and not report["warnings"],
               f"{name}: all is well", about)
        tap.ok(check(report, "events")["text"].startswith("5 of 5, once")
               and report["measured"]["polls"] >= 3
               and report["measured"]["resumed"] == 2,
               f"{name}: five events came over polls", about)
        tap.eq([check(report, what)["verdict"]
                for what in ("silence", "leaving")], ["-", "-"],
               f"{name}: there is no silence, and nobody leaves")


def polls_beside_streams(tap, place):
    """The first has a stream, some of the others poll, without a wait."""
    crierd = Crierd(place, ["heartbeat=2", "retry=200",
                            "poll-above=2"]).start()
    web = edited("nginx", ())(place, crierd).start()
    url = f"http://127.0.0.1:{web.port}/events"
    code, report, said = doctor(crierd, url)
    tap.ok(code == 0 and check(report, "streams")["verdict"] == "ok"
           and check(report, "silence")["verdict"] == "ok"
           and crierd.status()["polls_served"] == 3,
           "some poll, and are at this crierd", f"{code} {report} {said}")
    other = Crierd(bench.Corner(place, "other"), ["heartbeat=1"]).start()
    crierd.stop()
    crierd = Crierd(place, ["heartbeat=1", "poll=0.1"]).start()
    code, report, said = doctor(other, url)
    tap.ok(code == 1 and faults(report, "FAULT") == {"other-crierd"},
           "polls at another crierd", f"{code} {report} {said}")
    done = crierd.crier("doctor", url, seconds=60)
    tap.ok(done.returncode == 0 and done.stdout.startswith(
        f"{url}\ncrierd polls here, which takes some ".encode())
        and b"silence and" not in done.stdout, "people are told", done)


def other_answers(tap, place):
    """What is there is no stream of this crierd."""
    crierd = Crierd(place, ["heartbeat=1"]).start()
    web = edited("nginx", ())(place, crierd).start()
    at = f"http://127.0.0.1:{web.port}"
    for what, path, fault, word in (
            ("404", "/nothing", "not-found", "nginx/crier.conf"),
            ("a page", "/index.html", "type", "a route to crierd")):
        code, report, said = doctor(crierd, at + path)
        tap.ok(code == 1 and faults(report, "FAULT") == {fault}
               and word in directives(report, fault),
               f"{what} is a fault: {fault}", f"{code} {report} {said}")

    other = Crierd(bench.Corner(place, "other"), ["heartbeat=1"]).start()
    code, report, said = doctor(other, at + "/events")
    tap.ok(code == 1 and faults(report, "FAULT") == {"other-crierd"},
           "another crierd than that of the queue",
           f"{code} {report} {said}")
    crierd.stop()
    code, report, said = doctor(other, at + "/events")
    tap.ok(code == 1 and faults(report, "FAULT") == {"stand-in"}
           and "listen = " in directives(report, "stand-in"),
           "an empty stream in crierd's place", f"{code} {report} {said}")


def several_crierds(tap, place):
    """Two that know nothing of each other, as a server may start them."""
    if not shutil.which("lighttpd", path=SERVERS):
        tap.skip("two crierds", "lighttpd is not installed")
        return
    crierd = Crierd(place, ["heartbeat=1"]).start()
    other = Crierd(bench.Corner(place, "other"), ["heartbeat=1"]).start()
    host = ('"socket" => "%s", "check-local" => "disable", '
            '"tcp-fin-propagate" => "enable"')
    web = edited("lighttpd", (
        ('( "/events" => ( (', '( "/events" => ( ( ' + host % other.listen
         + ' ), ('),))(place, crierd).start()
    code, report, said = doctor(crierd, f"http://127.0.0.1:{web.port}/events")
    tap.ok(code == 1 and "several-crierds" in faults(report, "FAULT")
           and '"max-procs" => 1\n' in directives(report, "several-crierds"),
           "some streams are at another crierd", f"{code} {report} {said}")


def another_crierd_afterwards(tap, place):
    """Who comes back is sent to another one than before: no event of ours is
    there, whatever became of Last-Event-ID."""
    crierd = Crierd(place, ["heartbeat=1"]).start()
    other = Crierd(bench.Corner(place, "other"), ["heartbeat=1"]).start()
    web = edited("nginx", (
        ("fastcgi_buffering off;", "fastcgi_buffering off;"
         f' if ($http_last_event_id) {{ fastcgi_pass unix:{other.listen}; }}'),
    ))(place, crierd).start()
    code, report, said = doctor(crierd, f"http://127.0.0.1:{web.port}/events")
    tap.ok(code == 1 and faults(report, "FAULT") == {"several-crierds"}
           and report["measured"]["resumed"] == 0,
           "a client that comes back is at another crierd",
           f"{code} {report} {said}")


def over_https(tap, place):
    """A certificate that nobody knows; HTTP/2."""
    if not shutil.which("openssl"):
        tap.skip("https", "openssl is not installed")
        return
    key, certificate = place.path("key.pem"), place.path("cert.pem")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
         "-keyout", key, "-out", certificate, "-days", "2", "-subj",
         "/CN=localhost"], check=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    crierd = Crierd(place, ["heartbeat=3"]).start()
    port = proc.free_port()
    web = edited("nginx", (
        ("    server {", f"    server {{ listen 127.0.0.1:{port} ssl http2;"
         f" ssl_certificate {certificate}; ssl_certificate_key {key};"),))(
             place, crierd).start()
    url = f"https://localhost:{port}/events"
    code, report, said = doctor(crierd, url)
    tap.ok(code == 1 and faults(report, "FAULT") == {"certificate"}
           and "certificate" in check(report, "answer")["text"],
           "a bad certificate is told", f"{code} {report} {said}")
    code, report, said = doctor(
        crierd, url.replace("//", "//ann:secret@"), "-k")
    tap.ok(code == 0 and not faults(report, "FAULT")
           and report["measured"]["response"]["http_version"] == "2"
           and check(report, "leaving")["verdict"] == "ok",
           "-k: all is well over HTTP/2", f"{code} {report} {said}")
    tap.eq(report.get("url"), url, "the password is not shown")


def for_people(tap, place):
    """The table; a URL with {channel}; -c, -H and -i."""
    crierd = Crierd(place, ["heartbeat=2"]).start()
    web = edited("nginx", (
        ("    server {", "    server { location /keyed/ {"
         ' if ($http_x_key != "open") { return 403; }'
         " rewrite ^/keyed/(.*)$ /events/$1 last; }"),))(
             place, crierd).start()
    at = f"http://127.0.0.1:{web.port}"
    done = crierd.crier("doctor", "-i", "0.5", at + "/events/a/{channel}",
                        "-c", "a/{channel}", seconds=60)
    text = done.stdout.decode()
    tap.ok(done.returncode == 0 and "\nevents       ok       5 of 5" in text
           and "less than the heartbeat of 2 s" in text
           and text.startswith(at + "/events/a/{channel}\n"
                               "silence and leaving take some 1 s\n\ncheck")
           and "\n0 faults, 0 warnings\n" in text and not done.stderr,
           "a table", done)
    done = crierd.crier("doctor", at + "/nothing")
    tap.ok(done.returncode == 1 and done.stdout.startswith(
        f"{at}/nothing\n\ncheck".encode()) and b" take " not in done.stdout,
        "a route that is not there: nothing to wait for is announced", done)
    code, report, said = doctor(crierd, at + "/keyed/{channel}")
    tap.ok(code == 1 and faults(report, "FAULT") == {"denied"}
           and "-H" in directives(report, "denied"),
           "403 without a header", f"{code} {report} {said}")
    done = crierd.crier("doctor", "-H", "X-Key: open", "-i", "0.5",
                        at + "/keyed/{channel}", seconds=60)
    # crierd goes by what the browser asked for, and has no such route.
    tap.ok(done.returncode == 1 and b"status 404" in done.stdout,
           "-H sends it", done)


def exit_statuses(tap, place):
    crierd = Crierd(place, ["heartbeat=1"]).start()
    url = f"http://127.0.0.1:{proc.free_port()}/events"
    for arguments, code, word in (
            ((), 64, "which URL?"),
            (("one", "two"), 64, "one URL"),
            (("-x", url), 64, "-x"),
            (("/events",), 64, "http://"),
            (("-i", "0", url), 64, "-i"),
            (("-H", "nothing", url), 64, "-H"),
            (("-c", "news", url), 64, "-c"),
            (("--server", "iis", url), 64, "iis"),
            ((url,), 75, "cannot be reached")):
        done = crierd.crier("doctor", *arguments)
        tap.ok(done.returncode == code and word in done.stderr.decode(),
               f"{code}: {word}", done)
    done = place.crier("-s", place.path("none"), "doctor", url)
    tap.ok(done.returncode == 69 and b"no crierd" in done.stderr,
           "69: no crierd on the queue", done)
    done = place.crier("doctor", "-h")
    tap.ok(done.returncode == 0 and b"usage: crier doctor" in done.stdout,
           "-h", done)


def streams_of_a_channel(tap, place):
    """What the doctor asks crierd on a busy site."""
    crierd = Crierd(place, ["heartbeat=7"]).start()
    queues = [crierd.connect() for _n in range(3)]
    for queue, channel in zip(queues, ("a", "b", "a")):
        queue.send({"do": "stream", "channel": [channel]})
    crierd.wait_streams(3)
    with crierd.connect() as queue:
        for channel, count in (("a", 2), ("b", 1), ("c", 0), ([], 3)):
            answer = queue.ask({"do": "status", "streams": True,
                                "channel": channel})
            tap.eq([s["heartbeat_ms"] for s in answer["list"]],
                   [7000] * count, f"{count} streams of {channel}")
    for queue in queues:
        queue.close()


def needs_curl(function):
    def wrapped(tap, place):
        beside = os.path.join(os.path.dirname(bench.CRIER[-1]),
                              "crier-doctor")
        if os.path.exists(beside):
            function(tap, place)
        else:
            tap.skip(function.__name__, "built without libcurl")
    wrapped.__name__ = function.__name__
    return wrapped


TESTS = [needs_curl(function) for function in (
    known_configurations, threads_of_a_crowd, polls, polls_beside_streams,
    other_answers, several_crierds, another_crierd_afterwards, over_https,
    for_people, exit_statuses)] + [streams_of_a_channel]
