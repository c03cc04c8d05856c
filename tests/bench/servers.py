# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""Web servers in front of crierd, with the files of conf/ that an admin
includes, and the peers that crierd is compared with.  Each takes a free port
of the loopback interface, and files in a directory of its own."""

import glob
import grp
import os
import shutil

from load import Crierd, Process, answers, children, free_port

SOURCE = os.environ.get("srcdir", ".")
NODE_MODULES = os.environ.get("BENCH_NODE", "")
PEERS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "peers")
SOCKET = "/run/crier/fcgi.sock"
PATH = "/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin"
NGINX_CRIER = os.environ.get("NGINX_CRIER", "")
NCHAN = "/usr/lib/nginx/modules/ngx_nchan_module.so"
PHP_CHILDREN = 220


class NotThere(Exception):
    """What is not installed."""


def find(name):
    found = shutil.which(name, path=PATH)
    if not found:
        raise NotThere(name)
    return found


def nginx_user():
    if os.geteuid() != 0:
        return ""
    try:
        grp.getgrnam("www-data")
        return "user www-data;"
    except KeyError:
        return "user nobody nogroup;"


def nginx_arguments():
    return [find("nginx"), "-p", ".", "-e", "error.log", "-c", "nginx.conf"]


def nginx_conf(where, workers, server, modules="", upstream=""):
    """All of nginx.conf around what is said of one server."""
    temporary = "\n".join(
        f"    {kind}_temp_path {where}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    return f"""
{modules}
{nginx_user()}
daemon off;
worker_processes {workers};
worker_rlimit_nofile 20000;
pid {where}/nginx.pid;
error_log {where}/error.log error;
events {{ worker_connections 19000; }}
http {{
{temporary}
    access_log off;
    keepalive_requests 100000000;
    {upstream}
    server {{
{server}
    }}
}}
"""


class Web:
    """Whatever speaks HTTP on a port and publishes there, too."""

    name = ""
    workers = 0  # processes besides the first
    subscribe_prefix = "/sub?ch="
    publish_prefix = "/pub?ch="

    def __init__(self):
        self.port = free_port()
        self.process = Process(self.arguments())
        try:
            self.prepare(self.process.where)
        except BaseException:
            self.process.stop()
            raise

    def arguments(self):
        raise NotImplementedError

    def prepare(self, where):
        """Writes its configuration."""

    def is_ready(self):
        return answers(self.port) and len(self.own_pids()) > self.workers

    def __enter__(self):
        self.process.start(self.is_ready)
        return self

    def __exit__(self, *_):
        self.process.stop()

    def write(self, where, name, text):
        with open(os.path.join(where, name), "w", encoding="utf-8") as file:
            file.write(text)

    def own_pids(self):
        return children(self.process.process.pid)

    def pids(self):
        return self.own_pids()

    def subscribe(self):
        return ["-H", "-a", f"127.0.0.1:{self.port}", "-u",
                self.subscribe_prefix]

    def publish(self):
        return ["-q", f"127.0.0.1:{self.port}", "-p", self.publish_prefix]


class Front(Web):
    """crierd behind a web server."""

    subscribe_prefix = "/events/"

    def __init__(self, crierd=None):
        self.crierd = crierd or Crierd()
        try:
            super().__init__()
        except BaseException:
            self.crierd.hub.remove()
            raise

    def __enter__(self):
        self.crierd.__enter__()
        try:
            return super().__enter__()
        except BaseException:
            self.crierd.__exit__()
            raise

    def __exit__(self, *_):
        super().__exit__()
        self.crierd.__exit__()

    def pids(self):
        return self.crierd.pids() + super().pids()

    def publish(self):
        return self.crierd.publish()

    def include(self, where, server):
        path = os.path.join(SOURCE, "conf", server, "crier.conf")
        with open(path, encoding="utf-8") as file:
            text = file.read().replace(SOCKET, self.crierd.hub.fcgi)
        self.write(where, "crier.conf", text)


class Nginx(Front):
    name = "crierd, nginx"
    workers = 1

    def arguments(self):
        return nginx_arguments()

    def prepare(self, where):
        self.include(where, "nginx")
        self.write(where, "nginx.conf", nginx_conf(
            where, self.workers,
            f"listen 127.0.0.1:{self.port} backlog=4096;"
            f" include {where}/crier.conf;"))


class Nginx2(Nginx):
    name = "crierd, nginx, 2 workers"
    workers = 2


class NginxPass(Nginx):
    """nginx with crier's module, which gives clients' sockets to crierd."""

    name = "crierd, nginx, passed"

    def arguments(self):
        if not os.path.exists(NGINX_CRIER):
            raise NotThere("nginx's module (make nginx-module)")
        return super().arguments()

    def prepare(self, where):
        super().prepare(where)
        for name, old, new in (
                ("crier.conf", "#fastcgi_param CRIER_PASS",
                 "fastcgi_param CRIER_PASS"),
                ("nginx.conf", "daemon off;",
                 f"load_module {NGINX_CRIER};\ndaemon off;")):
            path = os.path.join(where, name)
            with open(path, encoding="utf-8") as file:
                text = file.read()
            if old not in text:
                raise NotThere(f"{old} in {name}")
            self.write(where, name, text.replace(old, new))


class Lighttpd(Front):
    name = "crierd, lighttpd"

    def arguments(self):
        return [find("lighttpd"), "-D", "-f", "lighttpd.conf"]

    def prepare(self, where):
        self.include(where, "lighttpd")
        self.write(where, "lighttpd.conf", f"""
