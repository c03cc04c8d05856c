/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/cause.h"
#include "base/clock.h"
#include "base/quantity.h"
#include "base/text.h"
#include "companion/verb.h"
#include "config/config_key.h"
#include "config/config_value.h"
#include "protocol/client.h"
#include "request/token.h"
#include "token/token_options.h"

#define TOKEN_TTL_MAX (10 * QUANTITY_YEAR_MS / 1000)

static const char token_help[] =
    "usage: crier token [options] --subscribe PATTERN... [--publish "
    "PATTERN...]\n"
    "       crier token [-c FILE] --check\n"
    "\n"
    "Prints a token (JWT) with which its bearer may follow, or publish to,\n"
    "channels whose rule is \"token\", as crier.conf(5) has it.  In a PATTERN\n"
    "'*' is one segment of a name and '**' the rest.\n"
    "\n"
    "  --subscribe PATTERN...  channels that may be followed\n"
    "  --publish PATTERN...    channels that may be published to\n"
    "  --user NAME             who the bearer is (\"sub\")\n"
    "  --ttl SECONDS           how long the token is good (default: 3600)\n"
    "  -c FILE                 crierd's configuration, which has the key\n"
    "                          (default: $CRIER_CONF, else " SYSCONFDIR
    "/crier.conf)\n"
    "  --kid NAME              the key of that name in FILE (default: the "
    "one\n"
    "                          of token-key, else the first)\n"
    "  --key-file KEY          sign with this key instead, a private one "
    "but\n"
    "                          for HS256, HS384 and HS512; --kid is its "
    "name\n"
    "  --algorithm NAME        what that key is for (default: HS256)\n"
    "  --check                 read a token from standard input and say what\n"
    "                          it is good for, or why it is not\n"
    "  -h                      this text\n"
    "\n"
    "exit status: 0 ok, 64 wrong usage, 65 no token can be made of this, 77\n"
    "not allowed, or (--check) the token is not good, 78 the configuration "
    "is\n"
    "not good\n"
    "\n"
    "examples:\n"
    "  crier token --user ann --subscribe 'user/ann' 'news/**' --ttl 600\n"
    "  crier token --key-file rsa.pem --algorithm RS256 --publish chat\n";

static const struct verb token_verb = { "token", NULL, token_help, NULL };

enum {
	TOKEN_OPTION_SUBSCRIBE = 256,
	TOKEN_OPTION_PUBLISH,
	TOKEN_OPTION_USER,
	TOKEN_OPTION_TTL,
	TOKEN_OPTION_KID,
	TOKEN_OPTION_KEY_FILE,
	TOKEN_OPTION_ALGORITHM,
	TOKEN_OPTION_CHECK,
	TOKEN_WORD = 1 /* of getopt: no option's */
};

/* Adds a pattern to a list that has room for it. */
static int
token_add_word(struct config_list *list, char *pattern)
{
	const char *why = config_value_wrong_pattern(pattern);

	if (list == NULL)
		return verb_usage(&token_verb,
		    "'%s' stands behind neither --subscribe nor --publish",
		    pattern);
	if (why != NULL)
		return verb_usage(&token_verb, "the pattern '%s' %s", pattern,
		    why);
	list->items[list->count++] = pattern;
	return 0;
}

static int
token_set_user(struct token_options *o, const char *user)
{
	const char *why = config_value_wrong_text(user);

	if (*user == '\0')
		why = "is empty";
	else if (why == NULL && strlen(user) > TOKEN_USER_MAX)
		why = "is longer than 255 bytes";
	else if (why == NULL && !text_is_utf8(user, strlen(user)))
		why = "is not UTF-8";
	o->order.user = user;
	return why == NULL
	    ? 0
	    : verb_usage(&token_verb, "--user: the name %s", why);
}

static int
token_set_ttl(struct token_options *o, const char *text)
{
	if (text_parse_number(text, strlen(text), TOKEN_TTL_MAX,
		&o->order.ttl_s) &&
	    o->order.ttl_s > 0)
		return 0;
	return verb_usage(&token_verb, "--ttl takes seconds, from 1 to %llu",
	    (unsigned long long)TOKEN_TTL_MAX);
}

static int
token_set_algorithm(struct token_options *o, const char *name)
{
	uint64_t i;

	o->has_algorithm = true;
	for (i = 0; i < CONFIG_ALGORITHMS; i++)
		if (strcmp(config_algorithms[i], name) == 0) {
			o->algorithm = i;
			return 0;
		}
	return verb_usage(&token_verb,
	    "--algorithm must be " CONFIG_ALGORITHM_FORM);
}

