/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include "sse_parser.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct sse_text {
	char *at; /* always ends in a NUL beyond len */
	size_t len;
	size_t cap;
};

struct sse_parser {
	struct sse_sink sink;

	/* The UTF-8 decoder: the code point so far, how many bytes it still
	 * needs, and between what the next of them must be. */
	uint32_t point;
	unsigned needed;
	uint8_t lower;
	uint8_t upper;

	bool started;   /* a code point came: a BOM is no longer one */
	bool after_cr;  /* a LF here belongs to the CR before it */
	size_t pending; /* characters since the last blank line */
	struct sse_text line;
	struct sse_text data;    /* "data buffer" */
	struct sse_text type;    /* "event type buffer" */
	struct sse_text id;      /* "last event ID buffer" */
	struct sse_text last_id; /* "last event ID string" */
};

static void
sse_text_set_len(struct sse_text *text, size_t len)
{
	if (len + 1 > text->cap) {
		text->cap = (len + 1) * 2;
		text->at = realloc(text->at, text->cap);
		if (text->at == NULL)
			abort();
	}
	text->len = len;
	text->at[len] = '\0';
}

static void
sse_text_add(struct sse_text *text, const char *bytes, size_t len)
{
	size_t old = text->len;

	sse_text_set_len(text, old + len);
	if (len > 0)
		memcpy(text->at + old, bytes, len);
}

static void
sse_text_set(struct sse_text *text, const char *bytes, size_t len)
{
	sse_text_set_len(text, 0);
	sse_text_add(text, bytes, len);
}

static void
sse_parser_reset_decoder(struct sse_parser *parser)
{
	parser->point = 0;
	parser->needed = 0;
	parser->lower = 0x80;
	parser->upper = 0xbf;
}

struct sse_parser *
sse_parser_new(const struct sse_sink *sink)
{
	struct sse_parser *parser = calloc(1, sizeof(*parser));

	if (parser == NULL)
		abort();
	parser->sink = *sink;
	sse_parser_reset_decoder(parser);
	sse_text_set_len(&parser->line, 0);
	sse_text_set_len(&parser->data, 0);
	sse_text_set_len(&parser->type, 0);
	sse_text_set_len(&parser->id, 0);
	sse_text_set_len(&parser->last_id, 0);
	return parser;
}

void
sse_parser_free(struct sse_parser *parser)
{
	if (parser == NULL)
		return;
	free(parser->line.at);
	free(parser->data.at);
	free(parser->type.at);
	free(parser->id.at);
	free(parser->last_id.at);
	free(parser);
}

/* 9.2.6, "dispatch the event". */
static void
sse_parser_dispatch(struct sse_parser *parser)
{
	struct sse_event event;

	sse_text_set(&parser->last_id, parser->id.at, parser->id.len);
	if (parser->data.len == 0) {
		sse_text_set_len(&parser->type, 0);
		return;
	}
	if (parser->data.at[parser->data.len - 1] == '\n')
		sse_text_set_len(&parser->data, parser->data.len - 1);
	if (parser->type.len == 0)
		sse_text_set(&parser->type, "message", strlen("message"));
	event.type = parser->type.at;
	event.type_len = parser->type.len;
	event.data = parser->data.at;
	event.data_len = parser->data.len;
	event.last_id = parser->last_id.at;
	event.last_id_len = parser->last_id.len;
	if (parser->sink.event != NULL)
		parser->sink.event(&event, parser->sink.arg);
	sse_text_set_len(&parser->data, 0);
	sse_text_set_len(&parser->type, 0);
}

static void
sse_parser_take_data(struct sse_parser *parser, const char *value, size_t len)
{
	sse_text_add(&parser->data, value, len);
	sse_text_add(&parser->data, "\n", 1);
}

static void
sse_parser_take_event(struct sse_parser *parser, const char *value, size_t len)
{
	sse_text_set(&parser->type, value, len);
}

static void
sse_parser_take_id(struct sse_parser *parser, const char *value, size_t len)
{
	if (memchr(value, '\0', len) == NULL)
		sse_text_set(&parser->id, value, len);
}

/* Digits only; a number that does not fit stays at the largest. An empty
 * value has no digit and changes nothing. */
static void
sse_parser_take_retry(struct sse_parser *parser, const char *value, size_t len)
{
	uint64_t ms = 0;

	for (size_t i = 0; i < len; i++) {
		unsigned digit = (unsigned)(unsigned char)value[i] - '0';

		if (digit > 9)
			return;
		if (ms > (UINT64_MAX - digit) / 10)
			ms = UINT64_MAX;
		else
			ms = ms * 10 + digit;
	}
	if (len > 0 && parser->sink.retry != NULL)
		parser->sink.retry(ms, parser->sink.arg);
}

/* 9.2.6, "process the field": names are compared exactly, unknown ones are
 * ignored. */
static void
sse_parser_field(struct sse_parser *parser, const char *name, size_t name_len,
    const char *value, size_t len)
{
	static const struct {
		const char *name;
		void (*take)(struct sse_parser *, const char *, size_t);
	} fields[] = {
		{ "event", sse_parser_take_event },
		{ "data", sse_parser_take_data },
		{ "id", sse_parser_take_id },
		{ "retry", sse_parser_take_retry },
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (name_len == strlen(fields[i].name) &&
		    memcmp(name, fields[i].name, name_len) == 0)
			fields[i].take(parser, value, len);
	}
}

