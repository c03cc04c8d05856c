/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_CONFIG_CONFIG_WHO_H
#define CRIER_CONFIG_CONFIG_WHO_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "config/config_setting.h"

/* The words that say who may do something.  All is pure but the printing. */

/* What is wrong with a word, in words that follow "NAME: ", or NULL. */
const char *config_who_wrong(const char *word);

/* Its bit; 0 for nobody. */
uint64_t config_who_bit(const char *word);

/* The same of count words together, in a section or not. */
const char *config_who_wrong_list(const char *const *words, size_t count,
    const char *pattern);

/*
 * Whether word cannot hold for all channels: there, no '*' says who the owner
 * is.  Sets why.
 */
bool config_who_wrong_default(const struct config_setting *, const char *word,
    char why[CONFIG_WHY_SIZE]);

/* As a list of words. */
void config_who_print(uint64_t who, FILE *);

/* Whether a segment of the pattern is '*'. */
bool config_who_has_owner(const char *pattern);

#endif
