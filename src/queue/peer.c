/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/flush.h"
#include "base/log.h"
#include "config/config.h"
#include "protocol/reply.h"
#include "queue/allow.h"
#include "queue/peer.h"
#include "queue/peer_part.h"

enum {
	PEER_READ_BYTES = 131072,
	PEER_OUT_MAX = 262144 /* unread replies; then no line is taken */
};

static void peer_io_cb(evutil_socket_t, short, void *);

/*
 * The connection is the hub's now, or about to be closed.  While the store has
 * events of this peer the structure stays, for their replies find it.
 */
static void
peer_release(struct queue_peer *p)
{
	passed_clear(&p->passed);
	config_free(p->judged);
	p->judged = NULL;
	TAILQ_REMOVE(&p->queue->peers, p, link);
	if (p->is_replying)
		TAILQ_REMOVE(&p->queue->replying, p, replying);
	p->is_replying = false;
	p->queue->figures.connections--;
	peer_unwatch(p);
	buffer_clear(&p->in);
	buffer_clear(&p->out);
	p->is_gone = true;
	if (p->pending == 0)
		free(p);
}

static void
peer_close(struct queue_peer *p)
{
	int fd = p->fd;

	peer_release(p);
	close(fd);
}

void
peer_close_all(struct queue *q)
{
	struct queue_peer *p;

	while ((p = TAILQ_FIRST(&q->peers)) != NULL)
		peer_close(p);
}

static int
peer_watch(struct queue_peer *p, short what)
{
	if (p->watched == what)
		return 0;
	peer_unwatch(p);
	p->watched = what;
	if (what == 0)
		return 0;
	p->io = event_new(p->queue->base, p->fd, (short)(what | EV_PERSIST),
	    peer_io_cb, p);
	return p->io == NULL ? -1 : event_add(p->io, NULL);
}

/* Watches for what can be done next, or closes what is over. */
static void
peer_update(struct queue_peer *p)
{
	short what = 0;

	if (!p->is_over && !p->is_waiting && p->out.len < PEER_OUT_MAX &&
	    replies_may_read(&p->queue->replies))
		what |= EV_READ;
	if (p->out.len > 0)
		what |= EV_WRITE;
	if ((p->is_over && p->out.len == 0 && p->pending == 0) ||
	    peer_watch(p, what) == -1)
		peer_close(p);
}

void
peer_update_all(struct queue *q)
{
	struct queue_peer *p, *next;

	TAILQ_FOREACH_SAFE(p, &q->peers, link, next)
		peer_update(p);
}

static size_t
peer_line_max(struct queue_peer *p)
{
	const struct config *config = hub_config(p->queue->hub);

	if (!peer_may_hand_off(p))
		return command_line_max(config->max_event_bytes);
	return command_handoff_max(config->max_event_bytes,
	    config->max_request_bytes);
}

/* Carries out all whole lines that are there; the result is the last line's. */
static int
peer_take_lines(struct queue_peer *p)
{
	size_t max = peer_line_max(p);
	enum lines_found found = LINES_NONE;
	struct text_span line;
	int rc = PEER_DONE;

	while (rc == PEER_DONE &&
	    (found = lines_find(&p->lines, &p->in, max, p->is_over, &line)) !=
		LINES_NONE) {
		/* 1. A line is carried out while it is still in front, where
		 * its descriptor is looked for. */
		if (found == LINES_WHOLE)
			rc = peer_take_line(p, line);
		else if (found == LINES_LONG_END)
			rc = peer_refuse_long_line(p);
		/* 2. A line that has to wait is found again when the replies
		 * before it are sent; until then nothing more is read. */
		p->is_waiting = rc == PEER_WAITS;
		if (p->is_waiting)
			break;
		/*
		 * 3. A long line was counted when its end came, as it was
		 * answered then.
		 */
		p->queue->figures.counters.lines += found != LINES_LONG;
		lines_pass(&p->lines, &p->in);
	}
	return rc;
}

static void
peer_process(struct queue_peer *p)
{
	int rc = peer_take_lines(p);

	if (rc == PEER_STREAMS)
		peer_release(p);
	else if (rc == -1)
		peer_close(p);
	else
		peer_reply_later(p);
}

/*
 * Descriptors are received only from peers that may hand over streams: whoever
 * else sends some cannot make us hold them.
 */
static ssize_t
peer_receive(struct queue_peer *p, char *to)
{
	if (!peer_may_hand_off(p))
		return read(p->fd, to, PEER_READ_BYTES);
	return passed_receive(&p->passed, p->fd, to, PEER_READ_BYTES,
	    peer_position(p), p->received);
}

/* One read a turn.  A peer that has ended is still answered. */
static void
peer_read(struct queue_peer *p)
{
	char *to = buffer_reserve(&p->in, PEER_READ_BYTES);
	ssize_t n = -1;

	if (to != NULL)
		n = peer_receive(p, to);
	if (n == -1 && to != NULL && (errno == EAGAIN || errno == EINTR))
		return;
	if (n == -1) {
		peer_close(p);
		return;
	}
	p->is_over = n == 0;
	buffer_commit(&p->in, (size_t)n);
	p->received += (size_t)n;
	peer_process(p);
}

/* Some peers write their lines and close: these lines count all the same. */
static void
peer_send(struct queue_peer *p)
{
	if (!p->is_deaf && flush_buffer(p->fd, &p->out) == -1)
		p->is_deaf = true;
	if (p->is_deaf)
		buffer_truncate(&p->out, 0);
}

/* Frees the peer if it is over. */
static void
peer_reply(struct queue_peer *p)
{
	TAILQ_REMOVE(&p->queue->replying, p, replying);
	p->is_replying = false;
	peer_send(p);
	if (p->is_waiting && p->pending == 0) {
		p->is_waiting = false;
		peer_process(p);
		return;
	}
	peer_update(p);
}

void
peer_reply_all(struct queue *q)
{
	struct queue_peer *p;

	while ((p = TAILQ_FIRST(&q->replying)) != NULL)
		/* It leaves the list. NOLINTNEXTLINE(*-unix.Malloc) */
		peer_reply(p);
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

static void
peer_turn_away(struct queue *q, int fd)
{
	struct buffer text = { 0 };

	if (q->figures.counters.not_allowed++ == 0)
		log_warning("queue: a program was turned away for who it is "
			    "(queue-allow); status counts the next ones");
	/* There is room for one line in a fresh socket. */
	if (reply_put_error(&text, EX_NOPERM,
		"this user is not allowed to (queue-allow)") == 0)
		flush_buffer(fd, &text);
	buffer_clear(&text);
	close(fd);
}

void
peer_open(struct queue *q, int fd)
{
	const struct config *config = hub_config(q->hub);
	struct queue_peer *p;

	q->figures.counters.connections++;
	if (config->queue_allow.count > 0 &&
	    !allow_includes(&config->queue_allow, fd)) {
		peer_turn_away(q, fd);
		return;
	}
	if ((p = calloc(1, sizeof *p)) == NULL) {
		close(fd);
		return;
	}
	p->queue = q;
	p->fd = fd;
	TAILQ_INSERT_TAIL(&q->peers, p, link);
	q->figures.connections++;
	if (peer_watch(p, EV_READ) == -1)
		peer_close(p);
}
