/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/config.h"
#include "base/json.h"
#include "base/log.h"
#include "base/process.h"
#include "door/door.h"
#include "door/fcgi.h"
#include "hub/hub.h"
#include "queue/fifo.h"
#include "queue/queue.h"

/* crierd(8): options, the order of starting and stopping, signals. */

enum {
	CRIERD_OVERRIDES_MAX = 64,
	CRIERD_SIGNALS = 3,
	CRIERD_RESERVE = 128 /* descriptors for what is no stream */
};

struct crierd_options {
	const char *file;
	struct config_override overrides[CRIERD_OVERRIDES_MAX];
	size_t override_count;
	bool foreground;
	int check; /* -n, -nn */
};

struct crierd {
	const struct crierd_options *options;
	struct config *config;
	struct process_account account;
	bool is_spawned; /* descriptor 0 is the listening socket */
	int listen_fds[DOOR_LISTENERS_MAX];
	size_t listen_count;
	int queue_fd, fifo_fd; /* -1: none */
	struct listener_access queue_access;
	size_t max_descriptors;
	struct event_base *base;
	struct store *store;
	struct hub *hub;
	struct queue *queue;
	struct door *door;
	struct event *signals[CRIERD_SIGNALS];
	bool is_stopping;
};

static void __attribute__((noreturn)) crierd_usage(int status)
{
	fprintf(status == 0 ? stdout : stderr,
	    "usage: crierd [-fnV] [-c FILE] [-o NAME=VALUE]...\n"
	    "  -c FILE        configuration (default: " SYSCONFDIR
	    "/crier.conf, if there is one)\n"
	    "  -f             stay in the foreground, log to standard error\n"
	    "  -n             check the configuration and say so; -nn prints it\n"
	    "  -o NAME=VALUE  override a setting\n"
	    "  -V             print the version\n");
	exit(status);
}

static void __attribute__((noreturn)) crierd_die(char *cause)
{
	log_fatal("%s", cause == NULL ? "out of memory" : cause);
}

static void
crierd_add_override(struct crierd_options *o, const char *text)
{
	if (o->override_count == CRIERD_OVERRIDES_MAX)
		log_fatal("more than %d times -o", CRIERD_OVERRIDES_MAX);
	o->overrides[o->override_count++].text = text;
}

static void
crierd_read_options(struct crierd_options *o, int argc, char **argv)
{
	static const struct option longs[] = { { "help", no_argument, NULL,
						   'h' },
		{ "version", no_argument, NULL, 'V' }, { NULL, 0, NULL, 0 } };
	int c;

	while ((c = getopt_long(argc, argv, "c:fhno:V", longs, NULL)) != -1) {
		switch (c) {
		case 'c':
			o->file = optarg;
			break;
		case 'f':
			o->foreground = true;
			break;
		case 'n':
			o->check++;
			break;
		case 'o':
			crierd_add_override(o, optarg);
			break;
		case 'V':
			puts("crierd " PACKAGE_VERSION);
			exit(0);
		case 'h':
			crierd_usage(0);
		default:
			crierd_usage(EX_USAGE);
		}
	}
	if (optind < argc)
		crierd_usage(EX_USAGE);
}

/* A web server that spawns us can only set the environment. */
static void
crierd_read_environment(struct crierd_options *o)
{
	static char queue[512];
	const char *value = getenv("CRIER_QUEUE");

	if (o->file == NULL)
		o->file = getenv("CRIER_CONF");
	if (o->file == NULL && access(SYSCONFDIR "/crier.conf", F_OK) == 0)
		o->file = SYSCONFDIR "/crier.conf";
	if (value == NULL || *value == '\0')
		return;
	if (strlen(value) > sizeof queue - sizeof "queue=")
		log_fatal("CRIER_QUEUE: path is too long");
	/* In front, so that -o has the last word. */
	snprintf(queue, sizeof queue, "queue=%s", value);
	crierd_add_override(o, queue);
	memmove(o->overrides + 1, o->overrides,
	    (o->override_count - 1) * sizeof *o->overrides);
	o->overrides[0].text = queue;
}

