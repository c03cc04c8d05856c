# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""crierd by itself: start, configuration, signals, end."""

import json
import os
import pwd
import re
import signal
import socket
import stat
import subprocess

from lib import bench, proc
from lib.daemon import Crierd, Queue
from lib.fcgi import Direct


def run_crierd(tap, *arguments, seconds=20, cwd=None):
    """crierd to its end; (status, standard output, standard error)."""
    done = subprocess.run(
        bench.CRIERD + list(arguments), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
        timeout=seconds * bench.SLOW, cwd=cwd)
    err = done.stderr.decode("utf-8", "replace")
    if bench.REPORT.search(err):
        tap.ok(False, "crierd is clean", err)
    return done.returncode, done.stdout.decode("utf-8", "replace"), err


GOOD = """# a comment
heartbeat = 9
retry = 4000
allow-origin = { "https://a.example.org", "https://b.example.org" }
channel "user/*" { keep = 7  keep-bytes = 2M  keep-seconds = 60 }
channel "**" { heartbeat = 11 }
"""


def checks_a_configuration(tap, place):
    good = place.write("good.conf", GOOD)
    status, out, err = run_crierd(tap, "-n", "-c", good)
    tap.ok(status == 0 and (out + err).strip(), "-n: good, and says so",
           f"{status} {out} {err}")
    status, printed, err = run_crierd(tap, "-nn", "-c", good)
    tap.ok(status == 0 and err == "", "-nn prints", f"{status} {err}")
    for text in (r"heartbeat\s*=\s*9\b", r"retry\s*=\s*4000\b",
                 r'channel\s+"?user/\*', r"keep\s*=\s*7\b",
                 r"https://b\.example\.org"):
        tap.match(re.compile(text), printed, f"what was set: {text}")
    again = place.write("again.conf", printed)
    status, second, err = run_crierd(tap, "-nn", "-c", again)
    tap.ok(status == 0 and second == printed,
           "what -nn prints is a configuration that means the same",
           f"{status} {err}", printed, second)
    status, printed, err = run_crierd(tap, "-nn", "-c", good, "-o",
                                      "heartbeat=7", "-o", "retry=1")
    tap.ok(status == 0 and re.search(r"heartbeat\s*=\s*7\b", printed)
           and re.search(r"retry\s*=\s*1\b", printed),
           "-o is stronger than the file", printed, err)


# What is in the program of a route, and its mode; what is said of it.
PROGRAMS = (
    ("#!/bin/sh\n", 0o755, None),
    ("echo\n", 0o755, "neither a program nor a script that begins with #!"),
    ("", 0o755, "neither a program nor a script that begins with #!"),
    ("#!/bin/sh\n", 0o644, "Permission denied"))


def looks_at_programs(tap, place):
    """-n warns of what could not be executed."""
    config = "".join(f'route "GET /p{n}" {{ run = "{place.path(f"p{n}")}" }}\n'
                     for n in range(len(PROGRAMS)))
    config += f'route "GET /none" {{ run = "{place.path("none")}" }}\n'
    config += 'route "GET /true" { run = "/bin/true" }\n'
    for n, (text, mode, _why) in enumerate(PROGRAMS):
        os.chmod(place.write(f"p{n}", text), mode)
    status, _out, err = run_crierd(tap, "-n", "-c",
                                   place.write("programs.conf", config))
    warned = re.findall(r'route "GET /(\w+)": \S+: (.*)', err)
    tap.eq((status, warned),
           (0, [(f"p{n}", why) for n, (_text, _mode, why)
                in enumerate(PROGRAMS) if why]
            + [("none", "No such file or directory")]),
           "-n warns of programs that could not be executed")


BAD = (
    ("an unknown setting", "\n\ncolour = 1\n", 3),
    ("a word for a number", 'heartbeat = "soon"\n', 1),
    ("a negative number", "# x\nretry = -1\n", 2),
    ("a bad address", 'retry = 1\nlisten = "nonsense"\n', 2),
    ("a setting of a section", 'channel "a" {\n  keep = many\n}\n', 2),
    ("an unknown setting of a section", 'channel "a" {\n\n x = 1\n}\n', 3),
    ("a bad mode", "queue-mode = 0999\n", 1),
    ("no closing brace", 'retry = 1\nchannel "a" {\n keep = 1\n', None),
    ("no closing quote", 'queue = "/tmp/x\n', None),
)


