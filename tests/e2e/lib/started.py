# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""crierd where a web server, or a CGI program, starts it."""

import os
import re
import shutil
import signal

from lib import bench, daemon, proc, web

LIBEXEC = "/usr/local/libexec"
RUN = "/run/crier"

def install(place):
    """crierd under its names, where everybody can run it; the directory."""
    folder = place.path("libexec")
    if not os.path.isdir(folder):
        os.mkdir(folder)
        os.chmod(folder, 0o755)
        program = os.path.join(folder, "crierd")
        shutil.copy(bench.CRIERD[-1], program)
        os.chmod(program, 0o755)
        for name in ("crier.fcgi", "crier.cgi", "nph-crier.cgi"):
            os.symlink("crierd", os.path.join(folder, name))
    return folder


def shipped(place, name, config):
    """The text of a file of conf/, its paths those of the bench.

    The line that names a configuration file is a comment there.
    """
    with open(os.path.join(bench.SRCDIR, "conf", name),
              encoding="utf-8") as conf:
        text = conf.read()
    if RUN + "/" not in text:
        raise AssertionError(f"no {RUN} in {name}")
    text = text.replace(LIBEXEC, install(place)).replace(RUN, place.run)
    text = text.replace("/etc/crier.conf", config)
    text = re.sub(r"#(\"CRIER_CONF|SetEnv CRIER_CONF)", r"\1", text)
    return text.replace("InitialEnv CRIER_ONCE",
                        f"InitialEnv CRIER_CONF={config} "
                        "InitialEnv CRIER_ONCE")


class Hub(daemon.Crierd):
    """Whatever crierd serves a queue; nobody here has started it."""

    def __init__(self, place, config="heartbeat = 1\n", queue=None):
        # A busy machine's disk may take its time to make a database.
        super().__init__(place, config="request-timeout = 60\n" + config,
                         user=False)
        if queue:
            self.queue = queue
        self.log = place.log(os.path.join(os.path.dirname(self.queue),
                                          "crierd.log"))
        place.own(self)

    def is_up(self):
        return proc.can_connect(self.queue)

    def wait_up(self):
        proc.wait_for(self.is_up, "a hub")
        return self

    @property
    def pid(self):
        return self.status()["pid"]

    def kill(self, number=signal.SIGKILL):
        """End it; its process id."""
        pid = self.pid
        os.kill(pid, number)
        self.wait_gone(pid)
        return pid

    def wait_gone(self, pid):
        proc.wait_for(lambda: proc.is_gone(pid), f"the end of {pid}", 30)

    def list(self):
        """What status tells of each stream."""
        with self.connect() as queue:
            return queue.ask({"do": "status", "streams": True})["list"]

    def doors(self):
        return sorted({stream["door"] for stream in self.list()})

    def destroy(self):
        # It may be about to leave by itself.
        try:
            self.kill(signal.SIGTERM)
        except (OSError, AssertionError):
            proc.wait_for(lambda: not self.is_up(), "the end of the hub")

    def __str__(self):
        return "the hub"


def processes(name):
    """(pid, state) of all that this program started, and what that started,
    and runs under the name; "Z" has ended, and nobody has asked yet.
    """
    table = {}
    for entry in os.listdir("/proc"):
        try:
            with open(f"/proc/{int(entry)}/stat", encoding="utf-8",
                      errors="replace") as file:
                head, _end, tail = file.read().rpartition(")")
        except (OSError, ValueError):
            continue
        state, parent = tail.split()[:2]
        table[int(entry)] = (head.partition("(")[2], state, int(parent))
    return [(pid, state) for pid, (called, state, _parent) in table.items()
            if called == name and _is_ours(table, pid)]


def _is_ours(table, pid):
    while pid in table:
        if pid == os.getpid():
            return True
        pid = table[pid][2]
    return False


class Started:
    """A web server with one of the files that let it start crierd."""

    def __init__(self, place, web_server, hub):
        self.place = place
        self.hub = hub
        self.web = web_server.start()

    @property
    def port(self):
        return self.web.port

    def get(self, target, **more):
        return web.Exchange(self.port, target, **more)

    def fetch(self, target, **more):
        return web.fetch(self.port, target, **more)

    def error_log(self):
        """What it writes to its log, and what to its standard error."""
        text = ""
        for name in (self.web.error_log, self.web.log):
            with open(name, encoding="utf-8", errors="replace") as log:
                text += log.read()
        return text
