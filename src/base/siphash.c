/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <string.h>

#include "base/siphash.h"

static uint64_t
siphash_rotate(uint64_t v, int bits)
{
	return v << bits | v >> (64 - bits);
}

static void
siphash_round(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = siphash_rotate(v[1], 13) ^ v[0];
	v[3] = siphash_rotate(v[3], 16) ^ v[2];
	v[0] = siphash_rotate(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = siphash_rotate(v[1], 17) ^ v[2];
	v[3] = siphash_rotate(v[3], 21) ^ v[0];
	v[2] = siphash_rotate(v[2], 32);
}

static void
siphash_rounds(uint64_t v[4], int count)
{
	while (count-- > 0)
		siphash_round(v);
}

static void
siphash_word(uint64_t v[4], const void *bytes, int rounds)
{
	uint64_t word;

	memcpy(&word, bytes, sizeof word);
	v[3] ^= word;
	siphash_rounds(v, rounds);
	v[0] ^= word;
}

/* Takes all of the data in, with so many rounds a word. */
static void
siphash_take(uint64_t v[4], const uint64_t key[2], const char *data, size_t len,
    int rounds)
{
	unsigned char last[8] = { 0 };
	size_t left = len;

	v[0] = key[0] ^ 0x736f6d6570736575U;
	v[1] ^= key[1] ^ 0x646f72616e646f6dU;
	v[2] = key[0] ^ 0x6c7967656e657261U;
	v[3] = key[1] ^ 0x7465646279746573U;
	for (; left >= 8; left -= 8, data += 8)
		siphash_word(v, data, rounds);
	memcpy(last, data, left);
	last[7] = (unsigned char)len;
	siphash_word(v, last, rounds);
}

static uint64_t
siphash_fold(const uint64_t v[4])
{
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t
siphash_64(const uint64_t key[2], const char *data, size_t len)
{
	uint64_t v[4] = { 0 };

	siphash_take(v, key, data, len, 1);
	v[2] ^= 0xff;
	siphash_rounds(v, 3);
	return siphash_fold(v);
}

void
siphash_128(const uint64_t key[2], const char *data, size_t len,
    unsigned char hash[SIPHASH_BYTES])
{
	uint64_t v[4] = { 0, 0xee }, half;

	siphash_take(v, key, data, len, 2);
	v[2] ^= 0xee;
	siphash_rounds(v, 4);
	half = siphash_fold(v);
	memcpy(hash, &half, sizeof half);
	v[1] ^= 0xdd;
	siphash_rounds(v, 4);
	half = siphash_fold(v);
	memcpy(hash + sizeof half, &half, sizeof half);
}
