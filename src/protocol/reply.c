/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/json.h"
#include "protocol/id.h"
#include "protocol/reply.h"

enum {
	REPLY_CODE_MAX = 125 /* what is above has a meaning to shells */
};

struct json_object *
reply_new(bool is_ok)
{
	struct json_object *o = json_object_new_object();

	json_add_flag(o, "ok", is_ok);
	return o;
}

void
reply_add_error(struct json_object *o, int code, const char *error)
{
	json_add_string(o, "error", error);
	json_add_number(o, "code", (uint64_t)code);
}

int
reply_put_error(struct buffer *b, int code, const char *error)
{
	struct json_object *o = reply_new(false);

	reply_add_error(o, code, error);
	return json_append_line(b, o);
}

int
reply_put_event(struct buffer *b, struct text_span id, size_t streams,
    bool is_duplicate)
{
	struct json_object *o = reply_new(true);

	json_add_text(o, "id", id.text, id.len);
	json_add_number(o, "streams", streams);
	if (is_duplicate)
		json_add_flag(o, "duplicate", true);
	return json_append_line(b, o);
}

int
reply_put_new_event(struct buffer *b, struct text_span id, size_t streams)
{
	char line[ID_TEXT_SIZE + 64];
	int n = snprintf(line, sizeof line,
	    "{\"ok\":true,\"id\":\"%.*s\",\"streams\":%zu}\n", (int)id.len,
	    id.text, streams);

	return buffer_append(b, line, (size_t)n);
}

int
reply_read(struct reply *r, const char *line, size_t len)
{
	struct json_object *o = json_parse_object(line, len);
	uint64_t code = 0;

	r->json = o;
	r->is_ok = false;
	json_get_whole(json_member(o, "code"), REPLY_CODE_MAX, &code);
	r->code = (int)code;
	r->error = json_get_string(json_member(o, "error"));
	return json_get_flag(json_member(o, "ok"), &r->is_ok) ? 0 : -1;
}

void
reply_clear(struct reply *r)
{
	json_object_put(r->json);
	memset(r, 0, sizeof *r);
}

static int
reply_explain(const struct reply *r, char *why, size_t why_size)
{
	const char *error = r->error;

	if (error == NULL)
		error = "crierd refused without a reason";
	text_escape(error, strlen(error), why, why_size);
	return r->code > 0 ? r->code : EX_DATAERR;
}

int
reply_code(const char *line, size_t len, char *why, size_t why_size)
{
	static const char good[] = "{\"ok\":true";
	struct reply r;
	int code = 0;

	/* Nearly all replies: there are a million of them to one refusal. */
	if (len >= sizeof good - 1 && memcmp(line, good, sizeof good - 1) == 0)
		return 0;
	if (reply_read(&r, line, len) == -1) {
		snprintf(why, why_size, "crierd's answer cannot be understood");
		code = EX_TEMPFAIL;
	} else if (!r.is_ok) {
		code = reply_explain(&r, why, why_size);
	}
	reply_clear(&r);
	return code;
}

char *
reply_id(const char *line, size_t len)
{
	struct reply r;
	const char *id;
	char *copy;

	reply_read(&r, line, len);
	id = json_get_string(json_member(r.json, "id"));
	copy = id == NULL ? NULL : strdup(id);
	reply_clear(&r);
	return copy;
}
