#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""Finds names in doc/architecture.md that are no longer there.

    names.py SOURCE_DIR

Looks at what stands in backquotes: a path must be a file or a folder (of the
tree, src/ or tests/, with or without its ending), a word with an underscore
must stand somewhere in the sources, and in the table of rooms each name of a
module must be a file of its room.  Prints each that is not, and exits with 1
if there is one.  "make lint-names" calls it.
"""

import pathlib
import re
import sys

# A media type, and what SQLite calls.
FOREIGN = {"text/event-stream", "posix_fallocate"}


def is_file(root, path):
    """Whether a path, perhaps with a pattern or without its ending, is one."""
    path = path.rstrip("/")
    return any(next(root.glob(base + path + ending), None) is not None
               for base in ("", "src/", "tests/")
               for ending in ("", ".c", ".h", ".tap", ".py"))


def words_of_sources(root):
    words = set()
    for folder in ("src", "tests"):
        for path in (root / folder).rglob("*"):
            if path.suffix in (".c", ".h", ".am", ".py"):
                words |= set(re.findall(r"\w+", path.read_text("utf-8")))
    return words


def wrong_names(root, line, words):
    # A row of the rooms' table: its purpose names the modules.
    room = re.match(r"\| `(\w+)/` \| ([^|]*)", line)
    quoted = re.findall(r"`([^`]+)`", line)
    if room:
        for name in re.findall(r"`([\w*]+)`", room.group(2)):
            if not is_file(root, f"src/{room.group(1)}/{name}"):
                yield f"src/{room.group(1)}/{name}"
    for name in quoted:
        if re.fullmatch(r"[\w.*-]+(/[\w.*-]*)+", name):
            if name not in FOREIGN and not is_file(root, name):
                yield name
        elif re.fullmatch(r"[a-zA-Z]\w*_\w+(\(\))?", name):
            word = name.removesuffix("()")
            if word not in words | FOREIGN and \
                    not is_file(root, f"src/*/{word}"):
                yield name


def main():
    root = pathlib.Path(sys.argv[1])
    page = root / "doc" / "architecture.md"
    words, wrong = words_of_sources(root), 0
    for number, line in enumerate(page.read_text("utf-8").splitlines(), 1):
        for name in wrong_names(root, line, words):
            print(f"{page}:{number}: there is no {name}")
            wrong = 1
    return wrong


sys.exit(main())
