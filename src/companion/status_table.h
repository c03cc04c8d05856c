/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_COMPANION_STATUS_TABLE_H
#define CRIER_COMPANION_STATUS_TABLE_H

#include <stdbool.h>
#include <stdio.h>

struct json_object;

/*
 * Prints an object for people: a line for each member, then each object in it
 * as an indented group and each list of objects as a table.  Members whose
 * names end in _bytes, _ms, _us or _seconds get units; "ok" is left out, and so
 * is what is_shown, if not NULL, does not want: it is asked for each member of
 * a group, or of the top, which is "", and for each table.  What is not
 * printable is escaped.
 */
void status_table_print(struct json_object *,
    bool (*is_shown)(const char *group, const char *member,
	struct json_object *),
    FILE *);

/* Prints a list of objects as a table; nothing if it is empty. */
void status_table_print_rows(struct json_object *list, FILE *);

/*
 * A member's value as it is printed, "-" for NULL: with the unit that its name
 * says, and no byte that does something to a terminal.
 */
void status_table_format(const char *name, struct json_object *value, char *to,
    size_t size);

#endif
