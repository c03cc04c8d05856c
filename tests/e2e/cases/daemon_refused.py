# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""What crierd and crier say of a file that they cannot have at the start."""

import os
import socket
import subprocess

from lib import bench
from lib.store_tools import Mount

# A name, the setting or the configuration's file, and the words wanted.  U is
# the user, D the scene's directory.
MAY_NOT = "(the user U may not {} D/{}, which is root's, mode {})"
ROWS = (
    ("a parent that may not be written", "listen=unix:D/theirs/a",
     "D/theirs/a: cannot listen: Permission denied "
     + MAY_NOT.format("write to", "theirs", "0755")),
    ("a directory that may not be made", "listen=unix:D/theirs/new/a",
     "D/theirs/new: cannot make the directory: Permission denied "
     + MAY_NOT.format("write to", "theirs", "0755")),
    ("a parent that may not be entered", "listen=unix:D/closed/in/a",
     "Permission denied " + MAY_NOT.format("enter", "closed", "0700")),
    ("a file for a directory", "listen=unix:D/file/a",
     "D/file/a: cannot listen: Not a directory (D/file is none)"),
    ("a directory for a socket", "listen=unix:D/folder",
     "D/folder: is there already, and is no socket"),
    ("a parent of a parent that is gone", "listen=unix:D/gone/gone/a",
     "D/gone/gone: cannot make the directory: No such file or directory"),
    ("a path that is too long", "listen=unix:D/" + "x" * 108,
     " is too long for a socket (at most 107 bytes of path)"),
    ("another user's dead socket, closed", "listen=unix:D/sticky/closed",
     "D/sticky/closed: is a socket already, and cannot be tried: "
     "Permission denied "
     + MAY_NOT.format("write to", "sticky/closed", "0600")),
    ("another user's dead socket, sticky", "listen=unix:D/sticky/open",
     "D/sticky/open: cannot remove the socket that a dead process left: "
     "Operation not permitted "
     + MAY_NOT.format("remove", "sticky/open", "0666")),
    ("the lock in another's directory", "queue=D/theirs/q",
     "D/theirs/q.lock: Permission denied "
     + MAY_NOT.format("write to", "theirs", "0755")),
    ("another user's lock", "queue=D/locked/q",
     "D/locked/q.lock: Permission denied "
     + MAY_NOT.format("read", "locked/q.lock", "0600")),
    ("a directory for the lock", "queue=D/folders/q",
     "D/folders/q.lock: Is a directory"),
    ("a pipe in another's directory", "fifo=D/theirs/p",
     "D/theirs/p: Permission denied "
     + MAY_NOT.format("write to", "theirs", "0755")),
    ("another user's pipe", "fifo=D/pipe",
     "D/pipe: Permission denied " + MAY_NOT.format("read", "pipe", "0600")),
    ("a file for the pipe", "fifo=D/own",
     "D/own: is there already, and is no named pipe"),
    ("another user's key", "token-key-file=D/secret",
     "D/secret: Permission denied "
     + MAY_NOT.format("read", "secret", "0600")),
    ("a key that is gone", "token-key-file=D/none",
     "D/none: No such file or directory"),
    ("a directory for a key", "token-key-file=D/folder",
     "D/folder: Is a directory"),
    ("a device for a key", "token-key-file=/dev/null",
     "/dev/null: is not a regular file"),
    ("a store in another's directory", "store=sqlite:D/theirs/h.db",
     "D/theirs/h.db: the user U may not write to D/theirs, which is root's "
     "(mode 0755)"),
    ("another user's configuration", "D/secret",
     "D/secret: Permission denied "
     + MAY_NOT.format("read", "secret", "0600")),
    ("a configuration behind a closed door", "D/closed/c.conf",
     "D/closed/c.conf: Permission denied "
     + MAY_NOT.format("enter", "closed", "0700")),
    ("a configuration that is gone", "D/none",
     "D/none: No such file or directory"),
    ("a directory for a configuration", "D/folder",
     "D/folder: Is a directory"),
)
# The same, with settings, what is before the command, and how it is started.
LINK = "is a symbolic link, which may lead anywhere"
MORE = (
    ("a link for the lock", ("queue=D/linked/q",), "", "",
     "D/linked/q.lock: " + LINK),
    ("a link that leads nowhere", ("queue=D/linked/r",), "", "",
     "D/linked/r.lock: " + LINK),
    ("a link for the log", ("queue=D/linked/s",), "", "--on-demand",
     "D/linked/crierd.log: " + LINK),
    ("a directory for the log", ("queue=D/logs/s",), "", "--on-demand",
     "D/logs/crierd.log: Is a directory"),
    ("another user's log", ("queue=D/locked/s",), "", "--on-demand",
     "D/locked/crierd.log: Permission denied "
     + MAY_NOT.format("write to", "locked/crierd.log", "0600")),
    ("a link for the pipe", ("fifo=D/linked/p",), "", "",
     "D/linked/p: " + LINK),
    ("too few descriptors for anything", (), "ulimit -n 8;", "",
     "too few files may be open: 8 (ulimit -n), and at least 32 are needed"),
    ("one too few", (), "ulimit -n 31;", "",
     "too few files may be open: 31 (ulimit -n), and at least 32 are needed"),
    ("a lock on a file system that is read-only", ("queue=D/ro/q",), "", "",
     "D/ro/q.lock: Read-only file system"),
    ("a socket there", ("listen=unix:D/ro/f",), "", "",
     "D/ro/f: cannot listen: Read-only file system"),
    ("a pipe there", ("fifo=D/ro/p",), "", "",
     "D/ro/p: Read-only file system"),
    ("a history there", ("store=sqlite:D/ro/h.db",), "", "",
     "D/ro/h.db: D/ro: Read-only file system"),
)
# What `crier pub -S` is given, and what it says.
SPOOLS = (
    ("a spool in another's directory", "D/theirs/new",
     "D/theirs/new: Permission denied "
     + MAY_NOT.format("write to", "theirs", "0755")),
    ("one behind a closed door", "D/closed/in",
     "D/closed/in: Permission denied "
     + MAY_NOT.format("enter", "closed", "0700")),
    ("a file for a spool", "D/file", "D/file: Not a directory"),
    ("a link for its journal", "D/linked", "D/linked/journal: " + LINK),
    ("one that is read-only", "D/ro/new", "D/ro/new: Read-only file system"),
    ("one for which there is no room", "D/full/new",
     "D/full/new/journal: No space left on device"),
)
FOLDERS = (("theirs", 0o755, False), ("closed", 0o700, False),
           ("sticky", 0o1777, False), ("locked", 0o755, True),
           ("linked", 0o755, True), ("logs", 0o755, True),
           ("logs/crierd.log", 0o755, True), ("folder", 0o755, True), ("folders", 0o755, True),
           ("folders/q.lock", 0o755, True), ("run", 0o755, True))
