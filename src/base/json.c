/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json_visit.h>

#include "base/json.h"

/* Marks an object in which a member is missing: json_append refuses it. */
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

void
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
json_add_flag(struct json_object *o, const char *name, bool value)
{
	json_add_value(o, name, json_object_new_boolean(value));
}

/* A NUL would end the escaped text, but what is added here has none. */
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
	json_add_value(o, name,
	    text_is_utf8(text, len) ? json_object_new_string_len(text, (int)len)
				    : json_new_escaped(text, len));
}

void
json_add_string(struct json_object *o, const char *name, const char *text)
{
	json_add_text(o, name, text, strlen(text));
}

const char *
json_line(struct json_object *value)
{
	return json_object_to_json_string_ext(value,
	    JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
}

int
json_append(struct buffer *b, struct json_object *o)
{
	const char *text = NULL;
	int rc = -1;

	if (o != NULL && json_object_get_userdata(o) == NULL)
		text = json_line(o);
	if (text != NULL)
		rc = buffer_append(b, text, strlen(text));
	json_object_put(o);
	return rc;
}

int
json_append_line(struct buffer *b, struct json_object *o)
{
	size_t before = b->len;

	if (json_append(b, o) == -1)
		return -1;
	if (buffer_append(b, "\n", 1) == 0)
		return 0;
	buffer_truncate(b, before);
	return -1;
}

int
json_parse(const char *text, size_t len, int depth, struct json_object **value)
{
	struct json_tokener *t = json_tokener_new_ex(depth);
	enum json_tokener_error error = json_tokener_error_parse_unexpected;

	*value = NULL;
	if (t == NULL)
		return -1;
	json_tokener_set_flags(t,
	    JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	/*
	 * json-c would take a NUL for the text's end.  It waits for more digits
	 * behind a number, so the end is given to it as a NUL of our own.
	 */
	if (len > 0 && memchr(text, '\0', len) == NULL) {
		*value = json_tokener_parse_ex(t, text, (int)len);
		error = json_tokener_get_error(t);
		if (error == json_tokener_continue) {
			*value = json_tokener_parse_ex(t, "", 1);
			error = json_tokener_get_error(t);
		}
	}
	json_tokener_free(t);
	if (error == json_tokener_success)
		return 1;
	json_object_put(*value);
	*value = NULL;
	return 0;
}

struct json_object *
json_parse_object(const char *text, size_t len)
{
	struct json_tokener *t = json_tokener_new();
	struct json_object *o = NULL;

	if (t != NULL && len <= INT_MAX)
		o = json_tokener_parse_ex(t, text, (int)len);
	if (t != NULL)
		json_tokener_free(t);
	if (json_object_is_type(o, json_type_object))
		return o;
	json_object_put(o);
	return NULL;
}

struct json_object *
json_member(struct json_object *o, const char *name)
{
	struct json_object *value;

	return json_object_object_get_ex(o, name, &value) ? value : NULL;
}

size_t
json_length(struct json_object *value)
{
	return json_object_is_type(value, json_type_array)
	    ? json_object_array_length(value)
	    : 0;
}

const char *
json_get_string(struct json_object *value)
{
	return json_object_is_type(value, json_type_string)
	    ? json_object_get_string(value)
	    : NULL;
}

bool
json_get_text(struct json_object *value, struct text_span *text)
{
	if (!json_object_is_type(value, json_type_string))
		return false;
	text->text = json_object_get_string(value);
	text->len = (size_t)json_object_get_string_len(value);
	return true;
}

bool
json_get_word(struct json_object *value, struct text_span *text)
{
	if (json_get_text(value, text))
		return true;
	if (!json_object_is_type(value, json_type_int) &&
	    !json_object_is_type(value, json_type_double))
		return false;
	text->text = json_object_get_string(value);
	text->len = text->text == NULL ? 0 : strlen(text->text);
	return text->text != NULL;
}

bool
json_get_whole(struct json_object *value, uint64_t max, uint64_t *number)
{
	if (!json_object_is_type(value, json_type_int) ||
	    json_object_get_int64(value) < 0 ||
	    json_object_get_uint64(value) > max)
		return false;
	*number = json_object_get_uint64(value);
	return true;
}

bool
json_get_real(struct json_object *value, double *number)
{
	double got = json_object_get_double(value);

	if ((!json_object_is_type(value, json_type_int) &&
		!json_object_is_type(value, json_type_double)) ||
	    !isfinite(got))
		return false;
	*number = got;
	return true;
}

bool
json_get_flag(struct json_object *value, bool *flag)
{
	if (!json_object_is_type(value, json_type_boolean))
		return false;
	*flag = json_object_get_boolean(value);
	return true;
}

static const char *
json_skip_digits(const char *p)
{
	return p + strspn(p, "0123456789");
}

const char *
json_skip_number(const char *text)
{
	const char *p = text + (*text == '-'), *digits = p;

	p = json_skip_digits(p);
	if (p == digits || (*digits == '0' && p > digits + 1))
		return NULL;
	if (*p == '.') {
		digits = p + 1;
		if ((p = json_skip_digits(digits)) == digits)
			return NULL;
	}
	if (*p == 'e' || *p == 'E') {
		p++;
		digits = p + (*p == '+' || *p == '-');
		if ((p = json_skip_digits(digits)) == digits)
			return NULL;
	}
	return p;
}

static bool
json_is_number(const char *text)
{
	const char *end = json_skip_number(text);

	return end != NULL && *end == '\0';
}

static int
json_visit_number(struct json_object *value, int flags,
    struct json_object *parent, const char *key,
    size_t *index, /* NOLINT(readability-non-const-parameter) */
    void *wrong)
{
	(void)flags;
	(void)parent;
	(void)key;
	(void)index;
	if (json_object_is_type(value, json_type_int) &&
	    (json_object_get_int64(value) == INT64_MIN ||
		json_object_get_uint64(value) == UINT64_MAX))
		*(const char **)wrong =
		    "data has an integer of more than 64 bits";
	/*
	 * json-c prints a number with a point as it was written, so what was
	 * written must be JSON.
	 */
	if (json_object_is_type(value, json_type_double) &&
	    (!isfinite(json_object_get_double(value)) ||
		!json_is_number(json_object_get_string(value))))
		*(const char **)wrong =
		    "not valid JSON: data has a number that is none";
	return JSON_C_VISIT_RETURN_CONTINUE;
}

const char *
json_wrong_number(struct json_object *value)
{
	const char *wrong = NULL;

	json_c_visit(value, 0, json_visit_number, &wrong);
	return wrong;
}

bool
json_get_name(struct json_object *value, struct text_span *text)
{
	return !json_object_is_type(value, json_type_double) &&
	    json_wrong_number(value) == NULL && json_get_word(value, text);
}
