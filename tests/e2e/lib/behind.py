# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""All tests that are the same behind each web server."""

import functools
import shutil

from . import behind_basic, behind_clients, behind_resume, servers, tap


def main(kind):
    program = servers.KINDS[kind].program
    if not shutil.which(program, path="/usr/sbin:/usr/bin:/usr/local/sbin"):
        print(f"1..0 # SKIP {program} is not installed")
        return
    tap.main([(_bind(function, kind), None)
              for part in (behind_basic, behind_clients, behind_resume)
              for function in part.TESTS])


def _bind(function, kind):
    @functools.wraps(function)
    def bound(the_tap, place):
        function(the_tap, place, kind)
    return bound
