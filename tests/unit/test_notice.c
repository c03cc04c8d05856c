/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "hub/notice.h"
#include "hub/stats.h"
#include "lib/streams.h"

/* crier's own channels: `$streams` and `$stats`. */

static struct streams test_hub;
static struct streams_client test_watcher;

/* A store that refuses, or that keeps batches until test_release. */
static struct store_ops test_ops;
static struct batch_list test_batches;

static void
test_refuse(struct store *store, struct batch *b)
{
	batch_give_ids(b, &store->last);
	batch_refuse(b, "full");
	b->done(b);
}

static void
test_hold(struct store *store, struct batch *b)
{
	batch_give_ids(b, &store->last);
	STAILQ_INSERT_TAIL(&test_batches, b, link);
}

static void
test_release(void)
{
	struct batch *b;

	while ((b = STAILQ_FIRST(&test_batches)) != NULL) {
		STAILQ_REMOVE_HEAD(&test_batches, link);
		b->done(b);
	}
}

static void
test_set_commit(void (*commit)(struct store *, struct batch *))
{
	STAILQ_INIT(&test_batches);
	test_ops = *test_hub.store->ops;
	test_ops.commit = commit;
	test_hub.store->ops = &test_ops;
}

static void
test_open(struct streams_client *c, const char *channels, const char *user)
{
	struct streams_request r = { .channels = channels,
		.is_framed = true,
		.user = user,
		.address = "192.0.2.7" };

	streams_open(&test_hub, c, &r);
}

/* From an id on, or from now. */
static void
test_watch(struct streams_client *c, const char *channels, const char *since)
{
	struct streams_request r = { .channels = channels, .since = since };

	streams_open(&test_hub, c, &r);
	streams_settle(&test_hub, c, 1);
}

static void
test_setup(const char *const *settings)
{
	streams_setup(&test_hub, settings);
	test_watch(&test_watcher, NOTICE_CHANNEL, NULL);
	buffer_truncate(&test_watcher.text, 0);
}

static void
test_teardown(void)
{
	streams_close(&test_watcher);
	streams_teardown(&test_hub);
}

/* Ends the turn, and what comes of it; how many turns that took. */
static unsigned
test_turn(void)
{
	unsigned turns = 0;

	while (test_hub.hub->turn.batch != NULL) {
		assert_true(turns++ < 4);
		streams_deliver(&test_hub);
		streams_settle(&test_hub, &test_watcher, 1);
	}
	return turns;
}

static const char *
test_text(struct streams_client *c)
{
	assert_int_equal(buffer_append(&c->text, "", 1), 0);
	buffer_truncate(&c->text, 0);
	return c->text.data;
}

#define OPEN_1                                                      \
	"id: 9000000000000-2\nevent: open\ndata: {\"do\":\"open\"," \
	"\"stream\":2,\"user\":\"anna\",\"address\":\"192.0.2.7\"," \
	"\"channels\":[\"a\",\"b/c\"],\"door\":\"framed\"}\n\n"

static void
test_events(void **state)
{
	struct streams_client c;
	char want[512];
	uint64_t bytes;
	unsigned n;

	(void)state;
	test_setup(NULL);
	test_open(&c, "a,b/c", "anna");
	assert_int_equal(test_turn(), 1);
	assert_string_equal(test_text(&test_watcher), OPEN_1);
	n = streams_publish(&test_hub, "a", "x");
	assert_int_equal(n, 3);
	streams_deliver(&test_hub);
	streams_settle(&test_hub, &c, 1);
	hub_close_channel(test_hub.hub, "a", 1, false);
	bytes = c.stream->bytes; /* dead, but not yet freed */
	assert_int_equal(test_turn(), 1);
	snprintf(want, sizeof want,
	    "id: 9000000000000-4\nevent: close\ndata: {\"do\":\"close\","
	    "\"stream\":2,\"user\":\"anna\",\"address\":\"192.0.2.7\","
	    "\"channels\":[\"a\",\"b/c\"],\"door\":\"framed\",\"seconds\":0,\"events\":1,"
	    "\"bytes\":%llu,\"reason\":\"closed\"}\n\n",
	    (unsigned long long)bytes);
	assert_string_equal(test_text(&test_watcher), want);
	/* They are nobody's publications. */
	assert_int_equal(test_hub.hub->counters.published, 1);
	streams_close(&c);
	test_teardown();
}

