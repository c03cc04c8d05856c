/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * Signatures of tokens, by OpenSSL's libcrypto.  libjwt 1.10, which crier token
 * makes them with, is not asked: it refuses tokens for what crier does not use,
 * a "typ" of RFC 9068 or a claim that its JSON library cannot hold, and calls
 * all of that a wrong signature.
 */

#include <string.h>

#ifdef HAVE_LIBJWT
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#endif

#include "request/token_verify.h"

#ifdef HAVE_LIBJWT

enum {
	TOKEN_VERIFY_DER_MAX =
	    160,                /* of a signature of two numbers of 66 bytes */
	TOKEN_VERIFY_HASHES = 3 /* of each family of algorithms */
};

static const char token_verify_wrong[] = "has a wrong signature";
static const char token_verify_no_key[] =
    "cannot be checked: the key here is not one for its algorithm";

static const EVP_MD *
token_verify_hash(const struct config_token_key *key)
{
	switch (key->algorithm % TOKEN_VERIFY_HASHES) {
	case 0:
		return EVP_sha256();
	case 1:
		return EVP_sha384();
	default:
		return EVP_sha512();
	}
}

/* HS256 and its like (RFC 7518, 3.2). */
static int
token_verify_secret(const struct config_token_key *key, struct text_span text,
    const unsigned char *signature, size_t len, const char **why)
{
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned mac_len = 0;

	*why = token_verify_no_key;
	if (HMAC(token_verify_hash(key), key->bytes, (int)key->len,
		(const unsigned char *)text.text, text.len, mac,
		&mac_len) == NULL)
		return -1;
	*why = token_verify_wrong;
	return len == mac_len && CRYPTO_memcmp(mac, signature, len) == 0 ? 0
									 : -1;
}

/*
 * Makes DER (RFC 3279, 2.2.3), which libcrypto takes, of the two numbers of
 * ES256 and its like (RFC 7518, 3.4).  The length, or 0.
 */
static size_t
token_verify_der(const unsigned char *signature, size_t len,
    unsigned char der[TOKEN_VERIFY_DER_MAX])
{
	ECDSA_SIG *pair = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(signature, (int)(len / 2), NULL);
	BIGNUM *s = BN_bin2bn(signature + len / 2, (int)(len / 2), NULL);
	int n = 0;

	if (pair != NULL && r != NULL && s != NULL &&
	    ECDSA_SIG_set0(pair, r, s) == 1) {
		r = s = NULL;
		n = i2d_ECDSA_SIG(pair, NULL);
		if (n > 0 && n <= TOKEN_VERIFY_DER_MAX)
			n = i2d_ECDSA_SIG(pair, &der);
		else
			n = 0;
	}
	BN_free(r);
	BN_free(s);
	ECDSA_SIG_free(pair);
	return n > 0 ? (size_t)n : 0;
}

static int
token_verify_digest(const struct config_token_key *key, EVP_PKEY *pkey,
    struct text_span text, const unsigned char *signature, size_t len)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	int rc = -1;

	if (context != NULL &&
	    EVP_DigestVerifyInit(context, NULL, token_verify_hash(key), NULL,
		pkey) == 1 &&
	    EVP_DigestVerify(context, signature, len,
		(const unsigned char *)text.text, text.len) == 1)
		rc = 0;
	EVP_MD_CTX_free(context);
	return rc;
}

/* RS256, ES256 and their like, by a key that libcrypto has read. */
static int
token_verify_public(const struct config_token_key *key, EVP_PKEY *pkey,
    struct text_span text, const unsigned char *signature, size_t len,
    const char **why)
{
	static const int curve_bits[TOKEN_VERIFY_HASHES] = { 256, 384, 521 };
	bool is_ec = key->algorithm >= CONFIG_ES256;
	int bits = curve_bits[key->algorithm % TOKEN_VERIFY_HASHES];
	size_t number = ((size_t)bits + 7) / 8;
	unsigned char der[TOKEN_VERIFY_DER_MAX];

	*why = token_verify_no_key;
	if (EVP_PKEY_base_id(pkey) != (is_ec ? EVP_PKEY_EC : EVP_PKEY_RSA) ||
	    (is_ec && EVP_PKEY_bits(pkey) != bits))
		return -1;
	*why = token_verify_wrong;
	if (is_ec) {
		if (len != 2 * number ||
		    (len = token_verify_der(signature, len, der)) == 0)
			return -1;
		signature = der;
	}
	return token_verify_digest(key, pkey, text, signature, len);
}

int
token_verify(const struct config_token_key *key, struct text_span text,
    const unsigned char *signature, size_t len, const char **why)
{
	EVP_PKEY *pkey = NULL;
	BIO *bio;
	int rc = -1;

	if (key->algorithm < CONFIG_RS256)
		return token_verify_secret(key, text, signature, len, why);
	if ((bio = BIO_new_mem_buf(key->bytes, (int)key->len)) != NULL)
		pkey = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
	*why = token_verify_no_key;
	if (pkey != NULL)
		rc = token_verify_public(key, pkey, text, signature, len, why);
	EVP_PKEY_free(pkey);
	BIO_free(bio);
	return rc;
}

#else

int
token_verify(const struct config_token_key *key, struct text_span text,
    const unsigned char *signature, size_t len, const char **why)
{
	(void)key;
	(void)text;
	(void)signature;
	(void)len;
	*why = "cannot be checked here";
	return -1;
}

#endif
