#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
#
# usage: fuzz.sh PROGRAM...
#
# Runs fuzzers (of a build with --enable-fuzzer), each for a given time, on from
# its corpus and from what it found before, which is kept in fuzz-inputs.  What
# makes one fail is in fuzz-failures, with its log; then the exit status is 1.
#
# FUZZ_SECONDS  for each (default: 60)
# JOBS          at a time (default: the processors)

set -u
srcdir=${srcdir:-$(cd "$(dirname "$0")/.." && pwd)}
JOBS=${JOBS:-$(nproc 2>/dev/null || echo 2)}
export FUZZ_SECONDS="${FUZZ_SECONDS:-60}" srcdir

# fuzz_one PROGRAM
fuzz_one() {
	name=${1##*/fuzz_}
	mkdir -p "fuzz-inputs/$name" fuzz-failures
	log=fuzz-failures/$name.log
	if "$1" -max_total_time="$FUZZ_SECONDS" -max_len=8192 -timeout=25 \
	    -artifact_prefix="fuzz-failures/$name-" "fuzz-inputs/$name" \
	    "$srcdir/tests/fuzz/corpus/$name" >"$log" 2>&1; then
		echo "ok - $name: $(sed -n 's/^Done //p' "$log")"
		rm -f "$log"
		return 0
	fi
	echo "not ok - $name: see $log"
	grep -E '^# |ERROR|runtime error|SUMMARY|Test unit' "$log" |
	    cut -c 1-200 | head -n 20 | sed 's/^/# /'
	return 1
}

if [ "${1-}" = --one ]; then
	fuzz_one "$2"
	exit
fi
printf '%s\n' "$@" | xargs -P "$JOBS" -I '{}' "$0" --one '{}' || exit 1
