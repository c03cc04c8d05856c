/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_STORE_SQLITE_READ_H
#define CRIER_STORE_SQLITE_READ_H

#include "store/sqlite_file.h"

/* Answers a read; if that fails, the read's error says why. */
void sqlite_read(struct sqlite_file *, struct store_read *);

#endif
