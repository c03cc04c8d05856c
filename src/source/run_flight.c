/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdint.h>
#include <string.h>

#include "source/run_flight.h"

/* What stands in front of an event's texts. */
struct flight_head {
	size_t data_len, name_len, id_len, key_len;
	uint64_t retry_ms, expires_ms;
};

int
run_flight_add(struct run_flight *f, const struct event_fields *e)
{
	const struct flight_head head = { e->data_len, e->name_len, e->id_len,
		e->key_len, e->retry_ms, e->expires_ms };
	size_t before = f->bytes.len;

	if (buffer_append(&f->bytes, (const char *)&head, sizeof head) == -1 ||
	    buffer_append(&f->bytes, e->data, e->data_len) == -1 ||
	    buffer_append(&f->bytes, e->name, e->name_len) == -1 ||
	    buffer_append(&f->bytes, e->id, e->id_len) == -1 ||
	    buffer_append(&f->bytes, e->key, e->key_len) == -1) {
		buffer_truncate(&f->bytes, before);
		return -1;
	}
	f->count++;
	return 0;
}

bool
run_flight_next(const struct run_flight *f, size_t *at, struct event_fields *e)
{
	struct flight_head head;
	const char *p = f->bytes.data + *at;

	if (*at == f->bytes.len)
		return false;
	memcpy(&head, p, sizeof head);
	p += sizeof head;
	*e = (struct event_fields){ .data = p,
		.data_len = head.data_len,
		.name = p + head.data_len,
		.name_len = head.name_len,
		.id = p + head.data_len + head.name_len,
		.id_len = head.id_len,
		.key = p + head.data_len + head.name_len + head.id_len,
		.key_len = head.key_len,
		.retry_ms = head.retry_ms,
		.expires_ms = head.expires_ms };
	*at += sizeof head + head.data_len + head.name_len + head.id_len +
	    head.key_len;
	return true;
}

void
run_flight_remove(struct run_flight *f, size_t before, size_t *at)
{
	char *bytes = f->bytes.data;

	memmove(bytes + before, bytes + *at, f->bytes.len - *at);
	buffer_truncate(&f->bytes, f->bytes.len - (*at - before));
	*at = before;
	f->count--;
}

void
run_flight_drop(struct run_flight *f, size_t count)
{
	struct event_fields e;
	size_t at = 0;

	f->count -= count;
	for (; count > 0; count--)
		run_flight_next(f, &at, &e);
	buffer_consume(&f->bytes, at);
}

void
run_flight_clear(struct run_flight *f)
{
	buffer_clear(&f->bytes);
	f->count = 0;
}
