/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * A crierd of the test's own, in a directory of its own, and its queue. The
 * program is $CRIERD (words as a shell would split them at spaces, so that a
 * tool may stand in front), else ./crierd. Times are scaled like those of
 * fcgi_client.h.
 */
#ifndef CRIER_TESTS_DAEMON_H
#define CRIER_TESTS_DAEMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

struct daemon {
	pid_t pid;
	char dir[64];
	char listen[128]; /* as fcgi_open() wants it */
	char also[128];   /* the second listener, or empty */
	char queue[128];
	char fifo[128];
	char config[128];
	char log[128];
};

/* A connection to the queue socket; lines out, lines in. */
struct daemon_queue {
	FILE *in;
	int fd;
	char *line;
	size_t cap;
};

/* Starts crierd and waits until both its sockets answer. OPTIONS is a list of
 * NAME=VALUE for -o, ended by NULL (NULL: none); "listen=..." replaces the
 * Unix socket, "also=..." adds a listener (port 0: one that is free); one that
 * begins with '@' is text for the configuration file. Prints why and returns
 * NULL when it does not come up. */
struct daemon *daemon_start(const char *const *options);

/* Ends it with SIGTERM, waits and removes its directory (kept when
 * $CRIER_TEST_KEEP is set). 0; or -1, and the log is printed, when its exit
 * status is not 0 or a sanitizer reported something. */
int daemon_stop(struct daemon *daemon);

/* Whether it still runs. */
bool daemon_is_alive(const struct daemon *daemon);

/* ADDRESS with its port 0 replaced by a free one, into TO. 0; -1: it cannot be
 * bound at all. An address without port 0 is copied. */
int daemon_free_port(const char *address, char *to, size_t size);

/* 0, or -1 with errno. */
int daemon_queue_open(struct daemon_queue *queue, const struct daemon *daemon);
void daemon_queue_close(struct daemon_queue *queue);
/* Sends LINE and a newline; the reply's line without its newline, good until
 * the next one, or NULL. */
const char *daemon_queue_ask(struct daemon_queue *queue, const char *line);

/* Publishes TEXT (no characters that JSON escapes). The number of streams
 * that the reply names, or -1. */
int daemon_publish(const struct daemon *daemon, const char *channel,
    const char *text);
/* Publishes the events FIRST to FIRST+COUNT-1 of daemon_fill() with SIZE
 * bytes each, pipelined. 0, or -1 when one was not accepted. */
int daemon_publish_many(const struct daemon *daemon, const char *channel,
    unsigned first, unsigned count, size_t size);
/* SIZE bytes of event N's data: "NNNNNN:" and a pattern that differs from
 * event to event and from place to place. SIZE >= 7. */
void daemon_fill(char *data, unsigned n, size_t size);
/* {"do":"close"} for a channel; 0 or -1. */
int daemon_close_channel(const struct daemon *daemon, const char *channel,
    bool stop);

/* Open streams as its status says, or -1. */
int daemon_streams(const struct daemon *daemon);
/* Waits until there are COUNT streams. */
bool daemon_wait_streams(const struct daemon *daemon, int count, int ms);
/* A turn of crierd's loop: what was sent before is seen afterwards. */
bool daemon_turn(struct daemon_queue *queue);

#endif
