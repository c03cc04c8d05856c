#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
#
# All that can be checked, in build trees beside the sources: the suite as users
# build it, the suite with the sanitizers, the unit tests and a part of the
# end-to-end tests under valgrind, the fuzzers for a while, "make lint", and the
# style.  Called by "./bootstrap --check".  The last line is "N passed, N failed
# [, N skipped]"; exit status 1 if anything failed.
#
# JOBS         parallel jobs (default: the processors, at least 2)
# CHECK_LIMIT  seconds that one suite may take (default: 2400)
# FUZZ_SECONDS of each fuzzer (default: 20)

set -u
top=$(cd "$(dirname "$0")/.." && pwd) || exit 1
cd "$top" || exit 1
plain=$top/build
asan=$top/build-asan
fuzz=$top/build-fuzz
fuzzing=
tidying=
JOBS=${JOBS:-$(nproc 2>/dev/null || echo 2)}
[ "$JOBS" -ge 2 ] || JOBS=2
CHECK_LIMIT=${CHECK_LIMIT:-2400}
# Of a log, and logs of a suite, that are shown after a failure.
EXCERPT_LINES=40
EXCERPTS=10
# Of all that is said once more at the end, where a log that was cut still has it.
DIGEST_LINES=60
failed=0
passed=0
skipped=0
table=
background=
running=

check_end() {
	trap - EXIT INT TERM HUP
	for pid in $running $background $fuzzing $tidying; do
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
	grep -E 'warning:|error:|^not ok' "$plain/step.log" | check_note "$name"
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

# check_note NAME: keeps what is read from standard input for the end.
check_note() {
	{
		printf '%s\n' "-- $1"
		cut -c 1-200 | head -n 40
	} >>"$plain/digest"
}

# check_excerpt LOG: what failed in it, in a readable amount.
check_excerpt() {
	excerpt=$(awk '/^not ok/ { show = 1 } /^(ok |1\.\.)/ { show = 0 } show' \
	    "$1" | cut -c 1-300 | head -n "$EXCERPT_LINES")
	case $excerpt in
	*'
'*)
		printf '%s\n' "$excerpt"
		;;
	*)
		tail -n "$EXCERPT_LINES" "$1" | cut -c 1-300
		;;
	esac
}

