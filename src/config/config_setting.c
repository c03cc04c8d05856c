/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/quantity.h"
#include "base/text.h"
#include "config/config_setting.h"
#include "config/config_token.h"
#include "config/config_value.h"
#include "config/config_who.h"
#include "protocol/event.h"
#include "protocol/store_url.h"

#define CONFIG_KILO UINT64_C(1024)
#define CONFIG_MEGA (CONFIG_KILO * 1024)
#define CONFIG_TERA (CONFIG_MEGA * 1024 * 1024)
#define CONFIG_HOUR (UINT64_C(3600) * 1000)
#define CONFIG_DAY  (CONFIG_HOUR * 24)
#define CONFIG_YEAR (CONFIG_DAY * 366)

#define CONFIG_IN(member) .offset = offsetof(struct config, member)
#define CONFIG_IN_CHANNEL(member) \
	.per_channel = true, .offset = offsetof(struct config_channel, member)

static const char *const config_store_errors[] = { "refuse", "memory" };
static const char *const config_booleans[] = { "false", "true" };

const struct config_setting config_settings[] = {
	{ "listen", CONFIG_LISTEN, .restart = true, CONFIG_IN(listen) },
	{ "listen-mode", CONFIG_MODE, .restart = true, CONFIG_IN(listen_mode),
	    .initial = "0660" },
	{ "listen-group", CONFIG_TEXT, .restart = true, CONFIG_IN(listen_group),
	    .initial = "" },
	{ "queue", CONFIG_SOCKET, .restart = true, CONFIG_IN(queue) },
	{ "queue-mode", CONFIG_MODE, .restart = true, CONFIG_IN(queue_mode),
	    .initial = "0660" },
	{ "queue-group", CONFIG_TEXT, .restart = true, CONFIG_IN(queue_group),
	    .initial = "" },
	{ "queue-allow", CONFIG_LIST, CONFIG_IN(queue_allow) },
	{ "handoff-allow", CONFIG_LIST, CONFIG_IN(handoff_allow) },
	{ "idle-exit", CONFIG_SECONDS, CONFIG_IN(idle_exit_ms),
	    CONFIG_RANGE(1, CONFIG_YEAR), .initial = "60" },
	{ "fifo", CONFIG_FIFO, .restart = true, CONFIG_IN(fifo) },
	{ "user", CONFIG_TEXT, .restart = true, CONFIG_IN(user),
	    .initial = "" },
	{ "heartbeat", CONFIG_SECONDS, CONFIG_IN_CHANNEL(heartbeat_ms),
	    .range = &limit_of[LIMIT_HEARTBEAT_MS], .initial = "25" },
	{ "retry", CONFIG_COUNT, CONFIG_IN_CHANNEL(retry_ms),
	    .range = &limit_of[LIMIT_RETRY_MS], .initial = "3000" },
	{ "max-time", CONFIG_SECONDS, CONFIG_IN_CHANNEL(max_time_ms),
	    .range = &limit_of[LIMIT_MAX_TIME_MS], .initial = "0" },
	{ "threads", CONFIG_COUNT, .restart = true, CONFIG_IN(threads),
	    CONFIG_RANGE(1, 64), .initial = "1" },
	{ "max-streams", CONFIG_COUNT, CONFIG_IN(max_streams),
	    CONFIG_RANGE(0, 10000000), .initial = "0" },
	{ "poll", CONFIG_SECONDS, CONFIG_IN(poll_ms),
	    .range = &limit_of[LIMIT_POLL_MS], .initial = "0" },
	{ "poll-above", CONFIG_COUNT, CONFIG_IN(poll_above),
	    .range = &limit_of[LIMIT_POLL_ABOVE], .initial = "0" },
	{ "max-streams-per-user", CONFIG_COUNT, CONFIG_IN(max_streams_per_user),
	    CONFIG_RANGE(0, 10000000), .initial = "0" },
	{ "max-streams-per-address", CONFIG_COUNT,
	    CONFIG_IN(max_streams_per_address), CONFIG_RANGE(0, 10000000),
	    .initial = "0" },
	{ "max-channels", CONFIG_COUNT, CONFIG_IN(max_channels),
	    CONFIG_RANGE(1, CURSORS_MAX), .initial = "64" },
	{ "run-max", CONFIG_COUNT, CONFIG_IN(run_max), CONFIG_RANGE(0, 1000000),
	    .initial = "32" },
	{ "max-request", CONFIG_SIZE, CONFIG_IN(max_request_bytes),
	    CONFIG_RANGE(CONFIG_KILO, CONFIG_MEGA), .initial = "65536" },
	{ "request-timeout", CONFIG_SECONDS, CONFIG_IN(request_timeout_ms),
	    CONFIG_RANGE(1, CONFIG_HOUR), .initial = "10" },
	{ "max-event", CONFIG_SIZE, CONFIG_IN(max_event_bytes),
	    .range = &limit_of[LIMIT_EVENT_BYTES], .initial = "65536" },
	{ "keep", CONFIG_COUNT, CONFIG_IN_CHANNEL(keep),
	    CONFIG_RANGE(1, 1000000000), .initial = "10000" },
	{ "keep-bytes", CONFIG_SIZE, CONFIG_IN_CHANNEL(keep_bytes),
	    CONFIG_RANGE(1, CONFIG_TERA), .initial = "1M" },
	{ "keep-seconds", CONFIG_SECONDS, CONFIG_IN_CHANNEL(keep_ms),
	    CONFIG_RANGE(0, CONFIG_YEAR * 10), .initial = "86400" },
	{ "history-bytes", CONFIG_SIZE, CONFIG_IN(history_bytes),
	    CONFIG_RANGE(CONFIG_KILO, CONFIG_TERA), .initial = "256M" },
	{ "store", CONFIG_STORE, .restart = true, CONFIG_IN(store),
	    .initial = "auto" },
	{ "durability", CONFIG_WORD, .restart = true, CONFIG_IN(durability),
	    CONFIG_WORDS(store_durability_name),
	    .form = "none, process or power", .initial = "process" },
	{ "store-error", CONFIG_WORD, .restart = true, CONFIG_IN(store_error),
	    CONFIG_WORDS(config_store_errors), .form = "refuse or memory",
	    .initial = "refuse" },
	{ "key-seconds", CONFIG_SECONDS, CONFIG_IN(key_ms),
	    CONFIG_RANGE(1000, CONFIG_YEAR), .initial = "86400" },
	{ "stop-seconds", CONFIG_SECONDS, CONFIG_IN(stop_ms),
	    CONFIG_RANGE(0, CONFIG_YEAR), .initial = "3600" },
	{ "stall-time", CONFIG_SECONDS, CONFIG_IN(stall_ms),
	    CONFIG_RANGE(0, CONFIG_YEAR), .initial = "300" },
	{ "drain-time", CONFIG_SECONDS, CONFIG_IN(drain_ms),
	    CONFIG_RANGE(0, CONFIG_HOUR), .initial = "2" },
	{ "allow-origin", CONFIG_ORIGINS, CONFIG_IN(allow_origin) },
	{ "subscribe", CONFIG_WHO, CONFIG_IN_CHANNEL(subscribe),
	    .initial = "anyone" },
	{ "publish", CONFIG_WHO, CONFIG_IN_CHANNEL(publish),
	    .initial = "nobody" },
	{ "token-key", CONFIG_SECRET, CONFIG_IN(token_key), .initial = "" },
	{ "token-key-file", CONFIG_TEXT, CONFIG_IN(token_key_file),
	    .initial = "" },
	{ "token-algorithm", CONFIG_WORD, CONFIG_IN(token_algorithm),
	    CONFIG_WORDS(config_algorithms), .form = CONFIG_ALGORITHM_FORM,
	    .initial = "HS256" },
	{ "token-cookie", CONFIG_NAME, CONFIG_IN(token_cookie), .initial = "" },
	{ "token-parameter", CONFIG_NAME, CONFIG_IN(token_parameter),
	    .initial = "token" },
	{ "token-leeway", CONFIG_SECONDS, CONFIG_IN(token_leeway_ms),
	    CONFIG_RANGE(0, CONFIG_HOUR), .initial = "0" },
	{ "token-require-exp", CONFIG_WORD, CONFIG_IN(token_require_exp),
	    CONFIG_WORDS(config_booleans), .form = "true or false",
	    .initial = "true" },
	{ "log", CONFIG_LOG_TARGET, CONFIG_IN(log_target), .initial = "auto" },
	{ "log-level", CONFIG_LOG_LEVEL, CONFIG_IN(log_level),
	    .initial = "info" },
};

