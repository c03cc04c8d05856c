/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_QUEUE_ALLOW_H
#define CRIER_QUEUE_ALLOW_H

#include <stdbool.h>

#include "config/config.h"

/*
 * Whether the process at the other end of a Unix socket is of our own user or
 * root, or of a user or group that is listed.
 */
bool allow_includes(const struct config_list *, int fd);

/* Whether it is root's. */
bool allow_is_root(int fd);

#endif
