# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""A hub that is started by whoever needs it, and leaves when nobody does."""

import os
import random
import shutil
import stat
import subprocess
import time

from lib import bench, proc, started
from cases.behind_basic import check_error
from lib.rawcgi import RawCgi
from lib.site import data_of

AT_ONCE = 50
QUICK = "heartbeat = 1\nidle-exit = 1\n"
LEAVINGS = 15
EVENT_STREAM = {"Accept": "text/event-stream"}

# What a crierd of ours may know of whoever started it.
KEPT = {"CRIER_CONF", "CRIER_QUEUE", "HOME", "LANG", "LC_ALL", "PATH", "TZ",
        "XDG_RUNTIME_DIR"}


def hubs():
    return [pid for pid, state in started.processes("crierd")
            if state != "Z"]


def pub(hub, *words):
    """crier pub --start, as the web server's user; the id."""
    done = as_user(hub.place, bench.CRIER + ["-s", hub.queue, "pub",
                                             "--start", "-v", *words],
                   {"CRIER_CONF": hub.config, "PATH": os.environ["PATH"]})
    if done.returncode:
        raise AssertionError(f"crier pub --start: {done.returncode} "
                             f"{done.stderr!r}")
    return done.stdout.decode().strip()


def as_user(place, words, env):
    more = {}
    if bench.IS_ROOT:
        user = bench.server_user()
        more = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    return subprocess.run(words, env=env, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=30 * proc.SLOW, check=False, cwd="/",
                          **more)


def one_request(tap, place):
    hub = started.Hub(place)
    for pipe in (False, True):
        kind = "a pipe" if pipe else "a socket"
        with RawCgi(hub, "/events/news", pipe=pipe) as stream:
            stream.wait_open()
            tap.eq((stream.status, stream.headers.get("content-type")),
                   (200, "text/event-stream; charset=utf-8"),
                   f"a stream on {kind}")
            tap.eq(stream.exit_status(), 0, "the program leaves, status 0")
            event_id = hub.publish("news", "one")
            stream.wait_events(1)
            tap.eq([(e.data, e.id) for e in stream.events],
                   [("one", event_id)], "and the events come")
            tap.eq([(s["door"], s["address"]) for s in hub.list()],
                   [("cgi", "192.0.2.1")], "status knows the client")
        hub.wait_streams(0)
    tap.eq(len(hubs()), 1, "there is one hub")
    check_error(tap, whole(RawCgi(hub, "/other")), 404, "another path")
    check_error(tap, whole(RawCgi(hub, "/events/a", method="PUT")), 405,
                "another method")
    check_error(tap, whole(RawCgi(hub, "/events", method="POST",
                                  body=b"x" * 100000)), 413,
                "a large body")
    check_error(tap, whole(RawCgi(hub, "/events/a", headers={
        "Cookie": "x" * 100000})), 431, "large headers")
    check_error(tap, whole(RawCgi(hub, "/events/a",
                                  without=["REQUEST_URI"])), 404,
                "a server that says no path")


def whole(request):
    request.wait_end()
    request.close()
    return request


def nph(tap, place):
    """A program named nph- writes all of the response, its status too."""
    hub = started.Hub(place)
    for pipe in (False, True):
        kind = "a pipe" if pipe else "a socket"
        with RawCgi(hub, "/events/news", name="nph-crier.cgi",
                    pipe=pipe) as stream:
            stream.wait_open()
            tap.eq((stream.status, stream.headers.get("content-type")),
                   (200, "text/event-stream; charset=utf-8"),
                   f"nph- on {kind}: a whole HTTP response")
            hub.publish("news", "one")
            stream.wait_events(1)
            tap.eq(data_of(stream), ["one"], "and its events")
        hub.wait_streams(0)
    check_error(tap, whole(RawCgi(hub, "/events", name="nph-crier.cgi")), 400,
                "nph-, refused")


def words_are_no_options(tap, place):
    hub = started.Hub(place)
    for words in (["-V"], ["--help"], ["-f", "-n"], ["--on-demand"],
                  ["-o", "queue=/tmp/other"], ["-c", "/dev/null"]):
        with RawCgi(hub, "/events/news?" + "+".join(words),
                    words=words) as stream:
            stream.wait_open()
            tap.eq(stream.exit_status(), 0, f"{words}: a stream")
    tap.eq(hub.status()["streams_opened"], 6, "on the queue of this bench")


