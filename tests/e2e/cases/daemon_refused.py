# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""What crierd and crier say of a file that they cannot have at the start."""

import os
import socket
import subprocess

from lib import bench

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
FOLDERS = (("theirs", 0o755, False), ("closed", 0o700, False),
           ("sticky", 0o1777, False), ("locked", 0o755, True),
           ("folder", 0o755, True), ("folders", 0o755, True),
           ("folders/q.lock", 0o755, True), ("run", 0o755, True))
FILES = (("file", 0o644, False), ("secret", 0o600, False),
         ("locked/q.lock", 0o600, False), ("own", 0o644, True))
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


TESTS = (names_file_user_and_cause, crier_names_them_too)
