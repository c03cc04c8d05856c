/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/clock.h"
#include "companion/spool_batch.h"
#include "companion/spool_drain.h"
#include "companion/spool_pub.h"

struct spool_pub {
	struct spool_source *source;
	struct spool spool;
	struct client client; /* fd -1: not connected */
	struct spool_batch batch;
	uint64_t wait_ms; /* for a crierd; 0 once that was in vain */
};

/*
 * Connects if need be.  0; EX_TEMPFAIL if there is no crierd for now; or the
 * exit code after saying why.
 */
static int
spool_pub_connect(struct spool_pub *p, uint64_t wait_ms)
{
	struct pollfd fds[1];

	/* A connection of an earlier batch may have ended since. */
	if (p->client.fd != -1 && client_turn(&p->client, fds, 1, 0) != -1 &&
	    !p->client.ended)
		return 0;
	client_close(&p->client);
	if (client_try(&p->client, p->source->env->queue, wait_ms, wait_ms) ==
	    0) {
		p->wait_ms = p->source->env->wait_ms;
		return 0;
	}
	if (errno != EACCES && errno != EPERM && errno != ENAMETOOLONG) {
		p->wait_ms = 0;
		return EX_TEMPFAIL;
	}
	return client_explain(p->source->env->queue, errno);
}

/*
 * Sends the journal's events, then the batch's.  0, or the exit code of what
 * stands in the way: EX_TEMPFAIL will pass.
 */
static int
spool_pub_send(struct spool_pub *p, uint64_t deadline_ms)
{
	struct spool_counts counts;
	int rc;

	if (!spool_lock(&p->spool, deadline_ms, true))
		return EX_TEMPFAIL;
	rc = spool_drain(&p->spool, &p->client, deadline_ms, &counts);
	if (rc == 0)
		spool_batch_send(&p->batch, &p->client, deadline_ms);
	if (rc == EX_NOPERM && counts.why[0] != '\0')
		client_warn("%s", counts.why);
	/*
	 * Before the lock goes, and others may send: so events stay in order.
	 */
	if ((rc == 0 || rc == EX_TEMPFAIL) && p->client.fd != -1)
		spool_batch_keep(&p->batch, &p->spool);
	spool_unlock(&p->spool);
	return rc;
}

/*
 * Sends the batch or keeps it.  When the connection is lost and -w leaves time,
 * crierd is waited for and the rest sent again.
 */
static int
spool_pub_deliver(struct spool_pub *p)
{
	uint64_t now = clock_monotonic_ms(), until = now + p->wait_ms;
	uint64_t deadline = now + SPOOL_PATIENCE_MS;
	int rc;

	if (deadline < until)
		deadline = until;
	do {
		rc = spool_pub_connect(p, until > now ? until - now : 0);
		if (rc != 0)
			break;
		rc = spool_pub_send(p, deadline);
		now = clock_monotonic_ms();
	} while ((rc == 0 || rc == EX_TEMPFAIL) && p->client.fd == -1 &&
	    now < until && !spool_batch_is_done(&p->batch));
	if (rc == 0 || rc == EX_TEMPFAIL) {
		spool_batch_keep(&p->batch, &p->spool);
		rc = 0;
	}
	spool_batch_finish(&p->batch);
	return rc;
}

/*
 * Adds the event whose line was appended behind the first `from` bytes, if rc
 * is 0; else errno says why there is none.
 */
static int
spool_pub_take(struct spool_pub *p, int rc, size_t from, uint64_t number)
{
	if (rc == 0) {
		spool_batch_add(&p->batch, from, number);
		return 0;
	}
	client_warn("%s", strerror(errno));
	return EX_OSERR;
}

static int
spool_pub_add(struct spool_pub *p, const char *text, size_t len,
    uint64_t number)
{
	struct buffer *to = &p->batch.bytes;
	size_t from = to->len;
	int rc = client_encode(&p->source->encoder, text, len, to);

	return spool_pub_take(p, rc, from, number);
}

/* Fills the batch with the lines that were read. */
static int
spool_pub_fill(struct spool_pub *p)
{
	struct client_input *in = &p->source->input;
	enum client_input_result result = CLIENT_INPUT_LINE;
	const char *line;
	size_t len;
	int rc = 0;

	while (rc == 0 && result != CLIENT_INPUT_NONE &&
	    spool_batch_has_room(&p->batch)) {
		result = client_input_next(in, &line, &len);
		if (result == CLIENT_INPUT_LINE) {
			rc = spool_pub_add(p, line, len, in->number);
		} else if (result == CLIENT_INPUT_LONG) {
			client_warn("line %llu: longer than %zu bytes",
			    (unsigned long long)in->number, in->line_max);
			p->batch.code =
			    client_worse_code(p->batch.code, EX_DATAERR);
		}
	}
	return rc;
}

/* Adds the event that comes behind the last line. */
static int
spool_pub_add_last(struct spool_pub *p)
{
	struct client_encoder *e = &p->source->encoder;
	size_t from = p->batch.bytes.len;
	int rc = e->last(e->arg, &p->batch.bytes);

	e->last = NULL;
	return spool_pub_take(p, rc, from, 0);
}

/* Every batch is sent or kept before more is read. */
static int
spool_pub_lines(struct spool_pub *p)
{
	struct client_input *in = &p->source->input;
	int rc = 0;

	while (rc == 0) {
		if ((rc = spool_pub_fill(p)) != 0)
			break;
		if (p->batch.count > 0) {
			rc = spool_pub_deliver(p);
		} else if (client_input_is_done(in)) {
			if (p->source->encoder.last == NULL)
				break;
			rc = spool_pub_add_last(p);
		} else if (client_input_read(in) == -1) {
			client_warn("standard input: %s", strerror(errno));
			rc = EX_IOERR;
		}
	}
	return rc;
}

static int
spool_pub_all(struct spool_pub *p)
{
	int rc;

	if (p->source->input.fd != -1)
		return spool_pub_lines(p);
	rc = spool_pub_add(p, p->source->text, p->source->text_len, 0);
	return rc == 0 ? spool_pub_deliver(p) : rc;
}

int
spool_pub_run(struct spool_source *source)
{
	struct spool_pub *p = calloc(1, sizeof *p);
	int rc;

	if (p == NULL || spool_batch_init(&p->batch) == -1) {
		client_warn("%s", strerror(errno));
		free(p);
		return EX_OSERR;
	}
	p->source = source;
	p->client.fd = -1;
	p->wait_ms = source->env->wait_ms;
	p->batch.verbose = source->verbose;
	rc = spool_open(&p->spool, source->dir, true);
	if (rc == 0)
		rc = spool_pub_all(p);
	if (rc == 0)
		rc = p->batch.code;
	client_close(&p->client);
	client_input_clear(&source->input);
	spool_batch_clear(&p->batch);
	spool_close(&p->spool);
	free(p);
	return rc;
}
