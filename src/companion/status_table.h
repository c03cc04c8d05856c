/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_COMPANION_STATUS_TABLE_H
#define CRIER_COMPANION_STATUS_TABLE_H

#include <stdio.h>

struct json_object;

/*
 * Prints an object for people: a line for each member, then each object in it
 * as an indented group and each list of objects as a table.  Members whose
 * names end in _bytes, _ms or _seconds get units; "ok" is left out.  What is
 * not printable is escaped.
 */
void status_table_print(struct json_object *, FILE *);

#endif
