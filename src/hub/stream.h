/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_HUB_STREAM_H
#define CRIER_HUB_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <event2/event.h>

#include "base/buffer.h"
#include "base/list.h"
#include "base/log.h"
#include "base/text.h"
#include "base/wheel.h"
#include "hub/channel.h"
#include "hub/subscription.h"
#include "protocol/id.h"

struct hub;
struct visitor;
struct watch;

enum stream_reason {
	STREAM_CLIENT,
	STREAM_TIMEOUT,
	STREAM_CLOSED,
	STREAM_SLOW,
	STREAM_SHUTDOWN,
	STREAM_ERROR
};

enum stream_state {
	STREAM_OPEN,
	STREAM_LAST_EVENTS, /* ends as soon as nothing is pending */
	STREAM_ENDING,      /* its end is being sent */
	STREAM_DEAD         /* in hub->streams.dead */
};

/*
 * One client's open response.  It owns no queue and no output buffer: what it
 * has yet to get is what its cursors have not passed, or what its source has.
 * Of the bytes themselves it keeps one reference, to the block of the unit that
 * its socket took only a part of, or to a copy of what is left of it (rest.h).
 *
 * A unit is a run of whole records of one block.  On the wire it is cut into
 * pieces of FRAMING_CONTENT_MAX, each behind a header; a private block (head,
 * gap, end) is framed already.
 */
struct stream {
	TAILQ_ENTRY(stream)
	link; /* in hub->streams.list or hub->streams.dead */
	struct wheel_timer timer;
	uint64_t retry_ms;     /* for its end */
	uint64_t own_retry_ms; /* instead of its channels', or UNSET */
	uint64_t deadline_ms;  /* 0: none */
	uint64_t mark;         /* of streams_next_mark */
	uint64_t id, opened_ms;
	char *end;            /* the record to end with; NULL: the usual */
	struct buffer *input; /* a half-received record; nearly always NULL */
	struct visitor *user, *address; /* NULL: not known */
	uint32_t heartbeat_ms;
	uint32_t unit_off, unit_len;
	uint32_t unit_sent; /* bytes on the wire, headers included */
	bool unit_framed;   /* no headers to be added */
	bool is_watched;    /* see watch.h */
	bool is_waiting;    /* its source has nothing for now */
	bool is_terse;      /* no blocks without data */
	bool wants_tap;     /* the second comment of a heartbeat */
	bool is_final;      /* its unit is its end */
	bool has_gap;       /* was told of one */
	bool ends_with_run; /* of its channel: see run.h */
	bool keep;
	uint8_t reason;

	/* What a delivery looks at stands together: see delivery_expect. */
	int fd;
	uint8_t state;
	bool is_writing; /* waits until the socket takes more */
	bool is_poll;    /* ends when it has brought something: poll.h */
	bool is_half_open;
	bool is_pipe;   /* else a socket */
	bool is_tagged; /* is told of which channel events are: tag.h */
	uint16_t request_id;
	uint16_t cursor_count;
	uint16_t told;         /* of cursors[told - 1] last; 0: of none */
	struct block *unit;    /* half sent, or NULL */
	struct source *source; /* NULL: it follows its cursors */
	const struct framing *framing;
	struct hub *hub;
	uint64_t written_ms, events, bytes;
	struct id sent; /* greatest id begun to be sent */
	struct cursor cursors[];
};

/* What streams report to modules above them, which they must not know. */
struct stream_hooks {
	/*
	 * The stream's cursors fell off what is retained, and no unit is half
	 * sent: makes the stream's next unit, or source; 0, or -1 (memory).
	 */
	int (*behind)(struct stream *);

	void (*opened)(const struct stream *);
	void (*closed)(const struct stream *);

	/* A channel with a run has its first stream, or none any more. */
	void (*followed)(struct hub *, const struct channel *);
};

/* All streams. */
struct hub_streams {
	TAILQ_HEAD(hub_streams_head, stream) list;
	TAILQ_HEAD(hub_dead_head, stream) dead; /* to be freed */
	struct event *reap;       /* at the end of the loop's turn */
	size_t count, poll_count; /* of the list; of them that poll */
	size_t following;         /* cursors of all */
	size_t max;               /* of the configuration and the descriptors */
	uint64_t last_id;
	uint64_t mark; /* see streams_next_mark */
	struct log_limit full_log, followed_log;
	struct watch *watch;     /* of their descriptors */
	struct block *heartbeat; /* one for all */
	const struct stream_hooks *hooks;
};

/* None yet.  reap_cb calls streams_reap; its arg is the hub.  0, or -1. */
int streams_init(struct hub *, size_t max, const struct stream_hooks *,
    event_callback_fn reap_cb);

/* Closes all as they are and frees them. */
void streams_clear(struct hub *);

/* Sees that dead streams are freed when this turn of the loop ends. */
void streams_reap_later(struct hub *);
void streams_reap(struct hub *);

/* A mark that no stream has yet: to count each stream once. */
uint64_t streams_next_mark(struct hub *);

/*
 * A stream that follows the channels from their ends; its cursors may be set
 * before stream_start.  NULL for want of memory, the descriptor untouched.
 */
struct stream *stream_new(struct hub *, const struct subscription *,
    struct channel *const *channels);

/* Undoes stream_new, as long as the stream was not started. */
void stream_discard(struct stream *);

/*
 * Begins to send: the head, the stream's from here on, then what its cursors
 * have not passed; then looks at input, which its peer sent already.
 */
void stream_start(struct stream *, struct block *head, struct text_span input);

/* Takes a block of the caller's as the next to be sent; none may be there. */
void stream_set_unit(struct stream *, struct block *, bool framed);

/*
 * Replaces the half-sent unit by a copy of its own, so that its block is not
 * needed; 0, or -1 (memory).
 */
int stream_copy_unit(struct stream *);

/* What a delivery (hub/delivery.h) came to. */
enum delivery_result {
	DELIVERY_DONE,    /* nothing is pending */
	DELIVERY_MORE,    /* something is, and the socket may take it */
	DELIVERY_BLOCKED, /* something is, and the socket is full */
	DELIVERY_FAILED,  /* the peer is gone, or there is no memory */
	DELIVERY_LEFT     /* not tried: there is more to it */
};

/* Sends what is pending, in one system call. */
void stream_write(struct stream *);

/* Draws the conclusions from the result of a delivery_try. */
void stream_take_result(struct stream *, enum delivery_result);

/*
 * Sends an end with its reason, and a `retry:` unless retry_ms is 0; closes.
 */
void stream_end(struct stream *, enum stream_reason, uint64_t retry_ms);

/* Closes it as it is; it is freed at the end of the turn. */
void stream_kill(struct stream *, enum stream_reason);

/* After how long its client is to come back: the longest of its channels'. */
uint64_t stream_retry_ms(const struct stream *);

/* Whom the stream is for, "" if not known. */
const char *stream_user(const struct stream *);
const char *stream_address(const struct stream *);

/* A timer of hub->clock.streams is due; arg is the hub. */
void stream_due_cb(struct wheel_timer *, void *arg);

#endif
