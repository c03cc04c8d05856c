# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""crier token, and the ways of making tokens that doc/tokens.md shows."""

import base64
import hashlib
import hmac
import json
import os
import re
import shutil
import signal
import subprocess
import time

from lib import bench
from lib.daemon import Crierd

HELPER = os.path.join(os.path.dirname(bench.CRIER[-1]), "crier-token")
KEY = "/etc/crier/token.key"
RUN = {"php": ["php"], "python": ["/usr/bin/python3"], "sh": ["/bin/sh", "-eu"],
       "sh rs256": ["/bin/sh", "-eu"]}


def b64(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def sign(header, claims, key, name="sha256"):
    """A token, made here."""
    text = b64(json.dumps(header).encode()) + "." + b64(
        json.dumps(claims).encode())
    return text + "." + b64(hmac.new(key, text.encode(), name).digest())


def run(argv, data=None, cwd=None):
    return subprocess.run(argv, input=data, capture_output=True, check=False,
                          stdin=None if data is not None
                          else subprocess.DEVNULL, cwd=cwd,
                          timeout=60 * bench.SLOW)


class Keys:
    """Keys of all kinds, and a configuration that names them."""

    def __init__(self, place):
        self.place = place
        self.readable = False  # for crierd's user, too
        self.dir = place.make_dir("keys")
        self.secret = base64.b64encode(os.urandom(32))
        self.hs = self.write("hs.key", self.secret + b"\n")
        self.old = self.write("old.key", os.urandom(64))
        self.rsa, self.rsa_public = self.pair(
            "rsa", ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"])
        self.ec, self.ec_public = self.pair(
            "ec", ["-algorithm", "EC", "-pkeyopt",
                   "ec_paramgen_curve:P-256"])
        self.config = place.write("token.conf", (
            f'token-key-file = "{self.hs}"\n'
            f'token "old" {{ key-file = "{self.old}"'
            ' algorithm = HS512 }\n'
            f'token "rsa" {{ key-file = "{self.rsa_public}"'
            ' algorithm = RS256 }\n'
            f'token "ec" {{ key-file = "{self.ec_public}"'
            ' algorithm = ES256 }\n'))

    def write(self, name, octets):
        path = os.path.join(self.dir, name)
        with open(path, "wb") as file:
            file.write(octets)
        os.chmod(path, 0o600)
        if self.readable and bench.IS_ROOT:
            user = bench.server_user()
            os.chown(path, user.pw_uid, user.pw_gid)
        return path

    def pair(self, name, options):
        private = os.path.join(self.dir, name + ".pem")
        public = os.path.join(self.dir, name + ".pub")
        subprocess.run(["openssl", "genpkey", *options, "-out", private],
                       check=True, capture_output=True)
        subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out",
                        public], check=True, capture_output=True)
        return private, public

    def token(self, *words, config=True):
        chosen = ["-c", self.config] if config else []
        return self.place.crier("token", *chosen, *words)

    def check(self, token):
        """What crier says of a token; a dict, or the refusal."""
        if isinstance(token, str):
            token = token.encode()
        done = self.place.crier("token", "-c", self.config, "--check",
                                data=token)
        if done.returncode == 0:
            return json.loads(done.stdout)
        return f"{done.returncode} {done.stderr.decode().strip()}"


def snippets(tap, place):
    keys = Keys(place)
    shutil.copy(keys.rsa, place.path("private.pem"))
    # The one for RSA names no key, so that is the only one for it.
    rsa = place.write("rsa.conf", f'token-key-file = "{keys.rsa_public}"\n'
                      'token-algorithm = RS256\n')
    with open(os.path.join(bench.SRCDIR, "doc", "tokens.md"),
              encoding="utf-8") as file:
        blocks = re.findall(r"^```([a-z0-9 ]+)\n(.*?)^```$", file.read(),
                            re.MULTILINE | re.DOTALL)
    tap.eq([name for name, _text in blocks],
           ["php", "python", "sh", "sh rs256"],
           "the programs of doc/tokens.md")
    for name, text in blocks:
        if not shutil.which(RUN[name][0]):
            tap.skip(name, "no " + RUN[name][0])
            continue
        path = place.write("program", text.replace(KEY, keys.hs))
        done = run(RUN[name] + [path], cwd=place.dir)
        if not tap.ok(done.returncode == 0 and done.stderr == b"",
                      f"{name} makes a token", done):
            continue
        if name == "sh rs256":
            keys.config = rsa
        said = keys.check(done.stdout)
        if not tap.ok(isinstance(said, dict), f"{name}: crier takes it",
                      said):
            continue
        left = said.pop("expires") - time.time()
        tap.ok(500 < left <= 601, f"{name}: it expires in ten minutes", left)
        tap.eq(said, {"user": "ann", "publish": [],
                      "subscribe": ["user/ann", "team/red/**"]},
               f"{name}: and it says what it should")


