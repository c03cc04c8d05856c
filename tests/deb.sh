#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
#
# The Debian packages in a clean Debian: installed, attached to each web server,
# upgraded, removed and purged, after which nothing of theirs is left.  Called by
# "make check-deb" with the directory of the packages; needs root, debootstrap
# and lintian.  The clean system is kept there, as base.tar; exit status 77 if
# it cannot be had, for want of a network.
#
# DEB_SUITE, DEB_MIRROR  what debootstrap is told

set -eu
debs=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")/.." && pwd)
root=
failed=0
suite=${DEB_SUITE:-bookworm}
mirror=${DEB_MIRROR:-http://deb.debian.org/debian}

end() {
	trap - EXIT
	[ -z "$root" ] || {
		umount "$root/proc" 2>/dev/null || :
		rm -rf "$root"
	}
	exit "$1"
}

# check NAME COMMAND...
check() {
	name=$1
	shift
	if "$@" >"$debs/step.log" 2>&1; then
		echo "ok - $name"
	else
		failed=1
		echo "not ok - $name"
		tail -n 40 "$debs/step.log"
	fi
}

# inside COMMAND: in the clean system, with a loopback of its own.
inside() {
	# shellcheck disable=SC2016 # for the shell in between
	env -u TMPDIR unshare --net sh -c '
	    ip link set lo up; exec chroot "$0" sh -ec "$1"' \
	    "$root" "PATH=$PATH:/usr/sbin:/sbin; $1"
}

# forget_base: of a clean system without what the packages depend on now.
forget_base() {
	for deb in "$debs"/*.deb; do
		dpkg-deb -f "$deb" Depends
	done >"$debs/depends.new"
	cmp -s "$debs/depends.new" "$debs/depends" || rm -f "$debs/base.tar"
	mv "$debs/depends.new" "$debs/depends"
}

# Without a mirror there is no clean system, and none is at fault; with one
# debootstrap has to work.
need_mirror() {
	[ ! -f "$debs/base.tar" ] || return 0
	curl -fsSI -m 20 "$mirror/dists/$suite/InRelease" >/dev/null || {
		echo "$mirror cannot be reached: no clean system" >&2
		end "$((failed ? 1 : 77))"
	}
}

# All that the packages and their test need is there before they are.
make_base() {
	[ ! -f "$debs/base.tar" ] || return 0
	rm -rf "$debs/base"
	debootstrap --variant=minbase "$suite" "$debs/base" "$mirror"
	printf '#!/bin/sh\nexit 101\n' >"$debs/base/usr/sbin/policy-rc.d"
	chmod 755 "$debs/base/usr/sbin/policy-rc.d"
	mkdir "$debs/base/debs"
	cp "$debs"/*.deb "$debs/base/debs/"
	chroot "$debs/base" sh -ec 'export DEBIAN_FRONTEND=noninteractive
	apt-get -qq update
	apt-get -qqy --no-install-recommends install apache2 curl lighttpd \
	    nginx-light procps systemd-standalone-sysusers
	dpkg --unpack /debs/*.deb
	apt-get -qqfy --no-install-recommends install
	dpkg --purge crier libapache2-mod-crier
	apt-get clean'
	rm -r "$debs/base/debs" "$debs/base/usr/sbin/policy-rc.d"
	tar -C "$debs/base" -cf "$debs/base.tar.new" .
	mv "$debs/base.tar.new" "$debs/base.tar"
	rm -r "$debs/base"
}

# make_older: the same packages, of an older version.
make_older() {
	mkdir "$root/new" "$root/old"
	for deb in "$debs"/*.deb; do
		cp "$deb" "$root/new/"
		dpkg-deb -R "$deb" "$debs/older"
		sed -i 's/^Version: .*/Version: 0.0.1/
		    s/(= [^)]*)/(= 0.0.1)/' "$debs/older/DEBIAN/control"
		dpkg-deb --root-owner-group -b "$debs/older" \
		    "$root/old/${deb##*/}" >/dev/null
		rm -r "$debs/older"
	done
}

