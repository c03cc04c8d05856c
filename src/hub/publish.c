/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "hub/hub.h"

static int
hub_refuse(struct hub *hub, struct hub_published *p, int code, const char *why)
{
	p->refusal = why;
	p->code = code;
	hub->counters.refused++;
	return -1;
}

/* NULL, or why this name cannot be published to. */
static const char *
hub_check_names(const struct text_span *names, size_t count, int *code)
{
	const char *why;
	size_t i;

	*code = EX_DATAERR;
	if (count == 0)
		return "no channel is named";
	if (count > CURSORS_MAX)
		return "more than 256 channels are named";
	for (i = 0; i < count; i++) {
		why = event_check_channel(names[i].text, names[i].len);
		if (why != NULL)
			return why;
		if (event_channel_is_reserved(names[i].text, names[i].len)) {
			*code = EX_NOPERM;
			return "channels that begin with $ are crier's own";
		}
	}
	return NULL;
}

static bool
hub_has_channel(struct channel *const *channels, size_t count,
    const struct channel *c)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (channels[i] == c)
			return true;
	return false;
}

/*
 * The channels with room for a record of len bytes in each, so that from here
 * on nothing can fail and leave an event in one channel and not in another.
 */
static int
hub_prepare_channels(struct hub *hub, const struct text_span *names,
    size_t count, size_t len, struct channel **channels, size_t *prepared)
{
	struct channel *c;
	size_t i;

	for (i = 0; i < count; i++) {
		c = channel_get(hub, names[i].text, names[i].len);
		if (c == NULL)
			return -1;
		if (hub_has_channel(channels, *prepared, c))
			continue;
		channels[(*prepared)++] = c;
		if (channel_prepare(hub, c, len) == -1)
			return -1;
	}
	return 0;
}

/* Each once, however many of the channels it follows. */
static size_t
hub_count_streams(struct hub *hub, struct channel **channels, size_t count)
{
	struct stream *s;
	size_t streams = 0, i;
	uint32_t j;

	if (count == 1)
		return channels[0]->cursor_count;
	hub->mark++;
	for (i = 0; i < count; i++) {
		for (j = 0; j < channels[i]->cursor_count; j++) {
			s = channels[i]->cursors[j]->stream;
			streams += s->mark != hub->mark;
			s->mark = hub->mark;
		}
	}
	return streams;
}

static void
hub_append(struct hub *hub, struct channel **channels, size_t count,
    const struct event_fields *e, struct hub_published *p)
{
	struct history_note note = { .id = hub->last,
		.added_ms = hub->now_ms,
		.own_id_len = e->id_len };
	size_t i;

	if (e->expires_ms > 0)
		note.expires_ms = hub->now_ms + e->expires_ms;
	for (i = 0; i < count; i++)
		channel_append(hub, channels[i], &note, hub->scratch.data,
		    hub->scratch.len);
	p->streams = hub_count_streams(hub, channels, count);
}

int
hub_publish(struct hub *hub, const struct text_span *names, size_t count,
    const struct event_fields *e, struct hub_published *p)
{
	struct channel *channels[CURSORS_MAX];
	struct id id = id_next(hub->last, hub->wall_ms);
	size_t prepared = 0, i;
	const char *why;
	int code;

	if (hub->is_draining)
		return hub_refuse(hub, p, EX_TEMPFAIL, "crierd is stopping");
	if ((why = hub_check_names(names, count, &code)) != NULL)
		return hub_refuse(hub, p, code, why);
	why = event_check(e, hub->config->max_event_bytes);
	if (why != NULL)
		return hub_refuse(hub, p, EX_DATAERR, why);
	p->id_len = e->id_len;
	if (e->id_len > 0)
		memcpy(p->id, e->id, e->id_len);
	else
		p->id_len = id_format(id, p->id);
	p->id[p->id_len] = '\0';
	buffer_truncate(&hub->scratch, 0);
	if (event_encode(&hub->scratch, e, p->id, p->id_len) == -1 ||
	    hub_prepare_channels(hub, names, count, hub->scratch.len, channels,
		&prepared) == -1) {
		for (i = 0; i < prepared; i++)
			channel_release(hub, channels[i]);
		return hub_refuse(hub, p, EX_TEMPFAIL, "out of memory");
	}
	hub->last = id;
	hub_append(hub, channels, prepared, e, p);
	hub->counters.published++;
	return 0;
}
