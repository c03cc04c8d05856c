/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * Memory runs out, at each allocation in turn: what was asked for is refused
 * or done, and nothing else changes.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "hub/delivery.h"
#include "lib/failing.h"
#include "lib/streams.h"
#include "lib/support.h"

enum {
	TEST_TEMPFAIL = 75,
	TEST_MOST = 1000
};

static struct streams test_hub;

void *__real_malloc(size_t);
void *__real_calloc(size_t, size_t);
void *__real_realloc(void *, size_t);
void *__wrap_malloc(size_t);
void *__wrap_calloc(size_t, size_t);
void *__wrap_realloc(void *, size_t);

void *
__wrap_malloc(size_t size)
{
	return failing_now() ? NULL : __real_malloc(size);
}

void *
__wrap_calloc(size_t count, size_t size)
{
	return failing_now() ? NULL : __real_calloc(count, size);
}

void *
__wrap_realloc(void *p, size_t size)
{
	return failing_now() ? NULL : __real_realloc(p, size);
}

/* Retained by channels a, b, c… of the hub, or -1 for one that is not. */
static int
test_retained(const char *name)
{
	struct channel *c = channel_find(test_hub.hub, name, strlen(name));

	return c == NULL ? -1 : (int)history_count(&c->history);
}

/* What the hub believes to keep is what its channels keep. */
static void
test_check_books(void)
{
	struct channel *c;
	size_t bytes = 0, channels = 0;

	TAILQ_FOREACH(c, &test_hub.hub->channels.all, link) {
		/* cppcheck-suppress uninitvar; the loop sets it */
		bytes += c->history.memory;
		channels++;
	}
	assert_int_equal(test_hub.hub->channels.history_bytes, bytes);
	assert_int_equal(test_hub.hub->channels.table.count, channels);
}

/* Into a that is new, b that has a stream and history, and c that has both. */
static bool
test_publish_once(unsigned n, bool for_good)
{
	static char data[5000];
	struct streams_client client;
	struct streams_request r = { .channels = "b,c", .is_framed = true };
	struct event_fields e = { .data = data,
		.data_len = sizeof data,
		.retry_ms = EVENT_RETRY_NONE };
	struct streams_published p;
	struct id last;
	bool failed;
	int rc;

	memset(data, 'x', sizeof data);
	streams_setup(&test_hub, NULL);
	streams_publish(&test_hub, "b,c", "before");
	streams_deliver(&test_hub);
	streams_open(&test_hub, &client, &r);
	streams_settle(&test_hub, &client, 1);
	buffer_truncate(&client.text, 0);
	last = test_hub.store->last;
	failing_arm(n, for_good);
	rc = streams_publish_event(&test_hub, "a,b,d,c,e", &e, &p);
	if (rc == -1) {
		assert_int_equal(p.code, TEST_TEMPFAIL);
		assert_string_equal(p.refusal, "out of memory");
		assert_int_equal(id_cmp(test_hub.store->last, last), 0);
	} else {
		/* In all channels or in none, as the reply will say. */
		p.refusal = NULL;
		streams_deliver(&test_hub);
		rc = p.refusal == NULL ? 0 : -1;
	}
	failed = failing_disarm();
	if (rc == -1) {
		assert_true(failed);
		assert_int_equal(test_hub.hub->channels.table.count, 2);
	}
	assert_int_equal(test_retained("a"), rc == 0 ? 1 : -1);
	assert_int_equal(test_retained("b"), rc == 0 ? 2 : 1);
	assert_int_equal(test_retained("c"), rc == 0 ? 2 : 1);
	assert_int_equal(test_retained("d"), rc == 0 ? 1 : -1);
	assert_int_equal(test_retained("e"), rc == 0 ? 1 : -1);
	test_check_books();
	streams_deliver(&test_hub);
	streams_settle(&test_hub, &client, 1);
	assert_int_equal(client.text.len > 0, rc == 0);
	/* And all goes on as ever. */
	streams_publish(&test_hub, "a,b", "after");
	streams_deliver(&test_hub);
	streams_settle(&test_hub, &client, 1);
	assert_memory_equal(client.text.data + client.text.len - 13,
	    "data: after\n\n", 13);
	test_check_books();
	streams_close(&client);
	streams_teardown(&test_hub);
	return failed;
}

static void
test_publish(void **state)
{
	unsigned n;

	(void)state;
	for (n = 1; n < TEST_MOST && test_publish_once(n, false); n++)
		test_publish_once(n, true);
	/* Each of five channels takes some. */
	assert_in_range(n, 6, TEST_MOST - 1);
}