def made_by_crier(tap, place):
    keys = Keys(place)
    before = int(time.time())
    done = keys.token("--user", "ann", "--subscribe", "user/ann", "news/**",
                      "--publish", "chat", "--ttl", "60", "--subscribe", "x")
    tap.eq((done.returncode, done.stderr), (0, b""), "crier token")
    text = done.stdout.decode().strip()
    head, body, signature = text.split(".")
    tap.eq(b64(hmac.new(keys.secret, f"{head}.{body}".encode(),
                        hashlib.sha256).digest()), signature,
           "the signature is HMAC's with the file's key")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    tap.ok(before <= claims["iat"] <= time.time()
           and claims["exp"] == claims["iat"] + 60, "iat and exp", claims)
    tap.eq((claims["sub"], claims["subscribe"], claims["publish"]),
           ("ann", ["user/ann", "news/**", "x"], ["chat"]), "the claims")
    tap.eq(keys.check(text)["user"], "ann", "and crier takes it")
    done = keys.token("--kid", "old", "--publish", "**")
    head = done.stdout.decode().split(".", maxsplit=1)[0]
    tap.eq(json.loads(base64.urlsafe_b64decode(head + "==")),
           {"alg": "HS512", "kid": "old", "typ": "JWT"}, "--kid")
    tap.eq(keys.check(done.stdout)["kid"], "old", "is taken")
    for name, path, algorithm in (("rsa", keys.rsa, "RS256"),
                                  ("ec", keys.ec, "ES256")):
        done = keys.token("--key-file", path, "--algorithm", algorithm,
                          "--kid", name, "--subscribe", "a", config=False)
        said = keys.check(done.stdout)
        tap.eq(isinstance(said, dict) and said["subscribe"], ["a"],
               f"--key-file with {algorithm}")
    done = place.crier("token", "--user", "ann",
                       env={"CRIER_CONF": keys.config})
    tap.eq((done.returncode, done.stderr), (0, b""), "CRIER_CONF")


def refusals(tap, place):
    keys = Keys(place)
    now = int(time.time())
    claims = {"exp": now + 600}
    with open(keys.rsa_public, "rb") as file:
        public = file.read()
    for why, text in (
            ("has expired", sign({"alg": "HS256"}, {"exp": now - 1},
                                 keys.secret)),
            ("has no \"exp\", so it would never expire",
             sign({"alg": "HS256"}, {}, keys.secret)),
            ("has a wrong signature",
             sign({"alg": "HS256"}, claims, b"another")),
            ("is not signed with the algorithm that its key is for",
             sign({"alg": "HS512"}, claims, keys.secret, "sha512")),
            ("is not signed with the algorithm that its key is for",
             sign({"alg": "HS256", "kid": "rsa"}, claims, public)),
            ("is not signed with the algorithm that its key is for",
             sign({"alg": "none"}, claims, keys.secret)),
            ("does not have three parts", "a.b"),
            ("is not base64url", "a=.b.c"),
            ("is longer than 8192 bytes", "a" * 9000)):
        tap.eq(keys.check(text), f"77 crier: the token {why}",
               f"--check: {why}")
    tap.eq(keys.check(b"\0" * 100),
           "77 crier: the token does not have three parts",
           "--check: no token at all")


