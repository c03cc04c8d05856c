/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jwt.h>

#include "base/json.h"
#include "config/config_key.h"
#include "request/token.h"
#include "request/token_make.h"

static void
token_add_list(struct json_object *to, const char *name,
    const struct config_list *list)
{
	struct json_object *array;
	size_t i;

	if (list->count == 0)
		return;
	array = json_object_new_array();
	for (i = 0; array != NULL && i < list->count; i++)
		json_object_array_add(array,
		    json_object_new_string(list->items[i]));
	json_add(to, name, array);
}

/* Appends the claims as JSON, with a NUL.  0, or -1 (memory). */
static int
token_write_claims(const struct token_order *order, struct buffer *b)
{
	struct json_object *claims = json_object_new_object();

	if (order->user != NULL)
		json_add_string(claims, "sub", order->user);
	json_add_number(claims, "iat", order->now_s);
	json_add_number(claims, "exp", order->now_s + order->ttl_s);
	token_add_list(claims, "subscribe", &order->subscribe);
	token_add_list(claims, "publish", &order->publish);
	if (json_append(b, claims) == -1)
		return -1;
	return buffer_append(b, "", 1);
}

static char *
token_sign(const struct config_token_key *key, const char *claims,
    const char **why)
{
	jwt_alg_t algorithm = jwt_str_alg(config_algorithms[key->algorithm]);
	jwt_t *jwt = NULL;
	char *text = NULL;
	int rc = jwt_new(&jwt);

	*why = "the key cannot sign: is it of the algorithm's kind?";
	if (rc == 0)
		rc = jwt_add_grants_json(jwt, claims);
	if (rc == 0 && key->kid[0] != '\0')
		rc = jwt_add_header(jwt, "kid", key->kid);
	if (rc == 0)
		rc = jwt_set_alg(jwt, algorithm, key->bytes, (int)key->len);
	if (rc == 0)
		text = jwt_encode_str(jwt);
	jwt_free(jwt);
	return text;
}

char *
token_make(const struct config_token_key *key, const struct token_order *order,
    const char **why)
{
	struct buffer claims = { 0 };
	char *text = NULL;

	*why = "out of memory";
	if (token_write_claims(order, &claims) == 0) {
		/* libjwt puts twice the bytes of the claims on the stack. */
		if (claims.len > TOKEN_MAX)
			*why = "the token would be too long";
		else
			text = token_sign(key, claims.data, why);
	}
	buffer_clear(&claims);
	if (text != NULL && strlen(text) > TOKEN_MAX) {
		*why = "the token would be too long";
		free(text);
		text = NULL;
	}
	return text;
}
