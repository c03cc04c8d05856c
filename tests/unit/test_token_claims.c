/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/* What a token says of whom, for what and how long, and what it may not say. */

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/token_run.h"

static void
test_whole(void **state)
{
	struct config *c = token_run_config("token-key = " TOKEN_RUN_SECRET_1);
	char *text = token_run_sign(JWT_ALG_HS256, TOKEN_RUN_SECRET_1,
	    "{\"sub\":\"ann\",\"exp\":1800000060.5,\"iat\":1800000000,"
	    "\"nbf\":1800000000,\"subscribe\":[\"user/ann\",\"news/**\"],"
	    "\"publish\":\"chat/*\",\"iss\":{\"any\":[1]}}",
	    NULL);
	struct token t;

	(void)state;
	assert_null(token_run_read(c, text, strlen(text), &t));
	assert_string_equal(t.user, "ann");
	assert_null(t.kid);
	assert_int_equal(t.expires_ms, TOKEN_RUN_NOW_MS + 60500);
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
		if (*c == '+')
			*c = '-';
		else if (*c == '/')
			*c = '_';
}

/* A token of any header and claims, right by TOKEN_RUN_SECRET_1; for free(). */
static char *
test_sign_any(const char *header, const char *claims)
{
	char *text = calloc(1, 2 * (strlen(header) + strlen(claims)) + 100);
	unsigned char mac[32];

	assert_non_null(text);
	test_put_base64(text, (const unsigned char *)header, strlen(header));
	strcat(text, ".");
	test_put_base64(text, (const unsigned char *)claims, strlen(claims));
	assert_non_null(HMAC(EVP_sha256(), TOKEN_RUN_SECRET_1,
	    (int)strlen(TOKEN_RUN_SECRET_1), (unsigned char *)text,
	    strlen(text), mac, NULL));
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
	/* Of two members of a name the last counts (RFC 7519, 4). */
	{ PLAIN, "{\"exp\":1,\"exp\":1900000000}", NULL },
	{ PLAIN, "{\"exp\":1900000000,\"exp\":1}", "has expired" },
	{ PLAIN, "{\"\\u0065xp\":1900000000}", NULL },
	{ PLAIN, "{\"EXP\":1900000000}",
	    "has no \"exp\", so it would never expire" },
	{ PLAIN, "{\"exp\":1.9e9}", NULL },
	{ PLAIN, "{\"exp\":-0}", "has expired" },
	{ PLAIN, "{\"exp\":1e400}", "has an \"exp\" that is not a time" },
	{ PLAIN, "{\"exp\":99999999999999999999999999}", NULL },
	{ PLAIN, "\xef\xbb\xbf" WITH("\"x\":1"),
	    "has claims that are not a JSON object" },
	{ PLAIN, WITH("\"x\":1") " x",
	    "has claims that are not a JSON object" },
	{ PLAIN, WITH("/*x*/\"x\":1"),
	    "has claims that are not a JSON object" },
	{ "{\"alg\":\"none\",\"alg\":\"HS256\"}", WITH("\"x\":1"), NULL },
	{ "{\"alg\":\"HS256\",\"alg\":\"none\"}", WITH("\"x\":1"),
	    "is not signed with the algorithm that its key is for" },
	{ "{\"alg\":[\"HS256\"]}", WITH("\"x\":1"),
	    "has no algorithm (\"alg\")" },
	{ "{\"alg\":\"HS256\",\"crit\":[]}", WITH("\"x\":1"),
	    "has a \"crit\" that is not understood" },
	{ "{\"alg\":\"HS256\",\"crit\":null}", WITH("\"x\":1"),
	    "has a \"crit\" that is not understood" },
	{ "{\"alg\":\"HS256\",\"crit\":[\"exp\"]}", WITH("\"x\":1"),
	    "has a \"crit\" that is not understood" },
	{ "[]", WITH("\"x\":1"), "has a header that is not a JSON object" },
	{ "{}", WITH("\"x\":1"), "has no algorithm (\"alg\")" },
};

