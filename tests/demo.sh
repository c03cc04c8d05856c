#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
#
# Builds crier in ./build, or where it was configured, and shows it: crierd and
# lighttpd on a free port of this machine alone, with the demo page and the
# configuration file that conf/ has for lighttpd.  Called by
# "./bootstrap --demo"; Ctrl-C ends and cleans up.  With --nodes it is three
# crierd that share a Redis, behind nginx, and a page that says which of them it
# is at and lets them be stopped.
#
# CRIER_DEMO_PORT   the port (default: the first free one from 8080)
# CRIER_DEMO_BUILD  where crier was built already

set -eu
PATH=$PATH:/usr/sbin:/sbin
top=$(cd "$(dirname "$0")/.." && pwd)
build=$top/build
dir=
crierd=
lighttpd=
others=

demo_end() {
	trap - EXIT
	trap '' HUP INT TERM
	# Of the nodes; without any there is no such file.
	crierd="$crierd $(cat "$dir"/[123]/pid 2>/dev/null || :)"
	for pid in $lighttpd $others $crierd; do
		kill "$pid" 2>/dev/null || :
	done
	for pid in $lighttpd $others $crierd; do
		wait "$pid" 2>/dev/null || :
	done
	[ -z "$dir" ] || rm -rf "$dir"
	exit "$1"
}

