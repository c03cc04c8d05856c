/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * The hub as one of several nodes: over a store that gives ids later, brings
 * what others published, moves its position, and loses events.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "hub/node.h"
#include "hub/state.h"
#include "lib/streams.h"

#define TEST_HEAD "X: head\r\n\r\nretry: 3000\n\n"

static struct streams test_hub;
static struct store test_store;
static struct batch_list test_batches;
static struct store_read_list test_reads;

static void
test_commit(struct store *store, struct batch *b)
{
	(void)store;
	STAILQ_INSERT_TAIL(&test_batches, b, link);
}

static void
test_read(struct store *store, struct store_read *r)
{
	(void)store;
	STAILQ_INSERT_TAIL(&test_reads, r, link);
}

static bool
test_cancel(struct store *store, struct store_read *r)
{
	(void)store;
	STAILQ_REMOVE(&test_reads, r, store_read, link);
	return true;
}

static const char *
test_ask(struct store *store, const struct store_question *q)
{
	(void)store;
	(void)q;
	return "nobody is there";
}

static void
test_beat(struct store *store)
{
	(void)store;
}

static const struct store_ops test_ops = {
	.beat = test_beat,
	.ask = test_ask,
	.commit = test_commit,
	.read = test_read,
	.cancel = test_cancel,
};

static struct id
test_id(uint64_t n)
{
	return (struct id){ STREAMS_MS, n };
}

/* The node begins at 10. */
static int
setup(void **state)
{
	(void)state;
	streams_setup(&test_hub, NULL);
	STAILQ_INIT(&test_batches);
	STAILQ_INIT(&test_reads);
	memset(&test_store, 0, sizeof test_store);
	test_store.ops = &test_ops;
	test_store.is_durable = test_store.is_shared = true;
	test_hub.hub->store = &test_store;
	node_begin(test_hub.hub);
	test_store.hooks->moved(test_store.hub, test_id(10), false);
	return 0;
}

static int
teardown(void **state)
{
	struct batch *b;

	(void)state;
	while ((b = STAILQ_FIRST(&test_batches)) != NULL) {
		STAILQ_REMOVE_HEAD(&test_batches, link);
		batch_refuse(b, "closed");
		b->done(b);
	}
	streams_teardown(&test_hub);
	return 0;
}

static void
test_turn(void)
{
	event_base_loop(test_hub.base, EVLOOP_NONBLOCK);
}

static void
test_open(struct streams_client *c, const char *channels, const char *since)
{
	struct streams_request r = { .channels = channels, .since = since };

	memset(c, 0, sizeof *c);
	streams_open(&test_hub, c, &r);
}

/* Somebody else published an event of one byte. */
static void
test_arrive(const char *channel, uint64_t n, const char *data)
{
	struct batch *b = batch_new();
	struct batch_channel c = { .name = channel,
		.name_len = strlen(channel) };
	struct batch_event e = { .channel_count = 1 };

	assert_int_equal(batch_reserve(b, 1), 0);
	assert_int_equal(batch_put_front(b), 0);
	e.record_off = b->bytes.len;
	assert_int_equal(buffer_printf(&b->bytes, "data: %s\n\n", data), 0);
	e.record_len = b->bytes.len - e.record_off;
	batch_add_channel(b, &c);
	batch_add_event(b, &e);
	batch_give_id(b, &b->events[0], test_id(n));
	test_store.hooks->arrived(test_store.hub, b);
	batch_free(b);
}

/* The log has the first so many events of the batch, from this id on. */
static void
test_come(size_t events, uint64_t n)
{
	struct batch *b = STAILQ_FIRST(&test_batches);
	size_t i;

	assert_non_null(b);
	for (i = b->taken; i < events; i++)
		batch_give_id(b, &b->events[i], test_id(n++));
	if (events < b->event_count) {
		b->came(b, events);
		return;
	}
	STAILQ_REMOVE_HEAD(&test_batches, link);
	b->done(b);
}

