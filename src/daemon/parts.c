/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * What a daemon consists of, made and freed in order.  Every process has a
 * door, an uplink to a queue, and the programs that it runs; the hub's process
 * has a store, the hub and the queue as well, and its uplink leads to itself.
 */

#include <stdlib.h>
#include <sys/socket.h>

#include "base/log.h"
#include "daemon/state.h"
#include "door/handoff.h"
#include "door/uplink.h"
#include "protocol/paths.h"
#include "protocol/store_url.h"
#include "source/run_command.h"
#include "source/run_open.h"

enum {
	PARTS_RESERVE = 128, /* descriptors for what is no stream or peer */
	PARTS_QUEUE = 16,    /* one of so many is for the queue's peers */
	PARTS_PEERS_MIN = 4
};

size_t
parts_max_connections(const struct daemon *d)
{
	size_t most = d->max_descriptors / PARTS_QUEUE;

	if (most < PARTS_PEERS_MIN)
		most = PARTS_PEERS_MIN;
	return d->config->queue_connections < most
	    ? d->config->queue_connections
	    : most;
}

static size_t
parts_reserve(const struct daemon *d)
{
	size_t share = d->max_descriptors / 4;

	return share < PARTS_RESERVE ? share : PARTS_RESERVE;
}

/* What the descriptors allow for streams. */
static size_t
parts_room(const struct daemon *d)
{
	/* A peer's line may bring a descriptor, too. */
	return d->max_descriptors - parts_reserve(d) -
	    2 * parts_max_connections(d);
}

size_t
parts_max_streams(const struct daemon *d)
{
	uint64_t wanted = d->config->max_streams;
	size_t room = parts_room(d);

	return wanted == 0 || wanted > room ? room : wanted;
}

/*
 * Half of the reserve is for requests while there are as many streams as may
 * be: these are answered, too.
 */
size_t
parts_max_fastcgi(const struct daemon *d)
{
	size_t reserve = parts_reserve(d);
	size_t most = parts_room(d) + reserve / 2;
	size_t least = parts_max_streams(d) + reserve / 4;
	uint64_t wanted = d->config->fastcgi_connections;

	if (wanted == 0 || wanted > most)
		return most;
	return wanted < least ? least : wanted;
}

/* Warns of max-streams if the descriptors do not allow as many. */
static void
parts_warn(const struct daemon *d)
{
	size_t most = parts_max_streams(d);

	if (d->config->max_streams > most)
		log_warning("max-streams: %llu are more than %zu descriptors "
			    "allow, taking %zu",
		    (unsigned long long)d->config->max_streams,
		    d->max_descriptors, most);
}

void
parts_configure_door(struct daemon *d)
{
	parts_warn(d);
	door_configure(d->door, d->config, parts_max_fastcgi(d));
}

int
parts_new(struct daemon *d, void (*lost_cb)(void *arg),
    void (*aside_lost_cb)(void *arg))
{
	d->uplink = uplink_new(d->base, lost_cb, d);
	d->aside = uplink_new(d->base, aside_lost_cb, d);
	d->programs = programs_new(d->base);
	if (d->uplink == NULL || d->aside == NULL || d->programs == NULL ||
	    (d->door = door_new(d->base, d->uplink)) == NULL)
		return -1;
	d->door->sources.programs = d->programs;
	parts_configure_door(d);
	return 0;
}

/* A number made of all channels' patterns and keep-seconds (FNV-1a). */
static uint64_t
parts_channel_ages(const struct config *c)
{
	uint64_t hash = 0xcbf29ce484222325, age;
	const struct config_channel *channel = c->channels;
	const char *p;
	size_t i;

	for (; channel < c->channels + c->channel_count; channel++) {
		p = channel->pattern;
		do
			hash = (hash ^ (unsigned char)*p) * 0x100000001b3;
		while (*p++ != '\0');
		age = channel->keep_ms;
		for (i = 0; i < sizeof age; i++, age >>= 8)
			hash = (hash ^ (age & 0xff)) * 0x100000001b3;
	}
	return hash;
}

struct store_bounds
parts_store_bounds(const struct config *c)
{
	return (struct store_bounds){ .key_ms = c->key_ms,
		.keys = c->max_keys,
		.ages = parts_channel_ages(c),
		.bytes = c->store_bytes };
}

static int
parts_open_store(struct daemon *d, char **cause)
{
	const struct config *c = d->config;
	struct store_options options = {
		.durability = (enum store_durability)c->durability,
		.keep_in_memory = c->store_error == CONFIG_MEMORY,
		.password_file = c->store_password_file,
		.bounds = parts_store_bounds(c),
		.base = d->base
	};
	const char *file;

	d->store_url = store_url_choose(c->store, c->queue,
	    d->options->start != DAEMON_ALONE);
	*cause = NULL;
	if (d->store_url == NULL)
		return -1;
	if ((file = store_url_file(d->store_url)) != NULL)
		paths_make_home(file); /* if it cannot, the store says so */
	options.url = d->store_url;
	d->store = store_open(&options, cause);
	return d->store == NULL ? -1 : 0;
}

int
parts_connect(struct daemon *d, struct uplink *uplink)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
		pair) == -1)
		return -1;
	queue_serve(d->queue, pair[0]);
	return uplink_attach(uplink, pair[1]);
}

/* The sockets' descriptors belong to the queue as soon as it has them. */
static int
parts_open_queue(struct daemon *d)
{
	const struct daemon_sockets *s = &d->sockets;

	d->queue = queue_new(d->base, d->hub);
	if (d->queue != NULL)
		queue_set_connections(d->queue, parts_max_connections(d));
	if (d->queue == NULL || queue_listen(d->queue, s->queue) == -1 ||
	    (s->fifo != -1 && queue_read_fifo(d->queue, s->fifo) == -1) ||
	    parts_connect(d, d->uplink) == -1)
		return -1;
	queue_set_status(d->queue, status_add_cb, d);
	queue_set_handoff(d->queue, handoff_take, d->door);
	queue_set_control(d->queue, d->control_cb, d);
	return 0;
}

int
parts_add_hub(struct daemon *d, char **cause)
{
	if (parts_open_store(d, cause) == -1)
		return -1;
	*cause = NULL;
	d->hub = hub_new(d->base, d->config, d->store, parts_max_streams(d));
	if (d->hub == NULL || parts_open_queue(d) == -1)
		return -1;
	d->runs = runs_new(d->base, d->hub, d->programs);
	if (d->runs == NULL)
		return -1;
	d->door->sources.runs = d->runs;
	door_set_hub(d->door, d->hub);
	queue_set_run(d->queue, run_command, d->runs);
	runs_recover(d->runs, run_open_again);
	sockets_note_hub(d);
	return 0;
}

void
parts_free(struct daemon *d)
{
	door_free(d->door);
	uplink_free(d->uplink);
	uplink_free(d->aside);
	/* The store gives back its batches, which the queue waits for. */
	if (d->store != NULL)
		store_close(d->store);
	runs_decide(d->runs);
	queue_free(d->queue);
	runs_free(d->runs);
	if (d->hub != NULL)
		hub_free(d->hub);
	/* The hub's streams were the programs' clients: no one is left. */
	programs_free(d->programs);
	free(d->store_url);
}