/* Those who only watch are not told of; who also follows others is, once. */
static void
test_watchers(void **state)
{
	struct streams_client c[3];

	(void)state;
	test_setup(NULL);
	test_open(&c[0], NOTICE_CHANNEL, NULL);
	test_open(&c[1], NOTICE_CHANNEL "," STATS_CHANNEL, NULL);
	assert_null(test_hub.hub->turn.batch);
	test_open(&c[2], "a," NOTICE_CHANNEL, NULL);
	assert_int_equal(test_turn(), 1);
	assert_non_null(strstr(test_text(&test_watcher), "\"stream\":4,"));
	streams_settle(&test_hub, c, 3);
	assert_non_null(strstr(test_text(&c[2]), "\"stream\":4,"));
	assert_int_equal(hub_close_channel(test_hub.hub, NOTICE_CHANNEL, 8,
			     false),
	    4);
	assert_int_equal(test_turn(), 1);
	assert_int_equal(test_hub.hub->streams.count, 0);
	streams_close(&c[0]);
	streams_close(&c[1]);
	streams_close(&c[2]);
	test_teardown();
}

/* Who is not followed costs nothing: not even a channel. */
static void
test_off(void **state)
{
	struct streams_client c, again;
	struct hub *hub;
	uint64_t later;

	(void)state;
	streams_setup(&test_hub, NULL);
	hub = test_hub.hub;
	test_open(&c, "a", NULL);
	assert_null(hub->turn.batch);
	assert_null(channel_find(hub, NOTICE_CHANNEL, 8));
	test_watch(&test_watcher, NOTICE_CHANNEL, NULL);
	streams_close(&test_watcher);
	streams_settle(&test_hub, &c, 1);
	assert_null(channel_find(hub, NOTICE_CHANNEL, 8));
	stream_kill(c.stream, STREAM_CLIENT);
	assert_null(hub->turn.batch);
	assert_false(hub->notices.is_on);
	streams_close(&c);
	/* History keeps it on, for as long as it would be kept. */
	test_watch(&test_watcher, NOTICE_CHANNEL, NULL);
	test_open(&c, "a", NULL);
	test_turn();
	streams_close(&test_watcher);
	streams_settle(&test_hub, &c, 1);
	test_open(&again, "a", NULL);
	assert_non_null(hub->turn.batch);
	streams_deliver(&test_hub);
	later = hub->config->channels[0].keep_ms + 1;
	hub->clock.now_ms += later;
	stream_kill(again.stream, STREAM_CLIENT);
	assert_null(hub->turn.batch);
	assert_false(hub->notices.is_on);
	streams_close(&again);
	streams_close(&c);
	streams_teardown(&test_hub);
}

static bool
test_has_gap(const char *since)
{
	struct streams_client c;
	bool has_gap;

	test_watch(&c, NOTICE_CHANNEL, since);
	has_gap = strstr(test_text(&c), "crier.gap") != NULL;
	streams_close(&c);
	streams_settle(&test_hub, &test_watcher, 1);
	return has_gap;
}

/* Who resumes from before they were made is told so, and nobody else. */
static void
test_resume(void **state)
{
	struct streams_client c;
	char before[ID_TEXT_SIZE], during[ID_TEXT_SIZE];

	(void)state;
	streams_setup(&test_hub, NULL);
	id_format(test_hub.hub->turn.appended, before);
	test_watch(&test_watcher, NOTICE_CHANNEL, NULL);
	id_format(test_hub.hub->turn.appended, during);
	assert_true(test_has_gap(before));
	assert_false(test_has_gap(during));
	streams_close(&test_watcher);
	streams_settle(&test_hub, &test_watcher, 0);
	/* While nothing happened nothing was missed. */
	test_watch(&test_watcher, NOTICE_CHANNEL, during);
	assert_null(strstr(test_text(&test_watcher), "crier.gap"));
	streams_close(&test_watcher);
	streams_settle(&test_hub, &test_watcher, 0);
	test_open(&c, "a", NULL);
	test_watch(&test_watcher, NOTICE_CHANNEL, during);
	assert_non_null(strstr(test_text(&test_watcher), "crier.gap"));
	/* Of figures nobody is told. */
	streams_close(&c);
	test_watch(&c, STATS_CHANNEL, "1-0");
	assert_null(strstr(test_text(&c), "crier.gap"));
	streams_close(&c);
	test_teardown();
}

