/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * The end of a route section (config_route_finish): what its settings come to
 * together.  Each was checked by itself while it was read; here it shows which
 * kind of route they make, whether they go with each other, and what their
 * templates mean.  `which` is always the setting that is being looked at, so
 * that whoever is told what is wrong is told its line.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cause.h"
#include "base/quantity.h"
#include "config/config_route.h"
#include "config/config_setting.h"
#include "config/config_who.h"
#include "protocol/event.h"

enum {
	CONFIG_END_MAX = 2048 /* of end-data, so that a handoff's has room */
};

/* The retry of a route with streams, where the text must be a number. */
static const struct config_setting config_route_retry = { "retry",
	&config_kind_count, CONFIG_AT(struct config_route, retry_ms),
	CONFIG_LIMIT(LIMIT_RETRY_MS) };

static const struct config_setting *
config_route_setting(const char *name)
{
	return config_setting_find(config_route_settings, name, strlen(name));
}

/* Whether each setting may stand in a route of this kind. */
static int
config_route_check_settings(const struct config_route *r,
    const struct config_setting **which, char **cause)
{
	const struct config_setting *kind = *which, *s;

	for (s = config_route_settings; s->name != NULL; s++) {
		*which = s;
		if (config_setting_is_set(s, r) &&
		    (s->routes & CONFIG_ROUTE_BIT(r->kind)) == 0)
			return cause_set(cause, "does not go with %s",
			    kind->name);
	}
	*which = kind;
	return 0;
}

/* Says that none of the settings that make a kind of route is set. */
static void
config_route_no_kind(char **cause)
{
	const struct config_setting *s;
	char names[128] = "";
	size_t len = 0;

	for (s = config_route_settings; s->name != NULL && len < sizeof names;
	     s++)
		if (s->is_kind)
			len += (size_t)snprintf(names + len, sizeof names - len,
			    "%s%s", len == 0 ? "" : ", ", s->name);
	cause_set(cause, "has none of %s", names);
}

/* The kind of route is that of exactly one setting, which becomes *which. */
static int
config_route_find_kind(struct config_route *r,
    const struct config_setting **which, char **cause)
{
	const struct config_setting *s, *found = NULL;

	for (s = config_route_settings; s->name != NULL; s++) {
		if (!s->is_kind || !config_setting_is_set(s, r))
			continue;
		*which = s;
		if (found != NULL)
			return cause_set(cause,
			    "there is %s already: a route has one of both",
			    found->name);
		found = s;
	}
	*which = found;
	if (found == NULL) {
		config_route_no_kind(cause);
		return -1;
	}
	while ((found->routes & CONFIG_ROUTE_BIT(r->kind)) == 0)
		r->kind++;
	return config_route_check_settings(r, which, cause);
}

/*
 * What is said of a run needs a channel that has it, and only with that there
 * are defaults.
 */
static int
config_route_finish_channel(struct config_route *r,
    const struct config_setting **which, char **cause)
{
	static const struct {
		const char *name, *initial;
	} settings[] = { { "run-busy", "join" }, { "run-linger", "60" },
		{ "run-again", "false" }, { "key", NULL } };
	size_t i;

	for (i = 0; i < sizeof settings / sizeof *settings; i++) {
		*which = config_route_setting(settings[i].name);
		if (r->channel == NULL && config_setting_is_set(*which, r))
			return cause_set(cause, "needs channel beside it");
		if (r->channel != NULL && settings[i].initial != NULL &&
		    !config_setting_is_set(*which, r) &&
		    config_setting_store(*which, r, settings[i].initial,
			cause) == -1)
			return -1;
	}
	*which = config_route_setting("end-stop");
	if (r->channel != NULL && r->end_stop == 0)
		return cause_set(cause,
		    "must not be false with channel: who has seen the end of "
		    "a run is to stop");
	return 0;
}

static int
config_route_finish_defaults(struct config_route *r,
    const struct config_setting **which, char **cause)
{
	const struct config_setting *s;

	if (r->kind == CONFIG_ROUTE_RUN &&
	    config_route_finish_channel(r, which, cause) == -1)
		return -1;
	/* A program that has ended is not to be run again by reconnecting. */
	if (r->kind == CONFIG_ROUTE_RUN && r->end_stop == CONFIG_UNSET)
		r->end_stop = 1;
	for (s = config_route_settings; s->name != NULL; s++) {
		if ((s->routes & CONFIG_ROUTE_BIT(r->kind)) == 0 ||
		    config_setting_is_set(s, r))
			continue;
		*which = s;
		if (config_setting_store_default(s, r, cause) == -1)
			return -1;
	}
	return 0;
}

