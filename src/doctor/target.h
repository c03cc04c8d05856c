/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_DOCTOR_TARGET_H
#define CRIER_DOCTOR_TARGET_H

/* The URL of a route, and the channel that it leads to.  Does no I/O. */

#define TARGET_CHANNEL "{channel}"

/* What is wrong with a URL, in words that may follow "URL: ", or NULL. */
const char *target_wrong(const char *url);

/*
 * The route's URL for the name of a channel: in place of each "{channel}", or
 * as "?channel=NAME".  Without a fragment.  The caller's; NULL: no memory.
 */
char *target_url(const char *url, const char *name);

/* A pattern with the name in place of each "{channel}"; the caller's. */
char *target_channel(const char *pattern, const char *name);

/* The URL without user and password, to be shown; the caller's. */
char *target_display(const char *url);

#endif
