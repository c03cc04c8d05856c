/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/flush.h"
#include "base/lines.h"
#include "base/log.h"
#include "protocol/reply.h"
#include "queue/execute.h"
#include "queue/passed.h"
#include "queue/peer.h"
#include "queue/reply.h"

enum {
	PEER_READ_BYTES = 131072,
	/* Replies that wait for the peer; beyond it, its lines wait for them.
	 */
	PEER_OUT_MAX = 262144,
	PEER_REPLY_ROOM = 1024 /* bytes of a reply to a handoff */
};

struct queue_peer {
	TAILQ_ENTRY(queue_peer) link;
	TAILQ_ENTRY(queue_peer) replying;
	struct queue *queue;
	struct event *io;
	int fd;
	short watched;     /* EV_READ, EV_WRITE */
	bool is_replying;  /* in queue->replying */
	bool is_over;      /* nothing more comes */
	bool is_deaf;      /* replies cannot be sent, but lines still come */
	bool is_waiting;   /* with its next line, for its replies */
	bool is_gone;      /* freed when its last reply is due */
	bool may_hand_off; /* as this configuration has it: */
	const struct config *judged; /* NULL: not asked yet */
	size_t pending;              /* replies that wait for the store */
	struct passed passed;
	uint64_t received; /* bytes, to the end of in */
	struct buffer in, out;
	struct lines lines; /* of in */
};

/* What became of a line, besides 0 and -1. */
enum {
	PEER_STREAMS = 1,
	PEER_WAITS = 2
};

static void peer_io_cb(evutil_socket_t, short, void *);

/* Where the next line begins, in bytes from the peer's first. */
static uint64_t
peer_position(const struct queue_peer *p)
{
	return p->received - p->in.len;
}

/* Its connection is not its own any more; replies may still come. */
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
	p->queue->peer_count--;
	if (p->io != NULL)
		event_free(p->io);
	buffer_clear(&p->in);
	buffer_clear(&p->out);
	p->is_gone = true;
	if (p->pending == 0)
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
	p->io = NULL;
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

	if (!p->is_over && !p->is_waiting && p->out.len < PEER_OUT_MAX) {
		if (queue_is_full(p->queue))
			p->queue->is_paused = true;
		else
			what |= EV_READ;
	}
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

static void
peer_reply_later(struct queue_peer *p)
{
	if (!p->is_replying)
		TAILQ_INSERT_TAIL(&p->queue->replying, p, replying);
	p->is_replying = true;
	queue_turn_later(p->queue);
}

struct buffer *
peer_reply_buffer(struct queue_peer *p)
{
	return p->is_gone ? NULL : &p->out;
}

void
peer_answered(struct queue_peer *p)
{
	p->pending--;
	if (!p->is_gone)
		peer_reply_later(p);
	else if (p->pending == 0)
		free(p);
}

static const char *
peer_subscribe_error(enum hub_answer answer)
{
	switch (answer) {
	case HUB_STOPPED:
		return "the channel was closed for good";
	case HUB_FULL:
		return "crierd is full (max-streams)";
	case HUB_USER_FULL:
		return "too many streams of this user (max-streams-per-user)";
	case HUB_ADDRESS_FULL:
		return "too many streams of this address "
		       "(max-streams-per-address)";
	case HUB_DRAINING:
		return "crierd is stopping";
	default:
		return "out of memory";
	}
}

/* NULL, or why it cannot be followed; crier's own are few. */
static const char *
peer_check_channel(const struct text_span *name)
{
	const char *why = event_check_channel(name->text, name->len);

	if (why == NULL && event_channel_is_reserved(name->text, name->len) &&
	    !hub_is_own_channel(*name))
		why = "of the channels that begin with $ there are $streams "
		      "and $stats";
	return why;
}

static const char *
peer_check_channels(const struct command *c)
{
	const char *why = NULL;
	size_t i, j;

	for (i = 0; why == NULL && i < c->channel_count; i++) {
		why = peer_check_channel(&c->channels[i]);
		for (j = 0; why == NULL && j < i; j++)
			if (c->channels[i].len == c->channels[j].len &&
			    memcmp(c->channels[i].text, c->channels[j].text,
				c->channels[i].len) == 0)
				why = "a channel is named twice";
	}
	return why;
}

/* PEER_STREAMS: the hub has the connection now; 0: it stays; -1. */
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
		return reply_put_error(&p->out, EX_DATAERR, why);
	peer_watch(p, 0);
	answer = hub_subscribe(p->queue->hub, &sub);
	if (answer == HUB_OPENED)
		return PEER_STREAMS;
	return reply_put_error(&p->out, EX_TEMPFAIL,
	    peer_subscribe_error(answer));
}

/* A reply that is known now, behind those that are not. */
static int
peer_say(struct queue_peer *p, const struct buffer *text)
{
	if (p->pending == 0)
		return buffer_append(&p->out, text->data, text->len);
	if (reply_add_text(p->queue, p, text->data, text->len) == -1)
		return -1;
	p->pending++;
	return 0;
}

static int
peer_say_error(struct queue_peer *p, int code, const char *error)
{
	struct buffer text = { 0 };
	int rc = reply_put_error(&text, code, error);

	if (rc == 0)
		rc = peer_say(p, &text);
	buffer_clear(&text);
	return rc;
}

static int
peer_publish(struct queue_peer *p, struct command *c)
{
	switch (execute_publish(p->queue, p, c)) {
	case 0:
		p->pending++;
		return 0;
	case -1:
		return peer_say_error(p, c->code, c->error);
	default:
		return -1;
	}
}

