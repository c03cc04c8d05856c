/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdlib.h>
#include <string.h>

#include "store/sqlite_note.h"
#include "store/sqlite_run.h"
#include "store/sqlite_space.h"
#include "store/sqlite_writer.h"

enum {
	SQLITE_CACHE_MAX = 200000
};

static const int sqlite_any = -1;

void
sqlite_writer_init(struct sqlite_writer *w, uint64_t max_keys)
{
	memset(w, 0, sizeof *w);
	w->over_end = &w->over;
	table_init(&w->channels);
	keys_init(&w->keys, max_keys);
}

void
sqlite_writer_forget(struct sqlite_writer *w)
{
	size_t i;

	if (w->over != NULL || w->touched != NULL) {
		w->has_looked = false;
		w->looked_at = 0;
	}
	for (i = 0; i < w->all_count; i++) {
		table_remove(&w->channels, &w->all[i]->entry);
		buffer_clear(&w->all[i]->run);
		free(w->all[i]);
	}
	w->all_count = 0;
	w->touched = w->over = NULL;
	w->over_end = &w->over;
}

void
sqlite_writer_clear(struct sqlite_writer *w)
{
	sqlite_writer_forget(w);
	table_clear(&w->channels);
	keys_clear(&w->keys);
	free(w->all);
	w->all = NULL;
	w->all_capacity = 0;
}

static int
sqlite_writer_cache(struct sqlite_writer *w, struct sqlite_channel *c)
{
	size_t capacity;
	struct sqlite_channel **grown;

	if (w->all_count == w->all_capacity) {
		capacity = w->all_capacity == 0 ? 64 : w->all_capacity * 2;
		/* An array of pointers. NOLINTNEXTLINE(bugprone-sizeof-*) */
		grown = reallocarray(w->all, capacity, sizeof *grown);
		if (grown == NULL)
			return -1;
		w->all = grown;
		w->all_capacity = capacity;
	}
	if (table_insert(&w->channels, &c->entry) == -1)
		return -1;
	w->all[w->all_count++] = c;
	return 0;
}

/*
 * Fills in what the file has of the channel, or adds it to the file; 0 or -1.
 */
static int
sqlite_writer_load(struct sqlite_writer *w, struct sqlite_channel *c)
{
	sqlite3_stmt *s = sqlite_file_use(&w->file, STATEMENT_FIND_CHANNEL);
	int rc;

	if (s == NULL)
		return -1;
	sqlite3_bind_text(s, 1, c->name, sqlite_any, SQLITE_STATIC);
	rc = sqlite3_step(s);
	if (rc == SQLITE_ROW) {
		c->id = sqlite3_column_int64(s, 0);
		c->events = (uint64_t)sqlite3_column_int64(s, 1);
		c->bytes = (uint64_t)sqlite3_column_int64(s, 2);
		c->oldest_ms = (uint64_t)sqlite3_column_int64(s, 3);
		c->floor = sqlite_file_id(s, 4);
	}
	sqlite3_reset(s);
	if (rc == SQLITE_ROW)
		return 0;
	if (rc != SQLITE_DONE ||
	    (s = sqlite_file_use(&w->file, STATEMENT_ADD_CHANNEL)) == NULL)
		return -1;
	sqlite3_bind_text(s, 1, c->name, sqlite_any, SQLITE_STATIC);
	if (sqlite_file_step(s) == -1)
		return -1;
	c->id = sqlite3_last_insert_rowid(w->file.db);
	w->added_channels++;
	return 0;
}

struct sqlite_channel *
sqlite_writer_channel(struct sqlite_writer *w, const char *name, size_t len)
{
	struct table_entry *e = table_find(&w->channels, name, len);
	struct sqlite_channel *c;

	if (e != NULL) {
		c = (struct sqlite_channel *)(void *)e;
		/* The channel's row went with its last event. */
		if (c->id == 0 && sqlite_writer_load(w, c) == -1)
			return NULL;
		return c;
	}
	if ((c = calloc(1, sizeof *c + len + 1)) == NULL)
		return NULL;
	memcpy(c->name, name, len);
	c->entry.name = c->name;
	c->entry.name_len = len;
	if (sqlite_writer_load(w, c) == -1 || sqlite_writer_cache(w, c) == -1) {
		free(c);
		return NULL;
	}
	return c;
}

