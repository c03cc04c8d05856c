/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * libjwt checks the signature, and is asked only when all is settled that it is
 * lenient about.  It takes the algorithm from the token, and its name in any
 * case; without a key it takes any token; it skips bytes that are not base64;
 * and it copies a token to the stack, which a long one would overflow.
 * token_read has the steps.
 */

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#ifdef HAVE_LIBJWT
#include <jwt.h>
#endif

#include "base/base64.h"
#include "base/json.h"
#include "config/config_key.h"
#include "config/config_value.h"
#include "request/token.h"

enum {
	TOKEN_DEPTH = 8 /* of JSON */
};

static const char token_no_memory[] = "cannot be read: out of memory";

static void
token_clear_list(struct config_list *list)
{
	while (list->count > 0)
		free(list->items[--list->count]);
	free(list->items);
}

void
token_clear(struct token *t)
{
	free(t->user);
	free(t->kid);
	token_clear_list(&t->subscribe);
	token_clear_list(&t->publish);
	memset(t, 0, sizeof *t);
}

bool
token_names(const struct config_list *patterns, struct text_span name)
{
	size_t i;

	for (i = 0; i < patterns->count; i++)
		if (config_pattern_match(patterns->items[i], name.text,
			name.len))
			return true;
	return false;
}

/* Parses a JSON object with nothing behind it, the caller's; or NULL. */
static struct json_object *
token_parse_object(const char *text, size_t len)
{
	struct json_object *o;

	json_parse(text, len, TOKEN_DEPTH, &o);
	if (json_object_is_type(o, json_type_object))
		return o;
	json_object_put(o);
	return NULL;
}

/* The text of a JSON string without NUL; NULL for any other value. */
static const char *
token_string(struct json_object *value)
{
	struct text_span text;

	if (!json_get_text(value, &text) ||
	    memchr(text.text, '\0', text.len) != NULL)
		return NULL;
	return text.text;
}

/*
 * Reads a NumericDate (RFC 7519, 2) as milliseconds.  1; 0: there is none; -1:
 * it is no number from 0 on.
 */
static int
token_date(struct json_object *claims, const char *name, uint64_t *ms)
{
	struct json_object *value;
	double seconds;

	*ms = 0;
	if (!json_object_object_get_ex(claims, name, &value))
		return 0;
	if (!json_get_real(value, &seconds) || seconds < 0)
		return -1;
	/* A year of nine digits is never: this keeps the product in range. */
	*ms = seconds > 1e15 ? UINT64_C(1000000000000000000)
			     : (uint64_t)(seconds * 1000);
	return 1;
}

/* Checks exp, nbf and iat.  NULL, or what is wrong. */
static const char *
token_check_times(const struct config *config, struct json_object *claims,
    uint64_t now_ms, struct token *t)
{
	uint64_t leeway = config->token_leeway_ms, nbf, iat;
	int has_exp = token_date(claims, "exp", &t->expires_ms);

	if (has_exp == -1)
		return "has an \"exp\" that is not a time";
	if (token_date(claims, "nbf", &nbf) == -1)
		return "has an \"nbf\" that is not a time";
	if (token_date(claims, "iat", &iat) == -1)
		return "has an \"iat\" that is not a time";
	if (has_exp == 0 && config->token_require_exp)
		return "has no \"exp\", so it would never expire";
	if (has_exp == 1 && t->expires_ms + leeway <= now_ms)
		return "has expired";
	if (nbf > now_ms + leeway)
		return "is not valid yet";
	if (has_exp == 1)
		t->expires_ms += leeway;
	return NULL;
}

