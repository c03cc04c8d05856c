/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_PROTOCOL_REDIS_URL_H
#define CRIER_PROTOCOL_REDIS_URL_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Where a Redis is, as an admin writes it:
 *
 *   redis://[USER@]HOST[:PORT][/DB][?prefix=NAME]
 *   rediss://[USER@]HOST[:PORT][/DB][?prefix=NAME&ca=FILE]
 *   redis+unix://[USER@]/PATH[?db=DB&prefix=NAME]
 *   redis+sentinel://[USER@]HOST[:PORT],.../NAME[/DB][?prefix=NAME]
 *   rediss+sentinel://...   (and ca=FILE: TLS to sentinels and master)
 *
 * With sentinels, sentinel-user=USER is for those that know users.
 * A password is in no URL: URLs are logged.
 */

enum redis_way {
	REDIS_TCP,
	REDIS_TLS,
	REDIS_UNIX,
	REDIS_SENTINEL, /* the hosts are sentinels, which know the master */
	REDIS_SENTINEL_TLS,
	REDIS_WAYS
};

enum {
	REDIS_URL_HOSTS = 8,
	REDIS_URL_HOST_SIZE = 256,
	REDIS_URL_HOST_TEXT_SIZE = REDIS_URL_HOST_SIZE + 8,
	REDIS_URL_WORD_SIZE = 128,
	REDIS_URL_PREFIX_MAX = 64,
	REDIS_URL_FILE_SIZE = 1024
};

struct redis_host {
	char name[REDIS_URL_HOST_SIZE]; /* an IPv6 address without brackets */
	char port[6];
};

struct redis_url {
	enum redis_way way;
	size_t host_count; /* but for a Unix socket; 1 without sentinels */
	struct redis_host hosts[REDIS_URL_HOSTS];
	char path[108];                   /* of a Unix socket */
	char master[REDIS_URL_WORD_SIZE]; /* its name, for sentinels */
	char user[REDIS_URL_WORD_SIZE];   /* "": the default user */
	char sentinel_user[REDIS_URL_WORD_SIZE];
	char db[6]; /* a number, "0" if none was said */
	char prefix[REDIS_URL_PREFIX_MAX + 1]; /* of all keys, in braces */
	char ca[REDIS_URL_FILE_SIZE];          /* "": the system's */
};

/* The scheme of each way, with "://". */
extern const char *const redis_url_scheme[REDIS_WAYS];

/* Takes a URL apart: NULL, or what is wrong with it. */
const char *redis_url_read(const char *text, struct redis_url *);

/* What is wrong with a URL, or NULL. */
const char *redis_url_wrong(const char *text);

/*
 * A host and its port, as "HOST" or "HOST:PORT", "[ADDRESS]:PORT"; 0, or -1
 * if it is none.
 */
int redis_url_read_host(const char *text, size_t len, const char *port,
    struct redis_host *);

/* "HOST:PORT", or "[ADDRESS]:PORT". */
void redis_url_format_host(const struct redis_host *,
    char to[REDIS_URL_HOST_TEXT_SIZE]);

bool redis_url_has_tls(const struct redis_url *);

/* Whether its hosts are sentinels. */
bool redis_url_has_sentinels(const struct redis_url *);

#endif
