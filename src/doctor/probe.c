/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/clock.h"
#include "base/text.h"
#include "doctor/probe.h"

uint64_t
probe_after(uint64_t ms)
{
	return clock_monotonic_us() + ms * 1000;
}

void
probe_no_memory(void)
{
	client_warn("%s", strerror(ENOMEM));
}

void
probe_tell(const struct probe *p, const char *what, uint64_t ms)
{
	if (p->options->json)
		return;
	printf("%s some %llu s\n", what, (unsigned long long)(ms + 999) / 1000);
	fflush(stdout);
}

static struct http_stream *
probe_request(const struct probe *p, struct http_request *request)
{
	struct http_stream *stream;

	request->headers = p->options->headers;
	request->insecure = p->options->insecure;
	if ((stream = http_open(p->http, request)) == NULL)
		probe_no_memory();
	return stream;
}

struct http_stream *
probe_open(const struct probe *p, const char *url, const char *last_event_id)
{
	struct http_request request = { .url = url,
		.last_event_id = last_event_id };

	return probe_request(p, &request);
}

struct http_stream *
probe_open_head(const struct probe *p, const char *url)
{
	struct http_request request = { .url = url, .head_only = true };

	return probe_request(p, &request);
}

int
probe_publish(const struct probe *p, const char *data, char id[ID_TEXT_SIZE])
{
	size_t streams;

	return far_end_publish(p->far_end, p->channel, data, id, &streams);
}

int
probe_wait_begin(const struct probe *p, const struct http_stream *stream,
    bool *at_crierd)
{
	uint64_t give_up = probe_after(PROBE_REACH_MS), look = 0;
	struct far_end_streams streams;
	int rc;

	*at_crierd = false;
	while (!http_has_begun(stream) && !stream->ended &&
	    clock_monotonic_us() < give_up) {
		http_turn(p->http, PROBE_TURN_MS);
		if (*at_crierd || clock_monotonic_us() < look)
			continue;
		if ((rc = far_end_look(p->far_end, p->channel, &streams)) != 0)
			return rc;
		look = probe_after(PROBE_LOOK_MS);
		if (streams.count > 0) {
			*at_crierd = true;
			give_up = probe_after(PROBE_BEGIN_MS);
		}
	}
	if ((rc = far_end_look(p->far_end, p->channel, &streams)) != 0)
		return rc;
	*at_crierd = streams.count > 0;
	return 0;
}

const struct http_arrival *
probe_wait_event(const struct probe *p, const char *id, uint64_t ms)
{
	const struct http_arrival *a;
	uint64_t give_up = probe_after(ms);

	while ((a = http_arrival(p->stream, id)) == NULL && !p->stream->ended &&
	    clock_monotonic_us() < give_up)
		http_turn(p->http, PROBE_TURN_MS);
	return a;
}

/* Keeps the comment of a stream in which nothing else came. */
static void
probe_take_comment(const struct http_stream *stream, struct measure *m)
{
	const char *p = stream->begin, *end = p + stream->begin_len, *line;
	size_t len;

	for (line = p; line < end; line += len + 1) {
		len = strcspn(line, "\r\n");
		if (line[0] != ':' || len < 2)
			continue;
		line += 1 + (line[1] == ' ');
		text_escape(line, strcspn(line, "\r\n"), m->comment,
		    sizeof m->comment);
		return;
	}
}

void
probe_take_head(const struct probe *p)
{
	const struct http_stream *s = p->stream;
	struct measure *m = p->m;

	m->head = s->head;
	m->head_us = m->first_us = MEASURE_NEVER;
	if (s->head_us != MEASURE_NEVER)
		m->head_us = s->head_us - s->opened_us;
	if (s->first_us != MEASURE_NEVER)
		m->first_us = s->first_us - s->opened_us;
	m->bad_certificate = s->bad_certificate;
	memcpy(m->why, s->why, sizeof m->why);
	if (!http_has_begun(s))
		probe_take_comment(s, m);
}

bool
probe_is_held(const struct probe *p)
{
	return p->m->first_us == MEASURE_NEVER;
}
