/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdlib.h>
#include <string.h>

#include "request/access.h"
#include "request/request.h"

/*
 * Finds the segment of a name that the first '*' of its pattern stands for: the
 * owner.  False if the pattern has no '*' of its own segment.
 */
static bool
access_find_owner(const char *pattern, struct text_span name,
    struct text_span *owner)
{
	const char *end = name.text + name.len, *slash;
	size_t n;

	for (owner->text = name.text;; owner->text = slash + 1) {
		slash = memchr(owner->text, '/', (size_t)(end - owner->text));
		owner->len =
		    (size_t)((slash == NULL ? end : slash) - owner->text);
		n = strcspn(pattern, "/");
		if (n == 1 && *pattern == '*')
			return true;
		if (slash == NULL || pattern[n] == '\0')
			return false;
		pattern += n + 1;
	}
}

static bool
access_is_owner(const struct config_channel *rule, struct text_span name,
    const char *user)
{
	struct text_span owner;

	return *user != '\0' &&
	    access_find_owner(rule->pattern, name, &owner) &&
	    text_equals(owner, user);
}

enum access_result
access_check(const struct config_channel *rule, enum access_operation operation,
    struct text_span channel, const char *user, const struct token *token)
{
	bool publishes = operation != ACCESS_SUBSCRIBE;
	uint64_t who = publishes ? rule->publish : rule->subscribe;

	if (operation == ACCESS_STOP)
		who |= CONFIG_OWNER;
	/*
	 * crier's own channels ($...) are open by name alone: a pattern such as
	 * ** does not mean them.
	 */
	if (channel.len > 0 && channel.text[0] == '$' &&
	    rule->pattern[0] != '$')
		who = 0;
	if ((who & CONFIG_ANYONE) != 0 ||
	    ((who & CONFIG_USER) != 0 && *user != '\0') ||
	    ((who & CONFIG_OWNER) != 0 &&
		access_is_owner(rule, channel, user)) ||
	    ((who & CONFIG_TOKEN) != 0 && token != NULL &&
		token_names(publishes ? &token->publish : &token->subscribe,
		    channel)))
		return ACCESS_GRANTED;
	return who != 0 && *user == '\0' && token == NULL ? ACCESS_LOGIN
							  : ACCESS_DENIED;
}

int
access_identify(const struct request *request, const struct config *config,
    uint64_t now_ms, struct access_who *who)
{
	struct text_span span;
	char *text;
	int found;

	memset(who, 0, sizeof *who);
	who->user = request_get(request, "REMOTE_USER");
	if ((found = token_find(request, config, &text)) != 1)
		return found;
	span.text = text;
	span.len = strlen(text);
	if (token_read(config, span, now_ms, &who->token, &who->why) == 0) {
		who->has_token = true;
		if (*who->user == '\0' && who->token.user != NULL)
			who->user = who->token.user;
	}
	free(text);
	return 0;
}

enum access_result
access_decide(const struct access_who *who, const struct config *config,
    enum access_operation operation, struct text_span channel)
{
	return access_check(config_match_channel(config, channel.text,
				channel.len),
	    operation, channel, who->user, who->has_token ? &who->token : NULL);
}

void
access_clear(struct access_who *who)
{
	token_clear(&who->token);
	memset(who, 0, sizeof *who);
	who->user = "";
}
