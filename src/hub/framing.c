/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <string.h>

#include "hub/stream.h"

/* The peer of a raw stream has nothing to say; its bytes are skipped. */
static ptrdiff_t
framing_ignore(void *arg, struct stream *s, const char *data, size_t len)
{
	(void)arg;
	(void)s;
	(void)data;
	return (ptrdiff_t)len;
}

static int
framing_put_nothing(struct buffer *b, uint16_t request_id)
{
	(void)b;
	(void)request_id;
	return 0;
}

void
framing_init_raw(struct framing *f, const char *name)
{
	memset(f, 0, sizeof *f);
	f->name = name;
	f->input = framing_ignore;
	f->put_end = framing_put_nothing;
}
