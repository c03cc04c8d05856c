/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_HUB_NOTICE_H
#define CRIER_HUB_NOTICE_H

#include "hub/hub.h"

/*
 * The channel `$streams`: an event for each stream that is opened and closed.
 *
 * They go the way of all events, through the turn's batch and the store, so
 * that they have their place in the one order of ids.  They are made from the
 * moment when somebody follows the channel until nobody did for as long as the
 * channel keeps events; before and after, they cost nothing.
 */

#define NOTICE_CHANNEL "$streams"

/* A stream follows the channel from now on. */
void notice_follow(struct hub *);

/* A stream was opened, or is dead; nothing if nobody wants to know. */
void notice_opened(const struct stream *);
void notice_closed(const struct stream *);

#endif
