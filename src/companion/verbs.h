/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_COMPANION_VERBS_H
#define CRIER_COMPANION_VERBS_H

#include <stdio.h>

#include "companion/verb.h"

/* All verbs together: what crier(1) knows of them (VERB_LIST in verb.h). */

/* The verb of that name, or NULL. */
const struct verb *verbs_find(const char *name);

/* Prints a line for each, as `crier -h` has them. */
void verbs_print(FILE *);

/* Prints their names as words in a sentence: "pub, flush or token". */
void verbs_print_names(FILE *);

#endif
