# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""Programs of routes: what they get, what becomes of what they print."""

import json
import os
import signal
import time

from lib import fronts, proc
from cases.end_tests import ENDS
from lib.fronts import by_each, headers_of
from cases.http_tests import check_error

SHOW = r"""#!/usr/bin/python3
import json, os, sys
fds = sorted(int(n) for n in os.listdir("/proc/self/fd"))
print(json.dumps({"data": {
    "env": dict(os.environ), "argv": sys.argv[1:],
    "body": sys.stdin.buffer.read().decode("latin-1"),
    "fds": len(fds), "group": os.getpgid(0) == os.getpid(),
    "mask": os.umask(0)}}))
with open("/proc/%d/environ" % os.getpid()) as f:
    print(sum(v.startswith("REMOTE_USER=") for v in f.read().split("\0")))
"""
SIGNALS = r"""#!/bin/sh
grep -E '^Sig(Blk|Ign):' /proc/self/status
"""
LINES = r"""#!/bin/sh
printf 'one\ntwo\r\n\n  three\ndata: x\n'
printf '{"data":"four","event":"e","id":"i-4","retry":777}\n'
printf '{"data":{"n":[5]}}\n{"no":"data"}\n{"data":"","event":"a\\nb"}\n{broken\n'
printf '\377\n'
echo "an\033error" >&2
printf last
exit 3
"""
RAW = r"""#!/bin/sh
printf 'id: 1\ndata: hel'; sleep 2.3; printf 'lo\n\n: note\nevent: e\nda'
sleep 0.2; printf 'ta: x\n\ndata: tail'
"""
# Both it and what it started have to end.
STAY = r"""#!/bin/sh
trap 'sleep 0.3; echo term >> "$1"; exit 7' TERM
echo $$
sh -c 'trap "echo child >> $1; exit" TERM; echo $$
    while :; do sleep 0.05; done' x "$1" &
while :; do sleep 0.05; done
"""
STUBBORN = r"""#!/usr/bin/python3
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print(os.getpid(), "x" * int(sys.argv[1]), flush=True)
while True:
    time.sleep(0.1)
"""
FAST = r"""#!/usr/bin/python3
import sys
for n in range(int(sys.argv[2])):
    print(n, "x" * 990)
    if n % 100 == 0:
        with open(sys.argv[1], "w") as f:
            f.write(str(n))
"""
# It ends, and what it leaves behind goes on writing.
LEAVES = r"""#!/bin/sh
yes &
setsid yes &
echo $!; exit 5
"""
MARK = "#!/bin/sh\necho started >> \"$1\"; exec sleep 1000\n"
SLEEP = "#!/bin/sh\necho $$; exec sleep 1000\n"
PROGRAMS = {"show": SHOW, "signals": SIGNALS, "lines": LINES, "raw": RAW,
            "stay": STAY, "stubborn": STUBBORN, "fast": FAST,
            "leaves": LEAVES, "sleep": SLEEP, "mark": MARK}
ROUTES = """
max-event = 16000
max-request = 131072
run-max = 3
heartbeat = 1
allow-origin = "https://a.example"
route "GET,POST /show" { run = { "DIR/show", "a b", "$HOME", "{x}" } }
route "GET /signals" { run = "DIR/signals" }
route "GET /lines" { run = "DIR/lines" retry = 4321 }
route "GET /raw" { run = "DIR/raw" format = raw }
route "GET /stay" { run = { "DIR/stay", "DIR/said" } }
route "GET /stubborn" { run = { "DIR/stubborn", "0" } }
route "GET /fast" { run = { "DIR/fast", "DIR/said", "20000" } }
route "GET /leaves" { run = "DIR/leaves" }
route "GET /mark" { run = { "DIR/mark", "DIR/said" } }
route "GET /sleep" { run = "DIR/sleep" }
route "GET /timed" { run = { "DIR/stubborn", "0" } run-time = 1 }
route "GET /cut" { run = { "DIR/stubborn", "2000" } run-bytes = 1000 }
route "GET /many" { run = { "DIR/fast", "DIR/said", "100" } run-bytes = 5000 }
route "GET /missing" { run = "DIR/no-such" }
route "GET /plain" { run = "DIR/plain" }
route "GET /status" { status = json }
route "GET /named" {
	run = "DIR/lines"
	end-event = "close"
	end-data = "over\\nnow"
	end-stop = true
}
route "GET /silent" { run = "DIR/lines" end-event = "" }
"""


