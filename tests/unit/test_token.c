/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <jwt.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "config/config_key.h"
#include "lib/support.h"
#include "lib/token_keys.h"
#include "request/token.h"
#include "request/token_make.h"

#define SECRET_1 "0123456789abcdef0123456789abcdef"
#define SECRET_2 "fedcba9876543210fedcba9876543210"
#define NOW_S    UINT64_C(1800000000)
#define NOW_MS   (NOW_S * 1000)

static char test_dir[] = "/tmp/crier-token-XXXXXX";
static char test_file[64], test_rsa[64], test_ec[64];

static void
test_save(const char *path, const char *text)
{
	FILE *fp = fopen(path, "w");

	assert_non_null(fp);
	fputs(text, fp);
	assert_int_equal(fclose(fp), 0);
}

/* A configuration; one '@' in it is the directory of the keys. */
static struct config *
test_config(const char *text)
{
	char full[1024], *cause;
	size_t at = strcspn(text, "@");
	struct config *c;

	snprintf(full, sizeof full, "%.*s%s%s", (int)at, text,
	    text[at] == '\0' ? "" : test_dir,
	    text[at] == '\0' ? "" : text + at + 1);
	test_save(test_file, full);
	c = config_load(test_file, NULL, 0, &cause);
	if (c == NULL)
		fail_msg("%s: %s", full, cause);
	return c;
}

/* A token of these claims and headers, signed; for free(). */
static char *
test_sign(jwt_alg_t algorithm, const char *key, const char *claims,
    const char *headers)
{
	jwt_t *jwt;
	char *text;

	assert_int_equal(jwt_new(&jwt), 0);
	assert_int_equal(jwt_add_grants_json(jwt, claims), 0);
	if (headers != NULL)
		assert_int_equal(jwt_add_headers_json(jwt, headers), 0);
	assert_int_equal(jwt_set_alg(jwt, algorithm, (const unsigned char *)key,
			     key == NULL ? 0 : (int)strlen(key)),
	    0);
	text = jwt_encode_str(jwt);
	assert_non_null(text);
	jwt_free(jwt);
	return text;
}

/* NULL, or why the token is refused. */
static const char *
test_read(const struct config *c, const char *text, size_t len,
    struct token *token)
{
	struct text_span span = { support_guard(text, len), len };
	const char *why = NULL;

	if (token_read(c, span, NOW_MS, token, &why) == 0)
		return NULL;
	assert_non_null(why);
	assert_null(token->user);
	assert_int_equal(token->subscribe.count, 0);
	assert_int_equal(token->publish.count, 0);
	return why;
}

/* Expects this of a token, and frees it. */
static void
test_expect(const struct config *c, char *text, const char *want)
{
	struct token token;
	const char *why = test_read(c, text, strlen(text), &token);

	if (want == NULL && why != NULL)
		fail_msg("refused: %s: %s", text, why);
	if (want != NULL && why == NULL)
		fail_msg("accepted: %s, want: %s", text, want);
	if (want != NULL)
		assert_string_equal(why, want);
	token_clear(&token);
	free(text);
}

/* RFC 7515, appendix A.1: not made by libjwt. */
static void
test_rfc(void **state)
{
	static const char text[] =
	    "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9"
	    ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9l"
	    "eGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
	    ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
	struct config *c = test_config(
	    "token-key = \"base64:AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_"
	    "T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow\"");
	struct text_span span = { text, sizeof text - 1 };
	struct token token;
	const char *why;

	(void)state;
	assert_int_equal(token_read(c, span, 1300819379999, &token, &why), 0);
	assert_int_equal(token.expires_ms, 1300819380000);
	assert_null(token.user);
	token_clear(&token);
	assert_int_equal(token_read(c, span, 1300819380000, &token, &why), -1);
	assert_string_equal(why, "has expired");
	config_free(c);
}