/* Two events, and the first one again. */
static void
test_publish_keys(void)
{
	static const char *const keys[] = { "k1", "k2", "k1" };
	struct event_fields e = { .data = "x",
		.data_len = 1,
		.retry_ms = EVENT_RETRY_NONE,
		.key_len = 2 };
	struct streams_published p;
	size_t i;

	for (i = 0; i < sizeof keys / sizeof *keys; i++) {
		e.key = keys[i];
		assert_int_equal(streams_publish_event(&test_hub, "a", &e, &p),
		    0);
		test_hub.published = NULL;
	}
}

/* What was refused can be sent again under its key, and comes once. */
static bool
test_keys_once(unsigned n, bool for_good)
{
	bool failed;

	streams_setup(&test_hub, NULL);
	test_publish_keys();
	failing_arm(n, for_good);
	streams_deliver(&test_hub);
	failed = failing_disarm();
	test_publish_keys();
	streams_deliver(&test_hub);
	assert_int_equal(test_retained("a"), 2);
	test_check_books();
	streams_teardown(&test_hub);
	return failed;
}

static void
test_keys(void **state)
{
	unsigned n;

	(void)state;
	for (n = 1; n < TEST_MOST && test_keys_once(n, false); n++)
		test_keys_once(n, true);
	/* Two keys, their table, and the history. */
	assert_in_range(n, 4, TEST_MOST - 1);
}

/*
 * A second stream of channels with history, one of them new, that begins with
 * a gap.
 */
static bool
test_subscribe_once(unsigned n, bool for_good)
{
	struct streams_client first, second;
	struct streams_request r = {
		.channels = "a,b", .is_framed = true, .user = "somebody"
	};
	enum hub_answer answer;
	bool failed;

	streams_setup(&test_hub, NULL);
	streams_publish(&test_hub, "a,b", "before");
	streams_deliver(&test_hub);
	streams_open(&test_hub, &first, &r);
	streams_settle(&test_hub, &first, 1);
	r.channels = "n,a,b,m";
	r.since = "unknown";
	failing_arm(n, for_good);
	answer = streams_ask(&test_hub, &second, &r);
	failed = failing_disarm();
	if (answer == HUB_NO_MEMORY) {
		assert_true(failed);
		assert_int_equal(test_hub.hub->streams.count, 1);
		assert_int_equal(test_hub.hub->channels.table.count, 2);
		assert_int_equal(test_hub.hub->counters.opened, 1);
	} else {
		assert_int_equal(answer, HUB_OPENED);
		assert_int_equal(test_hub.hub->streams.count, 2);
		assert_int_equal(test_hub.hub->channels.table.count, 4);
	}
	test_check_books();
	buffer_truncate(&first.text, 0);
	streams_publish(&test_hub, "a", "after");
	streams_deliver(&test_hub);
	streams_settle(&test_hub, &first, 1);
	streams_assert_text(&first, "id: 9000000000000-2\ndata: after\n\n");
	if (answer == HUB_OPENED) {
		streams_settle(&test_hub, &second, 1);
		assert_memory_equal(second.text.data + second.text.len - 13,
		    "data: after\n\n", 13);
	}
	streams_close(&first);
	streams_close(&second);
	streams_teardown(&test_hub);
	return failed;
}

static void
test_subscribe(void **state)
{
	unsigned n;

	(void)state;
	for (n = 1; n < TEST_MOST && test_subscribe_once(n, false); n++)
		test_subscribe_once(n, true);
	assert_in_range(n, 6, TEST_MOST - 1);
}

/* A stream that cannot be told its gap, or its end, is closed; others are not.
 */
