/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * A web server that was asked for its client's own socket, and may send
 * anything: messages, each a byte that says which descriptors are on it, its
 * length, and its bytes.  A socket is taken for the one record alone, and when
 * all have gone, nothing is left.
 */
#include "fuzz.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "door/connection.h"
#include "door/pass.h"
#include "door/record.h"
#include "protocol/fdpass.h"
#include "site.h"

const char *const fuzz_name = "pass";

enum {
	FUZZ_STREAMS = 8,
	FUZZ_MESSAGES = 12,
	FUZZ_MANY = FDPASS_TAKEN + 2
};

enum fuzz_kind {
	FUZZ_NONE,
	FUZZ_CLIENT,
	FUZZ_TWO,
	FUZZ_TOO_MANY,
	FUZZ_PIPE,
	FUZZ_FILE,
	FUZZ_LISTENING,
	FUZZ_OWN, /* the web server's own end */
	FUZZ_KINDS
};

static const char fuzz_routes[] =
    "route \"GET /events/{c...}\" { subscribe = \"{c}\" }\n";

static void
fuzz_pair_text(struct buffer *b, const char *name, const char *value)
{
	char lengths[2] = { (char)strlen(name), (char)strlen(value) };

	fuzz_check(buffer_append(b, lengths, sizeof lengths) == 0 &&
	    buffer_append_text(b, name) == 0 &&
	    buffer_append_text(b, value) == 0);
}

/* Asks for a stream; its head says that the socket is wanted. */
static void
fuzz_ask(const struct fuzz_site *site, int fd)
{
	struct buffer params = { 0 }, request = { 0 };
	char head[4096];
	ssize_t n;

	fuzz_pair_text(&params, "REQUEST_METHOD", "GET");
	fuzz_pair_text(&params, "REQUEST_URI", "/events/a");
	fuzz_pair_text(&params, "CRIER_PASS", "1");
	fuzz_check(record_append_request(&request, params.data, params.len) ==
		0 &&
	    send(fd, request.data, request.len, MSG_NOSIGNAL) ==
		(ssize_t)request.len);
	buffer_clear(&params);
	buffer_clear(&request);
	fuzz_site_turn(site, 4);
	n = read(fd, head, sizeof head);
	fuzz_check(n > 0 &&
	    memmem(head, (size_t)n, "X-Crier-Pass: 1\r\n", 17) != NULL);
}

/* Makes the descriptors of a message; returns how many. */
static size_t
fuzz_make(enum fuzz_kind kind, int own, int fds[FUZZ_MANY], int *client)
{
	static const struct sockaddr any = { .sa_family = AF_UNIX };
	size_t count = kind == FUZZ_TOO_MANY ? FUZZ_MANY : 1, i;
	int pair[2];

	*client = -1;
	switch (kind) {
	case FUZZ_NONE:
		return 0;
	case FUZZ_FILE:
		fds[0] = memfd_create("file", MFD_CLOEXEC);
		return 1;
	case FUZZ_LISTENING:
		fds[0] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		/* Linux names it (unix(7), autobind). */
		fuzz_check(bind(fds[0], &any, sizeof any.sa_family) == 0 &&
		    listen(fds[0], 1) == 0);
		return 1;
	case FUZZ_OWN:
		fds[0] = dup(own);
		return 1;
	case FUZZ_PIPE:
		fuzz_check(pipe(pair) == 0);
		break;
	default:
		fuzz_pair(pair);
		count = kind == FUZZ_TWO ? 2 : count;
	}
	*client = pair[0];
	fds[0] = pair[1];
	for (i = 1; i < count; i++)
		fds[i] = dup(pair[1]);
	return count;
}

static bool
fuzz_send(int sock, const uint8_t *data, size_t len, const int *fds,
    size_t count)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(FUZZ_MANY * sizeof(int))];
	} control;
	struct iovec iov = { .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c;

	memcpy(&iov.iov_base, &data, sizeof data);
	if (count > 0) {
		memset(&control, 0, sizeof control);
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(count * sizeof(int));
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(c), fds, count * sizeof(int));
	}
	return sendmsg(sock, &msg, MSG_NOSIGNAL) == (ssize_t)len;
}

/* Whether the socket is to be taken, if this is the first message. */
static bool
fuzz_is_right(enum fuzz_kind kind, const uint8_t *data, size_t len)
{
	static const uint8_t record[] = { 1, PASS_RECORD, 0, 1, 0, 0, 0, 0 };

	/* The reserved byte says nothing. */
	return (kind == FUZZ_CLIENT || kind == FUZZ_OWN) &&
	    len == sizeof record && memcmp(data, record, len - 1) == 0;
}

/* END_REQUEST with appStatus 1, first of all that is said now. */
static bool
fuzz_is_taken(int fd)
{
	static const uint8_t end[] = { 1, 3, 0, 1, 0, 8 };
	uint8_t said[16];
	ssize_t n = recv(fd, said, sizeof said, MSG_PEEK | MSG_DONTWAIT);

	return n == (ssize_t)sizeof said &&
	    memcmp(said, end, sizeof end) == 0 && said[11] == 1;
}

/*
 * One message; returns the client's end, or -1.  Until then the stream is held
 * for the first one; 0 for those after it.
 */
static int
fuzz_message(const struct fuzz_site *site, int sock, enum fuzz_kind kind,
    const uint8_t *data, size_t len, uint64_t until_ms)
{
	int fds[FUZZ_MANY], client;
	size_t count = fuzz_make(kind, sock, fds, &client), i;
	bool is_sent = fuzz_send(sock, data, len, fds, count);

	for (i = 0; i < count; i++)
		close(fds[i]);
	fuzz_site_turn(site, until_ms > 0 ? 1 : 2);
	if (is_sent && clock_monotonic_ms() < until_ms)
		fuzz_check(fuzz_is_taken(sock) ==
		    fuzz_is_right(kind, data, len));
	fuzz_check(hub_stream_count(site->hub) <= FUZZ_STREAMS);
	fuzz_drain(sock);
	return client;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct text_span none = { "", 0 };
	struct fuzz_site *site = fuzz_site_get(fuzz_routes, FUZZ_STREAMS);
	int before = fuzz_free_descriptor(), fds[2], clients[FUZZ_MESSAGES];
	size_t count = 0, at = 0, len;
	uint64_t until_ms;

	until_ms = clock_monotonic_ms() + PASS_HOLD_MS;
	fuzz_pair(fds);
	connection_open(site->door, fds[1], false, none);
	fuzz_ask(site, fds[0]);
	while (count < FUZZ_MESSAGES && size - at > 2) {
		enum fuzz_kind kind = data[at] % FUZZ_KINDS;

		len = data[at + 1];
		at += 2;
		if (len == 0 || len > size - at)
			len = size - at;
		clients[count] = fuzz_message(site, fds[0], kind, data + at,
		    len, count == 0 ? until_ms : 0);
		count++;
		at += len;
	}
	close(fds[0]);
	while (count > 0)
		if (clients[--count] != -1)
			close(clients[count]);
	fuzz_site_empty(site, before);
	return 0;
}
