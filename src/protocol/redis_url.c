/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "protocol/redis_url.h"

#define REDIS_URL_ALNUM              \
	"abcdefghijklmnopqrstuvwxyz" \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZ" \
	"0123456789"

const char *const redis_url_scheme[REDIS_WAYS] = {
	[REDIS_TCP] = "redis://",
	[REDIS_TLS] = "rediss://",
	[REDIS_UNIX] = "redis+unix://",
	[REDIS_SENTINEL] = "redis+sentinel://",
	[REDIS_SENTINEL_TLS] = "rediss+sentinel://",
};

static const char *const redis_url_port[REDIS_WAYS] = {
	[REDIS_TCP] = "6379",
	[REDIS_TLS] = "6379",
	[REDIS_UNIX] = "",
	[REDIS_SENTINEL] = "26379",
	[REDIS_SENTINEL_TLS] = "26379",
};

bool
redis_url_has_tls(const struct redis_url *url)
{
	return url->way == REDIS_TLS || url->way == REDIS_SENTINEL_TLS;
}

bool
redis_url_has_sentinels(const struct redis_url *url)
{
	return url->way == REDIS_SENTINEL || url->way == REDIS_SENTINEL_TLS;
}

/* Copies a part that is not empty, is no longer than size and fits a set. */
static bool
redis_url_copy(const char *text, size_t len, const char *set, char *to,
    size_t size)
{
	size_t i;

	if (len == 0 || len >= size)
		return false;
	for (i = 0; i < len; i++)
		if (text[i] <= ' ' || text[i] == 0x7f ||
		    (set != NULL && strchr(set, text[i]) == NULL))
			return false;
	memcpy(to, text, len);
	to[len] = '\0';
	return true;
}

static bool
redis_url_copy_number(const char *text, size_t len, uint64_t max, char to[6])
{
	uint64_t n;

	if (!text_parse_number(text, len, max, &n))
		return false;
	snprintf(to, 6, "%u", (unsigned)(uint16_t)n);
	return true;
}

int
redis_url_read_host(const char *text, size_t len, const char *port,
    struct redis_host *host)
{
	bool is_bracketed = len > 0 && text[0] == '[';
	const char *end = text + len, *name = text + is_bracketed, *p;
	const char *set =
	    is_bracketed ? "0123456789abcdefABCDEF:.%" : REDIS_URL_ALNUM "-._";

	p = memchr(name, is_bracketed ? ']' : ':', (size_t)(end - name));
	if (p == NULL && is_bracketed)
		return -1;
	if (p == NULL)
		p = end;
	if (!redis_url_copy(name, (size_t)(p - name), set, host->name,
		sizeof host->name))
		return -1;
	p += is_bracketed;
	if (p == end) {
		snprintf(host->port, sizeof host->port, "%s", port);
		return 0;
	}
	p++;
	return p[-1] == ':' &&
		redis_url_copy_number(p, (size_t)(end - p), UINT16_MAX,
		    host->port) &&
		strcmp(host->port, "0") != 0
	    ? 0
	    : -1;
}

void
redis_url_format_host(const struct redis_host *host,
    char to[REDIS_URL_HOST_TEXT_SIZE])
{
	bool is_v6 = strchr(host->name, ':') != NULL;

	snprintf(to, REDIS_URL_HOST_TEXT_SIZE, is_v6 ? "[%s]:%s" : "%s:%s",
	    host->name, host->port);
}

static const char *
redis_url_read_hosts(struct redis_url *url, const char *text, size_t len)
{
	const char *end = text + len, *comma;

	do {
		comma = memchr(text, ',', (size_t)(end - text));
		if (comma == NULL)
			comma = end;
		if (url->host_count == REDIS_URL_HOSTS)
			return "has too many hosts (at most 8)";
		if (redis_url_read_host(text, (size_t)(comma - text),
			redis_url_port[url->way],
			&url->hosts[url->host_count++]) == -1)
			return "has a host that is none (HOST or HOST:PORT)";
		text = comma + 1;
	} while (comma < end);
	if (url->host_count > 1 && !redis_url_has_sentinels(url))
		return "has several hosts: these are sentinels' "
		       "(redis+sentinel://)";
	return NULL;
}

/* What stands behind the hosts: "/DB", or "/NAME/DB" for sentinels. */
static const char *
redis_url_read_place(struct redis_url *url, const char *text, size_t len)
{
	const char *end = text + len, *slash;

	if (redis_url_has_sentinels(url)) {
		slash = memchr(text, '/', len);
		if (slash == NULL)
			slash = end;
		if (!redis_url_copy(text, (size_t)(slash - text),
			REDIS_URL_ALNUM "-._", url->master, sizeof url->master))
			return "does not name the sentinels' master "
			       "(redis+sentinel://HOST,HOST/NAME)";
		text = slash < end ? slash + 1 : end;
	}
	if (text < end &&
	    !redis_url_copy_number(text, (size_t)(end - text), UINT16_MAX,
		url->db))
		return "has a database that is no number";
	return NULL;
}

