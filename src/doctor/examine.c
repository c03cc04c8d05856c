/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sysexits.h>

#include "base/clock.h"
#include "doctor/examine.h"
#include "doctor/mpm.h"
#include "doctor/polls.h"
#include "doctor/steps.h"
#include "doctor/target.h"

enum {
	EXAMINE_MARGIN_MS = 3000, /* for a heartbeat on a busy machine */
	EXAMINE_END_MS = 1000, /* for a poll's end, once crierd has ended it */
	EXAMINE_QUIET_MS = 30000,  /* of silence if there is no heartbeat */
	EXAMINE_KEEP_SECONDS = 120 /* for which our events are kept, at least */
};

/* How long the stream is to be silent. */
static uint64_t
examine_idle_ms(const struct options *o, uint64_t heartbeat_ms)
{
	if (o->has_idle)
		return o->idle_ms;
	if (heartbeat_ms == 0)
		return EXAMINE_QUIET_MS;
	return heartbeat_ms + heartbeat_ms / 5 + EXAMINE_MARGIN_MS;
}

/* Sets the times that follow from the heartbeat. */
static void
examine_set_times(const struct probe *p)
{
	struct measure *m = p->m;

	m->idle_ms = examine_idle_ms(p->options, m->heartbeat_ms);
	/* Some web servers notice only at the second heartbeat. */
	m->leave_ms = m->idle_ms;
	if (!p->options->has_idle)
		m->leave_ms += m->heartbeat_ms;
	p->far_end->expires =
	    EXAMINE_KEEP_SECONDS + (m->idle_ms + m->leave_ms) / 1000;
}

/* Asks crierd how the stream came to it, and what its heartbeat is. */
static int
examine_take_door(const struct probe *p)
{
	struct far_end_streams streams;
	int rc = far_end_look(p->far_end, p->channel, &streams);

	if (rc != 0)
		return rc;
	memcpy(p->m->door, streams.door, sizeof p->m->door);
	if (streams.has_heartbeat)
		p->m->heartbeat_ms = streams.heartbeat_ms;
	examine_set_times(p);
	return 0;
}

/*
 * Waits until the request has ended, keeps its head, and leaves it.  The status
 * stays 0: this is not the measured stream's head.
 */
static void
examine_finish_ask(const struct probe *p, struct http_stream *stream)
{
	uint64_t give_up = probe_after(PROBE_EVENT_MS);
	struct measure_head *head = &p->m->head;

	while (!stream->ended && clock_monotonic_us() < give_up)
		http_turn(p->http, PROBE_TURN_MS);
	*head = stream->head;
	head->status = 0;
	http_leave(p->http, stream);
}

/*
 * Learns the head that a buffer holds back.  It comes when crierd ends the
 * stream, so another stream is opened and ended.
 */
static int
examine_ask_by_end(const struct probe *p)
{
	struct http_stream *stream = probe_open(p, p->crowd_url, NULL);
	uint64_t give_up = probe_after(PROBE_REACH_MS);
	struct far_end_streams streams = { 0 };
	int rc = 0;

	if (stream == NULL)
		return EX_OSERR;
	while (rc == 0 && streams.count == 0 && !stream->ended &&
	    clock_monotonic_us() < give_up) {
		http_turn(p->http, PROBE_TURN_MS);
		rc = far_end_look(p->far_end, p->crowd_channel, &streams);
	}
	if (rc == 0)
		rc = far_end_end(p->far_end, p->crowd_channel);
	if (rc == 0)
		examine_finish_ask(p, stream);
	else
		http_leave(p->http, stream);
	return rc;
}

/* Learns which server holds the head back, and what else that has changed. */
static int
examine_ask_server(const struct probe *p)
{
	struct http_stream *stream;
	int rc = examine_ask_by_end(p);

	if (rc != 0 || p->m->head.http_version[0] != '\0')
		return rc;
	/* If even the end brings no head: a HEAD is answered all the same. */
	if ((stream = probe_open_head(p, p->url)) == NULL)
		return EX_OSERR;
	examine_finish_ask(p, stream);
	memset(p->m->head.type, 0, sizeof p->m->head.type);
	return 0;
}

/* Says why there is nothing to measure. */
static int
examine_nothing(const struct measure *m)
{
	if (m->why[0] != '\0')
		client_warn("the URL cannot be reached: %s", m->why);
	else
		client_warn("no answer within %d s, and crierd has not seen "
			    "the request",
		    PROBE_REACH_MS / 1000);
	return EX_TEMPFAIL;
}

/* Whether the stream was a poll that crierd has already ended. */
static int
examine_poll(struct probe *p)
{
	uint64_t give_up = probe_after(EXAMINE_END_MS);

	while (!p->stream->ended && clock_monotonic_us() < give_up)
		http_turn(p->http, PROBE_TURN_MS);
	return polls_find(p);
}

static int
examine_begin(struct probe *p)
{
	struct measure *m = p->m;
	int rc;

	if ((p->stream = probe_open(p, p->url, NULL)) == NULL)
		return EX_OSERR;
	rc = probe_wait_begin(p, p->stream, &m->at_crierd);
	if (rc != 0)
		return rc;
	probe_take_head(p);
	if (!m->at_crierd && http_has_begun(p->stream) &&
	    (rc = examine_poll(p)) != 0)
		return rc;
	if (!m->at_crierd && m->head.status == 0 && !m->bad_certificate)
		return examine_nothing(m);
	if (m->at_crierd)
		rc = examine_take_door(p);
	if (rc == 0 && m->head.status == 0 && !m->bad_certificate)
		rc = examine_ask_server(p);
	m->server = p->options->has_server ? p->options->server
					   : advice_server(m->head.server);
	return rc;
}

