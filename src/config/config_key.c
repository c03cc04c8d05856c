/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/buffer.h"
#include "base/cause.h"
#include "base/process.h"
#include "base/text.h"
#include "config/config_key.h"

enum {
	CONFIG_KEY_MAX = 64 * 1024,
	CONFIG_RSA_MIN = 256 /* bytes of the key info; 2048 bits take 294 */
};

const char *const config_algorithms[CONFIG_ALGORITHMS] = {
	[CONFIG_HS256] = "HS256",
	[CONFIG_HS384] = "HS384",
	[CONFIG_HS512] = "HS512",
	[CONFIG_RS256] = "RS256",
	[CONFIG_RS384] = "RS384",
	[CONFIG_RS512] = "RS512",
	[CONFIG_ES256] = "ES256",
	[CONFIG_ES384] = "ES384",
	[CONFIG_ES512] = "ES512",
};

/* Object identifiers (RFC 3279, 2.3; RFC 5480, 2.1) as DER has them. */
static const char config_oid_rsa[] = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01";
static const char *const config_oid_curve[] = {
	"\x2a\x86\x48\xce\x3d\x03\x01\x07", /* P-256 */
	"\x2b\x81\x04\x00\x22",             /* P-384 */
	"\x2b\x81\x04\x00\x23",             /* P-521 */
};

static bool
config_key_is_secret(const struct config_token_key *k)
{
	return k->algorithm <= CONFIG_HS512;
}

/* Warns if everybody can read a secret, and so can make tokens. */
static void
config_key_check_mode(const struct config_token_key *k, const struct stat *st,
    bool is_private, char **warning)
{
	if ((st->st_mode & S_IROTH) != 0 &&
	    (config_key_is_secret(k) || is_private))
		cause_set(warning, "%s: may be read by everybody (chmod o-r)",
		    k->file);
}

