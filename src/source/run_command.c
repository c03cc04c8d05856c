/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "protocol/reply.h"
#include "source/environment.h"
#include "source/run_command.h"

/* A line of the queue that asks for a run, as it was read. */
struct run_command {
	struct runs *runs;
	struct run_options options;
	char **argv, **env;
	char *channel;
	void (*answered)(void *who, const struct buffer *reply);
	void *who;
};

/* Who waits for what other nodes say of a run. */
struct run_asker {
	void (*answered)(void *who, const struct buffer *reply);
	void *who;
	struct id begin;
	char *name; /* of the command */
};

static const char run_command_busy[] = "a program runs in this channel already";

static void
run_command_clear(struct run_command *c)
{
	environment_free(c->env);
	environment_free(c->argv);
	free(c->channel);
}

/* A text that the system takes; NULL: it is none, or has a NUL in it. */
static const char *
run_command_get_word(struct json_object *value)
{
	struct text_span word;

	return json_get_text(value, &word) && strlen(word.text) == word.len
	    ? word.text
	    : NULL;
}

/* NULL, or what is wrong with the words of the command. */
static const char *
run_command_read_words(struct run_command *c, struct json_object *list)
{
	size_t count = json_length(list), i;
	struct json_object *value;
	const char *word;

	if (count == 0)
		return "command is no list of words";
	if ((c->argv = calloc(count + 1, sizeof *c->argv)) == NULL)
		return "out of memory";
	for (i = 0; i < count; i++) {
		value = json_object_array_get_idx(list, i);
		if (json_get_string(value) == NULL)
			return "command has a word that is no string";
		if ((word = run_command_get_word(value)) == NULL)
			return "command has a word with a NUL in it";
		if ((c->argv[i] = strdup(word)) == NULL)
			return "out of memory";
	}
	return c->argv[0][0] == '/' ? NULL
				    : "command does not begin with a full path";
}

/* NULL, or what is wrong with the line. */
static const char *
run_command_read(struct run_command *c, struct json_object *line)
{
	static const char not_seconds[] =
	    "linger is not a number of seconds up to a year";
	struct run_options *o = &c->options;
	struct json_object *value;
	const char *why = "channel is missing";
	double linger;

	if (json_get_text(json_member(line, "channel"), &o->channel))
		why = event_check_channel(o->channel.text, o->channel.len);
	if (why == NULL && o->channel.text[0] == '$')
		why = "channels that begin with $ are crier's own";
	if (why != NULL)
		return why;
	if (json_object_object_get_ex(line, "key", &value) &&
	    (!json_get_text(value, &o->key) ||
		event_check_id(o->key.text, o->key.len) != NULL))
		return "key is not of the form of an id";
	o->linger_ms = QUANTITY_FOREVER_MS;
	if (json_object_object_get_ex(line, "linger", &value)) {
		if (!json_get_real(value, &linger) || linger < 0 ||
		    linger * 1000 > (double)QUANTITY_YEAR_MS)
			return not_seconds;
		o->linger_ms = (uint64_t)(linger * 1000);
	}
	if (json_object_object_get_ex(line, "directory", &value) &&
	    (o->program.directory = run_command_get_word(value)) == NULL)
		return "directory is not the name of one";
	return run_command_read_words(c, json_member(line, "command"));
}

static int
run_command_fill(struct run_command *c)
{
	struct run_options *o = &c->options;
	struct hub *hub = runs_hub(c->runs);
	char since[ID_TEXT_SIZE];
	const struct environment_variable more[] = { { "CRIER_RUN", since },
		{ "CRIER_ATTEMPT", "1" },
		{ "CRIER_CHANNEL",
		    c->channel = strndup(o->channel.text, o->channel.len) } };

	o->begin = hub_run_position(hub);
	o->user = "";
	o->end_event = "crier.end";
	o->attempt = 1;
	since[id_format(o->begin, since)] = '\0';
	if (c->channel != NULL)
		c->env =
		    environment_make(NULL, more, sizeof more / sizeof *more);
	o->program = (struct program_options){ .name = "crier run",
		.argv = c->argv,
		.envp = c->env,
		.directory = o->program.directory,
		.body = { "", 0 },
		.max_line = hub_config(hub)->max_event_bytes };
	return c->env == NULL ? -1 : 0;
}

static int
run_command_reply(struct buffer *b, struct id begin, bool is_begun)
{
	struct json_object *o = reply_new(true);
	char since[ID_TEXT_SIZE];

	json_add_text(o, "since", since, id_format(begin, since));
	json_add_flag(o, "begun", is_begun);
	return json_append_line(b, o);
}

