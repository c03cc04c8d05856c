/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * The least that a program can be which publishes one event: it connects,
 * writes its line, reads the reply.
 */

#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
	static const char line[] =
	    "{\"channel\":\"bench\",\"data\":\"once\"}\n";
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	char reply[256];
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (argc != 2 ||
	    snprintf(sun.sun_path, sizeof sun.sun_path, "%s", argv[1]) >=
		(int)sizeof sun.sun_path)
		return 1;
	if (connect(fd, (const struct sockaddr *)&sun, sizeof sun) == -1 ||
	    write(fd, line, sizeof line - 1) != sizeof line - 1)
		return 1;
	return read(fd, reply, sizeof reply) > 0 ? 0 : 1;
}