/* The store has nothing up to the position, and these are its floors. */
static void
test_answer(uint64_t floor, bool is_ahead)
{
	struct store_read *r;
	size_t i;

	test_turn();
	r = STAILQ_FIRST(&test_reads);
	assert_non_null(r);
	STAILQ_REMOVE_HEAD(&test_reads, link);
	for (i = 0; i < r->range_count; i++)
		r->ranges[i].floor = test_id(floor);
	r->is_ahead = is_ahead;
	r->is_complete = !is_ahead;
	r->done(r);
	test_turn();
}

static void
test_head(struct streams_client *c)
{
	streams_settle(&test_hub, c, 1);
	buffer_truncate(&c->text, 0);
}

static void
test_want(struct streams_client *c, const char *want)
{
	streams_settle(&test_hub, c, 1);
	streams_assert_text(c, want);
}

/* Own batches and others' come in the log's order, also within a batch. */
static void
test_order(void **state)
{
	struct streams_client c;

	(void)state;
	test_open(&c, "a", NULL);
	test_head(&c);
	streams_publish(&test_hub, "a", "own1");
	streams_publish(&test_hub, "a", "own2");
	streams_deliver(&test_hub);
	test_arrive("a", 11, "other1");
	test_arrive("b", 12, "elsewhere");
	test_come(1, 13);
	test_arrive("a", 14, "other2");
	assert_int_equal(test_hub.hub->turn.appended.n, 14);
	test_come(2, 15);
	test_want(&c,
	    "id: 9000000000000-11\ndata: other1\n\n"
	    "id: 9000000000000-13\ndata: own1\n\n"
	    "id: 9000000000000-14\ndata: other2\n\n"
	    "id: 9000000000000-15\ndata: own2\n\n");
	assert_int_equal(test_hub.hub->turn.committing, 0);
	assert_int_equal(test_hub.hub->counters.published, 2);
	streams_close(&c);
}

/* Who follows a channel that none did before reads it in the store. */
static void
test_passed(void **state)
{
	struct streams_client c;

	(void)state;
	test_arrive("b", 11, "elsewhere");
	assert_null(channel_find(test_hub.hub, "b", 1));
	test_open(&c, "b", "9000000000000-10");
	test_turn();
	assert_false(STAILQ_EMPTY(&test_reads));
	test_answer(0, false);
	test_want(&c, TEST_HEAD "id: 9000000000000-10\n\n");
	streams_close(&c);
}

/* A client from a node that is further waits until this one has come there. */
static void
test_ahead(void **state)
{
	struct streams_client c;

	(void)state;
	test_open(&c, "a", "9000000000000-12");
	test_turn();
	assert_int_equal(test_hub.hub->replays.held_count, 1);
	assert_true(STAILQ_EMPTY(&test_reads));
	test_arrive("a", 11, "seen");
	test_arrive("a", 12, "seen, too");
	assert_int_equal(test_hub.hub->replays.held_count, 0);
	test_answer(10, false);
	test_arrive("a", 13, "new");
	test_want(&c,
	    TEST_HEAD "id: 9000000000000-12\n\n"
		      "id: 9000000000000-13\ndata: new\n\n");
	streams_close(&c);
}

/* The store is asked for an id that does not come; nobody gave it. */
static void
test_forged(void **state)
{
	struct streams_client c;

	(void)state;
	test_open(&c, "a", "9000000000000-99");
	test_turn();
	assert_int_equal(test_hub.hub->replays.held_count, 1);
	while (STAILQ_EMPTY(&test_reads))
		event_base_loop(test_hub.base, EVLOOP_ONCE);
	/* It may be on the log yet. */
	test_answer(0, true);
	assert_int_equal(test_hub.hub->replays.held_count, 1);
	while (STAILQ_EMPTY(&test_reads))
		event_base_loop(test_hub.base, EVLOOP_ONCE);
	test_answer(0, false);
	test_answer(0, false);
	streams_settle(&test_hub, &c, 1);
	assert_int_equal(test_hub.hub->counters.gaps, 1);
	streams_close(&c);
}

/* One that leaves while it is held is forgotten. */
static void
test_leaves(void **state)
{
	struct streams_client c;

	(void)state;
	test_open(&c, "a", "9000000000000-12");
	test_turn();
	stream_kill(c.stream, STREAM_CLIENT);
	assert_int_equal(test_hub.hub->replays.held_count, 0);
	test_arrive("a", 12, "x");
	streams_close(&c);
}

