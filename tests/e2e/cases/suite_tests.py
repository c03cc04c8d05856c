# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""The tests' own ground: programs that others cannot reach, and how
"./bootstrap --check" counts what failed or never ended."""

import os
import re
import shutil
import subprocess
import sys

from lib import bench, doors, proc, reach

QUEUE_TAP = os.path.join(bench.SRCDIR, "tests", "e2e", "queue.tap")

# Stands for configure: nothing is built here.
CONFIGURE = "#!/bin/sh\nmkdir -p tests/e2e\necho \"$*\" >options\n"

# Stands for make: says which tests there are, and what became of them.  What
# SCENE names happens in the plain build's suite, or is forgotten.
MAKE = r"""#!/bin/sh
dir=.
stage=
for word; do
	case $word in
	DESTDIR=*) stage=${word#DESTDIR=}/usr/local ;;
	install|uninstall|src/crierd.o) what=$word ;;
	all) what=$word ;;
	build|/*/build|/*/build-asan) dir=$word ;;
	list-*) echo 'tests/e2e/good.tap tests/unit/test_c tests/e2e/odd.tap' |
	    tr ' ' '\n'; exit ;;
	check|check-valgrind) target=$word ;;
	fuzz|lint-clang-tidy) what=$word ;;
	esac
done
case ${what-} in
install)
	mkdir -p "$stage/sbin" "$stage/share/crier/conf/www"
	: >"$stage/sbin/crierd"
	: >"$stage/share/crier/conf/www/demo.js"
	chmod +x "$stage/sbin/crierd"
	;;
uninstall)
	rm -rf "$stage/sbin/crierd" "$stage/share/crier/conf/www"
	[ "$SCENE" = leaves ] || rm -rf "${stage%/local}"
	;;
fuzz)
	[ "$SCENE" = fuzz ] || exit 0
	printf '%s\n' 'ok - a' 'not ok - b: see b.log' '# why' 'ok - c'
	exit 2
	;;
lint-clang-tidy)
	[ "$SCENE" = tidy ] || exit 0
	printf '%s\n' '9 warnings generated.' 'src/a.c:1:2: error: odd' ' odd'
	exit 2
	;;
src/crierd.o)
	[ "$SCENE" != compiles ] || rm -f "$dir/built"
	[ "$SCENE" != stale ] || cp "$dir/options" "$dir/built"
	cmp -s "$dir/options" "$dir/built" || printf '  CC  %s\n' a b
	cp "$dir/options" "$dir/built"
	;;
all)
	cp "$dir/options" "$dir/built"
	;;
esac
[ -n "${target-}" ] || exit 0
mkdir -p "$dir/tests/e2e" "$dir/tests/unit"
result() {
	echo "$2" >"$dir/tests/$1.log"
	shift
	shift
	printf ':test-result: %s\n' "$@" >"$dir/tests/$trs.trs"
}
trs=e2e/good; result $trs 'ok 1 - a' 'PASS a' 'PASS b' 'SKIP c'
trs=unit/test_c; result $trs 'ok 1 - a' 'PASS a'
scene=
case $dir:$target in */build:check) scene=$SCENE ;; esac
case $scene in
slow)
	echo 'ok 1 - begun' >"$dir/tests/e2e/odd.log"
	sleep 60
	;;
lost)
	exit 2
	;;
fails)
	trs=e2e/odd
	result $trs 'ok 1 - fine
not ok 2 - broken
# because of this
ok 3 - fine, too' 'PASS a' 'FAIL b' 'PASS c'
	exit 2
	;;
*)
	trs=e2e/odd; result $trs 'ok 1 - a' 'PASS a'
	;;
esac
"""


def programs_below_a_closed_directory(tap, place):
    """As in a clone below root's home, which has mode 0700."""
    if not bench.IS_ROOT:
        tap.skip("a closed directory", "only root can be somebody else")
        return
    closed = place.path("home")
    os.mkdir(closed, 0o700)
    for words in (bench.CRIERD, bench.CRIER):
        shutil.copy(words[-1], closed)
    env = {**os.environ, "CRIERD": os.path.join(closed, "crierd"),
           "CRIER": os.path.join(closed, "crier"), "TMPDIR": place.run}
    done = _run(sys.executable, QUEUE_TAP, "who_may", env=env)
    tap.ok(done.returncode == 0 and "not ok" not in done.stdout,
           "other users run what was built there", done.stdout)
    tap.ok("nobody ends with 77" in done.stdout, "they really did",
           done.stdout)
    tap.eq(os.listdir(place.run), [], "no copy is left")
    done = _run(sys.executable, QUEUE_TAP, "who_may",
                env={**os.environ, "TMPDIR": closed})
    tap.ok(done.returncode == 1 and "Bail out!" in done.stdout
           and closed in done.stdout,
           "a closed place for the tests' files: one line says so",
           done.stdout)


