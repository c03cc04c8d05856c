/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_REQUEST_TOKEN_VERIFY_H
#define CRIER_REQUEST_TOKEN_VERIFY_H

#include <stddef.h>

#include "base/text.h"
#include "config/config.h"

/*
 * Whether the signature (RFC 7518, 3) of a text is by this key and the
 * algorithm that the key is for.  0; or -1 with *why, as token_read has it.
 */
int token_verify(const struct config_token_key *, struct text_span text,
    const unsigned char *signature, size_t len, const char **why);

#endif
