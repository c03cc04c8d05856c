# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""Every file of conf/ by which requests come to a crierd.

For tests that are a table: each of these, and each of something else.
"""

from lib import daemon, servers, started, started_servers

# The files of conf/, and what tries them.
WAYS = {
    "nginx/crier.conf": servers.Nginx,
    "lighttpd/crier.conf": servers.Lighttpd,
    "lighttpd/cgi.conf": started_servers.LighttpdCgi,
    "lighttpd/spawn.conf": servers.LighttpdSpawn,
    "apache/mod_crier.conf": servers.ModCrier,
    "apache/proxy_fcgi.conf": servers.Apache,
    "apache/cgi.conf": started_servers.ApacheCgid,
    "apache/fcgid.conf": started_servers.ApacheFcgid,
    "apache/htaccess": started_servers.ApacheHtaccess,
    "caddy/crier.caddy": servers.Caddy,
    "h2o/crier.conf": servers.H2o,
    "haproxy/crier.cfg": servers.HAProxy}
# Those that can give clients' sockets to crierd, and do.
PASSING = {
    "nginx/crier.conf": servers.NginxPass,
    "apache/mod_crier.conf": servers.ModCrierPass}


class Way:
    """A web server with one of these files, and its crierd.

    prepare(server), if there is one, changes the server before it starts;
    kind is another class than the usual one.
    """

    def __init__(self, place, name, config="", prepare=None, kind=None):
        kind = kind or WAYS[name]
        self.name = name
        self.by_program = issubclass(kind, started_servers.Starting)
        if self.by_program:
            self.crierd = started.Hub(place, config)
        elif kind.starts_crierd:
            self.crierd = daemon.Spawned(place, (), config)
        else:
            self.crierd = daemon.Crierd(place, (), config).start()
        self.web = kind(place, self.crierd)
        if prepare:
            prepare(self.web)
        self.web.start()
        if kind.starts_crierd:
            self.crierd.start()

    @property
    def port(self):
        return self.web.port


def each(function, names=WAYS):
    """The function, bound to each of the files; for tap.main()."""
    return [(_bind(function, name),
             f"{function.__name__.replace('_', ' ')} ({name})")
            for name in names]


def each_passing(function):
    """The same, bound to each that gives clients' sockets away."""
    return [(_bind(function, name, kind),
             f"{function.__name__.replace('_', ' ')} ({kind.name})")
            for name, kind in PASSING.items()]


def _bind(function, name, *kind):
    missing = (kind or (WAYS[name],))[0].missing()

    def bound(tap, place):
        if missing:
            tap.skip(name, f"{missing} is not installed")
        else:
            function(tap, place, name, *kind)
    return bound