const size_t config_setting_count =
    sizeof config_settings / sizeof config_settings[0];

static const char *const config_log_targets[] = {
	[LOG_TARGET_STDERR] = "stderr",
	[LOG_TARGET_SYSLOG] = "syslog",
	"auto",
};
enum {
	CONFIG_LOG_AUTO = LOG_TARGET_SYSLOG + 1,
	CONFIG_LOG_TARGETS
};

static const char *const config_log_levels[] = {
	[LOG_LEVEL_ERROR] = "error",
	[LOG_LEVEL_WARNING] = "warning",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug",
};
enum {
	CONFIG_LOG_LEVELS = LOG_LEVEL_DEBUG + 1
};

bool
config_setting_is_list(const struct config_setting *s)
{
	return s->kind == CONFIG_LIST || s->kind == CONFIG_LISTEN ||
	    s->kind == CONFIG_ORIGINS || s->kind == CONFIG_TEMPLATES ||
	    s->kind == CONFIG_WHO;
}

bool
config_setting_is_text(const struct config_setting *s)
{
	return s->kind == CONFIG_TEXT || s->kind == CONFIG_SECRET ||
	    s->kind == CONFIG_SOCKET || s->kind == CONFIG_FIFO ||
	    s->kind == CONFIG_STORE || s->kind == CONFIG_TEMPLATE ||
	    s->kind == CONFIG_NAME;
}

