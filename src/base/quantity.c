/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/quantity.h"
#include "base/text.h"

bool
quantity_parse_size(const char *text, uint64_t *bytes)
{
	static const char units[] = "KMG";
	size_t len = strlen(text);
	const char *unit;
	unsigned shift = 0;

	if (len > 1 && (unit = strchr(units, text[len - 1])) != NULL) {
		shift = 10 * (unsigned)(unit - units + 1);
		len--;
	}
	if (!text_parse_number(text, len, UINT64_MAX >> shift, bytes))
		return false;
	*bytes <<= shift;
	return true;
}

bool
quantity_parse_seconds(const char *text, uint64_t *ms)
{
	const char *point = strchr(text, '.');
	size_t len = point == NULL ? strlen(text) : (size_t)(point - text);
	size_t decimals;
	uint64_t part = 0;

	if (!text_parse_number(text, len, UINT64_MAX / 1000 - 1, ms))
		return false;
	*ms *= 1000;
	if (point == NULL)
		return true;
	decimals = strlen(point + 1);
	if (decimals > 3 || !text_parse_number(point + 1, decimals, 999, &part))
		return false;
	for (; decimals < 3; decimals++)
		part *= 10;
	*ms += part;
	return true;
}

bool
quantity_parse_linger(const char *text, uint64_t *ms)
{
	if (strcmp(text, "forever") == 0) {
		*ms = QUANTITY_FOREVER_MS;
		return true;
	}
	return quantity_parse_seconds(text, ms) && *ms <= QUANTITY_YEAR_MS;
}

bool
quantity_parse_flag(const char *text, uint64_t *flag)
{
	static const char *const words[] = { "false", "true", "no", "yes",
		"off", "on" };
	size_t i;

	for (i = 0; i < sizeof words / sizeof *words; i++) {
		if (strcmp(text, words[i]) == 0) {
			*flag = i & 1;
			return true;
		}
	}
	return false;
}

bool
quantity_parse_mode(const char *text, uint64_t *mode)
{
	size_t len = strlen(text), i;

	*mode = 0;
	for (i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '7')
			return false;
		*mode = *mode * 8 + (uint64_t)(text[i] - '0');
		if (*mode > 0777)
			return false;
	}
	return len > 0;
}

void
quantity_format_size(uint64_t bytes, char to[QUANTITY_TEXT_SIZE])
{
	static const char *const units[] = { "", "K", "M", "G" };
	size_t i = 0;

	while (i < 3 && bytes > 0 && bytes % 1024 == 0) {
		bytes /= 1024;
		i++;
	}
	snprintf(to, QUANTITY_TEXT_SIZE, "%" PRIu64 "%s", bytes, units[i]);
}

void
quantity_format_seconds(uint64_t ms, char to[QUANTITY_TEXT_SIZE])
{
	int n = snprintf(to, QUANTITY_TEXT_SIZE, "%" PRIu64 ".%03u", ms / 1000,
	    (unsigned)(ms % 1000));

	while (n > 0 && to[n - 1] == '0')
		to[--n] = '\0';
	if (n > 0 && to[n - 1] == '.')
		to[n - 1] = '\0';
}

void
quantity_format_linger(uint64_t ms, char to[QUANTITY_TEXT_SIZE])
{
	if (ms == QUANTITY_FOREVER_MS)
		snprintf(to, QUANTITY_TEXT_SIZE, "forever");
	else
		quantity_format_seconds(ms, to);
}
