/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_DOCTOR_PROBE_H
#define CRIER_DOCTOR_PROBE_H

#include "doctor/far_end.h"
#include "doctor/http.h"
#include "doctor/options.h"

/*
 * What all that measures has at hand: both ends of the route.  Each function
 * waits for something to happen, and gives up only after a generous time: a
 * busy machine is not a fault of the server.  Functions that return an int
 * return 0, or the exit code after saying why on standard error.
 */

enum {
	PROBE_REACH_MS = 15 * 1000, /* until crierd has a stream */
	PROBE_BEGIN_MS = 5 * 1000,  /* from there to its first block */
	PROBE_EVENT_MS = 5 * 1000,  /* for an event */
	PROBE_LOOK_MS = 100,        /* how often crierd is asked */
	PROBE_TURN_MS = 50          /* for what may come at once */
};

struct probe {
	struct far_end *far_end;
	const struct options *options;
	struct measure *m;
	struct http *http;
	char *channel, *url;             /* of the one stream */
	char *crowd_channel, *crowd_url; /* of the others */
	struct http_stream *stream;
	char last_id[ID_TEXT_SIZE]; /* to come back with; or "" */
};

/* The time so long from now, in microseconds of the monotonic clock. */
uint64_t probe_after(uint64_t ms);

/*
 * Begins a request; last_event_id may be NULL.  NULL after saying that there is
 * no memory.
 */
struct http_stream *
probe_open(const struct probe *, const char *url, const char *last_event_id);

/* The same for the head of the answer alone. */
struct http_stream *probe_open_head(const struct probe *, const char *url);

/* Publishes to the one stream's channel. */
int
probe_publish(const struct probe *, const char *data, char id[ID_TEXT_SIZE]);

/*
 * Waits until the stream has begun or ended, or has had its time since crierd
 * got it; *at_crierd says whether crierd has it.
 */
int probe_wait_begin(const struct probe *, const struct http_stream *,
    bool *at_crierd);

/* Waits for an event; NULL if the stream ended or the event took too long. */
const struct http_arrival *
probe_wait_event(const struct probe *, const char *id, uint64_t ms);

/* Keeps what the stream has brought so far, but for its events. */
void probe_take_head(const struct probe *);

/* Whether the web server kept back what crierd sent first. */
bool probe_is_held(const struct probe *);

/* Tells people how long the next measurement takes; with -j nothing. */
void probe_tell(const struct probe *, const char *what, uint64_t ms);

/* Says that there is no memory; the caller returns EX_OSERR. */
void probe_no_memory(void);

#endif
