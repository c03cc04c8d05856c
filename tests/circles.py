#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""Finds files of src/ that call each other in a circle.

    circles.py OBJECT...

One file depends on another if its object uses a symbol that the other's
defines (nm(1)).  Prints every set of files in which each depends on each, and
exits with 1 if there is one.  "make lint-circles" calls it.
"""

import subprocess
import sys


def read_symbols(path):
    """The symbols that an object defines, and those that it uses."""
    defined, used = set(), set()
    listing = subprocess.run(["nm", path], check=True, text=True,
                             stdout=subprocess.PIPE).stdout
    for line in listing.splitlines():
        kind, name = line.split()[-2:]
        if kind == "U":
            used.add(name)
        elif kind in "BCDRT":
            defined.add(name)
    return defined, used


def dependencies(paths):
    symbols = {path: read_symbols(path) for path in paths}
    owner = {name: path for path, (defined, _used) in symbols.items()
             for name in defined}
    return {path: {owner[name] for name in used if name in owner} - {path}
            for path, (_defined, used) in symbols.items()}


def reachable(graph, start):
    found, left = set(), [start]
    while left:
        for path in graph[left.pop()] - found:
            found.add(path)
            left.append(path)
    return found


def main():
    graph = dependencies(sys.argv[1:])
    reach = {path: reachable(graph, path) for path in graph}
    circles = {frozenset(other for other in reach[path]
                         if path in reach[other])
               for path in graph if path in reach[path]}
    for circle in circles:
        print("these call each other in a circle:", *sorted(circle))
    return 1 if circles else 0


sys.exit(main())