static void
test_any(void **state)
{
	struct config *c = token_run_config("token-key = " TOKEN_RUN_SECRET_1);
	char deep[5200] = "{\"exp\":1900000000,\"a\":";
	size_t i;

	(void)state;
	for (i = 0; i < sizeof any_cases / sizeof any_cases[0]; i++)
		token_run_expect(c,
		    test_sign_any(any_cases[i].header, any_cases[i].claims),
		    any_cases[i].why);
	/* As deep as a token can be. */
	memset(deep + strlen(deep), '[', 2500);
	memset(deep + strlen(deep), ']', 2500);
	strcat(deep, "}");
	token_run_expect(c, test_sign_any(PLAIN, deep), NULL);
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
	struct config *set = token_run_config("token-key = " TOKEN_RUN_SECRET_1
					      " token-audience = crier");
	struct config *unset =
	    token_run_config("token-key = " TOKEN_RUN_SECRET_1);
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		token_run_expect(set, test_sign_any(PLAIN, cases[i].claims),
		    cases[i].why);
		token_run_expect(unset, test_sign_any(PLAIN, cases[i].claims),
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
	struct config *c = token_run_config("token-key = " TOKEN_RUN_SECRET_1);
	char sub[512];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof claim_cases / sizeof claim_cases[0]; i++)
		token_run_expect(c,
		    token_run_sign(JWT_ALG_HS256, TOKEN_RUN_SECRET_1,
			claim_cases[i].claims, NULL),
		    claim_cases[i].why);
	for (i = 255; i <= 256; i++) {
		snprintf(sub, sizeof sub,
		    "{\"exp\":1900000000,\"sub\":\"%0*d\"}", (int)i, 0);
		token_run_expect(c,
		    token_run_sign(JWT_ALG_HS256, TOKEN_RUN_SECRET_1, sub,
			NULL),
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
	struct config *c = token_run_config("token-key = " TOKEN_RUN_SECRET_1);
	struct token token;
	const char *why;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		why = NULL;
		if (token_read_claims(c,
			(struct text_span){ bad[i], strlen(bad[i]) },
			TOKEN_RUN_NOW_MS, &token, &why) == 0)
			fail_msg("accepted: %s", bad[i]);
		assert_non_null(why);
	}
	config_free(c);
}

static void
test_times(void **state)
{
	struct config *c = token_run_config("token-key = " TOKEN_RUN_SECRET_1
					    " token-leeway = 5");
	struct token token;
	const char *why;

	(void)state;
	token_run_expect(c,
	    token_run_sign(JWT_ALG_HS256, TOKEN_RUN_SECRET_1,
		"{\"exp\":1799999996}", NULL),
	    NULL);
	token_run_expect(c,
	    token_run_sign(JWT_ALG_HS256, TOKEN_RUN_SECRET_1,
		"{\"exp\":1799999995}", NULL),
	    "has expired");
	token_run_expect(c,
	    token_run_sign(JWT_ALG_HS256, TOKEN_RUN_SECRET_1,
		"{\"exp\":1800000009,\"nbf\":1800000005}", NULL),
	    NULL);
	token_run_expect(c,
	    token_run_sign(JWT_ALG_HS256, TOKEN_RUN_SECRET_1,
		"{\"exp\":1800000009,\"nbf\":1800000006}", NULL),
	    "is not valid yet");
	config_free(c);
	c = token_run_config("token-key = " TOKEN_RUN_SECRET_1
			     " token-require-exp = false");
	assert_int_equal(token_read_claims(c, (struct text_span){ "{}", 2 },
			     TOKEN_RUN_NOW_MS, &token, &why),
	    0);
	assert_int_equal(token.expires_ms, 0);
	token_clear(&token);
	config_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_claims),
		cmocka_unit_test(test_any),
		cmocka_unit_test(test_audience),
		cmocka_unit_test(test_bare_claims),
		cmocka_unit_test(test_times),
	};

	return cmocka_run_group_tests_name("token claims", tests,
	    token_run_setup, token_run_teardown);
}
