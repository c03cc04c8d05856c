/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <fastcgi.h>

#include "door/record.h"

static void
record_put_header(char *to, uint8_t type, uint16_t request_id,
    size_t content_len)
{
	unsigned char *p = (unsigned char *)to;

	p[0] = FCGI_VERSION_1;
	p[1] = type;
	p[2] = (unsigned char)(request_id >> 8);
	p[3] = (unsigned char)(request_id & 0xff);
	p[4] = (unsigned char)(content_len >> 8);
	p[5] = (unsigned char)(content_len & 0xff);
	p[6] = 0;
	p[7] = 0;
}

size_t
record_parse(const char *data, size_t len, struct record *r)
{
	const unsigned char *p = (const unsigned char *)data;
	size_t whole;

	if (len < FCGI_HEADER_LEN)
		return 0;
	r->version = p[0];
	r->type = p[1];
	r->request_id = (uint16_t)(p[2] << 8 | p[3]);
	r->content_len = (size_t)(p[4] << 8 | p[5]);
	r->padding_len = p[6];
	r->content = data + FCGI_HEADER_LEN;
	whole = FCGI_HEADER_LEN + r->content_len + r->padding_len;
	return len < whole ? 0 : whole;
}

void
record_put_stdout(char *to, uint16_t request_id, size_t content_len)
{
	record_put_header(to, FCGI_STDOUT, request_id, content_len);
}

static int
record_append(struct buffer *b, uint8_t type, uint16_t request_id,
    const void *content, size_t len)
{
	char *to = buffer_reserve(b, FCGI_HEADER_LEN + len);

	if (to == NULL)
		return -1;
	record_put_header(to, type, request_id, len);
	if (len > 0)
		memcpy(to + FCGI_HEADER_LEN, content, len);
	buffer_commit(b, FCGI_HEADER_LEN + len);
	return 0;
}

/* Appends as many records as the data take; none for no data. */
static int
record_append_stream(struct buffer *b, uint8_t type, uint16_t request_id,
    const char *data, size_t len)
{
	size_t before = b->len, piece;

	while (len > 0) {
		piece = len < FCGI_MAX_LENGTH ? len : FCGI_MAX_LENGTH;
		if (record_append(b, type, request_id, data, piece) == -1) {
			buffer_truncate(b, before);
			return -1;
		}
		data += piece;
		len -= piece;
	}
	return 0;
}

int
record_append_stdout(struct buffer *b, uint16_t request_id, const char *data,
    size_t len)
{
	return record_append_stream(b, FCGI_STDOUT, request_id, data, len);
}

int
record_append_request(struct buffer *b, const char *params, size_t len)
{
	static const FCGI_BeginRequestBody begin = { .roleB0 = FCGI_RESPONDER,
		.flags = FCGI_KEEP_CONN };
	size_t before = b->len;

	if (record_append(b, FCGI_BEGIN_REQUEST, 1, &begin, sizeof begin) ==
		0 &&
	    record_append_stream(b, FCGI_PARAMS, 1, params, len) == 0 &&
	    record_append(b, FCGI_PARAMS, 1, NULL, 0) == 0 &&
	    record_append(b, FCGI_STDIN, 1, NULL, 0) == 0)
		return 0;
	buffer_truncate(b, before);
	return -1;
}

int
record_append_end(struct buffer *b, uint16_t request_id, uint8_t status)
{
	return record_append_end_with(b, request_id, 0, status);
}

int
record_append_end_with(struct buffer *b, uint16_t request_id,
    uint8_t app_status, uint8_t status)
{
	FCGI_EndRequestBody body = { .appStatusB0 = app_status,
		.protocolStatus = status };

	return record_append(b, FCGI_END_REQUEST, request_id, &body,
	    sizeof body);
}

int
record_append_unknown_type(struct buffer *b, uint8_t type)
{
	FCGI_UnknownTypeBody body = { .type = type };

	return record_append(b, FCGI_UNKNOWN_TYPE, FCGI_NULL_REQUEST_ID, &body,
	    sizeof body);
}

int
record_append_finish(struct buffer *b, uint16_t request_id)
{
	size_t before = b->len;

	if (record_append(b, FCGI_STDOUT, request_id, NULL, 0) == 0 &&
	    record_append_end(b, request_id, FCGI_REQUEST_COMPLETE) == 0)
		return 0;
	buffer_truncate(b, before);
	return -1;
}

/*
 * Reads the length of a name or value: one byte, or four of which the first has
 * the top bit set (3.4).
 */
static bool
record_next_length(const unsigned char **p, size_t *left, size_t *value)
{
	if (*left == 0)
		return false;
	if (**p < 0x80) {
		*value = **p;
		*p += 1;
		*left -= 1;
		return true;
	}
	if (*left < 4)
		return false;
	*value = (size_t)((*p)[0] & 0x7f) << 24 | (size_t)(*p)[1] << 16 |
	    (size_t)(*p)[2] << 8 | (*p)[3];
	*p += 4;
	*left -= 4;
	return true;
}

struct record_value {
	const char *name;
	size_t value;
	bool is_asked;
};

static void
record_find_asked(const struct record *r, struct record_value *values,
    size_t count)
{
	const unsigned char *p = (const unsigned char *)r->content;
	size_t left = r->content_len, name_len, value_len, i;

	while (record_next_length(&p, &left, &name_len) &&
	    record_next_length(&p, &left, &value_len) && name_len <= left &&
	    value_len <= left - name_len) {
		for (i = 0; i < count; i++)
			if (strlen(values[i].name) == name_len &&
			    memcmp(values[i].name, p, name_len) == 0)
				values[i].is_asked = true;
		p += name_len + value_len;
		left -= name_len + value_len;
	}
}

int
record_append_values(struct buffer *b, const struct record *r,
    size_t max_connections)
{
	struct record_value values[] = {
		{ FCGI_MAX_CONNS, max_connections, false },
		{ FCGI_MAX_REQS, max_connections, false },
		{ FCGI_MPXS_CONNS, 0, false },
	};
	size_t count = sizeof values / sizeof *values, i, n = 0, name_len;
	char body[128], digits[24];
	int len;

	record_find_asked(r, values, count);
	for (i = 0; i < count; i++) {
		if (!values[i].is_asked)
			continue;
		name_len = strlen(values[i].name);
		len = snprintf(digits, sizeof digits, "%zu", values[i].value);
		body[n++] = (char)name_len;
		body[n++] = (char)len;
		memcpy(body + n, values[i].name, name_len);
		n += name_len;
		memcpy(body + n, digits, (size_t)len);
		n += (size_t)len;
	}
	return record_append(b, FCGI_GET_VALUES_RESULT, FCGI_NULL_REQUEST_ID,
	    body, n);
}
