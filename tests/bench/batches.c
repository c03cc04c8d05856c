/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * A publisher of batches, to one or several servers: so many events at once,
 * and the next of them when all of these have their replies.  To crier these
 * are lines of one connection to each server.  By HTTP they are requests, on
 * some dozen connections, each of which has its part of the batch.
 */

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "measure.h"

enum {
	BATCHES_SERVERS = 16,
	BATCHES_HTTP = 32, /* connections to each server that speaks HTTP */
	BATCHES_LINKS = BATCHES_SERVERS * BATCHES_HTTP,
	BATCHES_EVENT_MAX = 512, /* a line or a request */
	BATCHES_DATA = 128,
	BATCHES_LIMIT_MS = 60000
};

struct batches_link {
	int fd;
	size_t share;   /* of a batch */
	size_t left;    /* events */
	size_t awaited; /* replies */
	size_t matched; /* bytes of the text that a good reply begins with */
	bool is_told;   /* what its reply begins with */
	uint64_t sent_ns;
	size_t len, out; /* of text: to send, sent */
	char *text;
};

static struct {
	const char *prefix; /* of URLs; NULL: crier's lines */
	unsigned channels, batch, next;
	size_t refused;
	struct batches_link links[BATCHES_LINKS];
	struct pollfd fds[BATCHES_LINKS];
	size_t count;
	struct measure_latency latency;
	char data[BATCHES_DATA + 1];
} batches;

/* unix:PATH, or PORT of this machine. */
static int
batches_connect(const char *where)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct sockaddr_in in = { .sin_family = AF_INET };
	const struct sockaddr *address = (const struct sockaddr *)&un;
	socklen_t len = sizeof un;
	int fd, on = 1;

	if (strncmp(where, "unix:", 5) == 0)
		snprintf(un.sun_path, sizeof un.sun_path, "%s", where + 5);
	else {
		in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		in.sin_port = htons((uint16_t)strtoul(where, NULL, 10));
		address = (const struct sockaddr *)&in;
		len = sizeof in;
	}
	fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd == -1 || connect(fd, address, len) == -1)
		measure_die("%s: %s", where, strerror(errno));
	if (address->sa_family == AF_INET)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	return fd;
}

static void
batches_add_link(const char *where, size_t share, size_t events)
{
	struct batches_link *l = &batches.links[batches.count];

	if (batches.count == BATCHES_LINKS)
		measure_die("too many connections");
	l->fd = batches_connect(where);
	l->share = share;
	l->left = events;
	l->text = malloc((size_t)batches.batch * BATCHES_EVENT_MAX);
	if (l->text == NULL)
		measure_die("out of memory");
	batches.fds[batches.count++] = (struct pollfd){ .fd = l->fd };
}

static size_t
batches_put(char *to, unsigned channel)
{
	if (batches.prefix == NULL)
		return (size_t)snprintf(to, BATCHES_EVENT_MAX,
		    "{\"channel\":\"bench/%u\",\"data\":\"%s\"}\n", channel,
		    batches.data);
	return (size_t)snprintf(to, BATCHES_EVENT_MAX,
	    "POST %sbench%u HTTP/1.1\r\nHost: localhost\r\n"
	    "Content-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s",
	    batches.prefix, channel, BATCHES_DATA, batches.data);
}

/* Makes a link's next batch, or its part of one. */
static void
batches_make(struct batches_link *l)
{
	size_t events = l->share < l->left ? l->share : l->left;

	l->left -= events;
	l->awaited = events;
	l->len = l->out = 0;
	for (; events > 0; events--)
		l->len += batches_put(l->text + l->len,
		    batches.next++ % batches.channels);
	l->sent_ns = measure_ns();
}

static void
batches_send(struct batches_link *l)
{
	ssize_t n = send(l->fd, l->text + l->out, l->len - l->out,
	    MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n == -1 && errno != EAGAIN)
		measure_die("send: %s", strerror(errno));
	if (n > 0)
		l->out += (size_t)n;
}

static void
batches_replied(struct batches_link *l, bool is_good)
{
	batches.refused += !is_good;
	if (l->awaited == 0)
		measure_die("more replies than events");
	if (--l->awaited == 0)
		measure_latency_add(&batches.latency,
		    measure_ns() - l->sent_ns);
}