/* What was skipped is read, from where each stream was; nothing is missing. */
static void
test_skipped(void **state)
{
	struct streams_client c;
	const struct store_read *r;

	(void)state;
	test_open(&c, "a", NULL);
	test_head(&c);
	test_arrive("b", 20, "elsewhere");
	test_store.hooks->moved(test_store.hub, test_id(30), false);
	test_turn();
	assert_non_null(r = STAILQ_FIRST(&test_reads));
	assert_int_equal(r->ranges[0].after.n, 20);
	assert_int_equal(r->upto.n, 30);
	test_answer(15, false);
	test_arrive("a", 31, "x");
	test_want(&c, "id: 9000000000000-31\ndata: x\n\n");
	assert_int_equal(test_hub.hub->counters.gaps, 0);
	streams_close(&c);
}

/* Whoever may have missed what was lost is told; once. */
static void
test_lost(void **state)
{
	struct streams_client c, later;

	(void)state;
	test_open(&c, "a", NULL);
	test_head(&c);
	test_arrive("a", 11, "x");
	test_store.hooks->moved(test_store.hub, test_id(30), true);
	test_arrive("a", 31, "y");
	test_want(&c,
	    "id: 9000000000000-11\ndata: x\n\n"
	    "event: crier.gap\ndata: {\"channel\":\"a\","
	    "\"since\":\"9000000000000-11\"}\n\n"
	    "id: 9000000000000-30\n\n"
	    "id: 9000000000000-31\ndata: y\n\n");
	assert_true(STAILQ_EMPTY(&test_reads));
	test_open(&later, "a", "9000000000000-11");
	test_answer(30, false);
	streams_settle(&test_hub, &later, 1);
	assert_int_equal(test_hub.hub->counters.gaps, 2);
	streams_close(&c);
	streams_close(&later);
	test_open(&later, "a", "9000000000000-30");
	test_want(&later,
	    TEST_HEAD "id: 9000000000000-30\n\n"
		      "id: 9000000000000-31\ndata: y\n\n");
	streams_close(&later);
}

/* Without its store memory serves what it can; the others come again. */
static void
test_away(void **state)
{
	struct streams_request r = { .channels = "a",
		.since = "9000000000000-10" };
	struct streams_client c = { 0 };

	(void)state;
	test_store.is_down = true;
	streams_open(&test_hub, &c, &r);
	streams_close(&c);
	r.since = "9000000000000-5";
	memset(&c, 0, sizeof c);
	assert_int_equal(streams_ask(&test_hub, &c, &r), HUB_AWAY);
	r.since = "9000000000000-15";
	assert_int_equal(streams_ask(&test_hub, &c, &r), HUB_AWAY);
	/* Before the first position nobody knows where to begin. */
	test_hub.hub->turn.appended = (struct id){ 0, 0 };
	r.since = NULL;
	assert_int_equal(streams_ask(&test_hub, &c, &r), HUB_AWAY);
}

/* What the store refuses of crier's own has no id: the next one tells. */
static void
test_own_refused(void **state)
{
	struct streams_client watcher, c[2];
	size_t i;

	(void)state;
	test_open(&watcher, NOTICE_CHANNEL, NULL);
	test_head(&watcher);
	for (i = 0; i < 2; i++) {
		test_open(&c[i], "a", NULL);
		streams_deliver(&test_hub);
		if (i == 0)
			batch_refuse(STAILQ_FIRST(&test_batches), "away");
		test_come(1, 11);
	}
	streams_settle(&test_hub, &watcher, 1);
	buffer_append(&watcher.text, "", 1);
	assert_null(strstr(watcher.text.data, "9000000000000-10"));
	assert_non_null(strstr(watcher.text.data, "id: 9000000000000-11"));
	assert_non_null(strstr(watcher.text.data, "\"lost\":1"));
	for (i = 0; i < 2; i++)
		streams_close(&c[i]);
	streams_close(&watcher);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_order),
		TEST(test_passed),
		TEST(test_ahead),
		TEST(test_forged),
		TEST(test_leaves),
		TEST(test_skipped),
		TEST(test_lost),
		TEST(test_away),
		TEST(test_own_refused),
	};

	return cmocka_run_group_tests_name("node", tests, NULL, NULL);
}
