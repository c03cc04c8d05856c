# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""Completion offers all that the programs take, in real shells."""

import glob
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import time

from lib import bench, proc
from lib.daemon import Crierd

bench.missing_programs()  # makes paths of the programs' names
BUILD = os.path.dirname(bench.CRIER[-1])
# Help and version are written short; doctor is given crier's own two.
HIDDEN = {"--help", "--version"}
GIVEN = {"doctor": {"-s", "-w"}}
ODD = ("it's", 'say"so', "a$HOME", "a;b", "a&b", "(x)", "a\\b", "a:b:c",
       "a=b", "a@b", "a#b", "~x", "a!b", "é€😀", "a|b", "a`b`", "a<b>c", "a?b",
       "[x]", "a,b", "-n", "a'b\"c", "a%sb")


def _install(place):
    """The files with the paths of this build; crier-complete's path."""
    values = {"@bindir@": BUILD, "@sbindir@": BUILD,
              "@pkglibexecdir@": place.dir}
    for name in ("crier-complete", "bash/crier", "zsh/_crier",
                 "fish/crier.fish"):
        source = os.path.join(bench.SRCDIR, "conf/completion", name + ".in")
        with open(source, encoding="utf-8") as file:
            text = file.read()
        for mark, value in values.items():
            text = text.replace(mark, value)
        os.chmod(place.write(os.path.basename(name) if name != "bash/crier"
                             else "crier.bash", text), 0o755)
    return place.path("crier-complete")


class Asked:
    def __init__(self, place, crierd=None):
        self.program = _install(place)
        queue = crierd.queue if crierd else place.path("run/none.sock")
        self.env = {**os.environ, "CRIER_QUEUE": queue,
                    "PATH": BUILD + ":" + os.environ["PATH"]}

    def __call__(self, *words):
        """What is offered: the kind, and the words."""
        done = subprocess.run([self.program, *words], env=self.env,
                              stdout=subprocess.PIPE, check=True,
                              stdin=subprocess.DEVNULL,
                              timeout=60 * bench.SLOW)
        kind, *lines = done.stdout.decode().splitlines()
        return kind, [line.split("\t")[0] for line in lines]


def _read(*names):
    with open(os.path.join(bench.SRCDIR, "src", *names),
              encoding="utf-8") as file:
        return file.read()


def _options(path, verb):
    """The options of a source file's table: what getopt is given.

    Of a file with several verbs it is the table of this one's function."""
    text = _read(path)
    call = r"(?:getopt_long|verb_option)\([^\"]*\"([^\"]*)\""
    own = text.find(f"verb_option(&verb_{verb},")
    if own != -1:
        text = text[text.rfind("\n{\n", 0, own):text.find("\n}\n", own)]
    found = re.search(call, text)
    shorts = {"-" + c for c in found.group(1) if c.isalpha()}
    longs = re.findall(r"\{ \"([a-z-]+)\",\s+(?:[01]|\w+_argument), NULL,",
                       text)
    return shorts | {"--" + name for name in longs}


def _programs():
    """(words of the command line, its source) of all."""
    yield ("crier",), "crier.c"
    yield ("crierd",), "crierd.c"
    for path in sorted(glob.glob(os.path.join(bench.SRCDIR,
                                              "src/companion/verb_*.c"))):
        name = os.path.relpath(path, os.path.join(bench.SRCDIR, "src"))
        text = _read(name)
        if "verb_option(" in text:
            for verb in re.findall(r"^const struct verb verb_(\w+) =", text,
                                   re.M):
                yield ("crier", verb), name
    yield ("crier", "doctor"), "doctor/options.c"
    yield ("crier", "token"), "token/token_options.c"


def everything(tap, place):
    asked = Asked(place)
    verbs = set(re.findall(r"of\((\w+)\)", _read("companion/verb.h")))
    tap.eq(set(asked("crier", "")[1]), verbs, "every verb is offered")
    seen = set()
    for words, source in _programs():
        seen.add(words[-1])
        if words[-1] in ("doctor", "token") and not shutil.which(
                f"{BUILD}/crier-{words[-1]}"):
            tap.skip(f"options of {words[-1]}", "it was not built")
            continue
        want = (_options(source, words[-1]) - HIDDEN
                - GIVEN.get(words[-1], set()))
        tap.eq(set(asked(*words, "-")[1]), want,
               f"every option of {' '.join(words)}")
    tap.eq(seen, verbs | {"crier", "crierd"}, "of every program and verb")