def many_at_once(tap, place):
    hub = started.Hub(place)
    streams = [RawCgi(hub, "/events/news") for _n in range(AT_ONCE)]
    for stream in streams:
        stream.wait(lambda one=stream: one.parser.primings, "the first id",
                    60)
    for stream in streams:
        stream.exit_status(60)
    tap.eq([s.status for s in streams if s.status != 200], [],
           f"{AT_ONCE} first requests at once are answered 200")
    tap.eq([len(hubs()), len(started.processes("crier.cgi"))], [1, 0],
           "there is one hub, and no CGI process")
    tap.eq(hub.status()["streams"], AT_ONCE, "which has all streams")
    first = hub.publish("news", "one")
    for stream in streams:
        stream.wait_events(1)
    old = hub.kill()
    for stream in streams:
        stream.wait_end()
        stream.close()
    again = [RawCgi(hub, "/events/news", last_event_id=first)
             for _n in range(AT_ONCE)]
    for stream in again:
        stream.wait(lambda one=stream: one.parser.primings, "the first id",
                    60)
    tap.ok(len(hubs()) == 1 and hub.pid != old,
           "killed: the next requests start another one", hubs())
    second = hub.publish("news", "two")
    for stream in again:
        stream.wait_events(1)
    tap.ok(all([(e.type, e.id) for e in s.events] == [("message", second)]
               for s in again),
           "the streams resume: nothing missed, nothing twice, no gap")
    for stream in again:
        stream.close()


def leaves_when_idle(tap, place):
    hub = started.Hub(place, QUICK)
    with RawCgi(hub, "/events/news") as stream:
        stream.wait_open()
        first = hub.publish("news", "one")
        pid = hub.pid
        tap.ok(proc.holds_for(lambda: not proc.is_gone(pid), 2.5),
               "it stays while there is a stream")
    hub.wait_gone(pid)
    tap.ok("idle-exit" in hub.log_text(), "it leaves when it is idle")
    left = sorted(os.listdir(place.run))
    tap.ok("queue.sock" not in left and "history.db" in left,
           "its socket is gone, its history is not", left)
    second = pub(hub, "news", "two")
    tap.eq(len(hubs()), 1, "crier pub --start starts another one")
    third = pub(hub, "news", "three")
    with RawCgi(hub, "/events/news", last_event_id=first) as stream:
        stream.wait_events(2)
        tap.eq([(e.type, e.data, e.id) for e in stream.events],
               [("message", "two", second), ("message", "three", third)],
               "a stream resumes from before: no gap")
    pid = hub.pid
    with hub.connect():
        tap.ok(proc.holds_for(lambda: not proc.is_gone(pid), 2.5),
               "it stays for a publisher that is connected")
    hub.wait_gone(pid)
    tap.ok(True, "and leaves when that has gone")
    with RawCgi(hub, "/events/news?since=all") as stream:
        stream.wait_events(3)
        tap.eq(data_of(stream), ["one", "two", "three"],
               "the next one knows all of it")


# Where a hub that leaves is held, for a third of a second: before its socket
# goes (it can be connected to, and accepts nothing more), or after that (there
# is none, but another one cannot begin yet).
MOMENTS = (("before its socket goes", "delay_enter=300000"),
           ("when its socket is gone", "delay_exit=300000"))


def _slow_to_leave(hub, delay):
    """A hub that is held when it leaves, as if by a busy machine."""
    trace = hub.place.path(f"trace.{delay}")
    words = ["strace", "-f", "-E", "ASAN_OPTIONS=detect_leaks=0", "-o",
             trace, "-e", "trace=unlink", "-e",
             "inject=unlink:" + delay,
             os.path.join(started.install(hub.place), "crierd"),
             "--on-demand", "-f"]
    if bench.IS_ROOT:
        words[1:1] = ["-u", bench.server_user().pw_name]
    held = proc.Proc(words, hub.place.log("held.log"), env={
        "PATH": os.environ["PATH"], "CRIER_CONF": hub.config,
        "CRIER_QUEUE": hub.queue})
    held.trace = trace
    hub.place.own(held)
    hub.wait_up()
    return held


def _wait_leaving(held):
    """Until strace says that the call has begun."""
    proc.wait_for(lambda: "unlink(" in proc.tail(held.trace),
                  "the hub leaves")


def _has_strace(tap, place):
    if shutil.which("strace") and subprocess.run(
            ["strace", "-o", place.path("try.log"), "true"], check=False,
            stderr=subprocess.DEVNULL).returncode == 0:
        return True
    tap.skip("a hub that leaves slowly", "strace cannot run here")
    return False


