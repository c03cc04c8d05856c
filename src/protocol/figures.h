/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_PROTOCOL_FIGURES_H
#define CRIER_PROTOCOL_FIGURES_H

#include <stddef.h>
#include <stdint.h>

#include <json-c/json.h>

#include "base/histogram.h"

/*
 * The figures that crierd tells of itself.  Each room counts in a structure of
 * its own, and figures_table.c has a row for every member: what the figure is
 * called in the reply to `status`, in the events of `$stats` and among the
 * metrics of Prometheus.  All three are made from these rows, on either side
 * of the queue; crier(7), "Figures", lists the same for people.
 *
 * A new figure is a member here and a row there.  The structures hold nothing
 * but uint64_t, so a row that is missing does not compile.
 */

struct hub_counters {
	uint64_t published;      /* events accepted */
	uint64_t refused;        /* and not */
	uint64_t delivered;      /* events begun to be sent, over all streams */
	uint64_t bytes;          /* sent */
	uint64_t writes;         /* system calls that sent them */
	uint64_t opened, closed; /* streams */
	uint64_t turned_away;    /* full or draining: asked to come again */
	uint64_t polls;          /* answered to their end */
	uint64_t user_full, address_full; /* of turned_away, for these limits */
	uint64_t followed_full;           /* and for max-followed */
	uint64_t gaps;
	uint64_t replays_refused;   /* of turned_away, for replay-waiting */
	uint64_t replays_cancelled; /* reads that nobody waited for any more */
	uint64_t replays_interrupted; /* slices that others were given */
	uint64_t replays_ended;       /* streams, for want of replay-bytes */
	uint64_t stalls_ended;        /* and of stall-bytes */
	uint64_t questions_refused;   /* of other nodes, for want of time */
	uint64_t histories;           /* told at once */
	uint64_t histories_refused;   /* and not, for now */
	uint64_t runs_begun, runs_joined, runs_busy;
};

/* The limits that hold, as the configuration and the system have set them. */
struct hub_limits {
	uint64_t threads, max_streams, poll_ms, poll_above;
	uint64_t max_streams_per_user, max_streams_per_address, max_channels;
	uint64_t max_followed, run_max, max_keys, key_seconds, store_bytes;
	uint64_t max_event_bytes, max_request_bytes, request_timeout_ms;
	uint64_t history_bytes, keep, keep_bytes, keep_seconds;
	uint64_t replay_bytes, replay_waiting;
	uint64_t heartbeat_ms, retry_ms, max_time_ms;
	uint64_t stop_seconds, drain_ms, stall_ms, stall_bytes;
};

struct hub_figures {
	struct hub_counters counters;
	uint64_t uptime_seconds, draining;
	uint64_t streams, polling; /* open; those of them that poll */
	uint64_t users, channels, history_bytes;
	uint64_t following; /* sum of the channels of each stream */
	uint64_t batches, batched_bytes; /* that the store has */
	uint64_t store_ms, store_wait_ms;
	/* Events measured, their sum, and quantiles of those of late. */
	uint64_t latency_events, latency_sum_us, latency_p50_us, latency_p99_us;
	uint64_t replays_waiting, replays_held, replay_slices, replay_bytes,
	    replay_pinned_bytes;
	uint64_t stalled_bytes; /* that streams alone hold */
	uint64_t histories_waiting;
	uint64_t runs, runs_over; /* going on; over, and remembered */
	struct hub_limits limits;
};

struct queue_counters {
	uint64_t connections;
	uint64_t not_allowed; /* connections closed for who they are */
	uint64_t turned_away; /* for how many there are */
	uint64_t broken;      /* for what they sent, or did not, or read */
	uint64_t lines;
	uint64_t fifo_lines;
	uint64_t fifo_refused;
	uint64_t batches;
};

