/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_BASE_LIST_H
#define CRIER_BASE_LIST_H

#include <sys/queue.h>

/* The BSDs have these; glibc's <sys/queue.h> does not. */
#ifndef TAILQ_FOREACH_SAFE
#define TAILQ_FOREACH_SAFE(var, head, field, next)                  \
	for ((var) = TAILQ_FIRST(head);                             \
	     (var) != NULL && ((next) = TAILQ_NEXT(var, field), 1); \
	     (var) = (next))
#endif
#ifndef SLIST_FOREACH_SAFE
#define SLIST_FOREACH_SAFE(var, head, field, next)                  \
	for ((var) = SLIST_FIRST(head);                             \
	     (var) != NULL && ((next) = SLIST_NEXT(var, field), 1); \
	     (var) = (next))
#endif

#endif