def just_as_it_leaves(tap, place):
    """A request that comes while the hub leaves is served, by the next."""
    if not _has_strace(tap, place):
        return
    hub = started.Hub(place, "idle-exit = 0.1\nheartbeat = 25\n")
    for name, delay in MOMENTS:
        held = _slow_to_leave(hub, delay)
        _wait_leaving(held)
        began = time.monotonic()
        streams = [RawCgi(hub, "/events/news") for _n in range(5)]
        sooner = held.alive()
        for stream in streams:
            stream.wait(lambda one=stream: one.ended or one.parser.primings,
                        "an answer", 30)
        tap.eq([s.status for s in streams if s.ended or s.status != 200], [],
               f"{name}: a stream is opened all the same")
        tap.diag(f"asked {'before' if sooner else 'after'} its end, served "
                 f"after {time.monotonic() - began:.3f} s")
        for stream in streams:
            stream.close()
        hub.wait_gone(hub.pid)


def publishing_just_as_it_leaves(tap, place):
    if not _has_strace(tap, place):
        return
    hub = started.Hub(place, "idle-exit = 0.1\nheartbeat = 25\n")
    ids = []
    for name, delay in MOMENTS:
        held = _slow_to_leave(hub, delay)
        _wait_leaving(held)
        ids.append(pub(hub, "news", name))
        tap.ok(True, f"{name}: crier pub --start publishes")
        hub.wait_gone(hub.pid)
    with RawCgi(hub, "/events/news?since=all") as stream:
        stream.wait_events(2)
        tap.eq([e.id for e in stream.events], ids, "both are there")


def stays_if_somebody_came(tap, place):
    """What comes when its socket's file is gone keeps it: it makes another."""
    if not _has_strace(tap, place):
        return
    hub = started.Hub(place, "idle-exit = 0.5\nheartbeat = 25\n")
    held = _slow_to_leave(hub, "delay_exit=300000:when=1")
    pid, old = hub.pid, os.stat(hub.queue).st_ino
    with open(hub.fifo, "w", encoding="ascii") as pipe:
        _wait_leaving(held)
        proc.wait_for(lambda: not os.path.exists(hub.queue), "no socket")
        pipe.write("news by the pipe\n")
        pipe.flush()
        hub.wait_up()
        with hub.connect() as queue:
            tap.eq((queue.ask({"do": "status"})["pid"],
                    os.stat(hub.queue).st_ino != old), (pid, True),
                   "the same hub serves at a new socket")
            queue.publish("news", "by the queue")
        with RawCgi(hub, "/events/news?since=all") as stream:
            stream.wait_events(2)
            tap.eq(data_of(stream), ["by the pipe", "by the queue"],
                   "what came is there")
    hub.wait_gone(pid)
    tap.ok(not os.path.exists(hub.queue), "and it leaves when it is idle again")


def publishing_as_it_leaves(tap, place):
    """Hubs come and go between events and streams; nothing is missed."""
    hub = started.Hub(place, "heartbeat = 1\nidle-exit = 0.05\n")
    seed = int(os.environ.get("CRIER_TEST_SEED")
               or random.SystemRandom().randrange(1 << 30))
    chance = random.Random(seed)
    pids, last, ids, bad = set(), "", [], []
    for number in range(LEAVINGS):
        event_id = pub(hub, "news", f"event {number}")
        time.sleep(chance.uniform(0, 0.12))
        with RawCgi(hub, "/events/news", last_event_id=last) as stream:
            stream.wait(lambda one=stream: one.ended or len(one.events)
                        >= (1 if last else 0) and one.parser.primings,
                        "an answer")
            if stream.status != 200 or stream.ended:
                bad.append((number, stream.status, stream.raw))
            elif last and [e.id for e in stream.events] != [event_id]:
                bad.append((number, stream.events, event_id))
        pids.update(hubs())
        last = event_id
        ids.append(event_id)
        time.sleep(chance.uniform(0.03, 0.12))
    tap.ok(not bad, "every stream resumes exactly, whichever hub it meets",
           f"CRIER_TEST_SEED={seed}", *bad[:5])
    tap.ok(len(pids) > 3, f"{len(pids)} hubs have come and gone")
    tap.eq(len(set(ids)), len(ids), "no id was given twice")


