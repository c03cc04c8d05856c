/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/* What a route section says as a whole, and all of them together. */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/quantity.h"
#include "config/config_route.h"

enum {
	CONFIG_NAME_MAX = 255, /* bytes of a channel's or an event's name */
	CONFIG_END_MAX = 2048  /* of end-data, so that a handoff's has room */
};

static const struct config_setting config_route_retry = { "retry", CONFIG_COUNT,
	.range = &limit_of[LIMIT_RETRY_MS],
	.offset = offsetof(struct config_route, retry_ms) };

static const struct config_route_setting *
config_route_setting(const char *name)
{
	size_t i = 0;

	while (strcmp(config_route_settings[i].setting.name, name) != 0)
		i++;
	return &config_route_settings[i];
}

static int __attribute__((format(printf, 2, 3)))
config_route_wrong(char why[CONFIG_WHY_SIZE], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, CONFIG_WHY_SIZE, fmt, ap);
	va_end(ap);
	return -1;
}

/* Exactly one of the settings that make a route what it is. */
static int
config_route_find_kind(struct config_route *r,
    const struct config_route_setting **which, char why[CONFIG_WHY_SIZE])
{
	const struct config_route_setting *s, *found = NULL;
	size_t i;

	for (i = 0; i < config_route_setting_count; i++) {
		s = &config_route_settings[i];
		if (!s->is_kind || !config_route_is_set(&s->setting, r))
			continue;
		*which = s;
		if (found != NULL)
			return config_route_wrong(why,
			    "there is %s already: a route has one of both",
			    found->setting.name);
		found = s;
	}
	*which = NULL;
	if (found == NULL)
		return config_route_wrong(why,
		    "has none of subscribe, publish, status, run, presence");
	while ((found->kinds & 1U << r->kind) == 0)
		r->kind++;
	for (i = 0; i < config_route_setting_count; i++) {
		*which = s = &config_route_settings[i];
		if (config_route_is_set(&s->setting, r) &&
		    (s->kinds & 1U << r->kind) == 0)
			return config_route_wrong(why, "does not go with %s",
			    found->setting.name);
	}
	*which = found;
	return 0;
}

static struct template *
config_route_read(struct config_route *r, const char *text,
    enum template_want want, bool is_reply, char why[CONFIG_WHY_SIZE])
{
	struct template_scope scope = { .path = &r->path,
		.has_body = config_route_has_body(r),
		.is_reply = is_reply,
		.want = want };
	struct template *t = template_new(text, &scope, why);

	if (t != NULL)
		r->sources |= t->sources;
	return t;
}

/* Whether whatever is put into a channel's name may make a good one. */
static const char *
config_route_wrong_name(const struct template *t, bool is_publish)
{
	const struct template_piece *piece = t->pieces;
	size_t i, k, len = 0;
	unsigned char c;

	if (t->count == 0)
		return "is empty, which no channel's name is";
	if (is_publish && piece->source == TEMPLATE_TEXT &&
	    piece->text.text[0] == '$')
		return "begins with $, where only crier itself publishes";
	for (i = 0; i < t->count; i++, piece++) {
		for (k = 0;
		     piece->source == TEMPLATE_TEXT && k < piece->text.len;
		     k++) {
			c = (unsigned char)piece->text.text[k];
			if (c <= ' ' || c == 0x7f || strchr("*{}", c) != NULL)
				return "has a space, a control character or "
				       "one of * { }, which no channel's name "
				       "has";
		}
		len += piece->source == TEMPLATE_TEXT ? piece->text.len : 1;
	}
	return len > CONFIG_NAME_MAX ? "makes names longer than 255 bytes"
				     : NULL;
}

static int
config_route_add_channel(struct config_route *r, const char *text,
    char why[CONFIG_WHY_SIZE])
{
	struct template *t =
	    config_route_read(r, text, TEMPLATE_WANT_PLAIN, false, why);
	const char *wrong;

	if (t == NULL)
		return -1;
	r->channels[r->channel_count++] = t;
	wrong = config_route_wrong_name(t, r->kind == CONFIG_ROUTE_PUBLISH);
	return wrong == NULL ? 0 : config_route_wrong(why, "%s", wrong);
}

