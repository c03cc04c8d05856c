# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""The pages, settings and scripts of tests/e2e/patterns as a site has them:
served by a web server that hands some URLs of its own on to crierd."""

import os
import re
import shlex
import shutil

from lib import bench, proc, servers, web
from lib.daemon import Crierd

FILES = os.path.join(bench.SRCDIR, "tests", "e2e", "patterns")
SITE = "/usr/local/lib/site/"  # where the settings look for programs

# What a site's admin adds so that these URLs join /events: see porting.md.
URLS = "(sse|emitter|api|stream|jobs|log|chat)"
JOINS = {
    "nginx": f"location ~ ^/{URLS}(/|$) {{ rewrite ^ /events/ last; }}",
    "lighttpd": f'$HTTP["url"] =~ "^/{URLS}(/|$)" {{\n'
                '    url.rewrite-if-not-file = ( "" => "/events/${qsa}" )\n}',
    "apache": f'Define CRIER_URLS "^/{URLS}(/|$)"',
}
NGINX_LOG = ('log_format asked \'{"method":"$request_method",'
             '"uri":"$request_uri","status":"$status",'
             '"origin":"$http_origin","cookie":"$http_cookie",'
             '"since":"$http_last_event_id"}\';\n')


class _Nginx(servers.Nginx):
    def main_conf(self):
        asked = self.place.path("nginx", "asked.log")
        return super().main_conf().replace(
            "access_log off;", NGINX_LOG + f"access_log {asked} asked;"
        ).replace("        include", JOINS["nginx"] + "\n        include", 1)


class _Lighttpd(servers.Lighttpd):
    def main_conf(self):
        return super().main_conf() + JOINS["lighttpd"] + "\n"


class _Apache(servers.Apache):
    def main_conf(self):
        return JOINS["apache"] + "\n" + super().main_conf()


KINDS = {"nginx": _Nginx, "lighttpd": _Lighttpd, "apache": _Apache}


def read(name):
    with open(os.path.join(FILES, name), encoding="utf-8") as file:
        return file.read()


class Site:
    """One case, behind one server.

    settings is the name of its .conf, and changes what to replace in that:
    waiting times, which are shorter here.
    """

    def __init__(self, place, kind, settings, changes=()):
        self.place = place
        self.kind = kind
        self.programs = self._copy_programs()
        self.bin = self._make_crier()
        text = read(settings + ".conf").replace(SITE, self.programs + "/")
        for old, new in changes:
            if old not in text:
                raise AssertionError(f"no {old} in {settings}.conf")
            text = text.replace(old, new)
        self.crierd = Crierd(place, config=text)
        self._add_token_key()
        self.crierd.start()
        self.web = KINDS[kind](place, self.crierd)
        self._copy_pages()
        self.web.start()
        self.url = f"http://127.0.0.1:{self.web.port}"

    def _copy_programs(self):
        folder = self.place.make_dir("site")
        for name in os.listdir(FILES):
            if name.endswith((".sh", ".py", ".php")):
                shutil.copy(os.path.join(FILES, name), folder)
                os.chmod(os.path.join(folder, name), 0o755)
        return folder

    def _make_crier(self):
        """A directory with the one program that the scripts call."""
        folder = self.place.make_dir("bin")
        path = os.path.join(folder, "crier")
        with open(path, "w", encoding="utf-8") as out:
            out.write("#!/bin/sh\nexec " + shlex.join(bench.CRIER)
                      + ' "$@"\n')
        os.chmod(path, 0o755)
        return folder

    def _add_token_key(self):
        self.place.write("site/token.key", "k" * 32)

    def _copy_pages(self):
        for name in os.listdir(FILES):
            if name.endswith(".html"):
                self.page(name, read(name))

    def page(self, name, text):
        """Put a page, or another one in its place, on the site."""
        path = os.path.join(self.web.www, name)
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        os.chmod(path, 0o644)

    def start(self, script, *arguments, stdout=None):
        """Run one of the scripts, as its user would."""
        child = proc.Proc(
            [os.path.join(self.programs, script), *arguments],
            self.place.log(script + ".log"), stdout=stdout, env={
                **os.environ, "CRIER_QUEUE": self.crierd.queue,
                "PATH": self.bin + ":" + os.environ["PATH"]})
        return self.place.own(child)

    def post(self, target, **more):
        """An answer, as curl -X POST gets it."""
        return web.fetch(self.web.port, target, method="POST", **more)

    def post_form(self, target, text):
        return self.post(target, body=text.encode(), headers={
            "Content-Type": "application/x-www-form-urlencoded"})

    def fetch(self, target, **more):
        return web.fetch(self.web.port, target, **more)

    def get(self, target, **more):
        return web.Exchange(self.web.port, target, **more)

    def asked(self):
        """What nginx was asked, as its log has it, ended requests only."""
        with open(self.place.path("nginx", "asked.log"),
                  encoding="utf-8") as log:
            return [dict(re.findall(r'"(\w+)":"((?:[^"\\]|\\x22)*)"', line))
                    for line in log if line.endswith("\n")]

    def token(self, *arguments):
        """What crier token makes, or None without libjwt."""
        done = self.place.crier("token", "-c", self.crierd.config, *arguments)
        return done.stdout.decode().strip() or None