static void *
config_setting_place(const struct config_setting *s, void *base)
{
	return (char *)base + s->offset;
}

uint64_t *
config_setting_number(const struct config_setting *s, void *base)
{
	return config_setting_place(s, base);
}

char **
config_setting_text(const struct config_setting *s, void *base)
{
	return config_setting_place(s, base);
}

struct config_list *
config_setting_list(const struct config_setting *s, void *base)
{
	return config_setting_place(s, base);
}

mode_t *
config_setting_mode(const struct config_setting *s, void *base)
{
	return config_setting_place(s, base);
}

const char *
config_setting_log_word(const struct config_setting *s, const struct config *c)
{
	if (s->kind == CONFIG_LOG_LEVEL)
		return config_log_levels[c->log_level];
	return config_log_targets[c->log_auto ? CONFIG_LOG_AUTO
					      : (int)c->log_target];
}

static const char *
config_setting_wrong_item(const char *item)
{
	if (item[0] == '\0')
		return "must not be empty";
	return config_value_wrong_text(item);
}

/* The check of a kind that is kept as text, or NULL for the others. */
static const char
    *(*config_setting_text_check(enum config_kind kind))(const char *)
{
	switch (kind) {
	case CONFIG_TEXT:
	case CONFIG_SECRET:
		return config_value_wrong_text;
	case CONFIG_NAME:
		return config_value_wrong_name;
	case CONFIG_WHO:
		return config_who_wrong;
	case CONFIG_SOCKET:
		return config_value_wrong_socket;
	case CONFIG_FIFO:
		return config_value_wrong_fifo;
	case CONFIG_STORE:
		return config_value_wrong_store;
	case CONFIG_LIST:
		return config_setting_wrong_item;
	case CONFIG_TEMPLATE:
	case CONFIG_TEMPLATES:
		return config_value_wrong_template;
	case CONFIG_LISTEN:
		return config_value_wrong_listen;
	case CONFIG_ORIGINS:
		return config_value_wrong_origin;
	default:
		return NULL;
	}
}

/* The place of text among n words, or n. */
static size_t
config_setting_word(const char *text, const char *const words[], size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (strcmp(text, words[i]) == 0)
			break;
	return i;
}

/* A number's form and what to call it; false if text is none at all. */
static bool
config_setting_parse(const struct config_setting *s, const char *text,
    uint64_t *value, const char **form)
{
	switch (s->kind) {
	case CONFIG_MODE:
		*form = "octal permissions from 0 to 0777";
		return quantity_parse_mode(text, value);
	case CONFIG_LOG_TARGET:
		*form = "auto, stderr or syslog";
		*value = config_setting_word(text, config_log_targets,
		    CONFIG_LOG_TARGETS);
		return *value < CONFIG_LOG_TARGETS;
	case CONFIG_LOG_LEVEL:
		*form = "error, warning, info or debug";
		*value = config_setting_word(text, config_log_levels,
		    CONFIG_LOG_LEVELS);
		return *value < CONFIG_LOG_LEVELS;
	case CONFIG_WORD:
		*form = s->form;
		*value = config_setting_word(text, s->words, s->word_count);
		return *value < s->word_count;
	case CONFIG_FLAG:
		*form = "true or false";
		return quantity_parse_flag(text, value);
	case CONFIG_SECONDS:
		*form = "a number of seconds";
		return quantity_parse_seconds(text, value);
	case CONFIG_SIZE:
		*form = "a number of bytes, or one with K, M or G";
		return quantity_parse_size(text, value);
	default:
		*form = "a whole number";
		return text_parse_number(text, strlen(text), UINT64_MAX, value);
	}
}