# What dpkg, the logs and the servers keep for themselves is not ours.
list_files() {
	(cd "$root" && find . -xdev ! -path './new*' ! -path './old*' \
	    ! -path './proc/*' ! -path './dev/*' ! -path './tmp/*' \
	    ! -path './run/*' ! -path './var/log/*' \
	    ! -path './var/lib/dpkg/*' ! -path './var/cache/*' \
	    ! -path './var/lib/systemd/*' \
	    ! -path './var/lib/apache2/*' ! -path './var/lib/nginx/*' \
	    ! -path './etc/*shadow-' | sort
	find run -name '*crier*')
}

# under_systemd: the same system with one, where one can run.
under_systemd() {
	umount "$root/proc"
	if ! chroot "$root" sh -ec 'export DEBIAN_FRONTEND=noninteractive
	    printf "#!/bin/sh\nexit 101\n" >/usr/sbin/policy-rc.d
	    apt-get -qq update
	    apt-get -qqy --no-install-recommends install systemd systemd-sysv
	    rm /usr/sbin/policy-rc.d' >"$debs/step.log" 2>&1; then
		echo 'ok - under systemd # SKIP it cannot be installed'
		return
	fi
	status=0
	"$here/tests/deb-systemd.sh" "$root" /new >"$debs/step.log" 2>&1 ||
	    status=$?
	case $status in
	0)
		echo 'ok - under systemd'
		;;
	77)
		echo "ok - under systemd # SKIP $(tail -n 1 "$debs/step.log")"
		;;
	*)
		failed=1
		echo 'not ok - under systemd'
		tail -n 40 "$debs/step.log"
		;;
	esac
}

# shellcheck disable=SC2317 # for check
same_files() {
	list_files >"$debs/after"
	diff "$debs/before" "$debs/after"
}

trap 'end $?' EXIT
trap 'end 1' HUP INT TERM
check 'lintian' lintian --fail-on error,warning --allow-root \
    "$debs"/*.changes
forget_base
need_mirror
# By itself, for within "||" nothing would end at its first failure.
make_base >"$debs/base.log" 2>&1 &
wait $! || {
	echo 'not ok - a clean system'
	tail -n 40 "$debs/base.log"
	end 1
}
root=$(mktemp -d "$debs/root.XXXXXX")
chmod 755 "$root"
tar -C "$root" -xf "$debs/base.tar"
# There is no init, which "invoke-rc.d" would look for.
printf '#!/bin/sh\nexit 0\n' >"$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
mount -t proc proc "$root/proc"
make_older
cp "$here/debian/tests/attach" "$root/old/"
list_files >"$debs/before"
check 'install' inside 'dpkg -i /old/*.deb && crier -w 10 status'
check 'publish' inside 'echo "# mine" >>/etc/crier.conf && crier pub up kept'
check 'upgrade' inside 'dpkg -i /new/*.deb && crier -w 10 status'
check 'the history outlived it' inside 'crier tail -d -n 1 up >/tmp/kept &
	sleep 1; kill $!; grep -qx kept /tmp/kept'
check 'the settings, too' inside 'grep -qx "# mine" /etc/crier.conf'
# shellcheck disable=SC2016 # for the shell inside
check 'the scripts again' inside 'for name in crier libapache2-mod-crier; do
	sh /var/lib/dpkg/info/$name.postinst configure 0.0.1; done'
inside 'sh /old/attach' >"$debs/attach.log" 2>&1 || failed=1
cat "$debs/attach.log"
check 'remove' inside 'dpkg -r crier libapache2-mod-crier &&
	[ ! -e /run/crier/queue.sock ] && [ ! -e /run/crierd.pid ] &&
	[ -f /var/lib/crier/history.db ]'
# What the manuals have an administrator make goes, but for the line in a site of
# nginx, which is told.
# shellcheck disable=SC2016 # for the shell inside
check 'purge' inside 'site=/etc/nginx/sites-available/default
	install -D /dev/null /etc/crier/token.key
	cp -p $site /tmp/site
	sed -i "/server_name _;/a include snippets/crier.conf;" $site
	dpkg -P crier libapache2-mod-crier >/tmp/purge 2>&1 || {
		cat /tmp/purge
		false
	}
	cp -p /tmp/site $site
	grep "^crier: take .*sites-enabled/default, or" /tmp/purge'
check 'nothing is left' same_files
under_systemd
end "$failed"
