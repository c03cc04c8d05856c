# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""What README and the manual tell people to do, done; and "crierd -n", which
says whether it was done right."""

import os
import pwd
import re
import shutil
import signal
import subprocess

from lib import bench, proc
from lib.daemon import Crierd
from lib.fcgi import Direct

# Where the routes that there are without any are written down.
USUAL = ("README.md", "conf/crier.conf", "doc/crier.conf.5")
ASKED = (("GET", "/events?channel=a", b""), ("GET", "/events/a/b", b""),
         ("GET", "/events/a?channel=b", b""), ("GET", "/events", b""),
         ("POST", "/events", b'{"channel":["a","b"]}'),
         ("POST", "/events?channel=a", b'{"channel":"b"}'),
         ("POST", "/events/a", b'{"channel":"b"}'),
         ("POST", "/events", b"{}"), ("PUT", "/events", b""),
         ("OPTIONS", "/events/a", b""), ("GET", "/other", b""))


def read(name):
    with open(os.path.join(bench.SRCDIR, name), encoding="utf-8") as file:
        return file.read()


def blocks_of(name, language):
    return [text for kind, text in re.findall(
        r"(?ms)^```([^\n]*)\n(.*?)^```$", read(name))
            if kind == language]


def check(config, *words):
    """crierd -n with that file."""
    return subprocess.run(bench.CRIERD + ["-n", *words, "-c", config],
                          capture_output=True, check=False,
                          encoding="utf-8", timeout=20 * proc.SLOW)


def _usual_routes(name):
    text = re.sub(r"(?m)^#", "", read(name))
    found = re.findall(r'^route "GET,POST /events[^}]*?\{[^{]*?\{.*?\}\s*\}$',
                       text, re.MULTILINE | re.DOTALL)
    return "\n".join(found) + "\n"


def _answers(crierd):
    """What follows from each of ASKED: status, header, channels."""
    told = []
    for method, target, body in ASKED:
        more = {"CONTENT_TYPE": "application/json"} if body else {}
        with Direct(crierd.listen, target, method=method, body=body,
                    **more) as answer:
            answer.wait(lambda a=answer: a.head is not None, "an answer")
            channels = None
            if answer.status == 200 and method != "OPTIONS":
                answer.wait_open()
                with crierd.connect() as queue:
                    channels = [stream["channels"] for stream in queue.ask(
                        {"do": "status", "streams": True})["list"]]
            allow = re.search(rb"(?mi)^allow:.*$", answer.head)
            told.append((method, target, answer.status, channels,
                         allow and allow[0]))
        crierd.wait_streams(0)
    return told


def usual_routes(tap, place):
    """Written down, they answer as they do without."""
    crierd = Crierd(place).start()
    want = _answers(crierd)
    crierd.stop()
    tap.ok(len([one for one in want if one[3]]) == 6, "they answer", want)
    for name in USUAL:
        routes = _usual_routes(name)
        tap.eq(routes.count("route "), 2, f"{name} has the usual two routes")
        crierd = Crierd(place, config=routes).start()
        tap.eq(_answers(crierd), want, f"{name}: they answer the same")
        crierd.stop()


def settings_of_the_readme(tap, place):
    good = [block for block in blocks_of("README.md", "")
            if "route " in block or "store =" in block]
    tap.eq(len(good), 3, "README's blocks of settings")
    own, usual, store = good
    package = _package_settings()
    tap.eq(package.count("route "), 4, "the package's settings have routes")
    for name, text in (("own routes", own), ("the usual two", usual),
                       ("both", own + usual), ("the store", store),
                       ("the package's", package + own)):
        done = check(place.write("block.conf", text))
        tap.ok(done.returncode == 0, f"crierd -n takes {name}", done)
    done = check(place.write("block.conf", package + usual))
    tap.ok("there is one in line" in done.stderr,
           "the usual two once more: it says where they are", done)


def _package_settings():
    """/etc/crier.conf's routes, as debian/rules makes them."""
    text = _usual_routes("conf/crier.conf")
    for route in ("/events/status", "/events/crier.js"):
        text += re.search(rf'(?m)^#(route "GET {route}".*\n)',
                          read("conf/crier.conf"))[1]
    return text


