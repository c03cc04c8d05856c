/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * What the owner of a crierd asks for at its queue: `crier reload`, `restart`
 * and `shutdown`.  This process can end itself, but not begin anew: who calls
 * is told how it was started, and starts the next one in the same way.
 */

#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/cause.h"
#include "base/json.h"
#include "base/log.h"
#include "daemon/state.h"
#include "protocol/reply.h"

/* The reply goes out before the queue is closed. */
static const struct timeval control_pause = { .tv_usec = 20000 };

static void
control_stop_cb(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *d = arg;

	(void)fd;
	(void)what;
	if (!d->stop.is_begun)
		stop_begin(d);
}

static int
control_stop(struct daemon *d, struct json_object *reply, struct buffer *b)
{
	if (event_base_once(d->base, -1, EV_TIMEOUT, control_stop_cb, d,
		&control_pause) == -1) {
		json_object_put(reply);
		return -1;
	}
	return json_append_line(b, reply);
}

static int
control_reload(struct daemon *d, struct buffer *b)
{
	if (!reload_run(d))
		return reply_put_error(b, EX_DATAERR, d->reload.error);
	return json_append_line(b, reply_new(true));
}

static const char *
control_way(const struct daemon *d)
{
	switch (d->options->start) {
	case DAEMON_SPAWNED:
		return "spawned";
	case DAEMON_ON_DEMAND:
		return "on-demand";
	default:
		break;
	}
	if (systemd_is_manager(&d->sockets.passed))
		return "systemd";
	return d->is_foreground ? "foreground" : "alone";
}

static struct json_object *
control_describe(const struct daemon *d)
{
	const struct daemon_options *o = d->options;
	struct json_object *reply = reply_new(true);
	struct json_object *words = json_object_new_array();
	int i;

	json_add_number(reply, "pid", (uint64_t)getpid());
	json_add_string(reply, "started", control_way(d));
	json_add_string(reply, "configuration", o->file == NULL ? "" : o->file);
	json_add_number(reply, "drain_ms", d->config->drain_ms);
	for (i = 1; words != NULL && i < o->argc; i++)
		json_object_array_add(words,
		    json_object_new_string(o->argv[i]));
	json_add_value(reply, "arguments", words);
	return reply;
}

/* A crierd that could not start again does not end. */
static int
control_restart(struct daemon *d, bool is_root, struct buffer *b)
{
	const struct daemon_options *o = d->options;
	struct config *next;
	char *cause;
	int rc;

	if (d->account.is_set && !is_root && o->start == DAEMON_ALONE)
		return reply_put_error(b, EX_NOPERM,
		    "crierd was started by root, who alone can start it again");
	next = config_load(o->file, o->overrides, o->override_count, &cause);
	if (next == NULL) {
		rc = reply_put_error(b, EX_DATAERR, cause_text(cause));
		free(cause);
		return rc;
	}
	config_free(next);
	/* A manager restarts what it manages itself. */
	if (o->start == DAEMON_ALONE && systemd_is_manager(&d->sockets.passed))
		return json_append_line(b, control_describe(d));
	log_info("stopping: a restart was asked for");
	return control_stop(d, control_describe(d), b);
}

int
control_cb(void *arg, enum command_kind kind, bool is_root,
    struct buffer *reply)
{
	struct daemon *d = arg;

	switch (kind) {
	case COMMAND_RELOAD:
		return control_reload(d, reply);
	case COMMAND_RESTART:
		return control_restart(d, is_root, reply);
	default:
		log_info("stopping: a shutdown was asked for");
		return control_stop(d, control_describe(d), reply);
	}
}
