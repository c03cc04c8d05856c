/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "door/record.h"
#include "hub/state.h"
#include "measure.h"

/*
 * The hub without a kernel: a real one, with up to a million streams, whose
 * descriptors are only numbers.  What would be done to them is counted and goes
 * well.  So what is left is what crier itself takes for a delivery, an event
 * and an idle stream, and how that grows with their number.
 *
 *	harness STREAMS CHANNELS EVENTS BATCH [VISITORS]
 *
 * EVENTS are published to channels at random, BATCH of them in a turn.  The
 * streams are of so many VISITORS, each with a user's name and an address.
 */

enum {
	HARNESS_FD = 1000000, /* the first that is none */
	HARNESS_DATA = 128,
	HARNESS_NAME = 16
};

static struct {
	uint64_t writes, closes, watches, allocations, bytes;
} harness_calls;

ssize_t __wrap_send(int, const void *, size_t, int);
ssize_t __wrap_sendmsg(int, const struct msghdr *, int);
int __wrap_close(int);
int __real_close(int);
void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);

ssize_t
__wrap_send(int fd, const void *data, size_t len, int flags)
{
	(void)fd;
	(void)data;
	(void)flags;
	harness_calls.writes++;
	harness_calls.bytes += len;
	return (ssize_t)len;
}

ssize_t
__wrap_sendmsg(int fd, const struct msghdr *m, int flags)
{
	size_t all = 0, i;

	for (i = 0; i < m->msg_iovlen; i++)
		all += m->msg_iov[i].iov_len;
	return __wrap_send(fd, NULL, all, flags);
}

int
__wrap_close(int fd)
{
	if (fd < HARNESS_FD)
		return __real_close(fd);
	harness_calls.closes++;
	return 0;
}

/* The loop's own call, too, for a program's functions go before a library's. */
int
epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
	if (fd < HARNESS_FD)
		return (int)syscall(SYS_epoll_ctl, epfd, op, fd, event);
	harness_calls.watches++;
	return 0;
}

void *
malloc(size_t size)
{
	harness_calls.allocations++;
	return __libc_malloc(size);
}

void *
calloc(size_t nmemb, size_t size)
{
	harness_calls.allocations++;
	return __libc_calloc(nmemb, size);
}

void *
realloc(void *ptr, size_t size)
{
	harness_calls.allocations++;
	return __libc_realloc(ptr, size);
}

struct harness {
	struct event_base *base;
	struct config *config;
	struct store *store;
	struct hub *hub;
	struct framing framing;
	size_t streams, channels, visitors;
	uint64_t random;
};

static ptrdiff_t
harness_input(void *arg, struct stream *s, const char *data, size_t len)
{
	(void)arg;
	(void)s;
	(void)data;
	return (ptrdiff_t)len;
}

static void
harness_init(struct harness *h)
{
	struct store_options options = { .url = "memory",
		.bounds = { .key_ms = 60000 } };
	char *cause = NULL;

	log_open(LOG_TARGET_STDERR, LOG_LEVEL_ERROR);
	h->base = event_base_new();
	h->config = config_load(NULL, NULL, 0, &cause);
	if (h->base == NULL || h->config == NULL)
		measure_die("cannot begin: %s", cause == NULL ? "" : cause);
	options.base = h->base;
	h->store = store_open(&options, &cause);
	if (h->store == NULL)
		measure_die("%s", cause);
	h->hub = hub_new(h->base, h->config, h->store, SIZE_MAX);
	if (h->hub == NULL)
		measure_die("out of memory");
	h->framing = (struct framing){ .name = "harness",
		.header_bytes = 8,
		.put_header = record_put_stdout,
		.put_end = record_append_finish,
		.input = harness_input };
	h->random = 1;
}

