# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""crier doctor --store: a Redis, a database and memory."""

import json
import os
import subprocess
from typing import NamedTuple

from cases.doctor_tests import check, needs_curl
from lib import bench, proc
from lib.daemon import Crierd
from lib.redis import IS_THERE, Node, Redis
from lib.redis_sentinel import Watched, needs_sentinel, url
from lib.site import id_key

SECRET = "s3cret-of-the-test"
SETTINGS = ("--appendonly", "yes", "--lazyfree-lazy-expire", "yes")
ALL = "~* &* +@all"
TEMPORARY, WRONG_USAGE, NO_CONFIG = 75, 64, 78


def doctor(place, *options, env=None):
    """Exit status, report, and all that was printed."""
    done = subprocess.run(
        [*bench.CRIER, "doctor", "--store", "-j", *options],
        capture_output=True, text=True, check=False, timeout=60 * proc.SLOW,
        env={**os.environ, **(env or {})}, cwd=place.dir)
    try:
        report = json.loads(done.stdout)
    except ValueError:
        report = {}
    return done.returncode, report, done.stdout + done.stderr


def advice(report, name):
    return "".join(one["directive"] for one in report.get("advice", ())
                   if one["check"] == name)


class Case(NamedTuple):
    """A server's settings or a user's rights, and what is said of it."""
    name: str
    settings: tuple = ()
    rights: str = ALL
    default: str = ALL   # rights of the user default, who is off
    options: tuple = ()
    fault: tuple = ()    # a check, part of its text, part of its advice
    warning: tuple = ()


CASES = (
    Case("as conf/redis/redis.conf has it"),
    Case("that may forget", ("--maxmemory-policy", "allkeys-lru"),
         fault=("policy", "allkeys-lru", "maxmemory-policy noeviction\n")),
    Case("that keeps nothing", ("--appendonly", "no"),
         warning=("disk", "appendonly is off", "appendfsync everysec\n")),
    Case("that keeps nothing, and should",
         ("--appendonly", "no"), options=("--durability", "power"),
         fault=("disk", "appendonly is off", "appendfsync always\n")),
    Case("that writes too late", options=("--durability", "power"),
         fault=("disk", "needs always", "appendfsync always\n")),
    Case("that writes at once", ("--appendfsync", "always"),
         options=("--durability", "power")),
    Case("whose user may not ask when it writes", ("--appendfsync", "always"),
         rights="~* +@all -config", options=("--durability", "power"),
         fault=("disk", "needs to know", "+config|get\n")),
    Case("that reads its file back as a user without rights", default="",
         fault=("replay", "may not XADD",
                "user default off ~* &* +@all\n")),
    Case("that reads its file back as a user without keys", default="+@all",
         fault=("replay", "may not XADD",
                "user default off ~* &* +@all\n")),
    Case("that reads its file back as a user who may not remove",
         default=ALL + " -unlink",
         fault=("replay", "may not UNLINK",
                "user default off ~* &* +@all\n")),
    Case("whose user may not ask what default may do",
         rights="~* &* +@all -acl"),
    Case("that frees at once", ("--lazyfree-lazy-expire", "no"),
         warning=("expiry", "at once", "lazyfree-lazy-expire yes\n")),
    Case("without the replica that it wants", ("--min-replicas-to-write", "1"),
         fault=("writes", "NOREPLICAS", "INFO replication\n"),
         warning=("replicas", "takes no writes", "")),
    Case("of a cluster", ("--cluster-enabled", "yes"),
         fault=("server", "cluster", "cluster-enabled no\n")),
    Case("that is full", ("--maxmemory", "800000"), fault=("writes", "OOM", "maxmemory "),
         warning=("memory", "maxmemory", "maxmemory ")),
    Case("whose user lacks two commands",
         rights="~{crier}:* +@all -lpop -xadd",
         fault=("rights", "+lpop", "+xadd +lpop\n")),
    Case("whose user may not ask what it is", rights="~* +@all -info",
         fault=("rights", "+info", "+info")),
    Case("whose user has another prefix", rights="~{other}:* +@all",
         fault=("rights", "the prefix's keys", "~{crier}:* ")),
)


def conf_acl():
    with open(os.path.join(bench.SRCDIR, "conf/redis/crier.acl"),
              encoding="utf-8") as file:
        line = [one for one in file if not one.startswith("#")][-1]
    return line.partition(">PASSWORD ")[2]