def _links(folder):
    """What the descriptors are; some are closed in the meantime."""
    links = {}
    for name in os.listdir(folder):
        try:
            links[name] = os.readlink(os.path.join(folder, name))
        except FileNotFoundError:
            pass
    return links


def what_it_inherits(tap, place):
    hub = started.Hub(place)
    secret = os.open(place.write("secret", "x"), os.O_RDONLY)
    os.set_inheritable(secret, True)
    with RawCgi(hub, "/events/news", fds=[secret], headers={
            "Cookie": "session=secret", "Proxy": "http://evil"},
                env={"LD_LIBRARY_PATH": "", "HOME": "/nonexistent",
                     "TZ": "UTC"}) as stream:
        stream.wait_open()
        pid = hub.pid
        folder = f"/proc/{pid}/fd"
        open_files = _links(folder)
        tap.eq([open_files.get(n) for n in "012"],
               ["/dev/null", "/dev/null", hub.log],
               "its standard files are /dev/null and its log")
        tap.ok(not any("secret" in path or "cgi.log" in path
                       for path in open_files.values()),
               "no file of who started it is open in it", open_files)
        files = [path for path in open_files.values()
                 if path.startswith("/") and not path.startswith(
                     (place.run, "/dev/null", "/memfd:"))]
        tap.eq(files, [], "nor any other file but its own")
        with open(f"/proc/{pid}/environ", "rb") as file:
            names = {word.partition(b"=")[0].decode()
                     for word in file.read().split(b"\0") if word}
        # What clearenv() leaves in memory is not the environment; but exec
        # made this one.
        tap.ok(names <= KEPT, "nothing of the request is in its environment",
               names)
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            words = file.read().rpartition(")")[2].split()
        tap.ok(int(words[1]) in (1, os.getpid()), "its parent is nobody else",
               words[1])
        tap.ok(os.getsid(pid) not in (os.getsid(0), pid),
               "it is in a session of its own, without being its leader")
        tap.eq(os.readlink(f"/proc/{pid}/cwd"), "/", "its directory")
    os.close(secret)


def _may_write(user, folder):
    """Then a hub would begin there, outside of the bench."""
    try:
        found = os.stat(folder)
    except OSError:
        return False
    return found.st_uid == user.pw_uid or bool(found.st_mode & 0o022)


def home(tap, place):
    """Without root and without being told where: $HOME/.crier."""
    if shared_state(tap):
        return
    user = bench.server_user()
    folder = place.make_dir("home")
    env = {"HOME": folder}
    hub = started.Hub(place, queue=os.path.join(folder, ".crier",
                                                "queue.sock"))
    with RawCgi(hub, "/events/news", env=env,
                without=["CRIER_QUEUE"]) as stream:
        stream.wait_open()
        found = os.stat(os.path.dirname(hub.queue))
        tap.eq((stat.S_IMODE(found.st_mode), found.st_uid),
               (0o700, user.pw_uid if bench.IS_ROOT else os.getuid()),
               "~/.crier is made, for its user alone")
        done = as_user(place, bench.CRIER + ["pub", "news", "found"],
                       {"HOME": folder})
        tap.eq((done.returncode, done.stderr), (0, b""),
               "crier finds it without being told")
        stream.wait_events(1)
        tap.eq(sorted(os.listdir(os.path.dirname(hub.queue)))[:2],
               ["crierd.log", "history.db"], "log and history beside it")
    wrong = dict(env, HOME=place.dir)  # another user's
    if bench.IS_ROOT and not _may_write(user, user.pw_dir):
        with RawCgi(hub, "/events/news", env=wrong,
                    without=["CRIER_QUEUE"]) as stream:
            stream.wait_end()
        tap.ok(not os.path.exists(place.path(".crier")),
               "a HOME that is another user's is none")


def session(tap, place):
    """$XDG_RUNTIME_DIR/crier, as in a session of a user."""
    folder = place.make_dir("session")
    os.chmod(folder, 0o700)
    hub = started.Hub(place, queue=os.path.join(folder, "crier",
                                                "queue.sock"))
    env = {"XDG_RUNTIME_DIR": folder, "HOME": place.make_dir("home")}
    if not bench.IS_ROOT and os.geteuid() == 0:
        return
    with RawCgi(hub, "/events/news", env=env,
                without=["CRIER_QUEUE"]) as stream:
        stream.wait_open()
        done = as_user(place, bench.CRIER + ["pub", "news", "found"], env)
        tap.eq(done.returncode, 0, "crier finds it")
        stream.wait_events(1)
        tap.eq(data_of(stream), ["found"], "$XDG_RUNTIME_DIR/crier")
    if not os.access("/var/lib/crier", os.W_OK):
        tap.ok(any(name.endswith("-crier-queue.sock.db") for name in
                   os.listdir(os.path.join(env["HOME"], ".crier"))),
               "its history is in ~/.crier")


