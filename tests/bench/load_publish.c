/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "load.h"

/*
 * The publisher: one connection, events one behind the other without waiting
 * for the replies, at a pace or as fast as they are taken.  Each says when it
 * was sent: at its moment, even if it had to wait for its turn.
 */

enum {
	PUBLISH_ROOM = 524288,
	PUBLISH_AHEAD = 65536,   /* bytes made before they are sent */
	PUBLISH_TIMER = 1000000, /* ns; a timer may be so late */
	PUBLISH_EXTRA = 1024     /* of a line or a request, besides its data */
};

struct publish {
	const struct load *load;
	struct load_shared *shared;
	int fd;
	uint64_t begin_ns;
	unsigned made, fills;
	unsigned closed;  /* connections */
	size_t len, sent; /* of what goes out */
	size_t reply_len; /* of a reply whose end has not come */
	unsigned matched; /* of "HTTP/1.1 2" */
	char *out;
	char reply[4096];
};

static int
publish_connect(const struct load_address *a)
{
	int fd = socket(a->sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd == -1 ||
	    connect(fd, (const struct sockaddr *)&a->sa, a->len) == -1)
		measure_die("publisher: %s", strerror(errno));
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

/* A request, or a line, with these data in it. */
static void
publish_put(struct publish *p, unsigned channel, const char *data, size_t len)
{
	const struct load_options *o = &p->load->options;
	char before[PUBLISH_EXTRA] = "";
	const char *after = "";
	char *to = p->out + p->len;
	size_t room = PUBLISH_ROOM - p->len;
	int n = 0;

	if (o->is_grip) {
		snprintf(before, sizeof before,
		    "{\"items\":[{\"channel\":\"bench%u\",\"formats\":"
		    "{\"http-stream\":{\"content\":\"data: ",
		    channel);
		after = "\\n\\n\"}}}]}";
	} else if (!o->is_posted) {
		snprintf(before, sizeof before,
		    "{\"channel\":\"bench%u\",\"data\":\"", channel);
		after = "\"}\n";
	}
	if (o->is_grip)
		n = snprintf(to, room, "POST %s HTTP/1.1\r\n", o->post_prefix);
	else if (o->is_posted)
		n = snprintf(to, room, "POST %sbench%u HTTP/1.1\r\n",
		    o->post_prefix, channel);
	if (o->is_posted)
		n += snprintf(to + n, room - (size_t)n,
		    "Host: localhost\r\nContent-Type: %s\r\n"
		    "Content-Length: %zu\r\n\r\n",
		    o->is_grip ? "application/json" : "text/plain",
		    strlen(before) + len + strlen(after));
	n += snprintf(to + n, room - (size_t)n, "%s%.*s%s", before, (int)len,
	    data, after);
	p->len += (size_t)n;
}

static void
publish_make_event(struct publish *p, uint64_t sent_ns)
{
	const struct load_options *o = &p->load->options;
	char data[65536];
	unsigned channel = p->made % o->channels;
	int n;

	n = snprintf(data, sizeof data, "E%u %llu ", p->made / o->channels,
	    (unsigned long long)sent_ns);
	memset(data + n, 'x', o->size - (size_t)n);
	publish_put(p, channel, data, o->size);
	p->made++;
}

/* What fills the sockets of those who do not read. */
static void
publish_make_fill(struct publish *p)
{
	static char data[LOAD_FILL_SIZE];

	memset(data, 'x', sizeof data);
	data[0] = 'F';
	publish_put(p, p->fills % p->load->options.channels, data, sizeof data);
	p->fills++;
}

/* Pushpin takes one request a connection. */
static bool
publish_is_held(const struct publish *p)
{
	return p->load->options.is_grip && p->made > p->closed;
}

/* All that is due; when the next one is, or 0. */
static uint64_t
publish_make(struct publish *p)
{
	const struct load_options *o = &p->load->options;
	uint64_t now = measure_ns(), due;

	while (p->made < o->events && p->len - p->sent < PUBLISH_AHEAD &&
	    !publish_is_held(p)) {
		due = now;
		if (o->rate > 0)
			due = p->begin_ns +
			    (uint64_t)p->made * 1000000000 / o->rate;
		if (due > now)
			return due;
		if (now - due > p->shared->late_ns)
			p->shared->late_ns = now - due;
		publish_make_event(p, now - due < PUBLISH_TIMER ? now : due);
		if (o->rate == 0)
			now = measure_ns();
	}
	return 0;
}

static void
publish_send(struct publish *p)
{
	ssize_t n;

	while (p->sent < p->len) {
		n = write(p->fd, p->out + p->sent, p->len - p->sent);
		if (n == -1 && errno == EAGAIN)
			break;
		if (n == -1)
			measure_die("publisher: %s", strerror(errno));
		p->sent += (size_t)n;
	}
	p->len -= p->sent;
	memmove(p->out, p->out + p->sent, p->len);
	p->sent = 0;
}

/* One line of crier's. */
static void
publish_take_reply(struct publish *p)
{
	struct load_shared *s = p->shared;
	const struct load_options *o = &p->load->options;
	static const char accepted[] = "{\"ok\":true,\"id\":\"";
	const char *id = p->reply + sizeof accepted - 1, *end;

	p->reply[p->reply_len] = '\0';
	p->reply_len = 0;
	if (p->fills > 0) {
		p->fills--;
		return;
	}
	if (strncmp(p->reply, accepted, sizeof accepted - 1) != 0) {
		s->refused++;
		snprintf(s->refusal, sizeof s->refusal, "%.200s", p->reply);
		return;
	}
	s->accepted++;
	end = strchr(id, '"');
	if (end != NULL && s->accepted + o->back == o->events)
		snprintf(s->back_id, sizeof s->back_id, "%.*s", (int)(end - id),
		    id);
}

static void
publish_take_byte(struct publish *p, char byte)
{
	static const char status[] = "HTTP/1.1 ";

	if (!p->load->options.is_posted) {
		if (byte == '\n')
			publish_take_reply(p);
		else if (p->reply_len < sizeof p->reply - 1)
			p->reply[p->reply_len++] = byte;
		return;
	}
	if (p->matched == sizeof status - 1) {
		if (byte == '2')
			p->shared->accepted++;
		else
			p->shared->refused++;
		p->matched = 0;
	} else if (byte == status[p->matched]) {
		p->matched++;
	} else {
		p->matched = byte == status[0];
	}
}

static void
publish_receive(struct publish *p)
{
	char data[65536];
	ssize_t n = read(p->fd, data, sizeof data), i;

	if (n == 0 && p->load->options.is_grip) {
		close(p->fd);
		p->fd = publish_connect(&p->load->options.queue);
		p->closed++;
		return;
	}
	if (n == 0 || (n == -1 && errno != EAGAIN))
		measure_die("publisher: the server has closed the connection");
	for (i = 0; i < n; i++)
		publish_take_byte(p, data[i]);
}

static void
publish_wait(struct publish *p, uint64_t due)
{
	struct pollfd fd = { .fd = p->fd, .events = POLLIN };
	struct timespec ts = { .tv_sec = 1 };
	uint64_t now = measure_ns();

	if (p->sent < p->len)
		fd.events |= POLLOUT;
	if (due > 0) {
		due = due > now ? due - now : 0;
		ts.tv_sec = (time_t)(due / 1000000000);
		ts.tv_nsec = (long)(due % 1000000000);
	}
	if (ppoll(&fd, 1, &ts, NULL) > 0 &&
	    (fd.revents & (POLLIN | POLLHUP | POLLERR)) != 0)
		publish_receive(p);
}

static void
publish_fill(struct publish *p)
{
	unsigned i, all = LOAD_FILLS * p->load->options.channels;

	for (i = 0; i < all; i++) {
		publish_make_fill(p);
		publish_send(p);
		while (p->len > 0 || p->fills > 0) {
			publish_wait(p, 0);
			publish_send(p);
		}
	}
}

static void
publish_all(struct publish *p)
{
	const struct load_options *o = &p->load->options;
	struct load_shared *s = p->shared;
	uint64_t due;

	p->begin_ns = s->first_ns = measure_ns();
	while (s->accepted + s->refused < o->events) {
		due = publish_make(p);
		publish_send(p);
		s->sent = p->made;
		if (p->len > 0 || p->made == o->events || due > 0 ||
		    publish_is_held(p))
			publish_wait(p, due);
	}
	s->done_ns = measure_ns();
}

pid_t
load_publisher(const struct load *l, int go)
{
	struct publish p = { .load = l, .shared = l->shared };
	pid_t pid = fork();
	char byte;

	if (pid == -1)
		measure_die("fork: %s", strerror(errno));
	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_TIMERSLACK, 1);
	p.out = malloc(PUBLISH_ROOM);
	if (p.out == NULL)
		measure_die("out of memory");
	p.fd = publish_connect(&l->options.queue);
	if (l->options.fill > 0 && read(go, &byte, 1) == 1)
		publish_fill(&p);
	if (read(go, &byte, 1) == 1)
		publish_all(&p);
	/* It stays connected for as long as the run lasts. */
	for (;;)
		pause();
}