static int
config_route_read_channels(struct config_route *r, char why[CONFIG_WHY_SIZE])
{
	struct config_list one = { &r->presence, 1 };
	const struct config_list *list = &one;
	size_t i;

	if (r->kind == CONFIG_ROUTE_SUBSCRIBE)
		list = &r->subscribe;
	else if (r->kind == CONFIG_ROUTE_PUBLISH)
		list = &r->publish;
	else if (r->kind != CONFIG_ROUTE_PRESENCE)
		return 0;
	if ((r->channels = calloc(list->count, sizeof(struct template *))) ==
	    NULL)
		return config_route_wrong(why, "out of memory");
	for (i = 0; i < list->count; i++)
		if (config_route_add_channel(r, list->items[i], why) == -1)
			return -1;
	return 0;
}

/* An event's name or id that is the same for all requests. */
static const char *
config_route_wrong_word(const char *text)
{
	if (strpbrk(text, "\r\n") != NULL)
		return "has a line end in it";
	if (strlen(text) > CONFIG_NAME_MAX)
		return "is longer than 255 bytes";
	return NULL;
}

static const char *
config_route_wrong_literal(enum config_route_field field, const char *text)
{
	uint64_t ms;

	switch (field) {
	case CONFIG_FIELD_EVENT:
		if (strncmp(text, "crier.", 6) == 0)
			return "begins with crier., as crier's own do";
		return config_route_wrong_word(text);
	case CONFIG_FIELD_ID:
	case CONFIG_FIELD_KEY:
		return "is the same for every event: it needs a variable";
	case CONFIG_FIELD_RETRY:
		if (!text_parse_number(text, strlen(text),
			limit_of[LIMIT_RETRY_MS].max, &ms))
			return "must be a number of milliseconds, up to a day";
		return NULL;
	case CONFIG_FIELD_EXPIRES:
		if (!quantity_parse_seconds(text, &ms) ||
		    !limit_allows(&limit_of[LIMIT_EXPIRES_MS], ms))
			return "must be a number of seconds above 0";
		return NULL;
	default:
		return NULL;
	}
}

static bool
config_route_type_has(const char *type, const char *word)
{
	size_t len = strcspn(type, "; "), n = strlen(word), i;

	for (i = 0; i + n <= len; i++)
		if (strncasecmp(type + i, word, n) == 0)
			return true;
	return false;
}

/* TYPE/SUBTYPE, and perhaps parameters (RFC 9110, 8.3.1). */
static const char *
config_route_wrong_type(const char *type)
{
	static const char token[] = "!#$&^_.+-0123456789"
				    "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	size_t n = strspn(type, token), m;

	m = type[n] == '/' ? strspn(type + n + 1, token) : 0;
	if (n == 0 || m == 0 || strchr(" ;", type[n + 1 + m]) == NULL)
		return "must be a media type, such as text/plain";
	return NULL;
}

static int
config_route_read_reply(struct config_route *r, char why[CONFIG_WHY_SIZE])
{
	enum template_want want = TEMPLATE_WANT_PLAIN;
	struct template *t;

	if (config_route_type_has(r->reply_type, "json"))
		want = TEMPLATE_WANT_JSON;
	else if (config_route_type_has(r->reply_type, "html") ||
	    config_route_type_has(r->reply_type, "xml"))
		want = TEMPLATE_WANT_HTML;
	t = r->fields[CONFIG_FIELD_REPLY] =
	    config_route_read(r, r->reply, want, true, why);
	if (t == NULL)
		return -1;
	if (want == TEMPLATE_WANT_PLAIN && !template_is_literal(t) &&
	    !config_route_type_has(r->reply_type, "text/plain"))
		return config_route_wrong(why,
		    "has a variable, which is safe in JSON, HTML, XML and "
		    "text/plain only (see reply-type)");
	return 0;
}

