/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_HUB_SUBSCRIPTION_H
#define CRIER_HUB_SUBSCRIPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "hub/framing.h"
#include "hub/source.h"
#include "protocol/id.h"

/* What holds for one stream instead of its channels' rules. */
#define STREAM_RULE_UNSET UINT64_MAX
struct stream_rules {
	uint64_t heartbeat_ms, retry_ms, max_time_ms; /* or UNSET */
};

/* An end's record that is to be closed by the reason ends with this. */
#define STREAM_END_RESULT "\ndata: "

/* A request for a stream, all borrowed but the descriptor. */
struct subscription {
	int fd; /* non-blocking */
	const struct framing *framing;
	uint16_t request_id;
	bool keep; /* give the descriptor back when the stream has ended */
	bool is_half_open; /* its end of file says nothing: it never sends */
	bool is_pipe;      /* else it is a socket */
	bool is_terse;     /* no blocks without data */
	bool is_tagged;    /* says of which channel events are: tag.h */
	/*
	 * Without any position: from where the run of the channel begins, if
	 * it is one channel and has, or had, one (run.h).
	 */
	bool from_run;
	bool ends_with_run; /* it ends when its channel's run has ended */
	const struct text_span *channels; /* checked names, none twice */
	size_t channel_count;
	struct text_span since; /* Last-Event-ID; none: len 0 */
	bool since_all;
	bool has_last;
	uint64_t last; /* so many events of each channel */
	/*
	 * What hub_position said when the client's wait began: all behind that
	 * is for this stream, too.  NULL: the wait begins now.
	 */
	const struct id *from;
	/*
	 * The stream is a poll if is_poll is set; else if there are poll_above
	 * streams already or, where poll_above is 0, if poll_ms is not 0.  A
	 * poll waits for poll_ms.
	 */
	bool is_poll;
	uint64_t poll_ms, poll_above;
	const struct stream_rules *rules; /* or NULL */
	uint64_t limit_ms;                /* it ends then; 0: none */
	/* The record to end with, "" for none; the reason follows a RESULT. */
	bool has_end;
	struct text_span end;
	struct source *source; /* the stream's if opened; or NULL */
	/*
	 * All else that could keep the stream from being opened has been asked:
	 * now, and not before, whoever wants it may do what has effects.  0; or
	 * -1, and the stream is not opened (HUB_NOT_BEGUN).  NULL: nothing is
	 * to be done.
	 */
	int (*begin)(void *arg);
	void *begin_arg;
	struct text_span head;          /* what the door sends first */
	struct text_span input;         /* what its peer sent since */
	struct text_span user, address; /* "" if not known */
};

/* What the hub says of a subscription. */
enum hub_answer {
	HUB_OPENED,
	HUB_STOPPED,       /* closed for good */
	HUB_FULL,          /* max-streams */
	HUB_USER_FULL,     /* max-streams-per-user */
	HUB_ADDRESS_FULL,  /* max-streams-per-address */
	HUB_FOLLOWED_FULL, /* max-followed */
	HUB_WAITING,       /* replay-waiting */
	HUB_AWAY,          /* its store is */
	HUB_DRAINING,      /* about to exit */
	HUB_NOT_BEGUN,     /* its source says why */
	HUB_NO_MEMORY
};

#endif
