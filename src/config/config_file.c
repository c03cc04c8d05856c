/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * libConfuse reads the syntax; every value is text to it, so that sizes,
 * fractions and octal modes are ours to read.  A value is checked in the
 * callback that comes right after it was read, which knows the line, and
 * stored when the whole file is known to be good.
 */

#include <errno.h>
#include <confuse.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buffer.h"
#include "base/cause.h"
#include "base/text.h"
#include "config/config_file.h"
#include "config/config_route.h"
#include "config/config_scan.h"
#include "config/config_setting.h"
#include "config/config_token.h"
#include "config/config_value.h"
#include "config/config_who.h"

enum {
	CONFIG_FILE_MAX = 1024 * 1024,
	CONFIG_FILE_OPTIONS = 128
};

struct config_file {
	const char *path;
	const char *text; /* as it is parsed */
	char *cause;      /* the first error */
	struct config *config;
	/* Of the settings in the route section at hand; 0: it has none. */
	int lines[CONFIG_ROUTE_SETTINGS_MAX];
	int token_line;                         /* of the top level's key */
	int token_lines[CONFIG_TOKENS_MAX + 1]; /* of the sections' */
	size_t token_count;
};

/* libConfuse's callbacks take no pointer of ours: set while it parses. */
static struct config_file *config_file_now;

static void __attribute__((format(printf, 3, 0)))
config_file_verror(struct config_file *file, int line, const char *fmt,
    va_list ap)
{
	char raw[1024], text[1024];

	if (file->cause != NULL)
		return;
	if (vsnprintf(raw, sizeof raw, fmt, ap) < 0)
		return;
	text_escape(raw, strlen(raw), text, sizeof text);
	cause_set(&file->cause, "%s:%d: %s", file->path, line, text);
}

static void __attribute__((format(printf, 3, 4)))
config_file_error(struct config_file *file, int line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	config_file_verror(file, line, fmt, ap);
	va_end(ap);
}

static void __attribute__((format(printf, 2, 0)))
config_file_error_cb(cfg_t *cfg, const char *fmt, va_list ap)
{
	config_file_verror(config_file_now, cfg->line, fmt, ap);
}

static const struct config_setting *
config_file_setting(const char *name)
{
	size_t i;

	for (i = 0; i < config_setting_count; i++)
		if (strcmp(config_settings[i].name, name) == 0)
			return &config_settings[i];
	for (i = 0; i < CONFIG_TOKEN_SETTINGS; i++)
		if (strcmp(config_token_settings[i].name, name) == 0)
			return &config_token_settings[i];
	return NULL;
}

/* The words of a rule, all that there are so far. */
static bool
config_file_check_who(cfg_t *cfg, cfg_opt_t *opt, char why[CONFIG_WHY_SIZE])
{
	const char *words[2], *wrong = NULL;
	unsigned i, n = cfg_opt_size(opt);

	words[0] = cfg_opt_getnstr(opt, 0);
	for (i = 0; wrong == NULL && i < n; i++) {
		words[1] = cfg_opt_getnstr(opt, i);
		wrong = config_who_wrong_list(words, i == 0 ? 1 : 2,
		    cfg_title(cfg));
	}
	if (wrong != NULL)
		snprintf(why, CONFIG_WHY_SIZE, "%s", wrong);
	return wrong == NULL;
}

static void
config_file_note_key(const struct config_setting *s, int line)
{
	struct config_file *file = config_file_now;

	if (s >= config_token_settings &&
	    s < config_token_settings + CONFIG_TOKEN_SETTINGS)
		file->token_lines[file->token_count] = line;
	else if (strncmp(s->name, "token-key", 9) == 0)
		file->token_line = line;
}

/* Runs after each value, of a list also at its end. */
static int
config_file_value_cb(cfg_t *cfg, cfg_opt_t *opt)
{
	const struct config_setting *s = config_file_setting(opt->name);
	unsigned n = cfg_opt_size(opt);
	char why[CONFIG_WHY_SIZE];
	bool good = true;

	if (config_token_wrong_setting(opt->name, why))
		good = false;
	else if (n > 0 && s->kind == CONFIG_WHO)
		good = config_file_check_who(cfg, opt, why);
	else if (n > 0)
		good =
		    config_setting_check(s, cfg_opt_getnstr(opt, n - 1), why);
	config_file_note_key(s, cfg->line);
	if (good)
		return 0;
	config_file_error(config_file_now, cfg->line, "%s: %s", opt->name, why);
	return -1;
}

