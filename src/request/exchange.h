/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_REQUEST_EXCHANGE_H
#define CRIER_REQUEST_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "config/config.h"
#include "request/access.h"
#include "request/answer.h"
#include "request/opening.h"
#include "request/request.h"
#include "request/route.h"

/*
 * One request and what becomes of it, whatever way it came and its answer
 * goes.  An attachment (a FastCGI connection, a CGI process) makes an exchange,
 * fills in its request and serves it.  The exchange then goes through its steps
 * itself, and has the attachment do what depends on the way: send an answer,
 * open a stream, ask the hub's queue.  To the last two there is a reply, in
 * time; the attachment passes it on, and gets the answer that follows from it.
 */

/* How far an exchange has come. */
enum exchange_state {
	EXCHANGE_FAILED,   /* there is no answer, for want of memory */
	EXCHANGE_ANSWERED, /* the attachment has the whole answer */
	EXCHANGE_STREAMS,  /* the client's descriptor is a stream's */
	EXCHANGE_WAITS     /* for exchange_opened, _replied or _give_up */
};

/* What an attachment does for its exchanges. */
struct exchange_attachment {
	/* Sends the client a whole answer, a CGI response.  0, or -1. */
	int (*answer)(void *arg, const struct buffer *response);

	/*
	 * Has a stream opened, after filling in what the subscription has of
	 * the attachment (descriptor, framing, input).  Returns what
	 * exchange_opened does, or WAITS if that is called later, or FAILED.
	 */
	enum exchange_state (*open)(void *arg, struct opening *);

	/*
	 * Sends the hub's queue a line (its bytes may be taken).  If no reply
	 * comes, a line that is_repeatable may be sent again.  Returns what
	 * exchange_replied does, or WAITS if that is called later, or FAILED.
	 */
	enum exchange_state (*ask)(void *arg, struct buffer *line,
	    bool is_repeatable);
};

struct exchange {
	struct request request;
	struct route route;
	struct access_who who;
	struct answer_context context; /* holds the configuration */
	const struct exchange_attachment *attachment;
	void *arg;
	const char *door;    /* as a stream's that comes this way */
	const char *trouble; /* why nothing can be served; or NULL */
	bool is_padded;      /* a stream begins with some bytes more */
	bool has_head;       /* the stream's HTTP head is sent */
};

/* An exchange whose request is yet to be filled in; or NULL (memory). */
struct exchange *exchange_new(const struct config *,
    const struct exchange_attachment *, void *arg);
void exchange_free(struct exchange *);

/*
 * Decides on the request, and has the attachment do what follows.  status is 0,
 * or what refuses the request as it has come: 431, or as body_check_length.
 */
enum exchange_state exchange_serve(struct exchange *, int status);

/* Whether the request was refused, before anybody was asked. */
bool exchange_is_refused(const struct exchange *);

/* Whether its question changes nothing, and the answer may take its time. */
bool exchange_is_patient(const struct exchange *);

/*
 * Has the stream opened whose head the attachment has sent alone, instead of
 * opening it (it returned WAITS, and set has_head).  Returns what
 * attachment.open does; there is no other answer left than a stream.
 */
enum exchange_state exchange_go_on(struct exchange *);

/* Takes what became of the stream, and answers unless it is open. */
enum exchange_state
exchange_opened(struct exchange *, const struct opening_result *);

/* Answers with what follows from the queue's reply; NULL: it was lost. */
enum exchange_state
exchange_replied(struct exchange *, const char *reply, size_t len);

/* Answers that the client shall come again, for nobody replies. */
enum exchange_state exchange_give_up(struct exchange *);

#endif
