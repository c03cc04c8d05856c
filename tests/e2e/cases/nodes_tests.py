# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""doc/nodes.md: its blocks are taken from it and run, and what they make is
several nodes behind a balancer.

The five machines are directories and addresses of this one; what systemctl
would start is started here."""

import os
import re
import shutil
import subprocess

from cases.docs_tests import blocks_of
from lib import bench, proc, web
from lib.daemon import Crierd, Queue
from lib.reconnect import Reconnector
from lib.server_nginx import Nginx

DOC = "doc/nodes.md"
REDIS_SERVER = shutil.which("redis-server")
# Stands in front of every block: nothing of this machine is changed.
SHELL = """
set -eu
systemctl() { echo "$@" >>"$TOLD"; }
nginx() { command nginx "$@" -c "$MAIN" -e "$ERRORS"; }
"""
ADDRESSES = ("10.0.0.1", "10.0.0.2", "10.0.0.3")
CHANNEL = "hello"
# Of the site's own, and the same on all nodes.
ROUTES = """
publish = { anyone }
route "GET /events/{channel...}" { subscribe = { "{channel}" } }
route "POST /events/publish/{channel...}" {
	publish = "{channel}"
	data = "{form.data}"
}
"""


def _block(part):
    found = [text for text in blocks_of(DOC, "sh") if part in text]
    if len(found) != 1:
        raise AssertionError(f"{len(found)} blocks with {part}")
    return found[0]


class Machine:
    """A directory in place of /etc, and whom a block says to restart."""

    def __init__(self, place, name, ports, address=""):
        self.place = place
        self.name = name
        self.ports = ports  # of Redis, of FastCGI, and the balancer's
        self.address = address
        self.dir = place.make_dir(name)
        self.etc = os.path.join(self.dir, "etc")
        for folder in ("redis", "nginx/conf.d"):
            os.makedirs(os.path.join(self.etc, folder))
        self.told = os.path.join(self.dir, "told")
        self.main = os.path.join(self.dir, "nginx.conf")
        self.share = os.path.join(self.dir, "share")
        self._install()

    def _install(self):
        """What lies in /usr/local/share/crier/conf, as it is here."""
        for name in ("redis/crier.acl", "redis/redis.conf",
                     "redis/nginx.conf", "redis/nginx-http.conf",
                     "redis/service.conf", "redis/socket.conf",
                     "nginx/crier.conf", "crier.conf"):
            path = os.path.join(self.share, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(self.here(_text(name)))

    def path(self, name):
        return os.path.join(self.etc, name)

    def here(self, text):
        """A text of the page, for what this machine has in place."""
        redis, fcgi, port = self.ports
        if self.address:
            text = text.replace("address=10.0.0.1", "address=" + self.address)
        for before, behind in (
                ("@10.0.0.10", f"@127.0.0.10:{redis}"),
                ("port 6379", f"port {redis}"),
                (":9000", f":{fcgi}"),
                ("listen 80;", f"listen 127.0.0.1:{port};"),
                ("http://10.0.0.4/", f"http://127.0.0.1:{port}/"),
                ("10.0.0.", "127.0.0."),
                ("/etc/", self.etc + "/"),
                ("chgrp crier", "chgrp " + bench.server_group()),
                ("/usr/local/share/crier/conf", self.share)):
            text = text.replace(before, behind)
        return text

    def run(self, part, **env):
        folder = os.path.dirname(bench.CRIER[-1])
        return subprocess.run(
            ["sh", "-c", SHELL + self.here(_block(part))],
            capture_output=True, text=True, check=False, cwd=self.dir,
            timeout=60 * proc.SLOW, env={
                **os.environ, "TOLD": self.told, "MAIN": self.main,
                "ERRORS": os.path.join(self.dir, "error.log"),
                "CRIER_CONF": self.path("crier.conf"), **env,
                "PATH": f"{folder}:{os.environ['PATH']}:/usr/sbin:/sbin"})

    def was_told(self):
        with open(self.told, encoding="utf-8") as file:
            return file.read()


class PageNode(Crierd):
    """A node with the configuration that the page has made."""

    def __init__(self, machine):
        super().__init__(machine.place)
        self.name = machine.name
        self.machine = machine
        machine.place.logs.remove(self.log)
        self.log = machine.place.log(f"{machine.name}.log")
        self.queue = os.path.join(machine.dir, "queue.sock")
        self.fifo = os.path.join(machine.dir, "queue.fifo")
        self.config = machine.path("crier.conf")

    def arguments(self, listen=True):
        return super().arguments(listen=False)

    def __str__(self):
        return self.name


class Balancer(Nginx):
    """nginx, with the files of its /etc/nginx that the page has made."""

    name = "balancer"
    must_name = ""
    conf_files = ()

    def __init__(self, machine):
        self.machine = machine
        super().__init__(machine.place, None)
        self.port = machine.ports[2]

    def arguments(self, conf):
        return [self.binary, "-e", self.error_log, "-c", conf]

    def main_conf(self):
        with open(self.machine.main, encoding="utf-8") as file:
            return file.read()


def _write_main(machine):
    """nginx.conf, which its package has."""
    user = ""
    if bench.IS_ROOT:
        user = f"user {bench.server_user().pw_name} {bench.server_group()};"
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    with open(machine.main, "w", encoding="utf-8") as file:
        file.write(f"""
{user}
daemon off;
pid {machine.dir}/nginx.pid;
events {{ worker_connections 4000; }}
http {{
    access_log off;
{''.join(f"{kind}_temp_path {machine.dir}/{kind};" for kind in kinds)}
    include {machine.etc}/nginx/conf.d/*.conf;
}}
""")


def _edit(path, change):
    with open(path, encoding="utf-8") as file:
        text = change(file.read())
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


class Cluster:
    """The five machines, and what runs on them."""

    def __init__(self, tap, place):
        ports = [proc.free_port() for _ in range(3)]
        self.tap = tap
        self.place = place
        self.redis_machine = Machine(place, "redis", ports)
        self.machines = [Machine(place, f"node{i + 1}", ports, address)
                         for i, address in enumerate(ADDRESSES)]
        self.front = Machine(place, "front", ports)
        self.nodes = []
        self.redis = None
        self.redis_starts = 0
        self.port = ports[2]

    def run(self, machine, part, service, **env):
        done = machine.run(part, **env)
        self.tap.eq(done.returncode, 0,
                    f"{machine.name}: {done.stdout}{done.stderr}")
        if service:
            self.tap.ok(service in machine.was_told(), f"{service} is told")
        return done

    def start_redis(self):
        machine = self.redis_machine
        with open(machine.path("redis/redis.conf"), "w",
                  encoding="utf-8") as file:
            file.write(f"dir {machine.dir}\nbind 127.0.0.1 -::1\n")
        self.run(machine, "conf/redis/redis.conf", "restart redis-server")
        self.restart_redis()

    def restart_redis(self):
        """Ends it as its service does, if it runs."""
        if self.redis is not None:
            self.redis.stop()
        log = self.place.path(f"redis{self.redis_starts}.log")
        self.redis_starts += 1
        self.redis = proc.Proc(
            [REDIS_SERVER, self.redis_machine.path("redis/redis.conf")], log)
        self.place.own(self.redis)
        proc.wait_for(lambda: b"Ready to accept" in _read(log),
                      "Redis answers")

    def start_nodes(self):
        for machine in self.machines:
            shutil.copy(self.redis_machine.path("crier-redis"), machine.etc)
            shutil.copy(os.path.join(machine.share, "crier.conf"), machine.etc)
            with open(machine.path("crier.conf"), "a",
                      encoding="utf-8") as file:
                file.write(f"user = {bench.server_user().pw_name}\n{ROUTES}")
            done = self.run(machine, "crier doctor --store",
                            "restart crierd")
            self.tap.ok("\n0 faults" in done.stdout, "no fault")
            self.run(machine, "crierd.$unit.d", "daemon-reload")
            with open(machine.path("systemd/system/crierd.socket.d/nodes.conf"),
                      encoding="utf-8") as file:
                self.tap.ok(machine.here(
                    f"\nListenStream={machine.address}:9000\n")
                    in file.read(), "systemd opens its port")
            self.nodes.append(PageNode(machine).start())
        for node in self.nodes:
            proc.wait_for(lambda n=node: n.status()["store"]["nodes"] == 3,
                          f"{node} sees three")
        done = self.run(self.machines[0], "crier status -j", "",
                        CRIER_QUEUE=self.nodes[0].queue)
        self.tap.eq(done.stdout.strip(), "live 3", "which its status shows")

    def start_front(self):
        _write_main(self.front)
        self.run(self.front, "nginx -t", "reload nginx")
        return Balancer(self.front).start()

    def start_webs(self):
        """The other file: HTTP to a web server on each node."""
        front = self.front
        shutil.rmtree(front.path("nginx/conf.d"))
        os.makedirs(front.path("nginx/conf.d"))
        port = proc.free_port()
        for node, machine in zip(self.nodes, self.machines):
            _write_main(machine)
            comment = re.search(
                r"(?s)#\t(sed .*?crier-node\.conf)",
                _text("redis/nginx-http.conf"))[1].replace("#", "")
            subprocess.run(["sh", "-ec", machine.here(comment)], check=True)
            _edit(machine.path("nginx/crier-node.conf"),
                  lambda text, m=machine: text.replace(
                      "unix:/run/crier/fcgi.sock",
                      m.here(f"{m.address}:9000")))
            with open(machine.path("nginx/conf.d/site.conf"), "w",
                      encoding="utf-8") as file:
                file.write(machine.here(
                    f"server {{ listen {machine.address}:{port};\n"
                    "set_real_ip_from 10.0.0.4;\n"
                    "set_real_ip_from 127.0.0.1;\n"
                    "real_ip_header X-Forwarded-For;\n"
                    "include /etc/nginx/crier-node.conf; }"))
            server = proc.Proc(["nginx", "-c", machine.main, "-e",
                                os.path.join(machine.dir, "error.log")],
                               self.place.path(f"{node}-nginx.log"))
            self.place.own(server)
            proc.wait_for(lambda a=machine.here(machine.address):
                          _is_open(a, port), "a node's nginx answers")
        with open(front.path("nginx/conf.d/crier.conf"), "w",
                  encoding="utf-8") as file:
            file.write(front.here(_text("redis/nginx-http.conf").replace(
                ":80 max", f":{port} max")))
        _write_main(front)


def _text(name):
    with open(os.path.join(bench.SRCDIR, "conf", name),
              encoding="utf-8") as file:
        return file.read()


def _read(path):
    with open(path, "rb") as file:
        return file.read()


def _is_open(address, port):
    return subprocess.run(
        ["python3", "-c", "import socket, sys;"
         "socket.create_connection((sys.argv[1], int(sys.argv[2])))",
         address, str(port)], check=False, capture_output=True).returncode == 0


def _publish(node, text):
    with Queue(node.queue) as queue:
        return queue.publish(CHANNEL, text)


def _post(port, text):
    return web.fetch(
        port, "/events/publish/" + CHANNEL, method="POST",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        body=("data=" + text).encode())


def _holders(nodes):
    return [node for node in nodes if node.streams()]


def _go_through(tap, place, cluster, port, refusals):
    """Streams through the balancer while nodes go, one after the other; a
    request that publishes may be refused with one of these, and is sent
    again."""
    nodes = cluster.nodes
    clients = [place.own(Reconnector(port, "/events/" + CHANNEL, seed))
               for seed in range(9)]
    proc.wait_for(lambda: sum(n.streams() for n in nodes) == 9,
                  "nine streams")
    tap.eq(len(_holders(nodes)), 3, "they are spread over all nodes")
    sent = []

    def publish(node, text):
        _publish(node, text)
        sent.append(text)

    for at, (leave, node) in enumerate((("stop", nodes[0]),
                                        ("kill", nodes[1]),
                                        ("stop", nodes[2]))):
        others = [one for one in nodes if one is not node]
        publish(others[0], f"before {at}")
        getattr(node, leave)()
        for number in range(5):
            publish(others[number % 2], f"{at} {number}")
        sent.append(f"by+HTTP+{at}".replace("+", " "))
        told = [_post(port, f"by+HTTP+{at}").status]
        while told[-1] in refusals and len(told) < 10:
            told.append(_post(port, f"by+HTTP+{at}").status)
        tap.eq(told[-1], 200, f"a request that publishes: {told}")
        proc.wait_for(lambda o=others: sum(n.streams() for n in o) == 9,
                      f"all are elsewhere after {leave}", 30)
        publish(others[1], f"behind {at}")
        node.start()
    for client in clients:
        proc.wait_for(lambda c=client: len(c.data()) >= len(sent),
                      lambda c=client: c.describe())
    tap.eq([client.data() == sent for client in clients], [True] * 9,
           "each has all of it, once and in order")
    tap.eq([client.named("crier.gap") for client in clients], [[]] * 9,
           "none was told a gap")
    tap.eq([client.failed for client in clients], [None] * 9,
           "no answer would have ended an EventSource")
    for client in clients:
        client.stop()


def _redis_restarted(tap, cluster, port):
    """The Redis of the page's settings has all of it when it is back."""
    before = _publish(cluster.nodes[0], "before the restart")
    for number in range(3):
        _publish(cluster.nodes[number], f"kept {number}")
    cluster.restart_redis()
    for node in cluster.nodes:
        proc.wait_for(lambda n=node: n.status()["store"]["connects"] > 1
                      and n.status()["store"]["state"] == "live",
                      f"{node} is at it again")
    with web.Exchange(port, "/events/" + CHANNEL,
                      headers={"Last-Event-ID": before}) as back:
        back.wait_events(1)
        _publish(cluster.nodes[0], "behind the restart")
        back.wait(lambda: back.events[-1].data == "behind the restart",
                  "what came later")
        tap.eq([(event.type, event.data) for event in back.events],
               [("message", text) for text in (
                   "kept 0", "kept 1", "kept 2", "behind the restart")],
               "nothing is lost when Redis is started again")


def _all_down(tap, port, cluster):
    for node in cluster.nodes:
        node.stop()
    with web.fetch(port, "/events/" + CHANNEL,
                   headers={"Accept": "text/event-stream"}) as answer:
        tap.eq((answer.status, answer.parser.retry), (200, 2000),
               "without any a page is asked to come again")
    tap.eq(_post(port, "x").status, 503, "and a publisher is told so")


def as_the_page_says(tap, place):
    if not REDIS_SERVER or Nginx.missing():
        tap.skip("doc/nodes.md", "no redis-server, or no nginx")
        return
    cluster = Cluster(tap, place)
    cluster.start_redis()
    cluster.start_nodes()
    front = cluster.start_front()
    # Step 4, as it stands there.
    curl = subprocess.Popen(
        ["sh", "-c", "exec " + cluster.front.here(_block("curl -sN"))],
        stdout=subprocess.PIPE)
    place.own(proc_of(curl))
    proc.wait_for(lambda: _holders(cluster.nodes), "curl is at a node")
    cluster.run(cluster.machines[1], "crier pub hello", "",
                CRIER_QUEUE=cluster.nodes[1].queue)
    line = b""
    while not line.startswith(b"data:"):
        line = curl.stdout.readline()
    tap.eq(line, b"data: from the second node\n", "curl has the event")
    curl.kill()
    curl.wait()
    proc.wait_for(lambda: not _holders(cluster.nodes), "curl has left")
    _go_through(tap, place, cluster, front.port, ())
    _redis_restarted(tap, cluster, front.port)
    front.stop()
    cluster.start_webs()
    front.start()
    for node in cluster.nodes:
        proc.wait_for(lambda n=node: not n.streams(), "nobody is left")
    _go_through(tap, place, cluster, front.port, (503,))
    _all_down(tap, front.port, cluster)


class proc_of:
    """Ends a Popen with the test."""

    def __init__(self, popen):
        self.popen = popen

    def destroy(self):
        if self.popen.poll() is None:
            self.popen.kill()
            self.popen.wait()


TESTS = [as_the_page_says]
