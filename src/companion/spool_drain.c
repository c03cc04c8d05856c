/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/lines.h"
#include "companion/spool_clock.h"
#include "companion/spool_drain.h"
#include "companion/spool_record.h"
#include "protocol/reply.h"

enum {
	DRAIN_BLOCK = 64 * 1024 /* bytes of one read */
};

/* The journal's lines, one after another. */
struct spool_reader {
	int fd;
	off_t at, end; /* offsets of the next line and of the end of what is to
			  be read */
	struct buffer in;
	struct lines lines;
};

struct spool_drain {
	struct spool *spool;
	struct client *client;
	struct spool_counts *counts;
	uint64_t deadline_ms;
	struct spool_clock clock;
	struct spool_reader reader;
	struct buffer lines; /* the lines of the window */
	off_t offsets[SPOOL_WINDOW_EVENTS];
	size_t count;
	int code; /* 0, or why draining has to stop */
};

bool
spool_is_temporary(int code)
{
	return code == EX_TEMPFAIL || code == EX_UNAVAILABLE ||
	    code == EX_OSERR || code == EX_IOERR;
}

/* Waits for bytes of replies.  False if there will be none. */
static bool
spool_exchange_turn(struct client *c, uint64_t deadline_ms)
{
	struct pollfd fds[1];
	uint64_t now = clock_monotonic_ms();
	uint64_t left = deadline_ms > now ? deadline_ms - now : 0;
	int rc;

	if (c->ended || c->in.len > CLIENT_LINE_MAX)
		return false;
	rc = client_turn(c, fds, 1, left > 60000 ? 60000 : (int)left);
	if (rc == -1)
		return errno == EINTR;
	return rc == 1 || left > 0;
}

size_t
spool_window(const struct client *c)
{
	return c->keeps_order ? SPOOL_WINDOW_EVENTS : 1;
}

bool
spool_exchange(struct client *c, struct buffer *lines, size_t count,
    uint64_t deadline_ms,
    void (*reply_cb)(void *arg, const struct spool_reply *), void *arg)
{
	static const char order[] = "{\"do\":\"order\"}\n";
	char why[256];
	struct spool_reply r = { .why = why };
	size_t n = 0; /* replies so far; the first is that to `order` */

	if (buffer_append(&c->out, order, sizeof order - 1) == 0 &&
	    buffer_append(&c->out, lines->data, lines->len) == 0) {
		do {
			while (n <= count &&
			    client_next_line(c, &r.line, &r.len)) {
				r.code =
				    reply_code(r.line, r.len, why, sizeof why);
				r.index = n - 1;
				if (n++ == 0)
					c->keeps_order = r.code == 0;
				else
					reply_cb(arg, &r);
			}
		} while (n <= count && spool_exchange_turn(c, deadline_ms));
	}
	buffer_truncate(lines, 0);
	if (n > count)
		return true;
	client_close(c);
	return false;
}

/*
 * Reads on behind what is in the buffer: 1, or 0 at the end, or -1 with errno.
 */
static int
spool_reader_fill(struct spool_reader *r)
{
	off_t from = r->at + (off_t)r->in.len;
	size_t left;
	ssize_t n;
	char *to;

	if (from >= r->end)
		return 0;
	/* Behind the end another process may be writing. */
	left = (size_t)(r->end - from);
	left = left > DRAIN_BLOCK ? DRAIN_BLOCK : left;
	if ((to = buffer_reserve(&r->in, left)) == NULL)
		return -1;
	n = pread(r->fd, to, left, from);
	if (n == -1)
		return errno == EINTR ? 1 : -1;
	buffer_commit(&r->in, (size_t)n);
	return n > 0 ? 1 : 0;
}

/* 1 with the line at reader->at (its newline not counted), 0 at the end, -1. */
static int
spool_reader_next(struct spool_reader *r, const char **line, size_t *len)
{
	struct text_span found;
	int rc;

	while (lines_find(&r->lines, &r->in, SIZE_MAX, false, &found) ==
	    LINES_NONE)
		if ((rc = spool_reader_fill(r)) != 1)
			return rc;
	*line = found.text;
	*len = found.len;
	return 1;
}

/* Goes behind a line that spool_reader_next gave. */
static void
spool_reader_pass(struct spool_reader *r, size_t len)
{
	lines_pass(&r->lines, &r->in);
	r->at += (off_t)len + 1;
}

static void
spool_drain_fail(struct spool_drain *d, const char *name)
{
	if (d->code == 0 || spool_is_temporary(d->code))
		d->code = spool_fail(d->spool, name);
}

static void
spool_drain_mark(struct spool_drain *d, off_t at, enum spool_state state)
{
	if (spool_mark(d->spool, at, (char)state) == -1)
		spool_drain_fail(d, "journal");
}

/* Puts a line aside that is no record, so that somebody may still read it. */
static void
spool_drain_damaged(struct spool_drain *d, const char *line, size_t len)
{
	if (len < 2) /* too short to have been a record */
		return;
	if (spool_put_aside(d->spool, "damaged", line, len) == -1) {
		spool_drain_fail(d, "damaged");
		return;
	}
	client_warn("%s/journal: what stands at byte %lld is damaged and not "
		    "sent; it is in %s/damaged",
	    d->spool->path, (long long)d->reader.at, d->spool->path);
	d->counts->damaged++;
	spool_drain_mark(d, d->reader.at, SPOOL_REFUSED);
}

/*
 * Takes a record into the window, unless it has expired.  False if there is no
 * room.
 */
