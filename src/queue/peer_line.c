/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "config/config.h"
#include "hub/ask.h"
#include "protocol/reply.h"
#include "queue/allow.h"
#include "queue/execute.h"
#include "queue/peer_part.h"

/*
 * What a peer's lines do.  Each has one reply, and replies come in the order of
 * the lines: as long as one waits for the store (pending), those behind it wait
 * in the turn's list, and a command that must see what the lines before it have
 * done waits itself (PEER_WAITS).
 */

enum {
	PEER_REPLY_ROOM = 1024 /* bytes of a reply to a handoff */
};

static const char peer_crowded_text[] =
    "too many replies are not read (queue-bytes)";

uint64_t
peer_position(const struct queue_peer *p)
{
	return p->received - p->in.len;
}

void
peer_reply_later(struct queue_peer *p)
{
	if (!p->is_replying)
		TAILQ_INSERT_TAIL(&p->queue->replying, p, replying);
	p->is_replying = true;
	replies_commit_later(&p->queue->replies);
}

void
peer_unwatch(struct queue_peer *p)
{
	if (p->io != NULL)
		event_free(p->io);
	p->io = NULL;
	p->watched = 0;
}

/* A reply that waited for the store is in `out`, or nobody is there for it. */
static void
peer_answered(struct queue_peer *p)
{
	p->pending--;
	if (!p->is_gone)
		peer_reply_later(p);
	else if (p->pending == 0)
		free(p);
}

/* Without memory for a reply the peer gets none: it cannot be told so. */
static void
peer_event_cb(void *arg, const struct hub_outcome *o)
{
	struct queue_peer *p = arg;

	p->has_failed |= o->refusal != NULL;
	if (p->is_gone)
		;
	else if (o->refusal != NULL)
		reply_put_error(&p->out, EX_TEMPFAIL, o->refusal);
	else if (o->is_own_id || o->is_duplicate)
		reply_put_event(&p->out, o->id, o->streams, o->is_duplicate);
	else
		/* Bulk publishing has no other replies than these. */
		reply_put_new_event(&p->out, o->id, o->streams);
	peer_answered(p);
}

static void
peer_text_cb(void *arg, const char *text, size_t len)
{
	struct queue_peer *p = arg;

	p->pending_bytes -= len;
	if (!p->is_gone)
		buffer_append(&p->out, text, len);
	peer_answered(p);
}

static const struct asker peer_asker = { peer_event_cb, peer_text_cb };

/* A reply that is known now, behind those that are not. */
static int
peer_say(struct queue_peer *p, const struct buffer *text)
{
	if (p->pending == 0)
		return buffer_append(&p->out, text->data, text->len);
	if (replies_add_text(&p->queue->replies, &peer_asker, p, text->data,
		text->len) == -1)
		return -1;
	p->pending++;
	p->pending_bytes += text->len;
	return 0;
}

static int
peer_say_error(struct queue_peer *p, int code, const char *error)
{
	struct buffer text = { 0 };
	int rc = reply_put_error(&text, code, error);

	p->has_failed |= code == EX_TEMPFAIL;
	if (rc == 0)
		rc = peer_say(p, &text);
	buffer_clear(&text);
	return rc;
}

/*
 * Until the next one, an event that is refused for now has all behind it
 * refused as well: whoever sends the rest again sends it in order.
 */
static int
peer_order(struct queue_peer *p, struct command *c)
{
	struct buffer text = { 0 };
	int rc = json_append_line(&text, reply_new(true));

	(void)c;
	if (rc == 0)
		rc = peer_say(p, &text);
	buffer_clear(&text);
	p->is_ordered = true;
	p->has_failed = rc == -1;
	return rc;
}

/*
 * Whether the store has earlier events of a peer that wants them in order:
 * what becomes of them is not known yet.
 */
static bool
peer_must_wait_for_store(const struct queue_peer *p)
{
	return p->is_ordered && p->turn != p->queue->replies.turns;
}

static int
peer_publish(struct queue_peer *p, struct command *c)
{
	if (p->is_ordered && p->has_failed)
		return peer_say_error(p, EX_TEMPFAIL,
		    "an event before it was refused for now");
	p->turn = p->queue->replies.turns;
	switch (execute_publish(p->queue, &peer_asker, p, c)) {
	case 0:
		p->pending++;
		return PEER_DONE;
	case -1:
		return peer_say_error(p, c->code, c->error);
	default:
		return -1;
	}
}

/* NULL, or why a channel cannot be followed; crier's own are few. */
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

