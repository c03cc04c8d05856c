/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "doctor/checkup.h"
#include "doctor/report.h"

static void
checkup_print_advice(const struct checkup_check *c, FILE *to)
{
	fprintf(to, "\n%s: %s\n    %s:\n", c->name, c->text, c->where);
	report_print_lines(c->directive, to);
	if (c->why != NULL)
		fprintf(to, "    (%s)\n", c->why);
}

void
checkup_print(const struct checkup *u, FILE *to)
{
	size_t faults = checkup_count(u, VERDICT_FAULT);
	size_t warnings = checkup_count(u, VERDICT_WARNING), i;

	fprintf(to, "\n%-12s %-8s measured\n", "check", "verdict");
	for (i = 0; i < u->count; i++)
		fprintf(to, "%-12s %-8s %s\n", u->checks[i].name,
		    verdict_name(u->checks[i].verdict), u->checks[i].text);
	for (i = 0; i < u->count; i++)
		if (u->checks[i].where != NULL)
			checkup_print_advice(&u->checks[i], to);
	report_print_sum(faults, warnings, to);
}

static struct json_object *
checkup_checks(const struct checkup *u)
{
	struct json_object *list = json_object_new_array(), *o;
	size_t i;

	for (i = 0; list != NULL && i < u->count; i++) {
		o = json_object_new_object();
		json_add_string(o, "check", u->checks[i].name);
		json_add_string(o, "verdict",
		    verdict_name(u->checks[i].verdict));
		json_add_string(o, "text", u->checks[i].text);
		json_object_array_add(list, o);
	}
	return list;
}

static struct json_object *
checkup_advice(const struct checkup *u)
{
	struct json_object *list = json_object_new_array(), *o;
	const struct checkup_check *c = u->checks;
	size_t i;

	for (i = 0; list != NULL && i < u->count; i++, c++) {
		if (c->where == NULL)
			continue;
		o = json_object_new_object();
		json_add_string(o, "check", c->name);
		json_add_string(o, "where", c->where);
		json_add_string(o, "directive", c->directive);
		if (c->why != NULL)
			json_add_string(o, "why", c->why);
		json_object_array_add(list, o);
	}
	return list;
}

struct json_object *
checkup_json(const struct checkup *u)
{
	struct json_object *o = json_object_new_object();
	size_t faults = checkup_count(u, VERDICT_FAULT);

	json_add_flag(o, "ok", faults == 0);
	json_add_number(o, "faults", faults);
	json_add_number(o, "warnings", checkup_count(u, VERDICT_WARNING));
	json_add_string(o, "store", u->store);
	json_add_string(o, "durability", store_durability_name[u->durability]);
	json_add(o, "measured", json_object_get(u->measured));
	json_add(o, "checks", checkup_checks(u));
	json_add(o, "advice", checkup_advice(u));
	return o;
}
