/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/* crier-token, which `crier token` becomes: makes tokens, and reads them. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/cause.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "companion/verb.h"
#include "config/config.h"
#include "config/config_key.h"
#include "config/config_value.h"
#include "protocol/client.h"
#include "request/token.h"
#include "request/token_make.h"

#define TOKEN_TTL_MAX (UINT64_C(10) * 366 * 86400)

static int token_run(const struct verb_env *, int argc, char **argv);

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

static const struct verb token_verb = { "token", NULL, token_help, token_run };

struct token_options {
	struct token_order order;
	const char *config, *kid, *key_file;
	uint64_t algorithm;
	bool has_algorithm, check;
};

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
token_options(struct token_options *o, int argc, char **argv)
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
token_check_options(const struct token_options *o)
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

static struct config *
token_load_config(const struct token_options *o, int *rc)
{
	const char *file = o->config;
	struct config *config;
	char *cause = NULL;

	if (file == NULL)
		file = getenv("CRIER_CONF");
	if (file == NULL)
		file = SYSCONFDIR "/crier.conf";
	*rc = EX_CONFIG;
	if (access(file, R_OK) == -1 && errno == EACCES)
		*rc = EX_NOPERM;
	if ((config = config_load(file, NULL, 0, &cause)) == NULL)
		client_warn("%s", cause_text(cause));
	free(cause);
	if (config == NULL || config->token_key_count > 0)
		return config;
	client_warn("%s: there is no token-key", file);
	config_free(config);
	return NULL;
}

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

	if ((config = token_load_config(o, &rc)) == NULL)
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

static void
token_show_list(struct json_object *o, const char *name,
    const struct config_list *list)
{
	struct json_object *array = json_object_new_array();
	size_t i;

	for (i = 0; i < list->count; i++)
		json_object_array_add(array,
		    json_object_new_string(list->items[i]));
	json_add(o, name, array);
}

static void
token_show(const struct token *t)
{
	struct json_object *o = json_object_new_object();

	if (t->user != NULL)
		json_add_string(o, "user", t->user);
	token_show_list(o, "subscribe", &t->subscribe);
	token_show_list(o, "publish", &t->publish);
	if (t->expires_ms > 0)
		json_add_number(o, "expires", t->expires_ms / 1000);
	if (t->kid != NULL)
		json_add_string(o, "kid", t->kid);
	puts(json_line(o));
	json_object_put(o);
}

static int
token_check(const struct token_options *o)
{
	char text[TOKEN_MAX + 2];
	size_t len = fread(text, 1, sizeof text, stdin);
	struct config *config;
	struct token token;
	const char *why;
	int rc;

	if ((config = token_load_config(o, &rc)) == NULL)
		return rc;
	while (len > 0 && strchr("\r\n ", text[len - 1]) != NULL &&
	    text[len - 1] != '\0')
		len--;
	rc = token_read(config, (struct text_span){ text, len },
	    clock_wall_ms(), &token, &why);
	if (rc == 0)
		token_show(&token);
	else
		client_warn("the token %s", why);
	token_clear(&token);
	config_free(config);
	return rc == 0 ? 0 : EX_NOPERM;
}

static int
token_run(const struct verb_env *env, int argc, char **argv)
{
	struct token_options o = { .order.ttl_s = 3600,
		.algorithm = CONFIG_HS256 };
	int rc = EX_OSERR;

	(void)env;
	o.order.now_s = clock_wall_ms() / 1000;
	o.order.subscribe.items = calloc((size_t)argc, sizeof(char *));
	o.order.publish.items = calloc((size_t)argc, sizeof(char *));
	if (o.order.subscribe.items == NULL || o.order.publish.items == NULL)
		client_warn("%s", strerror(errno));
	else if ((rc = token_options(&o, argc, argv)) == 0)
		rc = token_check_options(&o);
	if (rc == 0 && o.check)
		rc = token_check(&o);
	else if (rc == 0)
		rc = o.key_file == NULL ? token_from_config(&o)
					: token_from_file(&o);
	free(o.order.subscribe.items);
	free(o.order.publish.items);
	return verb_finish(rc == -1 ? 0 : rc);
}

int
main(int argc, char **argv)
{
	static const struct verb_env env;

	return token_verb.run(&env, argc, argv);
}
