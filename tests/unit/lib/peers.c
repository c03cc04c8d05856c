/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "peers.h"

bool
peers_close_by_exec(const char *path)
{
	struct sockaddr_un un;
	socklen_t len;
	int fd, found = 0;

	for (fd = 0; fd < 256; fd++) {
		len = sizeof un;
		memset(&un, 0, sizeof un);
		if (getpeername(fd, (struct sockaddr *)&un, &len) == -1 ||
		    strcmp(un.sun_path, path) != 0)
			continue;
		found++;
		if ((fcntl(fd, F_GETFD) & FD_CLOEXEC) == 0)
			return false;
	}
	return found > 0;
}

bool
peers_send_at_once(in_port_t port)
{
	struct sockaddr_in in;
	socklen_t len;
	int fd, on = 0;

	for (fd = 0; fd < 256; fd++) {
		len = sizeof in;
		memset(&in, 0, sizeof in);
		if (getpeername(fd, (struct sockaddr *)&in, &len) == -1 ||
		    in.sin_family != AF_INET || in.sin_port != port)
			continue;
		len = sizeof on;
		return getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &len) ==
		    0 &&
		    on != 0;
	}
	return false;
}
