/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "hub/crew.h"

enum {
	CREW_PIECE = 32 /* of the work, at a time */
};

struct crew_member {
	struct crew *crew;
	size_t number;
	pthread_t thread;
};

struct crew {
	pthread_mutex_t lock;
	pthread_cond_t begin, end;
	unsigned round; /* of the work at hand */
	bool is_open;   /* members that wake up may help */
	size_t busy;    /* members that help with it */
	bool is_over;

	/* The work; written under the lock before a round. */
	void (*work)(void *, size_t, size_t, size_t);
	void *arg;
	size_t count;
	atomic_size_t next; /* the first that nobody has taken */

	size_t size;
	struct crew_member members[]; /* the first is the loop's own */
};

static void
crew_take_pieces(struct crew *c, size_t member)
{
	size_t from, to;

	for (;;) {
		from = atomic_fetch_add_explicit(&c->next, CREW_PIECE,
		    memory_order_relaxed);
		if (from >= c->count)
			return;
		to = from + CREW_PIECE;
		c->work(c->arg, member, from, to < c->count ? to : c->count);
	}
}

static void *
crew_run(void *arg)
{
	struct crew_member *m = arg;
	struct crew *c = m->crew;
	unsigned round = 0;

	pthread_mutex_lock(&c->lock);
	for (;;) {
		while ((c->round == round || !c->is_open) && !c->is_over)
			pthread_cond_wait(&c->begin, &c->lock);
		if (c->is_over)
			break;
		round = c->round;
		c->busy++;
		pthread_mutex_unlock(&c->lock);
		crew_take_pieces(c, m->number);
		pthread_mutex_lock(&c->lock);
		if (--c->busy == 0)
			pthread_cond_signal(&c->end);
	}
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

/* The threads block all signals, which are for the loop's thread. */
static int
crew_start(struct crew *c)
{
	sigset_t all, old;
	size_t i;
	int error = 0;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	for (i = 1; error == 0 && i < c->size; i++) {
		c->members[i].crew = c;
		c->members[i].number = i;
		error = pthread_create(&c->members[i].thread, NULL, crew_run,
		    &c->members[i]);
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (error != 0)
		c->size = i - 1;
	errno = error;
	return error == 0 ? 0 : -1;
}

struct crew *
crew_new(size_t threads)
{
	struct crew *c =
	    calloc(1, sizeof *c + threads * sizeof(struct crew_member));
	int error;

	if (c == NULL)
		return NULL;
	c->size = threads;
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->begin, NULL);
	pthread_cond_init(&c->end, NULL);
	if (crew_start(c) == 0)
		return c;
	error = errno;
	crew_free(c);
	errno = error;
	return NULL;
}

void
crew_free(struct crew *c)
{
	size_t i;

	if (c == NULL)
		return;
	pthread_mutex_lock(&c->lock);
	c->is_over = true;
	pthread_cond_broadcast(&c->begin);
	pthread_mutex_unlock(&c->lock);
	for (i = 1; i < c->size; i++)
		pthread_join(c->members[i].thread, NULL);
	pthread_cond_destroy(&c->end);
	pthread_cond_destroy(&c->begin);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

size_t
crew_size(const struct crew *c)
{
	return c->size;
}

void
crew_work(struct crew *c, size_t count,
    void (*work)(void *, size_t, size_t, size_t), void *arg)
{
	pthread_mutex_lock(&c->lock);
	c->work = work;
	c->arg = arg;
	c->count = count;
	atomic_store_explicit(&c->next, 0, memory_order_relaxed);
	c->is_open = true;
	c->round++;
	pthread_cond_broadcast(&c->begin);
	pthread_mutex_unlock(&c->lock);
	crew_take_pieces(c, 0);
	pthread_mutex_lock(&c->lock);
	/* Members that have not woken up by now have nothing left to do. */
	c->is_open = false;
	while (c->busy > 0)
		pthread_cond_wait(&c->end, &c->lock);
	pthread_mutex_unlock(&c->lock);
}
