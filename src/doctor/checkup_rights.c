/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * What a user of Redis may do, tried: every command that crierd and its scripts
 * send, on keys of the prefix that nobody else has and that are gone after a
 * minute, whatever happens.  And what the user default might do, which Redis is
 * asked for, and nothing is done.
 */

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include <hiredis/hiredis.h>

#include "doctor/ask.h"
#include "doctor/checkup_redis.h"

enum {
	RIGHTS_WORDS = 9,
	RIGHTS_KEY_SIZE = REDIS_URL_PREFIX_MAX + 64
};

/*
 * A word that begins with '%' is a key of ours of that name.  Keys are of the
 * type that the commands want, so the rows go in this order.
 */
static const char *const rights_rows[][RIGHTS_WORDS] = {
	{ "PING" },
	{ "TIME" },
	{ "HSET", "%h", "last", "0-0" },
	{ "PEXPIRE", "%h", "60000" },
	{ "HGET", "%h", "last" },
	{ "HMGET", "%h", "last", "run" },
	{ "HGETALL", "%h" },
	{ "HLEN", "%h" },
	{ "HDEL", "%h", "none" },
	{ "PTTL", "%h" },
	{ "SET", "%s", "1", "PX", "60000" },
	{ "GET", "%s" },
	{ "PERSIST", "%s" },
	{ "PEXPIRE", "%s", "60000" },
	{ "XADD", "%x", "1-1", "b", "" },
	{ "PEXPIRE", "%x", "60000" },
	{ "XREAD", "COUNT", "1", "STREAMS", "%x", "0" },
	{ "XRANGE", "%x", "-", "+", "COUNT", "1" },
	{ "XDEL", "%x", "2-2" },
	{ "RPUSH", "%l", "1", "2" },
	{ "PEXPIRE", "%l", "60000" },
	{ "LINDEX", "%l", "0" },
	{ "LRANGE", "%l", "0", "0" },
	{ "LLEN", "%l" },
	{ "LPOP", "%l", "1" },
	{ "ZADD", "%z", "1", "a" },
	{ "PEXPIRE", "%z", "60000" },
	{ "ZCOUNT", "%z", "-inf", "+inf" },
	{ "ZRANGEBYSCORE", "%z", "-inf", "+inf" },
	{ "ZSCORE", "%z", "a" },
	{ "ZREM", "%z", "b" },
	{ "ZREMRANGEBYSCORE", "%z", "-inf", "0" },
	{ "EVAL", "#!lua flags=no-writes\nreturn 1", "0" },
	{ "EVALSHA", "0000000000000000000000000000000000000000", "0" },
	{ "UNLINK", "%h", "%s", "%x", "%l", "%z" },
};

enum {
	RIGHTS_ROWS = sizeof rights_rows / sizeof rights_rows[0]
};

/* Whether the list has this command. */
static bool
rights_has(const char *list, const char *command)
{
	const char *at = list;
	size_t len = strlen(command);

	while ((at = strcasestr(at, command)) != NULL) {
		if (at > list && at[-1] == '+' &&
		    (at[len] == ' ' || at[len] == '\0'))
			return true;
		at += len;
	}
	return false;
}

/* Adds "+command", once; what has no room is left out. */
static void
rights_add(char *list, size_t size, const char *command)
{
	size_t at = strlen(list), i;
	int n;

	if (rights_has(list, command))
		return;
	n = snprintf(list + at, size - at, at > 0 ? " +%s" : "+%s", command);
	if (n < 0 || (size_t)n >= size - at) {
		list[at] = '\0';
		return;
	}
	for (i = at; list[i] != '\0'; i++)
		if (list[i] >= 'A' && list[i] <= 'Z')
			list[i] = (char)(list[i] - 'A' + 'a');
}

void
checkup_rights_all(char to[CHECKUP_ADVICE_SIZE])
{
	size_t i;

	to[0] = '\0';
	for (i = 0; i < RIGHTS_ROWS; i++)
		rights_add(to, CHECKUP_ADVICE_SIZE, rights_rows[i][0]);
	/* Asked for elsewhere, or at the login. */
	rights_add(to, CHECKUP_ADVICE_SIZE, "info");
	rights_add(to, CHECKUP_ADVICE_SIZE, "select");
	rights_add(to, CHECKUP_ADVICE_SIZE, "auth");
	rights_add(to, CHECKUP_ADVICE_SIZE, "hello");
}

