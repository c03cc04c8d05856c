/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "load.h"

/*
 * One run: open all streams, wait a little, publish, read until everybody has
 * everything, and if wanted let all come back at once.  One line of JSON says
 * what came of it.
 */

enum {
	LOAD_IDLE_MS = 10000, /* without an event: no more will come */
	LOAD_LINGER_MS = 100  /* for what should not come */
};

/* What is measured of one part of the run. */
struct load_part {
	uint64_t begin_ns, end_ns, server_ns, own_ns, reads, bytes;
};

static void
load_usage(void)
{
	measure_die(
	    "usage: load [-H] -a ADDRESS -u PREFIX -n STREAMS [-c CHANNELS]\n"
	    "  -a ADDRESS   of the streams: unix:PATH or HOST:PORT\n"
	    "  -H           it speaks HTTP, not FastCGI\n"
	    "  -u PREFIX    of their URLs, before the channel's name\n"
	    "  -f NUMBER    open so many at once (256)\n"
	    "  -S NUMBER    of the streams that are not read\n"
	    "  -q ADDRESS   publish here, crier's lines\n"
	    "  -p PREFIX    post to HTTP URLs with this prefix instead\n"
	    "  -g           post what Pushpin wants\n"
	    "  -e           nothing is published: what the URLs run prints"
	    " the events\n"
	    "  -k EVENTS -s BYTES -r RATE   rate 0: as fast as possible\n"
	    "  -F           fill the sockets of those who do not read first\n"
	    "  -b EVENTS    then all come back for so many events\n"
	    "  -w PIDS      of the server\n"
	    "  -W MS        before the first event (500)\n"
	    "  -t SECONDS   for all of it (60)");
}

static unsigned
load_number(const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (end == text || *end != '\0' || n > 100000000)
		measure_die("%s is not a number that makes sense", text);
	return (unsigned)n;
}

static void
load_set_option(struct load_options *o, int c)
{
	switch (c) {
	case 'a':
		load_read_address(&o->server, optarg);
		break;
	case 'q':
		load_read_address(&o->queue, optarg);
		break;
	case 'p':
		o->is_posted = true;
		o->post_prefix = optarg;
		break;
	case 'u':
		o->prefix = optarg;
		break;
	case 'H':
		o->is_http = true;
		break;
	case 'g':
		o->is_grip = true;
		break;
	case 'e':
		o->is_elsewhere = true;
		break;
	case 'F':
		o->fill = LOAD_FILL_SIZE;
		break;
	case 'w':
		if (measure_read_pids(&o->pids, optarg) == -1)
			measure_die("%s are no processes", optarg);
		break;
	default:
		load_usage();
	}
}

static void
load_read_options(struct load_options *o, int argc, char **argv)
{
	static const char numbers[] = "ncfSksrbWt";
	unsigned *const fields[] = { &o->streams, &o->channels, &o->in_flight,
		&o->stalled, &o->events, &o->size, &o->rate, &o->back,
		&o->settle_ms, &o->limit_s };
	const char *at;
	int c;

	memset(o, 0, sizeof *o);
	o->channels = 1;
	o->in_flight = 256;
	o->size = 128;
	o->settle_ms = 500;
	o->limit_s = 60;
	while ((c = getopt(argc, argv, "a:q:p:u:HegFw:n:c:f:S:k:s:r:b:W:t:")) !=
	    -1) {
		if ((at = strchr(numbers, c)) != NULL)
			*fields[at - numbers] = load_number(optarg);
		else
			load_set_option(o, c);
	}
	if (o->server.len == 0 || o->prefix == NULL || o->streams == 0 ||
	    o->channels == 0 || o->stalled > o->streams || optind != argc ||
	    o->size < 40 || o->size > LOAD_FILL_SIZE || o->in_flight == 0)
		load_usage();
	if (o->queue.len == 0 && !o->is_elsewhere)
		o->events = 0;
}

static void
load_begin_part(const struct load *l, struct load_part *p)
{
	p->begin_ns = measure_ns();
	p->server_ns = measure_cpu_ns(&l->options.pids);
	p->own_ns = measure_own_cpu_ns();
	p->reads = l->counts.reads;
	p->bytes = l->counts.bytes;
}

