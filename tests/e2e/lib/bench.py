# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""A test's own place: a directory, and all that runs in it."""

import grp
import os
import pwd
import re
import resource
import shlex
import shutil
import subprocess
import tempfile
import threading

from lib import proc

SLOW = proc.SLOW
SRCDIR = os.path.abspath(os.environ.get("srcdir") or os.path.join(
    os.path.dirname(os.path.abspath(__file__)), "..", "..", ".."))
CRIERD = shlex.split(os.environ.get("CRIERD") or "./crierd")
CRIER = shlex.split(os.environ.get("CRIER") or "./crier")
IS_ROOT = os.geteuid() == 0
REPORT = re.compile(r"AddressSanitizer|LeakSanitizer|runtime error:"
                    r"|ThreadSanitizer|==\d+== Invalid|stack smashing")


def _absolute(words):
    words[-1] = os.path.abspath(shutil.which(words[-1]) or words[-1])


def missing_programs():
    """The names of what we test and do not have, or ''."""
    _absolute(CRIERD)
    _absolute(CRIER)
    return ", ".join(words[-1] for words in (CRIERD, CRIER)
                     if not shutil.which(words[-1]))


def server_user():
    """Who the web server's workers and crierd are when we are root."""
    for name in ("www-data", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise LookupError("neither www-data nor nobody")


def server_group():
    return grp.getgrgid(server_user().pw_gid).gr_name


def raise_descriptor_limit():
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class Bench:
    """Directory, processes and clean-up of one test function."""

    def __init__(self, tap):
        self.tap = tap
        self.dir = tempfile.mkdtemp(prefix="crier-e2e-")
        os.chmod(self.dir, 0o755)
        self.run = self.make_dir("run")
        self.store = ""  # the URL of the store, if a test is not to choose
        self.things = []
        self.logs = []
        self.closed = False
        self.kept = False
        raise_descriptor_limit()

    def __enter__(self):
        return self

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def make_dir(self, name):
        """A directory in which crierd and the web server may write."""
        path = os.path.join(self.dir, name)
        os.mkdir(path)
        os.chmod(path, 0o755)
        if IS_ROOT:
            user = server_user()
            os.chown(path, user.pw_uid, user.pw_gid)
        return path

    def write(self, name, text):
        path = self.path(name)
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        os.chmod(path, 0o644)
        return path

    def log(self, name):
        """The path of a log whose end is shown when the test fails."""
        path = self.path(name)
        if path not in self.logs:
            self.logs.append(path)
        return path

    def own(self, thing):
        """thing.destroy() is called at the end, latest first."""
        self.things.append(thing)
        return thing

    def crier(self, *arguments, data=None, seconds=20, env=None):
        """Run crier to its end; a CompletedProcess with bytes."""
        done = subprocess.run(
            CRIER + [str(a) for a in arguments], input=data,
            stdin=None if data is not None else subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
            timeout=seconds * SLOW, env={**os.environ, **(env or {})})
        if REPORT.search(done.stderr.decode("utf-8", "replace")):
            self.tap.ok(False, "crier is clean", done.stderr.decode())
        return done

    def close(self):
        """End all that still runs; a sanitizer's report is a failure."""
        if self.closed:
            return
        self.closed = True
        while self.things:
            thing = self.things.pop()
            try:
                thing.destroy()
            except (OSError, AssertionError) as error:
                self.tap.ok(False, f"{thing} ends well", str(error))
        left = proc.end_children()
        if left:
            self.tap.ok(False, "nothing is left running", left)
        for path in self.logs:
            self._check_log(path)

    def _check_log(self, path):
        try:
            with open(path, encoding="utf-8", errors="replace") as log:
                text = log.read()
        except OSError:
            return
        found = REPORT.search(text)
        if found:
            self.tap.ok(False, "no sanitizer report in "
                        + os.path.basename(path),
                        text[max(0, found.start() - 200):][:6000])

    def keep(self):
        self.kept = True
        for path in self.logs:
            self.tap.diag(f"--- the end of {path}")
            self.tap.diag(proc.tail(path))
        self.tap.diag(f"--- kept for you: {self.dir}")

    def __exit__(self, *_exception):
        self.close()
        if not self.kept:
            shutil.rmtree(self.dir, ignore_errors=True)


class Corner(Bench):
    """A place within a place, which ends with it: for one of several."""

    def __init__(self, place, name):
        self.whole = place
        self.store = place.store
        self.tap = place.tap
        self.dir = place.path(name)
        os.mkdir(self.dir)
        os.chmod(self.dir, 0o755)
        self.run = self.make_dir("run")

    def own(self, thing):
        return self.whole.own(thing)

    def log(self, name):
        return self.whole.log(os.path.join(self.dir, name))


class Thread(threading.Thread):
    """A daemon thread whose exception comes out of join()."""

    def __init__(self, function, *arguments):
        super().__init__(daemon=True)
        self.function = function
        self.arguments = arguments
        self.result = None
        self.error = None
        self.start()

    def run(self):
        try:
            self.result = self.function(*self.arguments)
        except BaseException as error:  # shown by finish()
            self.error = error

    def finish(self, seconds=30):
        self.join(seconds * SLOW)
        if self.is_alive():
            raise proc.Late(f"{self.function.__name__} did not end")
        if self.error:
            raise self.error
        return self.result