# check_failed_logs DIRECTORY: of the tests that failed or did not end.  The
# first ones are shown, all are kept: the next suite has logs of the same names.
check_failed_logs() {
	shown=0
	mkdir -p "$1/failed/$target"
	find "$1/tests" -name '*.log' | sort | while read -r log; do
		if [ ! -s "${log%.log}.trs" ]; then
			why='did not end'
		elif grep -Eq '^:test-result: (FAIL|XPASS|ERROR)' \
		    "${log%.log}.trs"; then
			why='failed'
		else
			continue
		fi
		kept=$1/failed/$target/${log##*/}
		cp "$log" "$kept"
		printf '\n-- %s: %s\n' "$why" "$kept"
		shown=$((shown + 1))
		[ "$shown" -gt "$EXCERPTS" ] || check_excerpt "$log"
		awk '/^not ok/ { n = 3 } /^(ok |1\.\.)/ { n = 0 } n-- > 0' \
		    "$log" | head -n 9 |
		    check_note "$name: ${log##*/} $why"
	done
}

# check_count RESULT...: the test cases with one of these results, of what
# automake's harness noted of them.
check_count() {
	awk -v want=" $* " '$1 == ":test-result:" &&
	    index(want, " " $2 " ") { n++ } END { print n + 0 }'
}

# check_ended TEST RESULTS: says how one test program did.
check_ended() {
	done_tests=$((done_tests + 1))
	bad_cases=$(check_count FAIL XPASS ERROR <"$2")
	said="$(check_count PASS XFAIL <"$2") passed"
	[ "$bad_cases" -eq 0 ] || said="$said, $bad_cases FAILED"
	took=$(($(date +%s) - began))
	printf '%4d of %d  %2d:%02d  %-34s %s\n' "$done_tests" "$all_tests" \
	    $((took / 60)) $((took % 60)) "${1%.tap}" "$said"
}

# check_look: says what has ended since the last look; sets left, what has not.
check_look() {
	still=
	for test in $left; do
		results=$dir/${test%.tap}.trs
		if [ -s "$results" ]; then
			check_ended "$test" "$results"
		else
			still="$still $test"
		fi
	done
	left=$still
}

# check_suite NAME DIRECTORY TARGET: a run of automake's harness, which has to
# end all tests that "make list-TARGET" names.  Each one that did not end counts
# as a failure, and so does a failing make that no test explains.
check_suite() {
	name=$1
	dir=$2
	say "$name"
	find "$dir/tests" \( -name '*.trs' -o -name '*.log' \) -exec rm -f {} +
	left=$(make -s -C "$dir" "list-$3")
	# shellcheck disable=SC2086 # a list of words
	set -- "$1" "$2" "$3" $left
	all_tests=$(($# - 3))
	done_tests=0
	began=$(date +%s)
	timeout -k 20 "$CHECK_LIMIT" make -C "$dir" -j"$JOBS" "$3" \
	    TEST_LIMIT='timeout -k 10 500' >"$dir/make-check.log" 2>&1 &
	running=$!
	while kill -0 "$running" 2>/dev/null; do
		sleep 1
		check_look
	done
	wait "$running"
	status=$?
	running=
	check_look
	check_result "$3"
}

# check_result TARGET: how the suite did, of which check_suite tells.
check_result() {
	target=$1
	find "$dir/tests" -name '*.trs' -exec cat {} + >"$dir/results"
	good=$(check_count PASS XFAIL <"$dir/results")
	bad=$(check_count FAIL XPASS ERROR <"$dir/results")
	not=$(check_count SKIP <"$dir/results")
	if [ "$status" -ne 0 ] || [ -n "$left" ]; then
		check_failed_logs "$dir"
	fi
	if [ -n "$left" ]; then
		check_unended
	elif [ "$status" -ne 0 ] && [ "$bad" -eq 0 ] ||
	    [ $((good + bad)) -eq 0 ]; then
		bad=1
		say "make $target ended with status $status:"
		tail -n 100 "$dir/make-check.log"
	fi
	check_row "$name" "$good" "$bad" "$not" $(($(date +%s) - began))
}

# check_unended: says which tests did not end, and why not if it is known.
check_unended() {
	say "$name: $((all_tests - done_tests)) of $all_tests test programs" \
	    "did not end, and count as failed:"
	# shellcheck disable=SC2086 # a list of words
	printf '   %s\n' $left
	case $status in
	124 | 137)
		echo "The suite was ended after $CHECK_LIMIT s, its limit." \
		    "On a slow machine set CHECK_LIMIT to more."
		;;
	*)
		tail -n 40 "$dir/make-check.log"
		;;
	esac
	bad=$((bad + all_tests - done_tests))
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

# check_nginx: nginx's module, for tests that are skipped without it.
check_nginx() {
	if [ ! -f /usr/share/nginx/src/conf_flags ]; then
		say 'no nginx-dev: nginx passes no streams on'
	elif check_step "nginx's module" make -C "$plain" nginx-module; then
		ln -s "$plain/nginx" "$asan/nginx"
	fi
}

# check_fuzz_begin: builds the fuzzers and runs them, while a suite waits for its
# clocks.
check_fuzz_begin() {
	command -v clang >/dev/null || return 0
	fuzz_began=$(date +%s)
	(
		check_configure "$fuzz" --enable-fuzzer CC=clang \
		    CFLAGS='-g -O1' || exit 1
		FUZZ_SECONDS=${FUZZ_SECONDS:-20} JOBS=1 \
		    exec nice -n 15 make -C "$fuzz" fuzz
	) >"$plain/fuzz.log" 2>&1 &
	fuzzing=$!
}

# check_fuzz_failures: what failed of a log, or its end if nothing says so.
check_fuzz_failures() {
	awk '/^not ok/ { show = found = 1 } /^ok / { show = 0 }
	    show { print } { last = $0 } END { if (!found) print last }'
}

# check_fuzz_end: waits for them; fuzzers that could not be built have failed.
check_fuzz_end() {
	if [ -z "$fuzzing" ]; then
		check_row 'fuzzers' 0 0 1 0
		return
	fi
	wait "$fuzzing"
	status=$?
	fuzzing=
	good=$(grep -c '^ok' "$plain/fuzz.log")
	bad=$(grep -c '^not ok' "$plain/fuzz.log")
	[ "$status" -eq 0 ] || [ "$bad" -gt 0 ] || bad=1
	if [ "$bad" -gt 0 ]; then
		say 'FAILED: fuzzers'
		tail -n 300 "$plain/fuzz.log"
		check_fuzz_failures <"$plain/fuzz.log" | check_note 'fuzzers'
	fi
	check_row 'fuzzers' "$good" "$bad" 0 $(($(date +%s) - fuzz_began))
}

# check_tidy_begin: clang-tidy takes minutes of what the suites leave over.
check_tidy_begin() {
	command -v clang-tidy >/dev/null || return 0
	tidy_began=$(date +%s)
	nice -n 19 make -C "$plain" lint-clang-tidy >"$plain/tidy.log" 2>&1 &
	tidying=$!
}

check_tidy_end() {
	name='lint: clang-tidy'
	if [ -z "$tidying" ]; then
		check_row "$name" 0 0 1 0
		return
	fi
	wait "$tidying"
	status=$?
	tidying=
	if [ "$status" -eq 0 ]; then
		check_row "$name" 1 0 0 $(($(date +%s) - tidy_began))
		return
	fi
	say "FAILED: $name"
	grep -vE '^[0-9]+ warnings? generated' "$plain/tidy.log" | tail -n 300
	grep -E ' (warning|error): ' "$plain/tidy.log" | check_note "$name"
	check_row "$name" 0 1 0 $(($(date +%s) - tidy_began))
}

check_lint() {
	for what in layers names circles; do
		check_step "lint: $what" make -C "$plain" "lint-$what"
	done
	if command -v cppcheck >/dev/null; then
		check_step 'lint: cppcheck' make -C "$plain" lint-cppcheck
	else
		check_row 'lint: cppcheck' 0 0 1 0
	fi
	check_tidy_end
}

check_style() {
	for tool in clang-format mandoc shellcheck; do
		if command -v "$tool" >/dev/null; then
			check_step "style: $tool" make -C "$plain" "style-$tool"
		else
			check_row "style: $tool" 0 0 1 0
		fi
	done
}

# check_compiles DIRECTORY: how many of two files make compiles again.
check_compiles() {
	make -C "$1" V=0 src/crierd.o tests/unit/test_id.o | grep -c '  CC  '
}

# check_options DIRECTORY: what was built with other options is built again,
# and nothing else.
check_options() {
	check_configure "$1" --enable-werror || return 1
	same=$(check_compiles "$1")
	check_configure "$1" --enable-werror --sysconfdir=/elsewhere || return 1
	other=$(check_compiles "$1")
	echo "compiled with the same options: $same files; with others: $other"
	[ "$same" -eq 0 ] && [ "$other" -eq 2 ]
}

# check_install DIRECTORY: what was installed is gone again, with its
# directories.
check_install() {
	stage=$1/stage
	rm -rf "$stage"
	make -C "$1" install DESTDIR="$stage" || return 1
	[ -x "$stage/usr/local/sbin/crierd" ] &&
	    [ -f "$stage/usr/local/share/crier/conf/www/demo.js" ] || return 1
	make -C "$1" uninstall DESTDIR="$stage" || return 1
	left=$(find "$stage" -mindepth 1)
	printf '%s\n' "$left"
	[ -z "$left" ]
}

# check_deb: Debian's packages, where there are the tools and somebody who may
# use them.
check_deb() {
	for tool in dh debootstrap lintian unshare curl; do
		command -v "$tool" >/dev/null && continue
		echo "there is no $tool"
		return 77
	done
	if [ "$(id -u)" -ne 0 ] || ! unshare --mount --net true; then
		echo 'it takes root, and namespaces of its own'
		return 77
	fi
	make -C "$plain" check-deb
}

# check_packages: a system that cannot be had (no network) is no failure.
check_packages() {
	began=$(date +%s)
	status=0
	check_deb >"$plain/deb.log" 2>&1 || status=$?
	took=$(($(date +%s) - began))
	case $status in
	0)
		check_row "Debian's packages" 1 0 0 "$took"
		;;
	77)
		say "skipped: Debian's packages: $(tail -n 1 "$plain/deb.log")"
		check_row "Debian's packages" 0 0 1 "$took"
		;;
	*)
		say "FAILED: Debian's packages"
		tail -n 100 "$plain/deb.log"
		check_row "Debian's packages" 0 1 0 "$took"
		;;
	esac
}

