# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""A web server with as little of its own as it starts with, and the very
file of conf/ that an admin includes; only the paths in it are others."""

import os
import shutil
import signal

from lib import bench, proc, web

PATH = "/usr/sbin:/usr/bin:/usr/local/sbin"


class NotThere(Exception):
    """The web server, or what it needs, is not installed."""


class Server:
    """What a subclass says of itself; the defaults are the usual case.

    Each difference in what clients or crierd see has a name here, and its
    reason is where a subclass sets it.
    """

    patience = 60  # seconds of silence, unless conf/ says otherwise
    name = ""  # in servers.KINDS, and of its folder in conf/
    program = ""
    folder = ""  # in conf/, when it is not the name
    conf_files = ("crier.conf",)
    needs = ()  # other files that must be installed
    # The path in the conf file that must be there to be replaced.
    must_name = "/run/crier/fcgi.sock"
    # crierd is started by this server, not by the test.
    starts_crierd = False
    # And it is ended with this server, so that restarting one is both.
    ends_crierd = False

    # The heartbeats until crierd learns that a client has left; 0: at once.
    beats_to_notice = 0
    # It goes on reading for a client that does not, and keeps it all.
    keeps_everything = False
    # Headers of crierd's that it does not pass on.
    hidden_headers = ()
    # Requests that it refuses itself, by the name that the test gives them.
    refuses = ()
    # Those that it sends on to another spelling of the same.
    sends_on = ()
    # An answer of 503 that may happen when crierd ends just then.
    races = 0
    # 200 also when crierd was killed, and its socket is still there.
    hides_dead_socket = True
    # Streams that it is asked to hold at once.
    crowd = 1000
    # Requests that it serves at once on one connection of HTTP/2; 0: it is
    # not made for HTTP/2.
    at_once = 50
    # Lines of its own configuration, in the place where rules stand.
    rules = ""
    # How an admin's reload tells it.
    reload_signal = signal.SIGHUP
    # How an admin's restart ends it.
    stop_signal = signal.SIGTERM

    @classmethod
    def missing(cls):
        """What has to be installed before it can be tried, or ''."""
        if not shutil.which(cls.program, path=PATH):
            return cls.program
        return next((path for path in cls.needs if not os.path.exists(path)),
                    "")

    def __init__(self, place, crierd):
        self.place = place
        self.crierd = crierd
        missing = self.missing()
        if missing:
            raise NotThere(missing)
        self.binary = shutil.which(self.program, path=PATH)
        self.port = 0
        self.http2_port = 0  # speaks HTTP/2 at once, in the clear
        self.proc = None
        self.log = place.log(f"{self.name}.log")
        self.state = place.make_dir(self.name)
        self.error_log = place.log(os.path.join(self.name, "error.log"))
        self.www = place.path("www")
        self._copy_www()
        self.includes = [self._copy_conf(name) for name in self.conf_files]

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

    def paths(self):
        """The paths of conf/, and what they are on this bench."""
        return {
            "/run/crier/fcgi.sock": self.crierd.listen,
            "/run/crier/queue.sock": self.crierd.queue,
            "/etc/crier.conf": self.crierd.config,
            "/usr/local/libexec/crier.fcgi": getattr(
                self.crierd, "program", "/usr/local/libexec/crier.fcgi"),
        }

    def _copy_conf(self, name):
        source = os.path.join(bench.SRCDIR, "conf",
                              self.folder or self.name, name)
        with open(source, encoding="utf-8") as conf:
            text = conf.read()
        if name == self.conf_files[0] and self.must_name not in text:
            raise AssertionError(f"no {self.must_name} in {source}")
        for path, ours in self.paths().items():
            text = text.replace(path, ours)
        # Of a crierd that the server starts; a comment in conf/.
        text = text.replace('#"CRIER_CONF"', '"CRIER_CONF"')
        return self.place.write(f"{self.name}-{name}", text)

    def arguments(self, conf):
        """The command that runs it in the foreground."""
        raise NotImplementedError

    def main_conf(self):
        """Its own configuration, which includes self.includes."""
        raise NotImplementedError

    def append(self, text):
        """Add lines where the shipped file is included, behind it."""
        with open(self.includes[-1], "a", encoding="utf-8") as conf:
            conf.write(text)

    def shipped(self):
        """The path of the file of conf/, as it is here."""
        return self.includes[0]

    def uncomment(self, begin, end=None):
        """The lines that a comment of the shipped file tells to write.

        From the one that begins so to the one that ends so; without what is
        before them in each line, a "#" and white space.
        """
        with open(self.shipped(), encoding="utf-8") as conf:
            lines = [line.strip() for line in conf]
        for number, line in enumerate(lines):
            text = line.lstrip("#").strip()
            if not line.startswith("#") or not text.startswith(begin):
                continue
            found = [text]
            while end and not found[-1] == end:
                number += 1
                found.append(lines[number].lstrip("#").strip())
            return "\n".join(found) + "\n"
        raise AssertionError(f"no comment of {begin} in {self.shipped()}")

    def join_urls(self):
        """Let /sse and /api/messages reach crierd, as the file says."""
        raise NotImplementedError

    def lengthen_urls(self):
        """Take URLs of 15 KB, as the file says; some do anyway."""

    def allow_origin(self, origin):
        """What the file tells to do for a page with credentials there."""

    def protect(self, path, users):
        """Ask for a password at a path and below, as an admin would.

        users is the path of a file that htpasswd(1) has made.
        """
        raise NotImplementedError

    def forbid(self, path):
        """Answer 403 at a path and below."""
        raise NotImplementedError

    def limit_bodies(self, kilobytes):
        """Answer 413 to bodies of more."""
        raise NotImplementedError

    def environment(self):
        return None

    def choose_http2_port(self):
        return self.port

    def fetch(self, target, **more):
        return web.fetch(self.port, target, **more)

    def start(self):
        """Start it on a free port; wait until it accepts."""
        for attempt in range(3):
            if not self.port or attempt:
                self.port = proc.free_port()
                self.http2_port = self.choose_http2_port()
            conf = self.place.write(f"{self.name}.conf", self.main_conf())
            self.proc = proc.Proc(self.arguments(conf), self.log,
                                  env=self.environment())
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
        self.proc.stop(self.stop_signal, 30)

    def restart(self):
        """Stop it, as an admin's restart does, and start it again."""
        self.stop()
        self.start()
