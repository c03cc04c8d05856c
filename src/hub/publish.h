/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_HUB_PUBLISH_H
#define CRIER_HUB_PUBLISH_H

#include <stdbool.h>

#include "base/text.h"
#include "protocol/event.h"
#include "protocol/id.h"

struct batch;
struct hub;
struct json_object;

/* The batch of this turn, made if there is none yet; or NULL (memory). */
struct batch *publish_get_batch(struct hub *);

/*
 * Adds an event, which is not checked, to the turn's batch, as its last one. 0;
 * 1: the store takes none that is so large; -1 (memory).
 */
int publish_event(struct hub *, const struct text_span *names, size_t count,
    const struct event_fields *);

/*
 * Adds an event of crier's own to the turn's batch, with these data, which are
 * freed, in a channel that exists.  It cannot be refused; what is fleeting is
 * not stored.  0, or -1 (memory).
 */
int publish_own(struct hub *, const char *channel, const char *name,
    struct json_object *data, bool is_fleeting);

/*
 * An id greater than all that were seen before.  No event will have it, but for
 * a store that is shared: there the next event may.
 */
struct id publish_skip_id(struct hub *);

#endif