def tells_what_is_wrong(tap, place):
    for name, text, line in BAD:
        path = place.write("bad.conf", text)
        status, out, err = run_crierd(tap, "-n", "-c", path)
        place_of = re.escape(path) + (rf":{line}: \S" if line
                                      else r":\d+: \S")
        tap.ok(status > 0 and re.search(place_of, err) and not out.strip(),
               f"{name}: file:line: text", f"{status} {out} {err}")
    # Not only when asked to check.
    status, _out, err = run_crierd(tap, "-f", "-c", path)
    tap.ok(status > 0 and f"{path}:1: " in err,
           "a bad configuration is no start", f"{status} {err}")
    missing = place.path("missing.conf")
    status, _out, err = run_crierd(tap, "-n", "-c", missing)
    tap.ok(status > 0 and missing in err, "a file that is not there", err)
    for option in ("colour=1", "heartbeat=soon", "heartbeat", "=1"):
        status, _out, err = run_crierd(tap, "-n", "-o", option)
        tap.ok(status > 0 and err.strip(), f"-o {option} is an error",
               f"{status} {err}")
    tap.match(re.compile("colour"), run_crierd(
        tap, "-n", "-o", "colour=1")[2], "which names the setting")


def options_of_the_command(tap, place):
    status, out, _err = run_crierd(tap, "-V")
    tap.ok(status == 0 and re.search(r"\d+\.\d+", out), "-V: the version",
           out)
    status, _out, err = run_crierd(tap, "-Z")
    tap.ok(status == 64 and "usage" in err.lower(), "an unknown option: 64",
           f"{status} {err}")


def reloads_at_sighup(tap, place):
    crierd = Crierd(place, config="retry = 1111\n").start()
    old = Direct(crierd.listen, "/events/a").wait_open()
    tap.eq(old.parser.retry, 1111, "retry as configured")
    place.write("crierd.conf", "retry = 2222\n")
    crierd.proc.send_signal(signal.SIGHUP)

    def new_retry():
        with Direct(crierd.listen, "/events/a") as stream:
            return stream.wait_open().parser.retry == 2222
    proc.wait_for(new_retry, "retry 2222 after SIGHUP")
    tap.ok(True, "SIGHUP: what is new holds for new streams")

    place.write("crierd.conf", "retry = 3333\nnonsense = 1\n")
    crierd.proc.send_signal(signal.SIGHUP)
    crierd.wait_log(r"crierd\.conf:2: ")
    with Direct(crierd.listen, "/events/a") as stream:
        tap.eq(stream.wait_open().parser.retry, 2222,
               "SIGHUP with a bad file changes nothing, the log says why")
    place.write("crierd.conf", 'channel "a" { keep = 5 }\nretry = 4444\n')
    crierd.proc.send_signal(signal.SIGHUP)
    proc.wait_for(lambda: Direct(crierd.listen, "/events/a").wait_open()
                  .parser.retry == 4444, "retry 4444 after SIGHUP")
    crierd.pub("a", "still here")
    tap.eq(old.wait_events(1)[0].data, "still here",
           "a stream lives on through it all")


def sockets_of_others(tap, place):
    crierd = Crierd(place).start()
    crierd.kill()
    tap.ok(os.path.exists(crierd.queue) and os.path.exists(crierd.listen),
           "a killed crierd leaves its sockets")
    crierd.start()
    tap.ok(crierd.pub("a", "x") == "", "the next replaces them")

    second = Crierd(place)
    status, _out, err = run_crierd(tap, "-f", *second.arguments())
    tap.ok(status > 0 and err.strip(), "a second one does not start",
           f"{status} {err}")
    status, _out, err = run_crierd(
        tap, "-f", *second.arguments(), "-o",
        "listen=unix:" + place.path("run", "other.sock"))
    tap.ok(status > 0 and crierd.queue in err,
           "nor on the same queue alone, and it says which", err)
    status, _out, err = run_crierd(
        tap, "-f", *second.arguments(), "-o",
        "queue=" + place.path("run", "other.sock"))
    tap.ok(status > 0 and crierd.listen in err,
           "nor on the same listening socket alone", err)
    crierd.pub("a", "y")
    with Direct(crierd.listen, "/events/a?since=all") as stream:
        stream.wait_events(2)
        tap.eq([e.data for e in stream.events], ["x", "y"],
               "and the first one is as it was")
    crierd.stop()

    for path in (crierd.queue, crierd.listen):
        if os.path.exists(path):
            os.unlink(path)
        place.write(os.path.relpath(path, place.dir), "precious")
        status, _out, err = run_crierd(tap, "-f", *second.arguments())
        with open(path, encoding="utf-8") as precious:
            tap.ok(status > 0 and precious.read() == "precious",
                   "a file in the place of a socket is left alone",
                   f"{status} {err}")
        os.unlink(path)