static void
load_end_part(const struct load *l, struct load_part *p)
{
	p->end_ns = measure_ns();
	p->server_ns = measure_cpu_ns(&l->options.pids) - p->server_ns;
	p->own_ns = measure_own_cpu_ns() - p->own_ns;
	p->reads = l->counts.reads - p->reads;
	p->bytes = l->counts.bytes - p->bytes;
}

static void
load_rest(struct load *l, unsigned ms)
{
	uint64_t end = measure_ns() + (uint64_t)ms * 1000000;
	uint64_t now = 0;

	while (now < end) {
		load_turn(l, 10);
		now = measure_ns();
	}
}

/* How many of the events of its channel, from the first one on. */
static uint64_t
load_expected(const struct load *l, unsigned first)
{
	const struct load_options *o = &l->options;
	uint64_t sum = 0;
	unsigned i;

	for (i = 0; i < o->streams; i++)
		if (!l->streams[i].is_stalled)
			sum += (o->events + o->channels - 1 -
				   l->streams[i].channel) /
				o->channels -
			    first;
	return sum;
}

/* Until so much is delivered, or nothing more comes. */
static void
load_read_until(struct load *l, uint64_t expected)
{
	uint64_t limit =
	    measure_ns() + (uint64_t)l->options.limit_s * 1000000000;
	uint64_t seen = 0, seen_ns = measure_ns(), now;

	while (l->counts.delivered + l->counts.lost < expected) {
		load_turn(l, 10);
		now = measure_ns();
		if (l->counts.bytes != seen) {
			seen = l->counts.bytes;
			seen_ns = now;
		}
		if (now - seen_ns > (uint64_t)LOAD_IDLE_MS * 1000000 ||
		    now > limit)
			break;
	}
}

/* Everybody who reads has got what fills the sockets of the others. */
static void
load_fill(struct load *l, int go)
{
	const struct load_options *o = &l->options;
	uint64_t all = (uint64_t)(o->streams - o->stalled) * LOAD_FILLS;
	uint64_t end = measure_ns() + (uint64_t)o->limit_s * 1000000000;

	if (o->fill == 0)
		return;
	if (write(go, "f", 1) != 1)
		measure_die("the publisher is gone");
	while (l->counts.fills < all) {
		load_turn(l, 10);
		if (measure_ns() > end)
			measure_die("%" PRIu64 " of %" PRIu64 " fills came",
			    l->counts.fills, all);
	}
	load_rest(l, o->settle_ms);
}

static void
load_publish(struct load *l, int go, struct load_part *p)
{
	uint64_t expected = load_expected(l, 0);

	if (l->options.events == 0)
		return;
	load_begin_part(l, p);
	if (l->options.is_elsewhere)
		l->shared->first_ns = p->begin_ns;
	else if (write(go, "p", 1) != 1)
		measure_die("the publisher is gone");
	load_read_until(l, expected);
	load_end_part(l, p);
	load_rest(l, LOAD_LINGER_MS);
}

/* All streams end, and come back for the events that they name. */
static void
load_storm(struct load *l, struct load_part *p)
{
	const struct load_options *o = &l->options;
	unsigned i;

	load_close_all(l);
	usleep(o->settle_ms * 1000);
	memset(&l->counts, 0, sizeof l->counts);
	l->since = l->shared->back_id;
	for (i = 0; i < o->streams; i++)
		l->streams[i].next = o->events - o->back;
	load_begin_part(l, p);
	load_open_all(l);
	load_read_until(l, (uint64_t)o->streams * o->back);
	load_end_part(l, p);
	load_rest(l, LOAD_LINGER_MS);
}

static double
load_ms(uint64_t ns)
{
	return (double)ns / 1e6;
}

static void
load_print_part(const char *name, const struct load_part *p)
{
	printf("\"%s\":{\"ms\":%.3f,\"server_cpu_ms\":%.3f,"
	       "\"own_cpu_ms\":%.3f,\"reads\":%" PRIu64 ",\"bytes\":%" PRIu64
	       "},",
	    name, load_ms(p->end_ns - p->begin_ns), load_ms(p->server_ns),
	    load_ms(p->own_ns), p->reads, p->bytes);
}

