/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * Starting, in an order that is not free: daemon_run numbers its steps and says
 * what each must come before.
 */

#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/cause.h"
#include "base/log.h"
#include "daemon/state.h"
#include "door/fcgi.h"

enum {
	DAEMON_DESCRIPTORS_MIN = 32
};

static void __attribute__((noreturn)) daemon_die(char *cause)
{
	log_fatal("%s", cause_text(cause));
}

/* Dies of the configuration, as crierd -n does. */
static void __attribute__((noreturn)) daemon_refuse(char *cause)
{
	log_error("%s", cause_text(cause));
	exit(EX_CONFIG);
}

/* Dies when sockets are open already: their files are not left behind. */
static void __attribute__((noreturn))
daemon_give_up(const struct daemon *d, char *cause)
{
	sockets_remove(d);
	daemon_die(cause);
}

/* A reload reads these files again, and no longer as root. */
static void
daemon_warn_of_file(const struct daemon *d, const char *file)
{
	if (access(file, R_OK) == -1)
		log_warning("%s: %s may not read it, so that the configuration "
			    "cannot be read again",
		    file, d->account.is_set ? d->account.name : "this user");
}

static void
daemon_warn_of_files(const struct daemon *d)
{
	const struct config *c = d->config;
	size_t i;

	if (d->options->file != NULL)
		daemon_warn_of_file(d, d->options->file);
	for (i = 0; i < c->token_key_count; i++)
		if (c->token_keys[i].file[0] != '\0')
			daemon_warn_of_file(d, c->token_keys[i].file);
}

static void
daemon_stop_cb(evutil_socket_t number, short what, void *arg)
{
	struct daemon *d = arg;

	(void)what;
	if (!d->stop.is_begun)
		log_info("stopping: signal %d", (int)number);
	stop_begin(d);
}

static void
daemon_add_signal(struct daemon *d, size_t i, int number, event_callback_fn cb)
{
	d->signals[i] = evsignal_new(d->base, number, cb, d);
	if (d->signals[i] == NULL || event_add(d->signals[i], NULL) == -1)
		log_fatal("cannot watch signal %d", number);
}

/* A signal that comes while libfcgi's handlers are in place would be lost. */
static void
daemon_hold_signals(bool hold)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	/* SIGCHLD may be blocked by the process that started us. */
	sigaddset(&set, SIGCHLD);
	sigprocmask(hold ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}

static void
daemon_listen(struct daemon *d)
{
	size_t i;

	for (i = 0; i < d->sockets.listener_count; i++)
		if (door_listen(d->door, d->sockets.listeners[i]) == -1)
			daemon_die(NULL);
}

/* The loop, and all that hangs on it. */
static void
daemon_assemble(struct daemon *d, bool is_hub)
{
	char *cause;

	daemon_hold_signals(true);
	fcgi_init();
	signal(SIGPIPE, SIG_IGN);
	signal(SIGUSR1, SIG_IGN);
	if ((d->base = event_base_new()) == NULL)
		log_fatal("libevent cannot be initialised");
	if (role_new(d) == -1)
		daemon_die(NULL);
	if (is_hub && parts_add_hub(d, &cause) == -1)
		daemon_give_up(d, cause);
	daemon_listen(d);
	if (systemd_watchdog_start(d->base) == -1)
		daemon_give_up(d, NULL);
	daemon_add_signal(d, 0, SIGTERM, daemon_stop_cb);
	daemon_add_signal(d, 1, SIGINT, daemon_stop_cb);
	daemon_add_signal(d, 2, SIGHUP, reload_cb);
	daemon_hold_signals(false);
	if (!is_hub)
		role_seek_hub(d);
	else if (idle_start(d) == -1)
		daemon_give_up(d, NULL);
}

static void
daemon_disassemble(struct daemon *d)
{
	size_t i;

	role_free(d);
	idle_free(d);
	for (i = 0; i < DAEMON_SIGNALS; i++)
		if (d->signals[i] != NULL)
			event_free(d->signals[i]);
	systemd_watchdog_stop();
	event_base_free(d->base);
	libevent_global_shutdown();
	config_free(d->config);
}

/* Leaves the starter's terminal and root behind; then the log may begin. */
static void
daemon_settle(struct daemon *d)
{
	enum daemon_start start = d->options->start;
	char *cause;

	if (!d->is_foreground && start != DAEMON_SPAWNED &&
	    process_detach(&cause) == -1)
		daemon_die(cause);
	if (start == DAEMON_ON_DEMAND && !d->is_foreground &&
	    logging_is_stderr(d)) {
		if (logging_open_file(d, &cause) == -1)
			daemon_give_up(d, cause);
	} else if (!logging_is_stderr(d)) {
		d->log_fd = STDOUT_FILENO;
	}
	if (process_drop(&d->account, &cause) == -1)
		daemon_give_up(d, cause);
	/* The history is for the account's group, and nobody else. */
	process_set_mask(0007);
	logging_open(d);
	/* Errors of the start go to whoever started crierd, too. */
	log_set_echo(d->log_fd == STDOUT_FILENO);
	logging_warn(d);
	daemon_warn_of_files(d);
}

