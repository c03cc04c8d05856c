/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_HUB_SOURCE_H
#define CRIER_HUB_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

struct history_slice;
struct stream;

/*
 * Where a stream's bytes come from, if not from its channels' histories.  While
 * a stream has a source, its cursors wait, and the source is asked for the next
 * bytes whenever all before them are sent; so a slow client holds up its source
 * and nothing else.
 *
 * A program's output (source/program_stream.h) is the source of its stream for
 * good; a replay (hub/replay.h) is one until the memory has all that follows.
 */

/* What a step came to. */
enum source_step {
	SOURCE_FAILED = -1, /* no memory: the stream ends as it is */
	SOURCE_WAITS,       /* nothing to send; see stream_source_ready */
	SOURCE_GOES_ON,     /* stream_say was called, or the source has left */
	SOURCE_IS_OVER      /* nothing comes any more: the stream ends */
};

struct source {
	/* No unit is half sent: makes the stream's next one, if it can. */
	enum source_step (*step)(struct source *, struct stream *);

	/*
	 * The nth run (whole records) that can be sent behind the unit, false
	 * if there is none; and that the first byte of the first one was sent.
	 * NULL: the source has units alone.  If the stream is tagged the run is
	 * of one channel, that of the stream's cursor with this index.
	 */
	bool (*run)(struct source *, size_t n, struct history_slice *,
	    size_t *index);
	void (*begin_run)(struct source *);

	/*
	 * Appends the data of the stream's last record; 0, or -1 (memory).
	 * NULL: it is the usual one.
	 */
	int (*put_end)(const struct source *, const struct stream *,
	    struct buffer *);

	/* The stream is gone.  The source may free itself. */
	void (*leave)(struct source *);
};

/*
 * Takes whole records, with so many events in them, as the stream's next unit;
 * 0, or -1 (memory).
 */
int stream_say(struct stream *, const char *data, size_t len, uint64_t events);

/* A source that waits has something now, or is over: asks it again. */
void stream_source_ready(struct stream *);

/* Why the stream ended, or ends, as a word. */
const char *stream_reason(const struct stream *);

#endif