def programs(place):
    """A directory with all of them; what they write goes there, too."""
    folder = place.make_dir("programs")
    for name, text in PROGRAMS.items():
        path = place.write(os.path.join("programs", name), text)
        os.chmod(path, 0o755)
    place.write("programs/plain", "not executable")
    return folder


def set_up(place, front, more=""):
    folder = programs(place)
    return front(place, ROUTES.replace("DIR", folder) + more), folder


def is_gone(pid):
    """Whether it has ended, be it that nobody has asked how."""
    # An ended child of nobody else's is one of ours (adopt_orphans).
    proc.children()
    return not os.path.exists(f"/proc/{pid}")


def begin(front, target, count=1):
    """A stream that has some events, and these as numbers."""
    stream = front.open(target)
    stream.wait_events(count)
    return stream, [int(event.data.split()[0]) for event in stream.events]


def said(folder):
    try:
        with open(os.path.join(folder, "said"), encoding="utf-8") as file:
            return file.read().split()
    except OSError:
        return []


def running(front):
    return front.crierd.status()["fastcgi"]["programs"]


def result_of(stream):
    """What the last event says, and how many there are."""
    stream.wait_end()
    last = stream.events[-1]
    if last.type != "crier.end":
        raise AssertionError(f"not an end: {last!r}")
    return json.loads(last.data)


def environment(tap, place, front):
    front, _folder = set_up(place, front)
    body = bytes(range(256)) * 4
    attack = {"LD_X": "1", "HTTP_PROXY": "http://evil", "BASH_ENV": "/tmp/x",
              "ENV": "/tmp/x", "IFS": "x", "BASH_FUNC_x%%": "() { :; }",
              "1X": "1", "A-B": "1", "HTTP_X": "() { :; }; echo shock"}
    with front.open("/show?q=1", "POST", body=body,
                    kind="application/octet-stream", REMOTE_USER="ann",
                    HTTP_ACCEPT_LANGUAGE="de", **attack) as stream:
        stream.wait_events(2)
    shown = json.loads(stream.events[0].data)
    env = shown["env"]
    tap.eq((shown["argv"], shown["body"].encode("latin-1"), shown["group"]),
           (["a b", "$HOME", "{x}"], body, True),
           "arguments, body and a group of its own")
    tap.eq({name: env.get(name) for name in (
        "REQUEST_METHOD", "QUERY_STRING", "REQUEST_URI", "CONTENT_LENGTH",
        "CONTENT_TYPE", "REMOTE_ADDR", "REMOTE_USER", "HTTP_ACCEPT_LANGUAGE",
        "HTTP_X", "PATH")},
        {"REQUEST_METHOD": "POST", "QUERY_STRING": "q=1",
         "REQUEST_URI": "/show?q=1", "CONTENT_LENGTH": str(len(body)),
         "CONTENT_TYPE": "application/octet-stream",
         "REMOTE_ADDR": "127.0.0.1", "REMOTE_USER": "ann",
         "HTTP_ACCEPT_LANGUAGE": "de", "HTTP_X": attack["HTTP_X"],
         "PATH": "/usr/local/bin:/usr/bin:/bin"}, "the environment of CGI")
    bad = (set(attack) - {"HTTP_X"}) & set(env)
    tap.ok(not bad, "and nothing that a shell or a library acts on", bad)
    tap.eq((shown["fds"], stream.events[1].data), (4, "1"),
           "no descriptor but its three, and one REMOTE_USER")
    with front.open("/show", REMOTE_USER="") as stream:
        stream.wait_events(2)
    shown = json.loads(stream.events[0].data)
    tap.eq((shown["body"], stream.events[1].data), ("", "0"),
           "no body, and nobody: no REMOTE_USER")
    mask = os.umask(0)
    os.umask(mask)
    tap.eq(shown["mask"], mask, "the umask that crierd was started with")
    with front.open("/signals") as stream:
        stream.wait_end()
        # The C library has two of its own, 32 and 33.
        tap.eq([int(e.data.split()[1], 16) & ~0x180000000
                for e in stream.events[:2]], [0, 0],
               "no signal is blocked or ignored")
    # More than a line of the queue was for.
    body = os.urandom(100000)
    with front.open("/show", "POST", body=body, kind="text") as stream:
        stream.wait(lambda: stream.events, "the first", 30)
        first = stream.events[0]
        tap.eq((first.type, first.data), ("message", "0"),
               "a line that is longer than max-event is left out")
    front.crierd.wait_log("run .*/show: a line of its output is left out")


