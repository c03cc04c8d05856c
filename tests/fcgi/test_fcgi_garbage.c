/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/* Random bytes and broken requests from thousands of connections;
 * $CRIER_TEST_SEED repeats a run. A stream next door must not notice. */
#include "lib/support.h"

#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
	GARBAGE_CONNS = 6000,
	GARBAGE_POOL = 40,
	GARBAGE_STEP_MS = 5
};

static uint64_t garbage_state;

/* xorshift64*: the same numbers everywhere for the same seed. */
static uint32_t
garbage_random(uint32_t below)
{
	garbage_state ^= garbage_state >> 12;
	garbage_state ^= garbage_state << 25;
	garbage_state ^= garbage_state >> 27;
	return (uint32_t)(garbage_state * 2685821657736338717u >> 33) % below;
}

static void
garbage_bytes(struct bytes *to, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		uint8_t byte = (uint8_t)garbage_random(256);

		bytes_add(to, &byte, 1);
	}
}

/* Well-formed records that make no sense together. */
static void
garbage_records(struct bytes *to)
{
	uint32_t count = 1 + garbage_random(12);
	struct bytes content = { NULL, 0, 0 };

	while (count-- > 0) {
		content.len = 0;
		garbage_bytes(&content, garbage_random(40));
		wire_record(to, (int)garbage_random(14), garbage_random(3),
		    content.at, content.len, garbage_random(9));
	}
	bytes_clear(&content);
}

static void
garbage_request(struct bytes *to)
{
	static const char *const uris[] = { "/events/a", "/events?channel=b",
		"/nothing", "/events/a?last=3&channel=%FF%00" };
	struct wire_request request = { .uri = uris[garbage_random(4)],
		.id = 1 + garbage_random(3),
		.flags = garbage_random(2),
		.chunk = 1 + garbage_random(60),
		.padding = garbage_random(9),
		.long_form = garbage_random(2) == 0,
		.body = "body=1&x=2",
		.body_len = garbage_random(11) };

	wire_request(to, &request);
}

/* Breaks up to four places: a byte changed, removed, doubled; a cut. */
static void
garbage_mutate(struct bytes *bytes)
{
	uint32_t count = garbage_random(5);
	struct bytes tail = { NULL, 0, 0 };

	while (count-- > 0 && bytes->len > 1) {
		size_t at = garbage_random((uint32_t)bytes->len);
		size_t skip = garbage_random(3);

		if (garbage_random(3) == 0) {
			bytes->at[at] = (uint8_t)garbage_random(256);
			continue;
		}
		if (garbage_random(8) == 0) {
			bytes->len = at;
			continue;
		}
		tail.len = 0;
		if (at + skip > bytes->len)
			skip = 0;
		bytes_add(&tail, bytes->at + at + skip, bytes->len - at - skip);
		bytes->len = at;
		garbage_bytes(bytes, garbage_random(3));
		bytes_add(bytes, tail.at, tail.len);
	}
	bytes_clear(&tail);
}

static void
garbage_make(struct bytes *to)
{
	switch (garbage_random(6)) {
	case 0:
		garbage_bytes(to, garbage_random(2000));
		break;
	case 1:
		garbage_records(to);
		break;
	case 2:
		garbage_request(to);
		garbage_records(to);
		break;
	case 3:
		garbage_request(to);
		garbage_request(to);
		garbage_mutate(to);
		break;
	default:
		garbage_request(to);
		garbage_mutate(to);
		break;
	}
}

/* One connection in place of an older one: sent whole or in two parts, then
 * left open, half-closed or closed. */
static void
garbage_connect(struct daemon *daemon, struct fcgi_conn *conn)
{
	struct bytes bytes = { NULL, 0, 0 };
	size_t cut;

	fcgi_close(conn);
	support_open(conn, daemon);
	garbage_make(&bytes);
	cut = garbage_random((uint32_t)bytes.len + 1);
	if (fcgi_send(conn, bytes.at, cut) == 0)
		fcgi_send(conn, bytes.at + cut, bytes.len - cut);
	bytes_clear(&bytes);
	if (garbage_random(4) == 0)
		shutdown(conn->fd, SHUT_WR);
	if (garbage_random(4) == 0)
		fcgi_close(conn);
}

/* crierd's open descriptors, or -1 when they cannot be seen. */
static int
garbage_descriptors(const struct daemon *daemon)
{
	char path[64];
	int count = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)daemon->pid);
	dir = opendir(path);
	if (dir == NULL)
		return -1;
	while (readdir(dir) != NULL)
		count++;
	closedir(dir);
	return count;
}

static void
garbage_expect_descriptors(const struct daemon *daemon, int most)
{
	int64_t deadline = fcgi_deadline(FCGI_SOON_MS);
	int count;

	while ((count = garbage_descriptors(daemon)) > most) {
		if (fcgi_remaining(deadline) == 0)
			fail_msg("%d descriptors, not %d", count, most);
		poll(NULL, 0, GARBAGE_STEP_MS);
	}
}

static void
test_garbage(void **state)
{
	struct daemon *daemon = *state;
	const char *given = getenv("CRIER_TEST_SEED");
	struct fcgi_conn pool[GARBAGE_POOL];
	struct watch watch;
	int descriptors;

	garbage_state =
	    given != NULL ? strtoull(given, NULL, 0) : 0x9e3779b97f4a7c15u;
	if (garbage_state == 0)
		garbage_state = 1;
	for (size_t i = 0; i < GARBAGE_POOL; i++)
		pool[i] = (struct fcgi_conn){ .fd = -1 };
	support_expect_healthy(daemon);
	descriptors = garbage_descriptors(daemon);
	support_watch(&watch, daemon, "bystander");
	for (unsigned i = 0; i < GARBAGE_CONNS; i++) {
		garbage_connect(daemon, &pool[garbage_random(GARBAGE_POOL)]);
		if (i % 50 == 0)
			support_expect_live(daemon, "bystander", "x", &watch,
			    1);
		if (!daemon_is_alive(daemon))
			fail_msg("crierd ended at connection %u", i);
	}
	for (size_t i = 0; i < GARBAGE_POOL; i++)
		fcgi_close(&pool[i]);
	support_expect_live(daemon, "bystander", "last", &watch, 1);
	watch_clear(&watch);
	support_expect_healthy(daemon);
	garbage_expect_descriptors(daemon, descriptors);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SUPPORT_TEST(test_garbage),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("garbage", tests, NULL, NULL);
}
