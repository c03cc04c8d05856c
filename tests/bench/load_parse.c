/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdlib.h>
#include <string.h>

#include "load.h"

/*
 * From bytes to events: FastCGI records (FastCGI Specification 1.0, 3.3) or
 * HTTP's chunks (RFC 9112, 7.1), then the head, then lines.
 */

enum {
	PARSE_STDOUT = 6, /* FastCGI Specification 1.0, 8 */
	PARSE_END = 3
};

enum {
	CHUNK_SIZE,
	CHUNK_DATA,
	CHUNK_END
};

static bool
parse_has(const char *line, size_t len, const char *start)
{
	size_t n = strlen(start);

	return len >= n && memcmp(line, start, n) == 0;
}

static uint64_t
parse_number(const char **at, const char *end)
{
	uint64_t n = 0;

	for (; *at < end && **at >= '0' && **at <= '9'; (*at)++)
		n = n * 10 + (uint64_t)(**at - '0');
	return n;
}

/* How many of a channel's events there are; they go round. */
static uint32_t
parse_expected(const struct load *l, const struct load_stream *s)
{
	const struct load_options *o = &l->options;

	return (o->events + o->channels - 1 - s->channel) / o->channels;
}

/* "E<number> <ns> ...": which one of its channel it is, when it was sent. */
static void
parse_event(struct load *l, struct load_stream *s, const char *data, size_t len,
    size_t whole)
{
	struct load_counts *c = &l->counts;
	const char *at = data + 1, *end = data + len;
	uint64_t number = parse_number(&at, end), sent_ns;

	if (at == end || *at++ != ' ' || number >= parse_expected(l, s) ||
	    whole != l->options.size) {
		c->odd++;
		return;
	}
	if (number < s->next) {
		c->duplicates++;
		return;
	}
	c->lost += number - s->next;
	s->next = (uint32_t)number + 1;
	sent_ns = parse_number(&at, end);
	c->delivered++;
	c->last_ns = l->now_ns;
	measure_latency_add(&c->latency,
	    l->now_ns > sent_ns ? l->now_ns - sent_ns : 0);
}

/* A line of which the first len bytes are here; it has whole. */
static void
parse_line(struct load *l, struct load_stream *s, const char *line, size_t len,
    size_t whole)
{
	static const char data[] = "data:";
	size_t at = sizeof data - 1;

	if (parse_has(line, len, "event: crier.gap"))
		l->counts.gaps++;
	if (!parse_has(line, len, data))
		return;
	/* One space after the colon is not part of it. */
	if (len > at && line[at] == ' ')
		at++;
	if (len > at && line[at] == 'E')
		parse_event(l, s, line + at, len - at, whole - at);
	else if (len > at && line[at] == 'F')
		l->counts.fills++;
}

static void
parse_keep(struct load_stream *s, const char *data, size_t len)
{
	size_t room = LOAD_KEEP - s->kept;

	memcpy(s->keep + s->kept, data, len < room ? len : room);
	s->kept += (uint32_t)(len < room ? len : room);
	s->line_len += (uint32_t)len;
}

static void
parse_lines(struct load *l, struct load_stream *s, const char *data, size_t len)
{
	const char *end = data + len, *eol;

	while (data < end) {
		eol = memchr(data, '\n', (size_t)(end - data));
		if (eol == NULL) {
			parse_keep(s, data, (size_t)(end - data));
			return;
		}
		if (s->line_len > 0) {
			parse_keep(s, data, (size_t)(eol - data));
			parse_line(l, s, s->keep, s->kept, s->line_len);
			s->kept = s->line_len = 0;
		} else {
			parse_line(l, s, data, (size_t)(eol - data),
			    (size_t)(eol - data));
		}
		data = eol + 1;
	}
}

/* A CGI response's or an HTTP response's status is 200. */
static bool
parse_is_welcome(const struct load *l, const char *head)
{
	const char *status = strstr(head, "Status: ");

	if (l->options.is_http)
		return strncmp(head, "HTTP/1.", 7) == 0 &&
		    strncmp(head + 8, " 200", 4) == 0;
	return status == NULL || strncmp(status + 8, "200", 3) == 0;
}