/* What the store refuses is told all the same, but may be gone later. */
static void
test_refused(void **state)
{
	struct streams_published p;
	struct event_fields e = {
		.data = "x", .data_len = 1, .retry_ms = EVENT_RETRY_NONE
	};
	struct streams_client c;

	(void)state;
	test_setup(NULL);
	test_set_commit(test_refuse);
	assert_int_equal(streams_publish_event(&test_hub, "a", &e, &p), 0);
	test_open(&c, "a,b/c", "anna");
	streams_deliver(&test_hub);
	streams_settle(&test_hub, &test_watcher, 1);
	assert_non_null(strstr(test_text(&test_watcher), "\"do\":\"open\""));
	assert_int_equal(test_hub.hub->counters.refused, 1);
	assert_int_equal(test_hub.hub->counters.published, 0);
	assert_true(test_has_gap("9000000000000-2"));
	assert_false(test_has_gap("9000000000000-3"));
	streams_close(&c);
	test_teardown();
}

static void
test_outcome_cb(void *arg, struct batch *b)
{
	size_t *streams = arg;

	assert_int_equal(b->event_count, 3);
	*streams = b->events[1].streams;
}

/* A publisher's place in the batch is its own, whatever crier adds. */
static void
test_one_commit(void **state)
{
	struct text_span name = { "a", 1 };
	struct event_fields e = {
		.data = "x", .data_len = 1, .retry_ms = EVENT_RETRY_NONE
	};
	struct streams_client c[2];
	const char *why;
	size_t streams = 0;
	int code;

	(void)state;
	test_setup(NULL);
	test_set_commit(test_hold);
	test_open(&c[0], "a", NULL);
	assert_int_equal(hub_publish(test_hub.hub, &name, 1, &e, &why, &code),
	    1);
	test_open(&c[1], "a", NULL);
	hub_commit(test_hub.hub, test_outcome_cb, &streams);
	/* Those who come meanwhile go with the next one. */
	stream_kill(c[1].stream, STREAM_CLIENT);
	assert_int_equal(test_hub.hub->turn.batch->event_count, 1);
	streams_deliver(&test_hub);
	assert_int_equal(test_hub.hub->turn.committing, 2);
	streams_settle(&test_hub, &test_watcher, 1);
	assert_int_equal(test_watcher.text.len, 0);
	test_release();
	assert_int_equal(streams, 1);
	assert_int_equal(test_hub.hub->turn.committing, 0);
	streams_settle(&test_hub, &test_watcher, 1);
	assert_non_null(strstr(test_text(&test_watcher), "\"do\":\"close\""));
	streams_close(&c[0]);
	streams_close(&c[1]);
	test_teardown();
}

/* Begun while events are on their way: they have their place before it. */
static void
test_begin_meanwhile(void **state)
{
	struct streams_client c;
	struct hub *hub;

	(void)state;
	streams_setup(&test_hub, NULL);
	hub = test_hub.hub;
	test_set_commit(test_hold);
	streams_publish(&test_hub, "a", "x");
	streams_deliver(&test_hub);
	test_watch(&test_watcher, "a," NOTICE_CHANNEL, NULL);
	test_open(&c, "b", NULL);
	streams_deliver(&test_hub);
	assert_true(id_cmp(hub->turn.appended, hub->store->last) < 0);
	buffer_truncate(&test_watcher.text, 0);
	test_release();
	streams_settle(&test_hub, &test_watcher, 1);
	/* Its own opening and the other's, after what was before. */
	assert_memory_equal(test_watcher.text.data,
	    "id: 9000000000000-1\ndata: x\n\nid: 9000000000000-3\n", 49);
	assert_non_null(strstr(test_text(&test_watcher),
	    "id: 9000000000000-4\nevent: open\n"));
	streams_close(&c);
	test_teardown();
}

static void
test_drained_cb(void *arg)
{
	*(bool *)arg = true;
}

/* Drives the loop, and ends its turns as the queue does. */
static void
test_run_loop(struct streams_client *c, size_t count, const bool *is_done)
{
	size_t i;

	while (!*is_done) {
		event_base_loop(test_hub.base, EVLOOP_ONCE);
		if (test_hub.hub->turn.batch != NULL)
			streams_deliver(&test_hub);
		for (i = 0; i < count; i++)
			streams_take(&c[i]);
		streams_take(&test_watcher);
	}
}

