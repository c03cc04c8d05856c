/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/text.h"
#include "companion/spool_record.h"
#include "protocol/command.h"
#include "protocol/limits.h"

enum {
	RECORD_SUM_AT = 2,
	RECORD_SUM_LEN = 16,
	RECORD_REST_AT = RECORD_SUM_AT + RECORD_SUM_LEN + 1
};

static uint64_t
spool_record_sum(const char *data, size_t len)
{
	uint64_t sum = UINT64_C(0xcbf29ce484222325);
	size_t i;

	for (i = 0; i < len; i++)
		sum = (sum ^ (unsigned char)data[i]) * UINT64_C(0x100000001b3);
	return sum;
}

int
spool_record_append(struct buffer *b, const struct spool_record *r)
{
	char sum[RECORD_SUM_LEN + 1];
	size_t before = b->len;
	char *line;

	if (buffer_printf(b, "%c %0*d %" PRIu64 " %" PRIu64 " %.*s ",
		(char)r->state, RECORD_SUM_LEN, 0, r->kept_ms, r->expires_ms,
		(int)r->key_len, r->key) == -1 ||
	    buffer_append(b, r->json, r->json_len) == -1 ||
	    buffer_append(b, "\n", 1) == -1) {
		buffer_truncate(b, before);
		return -1;
	}
	line = b->data + before;
	snprintf(sum, sizeof sum, "%016" PRIx64,
	    spool_record_sum(line + RECORD_REST_AT,
		b->len - before - RECORD_REST_AT - 1));
	memcpy(line + RECORD_SUM_AT, sum, RECORD_SUM_LEN);
	return 0;
}

/* The next word of the header, ended by a space. */
static bool
spool_record_word(const char **at, const char *end, const char **word,
    size_t *len)
{
	const char *space = memchr(*at, ' ', (size_t)(end - *at));

	if (space == NULL || space == *at)
		return false;
	*word = *at;
	*len = (size_t)(space - *at);
	*at = space + 1;
	return true;
}

static bool
spool_record_number(const char **at, const char *end, uint64_t *number)
{
	const char *word;
	size_t len;

	return spool_record_word(at, end, &word, &len) &&
	    text_parse_number(word, len, UINT64_MAX, number);
}

static bool
spool_record_parse_kept(const char *line, size_t len, struct spool_record *r)
{
	const char *at = line + RECORD_REST_AT, *end = line + len;
	char sum[RECORD_SUM_LEN + 1];

	if (len <= RECORD_REST_AT)
		return false;
	snprintf(sum, sizeof sum, "%016" PRIx64,
	    spool_record_sum(at, (size_t)(end - at)));
	if (memcmp(line + RECORD_SUM_AT, sum, RECORD_SUM_LEN) != 0 ||
	    at[-1] != ' ' || !spool_record_number(&at, end, &r->kept_ms) ||
	    !spool_record_number(&at, end, &r->expires_ms) ||
	    !spool_record_word(&at, end, &r->key, &r->key_len))
		return false;
	r->json = at;
	r->json_len = (size_t)(end - at);
	return r->json_len >= 2 && at[0] == '{' && end[-1] == '}';
}

bool
spool_record_parse(const char *line, size_t len, struct spool_record *r)
{
	static const char done[] = { SPOOL_SENT, SPOOL_REFUSED, SPOOL_EXPIRED };

	memset(r, 0, sizeof *r);
	if (len < 2 || line[1] != ' ')
		return false;
	r->state = (enum spool_state)line[0];
	if (r->state == SPOOL_KEPT)
		return spool_record_parse_kept(line, len, r);
	return memchr(done, line[0], sizeof done) != NULL;
}

/*
 * The members are put in as text, so that no byte of the publisher's JSON
 * changes.  Of a member that is there twice the queue takes the last: our key
 * stands first, so a publisher's own wins; our "expires" stands last, so it
 * replaces the publisher's.
 */
int
spool_record_append_line(struct buffer *b, const struct spool_record *r,
    uint64_t now_ms)
{
	uint64_t age = now_ms > r->kept_ms ? now_ms - r->kept_ms : 0, left;
	size_t before = b->len, n = 1;
	int rc;

	if (r->expires_ms > 0 && age >= r->expires_ms)
		return 0;
	left = r->expires_ms - (r->expires_ms > 0 ? age : 0);
	while (n < r->json_len && strchr(" \t\r", r->json[n]) != NULL)
		n++;
	rc = r->json_len == 0 || r->json[0] != '{'
	    ? buffer_append(b, r->json, r->json_len)
	    : buffer_printf(b, "{\"key\":\"%.*s\"%s", (int)r->key_len, r->key,
		  n < r->json_len && r->json[n] == '}' ? "" : ",");
	if (rc == 0 && r->json_len > 0 && r->json[0] == '{')
		rc = buffer_append(b, r->json + 1, r->json_len - 1);
	if (rc == 0 && r->expires_ms > 0) {
		buffer_truncate(b, b->len - 1); /* the last brace */
		rc = buffer_printf(b, ",\"expires\":%" PRIu64 ".%03" PRIu64 "}",
		    left / 1000, left % 1000);
	}
	if (rc == 0 && buffer_append(b, "\n", 1) == 0)
		return 1;
	buffer_truncate(b, before);
	return -1;
}

/*
 * Refuses what the hub would refuse, as far as that does not need its settings.
 */
static int
spool_record_check_command(const struct command *c, const char **why)
{
	size_t i;

	if (c->kind != COMMAND_PUBLISH) {
		*why = "this is no event, which alone can be kept";
		return EX_DATAERR;
	}
	for (i = 0; i < c->channel_count; i++) {
		*why = event_check_channel(c->channels[i].text,
		    c->channels[i].len);
		if (*why != NULL)
			return EX_DATAERR;
		if (event_channel_is_reserved(c->channels[i].text,
			c->channels[i].len)) {
			*why = "channels that begin with $ are crier's own";
			return EX_NOPERM;
		}
	}
	*why = event_check(&c->event, limit_of[LIMIT_EVENT_BYTES].max);
	return *why == NULL ? 0 : EX_DATAERR;
}

int
spool_record_check(const char *json, size_t len, uint64_t *expires_ms,
    char *why, size_t why_size)
{
	struct json_tokener *tokener = command_tokener();
	struct command c = { 0 };
	const char *text = "out of memory";
	int code = EX_TEMPFAIL;

	if (tokener != NULL && command_parse(&c, tokener, json, len) == -1) {
		text = c.error;
		code = c.code;
	} else if (tokener != NULL) {
		code = spool_record_check_command(&c, &text);
		*expires_ms = c.event.expires_ms;
	}
	if (code != 0)
		snprintf(why, why_size, "%s", text);
	command_clear(&c);
	if (tokener != NULL)
		json_tokener_free(tokener);
	return code;
}