/* The last line up to end that has this in it, or end. */
static int
config_file_find_line(const char *text, const char *what, int end)
{
	const char *p = text, *found;
	int line, last = 0;

	for (line = 1; line <= end && p != NULL; line++) {
		found = strstr(p, what);
		p = strchr(p, '\n');
		if (found != NULL && (p == NULL || found < p))
			last = line;
		if (p != NULL)
			p++;
	}
	return last > 0 ? last : end;
}

/*
 * The line of a section's title, looked for upwards from its end, which is
 * all that libConfuse knows when it tells of a section.
 */
static int
config_file_title_line(const char *text, const char *title, int end)
{
	char *quoted;
	int line;

	if (asprintf(&quoted, "\"%s\"", title) == -1)
		return end;
	line = config_file_find_line(text,
	    strstr(text, quoted) == NULL ? title : quoted, end);
	free(quoted);
	return line;
}

/* Runs after each section. */
static int
config_file_channel_cb(cfg_t *cfg, cfg_opt_t *opt)
{
	cfg_t *section = cfg_opt_getnsec(opt, cfg_opt_size(opt) - 1);
	const char *title = cfg_title(section);
	const char *why = config_value_wrong_pattern(title);

	if (why == NULL)
		return 0;
	config_file_error(config_file_now,
	    config_file_title_line(config_file_now->text, title, cfg->line),
	    "channel \"%s\": the pattern %s", title, why);
	return -1;
}

static size_t
config_file_route_setting(const char *name)
{
	size_t i = 0;

	while (strcmp(config_route_settings[i].setting.name, name) != 0)
		i++;
	return i;
}

/* As config_file_value_cb, in a route section. */
static int
config_file_route_value_cb(cfg_t *cfg, cfg_opt_t *opt)
{
	struct config_file *file = config_file_now;
	size_t i = config_file_route_setting(opt->name);
	unsigned n = cfg_opt_size(opt);
	char why[CONFIG_WHY_SIZE];

	file->lines[i] = cfg->line;
	if (n == 0 ||
	    config_route_check_value(cfg_title(cfg), &config_route_settings[i],
		cfg_opt_getnstr(opt, n - 1), why) == 0)
		return 0;
	config_file_error(file, cfg->line, "%s: %s", opt->name, why);
	return -1;
}

static int
config_file_store_route(struct config_route *r, cfg_t *cfg,
    const struct config_route_setting **which, char why[CONFIG_WHY_SIZE])
{
	cfg_opt_t *opt;
	size_t i;
	unsigned n;

	for (i = 0; i < config_route_setting_count; i++) {
		*which = &config_route_settings[i];
		opt = cfg_getopt(cfg, (*which)->setting.name);
		/* libConfuse has nothing to call back for in such a list. */
		if ((opt->flags & CFGF_MODIFIED) != 0 &&
		    cfg_opt_size(opt) == 0) {
			snprintf(why, CONFIG_WHY_SIZE, "must not be empty");
			return -1;
		}
		for (n = 0; n < cfg_opt_size(opt); n++)
			if (config_setting_store(&(*which)->setting, r,
				cfg_opt_getnstr(opt, n), why) == -1)
				return -1;
	}
	return config_route_finish(r, which, why);
}

/* Runs after each route section. */
static int
config_file_route_cb(cfg_t *cfg, cfg_opt_t *opt)
{
	cfg_t *section = cfg_opt_getnsec(opt, cfg_opt_size(opt) - 1);
	struct config_file *file = config_file_now;
	const struct config_route_setting *which = NULL;
	const char *title = cfg_title(section);
	char why[CONFIG_WHY_SIZE];
	struct config_route *r = config_route_new(title, why);
	int line = config_file_title_line(file->text, title, cfg->line);

	if (r != NULL) {
		r->line = line;
		if (config_file_store_route(r, section, &which, why) == 0) {
			memset(file->lines, 0, sizeof file->lines);
			return config_routes_add(file->config, r);
		}
		config_route_free(r);
	}
	if (which != NULL) {
		if (file->lines[which - config_route_settings] != 0)
			line = file->lines[which - config_route_settings];
		else
			line = config_file_find_line(file->text,
			    which->setting.name, cfg->line);
		config_file_error(file, line, "%s: %s", which->setting.name,
		    why);
	} else
		config_file_error(file, line, "route \"%s\": %s", title, why);
	return -1;
}

