# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""What configure says of Apache's module, and refuses: with an apxs that is
there, that is not, that is none, and that lies."""

import os
import re
import shutil
import subprocess

from lib import bench

REAL = shutil.which("apxs2") or shutil.which("apxs")
OTHERS = re.compile(r"; --with-apxs=no builds all else$", re.MULTILINE)
SUMMARY = re.compile(r"^  Apache's module +(.*)$", re.MULTILINE)

# What an apxs says to -q; it is a list of commands and answers.
APXS = """#!/bin/sh
case $2 in
INCLUDEDIR) printf '%s\\n' '{headers}' ;;
LIBEXECDIR) printf '%s\\n' '{modules}' ;;
EXTRA_INCLUDES) printf '%s\\n' '{includes}' ;;
esac
"""

MAGIC = """#define MODULE_MAGIC_NUMBER_MAJOR {major}
#define MODULE_MAGIC_NUMBER_MINOR {minor}
"""

# Where configure finds no program, or is told none: --with-apxs, and why.
NO_PROGRAM = (
    ("{dir}/wrong/path",
     "{dir}/wrong/path is no program (Debian: apache2-dev)"),
    ("{dir}", "{dir} is no program (Debian: apache2-dev)"),
    ("{dir}/text", "{dir}/text is no program (Debian: apache2-dev)"),
    ("./apxs", "the path of apxs must begin with a slash"),
    ("no-such-apxs", "no-such-apxs not found (Debian: apache2-dev)"),
)

OLD = "an Apache before 2.4.49 does not tell its modules when a process of" \
    " its ends: mod_crier cannot be built for it"
NOT_COMPILED = "Apache's headers cannot be compiled with what {apxs} says:" \
    " see config.log (Debian: apache2-dev)"
NO_HEADERS = "there is no ap_mmn.h in '{headers}', where {apxs} says that" \
    " Apache has its headers (Debian: apache2-dev)"

# A program that answers: what its ap_mmn.h has (None: there is none), and why
# that is refused.
LIES = (
    ("no headers", None, NO_HEADERS),
    ("httpd 2.4.48", (20120211, 109), OLD),
    ("httpd 2.2", (20051115, 43), OLD),
    ("ap_mmn.h alone", (20120211, 110), NOT_COMPILED),
)


class Configure:
    """Runs of configure that make nothing; what one has found out of the
    system no other looks for."""

    cache = ""

    def __init__(self, place):
        self.dir = place.make_dir("build")
        place.write("build/config.cache", Configure.cache)
        self.source = place.make_dir("source")
        # The source's directory may have been configured for itself.
        for name in ("configure", "build-aux", "src"):
            os.symlink(os.path.join(bench.SRCDIR, name),
                       os.path.join(self.source, name))

    def run(self, *arguments, path=None):
        environment = dict(os.environ)
        if path:
            environment["PATH"] = path + os.pathsep + environment["PATH"]
        done = subprocess.run(
            [os.path.join(self.source, "configure"), "--config-cache",
             "--no-create", *arguments], cwd=self.dir, env=environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, check=False)
        with open(os.path.join(self.dir, "config.cache"),
                  encoding="utf-8") as cache:
            Configure.cache = cache.read()
        return done.returncode, done.stdout


def make_program(place, path, text):
    place.write(path, text)
    os.chmod(place.path(path), 0o755)
    return place.path(path)


def make_apxs(place, headers, modules="/nowhere", includes=""):
    return make_program(place, "apxs2", APXS.format(
        headers=headers, modules=modules, includes=includes))


def is_refused(tap, name, result, why):
    code, said = result
    tap.ok(code == 1 and f"configure: error: {why}; " in said
           and OTHERS.search(said), f"{name} is refused", why, said[-600:])


def test_no_program(tap, place):
    configure = Configure(place)
    place.write("text", "no program\n")
    for value, why in NO_PROGRAM:
        value, why = (text.format(dir=place.path()) for text in (value, why))
        is_refused(tap, f"--with-apxs={value}",
                   configure.run(f"--with-apxs={value}"), why)


def test_lies(tap, place):
    configure = Configure(place)
    headers = place.make_dir("include")
    apxs = make_apxs(place, headers)
    for name, magic, why in LIES:
        why = why.format(apxs=apxs, headers=headers)
        if magic:
            place.write("include/ap_mmn.h", MAGIC.format(
                major=magic[0], minor=magic[1]))
        is_refused(tap, name, configure.run(f"--with-apxs={apxs}"), why)
    code, said = configure.run(path=place.path())
    found = SUMMARY.search(said)
    tap.ok(code == 0 and found and found[1] == f"no ({why})",
           "by itself configure goes on without it, and says why",
           said[-600:])
    make_program(place, "apxs2", "#!/bin/sh\nexit 1\n")
    is_refused(tap, "an apxs that says nothing",
               configure.run(f"--with-apxs={apxs}"),
               NO_HEADERS.format(apxs=apxs, headers=""))


def test_without(tap, place):
    """With no header of Apache's, and an apxs that must not be asked."""
    configure = Configure(place)
    make_program(place, "apxs2", f"#!/bin/sh\n: >'{place.path('asked')}'\n")
    code, said = configure.run("--with-apxs=no", path=place.path())
    found = SUMMARY.search(said)
    tap.ok(code == 0 and found and found[1] == "no",
           "--with-apxs=no needs no Apache", said[-600:])
    tap.ok(not os.path.exists(place.path("asked")), "nobody was asked")


def test_real(tap, place):
    if REAL is None:
        tap.skip("the apxs that is installed", "no apxs")
        return
    configure = Configure(place)
    for value in (REAL, os.path.basename(REAL), "yes"):
        code, said = configure.run(f"--with-apxs={value}")
        found = SUMMARY.search(said)
        tap.ok(code == 0 and found and found[1] == "yes",
               f"--with-apxs={value}", said[-600:])
    ask = subprocess.run([REAL, "-q", "INCLUDEDIR"], stdout=subprocess.PIPE,
                         text=True, check=True).stdout.strip()
    more = subprocess.run([REAL, "-q", "EXTRA_INCLUDES"],
                          stdout=subprocess.PIPE, text=True,
                          check=True).stdout.strip()
    apxs = make_apxs(place, ask, modules="", includes=more)
    is_refused(tap, "an apxs that does not know where modules are",
               configure.run(f"--with-apxs={apxs}"),
               f"{apxs} does not say where Apache has its modules")


def test_choices(tap, place):
    configure = Configure(place)
    for name in ("curl", "jwt", "redis", "systemd"):
        code, said = configure.run(f"--with-{name}=perhaps")
        tap.ok(code == 1 and f"--with-{name}=perhaps: not yes, no or auto"
               in said, f"--with-{name} has three values", said[-300:])


TESTS = [test_no_program, test_lies, test_without, test_real, test_choices]