demo_fail() {
	echo "demo: $*" >&2
	for log in "$dir"/*.log; do
		[ ! -s "$log" ] || tail -n 20 "$log" >&2
	done
	exit 1
}

demo_build() {
	if [ -n "${CRIER_DEMO_BUILD-}" ]; then
		build=$CRIER_DEMO_BUILD
		return
	fi
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
CRIER_QUEUE='$dir/queue.sock' CRIER_CONF='$dir/crierd.conf'
PATH='$build':\$PATH
export CRIER_QUEUE CRIER_CONF PATH
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

# What all nodes have: the queue of each is its own.  The program of the route
# hands on what the page's buttons ask for.
nodes_write_files() {
	mkdir "$dir/1" "$dir/2" "$dir/3"
	mkfifo -m 600 "$dir/control"
	cat >"$dir/ask" <<EOF
#!/bin/sh
read -r ask
case \$ask in
stop\ [123] | kill\ [123] | start\ [123])
	echo "\$ask" >'$dir/control'
	echo "\$ask"
	;;
esac
EOF
	chmod 700 "$dir/ask"
	cat >"$dir/crierd.conf" <<EOF
store = "redis+unix://$dir/redis.sock"
retry = 500
route "GET /events/{channel...}" { subscribe = { "{channel}" } }
route "POST /events/nodes" { run = "$dir/ask" }
EOF
}

nodes_start_redis() {
	redis-server --port 0 --unixsocket "$dir/redis.sock" --dir "$dir" \
	    --save '' --maxmemory-policy noeviction >"$dir/redis.log" 2>&1 &
	others=$!
}

# nodes_start N
nodes_start() {
	# shellcheck disable=SC2086 # a list of words
	"$build/crierd" -f -c "$dir/crierd.conf" \
	    -o "listen=unix:$dir/$1/fcgi.sock" -o "queue=$dir/$1/queue.sock" \
	    -o "fifo=$dir/$1/queue.fifo" $as_user >>"$dir/crierd$1.log" 2>&1 &
	echo "$!" >"$dir/$1/pid"
}

nodes_write_nginx() {
	sed "s|unix:/run/crier/fcgi.sock|crier_nodes|" \
	    "$top/conf/nginx/crier.conf" >"$dir/crier-nodes.conf"
	# The balancer of conf/redis, and a cookie by which the page knows.
	sed -e "s|server 10.0.0.\([123]\):9000|server unix:$dir/\1/fcgi.sock|" \
	    -e "s|listen 80;|listen 127.0.0.1:$1;|" \
	    -e "s|root /var/www/html;|root $top/tests/demo;|" \
	    -e "s|include /etc/nginx/crier-nodes.conf;|\
add_header Set-Cookie \"crier-node=\$crier_node; Path=/; SameSite=Strict\";\
include $dir/crier-nodes.conf;|" \
	    "$top/conf/redis/nginx.conf" >"$dir/nodes.conf"
	cat >"$dir/nginx.conf" <<EOF
daemon off;
pid $dir/nginx.pid;
error_log $dir/nginx.log;
worker_processes 1;
events { worker_connections 1000; }
http {
	access_log off;
	client_body_temp_path $dir/body;
	proxy_temp_path $dir/proxy;
	fastcgi_temp_path $dir/fastcgi;
	uwsgi_temp_path $dir/uwsgi;
	scgi_temp_path $dir/scgi;
	types { text/html html; text/javascript js; }
	map \$upstream_addr \$crier_node { ~/([123])/fcgi.sock\$ \$1; }
	include $dir/nodes.conf;
}
EOF
	[ "$(id -u)" -ne 0 ] || echo 'user root;' >>"$dir/nginx.conf"
}

# nodes_try_port PORT: whether nginx now serves it: it writes the file of its
# number when it has the port.
nodes_try_port() {
	nodes_write_nginx "$1"
	nginx -e "$dir/nginx.log" -c "$dir/nginx.conf" >>"$dir/start.log" 2>&1 &
	lighttpd=$!
	while kill -0 "$lighttpd" 2>/dev/null; do
		if [ -s "$dir/nginx.pid" ]; then
			port=$1
			return 0
		fi
		sleep 0.1
	done
	wait "$lighttpd" || :
	lighttpd=
	return 1
}

nodes_start_nginx() {
	for try in ${CRIER_DEMO_PORT-8080 8081 8082 8083 8088 8888 9080}; do
		nodes_try_port "$try" && return
	done
	demo_fail "nginx does not start; set CRIER_DEMO_PORT"
}

# A number twice a second, at the nodes in turn; at the next one if that has
# gone, with the same key, so that it is there once.
nodes_count() {
	number=0
	while :; do
		number=$((number + 1))
		node=$((number % 3 + 1))
		for try in 1 2 3 4 5 6; do
			printf '{"channel":"demo","data":"%d","key":"%d"}\n' \
			    "$number" "$number" |
			    "$build/crier" -s "$dir/$node/queue.sock" pub -n \
			    2>/dev/null && break
			node=$((node % 3 + 1))
			[ "$try" -lt 3 ] || sleep 0.2
		done
		sleep 0.5
	done
}

nodes_explain() {
	cat <<EOF

Three crierd are running, with one history in a Redis. Open this page:

  http://127.0.0.1:$port/

It says at which node it is; its buttons stop, kill and start nodes. So does

  echo "stop 1" > $dir/control
  echo "start 1" > $dir/control

Publish at any of them, and look at one:

  $build/crier -s $dir/2/queue.sock pub demo "Hello from the second"
  $build/crier -s $dir/2/queue.sock status

Ctrl-C ends the demo.
EOF
}

# nodes_do VERB N: "stop 1", "kill 1" or "start 1".
nodes_do() {
	case $2 in
	[123]) pid=$(cat "$dir/$2/pid") ;;
	*) return 0 ;;
	esac
	case $1 in
	stop | kill)
		[ -n "$pid" ] || return 0
		signal=TERM
		[ "$1" = stop ] || signal=KILL
		kill -"$signal" "$pid" 2>/dev/null || :
		wait "$pid" || :
		: >"$dir/$2/pid"
		;;
	start)
		[ -z "$pid" ] || return 0
		nodes_start "$2"
		;;
	*)
		return 0
		;;
	esac
	echo "$1 node $2"
}

nodes_run() {
	nodes_write_files
	nodes_start_redis
	for node in 1 2 3; do
		nodes_start "$node"
	done
	for node in 1 2 3; do
		"$build/crier" -s "$dir/$node/queue.sock" -w 10 status \
		    >/dev/null || demo_fail "node $node does not answer"
	done
	nodes_start_nginx
	nodes_count &
	others="$! $others"
	nodes_explain
	# It is open for writing as well, so it never ends.
	exec 3<>"$dir/control"
	while read -r verb node <&3; do
		nodes_do "$verb" "$node"
	done
}

trap 'demo_end $?' EXIT
trap 'demo_end 0' INT TERM HUP
demo_build
umask 077
dir=$(mktemp -d "${TMPDIR:-/tmp}/crier-demo.XXXXXX")
as_user=
[ "$(id -u)" -ne 0 ] || as_user='-o user=root'
if [ "${1-}" = --nodes ]; then
	nodes_run
	exit
fi
demo_write_files
demo_start_crierd
"$build/crier" -s "$dir/queue.sock" -w 10 status >/dev/null ||
    demo_fail "crierd does not answer"
demo_start_lighttpd
demo_explain
demo_watch
