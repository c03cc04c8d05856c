/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_DAEMON_DAEMON_H
#define CRIER_DAEMON_DAEMON_H

#include <stdbool.h>
#include <stddef.h>

#include <event2/event.h>

#include "base/listener.h"
#include "base/process.h"
#include "base/systemd.h"
#include "config/config.h"
#include "door/door.h"
#include "hub/hub.h"
#include "queue/queue.h"
#include "source/program.h"
#include "store/store.h"

/*
 * A crierd that stays: its sockets, the order of starting and stopping, its
 * signals, and its role.  One process for a queue is the hub; the lock beside
 * the queue's socket says which.  Of several that a process manager started,
 * the others are doors, and one of them becomes the hub when it has ended.
 */

enum {
	DAEMON_OVERRIDES_MAX = 64,
	DAEMON_SIGNALS = 3
};

/* How it was started. */
enum daemon_start {
	DAEMON_ALONE,    /* by a person or an init system: it is the hub */
	DAEMON_SPAWNED,  /* by a web server: descriptor 0 is listening */
	DAEMON_ON_DEMAND /* by one that needs a hub: leaves when idle */
};

struct daemon_options {
	const char *file;
	struct config_override overrides[DAEMON_OVERRIDES_MAX];
	size_t override_count;
	bool foreground;
	enum daemon_start start;
	bool is_once; /* hands a stream over and leaves; never the hub */
};

struct daemon {
	const struct daemon_options *options;
	struct config *config;
	struct process_account account;
	bool is_foreground;
	struct systemd_sockets passed;
	int listen_fds[DOOR_LISTENERS_MAX];
	size_t listen_count;
	int queue_fd, fifo_fd; /* -1: none */
	int log_fd;            /* to become standard error, or -1 */
	struct listener_access queue_access;
	size_t max_descriptors;
	struct event_base *base;
	struct event *signals[DAEMON_SIGNALS];
	struct event *role; /* the next try to find a hub; or the idle watch */
	struct uplink *uplink;
	uint64_t attached_ms; /* when it was connected */
	struct door *door;
	struct programs *programs;
	uint64_t stop_by_ms; /* what was begun is finished by then, or never */
	struct store *store; /* from here on: NULL if another is the hub */
	char *store_url;
	struct hub *hub;
	struct queue *queue;
	uint64_t busy_ms;   /* when somebody was there last */
	uint64_t busy_mark; /* what had happened by then */
	bool is_leaving;    /* being idle: its socket's file is gone */
	bool is_stopping;
	uint64_t reloads;       /* that were carried out */
	char reload_error[256]; /* why the last one was not, or "" */
};

/* Runs until it is told to end; the exit status.  Takes the configuration. */
int daemon_run(const struct daemon_options *, struct config *);

/* How many streams the configuration and the descriptors allow. */
size_t daemon_max_streams(const struct daemon *);

/* Says what is doubtful in a configuration. */
void daemon_warn(const struct config *);

/* Ends it in order, as SIGTERM does; at once if it is ending already. */
void daemon_stop(struct daemon *);

/*
 * sockets.c.  All with *cause, the caller's (NULL: memory), if they return -1;
 * what they opened is then closed again.
 */

/* 0: this process is to be the hub; 1: another one is; -1. */
int daemon_lock(struct daemon *, char **cause);

/* The FastCGI sockets, or the one that is descriptor 0. */
int daemon_open_listeners(struct daemon *, char **cause);

/* The pipe, then the queue: whoever finds that finds all of it. */
int daemon_open_queue(struct daemon *, char **cause);

/* The queue again, whose socket's file was removed. */
int daemon_reopen_queue(struct daemon *, char **cause);

/* Whether the names in the configuration exist on this machine. */
int daemon_check_access(struct daemon *, char **cause);

/* Removes the files of the sockets that are this process's. */
void daemon_remove_sockets(const struct daemon *);

/* role.c. */

/* Makes the door and its uplink; 0, or -1 (memory). */
int role_new(struct daemon *);

/* Opens store and hub behind the queue; 0, or -1 with *cause as above. */
int role_become_hub(struct daemon *, char **cause);

/* Finds the hub, or becomes it if there is none; and again when it ends. */
void role_seek_hub(struct daemon *);

/* Watches for being idle, if that is to end it. */
void role_watch_idle(struct daemon *);

void role_free(struct daemon *);

#endif
