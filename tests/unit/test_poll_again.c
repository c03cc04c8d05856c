/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/* Poll after poll: when the next one comes, and from where. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "lib/streams.h"
#include "lib/support.h"

enum {
	TEST_LONG_MS = 3600000
};

#define MS(n) "9000000000000-" #n

static struct streams test_hub;

/* The number after retry in a poll's end. */
static unsigned long long
test_retry(const char *channels)
{
	struct streams_request r = { .channels = channels, .is_poll = true };
	struct streams_client c;
	unsigned long long retry = 0;
	char *p, *last = NULL;

	streams_open(&test_hub, &c, &r);
	streams_settle(&test_hub, &c, 1);
	buffer_append(&c.text, "", 1);
	for (p = c.text.data; (p = strstr(p, "\nretry: ")) != NULL; p++)
		last = p;
	if (last == NULL)
		fail();
	else
		retry = strtoull(last + strlen("\nretry: "), NULL, 10);
	streams_close(&c);
	return retry;
}

/* They come back at different times, around what is configured. */
static void
test_jitter(void **state)
{
	static const struct {
		const char *setting, *channels;
		unsigned long long retry;
	} cases[] = {
		{ "retry=1000", "a", 1000 },
		{ "retry=10", "a,b", 10 },
		{ "retry=1", "a", 1 },
		{ "retry=0", "a", 0 },
	};
	unsigned long long retry, least, most;
	size_t i, n;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *const settings[] = { cases[i].setting, NULL };

		streams_setup(&test_hub, settings);
		least = UINT64_MAX;
		most = 0;
		for (n = 0; n < 200; n++) {
			retry = test_retry(cases[i].channels);
			least = retry < least ? retry : least;
			most = retry > most ? retry : most;
		}
		retry = cases[i].retry;
		assert_true(least >= retry / 2);
		assert_true(most <= retry + retry / 2);
		if (retry >= 10)
			assert_true(least < retry && most > retry);
		streams_teardown(&test_hub);
	}
}

/* The id that a client would come again with: of the last `id:`. */
static void
test_take_position(struct streams_client *c, char *id, size_t size)
{
	char *p, *last = NULL;

	assert_int_equal(buffer_append(&c->text, "", 1), 0);
	for (p = c->text.data; (p = strstr(p, "\nid: ")) != NULL; p++)
		last = p + 5;
	if (last == NULL)
		fail_msg("no position: \"%s\"", c->text.data);
	else
		snprintf(id, size, "%.*s", (int)strcspn(last, "\n"), last);
}

/* Each "<N>" must be one more than the one before. */
static unsigned
test_check_order(const struct streams_client *c, unsigned seen)
{
	const char *p;

	assert_null(strstr(c->text.data, "crier.gap"));
	for (p = c->text.data; (p = strstr(p, "data: <")) != NULL; p++)
		assert_int_equal(strtoul(p + 7, NULL, 10), ++seen);
	return seen;
}

/*
 * Poll after poll, each from where the one before ended.  The publishers' own
 * ids are the same few over and over, so that none of them is a position.
 */
static void
test_exact(void **state)
{
	static const char *const channels[] = { "a", "b", "a,b", "b,x", "c" };
	static const char *const settings[] = { "keep=40", NULL };
	struct streams_request r = { .channels = "b,c,a", .is_poll = true };
	struct event_fields e = { .retry_ms = EVENT_RETRY_NONE };
	struct streams_published p;
	struct streams_client c;
	unsigned published = 0, seen = 0, i, polls;
	char id[64] = MS(0), data[16], own[8];
	uint64_t seed = 7;

	(void)state;
	streams_setup(&test_hub, settings);
	for (polls = 0; polls < 2000; polls++) {
		r.since = id;
		r.is_framed = polls % 2;
		r.poll_ms = support_random(&seed, 2) ? TEST_LONG_MS : 0;
		streams_open(&test_hub, &c, &r);
		/* While it waits, or when it is over. */
		for (i = support_random(&seed, 4); i > 0; i--) {
			snprintf(data, sizeof data, "<%u>", ++published);
			snprintf(own, sizeof own, "%u", published % 3);
			e.data = data;
			e.data_len = strlen(data);
			e.id = own;
			e.id_len = support_random(&seed, 2);
			streams_publish_event(&test_hub,
			    channels[support_random(&seed, 5)], &e, &p);
			if (support_random(&seed, 2))
				streams_deliver(&test_hub);
		}
		streams_deliver(&test_hub);
		streams_settle(&test_hub, &c, 1);
		test_take_position(&c, id, sizeof id);
		seen = test_check_order(&c, seen);
		streams_close(&c);
		streams_settle(&test_hub, NULL, 0);
	}
	assert_true(published > 1000);
	assert_true(published - seen < 10);
	assert_int_equal(test_hub.hub->counters.gaps, 0);
	streams_teardown(&test_hub);
}

/*
 * A quiet channel's client moves on, and is told of no gap when others' history
 * is forgotten.
 */
static void
test_quiet(void **state)
{
	static const char *const settings[] = { "keep-seconds=0.001", NULL };
	struct streams_request r = { .channels = "quiet", .is_poll = true };
	struct config *config = support_config(settings);
	struct streams_client c;
	char id[64] = MS(0), name[16];
	unsigned i;

	(void)state;
	streams_setup(&test_hub, NULL);
	/* So many that they fall into every place of what is forgotten. */
	for (i = 0; i < CHANNEL_FORGOTTEN * 12; i++) {
		snprintf(name, sizeof name, "c%u", i);
		streams_publish(&test_hub, name, "x");
	}
	streams_deliver(&test_hub);
	for (i = 0; i < 2; i++) {
		r.since = id;
		streams_open(&test_hub, &c, &r);
		streams_settle(&test_hub, &c, 1);
		test_take_position(&c, id, sizeof id);
		streams_close(&c);
		/* They are forgotten. */
		while (clock_monotonic_ms() < test_hub.hub->clock.now_ms + 2)
			;
		hub_reconfigure(test_hub.hub, config, 10000);
		assert_int_equal(test_hub.hub->channels.table.count, 0);
	}
	assert_int_equal(test_hub.hub->counters.polls, 2);
	assert_int_equal(test_hub.hub->counters.gaps, 0);
	/* It would have been told of one, had it stayed where it was. */
	r.since = MS(0);
	streams_open(&test_hub, &c, &r);
	streams_settle(&test_hub, &c, 1);
	assert_int_equal(test_hub.hub->counters.gaps, 1);
	streams_close(&c);
	streams_teardown(&test_hub);
	config_free(config);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_jitter),
		cmocka_unit_test(test_exact),
		cmocka_unit_test(test_quiet),
	};

	return cmocka_run_group_tests_name("poll again", tests, NULL, NULL);
}
