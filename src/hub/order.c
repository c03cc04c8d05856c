/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include "hub/order.h"

/*
 * Finds the channel whose next event is the oldest, and in *limit the id from
 * which on another channel's event comes first.  An event that went to several
 * channels has the same id in all of them, so it was sent by one of them if its
 * id is not greater than sent; such events are passed.
 */
static bool
order_oldest(const struct stream *s, uint64_t *seqs, struct id sent,
    size_t *oldest, struct id *limit)
{
	struct id least = { UINT64_MAX, UINT64_MAX }, id;
	const struct history *h;
	bool found = false;
	size_t i;

	*limit = least;
	for (i = 0; i < s->cursor_count; i++) {
		h = &s->cursors[i].channel->history;
		while (seqs[i] < h->next_seq &&
		    id_cmp(history_at(h, seqs[i])->id, sent) <= 0)
			seqs[i]++;
		if (seqs[i] == h->next_seq)
			continue;
		id = history_at(h, seqs[i])->id;
		if (id_cmp(id, least) < 0) {
			*limit = least;
			least = id;
			*oldest = i;
			found = true;
		} else if (id_cmp(id, *limit) < 0) {
			*limit = id;
		}
	}
	/* Two channels have this event: the run is this event alone. */
	if (found && id_cmp(*limit, least) == 0)
		limit->n++;
	return found;
}

bool
order_next(const struct stream *s, uint64_t *seqs, struct id sent,
    uint64_t now_ms, size_t *index, struct history_slice *slice)
{
	struct id limit;

	*index = 0;
	if (s->cursor_count == 1)
		return history_slice(&s->cursors[0].channel->history, seqs,
		    now_ms, NULL, slice);
	while (order_oldest(s, seqs, sent, index, &limit))
		if (history_slice(&s->cursors[*index].channel->history,
			&seqs[*index], now_ms, &limit, slice))
			return true;
	return false;
}