def shared_state(tap):
    for path in ("/run/crier", "/var/run/crier", "/usr/local/var/run/crier"):
        if os.path.exists(path):
            tap.skip("~/.crier", f"{path} is there, and is used first")
            return True
    return False


def small_files(tap, place):
    """A limit of the system for files ends nobody; the log has its own."""
    if "GCOV_ERROR_FILE" in os.environ:
        tap.skip("small files", "the profiler would lose all that it counted")
        return
    hub = started.Hub(place)
    with open(hub.config, "w", encoding="utf-8") as file:
        file.write("store = memory\nlog-bytes = 64K\n")
    words = ["sh", "-c", 'ulimit -f 1 && exec "$@"', "sh", *bench.CRIER,
             "-s", hub.queue, "pub", "--start", "news", "x"]
    done = as_user(place, words, {"CRIER_CONF": hub.config,
                                  "PATH": os.environ["PATH"]})
    tap.ok(done.returncode == 0, "it starts", done.stderr)
    for _n in range(40):
        request = RawCgi(hub, "/events/" + "n" * 200)
        request.wait_open()
        request.close()
    log = os.path.join(os.path.dirname(hub.queue), "crierd.log")
    tap.eq(hub.status()["streams_opened"], 40, "and serves")
    tap.ok(os.path.getsize(log) <= 1024, "its log is no longer than may be",
           os.path.getsize(log))


def another_configuration(tap, place):
    """Started without the CRIER_CONF that the last hub had: it says so."""
    hub = started.Hub(place)
    with open(hub.config, "w", encoding="utf-8") as file:
        file.write("store = memory\nidle-exit = 1\n")
    pub(hub, "news", "one")
    proc.wait_for(lambda: not hubs(), "the first hub leaves")
    words = [*bench.CRIER, "-s", hub.queue, "pub", "--start", "news", "two"]
    done = as_user(place, words, {"PATH": os.environ["PATH"]})
    tap.ok(done.returncode == 0 and b"is CRIER_CONF missing?" in done.stderr
           and hub.config.encode() in done.stderr,
           "it names both", f"{done.returncode} {done.stderr}")


def cannot_be_started(tap, place):
    """No place for its files, a configuration with an error: said, at once."""
    hub = started.Hub(place)
    with open(hub.config, "w", encoding="utf-8") as file:
        file.write("heartbeat = \n")
    answer = whole(RawCgi(hub, "/events/news", headers=EVENT_STREAM))
    tap.ok(answer.status == 200 and answer.parser.retry
           and not answer.parser.primings,
           "a bad configuration: 200, an empty stream",
           f"{answer.status} {answer.raw}")
    answer = whole(RawCgi(hub, "/events/news"))
    tap.eq(answer.status, 503, "who asks for no event stream: 503")
    with open(hub.config, "w", encoding="utf-8") as file:
        file.write("store = \"sqlite:/nonexistent/dir/history.db\"\n")
    answer = whole(RawCgi(hub, "/events/news", headers=EVENT_STREAM))
    tap.ok(answer.status == 200 and answer.parser.retry
           and not answer.parser.primings,
           "no place for the history: 200, an empty stream",
           f"{answer.status} {answer.raw}")
    done = as_user(place, bench.CRIER + ["-s", hub.queue, "pub", "--start",
                                         "news", "x"],
                   {"CRIER_CONF": hub.config})
    tap.ok(done.returncode == 69 and b"/nonexistent/dir" in done.stderr,
           "crier pub --start: 69, and why",
           f"{done.returncode} {done.stderr!r}")
    with open(answer.log, encoding="utf-8") as file:
        text = file.read()
    tap.ok("/nonexistent/dir" in text and "crierd.conf:" in text,
           "standard error says what it is", text)


TESTS = [(function, None) for function in (
    many_at_once, just_as_it_leaves, publishing_just_as_it_leaves,
    stays_if_somebody_came, publishing_as_it_leaves, leaves_when_idle,
    one_request, nph, words_are_no_options, what_it_inherits, home, session,
    another_configuration, cannot_be_started, small_files)]
