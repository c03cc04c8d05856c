/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_DOCTOR_FAR_END_H
#define CRIER_DOCTOR_FAR_END_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "companion/verb.h"
#include "protocol/client.h"
#include "protocol/id.h"

/*
 * The other end of the route: the crierd behind its queue.  Functions that
 * return an int return 0, or the exit code after saying why on standard error.
 */

struct far_end {
	struct client client;
	uint64_t heartbeat_ms, max_event_bytes; /* by default */
	uint64_t streams;                       /* open when it was asked */
	uint64_t expires; /* seconds for which our events are kept */
};

/* What crierd says of the streams of one channel. */
struct far_end_streams {
	size_t count;
	/* Of the first stream; "" and 0 if crierd does not say. */
	char door[32];
	bool has_heartbeat;
	uint64_t heartbeat_ms, bytes;
};

/* Connects and reads the settings; far_end_close either way. */
int far_end_open(struct far_end *, const struct verb_env *);
void far_end_close(struct far_end *);

/* Publishes; id is the event's, *streams how many follow the channel. */
int far_end_publish(struct far_end *, const char *channel, const char *data,
    char id[ID_TEXT_SIZE], size_t *streams);

/* Ends the streams of a channel. */
int far_end_end(struct far_end *, const char *channel);

int
far_end_look(struct far_end *, const char *channel, struct far_end_streams *);

#endif