static int
peer_subscribe(struct queue_peer *p, struct command *c)
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
	peer_unwatch(p);
	answer = hub_subscribe(p->queue->hub, &sub);
	if (answer == HUB_OPENED)
		return PEER_STREAMS;
	return reply_put_error(&p->out, EX_TEMPFAIL, hub_answer_text(answer));
}

/*
 * The answer is kept for as long as the configuration: finding out may mean to
 * look up who is in a group, and neither the user of a connection changes nor
 * whom a configuration allows.
 */
bool
peer_may_hand_off(struct queue_peer *p)
{
	const struct config *config = hub_config(p->queue->hub);

	if (p->queue->handoff_cb == NULL)
		return false;
	if (p->judged != config) {
		config_free(p->judged);
		p->judged = config_ref(config);
		p->may_hand_off = allow_includes(&config->handoff_allow, p->fd);
	}
	return p->may_hand_off;
}

/*
 * No reply to an earlier line is due.  Room for the reply to this line is found
 * before anything is done: a door that does not hear of its stream would hand
 * it over again.
 */
static int
peer_hand_off(struct queue_peer *p, struct command *c)
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
	if (fd != -1 && passed_is_queues(p->fd, fd)) {
		close(fd);
		return peer_say_error(p, EX_DATAERR,
		    "the descriptor is the queue's own");
	}
	if (fd == -1) {
		hub_count_turned_away(p->queue->hub);
		return peer_say_error(p, EX_TEMPFAIL,
		    "crierd has no descriptors left");
	}
	return p->queue->handoff_cb(p->queue->handoff_arg, c->json, fd,
	    &p->out);
}

/* Carries out a command, and has the time that it took paid for. */
static int
peer_execute_paced(struct queue *q, const struct command *c,
    struct buffer *text)
{
	uint64_t from_us = clock_monotonic_us();
	int rc = execute_command(q, c, text);

	pace_pay(&q->pace, from_us, clock_monotonic_us());
	return rc;
}

/* What all nodes have answered, in turn: no line behind it was taken. */
static void
peer_asked_cb(void *arg, struct json_object *answer, const char *why)
{
	struct queue_peer *p = arg;

	p->is_asking = false;
	if (p->is_gone)
		json_object_put(answer);
	else if (answer == NULL)
		reply_put_error(&p->out, EX_TEMPFAIL, why);
	else
		execute_answer(p->queue, p->asked, answer, &p->out);
	peer_answered(p);
}

/* Asks all nodes; lines that follow wait until they have answered. */
static int
peer_ask(struct queue_peer *p, const struct command *c)
{
	const char *why = execute_check(c);

	if (why != NULL)
		return peer_say_error(p, EX_DATAERR, why);
	p->is_asking = true;
	p->asked = c->kind;
	p->pending++;
	hub_ask(p->queue->hub, c, peer_asked_cb, p);
	return PEER_DONE;
}

/* All other commands have their reply at once. */
static int
peer_execute(struct queue_peer *p, const struct command *c)
{
	struct buffer text = { 0 };
	int rc;

	p->has_turn = false;
	if (execute_is_long(c) && peer_is_crowded(p))
		return peer_say_error(p, EX_TEMPFAIL, peer_crowded_text);
	if (hub_has_nodes(p->queue->hub, c))
		return peer_ask(p, c);
	rc = peer_execute_paced(p->queue, c, &text);
	if (rc == 0)
		rc = peer_say(p, &text);
	buffer_clear(&text);
	return rc;
}

/* The history that was asked for is there: it is told. */
static int
peer_tell_history(struct queue_peer *p, struct buffer *text)
{
	uint64_t from_us = clock_monotonic_us();
	int rc = retained_put(p->history, text);

	retained_leave(p->history);
	p->history = NULL;
	pace_pay(&p->queue->pace, from_us, clock_monotonic_us());
	return rc;
}

/* The store has answered.  Without memory a peer has no reply. */
static void
peer_history_cb(void *arg)
{
	struct queue_peer *p = arg;

	p->is_asking = false;
	peer_tell_history(p, &p->out);
	peer_answered(p);
}

/*
 * What channels retain.  Memory has it at once; while the store is asked, the
 * lines behind this one wait.
 */
static int
peer_ask_history(struct queue_peer *p, struct command *c)
{
	struct subscription sub = { .channels = c->channels,
		.channel_count = c->channel_count,
		.since = c->since,
		.has_last = c->has_last,
		.last = c->last };
	const char *why = peer_check_channels(c);
	struct buffer text = { 0 };
	int rc;

	p->has_turn = false;
	if (why != NULL)
		return peer_say_error(p, EX_DATAERR, why);
	if (peer_is_crowded(p))
		return peer_say_error(p, EX_TEMPFAIL, peer_crowded_text);
	p->history = retained_ask(p->queue->hub, &sub, c->limit);
	if (p->history == NULL)
		return -1;
	if (!retained_is_done(p->history)) {
		retained_set_done(p->history, peer_history_cb, p);
		p->is_asking = true;
		p->pending++;
		return PEER_DONE;
	}
	rc = peer_tell_history(p, &text);
	if (rc == 0)
		rc = peer_say(p, &text);
	buffer_clear(&text);
	return rc;
}