/* Takes an option with a value, or a word; *list is where patterns go. */
static int
token_option(struct token_options *o, int c, struct config_list **list)
{
	switch (c) {
	case TOKEN_OPTION_SUBSCRIBE:
		*list = &o->order.subscribe;
		return token_add_word(*list, optarg);
	case TOKEN_OPTION_PUBLISH:
		*list = &o->order.publish;
		return token_add_word(*list, optarg);
	case TOKEN_WORD:
		return token_add_word(*list, optarg);
	case TOKEN_OPTION_USER:
		return token_set_user(o, optarg);
	case TOKEN_OPTION_TTL:
		return token_set_ttl(o, optarg);
	case TOKEN_OPTION_ALGORITHM:
		return token_set_algorithm(o, optarg);
	case TOKEN_OPTION_KID:
		o->kid = optarg;
		return 0;
	case TOKEN_OPTION_KEY_FILE:
		o->key_file = optarg;
		return 0;
	default:
		o->config = optarg;
		return 0;
	}
}

static const struct option token_longs[] = {
	{ "subscribe", 1, NULL, TOKEN_OPTION_SUBSCRIBE },
	{ "publish", 1, NULL, TOKEN_OPTION_PUBLISH },
	{ "user", 1, NULL, TOKEN_OPTION_USER },
	{ "ttl", 1, NULL, TOKEN_OPTION_TTL },
	{ "kid", 1, NULL, TOKEN_OPTION_KID },
	{ "key-file", 1, NULL, TOKEN_OPTION_KEY_FILE },
	{ "algorithm", 1, NULL, TOKEN_OPTION_ALGORITHM },
	{ "check", 0, NULL, TOKEN_OPTION_CHECK },
	{ "help", 0, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* 0; -1 after help; or the exit code. */
static int
token_options_parse(struct token_options *o, int argc, char **argv)
{
	struct config_list *list = NULL;
	bool begun = false;
	int c, rc = 0;

	while (rc == 0 &&
	    (c = verb_option(&token_verb, argc, argv, "-:c:h", token_longs,
		 &begun)) != -1) {
		if (c == 'h')
			return -1;
		if (c == '?')
			return EX_USAGE;
		if (c == TOKEN_OPTION_CHECK)
			o->check = true;
		else
			rc = token_option(o, c, &list);
	}
	for (; rc == 0 && optind < argc; optind++)
		rc = token_add_word(list, argv[optind]);
	return rc;
}

/* Whether the options may stand together; 0, or the exit code. */
static int
token_options_check(const struct token_options *o)
{
	bool makes = o->order.subscribe.count > 0 ||
	    o->order.publish.count > 0 || o->order.user != NULL;

	if (o->check && (makes || o->key_file != NULL))
		return verb_usage(&token_verb, "--check goes with -c alone");
	if (!o->check && !makes)
		return verb_usage(&token_verb,
		    "what is it good for? give --subscribe or --publish");
	if (o->key_file != NULL && o->config != NULL)
		return verb_usage(&token_verb,
		    "-c and --key-file exclude another");
	if (o->key_file == NULL && o->has_algorithm)
		return verb_usage(&token_verb,
		    "--algorithm goes with --key-file; in the configuration "
		    "each key has its own");
	return 0;
}

int
token_options_read(struct token_options *o, int argc, char **argv)
{
	int rc;

	*o = (struct token_options){ .order.ttl_s = 3600,
		.algorithm = CONFIG_HS256 };
	o->order.now_s = clock_wall_ms() / 1000;
	o->order.subscribe.items = calloc((size_t)argc, sizeof(char *));
	o->order.publish.items = calloc((size_t)argc, sizeof(char *));
	if (o->order.subscribe.items == NULL ||
	    o->order.publish.items == NULL) {
		client_warn("%s", strerror(errno));
		return EX_OSERR;
	}
	rc = token_options_parse(o, argc, argv);
	return rc == 0 ? token_options_check(o) : rc;
}

void
token_options_clear(struct token_options *o)
{
	free(o->order.subscribe.items);
	free(o->order.publish.items);
}

struct config *
token_options_config(const struct token_options *o, int *rc)
{
	const char *file = o->config;
	char *cause = NULL;
	struct config *config = config_load_found(&file, &cause, rc);

	if (config == NULL)
		client_warn("%s", cause_text(cause));
	free(cause);
	if (config == NULL || config->token_key_count > 0)
		return config;
	client_warn("%s: there is no token-key", file);
	config_free(config);
	return NULL;
}
