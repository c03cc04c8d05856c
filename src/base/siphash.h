/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_BASE_SIPHASH_H
#define CRIER_BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

/*
 * SipHash (Aumasson and Bernstein, 2012): hashes of what strangers choose.  Who
 * does not know the key cannot find two texts with the same one.
 */

enum {
	SIPHASH_BYTES = 16
};

/* SipHash-1-3: fast, for the places of a table. */
uint64_t siphash_64(const uint64_t key[2], const char *data, size_t len);

/* SipHash-2-4 with 128 bits: what stands for a text in its place. */
void siphash_128(const uint64_t key[2], const char *data, size_t len,
    unsigned char hash[SIPHASH_BYTES]);

#endif