static void
test_whole(void **state)
{
	struct config *c = test_config("token-key = " SECRET_1);
	char *text = test_sign(JWT_ALG_HS256, SECRET_1,
	    "{\"sub\":\"ann\",\"exp\":1800000060.5,\"iat\":1800000000,"
	    "\"nbf\":1800000000,\"subscribe\":[\"user/ann\",\"news/**\"],"
	    "\"publish\":\"chat/*\",\"iss\":{\"any\":[1]}}",
	    NULL);
	struct token t;

	(void)state;
	assert_null(test_read(c, text, strlen(text), &t));
	assert_string_equal(t.user, "ann");
	assert_null(t.kid);
	assert_int_equal(t.expires_ms, NOW_MS + 60500);
	assert_int_equal(t.subscribe.count, 2);
	assert_string_equal(t.subscribe.items[1], "news/**");
	assert_int_equal(t.publish.count, 1);
	assert_true(token_names(&t.publish, (struct text_span){ "chat/x", 6 }));
	assert_false(token_names(&t.publish,
	    (struct text_span){ "chat/x/y", 8 }));
	assert_false(token_names(&t.publish, (struct text_span){ "chat", 4 }));
	token_clear(&t);
	free(text);
	config_free(c);
}

/* Appends bytes in base64url. */
static void
test_put_base64(char *to, const unsigned char *bytes, size_t len)
{
	size_t n = strlen(to);
	char *c;

	EVP_EncodeBlock((unsigned char *)to + n, bytes, (int)len);
	to[n + (len * 4 + 2) / 3] = '\0';
	for (c = to + n; *c != '\0'; c++)
		*c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
}

/* A token of any header and claims, right by SECRET_1; for free(). */
static char *
test_sign_any(const char *header, const char *claims)
{
	char *text = calloc(1, 2 * (strlen(header) + strlen(claims)) + 100);
	unsigned char mac[32];

	assert_non_null(text);
	test_put_base64(text, (const unsigned char *)header, strlen(header));
	strcat(text, ".");
	test_put_base64(text, (const unsigned char *)claims, strlen(claims));
	assert_non_null(HMAC(EVP_sha256(), SECRET_1, (int)strlen(SECRET_1),
	    (unsigned char *)text, strlen(text), mac, NULL));
	strcat(text, ".");
	test_put_base64(text, mac, sizeof mac);
	return text;
}

#define PLAIN       "{\"alg\":\"HS256\"}"
#define WITH(claim) "{\"exp\":1900000000," claim "}"

/* What is not used does not matter, and what is wrong is named. */
static const struct {
	const char *header, *claims, *why; /* NULL: good */
} any_cases[] = {
	{ "{\"typ\":\"at+jwt\",\"alg\":\"HS256\"}", WITH("\"x\":1"), NULL },
	{ "{\"typ\":\"application/at+jwt\",\"alg\":\"HS256\"}", WITH("\"x\":1"),
	    NULL },
	{ "{\"typ\":7,\"alg\":\"HS256\",\"x5c\":[[[[[[[[[[1]]]]]]]]]]}",
	    WITH("\"x\":1"), NULL },
	{ PLAIN,
	    WITH("\"a\":{\"b\":{\"c\":{\"d\":{\"e\":{\"f\":{\"g\":[[8]]}}"
		 "}}}}"),
	    NULL },
	{ PLAIN, WITH("\"a\":[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]"), NULL },
	{ PLAIN, WITH("\"n\":99999999999999999999999999"), NULL },
	{ PLAIN, WITH("\"n\":1e400"), NULL },
	{ PLAIN, WITH("\"n\":-1e-400"), NULL },
	{ PLAIN, WITH("\"s\":\"a\\u0000b\""), NULL },
	{ PLAIN, WITH("\"s\":\"\\ud800\""), NULL },
	{ PLAIN, WITH("\"x\":1,\"x\":2"), NULL },
	{ PLAIN, WITH("\"\":null"), NULL },
	{ PLAIN, " " WITH("\"x\":1") "\r\n", NULL },
	{ PLAIN, WITH("\"sub\":[[[[[[[[[[]]]]]]]]]]"),
	    "has a \"sub\" that is not a text" },
	{ PLAIN, "[1]", "has claims that are not a JSON object" },
	{ PLAIN, "{\"exp\":1900000000",
	    "has claims that are not a JSON object" },
	{ PLAIN, WITH("\"x\":\"\xff\""),
	    "has claims that are not a JSON object" },
	{ "[]", WITH("\"x\":1"), "has a header that is not a JSON object" },
	{ "{}", WITH("\"x\":1"), "has no algorithm (\"alg\")" },
};

