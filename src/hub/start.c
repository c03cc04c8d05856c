/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <string.h>

#include "hub/start.h"
#include "hub/state.h"

/*
 * Finds the event with this id of a publisher's own.  Channels may use the same
 * ids for different events.  Of the newest in each channel the oldest is taken,
 * for sending an event again does less harm than leaving one out.
 */
static bool
start_find_own(struct channel *const *channels, size_t count,
    struct text_span text, struct id *id)
{
	struct id found;
	bool any = false;
	size_t i;

	for (i = 0; i < count; i++) {
		if (channels[i] == NULL ||
		    !history_find_own(&channels[i]->history, text.text,
			text.len, &found))
			continue;
		if (!any || id_cmp(found, *id) < 0)
			*id = found;
		any = true;
	}
	return any;
}

void
start_find(const struct hub *hub, const struct subscription *sub,
    struct channel *const *channels, struct start *start)
{
	static const struct id zero;
	const struct id *from = sub->from;
	struct id begin;

	if (from == NULL && runs_find_begin(hub, sub, &begin))
		from = &begin;
	memset(start, 0, sizeof *start);
	start->after = hub->turn.appended;
	if (sub->since.len == 0) {
		start->is_last = sub->has_last;
		start->is_all = sub->since_all && !sub->has_last;
		start->is_known =
		    from != NULL && !start->is_last && !start->is_all;
		if (start->is_known)
			start->after = *from;
	} else if (start_find_own(channels, sub->channel_count, sub->since,
		       &start->after) ||
	    (id_parse(sub->since.text, sub->since.len, &start->after) &&
		(hub->store->is_shared ||
		    id_cmp(start->after, hub->store->last) <= 0))) {
		start->is_known = true;
	} else {
		start->is_all = true;
	}
	if (start->is_all || start->is_last)
		start->after = zero;
}

/* The seq at which the last so many events begin, expired ones left out. */
static uint64_t
start_step_back(const struct history *h, uint64_t last, uint64_t now_ms)
{
	const struct history_entry *e;
	uint64_t seq = h->next_seq;

	if (h->expiring == 0)
		return last < history_count(h) ? seq - last : h->first_seq;
	for (; seq > h->first_seq && last > 0; seq--) {
		e = history_at(h, seq - 1);
		if (e->expires_ms == 0 || e->expires_ms > now_ms)
			last--;
	}
	return seq;
}

uint64_t
start_seq(const struct hub *hub, const struct subscription *sub,
    const struct start *start, const struct history *h)
{
	return start->is_last ? start_step_back(h, sub->last, hub->clock.now_ms)
			      : history_after(h, start->after);
}

/* Whether the store may have more of a channel than the memory has. */
static bool
start_is_in_store(const struct hub *hub, const struct subscription *sub,
    const struct start *start, const struct channel *c, struct text_span name)
{
	uint64_t count = c == NULL ? 0 : history_count(&c->history);

	if (channel_find_own(name.text, name.len) == CHANNEL_STATS)
		return false;
	if (start->is_last && count >= sub->last)
		return false;
	/* The store keeps no more events of a channel than the memory may. */
	if (c != NULL && (start->is_last || start->is_all) &&
	    count >= c->rule->keep)
		return false;
	return start->is_last ||
	    id_cmp(start->after, channel_floor(hub, c, name)) < 0;
}

bool
start_is_stored(const struct hub *hub, const struct subscription *sub,
    const struct start *start, struct channel *const *channels)
{
	size_t i;

	if (!hub->store->is_durable)
		return false;
	/* It was at another node, which is further. */
	if (id_cmp(start->after, hub->turn.appended) > 0)
		return true;
	for (i = 0; i < sub->channel_count; i++)
		if (start_is_in_store(hub, sub, start, channels[i],
			sub->channels[i]))
			return true;
	return false;
}
