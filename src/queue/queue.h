/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_QUEUE_QUEUE_H
#define CRIER_QUEUE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

#include <event2/event.h>

#include "base/buffer.h"
#include "hub/hub.h"
#include "protocol/command.h"
#include "protocol/figures.h"

/*
 * Where new events come in: a Unix socket with the line protocol of crier(7),
 * and a named pipe.
 *
 * All lines that are readable in one turn of the loop are one batch: each is
 * carried out as it is read, and when all descriptors were looked at, what was
 * published is delivered once and the replies go out, one write for each peer.
 */
struct queue;
struct json_object;

/* A queue into this hub, or NULL (memory). */
struct queue *queue_new(struct event_base *, struct hub *);

/* Closes and frees everything. */
void queue_free(struct queue *);

/*
 * Sets what opens the streams that other processes' doors hand over. handoff_cb
 * gets the line and the descriptor, which it takes, and appends the reply; 0,
 * or -1 (memory).
 */
void queue_set_handoff(struct queue *,
    int (*handoff_cb)(void *arg, struct json_object *line, int fd,
	struct buffer *reply),
    void *arg);

/* How many connections there may be; queue_new takes queue-connections. */
void queue_set_connections(struct queue *, size_t max);

/* Serves a connection to this process itself: the descriptor is the queue's. */
void queue_serve(struct queue *, int fd);

/* Accepts peers on a listening Unix socket, the queue's; 0, or -1. */
int queue_listen(struct queue *, int fd);

/* Reads lines from a named pipe that is open for reading and writing. */
int queue_read_fifo(struct queue *, int fd);

/*
 * Accepts no more connections and ends the turn: what is in the named pipe is
 * on its way to the store when it returns.
 */
void queue_close(struct queue *);

/* Sets what adds to the reply to `status` what the queue does not know. */
void queue_set_status(struct queue *,
    void (*status_cb)(void *arg, struct json_object *status), void *arg);

/*
 * Sets what carries out `run`, of whoever may (run-allow), and appends the
 * reply, a line: 0; 1: answered gets it, at once or later, once, or NULL
 * (memory); or -1 (memory).
 */
void queue_set_run(struct queue *,
    int (*run_cb)(void *arg, struct json_object *line, struct buffer *reply,
	void (*answered)(void *who, const struct buffer *reply), void *who),
    void *arg);

/*
 * Sets what carries out reload, restart and shutdown, and appends the reply, a
 * line; 0, or -1 (memory).  It is asked for root (is_root) and the user of this
 * process alone.
 */
void queue_set_control(struct queue *,
    int (*control_cb)(void *arg, enum command_kind, bool is_root,
	struct buffer *reply),
    void *arg);

/* What the queue has counted, and how many connections it has now. */
struct queue_figures queue_get_figures(const struct queue *);

#endif