def usage(tap, place):
    keys = Keys(place)
    empty = place.write("empty.conf", "")
    for status, words in (
            (64, []), (64, ["a"]), (64, ["--subscribe"]),
            (64, ["--subscribe", "a//b"]), (64, ["--subscribe", "a", "**/b"]),
            (64, ["--subscribe", "a", "--ttl", "0"]),
            (64, ["--subscribe", "a", "--ttl", "x"]),
            (64, ["--subscribe", "a", "--ttl", "99999999999"]),
            (64, ["--user", ""]), (64, ["--user", "a\nb"]),
            (64, ["--user", "x" * 256]), (64, ["--nonsense"]),
            (64, ["--subscribe", "a", "--key-file", keys.hs,
                  "-c", keys.config]),
            (64, ["--subscribe", "a", "-c", keys.config, "--algorithm",
                  "HS256"]),
            (64, ["--subscribe", "a", "--key-file", keys.hs, "--algorithm",
                  "none"]),
            (64, ["--check", "--user", "a"]),
            (65, ["--subscribe", "a", "--key-file", keys.dir]),
            (65, ["--subscribe", "a", "--key-file", keys.rsa]),
            (65, ["--subscribe", "a", "--key-file", keys.rsa_public,
                  "--algorithm", "RS256"]),
            (65, ["--subscribe", "a", "--key-file", keys.ec,
                  "--algorithm", "RS256"]),
            (65, ["--subscribe", "a", "--key-file", keys.ec,
                  "--algorithm", "ES384"]),
            (65, ["-c", keys.config, "--subscribe"] + ["a" * 200] * 50),
            (78, ["--subscribe", "a", "-c", empty]),
            (78, ["--subscribe", "a", "-c", empty + ".none"]),
            (78, ["--subscribe", "a", "-c", keys.config, "--kid", "none"]),
            (78, ["--subscribe", "a", "-c", keys.config, "--kid", "rsa"])):
        done = place.crier("token", *words)
        tap.ok(done.returncode == status and done.stderr.strip()
               and done.stdout == b"",
               f"{status}: crier token {' '.join(words)[:60]!r}, and why",
               done)
    done = place.crier("token", "-h")
    tap.ok(done.returncode == 0 and b"--subscribe" in done.stdout,
           "crier token -h helps", done)


def apart(tap, place):
    done = run(["ldd", bench.CRIER[-1]])
    tap.ok(done.returncode == 0 and b"libjson-c" in done.stdout
           and b"libjwt" not in done.stdout and b"libcrypto" not in done.stdout,
           "crier itself does without the libraries of tokens", done)
    alone = shutil.copy(bench.CRIER[-1], place.path("crier-alone"))
    done = run([alone, "token", "--user", "a"])
    tap.ok(done.returncode in (69, 64, 77, 78) and done.stderr,
           "without crier-token it says so", done)
    for program, there in ((bench.CRIER[-1], True), (alone, False)):
        if os.path.exists("/usr/local/libexec/crier/crier-token"):
            continue  # which the copy finds, too
        done = run([program, "-h"])
        line = re.search(rb"(?m)^  token .*$", done.stdout)[0]
        tap.ok(there == (b"(not installed)" not in line),
               f"crier -h: {'there' if there else 'not there'}", done)


def configuration(tap, place):
    keys = Keys(place)
    os.chmod(keys.hs, 0o644)
    secret = "do-not-show-this"
    config = place.write("one.conf", f'token-key-file = "{keys.hs}"\n'
                         f'token "a" {{ key = "{secret}" }}\n'
                         'channel "user/*" { subscribe = owner }\n')
    done = run(bench.CRIERD + ["-n", "-c", config])
    tap.ok(done.returncode == 0 and b"may be read by everybody" in done.stderr
           and b"easy to guess" in done.stderr, "crierd -n warns", done)
    done = run(bench.CRIERD + ["-nn", "-c", config])
    tap.ok(b"subscribe = { owner }" in done.stdout
           and secret.encode() not in done.stdout + done.stderr
           and keys.secret not in done.stdout + done.stderr,
           "-nn shows no secret", done)
    with open(config, encoding="utf-8") as file:
        crierd = Crierd(place, config=file.read())
    crierd.start()
    crierd.wait_log("may be read by everybody")
    tap.ok(True, "a running one warns, too")
    if bench.IS_ROOT:
        os.chmod(keys.hs, 0o600)
        crierd.stop()
        crierd.start()
        crierd.wait_log("hs.key: " + bench.server_user().pw_name
                        + " may not read it")
        tap.ok(True, "and of a key that it cannot read again")
    keys.readable = True
    keys.write("hs.key", b"\n")
    crierd.proc.send_signal(signal.SIGHUP)
    crierd.wait_log("configuration not changed: .*hs.key: is empty")
    tap.ok(True, "a key that is no more changes nothing")
    keys.write("hs.key", base64.b64encode(os.urandom(32)))
    crierd.proc.send_signal(signal.SIGHUP)
    crierd.wait_log("configuration read again")
    tap.ok(secret not in crierd.log_text(), "the log has no secret")


def without(tap, place):
    config = place.write("one.conf", "token-key = x\n")
    done = run(bench.CRIERD + ["-n", "-c", config])
    tap.ok(done.returncode == 78 and b":1: token-key: " in done.stderr
           and b"libjwt" in done.stderr,
           "crierd without tokens refuses a key", done)
    done = place.crier("token", "--user", "a")
    tap.ok(done.returncode == 69 and b"crier-token" in done.stderr,
           "crier without tokens says so", done)


TESTS = (snippets, made_by_crier, refusals, usage, apart, configuration)
if not os.path.exists(HELPER):
    TESTS = (without,)
