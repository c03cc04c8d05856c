/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * A token with a right signature, whatever it says: header, NUL, claims.  What
 * is not ours must not matter, and none is said to have a wrong signature.
 */
#include "fuzz.h"

#include <string.h>

#include "base/buffer.h"
#include "config/config.h"
#include "request/token.h"

const char *const fuzz_name = "signed";

#define FUZZ_NOW_MS UINT64_C(1800000000000)
#define FUZZ_KEY    "0123456789abcdef0123456789abcdef"

enum {
	HASH_BYTES = 32,
	HASH_BLOCK = 64
};

static uint32_t
hash_turn(uint32_t x, int n)
{
	return x >> n | x << (32 - n);
}

/* One block of SHA-256 (FIPS 180-4, 6.2.2). */
static void
hash_block(uint32_t h[8], const uint8_t *p)
{
	static const uint32_t k[] = { 0x428a2f98, 0x71374491, 0xb5c0fbcf,
		0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
		0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74,
		0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
		0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc,
		0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
		0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85,
		0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb,
		0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70,
		0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
		0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3,
		0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f,
		0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
		0xc67178f2 };
	uint32_t w[64], s[8], a, b;
	int i;

	for (i = 0; i < 16; i++, p += 4)
		w[i] = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
		    (uint32_t)p[2] << 8 | p[3];
	for (; i < 64; i++) {
		a = w[i - 15];
		b = w[i - 2];
		w[i] = w[i - 16] + w[i - 7] +
		    (hash_turn(a, 7) ^ hash_turn(a, 18) ^ a >> 3) +
		    (hash_turn(b, 17) ^ hash_turn(b, 19) ^ b >> 10);
	}
	memcpy(s, h, sizeof s);
	for (i = 0; i < 64; i++) {
		a = s[7] + k[i] + w[i] +
		    (hash_turn(s[4], 6) ^ hash_turn(s[4], 11) ^
			hash_turn(s[4], 25)) +
		    ((s[4] & s[5]) ^ (~s[4] & s[6]));
		b = (hash_turn(s[0], 2) ^ hash_turn(s[0], 13) ^
			hash_turn(s[0], 22)) +
		    ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
		memmove(s + 1, s, 7 * sizeof *s);
		s[4] += a;
		s[0] = a + b;
	}
	for (i = 0; i < 8; i++)
		h[i] += s[i];
}

/* SHA-256 of a block that is the key with a mask, and a text behind it. */
static void
hash_masked(uint8_t mask, const void *text, size_t len, uint8_t to[HASH_BYTES])
{
	uint32_t h[8] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
		0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 };
	uint64_t bits = (HASH_BLOCK + (uint64_t)len) * 8;
	struct buffer b = { 0 };
	uint8_t byte;
	size_t i;

	for (i = 0; i < HASH_BLOCK; i++) {
		byte = (uint8_t)((i < sizeof FUZZ_KEY - 1 ? FUZZ_KEY[i] : 0) ^
		    mask);
		fuzz_check(buffer_append(&b, (char *)&byte, 1) == 0);
	}
	fuzz_check(buffer_append(&b, text, len) == 0 &&
	    buffer_append(&b, "\x80", 1) == 0);
	while (b.len % HASH_BLOCK != HASH_BLOCK - 8)
		fuzz_check(buffer_append(&b, "", 1) == 0);
	for (i = 0; i < 8; i++) {
		byte = (uint8_t)(bits >> (56 - 8 * i));
		fuzz_check(buffer_append(&b, (char *)&byte, 1) == 0);
	}
	for (i = 0; i < b.len; i += HASH_BLOCK)
		hash_block(h, (const uint8_t *)b.data + i);
	for (i = 0; i < HASH_BYTES; i++)
		to[i] = (uint8_t)(h[i / 4] >> (24 - 8 * (i % 4)));
	buffer_clear(&b);
}

static void
fuzz_put_base64(struct buffer *to, const uint8_t *p, size_t len)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789-_";
	uint32_t bits;
	size_t i, n;
	int k;

	for (i = 0; i < len; i += 3) {
		n = len - i < 3 ? len - i : 3;
		bits = (uint32_t)p[i] << 16 |
		    (n > 1 ? (uint32_t)p[i + 1] << 8 : 0) |
		    (n > 2 ? p[i + 2] : 0);
		for (k = 0; k <= (int)n; k++)
			fuzz_check(buffer_append(to,
				       &digits[bits >> (18 - 6 * k) & 63],
				       1) == 0);
	}
}

/* HMAC (RFC 2104) with the key of the configuration. */
static void
fuzz_sign(struct buffer *token)
{
	uint8_t inner[HASH_BYTES], outer[HASH_BYTES];

	hash_masked(0x36, token->data, token->len, inner);
	hash_masked(0x5c, inner, sizeof inner, outer);
	fuzz_check(buffer_append(token, ".", 1) == 0);
	fuzz_put_base64(token, outer, sizeof outer);
}

static const struct config *
fuzz_config(void)
{
	static const struct config_override settings[] = {
		{ "token-key=" FUZZ_KEY },
	};
	static struct config *config;
	char *cause = NULL;

	if (config == NULL)
		config = config_load(NULL, settings, 1, &cause);
	return config;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char header[] = "{\"alg\":\"HS256\"}";
	const struct config *config = fuzz_config();
	const uint8_t *nul = size > 0 ? memchr(data, '\0', size) : NULL;
	const uint8_t *claims = nul != NULL ? nul + 1 : data;
	struct buffer text = { 0 };
	struct text_span span;
	struct token token;
	const char *why = NULL;
	int rc;

	if (config == NULL)
		return 0; /* built without tokens */
	if (nul != NULL)
		fuzz_put_base64(&text, data, (size_t)(nul - data));
	else
		fuzz_put_base64(&text, (const uint8_t *)header,
		    sizeof header - 1);
	fuzz_check(buffer_append(&text, ".", 1) == 0);
	fuzz_put_base64(&text, claims, (size_t)(data + size - claims));
	fuzz_sign(&text);
	span = (struct text_span){ text.data, text.len };
	rc = token_read(config, span, FUZZ_NOW_MS, &token, &why);
	fuzz_check((rc == 0) == (why == NULL));
	fuzz_check(rc == -1 || token.expires_ms > FUZZ_NOW_MS);
	token_clear(&token);
	buffer_clear(&text);
	return 0;
}