def started_at_once(tap, place):
    """Of many that start at the same moment one wins."""
    crierd = Crierd(place)
    all_of_them = [proc.Proc(bench.CRIERD + ["-f"] + crierd.arguments(),
                             crierd.log) for _n in range(8)]
    for process in all_of_them:
        place.own(process)
    proc.wait_for(lambda: sum(p.alive() for p in all_of_them) <= 1,
                  "all but one end")
    left = [p for p in all_of_them if p.alive()]
    if tap.ok(len(left) == 1, "of eight that start at once one is left"):
        proc.wait_for(lambda: proc.can_connect(crierd.queue), "its queue")
        with Direct(crierd.listen, "/events/a").wait_open() as stream:
            crierd.pub("a", "x")
            tap.eq(stream.wait_events(1)[0].data, "x", "and it works")
        tap.eq(left[0].stop(), 0, "and ends well")


def modes_and_owners(tap, place):
    crierd = Crierd(place).start()
    for path in (crierd.listen, crierd.queue, crierd.fifo):
        info = os.stat(path)
        name = os.path.basename(path)
        tap.eq(oct(stat.S_IMODE(info.st_mode)), "0o660", f"mode of {name}")
        if bench.IS_ROOT:
            tap.eq(info.st_uid, bench.server_user().pw_uid,
                   f"owner of {name}")
    _check_user(tap, crierd)
    crierd.stop()
    crierd.options += ["listen-mode=0600", "queue-mode=0600"]
    crierd.start()
    for path in (crierd.listen, crierd.queue):
        tap.eq(oct(stat.S_IMODE(os.stat(path).st_mode)), "0o600",
               f"mode of {os.path.basename(path)} as configured")


def _check_user(tap, crierd):
    with open(f"/proc/{crierd.pid}/status", encoding="ascii") as file:
        lines = dict(line.split(":", 1) for line in file)
    if not bench.IS_ROOT:
        tap.skip("privileges are dropped", "not started as root")
        return
    user = bench.server_user()
    tap.eq((lines["Uid"].split(), lines["Gid"].split()),
           ([str(user.pw_uid)] * 4, [str(user.pw_gid)] * 4),
           "started as root, it is somebody else, in every way")
    tap.ok("0" not in lines["Groups"].split(), "and not in root's group",
           lines["Groups"])
    tap.eq(lines["CapEff"].strip().strip("0"), "", "without capabilities")


def store_of_another_user(tap, place):
    """Who may not do what is named: as after a change of the user."""
    if not bench.IS_ROOT:
        tap.skip("a store of another user", "only root makes one")
        return
    folder = place.make_dir("lib")
    store = os.path.join(folder, "history.db")
    option = ["-o", "store=sqlite:" + store]
    user = bench.server_user().pw_name
    crierd = Crierd(place).start(*option)
    crierd.stop()
    other = pwd.getpwnam("games").pw_uid
    for path, shown in ((folder, folder), (store, store)):
        for each in (folder, store):
            os.chown(each, bench.server_user().pw_uid, -1)
        os.chown(path, other, -1)
        os.chmod(path, 0o700 if path == folder else 0o600)
        status, _out, err = run_crierd(tap, "-f", *crierd.arguments(), *option)
        tap.ok(status > 0 and f"{store}: the user {user} may not" in err
               and shown in err and (path == folder or "games" in err),
               f"{os.path.basename(path)} is another user's: named", err)
        os.chmod(path, 0o750 if path == folder else 0o640)
    os.unlink(store)
    os.chown(folder, other, -1)
    status, _out, err = run_crierd(tap, "-f", *crierd.arguments(), *option)
    tap.ok(status > 0 and f"{store}: the user {user} may not write to "
           f"{folder}, which is games's (mode 0750)" in err,
           "a directory of another user", err)
    os.rmdir(folder)
    with open(folder, "w", encoding="utf-8"):
        pass
    status, _out, err = run_crierd(tap, "-f", *crierd.arguments(), *option)
    tap.ok(status > 0 and folder in err, "a file in the directory's place",
           err)


