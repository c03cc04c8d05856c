/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/* Who may, and the keys of tokens, in the configuration. */

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

#include "config/config.h"
#include "lib/token_keys.h"

#define SECRET "0123456789abcdef0123456789abcdef"

static char test_dir[] = "/tmp/crier-config-XXXXXX";
static char test_file[64];

static void
test_save(const char *name, const char *text, size_t len, mode_t mode)
{
	char path[128];
	FILE *fp;

	snprintf(path, sizeof path, "%s/%s", test_dir, name);
	fp = fopen(path, "w");
	assert_non_null(fp);
	assert_int_equal(fwrite(text, 1, len, fp), len);
	assert_int_equal(fclose(fp), 0);
	assert_int_equal(chmod(path, mode), 0);
}

/* Copies text, with the directory for each '@'. */
static void
test_fill(const char *text, char *to, size_t size)
{
	size_t n = 0, part;

	for (;; text++) {
		part = strcspn(text, "@");
		assert_true(n + part + sizeof test_dir < size);
		memcpy(to + n, text, part);
		n += part;
		text += part;
		if (*text == '\0')
			break;
		memcpy(to + n, test_dir, sizeof test_dir - 1);
		n += sizeof test_dir - 1;
	}
	to[n] = '\0';
}

static struct config *
test_load(const char *text, const char *option, char **cause)
{
	struct config_override override = { option };
	char full[4096];

	test_fill(text, full, sizeof full);
	test_save("crier.conf", full, strlen(full), 0600);
	return config_load(test_file, &override, option == NULL ? 0 : 1, cause);
}

static struct config *
test_good(const char *text)
{
	char *cause;
	struct config *c = test_load(text, NULL, &cause);

	if (c == NULL)
		fail_msg("%s: %s", text, cause);
	return c;
}

/* The file's name in want is written as "F", the directory's as "@". */
static void
test_bad(const char *text, const char *option, const char *want)
{
	char full[512], filled[512], *cause;

	if (test_load(text, option, &cause) != NULL)
		fail_msg("accepted: %s", text);
	if (want[0] == 'F')
		snprintf(full, sizeof full, "@/crier.conf%s", want + 1);
	else
		snprintf(full, sizeof full, "%s", want);
	test_fill(full, filled, sizeof filled);
	assert_string_equal(cause, filled);
	free(cause);
}

static void
test_who(void **state)
{
	struct config *c =
	    test_good("publish = { user, token }\n"
		      "channel \"a/*\" { subscribe = { owner, user } }\n"
		      "channel \"b\" { subscribe = {} publish = nobody }\n"
		      "channel \"$c\" { keep = 1 }\n"
		      "channel \"$d\" { publish = anyone }\n");

	(void)state;
	assert_int_equal(c->channels[4].subscribe, CONFIG_ANYONE);
	assert_int_equal(c->channels[4].publish, CONFIG_USER | CONFIG_TOKEN);
	assert_int_equal(c->channels[0].subscribe, CONFIG_USER | CONFIG_OWNER);
	assert_int_equal(c->channels[0].publish, CONFIG_USER | CONFIG_TOKEN);
	assert_int_equal(c->channels[1].subscribe, 0);
	assert_int_equal(c->channels[1].publish, 0);
	assert_int_equal(c->channels[2].subscribe, 0);
	assert_int_equal(c->channels[2].publish, 0);
	assert_int_equal(c->channels[3].subscribe, 0);
	assert_int_equal(c->channels[3].publish, CONFIG_ANYONE);
	config_free(c);
}

