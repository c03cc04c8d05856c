# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""mod_crier gives clients' sockets away: the protocol, with a stand-in."""

import os
import shutil
import socket
import time

from cases.mod_crier_tests import children_of, htaccess, page_takes, site_of
from lib import bench, proc, web
from lib.application import TakingApplication
from lib.reconnect import Reconnector, wait_all
from lib.server_mod_crier import ModCrierPass, ModCrierPrefork, ModCrierTls
from lib.site import Site

MODULES = "/usr/lib/apache2/modules"


def start(place, kind=ModCrierPass, more=""):
    application = TakingApplication(place)
    server = type("Changed", (kind,), {"more": more})(place, application)
    return application, server.start()


def descriptors(server):
    path = f"/proc/{server.proc.pid}/task/{server.proc.pid}/children"
    with open(path, encoding="utf-8") as file:
        return sum(len(os.listdir(f"/proc/{pid}/fd"))
                   for pid in file.read().split())


def check_taken(tap, application, server, name):
    with web.Exchange(server.port, "/events/a") as stream:
        stream.wait_open()
        tap.ok(stream.status == 200
               and stream.headers["content-type"] == "text/event-stream"
               and stream.headers["connection"].endswith("close")
               and "transfer-encoding" not in stream.headers
               and "x-crier-pass" not in stream.headers,
               f"{name}: the head is Apache's, without chunks",
               stream.headers)
        client = application.taken[-1]
        client.sendall(b"data: raw\n\n")
        stream.wait_events(1)
        tap.eq(stream.events[0].data, "raw", "what follows is not")
        stream.socket.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        client.sendall(b"data: more\n\n")
        stream.wait_events(2)
        tap.ok(not stream.quiet_for(0.3) or not stream.ended,
               "Apache does not read what the client sends")


def a_socket_is_passed(tap, place):
    application, server = start(place)
    check_taken(tap, application, server, "event")
    proc.wait_for(lambda: application.requests, "a request")
    before = descriptors(server)
    streams = [web.Exchange(server.port, "/events/a").wait_open()
               for _n in range(50)]
    proc.wait_for(lambda: descriptors(server) <= before,
                  "Apache to have closed its descriptors")
    tap.ok(True, "50 streams: no descriptor of theirs is left in Apache")
    os.kill(server.proc.pid, 10)
    time.sleep(2)
    for client in application.taken[-50:]:
        client.sendall(b"data: after a reload\n\n")
    for stream in streams:
        stream.wait_events(1)
    tap.ok(True, "they survive a graceful restart")
    server.stop()
    for client in application.taken[-50:]:
        client.sendall(b"data: after the end\n\n")
    for stream in streams:
        stream.wait_events(2)
    tap.ok(True, "and Apache's end")
    for client, stream in zip(application.taken[-50:], streams):
        client.close()
        stream.wait_end()


def prefork_passes(tap, place):
    application, server = start(place, ModCrierPrefork)
    check_taken(tap, application, server, "prefork")
    streams = [web.Exchange(server.port, "/events/a").wait_open()
               for _n in range(100)]
    tap.eq(web.fetch(server.port, "/index.html").status, 200,
           "100 streams, 16 processes: pages are served")
    for stream in streams:
        stream.close()


def not_taken(tap, place, kind=ModCrierPass):
    application, server = start(place, kind)
    application.does = "refuse"
    stream = web.fetch(server.port, "/events/a")
    tap.eq([event.data for event in stream.events], ["refused"],
           "crierd goes on by FastCGI: the stream is relayed")
    tap.ok(stream.clean and stream.status == 200, "to its end")
    application.does = "end"
    stream = web.fetch(server.port, "/events/a")
    tap.ok(stream.status == 200 and stream.clean and not stream.raw,
           "crierd ends the stream instead", stream.raw)
    application.does = "die"
    stream = web.fetch(server.port, "/events/a")
    tap.ok(stream.status == 200 and not stream.raw,
           "crierd dies with the descriptor", stream.raw)
    application.does = "say_nothing"
    begun = time.monotonic()
    stream = web.fetch(server.port, "/events/a")
    took = time.monotonic() - begun
    tap.ok(4 < took < 9 * proc.SLOW, "crierd hangs with the descriptor: the "
           "client is shut out", f"{took:.3f} s")
    client = application.kept[0][0]
    try:
        client.sendall(b"x")
        tap.ok(False, "for crierd, too")
    except OSError:
        tap.ok(True, "for crierd, too")


# Where there is a body, Apache looks for a request behind it after the head.
BODY_AND_MORE = (web.build_request("/events/a", body=b"hi")
                 + web.build_request("/index.html"))


