#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
#
# What becomes of each emitter, a line for each.
crier -w 60 tail -d '$streams' | while read -r event; do
	name=${event#*'"channels":["'}
	name=${name%%'"'*}
	case $event in
	*'"do":"open"'*) echo "$name: open" ;;
	*'"reason":"closed"'*) echo "$name: completed" ;;
	*'"reason":"timeout"'*) echo "$name: timed out" ;;
	*) echo "$name: error" ;;
	esac
done
