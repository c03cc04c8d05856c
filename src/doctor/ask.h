/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_DOCTOR_ASK_H
#define CRIER_DOCTOR_ASK_H

#include <stdbool.h>
#include <stdint.h>

#include <event2/event.h>

#include "store/redis_command.h"
#include "store/redis_link.h"

/*
 * One connection to a Redis, and commands whose replies are waited for, no
 * longer than redis_link.h has it.
 */

enum {
	ASK_ITEMS = 48 /* as SENTINEL MASTER has them, and some more */
};

/* What came last: texts end with a NUL, and stay until the next. */
struct ask_reply {
	int type;   /* REDIS_REPLY_... */
	char *text; /* of a text, a status or an error; else "" */
	long long number;
	char *items[ASK_ITEMS]; /* the first ones of an array, if texts */
	size_t item_count;
	uint64_t us; /* from the command to it */
};

struct ask {
	struct event_base *base;
	struct redis_link *link;
	bool is_up, is_waiting;
	char why[REDIS_LINK_WHY_SIZE]; /* it is over; or "" */
	struct ask_reply reply;
};

/* Connects and logs in: 0, or -1 and ask->why.  ask_close either way. */
int ask_open(struct ask *, const struct redis_link_peer *);
void ask_close(struct ask *);

/* 0, or -1 and ask->why; a reply that is an error is a reply. */
int ask(struct ask *, const struct redis_command *);

/* The same for words alone. */
int ask_words(struct ask *, const char *const *words, size_t count);

#endif
