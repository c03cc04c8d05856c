# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""How runs end, and what holds them up."""

TESTS = ()
