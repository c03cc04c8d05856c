/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_DAEMON_STATE_H
#define CRIER_DAEMON_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <event2/event.h>

#include "base/listener.h"
#include "base/process.h"
#include "base/systemd.h"
#include "daemon/daemon.h"
#include "door/door.h"
#include "hub/hub.h"
#include "queue/queue.h"
#include "source/program.h"
#include "source/run.h"
#include "store/store.h"

/*
 * What the files of this folder share.  Each structure within struct daemon is
 * written by the file that it is named after, each function has its file's
 * name, and a file uses those above it alone:
 *
 *	sockets logging status	know the daemon's state and nothing else
 *	parts stop		what is made, and how it ends
 *	idle role reload	when the daemon ends, is the hub, changes
 *	control			what its owner asks for at the queue
 *	daemon			the order of it all
 *
 * All that return -1 with *cause have said nothing yet; see base/cause.h.
 */

struct daemon_sockets {
	struct systemd_sockets passed;
	int listeners[DOOR_LISTENERS_MAX];
	size_t listener_count;
	int queue, fifo; /* -1: none */
	int lock;        /* the file that says who is the hub, or -1 */
	struct listener_access queue_access;
};

struct daemon_stop {
	bool is_begun;
	uint64_t until_ms; /* nobody waits longer for an answer */
};

struct daemon_idle {
	struct event *timer; /* NULL: being idle does not end this process */
	uint64_t busy_ms;    /* when somebody was there last */
	uint64_t mark;       /* what had happened by then, counted */
	bool is_leaving;     /* the queue's file is gone; one more look */
};

struct daemon_role {
	struct event *timer;  /* the next try to find a hub */
	struct event *aside;  /* and to ask it what was asked aside */
	uint64_t attached_ms; /* when the last one was connected to */
};

struct daemon_reload {
	uint64_t count;  /* of those that were carried out */
	char error[256]; /* why the last one was not, or "" */
};

enum {
	DAEMON_SIGNALS = 3
};

struct daemon {
	const struct daemon_options *options;
	struct config *config;
	struct process_account account;
	bool is_foreground;
	size_t max_descriptors;
	int log_fd;     /* to become standard error, or -1 */
	char *log_path; /* what it is, if it is a file of our own; or NULL */
	bool is_ready;  /* standard error is what it is to be */
	struct event_base *base;
	struct event *signals[DAEMON_SIGNALS];

	struct daemon_sockets sockets;
	struct daemon_stop stop;
	struct daemon_idle idle;
	struct daemon_role role;
	struct daemon_reload reload;

	/* What the queue asks for its owner: control_cb. */
	int (*control_cb)(void *arg, enum command_kind, bool is_root,
	    struct buffer *reply);

	/* The parts; the last five only in the hub's process. */
	struct door *door;
	struct uplink *uplink, *aside;
	struct programs *programs;
	struct runs *runs; /* the hub's, as what follows */
	struct store *store;
	char *store_url;
	struct hub *hub;
	struct queue *queue;
};

void sockets_init(struct daemon_sockets *);

/* What a service manager has passed is used instead of our own; 0, or -1. */
int sockets_take_passed(struct daemon *, char **cause);

/* 0: this process may be the hub; 1: another one has the lock; -1. */
int sockets_lock(struct daemon *, char **cause);

/* The FastCGI sockets, or the one that is descriptor 0; 0, or -1. */
int sockets_open_listeners(struct daemon *, char **cause);

/*
 * The pipe, then the queue: whoever finds the queue finds all of it.  0, or -1
 * with neither open.
 */
int sockets_open_queue(struct daemon *, char **cause);

/* Binds the queue's path again, whose file was removed; 0, or -1. */
int sockets_reopen_queue(struct daemon *, char **cause);

/* Whether the groups in the configuration exist on this machine; 0, or -1. */
int sockets_check_access(struct daemon *, char **cause);

/*
 * Writes into the lock's file which configuration and store the hub has, and
 * warns if a hub that was not started by hand has another store than the one
 * before it: whoever started it may have forgotten CRIER_CONF.
 */
void sockets_note_hub(const struct daemon *);

/* Removes the files of the sockets that are this process's own. */
void sockets_remove(const struct daemon *);

/* Whether the log is standard error; else it is the system's. */
bool logging_is_stderr(const struct daemon *);

/* Logs as the configuration says, from here on. */
void logging_open(const struct daemon *);

/* Opens log_fd, a file beside the queue, as the account's; 0, or -1. */
int logging_open_file(struct daemon *, char **cause);

/* Warns of what is doubtful in the configuration. */
void logging_warn(const struct daemon *);

/* The queue's status_cb: adds what this process knows; arg is the daemon. */
void status_add_cb(void *arg, struct json_object *status);

/*
 * Makes the door and its uplinks; 0, or -1 (memory).  lost_cb and
 * aside_lost_cb: uplink_new's.
 */
int parts_new(struct daemon *, void (*lost_cb)(void *arg),
    void (*aside_lost_cb)(void *arg));

/* Opens store, hub and queue; 0, or -1. */
int parts_add_hub(struct daemon *, char **cause);

/* Connects one of the door's uplinks to the queue of this process; 0, or -1. */
int parts_connect(struct daemon *, struct uplink *);

/*
 * How many connections to the queue, and how many streams, the configuration
 * and the descriptors allow.
 */
size_t parts_max_connections(const struct daemon *);
size_t parts_max_streams(const struct daemon *);

/* The same of the web server's connections, those of streams among them. */
size_t parts_max_fastcgi(const struct daemon *);

/* From now on the configuration holds for the door. */
void parts_configure_door(struct daemon *);
struct store_bounds parts_store_bounds(const struct config *);

void parts_free(struct daemon *);

/* Ends the daemon in order, as SIGTERM does; at once if it is ending. */
void stop_begin(struct daemon *);

/* Watches for being idle, if that is to end this process; 0, or -1 (memory). */
int idle_start(struct daemon *);
void idle_free(struct daemon *);

/*
 * Whether this process is the hub, before its loop runs.  May sleep until
 * another one has left.  Does not return if this process must not run: exits
 * with 0 if there is a hub and no more is wanted, else as log_fatal.
 */
bool role_choose(struct daemon *);

/* Makes the parts of a process that is no hub (yet); 0, or -1 (memory). */
int role_new(struct daemon *);

/* Finds the hub, or becomes it if there is none; and again when it ends. */
void role_seek_hub(struct daemon *);

void role_free(struct daemon *);

/*
 * Reads the configuration again; false if it is not taken, with reload.error.
 */
bool reload_run(struct daemon *);

/* reload_run, as the signal's callback. */
void reload_cb(evutil_socket_t number, short what, void *arg);

/* The queue's control_cb; arg is the daemon. */
int
control_cb(void *arg, enum command_kind, bool is_root, struct buffer *reply);

#endif
