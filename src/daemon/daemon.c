/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cause.h"
#include "base/clock.h"
#include "base/log.h"
#include "daemon/daemon.h"
#include "door/fcgi.h"
#include "door/uplink.h"
#include "protocol/client.h"
#include "protocol/paths.h"

enum {
	DAEMON_RESERVE = 128, /* descriptors for what is no stream */
	DAEMON_AGAIN_MS = 20,
	DAEMON_LEAVING_MS = 10000, /* for a hub that is about to leave */
	DAEMON_LOG_MAX = 1048576   /* bytes; then it is set aside at a start */
};

static void __attribute__((noreturn)) daemon_die(char *cause)
{
	log_fatal("%s", cause_text(cause));
}

/* What was opened is not left behind. */
static void __attribute__((noreturn))
daemon_give_up(const struct daemon *d, char *cause)
{
	daemon_remove_sockets(d);
	daemon_die(cause);
}

static char *
daemon_say(const char *what, int error)
{
	char *text;

	if (asprintf(&text, "%s: %s", what, strerror(error)) == -1)
		return NULL;
	return text;
}

static bool
daemon_logs_to_stderr(const struct daemon *d)
{
	if (d->config->log_auto)
		return d->is_foreground || d->options->start != DAEMON_ALONE;
	return d->config->log_target == LOG_TARGET_STDERR;
}

static void
daemon_open_log(const struct daemon *d)
{
	log_open(daemon_logs_to_stderr(d) ? LOG_TARGET_STDERR
					  : LOG_TARGET_SYSLOG,
	    d->config->log_level);
}

void
daemon_warn(const struct config *c)
{
	size_t i;

	for (i = 0; i < c->warnings.count; i++)
		log_warning("%s", c->warnings.items[i]);
}

/* What was root's to read is read again at a reload. */
static void
daemon_warn_of_keys(const struct config *c)
{
	const char *file;
	size_t i;

	for (i = 0; i < c->token_key_count; i++) {
		file = c->token_keys[i].file;
		if (*file != '\0' && access(file, R_OK) == -1)
			log_warning("%s: only root can read it, so that the "
				    "configuration cannot be read again",
			    file);
	}
}

size_t
daemon_max_streams(const struct daemon *d)
{
	size_t limit = d->max_descriptors;
	size_t reserve =
	    limit / 4 < DAEMON_RESERVE ? limit / 4 : DAEMON_RESERVE;
	size_t most = limit - reserve;

	if (d->config->max_streams == 0)
		return most;
	if (d->config->max_streams > most)
		log_warning("max-streams: %llu are more than %zu descriptors "
			    "allow, taking %zu",
		    (unsigned long long)d->config->max_streams, limit, most);
	return d->config->max_streams < most ? d->config->max_streams : most;
}

/* While a process that stops waits for something: to look again; 0, or -1. */
static int
daemon_look_again(struct daemon *d,
    void (*look_cb)(evutil_socket_t, short, void *))
{
	static const struct timeval again = { .tv_usec =
						  DAEMON_AGAIN_MS * 1000L };

	return event_base_once(d->base, -1, EV_TIMEOUT, look_cb, d, &again);
}

/* Whoever asks meanwhile is told so, and what was begun is finished. */
static void
daemon_leave_cb(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *d = arg;

	(void)fd;
	(void)what;
	if (!door_is_busy(d->door) || clock_monotonic_ms() >= d->stop_by_ms ||
	    daemon_look_again(d, daemon_leave_cb) == -1)
		event_base_loopexit(d->base, NULL);
}

/* What has come on a connection may not even be read yet. */
static void
daemon_leave(void *arg)
{
	struct daemon *d = arg;

	if (d->door->connection_count == 0 ||
	    daemon_look_again(d, daemon_leave_cb) == -1)
		event_base_loopexit(d->base, NULL);
}

/* Programs have the time that they always have; each is killed then. */
static void
daemon_answered_cb(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *d = arg;

	(void)fd;
	(void)what;
	if (!uplink_is_idle(d->uplink) &&
	    clock_monotonic_ms() < d->stop_by_ms &&
	    daemon_look_again(d, daemon_answered_cb) == 0)
		return;
	if (programs_count(d->programs) > 0 && hub_stream_count(d->hub) == 0)
		programs_wait(d->programs, daemon_leave, d);
	else
		daemon_leave(d);
}

