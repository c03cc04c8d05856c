# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""The files for those who start crierd at boot: systemd's units, and the
script for SysV init, which really starts one."""

import os
import pwd
import re
import shlex
import shutil
import signal
import stat
import subprocess

from lib import bench, proc
from lib.daemon import Crierd, Queue
from lib.fcgi import Direct

PROGRAMS = {"crier": bench.CRIER, "crierd": bench.CRIERD}
UNITS = ("crierd.service", "crierd.socket", "crierd-queue.socket")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
EXPOSURE = re.compile(r"Overall exposure level for \S+: ([\d.]+)")
EXPOSURE_MAX = 1.0


def _service_file(*names):
    top = os.environ.get("builddir") or os.path.dirname(bench.CRIERD[-1])
    return os.path.join(top, "conf", *names)


def _run(*words, **more):
    return subprocess.run(words, stdin=subprocess.DEVNULL, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          encoding="utf-8", errors="replace",
                          timeout=60 * proc.SLOW, **more)


def units_are_good(tap, place):
    if not shutil.which("systemd-analyze"):
        tap.skip("the units", "systemd-analyze is not installed")
        return
    folder = place.make_dir("units")
    paths = []
    for name in UNITS:
        with open(_service_file("systemd", name), encoding="utf-8") as file:
            text = file.read()
        tap.ok(not re.search(r"@\w+@", text),
               f"{name}: all places are filled in", text)
        # Not installed yet, and verify wants to see it.
        text, count = re.subn(
            r"(?m)^(Exec\w+=)\S+/(crierd?)\b", lambda found: found[1] +
            os.path.abspath(PROGRAMS[found[2]][-1]), text)
        tap.ok(count == (2 if name == "crierd.service" else 0),
               f"{name}: what it starts", text)
        paths.append(place.write(os.path.join("units", name), text))
    _verify(tap, paths, "systemd-analyze verify")
    _verify(tap, _with_drop_ins(place, paths), "with the files of conf/redis")
    done = _run("systemd-analyze", "security", "--no-pager",
                "--offline=true", os.path.join(folder, UNITS[0]))
    found = EXPOSURE.search(done.stdout)
    if found is None:
        tap.skip("systemd-analyze security", "it cannot do it offline")
        return
    tap.ok(float(found[1]) <= EXPOSURE_MAX,
           f"the service's exposure is {found[1]} of 10", done.stdout)


def _with_drop_ins(place, paths):
    """The units as those make them for several nodes."""
    folder = place.make_dir("nodes")
    for path in paths:
        kind = path.rpartition(".")[2]
        with open(path, encoding="utf-8") as file:
            text = file.read()
        if not path.endswith("queue.socket"):
            with open(os.path.join(bench.SRCDIR, "conf", "redis",
                                   f"{kind}.conf"), encoding="utf-8") as file:
                text += "\n" + file.read()
        place.write(os.path.join("nodes", os.path.basename(path)), text)
    return [os.path.join(folder, os.path.basename(path)) for path in paths]


def _verify(tap, paths, name):
    done = _run("systemd-analyze", "verify", "--man=no", *paths)
    about_us = [line for line in done.stdout.splitlines()
                if "crier" in line]
    tap.ok(done.returncode == 0 and not about_us, name,
           done.returncode, done.stdout)


def _before_the_queue(place):
    """What crierd-queue.socket runs before it listens, on this bench: the
    status and output of the first that fails, or (0, "")."""
    with open(_service_file("systemd", "crierd-queue.socket"),
              encoding="utf-8") as file:
        text = file.read()
    user, group = bench.server_user().pw_name, bench.server_group()
    for old, new in (("-o crier -g crier", f"-o {user} -g {group}"),
                     ("crier:crier", f"{user}:{group}"),
                     ("/run/crier", place.run)):
        if old not in text:
            raise AssertionError(f"no {old} in the unit")
        text = text.replace(old, new)
    text = re.sub(r"/\S+/bin/crier -s", os.path.abspath(bench.CRIER[-1])
                  + " -s", text)
    for line in re.findall(r"(?m)^ExecStartPre=(.*)$", text):
        done = _run(*shlex.split(line.removeprefix("-")))
        if done.returncode and not line.startswith("-"):
            return done.returncode, done.stdout
    return 0, ""


def beside_one_started_by_hand(tap, place):
    """The units and a crierd that root has started: README has both."""
    if not bench.IS_ROOT:
        tap.skip("beside another crierd", "only root starts units")
        return
    tap.eq(_before_the_queue(place), (0, ""), "an empty directory")
    other = Crierd(place, ["user=nobody"], user=False).start()
    left = sorted(os.listdir(place.run))
    status, said = _before_the_queue(place)
    tap.ok(status == 1 and "another crierd serves" in said
           and other.queue in said and "crier shutdown" in said,
           "another crierd: refused, with the cause",
           status, said)
    tap.ok(sorted(os.listdir(place.run)) == left and other.streams() == 0,
           "which goes on undisturbed", os.listdir(place.run))
    for end in (other.stop, other.kill):
        end()
        tap.ok(stat.S_ISFIFO(os.stat(other.fifo).st_mode)
               and os.stat(other.queue + ".lock").st_uid
               == pwd.getpwnam("nobody").pw_uid, "it leaves files of its user")
        tap.eq(_before_the_queue(place), (0, ""), "after its end: it starts")
        tap.ok(not os.path.exists(other.fifo),
               "without the pipe, which systemd would not take")
        user = bench.server_user()
        for path in (place.run, other.queue + ".lock"):
            tap.eq(os.stat(path).st_uid, user.pw_uid,
                   f"{os.path.basename(path)} is crierd's")
        if end == other.stop:
            other.start()


def scripts_are_good(tap, _place):
    for name in ("sysv", "openrc"):
        path = _service_file(name, "crierd")
        done = _run("sh", "-n", path)
        tap.ok(done.returncode == 0, f"{name}: a script of sh", done.stdout)
        with open(path, encoding="utf-8") as file:
            tap.ok(not re.search(r"@\w+@", file.read()),
                   f"{name}: all places are filled in")
        if not shutil.which("shellcheck"):
            tap.skip(f"{name}: shellcheck", "it is not installed")
            continue
        done = _run("shellcheck", path)
        tap.ok(done.returncode == 0, f"{name}: shellcheck", done.stdout)


class Script:
    """The SysV script, for a crierd of this bench."""

    def __init__(self, place, path):
        self.place = place
        self.pid = None
        self.queue = os.path.join(place.run, "queue.sock")
        self.listen = os.path.join(place.run, "fcgi.sock")
        self.pidfile = place.path("crierd.pid")
        self.output = place.log("script.log")
        self.configure("retry = 1111")
        place.write("defaults", f"""
