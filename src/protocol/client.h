/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_PROTOCOL_CLIENT_H
#define CRIER_PROTOCOL_CLIENT_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/lines.h"

struct json_object;

/*
 * A program's end of a queue socket: lines out, lines in, in order.  Writing
 * never waits while there is something to read, so that neither side can wait
 * for the other for ever.
 */
struct client {
	int fd;
	struct buffer out; /* to be sent */
	struct buffer in;  /* received; client_next_line takes from it */
	bool ended;        /* by the other side: all that it said is in in */
	bool was_reset;    /* ended, and not all that was sent was read */
	struct lines lines;
	int silence_ms;   /* how long a reply is waited for */
	bool keeps_order; /* crierd has said that it does (spool_drain.h) */
};

enum {
	CLIENT_LINE_MAX = 8 * 1024 * 1024, /* bytes of a line, out or in */
	/*
	 * When a crierd that owes a reply is given up: silence_ms as
	 * client_open sets it.
	 */
	CLIENT_SILENCE_MS = 30000
};

/*
 * Connects, and tries again for wait_ms if there is no crierd yet.  0, or the
 * exit code (EX_UNAVAILABLE, EX_NOPERM, EX_TEMPFAIL, EX_OSERR) after saying
 * why on standard error.
 */
int client_open(struct client *, const char *path, uint64_t wait_ms);

/*
 * Connects like client_open, but says nothing; a full backlog is waited for
 * during busy_ms at least.  0, or -1 with errno, of which client_explain makes
 * words and an exit code.
 */
int client_try(struct client *, const char *path, uint64_t wait_ms,
    uint64_t busy_ms);
int client_explain(const char *path, int error);

/* Closes the connection and frees the buffers. */
void client_close(struct client *);

/*
 * Waits until something can be sent or received or one of fds is ready, and
 * does what is possible on the socket.  fds[0] is for the socket itself; count
 * is at least 1.  Returns 1; 0 after timeout_ms (-1: no limit); -1 with errno
 * (EINTR: a signal).
 */
int
client_turn(struct client *, struct pollfd *fds, nfds_t count, int timeout_ms);

/*
 * The next complete line without its newline, the client's until the next
 * call; false if there is none yet.
 */
bool client_next_line(struct client *, const char **line, size_t *len);

/*
 * Sends a command, which it frees (NULL: there was no memory for it), and waits
 * for its reply, the client's until the next call.  0, or the exit code after
 * saying on standard error why there is none, or why it is refused.
 */
int client_call(struct client *, struct json_object *command,
    const char **reply, size_t *reply_len);

/*
 * Sends a line, its end included, with a descriptor (-1: none), and waits for
 * the reply, without a word.  0, or -1 with errno: ECONNRESET if the connection
 * ended before the reply, ETIMEDOUT if nothing came for silence_ms.
 */
int client_ask(struct client *, const struct buffer *line, int fd,
    const char **reply, size_t *reply_len);

/*
 * Of two exit codes the one to end with: a failure that stays weighs more than
 * one that may pass.
 */
int client_worse_code(int a, int b);

/* Prints "crier: " and the words on standard error. */
void client_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
