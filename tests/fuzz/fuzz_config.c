/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * The text of a configuration, and a request to what it makes: variables that
 * end with a NUL each, and a body behind them.  What is accepted can be printed
 * and read again, and prints the same.
 */
#include "fuzz.h"

#include <string.h>

#include "config/config.h"
#include "request/exchange.h"
#include "site.h"

const char *const fuzz_name = "config";

static int
fuzz_answer(void *arg, const struct buffer *response)
{
	(void)arg;
	fuzz_check(response->len > 0);
	return 0;
}

static enum exchange_state
fuzz_open(void *arg, struct opening *o)
{
	struct opening_result result = { .answer = HUB_FULL };

	fuzz_check(o->program != NULL || o->sub.channel_count > 0);
	return exchange_opened(*(struct exchange **)arg, &result);
}

static enum exchange_state
fuzz_ask(void *arg, struct buffer *line, bool is_repeatable)
{
	static const char reply[] =
	    "{\"ok\":true,\"id\":\"1<\\\"&-0\",\"streams\":3}";

	(void)is_repeatable;
	fuzz_check(line->len > 0 && line->data[line->len - 1] == '\n');
	return exchange_replied(*(struct exchange **)arg, reply,
	    sizeof reply - 1);
}

static const struct exchange_attachment fuzz_attachment = { fuzz_answer,
	fuzz_open, fuzz_ask };

static void
fuzz_request(const struct config *config, const char *at, const char *end)
{
	struct exchange *x;
	const char *nul;

	x = exchange_new(config, &fuzz_attachment, &x);
	fuzz_check(x != NULL);
	for (; at < end && (nul = memchr(at, '\0', (size_t)(end - at))) != NULL;
	     at = nul + 1)
		fuzz_check(request_add(&x->request, at) == 0);
	x->request.body.text = at;
	x->request.body.len = (size_t)(end - at);
	exchange_serve(x, 0);
	exchange_free(x);
}

static char *
fuzz_print(const struct config *config, size_t *len)
{
	char *text = NULL;
	FILE *to = open_memstream(&text, len);

	fuzz_check(to != NULL);
	config_print(config, to);
	fclose(to);
	return text;
}

/* What config_print says of a configuration is that configuration, but for
 * keys, which are not shown. */
static void
fuzz_print_again(const struct config *config)
{
	size_t len, again_len;
	char *text, *again, *cause;
	struct config *second;

	if (config->token_key_count > 0)
		return;
	text = fuzz_print(config, &len);
	second = fuzz_config_load(text, len, &cause);

	if (second == NULL)
		fprintf(stderr, "# %s\n%s", cause, text);
	fuzz_check(second != NULL);
	again = fuzz_print(second, &again_len);
	fuzz_check(len == again_len && memcmp(text, again, len) == 0);
	config_free(second);
	free(text);
	free(again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *nul = size > 0 ? memchr(data, '\0', size) : NULL;
	size_t len = nul != NULL ? (size_t)(nul - data) : size;
	struct config *config;
	char *cause;

	/* What would read files of this machine. */
	if (memmem(data, len, "include", 7) != NULL ||
	    memmem(data, len, "file", 4) != NULL)
		return 0;
	config = fuzz_config_load(data, len, &cause);
	if (config == NULL) {
		fuzz_check(cause != NULL && *cause != '\0');
		free(cause);
		return 0;
	}
	fuzz_print_again(config);
	if (nul != NULL)
		fuzz_request(config, (const char *)nul + 1,
		    (const char *)data + size);
	config_free(config);
	return 0;
}