/*
 * Who somebody is does not change, and whom a configuration allows neither;
 * to find out may take a look at who is in a group.
 */
static bool
peer_may_hand_off(struct queue_peer *p)
{
	const struct config *config = hub_config(p->queue->hub);

	if (p->queue->handoff_cb == NULL)
		return false;
	if (p->judged != config) {
		config_free(p->judged);
		p->judged = config_ref(config);
		p->may_hand_off = peer_is_listed(&config->handoff_allow, p->fd);
	}
	return p->may_hand_off;
}

/*
 * No reply to an earlier line is due.  There is room for the one to this line
 * before anything is done: who does not hear of its stream hands it over again.
 */
static int
peer_hand_off(struct queue_peer *p, const struct command *c)
{
	int fd;

	if (!peer_may_hand_off(p))
		return peer_say_error(p, EX_NOPERM,
		    "this user may not hand over streams (handoff-allow)");
	if (buffer_reserve(&p->out, PEER_REPLY_ROOM) == NULL)
		return -1;
	if (!passed_take(&p->passed, peer_position(p), &fd))
		return peer_say_error(p, EX_DATAERR,
		    "no descriptor came with the line");
	if (fd == -1) {
		hub_count_turned_away(p->queue->hub);
		return peer_say_error(p, EX_TEMPFAIL,
		    "crierd has no descriptors left");
	}
	return p->queue->handoff_cb(p->queue->handoff_arg, c->json, fd,
	    &p->out);
}

static int
peer_execute(struct queue_peer *p, const struct command *c)
{
	struct buffer text = { 0 };
	int rc = execute_command(p->queue, c, &text);

	if (rc == 0)
		rc = peer_say(p, &text);
	buffer_clear(&text);
	return rc;
}

/*
 * 0: the line is answered, or will be; PEER_STREAMS: the hub has the connection
 * now; PEER_WAITS: the line must stay until all before it are answered; -1.
 */
static int
peer_take_line(struct queue_peer *p, const char *line, size_t len)
{
	struct command c;
	int rc;

	if (len > 0 && line[len - 1] == '\r')
		len--;
	if (command_parse(&c, p->queue->tokener, line, len) == -1) {
		hub_count_refused(p->queue->hub);
		rc = peer_say_error(p, c.code, c.error);
	} else if (c.kind == COMMAND_PUBLISH) {
		rc = peer_publish(p, &c);
	} else if (c.kind != COMMAND_STATUS && p->pending > 0) {
		rc = PEER_WAITS;
	} else if (c.kind == COMMAND_STREAM) {
		rc = peer_subscribe(p, &c);
	} else if (c.kind == COMMAND_HANDOFF) {
		rc = peer_hand_off(p, &c);
	} else {
		rc = peer_execute(p, &c);
	}
	command_clear(&c);
	return rc;
}

static int
peer_refuse_long_line(struct queue_peer *p)
{
	hub_count_refused(p->queue->hub);
	return peer_say_error(p, EX_DATAERR,
	    "the line is too long (max-event)");
}

/* As peer_take_line, for all whole lines that are there. */
static int
peer_take_lines(struct queue_peer *p)
{
	size_t max = peer_may_hand_off(p) ? queue_handoff_max(p->queue)
					  : queue_line_max(p->queue);
	enum lines_found found = LINES_NONE;
	struct text_span line;
	int rc = 0;

	while (rc == 0 &&
	    (found = lines_find(&p->lines, &p->in, max, p->is_over, &line)) !=
		LINES_NONE) {
		if (found == LINES_WHOLE)
			rc = peer_take_line(p, line.text, line.len);
		else if (found == LINES_LONG_END)
			rc = peer_refuse_long_line(p);
		p->is_waiting = rc == PEER_WAITS;
		if (p->is_waiting)
			break;
		p->queue->counters.lines += found != LINES_LONG;
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

/* Nobody looks at the descriptors of who has no use for them. */
static ssize_t
peer_receive(struct queue_peer *p, char *to)
{
	if (!peer_may_hand_off(p))
		return read(p->fd, to, PEER_READ_BYTES);
	return passed_receive(&p->passed, p->fd, to, PEER_READ_BYTES,
	    peer_position(p), p->received);
}

/* What the peer says after its end is not heard, but it is answered. */
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

/* Some write their lines and close: what they wrote still counts. */
static void
peer_send(struct queue_peer *p)
{
	if (!p->is_deaf && flush_buffer(p->fd, &p->out) == -1)
		p->is_deaf = true;
	if (p->is_deaf)
		buffer_truncate(&p->out, 0);
}

void
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
	ssize_t n;

	if (q->counters.not_allowed++ == 0)
		log_warning("queue: a program was turned away for who it is "
			    "(queue-allow); status counts the next ones");
	if (reply_put_error(&text, EX_NOPERM,
		"this user is not allowed to (queue-allow)") == 0) {
		n = write(fd, text.data, text.len);
		(void)n; /* one line fits into a fresh socket */
	}
	buffer_clear(&text);
	close(fd);
}

void
peer_open(struct queue *q, int fd)
{
	const struct config *config = hub_config(q->hub);
	struct queue_peer *p;

	q->counters.connections++;
	if (config->queue_allow.count > 0 &&
	    !peer_is_listed(&config->queue_allow, fd)) {
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
	q->peer_count++;
	if (peer_watch(p, EV_READ) == -1)
		peer_close(p);
}
