/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <inttypes.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "companion/status_table.h"
#include "protocol/figures.h"

enum {
	CELL_SIZE = 256,
	TABLE_COLUMNS = 32,
	TABLE_INDENT = 2
};

/* A value as it is shown. */
struct status_cell {
	char text[CELL_SIZE];
	int width; /* characters */
	bool is_number;
};

static bool
status_table_has_suffix(const char *name, const char *suffix)
{
	size_t n = strlen(name), m = strlen(suffix);

	return n > m && strcmp(name + n - m, suffix) == 0;
}

/* Characters of UTF-8. */
static int
status_table_width(const char *text)
{
	int n = 0;

	for (; *text != '\0'; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

/*
 * "max_age_seconds" is shown as "max age", for the unit is in the value, unless
 * there is a "max_age" too.
 */
static void
status_table_name(struct json_object *object, const char *name,
    char to[CELL_SIZE])
{
	static const char *const suffixes[] = { "_bytes", "_ms", "_us",
		"_seconds" };
	size_t len = strlen(name), i;

	for (i = 0; i < sizeof suffixes / sizeof *suffixes; i++)
		if (status_table_has_suffix(name, suffixes[i])) {
			len -= strlen(suffixes[i]);
			break;
		}
	text_escape(name, len, to, CELL_SIZE);
	if (len < strlen(name) && json_object_object_get_ex(object, to, NULL))
		text_escape(name, strlen(name), to, CELL_SIZE);
	for (; *to != '\0'; to++)
		if (*to == '_')
			*to = ' ';
}

static void
status_table_bytes(double n, char to[CELL_SIZE])
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	size_t i = 0;

	while (n >= 1024 && i < 4) {
		n /= 1024;
		i++;
	}
	snprintf(to, CELL_SIZE, i == 0 ? "%.0f %s" : "%.1f %s", n, units[i]);
}

static void
status_table_time(double ms, char to[CELL_SIZE])
{
	unsigned long long s = ms > 0 ? (unsigned long long)(ms / 1000) : 0;

	if (ms > 0 && ms < 1)
		snprintf(to, CELL_SIZE, "%.0f us", ms * 1000);
	else if (ms >= 1 && ms < 10)
		snprintf(to, CELL_SIZE, "%.3g ms", ms);
	else if (ms > 0 && ms < 1000)
		snprintf(to, CELL_SIZE, "%.0f ms", ms);
	else if (s < 60)
		snprintf(to, CELL_SIZE, "%.3g s", ms / 1000);
	else if (s < 3600)
		snprintf(to, CELL_SIZE, "%llu min %llu s", s / 60, s % 60);
	else if (s < 86400)
		snprintf(to, CELL_SIZE, "%llu h %llu min", s / 3600,
		    s / 60 % 60);
	else
		snprintf(to, CELL_SIZE, "%llu d %llu h", s / 86400,
		    s / 3600 % 24);
}

/* A moment, in milliseconds since 1970, as the clock on the wall has it. */
static void
status_table_date(uint64_t ms, char to[CELL_SIZE])
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;

	if (ms == 0 || localtime_r(&seconds, &tm) == NULL ||
	    strftime(to, CELL_SIZE, "%Y-%m-%d %H:%M:%S", &tm) == 0)
		snprintf(to, CELL_SIZE, "-");
}

static bool
status_table_is_moment(const char *name)
{
	const struct figure *f;

	for (f = figures_table; f < figures_table + figures_count; f++)
		if (f->kind == FIGURE_TIME && strcmp(f->member, name) == 0)
			return true;
	return false;
}

static void
status_table_number(const char *name, struct json_object *value,
    struct status_cell *cell)
{
	double n = json_object_get_double(value);

	cell->is_number = true;
	if (status_table_is_moment(name))
		status_table_date(json_object_get_uint64(value), cell->text);
	else if (status_table_has_suffix(name, "_bytes"))
		status_table_bytes(n, cell->text);
	else if (status_table_has_suffix(name, "_ms"))
		status_table_time(n, cell->text);
	else if (status_table_has_suffix(name, "_us"))
		status_table_time(n / 1000, cell->text);
	else if (status_table_has_suffix(name, "_seconds"))
		status_table_time(n * 1000, cell->text);
	else
		snprintf(cell->text, CELL_SIZE, "%s",
		    json_object_get_string(value));
}