def open_programs_are_not_copied(tap, place):
    if not bench.IS_ROOT:
        tap.skip("no copies", "only root can be somebody else")
        return
    for words in (bench.CRIERD, bench.CRIER):
        shutil.copy(words[-1], place.run)
    before = list(bench.CRIERD), list(bench.CRIER)
    bench.CRIERD[-1] = os.path.join(place.run, "crierd")
    bench.CRIER[-1] = os.path.join(place.run, "crier")
    with reach.Programs() as programs:
        tap.eq(programs.folder, None, "what can be reached stays")
        tap.eq(bench.CRIER[-1], os.path.join(place.run, "crier"),
               "under its name")
    bench.CRIERD[:], bench.CRIER[:] = before


def _run(*words, **more):
    return subprocess.run(words, stdin=subprocess.DEVNULL, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          encoding="utf-8", errors="replace",
                          timeout=60 * proc.SLOW, **more)


def _tree(place):
    """Sources with nothing but the script and what stands for the rest."""
    top = place.path("tree")
    os.makedirs(os.path.join(top, "tests"))
    os.mkdir(os.path.join(top, "bin"))
    shutil.copy(os.path.join(bench.SRCDIR, "tests", "run-check.sh"),
                os.path.join(top, "tests"))
    for name, text in (("configure", CONFIGURE), ("bin/make", MAKE),
                       ("bin/npm", "#!/bin/sh\nexit 1\n")):
        path = place.write(os.path.join("tree", name), text)
        os.chmod(path, 0o755)
    return top


def _check(top, scene, limit=60):
    path = os.path.join(top, "bin") + os.pathsep + os.environ["PATH"]
    return _run("/bin/sh", os.path.join(top, "tests", "run-check.sh"),
                env={**os.environ, "PATH": path, "SCENE": scene,
                     "CHECK_LIMIT": str(limit), "JOBS": "2"})


def _row(done, name):
    found = re.search(rf"^{name} +(\d+) +(\d+) +(\d+) ", done.stdout, re.M)
    return tuple(map(int, found.groups())) if found else None


def check_counts(tap, place):
    top = _tree(place)
    done = _check(top, "")
    lines = done.stdout.splitlines()
    tap.ok(done.returncode == 0
           and re.fullmatch(r"\d+ passed, 0 failed, \d+ skipped", lines[-1]),
           "all is well: status 0, and the last line counts", lines[-1:])
    tap.eq(_row(done, "suite"), (4, 0, 1), "the suite's row")
    ended = [line for line in lines if re.match(r" +\d of 3 +\d+:\d\d ", line)]
    tap.eq(len(ended), 9, "a line for each test program that ended")
    tap.ok(any("tests/e2e/good" in line and "2 passed" in line
               for line in ended), "with what it did", ended)

    done = _check(top, "fails")
    tap.ok(done.returncode == 1 and " 1 failed" in done.stdout.splitlines()[-1],
           "one failure: status 1, counted", done.stdout)
    tap.eq(_row(done, "suite"), (5, 1, 1), "the suite's row")
    tap.ok("not ok 2 - broken\n# because of this\n" in done.stdout
           and "fine, too" not in done.stdout, "what failed is shown, no more",
           done.stdout)
    kept = re.search(r"^-- failed: (/.*)$", done.stdout, re.M)
    tap.ok(kept and "fine, too" in proc.tail(kept[1]),
           "and where all of it is kept", done.stdout)


def check_builds(tap, place):
    """What a build leaves behind, or does not do again."""
    top = _tree(place)
    for scene, row in (("leaves", "install, uninstall"),
                       ("compiles", "other options"),
                       ("stale", "other options")):
        done = _check(top, scene)
        tap.ok(done.returncode == 1 and _row(done, row) == (0, 1, 0)
               and f"FAILED: {row}" in done.stdout, f"{scene}: {row}",
               done.stdout)


