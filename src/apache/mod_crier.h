/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_APACHE_MOD_CRIER_H
#define CRIER_APACHE_MOD_CRIER_H

#include <httpd.h>
#include <http_config.h>

/* What the parts of the module share of httpd's and of its directives. */

extern module AP_MODULE_DECLARE_DATA crier_module;

/* The directives of a directory. */
struct crier_config {
	const char *socket; /* NULL: not said here; see upstream_open() */
	int pass;           /* CRIER_PASS_... */
};

enum {
	CRIER_PASS_UNSET,
	CRIER_PASS_AUTO,
	CRIER_PASS_OFF
};

/* The handler of "SetHandler crier". */
int handler_run(request_rec *);

#endif