/* Notes what an error says of the user, or of the server. */
static void
rights_take(struct checkup_redis *r, const char *command, const char *error)
{
	static const char *const refusals[] = { "MISCONF", "OOM", "READONLY",
		"NOREPLICAS", "MASTERDOWN", "CLUSTERDOWN", "MOVED", "LOADING",
		"BUSY" };
	size_t i;

	if (strncmp(error, "NOPERM", 6) == 0) {
		if (strstr(error, " key") != NULL)
			r->is_key_denied = true;
		else
			rights_add(r->denied, sizeof r->denied, command);
		return;
	}
	for (i = 0; i < sizeof refusals / sizeof refusals[0]; i++)
		if (strncmp(error, refusals[i], strlen(refusals[i])) == 0 &&
		    r->refused[0] == '\0')
			snprintf(r->refused, sizeof r->refused, "%s", error);
}

void
checkup_rights(struct checkup_redis *r, struct ask *a)
{
	char keys[RIGHTS_WORDS][RIGHTS_KEY_SIZE];
	const char *words[RIGHTS_WORDS];
	uint32_t number = 0;
	size_t i, n;

	if (getrandom(&number, sizeof number, 0) == -1)
		return;
	for (i = 0; i < RIGHTS_ROWS; i++) {
		for (n = 0; n < RIGHTS_WORDS && rights_rows[i][n] != NULL;
		     n++) {
			words[n] = rights_rows[i][n];
			if (words[n][0] != '%')
				continue;
			snprintf(keys[n], sizeof keys[n], "{%s}:doctor:%08x:%s",
			    r->url.prefix, number, words[n] + 1);
			words[n] = keys[n];
		}
		if (ask_words(a, words, n) == -1)
			return;
		if (a->reply.type == REDIS_REPLY_ERROR)
			rights_take(r, words[0], a->reply.text);
	}
}

/*
 * What scripts leave in the file, as transactions: as Redis writes it, and
 * with keys that are gone meanwhile.  '%' is a key of the prefix.
 */
static const char *const replay_rows[][RIGHTS_WORDS] = {
	{ "XADD", "%", "1-1", "b", "" },
	{ "XDEL", "%", "1-1" },
	{ "HSET", "%", "last", "0-0" },
	{ "HDEL", "%", "last" },
	{ "SET", "%", "1", "PXAT", "1" },
	{ "PEXPIREAT", "%", "1" },
	{ "PERSIST", "%" },
	{ "DEL", "%" },
	{ "UNLINK", "%" },
	{ "RPUSH", "%", "1" },
	{ "LPOP", "%", "1" },
	{ "ZADD", "%", "1", "a" },
	{ "ZREM", "%", "a" },
	{ "ZREMRANGEBYSCORE", "%", "-inf", "0" },
};

/* 0: default may do that; 1: it may not, which is noted; -1: not told. */
static int
replay_try(struct checkup_redis *r, struct ask *a, const char *const *row)
{
	const char *words[RIGHTS_WORDS + 3] = { "ACL", "DRYRUN", "default" };
	char key[RIGHTS_KEY_SIZE];
	size_t n;

	snprintf(key, sizeof key, "{%s}:log", r->url.prefix);
	for (n = 0; n < RIGHTS_WORDS && row[n] != NULL; n++)
		words[n + 3] = strcmp(row[n], "%") == 0 ? key : row[n];
	if (ask_words(a, words, n + 3) == -1)
		return -1;
	if (a->reply.type == REDIS_REPLY_STATUS)
		return 0;
	if (a->reply.type != REDIS_REPLY_STRING)
		return -1;
	snprintf(r->replay_denied, sizeof r->replay_denied, "%s", row[0]);
	return 1;
}

void
checkup_replay(struct checkup_redis *r, struct ask *a)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < sizeof replay_rows / sizeof replay_rows[0]; i++)
		if ((rc = replay_try(r, a, replay_rows[i])) != 0)
			break;
	if (rc == 0)
		r->replay = CHECKUP_REPLAY_MAY;
	else if (rc == 1)
		r->replay = CHECKUP_REPLAY_MAY_NOT;
}
