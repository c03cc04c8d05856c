#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
#
# Builds crier in ./build, or where it was configured, and shows it: crierd and
# lighttpd on a free port of this machine alone, with the demo page and the
# configuration file that conf/ has for lighttpd.  Called by
# "./bootstrap --demo"; Ctrl-C ends and cleans up.
#
# CRIER_DEMO_PORT  the port (default: the first free one from 8080)

set -eu
PATH=$PATH:/usr/sbin:/sbin
top=$(cd "$(dirname "$0")/.." && pwd)
build=$top/build
dir=
crierd=
lighttpd=

demo_end() {
	trap - EXIT
	trap '' HUP INT TERM
	for pid in $lighttpd $crierd; do
		kill "$pid" 2>/dev/null || :
	done
	for pid in $lighttpd $crierd; do
		wait "$pid" 2>/dev/null || :
	done
	[ -z "$dir" ] || rm -rf "$dir"
	exit "$1"
}

demo_fail() {
	echo "demo: $*" >&2
	for log in "$dir/crierd.log" "$dir/lighttpd.log"; do
		[ ! -s "$log" ] || tail -n 20 "$log" >&2
	done
	exit 1
}

demo_build() {
	[ ! -f "$top/config.status" ] || build=$top
	mkdir -p "$build"
	cd "$build"
	[ -f Makefile ] || ../configure --quiet
	make -j2 --quiet all
}

# What the page's commands need, and what lets the page publish: the usual
# routes, and one more.
demo_write_files() {
	cat >"$dir/env" <<EOF
CRIER_QUEUE='$dir/queue.sock' PATH='$build':\$PATH
export CRIER_QUEUE PATH
EOF
	cat >"$dir/crierd.conf" <<'EOF'
publish = { anyone }
route "GET,POST /events" {
	subscribe = { "{query.channel?}", "{json.channel?}" }
}
route "GET,POST /events/{channel...}" {
	subscribe = { "{channel?}", "{query.channel?}", "{json.channel?}" }
}
route "GET /events/status" {
	status = page
}
route "POST /events/publish/{channel...}" {
	publish = "{channel}"
	data = "{form.data}"
}
route "POST /events/answer/{id}" {
	run = { "/bin/sh", "-c", 'set -f; for word in $(cat); do echo "$word"; sleep 0.2; done' }
	channel = "answer/{id}"
	end-event = "done"
}
route "DELETE /events/answer/{id}" {
	stop = "answer/{id}"
}
EOF
}

demo_start_crierd() {
	# The sockets lie in a directory of our own; there is nobody to become.
	# shellcheck disable=SC2086 # a list of words
	"$build/crierd" -f -c "$dir/crierd.conf" -o "listen=unix:$dir/fcgi.sock" \
	    -o "queue=$dir/queue.sock" -o "fifo=$dir/queue.fifo" \
	    -o "store=sqlite:$dir/history.db" \
	    $as_user >>"$dir/crierd.log" 2>&1 &
	crierd=$!
}

demo_write_lighttpd() {
	sed "s|/run/crier/fcgi.sock|$dir/fcgi.sock|" \
	    "$top/conf/lighttpd/crier.conf" >"$dir/crier.conf"
	cat >"$dir/lighttpd.conf" <<EOF
server.document-root = "$top/conf/www"
server.bind = "127.0.0.1"
server.port = $1
server.errorlog = "$dir/lighttpd.log"
index-file.names = ( "index.html" )
mimetype.assign = ( ".html" => "text/html; charset=utf-8",
	".css" => "text/css; charset=utf-8",
	".js" => "text/javascript; charset=utf-8",
	".md" => "text/plain; charset=utf-8" )
alias.url = ( "/papers/README.md" => "$top/README.md",
	"/papers/doc/" => "$top/doc/" )
include "$dir/crier.conf"
EOF
}

# demo_try_port PORT: whether lighttpd now serves it.  It says in its log that
# it has started only after it got the port.
demo_try_port() {
	: >"$dir/lighttpd.log"
	demo_write_lighttpd "$1"
	lighttpd -D -f "$dir/lighttpd.conf" >>"$dir/lighttpd.log" 2>&1 &
	lighttpd=$!
	while kill -0 "$lighttpd" 2>/dev/null; do
		if grep -q 'server started' "$dir/lighttpd.log"; then
			port=$1
			return 0
		fi
		sleep 0.1
	done
	wait "$lighttpd" || :
	lighttpd=
	return 1
}

demo_start_lighttpd() {
	if [ -n "${CRIER_DEMO_PORT-}" ]; then
		demo_try_port "$CRIER_DEMO_PORT" ||
		    demo_fail "lighttpd does not start"
		return
	fi
	for try in 8080 8081 8082 8083 8088 8888 9080 18080 28080; do
		demo_try_port "$try" && return
		grep -q 'already in use' "$dir/lighttpd.log" ||
		    demo_fail "lighttpd does not start"
	done
	demo_fail "no free port; set CRIER_DEMO_PORT"
}

demo_explain() {
	cat <<EOF

crier is running. Open this page, in two windows if you like:

  http://127.0.0.1:$port/?demo=$dir

(Is the browser on another machine? Then first, there:
ssh -L $port:127.0.0.1:$port $(uname -n). CRIER_DEMO_PORT=N chooses the port.)

Type something into the page, or publish in another terminal:

  . $dir/env
  crier pub news "Going down at five"
  echo "news Hello from the shell" > $dir/queue.fifo

See the page come back after a restart of crierd:

  crier restart

Ctrl-C ends the demo.
EOF
}

# crierd comes back whenever it ends, unless it cannot even start.
demo_watch() {
	while :; do
		status=0
		wait "$crierd" || status=$?
		[ "$status" -eq 0 ] || [ "$status" -gt 128 ] ||
		    demo_fail "crierd ended with status $status"
		kill -0 "$lighttpd" 2>/dev/null || demo_fail "lighttpd ended"
		demo_start_crierd
		echo "crierd was restarted"
	done
}

trap 'demo_end $?' EXIT
trap 'demo_end 0' INT TERM HUP
demo_build
umask 077
dir=$(mktemp -d "${TMPDIR:-/tmp}/crier-demo.XXXXXX")
as_user=
[ "$(id -u)" -ne 0 ] || as_user='-o user=root'
demo_write_files
demo_start_crierd
"$build/crier" -s "$dir/queue.sock" -w 10 status >/dev/null ||
    demo_fail "crierd does not answer"
demo_start_lighttpd
demo_explain
demo_watch
