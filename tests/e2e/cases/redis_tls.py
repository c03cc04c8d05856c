# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""crierd with a Redis, and with sentinels, by TLS."""

import subprocess

from cases.redis_nodes import follow, resume, seen
from cases.redis_sentinel import wait_told
from cases.redis_servers import waiting_node
from lib import certificates, proc
from lib.redis import IS_THERE, Node, Redis, password_file
from lib.redis_sentinel import NAME, Sentinel

LOCAL = "DNS:localhost,IP:127.0.0.1"


class Secure(Redis):
    """On a TLS port beside its socket."""

    def __init__(self, place, authority):
        self.port = proc.free_port()
        self.lines = [
            ("tls-cert-file", authority.sign(LOCAL)),
            ("tls-key-file", authority.key),
            ("tls-ca-cert-file", authority.path),
            ("tls-auth-clients", "no"), ("tls-replication", "yes")]
        super().__init__(place, "--tls-port", str(self.port), *[
            word for name, value in self.lines
            for word in ("--" + name, value)])

    def url(self, more="", host="127.0.0.1", scheme="rediss"):
        return f"{scheme}://{host}:{self.port}{more}"

    def show(self, certificate):
        """To those who connect from now on."""
        answer = self.ask("CONFIG", "SET", "tls-cert-file", certificate)
        assert answer == "OK", answer


def knows_tls():
    """Whether both programs do."""
    return IS_THERE and certificates.IS_THERE and b"libssl" in subprocess.run(
        ["ldd", "/usr/bin/redis-server"], check=False,
        capture_output=True).stdout


def needs_tls(function):
    def test(tap, place):
        if not knows_tls():
            tap.skip(function.__name__, "no redis-server with TLS")
            return
        authority = certificates.Authority(place, "authority")
        function(tap, place, authority, Secure(place, authority).start())

    test.__name__ = function.__name__
    test.__doc__ = function.__doc__
    return test


@needs_tls
def verifies(tap, place, authority, redis):
    """Two nodes; a server whose certificate is not right is none."""
    ca = f"?ca={authority.path}"
    first = Node(place, "first", redis.url(ca)).start()
    second = Node(place, "second", redis.url(ca, "localhost")).start()
    stream = follow(second, "a")
    ids = [first.publish("a", "1"), second.publish("a", "2" * 10000)]
    stream.wait_events(2)
    tap.eq([one for one, _text in seen(stream)], ids, "they share a history")
    tap.eq(len(resume(first, "a", ids[0]).wait_events(1)), 1, "and resume")
    other = certificates.Authority(place, "other")
    right = authority.sign(LOCAL)
    for at, (what, certificate, url, wanted) in enumerate((
            ("the system's authorities", right, redis.url(),
             "its certificate: "),
            ("another's", right, redis.url(f"?ca={other.path}"),
             "its certificate: "),
            ("another name", authority.sign("DNS:other.example"),
             redis.url(ca, "localhost"), "hostname mismatch"),
            ("another address", authority.sign("DNS:localhost,IP:127.0.0.2"),
             redis.url(ca), "IP address mismatch"),
            ("an old one", authority.sign(LOCAL, -1), redis.url(ca),
             "certificate has expired"),
            ("no TLS, where there is", right,
             redis.url(scheme="redis"), "onnection"))):
        redis.show(certificate)
        node = waiting_node(place, url, (), f"n{at}")
        wait_told(node, wanted)
        tap.ok(not node.store()["up"], f"{what}: {wanted}")
        node.destroy()
    redis.show(right)
    tap.eq([node.store()["connects"] for node in (first, second)], [1, 1],
           "a connection that is there goes on")


@needs_tls
def plain(tap, place, authority, redis):
    """A server without TLS is not spoken to without; nor is a password."""
    plain_port = proc.free_port()
    redis.ask("CONFIG", "SET", "port", plain_port)
    url = f"rediss://127.0.0.1:{plain_port}?ca={authority.path}"
    node = waiting_node(place, url, [
        "store-password-file=" + password_file(place, "secret")])
    wait_told(node, "it does not answer (by TLS)")
    tap.ok(not node.store()["up"], "it is told")
    tap.ok("AUTH" not in redis.ask("INFO", "commandstats").decode(),
           "no login was sent")


@needs_tls
def sentinels(tap, place, authority, redis):
    """By TLS, with a password of their own."""
    lines = "".join(f"{name} {value}\n" for name, value in redis.lines)
    sentinel = Sentinel(place, "sentinel", redis.port, lines +
                        "requirepass sentry\n", has_tls=True).start()
    url = (f"rediss+sentinel://127.0.0.1:{sentinel.port}/{NAME}"
           f"?ca={authority.path}")
    redis.ask("CONFIG", "SET", "requirepass", "secret")
    for name, text, options, wanted in (
            ("none", "secret", "", "NOAUTH"),
            ("wrong", "secret\nwrong", "", "WRONGPASS"),
            ("nobody", "secret\nsentry", "&sentinel-user=nobody",
             "WRONGPASS"),
            ("plain", "secret\nsentry", None, "onnection")):
        where = (url + options if options is not None else
                 f"redis+sentinel://127.0.0.1:{sentinel.port}/{NAME}")
        node = waiting_node(place, where, [
            "store-password-file=" + password_file(place, text)], name)
        wait_told(node, wanted)
        tap.ok("no sentinel names a master" in node.store()["last_error"],
               f"{name}: {wanted}", node.store()["last_error"])
        tap.ok("sentry" not in node.log_text() + str(node.store()),
               "the password is not told")
        node.destroy()
    node = waiting_node(place, url + "&sentinel-user=default", [
        "store-password-file=" + password_file(place, "secret\nsentry\n")],
        "right").wait_state("live")
    tap.ok(node.publish("a", "x"), "with both passwords it is there")
    tap.eq(node.store()["sentinels"], 1, "and the sentinel")


TESTS = [verifies, plain, sentinels]
