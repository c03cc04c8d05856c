/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cause.h"

int
cause_set(char **cause, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(cause, fmt, ap) == -1)
		*cause = NULL;
	va_end(ap);
	return -1;
}

int
cause_prefix(char **cause, const char *fmt, ...)
{
	char *words = NULL, *what = *cause;
	va_list ap;

	if (what == NULL)
		return -1;
	va_start(ap, fmt);
	if (vasprintf(&words, fmt, ap) == -1)
		words = NULL;
	va_end(ap);
	*cause = NULL;
	if (words != NULL)
		cause_set(cause, "%s%s", words, what);
	free(words);
	free(what);
	return -1;
}

const char *
cause_text(const char *cause)
{
	return cause == NULL ? "out of memory" : cause;
}
