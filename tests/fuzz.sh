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
	fuzz_tell "$name" "$log" | cut -c 1-200 | sed 's/^/# /'
	return 1
}

# fuzz_tell NAME LOG: why one failed, where, and with what, for whoever has only
# what is printed here: base64 of what xz makes of the input.
fuzz_tell() {
	grep -E '^# |ERROR|runtime error|SUMMARY|Test unit' "$2" | head -n 20
	grep -E '^ +#[0-9]+ .* in .*\.[ch](:[0-9]+)*$' "$2" |
	    sed 's/ 0x[0-9a-f]* in / /' | head -n 20
	for input in "fuzz-failures/$1"-*; do
		[ -f "$input" ] || continue
		echo "base64 -d <<E | xz -d >tests/fuzz/corpus/$1/INPUT"
		xz -9 --format=lzma <"$input" | base64 -w 180
		echo E
	done
}

if [ "${1-}" = --one ]; then
	fuzz_one "$2"
	exit
fi
printf '%s\n' "$@" | xargs -P "$JOBS" -I '{}' "$0" --one '{}' || exit 1
