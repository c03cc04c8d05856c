/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include "companion/verb.h"
#include "companion/verb_exec.h"

static int
token_run(const struct verb_env *env, int argc, char **argv)
{
	(void)env;
	(void)argc;
	return verb_exec_helper("token", argv);
}

/* The program has the help, too. */
const struct verb verb_token = { "token", "", token_run };
