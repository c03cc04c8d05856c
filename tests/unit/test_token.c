/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/* Which tokens are whole and signed by one of the keys; and making one. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/token_keys.h"
#include "lib/token_run.h"
#include "request/token_make.h"

/* RFC 7515, appendix A.1: not made by libjwt. */
static void
test_rfc(void **state)
{
	static const char text[] =
	    "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9"
	    ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9l"
	    "eGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
	    ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
	struct config *c = token_run_config(
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

#define GOOD "{\"exp\":1900000000}"

static void
test_algorithms(void **state)
{
	static const char wrong[] =
	    "is not signed with the algorithm that its key is for";
	struct config *hs = token_run_config("token-key = " TOKEN_RUN_SECRET_1);
	struct config *rs = token_run_config("token-key-file = \"@/rsa\" "
					     "token-algorithm = RS256");
	struct config *es = token_run_config("token-key-file = \"@/ec\" "
					     "token-algorithm = ES256");

	(void)state;
	token_run_expect(hs,
	    token_run_sign(JWT_ALG_HS256, TOKEN_RUN_SECRET_1, GOOD, NULL),
	    NULL);
	token_run_expect(hs,
	    token_run_sign(JWT_ALG_HS384, TOKEN_RUN_SECRET_1, GOOD, NULL),
	    wrong);
	token_run_expect(hs,
	    token_run_sign(JWT_ALG_HS256, TOKEN_RUN_SECRET_2, GOOD, NULL),
	    "has a wrong signature");
	/* "alg":"none" has no signature: the third part is empty. */
	token_run_expect(hs, token_run_sign(JWT_ALG_NONE, NULL, GOOD, NULL),
	    "does not have three parts");
	token_run_expect(hs,
	    strdup("eyJhbGciOiJub25lIn0.eyJleHAiOjE5MDAwMDAwMDB9"
		   ".AAAA"),
	    wrong);
	token_run_expect(hs,
	    strdup("eyJhbGciOiJOT05FIn0.eyJleHAiOjE5MDAwMDAwMDB9"
		   ".AAAA"),
	    wrong);
	/* {"alg":"hs256"}: names are case-sensitive. */
	token_run_expect(hs,
	    strdup("eyJhbGciOiJoczI1NiJ9.eyJleHAiOjE5MDAwMDAwMDB9"
		   ".AAAA"),
	    wrong);
	token_run_expect(rs,
	    token_run_sign(JWT_ALG_RS256, key_rsa_private, GOOD, NULL), NULL);
	token_run_expect(rs,
	    token_run_sign(JWT_ALG_RS384, key_rsa_private, GOOD, NULL), wrong);
	/* Whoever has the public key could make this one. */
	token_run_expect(rs,
	    token_run_sign(JWT_ALG_HS256, key_rsa_public, GOOD, NULL), wrong);
	token_run_expect(rs,
	    token_run_sign(JWT_ALG_ES256, key_ec_private, GOOD, NULL), wrong);
	token_run_expect(rs, token_run_sign(JWT_ALG_NONE, NULL, GOOD, NULL),
	    "does not have three parts");
	token_run_expect(es,
	    token_run_sign(JWT_ALG_ES256, key_ec_private, GOOD, NULL), NULL);
	token_run_expect(es,
	    token_run_sign(JWT_ALG_RS256, key_rsa_private, GOOD, NULL), wrong);
	token_run_expect(es,
	    token_run_sign(JWT_ALG_HS256, key_ec_public, GOOD, NULL), wrong);
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
	struct config *c = token_run_config("token-key = " TOKEN_RUN_SECRET_1);
	size_t i;

	(void)state;
	for (i = 0; i < sizeof table / sizeof table[0]; i++)
		token_run_expect(c,
		    token_run_sign(JWT_ALG_HS256, TOKEN_RUN_SECRET_1, GOOD,
			table[i].headers),
		    table[i].why);
	/* {}, [], "x", and one that is not UTF-8. */
	token_run_expect(c, strdup("e30.e30.AAAA"),
	    "has no algorithm (\"alg\")");
	token_run_expect(c, strdup("W10.e30.AAAA"),
	    "has a header that is not a JSON object");
	token_run_expect(c, strdup("Ingi.e30.AAAA"),
	    "has a header that is not a JSON object");
	token_run_expect(c, strdup("_w.e30.AAAA"),
	    "has a header that is not a JSON object");
	config_free(c);
}

static void
test_rotation(void **state)
{
	struct config *c = token_run_config(
	    "token \"new\" { key = " TOKEN_RUN_SECRET_1 " }\n"
	    "token \"old\" { key = " TOKEN_RUN_SECRET_2 " algorithm = HS512 }\n"
	    "token \"rsa\" { key-file = \"@/rsa\" algorithm = RS256 }");
	struct token t;
	char *text = token_run_sign(JWT_ALG_HS256, TOKEN_RUN_SECRET_1, GOOD,
	    "{\"kid\":\"new\"}");

	(void)state;
	assert_null(token_run_read(c, text, strlen(text), &t));
	assert_string_equal(t.kid, "new");
	token_clear(&t);
	free(text);
	token_run_expect(c,
	    token_run_sign(JWT_ALG_HS512, TOKEN_RUN_SECRET_2, GOOD,
		"{\"kid\":\"old\"}"),
	    NULL);
	token_run_expect(c,
	    token_run_sign(JWT_ALG_RS256, key_rsa_private, GOOD,
		"{\"kid\":\"rsa\"}"),
	    NULL);
	token_run_expect(c,
	    token_run_sign(JWT_ALG_HS256, TOKEN_RUN_SECRET_1, GOOD,
		"{\"kid\":\"old\"}"),
	    "is not signed with the algorithm that its key is for");
	token_run_expect(c,
	    token_run_sign(JWT_ALG_HS256, TOKEN_RUN_SECRET_2, GOOD,
		"{\"kid\":\"new\"}"),
	    "has a wrong signature");
	token_run_expect(c,
	    token_run_sign(JWT_ALG_HS256, key_rsa_public, GOOD,
		"{\"kid\":\"rsa\"}"),
	    "is not signed with the algorithm that its key is for");
	token_run_expect(c,
	    token_run_sign(JWT_ALG_HS256, TOKEN_RUN_SECRET_1, GOOD, NULL),
	    "does not name its key (\"kid\")");
	token_run_expect(c,
	    token_run_sign(JWT_ALG_HS256, TOKEN_RUN_SECRET_1, GOOD,
		"{\"kid\":\"gone\"}"),
	    "is of a key (\"kid\") that is not known here");
	token_run_expect(c,
	    token_run_sign(JWT_ALG_HS256, TOKEN_RUN_SECRET_1, GOOD,
		"{\"kid\":\"\"}"),
	    "does not name its key (\"kid\")");
	config_free(c);
}

/* Nothing but the whole token is one. */
static void
test_damage(void **state)
{
	struct config *c = token_run_config("token-key = " TOKEN_RUN_SECRET_1);
	char *text = token_run_sign(JWT_ALG_HS256, TOKEN_RUN_SECRET_1,
	    "{\"exp\":1900000000,\"subscribe\":[\"a\"]}", NULL);
	size_t len = strlen(text), i;
	struct token token;
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789-_";
	const char *digit;
	char kept;

	(void)state;
	for (i = 0; i < len; i++)
		assert_non_null(token_run_read(c, text, i, &token));
	for (i = 0; i < len; i++) {
		kept = text[i];
		text[i] = kept == 'A' ? 'B' : 'A';
		assert_non_null(token_run_read(c, text, len, &token));
		text[i] = '\0';
		assert_non_null(token_run_read(c, text, len, &token));
		text[i] = '=';
		assert_non_null(token_run_read(c, text, len, &token));
		text[i] = kept;
	}
	/* The last digit has two bits that mean nothing. */
	kept = text[len - 1];
	for (digit = digits; *digit != '\0'; digit++) {
		text[len - 1] = *digit;
		if (*digit != kept)
			assert_non_null(token_run_read(c, text, len, &token));
	}
	text[len - 1] = kept;
	assert_null(token_run_read(c, text, len, &token));
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
	struct config *c = token_run_config("token-key = " TOKEN_RUN_SECRET_1);
	struct token token;
	const char *why;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		why = token_run_read(c, bad[i], strlen(bad[i]), &token);
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
	struct config *c = token_run_config("token-key = " TOKEN_RUN_SECRET_1);
	char *claims = malloc((size_t)TOKEN_MAX * 2), *text;
	size_t pad, max = 0;
	const char *why;
	struct token token;

	(void)state;
	for (pad = 6000; pad < 6200; pad++) {
		sprintf(claims, "{\"exp\":1900000000,\"x\":\"%0*d\"}", (int)pad,
		    0);
		text = token_run_sign(JWT_ALG_HS256, TOKEN_RUN_SECRET_1, claims,
		    NULL);
		why = token_run_read(c, text, strlen(text), &token);
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
	assert_string_equal(token_run_read(c, text, 1 << 20, &token),
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
		.now_s = TOKEN_RUN_NOW_MS / 1000,
		.ttl_s = 60 };
	struct config *c =
	    token_run_config("token-key = " TOKEN_RUN_SECRET_1
			     " token \"old\" { key = " TOKEN_RUN_SECRET_2 " }");
	struct token token;
	const char *why;
	char *text;
	size_t i;

	(void)state;
	for (i = 0; i < c->token_key_count; i++) {
		text = token_make(&c->token_keys[i], &order, &why);
		assert_non_null(text);
		assert_null(token_run_read(c, text, strlen(text), &token));
		assert_string_equal(token.user, "ann \xc3\xa9\"");
		assert_int_equal(token.subscribe.count, 2);
		assert_string_equal(token.publish.items[0], "chat");
		assert_int_equal(token.expires_ms, TOKEN_RUN_NOW_MS + 60000);
		token_clear(&token);
		free(text);
	}
	config_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc),
		cmocka_unit_test(test_algorithms),
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_rotation),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_huge),
		cmocka_unit_test(test_make),
	};

	return cmocka_run_group_tests_name("token", tests, token_run_setup,
	    token_run_teardown);
}