static const char *const bad_cases[][3] = {
	/* file, override, message */
	{ "subscribe = everyone", NULL,
	    "F:1: subscribe: must be anyone, user, owner, token or nobody" },
	{ "\nchannel \"a\" {\n\n publish = { user,\n x } }", NULL,
	    "F:5: publish: must be anyone, user, owner, token or nobody" },
	{ "subscribe = \"\"", NULL,
	    "F:1: subscribe: must be anyone, user, owner, token or nobody" },
	{ "publish = owner", NULL,
	    "F:1: publish: owner can only stand in a channel section" },
	{ "", "publish=owner",
	    "-o publish=owner: owner can only stand in a channel section" },
	{ "", "publish=x",
	    "-o publish=x: must be anyone, user, owner, token or nobody" },
	{ "channel \"a\" { subscribe = owner }", NULL,
	    "F:1: subscribe: owner needs a '*' as a segment of the pattern" },
	{ "channel \"a/**\" { subscribe = owner }", NULL,
	    "F:1: subscribe: owner needs a '*' as a segment of the pattern" },
	{ "channel \"a/*\" { subscribe = { owner,\n nobody } }", NULL,
	    "F:2: subscribe: nobody stands alone" },
	{ "publish = { nobody, user }", NULL,
	    "F:1: publish: nobody stands alone" },
	{ "token-cookie = \"a b\"", NULL,
	    "F:1: token-cookie: must be letters, digits, '-' and '_'" },
	{ "token-leeway = 3600.001", NULL,
	    "F:1: token-leeway: must be from 0 to 3600" },
	{ "token-require-exp = yes", NULL,
	    "F:1: token-require-exp: must be true or false" },
	{ "token-algorithm = none", NULL,
	    "F:1: token-algorithm: must be HS256, HS384, HS512, RS256, RS384, "
	    "RS512, ES256, ES384 or ES512" },
	{ "token a { algorithm = None }", NULL,
	    "F:1: algorithm: must be HS256, HS384, HS512, RS256, RS384, "
	    "RS512, ES256, ES384 or ES512" },
	{ "token \"\" { key = " SECRET " }", NULL,
	    "F:1: token \"\": a name is missing" },
	{ "token {}", NULL, "F:1: missing title for section 'token'" },
	{ "\ntoken a { key = " SECRET " }\ntoken a {\n}", NULL,
	    "F:3: token \"a\": there is one in line 2 already: change that, or "
	    "leave this out" },
	{ "channel a {\n}\ntoken \"a\" {\n key = " SECRET " }\ntoken\na {\n}",
	    NULL,
	    "F:6: token \"a\": there is one in line 3 already: change that, or "
	    "leave this out" },
	{ "\ntoken a {\n}", NULL,
	    "F:2: token \"a\": key: there is no key and no key-file" },
	{ "token a {\n key = x\n key-file = y }", NULL,
	    "F:3: token \"a\": key-file: there are a key and a key-file" },
	{ "token-key = x\n\ntoken-key-file = y", NULL,
	    "F:3: token-key-file: there are a key and a key-file" },
	{ "token a { name = x }", NULL, "F:1: no such option 'name'" },
	{ "token-key-file = \"@/none\"", NULL,
	    "F:1: token-key-file: @/none: No such file or directory" },
	{ "token-key-file = \"@\"", NULL,
	    "F:1: token-key-file: @: Is a directory" },
	{ "token-key-file = /dev/null", NULL,
	    "F:1: token-key-file: /dev/null: is not a regular file" },
	{ "token-key-file = \"@/empty\"", NULL,
	    "F:1: token-key-file: @/empty: is empty" },
	{ "token-key-file = \"@/big\"", NULL,
	    "F:1: token-key-file: @/big: File too large" },
	{ "token-key = \"base64:\"", NULL, "F:1: token-key: is empty" },
	{ "token-key = \"base64:a\"", NULL,
	    "F:1: token-key: is not base64 behind base64:" },
	{ "token-key = \"hex:0\"", NULL,
	    "F:1: token-key: is not hexadecimal behind hex:" },
	{ "token-key = \"hex:0g\"", NULL,
	    "F:1: token-key: is not hexadecimal behind hex:" },
	{ "token-key = " SECRET " token-algorithm = RS256", NULL,
	    "F:1: token-key: RS256 takes a file" },
	{ "token-algorithm = ES256", "token-key=" SECRET,
	    "token-key: ES256 takes a file" },
	/* The secret is not shown. */
	{ "", "token-key=secret\n",
	    "-o token-key: must not contain control characters" },
	{ "token-key-file = \"@/rsa\"", NULL,
	    "F:1: token-key-file: @/rsa: is in PEM: it is for RS256, ES256 or "
	    "the like" },
	{ "token a { key-file = \"@/rsa\"\nalgorithm = ES256 }", NULL,
	    "F:2: token \"a\": key-file: @/rsa: is not a key on this "
	    "algorithm's curve (P-256 for ES256, P-384 for ES384, P-521 for "
	    "ES512)" },
	{ "token a { key-file = \"@/ec\" algorithm = RS256 }", NULL,
	    "F:1: token \"a\": key-file: @/ec: is not a key for RSA" },
	{ "token a { key-file = \"@/ec\" algorithm = ES512 }", NULL,
	    "F:1: token \"a\": key-file: @/ec: is not a key on this "
	    "algorithm's curve (P-256 for ES256, P-384 for ES384, P-521 for "
	    "ES512)" },
	{ "token a { key-file = \"@/private\" algorithm = RS256 }", NULL,
	    "F:1: token \"a\": key-file: @/private: is a private key: the "
	    "public one is enough here (openssl pkey -pubout)" },
	{ "token a { key-file = \"@/text\" algorithm = RS256 }", NULL,
	    "F:1: token \"a\": key-file: @/text: is not a public key in PEM "
	    "(BEGIN PUBLIC KEY)" },
	{ "token a { key-file = \"@/cut\" algorithm = RS256 }", NULL,
	    "F:1: token \"a\": key-file: @/cut: has a BEGIN and no END" },
};

