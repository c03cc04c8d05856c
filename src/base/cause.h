/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_BASE_CAUSE_H
#define CRIER_BASE_CAUSE_H

/*
 * A cause: why something failed, as a text on the heap that belongs to whoever
 * called.  Where the function that failed returns and its cause is NULL, there
 * was no memory, be it for the thing or for the text.
 */

/* Sets *cause, or makes it NULL without memory for it; returns -1. */
int cause_set(char **cause, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Puts words in front of *cause, which stays NULL or becomes it without memory;
 * returns -1.
 */
int cause_prefix(char **cause, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* The cause, or "out of memory" for NULL. */
const char *cause_text(const char *cause);

#endif
