/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * Tokens. The input is the environment of a request, as fuzz_request has it,
 * in which a token is looked for; what is behind the last NUL is read as a
 * token, and, as if it were signed, as its claims.
 */
#include "fuzz.h"

#include <string.h>

#include "config/config.h"
#include "config/config_value.h"
#include "request/request.h"
#include "request/token.h"

const char *const fuzz_name = "token";

#define FUZZ_NOW_MS UINT64_C(1800000000000)

static const struct config *
fuzz_config(void)
{
	static const struct config_override settings[] = {
		{ "token-key=0123456789abcdef0123456789abcdef" },
		{ "token-cookie=crier" },
		{ "token-leeway=5" },
	};
	static struct config *config;
	char *cause = NULL;

	if (config == NULL)
		config = config_load(NULL, settings, 3, &cause);
	return config;
}

static void
fuzz_patterns(const struct config_list *patterns)
{
	for (size_t i = 0; i < patterns->count; i++)
		fuzz_check(config_value_wrong_pattern(patterns->items[i]) ==
		    NULL);
}

/* What was read, or was not. */
static void
fuzz_token(int result, struct token *token, const char *why)
{
	fuzz_check((result == 0) == (why == NULL));
	fuzz_check(result == 0 ||
	    (token->user == NULL && token->subscribe.count == 0 &&
		token->publish.count == 0 && token->expires_ms == 0));
	fuzz_check(result != 0 || token->expires_ms > FUZZ_NOW_MS);
	fuzz_patterns(&token->subscribe);
	fuzz_patterns(&token->publish);
	token_clear(token);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct config *config = fuzz_config();
	struct request request = { .env.len = 0 };
	const char *at = (const char *)data;
	const char *end = at + size;
	struct text_span span;
	struct token token;
	const char *why;
	const char *nul;
	char *text = NULL;
	int result;

	if (config == NULL)
		return 0; /* built without tokens */
	for (; size > 0 && (nul = memchr(at, '\0', (size_t)(end - at))) != NULL;
	     at = nul + 1)
		fuzz_check(request_add(&request, at) == 0);
	result = token_find(&request, config, &text);
	fuzz_check(result == (text != NULL));
	fuzz_check(text == NULL || *text != '\0');
	free(text);
	request_clear(&request);
	span.text = at;
	span.len = (size_t)(end - at);
	why = NULL;
	result = token_read(config, span, FUZZ_NOW_MS, &token, &why);
	fuzz_token(result, &token, why);
	why = NULL;
	result = token_read_claims(config, span, FUZZ_NOW_MS, &token, &why);
	fuzz_token(result, &token, why);
	return 0;
}
