# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""All tests that are the same behind each web server."""

import functools

from cases import behind_basic, behind_clients, behind_resume, behind_wire
from lib import servers, tap


def main(kind):
    missing = servers.KINDS[kind].missing()
    if missing:
        print(f"1..0 # SKIP {missing} is not installed")
        return
    tap.main([(_bind(function, kind), None)
              for part in (behind_basic, behind_wire, behind_clients,
                           behind_resume)
              for function in part.TESTS])


def _bind(function, kind):
    @functools.wraps(function)
    def bound(the_tap, place):
        function(the_tap, place, kind)
    return bound
