# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""The web servers, each with as little of its own as it starts with, and
the very file of conf/ that an admin includes; only the socket's path in it
is another."""

import os
import shutil
import signal

from . import bench, proc

SOCKET = "/run/crier/fcgi.sock"
APACHE_MODULES = "/usr/lib/apache2/modules"


class NotThere(Exception):
    """The web server is not installed."""


class Server:
    name = ""
    program = ""
    conf_files = ("crier.conf",)

    def __init__(self, place, socket_path):
        self.place = place
        self.binary = shutil.which(self.program,
                                   path="/usr/sbin:/usr/bin:/usr/local/sbin")
        if not self.binary:
            raise NotThere(self.program)
        self.port = 0
        self.proc = None
        self.log = place.log(f"{self.name}.log")
        self.state = place.make_dir(self.name)
        self.error_log = place.log(os.path.join(self.name, "error.log"))
        self.www = place.path("www")
        self._copy_www()
        self.includes = [self._copy_conf(name, socket_path)
                         for name in self.conf_files]

    def _copy_www(self):
        # Copied, for the source may lie where the workers cannot read.
        source = os.path.join(bench.SRCDIR, "conf", "www")
        if os.path.isdir(source):
            shutil.copytree(source, self.www)
        else:
            os.mkdir(self.www)
        for folder, _dirs, files in os.walk(self.www):
            os.chmod(folder, 0o755)
            for name in files:
                os.chmod(os.path.join(folder, name), 0o644)

    def _copy_conf(self, name, socket_path):
        source = os.path.join(bench.SRCDIR, "conf", self.name, name)
        with open(source, encoding="utf-8") as conf:
            text = conf.read()
        if name == "crier.conf" and SOCKET not in text:
            raise AssertionError(f"no {SOCKET} in {source}")
        return self.place.write(f"{self.name}-{name}",
                                text.replace(SOCKET, socket_path))

    def start(self):
        """Start it on a free port; wait until it accepts."""
        for attempt in range(3):
            if not self.port or attempt:
                self.port = proc.free_port()
            conf = self.place.write(f"{self.name}.conf", self.main_conf())
            self.proc = proc.Proc(self.arguments(conf), self.log)
            self.place.own(self.proc)
            if self._came_up():
                return self
        raise AssertionError(f"{self.name} does not start:\n"
                             + proc.tail(self.log)
                             + proc.tail(self.error_log))

    def _came_up(self):
        proc.wait_for(lambda: not self.proc.alive()
                      or proc.can_connect(self.port),
                      f"{self.name} accepts on port {self.port}", 20)
        return self.proc.alive()

    def stop(self):
        self.proc.stop(signal.SIGTERM, 30)

    def restart(self):
        """Stop it, as an admin's restart does, and start it again."""
        self.stop()
        self.start()


class Nginx(Server):
    name = "nginx"
    program = "nginx"

    def arguments(self, conf):
        return [self.binary, "-p", self.state, "-e", self.error_log,
                "-c", conf]

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
        root {self.www};
        include {self.includes[0]};
    }}
}}
"""


class Lighttpd(Server):
    name = "lighttpd"
    program = "lighttpd"

    def arguments(self, conf):
        return [self.binary, "-D", "-f", conf]

    def main_conf(self):
        user = ""
        if bench.IS_ROOT:
            user = (f'server.username = "{bench.server_user().pw_name}"\n'
                    f'server.groupname = "{bench.server_group()}"\n')
        return f"""
{user}
server.bind = "127.0.0.1"
server.port = {self.port}
server.document-root = "{self.www}"
server.errorlog = "{self.error_log}"
server.pid-file = "{self.state}/lighttpd.pid"
server.upload-dirs = ( "{self.state}" )
server.max-fds = 8192
server.max-connections = 4000
server.modules = ( "mod_access" )
index-file.names = ( "index.html" )
mimetype.assign = ( ".html" => "text/html; charset=utf-8",
    ".css" => "text/css", ".js" => "text/javascript",
    ".svg" => "image/svg+xml", ".png" => "image/png" )
include "{self.includes[0]}"
"""


class Apache(Server):
    name = "apache"
    program = "apache2"
    conf_files = ("crier.conf", "mpm.conf")
    # What Debian enables by itself, and what crier.conf asks for.
    modules = ("mpm_event", "alias", "auth_basic", "authn_core", "authn_file",
               "authz_core", "authz_host", "authz_user", "autoindex",
               "filter", "deflate", "dir", "env", "mime", "negotiation",
               "reqtimeout", "setenvif", "proxy", "proxy_fcgi", "headers")

    def arguments(self, conf):
        return [self.binary, "-D", "FOREGROUND", "-f", conf]

    def main_conf(self):
        user = ""
        if bench.IS_ROOT:
            user = (f"User {bench.server_user().pw_name}\n"
                    f"Group {bench.server_group()}\n")
        loads = "\n".join(
            f"LoadModule {name}_module {APACHE_MODULES}/mod_{name}.so"
            for name in self.modules)
        includes = "\n".join(f'Include "{path}"' for path in self.includes)
        return f"""
ServerRoot "{self.state}"
DefaultRuntimeDir "{self.state}"
PidFile "{self.state}/apache.pid"
Listen 127.0.0.1:{self.port}
ServerName localhost
{loads}
{user}
ErrorLog "{self.error_log}"
LogLevel info
TypesConfig /dev/null
AddType text/html .html
AddType text/css .css
AddType text/javascript .js
AddType image/svg+xml .svg
# An event stream must not be compressed even where all else is.
AddOutputFilterByType DEFLATE text/html text/plain text/event-stream
DocumentRoot "{self.www}"
<Directory "{self.www}">
    Require all granted
</Directory>
{includes}
"""


KINDS = {kind.name: kind for kind in (Nginx, Lighttpd, Apache)}