def values(tap, place):
    asked = Asked(place)
    algorithms = re.search(r"config_algorithms\[[^{]*\{(.*?)\}",
                           _read("config/config_key.c"), re.S).group(1)
    sorts = re.search(r"top_sorts\[\] = \{(.*?)\}",
                      _read("companion/verb_top.c"), re.S).group(1)
    servers = re.search(r"advice_servers\[[^{]*\{(.*?)\n\};",
                        _read("doctor/advice.c"), re.S).group(1)
    rows = (
        (("crier", "top", "--sort"), re.findall(r'"(\w+)"', sorts)),
        (("crier", "token", "--algorithm"),
         re.findall(r'"(\w+)"', algorithms)),
        (("crier", "doctor", "--server"),
         [name.lower() for name in re.findall(r'\{\s*"(\w+)"', servers)
          if name != "unknown"]),
    )
    for words, want in rows:
        if not shutil.which(f"{BUILD}/crier-{words[1]}") \
                and words[1] != "top":
            tap.skip(" ".join(words), "it was not built")
            continue
        kind, got = asked(*words, "")
        tap.eq((kind, sorted(got)), ("words", sorted(want)),
               f"the values of {' '.join(words)}")
        tap.ok(want, "which are some")
    print_it = subprocess.run([*bench.CRIERD, "-nn", "-c", "/dev/null"],
                              stdout=subprocess.PIPE, check=True)
    names = re.findall(r"^([a-z-]+) =", print_it.stdout.decode(), re.M)
    tap.eq(asked("crierd", "-o", ""), ("words", [n + "=" for n in names]),
           "every setting")
    for words, want in (
            ("log-level", ["error", "warning", "info", "debug"]),
            ("listen", ["unix:", "tcp:"]), ("heartbeat", []),
            ("store-error", ["refuse", "memory"]),
            ("queue-group", []), ("nothing", [])):
        tap.eq(asked("crierd", "-o", words + "="),
               ("words", [f"{words}={value}" for value in want]),
               f"the values of {words}")
    for words, want in ((("crierd", "-c", ""), "files"),
                        (("crier", "flush", "-S", ""), "dirs"),
                        (("crier", "pub", "-c", ""), "commands"),
                        (("crier", "pub", "-e", ""), "none"),
                        (("crier", "pub", "news", ""), "none"),
                        (("crier", "pub", "-n", ""), "none"),
                        (("crier", "close", "--user", "a", ""), "none"),
                        (("crier", "nonsense", ""), "none"),
                        (("crier", "-s", ""), "files"),
                        (("nowhere/crier", "-x"), "words")):
        tap.eq(asked(*words)[0], want, f"{' '.join(words)}: {want}")


def channels(tap, place):
    crierd = Crierd(place).start()
    asked = Asked(place, crierd)
    crierd.crier("pub", "news", "x")
    crierd.crier("pub", "room/1", "x")
    crierd.crier("pub", "crier-doctor-0123", "x")
    for words in (("pub", ""), ("pub", "-l", ""), ("pub", "-e", "a", "n"),
                  ("status", ""), ("close", "--stop", ""), ("tail", "n"),
                  ("tail", "room/1", ""), ("position", "n"),
                  ("token", "--subscribe", "n"),
                  ("token", "--subscribe", "a", "--publish", "b", "n"),
                  ("-s", crierd.queue, "pub", "")):
        got = asked("crier", *words)[1]
        tap.ok("news" in got, f"channels for crier {' '.join(words)}", got)
    tap.eq(asked("crier", "pub", "roo"), ("words", ["room/1"]),
           "those that have the word in their names alone")
    tap.eq(asked("crier", "pub", "doctor"), ("words", []),
           "none of crier doctor's")
    tap.eq(asked("crier", "-s", "/none", "pub", ""), ("words", []),
           "of the crierd that is named")
    with crierd.connect() as queue:
        for hundred in range(0, 10000, 100):
            queue.publish_all([f"x/{number:05}" for number
                               in range(hundred, hundred + 100)], ["x"])
    tap.eq(asked("crier", "pub", "x/0777")[1],
           [f"x/0777{n}" for n in range(10)], "found among 10,000")
    got = asked("crier", "pub", "")[1]
    tap.eq(len(got), 999, "never more than 1000, the doctor's among them")
    os.kill(crierd.pid, signal.SIGSTOP)
    try:
        tap.eq(asked("crier", "pub", ""), ("words", []),
               "a crierd that does not answer is not waited for")
    finally:
        os.kill(crierd.pid, signal.SIGCONT)
    tap.eq(Asked(bench.Corner(place, "none"))("crier", "pub", ""),
           ("words", []), "none without a crierd")


