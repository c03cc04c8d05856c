#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
#
# All that can be checked, in two build trees beside the sources: the suite as
# users build it, the suite with the sanitizers, the unit tests and a part of
# the end-to-end tests under valgrind, and the style.  Called by
# "./bootstrap --check".  The last line is "N passed, N failed[, N skipped]";
# exit status 1 if anything failed.
#
# JOBS         parallel jobs (default: the processors, at least 2)
# CHECK_LIMIT  seconds that one suite may take (default: 1200)

set -u
top=$(cd "$(dirname "$0")/.." && pwd) || exit 1
cd "$top" || exit 1
plain=$top/build
asan=$top/build-asan
JOBS=${JOBS:-$(nproc 2>/dev/null || echo 2)}
[ "$JOBS" -ge 2 ] || JOBS=2
CHECK_LIMIT=${CHECK_LIMIT:-1200}
failed=0
passed=0
skipped=0
table=
background=
running=

check_end() {
	trap - EXIT INT TERM HUP
	for pid in $running $background; do
		kill "$pid" && wait "$pid"
	done 2>/dev/null
	exit "$1"
}
trap 'check_end 1' INT TERM HUP
trap 'check_end $?' EXIT

say() {
	printf '\n== %s\n' "$*"
}

# check_row NAME PASSED FAILED SKIPPED SECONDS: a line of the table.
check_row() {
	passed=$((passed + $2))
	failed=$((failed + $3))
	skipped=$((skipped + $4))
	table="$table$(printf '%-34s %7s %7s %8s %8s' "$@")
"
}

# check_step NAME COMMAND...: one check; what it printed is shown if it failed.
check_step() {
	name=$1
	shift
	began=$(date +%s)
	if "$@" >"$plain/step.log" 2>&1; then
		check_row "$name" 1 0 0 $(($(date +%s) - began))
		return 0
	fi
	say "FAILED: $name"
	tail -n 300 "$plain/step.log"
	check_row "$name" 0 1 0 $(($(date +%s) - began))
	return 1
}

# check_configure DIRECTORY OPTION...
check_configure() {
	(
		cd "$1" || exit 1
		shift
		exec "$top/configure" --quiet "$@"
	)
}

# check_failed_logs DIRECTORY: the logs of tests that failed or never ended.
check_failed_logs() {
	find "$1/tests" -name '*.log' | sort | while read -r log; do
		trs=${log%.log}.trs
		if [ ! -f "$trs" ]; then
			why='did not end'
		elif grep -Eq '^:test-result: (FAIL|XPASS|ERROR)' "$trs"; then
			why='failed'
		else
			continue
		fi
		printf '\n-- %s %s\n' "${log#"$top"/}" "$why"
		tail -n 400 "$log"
	done
}

# check_count DIRECTORY RESULT...: the test cases with one of these results.
check_count() {
	dir=$1
	shift
	find "$dir/tests" -name '*.trs' -exec cat {} + |
	    awk -v want=" $* " '$1 == ":test-result:" &&
		index(want, " " $2 " ") { n++ } END { print n + 0 }'
}

# check_suite NAME DIRECTORY TARGET: a run of automake's harness.
# A failing make that no test explains is a failure too.
check_suite() {
	name=$1
	dir=$2
	say "$name"
	find "$dir" \( -name '*.trs' -o -path '*/tests/*.log' \) -exec rm -f {} +
	began=$(date +%s)
	timeout -k 20 "$CHECK_LIMIT" make -C "$dir" -j"$JOBS" "$3" \
	    TEST_LIMIT='timeout -k 10 200' >"$dir/make-check.log" 2>&1 &
	running=$!
	wait "$running"
	status=$?
	running=
	grep -E '^(# [A-Z]+: |(FAIL|ERROR|XPASS): )' "$dir/make-check.log"
	good=$(check_count "$dir" PASS XFAIL)
	bad=$(check_count "$dir" FAIL XPASS ERROR)
	not=$(check_count "$dir" SKIP)
	if [ "$status" -ne 0 ] || [ $((good + bad)) -eq 0 ]; then
		check_failed_logs "$dir"
		if [ "$bad" -eq 0 ]; then
			bad=1
			say "make $3 ended with status $status:"
			tail -n 100 "$dir/make-check.log"
		fi
	fi
	check_row "$name" "$good" "$bad" "$not" $(($(date +%s) - began))
}

# check_npm: clients of npm's registry for a test, which without it is skipped.
check_npm() {
	if command -v npm >/dev/null &&
	    timeout 90 make -C "$plain" npm >"$plain/npm.log" 2>&1; then
		ln -s "$plain/npm" "$asan/npm"
	else
		say "no packages of npm, which one test would use: $plain/npm.log"
	fi
}

check_style() {
	check_step 'layers' make -C "$plain" lint-layers
	for tool in clang-format mandoc; do
		if command -v "$tool" >/dev/null; then
			check_step "style: $tool" make -C "$plain" "style-$tool"
		else
			check_row "style: $tool" 0 0 1 0
		fi
	done
}

check_report() {
	printf '\n%-34s %7s %7s %8s %8s\n' check passed failed skipped seconds
	printf '%s' "$table"
	printf '\n%d passed, %d failed' "$passed" "$failed"
	[ "$skipped" -eq 0 ] || printf ', %d skipped' "$skipped"
	printf '\n'
	[ "$failed" -eq 0 ]
}

rm -rf "$plain" "$asan"
mkdir -p "$plain" "$asan"
say 'configuring and building'
# Warnings count in the plain build only: gcc takes instrumented code for worse
# than it is.
check_configure "$asan" --enable-sanitizers CFLAGS='-g -O1' \
    >"$asan/configure.log" 2>&1 &
background=$!
check_step 'configure' check_configure "$plain" --enable-werror ||
    { check_report; exit 1; }
wait "$background"
check_step 'build' make -k -C "$plain" -j"$JOBS" all check-programs ||
    { check_report; exit 1; }
check_npm
# The other tree is built while the first suite waits for its clocks.
nice make -C "$asan" all check-programs >"$asan/make.log" 2>&1 &
background=$!
check_suite 'suite' "$plain" check
if wait "$background"; then
	background=
	CRIER_TEST_SLOW=3 check_suite 'suite with sanitizers' "$asan" check
else
	background=
	say 'FAILED: building with sanitizers'
	tail -n 100 "$asan/configure.log" "$asan/make.log"
	check_row 'build with sanitizers' 0 1 0 0
fi
CRIER_TEST_SLOW=5 check_suite 'under valgrind' "$plain" check-valgrind
check_style
check_report
