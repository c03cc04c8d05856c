# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""An authority and certificates of it, by openssl(1)."""

import os
import shutil
import subprocess

IS_THERE = shutil.which("openssl") is not None


def _openssl(*words):
    subprocess.run(["openssl", *words], check=True, stdin=subprocess.DEVNULL,
                   capture_output=True)


class Authority:
    """Its certificate is `path`; all that it signs have one key, `key`."""

    def __init__(self, place, name):
        self.place = place
        self.name = name
        self.path = place.path(f"{name}.pem")
        self.own_key = place.path(f"{name}.key")
        self.key = place.path(f"{name}.server.key")
        _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt",
                 "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.own_key,
                 "-out", self.path, "-days", "2", "-subj", f"/CN={name}")
        _openssl("genpkey", "-algorithm", "EC", "-pkeyopt",
                 "ec_paramgen_curve:P-256", "-out", self.key)
        for path in (self.path, self.key):
            os.chmod(path, 0o644)

    def sign(self, names, days=2):
        """The path of a certificate for names, as subjectAltName has them;
        one of -1 days has expired."""
        base = self.place.path(f"{self.name}.{names}.{days}".replace("/", "-"))
        with open(base + ".ext", "w", encoding="utf-8") as out:
            out.write(f"subjectAltName={names}\n")
        _openssl("req", "-new", "-key", self.key, "-out", base + ".csr",
                 "-subj", "/CN=redis")
        _openssl("x509", "-req", "-in", base + ".csr", "-CA", self.path,
                 "-CAkey", self.own_key, "-CAcreateserial", "-days",
                 str(days), "-extfile", base + ".ext", "-out", base + ".pem")
        os.chmod(base + ".pem", 0o644)
        return base + ".pem"