class Shell:
    """A shell at a terminal; crier is a function that shows its words."""

    def __init__(self, place, asked, words, start):
        self.out = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(place.dir)
            os.execvpe(words[0], words, {
                **asked.env, "TERM": "dumb", "LC_ALL": "C.UTF-8",
                "HOME": place.dir, "PS1": "", "ZDOTDIR": place.dir})
        place.own(self)
        self.type(start + "\ncrier() { printf 'GOT'; printf '<%s>' \"$@\"; "
                  "printf 'EN''D\\n'; }\n")

    def destroy(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)

    def type(self, text):
        os.write(self.fd, text.encode())

    def words(self, line):
        """What the shell makes of a line with tabs in it."""
        seen = len(self.out)
        self.type(line + "\n")
        end = time.monotonic() + 20 * bench.SLOW
        while time.monotonic() < end:
            if select.select([self.fd], [], [], 0.2)[0]:
                self.out += os.read(self.fd, 1 << 16)
            found = re.search(rb"GOT((?:<.*?>)*)EN?D\r?\n",
                              self.out[seen:], re.S)
            if found:
                return found.group(1).decode("utf-8", "replace")
        raise proc.Late(f"no answer of the shell to {line!r}: "
                        + repr(self.out[seen:]))


def _with_odd_channels(place):
    crierd = Crierd(place).start()
    asked = Asked(place, crierd)
    for number, odd in enumerate(ODD):
        with crierd.connect() as queue:
            queue.publish_all(f"c{number}.{odd}", ["x"])
    return asked


def _in_a_shell(tap, place, words, start):
    if not shutil.which(words[0]):
        tap.skip(f"completion of {words[0]}", "it is not installed")
        return
    asked = _with_odd_channels(place)
    shell = Shell(place, asked, words, start)
    tap.eq(shell.words("crier reloa\t"), "<reload>", "a verb")
    tap.eq(shell.words("crier pub --sta\tx"), "<pub><--start><x>",
           "an option")
    tap.eq(shell.words("crier top --sort pub\t"),
           "<top><--sort><published>", "a value")
    tap.eq(shell.words("crier top --sort=pub\t"), "<top><--sort=published>",
           "a value behind =")
    for number, odd in enumerate(ODD):
        want = f"<pub><c{number}.{odd}>"
        tap.eq(shell.words(f"crier pub c{number}.\t"), want, f"{odd}")
        tap.eq(shell.words(f"crier pub 'c{number}.\t"), want,
               f"{odd}, within quotes")
    for typed, number in (("a:", 7), ("a:b:", 7), ("a=", 8), ("a@", 9),
                          ("a@b", 9), ("a=b", 8), ("a:b:c", 7),
                          (r"it\'", 0), ("é", 13), (r"a\$H", 2)):
        tap.eq(shell.words(f"crier pub c{number}.{typed}\t"),
               f"<pub><c{number}.{ODD[number]}>", f"{typed} typed")
    os.mkdir(place.path("some-dir"))
    got = shell.words("crier flush -S some-d\t")
    tap.eq(got.replace("/", ""), "<flush><-S><some-dir>", "a directory")


def in_bash(tap, place):
    _in_a_shell(tap, place, ["bash", "--norc", "--noprofile", "-i"],
                "set +H; bind 'set enable-bracketed-paste off' "
                "'set bell-style none'; . ./crier.bash; PS1='$ '")


def in_zsh(tap, place):
    _in_a_shell(tap, place, ["zsh", "-i"],
                "unsetopt zle_bracketed_paste beep; fpath=($PWD $fpath); "
                "autoload -U compinit; compinit -u -D; PS1='$ '")


def in_fish(tap, place):
    if not shutil.which("fish"):
        tap.skip("completion of fish", "it is not installed")
        return
    asked = _with_odd_channels(place)

    def offered(line):
        done = subprocess.run(
            ["fish", "--no-config", "-c",
             "source crier.fish; complete -C $argv[1]", line],
            env={**asked.env, "HOME": place.dir, "LC_ALL": "C.UTF-8"},
            cwd=place.dir, stdout=subprocess.PIPE, check=True,
            stdin=subprocess.DEVNULL, timeout=60 * bench.SLOW)
        return [text.split("\t")[0]
                for text in done.stdout.decode().splitlines()]

    tap.eq(offered("crier reloa"), ["reload"], "a verb")
    tap.eq(offered("crier pub --sta"), ["--start"], "an option")
    tap.eq(offered("crier top --sort=pub"), ["--sort=published"], "a value")
    tap.eq(sorted(offered("crier pub c")),
           sorted(f"c{number}.{odd}" for number, odd in enumerate(ODD)),
           "channels")
    os.mkdir(place.path("some-dir"))
    tap.eq(offered("crier flush -S some-d"), ["some-dir/"], "a directory")


TESTS = [everything, values, channels, in_bash, in_zsh, in_fish]
