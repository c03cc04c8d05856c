/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "door/handoff.h"
#include "handing.h"
#include "protocol/command.h"
#include "queue/queue.h"

enum {
	HANDING_TEXT = 8192,
	HANDING_TURNS = 8,
	HANDING_SENT = 300 /* descriptors of one message */
};

const char handing_opened[] = "{\"ok\":true,\"answer\":\"opened\"}\n";
const char handing_full[] =
    "{\"ok\":false,\"answer\":\"full\",\"error\":\"crierd is full "
    "(max-streams)\",\"code\":75}\n";

size_t
handing_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t n = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

void
handing_setup(struct handing *h, const char *const *settings)
{
	memset(h, 0, sizeof *h);
	h->descriptors = handing_descriptors();
	streams_setup(&h->hub, settings);
	h->door = door_new(h->hub.base, NULL);
	h->queue = queue_new(h->hub.base, h->hub.hub);
	assert_non_null(h->door);
	assert_non_null(h->queue);
	door_configure(h->door, h->hub.config, 10);
	door_set_hub(h->door, h->hub.hub);
	queue_set_handoff(h->queue, handoff_take, h->door);
}

void
handing_teardown(struct handing *h)
{
	door_free(h->door);
	queue_free(h->queue);
	streams_teardown(&h->hub);
	buffer_clear(&h->reply);
	assert_int_equal(handing_descriptors(), h->descriptors);
}

void
handing_take(struct handing *h, const char *line, int fd)
{
	struct json_tokener *tokener = command_tokener();
	struct command c;

	assert_non_null(tokener);
	if (command_parse(&c, tokener, line, strlen(line)) == -1)
		fail_msg("%s: %s", line, c.error);
	assert_int_equal(c.kind, COMMAND_HANDOFF);
	buffer_truncate(&h->reply, 0);
	assert_int_equal(handoff_take(h->door, c.json, fd, &h->reply), 0);
	assert_int_equal(buffer_append(&h->reply, "", 1), 0);
	command_clear(&c);
	json_tokener_free(tokener);
}

const char *
handing_line(const char *framing, const char *members)
{
	static char line[HANDING_TEXT];
	int n = snprintf(line, sizeof line,
	    "{\"do\":\"handoff\",\"framing\":\"%s\",\"request\":258,"
	    "\"head\":\"X: head\\r\\n\\r\\n\",\"channel\":[\"a\"]%s}",
	    framing, members);

	assert_true(n > 0 && (size_t)n < sizeof line);
	return line;
}

void
handing_assert(struct handing *h, const char *reply)
{
	assert_string_equal(h->reply.data, reply);
}

void
handing_assert_refused(struct handing *h, const char *why)
{
	static const char start[] = "{\"ok\":false,\"error\":\"";

	if (strncmp(h->reply.data, start, sizeof start - 1) != 0 ||
	    strstr(h->reply.data, why) == NULL ||
	    strstr(h->reply.data, "\"code\":65}\n") == NULL)
		fail_msg("%s instead of %s", h->reply.data, why);
}

void
handing_socketpair(int fds[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
			     fds),
	    0);
	assert_true(fcntl(fds[1], F_SETFL, O_NONBLOCK) != -1);
}

void
handing_pipe(int fds[2])
{
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	fds[0] = ends[1];
	fds[1] = ends[0];
	assert_true(fcntl(fds[1], F_SETFL, O_NONBLOCK) != -1);
}

void
handing_client(struct streams_client *c, int fd, bool is_framed)
{
	memset(c, 0, sizeof *c);
	c->fd = fd;
	c->is_framed = is_framed;
}

void
handing_turn(struct handing *h)
{
	int i;

	for (i = 0; i < HANDING_TURNS; i++)
		event_base_loop(h->hub.base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

int
handing_connect(struct handing *h)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX,
			     SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
			     fds),
	    0);
	queue_serve(h->queue, fds[0]);
	return fds[1];
}

void
handing_send(int sock, const char *text, const int *fds, size_t count)
{
	static union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(HANDING_SENT * sizeof(int))];
	} control;
	struct iovec iov = { .iov_len = strlen(text) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c;

	memcpy(&iov.iov_base, &text, sizeof text);
	assert_true(count <= HANDING_SENT);
	if (count > 0) {
		memset(&control, 0, sizeof control);
		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(count * sizeof *fds);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(count * sizeof *fds);
		memcpy(CMSG_DATA(c), fds, count * sizeof *fds);
	}
	assert_int_equal(sendmsg(sock, &msg, MSG_NOSIGNAL), iov.iov_len);
}

const char *
handing_said(struct handing *h, int sock)
{
	static char text[HANDING_TEXT];
	ssize_t n;

	handing_turn(h);
	n = read(sock, text, sizeof text - 1);
	text[n > 0 ? n : 0] = '\0';
	return text;
}