def _restart_settings():
    text = read("doc/crier.conf.5")
    part = re.search(r"only a restart can change:\n(.*?)\nIf one of them",
                     text, re.DOTALL)[1]
    return re.findall(r"[a-z]+(?:-[a-z]+)*", re.sub(
        r"(?m)^\.Ic|^and$", "", part))


def what_takes_a_restart(tap, place):
    """The list in the manual is what a reload refuses; the rest it takes."""
    crierd = Crierd(place).start()
    config, queue = crierd.config, crierd.queue
    shown = subprocess.run(bench.CRIERD + ["-nn", "-c", config],
                           stdout=subprocess.PIPE, check=True).stdout.decode()
    names = _restart_settings()
    tap.ok(len(names) >= 10 and "store" in names, "the list", names)
    # -o has the last word, so those of the bench would not change.
    crierd.stop()
    user = f'user = "{bench.server_user().pw_name}"\n' * bench.IS_ROOT
    base = (f'queue = "{queue}"\nfifo = "{crierd.fifo}"\n'
            f'listen = "unix:{crierd.listen}"\n{user}')
    crierd.options = []
    crierd.arguments = lambda listen=True: ["-c", config]
    place.write("crierd.conf", base)
    crierd.start()
    lines = dict(re.findall(r"(?m)^([a-z-]+) = (.*)$", shown))
    others = {name: "7" for name, value in lines.items()
              if re.fullmatch(r"[0-9]+", value) and int(value) < 7000
              and not name.endswith("-mode") and name != "threads"}
    changes = {"listen": f'"unix:{place.run}/other"',
               "listen-mode": "0600", "listen-group": '"daemon"',
               "queue": f'"{place.run}/other"', "queue-mode": "0600",
               "queue-group": '"daemon"', "fifo": '""', "user": '"nobody"',
               "threads": "2", "store": f'"sqlite:{place.run}/db"',
               "durability": "power", "store-error": "memory"}
    tap.eq(sorted(names), sorted(changes), "all of the list is tried")
    wrong = []
    for name, value in {**changes, **others}.items():
        text = re.sub(rf"(?m)^{name} = .*$", "", base)
        _reload(crierd, config, f"{text}\n{name} = {value}\n")
        error = crierd.status()["configuration"]["reload_error"]
        if (error == f"{name} cannot change without a restart") != \
                (name in names) or (error and name not in names):
            wrong.append((name, value, error))
        _reload(crierd, config, base)
    tap.eq(wrong, [], f"{len(changes)} are refused, {len(others)} taken")
    tap.ok(len(others) > 3, "some others", others)
    crierd.stop()


def _reload(crierd, config, text):
    before = crierd.log_text().count("configuration ")
    with open(config, "w", encoding="utf-8") as file:
        file.write(text)
    crierd.proc.send_signal(signal.SIGHUP)
    proc.wait_for(lambda: crierd.log_text().count("configuration ") > before,
                  "the reload")


def php_example(tap, place):
    """It publishes; without crierd it neither fails nor waits."""
    if not shutil.which("php"):
        tap.skip("the example in PHP", "no php")
        return
    blocks = blocks_of("README.md", "php")
    tap.eq(len(blocks), 1, "README's example in PHP")
    crierd = Crierd(place)
    text = blocks[0].replace("/run/crier/queue.sock", crierd.queue)
    path = place.write("example.php", f"<?php\n{text}\necho 'the page';\n")

    def page():
        return subprocess.run(["php", path], capture_output=True,
                              check=False, timeout=20 * proc.SLOW)
    crierd.start()
    done = page()
    tap.ok(done.returncode == 0 and b'"ok":true' in done.stdout
           and done.stdout.endswith(b"the page"), "it publishes", done)
    os.kill(crierd.pid, signal.SIGSTOP)
    done = page()
    tap.ok(done.returncode == 0 and done.stdout == b"the page",
           "a crierd that hangs holds it up for two seconds", done)
    os.kill(crierd.pid, signal.SIGCONT)
    crierd.stop()
    done = page()
    tap.ok(done.returncode == 0 and done.stdout == b"the page"
           and b"crier: " in done.stderr, "without crierd the page goes on",
           done)