/* Runs after each section of a key. */
static int
config_file_token_cb(cfg_t *cfg, cfg_opt_t *opt)
{
	struct config_file *file = config_file_now;
	const char *kid =
	    cfg_title(cfg_opt_getnsec(opt, cfg_opt_size(opt) - 1));
	int line = config_file_title_line(file->text, kid, cfg->line);
	char why[CONFIG_WHY_SIZE];

	if (config_token_wrong_setting(opt->name, why))
		config_file_error(file, line, "token \"%s\": %s", kid, why);
	else if (kid[0] == '\0')
		config_file_error(file, line, "token \"\": a name is missing");
	else if (config_value_wrong_text(kid) != NULL)
		config_file_error(file, line, "token \"%s\": the name %s", kid,
		    config_value_wrong_text(kid));
	else if (file->token_count == CONFIG_TOKENS_MAX)
		config_file_error(file, line, "more than %d token sections",
		    CONFIG_TOKENS_MAX);
	if (file->cause != NULL)
		return -1;
	if (file->token_lines[file->token_count] == 0)
		file->token_lines[file->token_count] = line;
	file->token_count++;
	return 0;
}

static cfg_opt_t
config_file_option(const struct config_setting *s)
{
	cfg_opt_t one = CFG_STR(s->name, NULL, CFGF_NODEFAULT);
	cfg_opt_t list = CFG_STR_LIST(s->name, NULL, CFGF_NODEFAULT);
	cfg_opt_t option = config_setting_is_list(s) ? list : one;

	option.validcb = config_file_value_cb;
	return option;
}

/* libConfuse's parser for our table, or NULL. */
static cfg_t *
config_file_parser(void)
{
	cfg_opt_t top[CONFIG_FILE_OPTIONS], in_channel[CONFIG_FILE_OPTIONS],
	    in_route[CONFIG_FILE_OPTIONS];
	cfg_opt_t section = CFG_SEC("channel", in_channel,
	    CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES);
	cfg_opt_t in_token[CONFIG_TOKEN_SETTINGS + 1];
	cfg_opt_t route = CFG_SEC("route", in_route,
	    CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES);
	cfg_opt_t token = CFG_SEC("token", in_token,
	    CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES);
	cfg_opt_t end = CFG_END();
	size_t i, n = 0, m = 0;
	cfg_t *cfg;

	for (i = 0; i < config_setting_count; i++) {
		top[n++] = config_file_option(&config_settings[i]);
		if (config_settings[i].per_channel)
			in_channel[m++] =
			    config_file_option(&config_settings[i]);
	}
	in_channel[m] = end;
	section.validcb = config_file_channel_cb;
	top[n++] = section;
	for (i = 0; i < config_route_setting_count; i++) {
		in_route[i] =
		    config_file_option(&config_route_settings[i].setting);
		in_route[i].validcb = config_file_route_value_cb;
	}
	in_route[i] = end;
	route.validcb = config_file_route_cb;
	top[n++] = route;
	for (i = 0; i < CONFIG_TOKEN_SETTINGS; i++)
		in_token[i] = config_file_option(&config_token_settings[i]);
	in_token[i] = end;
	token.validcb = config_file_token_cb;
	top[n++] = token;
	top[n] = end;
	if ((cfg = cfg_init(top, CFGF_NONE)) != NULL)
		cfg_set_error_function(cfg, config_file_error_cb);
	return cfg;
}

/* Stores all values that cfg has. */
static int
config_file_store(struct config_file *file, cfg_t *cfg, bool in_channel,
    void *base, struct config_channel *defaults)
{
	const struct config_setting *s;
	char why[CONFIG_WHY_SIZE];
	size_t i;
	unsigned n;
	cfg_opt_t *opt;
	void *to;

	for (i = 0; i < config_setting_count; i++) {
		s = &config_settings[i];
		if (in_channel && !s->per_channel)
			continue;
		opt = cfg_getopt(cfg, s->name);
		to = s->per_channel && !in_channel ? (void *)defaults : base;
		if ((opt->flags & CFGF_MODIFIED) != 0)
			config_setting_clear(s, to);
		for (n = 0; n < cfg_opt_size(opt); n++)
			if (config_setting_store(s, to, cfg_opt_getnstr(opt, n),
				why) == -1) {
				config_file_error(file, cfg->line, "%s: %s",
				    s->name, why);
				return -1;
			}
	}
	return 0;
}