/* Of a sequence that is the same each time (Steele and others, 2014). */
static uint64_t
harness_random(struct harness *h)
{
	uint64_t z = h->random += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static void
harness_name(struct text_span *span, char *name, size_t channel)
{
	span->text = name;
	span->len = (size_t)snprintf(name, HARNESS_NAME, "c/%zu", channel);
}

static void
harness_open(struct harness *h, size_t number)
{
	static const char head[] = "Content-Type: text/event-stream\r\n\r\n";
	char name[HARNESS_NAME], user[HARNESS_NAME], address[HARNESS_NAME];
	struct text_span channel;
	unsigned visitor = (unsigned)(number % h->visitors);
	struct subscription sub = { .fd = HARNESS_FD + (int)number,
		.framing = &h->framing,
		.request_id = 1,
		.channels = &channel,
		.channel_count = 1,
		.head = { head, sizeof head - 1 },
		.user = { user, 0 },
		.address = { address, 0 } };

	if (h->visitors > 1)
		sub.user.len =
		    (size_t)snprintf(user, sizeof user, "user%u", visitor);
	sub.address.len =
	    (size_t)snprintf(address, sizeof address, "10.%u.%u.%u",
		visitor >> 16 & 255, visitor >> 8 & 255, visitor & 255);
	harness_name(&channel, name, number % h->channels);
	if (hub_subscribe(h->hub, &sub) != HUB_OPENED)
		measure_die("stream %zu cannot be opened", number);
}

static void
harness_publish(struct harness *h)
{
	static char data[HARNESS_DATA];
	char name[HARNESS_NAME];
	struct text_span channel;
	struct event_fields e = { .data = data,
		.data_len = sizeof data,
		.retry_ms = EVENT_RETRY_NONE };
	const char *why;
	int code;

	if (data[0] == '\0')
		memset(data, 'x', sizeof data);
	harness_name(&channel, name, harness_random(h) % h->channels);
	if (hub_publish(h->hub, &channel, 1, &e, &why, &code) == -1)
		measure_die("%s", why);
}

static void
harness_committed_cb(void *arg, struct batch *b)
{
	(void)arg;
	(void)b;
}

/* As a wake-up of the loop with so many lines on the queue. */
static void
harness_turn(struct harness *h, size_t batch)
{
	hub_now(h->hub);
	while (batch-- > 0)
		harness_publish(h);
	if (hub_commit(h->hub, harness_committed_cb, NULL) == -1)
		measure_die("out of memory");
}

static uint64_t
harness_memory(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

struct harness_part {
	uint64_t ns, memory, rss, calls, allocations;
};

static void
harness_begin(struct harness_part *p)
{
	struct measure_pids self = { .pids = { getpid() }, .count = 1 };

	p->memory = harness_memory();
	p->rss = measure_rss_bytes(&self);
	p->calls = harness_calls.writes + harness_calls.watches;
	p->allocations = harness_calls.allocations;
	p->ns = measure_own_cpu_ns();
}

static void
harness_end(struct harness_part *p)
{
	struct measure_pids self = { .pids = { getpid() }, .count = 1 };

	p->ns = measure_own_cpu_ns() - p->ns;
	p->allocations = harness_calls.allocations - p->allocations;
	p->calls = harness_calls.writes + harness_calls.watches - p->calls;
	p->memory = harness_memory() - p->memory;
	p->rss = measure_rss_bytes(&self) - p->rss;
}

static void
harness_print(const char *name, const struct harness_part *p, uint64_t count)
{
	double n = count == 0 ? 1 : (double)count;

	printf("\"%s\":{\"count\":%" PRIu64 ",\"ns\":%.2f,\"calls\":%.4f,"
	       "\"allocations\":%.4f,\"memory\":%.1f,\"rss\":%.1f},",
	    name, count, (double)p->ns / n, (double)p->calls / n,
	    (double)p->allocations / n, (double)(int64_t)p->memory / n,
	    (double)(int64_t)p->rss / n);
}

static void
harness_run(struct harness *h, size_t events, size_t batch)
{
	struct harness_part part;
	uint64_t delivered;
	size_t i;

	harness_begin(&part);
	for (i = 0; i < h->streams; i++)
		harness_open(h, i);
	harness_end(&part);
	printf("{\"streams\":%zu,\"channels\":%zu,\"batch\":%zu,", h->streams,
	    h->channels, batch);
	harness_print("open", &part, h->streams);
	/* What is made once is not what an event costs. */
	harness_turn(h, batch);
	delivered = h->hub->counters.delivered;
	harness_begin(&part);
	for (i = 0; i < events; i += batch)
		harness_turn(h, batch);
	harness_end(&part);
	harness_print("event", &part, i);
	delivered = h->hub->counters.delivered - delivered;
	harness_print("delivery", &part, delivered);
	printf("\"bytes\":%" PRIu64 "}\n", harness_calls.bytes);
}

int
main(int argc, char **argv)
{
	static struct harness h;
	size_t events, batch;

	if (argc != 5 && argc != 6)
		measure_die("usage: harness STREAMS CHANNELS EVENTS BATCH "
			    "[VISITORS]");
	h.streams = strtoul(argv[1], NULL, 10);
	h.channels = strtoul(argv[2], NULL, 10);
	events = strtoul(argv[3], NULL, 10);
	batch = strtoul(argv[4], NULL, 10);
	h.visitors = argc == 6 ? strtoul(argv[5], NULL, 10) : 1;
	if (h.channels == 0 || batch == 0 || h.visitors == 0)
		measure_die("that makes no sense");
	harness_init(&h);
	harness_run(&h, events, batch);
	/* A million streams are not ended one by one. */
	_exit(fflush(stdout) == 0 ? 0 : 1);
}
