/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/log.h"
#include "door/record.h"
#include "streams.h"
#include "support.h"

enum {
	STREAMS_REQUEST_ID = 258,
	STREAMS_IDLE = 4, /* turns in which nothing happens */
	STREAMS_TURNS = 2000000,
	STREAMS_STDOUT = 6, /* FastCGI Specification 1.0, 8 */
	STREAMS_END = 3
};

static const char streams_head[] = "X: head\r\n\r\n";

static ptrdiff_t
streams_input(void *arg, struct stream *s, const char *data, size_t len)
{
	(void)arg;
	(void)s;
	(void)data;
	return (ptrdiff_t)len;
}

static void
streams_returned(void *arg, int fd, struct text_span input)
{
	struct streams *t = arg;

	(void)input;
	assert_int_equal(t->returned_fd, -1);
	t->returned_fd = fd;
}

static void
streams_put_no_header(char *to, /* NOLINT(readability-non-const-parameter): a
				   framing's */
    uint16_t request_id, size_t len)
{
	(void)to;
	(void)request_id;
	(void)len;
	fail();
}

static int
streams_put_no_end(struct buffer *b, uint16_t request_id)
{
	(void)b;
	(void)request_id;
	return 0;
}

struct store *
streams_open_store(struct event_base *base)
{
	struct store_options options = {
		.url = "memory", .bounds = { 60000, 1000, 0 }, .base = base
	};
	struct store *store;
	char *cause;

	store = store_open(&options, &cause);
	assert_non_null(store);
	return store;
}

void
streams_setup(struct streams *t, const char *const *settings)
{
	memset(t, 0, sizeof *t);
	log_open(LOG_TARGET_STDERR, LOG_LEVEL_ERROR);
	t->returned_fd = -1;
	signal(SIGPIPE, SIG_IGN); /* as crierd has it */
	t->base = event_base_new();
	t->config = support_config(settings);
	t->framings[0] = (struct framing){ .name = "raw",
		.put_header = streams_put_no_header,
		.put_end = streams_put_no_end,
		.input = streams_input,
		.returned = streams_returned,
		.arg = t };
	t->framings[1] = (struct framing){ .name = "framed",
		.header_bytes = 8,
		.put_header = record_put_stdout,
		.put_end = record_append_finish,
		.input = streams_input,
		.returned = streams_returned,
		.arg = t };
	assert_non_null(t->base);
	t->store = streams_open_store(t->base);
	t->hub = hub_new(t->base, t->config, t->store, 10000);
	assert_non_null(t->hub);
	t->store->last.ms = STREAMS_MS;
	t->store->last.n = 0;
	t->hub->turn.appended = t->store->last;
}

void
streams_teardown(struct streams *t)
{
	if (t->returned_fd != -1)
		close(t->returned_fd);
	hub_free(t->hub);
	store_close(t->store);
	config_free(t->config);
	event_base_free(t->base);
}

/* The names between commas. */
static size_t
streams_split(const char *names, struct text_span *spans)
{
	size_t n = 0;

	for (;; names++) {
		spans[n].text = names;
		spans[n].len = strcspn(names, ",");
		names += spans[n++].len;
		if (*names == '\0')
			return n;
	}
}

static struct text_span
streams_span(const char *text)
{
	struct text_span span = { text == NULL ? "" : text, 0 };

	span.len = strlen(span.text);
	return span;
}

enum hub_answer
streams_ask(struct streams *t, struct streams_client *c,
    const struct streams_request *r)
{
	struct text_span spans[CURSORS_MAX];
	struct subscription sub = { .framing = &t->framings[r->is_framed],
		.request_id =
		    r->request_id == 0 ? STREAMS_REQUEST_ID : r->request_id,
		.keep = r->keep,
		.is_terse = r->is_terse,
		.is_tagged = r->is_tagged,
		.channels = spans,
		.channel_count = streams_split(r->channels, spans),
		.since = streams_span(r->since),
		.since_all = r->since_all,
		.has_last = r->has_last,
		.last = r->last,
		.is_poll = r->is_poll,
		.poll_ms = r->poll_ms,
		.poll_above = r->poll_above,
		.head = { streams_head, sizeof streams_head - 1 },
		.input = { "", 0 },
		.user = streams_span(r->user),
		.address = streams_span(r->address) };
	enum hub_answer answer;
	int fds[2];

	memset(c, 0, sizeof *c);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
			     fds),
	    0);
	sub.fd = fds[0];
	c->fd = fds[1];
	c->is_framed = r->is_framed;
	c->request_id = sub.request_id;
	answer = hub_subscribe(t->hub, &sub);
	if (answer == HUB_OPENED) {
		TAILQ_FOREACH(c->stream, &t->hub->streams.list, link)
			if (c->stream->id == t->hub->streams.last_id)
				break;
	} else {
		/* It was left to the caller. */
		assert_true(fcntl(fds[0], F_GETFD) != -1);
		close(fds[0]);
	}
	return answer;
}

void
streams_open(struct streams *t, struct streams_client *c,
    const struct streams_request *r)
{
	assert_int_equal(streams_ask(t, c, r), HUB_OPENED);
}

void
streams_close(struct streams_client *c)
{
	close(c->fd);
	buffer_clear(&c->wire);
	buffer_clear(&c->text);
}