def declined_after_the_head(tap, place):
    application, server = start(place)
    with web.socket.create_connection(("127.0.0.1", server.port), 10) as sock:
        sock.sendall(BODY_AND_MORE)
        proc.wait_for(lambda: application.declined, "a record")
        answer = b""
        while octets := sock.recv(65536):
            answer += octets
    tap.eq(application.requests[-1].variables.get("CRIER_PASS"), "1",
           "a request behind a body: the socket is spoken of")
    tap.eq(application.declined, 1, "and kept: a record without it is sent")
    tap.ok(answer.count(b"HTTP/1.1") == 1 and b"data: refused\n" in answer,
           "the stream is relayed", answer)


def first_id_takes(site):
    """Seconds, where Apache keeps the socket after crierd's head."""
    begun = time.monotonic()
    with web.socket.create_connection(("127.0.0.1", site.port), 10) as sock:
        sock.sendall(BODY_AND_MORE)
        answer = b""
        while b"\nid: " not in answer:
            octets = sock.recv(65536)
            if not octets:
                raise AssertionError(f"no stream: {answer!r}")
            answer += octets
        if doors_of(site) != {"fastcgi"}:
            raise AssertionError(f"it is passed: {doors_of(site)}")
    site.crierd.wait_streams(0)
    return time.monotonic() - begun


def declined_at_once(tap, place):
    """crierd holds a stream back for a second where nobody tells it."""
    site = Site(place, ModCrierPass.name)
    took = [first_id_takes(site) for _n in range(5)]
    tap.ok(min(took) < 0.8, "a stream that Apache keeps begins at once",
           f"seconds: {took}")


def held_when_refused(tap, place):
    application, server = start(place, ModCrierPrefork)
    application.does = "refuse"
    stream = web.fetch(server.port, "/events/a")
    tap.eq([event.data for event in stream.events], ["refused"],
           "prefork, refused: a process holds the stream")


def not_with_a_request_behind(tap, application, server):
    count = len(application.requests)
    pipelined = web.build_request("/events/a") * 2
    with web.socket.create_connection(("127.0.0.1", server.port), 10) as sock:
        sock.sendall(pipelined)
        proc.wait_for(lambda: len(application.requests) > count, "a request")
    tap.eq(application.requests[count].variables.get("CRIER_PASS"), None,
           "not with a request behind it")


def variables_of(application, server, target, **more):
    count = len(application.requests)
    with web.Exchange(server.port, target, **more) as exchange:
        exchange.wait_head()
        proc.wait_for(lambda: len(application.requests) > count, "a request")
    return application.requests[-1].variables


def when_not_to_ask(tap, place):
    application, server = start(
        place, more=f"LoadModule ratelimit_module {MODULES}/mod_ratelimit.so\n"
        f"LoadModule substitute_module {MODULES}/mod_substitute.so\n"
        f"LoadModule headers_module {MODULES}/mod_headers.so\n"
        '<Location "/events/slow">\nSetOutputFilter RATE_LIMIT\n'
        "SetEnv rate-limit 400\n</Location>\n"
        '<Location "/events/other">\n'
        'AddOutputFilterByType SUBSTITUTE text/event-stream\n'
        "</Location>\n"
        '<Location "/events/never">\nCrierPass off\n</Location>\n'
        '<Location "/events/head">\nHeader set X-Site yes\n</Location>\n')
    for target, asks in (("/events/a", "1"), ("/events/head", "1"),
                         ("/events/slow", None), ("/events/other", None),
                         ("/events/never", None)):
        got = variables_of(application, server, target,
                           headers={"Crier-Pass": "1"})
        tap.eq(got.get("CRIER_PASS"), asks,
               f"{target}: CRIER_PASS {asks or 'is not said'}")
    got = variables_of(application, server, "/events/a", method="HEAD")
    tap.eq(got.get("CRIER_PASS"), None, "nor for HEAD")
    not_with_a_request_behind(tap, application, server)


def tls_is_not_passed(tap, place):
    kind = type("Changed", (ModCrierTls,), {"crier_pass": "auto"})
    application, server = start(place, kind)
    got = variables_of(application, server, "/events/a")
    tap.eq(got.get("CRIER_PASS"), None, "not over TLS")


def doors_of(site):
    with site.crierd.connect() as queue:
        return {stream["door"] for stream in queue.ask(
            {"do": "status", "streams": True})["list"]}


def publish(site, streams, number):
    site.crierd.pub("news", f"event {number}")
    for stream in streams:
        stream.wait_events(number)


def check_crierd(tap, place, kind):
    """Not the stand-in: crierd itself has the sockets."""
    site = Site(place, kind.name)
    streams = [site.get("/events/news").wait_open() for _n in range(60)]
    tap.eq(doors_of(site), {"passed"},
           f"{kind.name}: 60 streams are crierd's alone")
    publish(site, streams, 1)
    os.kill(site.web.proc.pid, site.web.reload_signal)
    publish(site, streams, 2)
    for stream in streams[:20]:
        stream.close()
    for stream in streams[20:40]:
        stream.socket.shutdown(socket.SHUT_WR)
    site.crierd.wait_streams(20)
    tap.ok(True, "closed or half-closed by their clients, they are gone")
    site.web.stop()
    publish(site, streams[40:], 3)
    tap.ok(True, "the web server's reload and its end lose no event")
    site.crierd.crier("close", "news")
    for stream in streams[40:]:
        stream.wait_end()
    tap.eq({stream.events[-1].type for stream in streams[40:]},
           {"crier.end"}, "they end as all do")


