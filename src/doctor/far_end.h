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

struct daemon {
	struct client client;
	uint64_t heartbeat_ms, max_event_bytes; /* by default */
	uint64_t expires; /* seconds for which our events are kept */
};

/* What it says of the streams of one channel. */
struct daemon_streams {
	size_t count;
	/* Of the first of them; "" and 0 if it does not say. */
	char door[32];
	bool has_heartbeat;
	uint64_t heartbeat_ms, bytes;
};

/* Connects and reads the settings; daemon_close either way. */
int daemon_open(struct daemon *, const struct verb_env *);
void daemon_close(struct daemon *);

/* Publishes; id is the event's, *streams how many follow the channel. */
int daemon_publish(struct daemon *, const char *channel, const char *data,
    char id[ID_TEXT_SIZE], size_t *streams);

/* Ends the streams of a channel. */
int daemon_end(struct daemon *, const char *channel);

int daemon_look(struct daemon *, const char *channel, struct daemon_streams *);

#endif