static void
config_setting_say_range(const struct config_setting *s,
    char why[CONFIG_WHY_SIZE])
{
	char min[QUANTITY_TEXT_SIZE], max[QUANTITY_TEXT_SIZE];

	if (s->kind == CONFIG_SECONDS) {
		quantity_format_seconds(s->range->min, min);
		quantity_format_seconds(s->range->max, max);
	} else if (s->kind == CONFIG_SIZE) {
		quantity_format_size(s->range->min, min);
		quantity_format_size(s->range->max, max);
	} else {
		snprintf(min, sizeof min, "%llu",
		    (unsigned long long)s->range->min);
		snprintf(max, sizeof max, "%llu",
		    (unsigned long long)s->range->max);
	}
	snprintf(why, CONFIG_WHY_SIZE, "must be from %s to %s", min, max);
}

static bool
config_setting_check_number(const struct config_setting *s, const char *text,
    uint64_t *value, char why[CONFIG_WHY_SIZE])
{
	const char *form;

	if (!config_setting_parse(s, text, value, &form)) {
		snprintf(why, CONFIG_WHY_SIZE, "must be %s", form);
		return false;
	}
	if (s->range != NULL && !limit_allows(s->range, *value)) {
		config_setting_say_range(s, why);
		return false;
	}
	return true;
}

bool
config_setting_check(const struct config_setting *s, const char *text,
    char why[CONFIG_WHY_SIZE])
{
	const char *(*check)(const char *) = config_setting_text_check(s->kind);
	const char *wrong;
	uint64_t value;

	if (check == NULL)
		return config_setting_check_number(s, text, &value, why);
	if ((wrong = check(text)) != NULL)
		snprintf(why, CONFIG_WHY_SIZE, "%s", wrong);
	return wrong == NULL;
}

static int
config_setting_store_text(const struct config_setting *s, void *base,
    const char *text)
{
	struct config_list *list;
	char *copy = strdup(text), **items, *p;

	if (copy == NULL)
		return -1;
	if (config_setting_is_text(s)) {
		free(*config_setting_text(s, base));
		*config_setting_text(s, base) = copy;
		return 0;
	}
	for (p = copy; s->kind == CONFIG_ORIGINS && *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	list = config_setting_list(s, base);
	items = realloc(list->items, (list->count + 1) * sizeof *items);
	if (items == NULL) {
		free(copy);
		return -1;
	}
	items[list->count++] = copy;
	list->items = items;
	return 0;
}

static void
config_setting_store_number(const struct config_setting *s, void *base,
    uint64_t value)
{
	struct config *c = base;

	switch (s->kind) {
	case CONFIG_MODE:
		*config_setting_mode(s, base) = (mode_t)value;
		break;
	case CONFIG_LOG_LEVEL:
		c->log_level = (enum log_level)value;
		break;
	case CONFIG_LOG_TARGET:
		c->log_auto = value == CONFIG_LOG_AUTO;
		c->log_target =
		    c->log_auto ? LOG_TARGET_STDERR : (enum log_target)value;
		break;
	default:
		*config_setting_number(s, base) = value;
		break;
	}
}

int
config_setting_store(const struct config_setting *s, void *base,
    const char *text, char why[CONFIG_WHY_SIZE])
{
	uint64_t value;

	if (!config_setting_is_list(s) && !config_setting_is_text(s)) {
		if (!config_setting_check_number(s, text, &value, why))
			return -1;
		config_setting_store_number(s, base, value);
		return 0;
	}
	if (!config_setting_check(s, text, why))
		return -1;
	if (s->kind == CONFIG_WHO) {
		*config_setting_number(s, base) |= config_who_bit(text);
		return 0;
	}
	if (config_setting_store_text(s, base, text) == 0)
		return 0;
	snprintf(why, CONFIG_WHY_SIZE, "out of memory");
	return -1;
}

void
config_setting_clear(const struct config_setting *s, void *base)
{
	struct config_list *list;

	if (s->kind == CONFIG_WHO) {
		*config_setting_number(s, base) = 0;
	} else if (config_setting_is_text(s)) {
		free(*config_setting_text(s, base));
		*config_setting_text(s, base) = NULL;
	} else if (config_setting_is_list(s)) {
		list = config_setting_list(s, base);
		while (list->count > 0)
			free(list->items[--list->count]);
		free(list->items);
		list->items = NULL;
	}
}
