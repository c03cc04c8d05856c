/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/cause.h"
#include "config/config_key.h"
#include "protocol/client.h"
#include "request/token.h"
#include "token/token_issue.h"
#include "token/token_options.h"

/* The key that --kid names; without it the one that crierd would choose. */
static const struct config_token_key *
token_choose(const struct config *config, const char *kid)
{
	const struct config_token_key *keys = config->token_keys;
	size_t last = config->token_key_count - 1, i;

	if (kid == NULL)
		return keys[last].kid[0] == '\0' ? &keys[last] : &keys[0];
	for (i = 0; i <= last; i++)
		if (strcmp(keys[i].kid, kid) == 0)
			return &keys[i];
	return NULL;
}

/* Prints a token, or why there is none. */
static int
token_print(const struct config_token_key *key, const struct config *config,
    const struct token_options *o)
{
	struct token token = { 0 };
	const char *why;
	char *text = token_make(key, &o->order, &why);
	int rc = 0;

	if (text == NULL) {
		client_warn("token: %s", why);
		return EX_DATAERR;
	}
	if (config != NULL)
		rc =
		    token_read(config, (struct text_span){ text, strlen(text) },
			o->order.now_s * 1000, &token, &why);
	token_clear(&token);
	if (rc == 0)
		puts(text);
	else
		client_warn("token: it would not be accepted: the token %s",
		    why);
	free(text);
	return rc == 0 ? 0 : EX_DATAERR;
}

static int
token_from_config(const struct token_options *o)
{
	const struct config_token_key *key;
	struct config *config;
	int rc;

	if ((config = token_options_config(o, &rc)) == NULL)
		return rc;
	rc = EX_CONFIG;
	if ((key = token_choose(config, o->kid)) == NULL)
		client_warn("token: there is no token \"%s\" in the "
			    "configuration",
		    o->kid);
	else if (key->algorithm > CONFIG_HS512)
		client_warn("token: the configuration has the public key, "
			    "which cannot sign: name the private one with "
			    "--key-file and --algorithm %s",
		    config_algorithms[key->algorithm]);
	else
		rc = token_print(key, config, o);
	config_free(config);
	return rc;
}

static int
token_from_file(const struct token_options *o)
{
	struct config_token_key key = { .algorithm = o->algorithm };
	char *cause = NULL, *warning = NULL;
	int rc = -1;

	key.kid = strdup(o->kid == NULL ? "" : o->kid);
	key.text = strdup("");
	key.file = strdup(o->key_file);
	if (key.kid != NULL && key.text != NULL && key.file != NULL)
		rc = config_key_read(&key, key.algorithm > CONFIG_HS512, &cause,
		    &warning);
	if (warning != NULL)
		client_warn("token: %s", warning);
	if (rc == 0) {
		rc = token_print(&key, NULL, o);
	} else {
		rc = errno == EACCES ? EX_NOPERM : EX_DATAERR;
		client_warn("token: %s", cause_text(cause));
	}
	config_key_clear(&key);
	free(cause);
	free(warning);
	return rc;
}

int
token_issue(const struct token_options *o)
{
	return o->key_file == NULL ? token_from_config(o) : token_from_file(o);
}
