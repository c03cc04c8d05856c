/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"

enum {
	BUFFER_MIN = 256
};

static size_t
buffer_front(const struct buffer *b)
{
	return b->base == NULL ? 0 : (size_t)(b->data - b->base);
}

char *
buffer_reserve(struct buffer *b, size_t n)
{
	size_t front, whole, size;
	char *base;

	if (b->cap - b->len >= n && b->base != NULL)
		return b->data + b->len;
	front = buffer_front(b);
	whole = front + b->cap;
	if (n > SIZE_MAX / 4 - b->len) {
		errno = ENOMEM;
		return NULL;
	}
	/* Moving to the front is enough when half of the memory is consumed. */
	if (b->base != NULL && whole - b->len >= n && front >= b->len) {
		memmove(b->base, b->data, b->len);
		b->data = b->base;
		b->cap = whole;
		return b->data + b->len;
	}
	size = b->len + n < BUFFER_MIN ? BUFFER_MIN : (b->len + n) * 2;
	if ((base = malloc(size)) == NULL)
		return NULL;
	if (b->len > 0)
		memcpy(base, b->data, b->len);
	free(b->base);
	b->base = b->data = base;
	b->cap = size;
	return b->data + b->len;
}

void
buffer_commit(struct buffer *b, size_t n)
{
	b->len += n;
}

int
buffer_append(struct buffer *b, const void *data, size_t n)
{
	char *to;

	if (n == 0)
		return 0;
	if ((to = buffer_reserve(b, n)) == NULL)
		return -1;
	memcpy(to, data, n);
	b->len += n;
	return 0;
}

int
buffer_append_text(struct buffer *b, const char *text)
{
	return buffer_append(b, text, strlen(text));
}

static int __attribute__((format(printf, 2, 0)))
buffer_vprintf(struct buffer *b, const char *fmt, va_list ap)
{
	size_t room = b->base == NULL ? 0 : b->cap - b->len;
	va_list again;
	char *to;
	int n;

	/* Mostly there is room, and printing once is enough. */
	va_copy(again, ap);
	n = vsnprintf(room == 0 ? NULL : b->data + b->len, room, fmt, again);
	va_end(again);
	if (n >= 0 && (size_t)n < room) {
		b->len += (size_t)n;
		return 0;
	}
	if (n < 0 || (to = buffer_reserve(b, (size_t)n + 1)) == NULL)
		return -1;
	vsnprintf(to, (size_t)n + 1, fmt, ap);
	b->len += (size_t)n;
	return 0;
}

int
buffer_printf(struct buffer *b, const char *fmt, ...)
{
	va_list ap;
	int rc;

	va_start(ap, fmt);
	rc = buffer_vprintf(b, fmt, ap);
	va_end(ap);
	return rc;
}

void
buffer_consume(struct buffer *b, size_t n)
{
	b->data += n;
	b->len -= n;
	b->cap -= n;
	if (b->len == 0 && b->base != NULL) {
		b->cap += (size_t)(b->data - b->base);
		b->data = b->base;
	}
}

void
buffer_truncate(struct buffer *b, size_t n)
{
	b->len = n;
}

void
buffer_clear(struct buffer *b)
{
	free(b->base);
	memset(b, 0, sizeof *b);
}
