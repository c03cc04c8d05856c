# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""Apache with mod_crier: in each of the ways in which it serves streams."""

import os
import signal
import ssl
import subprocess

from lib import web
from lib.server_apache import Apache

MODULE = os.environ.get("MOD_CRIER", "")
# What nobody needs with mod_crier.
NOT_NEEDED = ("proxy", "proxy_fcgi", "headers")


class ModCrier(Apache):
    """Streams are relayed, without a worker each."""

    name = "mod_crier"
    reload_signal = signal.SIGUSR1
    folder = "apache"
    conf_files = ("mod_crier.conf",)
    mpm = "mpm_event"
    # As in Debian's mpm_event.conf.
    mpm_conf = ("StartServers 2\nMinSpareThreads 25\nMaxSpareThreads 75\n"
                "ThreadLimit 64\nThreadsPerChild 25\n"
                "MaxRequestWorkers 150\nMaxConnectionsPerChild 0\n")
    modules = tuple(name for name in Apache.modules
                    if name not in NOT_NEEDED and not name.startswith("mpm"))
    beats_to_notice = 0
    crowd = 1000
    races = 0
    hides_dead_socket = True
    crier_pass = "off"
    more = ""  # of the server's configuration

    @classmethod
    def missing(cls):
        if not os.path.exists(MODULE):
            return "mod_crier (apxs)"
        return super().missing()

    def __init__(self, place, crierd):
        super().__init__(place, crierd)
        self.modules = (self.mpm,) + type(self).modules
        self.includes.append(place.write(
            f"{self.name}-mpm.conf", f"{self.mpm_conf}\n"
            f"LogLevel crier:debug\nCrierPass {self.crier_pass}\n{self.more}\n"))

    def join_urls(self):
        self.append(self.uncomment('<LocationMatch "^/(sse',
                                   "</LocationMatch>"))

    def main_conf(self):
        # The module before what uses its directives.
        return super().main_conf().replace(
            "ErrorLog ", f"LoadModule crier_module {MODULE}\nErrorLog ", 1)

    def log_text(self):
        with open(self.error_log, encoding="utf-8", errors="replace") as log:
            return log.read()


class ModCrierTls(ModCrier):
    name = "mod_crier_tls"
    modules = ModCrier.modules + ("socache_shmcb", "ssl")
    crowd = 500

    def main_conf(self):
        key, certificate = self._certificate()
        return super().main_conf().replace("Protocols h2c", "Protocols h2") + (
            "SSLEngine on\n"
            f'SSLCertificateFile "{certificate}"\n'
            f'SSLCertificateKeyFile "{key}"\n'
            "SSLSessionCache none\n")

    def _certificate(self):
        key, certificate = (os.path.join(self.state, name)
                            for name in ("key.pem", "certificate.pem"))
        if not os.path.exists(key):
            subprocess.run(
                ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
                 "-subj", "/CN=localhost", "-days", "2", "-keyout", key,
                 "-out", certificate], check=True, capture_output=True)
        return key, certificate

    def start(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        super().start()
        web.TLS[self.port] = context
        return self


class ModCrierWorker(ModCrier):
    """Streams hold a worker each, as they must with this MPM."""

    name = "mod_crier_worker"
    mpm = "mpm_worker"
    mpm_conf = ("ThreadsPerChild 64\nMaxRequestWorkers 320\n"
                "MaxSpareThreads 320\n")
    crowd = 200


class ModCrierPass(ModCrier):
    """Clients' sockets go to crierd."""

    name = "mod_crier_pass"
    crier_pass = "auto"
    at_once = 0  # over HTTP/2 nothing is passed: mod_crier_relay has that


class ModCrierPrefork(ModCrierPass):
    name = "mod_crier_prefork"
    mpm = "mpm_prefork"
    mpm_conf = ("ServerLimit 16\nMaxRequestWorkers 16\nStartServers 8\n")

