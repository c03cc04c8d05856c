/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "store/redis_resolve.h"

/*
 * The thread's: it has its own copy of all it needs, since nothing can end a
 * getaddrinfo(3) and the asker may be gone long before.
 */
struct redis_resolve_job {
	struct redis_host host;
	int fd; /* where the answer goes, as the bytes of the next structure */
};

struct redis_resolve_answer {
	struct addrinfo *addresses;
	int error; /* getaddrinfo's */
};

struct redis_resolve {
	int fd;
	struct event *event;
	redis_resolve_cb *cb;
	void *arg;
};

static int
redis_resolve_ask(const struct redis_host *host, struct addrinfo **addresses)
{
	static const struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		.ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV };
	int error;

	*addresses = NULL;
	error = getaddrinfo(host->name, host->port, &hints, addresses);
	return error == 0 && *addresses == NULL ? EAI_NONAME : error;
}

static void *
redis_resolve_run(void *arg)
{
	struct redis_resolve_job *job = arg;
	struct redis_resolve_answer answer = { .error = 0 };

	answer.error = redis_resolve_ask(&job->host, &answer.addresses);
	/* The asker has gone: nobody else frees what was found. */
	if (send(job->fd, &answer, sizeof answer, MSG_NOSIGNAL) == -1 &&
	    answer.addresses != NULL)
		freeaddrinfo(answer.addresses);
	close(job->fd);
	free(job);
	return NULL;
}

static void
redis_resolve_done_cb(evutil_socket_t fd, short what, void *arg)
{
	struct redis_resolve *r = arg;
	struct redis_resolve_answer answer;

	(void)what;
	if (recv(fd, &answer, sizeof answer, 0) != sizeof answer)
		answer = (struct redis_resolve_answer){ .error = EAI_SYSTEM };
	r->cb(r->arg, answer.addresses,
	    answer.error == 0 ? NULL : gai_strerror(answer.error));
}

/* Signals are for the loop's thread. */
static int
redis_resolve_start(struct redis_resolve_job *job)
{
	sigset_t all, before;
	pthread_t thread;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&thread, NULL, redis_resolve_run, job);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error != 0)
		return -1;
	pthread_detach(thread);
	return 0;
}

/* Both ends, and the job with one of them; 0 or -1. */
static int
redis_resolve_begin(struct redis_resolve *r, const struct redis_host *host)
{
	struct redis_resolve_job *job = malloc(sizeof *job);
	int pair[2];

	if (job == NULL)
		return -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1) {
		free(job);
		return -1;
	}
	r->fd = pair[0];
	job->fd = pair[1];
	job->host = *host;
	if (redis_resolve_start(job) == 0)
		return 0;
	close(job->fd);
	free(job);
	return -1;
}

struct redis_resolve *
redis_resolve_new(struct event_base *base, const struct redis_host *host,
    redis_resolve_cb *cb, void *arg)
{
	struct redis_resolve *r = calloc(1, sizeof *r);

	if (r == NULL)
		return NULL;
	r->fd = -1;
	r->cb = cb;
	r->arg = arg;
	if (redis_resolve_begin(r, host) == 0 &&
	    (r->event = event_new(base, r->fd, EV_READ, redis_resolve_done_cb,
		 r)) != NULL &&
	    event_add(r->event, NULL) == 0)
		return r;
	redis_resolve_free(r);
	return NULL;
}

void
redis_resolve_free(struct redis_resolve *r)
{
	struct redis_resolve_answer answer;

	if (r == NULL)
		return;
	if (r->event != NULL)
		event_free(r->event);
	if (r->fd != -1) {
		/* Nothing can come behind this, so what came is freed here. */
		shutdown(r->fd, SHUT_RDWR);
		if (recv(r->fd, &answer, sizeof answer, MSG_DONTWAIT) ==
			sizeof answer &&
		    answer.addresses != NULL)
			freeaddrinfo(answer.addresses);
		close(r->fd);
	}
	free(r);
}
