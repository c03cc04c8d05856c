/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * crier-token, which `crier token` becomes: so crier need not load libjwt.
 */

#include "companion/verb.h"
#include "token/token_check.h"
#include "token/token_issue.h"
#include "token/token_options.h"

int
main(int argc, char **argv)
{
	struct token_options o;
	int rc = token_options_read(&o, argc, argv);

	if (rc == 0)
		rc = o.check ? token_check(&o) : token_issue(&o);
	token_options_clear(&o);
	return verb_finish(rc == -1 ? 0 : rc);
}
