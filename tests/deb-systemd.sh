#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
#
# Debian's packages under a systemd that really runs, in a clean Debian and in
# namespaces of its own.  Called by tests/deb.sh with the directory of the system
# and that of the packages in it; needs root.  Exit status 77 if no systemd can
# be started here.

set -eu
root=$1
packages=$2
init=
log=$root.systemd

end() {
	trap - EXIT
	[ -z "$init" ] || {
		kill -KILL "$init" 2>/dev/null || :
		wait "$unshared" 2>/dev/null || :
	}
	rm -f "$log"
	exit "$1"
}
trap 'end $?' EXIT
trap 'end 1' HUP INT TERM

# A system's own places, in a mount namespace that ends with it.
boot() {
	# shellcheck disable=SC2016 # for the shell in between
	unshare --net --mount --pid --fork --uts --ipc --cgroup sh -ec '
	    mount --make-rprivate /
	    mount --bind "$0" "$0"
	    cd "$0"
	    mount -t proc proc proc
	    mount -t sysfs -o ro sysfs sys
	    mount -t tmpfs -o mode=755 tmpfs run
	    mount -t tmpfs -o mode=755 tmpfs dev
	    for name in null zero full random urandom tty; do
		: >dev/$name
		mount --bind /dev/$name dev/$name
	    done
	    mkdir dev/pts dev/shm
	    mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
	    ln -s pts/ptmx dev/ptmx
	    ln -s /proc/self/fd dev/fd
	    mount --rbind /sys/fs/cgroup sys/fs/cgroup
	    ip link set lo up
	    exec env -i container=crier PATH="$PATH:/usr/sbin:/sbin" \
		chroot . /sbin/init' "$root" >"$log" 2>&1 &
	unshared=$!
	i=0
	until init=$(pgrep -P "$unshared") &&
	    inside 'systemctl is-system-running' 2>/dev/null |
	    grep -q -e running -e degraded; do
		i=$((i + 1))
		if [ "$i" -gt 60 ] || ! kill -0 "$unshared" 2>/dev/null; then
			tail -n 3 "$log" >&2
			end 77
		fi
		sleep 1
	done
}

# inside COMMAND: in that system.
inside() {
	nsenter -t "$init" -a -r -w env -i HOME=/root DEBIAN_FRONTEND=noninteractive \
	    PATH=/usr/sbin:/usr/bin:/sbin:/bin sh -ec "$1"
}

boot
set -x
# All three servers want the same port.
inside 'systemctl stop apache2 lighttpd nginx'
inside "dpkg -i $packages/*.deb"
inside 'crier -w 10 status && systemctl is-active crierd.service &&
	systemctl is-enabled crierd.service crierd.socket crierd-queue.socket'
inside 'crier pub up kept'
# shellcheck disable=SC2016 # for the shell inside
inside 'old=$(systemctl show -p MainPID --value crierd)
	dpkg -i '"$packages"'/*.deb
	crier -w 10 pub up upgraded
	[ "$(systemctl show -p MainPID --value crierd)" != "$old" ]'
inside 'timeout 2 crier tail -d -n 2 up | grep -x kept'
inside 'systemctl reload crierd && crier reload && crier restart &&
	systemctl is-active crierd.service'
# What cannot be taken over is said, whoever asks.
inside 'cp -p /etc/crier.conf /tmp && echo "threads = 2" >>/etc/crier.conf
	! systemctl reload crierd
	journalctl -q -o cat -u crierd | grep "^crier: threads cannot change"
	cp -p /tmp/crier.conf /etc && systemctl reload crierd'
inside 'dpkg -r crier libapache2-mod-crier
	! systemctl is-active crierd.service crierd.socket'
inside 'dpkg -P crier libapache2-mod-crier
	[ ! -e /run/crier ] && [ ! -e /var/lib/crier ] && [ ! -e /etc/crier.conf ]'
inside '! systemctl --failed --plain --no-legend | grep crier'
