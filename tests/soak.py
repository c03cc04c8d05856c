#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""crierd, its publishers, its clients and nginx, with something going wrong all
the time, for SOAK_SECONDS (default: an hour); then several crierd at a Redis,
for as long.  CRIER_TEST_SEED repeats one; an argument (soak, soak_nodes) chooses
one."""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "e2e"))

from cases import nodes_crash, soak_tests  # noqa: E402
from lib import tap  # noqa: E402

tap.LIMIT_SECONDS = 2 * (300 + float(os.environ.get("SOAK_SECONDS") or 3600))
tap.main([soak_tests.soak, nodes_crash.soak_nodes])
