/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "queue/allow.h"

enum {
	ALLOW_GROUPS_MAX = 256
};

static bool
allow_has_group(int fd, gid_t own, gid_t wanted)
{
	gid_t groups[ALLOW_GROUPS_MAX] = { 0 };
	socklen_t len = sizeof groups;
	size_t i;

	if (own == wanted)
		return true;
#ifdef SO_PEERGROUPS
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) == -1)
		return false;
#else
	len = 0;
	(void)fd;
#endif
	for (i = 0; i < len / sizeof *groups; i++)
		if (groups[i] == wanted)
			return true;
	return false;
}

bool
allow_includes(const struct config_list *allow, int fd)
{
	struct ucred peer;
	socklen_t len = sizeof peer;
	const struct passwd *user;
	const struct group *group;
	size_t i;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == -1)
		return false;
	if (peer.uid == 0 || peer.uid == geteuid())
		return true;
	for (i = 0; i < allow->count; i++) {
		user = getpwnam(allow->items[i]);
		if (user != NULL && user->pw_uid == peer.uid)
			return true;
		group = getgrnam(allow->items[i]);
		if (group != NULL &&
		    allow_has_group(fd, peer.gid, group->gr_gid))
			return true;
	}
	return false;
}

bool
allow_is_root(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof peer;

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
	    peer.uid == 0;
}
