/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/clock.h"
#include "doctor/polls.h"
#include "doctor/steps.h"

enum {
	STEPS_LATE_MS = 1000, /* for an event, once one was late */
	STEPS_PUSHES = 40,
	STEPS_PUSH_BYTES = 4000
};

/* Finds out how much more must be sent until what is held back comes. */
static int
steps_push(struct probe *p)
{
	char data[STEPS_PUSH_BYTES + 1], id[ID_TEXT_SIZE];
	size_t len = STEPS_PUSH_BYTES, n;
	unsigned pieces = p->stream->pieces;
	int rc;

	if (len > p->far_end->max_event_bytes)
		len = (size_t)p->far_end->max_event_bytes;
	memset(data, '.', len);
	data[len] = '\0';
	for (n = 1; n <= STEPS_PUSHES; n++) {
		if ((rc = probe_publish(p, data, id)) != 0)
			return rc;
		http_turn(p->http, PROBE_TURN_MS);
		if (p->stream->pieces != pieces || p->stream->ended)
			break;
	}
	p->m->held_bytes = n > STEPS_PUSHES ? MEASURE_NEVER : n * len;
	return 0;
}

struct steps_event {
	uint64_t published_us;
	char id[ID_TEXT_SIZE];
	bool is_late; /* was not there when the next was published */
};

static void
steps_take_events(const struct probe *p, const struct steps_event *sent)
{
	const struct http_arrival *a, *next;
	struct measure_event *event = p->m->events;
	size_t i;

	for (i = 0; i < p->m->event_count; i++, event++, sent++) {
		event->delay_us = MEASURE_NEVER;
		if ((a = http_arrival(p->stream, sent->id)) == NULL)
			continue;
		event->delay_us = a->at_us > sent->published_us
		    ? a->at_us - sent->published_us
		    : 0;
		next = i + 1 < p->m->event_count
		    ? http_arrival(p->stream, sent[1].id)
		    : NULL;
		event->with_next =
		    sent->is_late && next != NULL && next->piece == a->piece;
	}
}

int
steps_events(struct probe *p)
{
	struct steps_event sent[MEASURE_EVENTS] = { 0 };
	uint64_t limit = PROBE_EVENT_MS;
	bool is_held = probe_is_held(p);
	uint64_t retry_ms;
	char data[32];
	size_t i;
	int rc;

	for (i = 0; i < MEASURE_EVENTS && !p->stream->ended; i++) {
		if (is_held)
			limit = STEPS_LATE_MS;
		snprintf(data, sizeof data, "event %zu", i + 1);
		sent[i].published_us = clock_monotonic_us();
		if ((rc = probe_publish(p, data, sent[i].id)) != 0)
			return rc;
		sent[i].is_late =
		    probe_wait_event(p, sent[i].id, limit) == NULL;
		is_held |= sent[i].is_late;
		if (p->stream->ended && sent[i].is_late)
			break;
	}
	/* A poll has ended with its first event, or when its time was up. */
	if (polls_is_end(p->stream, &retry_ms))
		return polls_events(p);
	p->m->event_count = i;
	p->m->ended_early = i < MEASURE_EVENTS;
	steps_take_events(p, sent);
	return is_held && !p->stream->ended ? steps_push(p) : 0;
}

/* How long crierd will probably take to notice that the client has left. */
static uint64_t
steps_leave_ms(const struct measure *m)
{
	bool is_cgi = advice_attachment(m->door, m->server, 0) == ATTACHED_CGI;

	if (measure_is_held(m) || m->heartbeat_ms > m->leave_ms)
		return m->leave_ms;
	/*
	 * These servers tell crierd at once, but they do not tell a CGI
	 * program.
	 */
	if (!is_cgi &&
	    (m->server == SERVER_NGINX || m->server == SERVER_LIGHTTPD ||
		m->server == SERVER_HAPROXY))
		return 0;
	return m->heartbeat_ms;
}

