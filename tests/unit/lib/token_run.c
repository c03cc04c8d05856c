/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

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

#include "support.h"
#include "token_keys.h"
#include "token_run.h"

static char token_run_dir[] = "/tmp/crier-token-XXXXXX";
static char token_run_file[64], token_run_rsa[64], token_run_ec[64];

static void
token_run_save(const char *path, const char *text)
{
	FILE *fp = fopen(path, "w");

	assert_non_null(fp);
	fputs(text, fp);
	assert_int_equal(fclose(fp), 0);
}

struct config *
token_run_config(const char *text)
{
	char full[1024], *cause;
	size_t at = strcspn(text, "@");
	struct config *c;

	snprintf(full, sizeof full, "%.*s%s%s", (int)at, text,
	    text[at] == '\0' ? "" : token_run_dir,
	    text[at] == '\0' ? "" : text + at + 1);
	token_run_save(token_run_file, full);
	c = config_load(token_run_file, NULL, 0, &cause);
	if (c == NULL)
		fail_msg("%s: %s", full, cause);
	return c;
}

char *
token_run_sign(jwt_alg_t algorithm, const char *key, const char *claims,
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

const char *
token_run_read(const struct config *c, const char *text, size_t len,
    struct token *token)
{
	struct text_span span = { support_guard(text, len), len };
	const char *why = NULL;

	if (token_read(c, span, TOKEN_RUN_NOW_MS, token, &why) == 0)
		return NULL;
	assert_non_null(why);
	assert_null(token->user);
	assert_int_equal(token->subscribe.count, 0);
	assert_int_equal(token->publish.count, 0);
	return why;
}

void
token_run_expect(const struct config *c, char *text, const char *want)
{
	struct token token;
	const char *why = token_run_read(c, text, strlen(text), &token);

	if (want == NULL && why != NULL)
		fail_msg("refused: %s: %s", text, why);
	if (want != NULL && why == NULL)
		fail_msg("accepted: %s, want: %s", text, want);
	if (want != NULL)
		assert_string_equal(why, want);
	token_clear(&token);
	free(text);
}

int
token_run_setup(void **state)
{
	(void)state;
	if (mkdtemp(token_run_dir) == NULL)
		return -1;
	snprintf(token_run_file, sizeof token_run_file, "%s/crier.conf",
	    token_run_dir);
	snprintf(token_run_rsa, sizeof token_run_rsa, "%s/rsa", token_run_dir);
	snprintf(token_run_ec, sizeof token_run_ec, "%s/ec", token_run_dir);
	token_run_save(token_run_rsa, key_rsa_public);
	token_run_save(token_run_ec, key_ec_public);
	return 0;
}

int
token_run_teardown(void **state)
{
	(void)state;
	unlink(token_run_file);
	unlink(token_run_rsa);
	unlink(token_run_ec);
	return rmdir(token_run_dir);
}
