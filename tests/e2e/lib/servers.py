# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""The web servers, and the ways of theirs, that crier is tried behind.

A line here, a class that says how it differs, a file of conf/ and a .tap
program with its name are all that another one takes.
"""

from lib.server_apache import Apache, ApacheBare  # noqa: F401
from lib.server_caddy import Caddy
from lib.server_h2o import H2o
from lib.server_haproxy import HAProxy
from lib.server_lighttpd import Lighttpd, LighttpdSpawn
from lib.server_mod_crier import (ModCrier, ModCrierPass, ModCrierPrefork,
                                  ModCrierTls, ModCrierWorker)
from lib.server_nginx import Nginx, NginxPass

KINDS = {kind.name: kind
         for kind in (Apache, Caddy, H2o, HAProxy, Lighttpd, LighttpdSpawn,
                      ModCrier, ModCrierPass, ModCrierPrefork, ModCrierTls,
                      ModCrierWorker, Nginx, NginxPass)}