/* Between words, or the elements of a list. */
static bool
status_table_is_empty(struct json_object *value)
{
	if (json_object_is_type(value, json_type_array))
		return json_object_array_length(value) == 0;
	return json_object_is_type(value, json_type_string) &&
	    json_object_get_string_len(value) == 0;
}

static void
status_table_cell(const char *name, struct json_object *value,
    struct status_cell *cell)
{
	const char *text;

	memset(cell, 0, sizeof *cell);
	switch (json_object_get_type(value)) {
	case json_type_int:
	case json_type_double:
		status_table_number(name, value, cell);
		break;
	case json_type_null:
		snprintf(cell->text, CELL_SIZE, "-");
		break;
	case json_type_boolean:
		snprintf(cell->text, CELL_SIZE, "%s",
		    json_object_get_boolean(value) ? "yes" : "no");
		break;
	default:
		/* A list of words, or what is nested deeper, as its JSON. */
		text = status_table_is_empty(value)
		    ? "-"
		    : json_object_get_string(value);
		text_escape(text, strlen(text), cell->text, CELL_SIZE);
		break;
	}
	cell->width = status_table_width(cell->text);
}

void
status_table_format(const char *name, struct json_object *value, char *to,
    size_t size)
{
	struct status_cell cell;

	status_table_cell(name, value, &cell);
	snprintf(to, size, "%s", cell.text);
}

static void
status_table_pad(int n, FILE *to)
{
	while (n-- > 0)
		putc(' ', to);
}

static void
status_table_put(const struct status_cell *cell, int width, FILE *to)
{
	if (cell->is_number)
		status_table_pad(width - cell->width, to);
	fputs(cell->text, to);
	if (!cell->is_number)
		status_table_pad(width - cell->width, to);
}

static bool
status_table_is_table(struct json_object *value)
{
	return json_object_is_type(value, json_type_array) &&
	    json_object_array_length(value) > 0 &&
	    json_object_is_type(json_object_array_get_idx(value, 0),
		json_type_object);
}

static bool
status_table_is_group(struct json_object *value)
{
	return json_object_is_type(value, json_type_object) ||
	    status_table_is_table(value);
}

/* A table's columns: the names of its first row. */
struct status_columns {
	const char *names[TABLE_COLUMNS];
	int widths[TABLE_COLUMNS];
	size_t count;
};

static void
status_table_measure(struct json_object *rows, struct status_columns *columns)
{
	struct json_object *first = json_object_array_get_idx(rows, 0), *row;
	struct status_cell cell;
	char name[CELL_SIZE];
	size_t i, k, n = json_object_array_length(rows);

	columns->count = 0;
	json_object_object_foreach(first, key, ignored)
	{
		(void)ignored;
		if (columns->count == TABLE_COLUMNS)
			break;
		status_table_name(first, key, name);
		columns->widths[columns->count] = status_table_width(name);
		columns->names[columns->count++] = key;
	}
	for (i = 0; i < n; i++)
		for (k = 0; k < columns->count; k++) {
			row = json_object_array_get_idx(rows, i);
			status_table_cell(columns->names[k],
			    json_object_object_get(row, columns->names[k]),
			    &cell);
			if (cell.width > columns->widths[k])
				columns->widths[k] = cell.width;
		}
}

/* The names, above numbers at the right. */
static void
status_table_header(struct json_object *first,
    const struct status_columns *columns, int indent, FILE *to)
{
	struct status_cell cell;
	size_t k;

	status_table_pad(indent, to);
	for (k = 0; k < columns->count; k++) {
		status_table_cell(columns->names[k],
		    json_object_object_get(first, columns->names[k]), &cell);
		status_table_name(first, columns->names[k], cell.text);
		cell.width = status_table_width(cell.text);
		if (k > 0)
			fputs("  ", to);
		status_table_put(&cell, columns->widths[k], to);
	}
	putc('\n', to);
}

