# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""h2o, with conf/h2o."""

import signal

from lib import bench
from lib.server import Server


class H2o(Server):
    name = "h2o"
    program = "h2o"
    # It closes after the second write, and a heartbeat is two.
    beats_to_notice = 1
    keeps_everything = True
    body_size = 1 << 20
    # It looks for crierd's socket first (crier.conf) and connects then.
    races = 1
    # crier.conf says so: 503 while there is a dead socket.
    hides_dead_socket = False
    # At SIGTERM it waits for all its streams, for ever.
    stop_signal = signal.SIGINT

    def arguments(self, conf):
        return [self.binary, "-c", conf]

    def join_urls(self):
        for name in ("sse", "api/messages"):
            line = self.uncomment(f'"/{name}": !file')
            path = line.split()[-1]
            self.rules += "      " + line.replace(path, self.includes[0])

    def protect(self, path, users):
        self.rules += f"""
      "{path}":
        - mruby.handler: |
            require "htpasswd.rb"
            Htpasswd.new("{users}", "crier")
        - !file {self.includes[0]}
"""

    def forbid(self, path):
        self.rules += f"""
      "{path}":
        mruby.handler: |
          lambda {{ |env| [403, {{}}, ["no"]] }}
"""

    def limit_bodies(self, kilobytes):
        self.body_size = 1024 * kilobytes

    def main_conf(self):
        user = ""
        if bench.IS_ROOT:
            user = f"user: {bench.server_user().pw_name}"
        return f"""
{user}
num-threads: 2
max-connections: 4000
limit-request-body: {self.body_size}
error-log: {self.error_log}
# Shorter than a stream's silence may be.
fastcgi.timeout.io: {self.patience}000
http1-request-timeout: {self.patience}
http2-idle-timeout: {self.patience}
# An event stream must not be compressed even where all else is.
compress: ON
file.mime.addtypes:
  "text/event-stream":
    extensions: [".stream"]
    is_compressible: YES
hosts:
  default:
    listen:
      host: 127.0.0.1
      port: {self.port}
    paths:
{self.rules}
      "/events": !file {self.includes[0]}
      "/":
        file.dir: {self.www}
"""