def with_crierd(tap, place):
    check_crierd(tap, place, ModCrierPass)


def with_crierd_by_prefork(tap, place):
    check_crierd(tap, place, ModCrierPrefork)


class Followers:
    """Of the channel news: streams that stay, and clients that come again."""

    def __init__(self, site):
        self.site = site
        self.ids = []
        self.streams = [site.get("/events/news").wait_open()
                        for _n in range(20)]
        self.clients = [
            site.place.own(Reconnector(site.port, "/events/news", seed=n,
                                       cut_after=(400, 1200)))
            for n in range(10)]
        wait_all(self.clients, lambda client: client.last_event_id,
                 "a stream")

    def publish(self):
        self.ids.append(self.site.crierd.publish(
            "news", f"event {len(self.ids)}"))

    def check(self, tap, what):
        count = len(self.ids)
        for stream in self.streams:
            stream.wait_events(count)
        tap.eq([[event.id for event in stream.events]
                for stream in self.streams
                if stream.ended
                or [event.id for event in stream.events] != self.ids], [],
               f"{what}: passed streams live on, with every event once")
        wait_all(self.clients, lambda client: len(client.data()) >= count,
                 f"{count} events")
        tap.eq([client.describe() for client in self.clients
                if [event.id for event in client.named("message")]
                != self.ids or client.failed], [],
               "clients that come and go lose none, and get none twice")
        proc.wait_for(lambda: doors_of(self.site) == {"passed"},
                      "all streams to be passed")
        tap.ok(True, "new ones are passed, too")


def many_reloads(tap, place):
    site = site_of(place, kind=ModCrierPass)
    followers = Followers(site)
    most = 0
    for _n in range(20):
        extra = [site.get("/events/b").wait_open() for _n in range(20)]
        followers.publish()
        os.kill(site.pid, site.web.reload_signal)
        time.sleep(0.7)
        most = max(most, len(children_of(site)))
        for stream in extra:
            stream.close()
    followers.check(tap, "20 reloads with new streams between")
    took = page_takes(site)
    tap.ok(took < 1 * proc.SLOW, "pages are served", f"{took:.3f} s")
    log = site.web.log_text()
    tap.ok("scoreboard is full" not in log and "exit signal" not in log,
           "the scoreboard never fills", f"most children: {most}")
    proc.wait_for(lambda: len(children_of(site)) <= 6,
                  "the end of the old children", 12)
    tap.ok(True, "no old child is left, for all the streams that live on")


def killed_child(tap, place):
    site = site_of(place, kind=ModCrierPass)
    followers = Followers(site)
    for number in range(40):
        followers.publish()
        if number % 10 == 5:
            for pid in children_of(site):
                os.kill(pid, 9)
        time.sleep(0.05)
    followers.check(tap, "children are killed")


def owners(tap, place):
    """A password of .htaccess's, and rules that go by its users."""
    htaccess(tap, place, ModCrierPass)


def crierd_restarts(tap, place):
    """In every state of a pass: clients come all the time."""
    store = os.path.join(place.make_dir("store"), "h.db")
    if bench.IS_ROOT:
        shutil.chown(os.path.dirname(store), bench.server_user().pw_name)
    site = Site(place, ModCrierPass.name, [f"store=sqlite:{store}"])
    clients = [place.own(Reconnector(site.port, "/events/news", seed=n,
                                     cut_after=(300, 900)))
               for n in range(30)]
    wait_all(clients, lambda client: client.last_event_id, "a stream")
    ids = []
    for number in range(8):
        for _n in range(5):
            ids.append(site.crierd.publish("news", f"event {len(ids)}"))
            time.sleep(0.03)
        if number % 2:
            site.crierd.kill()
        else:
            site.crierd.stop()
        site.crierd.start()
    wait_all(clients, lambda client: len(client.data()) >= len(ids),
             f"{len(ids)} events")
    tap.eq([client.describe() for client in clients
            if [event.id for event in client.named("message")] != ids
            or client.failed], [],
           "crierd ends and is killed while sockets are on their way: no "
           "event is lost or doubled, and no client refused")
    proc.wait_for(lambda: doors_of(site) == {"passed"}, "passed streams")
    tap.ok("exit signal" not in site.web.log_text(), "no child has crashed")


TESTS = tuple((test, None) for test in (
    a_socket_is_passed, prefork_passes, not_taken,
    declined_after_the_head, declined_at_once, held_when_refused,
    when_not_to_ask, tls_is_not_passed, with_crierd,
    with_crierd_by_prefork, many_reloads, killed_child,
    owners, crierd_restarts))