PATH={path}
CRIERD={os.path.abspath(bench.CRIERD[-1])}
CRIER={os.path.abspath(bench.CRIER[-1])}
OPTIONS="-c {place.path('crier.conf')}"
PIDFILE={self.pidfile}
""")
        place.own(self)

    def configure(self, line):
        user = ""
        if bench.IS_ROOT:
            user = f'user = "{bench.server_user().pw_name}"'
        self.place.write("crier.conf", f"""
listen = "unix:{self.listen}"
queue = "{self.queue}"
fifo = ""
{user}
{line}
""")

    def __call__(self, action):
        """Its exit status."""
        script = proc.Proc(
            ["/bin/sh", _service_file("sysv", "crierd"), action],
            self.output,
            env={"CRIERD_DEFAULTS": self.place.path("defaults")})

        def ended():
            # The daemon is our child by adoption, and init would reap it.
            if self.pid:
                proc.reap(self.pid)
            return script.status() is not None
        proc.wait_for(ended, f"the end of {action}", 60)
        return script.status()

    def find(self):
        """The process that answers; it is in the PID file, too."""
        with Queue(self.queue) as queue:
            self.pid = queue.ask({"do": "status"})["pid"]
        with open(self.pidfile, encoding="ascii") as file:
            if int(file.read()) != self.pid:
                raise AssertionError("another process in the PID file")
        return self.pid

    def retry(self):
        with Direct(self.listen, "/events/a").wait_open() as stream:
            return stream.parser.retry

    def destroy(self):
        self("stop")


def _begin(tap, script):
    tap.eq(script("status"), 3, "status: not running")
    tap.eq(script("stop"), 0, "stop: nothing to do")
    tap.eq(script("reload"), 7, "reload: not running")
    tap.eq(script("try-restart"), 0, "try-restart: nothing to do")
    tap.ok(not proc.can_connect(script.queue), "and it has not started")
    tap.eq(script("start"), 0, "start")
    pid = script.find()
    tap.eq(script("status"), 0, "status: running")
    tap.eq(script("start"), 0, "start: again")
    tap.eq(script.find(), pid, "is the same process")
    return pid


def _change(tap, script, pid):
    script.configure("retry = 2222")
    tap.eq(script("reload"), 0, "reload")
    proc.wait_for(lambda: script.retry() == 2222, "retry 2222")
    script.configure("nonsense = 1")
    for action in ("reload", "restart", "try-restart"):
        tap.eq(script(action), 6, f"{action}: a mistake in the configuration")
        tap.eq((script.find(), script.retry()), (pid, 2222),
               "and it goes on as it is")
    script.configure("retry = 3333")
    tap.eq(script("restart"), 0, "restart")
    tap.ok(script.find() != pid and script.retry() == 3333,
           "is another process, with the new settings")


def _end(tap, place, script):
    os.kill(script.pid, signal.SIGKILL)
    proc.wait_for(lambda: proc.reap(script.pid), "its end")
    tap.eq(script("status"), 1, "status: dead, and the PID file is there")
    tap.eq(script("start"), 0, "start after it was killed")
    script.find()
    tap.eq(script("stop"), 0, "stop")
    tap.ok(proc.reap(script.pid), "it has ended")
    tap.ok(not os.path.exists(script.pidfile)
           and not os.path.exists(script.queue), "and nothing is left")
    tap.eq(script("status"), 3, "status: not running")
    script.pid = None

    other = place.own(proc.Proc(["sleep", "1000"], script.output))
    place.write("crierd.pid", f"{other.pid}\n")
    tap.eq(script("status"), 1, "another process has its number now")
    tap.eq(script("stop"), 0, "stop")
    tap.ok(other.alive(), "does not end that")
    script.configure("nonsense = 1")
    tap.eq(script("start"), 6, "start: a mistake in the configuration")
    tap.eq(script("nonsense"), 2, "nonsense: usage")


def _whole_life(tap, place, path):
    if len(bench.CRIERD) > 1:
        tap.skip("a whole life", "crierd has another name under a wrapper")
        return
    script = Script(place, path)
    pid = _begin(tap, script)
    _change(tap, script, pid)
    _end(tap, place, script)


def sysv_script(tap, place):
    if not shutil.which("start-stop-daemon", path=PATH):
        tap.skip("with start-stop-daemon", "it is not installed")
        return
    _whole_life(tap, place, PATH)


def sysv_script_by_pid(tap, place):
    tools = place.make_dir("tools")
    for name in ("rm", "sed", "sleep"):
        os.symlink(shutil.which(name, path=PATH), os.path.join(tools, name))
    _whole_life(tap, place, tools)


TESTS = (units_are_good, beside_one_started_by_hand, scripts_are_good,
         sysv_script, sysv_script_by_pid)
