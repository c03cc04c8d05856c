/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/cause.h"
#include "base/clock.h"
#include "base/json.h"
#include "companion/verb.h"
#include "protocol/client.h"
#include "protocol/demand.h"
#include "protocol/paths.h"
#include "protocol/reply.h"

/*
 * The verbs for who owns a crierd: reload, restart and shutdown.  crierd knows
 * how it was started, and ends by itself; starting the next one is done here,
 * by who may.  The end shows on our connection, which crierd closes last.
 */

enum {
	DAEMON_END_MS = 15000, /* beyond twice its drain-time */
	DAEMON_LOOK_MS = 5,
	DAEMON_BACK_MS = 10000 /* for whoever else starts the next one */
};

#define DAEMON_EXITS                                                         \
	"exit status: 0 done, 64 wrong usage, 65 the configuration has an\n" \
	"error, 69 no crierd, 75 it does not end, 77 not allowed\n"

static const char reload_help[] =
    "usage: crier reload\n"
    "\n"
    "Has crierd read its configuration again, as SIGHUP does.  One with an\n"
    "error, or that needs a restart, changes nothing.\n"
    "\n"
    "  -h  this text\n"
    "\n" DAEMON_EXITS;

static const char restart_help[] =
    "usage: crier restart\n"
    "\n"
    "Ends crierd, as 'crier shutdown' does, and starts it again in the way in\n"
    "which it was started; under systemd by systemctl.  The pages come back\n"
    "by themselves.  Returns when the new one serves.\n"
    "\n"
    "  -h  this text\n"
    "\n" DAEMON_EXITS;

static const char shutdown_help[] =
    "usage: crier shutdown\n"
    "\n"
    "Ends crierd, as SIGTERM does: what was published is delivered, streams\n"
    "are told to come back later.  Returns when it has ended.\n"
    "\n"
    "  -h  this text\n"
    "\n" DAEMON_EXITS;

/* What a crierd that is to end says of itself. */
struct daemon_said {
	struct reply reply; /* owns the texts */
	const char *started, *configuration;
	struct json_object *arguments;
	uint64_t drain_ms, pid;
};

/* 0, -1 after help, or the exit code. */
static int
daemon_parse(const struct verb *verb, int argc, char **argv)
{
	static const struct option longs[] = { { "help", 0, NULL, 'h' },
		{ NULL, 0, NULL, 0 } };
	bool begun = false;
	int c = verb_option(verb, argc, argv, ":h", longs, &begun);

	if (c == 'h')
		return -1;
	if (c != -1)
		return EX_USAGE;
	return optind < argc ? verb_usage(verb, "too many arguments") : 0;
}

/* Connects and asks; 0, or the exit code after a message. */
static int
daemon_ask(const struct verb_env *env, const char *what, struct client *client,
    struct daemon_said *said)
{
	struct json_object *command = json_object_new_object();
	const char *line;
	size_t len;
	int rc = client_open(client, env->queue, env->wait_ms);

	json_add_string(command, "do", what);
	if (rc != 0) {
		json_object_put(command);
		return rc;
	}
	if ((rc = client_call(client, command, &line, &len)) != 0)
		return rc;
	reply_read(&said->reply, line, len);
	said->started =
	    json_get_string(json_member(said->reply.json, "started"));
	said->configuration =
	    json_get_string(json_member(said->reply.json, "configuration"));
	said->arguments = json_member(said->reply.json, "arguments");
	json_get_whole(json_member(said->reply.json, "drain_ms"), UINT32_MAX,
	    &said->drain_ms);
	json_get_whole(json_member(said->reply.json, "pid"), INT32_MAX,
	    &said->pid);
	return 0;
}

/* Whether there is a process of this number that is not only to be reaped. */
static bool
daemon_is_alive(uint64_t pid)
{
	char path[64], stat[512] = "";
	const char *end;
	FILE *file;

	snprintf(path, sizeof path, "/proc/%llu/stat", (unsigned long long)pid);
	if ((file = fopen(path, "re")) == NULL)
		return false;
	if (fgets(stat, sizeof stat, file) == NULL)
		stat[0] = '\0';
	fclose(file);
	/* The state stands behind the name, which may have any character. */
	end = strrchr(stat, ')');
	return end != NULL && end[1] == ' ' && end[2] != 'Z' && end[2] != 'X';
}

/* Until crierd has closed its end of our connection, and is no more. */
static int
daemon_await_end(struct client *client, const struct daemon_said *said)
{
	uint64_t until =
	    clock_monotonic_ms() + 2 * said->drain_ms + DAEMON_END_MS;
	struct pollfd fd;

	while (!client->ended && clock_monotonic_ms() < until) {
		if (client_turn(client, &fd, 1,
			(int)(until - clock_monotonic_ms())) == -1 &&
		    errno != EINTR)
			break;
		buffer_truncate(&client->in, 0);
	}
	while (client->ended && daemon_is_alive(said->pid) &&
	    clock_monotonic_ms() < until)
		clock_sleep_ms(DAEMON_LOOK_MS);
	if (client->ended && !daemon_is_alive(said->pid))
		return 0;
	client_warn("crierd (process %llu) does not end",
	    (unsigned long long)said->pid);
	return EX_TEMPFAIL;
}

