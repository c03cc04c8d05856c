/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "door/record.h"
#include "hub/state.h"
#include "measure.h"

/*
 * What `threads` is good for: a hub for each number of threads, with as many
 * streams on one channel, whose sockets have room for a round's events, so that
 * nobody has to read meanwhile.  The hubs take turns, for the machine may be
 * others' as well, and the best round of each counts.
 *
 *	fan STREAMS EVENTS ROUNDS THREADS...
 */

enum {
	FAN_DATA = 128,
	FAN_HUBS = 8,
	FAN_READ = 65536
};

struct fan_side {
	struct config *config;
	struct store *store;
	struct hub *hub;
	int *clients;
	double *rates; /* deliveries per second, of each round */
	size_t rounds;
};

static struct framing fan_framing;

static ptrdiff_t
fan_input(void *arg, struct stream *s, const char *data, size_t len)
{
	(void)arg;
	(void)s;
	(void)data;
	return (ptrdiff_t)len;
}

static void
fan_open(struct fan_side *f, size_t number)
{
	static const char head[] = "Content-Type: text/event-stream\r\n\r\n";
	static const struct text_span channel = { "c", 1 };
	struct subscription sub = { .framing = &fan_framing,
		.request_id = 1,
		.channels = &channel,
		.channel_count = 1,
		.head = { head, sizeof head - 1 } };
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == -1)
		measure_die("no socket for stream %zu", number);
	sub.fd = fds[0];
	f->clients[number] = fds[1];
	if (hub_subscribe(f->hub, &sub) != HUB_OPENED)
		measure_die("stream %zu cannot be opened", number);
}

static void
fan_init(struct fan_side *f, struct event_base *base, const char *threads,
    size_t streams, size_t rounds)
{
	struct store_options options = {
		.url = "memory", .bounds = { .key_ms = 60000 }, .base = base
	};
	struct config_override o = { 0 };
	char setting[32], *cause = NULL;
	size_t i;

	snprintf(setting, sizeof setting, "threads=%s", threads);
	o.text = setting;
	f->config = config_load(NULL, &o, 1, &cause);
	if (f->config == NULL ||
	    (f->store = store_open(&options, &cause)) == NULL)
		measure_die("cannot begin: %s", cause == NULL ? "" : cause);
	f->hub = hub_new(base, f->config, f->store, SIZE_MAX);
	f->clients = calloc(streams, sizeof *f->clients);
	f->rates = calloc(rounds, sizeof *f->rates);
	if (f->hub == NULL || f->clients == NULL || f->rates == NULL)
		measure_die("out of memory");
	for (i = 0; i < streams; i++)
		fan_open(f, i);
}

static void
fan_drain(const struct fan_side *f, size_t streams)
{
	static char data[FAN_READ];
	size_t i;

	for (i = 0; i < streams; i++)
		while (read(f->clients[i], data, sizeof data) > 0)
			;
}

static void
fan_committed_cb(void *arg, struct batch *b)
{
	(void)arg;
	(void)b;
}

/* Each event is a turn of its own. */
static void
fan_round(struct fan_side *f, size_t streams, size_t events)
{
	static const struct text_span channel = { "c", 1 };
	char data[FAN_DATA];
	struct event_fields e = { .data = data,
		.data_len = sizeof data,
		.retry_ms = EVENT_RETRY_NONE };
	uint64_t delivered = f->hub->counters.delivered, ns = measure_ns();
	const char *why;
	int code;
	size_t i;

	memset(data, 'x', sizeof data);
	for (i = 0; i < events; i++) {
		hub_now(f->hub);
		if (hub_publish(f->hub, &channel, 1, &e, &why, &code) == -1)
			measure_die("%s", why);
		if (hub_commit(f->hub, fan_committed_cb, NULL) == -1)
			measure_die("out of memory");
	}
	ns = measure_ns() - ns;
	delivered = f->hub->counters.delivered - delivered;
	if (delivered != streams * events)
		measure_die("sockets have room for %" PRIu64 " of %zu",
		    delivered / streams, events);
	f->rates[f->rounds++] = (double)delivered * 1e9 / (double)ns;
	fan_drain(f, streams);
}

static int
fan_compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void
fan_print(struct fan_side *f, const char *threads, double *first)
{
	double best;

	qsort(f->rates, f->rounds, sizeof *f->rates, fan_compare);
	best = f->rates[f->rounds - 1];
	if (*first == 0)
		*first = best;
	printf("{\"threads\":%s,\"best\":%.0f,\"median\":%.0f,\"worst\":%.0f,"
	       "\"times\":%.2f}\n",
	    threads, best, f->rates[f->rounds / 2], f->rates[0], best / *first);
}

int
main(int argc, char **argv)
{
	static struct fan_side sides[FAN_HUBS];
	struct event_base *base = event_base_new();
	struct rlimit files;
	size_t streams, events, rounds, i, hubs;
	double first = 0;

	if (argc < 5 || argc - 4 > FAN_HUBS)
		measure_die("usage: fan STREAMS EVENTS ROUNDS THREADS...");
	streams = strtoul(argv[1], NULL, 10);
	events = strtoul(argv[2], NULL, 10);
	rounds = strtoul(argv[3], NULL, 10);
	hubs = (size_t)argc - 4;
	if (streams == 0 || events == 0 || rounds == 0 || base == NULL)
		measure_die("that makes no sense");
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	signal(SIGPIPE, SIG_IGN);
	log_open(LOG_TARGET_STDERR, LOG_LEVEL_ERROR);
	fan_framing = (struct framing){ .name = "fan",
		.header_bytes = 8,
		.put_header = record_put_stdout,
		.put_end = record_append_finish,
		.input = fan_input };
	for (i = 0; i < hubs; i++)
		fan_init(&sides[i], base, argv[i + 4], streams, rounds);
	while (rounds-- > 0)
		for (i = 0; i < hubs; i++)
			fan_round(&sides[i], streams, events);
	for (i = 0; i < hubs; i++)
		fan_print(&sides[i], argv[i + 4], &first);
	_exit(fflush(stdout) == 0 ? 0 : 1);
}
