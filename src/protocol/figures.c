/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <string.h>

#include "base/json.h"
#include "protocol/figures.h"

static uint64_t
figures_value(const struct figure *f, const void *values)
{
	uint64_t value;

	memcpy(&value, (const char *)values + f->offset, sizeof value);
	return value;
}

void
figures_init_store(struct store_figures *figures)
{
	/* FIGURE_NONE has all bits set. */
	memset(figures, 0xff, sizeof *figures);
}

struct json_object *
figures_group(struct json_object *status, const char *group)
{
	if (*group == '\0')
		return status;
	if (json_member(status, group) == NULL)
		json_add(status, group, json_object_new_object());
	return json_member(status, group);
}

void
figures_add(struct json_object *status, enum figure_owner owner,
    const void *values)
{
	const struct figure *f;
	struct json_object *o;
	uint64_t value;

	for (f = figures_table; f < figures_table + figures_count; f++) {
		if (f->owner != owner ||
		    (value = figures_value(f, values)) == FIGURE_NONE)
			continue;
		o = figures_group(status, f->group);
		if (f->kind == FIGURE_FLAG)
			json_add_flag(o, f->member, value != 0);
		else
			json_add_number(o, f->member, value);
	}
}

void
figures_add_histogram(struct json_object *status, const char *name,
    const struct histogram *h)
{
	struct json_object *list = json_object_new_array(), *o;
	unsigned power;

	for (power = HISTOGRAM_LEAST; list != NULL && power <= HISTOGRAM_MOST;
	     power++) {
		o = json_object_new_object();
		json_add_number(o, "below_us", UINT64_C(1) << power);
		json_add_number(o, "events", histogram_below(h, power));
		json_object_array_add(list, o);
	}
	json_add_value(status, name, list);
}

void
figures_add_stats(struct json_object *o, enum figure_owner owner,
    const void *now, const void *before, uint64_t ms)
{
	const struct figure *f;
	uint64_t value, count;

	if (ms == 0)
		ms = 1;
	for (f = figures_table; f < figures_table + figures_count; f++) {
		if (f->owner != owner || f->stats == NULL)
			continue;
		if ((value = figures_value(f, now)) == FIGURE_NONE)
			continue;
		json_add_number(o, f->stats, value);
		if (f->rate == NULL)
			continue;
		count = value - figures_value(f, before);
		json_add_number(o, f->rate, (count * 1000 + ms / 2) / ms);
	}
}
