/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_CONFIG_CONFIG_WHO_H
#define CRIER_CONFIG_CONFIG_WHO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* The words that say who may do something.  Pure, but for the printing. */

/* What is wrong with a word, in words that follow "NAME: ", or NULL. */
const char *config_who_wrong(const char *word);

/* The same of who may see a status, which has no owner, but a machine. */
const char *config_who_wrong_viewer(const char *word);

/* The bit of a word; 0 for nobody. */
uint64_t config_who_bit(const char *word);

/*
 * What is wrong with count words together in a channel section with this
 * pattern, or NULL.  Without a pattern they hold for all channels: there, no
 * '*' says who the owner is.
 */
const char *config_who_wrong_list(const char *const *words, size_t count,
    const char *pattern);

/* Prints the bits as a list of words. */
void config_who_print(uint64_t who, FILE *);

/* Whether a segment of the pattern is '*'. */
bool config_who_has_owner(const char *pattern);

#endif
