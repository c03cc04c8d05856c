/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/clock.h"
#include "doctor/polls.h"

enum {
	POLLS_RETRY_MS = 3000,     /* after an answer that does not say when */
	POLLS_RETRY_MAX_MS = 5000, /* nobody waits for a doctor for longer */
	/* Between two polls, and until the second one's answer. */
	POLLS_LIMIT_MS = POLLS_RETRY_MAX_MS + 2 * PROBE_EVENT_MS
};

/* Events published at a time: several in one answer must keep their order. */
static const size_t polls_groups[] = { 1, 2, 2 };

enum {
	POLLS_GROUPS = sizeof polls_groups / sizeof polls_groups[0]
};

struct polls_event {
	uint64_t published_us;
	char id[ID_TEXT_SIZE];
	bool has_come;
};

/* Our events that have been sent, and which of them have come. */
struct polls {
	struct probe *p;
	struct polls_event sent[MEASURE_EVENTS];
	size_t sent_count, come_count;
	size_t newest; /* behind the last one that has come */
	size_t taken;  /* arrivals of the stream that have been looked at */
};

static void
polls_take_one(struct polls *w, const struct http_arrival *a)
{
	struct measure *m = w->p->m;
	struct polls_event *sent = w->sent;
	size_t i;

	for (i = 0; i < w->sent_count; i++, sent++)
		if (strcmp(sent->id, a->id) == 0)
			break;
	if (i == w->sent_count)
		return;
	if (sent->has_come) {
		m->repeated++;
		return;
	}
	sent->has_come = true;
	w->come_count++;
	m->disordered += i < w->newest;
	w->newest = i + 1;
	m->events[i].delay_us =
	    a->at_us > sent->published_us ? a->at_us - sent->published_us : 0;
}

static void
polls_take(struct polls *w)
{
	const struct http_stream *s = w->p->stream;

	for (; w->taken < s->arrival_count; w->taken++)
		polls_take_one(w, &s->arrivals[w->taken]);
	w->p->m->poll_gap |= s->has_gap;
}

static void
polls_keep_id(struct probe *p)
{
	const char *last = eventstream_last_id(&p->stream->parser);

	if (last != NULL)
		snprintf(p->last_id, sizeof p->last_id, "%s", last);
}

/* Leaves the answer, waits, and asks for the next from where it ended. */
static int
polls_come_back(struct probe *p, uint64_t after_ms)
{
	uint64_t due = probe_after(after_ms), now;

	polls_keep_id(p);
	http_leave(p->http, p->stream);
	p->stream = NULL;
	while ((now = clock_monotonic_us()) < due)
		http_turn(p->http, (int)((due - now + 999) / 1000));
	p->stream =
	    probe_open(p, p->url, p->last_id[0] == '\0' ? NULL : p->last_id);
	return p->stream == NULL ? EX_OSERR : 0;
}

/* An answer is over: counts it, and comes back when it says. */
static int
polls_next(struct polls *w)
{
	uint64_t retry_ms = POLLS_RETRY_MS;
	struct measure *m = w->p->m;

	if (polls_is_end(w->p->stream, &retry_ms))
		m->polls++;
	else
		m->polls_cut++;
	w->taken = 0;
	return polls_come_back(w->p,
	    retry_ms < POLLS_RETRY_MAX_MS ? retry_ms : POLLS_RETRY_MAX_MS);
}

static int
polls_await(struct polls *w)
{
	uint64_t give_up = probe_after(POLLS_LIMIT_MS);
	int rc = 0;

	while (rc == 0 && w->come_count < w->sent_count &&
	    clock_monotonic_us() < give_up) {
		http_turn(w->p->http, PROBE_TURN_MS);
		polls_take(w);
		if (w->p->stream->ended && w->come_count < w->sent_count)
			rc = polls_next(w);
	}
	return rc;
}

static int
polls_publish(struct polls *w, size_t count)
{
	struct polls_event *sent;
	char data[32];
	int rc = 0;

	for (; rc == 0 && count > 0; count--) {
		sent = &w->sent[w->sent_count];
		w->p->m->events[w->sent_count].delay_us = MEASURE_NEVER;
		snprintf(data, sizeof data, "event %zu", w->sent_count + 1);
		sent->published_us = clock_monotonic_us();
		if ((rc = probe_publish(w->p, data, sent->id)) == 0)
			w->sent_count++;
	}
	return rc;
}

int
polls_find(struct probe *p)
{
	uint64_t retry_ms;
	char id[ID_TEXT_SIZE];
	int rc;

	if (!polls_is_end(p->stream, &retry_ms))
		return 0;
	rc = probe_publish(p, "is it you?", id);
	if (rc == 0)
		rc = polls_come_back(p, 0);
	if (rc != 0)
		return rc;
	p->m->at_crierd = probe_wait_event(p, id, PROBE_EVENT_MS) != NULL;
	return 0;
}

int
polls_events(struct probe *p)
{
	struct polls w = { .p = p, .taken = p->stream->arrival_count };
	struct measure *m = p->m;
	uint64_t retry_ms = POLLS_RETRY_MS;
	size_t i;
	int rc = 0;

	m->is_polling = true;
	/* A head that was held back has come with the end. */
	probe_take_head(p);
	polls_is_end(p->stream, &retry_ms);
	if (retry_ms > POLLS_RETRY_MAX_MS)
		retry_ms = POLLS_RETRY_MAX_MS;
	probe_tell(p, "crierd polls here, which takes",
	    POLLS_GROUPS * (retry_ms + 1000));
	for (i = 0; i < POLLS_GROUPS && rc == 0; i++) {
		rc = polls_publish(&w, polls_groups[i]);
		if (rc == 0)
			rc = polls_await(&w);
		if (w.come_count < w.sent_count)
			break;
	}
	m->event_count = w.sent_count;
	if (p->stream == NULL)
		return rc;
	m->polls += polls_is_end(p->stream, &retry_ms);
	polls_keep_id(p);
	http_leave(p->http, p->stream);
	p->stream = NULL;
	return rc;
}
