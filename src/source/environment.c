/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "source/environment.h"

#define ENVIRONMENT_NAME_CHARS                                 \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" \
	"0123456789_"

/*
 * Whether a program gets this variable: only what web servers say of a request
 * (RFC 3875, 4.1) and of its TLS.  On other names a program's libraries,
 * interpreter or shell may act, and on HTTP_PROXY, too (CVE-2016-5385).  In the
 * list, a name that ends in '_' stands for all that begin so.
 */
static bool
environment_is_wanted(const char *variable)
{
	static const char *const names[] = { "AUTH_TYPE", "CONTENT_LENGTH",
		"CONTENT_TYPE", "CONTEXT_", "DOCUMENT_ROOT", "DOCUMENT_URI",
		"GATEWAY_INTERFACE", "HTTPS", "HTTP_", "PATH_INFO",
		"PATH_TRANSLATED", "QUERY_STRING", "REDIRECT_", "REMOTE_",
		"REQUEST_", "SCRIPT_", "SERVER_", "SSL_CIPHER", "SSL_CLIENT_",
		"SSL_PROTOCOL", "SSL_SERVER_", "SSL_TLS_SNI", "UNIQUE_ID" };
	size_t len = strcspn(variable, "="), name_len, i;
	bool is_family;

	if (variable[len] != '=' ||
	    strspn(variable, ENVIRONMENT_NAME_CHARS) != len)
		return false;
	if (strncmp(variable, "HTTP_PROXY=", 11) == 0 ||
	    strncmp(variable, "REMOTE_USER=", 12) == 0)
		return false;
	for (i = 0; i < sizeof names / sizeof *names; i++) {
		name_len = strlen(names[i]);
		is_family = names[i][name_len - 1] == '_';
		if ((is_family ? len > name_len : len == name_len) &&
		    strncmp(variable, names[i], name_len) == 0)
			return true;
	}
	return false;
}

void
environment_free(char **env)
{
	size_t i;

	for (i = 0; env != NULL && env[i] != NULL; i++)
		free(env[i]);
	free(env);
}

/* Sets an entry to NAME=VALUE or, without a value, to name as it is. */
static int
environment_set(char **entry, const char *name, const char *value)
{
	if (value == NULL)
		*entry = strdup(name);
	else if (asprintf(entry, "%s=%s", name, value) == -1)
		*entry = NULL;
	return *entry == NULL ? -1 : 0;
}

/* How many variables a request has. */
static size_t
environment_count(const struct buffer *env)
{
	size_t at, count = 0;

	for (at = 0; at < env->len; at += strlen(env->data + at) + 1)
		count++;
	return count;
}

/* Appends what the request says, to entries that have room; 0, or -1. */
static int
environment_add_request(char **entry, const struct request *request)
{
	const struct buffer *env = &request->env;
	size_t at;

	if (*request_user(request) != '\0' &&
	    environment_set(entry++, "REMOTE_USER", request_user(request)) ==
		-1)
		return -1;
	for (at = 0; at < env->len; at += strlen(env->data + at) + 1)
		if (environment_is_wanted(env->data + at) &&
		    environment_set(entry++, env->data + at, NULL) == -1)
			return -1;
	return 0;
}

char **
environment_make(const struct request *request,
    const struct environment_variable *more, size_t count)
{
	size_t most = count + 3, i;
	char **env;

	if (request != NULL)
		most += environment_count(&request->env);
	if ((env = calloc(most, sizeof *env)) == NULL)
		return NULL;
	if (environment_set(env, "PATH", "/usr/local/bin:/usr/bin:/bin") == -1)
		goto fail;
	for (i = 0; i < count; i++)
		if (environment_set(env + 1 + i, more[i].name, more[i].value) ==
		    -1)
			goto fail;
	if (request == NULL ||
	    environment_add_request(env + 1 + count, request) == 0)
		return env;
fail:
	environment_free(env);
	return NULL;
}
