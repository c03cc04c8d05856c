/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/log.h"
#include "queue/execute.h"
#include "queue/peer.h"

enum {
	PEER_READ_BYTES = 131072,
	/* Replies that wait for the peer; beyond it, its lines wait for them.
	 */
	PEER_OUT_MAX = 262144
};

struct queue_peer {
	TAILQ_ENTRY(queue_peer) link;
	TAILQ_ENTRY(queue_peer) replying;
	struct queue *queue;
	struct event *io;
	int fd;
	short watched;    /* EV_READ, EV_WRITE */
	bool is_replying; /* in queue->replying */
	bool is_skipping; /* the rest of a line that is too long */
	bool is_over;     /* nothing more comes */
	bool is_deaf;     /* replies cannot be sent, but lines still come */
	struct buffer in, out;
};

static void peer_io_cb(evutil_socket_t, short, void *);

static void
peer_release(struct queue_peer *p)
{
	TAILQ_REMOVE(&p->queue->peers, p, link);
	if (p->is_replying)
		TAILQ_REMOVE(&p->queue->replying, p, replying);
	p->queue->peer_count--;
	if (p->io != NULL)
		event_free(p->io);
	buffer_clear(&p->in);
	buffer_clear(&p->out);
	free(p);
}

void
peer_close(struct queue_peer *p)
{
	int fd = p->fd;

	peer_release(p);
	close(fd);
}

static int
peer_watch(struct queue_peer *p, short what)
{
	if (p->watched == what)
		return 0;
	if (p->io != NULL)
		event_free(p->io);
	p->watched = what;
	p->io = event_new(p->queue->base, p->fd, (short)(what | EV_PERSIST),
	    peer_io_cb, p);
	return p->io == NULL ? -1 : event_add(p->io, NULL);
}

static void
peer_reply_later(struct queue_peer *p)
{
	if (p->is_replying)
		return;
	p->is_replying = true;
	TAILQ_INSERT_TAIL(&p->queue->replying, p, replying);
	queue_turn_later(p->queue);
}

static const char *
peer_subscribe_error(enum hub_answer answer)
{
	switch (answer) {
	case HUB_STOPPED:
		return "the channel was closed for good";
	case HUB_FULL:
		return "crierd is full (max-streams)";
	case HUB_DRAINING:
		return "crierd is stopping";
	default:
		return "out of memory";
	}
}

static const char *
peer_check_channels(const struct command *c)
{
	const char *why = NULL;
	size_t i, j;

	for (i = 0; why == NULL && i < c->channel_count; i++) {
		why = event_check_channel(c->channels[i].text,
		    c->channels[i].len);
		for (j = 0; why == NULL && j < i; j++)
			if (c->channels[i].len == c->channels[j].len &&
			    memcmp(c->channels[i].text, c->channels[j].text,
				c->channels[i].len) == 0)
				why = "a channel is named twice";
	}
	return why;
}

/* 1: the hub has the connection now; 0: it stays, with a reply; -1. */
static int
peer_subscribe(struct queue_peer *p, const struct command *c)
{
	struct subscription sub = { .fd = p->fd,
		.framing = &p->queue->framing,
		.channels = c->channels,
		.channel_count = c->channel_count,
		.since = c->since,
		.since_all = c->since_all,
		.has_last = c->has_last,
		.last = c->last,
		.user = { "", 0 },
		.address = { "queue", 5 },
		/* Replies to earlier lines stand before the stream. */
		.head = { p->out.data, p->out.len } };
	const char *why = peer_check_channels(c);
	enum hub_answer answer;

	if (why != NULL)
		return execute_put_error(&p->out, EX_DATAERR, why);
	event_del(p->io);
	answer = hub_subscribe(p->queue->hub, &sub);
	if (answer == HUB_OPENED)
		return 1;
	if (event_add(p->io, NULL) == -1)
		return -1;
	return execute_put_error(&p->out, EX_TEMPFAIL,
	    peer_subscribe_error(answer));
}

