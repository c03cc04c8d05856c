/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/* A spool after a crash, on a full disk, and with many who use it at once. */

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "companion/spool_record.h"
#include "lib/spool_run.h"
#include "protocol/client.h"

static void
spool_append_bytes(const char *bytes, size_t len)
{
	FILE *fp = fopen(spool_journal, "a");

	assert_non_null(fp);
	assert_int_equal(fwrite(bytes, 1, len, fp), len);
	assert_int_equal(fclose(fp), 0);
}

/* A record that is cut anywhere is dropped with a word, and never sent. */
static void
test_torn(void **state)
{
	char *text;
	size_t len, cut;
	pid_t server;

	(void)state;
	spool_leave();
	assert_int_equal(PUB("a", "whole"), 0);
	text = run_read(spool_journal);
	len = strlen(text);
	for (cut = 1; cut < len; cut += 7) {
		run_save(spool_journal, text, len);
		spool_append_bytes(text, cut);
		server = spool_serve(spool_talk_once);
		assert_int_equal(spool_flush(), 0);
		run_wait(server);
		assert_in_file(run_errors, "half written");
		assert_requests("\"whole\";");
		assert_int_equal(spool_size(spool_journal), 0);
	}
	/* Who adds to it finds it too. */
	spool_leave();
	run_save(spool_journal, text, len);
	spool_append_bytes(text, len - 1);
	spool_append_bytes(text, len - 1);
	assert_int_equal(PUB("a", "next"), 0);
	assert_in_file(run_errors, "half written");
	assert_kept("\"whole\";\"next\";");
	free(text);
}

/* A page that never came to the disk. */
static void
test_damaged(void **state)
{
	static const char zeros[40] = { 0 };
	pid_t server;

	(void)state;
	spool_leave();
	assert_int_equal(PUB("a", "one"), 0);
	spool_append_bytes(zeros, sizeof zeros);
	spool_append_bytes("\n\n1\n", 4);
	assert_int_equal(PUB("a", "two"), 0);
	server = spool_serve(spool_talk_once);
	assert_int_equal(spool_flush(), EX_DATAERR);
	run_wait(server);
	assert_in_file(run_errors, "damaged");
	assert_requests("\"one\";\"two\";");
	assert_int_equal(spool_size(spool_damaged), sizeof zeros + 1);
	assert_int_equal(spool_size(spool_journal), 0);
}