def of_redis(tap, place, case, redis):
    """The doctor as the user crier, whose password is in a file."""
    with redis.connect() as admin:
        for name, rules in (
                ("admin", "on nopass " + ALL),
                ("crier", f"on >{SECRET} {case.rights}"),
                ("default", case.default)):
            user = admin.ask("ACL", "SETUSER", name, "reset", *rules.split())
            if user != "OK":
                raise AssertionError(user)
            if name == "admin":
                admin.ask("AUTH", "admin", "")
        as_told(tap, place, case, redis, admin)


def as_told(tap, place, case, redis, admin):
    word = place.write("password", SECRET + "\n")
    os.chmod(word, 0o600)
    keys = admin.ask("DBSIZE")
    code, report, text = doctor(
        place, "--password-file", word, *case.options,
        redis.url().replace("://", "://crier@"))
    tap.eq(admin.ask("DBSIZE") - keys if not case.fault else 0, 0,
           f"a Redis {case.name}: no key is left behind")
    tap.eq(SECRET in text, False, "the password is not shown")
    tap.eq(code, 1 if case.fault else 0, f"the exit status: {text}")
    for verdict, (name, said, advised) in (
            ("FAULT", case.fault or ("", "", "")),
            ("warning", case.warning or ("", "", ""))):
        others = {one["check"] for one in report["checks"]
                  if one["verdict"] == verdict} - {name}
        tap.eq(others - ({"server", "rights", "writes"} if case.fault
                         else set()), set(), f"no other {verdict}")
        found = check(report, name)
        tap.ok(not name or (found["verdict"] == verdict
                            and said in found["text"]
                            and advised in advice(report, name)),
               f"{name}: {found} {advice(report, name)}")


def known_servers(tap, place):
    if not IS_THERE:
        tap.skip("crier doctor --store of Redis", "no redis-server")
        return
    for at, case in enumerate((*CASES, Case(
            "for the user of conf/redis/crier.acl", rights=conf_acl()))):
        redis = Redis(place, *SETTINGS, *case.settings, name=f"r{at}")
        try:
            of_redis(tap, place, case, redis.start())
        finally:
            redis.destroy()


def those_away(tap, place):
    """A password that is wrong, one that is missing, nobody, a replica, and
    another thing than a Redis."""
    if not IS_THERE:
        tap.skip("a Redis that is away", "no redis-server")
        return
    redis = Redis(place, "--requirepass", SECRET).start()
    wrong = place.write("wrong", "no" + SECRET)
    open_file = place.write("open", SECRET)
    os.chmod(wrong, 0o600)
    os.chmod(open_file, 0o644)
    crierd = Crierd(place).start()
    port = proc.free_port()
    rows = (
        ((redis.url(),), 1, "NOAUTH", "store-password-file"),
        (("--password-file", wrong, redis.url()), 1, "WRONGPASS",
         "store-password-file"),
        (("--password-file", open_file, redis.url()), NO_CONFIG,
         "may be read by everybody", ""),
        ((f"redis+unix://{place.path('none')}",), TEMPORARY, "No such file",
         "unixsocket"),
        ((f"redis://127.0.0.1:{port}",), TEMPORARY, "refused", "bind"),
        ((f"redis+unix://{crierd.queue}",), TEMPORARY, "protocol", "bind"),
        (("redis://u:" + SECRET + "@h",), WRONG_USAGE,
         "must not have a password", ""),
        (("postgres://h",), WRONG_USAGE, "must be auto, memory", ""),
        (("-k", "memory"), WRONG_USAGE, "--store goes with", ""),
        (("--durability", "always", "memory"), WRONG_USAGE,
         "none, process or power", ""),
        (("memory", "memory"), WRONG_USAGE, "one STORE", ""),
    )
    for options, want, said, advised in rows:
        code, report, text = doctor(place, *options)
        tap.eq((code, said in text, advised in advice(report, "reach"),
                SECRET in text), (want, True, True, False),
               f"{options[-1]}: {text}")