check_report() {
	if [ "$failed" -gt 0 ]; then
		say 'what failed'
		head -n "$DIGEST_LINES" "$plain/digest" 2>/dev/null
	fi
	printf '\n%-34s %7s %7s %8s %8s\n' check passed failed skipped seconds
	printf '%s' "$table"
	printf '\n%d passed, %d failed' "$passed" "$failed"
	[ "$skipped" -eq 0 ] || printf ', %d skipped' "$skipped"
	printf '\n'
	[ "$failed" -eq 0 ]
}

rm -rf "$plain" "$asan" "$fuzz"
mkdir -p "$plain" "$asan" "$fuzz"
cat <<EOF
All tests as users build crier, nearly all again with sanitizers, and a part of
them under valgrind.  With $JOBS jobs at a time that takes half an hour on
two processors; a line for each test program says how far it is.
EOF
say 'configuring and building'
# Warnings count in the plain build only: gcc takes instrumented code for worse
# than it is.
check_configure "$asan" --enable-sanitizers CFLAGS='-g -O1' \
    >"$asan/configure.log" 2>&1 &
background=$!
check_step 'configure' check_configure "$plain" --enable-werror ||
    { check_report; exit 1; }
wait "$background"
check_step 'build' make -k -C "$plain" -j"$JOBS" all check-programs \
    bench-programs ||
    { check_report; exit 1; }
check_npm
check_nginx
# The other tree is built while the first suite waits for its clocks.
nice make -C "$asan" all check-programs >"$asan/make.log" 2>&1 &
background=$!
check_suite 'suite' "$plain" check
if wait "$background"; then
	background=
	check_tidy_begin
	# Its limits of time bear one job more, for most wait for a clock.
	JOBS=$((JOBS + 1)) CRIER_TEST_SLOW=3 \
	    check_suite 'suite with sanitizers' "$asan" check
else
	background=
	say 'FAILED: building with sanitizers'
	tail -n 100 "$asan/configure.log" "$asan/make.log"
	check_row 'build with sanitizers' 0 1 0 0
fi
check_fuzz_begin
CRIER_TEST_SLOW=5 check_suite 'under valgrind' "$plain" check-valgrind
check_fuzz_end
check_lint
check_style
check_step 'install, uninstall' check_install "$plain"
check_step 'other options' check_options "$plain"
check_packages
check_report