def socket_on_descriptor_0(tap, place):
    path = place.path("run", "spawned.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(64)
        if bench.IS_ROOT:
            user = bench.server_user()
            os.chown(path, user.pw_uid, user.pw_gid)
        crierd = Crierd(place)
        # As a web server spawns it: no -f, and it must not go away.
        crierd.proc = proc.Proc(bench.CRIERD + crierd.arguments(listen=False),
                                crierd.log, stdin=listener)
    place.own(crierd)
    proc.wait_for(lambda: proc.can_connect(crierd.queue), "its queue", 10)
    tap.ok(crierd.proc.alive(), "it stays with its parent")
    with Direct(path, "/events/a").wait_open() as stream:
        crierd.pub("a", "one")
        tap.eq(stream.wait_events(1)[0].data, "one",
               "a stream on the socket that was descriptor 0")
    tap.ok(not os.path.exists(crierd.listen), "it listens on nothing else")
    crierd.stop()


def ends_at_sigterm(tap, place):
    crierd = Crierd(place).start()
    streams = [Direct(crierd.listen, "/events/a").wait_open()
               for _n in range(20)]
    crierd.pub("a", "before")
    process = crierd.proc
    process.send_signal(signal.SIGTERM)
    for stream in streams:
        stream.wait_end()
    tap.eq(crierd.stop(), 0, "SIGTERM: exit status 0")
    tap.ok(all([e.data for e in s.events if e.type == "message"]
               == ["before"] for s in streams), "no event is lost on the way")
    ends = [[e for e in s.events if e.type == "crier.end"] for s in streams]
    tap.ok(all(len(found) == 1 for found in ends), "each has one crier.end")
    reasons = {json.loads(e.data)["reason"] for found in ends for e in found}
    tap.eq(reasons, {"shutdown"}, "that says why")
    tap.eq({s.protocol_status for s in streams}, {0},
           "and is ended as FastCGI ends a request")
    retries = [s.parser.retry for s in streams]
    tap.ok(len(set(retries)) > 5 and min(retries) > 0
           and max(retries) <= 60000,
           "each is told a retry of its own, so that they do not come back "
           "all at once", retries)


def ends_at_sigint(tap, place):
    crierd = Crierd(place).start()
    crierd.stop(signal.SIGINT)


class Background:
    """Ends a daemon that has left its parent."""

    def __init__(self, queue):
        self.queue = queue
        self.pid = None

    def ask_pid(self):
        with Queue(self.queue) as queue:
            self.pid = queue.ask({"do": "status"})["pid"]
        return self.pid

    def is_gone(self):
        # Its parent has ended, so it is our child by adoption.
        return proc.reap(self.pid)

    def destroy(self):
        if self.pid is None and proc.can_connect(self.queue):
            self.ask_pid()
        if self.pid and not self.is_gone():
            os.kill(self.pid, signal.SIGKILL)


def goes_into_the_background(tap, place):
    crierd = Crierd(place)
    background = place.own(Background(crierd.queue))
    words = crierd.arguments()
    words[1] = os.path.basename(crierd.config)  # a relative path
    status, out, err = run_crierd(tap, *words, cwd=place.dir)
    there = proc.can_connect(crierd.queue) and proc.can_connect(
        crierd.listen)
    tap.ok(status == 0 and out == "" and err == "",
           "the parent ends with 0, silently", f"{status} {out} {err}")
    tap.ok(there, "when it ends, the sockets are there")
    pid = background.ask_pid()
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    tap.ok(int(fields[3]) != os.getsid(0) and int(fields[4]) == 0,
           "it has a session of its own and no terminal", fields[:6])
    tap.eq({os.readlink(f"/proc/{pid}/fd/{n}") for n in range(3)},
           {"/dev/null"}, "and nobody's input and output")
    tap.eq(crierd.crier("status", "-j").returncode, 0, "status")
    place.write("crierd.conf", "retry = 5555\n")
    os.kill(pid, signal.SIGHUP)
    proc.wait_for(lambda: Direct(crierd.listen, "/events/a").wait_open()
                  .parser.retry == 5555, "retry 5555 after SIGHUP")
    os.kill(pid, signal.SIGTERM)
    proc.wait_for(background.is_gone, "the daemon's end")
    tap.ok(True, "SIGTERM ends it")

    crierd.queue = os.path.join(crierd.config, "queue.sock")
    status, _out, err = run_crierd(tap, *crierd.arguments())
    tap.ok(status > 0 and crierd.queue in err,
           "a start that fails is told, not hidden in the background",
           f"{status} {err}")


TESTS = (checks_a_configuration, looks_at_programs,
         tells_what_is_wrong, options_of_the_command,
         reloads_at_sighup, sockets_of_others, started_at_once,
         modes_and_owners, store_of_another_user, socket_on_descriptor_0,
         ends_at_sigterm, ends_at_sigint, goes_into_the_background)