/* What has come to the door is read and answered. */
static void
daemon_drained_cb(void *arg)
{
	struct daemon *d = arg;

	if (d->door->connection_count == 0 ||
	    daemon_look_again(d, daemon_answered_cb) == -1)
		daemon_answered_cb(-1, 0, d);
}

/*
 * The sockets' files go before the sockets, lest they be a successor's.  What
 * came in is taken, then the streams are told.
 */
void
daemon_stop(struct daemon *d)
{
	if (d->is_stopping) {
		event_base_loopbreak(d->base);
		return;
	}
	d->is_stopping = true;
	d->stop_by_ms = clock_monotonic_ms() + d->config->drain_ms;
	systemd_stopping();
	daemon_remove_sockets(d);
	door_close(d->door);
	if (d->hub == NULL) {
		daemon_leave(d);
		return;
	}
	hub_now(d->hub);
	queue_close(d->queue);
	hub_drain(d->hub, daemon_drained_cb, d);
}

static void
daemon_stop_cb(evutil_socket_t number, short what, void *arg)
{
	struct daemon *d = arg;

	(void)what;
	if (!d->is_stopping)
		log_info("stopping: signal %d", (int)number);
	daemon_stop(d);
}

/* The next one, or NULL; and what to say of it. */
static struct config *
daemon_read_config(struct daemon *d, const char **status)
{
	const char *setting;
	struct config *fresh;
	char *cause;

	*status = "the configuration has an error, not changed";
	fresh = config_load(d->options->file, d->options->overrides,
	    d->options->override_count, &cause);
	if (fresh == NULL) {
		snprintf(d->reload_error, sizeof d->reload_error, "%s",
		    cause_text(cause));
		log_error("configuration not changed: %s", d->reload_error);
		free(cause);
		return NULL;
	}
	if ((setting = config_needs_restart(d->config, fresh)) != NULL) {
		snprintf(d->reload_error, sizeof d->reload_error,
		    "%s cannot change without a restart", setting);
		log_error("configuration not changed: %s", d->reload_error);
		config_free(fresh);
		*status = "the configuration needs a restart, not changed";
		return NULL;
	}
	*status = "serving, with the configuration read again";
	return fresh;
}

static void
daemon_reconfigure(struct daemon *d, struct config *fresh)
{
	struct config *old = d->config;

	d->config = fresh;
	daemon_open_log(d);
	door_configure(d->door, fresh, daemon_max_streams(d));
	if (d->hub != NULL) {
		d->store->ops->configure(d->store, fresh->key_ms);
		hub_reconfigure(d->hub, fresh, daemon_max_streams(d));
	}
	config_free(old);
	daemon_warn(fresh);
	d->reloads++;
	d->reload_error[0] = '\0';
	log_info("configuration read again");
}

static void
daemon_reload_cb(evutil_socket_t number, short what, void *arg)
{
	struct daemon *d = arg;
	struct config *fresh;
	const char *status;

	(void)number;
	(void)what;
	systemd_reloading();
	fresh = daemon_read_config(d, &status);
	if (fresh != NULL)
		daemon_reconfigure(d, fresh);
	systemd_ready(status);
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
	/* Whoever started us may have blocked it. */
	sigaddset(&set, SIGCHLD);
	sigprocmask(hold ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}

static void
daemon_listen(struct daemon *d)
{
	size_t i;

	for (i = 0; i < d->listen_count; i++)
		if (door_listen(d->door, d->listen_fds[i]) == -1)
			daemon_die(NULL);
}

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
	door_configure(d->door, d->config, daemon_max_streams(d));
	if (is_hub && role_become_hub(d, &cause) == -1)
		daemon_give_up(d, cause);
	daemon_listen(d);
	if (systemd_watchdog_start(d->base) == -1)
		daemon_give_up(d, NULL);
	daemon_add_signal(d, 0, SIGTERM, daemon_stop_cb);
	daemon_add_signal(d, 1, SIGINT, daemon_stop_cb);
	daemon_add_signal(d, 2, SIGHUP, daemon_reload_cb);
	daemon_hold_signals(false);
	if (is_hub)
		role_watch_idle(d);
	else
		role_seek_hub(d);
}

static void
daemon_disassemble(struct daemon *d)
{
	size_t i;

	role_free(d);
	for (i = 0; i < DAEMON_SIGNALS; i++)
		if (d->signals[i] != NULL)
			event_free(d->signals[i]);
	systemd_watchdog_stop();
	event_base_free(d->base);
	libevent_global_shutdown();
	config_free(d->config);
}

