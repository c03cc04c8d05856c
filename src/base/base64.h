/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_BASE_BASE64_H
#define CRIER_BASE_BASE64_H

#include <stddef.h>

enum base64_form {
	BASE64_URL, /* RFC 4648, 5, without padding (RFC 7515, 2) */
	BASE64_ANY  /* either alphabet, padded or not, white space anywhere */
};

/*
 * Decodes text into to, which has room for len bytes and is not text.  Returns
 * the decoded length, or -1: not of this form, or with bits behind the last
 * byte (RFC 4648, 3.5).
 */
ptrdiff_t base64_decode(const char *text, size_t len, enum base64_form,
    unsigned char *to);

#endif