/* A reply of crier's is a line; of HTTP one begins with its status. */
static void
batches_take(struct batches_link *l, char byte)
{
	static const char line[] = "{\"ok\":true", status[] = "HTTP/1.1 2";
	const char *good = batches.prefix == NULL ? line : status;
	size_t len = strlen(good);

	if (batches.prefix == NULL && byte == '\n') {
		batches_replied(l, l->is_told);
		l->matched = 0;
		l->is_told = false;
	} else if (batches.prefix != NULL && l->matched == len - 1) {
		batches_replied(l, byte == good[len - 1]);
		l->matched = 0;
	} else if (l->matched < len && byte == good[l->matched])
		l->is_told = ++l->matched == len;
	else if (batches.prefix != NULL)
		l->matched = byte == good[0];
	else
		l->matched = len + 1;
}

static void
batches_receive(struct batches_link *l)
{
	char data[65536];
	ssize_t n = recv(l->fd, data, sizeof data, MSG_DONTWAIT), i;

	if (n == 0 || (n == -1 && errno != EAGAIN))
		measure_die("the server has closed the connection");
	for (i = 0; i < n; i++)
		batches_take(l, data[i]);
}

/* Until all links have published what is left to them. */
static void
batches_run(void)
{
	size_t i, busy;
	struct batches_link *l;

	for (;;) {
		busy = 0;
		for (i = 0; i < batches.count; i++) {
			l = &batches.links[i];
			if (l->awaited == 0 && l->left > 0) {
				batches_make(l);
				batches_send(l);
			}
			batches.fds[i].events =
			    (short)(POLLIN | (l->out < l->len ? POLLOUT : 0));
			busy += l->awaited > 0;
		}
		if (busy == 0)
			return;
		if (poll(batches.fds, batches.count, BATCHES_LIMIT_MS) < 1)
			measure_die("no replies");
		for (i = 0; i < batches.count; i++) {
			if (batches.fds[i].revents & POLLOUT)
				batches_send(&batches.links[i]);
			if (batches.fds[i].revents & ~POLLOUT)
				batches_receive(&batches.links[i]);
		}
	}
}

static unsigned
batches_number(const char *text)
{
	unsigned long number = strtoul(text, NULL, 10);

	if (number == 0 || number > 100000000)
		measure_die("%s is no number that makes sense", text);
	return (unsigned)number;
}

int
main(int argc, char **argv)
{
	size_t events, links, servers, all, i;
	uint64_t ns;
	int c;

	while ((c = getopt(argc, argv, "p:")) != -1) {
		if (c != 'p')
			return 1;
		batches.prefix = optarg;
	}
	if (argc - optind < 4 || argc - optind > 3 + BATCHES_SERVERS)
		measure_die("usage: batches [-p URL-PREFIX] CHANNELS BATCH "
			    "EVENTS SERVER ...\n"
			    "  SERVER is unix:PATH or a port");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	memset(batches.data, 'x', BATCHES_DATA);
	batches.channels = batches_number(argv[optind]);
	batches.batch = batches_number(argv[optind + 1]);
	events = batches_number(argv[optind + 2]);
	servers = (size_t)(argc - optind - 3);
	links = batches.prefix == NULL ? 1 : BATCHES_HTTP;
	if (links > batches.batch)
		links = batches.batch;
	all = servers * links;
	for (i = 0; i < all; i++)
		batches_add_link(argv[optind + 3 + (int)(i / links)],
		    batches.batch / links + (i % links < batches.batch % links),
		    events / all + (i < events % all));
	ns = measure_ns();
	batches_run();
	ns = measure_ns() - ns;
	printf("{\"events\":%zu,\"refused\":%zu,\"seconds\":%.6f,"
	       "\"p50_ms\":%.4f,\"p99_ms\":%.4f}\n",
	    events, batches.refused, (double)ns / 1e9,
	    (double)measure_latency_part(&batches.latency, 0.5) / 1e6,
	    (double)measure_latency_part(&batches.latency, 0.99) / 1e6);
	return batches.refused == 0 ? 0 : 2;
}