/* Where a hub that nobody looks at writes its log: beside its queue. */
static void
daemon_open_log_file(struct daemon *d)
{
	char *path = paths_beside(d->config->queue, "crierd.log"), *old;
	struct stat st;

	if (path == NULL)
		daemon_die(NULL);
	if (stat(path, &st) == 0 && st.st_size > DAEMON_LOG_MAX &&
	    asprintf(&old, "%s.1", path) != -1) {
		rename(path, old);
		free(old);
	}
	d->log_fd = open(path,
	    O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (d->log_fd == -1 ||
	    (d->account.is_set &&
		fchown(d->log_fd, d->account.uid, d->account.gid) == -1))
		daemon_give_up(d, daemon_say(path, errno));
	free(path);
}

/* Everything that needs root, or the starter's terminal, comes before. */
static void
daemon_settle(struct daemon *d)
{
	enum daemon_start start = d->options->start;
	char *cause;

	if (!d->is_foreground && start != DAEMON_SPAWNED &&
	    process_detach(&cause) == -1)
		daemon_die(cause);
	if (start == DAEMON_ON_DEMAND && !d->is_foreground &&
	    daemon_logs_to_stderr(d))
		daemon_open_log_file(d);
	else if (!daemon_logs_to_stderr(d))
		d->log_fd = STDOUT_FILENO;
	if (process_drop(&d->account, &cause) == -1)
		daemon_give_up(d, cause);
	/* The history is nobody's but the group's. */
	umask(0007);
	daemon_open_log(d);
	/* Whoever started it shall see why it does not start. */
	log_set_echo(d->log_fd == STDOUT_FILENO);
	daemon_warn(d->config);
	daemon_warn_of_keys(d->config);
}

static bool
daemon_is_served(const struct daemon *d)
{
	struct client client;

	if (client_try(&client, d->config->queue, 0, 0) == -1)
		return errno == EAGAIN;
	client_close(&client);
	return true;
}

/*
 * Whether this process is the hub.  One that is started on demand has nothing
 * to do if there is a hub, and waits for one that is about to leave.
 */
static bool
daemon_is_hub(struct daemon *d)
{
	uint64_t until = clock_monotonic_ms() + DAEMON_LEAVING_MS;
	char *cause;
	int locked;

	if (d->options->is_once)
		return false;
	while ((locked = daemon_lock(d, &cause)) == 1 &&
	    d->options->start == DAEMON_ON_DEMAND) {
		if (daemon_is_served(d))
			exit(0);
		if (clock_monotonic_ms() > until)
			break;
		clock_sleep_ms(DAEMON_AGAIN_MS);
	}
	if (d->options->start == DAEMON_SPAWNED) {
		if (locked == -1) {
			log_warning("%s", cause_text(cause));
			free(cause);
		}
		return locked == 0;
	}
	if (locked == -1)
		daemon_die(cause);
	if (locked == 1)
		log_fatal("%s.lock: another crierd is running on it",
		    d->config->queue);
	return true;
}

/* One that comes and goes with each request has nothing to tell. */
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

int
daemon_run(const struct daemon_options *options, struct config *config)
{
	struct daemon d = { .options = options,
		.config = config,
		.queue_fd = -1,
		.fifo_fd = -1,
		.log_fd = -1,
		.passed = { .queue = -1, .fifo = -1 },
		.is_foreground = options->foreground };
	bool is_hub;
	char *cause;

	if (process_find_account(config->user, &d.account, &cause) == -1 ||
	    (options->start == DAEMON_ALONE &&
		systemd_take_sockets(config->queue, &d.passed, &cause) == -1))
		daemon_die(cause);
	if (options->start == DAEMON_ALONE && systemd_is_manager(&d.passed))
		d.is_foreground = true;
	/* Who started us has a manager of his own, who waits for him. */
	if (options->start != DAEMON_ALONE)
		unsetenv("NOTIFY_SOCKET");
	d.max_descriptors = process_raise_descriptors();
	is_hub = daemon_is_hub(&d);
	if (daemon_open_listeners(&d, &cause) == -1 ||
	    (is_hub && daemon_open_queue(&d, &cause) == -1))
		daemon_give_up(&d, cause);
	daemon_settle(&d);
	daemon_assemble(&d, is_hub);
	log_set_echo(false);
	process_ready(d.log_fd);
	daemon_say_ready(&d);
	systemd_ready("serving");
	event_base_dispatch(d.base);
	daemon_disassemble(&d);
	if (!options->is_once)
		log_info("stopped");
	return 0;
}
