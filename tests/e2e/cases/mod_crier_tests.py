# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""mod_crier: what a site of Apache's may rely on."""

import os
import re
import subprocess
import time

from lib import crowd, passwords, proc, servers, web
from lib.reconnect import Reconnector, wait_all
from lib.server_mod_crier import ModCrier, ModCrierPrefork
from lib.site import Site, data_of, named

ACCEPT = {"Accept": "text/event-stream"}
FEW = 6  # streams of a child, where there are to be few
OLD_GONE = 12  # seconds after a reload, at most


def site_of(place, more="", config="", kind=ModCrier, options=()):
    """A crierd and an Apache whose configuration has more."""
    name = f"a {kind.name}"
    servers.KINDS[name] = type("Changed", (kind,), {"more": more})
    site = Site(place, name, options, config.replace("DIR", place.dir))
    site.pid = site.web.proc.pid
    return site


def children_of(site):
    """The pids of Apache's children."""
    path = f"/proc/{site.pid}/task/{site.pid}/children"
    with open(path, encoding="utf-8") as file:
        return {int(word) for word in file.read().split()}


def descriptors(site):
    return sum(len(os.listdir(f"/proc/{pid}/fd"))
               for pid in children_of(site))


def memory_kb(pids):
    """Their resident memory."""
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as file:
            total += int(re.search(r"^Rss:\s+(\d+)", file.read(), re.M)[1])
    return total


def page_takes(site):
    """Seconds that the site's page takes."""
    start = time.monotonic()
    page = site.fetch("/index.html")
    took = time.monotonic() - start
    if page.status != 200:
        raise AssertionError(f"the page: {page.status}")
    return took


def is_later(answer):
    """200 and an empty stream that asks to come again."""
    return (answer.status == 200 and answer.ended and answer.clean
            and answer.headers["content-type"].startswith("text/event-stream")
            and not answer.events and not answer.parser.primings
            and 2000 <= (answer.parser.retry or 0) <= 6000)


def check_full(tap, site, count, what):
    streams = [site.get("/events/a", headers=ACCEPT).wait_open()
               for _n in range(count)]
    site.crierd.wait_streams(count)
    again = [site.fetch("/events/a", headers=ACCEPT) for _n in range(8)]
    tap.ok(all(is_later(answer) for answer in again),
           f"beyond {count} {what}: 200, an empty stream, retry",
           again[0].raw)
    tap.ok(len({answer.parser.retry for answer in again}) > 1,
           "and not the same retry for all")
    tap.ok(b"enough streams" in again[0].raw, "with the reason")
    took = page_takes(site)
    tap.ok(took < 1 * proc.SLOW, "pages are served", f"{took:.3f} s")
    posted = site.fetch("/events/pub", method="POST", body=b"data=x",
                        headers={"Content-Type":
                                 "application/x-www-form-urlencoded"})
    tap.eq(posted.status, 200, "and events published")
    tap.eq(len(streams[0].wait_events(1)), 1, "which arrive")
    streams.pop().close()
    site.crierd.wait_streams(count - 1)

    def opens():
        with site.get("/events/a", headers=ACCEPT) as stream:
            stream.wait(lambda: stream.parser.primings or stream.ended,
                        "an answer")
            return bool(stream.parser.primings)
    proc.wait_for(opens, "a place that is free again")
    tap.ok(True, "a stream that ends makes room for another")
    for stream in streams:
        stream.close()


PUBLISHING = """
route "GET /events/{channel...}" { subscribe = "{channel}" }
route "POST /events/pub" { publish = "a" data = "{form.data}" }
route "GET /events-run" { run = "DIR/program" }
channel "**" { publish = { "anyone" } }
"""


def no_more_than_max_streams(tap, place):
    site = site_of(place, f"CrierMaxStreams {FEW}\nStartServers 1\n"
                   "MaxRequestWorkers 25\n", PUBLISHING)
    check_full(tap, site, FEW, "streams of a child")
    tap.ok(f"up to {FEW} streams a child" in site.web.log_text(),
           "the log says at the start how many")


