/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * Reading the file (config_file_read).  libConfuse reads the syntax; every
 * value is text to it, so that sizes, fractions and octal modes are ours to
 * read.  It calls back after each value, when the line is known: there a value
 * is checked.  It calls back after each section: there the section is added.
 * What the top level says is stored last, when the whole file is known to be
 * good.  A kind of section is a row of config_sections (config_section.c).
 */

#include <errno.h>
#include <confuse.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/cause.h"
#include "base/process.h"
#include "base/text.h"
#include "config/config_file.h"
#include "config/config_routes.h"
#include "config/config_scan.h"
#include "config/config_section.h"
#include "config/config_token.h"
#include "config/config_who.h"

enum {
	CONFIG_FILE_MAX = 1024 * 1024
};

struct config_file {
	const char *path;
	const char *text; /* as it is parsed */
	char *cause;      /* the first error */
	struct config *config;
	struct config_section_place place; /* of the section at hand */
};

/* libConfuse's callbacks take no pointer of ours: set while it parses. */
static struct config_file *config_file_now;

/* The first error counts: it is the cause of the others. */
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

/* Tells of an error; always -1. */
static int __attribute__((format(printf, 3, 4)))
config_file_error(struct config_file *file, int line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	config_file_verror(file, line, fmt, ap);
	va_end(ap);
	return -1;
}

/* Tells of a cause (NULL: no memory), which it frees; always -1. */
static int
config_file_fail(struct config_file *file, int line, char *cause)
{
	if (cause != NULL)
		config_file_error(file, line, "%s", cause);
	free(cause);
	return -1;
}

/* The last line up to end that has these words in it, or end. */
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
 * The line of a section's title, looked for upwards from the section's end: no
 * other line is known when libConfuse tells of a section.
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

/*
 * The kind of the section whose title, at that line, another one of that kind
 * has already: libConfuse does not say the kind.  A token may be called as a
 * channel is; then it is the kind that is named last up to the line.
 */
static const struct config_section *
config_file_twice_kind(const char *text, cfg_t *cfg, const char *title)
{
	const struct config_section *kind = NULL, *s;
	int line, last = -1;

	for (s = config_sections; s < config_sections + CONFIG_SECTIONS; s++) {
		if (cfg_gettsec(cfg, s->name, title) == NULL)
			continue;
		line = config_file_find_line(text, s->name, cfg->line);
		if (line <= last)
			continue;
		last = line;
		kind = s;
	}
	return kind;
}

/* Tells of a second section with a title that another of its kind has. */
static void
config_file_twice(struct config_file *file, cfg_t *cfg, const char *title)
{
	const struct config_section *kind =
	    config_file_twice_kind(file->text, cfg, title);
	cfg_t *first = cfg_gettsec(cfg, kind->name, title);

	config_file_error(file, cfg->line,
	    "%s \"%s\": there is one in line %d already: change that, "
	    "or leave this out",
	    kind->name, title,
	    config_file_title_line(file->text, title, first->line));
}

/* libConfuse calls this when it cannot go on. */
static void __attribute__((format(printf, 2, 0)))
config_file_error_cb(cfg_t *cfg, const char *fmt, va_list ap)
{
	if (strncmp(fmt, "found duplicate title", 21) == 0)
		config_file_twice(config_file_now, cfg, va_arg(ap, char *));
	else
		config_file_verror(config_file_now, cfg->line, fmt, ap);
}

/* Stores all settings of the top level: 0, or -1 with *cause. */
static int
config_file_store_top(struct config *c, cfg_t *cfg, char **cause)
{
	struct config_channel *top = &c->channels[c->channel_count - 1];
	const struct config_setting *s;

	for (s = config_settings; s->name != NULL; s++)
		if (config_section_store(cfg, s,
			s->per_channel ? (void *)top : (void *)c, cause) == -1)
			return cause_prefix(cause, "%s: ", s->name);
	return 0;
}

/* Where a setting of the section at hand is, or would be. */
static int
config_file_wrong_line(const struct config_file *file,
    const struct config_setting *table, int end)
{
	const struct config_setting *wrong = file->place.wrong;

	if (file->place.lines[wrong - table] != 0)
		return file->place.lines[wrong - table];
	return config_file_find_line(file->text, wrong->name, end);
}

/* libConfuse calls this after each section. */
static int
config_file_section_cb(cfg_t *cfg, cfg_opt_t *opt)
{
	const struct config_section *kind = config_section_find(opt->name);
	cfg_t *section = cfg_opt_getnsec(opt, cfg_opt_size(opt) - 1);
	struct config_file *file = config_file_now;
	struct config_section_place *place = &file->place;
	char *cause = NULL;
	int line;

	line = place->line =
	    config_file_title_line(file->text, cfg_title(section), cfg->line);
	if (kind->add(file->config, section, place, &cause) == 0) {
		memset(place, 0, sizeof *place);
		return 0;
	}
	if (place->wrong != NULL) {
		cause_prefix(&cause, "%s: ", place->wrong->name);
		line = config_file_wrong_line(file, kind->settings, cfg->line);
	}
	return config_file_fail(file, line, cause);
}

/* Words of a rule, all that there are so far: NULL, or what is wrong. */
static const char *
config_file_wrong_who(cfg_t *cfg, cfg_opt_t *opt)
{
	const char *words[2], *wrong = NULL;
	unsigned i, n = cfg_opt_size(opt);

	words[0] = cfg_opt_getnstr(opt, 0);
	for (i = 0; wrong == NULL && i < n; i++) {
		words[1] = cfg_opt_getnstr(opt, i);
		wrong = config_who_wrong_list(words, i == 0 ? 1 : 2,
		    cfg_title(cfg));
	}
	return wrong;
}