static void
test_messages(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof bad_cases / sizeof bad_cases[0]; i++) {
#ifndef HAVE_LIBJWT
		if (strstr(bad_cases[i][0], "token") != NULL ||
		    (bad_cases[i][1] != NULL &&
			strstr(bad_cases[i][1], "token") != NULL))
			continue;
#endif
		test_bad(bad_cases[i][0], bad_cases[i][1], bad_cases[i][2]);
	}
}

#ifdef HAVE_LIBJWT
static const struct {
	const char *setting, *bytes;
	size_t len;
} key_cases[] = {
	{ "token-key = \"a b\"", "a b", 3 },
	{ "token-key = \"hex:00fFA0\"", "\x00\xff\xa0", 3 },
	{ "token-key = \"base64:AP+g\"", "\x00\xff\xa0", 3 },
	{ "token-key = \"base64:AP-gAA==\"", "\x00\xff\xa0\x00", 4 },
	{ "token-key = \"base65:AP-g\"", "base65:AP-g", 11 },
	{ "token-key-file = \"@/line\"", "gr\xc3\xbc\xc3\x9f", 6 },
	{ "token-key-file = \"@/crlf\"", "text\n", 5 },
	{ "token-key-file = \"@/hex\"", "\x01\x02", 2 },
	{ "token-key-file = \"@/binary\"", "\x01\x02\n", 3 },
};

static void
test_keys(void **state)
{
	struct config *c;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof key_cases / sizeof key_cases[0]; i++) {
		c = test_good(key_cases[i].setting);
		assert_int_equal(c->token_key_count, 1);
		assert_string_equal(c->token_keys[0].kid, "");
		if (c->token_keys[0].len != key_cases[i].len)
			fail_msg("%s: %zu bytes", key_cases[i].setting,
			    c->token_keys[0].len);
		assert_memory_equal(c->token_keys[0].bytes, key_cases[i].bytes,
		    key_cases[i].len);
		config_free(c);
	}
	c = test_good("token a { key = x } token b { key = y\n"
		      "algorithm = HS384 }\n"
		      "token c { key-file = \"@/rsa\" algorithm = RS512 }\n"
		      "token-key = z token-algorithm = HS512");
	assert_int_equal(c->token_key_count, 4);
	assert_string_equal(c->token_keys[1].kid, "b");
	assert_int_equal(c->token_keys[0].algorithm, CONFIG_HS512);
	assert_int_equal(c->token_keys[1].algorithm, CONFIG_HS384);
	assert_int_equal(c->token_keys[2].algorithm, CONFIG_RS512);
	assert_string_equal(c->token_keys[3].kid, "");
	assert_int_equal(c->token_keys[3].algorithm, CONFIG_HS512);
	config_free(c);
}

static void
test_many(void **state)
{
	char text[8192], *cause;
	size_t i, n = 0;
	struct config *c;

	(void)state;
	for (i = 0; i < 65; i++) {
		test_save("crier.conf", text, n, 0600);
		c = config_load(test_file, NULL, 0, &cause);
		assert_non_null(c);
		assert_int_equal(c->token_key_count, i);
		config_free(c);
		n += (size_t)snprintf(text + n, sizeof text - n,
		    "token t%zu { key = " SECRET " }\n", i);
	}
	test_save("crier.conf", text, n, 0600);
	assert_null(config_load(test_file, NULL, 0, &cause));
	assert_non_null(strstr(cause, ":65: more than 64 token sections"));
	free(cause);
}

static void
test_warnings(void **state)
{
	static const char *const table[][2] = {
		{ "token-key = " SECRET, NULL },
		{ "token-key = short",
		    "F:1: token-key: a key of 5 bytes is easy to guess, HS256 "
		    "wants 32" },
		{ "token-algorithm = HS384\ntoken-key = " SECRET,
		    "F:2: token-key: a key of 32 bytes is easy to guess, "
		    "HS384 wants 48" },
		{ "token-key-file = \"@/open\"",
		    "F:1: token-key-file: @/open: may be read by everybody "
		    "(chmod o-r)" },
		/* A public key is public. */
		{ "token-key-file = \"@/rsa\" token-algorithm = RS256", NULL },
		{ "subscribe = token",
		    "channel \"**\": token: nobody has one, for there is no "
		    "token-key" },
		{ "channel \"a\" { publish = token }",
		    "channel \"a\": token: nobody has one, for there is no "
		    "token-key" },
		{ "subscribe = token token-key = " SECRET, NULL },
	};
	char want[256], full[256];
	struct config *c;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof table / sizeof table[0]; i++) {
		c = test_good(table[i][0]);
		if (c->warnings.count != (table[i][1] != NULL))
			fail_msg("%s: %zu warnings", table[i][0],
			    c->warnings.count);
		if (table[i][1] != NULL) {
			snprintf(full, sizeof full, "%s%s",
			    table[i][1][0] == 'F' ? "@/crier.conf" : "",
			    table[i][1] + (table[i][1][0] == 'F'));
			test_fill(full, want, sizeof want);
			assert_string_equal(c->warnings.items[0], want);
		}
		config_free(c);
	}
}