int
steps_idle(struct probe *p)
{
	struct measure *m = p->m;
	struct far_end_streams before, after;
	uint64_t begun = clock_monotonic_us(), end = probe_after(m->idle_ms),
		 now;
	unsigned bursts;
	int rc;

	if (m->is_polling)
		return 0;
	bursts = p->stream->bursts;
	if ((rc = far_end_look(p->far_end, p->channel, &before)) != 0)
		return rc;
	if (!p->stream->ended)
		probe_tell(p, "silence and leaving take",
		    m->idle_ms + steps_leave_ms(m));
	while ((now = clock_monotonic_us()) < end && !p->stream->ended)
		http_turn(p->http, (int)((end - now + 999) / 1000));
	m->cut_us = MEASURE_NEVER;
	if (p->stream->ended)
		m->cut_us = p->stream->ended_us > begun
		    ? p->stream->ended_us - begun
		    : 0;
	memcpy(m->end, p->stream->end, sizeof m->end);
	m->heartbeats = p->stream->bursts - bursts;
	rc = far_end_look(p->far_end, p->channel, &after);
	m->idle_sent = rc == 0 && after.bytes > before.bytes;
	m->has_idle = rc == 0;
	return rc;
}

/* Waits until crierd has no stream of the channel any more, or long enough. */
static int
steps_wait_left(const struct probe *p)
{
	uint64_t begun = clock_monotonic_us(),
		 give_up = probe_after(p->m->leave_ms);
	struct far_end_streams streams;
	int pause = 1, rc;

	p->m->left_us = MEASURE_NEVER;
	do {
		http_turn(p->http, pause);
		rc = far_end_look(p->far_end, p->channel, &streams);
		if (rc != 0)
			return rc;
		if (streams.count == 0) {
			p->m->left_us = clock_monotonic_us() - begun;
			break;
		}
		pause = pause * 2 < PROBE_LOOK_MS ? pause * 2 : PROBE_LOOK_MS;
	} while (clock_monotonic_us() < give_up);
	p->m->has_leaving = true;
	return 0;
}

/*
 * The client leaves right behind an event, so that the next heartbeat is due a
 * whole heartbeat later: then "at once" differs from "at a heartbeat".
 */
int
steps_leaving(struct probe *p)
{
	bool at_crierd = true;
	char id[ID_TEXT_SIZE];
	const char *last;
	int rc = 0;

	if (p->m->is_polling)
		return 0;
	if (p->stream->ended) {
		http_leave(p->http, p->stream);
		if ((p->stream = probe_open(p, p->url, NULL)) == NULL)
			return EX_OSERR;
		rc = probe_wait_begin(p, p->stream, &at_crierd);
	}
	if (rc == 0 && at_crierd)
		rc = probe_publish(p, "the last one", id);
	if (rc != 0 || !at_crierd)
		return rc;
	probe_wait_event(p, id,
	    probe_is_held(p) ? PROBE_TURN_MS : PROBE_EVENT_MS);
	last = eventstream_last_id(&p->stream->parser);
	snprintf(p->last_id, sizeof p->last_id, "%s", last == NULL ? "" : last);
	http_leave(p->http, p->stream);
	p->stream = NULL;
	return steps_wait_left(p);
}

/*
 * Whether it was another crierd that the client came back to: it is open, and
 * ours has no stream of the channel.
 */
static int
steps_look_elsewhere(const struct probe *p)
{
	struct far_end_streams streams;
	int rc = far_end_look(p->far_end, p->channel, &streams);

	p->m->resume_elsewhere = rc == 0 && streams.count == 0 &&
	    http_has_begun(p->stream) && !p->stream->ended;
	return rc;
}

int
steps_resume(struct probe *p)
{
	char missed[MEASURE_MISSED][ID_TEXT_SIZE];
	uint64_t limit = PROBE_EVENT_MS;
	size_t i;
	int rc = 0;

	if (probe_is_held(p) || p->last_id[0] == '\0')
		return 0;
	for (i = 0; i < MEASURE_MISSED && rc == 0; i++)
		rc = probe_publish(p, "missed", missed[i]);
	if (rc != 0)
		return rc;
	if ((p->stream = probe_open(p, p->url, p->last_id)) == NULL)
		return EX_OSERR;
	for (i = 0; i < MEASURE_MISSED; i++) {
		if (probe_wait_event(p, missed[i], limit) != NULL)
			p->m->resumed++;
		else
			limit = STEPS_LATE_MS;
	}
	p->m->resume_gap = p->stream->has_gap;
	p->m->has_resume = true;
	return p->m->resumed < MEASURE_MISSED ? steps_look_elsewhere(p) : 0;
}
