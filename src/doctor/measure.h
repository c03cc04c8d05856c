/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_DOCTOR_MEASURE_H
#define CRIER_DOCTOR_MEASURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "doctor/advice.h"
#include "doctor/mpm.h"

/*
 * All that crier doctor has measured of a route: numbers and texts alone, for
 * verdict.h to judge.  Texts are fit for a terminal.
 */

enum {
	MEASURE_EVENTS = 5,
	MEASURE_MISSED = 2, /* events published while nobody was there */
	MEASURE_CROWD = 4   /* streams at the same time, beside the first */
};

/* For times: it did not happen. */
#define MEASURE_NEVER UINT64_MAX

/* The head of the answer; "" for a header that was not there. */
struct measure_head {
	long status; /* 0: no head came; the rest may be another stream's */
	char http_version[8];
	char server[128];
	char via[128];
	char type[128];
	char cache[128];
	char encoding[64];
	char location[256]; /* where the last redirection led */
};

struct measure_event {
	uint64_t delay_us; /* MEASURE_NEVER */
	bool with_next;    /* came late, and together with the next one */
};

struct measure {
	/* As crierd says. */
	uint64_t heartbeat_ms;
	char door[32];    /* how the stream came to it; "" if it does not say */
	uint64_t streams; /* of all channels, before ours */

	struct mpm mpm; /* of Apache's configuration on this machine */

	/* The first stream. */
	struct measure_head head;
	uint64_t head_us;  /* from the request to the head */
	uint64_t first_us; /* ... and to the stream's first block */
	char why[256];     /* the client's error, or "" */
	char comment[128]; /* the first comment of an empty stream */
	char end[32];      /* the reason in crierd's crier.end, or "" */

	struct measure_event events[MEASURE_EVENTS];
	size_t event_count;
	/*
	 * Bytes after which something came that was held back; 0: nothing was.
	 */
	uint64_t held_bytes;

	/* Events over polls, if is_polling. */
	size_t polls, polls_cut; /* that ended as they should, or did not */
	size_t repeated, disordered;

	/* Streams at the same time, if has_crowd. */
	size_t crowd_opened, crowd_at_crierd;

	/* Silence, if has_idle. */
	uint64_t idle_ms; /* how long it was to be */
	uint64_t cut_us;  /* when the stream was ended, or MEASURE_NEVER */

	/* Leaving, if has_leaving. */
	uint64_t leave_ms; /* how long crierd had to notice */
	uint64_t left_us;  /* until it did, or MEASURE_NEVER */

	/* Coming back, if has_resume: the missed events that came. */
	size_t resumed;

	enum server server; /* as its header says, or as it was named */
	unsigned heartbeats;
	bool has_crowd, has_idle, has_leaving, has_resume;
	bool bad_certificate;
	bool at_crierd;   /* the crierd that we publish to has the stream */
	bool ended_early; /* while the events were awaited */
	bool idle_sent;   /* crierd sent something during the silence */
	bool resume_gap;
	bool resume_elsewhere; /* to another crierd than the stream before it */
	bool is_polling, poll_gap;
};

/* Whether the answer's head is that of an event stream. */
bool measure_is_stream(const struct measure *);

/* Whether crierd has the stream, and yet nothing of it came by itself. */
bool measure_is_held(const struct measure *);

/* Whether crierd has the stream, even if its head is held back. */
bool measure_has_stream(const struct measure *);

#endif
