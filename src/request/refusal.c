/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdarg.h>
#include <stdio.h>

#include "request/refusal.h"

int
refusal_set(struct refusal *r, int status, const char *fmt, ...)
{
	va_list ap;

	r->status = status;
	va_start(ap, fmt);
	vsnprintf(r->text, sizeof r->text, fmt, ap);
	va_end(ap);
	return -1;
}

int
refusal_set_memory(struct refusal *r)
{
	return refusal_set(r, 503, "out of memory");
}
