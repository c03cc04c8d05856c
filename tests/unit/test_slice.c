/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "hub/slice.h"
#include "lib/streams.h"
#include "lib/support.h"

/*
 * The turns of replays, with a store that answers when the test wants it to.
 */

enum {
	TEST_CLIENTS = 64
};

static struct streams test_hub;
static struct streams_client test_clients[TEST_CLIENTS];
static struct store test_store; /* over the hub's own */
static struct store_read_list test_reads;
static size_t test_made, test_cancelled;
static bool test_is_busy; /* the store has begun all its reads */

static void
test_store_commit(struct store *store, struct batch *b)
{
	(void)store;
	test_hub.store->ops->commit(test_hub.store, b);
}

static void
test_store_read(struct store *store, struct store_read *r)
{
	(void)store;
	test_made++;
	STAILQ_INSERT_TAIL(&test_reads, r, link);
}

static bool
test_store_cancel(struct store *store, struct store_read *r)
{
	(void)store;
	if (test_is_busy)
		return false;
	STAILQ_REMOVE(&test_reads, r, store_read, link);
	test_cancelled++;
	return true;
}

static const struct store_ops test_store_ops = {
	.commit = test_store_commit,
	.read = test_store_read,
	.cancel = test_store_cancel,
};

static int
setup_with(const char *const *settings)
{
	streams_setup(&test_hub, settings);
	STAILQ_INIT(&test_reads);
	test_made = test_cancelled = 0;
	test_is_busy = false;
	test_store.ops = &test_store_ops;
	test_store.is_durable = true;
	test_hub.hub->store = &test_store;
	return 0;
}

static int
setup(void **state)
{
	static const char *const settings[] = { "replay-waiting=4", NULL };

	(void)state;
	return setup_with(settings);
}

static int
setup_small(void **state)
{
	static const char *const settings[] = { "replay-bytes=1M",
		"stall-time=0", NULL };

	(void)state;
	return setup_with(settings);
}

static void
test_close_all(void)
{
	size_t i;

	for (i = 0; i < TEST_CLIENTS; i++)
		if (test_clients[i].fd > 0)
			streams_close(&test_clients[i]);
	memset(test_clients, 0, sizeof test_clients);
}

static void
test_turn(void)
{
	event_base_loop(test_hub.base, EVLOOP_NONBLOCK);
}

/* The store answers its first read with so many events of so many bytes. */
static void
test_answer(size_t events, size_t bytes)
{
	struct store_read *r = STAILQ_FIRST(&test_reads);
	size_t i;

	assert_non_null(r);
	STAILQ_REMOVE_HEAD(&test_reads, link);
	if (bytes > r->room_bytes) {
		r->wants = bytes;
		events = 0;
	}
	for (i = 0; i < events && r->bytes + bytes <= r->room_bytes; i++) {
		memset(r->room + r->bytes, '\n', bytes);
		memcpy(r->room + r->bytes, "data: x", strlen("data: x"));
		r->bytes += bytes;
		r->last_id = (struct id){ 1, i + 1 };
		r->events++;
		r->marks[r->mark_count++] =
		    (struct store_mark){ r->bytes, 1, r->last_id, r->ranges };
	}
	r->first_id = (struct id){ 1, 1 };
	r->is_complete = r->wants == 0 && i == events;
	r->done(r);
	test_turn();
}

static int
teardown(void **state)
{
	(void)state;
	test_close_all();
	test_is_busy = false;
	test_turn();
	while (!STAILQ_EMPTY(&test_reads))
		test_answer(0, 0);
	streams_teardown(&test_hub);
	return 0;
}

static enum hub_answer
test_ask(size_t client, const char *user)
{
	struct streams_request r = { .channels = "a",
		.user = user,
		.since_all = true,
		.is_framed = true };
	enum hub_answer answer =
	    streams_ask(&test_hub, &test_clients[client], &r);

	test_turn();
	return answer;
}

static const char *
test_reader(const struct store_read *r)
{
	return stream_user(((const struct slice *)r->arg)->asker->stream);
}