static void
test_any(void **state)
{
	struct config *c = test_config("token-key = " SECRET_1);
	char deep[5200] = "{\"exp\":1900000000,\"a\":";
	size_t i;

	(void)state;
	for (i = 0; i < sizeof any_cases / sizeof any_cases[0]; i++)
		test_expect(c,
		    test_sign_any(any_cases[i].header, any_cases[i].claims),
		    any_cases[i].why);
	/* As deep as a token can be. */
	memset(deep + strlen(deep), '[', 2500);
	memset(deep + strlen(deep), ']', 2500);
	strcat(deep, "}");
	test_expect(c, test_sign_any(PLAIN, deep), NULL);
	config_free(c);
}

#define OTHERS      "is for others (\"aud\"), by token-audience"
#define NO_AUDIENCE "has an \"aud\" that is neither a text nor a list of texts"

static void
test_audience(void **state)
{
	static const struct {
		const char *claims, *why, *why_unset;
	} cases[] = {
		{ WITH("\"aud\":\"crier\""), NULL, OTHERS },
		{ WITH("\"aud\":[\"crier\"]"), NULL, OTHERS },
		{ WITH("\"aud\":[\"other\",\"crier\"]"), NULL, OTHERS },
		{ WITH("\"aud\":\"Crier\""), OTHERS, OTHERS },
		{ WITH("\"aud\":\"crier2\""), OTHERS, OTHERS },
		{ WITH("\"aud\":\"\""), OTHERS, OTHERS },
		{ WITH("\"aud\":[]"), OTHERS, OTHERS },
		{ WITH("\"aud\":[\"a\",\"\"]"), OTHERS, OTHERS },
		{ WITH("\"aud\":null"), NO_AUDIENCE, NO_AUDIENCE },
		{ WITH("\"aud\":7"), NO_AUDIENCE, NO_AUDIENCE },
		{ WITH("\"aud\":[7]"), NO_AUDIENCE, NO_AUDIENCE },
		{ WITH("\"aud\":{\"crier\":1}"), NO_AUDIENCE, NO_AUDIENCE },
		{ WITH("\"x\":1"), NULL, NULL },
	};
	struct config *set =
	    test_config("token-key = " SECRET_1 " token-audience = crier");
	struct config *unset = test_config("token-key = " SECRET_1);
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		test_expect(set, test_sign_any(PLAIN, cases[i].claims),
		    cases[i].why);
		test_expect(unset, test_sign_any(PLAIN, cases[i].claims),
		    cases[i].why_unset);
	}
	config_free(set);
	config_free(unset);
}

