/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <json-c/json.h>
#include <string.h>

#include "base/json.h"
#include "companion/pub_json.h"

int
pub_json_append_string(struct buffer *b, const char *text, size_t len)
{
	struct json_object *string = json_object_new_string_len(text, (int)len);
	const char *json = json_line(string);
	int rc = -1;

	if (string != NULL && json != NULL)
		rc = buffer_append_text(b, json);
	json_object_put(string);
	return rc;
}

/* Behind the string whose first quote is before text, or NULL. */
static const char *
pub_json_skip_string(const char *text)
{
	for (; *text != '"'; text++) {
		if ((unsigned char)*text < 0x20)
			return NULL;
		if (*text == '\\' && text[1] != '\0')
			text++;
	}
	return text + 1;
}

/*
 * Whether a text that json-c's strict mode has taken is no JSON by RFC 8259: it
 * lets NaN and Infinity through, numbers such as "1.", and control characters
 * in strings.
 */
static bool
pub_json_is_lenient(const char *text)
{
	while (text != NULL && *text != '\0') {
		if (*text == '"')
			text = pub_json_skip_string(text + 1);
		else if (*text == '-' || (*text >= '0' && *text <= '9'))
			text = json_skip_number(text);
		else if (*text == 'N' || *text == 'I')
			return true;
		else
			text++;
	}
	return text == NULL;
}

/* Whether all of text is JSON as RFC 8259 has it. */
bool
pub_json_is_valid(const char *text)
{
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *value;
	size_t len = strlen(text);
	bool good;

	if (tokener == NULL)
		return false;
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	value = json_tokener_parse_ex(tokener, text, (int)len + 1);
	good = json_tokener_get_error(tokener) == json_tokener_success &&
	    json_tokener_get_parse_end(tokener) >= len &&
	    !pub_json_is_lenient(text);
	json_object_put(value);
	json_tokener_free(tokener);
	return good;
}

/*
 * A value that is JSON goes as it was written, so that no digit of a number
 * changes.  Only newlines, which may stand between its tokens, become spaces,
 * for they would end the queue's line.
 */
int
pub_json_append_value(struct buffer *b, const char *value)
{
	size_t i = b->len;

	if (!pub_json_is_valid(value))
		return pub_json_append_string(b, value, strlen(value));
	if (buffer_append_text(b, value) == -1)
		return -1;
	for (; i < b->len; i++)
		if (b->data[i] == '\n' || b->data[i] == '\r')
			b->data[i] = ' ';
	return 0;
}

static int
pub_json_append_pair(struct buffer *b, const char *pair, const char *equals)
{
	if (pub_json_append_string(b, pair, (size_t)(equals - pair)) == -1 ||
	    buffer_append(b, ":", 1) == -1)
		return -1;
	return pub_json_append_value(b, equals + 1);
}

int
pub_json_append_object(struct buffer *b, int count, char **pairs)
{
	const char *equals;
	int i, rc = buffer_append(b, "{", 1);

	for (i = 0; rc == 0 && i < count; i++) {
		equals = strchr(pairs[i], '=');
		if (equals == NULL || equals == pairs[i])
			return i + 1;
		if (i > 0)
			rc = buffer_append(b, ",", 1);
		if (rc == 0)
			rc = pub_json_append_pair(b, pairs[i], equals);
	}
	return rc == 0 ? buffer_append(b, "}", 1) : rc;
}