FILES = (("file", 0o644, False), ("secret", 0o600, False),
         ("locked/q.lock", 0o600, False),
         ("locked/crierd.log", 0o600, False), ("own", 0o644, True))
LINKS = (("linked/q.lock", "/etc/passwd"), ("linked/r.lock", "nowhere"),
         ("linked/crierd.log", "/etc/passwd"), ("linked/p", "../pipe"),
         ("linked/journal", "/etc/passwd"))
SOCKETS = (("sticky/closed", 0o600), ("sticky/open", 0o666))


def _scene(place, user):
    """Things of root's and of the user's; their directory."""
    top = place.make_dir("refused")
    for name, mode, is_own in FOLDERS + FILES:
        path = os.path.join(top, name)
        if (name, mode, is_own) in FOLDERS:
            os.mkdir(path)
        else:
            place.write(os.path.relpath(path, place.dir), "")
        os.chmod(path, mode)
        os.chown(path, user.pw_uid if is_own else 0, -1)
    for name, mode in SOCKETS:
        path = os.path.join(top, name)
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(path)
        os.chmod(path, mode)
    for name, to in LINKS:
        os.symlink(to, os.path.join(top, name))
    os.mkfifo(os.path.join(top, "pipe"), 0o600)
    os.chmod(top, 0o755)
    os.chown(top, user.pw_uid, -1)
    return top