static bool
test_say_once(unsigned n, bool ends)
{
	static const char *const settings[] = { "keep=1", NULL };
	struct streams_request r = { .channels = "a", .is_framed = true };
	struct streams_client c[2];
	struct channel *a;
	bool failed;

	streams_setup(&test_hub, settings);
	streams_open(&test_hub, &c[0], &r);
	streams_open(&test_hub, &c[1], &r);
	streams_settle(&test_hub, c, 2);
	/* The first one falls behind, as if its socket had been full. */
	c[0].stream->is_writing = true;
	streams_publish(&test_hub, "a", "1");
	streams_deliver(&test_hub);
	streams_publish(&test_hub, "a", "2");
	streams_deliver(&test_hub);
	a = channel_find(test_hub.hub, "a", 1);
	assert_int_equal(a->history.first_seq, 1);
	streams_settle(&test_hub, &c[1], 1);
	c[0].stream->is_writing = false;
	failing_arm(n, true);
	if (ends)
		stream_end(c[0].stream, STREAM_CLOSED, 0);
	else
		stream_write(c[0].stream);
	failed = failing_disarm();
	streams_settle(&test_hub, c, 2);
	if (failed) {
		assert_true(c[0].is_over);
		assert_int_equal(test_hub.hub->streams.count, 1);
	}
	streams_publish(&test_hub, "a", "3");
	streams_deliver(&test_hub);
	streams_settle(&test_hub, c, 2);
	assert_memory_equal(c[1].text.data + c[1].text.len - 9, "data: 3\n\n",
	    9);
	streams_close(&c[0]);
	streams_close(&c[1]);
	streams_teardown(&test_hub);
	return failed;
}

static void
test_say(void **state)
{
	unsigned n;

	(void)state;
	for (n = 1; n < TEST_MOST && test_say_once(n, false); n++)
		continue;
	assert_in_range(n, 2, TEST_MOST - 1);
	for (n = 1; n < TEST_MOST && test_say_once(n, true); n++)
		continue;
	assert_in_range(n, 2, TEST_MOST - 1);
}

/* A poll is refused or ends, whatever is missing, and is not counted then. */
static bool
test_poll_once(unsigned n, bool for_good)
{
	struct streams_request r = { .channels = "a,b",
		.since = "unknown",
		.is_framed = true,
		.is_poll = true };
	struct streams_client c;
	enum hub_answer answer;
	bool failed;

	streams_setup(&test_hub, NULL);
	streams_publish(&test_hub, "a", "x");
	streams_deliver(&test_hub);
	failing_arm(n, for_good);
	answer = streams_ask(&test_hub, &c, &r);
	failed = failing_disarm();
	streams_settle(&test_hub, &c, 1);
	assert_true(failed || c.is_ended);
	assert_int_equal(answer == HUB_OPENED, c.text.len > 0);
	assert_true(c.is_over);
	assert_int_equal(test_hub.hub->counters.polls, c.is_ended);
	assert_int_equal(test_hub.hub->streams.count, 0);
	assert_int_equal(test_hub.hub->streams.poll_count, 0);
	assert_int_equal(test_hub.hub->channels.table.count, 1);
	test_check_books();
	streams_close(&c);
	streams_teardown(&test_hub);
	return failed;
}

static void
test_poll(void **state)
{
	unsigned n;

	(void)state;
	for (n = 1; n < TEST_MOST && test_poll_once(n, false); n++)
		test_poll_once(n, true);
	assert_in_range(n, 8, TEST_MOST - 1);
}

/* So many streams that a watcher was told of. */
static unsigned
test_count_notices(const char *text)
{
	unsigned count = 0;

	while ((text = strstr(text, "\nevent: ")) != NULL) {
		count++;
		text++;
	}
	return count;
}

/* All that a watcher was told of, or told that it was not. */
static unsigned
test_told(struct streams_client *watcher)
{
	const char *lost, *missed;
	unsigned told;

	assert_int_equal(buffer_append(&watcher->text, "", 1), 0);
	told = test_count_notices(watcher->text.data);
	lost = strstr(watcher->text.data, "\"lost\":");
	missed = strstr(watcher->text.data, "\"missed\":");
	if (lost != NULL)
		told += (unsigned)strtoul(lost + strlen("\"lost\":"), NULL, 10);
	/* The gap itself was counted above. */
	if (missed != NULL)
		told += (unsigned)strtoul(missed + strlen("\"missed\":"), NULL,
			    10) -
		    1;
	return told;
}

static void
test_come_and_go(const char *name, unsigned times)
{
	struct streams_request r = { .channels = name };
	struct streams_client c;

	while (times-- > 0) {
		streams_open(&test_hub, &c, &r);
		stream_kill(c.stream, STREAM_CLOSED);
		streams_close(&c);
	}
}

/*
 * What cannot be told of a stream for want of memory is counted with the next;
 * what is lost on its way leaves a gap.  Memory fails when the event is made,
 * or is_late, after so many others, when it comes back.
 */
