/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_CONFIG_CONFIG_FILE_H
#define CRIER_CONFIG_CONFIG_FILE_H

#include "config/config.h"

/*
 * Reads the file at path over what c holds.  Its channel sections go in
 * before c's last channel; what a section leaves out is UINT64_MAX there.
 * 0, or -1 with *cause, an allocated line (NULL when out of memory).  Uses
 * libConfuse, which is why two threads cannot read at once.
 */
int config_file_read(struct config *c, const char *path, char **cause);

#endif
