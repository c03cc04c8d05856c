#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
#
# log.sh FILE: each line that is written to a log, as it is written.
tail -F "$1" | crier pub -l log