def the_key_of_tokens(tap, place):
    """doc/tokens.md's commands make a key that crierd's user can read."""
    if not bench.IS_ROOT:
        tap.skip("the key of tokens", "only root makes files of others")
        return
    account = bench.server_user()
    commands = [line.strip() for line in read("doc/tokens.md").splitlines()
                if "/dev/urandom" in line]
    tap.eq(len(commands), 2, "two commands make a key")
    tap.ok("-g crier " in commands[0], "the first for the user of the units",
           commands)
    for command in commands:
        key = place.path("etc", "token.key")
        text = command.replace("/etc/crier/token.key", key)
        text = re.sub("-g (crier|www-data)", "-g " + bench.server_group(),
                      text)
        tap.eq(subprocess.run(["/bin/sh", "-c", text], check=False).returncode,
               0, text)
        config = place.write("key.conf", f'user = "{account.pw_name}"\n'
                             f'token-key-file = "{key}"\n')
        tap.ok(check(config).returncode == 0, "crierd -n takes it",
               check(config))
        for owner, mode in ((0, 0o640), (account.pw_uid, 0)):
            os.chown(key, owner, 0)
            os.chmod(key, mode)
            done = check(config)
            tap.ok(done.returncode == 78 and f"{config}:2: " in done.stderr
                   and f"{key}: Permission denied" in done.stderr
                   and account.pw_name in done.stderr,
                   "crierd -n, which root starts: not one that its user "
                   "cannot read", done)
        os.unlink(key)


def _refuses_to_start(tap, place, setting):
    """With a name in that setting that nobody has: as crierd -n, says where."""
    config = place.write("start.conf", f'queue = "{place.path("run", "q")}"\n'
                         f"fifo = none\n{setting} = nosuchname\n")
    for words in (["-n"], ["-f"]):
        done = subprocess.run(bench.CRIERD + [*words, "-c", config],
                              capture_output=True, check=False,
                              encoding="utf-8", timeout=20 * proc.SLOW)
        tap.ok(done.returncode == 78 and f"{config}:3: {setting}: "
               in done.stderr and "nosuchname" in done.stderr,
               f"an unknown {setting}, {words[0]}: 78, and where", done)


def names_of_this_machine(tap, place):
    """Users and groups that do not exist, and who cannot read the file."""
    config = place.write("names.conf", "\n\nlisten-group = nosuchgroup\n")
    done = check(config)
    tap.ok(done.returncode == 78 and done.stderr.startswith(
        f"crierd: {config}:3: listen-group: ")
           and "nosuchgroup" in done.stderr, "an unknown group: 78, and where",
           done)
    done = check(config, "-o", "listen-group=nosuchtoo")
    tap.ok(done.returncode == 78 and config not in done.stderr
           and "nosuchtoo" in done.stderr, "on the command line, too", done)
    _refuses_to_start(tap, place, "listen-group")
    _refuses_to_start(tap, place, "queue-group")
    config = place.write("names.conf", 'queue-allow = { "root",\n'
                         '"nosuchuser" }\nhandoff-allow = nosuchhand\n')
    done = check(config)
    tap.ok(done.returncode == 0 and f"{config}:2: queue-allow: " in
           done.stderr and "nosuchuser" in done.stderr
           and f"{config}:3: handoff-allow: " in done.stderr
           and "nosuchhand" in done.stderr and " root" not in done.stderr,
           "lists: a warning for each name that nobody has", done)
    if not bench.IS_ROOT:
        tap.skip("as another user", "only root becomes another")
        return
    config = place.write("names.conf", 'user = nosuchuser\n')
    done = check(config)
    tap.ok(done.returncode == 78 and f"{config}:1: user: " in done.stderr,
           "an unknown user", done)
    _refuses_to_start(tap, place, "user")
    config = place.write("names.conf", 'user = "nobody"\n')
    os.chmod(config, 0o600)
    done = check(config)
    tap.ok(done.returncode == 78 and config in done.stderr
           and "nobody" in done.stderr,
           "a file that the user cannot read again", done)
    os.chown(config, pwd.getpwnam("nobody").pw_uid, -1)
    tap.eq(check(config).returncode, 0, "and one that he can")


def the_version(tap, _place):
    """The demo page says which crier it came with."""
    done = subprocess.run(bench.CRIERD + ["-V"], stdout=subprocess.PIPE,
                          check=True, encoding="utf-8")
    version = done.stdout.split()[1]
    tap.ok(f"<span>crier {version}</span>" in read("conf/www/index.html"),
           f"the page says {version}")


TESTS = (the_version, usual_routes, settings_of_the_readme, what_takes_a_restart,
         php_example, the_key_of_tokens, names_of_this_machine)
