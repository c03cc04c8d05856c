/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * What a token says counts only after its signature (token_verify), and that is
 * checked by the key that is configured here, whatever the token says of
 * itself. Header and claims are read from the very bytes that were signed. What
 * crier does not use of them does not matter.
 */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/json.h"
#include "config/config_key.h"
#include "config/config_value.h"
#include "request/token.h"
#include "request/token_verify.h"

/* The parts of a token (RFC 7515, 7.1), decoded. */
struct token_parts {
	struct text_span header, claims, signature;
	struct text_span signed_text; /* the first two, as they were written */
	unsigned char *bytes;         /* the memory of the decoded ones */
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

	/* Claims that are not ours may be as deep as a token is long. */
	json_parse(text, len, TOKEN_MAX, &o);
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

/*
 * Whom a token is for: whoever is not meant must refuse it (RFC 7519, 4.1.3).
 * NULL, or what is wrong.
 */
static const char *
token_check_audience(const struct config *config, struct json_object *claims)
{
	struct json_object *value;
	size_t i, n = 1;
	bool is_list;
	const char *name;

	if (!json_object_object_get_ex(claims, "aud", &value))
		return NULL;
	if ((is_list = json_object_is_type(value, json_type_array)))
		n = json_object_array_length(value);
	for (i = 0; i < n; i++) {
		name =
		    token_string(is_list ? json_object_array_get_idx(value, i)
					 : value);
		if (name == NULL)
			return "has an \"aud\" that is neither a text nor a "
			       "list of texts";
		if (*name != '\0' && strcmp(name, config->token_audience) == 0)
			return NULL;
	}
	return "is for others (\"aud\"), by token-audience";
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
token_read_claims(const struct config *config, struct text_span text,
    uint64_t now_ms, struct token *t, const char **why)
{
	struct json_object *claims = token_parse_object(text.text, text.len);

	memset(t, 0, sizeof *t);
	*why = "has claims that are not a JSON object";
	if (claims == NULL)
		return -1;
	*why = token_check_times(config, claims, now_ms, t);
	if (*why == NULL)
		*why = token_check_audience(config, claims);
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

/* Takes the text up to the next dot, and goes behind that. */
static struct text_span
token_next_part(struct text_span *text)
{
	const char *dot = memchr(text->text, '.', text->len);
	struct text_span part = *text;

	if (dot == NULL) {
		text->len = 0;
		return part;
	}
	part.len = (size_t)(dot - text->text);
	text->text += part.len + 1;
	text->len -= part.len + 1;
	return part;
}

/* Splits a token at its dots; false if it has not just three parts. */
static bool
token_split(struct text_span text, struct token_parts *parts)
{
	const char *begin = text.text;

	parts->header = token_next_part(&text);
	parts->claims = token_next_part(&text);
	parts->signed_text.text = begin;
	parts->signed_text.len =
	    (size_t)(parts->claims.text + parts->claims.len - begin);
	parts->signature = text;
	return parts->header.len > 0 && parts->claims.len > 0 && text.len > 0 &&
	    memchr(text.text, '.', text.len) == NULL;
}

/* Decodes one part, to *to, which is moved behind it. */
static bool
token_decode_part(struct text_span *part, unsigned char **to)
{
	ptrdiff_t len = base64_decode(part->text, part->len, BASE64_URL, *to);

	if (len == -1)
		return false;
	part->text = (char *)*to;
	part->len = (size_t)len;
	*to += len;
	return true;
}

/* Decodes all parts.  0, or -1 with *why; the bytes are to be freed. */
static int
token_decode(struct token_parts *parts, const char **why)
{
	unsigned char *to = malloc(TOKEN_MAX);

	parts->bytes = to;
	*why = token_no_memory;
	if (to == NULL)
		return -1;
	*why = "is not base64url";
	return token_decode_part(&parts->header, &to) &&
		token_decode_part(&parts->claims, &to) &&
		token_decode_part(&parts->signature, &to)
	    ? 0
	    : -1;
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

/* The key for a token with this header; or NULL with *why. */
static const struct config_token_key *
token_read_header(const struct config *config, struct text_span text,
    const char **why)
{
	const struct config_token_key *key = NULL;
	struct json_object *header = token_parse_object(text.text, text.len);

	*why = "has a header that is not a JSON object";
	if (header != NULL)
		key = token_choose_key(config, header, why);
	json_object_put(header);
	return key;
}

/* Checks a token's parts, and reads it.  Returns what token_read does. */
static int
token_read_parts(const struct config *config, const struct token_parts *parts,
    uint64_t now_ms, struct token *t, const char **why)
{
	const struct text_span *signature = &parts->signature;
	const struct config_token_key *key =
	    token_read_header(config, parts->header, why);

	/* 3. The signature, by the key that the header names. */
	if (key == NULL ||
	    token_verify(key, parts->signed_text,
		(const unsigned char *)signature->text, signature->len,
		why) == -1)
		return -1;
	/* 4. The claims, from what was signed: is it the time, and who for? */
	if (token_read_claims(config, parts->claims, now_ms, t, why) == -1)
		return -1;
	/* 5. The name of the key, which says who has signed. */
	if (key->kid[0] == '\0' || (t->kid = strdup(key->kid)) != NULL)
		return 0;
	*why = token_no_memory;
	token_clear(t);
	return -1;
}

int
token_read(const struct config *config, struct text_span text, uint64_t now_ms,
    struct token *t, const char **why)
{
	struct token_parts parts = { .bytes = NULL };
	int rc = -1;

	memset(t, 0, sizeof *t);
	/* 1. What is worth the work. */
	*why = "is longer than 8192 bytes";
	if (text.len > TOKEN_MAX)
		return -1;
	/* 2. Three parts of base64url. */
	*why = "does not have three parts";
	if (token_split(text, &parts) && token_decode(&parts, why) == 0)
		rc = token_read_parts(config, &parts, now_ms, t, why);
	free(parts.bytes);
	return rc;
}
