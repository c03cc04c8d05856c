/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "hub/state.h"
#include "hub/watch.h"

enum {
	WATCH_EVENTS = 256 /* before others have their turn */
};

struct watch {
	struct hub *hub;
	void (*ready_cb)(struct stream *, bool readable, bool writable);
	struct event *io;
	int epoll;
};

/*
 * Streams that end in here are not freed before the loop's turn is over, so all
 * that the kernel named still exist; those that are dead by now are skipped.
 */
static void
watch_io_cb(evutil_socket_t fd, short what, void *arg)
{
	struct watch *w = arg;
	struct epoll_event events[WATCH_EVENTS];
	struct stream *s;
	uint32_t gone;
	int n, i;

	(void)what;
	hub_now(w->hub);
	n = epoll_wait(fd, events, WATCH_EVENTS, 0);
	for (i = 0; i < n; i++) {
		s = events[i].data.ptr;
		gone = events[i].events & (EPOLLHUP | EPOLLERR);
		if (s->state != STREAM_DEAD)
			w->ready_cb(s,
			    gone != 0 || (events[i].events & EPOLLIN) != 0,
			    gone != 0 || (events[i].events & EPOLLOUT) != 0);
	}
}

struct watch *
watch_new(struct hub *hub, void (*ready_cb)(struct stream *, bool, bool))
{
	struct watch *w = calloc(1, sizeof *w);

	if (w == NULL)
		return NULL;
	w->hub = hub;
	w->ready_cb = ready_cb;
	w->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (w->epoll != -1)
		w->io = event_new(hub->base, w->epoll, EV_READ | EV_PERSIST,
		    watch_io_cb, w);
	if (w->io != NULL && event_add(w->io, NULL) == 0)
		return w;
	watch_free(w);
	return NULL;
}

void
watch_free(struct watch *w)
{
	if (w == NULL)
		return;
	if (w->io != NULL)
		event_free(w->io);
	if (w->epoll != -1)
		close(w->epoll);
	free(w);
}

int
watch_set(struct watch *w, struct stream *s, bool writing)
{
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = s };

	if (writing)
		e.events |= EPOLLOUT;
	/* Level-triggered, an end of file that means nothing would never end.
	 */
	if (s->is_half_open)
		e.events |= EPOLLET;
	if (epoll_ctl(w->epoll, s->is_watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD,
		s->fd, &e) == -1)
		return -1;
	s->is_watched = true;
	return 0;
}

void
watch_clear(struct watch *w, struct stream *s)
{
	/* Closing is not enough if another process has the file open, too. */
	if (s->is_watched)
		epoll_ctl(w->epoll, EPOLL_CTL_DEL, s->fd, NULL);
	s->is_watched = false;
}
