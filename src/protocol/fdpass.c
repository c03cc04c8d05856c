/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <string.h>
#include <sys/socket.h>

#include "protocol/fdpass.h"

/* Room for descriptors, aligned as their header must be (cmsg(3)). */
union fdpass_control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(FDPASS_TAKEN * sizeof(int))];
};

ssize_t
fdpass_send(int sock, const char *data, size_t len, int fd)
{
	struct iovec iov = { .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	union fdpass_control control;
	struct cmsghdr *c;

	/*
	 * sendmsg does not write to these bytes; struct iovec serves recvmsg as
	 * well, so its pointer is not const.
	 */
	memcpy(&iov.iov_base, &data, sizeof data);
	if (fd != -1) {
		memset(&control, 0, sizeof control);
		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(sizeof fd);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof fd);
		memcpy(CMSG_DATA(c), &fd, sizeof fd);
	}
	return sendmsg(sock, &msg, MSG_NOSIGNAL);
}

ssize_t
fdpass_receive(int sock,
    char *data, /* NOLINT(readability-non-const-parameter) */
    size_t len, int fds[FDPASS_TAKEN + 1], size_t *count)
{
	struct iovec iov = { .iov_base = data, .iov_len = len };
	union fdpass_control control;
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof control.bytes };
	struct cmsghdr *c;
	ssize_t n;

	*count = 0;
	n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	if (n == -1)
		return -1;
	for (c = CMSG_FIRSTHDR(&msg); c != NULL; c = CMSG_NXTHDR(&msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		*count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(fds, CMSG_DATA(c), *count * sizeof(int));
	}
	/*
	 * Only descriptors ask for this room, so it is some of them that were
	 * cut.
	 */
	if ((msg.msg_flags & MSG_CTRUNC) != 0)
		fds[(*count)++] = -1;
	return n;
}