def output(tap, place, front):
    front, _folder = set_up(place, front)
    with front.open("/lines") as stream:
        stream.wait_end()
    head = headers_of(stream)
    tap.ok(stream.status == 200
           and head["content-type"].startswith("text/event-stream")
           and stream.parser.retry == 777
           and b"retry: 4321\n\n" in stream.raw, "a stream",
           stream.head, stream.raw)
    first = stream.parser.primings[0][0]
    tap.eq([(e.type, e.data, e.id) for e in stream.events[:-1]],
           [("message", "one", first), ("message", "two", first),
            ("message", "", first), ("message", "  three", first),
            ("message", "data: x", first), ("e", "four", "i-4"),
            ("message", '{"n":[5]}', "i-4"),
            ("message", '{"no":"data"}', "i-4"),
            ("message", "{broken", "i-4"), ("message", "last", "i-4")],
           "a line is an event; JSON may say more")
    result = result_of(stream)
    tap.ok(result.pop("seconds") >= 0, "the end has the seconds")
    tap.eq(result, {"reason": "closed", "status": 3}, "and the status")
    front.crierd.wait_log(r"stream \d+ ended: closed .* events=10 ")
    tap.ok(True, "the log says how many events it brought")
    front.crierd.wait_log(r"run .*/lines: an\\")
    tap.ok("\033" not in front.crierd.log_text(),
           "standard error goes to the log, escaped")
    with front.open("/named") as stream:
        stream.wait_end()
    tap.eq(stream.events[-1][:3], ("close", "over\nnow", "crier.end"),
           "end-event, end-data, end-stop")
    for last in ("crier.end", "i-4"):
        answer = front.fetch("/named", HTTP_LAST_EVENT_ID=last)
        tap.eq((answer.status, answer.raw), (204, b""),
               f"end-stop: who comes with {last} is told to stop")
    with front.open("/silent") as stream:
        stream.wait_end()
        tap.eq(stream.events[-1].data, "last", "no end-event")
    answer = front.fetch("/lines", "HEAD")
    tap.eq((answer.status, answer.raw), (200, b""), "HEAD starts nothing")
    answer = front.fetch("/lines", "POST")
    check_error(tap, answer, 405, "POST where GET is served")
    answer = front.fetch("/lines", HTTP_ORIGIN="https://a.example")
    tap.eq(headers_of(answer).get("access-control-allow-origin"),
           "https://a.example", "for pages of other sites, too")


def raw(tap, place, front):
    front, _folder = set_up(place, front)
    with front.open("/raw") as stream:
        stream.wait_end()
        tap.eq([(e.type, e.data, e.id) for e in stream.events[:-1]],
               [("message", "hello", "1"), ("e", "x", "1"),
                ("message", "tail", "1")],
               "raw: as it is, however it comes, with heartbeats")
        tap.ok(len(stream.parser.comments) > 1, "there were some")
        front.crierd.wait_log(r"stream \d+ ended: closed .* events=3 ")
        tap.eq(result_of(stream)["status"], 0, "and an end of its own")