struct queue_figures {
	struct queue_counters counters;
	uint64_t connections; /* now */
	uint64_t connections_max;
	uint64_t descriptors; /* that came with lines which wait */
	uint64_t bytes;       /* of lines begun, and of replies */
	uint64_t bytes_max;
	uint64_t line_max_bytes;
};

struct door_counters {
	uint64_t connections, requests;
	uint64_t refused; /* answered with an error */
	uint64_t broken; /* connections closed for what they sent, or did not */
	uint64_t turned_away; /* and for how many there are */
	uint64_t idle_closed; /* between two requests, for the same */
	uint64_t handoffs; /* streams that came from another process's door */
};

struct door_figures {
	struct door_counters counters;
	uint64_t waiting;         /* connections without a stream */
	uint64_t connections_max; /* of these and of streams */
	uint64_t programs;        /* that run */
};

struct daemon_figures {
	uint64_t reloads; /* of the configuration, that were carried out */
	uint64_t log_file_bytes; /* of a hub on demand */
	uint64_t log_bytes;      /* the limit that it has */
};

/* A figure that a store does not have is FIGURE_NONE. */
struct store_figures {
	uint64_t degraded;
	uint64_t events, bytes, file_bytes, log_bytes, channels, oldest_ms;
	uint64_t commits, keys, key_bytes, forgotten;
	uint64_t reads, errors;
	/* Of one that nodes share. */
	uint64_t up, down_ms, connects, doubts, nodes, cuts, evicted_keys;
	uint64_t sentinels;
	/* How late the newest entry was read, and from when on all is there. */
	uint64_t lag_ms, floor_ms;
	/* To all nodes: ever, now; and what became of the answers. */
	uint64_t questions, questions_open, answers, answers_missing;
};

enum figure_owner {
	FIGURES_HUB,   /* struct hub_figures */
	FIGURES_QUEUE, /* and so on */
	FIGURES_DOOR,
	FIGURES_DAEMON,
	FIGURES_STORE
};

enum figure_kind {
	FIGURE_GAUGE,
	FIGURE_COUNTER,
	FIGURE_FLAG, /* true or false */
	FIGURE_MS,   /* milliseconds; Prometheus is told seconds */
	FIGURE_TIME  /* milliseconds since 1970, the same; 0: none */
};

/* The group of latency's figures, and the list of its histogram beside it. */
#define LATENCY_GROUP   "latency"
#define LATENCY_BUCKETS "latency_buckets"

/* The value of a figure that is not told. */
#define FIGURE_NONE UINT64_MAX

struct figure {
	enum figure_owner owner;
	enum figure_kind kind;
	size_t offset;      /* of its uint64_t in the owner's structure */
	const char *group;  /* of the status it is in; "" at the top */
	const char *member; /* its name there */
	const char *metric; /* without its "crier_", or NULL: it is none */
	const char *help;   /* of the metric, a sentence */
	const char *stats;  /* its name in `$stats`, or NULL */
	const char *rate;   /* there, of what came in a second; or NULL */
};

extern const struct figure figures_table[];
extern const size_t figures_count;

/*
 * A group of a status, made if it is not there yet, for what is said in words
 * beside its figures.  The status's; NULL for want of memory.
 */
struct json_object *
figures_group(struct json_object *status, const char *group);

/* All of them FIGURE_NONE, for a store to set those that it has. */
void figures_init_store(struct store_figures *);

/* Adds what the owner's structure holds, each figure to its group. */
void
figures_add(struct json_object *status, enum figure_owner, const void *values);

/*
 * Adds a histogram to a status, as a list: for each power of two microseconds,
 * "below_us", how many "events" took less.
 */
void figures_add_histogram(struct json_object *status, const char *name,
    const struct histogram *);

/*
 * Adds to an event of `$stats` what belongs there: the figures of now, and
 * what has come since they were as before, ms milliseconds ago, a second.
 */
void figures_add_stats(struct json_object *, enum figure_owner, const void *now,
    const void *before, uint64_t ms);

#endif
