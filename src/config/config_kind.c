/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "config/config_kind.h"
#include "config/config_value.h"
#include "config/config_who.h"

static const char *
config_kind_wrong_item(const char *item)
{
	if (item[0] == '\0')
		return "must not be empty";
	return config_value_wrong_text(item);
}

static void
config_kind_lower(char *text)
{
	for (; *text != '\0'; text++)
		*text = (char)tolower((unsigned char)*text);
}

static bool
config_kind_parse_count(const char *text, uint64_t *number)
{
	return text_parse_number(text, strlen(text), UINT64_MAX, number);
}

static void
config_kind_format_count(uint64_t number, char to[QUANTITY_TEXT_SIZE])
{
	snprintf(to, QUANTITY_TEXT_SIZE, "%" PRIu64, number);
}

static void
config_kind_format_mode(uint64_t mode, char to[QUANTITY_TEXT_SIZE])
{
	snprintf(to, QUANTITY_TEXT_SIZE, "%04" PRIo64, mode);
}

static void
config_kind_format_flag(uint64_t flag, char to[QUANTITY_TEXT_SIZE])
{
	snprintf(to, QUANTITY_TEXT_SIZE, "%s", flag == 0 ? "false" : "true");
}

const struct config_kind config_kind_text = { .storage = CONFIG_STRING,
	.wrong = config_value_wrong_text };
const struct config_kind config_kind_secret = { .storage = CONFIG_STRING,
	.is_secret = true,
	.wrong = config_value_wrong_text };
const struct config_kind config_kind_lines = { .storage = CONFIG_STRING,
	.wrong = config_value_wrong_lines };
const struct config_kind config_kind_socket = { .storage = CONFIG_STRING,
	.wrong = config_value_wrong_socket };
const struct config_kind config_kind_store = { .storage = CONFIG_STRING,
	.wrong = config_value_wrong_store };
const struct config_kind config_kind_name = { .storage = CONFIG_STRING,
	.wrong = config_value_wrong_name };
const struct config_kind config_kind_template = { .storage = CONFIG_STRING,
	.wrong = config_value_wrong_lines };

const struct config_kind config_kind_texts = { .storage = CONFIG_STRINGS,
	.is_list = true,
	.wrong = config_kind_wrong_item };
const struct config_kind config_kind_addresses = { .storage = CONFIG_STRINGS,
	.is_list = true,
	.wrong = config_value_wrong_listen };
const struct config_kind config_kind_origins = { .storage = CONFIG_STRINGS,
	.is_list = true,
	.wrong = config_value_wrong_origin,
	.fold = config_kind_lower };
const struct config_kind config_kind_templates = { .storage = CONFIG_STRINGS,
	.is_list = true,
	.wrong = config_value_wrong_lines };

const struct config_kind config_kind_viewers = { .storage = CONFIG_STRINGS,
	.is_list = true,
	.wrong = config_who_wrong_viewer };

const struct config_kind config_kind_count = { .parse = config_kind_parse_count,
	.format = config_kind_format_count,
	.form = "a whole number" };
const struct config_kind config_kind_size = { .parse = quantity_parse_size,
	.format = quantity_format_size,
	.form = "a number of bytes, or one with K, M or G" };
const struct config_kind config_kind_seconds = { .parse =
						     quantity_parse_seconds,
	.format = quantity_format_seconds,
	.form = "a number of seconds" };
const struct config_kind config_kind_linger = { .parse = quantity_parse_linger,
	.format = quantity_format_linger,
	.form = "a number of seconds up to a year, or forever" };
const struct config_kind config_kind_mode = { .parse = quantity_parse_mode,
	.format = config_kind_format_mode,
	.form = "octal permissions from 0 to 0777" };
const struct config_kind config_kind_flag = { .parse = quantity_parse_flag,
	.format = config_kind_format_flag,
	.form = "true or false" };
const struct config_kind config_kind_word = { .storage = CONFIG_NUMBER };
const struct config_kind config_kind_who = { .is_list = true,
	.wrong = config_who_wrong,
	.bits = config_who_bit,
	.print_bits = config_who_print };
