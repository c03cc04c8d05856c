/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "doctor/checkup.h"

struct checkup_check *
checkup_add(struct checkup *u, const char *name, enum verdict verdict,
    const char *fmt, ...)
{
	struct checkup_check *c = &u->checks[u->count];
	char text[sizeof c->text];
	va_list ap;

	if (u->count == CHECKUP_MAX)
		abort();
	u->count++;
	memset(c, 0, sizeof *c);
	c->name = name;
	c->verdict = verdict;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	/* A server may have said it. */
	text_escape(text, strlen(text), c->text, sizeof c->text);
	return c;
}

void
checkup_advise(struct checkup_check *c, const char *where, const char *why,
    const char *fmt, ...)
{
	va_list ap;
	char *p;

	c->where = where;
	c->why = why;
	va_start(ap, fmt);
	vsnprintf(c->directive, sizeof c->directive, fmt, ap);
	va_end(ap);
	for (p = c->directive; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' && *p != '\n')
			*p = '?';
}

size_t
checkup_count(const struct checkup *u, enum verdict verdict)
{
	size_t i, n = 0;

	for (i = 0; i < u->count; i++)
		n += u->checks[i].verdict == verdict;
	return n;
}

const char *
checkup_size(uint64_t bytes, char to[32])
{
	static const char *const units[] = { "bytes", "KiB", "MiB", "GiB",
		"TiB" };
	double size = (double)bytes;
	size_t unit = 0;

	while (size >= 1024 && unit < sizeof units / sizeof units[0] - 1) {
		size /= 1024;
		unit++;
	}
	snprintf(to, 32, "%.*f %s", unit > 0 && size < 10, size, units[unit]);
	return to;
}

const char *
checkup_time(uint64_t us, char to[32])
{
	snprintf(to, 32, us < 10000 ? "%.2f ms" : "%.0f ms", (double)us / 1000);
	return to;
}