static const struct {
	const char *claims, *why; /* NULL: good */
} claim_cases[] = {
	{ "{\"exp\":1800000001}", NULL },
	{ "{\"exp\":1800000000}", "has expired" },
	{ "{\"exp\":0}", "has expired" },
	{ "{\"exp\":-1}", "has an \"exp\" that is not a time" },
	{ "{\"exp\":\"1900000000\"}", "has an \"exp\" that is not a time" },
	{ "{\"exp\":null}", "has an \"exp\" that is not a time" },
	{ "{\"exp\":[1900000000]}", "has an \"exp\" that is not a time" },
	{ "{\"exp\":true}", "has an \"exp\" that is not a time" },
	{ "{\"exp\":1e300}", NULL },
	{ "{\"exp\":9223372036854775807}", NULL },
	{ "{}", "has no \"exp\", so it would never expire" },
	{ "{\"exp\":1900000000,\"nbf\":1800000000}", NULL },
	{ "{\"exp\":1900000000,\"nbf\":1800000000.5}", "is not valid yet" },
	{ "{\"exp\":1900000000,\"nbf\":\"x\"}",
	    "has an \"nbf\" that is not a time" },
	{ "{\"exp\":1900000000,\"iat\":1900000000}", NULL },
	{ "{\"exp\":1900000000,\"iat\":{}}",
	    "has an \"iat\" that is not a time" },
	{ "{\"exp\":1900000000,\"sub\":7}",
	    "has a \"sub\" that is not a text" },
	{ "{\"exp\":1900000000,\"sub\":\"\"}",
	    "has a \"sub\" that is not a text" },
	{ "{\"exp\":1900000000,\"sub\":null}",
	    "has a \"sub\" that is not a text" },
	{ "{\"exp\":1900000000,\"sub\":\"a\\u0001\"}",
	    "has a \"sub\" with control characters" },
	{ "{\"exp\":1900000000,\"sub\":\"a b/\\u00e9\"}", NULL },
	{ "{\"exp\":1900000000,\"subscribe\":[]}", NULL },
	{ "{\"exp\":1900000000,\"subscribe\":\"**\"}", NULL },
	{ "{\"exp\":1900000000,\"subscribe\":7}",
	    "has a \"subscribe\" that is not a list of patterns" },
	{ "{\"exp\":1900000000,\"subscribe\":{}}",
	    "has a \"subscribe\" that is not a list of patterns" },
	{ "{\"exp\":1900000000,\"subscribe\":[\"a\",7]}",
	    "has a \"subscribe\" that is not a list of patterns" },
	{ "{\"exp\":1900000000,\"subscribe\":[\"a\",[\"b\"]]}",
	    "has a \"subscribe\" that is not a list of patterns" },
	{ "{\"exp\":1900000000,\"subscribe\":[\"**/a\"]}",
	    "has a \"subscribe\" that is not a list of patterns" },
	{ "{\"exp\":1900000000,\"subscribe\":[\"a b\"]}",
	    "has a \"subscribe\" that is not a list of patterns" },
	{ "{\"exp\":1900000000,\"publish\":[null]}",
	    "has a \"publish\" that is not a list of patterns" },
};

static void
test_claims(void **state)
{
	struct config *c = test_config("token-key = " SECRET_1);
	char sub[512];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof claim_cases / sizeof claim_cases[0]; i++)
		test_expect(c,
		    test_sign(JWT_ALG_HS256, SECRET_1, claim_cases[i].claims,
			NULL),
		    claim_cases[i].why);
	for (i = 255; i <= 256; i++) {
		snprintf(sub, sizeof sub,
		    "{\"exp\":1900000000,\"sub\":\"%0*d\"}", (int)i, 0);
		test_expect(c, test_sign(JWT_ALG_HS256, SECRET_1, sub, NULL),
		    i == 255 ? NULL : "has a \"sub\" of more than 255 bytes");
	}
	config_free(c);
}

/* What is no object of JSON, or not as it is to be. */
static void
test_bare_claims(void **state)
{
	static const char *const bad[] = { "", "x", "[]", "7", "{", "{}x",
		"{\"exp\":NaN}", "{\"exp\":1900000000,}",
		"{\"exp\":1900000000,\"sub\":\"a\\u0000b\"}",
		"{\"exp\":1900000000,\"subscribe\":[\"a\\u0000\"]}",
		"{\"exp\":1900000000,\"sub\":\"\xff\"}" };
	struct config *c = test_config("token-key = " SECRET_1);
	struct token token;
	const char *why;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		why = NULL;
		if (token_read_claims(c,
			(struct text_span){ bad[i], strlen(bad[i]) }, NOW_MS,
			&token, &why) == 0)
			fail_msg("accepted: %s", bad[i]);
		assert_non_null(why);
	}
	config_free(c);
}

