/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <grp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/cause.h"
#include "base/clock.h"
#include "base/flush.h"
#include "base/json.h"
#include "base/process.h"
#include "base/text.h"
#include "protocol/client.h"
#include "protocol/fdpass.h"
#include "protocol/reply.h"

enum {
	CLIENT_CHUNK = 64 * 1024, /* bytes of one read */
	CLIENT_RETRY_MS = 20,
	CLIENT_BUSY_MS = 5000, /* how long a full backlog is waited for */
	CLIENT_WHY_SIZE = 512
};

void
client_warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("crier: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
}

/* A connected, non-blocking socket; or -1 with errno. */
static int
client_connect(const struct sockaddr_un *sun)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int error;

	if (fd == -1)
		return -1;
	if (connect(fd, (const struct sockaddr *)sun, sizeof *sun) == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

static int
client_refused_by_mode(const char *path)
{
	struct stat st;
	struct group *group;
	char *cause;

	if (stat(path, &st) == -1) {
		process_cannot(path, "", W_OK, errno, &cause);
		client_warn("%s", cause_text(cause));
		free(cause);
		return EX_NOPERM;
	}
	group = getgrgid(st.st_gid);
	if (group != NULL)
		client_warn("not allowed to use %s: it is for the group "
			    "%s; become a member of it, or ask for another "
			    "(queue-group in crier.conf, with systemd "
			    "SocketGroup in crierd-queue.socket), or use a "
			    "crierd of your own (-s or CRIER_QUEUE)",
		    path, group->gr_name);
	else
		client_warn("not allowed to use %s", path);
	return EX_NOPERM;
}

int
client_explain(const char *path, int error)
{
	switch (error) {
	case ENOENT:
		client_warn("no crierd: there is no %s; start crierd, as "
			    "crier pub --start does by itself, or name its "
			    "queue with -s or CRIER_QUEUE",
		    path);
		return EX_UNAVAILABLE;
	case ECONNREFUSED:
		client_warn("no crierd answers at %s: it has ended; start it "
			    "again, or wait for it with -w",
		    path);
		return EX_UNAVAILABLE;
	case EACCES:
	case EPERM:
		return client_refused_by_mode(path);
	case EAGAIN:
		client_warn("crierd at %s is too busy, try again", path);
		return EX_TEMPFAIL;
	default:
		client_warn("%s: %s", path, strerror(error));
		return EX_UNAVAILABLE;
	}
}

int
client_try(struct client *c, const char *path, uint64_t wait_ms,
    uint64_t busy_ms)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	uint64_t begun = clock_monotonic_ms(), limit;

	memset(c, 0, sizeof *c);
	c->fd = -1;
	c->silence_ms = CLIENT_SILENCE_MS;
	if (strlen(path) >= sizeof sun.sun_path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(sun.sun_path, path, strlen(path) + 1);
	while ((c->fd = client_connect(&sun)) == -1) {
		limit = wait_ms;
		if (errno == EAGAIN && limit < busy_ms)
			limit = busy_ms;
		if ((errno != ENOENT && errno != ECONNREFUSED &&
			errno != EAGAIN) ||
		    clock_monotonic_ms() - begun >= limit)
			return -1;
		clock_sleep_ms(CLIENT_RETRY_MS);
	}
	return 0;
}

int
client_open(struct client *c, const char *path, uint64_t wait_ms)
{
	if (client_try(c, path, wait_ms, CLIENT_BUSY_MS) == 0)
		return 0;
	return client_explain(path, errno);
}

void
client_close(struct client *c)
{
	if (c->fd != -1)
		close(c->fd);
	buffer_clear(&c->out);
	buffer_clear(&c->in);
	c->fd = -1;
}

/*
 * A connection that the other side has closed is no failure here: what it said
 * before is still there to be read.
 */
static int
client_send(struct client *c)
{
	if (flush_buffer(c->fd, &c->out) != -1)
		return 0;
	if (errno != EPIPE && errno != ECONNRESET)
		return -1;
	buffer_clear(&c->out);
	return 0;
}

static int
client_receive(struct client *c)
{
	char *to = buffer_reserve(&c->in, CLIENT_CHUNK);
	ssize_t n;

	if (to == NULL)
		return -1;
	n = recv(c->fd, to, CLIENT_CHUNK, 0);
	if (n > 0) {
		buffer_commit(&c->in, (size_t)n);
		return 0;
	}
	if (n == 0 || errno == ECONNRESET) {
		c->ended = true;
		c->was_reset = n == -1;
		return 0;
	}
	return errno == EAGAIN || errno == EINTR ? 0 : -1;
}

int
client_turn(struct client *c, struct pollfd *fds, nfds_t count, int timeout_ms)
{
	int n;

	fds[0].fd = c->ended ? -1 : c->fd;
	fds[0].events = POLLIN;
	if (c->out.len > 0)
		fds[0].events |= POLLOUT;
	if ((n = poll(fds, count, timeout_ms)) <= 0)
		return n;
	if ((fds[0].revents & (POLLIN | POLLHUP | POLLERR)) != 0 &&
	    client_receive(c) == -1)
		return -1;
	if ((fds[0].revents & POLLOUT) != 0 && c->out.len > 0 &&
	    client_send(c) == -1)
		return -1;
	return 1;
}

bool
client_next_line(struct client *c, const char **line, size_t *len)
{
	struct text_span found;

	if (lines_find(&c->lines, &c->in, SIZE_MAX, false, &found) ==
	    LINES_NONE)
		return false;
	*line = found.text;
	*len = found.len;
	lines_pass(&c->lines, &c->in);
	return true;
}

/*
 * A descriptor goes with the line's first byte, so the bytes of all lines
 * before it must be out first.
 */
static int
client_send_with(struct client *c, const struct buffer *line, int fd)
{
	uint64_t begun = clock_monotonic_ms();
	struct pollfd fds[1];
	ssize_t n = 0;

	while (fd != -1 && n <= 0) {
		n = fdpass_send(c->fd, line->data, line->len, fd);
		if (n == -1 && errno != EAGAIN && errno != EINTR)
			return -1;
		if (n == -1 &&
		    clock_monotonic_ms() - begun > (uint64_t)c->silence_ms) {
			errno = ETIMEDOUT;
			return -1;
		}
		if (n == -1 && client_turn(c, fds, 1, CLIENT_RETRY_MS) == -1 &&
		    errno != EINTR)
			return -1;
	}
	return buffer_append(&c->out, line->data + n, line->len - (size_t)n);
}

int
client_ask(struct client *c, const struct buffer *line, int fd,
    const char **reply, size_t *reply_len)
{
	struct pollfd fds[1];
	int rc;

	if (client_send_with(c, line, fd) == -1)
		return -1;
	while (!client_next_line(c, reply, reply_len)) {
		if (c->ended || c->in.len > CLIENT_LINE_MAX) {
			errno = ECONNRESET;
			return -1;
		}
		rc = client_turn(c, fds, 1, c->silence_ms);
		if (rc == 0)
			errno = ETIMEDOUT;
		if (rc == 0 || (rc == -1 && errno != EINTR))
			return -1;
	}
	return 0;
}

/* Says why there is no reply; returns the exit code. */
static int
client_explain_silence(int error)
{
	switch (error) {
	case ECONNRESET:
		client_warn("crierd closed the connection");
		return EX_TEMPFAIL;
	case ETIMEDOUT:
		client_warn("crierd does not answer");
		return EX_TEMPFAIL;
	default:
		client_warn("%s", strerror(error));
		return error == ENOMEM ? EX_OSERR : EX_TEMPFAIL;
	}
}

int
client_call(struct client *c, struct json_object *command, const char **reply,
    size_t *reply_len)
{
	struct buffer line = { 0 };
	char why[CLIENT_WHY_SIZE];
	int rc = json_append_line(&line, command);

	if (rc == -1)
		errno = ENOMEM;
	else
		rc = client_ask(c, &line, -1, reply, reply_len);
	buffer_clear(&line);
	if (rc == -1)
		return client_explain_silence(errno);
	rc = reply_code(*reply, *reply_len, why, sizeof why);
	if (rc != 0)
		client_warn("%s", why);
	return rc;
}

int
client_worse_code(int a, int b)
{
	static const int weight[] = { 0, EX_TEMPFAIL, EX_DATAERR, EX_NOPERM };
	size_t of_a = 1, of_b = 1, i;

	for (i = 0; i < sizeof weight / sizeof weight[0]; i++) {
		of_a = weight[i] == a ? i : of_a;
		of_b = weight[i] == b ? i : of_b;
	}
	return of_b > of_a ? b : a;
}
