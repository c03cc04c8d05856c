/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include "wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
bytes_add(struct bytes *bytes, const void *more, size_t len)
{
	if (bytes->cap - bytes->len < len) {
		bytes->cap = (bytes->len + len) * 2;
		bytes->at = realloc(bytes->at, bytes->cap);
		if (bytes->at == NULL)
			abort();
	}
	if (len > 0)
		memcpy(bytes->at + bytes->len, more, len);
	bytes->len += len;
}

void
bytes_add_text(struct bytes *bytes, const char *text)
{
	bytes_add(bytes, text, strlen(text));
}

void
bytes_add_fill(struct bytes *bytes, char fill, size_t len)
{
	char block[1024];

	memset(block, fill, sizeof(block));
	while (len > 0) {
		size_t part = len < sizeof(block) ? len : sizeof(block);

		bytes_add(bytes, block, part);
		len -= part;
	}
}

void
bytes_drop(struct bytes *bytes, size_t len)
{
	if (len == 0)
		return;
	memmove(bytes->at, bytes->at + len, bytes->len - len);
	bytes->len -= len;
}

void
bytes_clear(struct bytes *bytes)
{
	free(bytes->at);
	*bytes = (struct bytes){ NULL, 0, 0 };
}

void
wire_header(struct bytes *to, int version, int type, unsigned id, size_t len,
    unsigned padding)
{
	uint8_t header[WIRE_HEADER_LEN] = {
		(uint8_t)version,
		(uint8_t)type,
		(uint8_t)(id >> 8),
		(uint8_t)id,
		(uint8_t)(len >> 8),
		(uint8_t)len,
		(uint8_t)padding,
		0,
	};

	bytes_add(to, header, sizeof(header));
}

void
wire_record(struct bytes *to, int type, unsigned id, const void *content,
    size_t len, unsigned padding)
{
	if (len > WIRE_MAX_CONTENT || padding > 255)
		abort();
	wire_header(to, 1, type, id, len, padding);
	bytes_add(to, content, len);
	bytes_add_fill(to, '\xa5', padding);
}

void
wire_begin(struct bytes *to, unsigned id, unsigned role, unsigned flags)
{
	uint8_t body[8] = { (uint8_t)(role >> 8), (uint8_t)role,
		(uint8_t)flags };

	wire_record(to, WIRE_BEGIN_REQUEST, id, body, sizeof(body), 0);
}

void
wire_stream(struct bytes *to, int type, unsigned id,
    const struct bytes *content, size_t chunk, unsigned padding)
{
	size_t part;

	for (size_t done = 0; done < content->len; done += part) {
		part = content->len - done;
		if (part > chunk)
			part = chunk;
		wire_record(to, type, id, content->at + done, part, padding);
	}
	wire_record(to, type, id, NULL, 0, padding);
}

static void
wire_pair_len(struct bytes *to, size_t len, bool long_form)
{
	uint8_t four[4] = { (uint8_t)(len >> 24 | 0x80), (uint8_t)(len >> 16),
		(uint8_t)(len >> 8), (uint8_t)len };

	if (long_form || len > 127)
		bytes_add(to, four, sizeof(four));
	else
		bytes_add(to, &four[3], 1);
}

void
wire_pair(struct bytes *to, const void *name, size_t name_len,
    const void *value, size_t value_len, bool long_form)
{
	wire_pair_len(to, name_len, long_form);
	wire_pair_len(to, value_len, long_form);
	bytes_add(to, name, name_len);
	bytes_add(to, value, value_len);
}

void
wire_pair_text(struct bytes *to, const char *name, const char *value)
{
	wire_pair(to, name, strlen(name), value, strlen(value), false);
}

static void
wire_param(struct bytes *to, const struct wire_request *request,
    const char *name, const char *value)
{
	wire_pair(to, name, strlen(name), value, strlen(value),
	    request->long_form);
}

void
wire_params(struct bytes *to, const struct wire_request *request)
{
	const char *query = strchr(request->uri, '?');
	const char *const *extra = request->extra;
	char path[1024];
	char length[32];

	snprintf(path, sizeof(path), "%.*s", (int)strcspn(request->uri, "?"),
	    request->uri);
	snprintf(length, sizeof(length), "%zu", request->body_len);
	wire_param(to, request, "GATEWAY_INTERFACE", "CGI/1.1");
	wire_param(to, request, "SERVER_PROTOCOL", "HTTP/1.1");
	wire_param(to, request, "REQUEST_METHOD",
	    request->method != NULL ? request->method : "GET");
	wire_param(to, request, "REQUEST_URI", request->uri);
	wire_param(to, request, "SCRIPT_NAME", path);
	wire_param(to, request, "QUERY_STRING", query != NULL ? query + 1 : "");
	wire_param(to, request, "REMOTE_ADDR", "192.0.2.7");
	if (request->body_len > 0)
		wire_param(to, request, "CONTENT_LENGTH", length);
	for (; extra != NULL && *extra != NULL; extra += 2)
		wire_param(to, request, extra[0], extra[1]);
}

void
wire_request(struct bytes *to, const struct wire_request *request)
{
	size_t chunk = request->chunk != 0 ? request->chunk : WIRE_MAX_CONTENT;
	unsigned id = request->id != 0 ? request->id : 1;
	struct bytes params = { NULL, 0, 0 };
	struct bytes body = { NULL, 0, 0 };

	wire_begin(to, id, request->role != 0 ? request->role : WIRE_RESPONDER,
	    request->flags);
	wire_params(&params, request);
	wire_stream(to, WIRE_PARAMS, id, &params, chunk, request->padding);
	bytes_add(&body, request->body, request->body_len);
	wire_stream(to, WIRE_STDIN, id, &body, chunk, request->padding);
	bytes_clear(&params);
	bytes_clear(&body);
}

void
wire_get(struct bytes *to, const char *uri, unsigned flags)
{
	struct wire_request request = { .uri = uri, .flags = flags };

	wire_request(to, &request);
}
