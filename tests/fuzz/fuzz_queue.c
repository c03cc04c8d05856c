/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * A peer's whole conversation with the queue: lines in pieces, and descriptors
 * of several kinds that come with them, its own end among them.  When the peer
 * has gone, nothing is left of it.  A piece is a byte of length, a byte of
 * descriptors (how many in its lower half, of which kinds in its upper one),
 * and its bytes.
 */
#include "fuzz.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "site.h"

const char *const fuzz_name = "queue";

enum {
	FUZZ_STREAMS = 6,
	FUZZ_DESCRIPTORS = 15,
	FUZZ_KINDS = 4,
	FUZZ_TURNS = 32
};

/* What a peer may pass: a client's socket, a pipe, what is neither, itself. */
struct fuzz_ends {
	int client[2], pipe[2], null, own;
};

/*
 * The queue knows a connection of its own by the name of its listener.  The
 * kernel finds one that is in no file system.
 */
static struct {
	int fd;
	struct sockaddr_un name;
	socklen_t len;
} fuzz_listener = { .fd = -1, .name = { .sun_family = AF_UNIX } };

static void
fuzz_listen(void)
{
	struct sockaddr *name = (struct sockaddr *)&fuzz_listener.name;

	if (fuzz_listener.fd != -1)
		return;
	fuzz_listener.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	fuzz_listener.len = sizeof fuzz_listener.name;
	fuzz_check(fuzz_listener.fd != -1 &&
	    bind(fuzz_listener.fd, name, sizeof name->sa_family) == 0 &&
	    listen(fuzz_listener.fd, 1) == 0 &&
	    getsockname(fuzz_listener.fd, name, &fuzz_listener.len) == 0);
}

static void
fuzz_connect(int peer[2])
{
	const int flags = SOCK_CLOEXEC | SOCK_NONBLOCK;

	peer[0] = socket(AF_UNIX, SOCK_STREAM | flags, 0);
	fuzz_check(peer[0] != -1 &&
	    connect(peer[0], (struct sockaddr *)&fuzz_listener.name,
		fuzz_listener.len) == 0);
	peer[1] = accept4(fuzz_listener.fd, NULL, NULL, flags);
	fuzz_check(peer[1] != -1);
}

static void
fuzz_ends_open(struct fuzz_ends *e, int own)
{
	e->own = own;
	fuzz_pair(e->client);
	e->null = open("/dev/null", O_RDWR | O_CLOEXEC);
	fuzz_check(pipe2(e->pipe, O_CLOEXEC | O_NONBLOCK) == 0 &&
	    e->null != -1);
}

static void
fuzz_ends_close(struct fuzz_ends *e)
{
	fuzz_drain(e->client[0]);
	fuzz_drain(e->pipe[0]);
	close(e->client[0]);
	close(e->client[1]);
	close(e->pipe[0]);
	close(e->pipe[1]);
	close(e->null);
}

/* Sends bytes with so many descriptors, of alternating kinds. */
static bool
fuzz_send(int fd, const struct fuzz_ends *e, const uint8_t *bytes, size_t len,
    unsigned count, unsigned kind)
{
	const int kinds[FUZZ_KINDS] = { e->client[1], e->pipe[1], e->null,
		e->own };
	union {
		char bytes[CMSG_SPACE(FUZZ_DESCRIPTORS * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec part = { .iov_len = len };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	struct cmsghdr *head;
	int fds[FUZZ_DESCRIPTORS];
	unsigned i;

	memcpy(&part.iov_base, &bytes, sizeof bytes);
	for (i = 0; i < count; i++)
		fds[i] = kinds[(kind + i) % FUZZ_KINDS];
	if (count > 0) {
		memset(&control, 0, sizeof control);
		message.msg_control = control.bytes;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		head = CMSG_FIRSTHDR(&message);
		head->cmsg_level = SOL_SOCKET;
		head->cmsg_type = SCM_RIGHTS;
		head->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(head), fds, count * sizeof(int));
	}
	return sendmsg(fd, &message, MSG_NOSIGNAL) == (ssize_t)len;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_site *site =
	    fuzz_site_get("channel \"**\" { publish = anyone }\n",
		FUZZ_STREAMS);
	struct fuzz_ends ends;
	int before, peer[2];
	unsigned passed;
	size_t at = 0, len;

	fuzz_listen();
	before = fuzz_free_descriptor();
	fuzz_connect(peer);
	fuzz_ends_open(&ends, peer[0]);
	queue_serve(site->queue, peer[1]);
	for (; at + 2 < size; at += len) {
		len = data[at];
		passed = data[at + 1];
		at += 2;
		if (len > size - at)
			len = size - at;
		if (len > 0 &&
		    !fuzz_send(peer[0], &ends, data + at, len, passed & 15,
			passed >> 4))
			break;
		if (passed & 128)
			fuzz_site_turn(site, 2);
	}
	fuzz_site_turn(site, FUZZ_TURNS);
	fuzz_drain(peer[0]);
	fuzz_site_turn(site, FUZZ_TURNS);
	/* While the queue has copies the kernel does not tell of a close. */
	shutdown(peer[0], SHUT_RDWR);
	close(peer[0]);
	fuzz_ends_close(&ends);
	fuzz_site_empty(site, before);
	return 0;
}
