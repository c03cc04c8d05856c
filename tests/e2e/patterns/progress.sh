#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
#
# progress.sh JOB SECONDS: a job that takes long.
pct=0
while [ "$pct" -lt 100 ]; do
	crier pub -J "job/$1" pct="$pct"
	sleep "$2" # some work
	pct=$((pct + 10))
done
crier pub -J "job/$1" pct=100 result="all 10 parts done"