def a_replica(tap, place):
    if not IS_THERE:
        tap.skip("a replica", "no redis-server")
        return
    port = proc.free_port()
    master = Redis(place, *SETTINGS).start()
    master.ask("CONFIG", "SET", "port", port)
    second = Redis(place, "--replicaof", "127.0.0.1", str(port),
                   name="replica").start()
    proc.wait_for(lambda: b"master_link_status:up" in second.ask("INFO"),
                  "the replica has come")
    code, report, text = doctor(place, second.url())
    tap.eq((code, "replica" in check(report, "server")["text"]), (1, True),
           f"a replica is named: {text}")
    tap.eq(advice(report, "server"), f'store = "redis://127.0.0.1:{port}"\n',
           "and where its master is")
    code, report, text = doctor(place, f"redis://127.0.0.1:{port}")
    tap.eq((code, check(report, "replicas")["verdict"],
            "min-replicas-to-write 1" in advice(report, "replicas")),
           (0, "warning", True), f"the master has one: {text}")


def with_nodes(tap, place):
    """What nodes have left there is read, and not touched."""
    if not IS_THERE:
        tap.skip("a Redis with nodes", "no redis-server")
        return
    redis = Redis(place, *SETTINGS).start()
    nodes = [Node(place, f"n{i}", redis.url()).start() for i in range(2)]
    nodes[0].publish("a", "x")
    proc.wait_for(lambda: nodes[1].store()["nodes"] == 2, "both are there")
    config = place.write(
        "doctor.conf", f'store = "{redis.url()}"\ndurability = power\n')
    code, report, text = doctor(place, "--config", config)
    tap.ok("2 nodes of the prefix crier" in check(report, "history")["text"],
           text)
    tap.eq((code, report["durability"], report["measured"]["nodes"]),
           (1, "power", 2), "store and durability are the configuration's")
    code, _report, text = doctor(place, env={"CRIER_CONF": config})
    tap.eq(code, 1, f"which $CRIER_CONF names: {text}")
    code, _report, text = doctor(
        place, env={"CRIER_CONF": place.path("none.conf")})
    tap.eq((code, "none.conf" in text, "--config FILE" in text),
           (NO_CONFIG, True, True), f"one that is not there: {text}")
    code, report, _text = doctor(place, "--config", config, "memory")
    tap.eq((code, report["store"]), (0, "memory"), "another store is tried")
    last = nodes[1].publish("a", "y")
    store = proc.wait_for(
        lambda: id_key(nodes[0].store()["position"]) >= id_key(last)
        and nodes[0].store(),
        "the other node has it")
    tap.eq((store["errors"], store["connects"]), (0, 1),
           "the nodes have noticed nothing")


def over_tls(tap, place):
    """rediss: with the right authority, another one, and no TLS at all."""
    if not IS_THERE:
        tap.skip("a Redis with TLS", "no redis-server")
        return
    key, certificate = place.path("key.pem"), place.path("cert.pem")
    other = place.path("other.pem")
    for to in (other, certificate):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
             "-keyout", key, "-out", to, "-days", "2", "-subj",
             "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
            check=True, capture_output=True)
    tls, plain = proc.free_port(), proc.free_port()
    redis = Redis(place, *SETTINGS, "--tls-port", str(tls),
                  "--tls-cert-file", certificate, "--tls-key-file", key,
                  "--tls-auth-clients", "no").start()
    redis.ask("CONFIG", "SET", "port", plain)
    rows = (
        (f"rediss://localhost:{tls}?ca={certificate}", 0, "connected", ""),
        (f"rediss://127.0.0.1:{tls}?ca={certificate}", 1, "its certificate",
         "?ca=FILE"),
        (f"rediss://localhost:{tls}?ca={other}", 1, "its certificate",
         "?ca=FILE"),
        (f"rediss://localhost:{tls}", 1, "its certificate", "?ca=FILE"),
        (f"rediss://localhost:{plain}?ca={certificate}", TEMPORARY,
         "does not answer", "tls-port"),
        (f"redis://localhost:{tls}", TEMPORARY, "", "tls-port"),
        (f"redis://localhost:{plain}", 0, "connected", ""),
    )
    for url, want, said, advised in rows:
        code, report, text = doctor(place, url)
        tap.eq((code, said in check(report, "reach").get("text", ""),
                advised in advice(report, "reach")), (want, True, True),
               f"{url}: {text}")
    code, _report, text = doctor(
        place, f"rediss://localhost:{tls}?ca={place.path('none')}")
    tap.eq((code, "none" in text), (NO_CONFIG, True), f"no such file: {text}")