def check_says_it_again(tap, place):
    """What failed stands right before the table, too, however much a log is
    cut in between."""
    top = _tree(place)
    for tool in ("clang", "clang-tidy"):
        os.symlink("/bin/true", os.path.join(top, "bin", tool))
    for scene, row, wanted in (
            ("fails", "suite", "-- suite: odd.log failed\n"
             "not ok 2 - broken\n# because of this\n"),
            ("tidy", "lint: clang-tidy", "-- lint: clang-tidy\n"
             "src/a.c:1:2: error: odd\n\n"),
            ("fuzz", "fuzzers", "-- fuzzers\nnot ok - b: see b.log\n# why\n\n")):
        done = _check(top, scene)
        _before, _heading, end = done.stdout.partition("== what failed\n")
        tap.ok(end.startswith(wanted) and _row(done, row)[1] == 1,
               f"{scene}: what failed is said again at the end", done.stdout)


def check_counts_what_never_ended(tap, place):
    top = _tree(place)
    done = _check(top, "slow", limit=3)
    tap.eq(_row(done, "suite"), (3, 1, 1),
           "a suite ended by its limit: what did not end has failed")
    tap.ok("1 of 3 test programs did not end" in done.stdout
           and "ended after 3 s, its limit" in done.stdout
           and "   tests/e2e/odd.tap\n" in done.stdout, "and is named",
           done.stdout)
    tap.eq(_row(done, "suite with sanitizers"), (4, 0, 1),
           "the next suite is run")
    tap.eq(done.returncode, 1, "status 1")
    done = _check(top, "lost")
    tap.ok(_row(done, "suite") == (3, 1, 1) and done.returncode == 1
           and "its limit" not in done.stdout,
           "one that never ran, without a limit", done.stdout)


def _bootstrap(place, name, changes):
    """A copy that looks for other libraries, in a directory of its own, run
    by somebody who cannot become root."""
    top = place.make_dir(name)
    with open(os.path.join(bench.SRCDIR, "bootstrap"),
              encoding="utf-8") as file:
        text = file.read()
    for old, new in changes:
        if old not in text:
            raise AssertionError(f"no {old} in bootstrap")
        text = text.replace(old, new)
    os.mkdir(os.path.join(top, "bin"))
    os.chmod(os.path.join(top, "bin"), 0o755)
    for tool in ("cat", "dirname", "id"):
        os.symlink(shutil.which(tool), os.path.join(top, "bin", tool))
    for tool, body in (("autoreconf", "echo made configure"), ("cc", "exit 1"),
                       ("pkg-config", 'case $2 in *nothere) exit 1; esac'),
                       ("automake", ""), ("make", ""), ("apt-get", "exit 1")):
        path = place.write(os.path.join(name, "bin", tool),
                           f"#!/bin/sh\n{body}\n")
        os.chmod(path, 0o755)
    program = place.write(os.path.join(name, "bootstrap"), text)
    return _run("/bin/sh", program, env={"PATH": os.path.join(top, "bin")},
                cwd=top, **doors.account())


def bootstrap_without_root(tap, place):
    for header in ("stdlib.h", "fcgiapp.h"):
        if not os.path.exists("/usr/include/" + header):
            tap.skip("bootstrap", f"no /usr/include/{header}")
            return
    optional = ("libjwt-dev library libjwt", "libj-dev library libj-nothere")
    done = _bootstrap(place, "optional", [optional])
    tap.ok(done.returncode == 0 and "made configure" in done.stdout,
           "without an optional library it goes on", done.stdout)
    tap.ok("library libj-nothere (in Debian: libj-dev)" in done.stdout
           and "As root: apt-get install libj-dev\n" in done.stdout,
           "and says how to get it", done.stdout)
    tap.match(re.compile(r"make install\n\Z"), done.stdout,
              "it ends with what is next")
    needed = ("json-c-dev library json-c", "x-dev library x-nothere")
    done = _bootstrap(place, "needed", [optional, needed])
    tap.ok(done.returncode == 1 and "made configure" not in done.stdout,
           "without a needed one it ends", done.stdout)
    tap.ok("As root: apt-get install libx-dev\n" in done.stdout,
           "and says how to get that", done.stdout)


TESTS = (bootstrap_without_root, programs_below_a_closed_directory, open_programs_are_not_copied,
         check_counts, check_says_it_again, check_builds, check_counts_what_never_ended)
