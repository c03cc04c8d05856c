# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""Servers that are none for crierd, or not for now: each is told, never lived
with in silence, and recovered from."""

from cases.redis_nodes import GAP, follow, refused_start, resume
from cases.redis_sentinel import wait_last, wait_told
from lib import proc
from lib.daemon import Queue
from lib.fake_server import FakeRedis, array, text
from lib.redis import Node, Redis, example_user, needs_redis, on_redis
from lib.redis_sentinel import Server

POWER = ["durability=power"]


def waiting_node(place, url, options=(), name="n1"):
    """One that is not awaited to be live."""
    node = Node(place, name, url, options)
    node.awaits_store = False
    return node.start()


def ask(node, data="x"):
    with Queue(node.queue) as queue:
        return queue.ask({"channel": "a", "data": data})


def is_told(tap, node, wanted):
    """In the status, and to publishers."""
    wait_told(node, wanted)
    tap.eq((node.store()["up"], ask(node).get("code")), (False, 75), wanted)


def is_live(tap, node, what):
    node.wait_state("live")
    tap.ok(ask(node, what).get("ok"), f"{node} goes on: {what}")


def of_port(port):
    return f"redis://127.0.0.1:{port}"


def info(**more):
    return text("".join(f"{name}:{value}\r\n" for name, value in {
        "# Server\r\nredis_version": "7.0.15", "run_id": "1",
        "role": "master", "maxmemory_policy": "noeviction", **more}.items()))


HELLO = b"*6\r\n$3\r\n1-0\r\n$3\r\n1-0\r\n:0\r\n:0\r\n$0\r\n\r\n$3\r\n0-0\r\n"
GOOD = {"": b"+OK\r\n", "TIME": array(1, 1), "INFO": info(), "EVAL": HELLO,
        "XREAD": b"*-1\r\n", "ZCOUNT": b":1\r\n",
        "ZRANGEBYSCORE": b"*0\r\n"}

# No such server can be had here: what they say, as far as crierd asks.
FAKES = (
    ({"INFO": info(**{"# Server\r\nredis_version": "6.0.16"})},
     "its version is 6.0.16, and 7.0 is needed"),
    ({"INFO": info(role="slave")}, "it is a replica"),
    ({"INFO": text("# Server\r\n")}, "its INFO has no run_id"),
    ({"INFO": b"-NOPERM this user has no permissions to run 'info'\r\n"},
     "NOPERM"),
    ({"EVAL": b"-MASTERDOWN Link with MASTER is down\r\n"}, "MASTERDOWN"),
    ({"EVAL": b"-MOVED 1 10.0.0.2:6379\r\n"}, "MOVED"),
    ({"EVAL": b"-LOADING Redis is loading the dataset in memory\r\n"},
     "LOADING"),
    ({"EVAL": b"-ERR unknown command 'EVAL'\r\n"}, "unknown command"),
    ({"EVAL": b"$5\r\nhello\r\n"}, "its answer is none of crier's"),
    ({"EVAL": HELLO.replace(b"1-0", b"x-0")},
     "its answer is none of crier's"),
    ({"TIME": b"+OK\r\n"}, "it has no TIME"),
    ({"XREAD": b"-UNBLOCKED force unblock\r\n"}, "UNBLOCKED"),
    ({"XREAD": b"$1\r\nx\r\n"}, "its log is none of crier's"),
    ({"UNLINK": b"-READONLY You can't write against a read only replica.\r\n"},
     "READONLY"),
    ({"": b"-DENIED Redis is running in protected mode\r\n",
      "INFO": b"-DENIED Redis is running in protected mode\r\n"}, "DENIED"),
    ({"INFO": b"HTTP/1.1 400 Bad Request\r\n\r\n"}, "what it says is not Redis' protocol"),
    ({"INFO": b""}, "it does not answer"),
)


@needs_redis
def says_what_is_wrong(tap, place):
    """Replies of servers of all kinds."""
    fake = FakeRedis(place, GOOD).start()
    node = waiting_node(place, of_port(fake.port))
    for wrong, wanted in FAKES:
        fake.cut()
        fake.answers = {**GOOD, **wrong}
        fake.start()
        wait_told(node, wanted)
        tap.ok(not node.store()["up"] or wanted in ("UNBLOCKED", "READONLY"),
               wanted)
    fake.cut()
    fake.answers = GOOD
    fake.start()
    proc.wait_for(lambda: node.store()["up"], "all is well")


@on_redis()
def a_replica(tap, place, redis):
    """It is none; when it is the master it is one, and when it is demoted it
    is none again."""
    other = Server(place, "other").start()
    redis.ask("REPLICAOF", "127.0.0.1", other.port)
    node = waiting_node(place, redis.url())
    is_told(tap, node, "it is a replica")
    redis.ask("REPLICAOF", "NO", "ONE")
    is_live(tap, node, "promoted")
    redis.ask("REPLICAOF", "127.0.0.1", other.port)
    is_told(tap, node, "it is a replica")
    redis.ask("REPLICAOF", "NO", "ONE")
    is_live(tap, node, "promoted again")


@on_redis()
def needs_replicas(tap, place, redis):
    """NOREPLICAS: refused for now; what only reads goes on."""
    node = Node(place, "n1", redis.url()).start()
    stream = follow(node, "a")
    first = node.publish("a", "1")
    redis.ask("CONFIG", "SET", "min-replicas-to-write", 1)
    answer = ask(node)
    tap.ok(answer["code"] == 75 and "NOREPLICAS" in answer["error"], "is told",
           answer)
    tap.ok("NOREPLICAS" in node.store()["last_error"], "in the status, too")
    tap.eq(len(resume(node, "a", first).wait_open().events), 0, "a resume")
    redis.ask("CONFIG", "SET", "min-replicas-to-write", 0)
    is_live(tap, node, "2")
    stream.wait_events(2)
    tap.eq([event.data for event in stream.events], ["1", "2"], "no gap")


@needs_redis
def a_cluster(tap, place):
    """Whose slot nobody serves, until it does."""
    redis = Server(place, "cluster", "--cluster-enabled", "yes").start()
    node = waiting_node(place, redis.url())
    is_told(tap, node, "CLUSTERDOWN")
    redis.ask("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
    is_live(tap, node, "served")
    redis.ask("CLUSTER", "DELSLOTSRANGE", 0, 16383)
    is_told(tap, node, "CLUSTERDOWN")


@needs_redis
def loading(tap, place):
    """A server that reads its file yet."""
    redis = Redis(place, "--appendonly", "yes", "--key-load-delay",
                  "1000").start()
    node = Node(place, "n1", redis.url()).start()
    last = node.publish("a", "1")
    with redis.connect() as connection:
        for at in range(3000):  # it looks at connections each 1024
            connection.ask("SET", f"ballast{at}", "x")
    redis.kill()
    redis.start(is_awaited=False)
    wait_told(node, "LOADING")
    is_live(tap, node, "loaded")
    tap.eq(len(resume(node, "a", last).wait_events(1)), 1, "all is there")


@on_redis("--maxclients", "1")
def too_many_clients(tap, place, redis):
    node = waiting_node(place, redis.url())
    is_told(tap, node, "max number of clients reached")
    proc.wait_for(lambda: redis.ask("CONFIG", "SET", "maxclients", 100) ==
                  "OK", "a connection is free")
    is_live(tap, node, "there is room")


@on_redis()
def forgets(tap, place, redis):
    """A policy that is changed while it runs is told; what it dropped is a
    gap."""
    node = Node(place, "n1", redis.url()).start()
    stream = follow(node, "a")
    first = node.publish("a", "1")
    redis.ask("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    node.publish("other", "x")
    used = int(redis.ask("INFO", "memory").decode()
               .partition("used_memory:")[2].split()[0])
    redis.ask("SET", "ballast", "x" * 1000000)
    redis.ask("CONFIG", "SET", "maxmemory", used + 500000)
    redis.ask("SET", "more", "x" * 1000)
    is_told(tap, node, "its maxmemory-policy is allkeys-lru")
    redis.ask("CONFIG", "SET", "maxmemory", 0)
    redis.ask("CONFIG", "SET", "maxmemory-policy", "noeviction")
    is_live(tap, node, "last")
    wait_last(stream, "last")
    tap.ok(int(node.store()["evicted_keys"]) > 0, "it has dropped something")
    tap.eq([event.type for event in stream.events],
           ["message", GAP, "message"], "whoever is there is told")
    tap.eq(resume(node, "a", first).wait_events(1)[0].type, GAP,
           "whoever comes back, too")


# What a script may not do is told without the command's name.
SCRIPTED = ("xadd", "hset", "set", "rpush", "lindex", "zadd")
IN_SCRIPT = "The user executing the script"


@on_redis()
def rights_change(tap, place, redis):
    """What the user may not do any more is told, and nothing is lost that was
    acknowledged."""
    user, options = example_user(place, redis)
    url = f"redis+unix://{user}@{redis.path}"
    node = Node(place, "n1", url, options).start()
    other = Node(place, "n2", url, options).start()  # has no history itself
    first = node.publish("a", "first")
    taken = []
    # The later ones make a gap anyway, which would hide what is missing.
    for command in ("evalsha", "xread", "xadd", "rpush", "lindex", "hset",
                    "set", "time", "zadd", "info"):
        redis.ask("ACL", "SETUSER", user, "-" + command)
        answer = ask(node, command)
        if answer.get("ok"):
            taken.append(command)
        wanted = IN_SCRIPT if command in SCRIPTED else command
        wait_told(node, wanted)
        tap.ok(True, f"{command} is told: {answer}")
        redis.ask("ACL", "SETUSER", user, "+" + command)
        node.wait_state("live")
        after = f"with {command}"
        proc.wait_for(lambda a=after: ask(node, a).get("ok"), after)
        taken.append(after)
        other.wait_state("live")
        back = resume(other, "a", first)
        back.wait(lambda b=back, a=after: a in [e.data for e in b.events],
                  after)
        came = [event.data for event in back.events if event.type != GAP]
        missing = [one for one in taken if one not in came]
        tap.ok(not missing or back.events[0].type == GAP,
               "all is there, or a gap is told", missing)


POWERLESS = (
    ((), "no append-only file"),
    (("--appendonly", "yes"), "its appendfsync is everysec"),
    (("--appendonly", "yes", "--appendfsync", "always",
      "--rename-command", "CONFIG", ""), "appendfsync cannot be read"),
)


@needs_redis
def power(tap, place):
    """durability = power: a server that does not write to its disk before it
    answers is none, and never was silently."""
    for at, (settings, wanted) in enumerate(POWERLESS):
        redis = Redis(place, *settings, name=f"redis{at}").start()
        node = waiting_node(place, redis.url(), POWER, f"n{at}")
        is_told(tap, node, wanted)
        if at < 2:
            redis.ask("CONFIG", "SET", "appendfsync", "always")
            redis.ask("CONFIG", "SET", "appendonly", "yes")
            is_live(tap, node, "set right")
        if at == 1:
            redis.ask("CONFIG", "SET", "appendfsync", "no")
            is_told(tap, node, "its appendfsync is no ")
            redis.ask("CONFIG", "SET", "appendfsync", "always")
            is_live(tap, node, "set right again")
        node.destroy()
        redis.destroy()
    redis = Redis(place, "--appendonly", "yes", "--appendfsync", "always",
                  name="redis").start()
    user, options = example_user(place, redis)
    node = waiting_node(place, f"redis+unix://{user}@{redis.path}",
                        [*options, *POWER], "n")
    is_told(tap, node, "cannot be read (+config|get)")
    redis.ask("ACL", "SETUSER", user, "+config|get")
    is_live(tap, node, "it may be read")


@on_redis()
def memory_for_errors(tap, place, redis):
    refused_start(tap, place, redis.url(), ["store-error=memory"],
                  "store-error")


TESTS = [says_what_is_wrong, a_replica, needs_replicas, a_cluster, loading,
         too_many_clients, forgets, rights_change, power,
         memory_for_errors]