def no_program_without_a_place(tap, place):
    program = place.write("program", "#!/bin/sh\necho started >>"
                          f"{place.run}/started\nexec sleep 1\n")
    os.chmod(program, 0o755)
    site = site_of(
        place, f"CrierMaxStreams {FEW}\nStartServers 1\nMaxRequestWorkers 25\n"
        '<Location "/events-run">\nSetHandler crier\n'
        f"CrierSocket unix:{place.run}/fcgi.sock\n</Location>\n",
        PUBLISHING)
    started = os.path.join(place.run, "started")
    streams = [site.get("/events/a", headers=ACCEPT).wait_open()
               for _n in range(FEW)]
    tap.ok(is_later(site.fetch("/events-run", headers=ACCEPT)),
           "a program's stream that has no place: later")
    tap.ok(not os.path.exists(started), "and the program is not started")
    streams.pop().close()

    def starts():
        site.fetch("/events-run", headers=ACCEPT)
        return os.path.exists(started)
    proc.wait_for(starts, "the program's start")
    tap.ok(True, "with a place it is")


def held_streams_leave_workers(tap, place):
    site = site_of(place, "ServerLimit 8\nMaxRequestWorkers 8\n"
                   "StartServers 8\nCrierPass off\n", PUBLISHING,
                   ModCrierPrefork)
    check_full(tap, site, 6, "streams, with 8 processes of prefork")


def crierd_is_away(tap, place):
    site = site_of(place)
    site.crierd.stop()
    down = site.fetch("/events/a", headers={
        **ACCEPT, "Origin": "https://app.example.org"})
    tap.ok(is_later(down), "what takes a stream: 200 and retry",
           f"{down.status} {down.headers} {down.raw!r}")
    tap.eq((down.headers.get("access-control-allow-origin"),
            down.headers.get("access-control-allow-credentials"),
            down.headers.get("vary")),
           ("https://app.example.org", "true", "Origin"),
           "also for pages of other origins")
    for name, more in (("another GET", {}),
                       ("a page's API call",
                        {"headers": {"Accept": "application/json, */*"}}),
                       ("a POST", {"method": "POST", "body": b"x",
                                   "headers": ACCEPT})):
        answer = site.fetch("/events/a", **more)
        tap.ok(answer.status == 503
               and answer.headers["content-type"] == "application/json"
               and not answer.json()["ok"]
               and int(answer.headers["retry-after"]) > 0,
               f"{name}: 503 in JSON, with Retry-After",
               f"{answer.status} {answer.headers} {answer.raw!r}")
    site.crierd.start()
    site.crierd.kill()
    tap.ok(is_later(site.fetch("/events/a", headers=ACCEPT)),
           "the same when crierd was killed")
    tap.ok(site.web.log_text().count("cannot be reached") in (1, 2),
           "the log says it once in a while")


def ends_of(streams):
    """Wait for the ends; those that were not told when to come again."""
    start = time.monotonic()
    ended = []
    for stream in streams:
        stream.wait_end(20)
    took = time.monotonic() - start
    for stream in streams:
        if not stream.clean or not 2000 <= stream.parser.retry <= 6000:
            ended.append(stream)
    return took, ended


def graceful_restart(tap, place):
    site = site_of(place)
    old = children_of(site)
    streams = [site.get("/events/a").wait_open() for _n in range(300)]
    tap.eq({stream.parser.retry for stream in streams}, {3000},
           "crierd's own retry")
    os.kill(site.pid, 10)
    took, wrong = ends_of(streams)
    tap.ok(not wrong, "300 streams end with a retry of their own",
           f"{len(wrong)} do not, {wrong[0].raw!r}" if wrong else "")
    tap.ok(len({stream.parser.retry for stream in streams}) > 100,
           "no two the same, nearly")
    tap.ok(0.3 < took < 8 * proc.SLOW, "one after the other, within seconds",
           f"{took:.3f} s")
    proc.wait_for(lambda: not old & children_of(site),
                  "the end of the old children", OLD_GONE)
    tap.ok(True, "no old child is left")
    site.crierd.wait_streams(0)


def events_do_not_break(tap, place):
    """A retry is put between events only, also when an event is half sent."""
    site = site_of(place, options=["max-event=1M"],
                   config='channel "**" { keep-bytes = 64M }\n')
    slow = site.get("/events/big", rcvbuf=4096).wait_open()
    with site.crierd.connect() as queue:
        queue.publish_all("big", ["x" * 900000] * 20)
    os.kill(site.pid, 10)
    slow.wait_end(30)
    text = slow.raw.decode()
    tap.ok("retry" not in text[20:] or text.endswith("\n\n"),
           "a stream that is cut in an event gets nothing put into it",
           text[-100:])


