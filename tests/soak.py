#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""crierd, its publishers, its clients and nginx, with something being killed
all the time, for SOAK_SECONDS (default: 600).  CRIER_TEST_SEED repeats one."""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "e2e"))

from cases import crash_tests  # noqa: E402
from lib import tap  # noqa: E402

tap.LIMIT_SECONDS = 300 + float(os.environ.get("SOAK_SECONDS") or 600)
tap.main([crash_tests.soak])