/* A door that comes and goes with each request has nothing to tell. */
static void
daemon_say_ready(const struct daemon *d)
{
	if (d->hub != NULL)
		log_info("crierd " PACKAGE_VERSION
			 " is ready: configuration %s, "
			 "queue %s, store %s, up to %zu streams",
		    d->options->file == NULL ? "none" : d->options->file,
		    d->config->queue, d->store_url, hub_max_streams(d->hub));
	else if (!d->options->is_once)
		log_info("crierd " PACKAGE_VERSION
			 " is ready: a door to the hub at %s",
		    d->config->queue);
}

static int
daemon_find_account(struct daemon *d, char **cause)
{
	char where[CONFIG_WHERE_SIZE];

	if (process_find_account(d->config->user, &d->account, cause) == 0)
		return 0;
	config_where(d->config, d->options->file, "user", where);
	return cause_prefix(cause, "%s", where);
}

/* Who the process becomes, and what its manager passed to it. */
static void
daemon_take(struct daemon *d)
{
	bool is_alone = d->options->start == DAEMON_ALONE;
	char *cause;

	if (daemon_find_account(d, &cause) == -1)
		daemon_refuse(cause);
	if (is_alone && sockets_take_passed(d, &cause) == -1)
		daemon_die(cause);
	/* A manager's sockets have an owner already. */
	if (is_alone && d->sockets.passed.queue == -1 &&
	    sockets_check_access(d, &cause) == -1)
		daemon_refuse(cause);
	if (is_alone && systemd_is_manager(&d->sockets.passed))
		d->is_foreground = true;
	/* The starter has a manager of his own, who waits for him, not us. */
	if (!is_alone)
		unsetenv("NOTIFY_SOCKET");
}

/* With fewer something fails later, and does not say so. */
static void
daemon_count_descriptors(struct daemon *d)
{
	char *cause;

	d->max_descriptors = process_raise_descriptors();
	if (d->max_descriptors >= DAEMON_DESCRIPTORS_MIN)
		return;
	cause_set(&cause,
	    "too few files may be open: %zu (ulimit -n), and at least %d are "
	    "needed",
	    d->max_descriptors, DAEMON_DESCRIPTORS_MIN);
	daemon_give_up(d, cause);
}

int
daemon_run(const struct daemon_options *options, struct config *config)
{
	struct daemon d = { .options = options,
		.config = config,
		.log_fd = -1,
		.control_cb = control_cb,
		.is_foreground = options->foreground };
	bool is_hub;
	char *cause;

	/* 1. Before any other descriptor is opened: those that were passed. */
	sockets_init(&d.sockets);
	daemon_take(&d);
	/* 2. The lock decides who may open the queue. */
	daemon_count_descriptors(&d);
	is_hub = role_choose(&d);
	/* 3. Sockets may need root, for their directories and owners. */
	if (sockets_open_listeners(&d, &cause) == -1 ||
	    (is_hub && sockets_open_queue(&d, &cause) == -1))
		daemon_give_up(&d, cause);
	/* 4. Forks: the lock and the sockets stay, threads would not. */
	daemon_settle(&d);
	/* 5. The starter still waits, and sees what fails in here. */
	daemon_assemble(&d, is_hub);
	/* 6. Whoever waits for us may go on, as all of it is there. */
	log_set_echo(false);
	process_ready(d.log_fd);
	d.is_ready = true;
	logging_open(&d);
	daemon_say_ready(&d);
	systemd_ready("serving");
	/* 7. Until stop.c ends the loop. */
	event_base_dispatch(d.base);
	daemon_disassemble(&d);
	if (!options->is_once)
		log_info("stopped");
	log_set_file(NULL, 0);
	free(d.log_path);
	return 0;
}

/*
 * A file that root can read the account may not be able to, and it is the
 * account that reads the configuration at a reload (under systemd always).
 */
static int
daemon_check_as_user(const struct daemon *d, char **cause)
{
	const struct daemon_options *o = d->options;
	struct config *config;
	char *why;

	if (!d->account.is_set)
		return 0;
	if (process_drop(&d->account, cause) == -1)
		return -1;
	config = config_load(o->file, o->overrides, o->override_count, &why);
	if (config == NULL) {
		cause_set(cause, "%s, for the user %s, whom crierd becomes",
		    cause_text(why), d->account.name);
		free(why);
		return -1;
	}
	config_free(config);
	return 0;
}

int
daemon_check(const struct daemon_options *options, struct config *config,
    char **cause)
{
	struct daemon d = { .options = options, .config = config };

	if (daemon_find_account(&d, cause) == -1 ||
	    sockets_check_access(&d, cause) == -1)
		return -1;
	logging_warn(&d);
	return daemon_check_as_user(&d, cause);
}
