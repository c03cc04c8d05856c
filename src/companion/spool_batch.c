/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sysexits.h>

#include "base/clock.h"
#include "companion/spool_batch.h"
#include "companion/spool_clock.h"
#include "companion/spool_drain.h"
#include "companion/spool_record.h"
#include "protocol/reply.h"

int
spool_batch_init(struct spool_batch *b)
{
	unsigned char random[16];
	size_t i;

	if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
		return -1;
	for (i = 0; i < sizeof random; i++)
		snprintf(b->key + 2 * i, 3, "%02x", random[i]);
	return 0;
}

void
spool_batch_clear(struct spool_batch *b)
{
	buffer_clear(&b->bytes);
}

bool
spool_batch_has_room(const struct spool_batch *b)
{
	return b->count < SPOOL_BATCH_EVENTS &&
	    b->bytes.len < SPOOL_BATCH_BYTES;
}

void
spool_batch_add(struct spool_batch *b, size_t from, uint64_t number)
{
	struct spool_item *i = &b->items[b->count++];

	while (b->bytes.len > from && b->bytes.data[b->bytes.len - 1] != '\0' &&
	    strchr(" \t\r\n", b->bytes.data[b->bytes.len - 1]) != NULL)
		buffer_truncate(&b->bytes, b->bytes.len - 1);
	memset(i, 0, sizeof *i);
	i->at = from;
	i->len = b->bytes.len - from;
	i->number = number;
	i->serial = ++b->serial;
	if (b->count == 1)
		b->added_ms = clock_start_ms();
}

/* The item as a record; key has room for SPOOL_KEY_MAX bytes. */
static struct spool_record
spool_batch_record(const struct spool_batch *b, const struct spool_item *i,
    char *key)
{
	struct spool_record r = { .state = SPOOL_KEPT,
		.kept_ms = b->added_ms,
		.key = key,
		.json = b->bytes.data + i->at,
		.json_len = i->len };

	r.key_len = (size_t)snprintf(key, SPOOL_KEY_MAX, "%s-%" PRIu64, b->key,
	    i->serial);
	return r;
}

static void
spool_batch_refuse_item(struct spool_batch *b, struct spool_item *i, int code,
    const char *why)
{
	i->done = true;
	b->code = client_worse_code(b->code, code);
	if (i->number == 0)
		client_warn("%s", why);
	else
		client_warn("line %" PRIu64 ": %s", i->number, why);
}

/* The window was filled with items that were not done. */
static void
spool_batch_reply_cb(void *arg, const struct spool_reply *r)
{
	struct spool_batch *b = arg;
	struct spool_item *i = &b->items[b->sending + r->index];

	if (spool_is_temporary(r->code)) {
		b->refused_for_now = true;
	} else if (r->code != 0) {
		spool_batch_refuse_item(b, i, r->code, r->why);
	} else {
		i->done = true;
		if (b->verbose)
			i->shown = reply_id(r->line, r->len);
	}
}

/*
 * Fills the window with up to `most` items: lines for those from b->sending on.
 * False for want of memory.
 */
static bool
spool_batch_fill(struct spool_batch *b, size_t most, struct buffer *lines)
{
	const struct spool_item *i;
	struct spool_record r;
	char key[SPOOL_KEY_MAX];

	b->window = 0;
	while (b->window < most && b->sending + b->window < b->count) {
		i = &b->items[b->sending + b->window];
		if (i->done ||
		    (b->window > 0 &&
			lines->len + i->len + SPOOL_HEADER_MAX >
			    SPOOL_WINDOW_BYTES))
			break;
		r = spool_batch_record(b, i, key);
		if (spool_record_append_line(lines, &r, r.kept_ms) == -1)
			return false;
		b->window++;
	}
	return true;
}

void
spool_batch_send(struct spool_batch *b, struct client *c, uint64_t deadline_ms)
{
	struct buffer lines = { 0 };
	bool good = true;

	b->refused_for_now = false;
	b->sending = 0;
	while (good && !b->refused_for_now && b->sending < b->count) {
		if (b->items[b->sending].done) {
			b->sending++;
			continue;
		}
		good = clock_monotonic_ms() < deadline_ms &&
		    spool_batch_fill(b, spool_window(c), &lines) &&
		    spool_exchange(c, &lines, b->window, deadline_ms,
			spool_batch_reply_cb, b);
		b->sending += b->window;
	}
	buffer_clear(&lines);
}

/*
 * Appends records of the items that are not done.  One that crierd would refuse
 * for good is refused here and now: nobody would hear of it later.  0, or -1
 * for want of memory.
 */
static int
spool_batch_records(struct spool_batch *b, const struct spool *s,
    struct buffer *records)
{
	struct spool_clock clock = { .spool = s };
	struct spool_record r;
	char key[SPOOL_KEY_MAX], why[256];
	size_t n;
	int code;

	for (n = 0; n < b->count; n++) {
		if (b->items[n].done)
			continue;
		r = spool_batch_record(b, &b->items[n], key);
		code = spool_record_check(r.json, r.json_len, &r.expires_ms,
		    why, sizeof why);
		if (code != 0) {
			spool_batch_refuse_item(b, &b->items[n], code, why);
			continue;
		}
		r.kept_ms = r.expires_ms == 0
		    ? clock_wall_ms()
		    : spool_clock_at(&clock, b->added_ms, true);
		if (spool_record_append(records, &r) == -1)
			return -1;
	}
	return 0;
}

void
spool_batch_refuse(struct spool_batch *b, int code, const char *why)
{
	size_t n;

	for (n = 0; n < b->count; n++)
		if (!b->items[n].done)
			spool_batch_refuse_item(b, &b->items[n], code, why);
}

void
spool_batch_keep(struct spool_batch *b, struct spool *s)
{
	struct buffer records = { 0 };
	char why[512];
	int code = 0;
	size_t n;

	if (spool_batch_records(b, s, &records) == -1) {
		code = EX_TEMPFAIL;
		snprintf(why, sizeof why, "%s", strerror(ENOMEM));
	} else if (records.len > 0) {
		code = spool_keep(s, &records, why, sizeof why);
	}
	for (n = 0; code == 0 && n < b->count; n++) {
		if (b->items[n].done)
			continue;
		b->items[n].done = true;
		if (b->verbose)
			b->items[n].shown = strdup("kept");
	}
	if (code != 0)
		spool_batch_refuse(b, code, why);
	buffer_clear(&records);
}

bool
spool_batch_is_done(const struct spool_batch *b)
{
	size_t n;

	for (n = 0; n < b->count; n++)
		if (!b->items[n].done)
			return false;
	return true;
}

void
spool_batch_finish(struct spool_batch *b)
{
	size_t n;

	for (n = 0; n < b->count; n++) {
		if (b->items[n].shown != NULL)
			puts(b->items[n].shown);
		free(b->items[n].shown);
	}
	if (b->verbose && fflush(stdout) != 0) {
		client_warn("standard output: %s", strerror(errno));
		b->code = client_worse_code(b->code, EX_IOERR);
		b->verbose = false;
	}
	b->count = 0;
	buffer_truncate(&b->bytes, 0);
}
