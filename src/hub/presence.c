/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "hub/presence.h"
#include "hub/state.h"

/*
 * Presence is kept nowhere: the streams that follow a channel are its cursors,
 * and each stream knows its user.  So the answer is right at any moment, and
 * costs a look at each stream of the channel.
 */

/*
 * The first PRESENCE_USERS_MAX names of all.  When there is no room left, the
 * greater half is dropped, and names greater than the rest are not taken in any
 * more.
 */
struct presence {
	size_t streams, anonymous;
	size_t count;
	bool is_cut;
	struct visitor *users[2 * PRESENCE_USERS_MAX];
};

static int
presence_compare(const void *a, const void *b)
{
	const struct visitor *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

static void
presence_sort(struct presence *p)
{
	/* An array of pointers. NOLINTNEXTLINE(bugprone-sizeof-*) */
	qsort(p->users, p->count, sizeof *p->users, presence_compare);
	if (p->count <= PRESENCE_USERS_MAX)
		return;
	p->count = PRESENCE_USERS_MAX;
	p->is_cut = true;
}

static void
presence_add_user(struct presence *p, struct visitor *user)
{
	if (p->count == 2 * (size_t)PRESENCE_USERS_MAX)
		presence_sort(p);
	if (p->is_cut &&
	    strcmp(user->name, p->users[PRESENCE_USERS_MAX - 1]->name) > 0)
		return;
	p->users[p->count++] = user;
}

static void
presence_count(struct hub *hub, const struct channel *c, struct presence *p)
{
	uint64_t mark = streams_next_mark(hub);
	const struct stream *s;
	uint32_t i;

	for (i = 0; i < c->cursor_count; i++) {
		s = c->cursors[i]->stream;
		if (s->state >= STREAM_ENDING)
			continue;
		p->streams++;
		if (s->user == NULL) {
			p->anonymous++;
			continue;
		}
		if (s->user->mark != mark) {
			s->user->mark = mark;
			s->user->seen = 0;
			presence_add_user(p, s->user);
		}
		s->user->seen++;
	}
	presence_sort(p);
}

static struct json_object *
presence_list(const struct presence *p)
{
	struct json_object *list = json_object_new_array(), *o;
	size_t i;

	for (i = 0; list != NULL && i < p->count; i++) {
		o = json_object_new_object();
		json_add_text(o, "user", p->users[i]->name,
		    p->users[i]->entry.name_len);
		json_add_number(o, "streams", p->users[i]->seen);
		json_object_array_add(list, o);
	}
	return list;
}

void
presence_add(struct hub *hub, struct text_span channel, size_t limit,
    struct json_object *o)
{
	const struct channel *c = channel_find(hub, channel.text, channel.len);
	struct presence p; /* only what is counted is initialised */

	p.streams = p.anonymous = p.count = 0;
	p.is_cut = false;
	if (c != NULL)
		presence_count(hub, c, &p);
	if (limit > 0 && p.count > limit) {
		p.count = limit;
		p.is_cut = true;
	}
	json_add_text(o, "channel", channel.text, channel.len);
	json_add_number(o, "streams", p.streams);
	json_add(o, "users", presence_list(&p));
	json_add_number(o, "anonymous", p.anonymous);
	if (p.is_cut)
		json_add_flag(o, "more", true);
}