static bool
redis_url_decode(const char *text, size_t len, const char *set, char *to,
    size_t size)
{
	char decoded[REDIS_URL_FILE_SIZE];
	ptrdiff_t n;

	if (len > sizeof decoded)
		return false;
	n = text_percent_decode(text, len, false, decoded);
	return n > 0 && redis_url_copy(decoded, (size_t)n, set, to, size);
}

/* One NAME=VALUE behind the '?'. */
static const char *
redis_url_read_pair(struct redis_url *url, const struct text_pair *pair)
{
	struct text_span name = { pair->name, pair->name_len };

	if (text_equals(name, "prefix"))
		return redis_url_decode(pair->value, pair->value_len,
			   REDIS_URL_ALNUM "-._:", url->prefix,
			   sizeof url->prefix)
		    ? NULL
		    : "has a prefix that is none (letters, digits, '-', '.', "
		      "'_' and ':', at most 64)";
	if (text_equals(name, "db") && url->way == REDIS_UNIX)
		return redis_url_copy_number(pair->value, pair->value_len,
			   UINT16_MAX, url->db)
		    ? NULL
		    : "has a database that is no number";
	if (text_equals(name, "sentinel-user") && redis_url_has_sentinels(url))
		return redis_url_decode(pair->value, pair->value_len, NULL,
			   url->sentinel_user, sizeof url->sentinel_user)
		    ? NULL
		    : "has a sentinel-user that is none";
	if (text_equals(name, "ca") && redis_url_has_tls(url))
		return redis_url_decode(pair->value, pair->value_len, NULL,
			   url->ca, sizeof url->ca)
		    ? NULL
		    : "has a ca that is no file's name";
	return "has a parameter that it cannot have";
}

static const char *
redis_url_read_query(struct redis_url *url, const char *text)
{
	size_t len = strlen(text);
	struct text_pair pair;
	const char *wrong = NULL;

	while (wrong == NULL && text_next_pair(&text, &len, &pair))
		wrong = redis_url_read_pair(url, &pair);
	return wrong;
}

/* "USER@" at the front: *text moves behind it. */
static const char *
redis_url_read_user(struct redis_url *url, const char **text, size_t *len)
{
	const char *at = memrchr(*text, '@', *len);
	size_t n = at == NULL ? 0 : (size_t)(at - *text);

	if (at == NULL)
		return NULL;
	if (memchr(*text, ':', n) != NULL)
		return "must not have a password (store-password-file is for "
		       "it)";
	if (!redis_url_decode(*text, n, NULL, url->user, sizeof url->user))
		return "has a user that is none";
	*text += n + 1;
	*len -= n + 1;
	return NULL;
}

/* What stands before the '?'. */
static const char *
redis_url_read_where(struct redis_url *url, const char *text, size_t len)
{
	const char *slash = memchr(text, '/', len), *end = text + len;
	size_t hosts = slash == NULL ? len : (size_t)(slash - text);
	const char *wrong;

	wrong = redis_url_read_user(url, &text, &hosts);
	if (wrong != NULL)
		return wrong;
	if (url->way == REDIS_UNIX) {
		text += hosts;
		if (hosts > 0 ||
		    !redis_url_decode(text, (size_t)(end - text), NULL,
			url->path, sizeof url->path))
			return "must have a socket's absolute path "
			       "(redis+unix:///PATH)";
		return NULL;
	}
	wrong = redis_url_read_hosts(url, text, hosts);
	if (wrong == NULL && slash == NULL && redis_url_has_sentinels(url))
		slash = end;
	if (wrong != NULL || slash == NULL)
		return wrong;
	text = slash < end ? slash + 1 : end;
	return redis_url_read_place(url, text, (size_t)(end - text));
}

const char *
redis_url_read(const char *text, struct redis_url *url)
{
	const char *query, *wrong;
	size_t way, len;

	for (way = 0; way < REDIS_WAYS; way++) {
		len = strlen(redis_url_scheme[way]);
		if (strncmp(text, redis_url_scheme[way], len) == 0)
			break;
	}
	if (way == REDIS_WAYS)
		return "is no Redis' URL";
	memset(url, 0, sizeof *url);
	url->way = (enum redis_way)way;
	url->db[0] = '0';
	memcpy(url->prefix, "crier", sizeof "crier");
	text += len;
	query = strchrnul(text, '?');
	wrong = redis_url_read_where(url, text, (size_t)(query - text));
	if (wrong == NULL && *query == '?')
		wrong = redis_url_read_query(url, query + 1);
	return wrong;
}

const char *
redis_url_wrong(const char *text)
{
	struct redis_url url;

	return redis_url_read(text, &url);
}