static void
status_table_rows(struct json_object *rows, int indent, FILE *to)
{
	struct status_columns columns;
	struct json_object *row, *value;
	struct status_cell cell;
	size_t i, k, n = json_object_array_length(rows);

	status_table_measure(rows, &columns);
	status_table_header(json_object_array_get_idx(rows, 0), &columns,
	    indent, to);
	for (i = 0; i < n; i++) {
		row = json_object_array_get_idx(rows, i);
		status_table_pad(indent, to);
		for (k = 0; k < columns.count; k++) {
			value = json_object_object_get(row, columns.names[k]);
			status_table_cell(columns.names[k], value, &cell);
			if (k > 0)
				fputs("  ", to);
			status_table_put(&cell, columns.widths[k], to);
		}
		putc('\n', to);
	}
}

/* What is printed of an object, and where. */
struct status_table {
	struct json_object *object;
	const char *group; /* "": it is the whole */
	bool (*is_shown)(const char *, const char *, struct json_object *);
	FILE *to;
};

/* The name of a group, behind what is before it. */
static void
status_table_title(const struct status_table *t)
{
	char name[CELL_SIZE];

	if (*t->group == '\0')
		return;
	status_table_name(NULL, t->group, name);
	fprintf(t->to, "\n%s\n", name);
}

/* At the top, groups come later. */
static bool
status_table_has(const struct status_table *t, const char *member,
    struct json_object *value)
{
	if (*t->group == '\0' &&
	    (status_table_is_group(value) || strcmp(member, "ok") == 0))
		return false;
	return t->is_shown == NULL || t->is_shown(t->group, member, value);
}

/* How wide the names are, and the numbers; false if there is nothing. */
static bool
status_table_widths(const struct status_table *t, int *names, int *numbers)
{
	struct status_cell cell;
	char name[CELL_SIZE];
	bool has_any = false;

	*names = *numbers = 0;
	json_object_object_foreach(t->object, key, value)
	{
		if (!status_table_has(t, key, value))
			continue;
		has_any = true;
		status_table_name(t->object, key, name);
		if (status_table_width(name) > *names)
			*names = status_table_width(name);
		status_table_cell(key, value, &cell);
		if (cell.is_number && cell.width > *numbers)
			*numbers = cell.width;
	}
	return has_any;
}

/* Values under each other. */
static void
status_table_values(const struct status_table *t)
{
	struct status_cell cell;
	char name[CELL_SIZE];
	int name_width, number_width;

	if (!status_table_widths(t, &name_width, &number_width))
		return;
	status_table_title(t);
	json_object_object_foreach(t->object, key, value)
	{
		if (!status_table_has(t, key, value))
			continue;
		status_table_name(t->object, key, name);
		status_table_cell(key, value, &cell);
		status_table_pad(*t->group == '\0' ? 0 : TABLE_INDENT, t->to);
		fputs(name, t->to);
		status_table_pad(name_width - status_table_width(name) + 2,
		    t->to);
		status_table_put(&cell, cell.is_number ? number_width : 0,
		    t->to);
		putc('\n', t->to);
	}
}

void
status_table_print(struct json_object *object,
    bool (*is_shown)(const char *, const char *, struct json_object *),
    FILE *to)
{
	struct status_table t = { object, "", is_shown, to };

	status_table_values(&t);
	json_object_object_foreach(object, key, value)
	{
		t.object = value;
		t.group = key;
		if (json_object_is_type(value, json_type_object)) {
			status_table_values(&t);
		} else if (status_table_is_table(value) &&
		    (is_shown == NULL || is_shown("", key, value))) {
			status_table_title(&t);
			status_table_rows(value, TABLE_INDENT, to);
		}
	}
}

void
status_table_print_rows(struct json_object *list, FILE *to)
{
	if (status_table_is_table(list))
		status_table_rows(list, 0, to);
}
