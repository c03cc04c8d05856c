# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""Caddy, with conf/caddy."""

import os
import subprocess

from lib import bench, passwords
from lib.server import Server


class Caddy(Server):
    name = "caddy"
    program = "caddy"
    conf_files = ("crier.caddy",)
    # It closes after the third or fourth write, and a heartbeat is two.
    beats_to_notice = 2

    def arguments(self, conf):
        words = [self.binary, "run", "--adapter", "caddyfile",
                 "--config", conf]
        if bench.IS_ROOT:
            user = bench.server_user()
            words = ["/usr/bin/setpriv", f"--reuid={user.pw_uid}",
                     f"--regid={user.pw_gid}", "--clear-groups", *words]
        return words

    def environment(self):
        return {**os.environ, "HOME": self.state,
                "XDG_DATA_HOME": self.state, "XDG_CONFIG_HOME": self.state}

    def join_urls(self):
        self.rules += self.uncomment("@sse path", "import crier_for @sse")

    def protect(self, path, users):
        user = passwords.USERS[0]  # it reads no file of htpasswd's
        done = subprocess.run(
            [self.binary, "hash-password", "--plaintext",
             passwords.word_of(user)],
            env=self.environment(), capture_output=True, text=True,
            check=True)
        self.rules += f"""
	@protected path {path} {path}/*
	basicauth @protected {{
		{user} {done.stdout.strip()}
	}}
"""

    def forbid(self, path):
        self.rules += f"""
	handle {path}* {{
		error 403
	}}
"""

    def limit_bodies(self, kilobytes):
        self.rules += f"""
	request_body {{
		max_size {kilobytes}KiB
	}}
"""

    def main_conf(self):
        return f"""
{{
	admin off
	auto_https off
	grace_period 1s
	servers {{
		protocols h1 h2 h2c
		# Shorter than a stream's silence may be.
		timeouts {{
			read_body 1s
			read_header 1s
			idle 1s
		}}
	}}
}}
import {self.includes[0]}
http://127.0.0.1:{self.port}, http://localhost:{self.port} {{
	bind 127.0.0.1
	root * {self.www}
	# An event stream must not be compressed even where all else is.
	encode {{
		gzip
		minimum_length 1
	}}
	{self.rules}
	import crier
	file_server
}}
"""
