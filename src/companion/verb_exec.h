/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_COMPANION_VERB_EXEC_H
#define CRIER_COMPANION_VERB_EXEC_H

/*
 * Becomes the program that does what takes libraries which would make all
 * other verbs start slowly: crier-NAME, beside this program or in the
 * directory for such programs.  argv[0] is the verb.  Returns the exit code
 * after a message if there is none.
 */
int verb_exec_helper(const char *name, char **argv);

#endif
