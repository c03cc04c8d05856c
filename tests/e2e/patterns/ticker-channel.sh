#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
#
# ticker-channel.sh COUNT SECONDS: time stamps for all who look.
for n in $(seq "$1"); do
	crier pub ticker "$(date '+%H:%M:%S.%N')"
	sleep "$2"
done
crier close --stop ticker
