/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"

void
json_add(struct json_object *o, const char *name, struct json_object *value)
{
	if (o == NULL || json_object_object_add(o, name, value) != 0)
		json_object_put(value);
}

void
json_add_number(struct json_object *o, const char *name, uint64_t value)
{
	json_add(o, name, json_object_new_uint64(value));
}

/* A NUL is escaped with the rest, but these texts have none. */
static struct json_object *
json_new_escaped(const char *text, size_t len)
{
	size_t size = len * 4 + 1;
	char *copy = malloc(size);
	struct json_object *value = NULL;

	if (copy != NULL)
		value = json_object_new_string_len(copy,
		    (int)text_escape(text, len, copy, size));
	free(copy);
	return value;
}

void
json_add_text(struct json_object *o, const char *name, const char *text,
    size_t len)
{
	json_add(o, name,
	    text_is_utf8(text, len) ? json_object_new_string_len(text, (int)len)
				    : json_new_escaped(text, len));
}

int
json_append(struct buffer *b, struct json_object *o)
{
	const char *text = NULL;
	int rc = -1;

	if (o != NULL)
		text = json_object_to_json_string_ext(o,
		    JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	if (text != NULL)
		rc = buffer_append(b, text, strlen(text));
	json_object_put(o);
	return rc;
}