static struct template *
config_route_read(struct config_route *r, const char *text,
    enum template_want want, bool is_reply, char **cause)
{
	struct template_scope scope = { .path = &r->path,
		.has_body = config_route_has_body(r),
		.is_reply = is_reply,
		.want = want };
	struct template *t = template_new(text, &scope, cause);

	if (t != NULL)
		r->sources |= t->sources;
	return t;
}

/* NULL, or why no value that is put into a channel's name makes a good one. */
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
	return len > CHANNEL_NAME_MAX ? "makes names longer than 255 bytes"
				      : NULL;
}

static int
config_route_add_channel(struct config_route *r, const char *text, char **cause)
{
	struct template *t =
	    config_route_read(r, text, TEMPLATE_WANT_PLAIN, false, cause);
	const char *wrong;

	if (t == NULL)
		return -1;
	r->channels[r->channel_count++] = t;
	wrong = config_route_wrong_name(t,
	    r->kind == CONFIG_ROUTE_PUBLISH || r->kind == CONFIG_ROUTE_RUN);
	return wrong == NULL ? 0 : cause_set(cause, "%s", wrong);
}

/* The templates of the setting that the route is named by are channels. */
static int
config_route_finish_channels(struct config_route *r,
    const struct config_setting **which, char **cause)
{
	const struct config_setting *kind =
	    r->channel != NULL ? config_route_setting("channel") : *which;
	bool is_list = kind->kind == &config_kind_templates;
	size_t count, i;

	*which = kind;
	count = is_list ? config_setting_strings(kind, r)->count : 1;

	if (!is_list && kind->kind != &config_kind_template)
		return 0;
	*cause = NULL;
	if ((r->channels = calloc(count, sizeof(struct template *))) == NULL)
		return -1;
	for (i = 0; i < count; i++)
		if (config_route_add_channel(r,
			is_list ? config_setting_strings(kind, r)->items[i]
				: config_setting_string(kind, r),
			cause) == -1)
			return -1;
	return 0;
}

/* An event's name or id that is the same for all requests. */
static const char *
config_route_wrong_word(const char *text)
{
	if (strpbrk(text, "\r\n") != NULL)
		return "has a line end in it";
	if (strlen(text) > EVENT_NAME_MAX)
		return "is longer than 255 bytes";
	return NULL;
}

/* A template of what is published that has no variable. */
static const char *
config_route_wrong_literal(unsigned field, const char *text)
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

