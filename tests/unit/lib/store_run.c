/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include <sqlite3.h>

#include "base/clock.h"
#include "store_run.h"

enum {
	STORE_RUN_LIMIT_S = 100 /* then something hangs */
};

struct store_run *
store_run_start(void)
{
	struct store_run *run = calloc(1, sizeof *run);

	assert_non_null(run);
	alarm(STORE_RUN_LIMIT_S);
	snprintf(run->dir, sizeof run->dir, "/tmp/crier-store-XXXXXX");
	assert_non_null(mkdtemp(run->dir));
	snprintf(run->path, sizeof run->path, "%s/h.db", run->dir);
	snprintf(run->url, sizeof run->url, "sqlite:%s", run->path);
	assert_non_null(run->base = event_base_new());
	run->options.url = run->url;
	run->options.durability = STORE_PROCESS;
	run->options.bounds.key_ms = 86400000;
	run->options.bounds.keys = 1000000;
	run->options.base = run->base;
	run->keep = run->keep_bytes = 1000000;
	run->wall_ms = clock_wall_ms();
	store_run_open(run);
	return run;
}

void
store_run_open(struct store_run *run)
{
	char *cause;

	run->store = store_open(&run->options, &cause);
	if (run->store == NULL)
		fail_msg("%s", cause);
}

char *
store_run_fail(struct store_run *run)
{
	char *cause;

	assert_null(store_open(&run->options, &cause));
	assert_non_null(cause);
	return cause;
}

void
store_run_close(struct store_run *run)
{
	store_close(run->store);
	run->store = NULL;
}

static int
store_run_visit(const struct store_run *run, const char *part, bool remove)
{
	DIR *dir = opendir(run->dir);
	struct dirent *d;
	char path[512];
	int count = 0;

	assert_non_null(dir);
	while ((d = readdir(dir)) != NULL) {
		if (d->d_name[0] == '.' || strstr(d->d_name, part) == NULL)
			continue;
		count++;
		snprintf(path, sizeof path, "%s/%s", run->dir, d->d_name);
		if (remove)
			assert_int_equal(unlink(path), 0);
	}
	closedir(dir);
	return count;
}

int
store_run_count_files(const struct store_run *run, const char *part)
{
	return store_run_visit(run, part, false);
}

void
store_run_stop(struct store_run *run)
{
	store_run_close(run);
	event_base_free(run->base);
	store_run_visit(run, "", true);
	assert_int_equal(rmdir(run->dir), 0);
	free(run);
	alarm(0);
}

static void
store_run_add_channels(const struct store_run *run, struct batch *b,
    const char *names)
{
	struct batch_channel c = { .keep = run->keep,
		.keep_bytes = run->keep_bytes,
		.keep_ms = run->keep_ms };
	size_t len;

	for (; *names != '\0'; names += len + (names[len] == ',')) {
		len = strcspn(names, ",");
		c.name = names;
		c.name_len = len;
		batch_add_channel(b, &c);
	}
}

void
store_run_add(const struct store_run *run, struct batch *b,
    const struct store_run_event *from, size_t data_bytes)
{
	struct batch_event e = { .id = { from->ms, from->n },
		.expires_wall_ms = from->expires_ms,
		.record_off = b->bytes.len,
		.channel_first = b->channel_count };
	char text[ID_TEXT_SIZE];
	const char *id = text;
	char *data;

	id_format(e.id, text);
	if (from->own_id != NULL) {
		id = from->own_id;
		e.own_id_len = strlen(id);
	}
	assert_int_equal(batch_reserve(b, STORE_RUN_NAMES), 0);
	store_run_add_channels(run, b, from->channels);
	e.channel_count = b->channel_count - e.channel_first;
	assert_int_equal(buffer_printf(&b->bytes, "id: %s\ndata: ", id), 0);
	assert_non_null(data = buffer_reserve(&b->bytes, data_bytes + 1));
	memset(data, 'x', data_bytes);
	buffer_commit(&b->bytes, data_bytes);
	assert_int_equal(buffer_append(&b->bytes, "\n\n", 2), 0);
	e.record_len = b->bytes.len - e.record_off;
	e.key_off = b->bytes.len;
	if (from->key != NULL) {
		e.key_len = strlen(from->key);
		assert_int_equal(buffer_append(&b->bytes, from->key, e.key_len),
		    0);
	}
	batch_add_event(b, &e);
}

static void
store_run_batch_done(struct batch *b)
{
	struct store_run *run = b->hub;

	run->done++;
}