static void
sse_parser_line(struct sse_parser *parser)
{
	const char *line = parser->line.at;
	const char *end = line + parser->line.len;
	const char *colon = memchr(line, ':', parser->line.len);
	const char *value = colon;

	if (line == end) {
		sse_parser_dispatch(parser);
		parser->pending = 0;
	} else if (colon == line) {
		if (parser->sink.comment != NULL)
			parser->sink.comment(line + 1, (size_t)(end - line) - 1,
			    parser->sink.arg);
	} else if (colon != NULL) {
		value++;
		if (value < end && *value == ' ')
			value++;
		sse_parser_field(parser, line, (size_t)(colon - line), value,
		    (size_t)(end - value));
	} else {
		sse_parser_field(parser, line, parser->line.len, end, 0);
	}
	sse_text_set_len(&parser->line, 0);
}

static void
sse_parser_add_point(struct sse_parser *parser, uint32_t point)
{
	char utf8[4];
	size_t len = 0;

	if (point < 0x80) {
		utf8[len++] = (char)point;
	} else if (point < 0x800) {
		utf8[len++] = (char)(0xc0 | point >> 6);
	} else if (point < 0x10000) {
		utf8[len++] = (char)(0xe0 | point >> 12);
		utf8[len++] = (char)(0x80 | (point >> 6 & 0x3f));
	} else {
		utf8[len++] = (char)(0xf0 | point >> 18);
		utf8[len++] = (char)(0x80 | (point >> 12 & 0x3f));
		utf8[len++] = (char)(0x80 | (point >> 6 & 0x3f));
	}
	if (point >= 0x80)
		utf8[len++] = (char)(0x80 | (point & 0x3f));
	sse_text_add(&parser->line, utf8, len);
}

/* One code point of the stream (9.2.5): the first may be a BOM; a line ends
 * at CR, LF or both, and at a CR it ends at once, whatever follows. */
static void
sse_parser_point(struct sse_parser *parser, uint32_t point)
{
	bool first = !parser->started;
	bool after_cr = parser->after_cr;

	parser->started = true;
	parser->after_cr = point == '\r';
	if (first && point == 0xfeff)
		return;
	if (point == '\n' && after_cr)
		return;
	parser->pending++;
	if (point == '\n' || point == '\r')
		sse_parser_line(parser);
	else
		sse_parser_add_point(parser, point);
}

/* The first byte of a code point (Encoding standard, UTF-8 decoder). */
static void
sse_parser_lead(struct sse_parser *parser, uint8_t byte)
{
	if (byte < 0x80) {
		sse_parser_point(parser, byte);
	} else if (byte >= 0xc2 && byte <= 0xdf) {
		parser->needed = 1;
		parser->point = byte & 0x1f;
	} else if (byte >= 0xe0 && byte <= 0xef) {
		parser->needed = 2;
		parser->point = byte & 0x0f;
		if (byte == 0xe0)
			parser->lower = 0xa0;
		if (byte == 0xed)
			parser->upper = 0x9f;
	} else if (byte >= 0xf0 && byte <= 0xf4) {
		parser->needed = 3;
		parser->point = byte & 0x07;
		if (byte == 0xf0)
			parser->lower = 0x90;
		if (byte == 0xf4)
			parser->upper = 0x8f;
	} else {
		sse_parser_point(parser, 0xfffd);
	}
}

static void
sse_parser_byte(struct sse_parser *parser, uint8_t byte)
{
	uint32_t point;

	if (parser->needed == 0) {
		sse_parser_lead(parser, byte);
		return;
	}
	if (byte < parser->lower || byte > parser->upper) {
		sse_parser_reset_decoder(parser);
		sse_parser_point(parser, 0xfffd);
		sse_parser_lead(parser, byte);
		return;
	}
	parser->lower = 0x80;
	parser->upper = 0xbf;
	parser->point = parser->point << 6 | (byte & 0x3f);
	if (--parser->needed > 0)
		return;
	point = parser->point;
	sse_parser_reset_decoder(parser);
	sse_parser_point(parser, point);
}

void
sse_parser_feed(struct sse_parser *parser, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;

	for (size_t i = 0; i < len; i++)
		sse_parser_byte(parser, at[i]);
}

void
sse_parser_end(struct sse_parser *parser)
{
	sse_parser_reset_decoder(parser);
	parser->started = false;
	parser->after_cr = false;
	parser->pending = 0;
	sse_text_set_len(&parser->line, 0);
	sse_text_set_len(&parser->data, 0);
	sse_text_set_len(&parser->type, 0);
	sse_text_set(&parser->id, parser->last_id.at, parser->last_id.len);
}

const char *
sse_parser_last_id(const struct sse_parser *parser, size_t *len)
{
	*len = parser->last_id.len;
	return parser->last_id.at;
}

size_t
sse_parser_pending(const struct sse_parser *parser)
{
	return parser->pending;
}