static void
test_times(void **state)
{
	struct config *c =
	    test_config("token-key = " SECRET_1 " token-leeway = 5");
	struct token token;
	const char *why;

	(void)state;
	test_expect(c,
	    test_sign(JWT_ALG_HS256, SECRET_1, "{\"exp\":1799999996}", NULL),
	    NULL);
	test_expect(c,
	    test_sign(JWT_ALG_HS256, SECRET_1, "{\"exp\":1799999995}", NULL),
	    "has expired");
	test_expect(c,
	    test_sign(JWT_ALG_HS256, SECRET_1,
		"{\"exp\":1800000009,\"nbf\":1800000005}", NULL),
	    NULL);
	test_expect(c,
	    test_sign(JWT_ALG_HS256, SECRET_1,
		"{\"exp\":1800000009,\"nbf\":1800000006}", NULL),
	    "is not valid yet");
	config_free(c);
	c = test_config("token-key = " SECRET_1 " token-require-exp = false");
	assert_int_equal(token_read_claims(c, (struct text_span){ "{}", 2 },
			     NOW_MS, &token, &why),
	    0);
	assert_int_equal(token.expires_ms, 0);
	token_clear(&token);
	config_free(c);
}

#define GOOD "{\"exp\":1900000000}"

static void
test_algorithms(void **state)
{
	static const char wrong[] =
	    "is not signed with the algorithm that its key is for";
	struct config *hs = test_config("token-key = " SECRET_1);
	struct config *rs = test_config("token-key-file = \"@/rsa\" "
					"token-algorithm = RS256");
	struct config *es = test_config("token-key-file = \"@/ec\" "
					"token-algorithm = ES256");

	(void)state;
	test_expect(hs, test_sign(JWT_ALG_HS256, SECRET_1, GOOD, NULL), NULL);
	test_expect(hs, test_sign(JWT_ALG_HS384, SECRET_1, GOOD, NULL), wrong);
	test_expect(hs, test_sign(JWT_ALG_HS256, SECRET_2, GOOD, NULL),
	    "has a wrong signature");
	/* "alg":"none" has no signature: the third part is empty. */
	test_expect(hs, test_sign(JWT_ALG_NONE, NULL, GOOD, NULL),
	    "does not have three parts");
	test_expect(hs,
	    strdup("eyJhbGciOiJub25lIn0.eyJleHAiOjE5MDAwMDAwMDB9"
		   ".AAAA"),
	    wrong);
	test_expect(hs,
	    strdup("eyJhbGciOiJOT05FIn0.eyJleHAiOjE5MDAwMDAwMDB9"
		   ".AAAA"),
	    wrong);
	/* {"alg":"hs256"}: names are case-sensitive. */
	test_expect(hs,
	    strdup("eyJhbGciOiJoczI1NiJ9.eyJleHAiOjE5MDAwMDAwMDB9"
		   ".AAAA"),
	    wrong);
	test_expect(rs, test_sign(JWT_ALG_RS256, key_rsa_private, GOOD, NULL),
	    NULL);
	test_expect(rs, test_sign(JWT_ALG_RS384, key_rsa_private, GOOD, NULL),
	    wrong);
	/* Whoever has the public key could make this one. */
	test_expect(rs, test_sign(JWT_ALG_HS256, key_rsa_public, GOOD, NULL),
	    wrong);
	test_expect(rs, test_sign(JWT_ALG_ES256, key_ec_private, GOOD, NULL),
	    wrong);
	test_expect(rs, test_sign(JWT_ALG_NONE, NULL, GOOD, NULL),
	    "does not have three parts");
	test_expect(es, test_sign(JWT_ALG_ES256, key_ec_private, GOOD, NULL),
	    NULL);
	test_expect(es, test_sign(JWT_ALG_RS256, key_rsa_private, GOOD, NULL),
	    wrong);
	test_expect(es, test_sign(JWT_ALG_HS256, key_ec_public, GOOD, NULL),
	    wrong);
	config_free(hs);
	config_free(rs);
	config_free(es);
}

static void
test_headers(void **state)
{
	static const struct {
		const char *headers, *why;
	} table[] = {
		{ "{\"kid\":\"x\"}", NULL }, /* the only key is for all */
		{ "{\"kid\":7}", "has a \"kid\" that is not a text" },
		{ "{\"crit\":[\"b64\"]}",
		    "has a \"crit\" that is not understood" },
		{ "{\"b64\":true,\"jku\":\"http://127.0.0.1/\"}", NULL },
	};
	struct config *c = test_config("token-key = " SECRET_1);
	size_t i;

	(void)state;
	for (i = 0; i < sizeof table / sizeof table[0]; i++)
		test_expect(c,
		    test_sign(JWT_ALG_HS256, SECRET_1, GOOD, table[i].headers),
		    table[i].why);
	/* {}, [], "x", and one that is not UTF-8. */
	test_expect(c, strdup("e30.e30.AAAA"), "has no algorithm (\"alg\")");
	test_expect(c, strdup("W10.e30.AAAA"),
	    "has a header that is not a JSON object");
	test_expect(c, strdup("Ingi.e30.AAAA"),
	    "has a header that is not a JSON object");
	test_expect(c, strdup("_w.e30.AAAA"),
	    "has a header that is not a JSON object");
	config_free(c);
}