void
store_run_commit(struct store_run *run, struct batch *b, bool wait)
{
	size_t want = run->done + 1;

	b->wall_ms = run->wall_ms;
	b->done = store_run_batch_done;
	b->hub = run;
	run->store->ops->commit(run->store, b);
	while (wait && run->done < want)
		event_base_loop(run->base, EVLOOP_ONCE);
}

enum batch_outcome
store_run_put(struct store_run *run, const struct store_run_event *from)
{
	struct batch *b = batch_new();
	enum batch_outcome outcome;

	assert_non_null(b);
	store_run_add(run, b, from, 1);
	store_run_commit(run, b, true);
	outcome = b->events[0].outcome;
	if (outcome == BATCH_REFUSED)
		assert_string_not_equal(b->error, "");
	batch_free(b);
	return outcome;
}

void
store_run_put_many(struct store_run *run, const char *channel, uint64_t ms,
    size_t count, size_t data_bytes)
{
	struct store_run_event e = { .ms = ms, .channels = channel };
	struct batch *b = batch_new();

	assert_non_null(b);
	for (; e.n < count; e.n++)
		store_run_add(run, b, &e, data_bytes);
	store_run_commit(run, b, true);
	assert_int_equal(b->events[0].outcome, BATCH_ACCEPTED);
	batch_free(b);
}

void
store_run_ask(struct store_run *run, struct store_read *r, const char *channels,
    uint64_t ms, uint64_t n)
{
	size_t len;

	memset(r, 0, sizeof *r);
	memset(run->ranges, 0, sizeof run->ranges);
	r->ranges = run->ranges;
	for (; *channels != '\0'; channels += len + (channels[len] == ',')) {
		len = strcspn(channels, ",");
		snprintf(run->names[r->range_count],
		    sizeof run->names[r->range_count], "%.*s", (int)len,
		    channels);
		r->ranges[r->range_count].name = run->names[r->range_count];
		r->ranges[r->range_count].after.ms = ms;
		r->ranges[r->range_count++].after.n = n;
	}
	r->upto.ms = INT64_MAX;
	r->upto.n = INT64_MAX;
	r->wall_ms = run->wall_ms;
	r->room = run->room;
	r->room_bytes = sizeof run->room - 1;
	r->marks = run->marks;
}

static void
store_run_read_done(struct store_read *r)
{
	struct store_run *run = r->arg;

	run->reading--;
}

void
store_run_read(struct store_run *run, struct store_read *r)
{
	r->done = store_run_read_done;
	r->arg = run;
	run->reading++;
	run->store->ops->read(run->store, r);
	while (run->reading > 0)
		event_base_loop(run->base, EVLOOP_ONCE);
	assert_string_equal(r->error, "");
}

const char *
store_run_ids(struct store_run *run, struct store_read *r)
{
	static char text[65536];
	const char *p, *end;
	size_t len = 0;

	store_run_read(run, r);
	r->room[r->bytes] = '\0';
	for (p = r->room; (p = strstr(p, "id: ")) != NULL; p = end) {
		p += strlen("id: ");
		end = strchr(p, '\n');
		len += (size_t)snprintf(text + len, sizeof text - len, "%.*s ",
		    (int)(end - p), p);
		assert_true(len < sizeof text);
	}
	snprintf(text + len, sizeof text - len, r->is_complete ? "." : "...");
	return text;
}

static struct json_object *
store_run_status_value(struct json_object *o, const char *name)
{
	struct json_object *value;

	o = json_object_object_get(o, "store");
	assert_true(json_object_object_get_ex(o, name, &value));
	return value;
}

uint64_t
store_run_status(const struct store_run *run, const char *name)
{
	struct json_object *o = json_object_new_object();
	uint64_t n;

	run->store->ops->status(run->store, o);
	n = (uint64_t)json_object_get_int64(store_run_status_value(o, name));
	json_object_put(o);
	return n;
}

const char *
store_run_status_text(const struct store_run *run, const char *name)
{
	static char text[256];
	struct json_object *o = json_object_new_object();

	run->store->ops->status(run->store, o);
	snprintf(text, sizeof text, "%s",
	    json_object_get_string(store_run_status_value(o, name)));
	json_object_put(o);
	return text;
}

void
store_run_wait(const struct store_run *run, const char *name, uint64_t want)
{
	static const struct timespec pause = { 0, 5000000 };

	while (store_run_status(run, name) != want)
		nanosleep(&pause, NULL);
}

void
store_run_sql(const struct store_run *run, const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(run->path, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 5000);
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	sqlite3_close(db);
}
