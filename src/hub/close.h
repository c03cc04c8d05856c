/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_HUB_CLOSE_H
#define CRIER_HUB_CLOSE_H

#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

struct hub;

/*
 * Ends the streams of a channel, or of a user, here alone, and returns how
 * many; stop_ms: none may be opened for so long, or 0.
 */
size_t close_channel(struct hub *, struct text_span name, uint64_t stop_ms);
size_t close_user(struct hub *, struct text_span user, uint64_t stop_ms);

#endif
