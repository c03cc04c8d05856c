/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_CONFIG_CONFIG_VALUE_H
#define CRIER_CONFIG_CONFIG_VALUE_H

/* What is wrong with single values.  All are pure. */

/*
 * What is wrong with a value, in words that follow "NAME: ", or NULL.  The
 * result is a constant.
 */
const char *config_value_wrong_text(const char *text);
const char *config_value_wrong_socket(const char *path);
const char *config_value_wrong_store(const char *text);
const char *config_value_wrong_listen(const char *address);
const char *config_value_wrong_lines(const char *text);
const char *config_value_wrong_origin(const char *origin);
const char *config_value_wrong_pattern(const char *pattern);
const char *config_value_wrong_name(const char *name);

#endif
