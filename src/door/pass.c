/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fastcgi.h>

#include "base/log.h"
#include "door/descriptor.h"
#include "door/pass.h"
#include "door/record.h"
#include "protocol/fdpass.h"

enum {
	PASS_READ_BYTES = 4096,
	PASS_TAKEN = 1 /* appStatus */
};

static const char pass_header[] = "X-Crier-Pass: 1\r\n";

bool
pass_is_offered(const struct request *request, int fd)
{
	int domain = 0;
	socklen_t len = sizeof domain;

	return strcmp(request_get(request, "CRIER_PASS"), "1") == 0 &&
	    getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 &&
	    domain == AF_UNIX;
}

int
pass_put_head(struct buffer *b, uint16_t request_id, struct text_span head)
{
	size_t before = b->len;

	if (record_append_stdout(b, request_id, pass_header,
		sizeof pass_header - 1) == 0 &&
	    record_append_stdout(b, request_id, head.text, head.len) == 0)
		return 0;
	buffer_truncate(b, before);
	return -1;
}

int
pass_put_taken(struct buffer *b, uint16_t request_id)
{
	return record_append_end_with(b, request_id, PASS_TAKEN,
	    FCGI_REQUEST_COMPLETE);
}

/* Whether these bytes are the one record, and nothing else. */
static bool
pass_is_record(const char *data, size_t len, uint16_t request_id)
{
	struct record r;

	return record_parse(data, len, &r) == len &&
	    r.version == FCGI_VERSION_1 && r.type == PASS_RECORD &&
	    r.request_id == request_id && r.content_len == 0 &&
	    r.padding_len == 0;
}

/* Whether a client can be written to by this descriptor. */
static bool
pass_check_client(int fd)
{
	const char *why = descriptor_check_client(fd);

	if (why != NULL)
		log_debug("a passed descriptor is not taken: %s", why);
	return why == NULL;
}

ssize_t
pass_receive(int fd, uint16_t request_id, struct buffer *in, int *client)
{
	int fds[FDPASS_TAKEN + 1];
	size_t count, i;
	char *to = buffer_reserve(in, PASS_READ_BYTES);
	ssize_t n;

	*client = -1;
	if (to == NULL) {
		errno = ENOMEM;
		return -1;
	}
	n = fdpass_receive(fd, to, PASS_READ_BYTES, fds, &count);
	if (n > 0 && count == 1 && fds[0] != -1 &&
	    pass_is_record(to, (size_t)n, request_id) &&
	    pass_check_client(fds[0])) {
		*client = fds[0];
		return n;
	}
	for (i = 0; i < count; i++)
		if (fds[i] != -1)
			close(fds[i]);
	if (n > 0)
		buffer_commit(in, (size_t)n);
	return n;
}