/* Several streams at the same time, and what is known of them. */
struct examine_crowd {
	struct http_stream *streams[MEASURE_CROWD];
	char first[ID_TEXT_SIZE], second[ID_TEXT_SIZE]; /* events for them */
};

/*
 * Counts the streams that have begun, and those at crierd: what it has now, and
 * polls that have brought the second event and ended.  Returns how many need
 * not be waited for.
 */
static size_t
examine_count_crowd(const struct probe *p, const struct examine_crowd *crowd,
    size_t at_crierd)
{
	const struct http_stream *s;
	struct measure *m = p->m;
	size_t i, begun = 0, ready = 0;

	for (i = 0; i < MEASURE_CROWD; i++) {
		s = crowd->streams[i];
		begun += http_has_begun(s);
		ready += http_has_begun(s) || s->ended;
		at_crierd += s->ended && http_arrival(s, crowd->second) != NULL;
	}
	if (at_crierd > MEASURE_CROWD)
		at_crierd = MEASURE_CROWD;
	if (at_crierd > m->crowd_at_crierd)
		m->crowd_at_crierd = at_crierd;
	m->crowd_opened = begun;
	if (!probe_is_held(p))
		return ready;
	m->crowd_opened = m->crowd_at_crierd;
	return at_crierd;
}

/*
 * Waits until all streams have begun or ended or, if they are held back, are at
 * crierd.
 */
static int
examine_wait_crowd(const struct probe *p, const struct examine_crowd *crowd)
{
	uint64_t give_up = probe_after(PROBE_BEGIN_MS);
	struct far_end_streams streams;
	bool is_ready = false;
	size_t ready;
	int rc;

	do {
		http_turn(p->http, PROBE_TURN_MS);
		rc = far_end_look(p->far_end, p->crowd_channel, &streams);
		if (rc != 0)
			return rc;
		ready = examine_count_crowd(p, crowd, streams.count);
		/*
		 * crierd may have ended a poll whose last bytes are yet to
		 * come.
		 */
		if (ready == MEASURE_CROWD && !is_ready)
			give_up = probe_after(EXAMINE_END_MS);
		is_ready |= ready == MEASURE_CROWD;
	} while ((!is_ready || p->m->crowd_at_crierd < p->m->crowd_opened) &&
	    clock_monotonic_us() < give_up);
	return 0;
}

/*
 * Opens several streams at a time, to see whether all reach the crierd of this
 * queue.  There is an event for them before they come, which shows this of a
 * poll.
 */
static int
examine_crowd(struct probe *p)
{
	struct examine_crowd crowd = { 0 };
	size_t i, ignored;
	int rc = far_end_publish(p->far_end, p->crowd_channel, "before them",
	    crowd.first, &ignored);

	if (rc == 0)
		rc = far_end_publish(p->far_end, p->crowd_channel, "for them",
		    crowd.second, &ignored);
	for (i = 0; i < MEASURE_CROWD && rc == 0; i++)
		if ((crowd.streams[i] =
			    probe_open(p, p->crowd_url, crowd.first)) == NULL)
			rc = EX_OSERR;
	if (rc == 0)
		rc = examine_wait_crowd(p, &crowd);
	for (i = 0; i < MEASURE_CROWD; i++)
		http_leave(p->http, crowd.streams[i]);
	p->m->has_crowd = rc == 0;
	return rc;
}

static int
examine_all(struct probe *p)
{
	static int (*const steps[])(struct probe *) = { steps_events,
		steps_idle, steps_leaving, steps_resume };
	size_t i;
	int rc;

	/* 1. A stream, its head, and whether this crierd has it. */
	rc = examine_begin(p);
	/* 2. Several streams: is there more than one crierd? */
	if (rc == 0 && (p->m->at_crierd || http_has_begun(p->stream)))
		rc = examine_crowd(p);
	/* 3. The rest needs events of ours on the first stream. */
	if (!p->m->at_crierd)
		return rc;
	for (i = 0; i < sizeof steps / sizeof steps[0] && rc == 0; i++)
		rc = steps[i](p);
	return rc;
}

/* Two channels that nobody else has, and their URLs. */
static int
examine_names(struct probe *p)
{
	const struct options *o = p->options;
	char name[64], crowd[64];
	uint32_t number;

	if (getrandom(&number, sizeof number, 0) != sizeof number) {
		client_warn("%s", strerror(errno));
		return EX_OSERR;
	}
	snprintf(name, sizeof name, "crier-doctor-%08x", number);
	snprintf(crowd, sizeof crowd, "crier-doctor-%08x-crowd", number);
	p->channel = target_channel(o->channel, name);
	p->crowd_channel = target_channel(o->channel, crowd);
	p->url = target_url(o->url, name);
	p->crowd_url = target_url(o->url, crowd);
	if (p->channel == NULL || p->crowd_channel == NULL || p->url == NULL ||
	    p->crowd_url == NULL || (p->http = http_new()) == NULL) {
		probe_no_memory();
		return EX_OSERR;
	}
	return 0;
}

int
examine(struct far_end *far_end, const struct options *options,
    struct measure *m)
{
	struct probe p = { .far_end = far_end, .options = options, .m = m };
	int rc;

	m->heartbeat_ms = far_end->heartbeat_ms;
	m->streams = far_end->streams;
	mpm_read(options->apache, &m->mpm);
	examine_set_times(&p);
	rc = examine_names(&p);
	if (rc == 0)
		rc = examine_all(&p);
	http_leave(p.http, p.stream);
	http_free(p.http);
	free(p.channel);
	free(p.crowd_channel);
	free(p.url);
	free(p.crowd_url);
	return rc;
}