/* The templates of what is published. */
static int
config_route_read_fields(struct config_route *r,
    const struct config_route_setting **which, char why[CONFIG_WHY_SIZE])
{
	const struct config_route_setting *s = config_route_settings;
	const char *text, *wrong;
	enum config_route_field field;
	struct template *t;
	size_t i;

	for (i = 0; i < config_route_setting_count; i++, s++) {
		if (s->field == -1 || s->field == CONFIG_FIELD_REPLY ||
		    (text = *config_setting_text(&s->setting, r)) == NULL)
			continue;
		*which = s;
		field = (enum config_route_field)s->field;
		t = r->fields[field] = config_route_read(r, text,
		    field == CONFIG_FIELD_DATA ? TEMPLATE_WANT_DATA
					       : TEMPLATE_WANT_PLAIN,
		    false, why);
		if (t == NULL)
			return -1;
		if (template_is_literal(t) &&
		    (wrong = config_route_wrong_literal(field, text)) != NULL)
			return config_route_wrong(why, "%s", wrong);
	}
	return 0;
}

static int
config_route_finish_publish(struct config_route *r,
    const struct config_route_setting **which, char why[CONFIG_WHY_SIZE])
{
	const char *wrong;

	if (config_route_read_fields(r, which, why) == -1)
		return -1;
	*which = config_route_setting("publish");
	if (r->data == NULL && !config_route_has_body(r))
		return config_route_wrong(why,
		    "needs data, for a GET request has no body with it");
	*which = config_route_setting("reply-type");
	if (r->reply_type == NULL &&
	    (r->reply_type = strdup("application/json")) == NULL)
		return config_route_wrong(why, "out of memory");
	if ((wrong = config_route_wrong_type(r->reply_type)) != NULL)
		return config_route_wrong(why, "%s", wrong);
	*which = config_route_setting("reply");
	return r->reply == NULL ? 0 : config_route_read_reply(r, why);
}

static int
config_route_finish_streams(struct config_route *r,
    const struct config_route_setting **which, char why[CONFIG_WHY_SIZE])
{
	const char *wrong;

	*which = config_route_setting("retry");
	if (r->retry != NULL &&
	    config_setting_store(&config_route_retry, r, r->retry, why) == -1)
		return -1;
	*which = config_route_setting("end-event");
	if (r->end_event == NULL &&
	    (r->end_event = strdup("crier.end")) == NULL)
		return config_route_wrong(why, "out of memory");
	if ((wrong = config_route_wrong_word(r->end_event)) != NULL)
		return config_route_wrong(why, "%s", wrong);
	*which = config_route_setting("end-data");
	if (r->end_data != NULL && strlen(r->end_data) > CONFIG_END_MAX)
		return config_route_wrong(why, "is longer than %d bytes",
		    CONFIG_END_MAX);
	if (r->end_data != NULL && r->end_event[0] == '\0')
		return config_route_wrong(why,
		    "there is no end-event that it could be sent with");
	if (r->end_stop == CONFIG_ROUTE_UNSET)
		r->end_stop = r->kind == CONFIG_ROUTE_RUN;
	if (r->terse == CONFIG_ROUTE_UNSET)
		r->terse = 0;
	return 0;
}

static int
config_route_finish_run(struct config_route *r,
    const struct config_route_setting **which, char why[CONFIG_WHY_SIZE])
{
	*which = config_route_setting("run");
	if (r->run.items[0][0] != '/')
		return config_route_wrong(why,
		    "must begin with the program's full path");
	if (r->format == CONFIG_ROUTE_UNSET)
		r->format = CONFIG_FORMAT_LINES;
	if (r->run_ms == CONFIG_ROUTE_UNSET)
		r->run_ms = 0;
	if (r->run_bytes == CONFIG_ROUTE_UNSET)
		r->run_bytes = 0;
	return 0;
}

int
config_route_finish(struct config_route *r,
    const struct config_route_setting **which, char why[CONFIG_WHY_SIZE])
{
	if (config_route_find_kind(r, which, why) == -1 ||
	    config_route_read_channels(r, why) == -1)
		return -1;
	if (r->kind == CONFIG_ROUTE_PUBLISH)
		return config_route_finish_publish(r, which, why);
	if (r->kind == CONFIG_ROUTE_RUN &&
	    config_route_finish_run(r, which, why) == -1)
		return -1;
	if (r->kind == CONFIG_ROUTE_RUN || r->kind == CONFIG_ROUTE_SUBSCRIBE)
		return config_route_finish_streams(r, which, why);
	return 0;
}