def leaving(tap, place, front):
    front, folder = set_up(place, front)
    stream, pids = begin(front, "/stay", 2)
    stream.close()
    proc.wait_for(lambda: all(map(is_gone, pids)), "both have ended")
    tap.eq(sorted(said(folder)), ["child", "term"],
           "the client leaves: SIGTERM to the whole group")
    stream, (pid,) = begin(front, "/stubborn")
    stream.close()
    began = time.monotonic()
    proc.wait_for(lambda: is_gone(pid), "it is killed", 20)
    tap.ok(time.monotonic() - began > 3, "who does not end is killed, later")
    proc.wait_for(lambda: running(front) == 0, "none is left")
    with front.open("/leaves") as stream:
        result = result_of(stream)
        tap.eq((result["reason"], result["status"]), ("closed", 5),
               "a program ends, whatever it leaves behind")
    kept = int(next(e.data for e in stream.events if e.data.isdigit()))
    proc.wait_for(lambda: is_gone(kept), "that gets a SIGPIPE")


def limits(tap, place, front):
    front, _folder = set_up(place, front)
    begun = [begin(front, "/sleep") for _n in range(3)]
    open_ones = [stream for stream, _pids in begun]
    answer = front.fetch("/sleep")
    check_error(tap, answer, 503, "one more than run-max", "run-max")
    tap.eq(headers_of(answer)["retry-after"], "5", "come again later")
    tap.eq(running(front), 3, "status counts them")
    pids = [pid for _stream, (pid,) in begun]
    open_ones.pop().close()
    proc.wait_for(lambda: running(front) == 2, "one less")
    with front.open("/timed") as stream:
        result = result_of(stream)
        tap.eq(result["reason"], "timeout", "run-time")
    pids.append(int(stream.events[0].data.split()[0]))
    for stream in open_ones:
        stream.close()
    proc.wait_for(lambda: all(map(is_gone, pids)), "they end", 30)
    with front.open("/many") as stream:
        result = result_of(stream)
        tap.ok(result.get("cut") is True and len(stream.events) < 100,
               "run-bytes", result)
    with front.open("/cut") as stream:
        stream.wait_end(30)
        result = result_of(stream)
        tap.ok(result.get("cut") is True and result["signal"] == 9,
               "run-bytes, and it does not want to end", result)
    front.crierd.wait_log("wrote more than run-bytes")


def turned_away(tap, place, front):
    """No program starts for a client who may not have its stream."""
    front, folder = set_up(place, front, "max-streams-per-user = 1\n"
                           "max-streams-per-address = 2\n")
    begun = [front.open("/mark", REMOTE_USER=name).wait_open()
             for name in ("ann", "bob")]
    proc.wait_for(lambda: said(folder) == ["started"] * 2, "two are started")
    for name, reason in (("ann", "of this user"), ("eve", "of this address")):
        answer = front.fetch("/mark", REMOTE_USER=name)
        tap.ok(reason.encode() in answer.raw, f"one more {reason}",
               answer.raw)
    front.crierd.crier("close", "-u", "ann", "--stop")
    front.fetch("/mark", REMOTE_USER="ann", REMOTE_ADDR="192.0.2.1")
    tap.eq(said(folder), ["started"] * 2, "none is started for them")
    for stream in begun:
        stream.close()


def failures(tap, place, front):
    front, folder = set_up(place, front)
    for target, words in (("/missing", "No such file"),
                          ("/plain", "Permission denied")):
        answer = front.fetch(target)
        check_error(tap, answer, 503, target, "cannot be started")
        front.crierd.wait_log(f"error: GET {target}: {folder}{target}|"
                              f"no-such: {words}")
        tap.ok(folder not in json.loads(answer.raw)["error"],
               f"{target}: clients learn no paths", answer.raw)
    tap.eq(running(front), 0, "nothing runs")


def forged(tap, place, front):
    """Another site's page makes a browser run something."""
    front, _folder = set_up(place, front)
    host = {"HTTP_HOST": "www.example.org"}
    for method in ("GET", "POST"):
        for name, more, status in (
                ("no page", {}, 200),
                ("our own", {"HTTP_ORIGIN": "https://www.example.org"}, 200),
                ("a friend's", {"HTTP_ORIGIN": "https://a.example"}, 200),
                ("another", {"HTTP_ORIGIN": "https://evil.example"}, 403),
                ("null", {"HTTP_ORIGIN": "null"}, 403),
                ("from elsewhere", {"HTTP_SEC_FETCH_SITE": "cross-site"}, 403),
                ("typed by hand", {"HTTP_SEC_FETCH_SITE": "none"}, 200)):
            answer = front.fetch("/show", method, **{**host, **more})
            tap.eq(answer.status, status, f"{method}, {name}")
    tap.eq(running(front), 0, "nothing runs")


