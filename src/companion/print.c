/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "companion/print.h"
#include "protocol/client.h"

bool
print_line(bool is_terminal, const char *text, size_t len)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t i;

	if (!is_terminal)
		return fwrite(text, 1, len, stdout) == len &&
		    putchar('\n') != EOF;
	for (i = 0; i < len; i++) {
		if (p[i] == 0xc2 && i + 1 < len && p[i + 1] < 0xa0)
			printf("\\u%04x", p[++i]);
		else if (p[i] == 0x7f ||
		    (p[i] < 0x20 && p[i] != '\n' && p[i] != '\t'))
			printf("\\u%04x", p[i]);
		else
			putchar(p[i]);
	}
	return putchar('\n') != EOF;
}

int
print_failed(void)
{
	if (errno == EPIPE)
		return 0;
	client_warn("standard output: %s", strerror(errno));
	return EX_IOERR;
}
