/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/redis_info.h"

enum {
	REDIS_INFO_VERSION = 7 /* of the server, at least */
};

bool
redis_info_find(const char *info, const char *name, char *to, size_t size)
{
	size_t len = strlen(name);
	const char *at = info;

	while ((at = strstr(at, name)) != NULL &&
	    (at == info || at[-1] != '\n' || at[len] != ':'))
		at += len;
	if (at == NULL)
		return false;
	at += len + 1;
	len = strcspn(at, "\r\n");
	if (len >= size)
		len = size - 1;
	memcpy(to, at, len);
	to[len] = '\0';
	return true;
}

const char *
redis_info_wrong(const char *info, char why[REDIS_INFO_WHY_SIZE])
{
	char value[64];

	if (!redis_info_find(info, "redis_version", value, sizeof value))
		return "its INFO has no version";
	if (strtoul(value, NULL, 10) < REDIS_INFO_VERSION) {
		snprintf(why, REDIS_INFO_WHY_SIZE,
		    "its version is %s, and 7.0 is needed", value);
		return why;
	}
	if (!redis_info_find(info, "role", value, sizeof value) ||
	    strcmp(value, "master") != 0)
		return "it is a replica, not a master";
	if (!redis_info_find(info, "maxmemory_policy", value, sizeof value) ||
	    strcmp(value, "noeviction") != 0) {
		snprintf(why, REDIS_INFO_WHY_SIZE,
		    "its maxmemory-policy is %s: it would forget history "
		    "(noeviction is needed)",
		    value);
		return why;
	}
	return NULL;
}