def many_reloads(tap, place):
    site = site_of(place)
    clients = [place.own(Reconnector(site.port, "/events/a", seed=n))
               for n in range(20)]
    wait_all(clients, lambda client: client.opens, "a stream")
    ids = []
    most = 0
    for number in range(20):
        extra = [site.get("/events/b").wait_open() for _n in range(20)]
        ids.append(site.crierd.publish("a", f"event {number}"))
        os.kill(site.pid, 10)
        time.sleep(0.7)
        most = max(most, len(children_of(site)))
        for stream in extra:
            stream.close()
    wait_all(clients, lambda client: len(client.data()) >= 20, "20 events")
    tap.eq([c.describe() for c in clients
            if [e.id for e in c.named("message")] != ids or c.failed], [],
           "20 reloads with new streams between: nothing lost or doubled")
    took = page_takes(site)
    tap.ok(took < 1 * proc.SLOW, "pages are served", f"{took:.3f} s")
    tap.ok("scoreboard is full" not in site.web.log_text(),
           "the scoreboard never fills", f"most children: {most}")
    proc.wait_for(lambda: len(children_of(site)) <= 6,
                  "the end of the old children", OLD_GONE)
    tap.ok(True, "no old child is left", f"most children: {most}")


def stopping(tap, place):
    site = site_of(place)
    streams = [site.get("/events/a").wait_open() for _n in range(100)]
    stalled = site.get("/events/bulk", rcvbuf=4096).wait_open()
    with site.crierd.connect() as queue:
        queue.publish_all("bulk", ["x" * 30000] * 200)
    start = time.monotonic()
    site.web.stop()
    took = time.monotonic() - start
    tap.ok(took < 5 * proc.SLOW, "Apache stops at once, whoever reads",
           f"{took:.3f} s")
    for stream in streams:
        stream.wait_end()
    stalled.close()
    tap.ok("SIGKILL" not in site.web.log_text(), "and no child is killed")


def killed_child(tap, place):
    site = site_of(place, "StartServers 2\n")
    clients = [place.own(Reconnector(site.port, "/events/a", seed=n))
               for n in range(20)]
    wait_all(clients, lambda client: client.last_event_id, "a stream")
    ids = []
    for number in range(40):
        ids.append(site.crierd.publish("a", f"event {number}"))
        if number % 10 == 5:
            for pid in children_of(site):
                os.kill(pid, 9)
        time.sleep(0.05)
    wait_all(clients, lambda client: len(client.data()) >= 40, "40 events")
    tap.eq([c.describe() for c in clients
            if [e.id for e in c.named("message")] != ids or c.failed], [],
           "children are killed: nothing is lost or doubled")


def held_count_survives(tap, place):
    """Killed processes' streams are not counted for ever."""
    site = site_of(place, "ServerLimit 8\nMaxRequestWorkers 8\n"
                   "StartServers 8\nCrierPass off\n", PUBLISHING,
                   ModCrierPrefork)
    for _n in range(3):
        streams = [site.get("/events/a").wait_open() for _n in range(6)]
        site.crierd.wait_streams(6)
        killed = set(children_of(site))
        for pid in killed:
            os.kill(pid, 9)
        for stream in streams:
            stream.wait_end()
        proc.wait_for(lambda old=killed: len(children_of(site)) >= 6
                      and not old.intersection(children_of(site)),
                      "new children")
    site.crierd.wait_streams(0)
    check_full(tap, site, 6, "streams, after processes were killed")


def nothing_is_left(tap, place):
    site = site_of(place, "StartServers 1\nMaxRequestWorkers 25\n"
                   "LoadModule status_module "
                   "/usr/lib/apache2/modules/mod_status.so\nExtendedStatus On")
    with site.get("/events/a") as stream:
        stream.wait_open()
    site.crierd.wait_streams(0)
    time.sleep(3.5)
    before = descriptors(site)
    sizes = []
    for turn in range(4):
        for number in range(10):
            targets = [f"/events/a?x={n}" for n in range(50)]
            with crowd.Crowd(site.port, targets) as many:
                many.open()
                site.crierd.publish("a", "x" * 3000)
                for n, stream in enumerate(many.all()):
                    if n % 3 == 0:
                        stream.reset()
                    elif n % 3 == 1:
                        stream.socket.shutdown(1)
        site.crierd.wait_streams(0)
        proc.wait_for(lambda: descriptors(site) <= before,
                      "all descriptors back", 20)
        sizes.append(memory_kb(children_of(site)))
        if turn:
            tap.diag(f"{500 * (turn + 1)} streams: {sizes[-1]} KB, {number}")
    tap.ok(True, "2000 streams have come and gone, all descriptors are back")
    tap.ok(sizes[-1] < 1.2 * sizes[1], "and the memory stays",
           f"KB: {sizes}")
    log = site.web.log_text()
    tap.ok("exit signal" not in log, "no child has crashed", log[-2000:])


