# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""nginx, with conf/nginx."""

import os

from lib import bench, proc
from lib.server import Server

MODULE = os.environ.get("NGINX_CRIER", "")


class Nginx(Server):
    name = "nginx"
    program = "nginx"
    # It obeys this one and keeps it to itself.
    hidden_headers = ("x-accel-buffering",)

    def arguments(self, conf):
        return [self.binary, "-p", self.state, "-e", self.error_log,
                "-c", conf]

    def choose_http2_port(self):
        return proc.free_port()

    def join_urls(self):
        self.append(self.uncomment("location ~ ^/(sse"))

    def lengthen_urls(self):
        self.append(self.uncomment("large_client_header_buffers"))

    def protect(self, path, users):
        self.append(f"""
set $crier_realm off;
if ($uri ~ ^{path}(/|$)) {{ set $crier_realm "Private"; }}
auth_basic $crier_realm;
auth_basic_user_file {users};
""")

    def forbid(self, path):
        self.append(f"if ($uri ~ ^{path}(/|$)) {{ return 403; }}\n")

    def limit_bodies(self, kilobytes):
        self.append(f"client_max_body_size {kilobytes}k;\n")

    def main_conf(self):
        user = ""
        if bench.IS_ROOT:
            user = (f"user {bench.server_user().pw_name} "
                    f"{bench.server_group()};")
        temporary = "\n".join(
            f"    {kind}_temp_path {self.state}/{kind};"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        return f"""
{user}
daemon off;
worker_processes 2;
worker_rlimit_nofile 8192;
pid {self.state}/nginx.pid;
error_log {self.error_log} info;
events {{ worker_connections 4000; }}
http {{
{temporary}
    access_log off;
    # Shorter than a stream's silence may be.
    fastcgi_read_timeout {self.patience}s;
    send_timeout {self.patience}s;
    client_body_timeout {self.patience}s;
    # An event stream must not be compressed even where all else is.
    gzip on;
    gzip_types *;
    gzip_min_length 1;
    default_type application/octet-stream;
    types {{
        text/html html; text/css css; text/javascript js;
        image/svg+xml svg; image/png png;
    }}
    server {{
        listen 127.0.0.1:{self.port};
        listen 127.0.0.1:{self.http2_port} http2;
        root {self.www};
        include {self.includes[0]};
    }}
}}
"""


class NginxPass(Nginx):
    """Clients' sockets go to crierd."""

    name = "nginx_pass"
    folder = "nginx"

    @classmethod
    def missing(cls):
        if not os.path.exists(MODULE):
            return "nginx's module (make nginx-module)"
        return super().missing()

    def main_conf(self):
        return f"load_module {MODULE};\n{super().main_conf()}"

    def _copy_conf(self, name):
        path = super()._copy_conf(name)
        with open(path, encoding="utf-8") as conf:
            text = conf.read()
        line = "fastcgi_param CRIER_PASS $crier_pass if_not_empty;"
        if f"#{line}" not in text:
            raise AssertionError(f"no comment of {line} in {path}")
        with open(path, "w", encoding="utf-8") as conf:
            conf.write(text.replace(f"#{line}", line))
        return path