static void
sqlite_writer_mark(struct batch_event *e, const char *first_id)
{
	free(e->first_id);
	e->first_id = strdup(first_id);
	e->outcome = BATCH_DUPLICATE;
}

/* Whether the key is that of an event that is in memory alone. */
static bool
sqlite_writer_is_kept(struct sqlite_writer *w, const struct batch *b,
    struct batch_event *e)
{
	const char *first_id = NULL;

	if (w->keys.table.count > 0)
		first_id = keys_find(&w->keys,
		    keys_hash(&w->keys, b->bytes.data + e->key_off,
			e->key_len));
	if (first_id != NULL)
		sqlite_writer_mark(e, first_id);
	return first_id != NULL;
}

void
sqlite_writer_keep(struct sqlite_writer *w, struct batch *b)
{
	struct batch_event *e;
	size_t i;

	for (i = 0; i < b->event_count; i++) {
		e = &b->events[i];
		w->unstored = e->id;
		if (e->key_len == 0 || sqlite_writer_is_kept(w, b, e))
			continue;
		/*
		 * Without memory for the key, an event that is sent again may
		 * come twice.
		 */
		keys_add(&w->keys,
		    keys_hash(&w->keys, b->bytes.data + e->key_off, e->key_len),
		    batch_event_id(b, e), e->added_ms);
	}
}

/*
 * A key as version 1 of the schema has it.  There, one from the queue is its
 * text alone; all others are as they are today.
 */
static struct text_span
sqlite_writer_old_key(struct text_span key)
{
	struct text_span old = key;
	const char *end =
	    key.text[0] == '\n' ? memrchr(key.text, '\n', key.len) : NULL;

	if (end != NULL) {
		old.text = end + 1;
		old.len = (size_t)(key.text + key.len - old.text);
	}
	return old;
}

/* Binds the hash of a key. */
static void
sqlite_writer_bind_key(const struct sqlite_writer *w, sqlite3_stmt *s,
    int index, struct text_span key)
{
	unsigned char hash[SIPHASH_BYTES];

	siphash_128(w->file.secret, key.text, key.len, hash);
	sqlite3_bind_blob(s, index, hash, sizeof hash, SQLITE_TRANSIENT);
}

/* 1: such a key is known, and the event is marked with its id; 0; -1. */
static int
sqlite_writer_find_key(struct sqlite_writer *w, struct batch_event *e,
    struct text_span key)
{
	sqlite3_stmt *s = sqlite_file_use(&w->file, STATEMENT_FIND_KEY);
	int rc;

	if (s == NULL)
		return -1;
	sqlite_writer_bind_key(w, s, 1, key);
	rc = sqlite3_step(s);
	if (rc == SQLITE_ROW)
		sqlite_writer_mark(e, (const char *)sqlite3_column_text(s, 0));
	sqlite3_reset(s);
	if (rc != SQLITE_DONE)
		return rc == SQLITE_ROW ? 1 : -1;
	return 0;
}

/* 1: the key was used before, and the event is marked so; 0; -1. */
static int
sqlite_writer_take_key(struct sqlite_writer *w, struct batch *b,
    struct batch_event *e)
{
	struct text_span key = { b->bytes.data + e->key_off, e->key_len };
	struct text_span id = batch_event_id(b, e);
	sqlite3_stmt *s;
	int rc = 0;

	if (sqlite_writer_is_kept(w, b, e))
		return 1;
	if (w->file.has_old_keys)
		rc = sqlite_writer_find_key(w, e, sqlite_writer_old_key(key));
	if (rc != 0)
		return rc;
	/* Most keys are new, and storing one finds out by itself. */
	if ((s = sqlite_file_use(&w->file, STATEMENT_ADD_KEY)) == NULL)
		return -1;
	sqlite_writer_bind_key(w, s, 1, key);
	sqlite3_bind_text(s, 2, id.text, (int)id.len, SQLITE_STATIC);
	sqlite3_bind_int64(s, 3, (sqlite3_int64)b->wall_ms);
	if (sqlite_file_step(s) == -1)
		return -1;
	if (sqlite3_changes(w->file.db) == 0)
		return sqlite_writer_find_key(w, e, key);
	w->added_keys++;
	return 0;
}

