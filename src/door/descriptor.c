/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/listener.h"
#include "door/descriptor.h"

const char *
descriptor_check(int fd, struct descriptor *d)
{
	int type = 0, domain = 0, flags = fcntl(fd, F_GETFL);
	socklen_t len = sizeof type;
	struct stat st;

	if (flags == -1 || (flags & O_ACCMODE) == O_RDONLY ||
	    fstat(fd, &st) == -1 ||
	    (!S_ISFIFO(st.st_mode) && !S_ISSOCK(st.st_mode)))
		return "is no pipe or socket that can be written to";
	if (S_ISSOCK(st.st_mode) &&
	    (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == -1 ||
		getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == -1 ||
		type != SOCK_STREAM || listener_is_listening(fd)))
		return "is no connected stream socket";
	d->is_pipe = S_ISFIFO(st.st_mode);
	d->is_unix = S_ISSOCK(st.st_mode) && domain == AF_UNIX;
	if (fcntl(fd, F_SETFL, flags | O_NONBLOCK) == -1)
		return strerror(errno);
	return NULL;
}

const char *
descriptor_check_client(int fd)
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof peer;
	struct descriptor d;
	const char *why = descriptor_check(fd, &d);

	if (why != NULL)
		return why;
	if (d.is_pipe || getpeername(fd, (struct sockaddr *)&peer, &len) == -1)
		return "is no connected stream socket";
	return NULL;
}
