/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_HUB_ASK_H
#define CRIER_HUB_ASK_H

#include <stdbool.h>
#include <stdint.h>

#include <json-c/json.h>

#include "base/buffer.h"
#include "base/text.h"
#include "hub/hub.h"
#include "protocol/command.h"

/*
 * What is asked of all nodes at a shared store, or done by them: presence,
 * status and close.  Each node answers for itself at the question's place in
 * the log, and here the answers are made one.
 */

/* Whether there may be other nodes, which a command is for as well. */
bool hub_has_nodes(const struct hub *, const struct command *);

/* Whether a node's name is this one's; len 0 is. */
bool hub_is_node(const struct hub *, struct text_span name);

/*
 * Asks all nodes.  answered_cb is called once, at once or later: with what the
 * reply is to have, which is the callee's, or with NULL and why nothing was
 * done.  Who follows a channel, and a status, are answered for this node alone
 * if the others cannot be asked: then these are "missing".
 */
void hub_ask(struct hub *, const struct command *,
    void (*answered_cb)(void *arg, struct json_object *answer, const char *why),
    void *arg);

/* For node.c: a question that came, and its answer. */
void ask_answer(struct hub *, struct text_span text, uint64_t stop_ms,
    struct buffer *answer);

#endif
