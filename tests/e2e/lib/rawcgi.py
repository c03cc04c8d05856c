# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""A web server of one request: a CGI program on a pipe or a socket."""

import os
import pwd
import socket
import subprocess
import time

from lib import bench, proc, started, web


class Pipe:
    """The end of a pipe, as what an Exchange reads from."""

    def __init__(self, number):
        self.number = number
        os.set_blocking(number, False)

    def fileno(self):
        return self.number

    def recv(self, limit):
        return os.read(self.number, limit)

    def close(self):
        if self.number >= 0:
            os.close(self.number)
            self.number = -1


class RawCgi(web.Exchange):
    """One request to crier.cgi; then all that comes, from whomever."""

    def __init__(self, hub, target, method="GET", headers=None, body=b"",
                 last_event_id="", name="crier.cgi", words=(), pipe=False,
                 env=None, without=(), user=None, fds=()):
        headers = self._begin(method, headers, last_event_id)
        self.is_nph = name.startswith("nph-")
        place = hub.place
        program = os.path.join(started.install(place), name)
        environment = self._environment(hub, program, target, headers, body)
        environment.update(env or {})
        for variable in without:
            del environment[variable]
        self.log = place.log("cgi.log")
        self._run([program, *words], environment, body, pipe,
                  user or bench.server_user().pw_name, fds)
        self.sent_at = time.monotonic()

    def _environment(self, hub, program, target, headers, body):
        path, _mark, query = target.partition("?")
        found = {"GATEWAY_INTERFACE": "CGI/1.1", "REQUEST_METHOD": self.method,
                 "REQUEST_URI": target, "QUERY_STRING": query,
                 "SCRIPT_NAME": "/" + os.path.basename(program),
                 "SCRIPT_FILENAME": program, "PATH_INFO": path,
                 "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "192.0.2.1",
                 "PATH": "/usr/bin:/bin", "CRIER_QUEUE": hub.queue,
                 "CRIER_CONF": hub.config}
        for name, value in headers.items():
            name = name.upper().replace("-", "_")
            if name != "CONTENT_TYPE":
                name = "HTTP_" + name
            found[name] = value
        if body:
            found["CONTENT_LENGTH"] = str(len(body))
        return found

    def _run(self, argv, environment, body, pipe, user, fds):
        if pipe:
            ours, theirs = os.pipe()
            self.socket = Pipe(ours)
        else:
            self.socket, other = socket.socketpair()
            self.socket.setblocking(False)
            theirs = other.detach()
        more = {}
        if bench.IS_ROOT:
            account = pwd.getpwnam(user)
            more = {"user": account.pw_uid, "group": account.pw_gid,
                    "extra_groups": []}
        with open(self.log, "ab") as log:
            self.popen = subprocess.Popen(
                argv, env=environment, stdin=subprocess.PIPE, stdout=theirs,
                stderr=log, pass_fds=fds, cwd="/", **more)
        os.close(theirs)
        try:
            self.popen.stdin.write(body)
            self.popen.stdin.close()
        except BrokenPipeError:
            pass  # it has refused the body before it read it

    def exit_status(self, seconds=15):
        return self.popen.wait(seconds * proc.SLOW)

    def close(self):
        super().close()
        self.popen.wait(30 * proc.SLOW)

    def _take(self, octets):
        if self.body is None and not self.is_nph:
            self._head += octets
            head, gap, rest = self._head.partition(b"\r\n\r\n")
            if not gap:
                return
            # A CGI response says its status in a header (RFC 3875, 6.3.3).
            status = b"200 OK"
            for line in head.split(b"\r\n"):
                if line.lower().startswith(b"status:"):
                    status = line.partition(b":")[2].strip()
            octets = b"HTTP/1.1 " + status + b"\r\n" + head + gap + rest
            self._head = b""
        super()._take(octets)