/* Makes the events that were gathered for a channel a row; 0 or -1. */
static int
sqlite_writer_flush(struct sqlite_writer *w, struct sqlite_channel *c)
{
	sqlite3_stmt *s;
	int rc;

	if (c->run_events == 0)
		return 0;
	if ((s = sqlite_file_use(&w->file, STATEMENT_ADD_RUN)) == NULL)
		return -1;
	sqlite3_bind_int64(s, 1, c->id);
	sqlite_file_bind_id(s, 2, c->run_last);
	sqlite3_bind_int64(s, 4, (sqlite3_int64)c->run_first_ms);
	sqlite3_bind_int64(s, 5, (sqlite3_int64)c->run_events);
	sqlite3_bind_int64(s, 6, (sqlite3_int64)c->run_bytes);
	sqlite3_bind_blob(s, 7, c->run.data, (int)c->run.len, SQLITE_STATIC);
	rc = sqlite3_step(s);
	sqlite3_reset(s);
	sqlite3_clear_bindings(s);
	buffer_clear(&c->run);
	c->run_events = c->run_bytes = 0;
	return rc == SQLITE_DONE ? 0 : -1;
}

static int
sqlite_writer_add_own(struct sqlite_writer *w, const struct sqlite_channel *c,
    struct text_span own, struct id id)
{
	sqlite3_stmt *s = sqlite_file_use(&w->file, STATEMENT_ADD_OWN);

	if (s == NULL)
		return -1;
	sqlite3_bind_int64(s, 1, c->id);
	sqlite3_bind_text(s, 2, own.text, (int)own.len, SQLITE_STATIC);
	sqlite_file_bind_id(s, 3, id);
	return sqlite_file_step(s);
}

/* Counts an event, as the figures will be when the transaction is through. */
static void
sqlite_writer_count(struct sqlite_writer *w, struct sqlite_channel *c,
    const struct batch_event *e, const struct batch_channel *to)
{
	if (c->events++ == 0)
		c->oldest_ms = e->id.ms;
	if (c->run_events++ == 0)
		c->run_first_ms = e->id.ms;
	c->bytes += e->record_len;
	c->run_bytes += e->record_len;
	c->run_last = e->id;
	c->keep = to->keep;
	c->keep_bytes = to->keep_bytes;
	c->keep_ms = to->keep_ms;
	w->added_events++;
	w->added_bytes += e->record_len;
	if (c->is_touched)
		return;
	c->is_touched = true;
	c->next_touched = w->touched;
	w->touched = c;
}

static int
sqlite_writer_add(struct sqlite_writer *w, const struct batch *b,
    const struct batch_event *e, const struct batch_channel *to)
{
	struct sqlite_channel *c =
	    sqlite_writer_channel(w, to->name, to->name_len);
	struct run_event event = { .id = e->id,
		.expires_ms = e->expires_wall_ms,
		.record = b->bytes.data + e->record_off,
		.record_len = e->record_len };

	if (c == NULL)
		return -1;
	if (c->run.len > 0 &&
	    c->run.len + RUN_HEAD_BYTES + e->record_len > RUN_MAX_BYTES &&
	    sqlite_writer_flush(w, c) == -1)
		return -1;
	if (run_append(&c->run, &event) == -1)
		return -1;
	sqlite_writer_count(w, c, e, to);
	if (e->own_id_len == 0)
		return 0;
	return sqlite_writer_add_own(w, c, batch_event_id(b, e), e->id);
}

static int
sqlite_writer_take(struct sqlite_writer *w, struct batch *b,
    struct batch_event *e)
{
	int known = e->key_len > 0 ? sqlite_writer_take_key(w, b, e) : 0;
	size_t i;

	if (known != 0)
		return known == 1 ? 0 : -1;
	for (i = 0; i < e->channel_count; i++)
		if (sqlite_writer_add(w, b, e,
			&b->channels[e->channel_first + i]) == -1)
			return -1;
	return 0;
}