static bool
crierd_logs_to_stderr(const struct crierd *d)
{
	if (d->config->log_auto)
		return d->options->foreground || d->is_spawned;
	return d->config->log_target == LOG_TARGET_STDERR;
}

static void
crierd_open_log(const struct crierd *d)
{
	log_open(crierd_logs_to_stderr(d) ? LOG_TARGET_STDERR
					  : LOG_TARGET_SYSLOG,
	    d->config->log_level);
}

static void
crierd_warn(const struct config *c)
{
	size_t i;

	for (i = 0; i < c->warnings.count; i++)
		log_warning("%s", c->warnings.items[i]);
}

/* What was root's to read is read again at a reload. */
static void
crierd_warn_of_keys(const struct config *c)
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

static void
crierd_find_access(const struct crierd *d, const char *setting,
    const char *group, mode_t mode, struct listener_access *access)
{
	char *cause;

	if (process_find_group(group, &access->group, &cause) == -1)
		log_fatal("%s: %s", setting,
		    cause == NULL ? "out of memory" : cause);
	access->owner = (uid_t)-1;
	access->mode = mode;
	if (!d->account.is_set)
		return;
	access->owner = d->account.uid;
	if (access->group == (gid_t)-1)
		access->group = d->account.gid;
}

/* Those that are ours, by what was opened so far. */
static void
crierd_remove_sockets(const struct crierd *d)
{
	const char *path;
	size_t i;

	if (d->queue_fd != -1)
		unlink(d->config->queue);
	for (i = 0; !d->is_spawned && i < d->listen_count; i++)
		if ((path = listener_path(d->config->listen.items[i])) != NULL)
			unlink(path);
}

/* What was opened is not left behind. */
static void __attribute__((noreturn))
crierd_give_up(const struct crierd *d, char *cause)
{
	crierd_remove_sockets(d);
	crierd_die(cause);
}

static void
crierd_open_listeners(struct crierd *d)
{
	const struct config_list *listen = &d->config->listen;
	struct listener_access access;
	char *cause;
	size_t i;

	crierd_find_access(d, "listen-group", d->config->listen_group,
	    d->config->listen_mode, &access);
	if (d->is_spawned) {
		if (loop_prepare_fd(STDIN_FILENO) == -1)
			log_fatal("descriptor 0: %s", strerror(errno));
		d->listen_fds[d->listen_count++] = STDIN_FILENO;
		return;
	}
	if (listen->count > DOOR_LISTENERS_MAX)
		log_fatal("listen: more than %d", DOOR_LISTENERS_MAX);
	for (i = 0; i < listen->count; i++) {
		d->listen_fds[i] =
		    listener_open(listen->items[i], &access, &cause);
		if (d->listen_fds[i] == -1)
			crierd_give_up(d, cause);
		d->listen_count++;
	}
}

/* One hub for a queue: the lock decides, also between two that start at once.
 */
static void
crierd_lock_queue(struct crierd *d)
{
	const struct config *c = d->config;
	char *cause, *lock;

	crierd_find_access(d, "queue-group", c->queue_group, c->queue_mode,
	    &d->queue_access);
	if (listener_make_directory(c->queue, &d->queue_access, &cause) == -1)
		crierd_die(cause);
	if (asprintf(&lock, "%s.lock", c->queue) == -1)
		crierd_die(NULL);
	if (process_lock(lock, &d->account, &cause) == -1)
		crierd_die(cause);
	free(lock);
}

/* Last: whoever finds the queue there finds all of it. */
static void
crierd_open_queue(struct crierd *d)
{
	const struct config *c = d->config;
	const char *path = c->store + strlen("sqlite:");
	char *cause;

	d->fifo_fd = -1;
	if (strncmp(c->store, "sqlite:", strlen("sqlite:")) == 0 &&
	    listener_make_directory(path, &d->queue_access, &cause) == -1)
		crierd_give_up(d, cause);
	if (*c->fifo != '\0' &&
	    (d->fifo_fd = fifo_open(c->fifo, &d->queue_access, &cause)) == -1)
		crierd_give_up(d, cause);
	d->queue_fd = listener_open(c->queue, &d->queue_access, &cause);
	if (d->queue_fd == -1)
		crierd_give_up(d, cause);
}

