/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "hub/crew.h"

enum {
	TEST_MOST = 5000, /* pieces of work */
	TEST_THREADS = 8,
	TEST_ROUNDS = 3000
};

/* Without locks or atomics: no two threads may ever have the same of it. */
struct test_work {
	size_t count, threads;
	unsigned done[TEST_MOST];
	size_t by[TEST_THREADS]; /* so many, each member */
	pthread_t who[TEST_THREADS];
};

static struct test_work test_work;

static void
test_do(void *arg, size_t member, size_t from, size_t to)
{
	struct test_work *w = arg;
	size_t i;

	/* cmocka's assertions are for the main thread. */
	if (member >= w->threads || from >= to || to > w->count)
		abort();
	if (w->by[member] == 0)
		w->who[member] = pthread_self();
	else if (!pthread_equal(w->who[member], pthread_self()))
		abort();
	w->by[member] += to - from;
	for (i = from; i < to; i++)
		w->done[i]++;
}

static void
test_round(struct crew *c, size_t count)
{
	struct test_work *w = &test_work;
	size_t all = 0, i;

	memset(w, 0, sizeof *w);
	w->count = count;
	w->threads = crew_size(c);
	crew_work(c, count, test_do, w);
	for (i = 0; i < TEST_THREADS; i++)
		all += w->by[i];
	assert_int_equal(all, count);
	for (i = 0; i < TEST_MOST; i++)
		assert_int_equal(w->done[i], i < count);
	/* The loop's thread is the first member. */
	if (w->by[0] > 0)
		assert_true(pthread_equal(w->who[0], pthread_self()));
}

/* All of it once, for counts below, at and above what is taken at a time. */
static void
test_counts(void **state)
{
	static const size_t counts[] = { 0, 1, 2, 15, 16, 17, 31, 32, 33, 63,
		64, 65, 127, 128, 129, 255, 256, 257, 1000, TEST_MOST };
	struct crew *c;
	size_t threads, i;

	(void)state;
	for (threads = 1; threads <= TEST_THREADS; threads++) {
		c = crew_new(threads);
		assert_non_null(c);
		assert_int_equal(crew_size(c), threads);
		for (i = 0; i < sizeof counts / sizeof *counts; i++)
			test_round(c, counts[i]);
		for (i = 0; i < 300; i++)
			test_round(c, i);
		crew_free(c);
	}
}

/* Nobody is left behind in an earlier round. */
static void
test_rounds(void **state)
{
	struct crew *c = crew_new(4);
	size_t i;

	(void)state;
	assert_non_null(c);
	for (i = 0; i < TEST_ROUNDS; i++)
		test_round(c, i % 3 == 0 ? 0 : i % 200);
	crew_free(c);
}

static void
test_wait_for_all(void *arg, size_t member, size_t from, size_t to)
{
	atomic_size_t *here = arg;

	(void)member;
	(void)from;
	(void)to;
	atomic_fetch_add(here, 1);
	while (atomic_load(here) < TEST_THREADS)
		usleep(100);
}

/* Everybody helps: a piece each, that ends when all pieces were begun. */
static void
test_together(void **state)
{
	struct crew *c = crew_new(TEST_THREADS);
	atomic_size_t here;
	size_t i, pieces;

	(void)state;
	assert_non_null(c);
	/* More pieces than there may be, whatever their size. */
	pieces = (size_t)TEST_MOST * TEST_THREADS;
	for (i = 0; i < 20; i++) {
		atomic_store(&here, 0);
		crew_work(c, pieces, test_wait_for_all, &here);
		assert_true(atomic_load(&here) >= TEST_THREADS);
	}
	crew_free(c);
}

/* Nothing to do, and nobody. */
static void
test_idle(void **state)
{
	struct crew *c = crew_new(3);

	(void)state;
	assert_non_null(c);
	crew_free(c);
	crew_free(NULL);
}

static size_t test_creations; /* that go well, from now on */

int __wrap_pthread_create(pthread_t *, const pthread_attr_t *,
    void *(*)(void *), void *);
int __real_pthread_create(pthread_t *, const pthread_attr_t *,
    void *(*)(void *), void *);

int
__wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
    void *(*start)(void *), void *arg)
{
	if (test_creations == 0)
		return EAGAIN;
	test_creations--;
	return __real_pthread_create(thread, attr, start, arg);
}

/* Those that were started already are ended. */
static void
test_no_thread(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < TEST_THREADS - 1; i++) {
		test_creations = i;
		errno = 0;
		assert_null(crew_new(TEST_THREADS));
		assert_int_equal(errno, EAGAIN);
		assert_int_equal(test_creations, 0);
	}
	test_creations = SIZE_MAX;
}

/* Signals come to the loop's thread alone, and to that one as before. */
static void
test_signal_masks(void *arg, size_t member, size_t from, size_t to)
{
	sigset_t set;
	atomic_size_t *here = arg;

	pthread_sigmask(SIG_SETMASK, NULL, &set);
	if (sigismember(&set, SIGTERM) != (member != 0) ||
	    sigismember(&set, SIGHUP) != (member != 0))
		abort();
	test_wait_for_all(here, member, from, to);
}

static void
test_signals(void **state)
{
	struct crew *c = crew_new(TEST_THREADS);
	atomic_size_t here;

	(void)state;
	assert_non_null(c);
	atomic_init(&here, 0);
	crew_work(c, (size_t)TEST_MOST * TEST_THREADS, test_signal_masks,
	    &here);
	crew_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_rounds),
		cmocka_unit_test(test_together),
		cmocka_unit_test(test_signals),
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_no_thread),
	};

	test_creations = SIZE_MAX;
	alarm(120); /* whoever waits for nobody ends, too */
	return cmocka_run_group_tests_name("crew", tests, NULL, NULL);
}
