/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "measure.h"

/*
 * A program for crierd to run: it prints words, so many a second, that the load
 * client takes for events, each with the moment when it was printed.  It does
 * not end before crierd does, so that no stream ends while words are counted.
 */

enum {
	WORDS_SECOND = 1000000000,
	WORDS_LATE = 1000000, /* ns; a timer may be so late */
	WORDS_SIZE_MAX = 1024
};

static unsigned long long
words_number(const char *text)
{
	char *end;
	unsigned long long n = strtoull(text, &end, 10);

	if (end == text || *end != '\0' || n == 0)
		measure_die("%s is not a number that makes sense", text);
	return n;
}

static void
words_wait(uint64_t due)
{
	const struct timespec until = { .tv_sec = (time_t)(due / WORDS_SECOND),
		.tv_nsec = (long)(due % WORDS_SECOND) };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) !=
	    0)
		;
}

static void
words_print(unsigned number, uint64_t due, size_t size)
{
	uint64_t now = measure_ns();
	char line[WORDS_SIZE_MAX + 1];
	int n;

	n = snprintf(line, sizeof line, "E%u %llu ", number,
	    (unsigned long long)(now - due < WORDS_LATE ? now : due));
	memset(line + n, 'x', size - (size_t)n);
	line[size] = '\n';
	if (write(STDOUT_FILENO, line, size + 1) != (ssize_t)size + 1)
		measure_die("what was printed is not taken");
}

int
main(int argc, char **argv)
{
	struct pollfd reader = { .fd = STDOUT_FILENO };
	uint64_t begin, pause_ns, due;
	size_t size;
	unsigned count, i;

	if (argc != 5)
		measure_die("usage: words BEGIN COUNT RATE SIZE\n"
			    "  BEGIN   nanoseconds of the monotonic clock\n"
			    "  RATE    words a second");
	begin = words_number(argv[1]);
	count = (unsigned)words_number(argv[2]);
	pause_ns = WORDS_SECOND / words_number(argv[3]);
	size = (size_t)words_number(argv[4]);
	if (size < 40 || size > WORDS_SIZE_MAX || pause_ns == 0)
		measure_die("RATE or SIZE is out of range");
	/* Not all programs in one moment. */
	begin += (uint64_t)getpid() * 7919 * 1000 % pause_ns;
	for (i = 0; i < count; i++) {
		due = begin + i * pause_ns;
		words_wait(due);
		words_print(i, due, size);
	}
	while (poll(&reader, 1, -1) != 1)
		;
	return 0;
}
