/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include "fuzz.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "door/fcgi.h"
#include "door/handoff.h"
#include "door/uplink.h"
#include "site.h"
#include "source/program.h"
#include "store/store.h"

enum {
	FUZZ_LEAVING_TURNS = 16,
	FUZZ_LEAVING_US = 5000000
};

struct config *
fuzz_config_load(const void *text, size_t len, char **cause)
{
	struct config *config;
	char path[64];
	int fd = memfd_create("config", MFD_CLOEXEC);

	*cause = NULL;
	fuzz_check(fd != -1 && write(fd, text, len) == (ssize_t)len);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	config = config_load(path, NULL, 0, cause);
	close(fd);
	return config;
}

void
fuzz_pair(int fds[2])
{
	fuzz_check(socketpair(AF_UNIX,
		       SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
		       fds) == 0);
}

static void
fuzz_site_lost(void *arg)
{
	(void)arg;
	fuzz_check(false);
}

static void
fuzz_site_make(struct fuzz_site *s, const char *text, size_t max_streams)
{
	struct store_options options = { .url = "memory",
		.bounds = { 60000, 1000, 0 } };
	struct config *config;
	struct uplink *uplink;
	struct store *store;
	char *cause;
	int pair[2];

	log_open(LOG_TARGET_STDERR, LOG_LEVEL_ERROR);
	fcgi_init();
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, SIG_DFL);
	config = fuzz_config_load(text, strlen(text), &cause);
	s->base = options.base = event_base_new();
	store = store_open(&options, &cause);
	fuzz_check(config != NULL && s->base != NULL && store != NULL);
	s->hub = hub_new(s->base, config, store, max_streams);
	uplink = uplink_new(s->base, fuzz_site_lost, NULL);
	s->door = door_new(s->base, uplink);
	s->queue = queue_new(s->base, s->hub);
	s->door->sources.programs = programs_new(s->base);
	door_configure(s->door, config, max_streams);
	door_set_hub(s->door, s->hub);
	fuzz_pair(pair);
	queue_serve(s->queue, pair[0]);
	fuzz_check(uplink_attach(uplink, pair[1]) == 0);
	queue_set_handoff(s->queue, handoff_take, s->door);
}

struct fuzz_site *
fuzz_site_get(const char *text, size_t max_streams)
{
	static struct fuzz_site site;

	if (site.base == NULL)
		fuzz_site_make(&site, text, max_streams);
	hub_now(site.hub);
	return &site;
}

void
fuzz_site_turn(const struct fuzz_site *s, int turns)
{
	while (turns-- > 0)
		event_base_loop(s->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

void
fuzz_site_empty(const struct fuzz_site *s, int descriptor)
{
	uint64_t end_us = clock_monotonic_us() + FUZZ_LEAVING_US;

	do
		fuzz_site_turn(s, FUZZ_LEAVING_TURNS);
	while ((hub_stream_count(s->hub) > 0 || s->door->connection_count > 0 ||
		   fuzz_free_descriptor() != descriptor) &&
	    clock_monotonic_us() < end_us);
	fuzz_check(hub_stream_count(s->hub) == 0);
	fuzz_check(s->door->connection_count == 0);
	fuzz_check(fuzz_free_descriptor() == descriptor);
}

void
fuzz_drain(int fd)
{
	char bytes[65536];

	while (read(fd, bytes, sizeof bytes) > 0)
		continue;
}

int
fuzz_free_descriptor(void)
{
	int fd = dup(STDERR_FILENO);

	fuzz_check(fd != -1);
	close(fd);
	return fd;
}
