# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""Apache, with conf/apache."""

import os

from lib import bench
from lib.server import Server

MODULES = "/usr/lib/apache2/modules"


DOWN = "/usr/local/share/crier/conf/apache"


class Apache(Server):
    name = "apache"
    program = "apache2"
    conf_files = ("proxy_fcgi.conf", "mpm.conf")
    # It fails the second write, and a heartbeat is two.
    beats_to_notice = 1
    # A thread for each.
    crowd = 200
    # proxy_fcgi.conf says so: it begins with as many.
    at_once = 6
    # What Debian enables by itself, and what proxy_fcgi.conf asks for.
    modules = ("mpm_event", "alias", "auth_basic", "authn_core", "authn_file",
               "authz_core", "authz_host", "authz_user", "autoindex",
               "filter", "deflate", "dir", "env", "mime", "negotiation",
               "reqtimeout", "setenvif", "http2", "proxy", "proxy_fcgi",
               "headers", "asis")

    def paths(self):
        # Copied, for the source may lie where the workers cannot read.
        if not os.path.exists(self.place.path("down.asis")):
            with open(os.path.join(bench.SRCDIR, "conf", "apache",
                                   "down.asis"), encoding="utf-8") as file:
                self.place.write("down.asis", file.read())
        return {**super().paths(), DOWN: self.place.dir}

    def arguments(self, conf):
        return [self.binary, "-D", "FOREGROUND", "-f", conf]

    def join_urls(self):
        line = self.uncomment("Define CRIER_URLS")
        self.includes.insert(0, self.place.write("urls.conf", line))

    def lengthen_urls(self):
        self.append(self.uncomment("LimitRequestLine"))

    def protect(self, path, users):
        self.append(f"""
<Location "{path}">
    AuthType Basic
    AuthName crier
    AuthBasicProvider file
    AuthUserFile "{users}"
    Require valid-user
</Location>
""")

    def forbid(self, path):
        self.append(f"""
<Location "{path}">
    Require all denied
</Location>
""")

    def limit_bodies(self, kilobytes):
        self.append(f"""
<Location "/">
    LimitRequestBody {1024 * kilobytes}
</Location>
""")

    def main_conf(self):
        user = ""
        if bench.IS_ROOT:
            user = (f"User {bench.server_user().pw_name}\n"
                    f"Group {bench.server_group()}\n")
        loads = "\n".join(
            f"LoadModule {name}_module {MODULES}/mod_{name}.so"
            for name in self.modules)
        includes = "\n".join(f'Include "{path}"' for path in self.includes)
        return f"""
ServerRoot "{self.state}"
DefaultRuntimeDir "{self.state}"
PidFile "{self.state}/apache.pid"
Listen 127.0.0.1:{self.port}
ServerName localhost
Protocols h2c http/1.1
{loads}
{user}
ErrorLog "{self.error_log}"
LogLevel info
# Shorter than a stream's silence may be.
Timeout {self.patience}
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


class ApacheBare(Apache):
    """Without mod_asis, which Debian does not enable by itself."""

    modules = tuple(name for name in Apache.modules if name != "asis")
    # proxy_fcgi.conf says so: 503 while there is a dead socket.
    hides_dead_socket = False