server.document-root = "{where}"
server.bind = "127.0.0.1"
server.port = {self.port}
server.listen-backlog = 4096
server.max-fds = 20000
server.max-connections = 9900
server.errorlog = "{where}/error.log"
include "{where}/crier.conf"
""")


class Nchan(Web):
    """nchan, with an event a message, kept in memory."""

    name = "nchan, 1 worker"
    workers = 1

    def arguments(self):
        if not os.path.exists(NCHAN):
            raise NotThere("nchan (libnginx-mod-nchan)")
        return nginx_arguments()

    def upstream(self):
        return ""

    def of_location(self):
        """Where its messages are: else in memory."""
        return ""

    def prepare(self, where):
        self.write(where, "nginx.conf", nginx_conf(where, self.workers, f"""
        listen 127.0.0.1:{self.port} backlog=4096;
        location = /sub {{
            {self.of_location()}
            nchan_subscriber eventsource;
            nchan_channel_id $arg_ch;
            nchan_subscriber_first_message newest;
        }}
        location = /pub {{
            {self.of_location()}
            nchan_publisher;
            nchan_channel_id $arg_ch;
            nchan_message_buffer_length 10000;
            nchan_message_timeout 10m;
        }}""", f"load_module {NCHAN};", self.upstream()))


class Nchan2(Nchan):
    name = "nchan, 2 workers"
    workers = 2


class Node(Web):
    """A program for node, with what npm has put beside the build."""

    script = ""

    def arguments(self):
        if not os.path.isdir(os.path.join(NODE_MODULES, "node_modules",
                                          self.script)):
            raise NotThere(f"{self.script} (npm)")
        return [find("node"), os.path.join(PEERS, f"{self.script}.mjs"),
                os.path.join(NODE_MODULES, "node_modules"), str(self.port)]


class Express(Node):
    name = "express"
    script = "express"


class BetterSse(Node):
    name = "better-sse"
    script = "better-sse"


class Backed(Web):
    """With a process that must be there before it, and ends after it."""

    def __init__(self):
        self.backend = self.make_backend()
        try:
            super().__init__()
        except BaseException:
            self.backend.stop()
            raise

    def make_backend(self):
        raise NotImplementedError

    def backend_is_ready(self):
        raise NotImplementedError

    def __enter__(self):
        self.backend.start(self.backend_is_ready)
        try:
            return super().__enter__()
        except BaseException:
            self.backend.stop()
            raise

    def __exit__(self, *_):
        super().__exit__()
        self.backend.stop()


class Php(Backed):
    """A loop in PHP that looks every 200 ms, under PHP-FPM."""

    name = "PHP loop"
    subscribe_prefix = "/sub.php?ch="
    publish_prefix = "/pub.php?ch="
    workers = 1

    def arguments(self):
        return nginx_arguments()

    def make_backend(self):
        found = sorted(glob.glob("/usr/sbin/php-fpm*"))
        if not found:
            raise NotThere("php-fpm")
        return Process([found[-1], "-F", "-R", "-n", "-y", "fpm.conf",
                        *[f"-dextension={name}" for name in
                          ("pdo.so", "pdo_sqlite.so")]])

    def prepare(self, where):
        fpm = self.backend.where
        self.write(fpm, "fpm.conf", f"""
