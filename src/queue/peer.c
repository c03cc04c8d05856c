/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/flush.h"
#include "base/log.h"
#include "base/loop.h"
#include "config/config.h"
#include "protocol/reply.h"
#include "queue/allow.h"
#include "queue/peer.h"
#include "queue/peer_part.h"

enum {
	PEER_TURN_BYTES = 1048576, /* read in a turn, from all */
	PEER_READ_MIN = 1024,      /* of each at least */
	PEER_FEW = 4               /* one place of so many is for doors */
};

static void peer_io_cb(evutil_socket_t, short, void *);

/* Takes a stopped peer from the list in which it waits. */
static void
peer_unstop(struct queue_peer *p)
{
	if (p->stop == PEER_GOES_ON)
		TAILQ_REMOVE(&p->queue->again, p, stopped);
	if (p->stop == PEER_AWAITS_TURN)
		TAILQ_REMOVE(&p->queue->costly, p, stopped);
	p->stop = PEER_RUNS;
}

/*
 * The connection is the hub's now, or about to be closed.  While the store has
 * events of this peer the structure stays, for their replies find it.
 */
static void
peer_release(struct queue_peer *p)
{
	passed_clear(&p->passed);
	peer_count_passed(p);
	peer_unstop(p);
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
	p->queue->figures.bytes -= p->held;
	p->is_gone = true;
	if (p->history != NULL) {
		retained_leave(p->history);
		p->pending--;
	}
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

	if (!p->is_over && p->stop == PEER_RUNS && !peer_is_full(p) &&
	    replies_may_read(&p->queue->replies))
		what |= EV_READ;
	if (p->out.len > 0)
		what |= EV_WRITE;
	if ((p->is_over && p->stop == PEER_RUNS && p->pending == 0 &&
		(p->out.len == 0 || p->is_ended)) ||
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

/* Why the next line is not taken, after what became of the last one. */
static enum peer_stop
peer_find_stop(const struct queue_peer *p, int rc)
{
	if (rc == PEER_WAITS || p->is_asking)
		return PEER_AWAITS_REPLIES;
	if (rc == PEER_TURN)
		return PEER_AWAITS_TURN;
	return peer_is_full(p) ? PEER_AWAITS_READER : PEER_RUNS;
}

/*
 * Carries out the whole lines that are there, until it must stop; the result is
 * the last line's.
 */
static int
peer_take_lines(struct queue_peer *p)
{
	size_t max = peer_line_max(p);
	enum lines_found found = LINES_NONE;
	struct text_span line;
	int rc = PEER_DONE;

	while (rc == PEER_DONE && p->stop == PEER_RUNS &&
	    (found = lines_find(&p->lines, &p->in, max, p->is_over, &line)) !=
		LINES_NONE) {
		/* 1. A line is carried out while it is still in front, where
		 * its descriptor is looked for. */
		if (found == LINES_WHOLE)
			rc = peer_take_line(p, line);
		else if (found == LINES_LONG_END)
			rc = peer_refuse_long_line(p);
		/* 2. A line that has to wait is found again when it may go on;
		 * until then nothing more is read. */
		p->stop = peer_find_stop(p, rc);
		if (rc == PEER_WAITS || rc == PEER_TURN)
			return PEER_DONE;
		/*
		 * 3. A long line was counted when its end came, as it was
		 * answered then.
		 */
		p->queue->figures.counters.lines += found != LINES_LONG;
		p->begun_ms = found == LINES_LONG ? p->begun_ms : 0;
		lines_pass(&p->lines, &p->in);
	}
	return rc;
}

/* Closes descriptors that came with lines which had no use for them. */
static void
peer_trim_passed(struct queue_peer *p)
{
	passed_trim(&p->passed, peer_position(p), p->received,
	    p->stop == PEER_RUNS);
	peer_count_passed(p);
}

/* Tells why nothing more of it is read; then it is closed. */
static void
peer_end(struct queue_peer *p, const char *why)
{
	p->queue->figures.counters.broken++;
	reply_put_error(&p->out, EX_TEMPFAIL, why);
	p->is_over = p->is_ended = true;
	peer_unstop(p);
	buffer_truncate(&p->in, 0);
	memset(&p->lines, 0, sizeof p->lines);
	peer_reply_later(p);
}

/*
 * Makes reading, stopping and the timers of a peer agree with where its lines
 * stand now.
 */
static void
peer_settle(struct queue_peer *p)
{
	struct queue *q = p->queue;

	peer_trim_passed(p);
	peer_note_line(p);
	peer_shrink(p);
	if (p->stop == PEER_AWAITS_TURN) {
		TAILQ_INSERT_TAIL(&q->costly, p, stopped);
		if (!evtimer_pending(q->costly_timer, NULL))
			loop_set_timer(q->costly_timer,
			    pace_wait_ms(&q->pace, clock_monotonic_us()));
	}
	if (peer_has_too_much(p))
		peer_end(p, "too much waits at the queue (queue-bytes)");
	peer_reply_later(p);
}

static void
peer_process(struct queue_peer *p)
{
	int rc;

	peer_unstop(p);
	rc = peer_take_lines(p);
	if (rc == PEER_STREAMS)
		peer_release(p);
	else if (rc == -1)
		peer_close(p);
	else
		peer_settle(p);
}

/* Has the peer go on with its lines when others have had their turn. */
static void
peer_go_on(struct queue_peer *p)
{
	p->stop = PEER_GOES_ON;
	TAILQ_INSERT_TAIL(&p->queue->again, p, stopped);
	if (!evtimer_pending(p->queue->again_timer, NULL))
		loop_set_timer(p->queue->again_timer, 0);
}

void
peer_go_on_all(struct queue *q)
{
	struct queue_peer *last = TAILQ_LAST(&q->again, queue_again_head), *p;
	bool is_last = last == NULL;

	while (!is_last) {
		p = TAILQ_FIRST(&q->again);
		is_last = p == last;
		/* May free the peer. NOLINTNEXTLINE(*-unix.Malloc) */
		peer_process(p);
	}
}

void
peer_give_turns(struct queue *q)
{
	struct queue_peer *p;

	while ((p = TAILQ_FIRST(&q->costly)) != NULL &&
	    pace_is_open(&q->pace, clock_monotonic_us())) {
		p->has_turn = true;
		/* May free the peer. NOLINTNEXTLINE(*-unix.Malloc) */
		peer_process(p);
	}
	if (p != NULL)
		loop_set_timer(q->costly_timer,
		    pace_wait_ms(&q->pace, clock_monotonic_us()));
}

void
peer_sweep(struct queue *q)
{
	uint64_t now_ms = clock_monotonic_ms();
	struct queue_peer *p, *next;
	const char *why;

	TAILQ_FOREACH_SAFE(p, &q->peers, link, next)
		if (!p->is_ended && (why = peer_find_fault(p, now_ms)) != NULL)
			peer_end(p, why);
}

/*
 * Bytes to be read from one peer: they share what is read in a turn, so that
 * the turn does not become longer with their number.
 */
static size_t
peer_read_max(const struct queue *q)
{
	size_t readers =
	    q->readers_before > q->readers ? q->readers_before : q->readers;
	size_t max = PEER_TURN_BYTES / (readers + 1);

	if (max > PEER_READ_BYTES)
		return PEER_READ_BYTES;
	return max < PEER_READ_MIN ? PEER_READ_MIN : max;
}

/*
 * Descriptors are received only from peers that may hand over streams: whoever
 * else sends some cannot make us hold them.
 */
static ssize_t
peer_receive(struct queue_peer *p, char *to, size_t max)
{
	struct queue *q = p->queue;
	ssize_t n;

	if (!peer_may_hand_off(p))
		return read(p->fd, to, max);
	n = passed_receive(&p->passed, p->fd, to, max, peer_position(p),
	    p->received);
	peer_count_passed(p);
	if (q->figures.descriptors > q->figures.connections_max && !p->is_own)
		passed_refuse(&p->passed, p->received);
	return n;
}

/* Reads once a turn.  A peer that has closed its side is still answered. */
static void
peer_read(struct queue_peer *p)
{
	struct queue *q = p->queue;
	size_t max = peer_read_max(q);
	ssize_t n = -1;
	char *to;

	q->readers++;
	if (p->in.base == NULL) {
		p->in = q->spare;
		memset(&q->spare, 0, sizeof q->spare);
	}
	if ((to = buffer_reserve(&p->in, max)) != NULL)
		n = peer_receive(p, to, max);
	if (n == -1 && to != NULL && (errno == EAGAIN || errno == EINTR)) {
		peer_shrink(p);
		return;
	}
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
	size_t before = p->out.len;

	if (!p->is_deaf && flush_buffer(p->fd, &p->out) == -1)
		p->is_deaf = true;
	if (p->is_deaf)
		buffer_truncate(&p->out, 0);
	peer_note_reader(p, before);
	peer_shrink(p);
}

/* Frees the peer if it is over. */
static void
peer_reply(struct queue_peer *p)
{
	TAILQ_REMOVE(&p->queue->replying, p, replying);
	p->is_replying = false;
	peer_send(p);
	if ((p->stop == PEER_AWAITS_REPLIES && p->pending == 0) ||
	    (p->stop == PEER_AWAITS_READER && !peer_is_full(p)))
		peer_go_on(p);
	peer_update(p);
}

void
peer_reply_all(struct queue *q)
{
	struct queue_peer *p;

	while ((p = TAILQ_FIRST(&q->replying)) != NULL)
		/* p leaves the list. NOLINTNEXTLINE(*-unix.Malloc) */
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

/* The first of a kind is logged. */
static void
peer_turn_away(int fd, uint64_t *count, int code, const char *why)
{
	struct buffer text = { 0 };

	if ((*count)++ == 0)
		log_warning("queue: a program was turned away: %s; status "
			    "counts the next ones",
		    why);
	/* There is room for one line in a fresh socket. */
	if (reply_put_error(&text, code, why) == 0)
		flush_buffer(fd, &text);
	buffer_clear(&text);
	close(fd);
}

/*
 * The last places are for those that may hand over streams: web requests shall
 * come through, however many others hold the rest.
 */
static bool
peer_has_place(const struct queue *q, int fd)
{
	uint64_t count = q->figures.connections,
		 max = q->figures.connections_max;

	if (count < max - max / PEER_FEW)
		return true;
	return count < max &&
	    allow_includes(&hub_config(q->hub)->handoff_allow, fd);
}

static bool
peer_is_admitted(struct queue *q, int fd)
{
	const struct config *config = hub_config(q->hub);

	if (config->queue_allow.count > 0 &&
	    !allow_includes(&config->queue_allow, fd)) {
		peer_turn_away(fd, &q->figures.counters.not_allowed, EX_NOPERM,
		    "this user is not allowed to (queue-allow)");
		return false;
	}
	if (peer_has_place(q, fd))
		return true;
	peer_turn_away(fd, &q->figures.counters.turned_away, EX_TEMPFAIL,
	    "there are too many connections (queue-connections)");
	return false;
}

void
peer_open(struct queue *q, int fd, bool is_own)
{
	struct queue_peer *p;

	q->figures.counters.connections++;
	if (!is_own && !peer_is_admitted(q, fd))
		return;
	if ((p = calloc(1, sizeof *p)) == NULL) {
		close(fd);
		return;
	}
	p->queue = q;
	p->fd = fd;
	p->is_own = is_own;
	TAILQ_INSERT_TAIL(&q->peers, p, link);
	q->figures.connections++;
	if (peer_watch(p, EV_READ) == -1)
		peer_close(p);
}
