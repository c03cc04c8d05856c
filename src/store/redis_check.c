/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * Whether a server is one for a history: what INFO says of it and, where an
 * acknowledged event is to outlive the machine, when it writes to its disk.
 * Both can be changed while it runs, so both are asked again every few seconds.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/redis.h"
#include "store/redis_info.h"

const char *const redis_check_info_words[1] = { "INFO" };
const char *const redis_check_fsync_words[3] = { "CONFIG", "GET",
	"appendfsync" };

/* What is wrong with its disk, or NULL. */
static const char *
redis_check_disk(const struct store_redis *s, const char *info)
{
	char value[8];

	if (s->durability != STORE_POWER ||
	    (redis_info_find(info, "aof_enabled", value, sizeof value) &&
		strcmp(value, "1") == 0))
		return NULL;
	return "durability is power, and it has no append-only file "
	       "(appendonly yes is needed)";
}

const char *
redis_check_info(struct store_redis *s, const redisReply *reply,
    char why[REDIS_LINK_WHY_SIZE])
{
	char run[sizeof s->server.run], evicted[24];
	const char *wrong;

	if (reply->type == REDIS_REPLY_ERROR)
		return reply->str;
	if (reply->type != REDIS_REPLY_STRING ||
	    !redis_info_find(reply->str, "run_id", run, sizeof run))
		return "its INFO has no run_id";
	if ((wrong = redis_info_wrong(reply->str, why)) != NULL ||
	    (wrong = redis_check_disk(s, reply->str)) != NULL)
		return wrong;
	if (redis_info_find(reply->str, "evicted_keys", evicted,
		sizeof evicted))
		s->server.evicted = strtoull(evicted, NULL, 10);
	return NULL;
}

const char *
redis_check_fsync(const redisReply *reply, char why[REDIS_LINK_WHY_SIZE])
{
	const char *when = "unknown";

	if (reply->type == REDIS_REPLY_ERROR) {
		snprintf(why, REDIS_LINK_WHY_SIZE,
		    "durability is power, and its appendfsync cannot be "
		    "read (+config|get): %.60s",
		    reply->str);
		return why;
	}
	if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
	    reply->element[1]->type == REDIS_REPLY_STRING)
		when = reply->element[1]->str;
	if (strcmp(when, "always") == 0)
		return NULL;
	snprintf(why, REDIS_LINK_WHY_SIZE,
	    "durability is power, and its appendfsync is %.20s "
	    "(always is needed)",
	    when);
	return why;
}