/* What is printed has no secret, and reads back to the same. */
static void
test_print(void **state)
{
	struct config *c =
	    test_good("token-key-file = \"@/open\" token-cookie = x\n"
		      "token-parameter = \"\" token-leeway = 1.5\n"
		      "token-require-exp = false subscribe = { token, user }\n"
		      "token \"a \\\"\" { key-file = \"@/rsa\"\n"
		      "algorithm = RS384 }\n"
		      "channel \"a/*\" { subscribe = { owner } }\n");
	char *text[2];
	size_t len, i;
	FILE *fp;

	(void)state;
	for (i = 0; i < 2; i++) {
		fp = open_memstream(&text[i], &len);
		config_print(c, fp);
		fclose(fp);
		config_free(c);
		c = test_good(text[i]);
	}
	assert_string_equal(text[0], text[1]);
	assert_non_null(strstr(text[0], "\nsubscribe = { user, token }\n"));
	assert_non_null(strstr(text[0], "\npublish = { nobody }\n"));
	assert_non_null(strstr(text[0], "token \"a \\\"\" {\n"));
	assert_string_equal(c->token_keys[0].kid, "a \"");
	assert_int_equal(c->token_leeway_ms, 1500);
	assert_int_equal(c->token_require_exp, 0);
	free(text[0]);
	free(text[1]);
	config_free(c);
	c = test_good("token-key = " SECRET " token a { key = " SECRET " }");
	fp = open_memstream(&text[0], &len);
	config_print(c, fp);
	fclose(fp);
	config_free(c);
	assert_null(strstr(text[0], "0123456789"));
	assert_non_null(strstr(text[0], "# token-key is set"));
	free(text[0]);
}
#else
static void
test_built_without(void **state)
{
	(void)state;
	test_bad("\ntoken-key = x", NULL,
	    "F:2: token-key: this program was built without tokens (libjwt)");
	test_bad("token-cookie = x", NULL,
	    "F:1: token-cookie: this program was built without tokens "
	    "(libjwt)");
	test_bad("", "token-key=x",
	    "-o token-key: this program was built without tokens (libjwt)");
	test_bad("token a {}", NULL,
	    "F:1: token \"a\": this program was built without tokens "
	    "(libjwt)");
}
#endif

static int
test_setup(void **state)
{
	static const struct {
		const char *name, *text;
		size_t len;
		mode_t mode;
	} files[] = {
		{ "rsa", key_rsa_public, sizeof key_rsa_public - 1, 0644 },
		{ "ec", key_ec_public, sizeof key_ec_public - 1, 0644 },
		{ "private", key_rsa_private, sizeof key_rsa_private - 1,
		    0600 },
		{ "cut", key_rsa_public, 100, 0644 },
		{ "text", "text", 4, 0600 },
		{ "empty", "\n", 1, 0600 },
		{ "line", "gr\xc3\xbc\xc3\x9f\n", 7, 0600 },
		{ "crlf", "text\n\r\n", 7, 0600 },
		{ "hex", "hex:0102\n", 9, 0600 },
		{ "binary", "\x01\x02\n", 3, 0600 },
		{ "open", SECRET, sizeof SECRET - 1, 0644 },
	};
	static char big[65537];
	size_t i;

	(void)state;
	if (mkdtemp(test_dir) == NULL)
		return -1;
	snprintf(test_file, sizeof test_file, "%s/crier.conf", test_dir);
	for (i = 0; i < sizeof files / sizeof files[0]; i++)
		test_save(files[i].name, files[i].text, files[i].len,
		    files[i].mode);
	memset(big, 'x', sizeof big);
	test_save("big", big, sizeof big, 0600);
	return 0;
}

static int
test_teardown(void **state)
{
	static const char *const names[] = { "rsa", "ec", "private", "cut",
		"text", "empty", "line", "crlf", "hex", "binary", "open", "big",
		"crier.conf" };
	char path[128];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof names / sizeof names[0]; i++) {
		snprintf(path, sizeof path, "%s/%s", test_dir, names[i]);
		unlink(path);
	}
	return rmdir(test_dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who),
		cmocka_unit_test(test_messages),
#ifdef HAVE_LIBJWT
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_warnings),
		cmocka_unit_test(test_print),
#else
		cmocka_unit_test(test_built_without),
#endif
	};

	return cmocka_run_group_tests_name("config of tokens", tests,
	    test_setup, test_teardown);
}