/* The id that the store will give to the event that was published last. */
static struct id
streams_next_id(const struct streams *t)
{
	struct id id = t->store->last;

	id.n += t->hub->turn.batch->event_count;
	return id;
}

int
streams_publish_event(struct streams *t, const char *channels,
    const struct event_fields *e, struct streams_published *p)
{
	struct text_span spans[CURSORS_MAX];
	size_t count = streams_split(channels, spans);
	ptrdiff_t at =
	    hub_publish(t->hub, spans, count, e, &p->refusal, &p->code);

	t->published = p;
	if (at == -1)
		return -1;
	p->id_len = e->id_len;
	if (e->id_len > 0)
		memcpy(p->id, e->id, e->id_len);
	else
		p->id_len = id_format(streams_next_id(t), p->id);
	p->id[p->id_len] = '\0';
	return 0;
}

static void
streams_committed_cb(void *arg, struct batch *b)
{
	struct streams *t = arg;
	const struct batch_event *e;

	if (t->published == NULL || b->event_count == 0)
		return;
	e = &b->events[b->event_count - 1];
	t->published->streams = e->streams;
	t->published->refusal = e->outcome == BATCH_REFUSED ? "refused" : NULL;
}

void
streams_deliver(struct streams *t)
{
	hub_now(t->hub); /* as the queue's turn does */
	assert_int_equal(hub_commit(t->hub, streams_committed_cb, t), 0);
	t->published = NULL;
}

unsigned
streams_publish(struct streams *t, const char *channels, const char *data)
{
	struct event_fields e = { .data = data,
		.data_len = strlen(data),
		.retry_ms = EVENT_RETRY_NONE };
	struct streams_published p;

	if (streams_publish_event(t, channels, &e, &p) != 0)
		fail_msg("%s", p.refusal);
	t->published = NULL;
	return (unsigned)streams_next_id(t).n;
}

/* Whole records out of the wire's bytes. */
static void
streams_unframe(struct streams_client *c)
{
	struct record r;
	size_t len;

	while ((len = record_parse(c->wire.data, c->wire.len, &r)) > 0) {
		assert_int_equal(r.version, 1);
		assert_int_equal(r.request_id,
		    c->request_id == 0 ? STREAMS_REQUEST_ID : c->request_id);
		assert_false(c->is_ended);
		if (r.type == STREAMS_END) {
			assert_int_equal(r.content_len, 8);
			c->is_ended = true;
		} else {
			assert_int_equal(r.type, STREAMS_STDOUT);
			assert_int_equal(buffer_append(&c->text, r.content,
					     r.content_len),
			    0);
		}
		buffer_consume(&c->wire, len);
	}
}

size_t
streams_take(struct streams_client *c)
{
	struct buffer *to = c->is_framed ? &c->wire : &c->text;
	size_t all = 0;
	char *room;
	ssize_t n;

	for (;;) {
		room = buffer_reserve(to, 65536);
		assert_non_null(room);
		n = read(c->fd, room, 65536);
		if (n <= 0)
			break;
		buffer_commit(to, (size_t)n);
		all += (size_t)n;
	}
	if (n == 0)
		c->is_over = true;
	else
		assert_int_equal(errno, EAGAIN);
	if (c->is_framed && c->wire.len > 0)
		streams_unframe(c);
	return all;
}

void
streams_settle(struct streams *t, struct streams_client *c, size_t count)
{
	unsigned idle = 0, turns = 0;
	size_t i, got;

	while (idle < STREAMS_IDLE) {
		assert_true(turns++ < STREAMS_TURNS);
		event_base_loop(t->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
		for (got = i = 0; i < count; i++)
			got += streams_take(&c[i]);
		idle = got == 0 ? idle + 1 : 0;
	}
	for (i = 0; i < count; i++)
		assert_int_equal(c[i].wire.len, 0);
}

static void
streams_fail_at(const struct buffer *have, const struct buffer *want)
{
	size_t i = 0, from;

	while (i < have->len && i < want->len && have->data[i] == want->data[i])
		i++;
	from = i < 60 ? 0 : i - 60;
	fail_msg("%zu bytes instead of %zu, different at %zu: "
		 "\"%.*s\" instead of \"%.*s\"",
	    have->len, want->len, i,
	    (int)(have->len - from < 160 ? have->len - from : 160),
	    have->data + from,
	    (int)(want->len - from < 160 ? want->len - from : 160),
	    want->data + from);
}

void
streams_assert(struct streams_client *c, const struct buffer *want)
{
	if (c->text.len != want->len ||
	    (want->len > 0 && memcmp(c->text.data, want->data, want->len) != 0))
		streams_fail_at(&c->text, want);
	buffer_truncate(&c->text, 0);
}

void
streams_assert_text(struct streams_client *c, const char *want)
{
	struct buffer b = { 0 };

	assert_int_equal(buffer_append_text(&b, want), 0);
	streams_assert(c, &b);
	buffer_clear(&b);
}

void
streams_put_head(struct buffer *b, const char *id)
{
	assert_int_equal(buffer_printf(b, "%sretry: 3000\n\nid: %s\n\n",
			     streams_head, id),
	    0);
}

void
streams_put_event(struct buffer *b, unsigned n, const char *data)
{
	assert_int_equal(buffer_printf(b, "id: %llu-%u\ndata: %s\n\n",
			     (unsigned long long)STREAMS_MS, n, data),
	    0);
}