/* The last value of opt, which has just been read: 0, or -1 with *cause. */
static int
config_file_check(cfg_t *cfg, cfg_opt_t *opt, const struct config_setting *s,
    char **cause)
{
	const struct config_section *section =
	    config_section_find(cfg_name(cfg));
	const char *wrong = config_token_wrong_setting(s->name), *text;
	unsigned n = cfg_opt_size(opt);

	if (wrong == NULL && n > 0 && s->kind == &config_kind_who)
		wrong = config_file_wrong_who(cfg, opt);
	if (wrong != NULL)
		return cause_set(cause, "%s", wrong);
	if (n == 0 || s->kind == &config_kind_who)
		return 0;
	text = cfg_opt_getnstr(opt, n - 1);
	if (section != NULL && section->check != NULL)
		return section->check(cfg_title(cfg), s, text, cause);
	return config_setting_check(s, text, cause);
}

/* libConfuse calls this after each value, and again at the end of a list. */
static int
config_file_value_cb(cfg_t *cfg, cfg_opt_t *opt)
{
	const struct config_section *section =
	    config_section_find(cfg_name(cfg));
	const struct config_setting *table =
	    section == NULL ? config_settings : section->settings;
	const struct config_setting *s =
	    config_setting_find(table, opt->name, strlen(opt->name));
	struct config_file *file = config_file_now;
	char *cause;

	if (section != NULL)
		file->place.lines[s - table] = cfg->line;
	else
		file->config->lines[s - table] = cfg->line;
	if (section == NULL && strncmp(s->name, "token-key", 9) == 0)
		file->config->token_key_line = cfg->line;
	if (config_file_check(cfg, opt, s, &cause) == 0)
		return 0;
	cause_prefix(&cause, "%s: ", s->name);
	return config_file_fail(file, cfg->line, cause);
}

static cfg_opt_t
config_file_option(const struct config_setting *s)
{
	cfg_opt_t one = CFG_STR(s->name, NULL, CFGF_NODEFAULT);
	cfg_opt_t list = CFG_STR_LIST(s->name, NULL, CFGF_NODEFAULT);
	cfg_opt_t option = s->kind->is_list ? list : one;

	option.validcb = config_file_value_cb;
	return option;
}

/* The options of a table, without an end; their number. */
static size_t
config_file_options(const struct config_setting *table, bool is_channel,
    cfg_opt_t options[])
{
	const struct config_setting *s;
	size_t n = 0;

	for (s = table; s->name != NULL; s++)
		if (!is_channel || s->per_channel)
			options[n++] = config_file_option(s);
	return n;
}

/* libConfuse's parser for our tables, or NULL. */
static cfg_t *
config_file_parser(void)
{
	cfg_opt_t inside[CONFIG_SECTIONS][CONFIG_SETTINGS_MAX + 1];
	cfg_opt_t top[CONFIG_SETTINGS_MAX + CONFIG_SECTIONS + 1];
	cfg_opt_t end = CFG_END();
	size_t i, n = config_file_options(config_settings, false, top), count;
	cfg_t *cfg;

	for (i = 0; i < CONFIG_SECTIONS; i++) {
		cfg_opt_t option = CFG_SEC(config_sections[i].name, inside[i],
		    CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES);

		count = config_file_options(config_sections[i].settings,
		    config_sections[i].is_channel, inside[i]);
		inside[i][count] = end;
		option.validcb = config_file_section_cb;
		top[n++] = option;
	}
	top[n] = end;
	if ((cfg = cfg_init(top, CFGF_NONE)) != NULL)
		cfg_set_error_function(cfg, config_file_error_cb);
	return cfg;
}

/* Stores what was read, in which nothing is wrong by itself: 0, or -1. */
static int
config_file_store(struct config_file *file, cfg_t *cfg)
{
	const struct config_route *r;
	char *cause = NULL;

	if (config_file_store_top(file->config, cfg, &cause) == -1)
		return config_file_fail(file, cfg->line, cause);
	if ((r = config_routes_check(file->config, &cause)) == NULL)
		return 0;
	cause_prefix(&cause, "route \"%s\": ", r->title);
	return config_file_fail(file, r->line, cause);
}

static int
config_file_parse(struct config_file *file)
{
	cfg_t *cfg = config_file_parser();
	int rc = -1;

	if (cfg == NULL)
		return -1;
	config_file_now = file;
	if (cfg_parse_buf(cfg, file->text) == CFG_SUCCESS)
		rc = config_file_store(file, cfg);
	else if (file->cause == NULL)
		/* libConfuse says nothing of a name that is "". */
		config_file_error(file, cfg->line,
		    "what is here is no setting");
	config_file_now = NULL;
	cfg_free(cfg);
	return rc;
}

/* Reads the whole file, and a NUL behind it: 0, or -1 with errno. */
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
	struct config_file file = { .path = path, .config = c };
	struct buffer b = { 0 };
	const char *why;
	int line, rc = -1;

	if (config_file_slurp(path, &b) == -1) {
		process_cannot(path, "", R_OK, errno, cause);
		goto out;
	}
	file.text = b.data;
	if ((why = config_scan(b.data, b.len, &line)) != NULL)
		config_file_error(&file, line, "%s", why);
	else
		rc = config_file_parse(&file);
	*cause = file.cause;
out:
	buffer_clear(&b);
	return rc;
}
