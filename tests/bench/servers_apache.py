# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""crierd behind Apache: by mod_proxy_fcgi with the sizes of mpm.conf, and by
mod_crier with Debian's 150 workers."""

import os
import re
import subprocess

from load import Process, answers, free_port
from servers import SOCKET, SOURCE, Front, NotThere, find

MODULES = "/usr/lib/apache2/modules"
MODULE = os.environ.get("MOD_CRIER", "")
COMMON = ("mpm_event", "alias", "authn_core", "authz_core", "authz_host",
          "env", "mime", "reqtimeout", "setenvif")
# As in Debian's mpm_event.conf, but for the line that mod_crier.conf asks for.
DEBIAN = """
StartServers 2
MinSpareThreads 25
MaxSpareThreads 150
ThreadLimit 64
ThreadsPerChild 25
MaxRequestWorkers 150
"""
# So many streams that mpm.conf is sized for, and 280 other requests.
STREAMS = 5000
THREADS = 64


class Apache(Front):
    modules = COMMON
    conf = "mod_crier.conf"
    more = ""

    def arguments(self):
        if not os.path.exists(MODULE):
            raise NotThere("mod_crier (apxs)")
        return [find("apache2"), "-D", "FOREGROUND", "-f", "apache.conf",
                "-d", "."]

    def shipped(self, name):
        path = os.path.join(SOURCE, "conf", "apache", name)
        with open(path, encoding="utf-8") as file:
            return file.read().replace(SOCKET, self.crierd.hub.fcgi)

    def prepare(self, where):
        loads = "\n".join(f"LoadModule {name}_module {MODULES}/mod_{name}.so"
                          for name in self.modules)
        user = ("User www-data\nGroup www-data\n" if os.geteuid() == 0
                else "")
        self.write(where, "apache.conf", f"""
ServerRoot {where}
DefaultRuntimeDir {where}
PidFile {where}/apache.pid
Listen 127.0.0.1:{self.port}
ListenBacklog 4096
ServerName localhost
ErrorLog {where}/error.log
TypesConfig /dev/null
{loads}
LoadModule crier_module {MODULE}
{user}
{self.sizes()}
{self.shipped(self.conf)}
{self.more}
""")

    def sizes(self):
        return DEBIAN

    def is_ready(self):
        # The children, of which there will be more.
        return super().is_ready() and len(self.own_pids()) > 2

    def pids(self):
        return self.crierd.pids() + [f"{self.process.process.pid}+"]


class ApacheFcgi(Apache):
    name = "crierd, mod_proxy_fcgi"
    modules = COMMON + ("headers", "proxy", "proxy_fcgi")
    conf = "proxy_fcgi.conf"

    def sizes(self):
        workers = (STREAMS + 280 + THREADS - 1) // THREADS * THREADS
        text = self.shipped("mpm.conf")
        for name, value in (("MaxRequestWorkers", workers),
                            ("MaxSpareThreads", workers),
                            ("ServerLimit", 2 * workers // THREADS)):
            text, count = re.subn(rf"(?m)^(\s*{name}) \d+$", rf"\1 {value}",
                                  text)
            if count != 1:
                raise NotThere(f"{name} in mpm.conf")
        return text


class ApacheRelay(Apache):
    name = "crierd, mod_crier, relayed"
    more = "CrierPass off"


class Tls(Apache):
    """Over TLS.  It is HAProxy that speaks it for the clients: it stands
    between, is not counted, and adds to all latencies alike."""

    def __init__(self):
        self.near_port = free_port()
        self.client = Process([find("haproxy"), "-db", "-f", "haproxy.cfg"])
        try:
            super().__init__()
        except BaseException:
            self.client.stop()
            raise

    def prepare(self, where):
        key, certificate = (os.path.join(where, name)
                            for name in ("key.pem", "certificate.pem"))
        subprocess.run(
            [find("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes",
             "-subj", "/CN=localhost", "-days", "2", "-keyout", key, "-out",
             certificate], check=True, capture_output=True)
        self.modules += ("socache_shmcb", "ssl")
        self.more += (f"\nSSLEngine on\nSSLCertificateFile {certificate}\n"
                      f"SSLCertificateKeyFile {key}\nSSLSessionCache none\n")
        super().prepare(where)
        self.write(self.client.where, "haproxy.cfg", f"""
global
    maxconn 9000
defaults
    mode tcp
    timeout connect 60s
    timeout client 1h
    timeout server 1h
listen tls
    bind 127.0.0.1:{self.near_port} backlog 4096
    server apache 127.0.0.1:{self.port} ssl verify none no-ssl-reuse
""")

    def __enter__(self):
        super().__enter__()
        try:
            self.client.start(lambda: answers(self.near_port))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.client.stop()
        super().__exit__()

    def subscribe(self):
        return ["-H", "-a", f"127.0.0.1:{self.near_port}", "-u",
                self.subscribe_prefix]


class ApacheFcgiTls(Tls, ApacheFcgi):
    name = "crierd, mod_proxy_fcgi, TLS"


class ApacheRelayTls(Tls, ApacheRelay):
    name = "crierd, mod_crier, relayed, TLS"


class ApachePass(Apache):
    name = "crierd, mod_crier, passed"
