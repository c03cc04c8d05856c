/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * A database that holds what nobody has stored: of some events' rows single
 * values are replaced, whatever the schema is.  It is read as those who resume
 * read it, published to, and trimmed.  The first bytes are the read's; then
 * come replacements: table, row, column, kind and length, and bytes.
 */
#include "fuzz.h"

#include <string.h>

#include "base/log.h"
#include "store/sqlite_read.h"
#include "store/sqlite_writer.h"

const char *const fuzz_name = "rows";

enum {
	FUZZ_CHANNELS = 2,
	FUZZ_EVENTS = 6,
	FUZZ_SLICES = 8,
	FUZZ_STEPS = 200
};

#define FUZZ_WALL_MS UINT64_C(1800000000000)

struct fuzz_input {
	const uint8_t *at, *end;
};

static unsigned
fuzz_byte(struct fuzz_input *in)
{
	return in->at < in->end ? *in->at++ : 0;
}

/* As many bytes as the first one says. */
static uint64_t
fuzz_number(struct fuzz_input *in)
{
	unsigned n = fuzz_byte(in) % 9;
	uint64_t value = 0;

	while (n-- > 0)
		value = value << 8 | fuzz_byte(in);
	return value;
}

/* The n-th text of a query, in its first column. */
static bool
fuzz_text(sqlite3 *db, const char *sql, unsigned n, char *to, size_t size)
{
	sqlite3_stmt *s = NULL;
	bool found = false;
	unsigned count = 0;

	fuzz_check(sqlite3_prepare_v2(db, sql, -1, &s, NULL) == SQLITE_OK);
	while (sqlite3_step(s) == SQLITE_ROW)
		count++;
	for (sqlite3_reset(s); count > 0 && !found;)
		if (sqlite3_step(s) == SQLITE_ROW && n-- % count == 0) {
			snprintf(to, size, "%s",
			    (const char *)sqlite3_column_text(s, 0));
			found = true;
		}
	sqlite3_finalize(s);
	return found;
}

static void
fuzz_bind(sqlite3_stmt *s, struct fuzz_input *in)
{
	unsigned kind = fuzz_byte(in);
	size_t len = fuzz_byte(in);

	if (len > (size_t)(in->end - in->at))
		len = (size_t)(in->end - in->at);
	if (kind % 4 == 0)
		sqlite3_bind_int64(s, 1, (sqlite3_int64)fuzz_number(in));
	else if (kind % 4 == 1)
		sqlite3_bind_text(s, 1, (const char *)in->at, (int)len,
		    SQLITE_TRANSIENT);
	else if (kind % 4 == 2)
		sqlite3_bind_blob(s, 1, in->at, (int)len, SQLITE_TRANSIENT);
	if (kind % 4 == 1 || kind % 4 == 2)
		in->at += len;
}

/* Replaces one value; what the schema does not allow stays. */
static void
fuzz_replace(sqlite3 *db, struct fuzz_input *in)
{
	unsigned which = fuzz_byte(in), row = fuzz_byte(in),
		 member = fuzz_byte(in);
	char table[64], column[64], sql[512];
	sqlite3_stmt *s = NULL;

	fuzz_check(fuzz_text(db,
	    "SELECT name FROM sqlite_master WHERE type = 'table'"
	    " AND name NOT LIKE 'sqlite%' ORDER BY name",
	    which, table, sizeof table));
	snprintf(sql, sizeof sql, "SELECT name FROM pragma_table_info('%s')",
	    table);
	fuzz_check(fuzz_text(db, sql, member, column, sizeof column));
	snprintf(sql, sizeof sql,
	    "UPDATE OR IGNORE \"%s\" SET \"%s\" = ?1 WHERE \"%s\" ="
	    " (SELECT \"%s\" FROM \"%s\" LIMIT 1 OFFSET %u)",
	    table, column, column, column, table, row % 4);
	fuzz_check(sqlite3_prepare_v2(db, sql, -1, &s, NULL) == SQLITE_OK);
	fuzz_bind(s, in);
	sqlite3_step(s);
	sqlite3_finalize(s);
}