static int
config_file_add_channel(struct config_file *file, struct config *c, cfg_t *cfg)
{
	struct config_channel *channels, *new;
	size_t i;

	channels =
	    realloc(c->channels, (c->channel_count + 1) * sizeof *channels);
	if (channels == NULL)
		return -1;
	c->channels = channels;
	new = &channels[c->channel_count - 1];
	channels[c->channel_count] = *new;
	memset(new, 0, sizeof *new);
	c->channel_count++;
	for (i = 0; i < config_setting_count; i++)
		if (config_settings[i].per_channel)
			*config_setting_number(&config_settings[i], new) =
			    UINT64_MAX;
	if ((new->pattern = strdup(cfg_title(cfg))) == NULL)
		return -1;
	return config_file_store(file, cfg, true, new, NULL);
}

/* Adds the section of a key; -1: no memory. */
static int
config_file_add_token(struct config_file *file, struct config *c, size_t i,
    cfg_t *cfg)
{
	struct config_token_key *k = config_token_add(c, cfg_title(cfg));
	const struct config_setting *s;
	char why[CONFIG_WHY_SIZE];
	const char *text;
	size_t n;

	if (k == NULL)
		return -1;
	k->line = file->token_lines[i];
	for (n = 0; n < CONFIG_TOKEN_SETTINGS; n++) {
		s = &config_token_settings[n];
		text = cfg_getstr(cfg, s->name);
		if (text != NULL && config_setting_store(s, k, text, why) == -1)
			return -1;
	}
	return 0;
}

static int
config_file_check_routes(struct config_file *file, const struct config *c)
{
	char why[CONFIG_WHY_SIZE];
	const struct config_route *r = config_routes_check(c, why);

	if (r != NULL)
		config_file_error(file, r->line, "route \"%s\": %s", r->title,
		    why);
	return r == NULL ? 0 : -1;
}

static int
config_file_parse(struct config_file *file, struct config *c)
{
	cfg_t *cfg = config_file_parser();
	unsigned i;
	int rc = -1;

	if (cfg == NULL)
		return -1;
	config_file_now = file;
	file->config = c;
	if (cfg_parse_buf(cfg, file->text) == CFG_SUCCESS)
		rc = config_file_store(file, cfg, false, c,
		    &c->channels[c->channel_count - 1]);
	config_file_now = NULL;
	for (i = 0; rc == 0 && i < cfg_size(cfg, "channel"); i++)
		rc = config_file_add_channel(file, c,
		    cfg_getnsec(cfg, "channel", i));
	if (rc == 0)
		rc = config_file_check_routes(file, c);
	for (i = 0; rc == 0 && i < cfg_size(cfg, "token"); i++)
		rc = config_file_add_token(file, c, i,
		    cfg_getnsec(cfg, "token", i));
	c->token_key_line = file->token_line;
	cfg_free(cfg);
	return rc;
}

/* The whole file and a NUL; -1 with errno. */
static int
config_file_slurp(const char *path, struct buffer *b)
{
	FILE *fp = fopen(path, "re");
	size_t n;
	char *to;
	int error = 0;

	if (fp == NULL)
		return -1;
	do {
		to = buffer_reserve(b, 4096);
		n = to == NULL ? 0 : fread(to, 1, 4095, fp);
		buffer_commit(b, n);
	} while (n > 0 && b->len <= CONFIG_FILE_MAX);
	if (to == NULL || ferror(fp))
		error = errno;
	else if (b->len > CONFIG_FILE_MAX)
		error = EFBIG;
	else
		*to = '\0';
	fclose(fp);
	errno = error;
	return error == 0 ? 0 : -1;
}

int
config_file_read(struct config *c, const char *path, char **cause)
{
	struct config_file file = { .path = path };
	struct buffer b = { 0 };
	const char *why;
	int line, rc = -1;

	if (config_file_slurp(path, &b) == -1) {
		cause_set(cause, "%s: %s", path, strerror(errno));
		goto out;
	}
	file.text = b.data;
	if ((why = config_scan(b.data, b.len, &line)) != NULL)
		config_file_error(&file, line, "%s", why);
	else
		rc = config_file_parse(&file, c);
	*cause = file.cause;
out:
	buffer_clear(&b);
	return rc;
}