static void
test_rotation(void **state)
{
	struct config *c = test_config(
	    "token \"new\" { key = " SECRET_1 " }\n"
	    "token \"old\" { key = " SECRET_2 " algorithm = HS512 }\n"
	    "token \"rsa\" { key-file = \"@/rsa\" algorithm = RS256 }");
	struct token t;
	char *text =
	    test_sign(JWT_ALG_HS256, SECRET_1, GOOD, "{\"kid\":\"new\"}");

	(void)state;
	assert_null(test_read(c, text, strlen(text), &t));
	assert_string_equal(t.kid, "new");
	token_clear(&t);
	free(text);
	test_expect(c,
	    test_sign(JWT_ALG_HS512, SECRET_2, GOOD, "{\"kid\":\"old\"}"),
	    NULL);
	test_expect(c,
	    test_sign(JWT_ALG_RS256, key_rsa_private, GOOD,
		"{\"kid\":\"rsa\"}"),
	    NULL);
	test_expect(c,
	    test_sign(JWT_ALG_HS256, SECRET_1, GOOD, "{\"kid\":\"old\"}"),
	    "is not signed with the algorithm that its key is for");
	test_expect(c,
	    test_sign(JWT_ALG_HS256, SECRET_2, GOOD, "{\"kid\":\"new\"}"),
	    "has a wrong signature");
	test_expect(c,
	    test_sign(JWT_ALG_HS256, key_rsa_public, GOOD, "{\"kid\":\"rsa\"}"),
	    "is not signed with the algorithm that its key is for");
	test_expect(c, test_sign(JWT_ALG_HS256, SECRET_1, GOOD, NULL),
	    "does not name its key (\"kid\")");
	test_expect(c,
	    test_sign(JWT_ALG_HS256, SECRET_1, GOOD, "{\"kid\":\"gone\"}"),
	    "is of a key (\"kid\") that is not known here");
	test_expect(c,
	    test_sign(JWT_ALG_HS256, SECRET_1, GOOD, "{\"kid\":\"\"}"),
	    "does not name its key (\"kid\")");
	config_free(c);
}

/* Nothing but the whole token is one. */
static void
test_damage(void **state)
{
	struct config *c = test_config("token-key = " SECRET_1);
	char *text = test_sign(JWT_ALG_HS256, SECRET_1,
	    "{\"exp\":1900000000,\"subscribe\":[\"a\"]}", NULL);
	size_t len = strlen(text), i;
	struct token token;
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789-_";
	const char *digit;
	char kept;

	(void)state;
	for (i = 0; i < len; i++)
		assert_non_null(test_read(c, text, i, &token));
	for (i = 0; i < len; i++) {
		kept = text[i];
		text[i] = kept == 'A' ? 'B' : 'A';
		assert_non_null(test_read(c, text, len, &token));
		text[i] = '\0';
		assert_non_null(test_read(c, text, len, &token));
		text[i] = '=';
		assert_non_null(test_read(c, text, len, &token));
		text[i] = kept;
	}
	/* The last digit has two bits that mean nothing. */
	kept = text[len - 1];
	for (digit = digits; *digit != '\0'; digit++) {
		text[len - 1] = *digit;
		if (*digit != kept)
			assert_non_null(test_read(c, text, len, &token));
	}
	text[len - 1] = kept;
	assert_null(test_read(c, text, len, &token));
	token_clear(&token);
	free(text);
	config_free(c);
}