@needs_sentinel
def sentinels(tap, place):
    """The master is asked for; one of three may be away, but not two."""
    redis = Watched(place)
    first, second, third = redis.ports()
    none = [proc.free_port() for _ in range(2)]
    rows = (
        (url((first, second, third)), 0, "ok", "3 of 3", ""),
        (url((first, none[0], third)), 0, "warning", "2 of 3",
         "sentinel monitor crier"),
        (url((none[0], none[1], third)), 1, "FAULT", "1 of 3", "sentinel"),
        (url(none), TEMPORARY, "FAULT", "0 of 2", "sentinel"),
        (url((first, second)).replace("/crier", "/another"), TEMPORARY,
         "FAULT", "0 of 2", "sentinel monitor another"),
    )
    for where, want, verdict, said, advised in rows:
        code, report, text = doctor(place, where)
        found = check(report, "sentinels")
        tap.eq((code, found["verdict"], said in found["text"],
                advised in advice(report, "sentinels")),
               (want, verdict, True, True), f"{where}: {text}")
        tap.eq("server" in {one["check"] for one in report["checks"]},
               want != TEMPORARY, "the master is looked at")
    redis.replica.destroy()
    redis.master.kill()
    proc.wait_for(lambda: all("s_down" in str(one.ask(
        "SENTINEL", "MASTER", "crier")) for one in redis.sentinels),
                  "all hold it for down", 30)
    code, report, text = doctor(place, url((first, second, third)))
    found = check(report, "watch")
    tap.eq((code, found["verdict"], "3 of 3" in found["text"],
            "know: 1" in found["text"],
            "SENTINEL REPLICAS crier\n" in advice(report, "watch")),
           (TEMPORARY, "FAULT", True, True, True), f"none is up: {text}")


def a_database(tap, place):
    """SQLite: a new one, crierd's own, damaged ones, and where it cannot
    be."""
    folder = place.make_dir("history")
    crierd = Crierd(place, [f"store=sqlite:{folder}/history.db"])
    crierd.start().publish("a", "x")
    text_file = place.write("text.db", "no database, but text\n" * 400)
    foreign = place.path("foreign.db")
    subprocess.run(["sqlite3", foreign, "create table a (b)"], check=True)
    rows = (
        ("new.db", (), 0, "place", "ok", "may be made"),
        ("history.db", (), 0, "database", "ok", "whole"),
        ("history.db", ("--durability", "power"), 0, "disk", "ok",
         "each commit waits"),
        (text_file, (), 1, "database", "FAULT", "not a database"),
        (foreign, (), 1, "database", "FAULT", "another program's"),
        ("none/history.db", (), 1, "place", "FAULT", "No such file"),
    )
    for name, options, want, what, verdict, said in rows:
        path = os.path.join(folder, name)
        code, report, text = doctor(place, *options, "sqlite:" + path)
        found = check(report, what)
        tap.eq((code, found.get("verdict"), said in found.get("text", "")),
               (want, verdict, True), f"{name}: {text}")
    tap.eq(sorted(name for name in os.listdir(folder)
                  if "doctor." in name), [], "nothing is left behind")
    crierd.publish("a", "y")
    tap.eq(crierd.status()["store"]["errors"], 0, "crierd goes on")


def no_room(tap, place):
    """A bound that the disk has no room for."""
    folder = place.make_dir("history")
    config = place.write(
        "doctor.conf",
        f'store = "sqlite:{folder}/h.db"\nstore-bytes = 900G\n')
    _code, report, text = doctor(place, "--config", config)
    tap.eq((check(report, "room")["verdict"],
            "store-bytes = " in advice(report, "room")),
           ("warning", True), text)


def in_memory(tap, place):
    rows = (("memory", "ends with crierd"), ("auto", "memory, or for"))
    for store, said in rows:
        code, report, text = doctor(place, store)
        tap.eq((code, said in check(report, "store")["text"]), (0, True),
               text)
    done = subprocess.run([*bench.CRIER, "doctor", "--store", "memory"],
                          capture_output=True, text=True, check=False)
    tap.eq((done.returncode, done.stdout.splitlines()[0],
            done.stdout.splitlines()[-1]),
           (0, "memory", "0 faults, 0 warnings"), "the table")


TESTS = [needs_curl(test) for test in (
    known_servers, those_away, a_replica, with_nodes, over_tls, sentinels,
    a_database,
    no_room, in_memory)]
