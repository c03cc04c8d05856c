/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/clock.h"
#include "base/json.h"
#include "protocol/client.h"
#include "request/token.h"
#include "token/token_check.h"
#include "token/token_options.h"

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

int
token_check(const struct token_options *o)
{
	char text[TOKEN_MAX + 2];
	size_t len = fread(text, 1, sizeof text, stdin);
	struct config *config;
	struct token token;
	const char *why;
	int rc;

	if ((config = token_options_config(o, &rc)) == NULL)
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
