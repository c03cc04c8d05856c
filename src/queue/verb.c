/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "queue/client.h"
#include "queue/verb.h"

int
verb_usage(const struct verb *verb, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "crier: %s: ", verb->name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\nTry 'crier %s -h'.\n", verb->name);
	return EX_USAGE;
}

int
verb_option(const struct verb *verb, int argc, char **argv, const char *shorts,
    const struct option *longs, bool *begun)
{
	int c;

	if (!*begun) {
		optind = 0; /* glibc: begin anew, with these arguments */
		opterr = 0;
		*begun = true;
	}
	c = getopt_long(argc, argv, shorts, longs, NULL);
	if (c == 'h') {
		fputs(verb->help, stdout);
	} else if (c == ':') {
		verb_usage(verb, "%s needs a value", argv[optind - 1]);
		c = '?';
	} else if (c == '?' && optopt > 0 && optopt < 256) {
		verb_usage(verb, "no such option: -%c", optopt);
	} else if (c == '?') {
		verb_usage(verb, "no such option: %s", argv[optind - 1]);
	}
	return c;
}

int
verb_finish(int code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	client_warn("standard output: %s", strerror(errno));
	return code == 0 ? EX_IOERR : code;
}