/* Eight of anna's streams ask, then one of ben's: his turn is the next. */
static void
test_turns(void **state)
{
	static const char *const want[] = { "anna", "anna", "anna", "anna",
		"anna", "ben", "anna" };
	size_t i;

	(void)state;
	for (i = 0; i < SLICE_READS + 2; i++)
		assert_int_equal(test_ask(i, "anna"), HUB_OPENED);
	assert_int_equal(test_made, SLICE_READS);
	assert_int_equal(test_ask(i, "ben"), HUB_OPENED);
	for (i = 0; i < sizeof want / sizeof *want; i++) {
		assert_string_equal(test_reader(STAILQ_FIRST(&test_reads)),
		    want[i]);
		test_answer(1, 100);
	}
	assert_int_equal(test_hub.hub->slices.count, 0);
	assert_int_equal(test_hub.hub->slices.bytes, 0);
	assert_int_equal(test_hub.hub->counters.delivered, i);
}

/* A client may have half of the places, and all together all of them. */
static void
test_bound(void **state)
{
	static const struct {
		const char *user;
		enum hub_answer answer;
	} asks[] = {
		{ "anna", HUB_OPENED },
		{ "anna", HUB_OPENED },
		{ "anna", HUB_WAITING },
		{ "ben", HUB_OPENED },
		{ "carl", HUB_OPENED },
		{ "dora", HUB_WAITING },
	};
	size_t n, i;

	(void)state;
	for (n = 0; n < SLICE_READS; n++)
		assert_int_equal(test_ask(n, "anna"), HUB_OPENED);
	for (i = 0; i < sizeof asks / sizeof *asks; i++)
		assert_int_equal(test_ask(n + i, asks[i].user), asks[i].answer);
	assert_int_equal(test_hub.hub->slices.waiting, 4);
	assert_int_equal(test_hub.hub->counters.replays_refused, 2);
	assert_int_equal(test_hub.hub->counters.turned_away, 2);
	test_answer(0, 0);
	assert_int_equal(test_ask(n + i, "dora"), HUB_OPENED);
}

/* Nothing is read for who has left, unless the store has begun. */
static void
test_leaving(void **state)
{
	struct hub *hub = test_hub.hub;
	size_t n;

	(void)state;
	for (n = 0; n < SLICE_READS + 2; n++)
		assert_int_equal(test_ask(n, "anna"), HUB_OPENED);
	assert_int_equal(test_ask(n, "ben"), HUB_OPENED);
	for (n = 0; n < SLICE_READS + 2; n++)
		streams_close(&test_clients[n]);
	memset(test_clients, 0, (SLICE_READS + 2) * sizeof *test_clients);
	test_turn();
	test_turn();
	assert_int_equal(test_cancelled, SLICE_READS);
	assert_int_equal(hub->counters.replays_cancelled, SLICE_READS + 2);
	assert_int_equal(hub->slices.count, 1);
	assert_string_equal(test_reader(STAILQ_FIRST(&test_reads)), "ben");
	/* He leaves while it is read. */
	test_is_busy = true;
	test_close_all();
	test_turn();
	assert_int_equal(hub->slices.count, 1);
	test_answer(1, 100);
	assert_int_equal(hub->slices.count, 0);
	assert_int_equal(hub->slices.bytes, 0);
}

/* Clients that read nothing have no more than the budget together. */
static void
test_budget(void **state)
{
	struct hub *hub = test_hub.hub;
	struct hub_slices *all = &hub->slices;
	size_t n, most = 0, most_pinned = 0;

	(void)state;
	for (n = 0; n < TEST_CLIENTS; n++)
		assert_int_equal(test_ask(n, NULL), HUB_OPENED);
	while (all->waiting > 0 || all->reads > 0) {
		if (STAILQ_EMPTY(&test_reads))
			event_base_loop(test_hub.base, EVLOOP_ONCE);
		else
			test_answer(100, 60000);
		if (all->bytes + all->pinned_bytes > most)
			most = all->bytes + all->pinned_bytes;
		if (all->pinned_bytes > most_pinned)
			most_pinned = all->pinned_bytes;
	}
	assert_in_range(most, 512 << 10, 1 << 20);
	assert_in_range(most_pinned, (512 << 10) - 60000, 512 << 10);
	assert_true(hub->counters.replays_interrupted > 0);
	assert_true(hub->counters.replays_ended > 0);
	/* Nobody reads, so nobody was brought more than a socket takes. */
	assert_true(hub->counters.delivered < (uint64_t)TEST_CLIENTS * 20);
	test_close_all();
	test_turn();
	test_turn();
	assert_int_equal(all->bytes + all->pinned_bytes, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_turns, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bound, setup, teardown),
		cmocka_unit_test_setup_teardown(test_leaving, setup, teardown),
		cmocka_unit_test_setup_teardown(test_budget, setup_small,
		    teardown),
	};

	return cmocka_run_group_tests_name("slice", tests, NULL, NULL);
}
