/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_REQUEST_REFUSAL_H
#define CRIER_REQUEST_REFUSAL_H

enum {
	REFUSAL_TEXT_SIZE = 256 /* longer words are cut off */
};

/*
 * Why a request is not served, in words for people.  In these rooms words
 * travel in two ways: as literals, which are always the same, and in this
 * structure.
 */
struct refusal {
	int status; /* HTTP's; 0: nothing is refused */
	char text[REFUSAL_TEXT_SIZE];
};

/* Refuses; always -1. */
int refusal_set(struct refusal *, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Refuses for want of memory; always -1. */
int refusal_set_memory(struct refusal *);

#endif
