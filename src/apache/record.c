/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <string.h>

#include "apache/record.h"

enum {
	REQUEST_ID = 1,
	RESPONDER = 1,
	APP_STATUS_SIZE = 4
};

void
record_put_header(char *to, enum record_type type, size_t content_len)
{
	to[0] = 1;
	to[1] = (char)type;
	to[2] = 0;
	to[3] = REQUEST_ID;
	to[4] = (char)(content_len >> 8);
	to[5] = (char)content_len;
	to[6] = 0;
	to[7] = 0;
}

void
record_put_begin(char *to)
{
	record_put_header(to, RECORD_BEGIN_REQUEST, 8);
	memset(to + RECORD_HEADER, 0, 8);
	to[RECORD_HEADER + 1] = RESPONDER;
}

size_t
record_pair_size(const char *name, const char *value)
{
	return 4 + 4 + strlen(name) + strlen(value);
}

/* 3.4: up to 127 in a byte; longer ones in four, with the first bit set. */
static char *
record_put_length(char *to, size_t len)
{
	if (len > 127) {
		*to++ = (char)(0x80 | (len >> 24));
		*to++ = (char)(len >> 16);
		*to++ = (char)(len >> 8);
	}
	*to++ = (char)len;
	return to;
}

static char *
record_put_bytes(char *to, const char *from, size_t len)
{
	memcpy(to, from, len);
	return to + len;
}

char *
record_put_pair(char *to, const char *name, const char *value)
{
	size_t name_len = strlen(name), value_len = strlen(value);

	to = record_put_length(to, name_len);
	to = record_put_length(to, value_len);
	to = record_put_bytes(to, name, name_len);
	return record_put_bytes(to, value, value_len);
}

static size_t
record_take_header(struct record_reader *r, const char *data, size_t len)
{
	size_t want = RECORD_HEADER - r->header_len;

	if (len > want)
		len = want;
	memcpy(r->header + r->header_len, data, len);
	r->header_len += (unsigned)len;
	if (r->header_len == RECORD_HEADER) {
		r->content_left = (size_t)r->header[4] << 8 | r->header[5];
		r->padding_left = r->header[6];
	}
	return len;
}

/* The first four bytes of END_REQUEST's content (5.5). */
static void
record_take_end(struct record_reader *r, const char *data, size_t len)
{
	while (len > 0 && r->app_status_len < APP_STATUS_SIZE) {
		r->app_status = r->app_status << 8 | (unsigned char)*data++;
		r->app_status_len++;
		len--;
	}
	r->ended = r->app_status_len == APP_STATUS_SIZE;
}

size_t
record_strip(struct record_reader *r, char *data, size_t len)
{
	size_t in = 0, out = 0, n;

	while (in < len) {
		if (r->header_len < RECORD_HEADER) {
			in += record_take_header(r, data + in, len - in);
		} else if (r->content_left > 0) {
			n = len - in;
			if (n > r->content_left)
				n = r->content_left;
			if (r->header[1] == RECORD_STDOUT) {
				memmove(data + out, data + in, n);
				out += n;
			} else if (r->header[1] == RECORD_END_REQUEST) {
				record_take_end(r, data + in, n);
			}
			r->content_left -= n;
			in += n;
		} else {
			n = len - in;
			if (n > r->padding_left)
				n = r->padding_left;
			r->padding_left -= n;
			in += n;
		}
		if (r->header_len == RECORD_HEADER && r->content_left == 0 &&
		    r->padding_left == 0)
			r->header_len = 0;
	}
	return out;
}