static const char *
token_check_user(struct json_object *claims, struct token *t)
{
	struct json_object *value;
	const char *user, *p;

	if (!json_object_object_get_ex(claims, "sub", &value))
		return NULL;
	if ((user = token_string(value)) == NULL || *user == '\0')
		return "has a \"sub\" that is not a text";
	for (p = user; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return "has a \"sub\" with control characters";
	if (p - user > TOKEN_USER_MAX)
		return "has a \"sub\" of more than 255 bytes";
	t->user = strdup(user);
	return t->user == NULL ? token_no_memory : NULL;
}

/* Adds a pattern to the list; false with *why. */
static bool
token_add_pattern(struct config_list *list, struct json_object *value,
    const char *wrong, const char **why)
{
	const char *pattern = token_string(value);

	*why = wrong;
	if (pattern == NULL || config_value_wrong_pattern(pattern) != NULL)
		return false;
	*why = token_no_memory;
	if ((list->items[list->count] = strdup(pattern)) == NULL)
		return false;
	list->count++;
	return true;
}

/*
 * Reads a claim that is a list of patterns, or one pattern.  NULL, or what is
 * wrong.
 */
static const char *
token_check_patterns(struct json_object *claims, const char *name,
    const char *wrong, struct config_list *list)
{
	struct json_object *value;
	size_t i, n = 1;
	bool is_list;
	const char *why;

	if (!json_object_object_get_ex(claims, name, &value))
		return NULL;
	if ((is_list = json_object_is_type(value, json_type_array)))
		n = json_object_array_length(value);
	if (n > 0 && (list->items = calloc(n, sizeof *list->items)) == NULL)
		return token_no_memory;
	for (i = 0; i < n; i++)
		if (!token_add_pattern(list,
			is_list ? json_object_array_get_idx(value, i) : value,
			wrong, &why))
			return why;
	return NULL;
}

int
token_read_claims(const struct config *config, const char *text,
    uint64_t now_ms, struct token *t, const char **why)
{
	struct json_object *claims = token_parse_object(text, strlen(text));

	memset(t, 0, sizeof *t);
	*why = "does not hold a JSON object";
	if (claims == NULL)
		return -1;
	*why = token_check_times(config, claims, now_ms, t);
	if (*why == NULL)
		*why = token_check_user(claims, t);
	if (*why == NULL)
		*why = token_check_patterns(claims, "subscribe",
		    "has a \"subscribe\" that is not a list of patterns",
		    &t->subscribe);
	if (*why == NULL)
		*why = token_check_patterns(claims, "publish",
		    "has a \"publish\" that is not a list of patterns",
		    &t->publish);
	json_object_put(claims);
	if (*why == NULL)
		return 0;
	token_clear(t);
	return -1;
}

/* Splits a token at its dots; false if it has not just three parts. */
static bool
token_split(struct text_span text, struct text_span parts[3])
{
	const char *dot;
	size_t i;

	for (i = 0; i < 3; i++) {
		dot = memchr(text.text, '.', text.len);
		if ((dot == NULL) != (i == 2))
			return false;
		parts[i].text = text.text;
		parts[i].len =
		    dot == NULL ? text.len : (size_t)(dot - text.text);
		if (parts[i].len == 0)
			return false;
		if (dot == NULL)
			break;
		text.text += parts[i].len + 1;
		text.len -= parts[i].len + 1;
	}
	return true;
}

/*
 * The key that a header names; or NULL with *why, also if the token is not
 * signed as that key is to be used.
 */
static const struct config_token_key *
token_choose_key(const struct config *config, struct json_object *header,
    const char **why)
{
	const struct config_token_key *key = NULL;
	struct json_object *value;
	const char *kid = "", *algorithm;
	size_t i;

	*why = "has a \"kid\" that is not a text";
	if (json_object_object_get_ex(header, "kid", &value) &&
	    (kid = token_string(value)) == NULL)
		return NULL;
	/*
	 * 1. The key by its name; the last one may have no name, and fits any.
	 */
	for (i = 0; key == NULL && i < config->token_key_count; i++)
		if (strcmp(config->token_keys[i].kid, kid) == 0 ||
		    config->token_keys[i].kid[0] == '\0')
			key = &config->token_keys[i];
	*why = *kid == '\0' ? "does not name its key (\"kid\")"
			    : "is of a key (\"kid\") that is not known here";
	if (key == NULL)
		return NULL;
	/* 2. The key's own algorithm: the token has no say (RFC 8725, 3.1). */
	*why = "has no algorithm (\"alg\")";
	if (!json_object_object_get_ex(header, "alg", &value) ||
	    (algorithm = token_string(value)) == NULL)
		return NULL;
	*why = "is not signed with the algorithm that its key is for";
	if (strcmp(algorithm, config_algorithms[key->algorithm]) != 0)
		return NULL;
	/* 3. Nothing that must be understood (RFC 7515, 4.1.11). */
	*why = "has a \"crit\" that is not understood";
	return json_object_object_get_ex(header, "crit", &value) ? NULL : key;
}

/*
 * The key for a token of three parts, all of which must be base64url; or NULL
 * with *why.
 */
static const struct config_token_key *
token_read_header(const struct config *config, const struct text_span parts[3],
    const char **why)
{
	const struct config_token_key *key = NULL;
	struct json_object *header = NULL;
	unsigned char *bytes = malloc(TOKEN_MAX);
	ptrdiff_t len = -1;
	size_t i;

	*why = token_no_memory;
	if (bytes == NULL)
		return NULL;
	/* From the last part to the first, so that the header stays. */
	*why = "is not base64url";
	for (i = 3; i-- > 0;)
		if ((len = base64_decode(parts[i].text, parts[i].len,
			 BASE64_URL, bytes)) == -1)
			break;
	if (len != -1) {
		*why = "has a header that is not a JSON object";
		header = token_parse_object((char *)bytes, (size_t)len);
	}
	if (header != NULL)
		key = token_choose_key(config, header, why);
	json_object_put(header);
	free(bytes);
	return key;
}

#ifdef HAVE_LIBJWT
/*
 * The claims of a token with a right signature, for free(); or NULL with *why.
 */
static char *
token_verify(const struct config_token_key *key, const char *text,
    const char **why)
{
	jwt_t *jwt = NULL;
	char *claims = NULL;
	int rc = jwt_decode(&jwt, text, key->bytes, (int)key->len);

	*why = rc == ENOMEM ? token_no_memory : "has a wrong signature";
	if (rc != 0)
		return NULL;
	/* What libjwt has checked by is compared, not what was asked for. */
	if (jwt_get_alg(jwt) ==
	    jwt_str_alg(config_algorithms[key->algorithm])) {
		*why = token_no_memory;
		claims = jwt_get_grants_json(jwt, NULL);
	}
	jwt_free(jwt);
	return claims;
}
#else
static char *
token_verify(const struct config_token_key *key, const char *text,
    const char **why)
{
	(void)key;
	(void)text;
	*why = "cannot be checked here";
	return NULL;
}
#endif

int
token_read(const struct config *config, struct text_span text, uint64_t now_ms,
    struct token *t, const char **why)
{
	const struct config_token_key *key;
	struct text_span parts[3];
	char *copy, *claims = NULL;
	int rc = -1;

	memset(t, 0, sizeof *t);
	/* 1. Short enough for libjwt's stack. */
	*why = "is longer than 8192 bytes";
	if (text.len > TOKEN_MAX)
		return -1;
	/* 2. Three parts of base64url, a header, and the key that it names. */
	*why = "does not have three parts";
	if (!token_split(text, parts) ||
	    (key = token_read_header(config, parts, why)) == NULL)
		return -1;
	/* 3. The signature, by that key and its algorithm. */
	*why = token_no_memory;
	if ((copy = strndup(text.text, text.len)) == NULL)
		return -1;
	claims = token_verify(key, copy, why);
	free(copy);
	if (claims == NULL)
		return -1;
	/* 4. The claims, from what was signed: is it the time, and who for? */
	rc = token_read_claims(config, claims, now_ms, t, why);
	free(claims);
	/* 5. The name of the key, which says who has signed. */
	if (rc == -1 || key->kid[0] == '\0' ||
	    (t->kid = strdup(key->kid)) != NULL)
		return rc;
	*why = token_no_memory;
	token_clear(t);
	return -1;
}