/* As peer_subscribe, for any line. */
static int
peer_take_line(struct queue_peer *p, const char *line, size_t len)
{
	struct command c;
	int rc;

	p->queue->counters.lines++;
	if (len > 0 && line[len - 1] == '\r')
		len--;
	if (command_parse(&c, p->queue->tokener, line, len) == -1) {
		p->queue->hub->counters.refused++;
		rc = execute_put_error(&p->out, c.code, c.error);
	} else if (c.kind == COMMAND_STREAM) {
		rc = peer_subscribe(p, &c);
	} else {
		rc = execute_command(p->queue, &c, &p->out);
	}
	command_clear(&c);
	return rc;
}

static int
peer_refuse_long_line(struct queue_peer *p)
{
	p->queue->counters.lines++;
	p->queue->hub->counters.refused++;
	return execute_put_error(&p->out, EX_DATAERR,
	    "the line is too long (max-event)");
}

/* As peer_subscribe, for all whole lines that are there. */
static int
peer_take_lines(struct queue_peer *p)
{
	size_t max = queue_line_max(p->queue), len;
	const char *end;
	int rc = 0;

	while (rc == 0 && p->in.len > 0) {
		end = memchr(p->in.data, '\n', p->in.len);
		if (end == NULL) {
			if (p->in.len > max || p->is_skipping) {
				p->is_skipping = true;
				buffer_consume(&p->in, p->in.len);
			}
			break;
		}
		len = (size_t)(end - p->in.data);
		if (p->is_skipping || len > max)
			rc = peer_refuse_long_line(p);
		else
			rc = peer_take_line(p, p->in.data, len);
		p->is_skipping = false;
		buffer_consume(&p->in, len + 1);
	}
	return rc;
}

/* What the peer says after its end is not heard, but it is answered. */
static void
peer_read(struct queue_peer *p)
{
	char *to = buffer_reserve(&p->in, PEER_READ_BYTES);
	ssize_t n;
	int rc;

	if (to == NULL) {
		peer_close(p);
		return;
	}
	n = read(p->fd, to, PEER_READ_BYTES);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n == -1) {
		peer_close(p);
		return;
	}
	p->is_over = n == 0;
	buffer_commit(&p->in, (size_t)n);
	/* A last line without its end is a line all the same. */
	if (p->is_over && p->in.len > 0 &&
	    buffer_append(&p->in, "\n", 1) == -1) {
		peer_close(p);
		return;
	}
	if ((rc = peer_take_lines(p)) == 0)
		peer_reply_later(p);
	else if (rc == 1)
		peer_release(p);
	else
		peer_close(p);
}

/* Some write their lines and close: what they wrote still counts. */
static void
peer_send(struct queue_peer *p)
{
	ssize_t n;

	while (p->out.len > 0 && !p->is_deaf) {
		n = write(p->fd, p->out.data, p->out.len);
		if (n == -1 && errno == EAGAIN)
			return;
		if (n == -1 && errno != EINTR)
			p->is_deaf = true;
		if (n > 0)
			buffer_consume(&p->out, (size_t)n);
	}
	buffer_truncate(&p->out, 0);
}

void
peer_reply(struct queue_peer *p)
{
	short what = 0;

	if (p->is_replying) {
		TAILQ_REMOVE(&p->queue->replying, p, replying);
		p->is_replying = false;
	}
	peer_send(p);
	if (!p->is_over && p->out.len < PEER_OUT_MAX)
		what |= EV_READ;
	if (p->out.len > 0)
		what |= EV_WRITE;
	if (what == 0 || peer_watch(p, what) == -1)
		peer_close(p);
}

static void
peer_io_cb(evutil_socket_t fd, short what, void *arg)
{
	struct queue_peer *p = arg;

	(void)fd;
	hub_now(p->queue->hub);
	if (what & EV_WRITE)
		peer_reply_later(p);
	if (what & EV_READ)
		peer_read(p);
}

void
peer_open(struct queue *q, int fd)
{
	struct queue_peer *p;

	q->counters.connections++;
	if (!peer_is_allowed(&q->hub->config->queue_allow, fd)) {
		q->counters.not_allowed++;
		close(fd);
		return;
	}
	if ((p = calloc(1, sizeof *p)) == NULL) {
		close(fd);
		return;
	}
	p->queue = q;
	p->fd = fd;
	TAILQ_INSERT_TAIL(&q->peers, p, link);
	q->peer_count++;
	if (peer_watch(p, EV_READ) == -1)
		peer_close(p);
}