static void
test_forms(void **state)
{
	static const char *const bad[] = { "", ".", "..", "...", "a", "a.b",
		"a..c", ".b.c", "a.b.", "a.b.c.d", "a.b.c.d.e", "a b.c.d",
		"Bearer", "e30=.e30.AAAA", "e3+.e30.AAAA", "e30.e3/.AAAA",
		"e30.e30.A", "e30.e30.AB", "e30.e30.AAB", "e30.e30.\xff\xff" };
	struct config *c = test_config("token-key = " SECRET_1);
	struct token token;
	const char *why;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		why = test_read(c, bad[i], strlen(bad[i]), &token);
		if (why == NULL ||
		    (strcmp(why, "is not base64url") != 0 &&
			strcmp(why,
			    "does not have three "
			    "parts") != 0))
			fail_msg("%s: %s", bad[i], why);
	}
	config_free(c);
}

static void
test_huge(void **state)
{
	struct config *c = test_config("token-key = " SECRET_1);
	char *claims = malloc((size_t)TOKEN_MAX * 2), *text;
	size_t pad, max = 0;
	const char *why;
	struct token token;

	(void)state;
	for (pad = 6000; pad < 6200; pad++) {
		sprintf(claims, "{\"exp\":1900000000,\"x\":\"%0*d\"}", (int)pad,
		    0);
		text = test_sign(JWT_ALG_HS256, SECRET_1, claims, NULL);
		why = test_read(c, text, strlen(text), &token);
		token_clear(&token);
		if (why == NULL && strlen(text) > max)
			max = strlen(text);
		if (strlen(text) > TOKEN_MAX)
			assert_string_equal(why, "is longer than 8192 bytes");
		else
			assert_null(why);
		free(text);
	}
	assert_in_range(max, TOKEN_MAX - 1, TOKEN_MAX);
	text = calloc(1, 1 << 20);
	memset(text, 'a', 1 << 20);
	assert_string_equal(test_read(c, text, 1 << 20, &token),
	    "is longer than 8192 bytes");
	free(text);
	free(claims);
	config_free(c);
}

static void
test_make(void **state)
{
	static char news[] = "news/**", chat[] = "chat";
	char *patterns[] = { news, chat };
	struct token_order order = { .user = "ann \xc3\xa9\"",
		.subscribe = { patterns, 2 },
		.publish = { patterns + 1, 1 },
		.now_s = NOW_S,
		.ttl_s = 60 };
	struct config *c = test_config("token-key = " SECRET_1
				       " token \"old\" { key = " SECRET_2 " }");
	struct token token;
	const char *why;
	char *text;
	size_t i;

	(void)state;
	for (i = 0; i < c->token_key_count; i++) {
		text = token_make(&c->token_keys[i], &order, &why);
		assert_non_null(text);
		assert_null(test_read(c, text, strlen(text), &token));
		assert_string_equal(token.user, "ann \xc3\xa9\"");
		assert_int_equal(token.subscribe.count, 2);
		assert_string_equal(token.publish.items[0], "chat");
		assert_int_equal(token.expires_ms, NOW_MS + 60000);
		token_clear(&token);
		free(text);
	}
	config_free(c);
}

static int
test_setup(void **state)
{
	(void)state;
	if (mkdtemp(test_dir) == NULL)
		return -1;
	snprintf(test_file, sizeof test_file, "%s/crier.conf", test_dir);
	snprintf(test_rsa, sizeof test_rsa, "%s/rsa", test_dir);
	snprintf(test_ec, sizeof test_ec, "%s/ec", test_dir);
	test_save(test_rsa, key_rsa_public);
	test_save(test_ec, key_ec_public);
	return 0;
}

static int
test_teardown(void **state)
{
	(void)state;
	unlink(test_file);
	unlink(test_rsa);
	unlink(test_ec);
	return rmdir(test_dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc),
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_claims),
		cmocka_unit_test(test_any),
		cmocka_unit_test(test_audience),
		cmocka_unit_test(test_bare_claims),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_algorithms),
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_rotation),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_huge),
		cmocka_unit_test(test_make),
	};

	return cmocka_run_group_tests_name("token", tests, test_setup,
	    test_teardown);
}