/* A disk that fills in the middle of a record: nothing of it stays. */
static void
test_full(void **state)
{
	struct rlimit old, limit;
	pid_t server;
	off_t size;

	(void)state;
	spool_leave();
	assert_int_equal(PUB("a", "one"), 0);
	size = spool_size(spool_journal);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	limit = old;
	limit.rlim_cur = (rlim_t)size + 50;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(PUB_INPUT("two\nthree\n", "-l", "-v", "a"),
	    EX_TEMPFAIL);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_in_file(run_errors, "line 1: ");
	assert_in_file(run_errors, "line 2: ");
	assert_file(run_output, "");
	assert_int_equal(spool_size(spool_journal), size);
	assert_kept("\"one\";");
	/* With crierd there, a full disk is no matter. */
	server = spool_serve(spool_talk_ok_once);
	limit.rlim_cur = (rlim_t)size;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(PUB("a", "four"), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	run_wait(server);
	assert_requests("\"one\";\"four\";");
}

/* While another process sends, an event is kept at once, or after a while. */
static void
test_busy(void **state)
{
	uint64_t begun, took;
	pid_t server;
	int dir;

	(void)state;
	spool_leave();
	assert_int_equal(PUB("a", "one"), 0);
	dir = open(spool_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(flock(dir, LOCK_EX), 0);
	server = spool_serve(spool_talk_once);
	begun = clock_monotonic_ms();
	assert_int_equal(PUB("a", "two"), 0);
	assert_true(clock_monotonic_ms() - begun < 1500);
	assert_kept("\"one\";\"two\";");
	run_wait(server);
	assert_int_equal(truncate(spool_journal, 0), 0);
	server = spool_serve(spool_talk_once);
	begun = clock_monotonic_ms();
	assert_int_equal(PUB("a", "three"), 0);
	took = clock_monotonic_ms() - begun;
	assert_in_range(took, 1900, 10000);
	assert_kept("\"three\";");
	run_wait(server);
	server = spool_serve(spool_talk_once);
	assert_int_equal(spool_flush(), EX_TEMPFAIL);
	assert_in_file(run_errors, "another process");
	run_wait(server);
	close(dir);
}

enum {
	MANY_PUBLISHERS = 20,
	MANY_EVENTS = 20
};

/* Nothing is lost or cut when many keep at once. */
static void
test_many(void **state)
{
	pid_t pids[MANY_PUBLISHERS];
	unsigned long last[MANY_PUBLISHERS] = { 0 }, who, n, count = 0;
	char *text, *line, *rest, name[MANY_PUBLISHERS][8];
	struct spool_record r;
	int pipes[2];
	size_t i;

	(void)state;
	spool_leave();
	for (i = 0; i < MANY_PUBLISHERS; i++) {
		const char *args[] = { "pub", "-S", spool_dir, "-l", name[i],
			NULL };

		snprintf(name[i], sizeof name[i], "c%zu", i);
		assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
		pids[i] = run_begin(&verb_pub, pipes[0], 1, args, 0);
		close(pipes[0]);
		for (n = 1; n <= MANY_EVENTS; n++)
			assert_true(dprintf(pipes[1], "%lu\n", n) > 0);
		close(pipes[1]);
	}
	for (i = 0; i < MANY_PUBLISHERS; i++)
		assert_int_equal(run_wait(pids[i]), 0);
	rest = text = run_read(spool_journal);
	while ((line = strsep(&rest, "\n")) != NULL && *line != '\0') {
		assert_true(spool_record_parse(line, strlen(line), &r));
		assert_int_equal(strncmp(r.json, "{\"channel\":\"c", 13), 0);
		who = strtoul(r.json + 13, &line, 10);
		assert_int_equal(strncmp(line, "\",\"data\":\"", 10), 0);
		n = strtoul(line + 10, NULL, 10);
		assert_true(who < MANY_PUBLISHERS && n == ++last[who]);
		count++;
	}
	assert_int_equal(count, MANY_PUBLISHERS * MANY_EVENTS);
	free(text);
}

/* Larger than every window and read of the sender. */
static void
test_large(void **state)
{
	enum {
		LARGE = 500000,
		LARGE_EVENTS = 3
	};
	char *input = malloc((size_t)LARGE * LARGE_EVENTS + 1), *text, *at;
	pid_t server;
	size_t i;

	(void)state;
	assert_non_null(input);
	memset(input, 'x', (size_t)LARGE * LARGE_EVENTS);
	for (i = 1; i <= LARGE_EVENTS; i++)
		input[i * LARGE - 1] = '\n';
	input[(size_t)LARGE * LARGE_EVENTS] = '\0';
	spool_leave();
	assert_int_equal(PUB_INPUT(input, "-l", "a"), 0);
	server = spool_serve(spool_talk_ok_once);
	assert_int_equal(spool_flush(), 0);
	run_wait(server);
	at = text = run_read(run_requests);
	for (i = 0; i < LARGE_EVENTS; i++) {
		assert_non_null(at = strstr(at, "\"data\":\""));
		at += 8;
		assert_int_equal(strspn(at, "x"), LARGE - 1);
	}
	free(text);
	free(input);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_torn, spool_teardown),
		cmocka_unit_test_teardown(test_damaged, spool_teardown),
		cmocka_unit_test_teardown(test_full, spool_teardown),
		cmocka_unit_test_teardown(test_busy, spool_teardown),
		cmocka_unit_test_teardown(test_many, spool_teardown),
		cmocka_unit_test_teardown(test_large, spool_teardown),
	};

	return cmocka_run_group_tests(tests, spool_setup, run_teardown);
}
