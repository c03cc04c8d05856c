#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
#
# clock.sh SECONDS: what time it is; nobody wants to know a minute later.
while crier pub -x 60 clock "$(date '+%H:%M:%S.%N')"; do
	sleep "$1"
done
