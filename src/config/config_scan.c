/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdbool.h>
#include <string.h>

#include "config/config_scan.h"

struct config_scan {
	char *p, *end;
	int line;
	int depth;      /* open braces */
	int brace_line; /* of the outermost open one */
	bool in_word;   /* a word goes on; slashes start no comment in one */
};

static bool
config_scan_at(const struct config_scan *s, const char *two)
{
	return s->end - s->p >= 2 && memcmp(s->p, two, 2) == 0;
}

static void
config_scan_line_comment(struct config_scan *s)
{
	while (s->p < s->end && *s->p != '\n')
		*s->p++ = ' ';
}

static const char *
config_scan_block_comment(struct config_scan *s)
{
	int first = s->line;

	s->p[0] = s->p[1] = ' ';
	for (s->p += 2; s->p < s->end; s->p++) {
		if (config_scan_at(s, "*/")) {
			s->p[0] = s->p[1] = ' ';
			s->p += 2;
			return NULL;
		}
		if (*s->p == '\n')
			s->line++;
		else
			*s->p = ' ';
	}
	s->line = first;
	return "this comment has no end";
}

static const char *
config_scan_string(struct config_scan *s)
{
	char quote = *s->p;
	int first = s->line;

	for (s->p++; s->p < s->end; s->p++) {
		if (*s->p == quote) {
			s->p++;
			return NULL;
		}
		if (*s->p == '\\' && s->p + 1 < s->end)
			s->p++;
		if (*s->p == '\n')
			s->line++;
	}
	s->line = first;
	return "this string has no closing quote";
}

static const char *
config_scan_brace(struct config_scan *s)
{
	if (*s->p == '{') {
		if (s->depth++ == 0)
			s->brace_line = s->line;
	} else if (s->depth-- == 0) {
		return "a '}' without its '{'";
	}
	s->p++;
	return NULL;
}

/*
 * Takes what begins at s->p: a comment, a string or one character.  NULL, or
 * what is wrong with it.
 */
static const char *
config_scan_next(struct config_scan *s)
{
	bool in_word = s->in_word;
	char c = *s->p;

	s->in_word = strchr(" \t\r\n={}()+,\"'#", c) == NULL;
	if (c == '#' || (!in_word && config_scan_at(s, "//"))) {
		s->in_word = false;
		config_scan_line_comment(s);
		return NULL;
	}
	if (!in_word && config_scan_at(s, "/*")) {
		s->in_word = false;
		return config_scan_block_comment(s);
	}
	if (c == '"' || c == '\'')
		return config_scan_string(s);
	if (c == '{' || c == '}')
		return config_scan_brace(s);
	if (c == '*')
		return "a word with '*' must stand in quotes";
	s->line += c == '\n';
	s->p++;
	return NULL;
}

const char *
config_scan(char *text, size_t len, int *line)
{
	struct config_scan s = { .p = text, .end = text + len, .line = 1 };
	const char *why = NULL;

	if (memchr(text, '\0', len) != NULL) {
		for (; *s.p != '\0'; s.p++)
			s.line += *s.p == '\n';
		why = "a NUL byte: this is no text file";
	}
	while (why == NULL && s.p < s.end)
		why = config_scan_next(&s);
	if (why == NULL && s.depth > 0) {
		s.line = s.brace_line;
		why = "this '{' has no closing '}'";
	}
	*line = s.line;
	return why;
}