/* Opens a regular file only: a pipe would wait for its writer. */
static int
config_key_open(const struct config_token_key *k, bool is_private,
    char **warning)
{
	int fd = open(k->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	int error = 0;

	if (fd == -1)
		return -1;
	if (fstat(fd, &st) == -1)
		error = errno;
	else if (!S_ISREG(st.st_mode))
		error = S_ISDIR(st.st_mode) ? EISDIR : ENODEV;
	else if (st.st_size > CONFIG_KEY_MAX)
		error = EFBIG;
	if (error == 0) {
		config_key_check_mode(k, &st, is_private, warning);
		return fd;
	}
	close(fd);
	errno = error;
	return -1;
}

/* Reads all of the file: 0, or -1 with errno. */
static int
config_key_slurp(const struct config_token_key *k, bool is_private,
    struct buffer *b, char **warning)
{
	int fd = config_key_open(k, is_private, warning);
	char *to = NULL;
	ssize_t n = 0;

	if (fd == -1)
		return -1;
	do {
		if ((to = buffer_reserve(b, 4096)) == NULL)
			break;
		n = read(fd, to, 4096);
		if (n > 0)
			buffer_commit(b, (size_t)n);
	} while (n > 0 && b->len <= CONFIG_KEY_MAX);
	close(fd);
	return to == NULL || n < 0 ? -1 : 0;
}

/* The length without the line end of a text; of other bytes, all. */
static size_t
config_key_trim(const char *text, size_t len)
{
	size_t end = len, i;

	if (!text_is_utf8(text, len))
		return len;
	if (end > 0 && text[end - 1] == '\n')
		end--;
	if (end < len && end > 0 && text[end - 1] == '\r')
		end--;
	for (i = 0; i < end; i++)
		if (iscntrl((unsigned char)text[i]) &&
		    !isspace((unsigned char)text[i]))
			return len;
	return end;
}

/* Makes the key of what was written: 0, or -1 with *why, NULL for memory. */
static int
config_key_decode(struct config_token_key *k, const char *text, size_t len,
    const char **why)
{
	ptrdiff_t n = (ptrdiff_t)len;

	*why = NULL;
	if ((k->bytes = malloc(len + 1)) == NULL)
		return -1;
	if (config_key_is_secret(k) && len >= 7 &&
	    memcmp(text, "base64:", 7) == 0) {
		*why = "is not base64 behind base64:";
		n = base64_decode(text + 7, len - 7, BASE64_ANY, k->bytes);
	} else if (config_key_is_secret(k) && len >= 4 &&
	    memcmp(text, "hex:", 4) == 0) {
		*why = "is not hexadecimal behind hex:";
		n = text_hex_decode(text + 4, len - 4, (char *)k->bytes);
	} else {
		memcpy(k->bytes, text, len);
	}
	if (n == -1)
		return -1;
	*why = "is empty";
	k->len = (size_t)n;
	k->bytes[k->len] = '\0';
	return k->len > 0 ? 0 : -1;
}

/* NULL if the key, in DER, is of the algorithm's kind; or what is wrong. */
static const char *
config_key_wrong_info(const struct config_token_key *k,
    const unsigned char *der, size_t len)
{
	const char *curve;

	if (k->algorithm < CONFIG_ES256) {
		if (memmem(der, len, config_oid_rsa,
			sizeof config_oid_rsa - 1) == NULL)
			return "is not a key for RSA";
		return len < CONFIG_RSA_MIN ? "has less than 2048 bits" : NULL;
	}
	/* strlen would not do: one of the identifiers has a zero in it. */
	curve = config_oid_curve[k->algorithm - CONFIG_ES256];
	if (memmem(der, len, curve, k->algorithm == CONFIG_ES256 ? 8 : 5) ==
	    NULL)
		return "is not a key on this algorithm's curve (P-256 for "
		       "ES256, P-384 for ES384, P-521 for ES512)";
	return NULL;
}

/*
 * NULL, or what is wrong with a key in PEM whose first line ends with label;
 * missing is the answer if there is no such line.
 */
static const char *
config_key_wrong_pem(const struct config_token_key *k, const char *label,
    const char *missing)
{
	const char *from = strstr((const char *)k->bytes, label), *end, *why;
	unsigned char *der;
	ptrdiff_t len;

	if (from == NULL)
		return missing;
	from += strlen(label);
	if ((end = strstr(from, "-----END ")) == NULL)
		return "has a BEGIN and no END";
	if ((der = malloc(k->len)) == NULL)
		return "is more than there is memory for";
	len = base64_decode(from, (size_t)(end - from), BASE64_ANY, der);
	why = len == -1 ? "is not base64 between its BEGIN and END"
			: config_key_wrong_info(k, der, (size_t)len);
	explicit_bzero(der, k->len);
	free(der);
	return why;
}

static const char *
config_key_wrong_public(const struct config_token_key *k)
{
	const char *text = (const char *)k->bytes;

	return config_key_wrong_pem(k, "-----BEGIN PUBLIC KEY-----",
	    strstr(text, "PRIVATE KEY-----") != NULL
		? "is a private key: the public one is enough here (openssl "
		  "pkey -pubout)"
		: "is not a public key in PEM (BEGIN PUBLIC KEY)");
}

static const char *
config_key_wrong_private(const struct config_token_key *k)
{
	const char *text = (const char *)k->bytes;

	if (strstr(text, "ENCRYPTED") != NULL)
		return "is encrypted (openssl pkey decrypts it)";
	/* PKCS#1 (RFC 8017) names the algorithm in its label alone. */
	if (k->algorithm < CONFIG_ES256 &&
	    strstr(text, "-----BEGIN RSA PRIVATE KEY-----") != NULL)
		return NULL;
	return config_key_wrong_pem(k, "PRIVATE KEY-----",
	    "is not a private key in PEM (BEGIN PRIVATE KEY)");
}

/* NULL, or what is wrong with a key that was read; may warn of a short one. */
static const char *
config_key_wrong(const struct config_token_key *k, bool is_private,
    char **warning)
{
	size_t enough = 32 + 16 * (size_t)k->algorithm;

	if (!config_key_is_secret(k))
		return is_private ? config_key_wrong_private(k)
				  : config_key_wrong_public(k);
	/* A public key is no secret: whoever has it could make tokens. */
	if (strstr((const char *)k->bytes, "-----BEGIN ") != NULL)
		return "is in PEM: it is for RS256, ES256 or the like";
	if (k->len < enough && *warning == NULL)
		cause_set(warning,
		    "a key of %zu bytes is easy to guess, %s wants %zu", k->len,
		    config_algorithms[k->algorithm], enough);
	return NULL;
}

int
config_key_read(struct config_token_key *k, bool is_private, char **cause,
    char **warning)
{
	bool is_file = k->file[0] != '\0';
	struct buffer b = { 0 };
	const char *why = NULL;
	int rc;

	*cause = *warning = NULL;
	if (!is_file && !config_key_is_secret(k)) {
		cause_set(cause, "%s takes a file",
		    config_algorithms[k->algorithm]);
		return -1;
	}
	rc = is_file ? config_key_slurp(k, is_private, &b, warning)
		     : buffer_append_text(&b, k->text);
	if (rc == -1) {
		rc = errno;
		if (rc == ENODEV)
			cause_set(cause, "%s: is not a regular file", k->file);
		else
			process_cannot(k->file, "", R_OK, rc, cause);
		buffer_clear(&b);
		errno = rc;
		return -1;
	}
	rc = config_key_decode(k, b.len == 0 ? "" : b.data,
	    config_key_trim(b.data, b.len), &why);
	if (rc == 0 && (why = config_key_wrong(k, is_private, warning)) != NULL)
		rc = -1;
	if (rc == -1 && why != NULL)
		cause_set(cause, "%s%s%s", k->file, is_file ? ": " : "", why);
	if (b.len > 0)
		explicit_bzero(b.data, b.len);
	buffer_clear(&b);
	errno = 0;
	return rc;
}

void
config_key_clear(struct config_token_key *k)
{
	if (k->bytes != NULL)
		explicit_bzero(k->bytes, k->len);
	if (k->text != NULL)
		explicit_bzero(k->text, strlen(k->text));
	free(k->bytes);
	free(k->text);
	free(k->file);
	free(k->kid);
}
