/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <string.h>

#include "store/sqlite_run.h"

static void
run_put(unsigned char *to, uint64_t value, size_t bytes)
{
	while (bytes-- > 0) {
		to[bytes] = (unsigned char)(value & 0xff);
		value >>= 8;
	}
}

static uint64_t
run_get(const char *from, size_t bytes)
{
	uint64_t value = 0;

	while (bytes-- > 0)
		value = value << 8 | (unsigned char)*from++;
	return value;
}

int
run_append(struct buffer *b, const struct run_event *e)
{
	unsigned char head[RUN_HEAD_BYTES];
	char *to = buffer_reserve(b, RUN_HEAD_BYTES + e->record_len);

	if (to == NULL)
		return -1;
	run_put(head, e->id.ms, 8);
	run_put(head + 8, e->id.n, 8);
	run_put(head + 16, e->expires_ms, 8);
	run_put(head + 24, e->record_len, 4);
	memcpy(to, head, RUN_HEAD_BYTES);
	memcpy(to + RUN_HEAD_BYTES, e->record, e->record_len);
	buffer_commit(b, RUN_HEAD_BYTES + e->record_len);
	return 0;
}

bool
run_next(const char **data, size_t *len, struct run_event *e)
{
	size_t whole;

	if (*len < RUN_HEAD_BYTES)
		return false;
	e->id.ms = run_get(*data, 8);
	e->id.n = run_get(*data + 8, 8);
	e->expires_ms = run_get(*data + 16, 8);
	e->record_len = (size_t)run_get(*data + 24, 4);
	if (e->record_len > *len - RUN_HEAD_BYTES)
		return false;
	whole = RUN_HEAD_BYTES + e->record_len;
	e->record = *data + RUN_HEAD_BYTES;
	*data += whole;
	*len -= whole;
	return true;
}