static void
load_print_counts(const char *name, const struct load_counts *c,
    uint64_t expected)
{
	const struct measure_latency *h = &c->latency;

	printf("\"%s\":{\"expected\":%" PRIu64 ",\"delivered\":%" PRIu64
	       ",\"lost\":%" PRIu64 ",\"duplicates\":%" PRIu64
	       ",\"odd\":%" PRIu64 ",\"gaps\":%" PRIu64 ",\"ended\":%" PRIu64
	       ",\"failed\":%" PRIu64
	       ",\"latency_ms\":{\"p50\":%.4f,\"p90\":%.4f,\"p99\":%.4f,"
	       "\"p999\":%.4f,\"max\":%.4f}},",
	    name, expected, c->delivered, c->lost, c->duplicates, c->odd,
	    c->gaps, c->ended, c->failed, load_ms(measure_latency_part(h, 0.5)),
	    load_ms(measure_latency_part(h, 0.9)),
	    load_ms(measure_latency_part(h, 0.99)),
	    load_ms(measure_latency_part(h, 0.999)), load_ms(h->max));
}

/* Whether every stream had every event, once and in order. */
static bool
load_is_right(const struct load_counts *c, uint64_t expected)
{
	return c->delivered == expected && c->lost == 0 && c->duplicates == 0 &&
	    c->odd == 0 && c->gaps == 0 && c->ended == 0 && c->failed == 0;
}

static void
load_init(struct load *l)
{
	const struct load_options *o = &l->options;
	struct rlimit limit;
	unsigned i;

	signal(SIGPIPE, SIG_IGN);
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	l->streams = calloc(o->streams, sizeof *l->streams);
	l->shared = mmap(NULL, sizeof *l->shared, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (l->epoll == -1 || l->streams == NULL || l->shared == MAP_FAILED)
		measure_die("%s", strerror(errno));
	for (i = 0; i < o->streams; i++) {
		l->streams[i].fd = -1;
		l->streams[i].channel = i % o->channels;
		l->streams[i].is_stalled = i < o->stalled;
	}
}

static bool
load_run(struct load *l, int go)
{
	const struct load_options *o = &l->options;
	struct load_part opening, publishing = { 0 }, storm;
	uint64_t rss = measure_rss_bytes(&o->pids);
	uint64_t expected = load_expected(l, 0);
	const struct load_shared *p = l->shared;
	uint64_t last;
	bool ok;

	load_begin_part(l, &opening);
	load_open_all(l);
	load_end_part(l, &opening);
	load_rest(l, o->settle_ms);
	printf("{\"streams\":%u,\"rss_per_stream\":%.1f,", o->streams,
	    ((double)measure_rss_bytes(&o->pids) - (double)rss) / o->streams);
	load_print_part("open", &opening);
	load_fill(l, go);
	load_publish(l, go, &publishing);
	last =
	    l->counts.last_ns > p->first_ns ? l->counts.last_ns : p->first_ns;
	load_print_part("publish", &publishing);
	load_print_counts("events", &l->counts, expected);
	printf("\"deliver_ms\":%.3f,\"publisher\":{\"accepted\":%" PRIu64
	       ",\"refused\":%" PRIu64 ",\"late_ms\":%.3f,\"ms\":%.3f},"
	       "\"rss_growth\":%.1f,",
	    load_ms(last - p->first_ns), p->accepted, p->refused,
	    load_ms(p->late_ns), load_ms(p->done_ns - p->first_ns),
	    ((double)measure_rss_bytes(&o->pids) - (double)rss) / o->streams);
	ok = load_is_right(&l->counts, expected) && p->refused == 0;
	if (o->back > 0) {
		load_storm(l, &storm);
		load_print_part("storm", &storm);
		expected = (uint64_t)o->streams * o->back;
		load_print_counts("again", &l->counts, expected);
		ok = ok && load_is_right(&l->counts, expected);
	}
	printf("\"ok\":%s}\n", ok ? "true" : "false");
	return ok;
}

int
main(int argc, char **argv)
{
	static struct load l;
	int go[2];
	pid_t publisher = -1;
	bool ok;

	load_read_options(&l.options, argc, argv);
	load_init(&l);
	if (pipe(go) == -1)
		measure_die("pipe: %s", strerror(errno));
	if (l.options.events > 0 && !l.options.is_elsewhere)
		publisher = load_publisher(&l, go[0]);
	ok = load_run(&l, go[1]);
	if (publisher != -1)
		kill(publisher, SIGKILL);
	return ok ? 0 : 2;
}