static size_t
crierd_max_streams(const struct crierd *d)
{
	size_t limit = d->max_descriptors;
	size_t reserve =
	    limit / 4 < CRIERD_RESERVE ? limit / 4 : CRIERD_RESERVE;
	size_t most = limit - reserve;

	if (d->config->max_streams == 0)
		return most;
	if (d->config->max_streams > most)
		log_warning("max-streams: %llu are more than %zu descriptors "
			    "allow, taking %zu",
		    (unsigned long long)d->config->max_streams, limit, most);
	return d->config->max_streams < most ? d->config->max_streams : most;
}

static void
crierd_drained_cb(void *arg)
{
	struct crierd *d = arg;

	event_base_loopexit(d->base, NULL);
}

/*
 * The sockets' files go before the sockets, lest they be a successor's.  What
 * came in is taken, then the streams are told.
 */
static void
crierd_stop_cb(evutil_socket_t number, short what, void *arg)
{
	struct crierd *d = arg;

	(void)what;
	if (d->is_stopping) {
		event_base_loopbreak(d->base);
		return;
	}
	log_info("stopping: signal %d", (int)number);
	d->is_stopping = true;
	hub_now(d->hub);
	crierd_remove_sockets(d);
	door_close(d->door);
	queue_close(d->queue);
	hub_drain(d->hub, crierd_drained_cb, d);
}

static void
crierd_reload_cb(evutil_socket_t number, short what, void *arg)
{
	struct crierd *d = arg;
	struct config *fresh, *old = d->config;
	const char *setting;
	char *cause;

	(void)number;
	(void)what;
	fresh = config_load(d->options->file, d->options->overrides,
	    d->options->override_count, &cause);
	if (fresh == NULL) {
		log_error("configuration not changed: %s",
		    cause == NULL ? "out of memory" : cause);
		free(cause);
		return;
	}
	if ((setting = config_needs_restart(old, fresh)) != NULL) {
		log_error("configuration not changed: %s cannot change "
			  "without a restart",
		    setting);
		config_free(fresh);
		return;
	}
	d->config = fresh;
	crierd_open_log(d);
	d->store->ops->configure(d->store, fresh->key_ms);
	hub_reconfigure(d->hub, fresh, crierd_max_streams(d));
	config_free(old);
	crierd_warn(fresh);
	log_info("configuration read again");
}

static void
crierd_status_cb(void *arg, struct json_object *status)
{
	struct crierd *d = arg;
	const struct door_counters *counters = &d->door->counters;
	struct json_object *o = json_object_new_object();

	json_add_number(o, "waiting", d->door->connection_count);
	json_add_number(o, "connections", counters->connections);
	json_add_number(o, "requests", counters->requests);
	json_add_number(o, "refused", counters->refused);
	json_add_number(o, "broken", counters->broken);
	json_add(status, "fastcgi", o);
	o = json_object_new_object();
	d->store->ops->status(d->store, o);
	json_add(status, "store", o);
}

static void
crierd_add_signal(struct crierd *d, size_t i, int number, event_callback_fn cb)
{
	d->signals[i] = evsignal_new(d->base, number, cb, d);
	if (d->signals[i] == NULL || event_add(d->signals[i], NULL) == -1)
		log_fatal("cannot watch signal %d", number);
}

/* A signal that comes while libfcgi's handlers are in place would be lost. */
static void
crierd_hold_signals(bool hold)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(hold ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}

static void
crierd_open_store(struct crierd *d)
{
	const struct config *c = d->config;
	struct store_options options = { .url = c->store,
		.durability = (enum store_durability)c->durability,
		.keep_in_memory = c->store_error == CONFIG_MEMORY,
		.key_ms = c->key_ms,
		.base = d->base };
	char *cause;

	if ((d->store = store_open(&options, &cause)) == NULL)
		crierd_die(cause);
}

