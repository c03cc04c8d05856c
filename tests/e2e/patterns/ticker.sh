#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
#
# ticker.sh COUNT SECONDS: time stamps for one client.
for n in $(seq "$1"); do
	date '+%H:%M:%S.%N'
	sleep "$2"
done
