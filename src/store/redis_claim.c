/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * Names that one node has at a time.  Who wants one is told at once that nobody
 * knows, if the Redis is away, or goes away before it answers, and the name
 * that may be this node's then is released; what is released is said until it
 * is answered.  A name of a node that is gone comes to another with that one's
 * beats, until it releases the name.
 */

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "store/redis.h"

enum {
	REDIS_CLAIMS_MAX = 8192 /* that wait for an answer */
};

struct redis_claim {
	STAILQ_ENTRY(redis_claim) link;
	void (*claimed)(void *, enum store_claimed, const char *);
	void *arg; /* of that; NULL: the name is released */
	size_t len;
	char name[];
};

static void
redis_claims_end_first(struct store_redis *s, enum store_claimed what,
    const char *node)
{
	struct redis_claim *c = STAILQ_FIRST(&s->claims.waiting);

	STAILQ_REMOVE_HEAD(&s->claims.waiting, link);
	s->claims.count--;
	if (c->claimed != NULL)
		c->claimed(c->arg, what, node);
	free(c);
}

static void
redis_claim_cb(void *arg, const redisReply *reply)
{
	struct store_redis *s = arg;
	const char *word = reply->type == REDIS_REPLY_ARRAY &&
		reply->elements > 0 && reply->element[0]->str != NULL
	    ? reply->element[0]->str
	    : "";
	const char *node =
	    reply->type == REDIS_REPLY_ARRAY && reply->elements > 1
	    ? reply->element[1]->str
	    : NULL;

	if (redis_refuses_all(s, reply))
		return;
	s->claims.is_asked = false;
	if (reply->type == REDIS_REPLY_ERROR)
		redis_note_error(s, "Redis refuses a claim", reply->str);
	if (strcmp(word, "OK") == 0)
		redis_claims_end_first(s, STORE_CLAIMED, NULL);
	else if (strcmp(word, "TAKEN") == 0)
		redis_claims_end_first(s, STORE_TAKEN, node);
	else
		redis_claims_end_first(s, STORE_NOT_ASKED, NULL);
	redis_claims_send(s);
}

void
redis_claims_send(struct store_redis *s)
{
	const struct redis_claim *c = STAILQ_FIRST(&s->claims.waiting);
	struct redis_command command;
	char claims[REDIS_KEY_SIZE];

	if (c == NULL || s->state != REDIS_LIVE || s->claims.is_asked)
		return;
	if (redis_command_begin(&command, REDIS_COMMAND_SCRIPT + 4) == -1) {
		redis_leave(s, "out of memory");
		return;
	}
	redis_key(s, "claims", claims);
	redis_command_add_script(&command, REDIS_SCRIPT_CLAIM, true, 1);
	redis_command_add_text(&command, claims);
	redis_command_add_text(&command, s->node);
	redis_command_add(&command, c->name, c->len);
	redis_command_add_text(&command, c->claimed != NULL ? "1" : "0");
	s->claims.is_asked = true;
	redis_send(s, s->talk, &command, redis_claim_cb, s);
	redis_command_clear(&command);
}

bool
redis_claims_leaves(const struct store_redis *s, struct text_span name)
{
	const struct redis_claim *c;

	STAILQ_FOREACH(c, &s->claims.waiting, link)
		if (c->claimed == NULL && c->len == name.len &&
		    memcmp(c->name, name.text, name.len) == 0)
			return true;
	return false;
}

/*
 * The reply to the first is lost: if that wanted a name, it may have it, so now
 * it is to release that.
 */
static void
redis_claims_release_first(struct store_redis *s)
{
	struct redis_claim *c = STAILQ_FIRST(&s->claims.waiting);
	void (*claimed)(void *, enum store_claimed, const char *) = c->claimed;

	STAILQ_REMOVE_HEAD(&s->claims.waiting, link);
	STAILQ_INSERT_TAIL(&s->claims.waiting, c, link);
	c->claimed = NULL;
	if (claimed != NULL)
		claimed(c->arg, STORE_NOT_ASKED, NULL);
}

/* Tells all who want a name that nobody knows; the rest stays. */
void
redis_claims_stop(struct store_redis *s)
{
	size_t left = s->claims.count;
	bool is_asked = s->claims.is_asked;

	s->claims.is_asked = false;
	for (; left > 0; left--, is_asked = false)
		if (is_asked ||
		    STAILQ_FIRST(&s->claims.waiting)->claimed == NULL)
			redis_claims_release_first(s);
		else
			redis_claims_end_first(s, STORE_NOT_ASKED, NULL);
}

void
redis_claims_give_up(struct store_redis *s)
{
	while (!STAILQ_EMPTY(&s->claims.waiting))
		redis_claims_end_first(s, STORE_NOT_ASKED, NULL);
}

void
redis_claims_take(struct store_redis *s, struct text_span name,
    void (*claimed)(void *arg, enum store_claimed, const char *node), void *arg)
{
	struct redis_claim *c = NULL;

	if (s->claims.count < REDIS_CLAIMS_MAX &&
	    (claimed == NULL || !s->store.is_down))
		c = malloc(sizeof *c + name.len);
	if (c == NULL && claimed != NULL)
		claimed(arg, STORE_NOT_ASKED, NULL);
	if (c == NULL)
		return;
	c->claimed = claimed;
	c->arg = arg;
	c->len = name.len;
	memcpy(c->name, name.text, name.len);
	STAILQ_INSERT_TAIL(&s->claims.waiting, c, link);
	s->claims.count++;
	redis_claims_send(s);
}