[global]
error_log = {fpm}/error.log
[bench]
listen = {fpm}/fcgi
listen.backlog = 4096
listen.mode = 0666
{"user = root" if os.geteuid() == 0 else ""}
pm = static
pm.max_children = {PHP_CHILDREN}
env[DATABASE] = {fpm}/events.db
""")
        self.write(where, "nginx.conf", nginx_conf(where, 1, f"""
        listen 127.0.0.1:{self.port} backlog=4096;
        root {PEERS};
        location ~ ^/(sub|pub)[.]php$ {{
            fastcgi_pass unix:{fpm}/fcgi;
            fastcgi_buffering off;
            fastcgi_param SCRIPT_FILENAME $document_root$document_uri;
            fastcgi_param REQUEST_METHOD $request_method;
            fastcgi_param QUERY_STRING $query_string;
            fastcgi_param CONTENT_TYPE $content_type;
            fastcgi_param CONTENT_LENGTH $content_length;
        }}"""))

    def backend_is_ready(self):
        return os.path.exists(os.path.join(self.backend.where, "fcgi"))

    def pids(self):
        return children(self.backend.process.pid) + super().pids()


class Pushpin(Backed):
    """Pushpin; who it asks what to do with a stream is not counted."""

    name = "pushpin"
    publish_prefix = "/publish/"
    workers = 4  # condure, zurl, proxy, handler

    def __init__(self):
        self.origin_port = free_port()
        self.publish_port = free_port()
        super().__init__()

    def make_backend(self):
        return Process(nginx_arguments())

    def backend_is_ready(self):
        return answers(self.origin_port)

    def arguments(self):
        for name in ("condure", "zurl"):
            find(name)
        return [find("pushpin"), "--config", "pushpin.conf"]

    def prepare(self, where):
        self.write(self.backend.where, "nginx.conf", nginx_conf(
            self.backend.where, 1, f"""
        listen 127.0.0.1:{self.origin_port} backlog=4096;
        location / {{
            default_type text/event-stream;
            add_header Grip-Hold stream;
            add_header Grip-Channel $arg_ch;
            return 200 ": welcome\n\n";
        }}"""))
        self.write(where, "routes", f"* 127.0.0.1:{self.origin_port}\n")
        # As shipped, 2500 messages a second are sent and no more.
        self.write(where, "pushpin.conf", f"""
[global]
include={{libdir}}/internal.conf
rundir={where}/run
ipc_prefix=bench-
port_offset=0
[runner]
services=condure,zurl,pushpin-proxy,pushpin-handler
http_port=127.0.0.1:{self.port}
logdir={where}
log_level=2
client_buffer_size=8192
client_maxconn=19000
condure_bin={find("condure")}
zurl_bin={find("zurl")}
[proxy]
routesfile={where}/routes
updates_check=off
zurl_out_specs=ipc://{where}/run/bench-zurl-in
zurl_out_stream_specs=ipc://{where}/run/bench-zurl-in-stream
zurl_in_specs=ipc://{where}/run/bench-zurl-out
[handler]
push_in_spec=ipc://{where}/push
push_in_sub_specs=ipc://{where}/push-sub
push_in_http_addr=127.0.0.1
push_in_http_port={self.publish_port}
command_spec=ipc://{where}/command
stats_spec=ipc://{where}/stats
message_rate=100000000
message_hwm=100000000
""")
        os.mkdir(os.path.join(where, "run"))

    def is_ready(self):
        return answers(self.publish_port) and super().is_ready()

    def publish(self):
        return ["-g", "-q", f"127.0.0.1:{self.publish_port}",
                "-p", self.publish_prefix]

    def subscribe(self):
        # Of more at once it loses some.
        return [*super().subscribe(), "-f", "64"]