/* The templates of what is published. */
static int
config_route_finish_fields(struct config_route *r,
    const struct config_setting **which, char **cause)
{
	const struct config_setting *s;
	const char *text, *wrong;
	struct template *t;

	for (s = config_route_settings; s->name != NULL; s++) {
		if (s->field == CONFIG_FIELD_NONE ||
		    s->field == CONFIG_FIELD_REPLY ||
		    !config_setting_is_set(s, r))
			continue;
		*which = s;
		text = config_setting_string(s, r);
		t = r->fields[s->field] = config_route_read(r, text,
		    s->field == CONFIG_FIELD_DATA ? TEMPLATE_WANT_DATA
						  : TEMPLATE_WANT_PLAIN,
		    false, cause);
		if (t == NULL)
			return -1;
		if (template_is_literal(t) &&
		    (wrong = config_route_wrong_literal(s->field, text)) !=
			NULL)
			return cause_set(cause, "%s", wrong);
	}
	return 0;
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
static bool
config_route_is_type(const char *type)
{
	static const char token[] = "!#$&^_.+-0123456789"
				    "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	size_t n = strspn(type, token), m;

	m = type[n] == '/' ? strspn(type + n + 1, token) : 0;
	return n > 0 && m > 0 && strchr(" ;", type[n + 1 + m]) != NULL;
}

/* The reply's type says how values are put into it. */
static int
config_route_finish_reply(struct config_route *r, char **cause)
{
	enum template_want want = TEMPLATE_WANT_PLAIN;
	struct template *t;

	if (config_route_type_has(r->reply_type, "json"))
		want = TEMPLATE_WANT_JSON;
	else if (config_route_type_has(r->reply_type, "html") ||
	    config_route_type_has(r->reply_type, "xml"))
		want = TEMPLATE_WANT_HTML;
	t = r->fields[CONFIG_FIELD_REPLY] =
	    config_route_read(r, r->reply, want, true, cause);
	if (t == NULL)
		return -1;
	if (want == TEMPLATE_WANT_PLAIN && !template_is_literal(t) &&
	    !config_route_type_has(r->reply_type, "text/plain"))
		return cause_set(cause,
		    "has a variable, which is safe in JSON, HTML, XML and "
		    "text/plain only (see reply-type)");
	return 0;
}

static int
config_route_finish_publish(struct config_route *r,
    const struct config_setting **which, char **cause)
{
	if (config_route_finish_fields(r, which, cause) == -1)
		return -1;
	*which = config_route_setting("publish");
	if (r->data == NULL && !config_route_has_body(r))
		return cause_set(cause,
		    "needs data, for a GET request has no body with it");
	*which = config_route_setting("reply-type");
	if (!config_route_is_type(r->reply_type))
		return cause_set(cause,
		    "must be a media type, such as text/plain");
	*which = config_route_setting("reply");
	return r->reply == NULL ? 0 : config_route_finish_reply(r, cause);
}

static int
config_route_finish_run(struct config_route *r,
    const struct config_setting **which, char **cause)
{
	*which = config_route_setting("run");
	if (r->run.items[0][0] != '/')
		return cause_set(cause,
		    "must begin with the program's full path");
	*which = config_route_setting("key");
	if (r->key == NULL)
		return 0;
	r->fields[CONFIG_FIELD_KEY] =
	    config_route_read(r, r->key, TEMPLATE_WANT_PLAIN, false, cause);
	return r->fields[CONFIG_FIELD_KEY] == NULL ? -1 : 0;
}

/*
 * Who may see a status.  Figures alone are shown to whom the web server lets
 * through; the page tells of users and addresses, so it has a default that is
 * closed to the world.
 */
static int
config_route_finish_status(struct config_route *r,
    const struct config_setting **which, char **cause)
{
	static const char *const usual[] = { "local", "user", "token" };
	size_t i;

	*which = config_route_setting("allow");
	if (r->allow.count == 0 && r->status != CONFIG_STATUS_PAGE) {
		r->viewers = CONFIG_ANYONE;
		return 0;
	}
	if (r->allow.count == 0)
		for (i = 0; i < sizeof usual / sizeof *usual; i++)
			if (config_setting_store(*which, r, usual[i], cause) ==
			    -1)
				return -1;
	for (i = 0; i < r->allow.count; i++) {
		r->viewers |= config_who_bit(r->allow.items[i]);
		if (config_who_bit(r->allow.items[i]) == 0 &&
		    r->allow.count > 1)
			return cause_set(cause, "nobody stands alone");
	}
	return 0;
}

static int
config_route_finish_stop(const struct config_route *r,
    const struct config_setting **which, char **cause)
{
	size_t i;

	*which = config_route_setting("stop");
	for (i = 0; i < r->methods.count; i++)
		if (strcmp(r->methods.items[i], "GET") == 0 ||
		    strcmp(r->methods.items[i], "HEAD") == 0)
			return cause_set(cause,
			    "is for POST or DELETE: a GET changes nothing");
	return 0;
}

/* What routes with streams have in common. */
static int
config_route_finish_streams(struct config_route *r,
    const struct config_setting **which, char **cause)
{
	const char *wrong;

	*which = config_route_setting("retry");
	if (r->retry != NULL &&
	    config_setting_store(&config_route_retry, r, r->retry, cause) == -1)
		return -1;
	*which = config_route_setting("end-event");
	if ((wrong = config_route_wrong_word(r->end_event)) != NULL)
		return cause_set(cause, "%s", wrong);
	*which = config_route_setting("end-data");
	if (r->end_data != NULL && strlen(r->end_data) > CONFIG_END_MAX)
		return cause_set(cause, "is longer than %d bytes",
		    CONFIG_END_MAX);
	if (config_route_is_run(r) && r->end_event[0] == '\0') {
		*which = config_route_setting("end-event");
		return cause_set(cause,
		    "must not be empty: a channel is told "
		    "of the end by it");
	}
	if (r->end_data != NULL && r->end_event[0] == '\0')
		return cause_set(cause,
		    "there is no end-event that it could be sent with");
	return 0;
}

int
config_route_finish(struct config_route *r, const struct config_setting **which,
    char **cause)
{
	if (config_route_find_kind(r, which, cause) == -1 ||
	    config_route_finish_channels(r, which, cause) == -1 ||
	    config_route_finish_defaults(r, which, cause) == -1)
		return -1;
	if (r->kind == CONFIG_ROUTE_PUBLISH)
		return config_route_finish_publish(r, which, cause);
	if (r->kind == CONFIG_ROUTE_STATUS)
		return config_route_finish_status(r, which, cause);
	if (r->kind == CONFIG_ROUTE_STOP)
		return config_route_finish_stop(r, which, cause);
	if (r->kind == CONFIG_ROUTE_RUN &&
	    config_route_finish_run(r, which, cause) == -1)
		return -1;
	if (r->kind == CONFIG_ROUTE_RUN || r->kind == CONFIG_ROUTE_SUBSCRIBE)
		return config_route_finish_streams(r, which, cause);
	return 0;
}