/* Events of both channels, with keys and ids of their own. */
static int
fuzz_commit(struct sqlite_writer *w, uint64_t ms)
{
	static const char *const names[FUZZ_CHANNELS] = { "a", "b" };
	struct batch_channel c = {
		.name_len = 1, .keep = 4, .keep_bytes = 4096, .keep_ms = 60000
	};
	struct batch *b = batch_new();
	struct batch_event e;
	int i, rc;

	for (i = 0; i < FUZZ_EVENTS; i++) {
		memset(&e, 0, sizeof e);
		e.id = (struct id){ ms, (uint64_t)i };
		c.name = names[i % FUZZ_CHANNELS];
		e.record_off = b->bytes.len;
		e.channel_first = b->channel_count;
		e.channel_count = 1;
		e.own_id_len = i < 3 ? 1 : 0;
		e.expires_wall_ms = i == 4 ? FUZZ_WALL_MS : 0;
		fuzz_check(batch_reserve(b, 1) == 0 &&
		    buffer_printf(&b->bytes, "id: %d\ndata: x\n\n", i) == 0);
		e.record_len = b->bytes.len - e.record_off;
		e.key_off = b->bytes.len;
		fuzz_check(buffer_printf(&b->bytes, "%d", i) == 0);
		e.key_len = b->bytes.len - e.key_off;
		batch_add_channel(b, &c);
		batch_add_event(b, &e);
	}
	b->wall_ms = ms;
	rc = sqlite_writer_commit(w, b, NULL);
	if (rc == -1)
		sqlite_writer_forget(w);
	batch_free(b);
	return rc;
}

/* Slice by slice, as a replay asks. */
static void
fuzz_read(struct sqlite_file *file, struct fuzz_input *in)
{
	struct store_range ranges[FUZZ_CHANNELS] = { { .name = "a" },
		{ .name = "b" } };
	struct store_mark marks[STORE_MARKS];
	char room[64];
	struct store_read r = { .ranges = ranges,
		.range_count = FUZZ_CHANNELS,
		.room = room,
		.room_bytes = sizeof room,
		.marks = marks,
		.own_id = "1" };
	struct id after;
	int i, k;

	r.upto.ms = fuzz_number(in);
	r.upto.n = fuzz_number(in);
	r.wall_ms = fuzz_number(in);
	r.has_last = fuzz_byte(in) & 1;
	r.last = fuzz_number(in);
	r.own_id_len = fuzz_byte(in) & 1;
	for (i = 0; i < FUZZ_SLICES && !r.is_complete; i++) {
		r.events = 0;
		r.bytes = r.mark_count = 0;
		r.is_counting = false;
		sqlite_read(file, &r);
		if (r.error[0] != '\0')
			break;
		fuzz_check(r.events == 0 || id_cmp(r.last_id, r.upto) <= 0);
		fuzz_check(r.bytes <= r.room_bytes &&
		    r.mark_count <= STORE_MARKS);
		after = r.last_id;
		for (k = 0; r.events > 0 && k < FUZZ_CHANNELS; k++)
			if (id_cmp(ranges[k].after, after) < 0)
				ranges[k].after = after;
		r.has_last = r.has_last && r.is_counting;
		r.own_id_len = 0;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct sqlite_options options = { .durability =
							   STORE_NONE };
	static const struct store_bounds bounds = { FUZZ_WALL_MS - 1999, 2,
		65536, 0 };
	struct fuzz_input in = { data, data + size }, read;
	struct sqlite_writer w = { 0 };
	char *cause = NULL;
	int steps = 0, rc;

	log_open(LOG_TARGET_STDERR, LOG_LEVEL_ERROR);
	sqlite_writer_init(&w, UINT64_MAX);
	fuzz_check(sqlite_file_open(&w.file, ":memory:", &options, &cause) ==
	    SQLITE_OPENED);
	fuzz_check(fuzz_commit(&w, 1000) == 0);
	read = in;
	in.at += size < 16 ? size : 16;
	while (in.at < in.end)
		fuzz_replace(w.file.db, &in);
	fuzz_read(&w.file, &read);
	/* As after a restart: nothing is known of the channels. */
	sqlite_writer_forget(&w);
	fuzz_commit(&w, FUZZ_WALL_MS);
	while ((rc = sqlite_writer_trim(&w, FUZZ_WALL_MS + 1, &bounds)) == 1)
		fuzz_check(++steps < FUZZ_STEPS);
	if (rc == -1)
		sqlite_file_run(&w.file, STATEMENT_ROLLBACK);
	sqlite_file_close(&w.file);
	w.file.db = NULL;
	sqlite_writer_clear(&w);
	return 0;
}