def memory_is_flat(tap, place):
    """Stalled clients wait in crierd, not in Apache's memory."""
    site = site_of(place, "StartServers 1\nMaxRequestWorkers 25\n",
                   'channel "**" { keep-bytes = 1M }\n')
    slow = [site.get("/events/bulk", rcvbuf=4096).wait_open()
            for _n in range(5)]
    fast = site.get("/events/bulk").wait_open()
    with site.crierd.connect() as queue:
        queue.publish_all("bulk", ["x" * 8000] * 100)
        fast.wait_events(100)
        before = memory_kb(children_of(site))
        for n in range(29):
            queue.publish_all("bulk", ["x" * 8000] * 100)
            fast.wait_events(100 * (n + 2))
    grown = memory_kb(children_of(site)) - before
    tap.ok(grown < 2000, "3000 events pass by five that do not read: "
           "Apache's memory stays", f"{grown} KB more")
    slow[0].wait(lambda: named(slow[0], "crier.gap"), "a gap")
    tap.ok(True, "they are told of a gap")


def long_replay(tap, place):
    site = site_of(place, options=["max-event=1M"],
                   config='channel "**" { keep-bytes = 64M }\n')
    with site.crierd.connect() as queue:
        queue.publish_all("a", [f"{n}:" + "x" * 10000 for n in range(3000)])
        queue.publish("a", "y" * 1000000)
    with site.get("/events/a?since=all", rcvbuf=4096) as stream:
        stream.wait_events(3001, 60)
        numbers = [text.partition(":")[0] for text in data_of(stream)]
        tap.ok(numbers[:3000] == [str(n) for n in range(3000)]
               and data_of(stream)[3000] == "y" * 1000000,
               "a replay of 30 MB to a slow reader, and an event of 1 MB")


def bodies(tap, place):
    site = site_of(place, options=["max-event=1M", "max-request=1M"],
                   config="""
route "POST /events/raw" { publish = "a" data = "{body}" }
route "GET /events/{channel...}" { subscribe = "{channel}" }
channel "**" { publish = { "anyone" } keep-bytes = 16M }
""")
    text = {"Content-Type": "text/plain"}
    with site.get("/events/a") as stream:
        stream.wait_open()
        big = b"b" * 300000
        tap.eq(site.fetch("/events/raw", method="POST", body=big,
                          headers=text).status, 200, "a body of 300 KB")
        stream.wait_events(1)
        tap.ok(data_of(stream) == [big.decode()], "arrives whole")
        chunks = [b"one ", b"and two, " * 2000, b"and three"]
        answer = chunked(site, "/events/raw", chunks)
        tap.ok(answer.startswith(b"HTTP/1.1 200"), "one that comes in chunks",
               answer[:300])
        stream.wait_events(2)
        tap.ok(data_of(stream)[1] == b"".join(chunks).decode(),
               "arrives whole, too")
        answer = chunked(site, "/events/raw", [b"x" * 100000] * 12)
        tap.ok(answer.startswith(b"HTTP/1.1 413")
               and b"application/json" in answer,
               "in chunks no more than 1 MiB: 413", answer[:300])


def chunked(site, target, chunks):
    """What is answered to a POST whose length is not said."""
    head = (f"POST {target} HTTP/1.1\r\nHost: localhost\r\n"
            "Content-Type: text/plain\r\nConnection: close\r\n"
            "Transfer-Encoding: chunked\r\n\r\n").encode()
    with web.socket.create_connection(("127.0.0.1", site.port), 10) as sock:
        try:
            sock.sendall(head + b"".join(
                b"%x\r\n%s\r\n" % (len(chunk), chunk)
                for chunk in chunks) + b"0\r\n\r\n")
        except OSError:
            pass  # it was answered before
        answer = b""
        try:
            while octets := sock.recv(65536):
                answer += octets
        except OSError:
            pass
    return answer


HTACCESS = """
SetHandler crier
CrierSocket SOCKET
AuthType Basic
AuthName crier
AuthBasicProvider file
AuthUserFile "USERS"
Require valid-user
"""