/* The words that the next crierd is started with; NULL: memory. */
static char **
daemon_words(char *program, const struct daemon_said *said)
{
	size_t count = json_length(said->arguments), i;
	char **words = calloc(count + 2, sizeof *words);

	if (words == NULL)
		return NULL;
	words[0] = program;
	for (i = 0; i < count; i++)
		words[i + 1] = strdup(json_get_string(
		    json_object_array_get_idx(said->arguments, i)));
	return words;
}

/* Starts crierd as it was started, and waits until it serves. */
static int
daemon_start(const struct verb_env *env, const struct daemon_said *said)
{
	char *program = paths_find_program("crierd", SBINDIR), **words, **word;
	int status = -1, rc = EX_OSERR, error = ENOMEM;
	pid_t pid;

	if (program == NULL || (words = daemon_words(program, said)) == NULL)
		goto out;
	setenv("CRIER_QUEUE", env->queue, 1);
	if (said->configuration == NULL || *said->configuration == '\0')
		unsetenv("CRIER_CONF");
	else
		setenv("CRIER_CONF", said->configuration, 1);
	error = posix_spawn(&pid, program, NULL, NULL, words, environ);
	if (error == 0 && waitpid(pid, &status, 0) == pid &&
	    WIFEXITED(status) && WEXITSTATUS(status) == 0)
		rc = 0;
	for (word = words + 1; *word != NULL; word++)
		free(*word);
	free(words);
out:
	if (error != 0)
		client_warn("%s: %s", program == NULL ? "crierd" : program,
		    strerror(error));
	else if (rc != 0)
		client_warn("crierd has ended, and does not start again: %s",
		    program);
	free(program);
	return rc == 0 ? 0 : EX_UNAVAILABLE;
}

static int
daemon_start_on_demand(const struct verb_env *env)
{
	char *cause = NULL;

	if (demand_start(env->queue, &cause) == 0)
		return 0;
	client_warn("%s", cause_text(cause));
	free(cause);
	return EX_UNAVAILABLE;
}

/* A supervisor, or the web server, starts the next one. */
static int
daemon_await_back(const struct verb_env *env)
{
	struct client client;
	uint64_t wait_ms =
	    env->wait_ms > DAEMON_BACK_MS ? env->wait_ms : DAEMON_BACK_MS;

	if (client_try(&client, env->queue, wait_ms, wait_ms) == 0) {
		client_close(&client);
		return 0;
	}
	client_warn("crierd has ended, and whoever started it has not started "
		    "it again");
	return EX_UNAVAILABLE;
}

/* The unit of a process, from the last part of its control group's name. */
static bool
daemon_find_unit(uint64_t pid, char *unit, size_t size)
{
	char path[64], line[1024];
	const char *slash;
	bool found = false;
	FILE *file;

	snprintf(path, sizeof path, "/proc/%llu/cgroup",
	    (unsigned long long)pid);
	if ((file = fopen(path, "re")) == NULL)
		return false;
	while (!found && fgets(line, sizeof line, file) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		slash = strrchr(line, '/');
		found = slash != NULL && strstr(slash, ".service") != NULL;
		if (found)
			snprintf(unit, size, "%s", slash + 1);
	}
	fclose(file);
	return found;
}

/* Becomes systemctl. */
static int
daemon_ask_manager(const struct daemon_said *said)
{
	char unit[256];

	if (!daemon_find_unit(said->pid, unit, sizeof unit))
		snprintf(unit, sizeof unit, "crierd.service");
	execlp("systemctl", "systemctl", "restart", unit, (char *)NULL);
	client_warn("systemd manages this crierd: systemctl restart %s", unit);
	return EX_UNAVAILABLE;
}

static int
daemon_restart(const struct verb_env *env, struct client *client,
    const struct daemon_said *said)
{
	const char *way = said->started == NULL ? "" : said->started;
	int rc;

	if (strcmp(way, "systemd") == 0)
		return daemon_ask_manager(said);
	if ((rc = daemon_await_end(client, said)) != 0)
		return rc;
	if (strcmp(way, "alone") == 0)
		return daemon_start(env, said);
	if (strcmp(way, "on-demand") == 0)
		return daemon_start_on_demand(env);
	return daemon_await_back(env);
}

static int
daemon_run(const struct verb *verb, const struct verb_env *env, int argc,
    char **argv)
{
	struct client client = { .fd = -1 };
	struct daemon_said said = { 0 };
	int rc = daemon_parse(verb, argc, argv);

	if (rc != 0)
		return rc == -1 ? verb_finish(0) : rc;
	rc = daemon_ask(env, verb->name, &client, &said);
	if (rc == 0 && verb == &verb_restart)
		rc = daemon_restart(env, &client, &said);
	if (rc == 0 && verb == &verb_shutdown)
		rc = daemon_await_end(&client, &said);
	reply_clear(&said.reply);
	client_close(&client);
	return rc;
}

static int
reload_run(const struct verb_env *env, int argc, char **argv)
{
	return daemon_run(&verb_reload, env, argc, argv);
}

static int
restart_run(const struct verb_env *env, int argc, char **argv)
{
	return daemon_run(&verb_restart, env, argc, argv);
}

static int
shutdown_run(const struct verb_env *env, int argc, char **argv)
{
	return daemon_run(&verb_shutdown, env, argc, argv);
}

const struct verb verb_reload = { "reload", "read crierd's settings again",
	reload_help, reload_run };
const struct verb verb_restart = { "restart", "end crierd and start it again",
	restart_help, restart_run };
const struct verb verb_shutdown = { "shutdown", "end crierd", shutdown_help,
	shutdown_run };