def slow(tap, place, front):
    """Who does not read holds up his program."""
    front, folder = set_up(place, front)
    stream, _first = begin(front, "/fast")

    proc.wait_for(lambda: said(folder), "it writes")
    proc.wait_for(lambda: (lambda n: proc.holds_for(
        lambda: said(folder) == n, 0.7))(said(folder)), "it stands", 30)
    tap.ok(int(said(folder)[0]) < 19900, "a program waits for its client",
           said(folder))
    other = front.open("/lines")
    other.wait_end()
    tap.ok(True, "and nobody else does")
    stream.wait_end(60)
    got = [int(e.data.split()[0]) for e in stream.events[:-1]]
    tap.eq(got, list(range(20000)), "then he gets all of it")
    other.close()
    stream.close()


def stopping(tap, place, front):
    """crierd ends: its programs do, too."""
    front, folder = set_up(place, front)
    stream, pids = begin(front, "/stay", 2)
    front.crierd.proc.send_signal(signal.SIGHUP)
    front.crierd.wait_log("configuration read again")
    tap.ok(proc.holds_for(lambda: not any(map(is_gone, pids)), 0.3),
           "a reload leaves programs alone")
    place.write("crierd.conf", 'route "GET /x" { subscribe = "x" }\n')
    front.crierd.proc.send_signal(signal.SIGHUP)
    proc.wait_for(lambda: front.crierd.log_text().count("read again") == 2,
                  "and again")
    tap.ok(proc.holds_for(lambda: not any(map(is_gone, pids)), 0.3),
           "even if their route is gone")
    front.crierd.stop()
    tap.ok(all(map(is_gone, pids)), "SIGTERM: nothing is left running")
    tap.eq(sorted(said(folder)), ["child", "term"],
           "and they had the time to end by themselves")
    stream.wait_end()
    last = stream.events[-1]
    tap.eq((last.type, json.loads(last.data)["reason"]),
           ("crier.end", "shutdown"), "their clients are told")
    stream.close()


def killed(tap, place):
    front, _folder = set_up(place, fronts.Front)
    fast, _first = begin(front, "/fast")
    stream, pids = begin(front, "/stay", 2)
    front.crierd.kill()
    with open(os.path.join(place.dir, "programs", "said"),
              encoding="utf-8") as file:
        count = file.read()
    proc.wait_for(lambda: not [c for c in proc.children()
                               if b"fast" in c[1]], "a writer gets SIGPIPE")
    tap.ok(True, f"crierd is killed: who writes ends ({count.strip()})")
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    proc.wait_for(lambda: all(map(is_gone, pids)), "the silent are killed")
    fast.close()
    stream.close()


def kept_connection(tap, place, front):
    """Programs and other requests, one after the other, on a connection."""
    front, _folder = set_up(place, front)
    with front.open("/lines", keep=True) as direct:
        direct.wait_end()
        for _n in range(5):
            direct.send_again("/missing", keep=True)
            direct.wait_end()
            tap.eq(direct.status, 503, "kept: one that cannot be started")
            direct.send_again("/show", keep=True)
            direct.wait_end()
            tap.eq(direct.events[-1].type, "crier.end", "kept: one that can")
            direct.send_again("/status", keep=True)
            direct.wait_end()
            tap.eq(json.loads(direct.raw)["ok"], True, "kept: a question")


TESTS = sum((by_each(function) for function in (
    environment, output, raw, leaving, limits, turned_away, failures,
    forged)), ())
TESTS += sum((by_each(function, fronts.Front, fronts.Door)
              for function in (slow, kept_connection)), ())
TESTS += by_each(stopping, fronts.Front) + (killed,) + ENDS