def _run(words, user):
    return subprocess.run(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, check=False, timeout=20 * bench.SLOW,
        user=user.pw_uid, group=user.pw_gid, extra_groups=[])


def names_file_user_and_cause(tap, place):
    if not bench.IS_ROOT:
        tap.skip("files of another user", "only root makes them")
        return
    user = bench.server_user()
    top = _scene(place, user)
    for name, what, wanted in ROWS:
        what, wanted = (text.replace("D/", top + "/")
                        .replace("user U", "user " + user.pw_name)
                        for text in (what, wanted))
        words = ["-f", "-o", "store=memory",
                 "-o", f"queue={top}/run/queue.sock",
                 "-o", f"listen=unix:{top}/run/fcgi.sock"]
        words += (["-c", top + "/own", "-o", what] if "=" in what
                  else ["-c", what])
        done = _run(bench.CRIERD + words, user)
        err = done.stderr.decode("utf-8", "replace")
        tap.ok(done.returncode > 0 and wanted in err, name, wanted, err)


def _mounts(place, user, top):
    """File systems that are read-only, and full; whether they are there."""
    mounts = [Mount(place, "64k", os.path.join(top, name))
              for name in ("ro", "full")]
    if not all(mount.mounted for mount in mounts):
        return False
    with open(os.path.join(top, "ro/q.lock"), "wb"):
        os.chown(os.path.join(top, "ro/q.lock"), user.pw_uid, -1)
    subprocess.run(["mount", "-o", "remount,ro", os.path.join(top, "ro")],
                   check=True)
    os.mkdir(os.path.join(top, "full/new"), 0o700)
    os.chown(os.path.join(top, "full/new"), user.pw_uid, -1)
    mounts[1].fill()
    return True


def names_more_of_them(tap, place):
    if not bench.IS_ROOT:
        tap.skip("files of another user", "only root makes them")
        return
    user = bench.server_user()
    top = _scene(place, user)
    mounted = _mounts(place, user, top)
    for name, settings, before, behind, wanted in MORE:
        if any("/ro/" in one or "/full/" in one for one in settings) \
                and not mounted:
            continue
        words = (behind.split() or ["-f"]) + ["-c", top + "/own"]
        for one in ("store=memory", "idle-exit=1", f"queue={top}/run/queue.sock",
                    f"listen=unix:{top}/run/fcgi.sock") + settings:
            words += ["-o", one.replace("D/", top + "/")]
        done = _run(["/bin/sh", "-c", before + 'exec "$@"', "sh"]
                    + bench.CRIERD + words, user)
        err = done.stderr.decode("utf-8", "replace")
        wanted = wanted.replace("D/", top + "/") \
            .replace("user U", "user " + user.pw_name)
        tap.ok(done.returncode > 0 and wanted in err, name, wanted, err)
    for name, path, wanted in SPOOLS:
        if ("/ro/" in path or "/full/" in path) and not mounted:
            continue
        path, wanted = (text.replace("D/", top + "/")
                        .replace("user U", "user " + user.pw_name)
                        for text in (path, wanted))
        done = _run(bench.CRIER + ["-s", top + "/none.sock", "pub", "-S",
                                   path, "a", "x"], user)
        err = done.stderr.decode("utf-8", "replace")
        tap.ok(done.returncode > 0 and wanted in err, name, wanted, err)


def crier_names_them_too(tap, place):
    if not bench.IS_ROOT:
        tap.skip("a queue behind a closed door", "only root makes it")
        return
    user = bench.server_user()
    top = _scene(place, user)
    done = _run(bench.CRIER + ["-s", f"{top}/closed/queue.sock", "status"],
                user)
    tap.ok(done.returncode == 77
           and (f"{top}/closed/queue.sock: Permission denied (the user "
                f"{user.pw_name} may not enter {top}/closed, which is "
                "root's, mode 0700)").encode() in done.stderr,
           "crier: a queue behind a closed door", done)


TESTS = (names_file_user_and_cause, names_more_of_them,
         crier_names_them_too)
