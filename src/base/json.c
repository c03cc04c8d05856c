/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <string.h>

#include "base/json.h"

/* Of an object in which a member is missing json_append makes nothing. */
static char json_is_incomplete;

static void
json_miss(struct json_object *o)
{
	if (o != NULL)
		json_object_set_userdata(o, &json_is_incomplete, NULL);
}

void
json_add(struct json_object *o, const char *name, struct json_object *value)
{
	if (o != NULL && json_object_object_add(o, name, value) == 0)
		return;
	json_object_put(value);
	json_miss(o);
}

/* A null is no number and no text. */
static void
json_add_value(struct json_object *o, const char *name,
    struct json_object *value)
{
	if (value == NULL)
		json_miss(o);
	else
		json_add(o, name, value);
}

void
json_add_number(struct json_object *o, const char *name, uint64_t value)
{
	json_add_value(o, name, json_object_new_uint64(value));
}

void
json_add_text(struct json_object *o, const char *name, const char *text,
    size_t len)
{
	json_add_value(o, name, json_object_new_string_len(text, (int)len));
}

int
json_append(struct buffer *b, struct json_object *o)
{
	const char *text = NULL;
	int rc = -1;

	if (o != NULL && json_object_get_userdata(o) == NULL)
		text = json_object_to_json_string_ext(o,
		    JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	if (text != NULL)
		rc = buffer_append(b, text, strlen(text));
	json_object_put(o);
	return rc;
}
