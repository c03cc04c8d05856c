/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "companion/spool_clock.h"

enum {
	SPOOL_START_SIZE = 40, /* a UUID */
	SPOOL_CLOCK_SIZE = 128,
	SPOOL_STEP_MS = 1000 /* a clock that is set by less is not noticed */
};

/* What stands in the file. */
struct spool_clock_line {
	char start[SPOOL_START_SIZE];
	int64_t offset_ms, ahead_ms;
};

/* Reads a short file to its end and closes it; "" if there is none. */
static void
spool_clock_read(int fd, char text[SPOOL_CLOCK_SIZE])
{
	ssize_t n = fd == -1 ? -1 : read(fd, text, SPOOL_CLOCK_SIZE - 1);

	text[n > 0 ? n : 0] = '\0';
	if (fd != -1)
		close(fd);
}

/* What the kernel calls this start of the machine; "-" if it does not say. */
static void
spool_clock_find_start(char start[SPOOL_START_SIZE])
{
	char text[SPOOL_CLOCK_SIZE];
	size_t len;

	spool_clock_read(open("/proc/sys/kernel/random/boot_id",
			     O_RDONLY | O_CLOEXEC),
	    text);
	len = strcspn(text, " \n");
	if (len == 0 || len >= SPOOL_START_SIZE)
		len = (size_t)snprintf(text, sizeof text, "-");
	memcpy(start, text, len);
	start[len] = '\0';
}

/* Reads a number that ends there, and goes behind its end. */
static bool
spool_clock_number(const char **at, char end, int64_t *number)
{
	char *stop;

	errno = 0;
	*number = strtoll(*at, &stop, 10);
	if (errno != 0 || stop == *at || *stop != end)
		return false;
	*at = stop + 1;
	return true;
}

/* False if there is no such file, or nothing to be read in it. */
static bool
spool_clock_load(const struct spool *s, struct spool_clock_line *line)
{
	char text[SPOOL_CLOCK_SIZE];
	const char *at = text;
	size_t len;

	spool_clock_read(spool_open_file(s, "clock", false), text);
	len = strcspn(text, " ");
	if (len == 0 || len >= SPOOL_START_SIZE || text[len] != ' ')
		return false;
	memcpy(line->start, text, len);
	line->start[len] = '\0';
	at += len + 1;
	return spool_clock_number(&at, ' ', &line->offset_ms) &&
	    spool_clock_number(&at, '\n', &line->ahead_ms);
}

/* One write: whoever reads meanwhile finds a line. */
static void
spool_clock_save(const struct spool *s, const struct spool_clock_line *line)
{
	char text[SPOOL_CLOCK_SIZE];
	int fd = spool_open_file(s, "clock", true), len;

	if (fd == -1)
		return;
	len = snprintf(text, sizeof text, "%s %020" PRId64 " %020" PRId64 "\n",
	    line->start, line->offset_ms, line->ahead_ms);
	if (pwrite(fd, text, (size_t)len, 0) != len || ftruncate(fd, len) == -1)
		unlinkat(s->dir, "clock", 0);
	close(fd);
}

/* Finds the clock's offset, and notes how the wall clock was set. */
static int64_t
spool_clock_find(const struct spool *s, bool makes_file)
{
	struct spool_clock_line line = { .ahead_ms = 0 };
	bool is_there = spool_clock_load(s, &line), is_changed = !is_there;
	int64_t wall_ms = (int64_t)clock_wall_ms(), ahead_ms;
	int64_t since_ms = (int64_t)clock_start_ms();
	char start[SPOOL_START_SIZE];

	/* Half a line is none. */
	if (!is_there)
		memset(&line, 0, sizeof line);
	spool_clock_find_start(start);
	if (strcmp(line.start, start) != 0) {
		is_changed = true;
		memcpy(line.start, start, sizeof start);
		line.offset_ms = wall_ms - since_ms + line.ahead_ms;
	}
	ahead_ms = since_ms + line.offset_ms - wall_ms;
	if (ahead_ms - line.ahead_ms >= SPOOL_STEP_MS ||
	    line.ahead_ms - ahead_ms >= SPOOL_STEP_MS) {
		is_changed = true;
		line.ahead_ms = ahead_ms;
	}
	if (is_changed && (is_there || makes_file))
		spool_clock_save(s, &line);
	return line.offset_ms;
}

uint64_t
spool_clock_at(struct spool_clock *c, uint64_t since_ms, bool makes_file)
{
	int64_t at_ms;

	if (!c->is_known)
		c->offset_ms = spool_clock_find(c->spool, makes_file);
	c->is_known = true;
	at_ms = (int64_t)since_ms + c->offset_ms;
	return at_ms > 0 ? (uint64_t)at_ms : 0;
}
