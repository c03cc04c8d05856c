# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""lighttpd, with conf/lighttpd."""

from lib import bench
from lib.server import Server


class Lighttpd(Server):
    name = "lighttpd"
    program = "lighttpd"
    # "url-ctrls-reject" and "url-invalid-utf8-reject", which are its defaults.
    refuses = ("not UTF-8", "a line feed")
    at_once = 8

    def arguments(self, conf):
        return [self.binary, "-D", "-f", conf]

    def join_urls(self):
        self.append(self.uncomment('$HTTP["url"] =~ "^/(sse', "}"))

    def allow_origin(self, origin):
        """Uncomment the section in its place, with the origin's name."""
        with open(self.shipped(), encoding="utf-8") as conf:
            text = conf.read()
        head, begin, rest = text.partition('\t#$REQUEST_HEADER["Origin"]')
        lines, end, tail = rest.partition("\t#}\n")
        if not end:
            raise AssertionError(f"no section in {self.shipped()}")
        section = (begin + lines + end).replace("\t#", "\t")
        section = section.replace("https://app.example.org", origin)
        with open(self.shipped(), "w", encoding="utf-8") as conf:
            conf.write(head + section + tail)

    def lengthen_urls(self):
        self.append(self.uncomment("server.max-request-field-size"))

    def protect(self, path, users):
        self.append(f"""
server.modules += ( "mod_auth", "mod_authn_file" )
auth.backend = "htpasswd"
auth.backend.htpasswd.userfile = "{users}"
auth.require = ( "{path}" => ( "method" => "basic", "realm" => "crier",
    "require" => "valid-user" ) )
""")

    def forbid(self, path):
        self.append(f"""
$HTTP["url"] =~ "^{path}(/|$)" {{ url.access-deny = ( "" ) }}
""")

    def limit_bodies(self, kilobytes):
        self.append(f"server.max-request-size = {kilobytes}\n")

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
# Shorter than a stream's silence may be.
server.max-read-idle = 1
server.max-keep-alive-idle = 1
index-file.names = ( "index.html" )
mimetype.assign = ( ".html" => "text/html; charset=utf-8",
    ".css" => "text/css", ".js" => "text/javascript",
    ".svg" => "image/svg+xml", ".png" => "image/png" )
include "{self.includes[0]}"
"""


class LighttpdSpawn(Lighttpd):
    """lighttpd starts crierd, and starts it again when it has ended."""

    name = "lighttpd-spawn"
    folder = "lighttpd"
    conf_files = ("spawn.conf",)
    must_name = "/usr/local/libexec/crier.fcgi"
    starts_crierd = True
    ends_crierd = True
