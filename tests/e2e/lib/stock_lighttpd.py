# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""lighttpd with the lighttpd.conf that Debian installs, and ours in it.

In Debian's file the modules that serve files stand at the end.  Ours is linked
into conf-enabled, before them, or included where one appends, behind them.
"""

import os
import re
import shutil

from lib import bench, servers, started_servers

CONF = "/etc/lighttpd/lighttpd.conf"
ENABLED = "/etc/lighttpd/conf-enabled"
AVAILABLE = "/etc/lighttpd/conf-available"
INCLUDE = f'include "{ENABLED}/*.conf"\n'


class Stock:
    """In place of a Lighttpd's own configuration."""

    is_linked = True
    enabled = ()  # names of AVAILABLE

    @classmethod
    def missing(cls):
        if not os.path.exists(CONF):
            return CONF
        with open(CONF, encoding="utf-8") as conf:
            text = conf.read()
        return super().missing() or (
            "" if INCLUDE in text else f"{CONF} as Debian's")

    def _enable(self):
        """A directory of what is enabled; its path."""
        folder = self.place.path("conf-enabled")
        shutil.rmtree(folder, ignore_errors=True)
        os.mkdir(folder)
        for name in os.listdir(ENABLED):
            shutil.copy(os.path.join(ENABLED, name), folder)
        for name in self.enabled:
            shutil.copy(os.path.join(AVAILABLE, name), folder)
        if self.is_linked:
            os.symlink(self.includes[0],
                       os.path.join(folder, "90-crier.conf"))
        return folder

    def _settings(self):
        settings = {
            "server.document-root": self.www,
            "server.upload-dirs": self.state,
            "server.errorlog": self.error_log,
            "server.pid-file": f"{self.state}/lighttpd.pid",
            "server.port": self.port}
        if bench.IS_ROOT:
            settings["server.username"] = bench.server_user().pw_name
            settings["server.groupname"] = bench.server_group()
        return settings

    def main_conf(self):
        with open(CONF, encoding="utf-8") as conf:
            text = conf.read()
        for name, value in self._settings().items():
            text, count = re.subn(
                rf'^({re.escape(name)}\s*=\s*)(\(\s*)?(?:"[^"]*"|\d+)',
                lambda found, value=value: found[1] + (found[2] or "") + (
                    str(value) if isinstance(value, int) else f'"{value}"'),
                text, flags=re.MULTILINE)
            if count != 1:
                raise AssertionError(f"{count} times {name} in {CONF}")
        if not bench.IS_ROOT:
            text = re.sub(r"^server\.(user|group)name.*\n", "", text,
                          flags=re.MULTILINE)
        # It would open the port on all addresses.
        text = re.sub(r"^include_shell.*use-ipv6.*\n", "", text,
                      flags=re.MULTILINE)
        text = text.replace(INCLUDE, f'include "{self._enable()}/*.conf"\n')
        text += '\nserver.bind = "127.0.0.1"\n'
        if not self.is_linked:
            text += f'include "{self.includes[0]}"\n'
        return text


class Lighttpd(Stock, servers.Lighttpd):
    conf = "lighttpd/crier.conf"


class LighttpdSpawn(Stock, servers.LighttpdSpawn):
    conf = "lighttpd/spawn.conf"


class LighttpdCgi(Stock, started_servers.LighttpdCgi):
    pass


KINDS = {kind.conf: kind for kind in (Lighttpd, LighttpdSpawn, LighttpdCgi)}
