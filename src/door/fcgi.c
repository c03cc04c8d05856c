/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <fcgiapp.h>

#include "base/log.h"
#include "door/fcgi.h"
#include "door/record.h"

/*
 * libfcgi expects a connection: it reads with blocking calls, up to 8192 bytes
 * ahead, and on an error closes what it reads from, or begins to accept.  So it
 * never gets a real one.  It gets a file in memory with a request that we wrote
 * ourselves around the parameters that the gate gathered:
 *
 *  - it cannot block, whatever the bytes are: a file has an end;
 *  - what follows the request on the real connection (an ABORT, the next
 *    request) is still there, where reading ahead would have lost it;
 *  - odd records (padding, one byte at a time, a length that overflows an int,
 *    at which 2.4.2 aborts the process) do not reach it;
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
 *    would linger up to two seconds for a peer to close.
 */

/*
 * The file in memory.  It is kept from request to request, so that decoding
 * works also when there is no descriptor left.
 */
static int fcgi_file = -1;
static size_t fcgi_file_len;

static void
fcgi_open_file(void)
{
	fcgi_file = memfd_create("request", MFD_CLOEXEC);
	fcgi_file_len = 0;
}

void
fcgi_init(void)
{
	if (FCGX_Init() != 0)
		log_fatal("libfcgi cannot be initialised");
	fcgi_open_file();
	if (fcgi_file == -1)
		log_fatal("memfd_create: %s", strerror(errno));
}

/* Makes these bytes the file's content. */
static int
fcgi_fill_file(const char *data, size_t len)
{
	if (pwrite(fcgi_file, data, len, 0) != (ssize_t)len ||
	    (len < fcgi_file_len && ftruncate(fcgi_file, (off_t)len) == -1))
		return -1;
	fcgi_file_len = len;
	return lseek(fcgi_file, 0, SEEK_SET) == 0 ? 0 : -1;
}

static int
fcgi_write_file(const char *params, size_t len)
{
	struct buffer b = { 0 };
	int rc = -1;

	if (fcgi_file == -1)
		fcgi_open_file();
	if (fcgi_file != -1 && record_append_request(&b, params, len) == 0)
		rc = fcgi_fill_file(b.data, b.len);
	buffer_clear(&b);
	return rc;
}

static int
fcgi_copy_env(char **envp, struct request *r)
{
	for (; envp != NULL && *envp != NULL; envp++)
		if (request_add(r, *envp) == -1)
			return -1;
	return 0;
}

int
fcgi_decode(const char *params, size_t len, struct request *request)
{
	FCGX_Request r;
	int rc = -1;

	if (fcgi_write_file(params, len) == -1)
		return -1;
	FCGX_InitRequest(&r, -1, 0);
	r.ipcFd = fcgi_file;
	r.keepConnection = 1;
	if (FCGX_Accept_r(&r) != 0) {
		/* FCGX_Accept_r has closed the file and freed the request. */
		fcgi_open_file();
		return -1;
	}
	if (FCGX_GetError(r.in) == 0)
		rc = fcgi_copy_env(r.envp, request);
	FCGX_Free(&r, 0);
	return rc;
}