/* Up to the empty line; how much of the data belongs to it, or -1. */
static ptrdiff_t
parse_head(struct load *l, struct load_stream *s, const char *data, size_t len)
{
	size_t before = s->kept, room = LOAD_KEEP - 1 - before;
	const char *end;

	memcpy(s->keep + before, data, len < room ? len : room);
	s->kept += (uint32_t)(len < room ? len : room);
	s->keep[s->kept] = '\0';
	end = strstr(s->keep, "\r\n\r\n");
	if (end == NULL)
		return s->kept == LOAD_KEEP - 1 ? -1 : (ptrdiff_t)len;
	s->phase = parse_is_welcome(l, s->keep) ? LOAD_OPEN : LOAD_FAILED;
	s->is_chunked = l->options.is_http &&
	    strcasestr(s->keep, "transfer-encoding: chunked") != NULL;
	s->kept = s->line_len = 0;
	if (s->phase == LOAD_FAILED)
		return -1;
	l->counts.opened++;
	l->in_flight--;
	return end + 4 - s->keep - (ptrdiff_t)before;
}

/* The body, or a CGI response. */
static int
parse_content(struct load *l, struct load_stream *s, const char *data,
    size_t len)
{
	ptrdiff_t n = 0;

	if (s->phase == LOAD_HEAD)
		n = parse_head(l, s, data, len);
	if (n == -1)
		return -1;
	parse_lines(l, s, data + n, len - (size_t)n);
	return 0;
}

static void
parse_header(struct load_stream *s)
{
	s->content_left = (uint32_t)(s->header[4] << 8 | s->header[5]);
	s->padding_left = s->header[6];
}

static int
parse_records(struct load *l, struct load_stream *s, const char *data,
    size_t len)
{
	const char *end = data + len;
	size_t n;

	while (data < end) {
		if (s->header_len < LOAD_HEADER) {
			s->header[s->header_len++] = (unsigned char)*data++;
			if (s->header_len == LOAD_HEADER) {
				parse_header(s);
				if (s->header[1] == PARSE_END)
					return -1;
			}
		} else if (s->content_left > 0) {
			n = (size_t)(end - data);
			if (n > s->content_left)
				n = s->content_left;
			if (s->header[1] == PARSE_STDOUT &&
			    parse_content(l, s, data, n) == -1)
				return -1;
			s->content_left -= (uint32_t)n;
			data += n;
		} else if (s->padding_left > 0) {
			s->padding_left--;
			data++;
		}
		if (s->header_len == LOAD_HEADER && s->content_left == 0 &&
		    s->padding_left == 0)
			s->header_len = 0;
	}
	return 0;
}

/* The size, then the data, then the end of the line behind them. */
static int
parse_chunks(struct load *l, struct load_stream *s, const char *data,
    size_t len)
{
	const char *end = data + len;
	size_t n;

	while (data < end) {
		if (s->chunk_part == CHUNK_DATA) {
			n = (size_t)(end - data);
			if (n > s->content_left)
				n = s->content_left;
			if (parse_content(l, s, data, n) == -1)
				return -1;
			s->content_left -= (uint32_t)n;
			data += n;
			if (s->content_left == 0)
				s->chunk_part = CHUNK_END;
			continue;
		}
		if (*data == '\n' && s->chunk_part == CHUNK_END) {
			s->chunk_part = CHUNK_SIZE;
		} else if (*data == '\n') {
			s->header[s->header_len] = '\0';
			s->content_left =
			    (uint32_t)strtoul((const char *)s->header, NULL,
				16);
			s->header_len = 0;
			if (s->content_left == 0)
				return -1;
			s->chunk_part = CHUNK_DATA;
		} else if (s->chunk_part == CHUNK_SIZE && *data != '\r' &&
		    s->header_len < LOAD_HEADER - 1) {
			s->header[s->header_len++] = (unsigned char)*data;
		}
		data++;
	}
	return 0;
}

int
load_parse(struct load *l, struct load_stream *s, const char *data, size_t len)
{
	ptrdiff_t n = 0;

	if (!l->options.is_http)
		return parse_records(l, s, data, len);
	if (s->phase == LOAD_HEAD)
		n = parse_head(l, s, data, len);
	if (n == -1)
		return -1;
	if (s->phase == LOAD_HEAD)
		return 0;
	data += n;
	len -= (size_t)n;
	if (s->is_chunked)
		return parse_chunks(l, s, data, len);
	parse_lines(l, s, data, len);
	return 0;
}