/*
 * Says which file or directory is in the way of a program, and why.  That a
 * file is there and may be executed was looked at before: what is missing then
 * is what would read it.
 */
static int
run_command_refuse(struct buffer *reply, const char *path, int error)
{
	const char *why = strerror(error);
	char *text;
	int rc;

	if (error == EBUSY)
		return reply_put_error(reply, EX_TEMPFAIL, run_command_busy);
	if (error == EAGAIN)
		return reply_put_error(reply, EX_TEMPFAIL, why);
	if (error == ENOTCONN)
		return reply_put_error(reply, EX_TEMPFAIL,
		    "the store is away, and without it no program is begun");
	if (error == ENOEXEC)
		why = "neither a program nor a script that begins with #!";
	if (error == ENOENT && access(path, F_OK) == 0)
		why = "its interpreter (#!) is not there";
	if (asprintf(&text, "%s: %s", path, why) == -1)
		return -1;
	rc = reply_put_error(reply, EX_DATAERR, text);
	free(text);
	return rc;
}

/* What crierd's user may not enter or execute; with errno; or NULL. */
static const char *
run_command_find_barred(const struct run_command *c)
{
	const struct program_options *p = &c->options.program;

	if (p->directory != NULL && access(p->directory, X_OK) == -1)
		return p->directory;
	return access(p->argv[0], X_OK) == -1 ? p->argv[0] : NULL;
}

static void
run_asker_free(struct run_asker *a)
{
	if (a == NULL)
		return;
	free(a->name);
	free(a);
}

static struct run_asker *
run_asker_new(const struct run_command *c)
{
	struct run_asker *a = calloc(1, sizeof *a);

	if (a == NULL)
		return NULL;
	a->answered = c->answered;
	a->who = c->who;
	a->begin = c->options.begin;
	a->name = strdup(c->argv[0]);
	if (a->name != NULL)
		return a;
	run_asker_free(a);
	return NULL;
}

/* Other nodes have let it begin, or not. */
static void
run_command_decided(void *arg, int error)
{
	struct run_asker *a = arg;
	struct buffer reply = { 0 };
	int rc = error == 0 ? run_command_reply(&reply, a->begin, true)
			    : run_command_refuse(&reply, a->name, error);

	a->answered(a->who, rc == 0 ? &reply : NULL);
	buffer_clear(&reply);
	run_asker_free(a);
}

/* Begins the run; what is in its way was looked at. */
static int
run_command_begin(struct run_command *c, struct buffer *reply)
{
	uint64_t max = hub_config(runs_hub(c->runs))->run_max;
	const char *barred;
	struct run_asker *asker = NULL;
	int rc, error;

	if (max > 0 && programs_count(runs_programs(c->runs)) >= max)
		return reply_put_error(reply, EX_TEMPFAIL,
		    "too many programs run already (run-max)");
	if (run_command_fill(c) == -1)
		return -1;
	if ((barred = run_command_find_barred(c)) != NULL)
		return run_command_refuse(reply, barred, errno);
	log_info("run %s: begins: %s", c->channel, c->argv[0]);
	if (hub_run_must_claim(runs_hub(c->runs)) &&
	    (asker = run_asker_new(c)) == NULL)
		return -1;
	c->options.decided = asker == NULL ? NULL : run_command_decided;
	c->options.arg = asker;
	rc = run_start(c->runs, &c->options);
	if (rc == 1)
		return 1;
	error = errno;
	run_asker_free(asker);
	if (rc == -1)
		return run_command_refuse(reply, c->argv[0], error);
	return run_command_reply(reply, c->options.begin, true);
}

int
run_command(void *arg, struct json_object *line, struct buffer *reply,
    void (*answered)(void *who, const struct buffer *reply), void *who)
{
	struct run_command c = {
		.runs = arg, .answered = answered, .who = who
	};
	struct hub *hub = runs_hub(c.runs);
	const char *why = run_command_read(&c, line);
	struct hub_run *run = NULL;
	int rc;

	if (why == NULL)
		run = hub_run_find_key(hub, c.options.channel, c.options.key);
	if (why != NULL) {
		rc = reply_put_error(reply, EX_DATAERR, why);
	} else if (run != NULL) {
		rc = run_command_reply(reply, hub_run_begin_id(run), false);
	} else if ((run = hub_run_find(hub, c.options.channel)) != NULL &&
	    hub_run_is_going(run)) {
		hub_run_count(hub, true);
		rc = reply_put_error(reply, EX_TEMPFAIL, run_command_busy);
	} else {
		rc = run_command_begin(&c, reply);
	}
	run_command_clear(&c);
	return rc;
}