def htaccess(tap, place, kind=ModCrier):
    """A user's own directory, with passwords and rewriting."""
    users = passwords.write(place)
    site = site_of(
        place, "LoadModule rewrite_module "
        "/usr/lib/apache2/modules/mod_rewrite.so\n"
        f'<Directory "{place.path("www")}">\n'
        "AllowOverride FileInfo AuthConfig\n</Directory>\n"
        '<Directory "/nowhere">\nSetHandler crier\n</Directory>\n',
        'route "GET /mine/{channel...}" { subscribe = "{channel}" }\n'
        'route "GET /moved/{channel}" { subscribe = "{channel}" }\n'
        'channel "own/*" { subscribe = owner }\n', kind)
    for folder, text in (("mine", HTACCESS), ("moved", "RewriteEngine On\n"
                         "RewriteRule .* /mine2/x\n"),
                         ("mine2", "SetHandler crier\n"
                          "CrierSocket SOCKET\n")):
        os.mkdir(os.path.join(site.web.www, folder))
        path = os.path.join(site.web.www, folder, ".htaccess")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace("USERS", users).replace(
                "SOCKET", site.crierd.listen))
    for what, user, status in (("no password", "", 401),
                                  ("not the owner", "bob", 403),
                                  ("the owner", "ann", 200)):
        headers = {"Authorization": passwords.basic(user)} if user else {}
        with site.get("/mine/own/ann", headers=headers) as stream:
            stream.wait_head()
            tap.eq(stream.status, status, f".htaccess, {what}")
            if status == 200:
                stream.wait_open()
                site.crierd.publish("own/ann", "hello")
                tap.eq(stream.wait_events(1)[0].data, "hello", "and events")
    with site.get("/moved/a") as stream:
        stream.wait_open()
        site.crierd.publish("a", "through a rewrite")
        tap.eq(stream.wait_events(1)[0].data, "through a rewrite",
               "behind an internal redirect")
    site.crierd.wait_streams(0)
    tap.ok(True, "and its leaving is noticed")


def over_tcp(tap, place):
    port = proc.free_port()
    site = site_of(place, '<Location "/tcp">\nSetHandler crier\n'
                   f"CrierSocket tcp:localhost:{port}\n</Location>\n",
                   'route "GET /tcp/{channel}" { subscribe = "{channel}" }\n',
                   options=[f"listen=tcp:127.0.0.1:{port}"])
    with site.get("/tcp/a") as stream:
        stream.wait_open()
        site.crierd.publish("a", "by TCP")
        tap.eq(stream.wait_events(1)[0].data, "by TCP",
               "crierd may be reached by TCP")


def directives(tap, place):
    site = site_of(place)
    path = place.path("bad.conf")
    with open(place.path("mod_crier.conf"), encoding="utf-8") as file:
        good = file.read()
    for line, said in (
            ("CrierSocket nowhere", "CrierSocket must be"),
            ("CrierSocket tcp:host", "CrierSocket must be"),
            ("CrierSocket /" + "x" * 200, "too long"),
            ("CrierPass maybe", "auto or off"),
            ("CrierMaxStreams 0", "number from 1"),
            ("<Location />\nCrierMaxStreams 9\n</Location>",
             "not allowed")):
        with open(path, "w", encoding="utf-8") as file:
            file.write(good + line + "\n")
        done = subprocess.run([site.web.binary, "-t", "-f", path],
                              capture_output=True, text=True, check=False)
        tap.ok(done.returncode != 0 and said in done.stderr
               and "bad.conf" in done.stderr,
               f"{line[:30].splitlines()[0]}: refused, with file and line",
               done.stderr)


def access_log(tap, place):
    site = site_of(place, f'CustomLog "{place.path("access.log")}" '
                   '"%m %U %>s %u"\n')
    with site.get("/events/a") as stream:
        stream.wait_open()
        time.sleep(0.3)
        with open(place.path("access.log"), encoding="utf-8") as log:
            tap.eq(log.read(), "", "no line while a stream is open")

    def line():
        with open(place.path("access.log"), encoding="utf-8") as log:
            return log.read()
    proc.wait_for(line, "its line", 5)
    tap.eq(line(), "GET /events/a 200 -\n", "and one at its end")


TESTS = tuple((test, None) for test in (
    no_more_than_max_streams, no_program_without_a_place,
    held_streams_leave_workers, crierd_is_away, graceful_restart, events_do_not_break, many_reloads, stopping,
    killed_child, held_count_survives, nothing_is_left, memory_is_flat,
    long_replay, bodies, htaccess, over_tcp, directives, access_log))