static bool
test_notice_once(unsigned n, bool for_good, bool is_late)
{
	struct streams_request r = { .channels = "$streams" };
	struct streams_client watcher, c;
	char name[CHANNEL_NAME_MAX + 1] = { 0 };
	unsigned before = is_late ? n : 0;
	bool failed = false;

	memset(name, 'x', CHANNEL_NAME_MAX);
	streams_setup(&test_hub, NULL);
	streams_open(&test_hub, &watcher, &r);
	test_come_and_go("a", before);
	r.channels = name;
	streams_open(&test_hub, &c, &r);
	streams_deliver(&test_hub);
	streams_settle(&test_hub, &watcher, 1);
	/* So that a batch has to be made. */
	batch_free(test_hub.hub->turn.spare);
	test_hub.hub->turn.spare = NULL;
	failing_arm(is_late ? 0 : n, for_good);
	stream_kill(c.stream, STREAM_CLOSED);
	failed = failing_disarm();
	streams_close(&c);
	if (test_hub.hub->turn.batch != NULL) {
		failing_arm(is_late ? 1 : 0, for_good);
		streams_deliver(&test_hub);
		failed = failing_disarm() || failed;
	}
	test_come_and_go("b", 1);
	streams_deliver(&test_hub);
	streams_settle(&test_hub, &watcher, 1);
	test_check_books();
	/* One that could not even be told of its gap was closed. */
	if (!watcher.is_over)
		assert_int_equal(test_told(&watcher), 2 * before + 4);
	streams_close(&watcher);
	streams_teardown(&test_hub);
	return failed;
}

static void
test_notice(void **state)
{
	unsigned n, failed = 0;

	(void)state;
	for (n = 1; n < TEST_MOST && test_notice_once(n, false, false); n++)
		test_notice_once(n, true, false);
	assert_in_range(n, 3, TEST_MOST - 1);
	/* Each opens and closes n streams. */
	for (n = 0; n < TEST_MOST; n += n < 64 ? 1 : 7) {
		failed += test_notice_once(n, false, true);
		failed += test_notice_once(n, true, true);
	}
	assert_in_range(failed, 2, TEST_MOST);
}

/* To begin with. */
static void
test_hub_new(void **state)
{
	struct event_base *base = event_base_new();
	struct config *config = support_config(NULL);
	struct store *store = streams_open_store(base);
	struct hub *hub;
	unsigned n;
	bool failed;

	(void)state;
	for (n = 1; n < TEST_MOST; n++) {
		failing_arm(n, false);
		hub = hub_new(base, config, store, 10);
		failed = failing_disarm();
		assert_int_equal(hub == NULL, failed);
		if (hub != NULL)
			hub_free(hub);
		if (!failed)
			break;
	}
	assert_in_range(n, 2, TEST_MOST - 1);
	store_close(store);
	config_free(config);
	event_base_free(base);
}

/* Without memory for a tag its stream ends, and none gets what is not its. */
static bool
test_tag_once(unsigned n, bool for_good)
{
	struct streams_request r = { .channels = "a,b", .is_tagged = true };
	struct streams_client c[2];
	bool failed;

	streams_setup(&test_hub, NULL);
	streams_open(&test_hub, &c[0], &r);
	r.is_tagged = false;
	streams_open(&test_hub, &c[1], &r);
	streams_settle(&test_hub, c, 2);
	buffer_truncate(&c[0].text, 0);
	buffer_truncate(&c[1].text, 0);
	assert_int_equal(channel_prepare(test_hub.hub,
			     c[0].stream->cursors[0].channel, 9),
	    0);
	channel_append(test_hub.hub, c[0].stream->cursors[0].channel,
	    &(struct history_note){ .id = { STREAMS_MS, 1 } }, "data: a\n\n",
	    9);
	failing_arm(n, for_good);
	stream_write(c[0].stream);
	failed = failing_disarm();
	stream_write(c[1].stream);
	streams_settle(&test_hub, c, 2);
	assert_int_equal(c[0].is_over, failed);
	streams_assert_text(&c[0], failed ? "" : ": channel a\ndata: a\n\n");
	streams_assert_text(&c[1], "data: a\n\n");
	streams_close(&c[0]);
	streams_close(&c[1]);
	streams_teardown(&test_hub);
	return failed;
}

static void
test_tag(void **state)
{
	unsigned n;

	(void)state;
	for (n = 1; n < TEST_MOST && test_tag_once(n, false); n++)
		test_tag_once(n, true);
	assert_int_equal(n, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_publish),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_subscribe),
		cmocka_unit_test(test_say),
		cmocka_unit_test(test_poll),
		cmocka_unit_test(test_tag),
		cmocka_unit_test(test_notice),
		cmocka_unit_test(test_hub_new),
	};

	return cmocka_run_group_tests_name("delivery memory", tests, NULL,
	    NULL);
}
