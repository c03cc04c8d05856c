/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_BASE_BUFFER_H
#define CRIER_BASE_BUFFER_H

#include <stddef.h>

/*
 * A growing run of bytes, written at the end and consumed from the front.
 * All zero is an empty buffer.  data may be NULL while len is 0.
 */
struct buffer {
	char *data; /* first unconsumed byte */
	size_t len; /* unconsumed bytes */
	size_t cap; /* bytes from data to the end of the allocation */
	char *base; /* the allocation */
};

/*
 * Room for n more bytes after the last one.  Returns where they go, or NULL
 * and errno = ENOMEM with the buffer unchanged.  Follow with buffer_commit.
 */
char *buffer_reserve(struct buffer *, size_t n);

/* Counts n bytes that were written at buffer_reserve's result. */
void buffer_commit(struct buffer *, size_t n);

/* Appends; 0, or -1 with errno = ENOMEM and the buffer unchanged. */
int buffer_append(struct buffer *, const void *data, size_t n);
/* The same, of a text and of printf's form. */
int buffer_append_text(struct buffer *, const char *text);
int buffer_printf(struct buffer *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Forgets the first n bytes (n <= len). */
void buffer_consume(struct buffer *, size_t n);

/* Cuts the buffer to its first n bytes (n <= len). */
void buffer_truncate(struct buffer *, size_t n);

/* Frees the memory and leaves an empty buffer. */
void buffer_clear(struct buffer *);

#endif
