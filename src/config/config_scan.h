/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_CONFIG_CONFIG_SCAN_H
#define CRIER_CONFIG_CONFIG_SCAN_H

#include <stddef.h>

/*
 * Prepares the text of a configuration file for libConfuse 3.3, which counts
 * a comment as three lines, drops a '*' outside quotes without a word, and
 * takes a section that is never closed for a whole one.  Comments become
 * spaces (their newlines stay); NUL bytes, such a '*', strings, comments
 * and braces without an end are refused.  Returns NULL, or what is wrong, a
 * constant, with *line (from 1).
 */
const char *config_scan(char *text, size_t len, int *line);

#endif