static bool
spool_drain_add(struct spool_drain *d, const struct spool_record *r)
{
	uint64_t now_ms = 0;
	int rc;

	if (d->count == spool_window(d->client) ||
	    (d->count > 0 &&
		d->lines.len + r->json_len + SPOOL_HEADER_MAX >
		    SPOOL_WINDOW_BYTES))
		return false;
	if (r->expires_ms > 0)
		now_ms = spool_clock_at(&d->clock, clock_start_ms(), false);
	rc = spool_record_append_line(&d->lines, r, now_ms);
	if (rc == 1) {
		d->offsets[d->count++] = d->reader.at;
	} else if (rc == 0) {
		d->counts->expired++;
		spool_drain_mark(d, d->reader.at, SPOOL_EXPIRED);
	} else {
		spool_drain_fail(d, "journal");
	}
	return true;
}

/* Fills the window from the journal. */
static void
spool_drain_fill(struct spool_drain *d)
{
	struct spool_record r;
	const char *line;
	size_t len;
	int rc = 1;

	d->count = 0;
	while (d->code == 0 &&
	    (rc = spool_reader_next(&d->reader, &line, &len)) == 1) {
		if (!spool_record_parse(line, len, &r))
			spool_drain_damaged(d, line, len);
		else if (r.state == SPOOL_KEPT && !spool_drain_add(d, &r))
			break;
		if (d->code == 0)
			spool_reader_pass(&d->reader, len);
	}
	if (rc == -1)
		spool_drain_fail(d, "journal");
}

/* Moves the record at an offset to the refused ones. */
static void
spool_drain_refuse(struct spool_drain *d, off_t at, const char *why)
{
	struct spool_reader reader = {
		.fd = d->spool->journal, .at = at, .end = d->reader.end
	};
	struct spool_record r;
	const char *line;
	size_t len;

	if (spool_reader_next(&reader, &line, &len) != 1 ||
	    !spool_record_parse(line, len, &r) || r.state != SPOOL_KEPT ||
	    spool_put_aside(d->spool, "refused", r.json, r.json_len) == -1) {
		spool_drain_fail(d, "refused");
	} else {
		client_warn("a kept event is refused: %s; it is in %s/refused",
		    why, d->spool->path);
		d->counts->refused++;
		spool_drain_mark(d, at, SPOOL_REFUSED);
	}
	buffer_clear(&reader.in);
}

static void
spool_drain_reply_cb(void *arg, const struct spool_reply *r)
{
	struct spool_drain *d = arg;
	off_t at = d->offsets[r->index];

	if (r->code == 0) {
		d->counts->sent++;
		spool_drain_mark(d, at, SPOOL_SENT);
	} else if (!spool_is_temporary(r->code) && r->code != EX_NOPERM) {
		spool_drain_refuse(d, at, r->why);
	} else if (d->code == 0) {
		d->code = r->code == EX_NOPERM ? EX_NOPERM : EX_TEMPFAIL;
		snprintf(d->counts->why, sizeof d->counts->why, "%s", r->why);
	}
}

/* Sends what the journal had when it was measured. */
static void
spool_drain_part(struct spool_drain *d)
{
	uint64_t deadline;

	while (d->code == 0) {
		/* Records that were sent or have expired are passed over. */
		spool_drain_fill(d);
		if (d->code != 0 || d->count == 0)
			return;
		deadline = d->deadline_ms;
		if (deadline == 0)
			deadline = clock_monotonic_ms() + CLIENT_SILENCE_MS;
		if (clock_monotonic_ms() >= deadline ||
		    (!spool_exchange(d->client, &d->lines, d->count, deadline,
			 spool_drain_reply_cb, d) &&
			d->code == 0))
			d->code = EX_TEMPFAIL;
	}
}

int
spool_drain(struct spool *s, struct client *c, uint64_t deadline_ms,
    struct spool_counts *counts)
{
	struct spool_drain d = { .spool = s,
		.client = c,
		.counts = counts,
		.deadline_ms = deadline_ms,
		.clock = { .spool = s } };
	off_t size = 0;

	memset(counts, 0, sizeof *counts);
	/* 1. How much is there; others may add to it while we send. */
	if (spool_measure(s, -1, &size) == -1)
		spool_drain_fail(&d, "journal");
	while (d.code == 0 && size > d.reader.end) {
		/* 2. That much is sent, window by window. */
		d.reader.fd = s->journal;
		d.reader.end = size;
		spool_drain_part(&d);
		/* 3. Nothing was added: the journal is emptied.  Else on. */
		if (d.code == 0 && spool_measure(s, size, &size) == -1)
			spool_drain_fail(&d, "journal");
	}
	/*
	 * 4. What is left is sent again.  Marks on the disk say of more of it
	 * that it was sent, even when the hub has forgotten the keys.
	 */
	if (d.code != 0 && s->journal != -1)
		fdatasync(s->journal);
	buffer_clear(&d.reader.in);
	buffer_clear(&d.lines);
	return d.code;
}

int
spool_has_kept(struct spool *s, bool *has)
{
	struct spool_reader reader = { .fd = -1 };
	struct spool_record r;
	const char *line;
	size_t len;
	int rc;

	*has = false;
	rc = spool_measure(s, -1, &reader.end);
	reader.fd = s->journal;
	while (rc != -1 && !*has &&
	    (rc = spool_reader_next(&reader, &line, &len)) == 1) {
		*has = len >= 2 &&
		    (!spool_record_parse(line, len, &r) ||
			r.state == SPOOL_KEPT);
		spool_reader_pass(&reader, len);
	}
	rc = rc == -1 ? spool_fail(s, "journal") : 0;
	buffer_clear(&reader.in);
	spool_unlock(s);
	return rc;
}
