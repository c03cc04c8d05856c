/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_QUEUE_STATE_H
#define CRIER_QUEUE_STATE_H

#include "base/list.h"
#include "base/listener.h"
#include "hub/framing.h"
#include "protocol/command.h"
#include "base/pace.h"
#include "queue/queue.h"
#include "queue/replies.h"

struct queue_fifo;
struct queue_peer;

/*
 * The queue from within.  Its files call each other one way only: queue.c makes
 * peers and the pipe, these have lines carried out (execute.c), and whatever
 * answers later goes through replies.c.
 */
struct queue {
	struct event_base *base;
	struct hub *hub;
	struct listener *listener;
	TAILQ_HEAD(queue_peers_head, queue_peer) peers;
	TAILQ_HEAD(queue_replying_head,
	    queue_peer) replying; /* have replies to be sent */
	TAILQ_HEAD(queue_again_head,
	    queue_peer) again, /* go on with their lines in the next turn */
	    costly;            /* wait for a turn with a line that costs */
	struct event *again_timer, *costly_timer, *sweep_timer;
	struct pace pace;
	size_t readers, readers_before; /* peers that were read, by turn */
	struct buffer spare;            /* for the next read */
	struct replies replies;         /* of this turn's batch */
	struct queue_fifo *fifo;
	struct json_tokener *tokener;
	struct framing framing; /* of streams on the queue's own connections */
	struct queue_figures figures;
	void (*status_cb)(void *arg, struct json_object *status);
	void *status_arg;
	int (*handoff_cb)(void *arg, struct json_object *line, int fd,
	    struct buffer *reply);
	void *handoff_arg;
	int (*run_cb)(void *arg, struct json_object *line, struct buffer *reply,
	    void (*answered)(void *who, const struct buffer *reply), void *who);
	void *run_arg;
	int (*control_cb)(void *arg, enum command_kind, bool is_root,
	    struct buffer *reply);
	void *control_arg;
};

#endif