int
sqlite_writer_save(struct sqlite_writer *w, const struct sqlite_channel *c)
{
	sqlite3_stmt *s = sqlite_file_use(&w->file, STATEMENT_SET_CHANNEL);

	if (s == NULL)
		return -1;
	sqlite3_bind_int64(s, 1, c->id);
	sqlite3_bind_int64(s, 2, (sqlite3_int64)c->keep);
	sqlite3_bind_int64(s, 3, (sqlite3_int64)c->keep_bytes);
	sqlite3_bind_int64(s, 4, (sqlite3_int64)c->keep_ms);
	sqlite3_bind_int64(s, 5, (sqlite3_int64)c->events);
	sqlite3_bind_int64(s, 6, (sqlite3_int64)c->bytes);
	sqlite3_bind_int64(s, 7, (sqlite3_int64)c->oldest_ms);
	sqlite_file_bind_id(s, 8, c->floor);
	return sqlite_file_step(s);
}

int
sqlite_writer_count_forgotten(struct sqlite_writer *w)
{
	sqlite3_stmt *s = sqlite_file_use(&w->file, STATEMENT_COUNT_FORGOTTEN);
	int rc;

	if (s == NULL)
		return -1;
	if ((rc = sqlite3_step(s)) == SQLITE_ROW)
		w->forgotten = (uint64_t)sqlite3_column_int64(s, 0);
	sqlite3_reset(s);
	return rc == SQLITE_ROW ? 0 : -1;
}

static int
sqlite_writer_finish(struct sqlite_writer *w, struct id last)
{
	struct sqlite_channel *c;
	sqlite3_stmt *s;

	for (c = w->touched; c != NULL; c = c->next_touched)
		if (sqlite_writer_flush(w, c) == -1 ||
		    sqlite_writer_save(w, c) == -1)
			return -1;
	if ((s = sqlite_file_use(&w->file, STATEMENT_SET_LAST)) == NULL)
		return -1;
	sqlite_file_bind_id(s, 1, last);
	if (sqlite3_step(s) != SQLITE_DONE)
		return -1;
	sqlite3_reset(s);
	/*
	 * An event that is in memory alone will be missed by whoever resumes
	 * from before it, once the memory is gone.
	 */
	if (w->unstored.ms > 0) {
		s = sqlite_file_use(&w->file, STATEMENT_SET_FLOOR);
		if (s == NULL)
			return -1;
		sqlite_file_bind_id(s, 1, w->unstored);
		if (sqlite3_step(s) != SQLITE_DONE)
			return -1;
		sqlite3_reset(s);
	}
	if (space_reserve(&w->file) == -1)
		return -1;
	return sqlite_file_run(&w->file, STATEMENT_COMMIT);
}

void
sqlite_writer_add_over(struct sqlite_writer *w, struct sqlite_channel *c)
{
	if (c->is_over)
		return;
	c->is_over = true;
	c->next_over = NULL;
	*w->over_end = c;
	w->over_end = &c->next_over;
}

/*
 * The transaction is through: its counts hold now, and channels that have too
 * much are noted for retention.
 */
static void
sqlite_writer_settle(struct sqlite_writer *w)
{
	struct sqlite_channel *c;

	w->events += w->added_events;
	w->bytes += w->added_bytes;
	w->channel_count += w->added_channels;
	w->key_count += w->added_keys;
	while ((c = w->touched) != NULL) {
		w->touched = c->next_touched;
		c->is_touched = false;
		if (c->events > c->keep || c->bytes > c->keep_bytes)
			sqlite_writer_add_over(w, c);
	}
	if (w->all_count > SQLITE_CACHE_MAX && w->over == NULL)
		sqlite_writer_forget(w);
}

int
sqlite_writer_commit(struct sqlite_writer *w, struct batch *first,
    const struct batch *end)
{
	struct id last = w->last;
	struct batch *b;
	size_t i;

	w->added_events = w->added_bytes = 0;
	w->added_channels = w->added_keys = 0;
	if (sqlite_file_run(&w->file, STATEMENT_BEGIN) == -1)
		return -1;
	for (b = first; b != end; b = STAILQ_NEXT(b, link)) {
		for (i = 0; i < b->event_count; i++) {
			if (!b->events[i].is_fleeting &&
			    sqlite_writer_take(w, b, &b->events[i]) == -1)
				return -1;
			last = b->events[i].id;
		}
		if (sqlite_note_commit(&w->file, b) == -1)
			return -1;
	}
	if (sqlite_writer_finish(w, last) == -1)
		return -1;
	sqlite_writer_settle(w);
	memset(&w->unstored, 0, sizeof w->unstored);
	w->last = last;
	return 0;
}