/* Those who watch are ended last, one that is stuck or not. */
static void
test_drain(void **state)
{
	static const char *const settings[] = { "drain-time=0.2", NULL };
	static char data[60000];
	struct streams_client c[3];
	bool is_done = false;
	const char *text;
	unsigned i;

	(void)state;
	memset(data, 'x', sizeof data - 1);
	test_setup(settings);
	test_open(&c[0], "a", NULL);
	test_open(&c[1], "a," NOTICE_CHANNEL, NULL);
	test_open(&c[2], "stuck", NULL);
	for (i = 0; i < 40; i++)
		streams_publish(&test_hub, "stuck", data);
	test_turn();
	buffer_truncate(&test_watcher.text, 0);
	hub_drain(test_hub.hub, test_drained_cb, &is_done);
	test_run_loop(c, 2, &is_done);
	assert_int_equal(test_hub.hub->streams.count, 0);
	assert_true(c[0].is_ended);
	text = test_text(&test_watcher);
	assert_non_null(strstr(text, "\"stream\":2,"));
	assert_non_null(strstr(text, "\"stream\":4,"));
	assert_null(strstr(strstr(text, "crier.end"), "event: close"));
	assert_non_null(strstr(test_text(&c[1]), "\"stream\":4,"));
	for (i = 0; i < 3; i++)
		streams_close(&c[i]);
	test_teardown();
}

static void
test_stats(void **state)
{
	struct streams_client c;
	struct channel *channel;
	unsigned i;

	(void)state;
	streams_setup(&test_hub, NULL);
	test_watch(&c, STATS_CHANNEL, NULL);
	assert_true(evtimer_pending(test_hub.hub->stats.tick, NULL));
	buffer_truncate(&c.text, 0);
	for (i = 0; i < 10; i++) {
		stats_tick_cb(-1, 0, test_hub.hub);
		assert_true(test_hub.hub->turn.batch->events[0].is_fleeting);
		assert_int_equal(test_hub.hub->turn.batch->fleeting_count, 1);
		streams_deliver(&test_hub);
	}
	streams_settle(&test_hub, &c, 1);
	assert_non_null(strstr(test_text(&c),
	    "event: stats\ndata: {\"uptime_seconds\":0,\"streams\":1,"));
	channel = channel_find(test_hub.hub, STATS_CHANNEL, 6);
	assert_int_equal(history_count(&channel->history), STATS_KEEP);
	streams_close(&c);
	streams_settle(&test_hub, &c, 0);
	/* Nobody is there: it ends, and leaves nothing. */
	stats_tick_cb(-1, 0, test_hub.hub);
	assert_false(evtimer_pending(test_hub.hub->stats.tick, NULL));
	assert_null(test_hub.hub->turn.batch);
	assert_null(channel_find(test_hub.hub, STATS_CHANNEL, 6));
	streams_teardown(&test_hub);
}

/* A second is counted as it was. */
static void
test_rates(void **state)
{
	struct streams_client c;
	const char *text;

	(void)state;
	streams_setup(&test_hub, NULL);
	test_watch(&c, STATS_CHANNEL, NULL);
	buffer_truncate(&c.text, 0);
	test_hub.hub->counters.published += 1000;
	hub_now(test_hub.hub);
	test_hub.hub->stats.sample_ms = test_hub.hub->clock.now_ms - 100000;
	stats_tick_cb(-1, 0, test_hub.hub);
	streams_deliver(&test_hub);
	streams_settle(&test_hub, &c, 1);
	text = test_text(&c);
	assert_non_null(strstr(text, "\"published\":1000,"));
	assert_non_null(strstr(text, "\"published_per_second\":10,"));
	streams_close(&c);
	streams_teardown(&test_hub);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_watchers),
		cmocka_unit_test(test_off),
		cmocka_unit_test(test_resume),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_one_commit),
		cmocka_unit_test(test_begin_meanwhile),
		cmocka_unit_test(test_drain),
		cmocka_unit_test(test_stats),
		cmocka_unit_test(test_rates),
	};

	return cmocka_run_group_tests_name("notice", tests, NULL, NULL);
}