static void
crierd_assemble(struct crierd *d)
{
	size_t i;

	crierd_hold_signals(true);
	fcgi_init();
	signal(SIGPIPE, SIG_IGN);
	signal(SIGUSR1, SIG_IGN);
	if ((d->base = event_base_new()) == NULL)
		log_fatal("libevent cannot be initialised");
	crierd_open_store(d);
	d->hub = hub_new(d->base, d->config, d->store, crierd_max_streams(d));
	if (d->hub == NULL)
		crierd_die(NULL);
	d->queue = queue_new(d->base, d->hub);
	d->door = door_new(d->base, d->hub);
	if (d->queue == NULL || d->door == NULL ||
	    queue_listen(d->queue, d->queue_fd) == -1)
		crierd_die(NULL);
	if (d->fifo_fd != -1 && queue_read_fifo(d->queue, d->fifo_fd) == -1)
		crierd_die(NULL);
	for (i = 0; i < d->listen_count; i++)
		if (door_listen(d->door, d->listen_fds[i]) == -1)
			crierd_die(NULL);
	queue_set_status(d->queue, crierd_status_cb, d);
	crierd_add_signal(d, 0, SIGTERM, crierd_stop_cb);
	crierd_add_signal(d, 1, SIGINT, crierd_stop_cb);
	crierd_add_signal(d, 2, SIGHUP, crierd_reload_cb);
	crierd_hold_signals(false);
}

static void
crierd_disassemble(struct crierd *d)
{
	size_t i;

	door_free(d->door);
	/* The store gives back its batches, which the queue waits for. */
	store_close(d->store);
	queue_free(d->queue);
	hub_free(d->hub);
	for (i = 0; i < CRIERD_SIGNALS; i++)
		if (d->signals[i] != NULL)
			event_free(d->signals[i]);
	event_base_free(d->base);
	libevent_global_shutdown();
	config_free(d->config);
}

/* Everything that needs root, or the starter's terminal, comes before. */
static void
crierd_settle(struct crierd *d)
{
	char *cause;

	if (!d->options->foreground && !d->is_spawned &&
	    process_detach(&cause) == -1)
		crierd_die(cause);
	if (process_drop(&d->account, &cause) == -1)
		crierd_die(cause);
	/* The history is nobody's but the group's. */
	umask(0007);
	crierd_open_log(d);
	crierd_warn(d->config);
	crierd_warn_of_keys(d->config);
}

/* The names in it, too, must exist on this machine. */
static void
crierd_check(const struct crierd *d)
{
	const struct config *c = d->config;
	struct listener_access access;

	crierd_warn(c);
	crierd_find_access(d, "listen-group", c->listen_group, c->listen_mode,
	    &access);
	crierd_find_access(d, "queue-group", c->queue_group, c->queue_mode,
	    &access);
	if (d->options->check > 1)
		config_print(c, stdout);
	else
		printf("crierd: %s: the configuration is good\n",
		    d->options->file == NULL ? "no file" : d->options->file);
}

int
main(int argc, char **argv)
{
	struct crierd_options options = { 0 };
	struct crierd d = { .options = &options, .queue_fd = -1 };
	char *cause;

	process_guard_descriptors();
	crierd_read_options(&options, argc, argv);
	crierd_read_environment(&options);
	d.config = config_load(options.file, options.overrides,
	    options.override_count, &cause);
	if (d.config == NULL) {
		fprintf(stderr, "crierd: %s\n",
		    cause == NULL ? "out of memory" : cause);
		free(cause);
		return EX_CONFIG;
	}
	if (process_find_account(d.config->user, &d.account, &cause) == -1)
		crierd_die(cause);
	if (options.check > 0) {
		crierd_check(&d);
		config_free(d.config);
		return 0;
	}
	d.is_spawned = listener_is_listening(STDIN_FILENO);
	d.max_descriptors = process_raise_descriptors();
	crierd_lock_queue(&d);
	crierd_open_listeners(&d);
	crierd_open_queue(&d);
	crierd_settle(&d);
	crierd_assemble(&d);
	process_ready(crierd_logs_to_stderr(&d));
	log_info("crierd " PACKAGE_VERSION " is ready: configuration %s, "
		 "queue %s, store %s, up to %zu streams",
	    options.file == NULL ? "none" : options.file, d.config->queue,
	    d.config->store, d.hub->max_streams);
	event_base_dispatch(d.base);
	crierd_disassemble(&d);
	log_info("stopped");
	return 0;
}
