# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""HAProxy, with conf/haproxy."""

from lib import bench, passwords, proc
from lib.server import Server


class HAProxy(Server):
    name = "haproxy"
    program = "haproxy"
    conf_files = ("crier.cfg",)
    # The first unless told "option accept-invalid-http-request"; no browser
    # sends it.  The second, and what it sends on: "ONE SPELLING" of crier.cfg.
    refuses = ("raw UTF-8 in the query", "a percent-encoded path")
    sends_on = ("%2F in a path",)
    urls = ""
    globals = ""

    def arguments(self, conf):
        return [self.binary, "-db", "-f", conf, "-f", self.includes[0]]

    def choose_http2_port(self):
        return proc.free_port()

    def join_urls(self):
        # Behind the rules.
        self.urls = self.uncomment("use_backend crier if { path /sse")

    def lengthen_urls(self):
        self.globals = self.uncomment("tune.bufsize")

    def protect(self, path, users):
        user = passwords.USERS[0]  # it reads no file of htpasswd's
        self.rules += f"""
    acl protected path {path}
    acl protected path_beg {path}/
    http-request auth realm crier if protected !{{ http_auth(users) }}
"""
        self.append(f"""
userlist users
    user {user} insecure-password {passwords.word_of(user)}
""")

    def forbid(self, path):
        self.rules += f"""
    http-request deny if {{ path {path} }} || {{ path_beg {path}/ }}
"""

    def limit_bodies(self, kilobytes):
        self.rules += f"""
    http-request deny deny_status 413 if {{ req.body_size gt {1024 * kilobytes} }}
"""

    def main_conf(self):
        user = ""
        if bench.IS_ROOT:
            user = (f"user {bench.server_user().pw_name}\n"
                    f"    group {bench.server_group()}")
        return f"""
global
    maxconn 4000
    {self.globals}
    log stderr local0 info
    {user}
defaults
    mode http
    log global
    option httplog
    option abortonclose
    # Shorter than a stream's silence may be.
    timeout connect 5s
    timeout client {self.patience}s
    timeout server {self.patience}s
    # An event stream must not be compressed even where all else is.
    compression algo gzip
    compression type text/event-stream text/plain
frontend site
    bind 127.0.0.1:{self.port}
    bind 127.0.0.1:{self.http2_port} proto h2
    {self.rules}
    {self.urls}
    use_backend crier if {{ path /events }} || {{ path_beg /events/ }}
"""
