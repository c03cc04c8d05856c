/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_CONFIG_CONFIG_VALUE_H
#define CRIER_CONFIG_CONFIG_VALUE_H

#include <stdbool.h>
#include <stdint.h>

/* The readers of single values.  All are pure. */

enum {
	CONFIG_PATTERN_MAX = 255, /* bytes, as a channel's name */
	CONFIG_TEXT_SIZE = 32     /* for the config_value_format functions */
};

/* A whole number, or one with K, M or G (2^10, 2^20, 2^30) behind it. */
bool config_value_size(const char *text, uint64_t *bytes);

/* Seconds with up to three decimals, as milliseconds. */
bool config_value_seconds(const char *text, uint64_t *ms);

/* true, yes and on are 1; false, no and off are 0. */
bool config_value_flag(const char *text, uint64_t *flag);

/* Permission bits in octal, up to 0777. */
bool config_value_mode(const char *text, uint64_t *mode);

/* The reverse of the above: the shortest form that reads back the same. */
void config_value_format_size(uint64_t bytes, char to[CONFIG_TEXT_SIZE]);
void config_value_format_seconds(uint64_t ms, char to[CONFIG_TEXT_SIZE]);

/*
 * What is wrong with a value, in words that follow "NAME: ", or NULL.  The
 * result is a constant.
 */
const char *config_value_wrong_text(const char *text);
const char *config_value_wrong_socket(const char *path);
const char *config_value_wrong_fifo(const char *path);
const char *config_value_wrong_store(const char *text);
const char *config_value_wrong_listen(const char *address);
const char *config_value_wrong_template(const char *text);
const char *config_value_wrong_origin(const char *origin);
const char *config_value_wrong_pattern(const char *pattern);
const char *config_value_wrong_name(const char *name);

#endif
