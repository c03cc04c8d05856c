/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/* Which store is tried, and as whom. */

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/cause.h"
#include "base/json.h"
#include "base/log.h"
#include "base/process.h"
#include "config/config.h"
#include "doctor/checkup.h"
#include "protocol/client.h"
#include "protocol/paths.h"

enum {
	CHECKUP_FAULT = 1 /* the exit code */
};

/* Nothing can be tried: there is no more than crierd's memory. */
static void
checkup_memory(struct checkup *u)
{
	checkup_add(u, "store", VERDICT_OK,
	    "memory: the history ends with crierd, and is of no other "
	    "crierd");
}

/* What a crierd chooses by itself depends on who starts it. */
static void
checkup_auto(struct checkup *u, const char *queue)
{
	char *url = store_url_choose(u->store, queue, true);
	const char *path = url == NULL ? NULL : store_url_file(url);

	checkup_add(u, "store", VERDICT_OK,
	    "auto: memory, or for a crierd that a web server starts %s",
	    url == NULL ? "a database" : url);
	if (path != NULL && access(path, F_OK) == 0)
		checkup_file(u, path);
	free(url);
}

static int
checkup_try(struct checkup *u)
{
	struct store_url url;
	char *queue;

	if (!store_url_read(u->store, &url)) {
		if ((queue = paths_find_queue()) == NULL)
			return EX_OSERR;
		checkup_auto(u, queue);
		free(queue);
		return 0;
	}
	switch (url.kind) {
	case STORE_KIND_REDIS:
#ifdef HAVE_HIREDIS
		return checkup_redis(u);
#else
		client_warn("this crier was built without hiredis");
		return EX_UNAVAILABLE;
#endif
	case STORE_KIND_SQLITE:
		checkup_file(u, url.address);
		return 0;
	default:
		checkup_memory(u);
		return 0;
	}
}

static int
checkup_show(const struct checkup *u, bool as_json)
{
	struct json_object *json;

	if (!as_json)
		checkup_print(u, stdout);
	else if ((json = checkup_json(u)) != NULL) {
		puts(json_line(json));
		json_object_put(json);
	}
	if (u->is_away)
		return EX_TEMPFAIL;
	return checkup_count(u, VERDICT_FAULT) > 0 ? CHECKUP_FAULT : 0;
}

/* Goes on as the user that crierd is, who may more than it must not help. */
static int
checkup_become(struct checkup *u, const struct config *config)
{
	struct process_account account;
	char *cause = NULL;
	int rc = 0;

	if (process_find_account(config->user, &account, &cause) == -1 ||
	    (account.is_set && process_drop(&account, &cause) == -1)) {
		client_warn("user: %s", cause_text(cause));
		rc = EX_CONFIG;
	} else if (account.is_set)
		memcpy(u->user, account.name, sizeof u->user);
	free(cause);
	return rc;
}

/* The file that crierd would read, unless one is named. */
static struct config *
checkup_config(const struct options *o, int *rc)
{
	const char *file = o->config;
	char *cause = NULL;
	struct config *config = config_load_found(&file, &cause, rc);

	if (config == NULL)
		client_warn("%s%s", cause_text(cause),
		    o->config == NULL && access(file, F_OK) == -1
			? "; --config FILE names another, or give a STORE"
			: "");
	else
		*rc = 0;
	free(cause);
	return config;
}

/* Whom the configuration means, and what it promises. */
static int
checkup_take(struct checkup *u, const struct options *o,
    const struct config *config)
{
	if (config == NULL)
		return 0;
	if (u->store == NULL)
		u->store = config->store;
	if (u->password_file == NULL && *config->store_password_file != '\0')
		u->password_file = config->store_password_file;
	if (!o->has_durability)
		u->durability = (enum store_durability)config->durability;
	u->store_bytes = config->store_bytes;
	return checkup_become(u, config);
}

int
checkup_run(const struct options *o)
{
	struct checkup u = { .store = o->url,
		.password_file = o->password_file,
		.durability = o->durability,
		.measured = json_object_new_object() };
	struct config *config = NULL;
	int rc = 0;

	log_open(LOG_TARGET_STDERR, LOG_LEVEL_ERROR);
	if (o->url == NULL || o->config != NULL)
		config = checkup_config(o, &rc);
	if (rc == 0)
		rc = checkup_take(&u, o, config);
	if (rc == 0 && !o->json) {
		printf(u.user[0] == '\0' ? "%s\n" : "%s, as the user %s\n",
		    u.store, u.user);
		fflush(stdout);
	}
	if (rc == 0)
		rc = checkup_try(&u);
	if (rc == 0)
		rc = checkup_show(&u, o->json);
	json_object_put(u.measured);
	config_free(config);
	return rc;
}
