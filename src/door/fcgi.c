/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <sys/socket.h>
#include <unistd.h>

#include <fcgiapp.h>

#include "base/log.h"
#include "door/fcgi.h"

/*
 * libfcgi expects a connection: it reads with blocking calls, up to 8192 bytes
 * ahead, and on an error closes what it reads from, or begins to accept.  So it
 * never gets a real one.  It gets one end of a socket pair in which just the
 * bytes of one whole request lie, followed by the end of file:
 *
 *  - it cannot block, whatever the bytes are;
 *  - what follows the request on the real connection (an ABORT, the next
 *    request) is still there, where reading ahead would have lost it;
 *  - the real connection stays ours, non-blocking, from accept to close.
 *
 * The order of the calls below is what 2.4.0 to 2.4.7 ask for:
 *
 *  - FCGX_InitRequest with socket -1, so that a bad request makes
 *    FCGX_Accept_r return instead of waiting in accept(2);
 *  - ipcFd and keepConnection set by hand: without keepConnection
 *    FCGX_Accept_r would begin by closing ipcFd;
 *  - FCGX_GetError of the input too: FCGX_Accept_r returns 0 with an empty or
 *    short environment if the parameters end between two pairs;
 *  - FCGX_Free(&r, 0) frees the buffers and leaves the descriptor; with 1 it
 *    would linger up to two seconds for the peer to close.
 */

enum { FCGI_PAIR_EXTRA = 65536 };

void
fcgi_init(void)
{
	if (FCGX_Init() != 0)
		log_fatal("libfcgi cannot be initialised");
}

/* Both ends in pair; all bytes and the end of file are in pair[0]. */
static int
fcgi_fill_pair(const char *records, size_t len, int pair[2])
{
	/* The kernel counts its own overhead into this, too. */
	int size = (int)len + FCGI_PAIR_EXTRA;
	ssize_t n;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == -1)
		return -1;
	if (len > FCGI_PAIR_EXTRA)
		setsockopt(
		    pair[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	n = send(pair[1], records, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	close(pair[1]);
	if (n == (ssize_t)len)
		return 0;
	close(pair[0]);
	return -1;
}

static int
fcgi_copy_env(char **envp, struct request *r)
{
	for (; envp != NULL && *envp != NULL; envp++)
		if (request_add(r, *envp) == -1)
			return -1;
	return 0;
}

static int
fcgi_copy_body(FCGX_Stream *in, struct request *r)
{
	char data[4096];
	int n;

	while ((n = FCGX_GetStr(data, sizeof data, in)) > 0)
		if (buffer_append(&r->body, data, (size_t)n) == -1)
			return -1;
	return FCGX_GetError(in) == 0 ? 0 : -1;
}

int
fcgi_decode(const char *records, size_t len, struct request *request)
{
	FCGX_Request r;
	int pair[2], rc = -1;

	if (fcgi_fill_pair(records, len, pair) == -1)
		return -1;
	FCGX_InitRequest(&r, -1, 0);
	r.ipcFd = pair[0];
	r.keepConnection = 1;
	/* On failure it has closed the descriptor and freed all. */
	if (FCGX_Accept_r(&r) != 0)
		return -1;
	if (FCGX_GetError(r.in) == 0 && fcgi_copy_env(r.envp, request) == 0 &&
	    fcgi_copy_body(r.in, request) == 0)
		rc = 0;
	FCGX_Free(&r, 0);
	close(pair[0]);
	return rc;
}