/*
 * Whether a line that costs must wait: the time for such is used up, or others
 * were first.
 */
static bool
peer_must_wait_for_turn(const struct queue_peer *p)
{
	const struct queue *q = p->queue;

	return !p->has_turn &&
	    (!TAILQ_EMPTY(&q->costly) ||
		!pace_is_open(&q->pace, clock_monotonic_us()));
}

/* reload, restart, shutdown: for those who could send crierd a signal. */
static int
peer_control(struct queue_peer *p, struct command *c)
{
	static const struct config_list nobody_else;
	struct queue *q = p->queue;
	struct buffer text = { 0 };
	int rc;

	if (q->control_cb == NULL || !allow_includes(&nobody_else, p->fd))
		return peer_say_error(p, EX_NOPERM,
		    "that is for root and crierd's own user");
	rc =
	    q->control_cb(q->control_arg, c->kind, allow_is_root(p->fd), &text);
	if (rc == 0)
		rc = peer_say(p, &text);
	buffer_clear(&text);
	return rc;
}

/* A run has begun, or not.  Without memory a peer has no reply. */
static void
peer_run_cb(void *who, const struct buffer *reply)
{
	struct queue_peer *p = who;

	p->is_asking = false;
	if (!p->is_gone && reply != NULL)
		buffer_append(&p->out, reply->data, reply->len);
	peer_answered(p);
}

/*
 * run: the command has all that crierd's own user has, so it is for those who
 * have that anyway, and for whom run-allow names.
 * Where other nodes have a say, the lines behind it wait for its reply.
 */
static int
peer_run(struct queue_peer *p, struct command *c)
{
	struct queue *q = p->queue;
	struct buffer text = { 0 };
	int rc;

	if (q->run_cb == NULL ||
	    !allow_includes(&hub_config(q->hub)->run_allow, p->fd))
		return peer_say_error(p, EX_NOPERM,
		    "this user may not run commands (run-allow)");
	p->is_asking = true;
	p->pending++;
	rc = q->run_cb(q->run_arg, c->json, &text, peer_run_cb, p);
	if (rc == 1)
		return PEER_DONE;
	p->is_asking = false;
	p->pending--;
	if (rc == 0)
		rc = peer_say(p, &text);
	buffer_clear(&text);
	return rc;
}

static int
peer_take_command(struct queue_peer *p, struct command *c)
{
	static int (*const own[COMMAND_KINDS])(struct queue_peer *,
	    struct command *) = { [COMMAND_PUBLISH] = peer_publish,
		[COMMAND_STREAM] = peer_subscribe,
		[COMMAND_HANDOFF] = peer_hand_off,
		[COMMAND_ORDER] = peer_order,
		[COMMAND_HISTORY] = peer_ask_history,
		[COMMAND_RUN] = peer_run,
		[COMMAND_RELOAD] = peer_control,
		[COMMAND_RESTART] = peer_control,
		[COMMAND_SHUTDOWN] = peer_control };

	if (p->pending > 0 &&
	    (!execute_may_overtake(c->kind) ||
		hub_has_nodes(p->queue->hub, c) ||
		(c->kind == COMMAND_PUBLISH && peer_must_wait_for_store(p))))
		return PEER_WAITS;
	/* A peer that reads nothing any more needs no answer. */
	if (p->is_deaf && execute_is_question(c->kind))
		return PEER_DONE;
	if (execute_is_costly(c->kind) && peer_must_wait_for_turn(p))
		return PEER_TURN;
	return own[c->kind] == NULL ? peer_execute(p, c) : own[c->kind](p, c);
}

int
peer_take_line(struct queue_peer *p, struct text_span line)
{
	struct command c;
	int rc;

	if (command_parse(&c, p->queue->tokener, line.text, line.len) == 0) {
		rc = peer_take_command(p, &c);
	} else {
		hub_count_refused(p->queue->hub);
		rc = peer_say_error(p, c.code, c.error);
	}
	command_clear(&c);
	return rc;
}

int
peer_refuse_long_line(struct queue_peer *p)
{
	hub_count_refused(p->queue->hub);
	return peer_say_error(p, EX_DATAERR,
	    "the line is too long (max-event)");
}
