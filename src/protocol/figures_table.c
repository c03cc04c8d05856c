/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <assert.h>

#include "protocol/figures.h"

/*
 * The rows of figures.h, as the status has them: by owner, and an owner's by
 * group.  Whoever adds one describes it in crier(7), "Figures", too; a test
 * compares the two.
 */

#define OF(id, structure, field) \
	.owner = (id), .offset = offsetof(struct structure, field)

#define HUB(field)    OF(FIGURES_HUB, hub_figures, field)
#define QUEUE(field)  OF(FIGURES_QUEUE, queue_figures, field)
#define DOOR(field)   OF(FIGURES_DOOR, door_figures, field)
#define DAEMON(field) OF(FIGURES_DAEMON, daemon_figures, field)
#define STORE(field)  OF(FIGURES_STORE, store_figures, field)

#define LIMIT(name) HUB(limits.name), .group = "limits", .member = #name

const struct figure figures_table[] = {
	{ HUB(uptime_seconds), .group = "", .member = "uptime_seconds",
	    .metric = "uptime_seconds", .help = "Since crierd was started.",
	    .stats = "uptime_seconds" },
	{ HUB(draining), .group = "", .member = "draining", .kind = FIGURE_FLAG,
	    .metric = "draining", .help = "Whether crierd is about to exit." },
	{ HUB(streams), .group = "", .member = "streams", .metric = "streams",
	    .help = "Open streams.", .stats = "streams" },
	{ HUB(counters.opened), .group = "", .member = "streams_opened",
	    .kind = FIGURE_COUNTER, .metric = "streams_opened_total",
	    .help = "Streams opened.", .stats = "opened",
	    .rate = "opened_per_second" },
	{ HUB(counters.closed), .group = "", .member = "streams_closed",
	    .kind = FIGURE_COUNTER, .metric = "streams_closed_total",
	    .help = "Streams closed.", .stats = "closed" },
	{ HUB(counters.turned_away), .group = "",
	    .member = "streams_turned_away", .kind = FIGURE_COUNTER,
	    .metric = "streams_turned_away_total",
	    .help = "Clients asked to come again, for any reason.",
	    .stats = "turned_away" },
	{ HUB(polling), .group = "", .member = "streams_polling" },
	{ HUB(counters.polls), .group = "", .member = "polls_served",
	    .kind = FIGURE_COUNTER },
	{ HUB(counters.user_full), .group = "", .member = "streams_user_full",
	    .kind = FIGURE_COUNTER, .metric = "streams_user_full_total",
	    .help = "Of them, for max-streams-per-user." },
	{ HUB(counters.address_full), .group = "",
	    .member = "streams_address_full", .kind = FIGURE_COUNTER,
	    .metric = "streams_address_full_total",
	    .help = "Of them, for max-streams-per-address." },
	{ HUB(users), .group = "", .member = "users", .metric = "users",
	    .help = "Users who have a stream.", .stats = "users" },
	{ HUB(channels), .group = "", .member = "channels",
	    .metric = "channels",
	    .help = "Channels that have history or streams in memory.",
	    .stats = "channels" },
	{ HUB(history_bytes), .group = "", .member = "history_bytes",
	    .metric = "history_bytes", .help = "Memory of all histories.",
	    .stats = "history_bytes" },

	{ HUB(counters.published), .group = "events", .member = "published",
	    .kind = FIGURE_COUNTER, .metric = "events_published_total",
	    .help = "Events accepted.", .stats = "published",
	    .rate = "published_per_second" },
	{ HUB(counters.refused), .group = "events", .member = "refused",
	    .kind = FIGURE_COUNTER, .metric = "events_refused_total",
	    .help = "Events and commands refused.", .stats = "refused" },
	{ HUB(counters.delivered), .group = "events", .member = "delivered",
	    .kind = FIGURE_COUNTER, .metric = "events_delivered_total",
	    .help = "Events sent, over all streams.", .stats = "delivered",
	    .rate = "delivered_per_second" },
	{ HUB(counters.gaps), .group = "events", .member = "gaps",
	    .kind = FIGURE_COUNTER, .metric = "gaps_total",
	    .help = "Times that a stream was told of missing events.",
	    .stats = "gaps" },
	{ HUB(counters.bytes), .group = "events", .member = "sent_bytes",
	    .kind = FIGURE_COUNTER, .metric = "sent_bytes_total",
	    .help = "Bytes sent to streams.", .stats = "bytes",
	    .rate = "bytes_per_second" },
	{ HUB(counters.writes), .group = "events", .member = "writes",
	    .kind = FIGURE_COUNTER, .metric = "writes_total",
	    .help = "System calls that sent them.", .stats = "writes" },

	{ HUB(batches), .group = "committing", .member = "batches",
	    .metric = "store_waiting_batches",
	    .help = "Batches that the store has not committed yet.",
	    .stats = "store_batches" },
	{ HUB(batched_bytes), .group = "committing", .member = "bytes",
	    .metric = "store_waiting_bytes", .help = "Bytes of these.",
	    .stats = "store_bytes" },
	{ HUB(store_ms), .group = "committing", .member = "last_ms",
	    .kind = FIGURE_MS, .metric = "store_commit_seconds",
	    .help = "From the first event of a batch to its commit, the "
		    "last time.",
	    .stats = "store_ms" },
	{ HUB(store_wait_ms), .group = "committing", .member = "wait_ms",
	    .kind = FIGURE_MS, .metric = "store_wait_seconds",
	    .help = "For how long nothing was committed that waits.",
	    .stats = "store_wait_ms" },

	{ LIMIT(threads) },
	{ LIMIT(max_streams), .metric = "streams_max",
	    .help = "Streams that may be open." },
	{ LIMIT(poll_ms) },
	{ LIMIT(poll_above) },
	{ LIMIT(max_streams_per_user) },
	{ LIMIT(max_streams_per_address) },
	{ LIMIT(max_channels) },
	{ LIMIT(run_max) },
	{ LIMIT(max_event_bytes) },
	{ LIMIT(max_request_bytes) },
	{ LIMIT(request_timeout_ms) },
	{ LIMIT(history_bytes), .metric = "history_bytes_max",
	    .help = "Memory that all histories may take." },
	{ LIMIT(keep) },
	{ LIMIT(keep_bytes) },
	{ LIMIT(keep_seconds) },
	{ LIMIT(heartbeat_ms) },
	{ LIMIT(retry_ms) },
	{ LIMIT(max_time_ms) },
	{ LIMIT(stop_seconds) },
	{ LIMIT(drain_ms) },
	{ LIMIT(stall_ms) },

	{ QUEUE(connections), .group = "queue", .member = "connections",
	    .metric = "queue_peers", .help = "Connections to the queue." },
	{ QUEUE(counters.connections), .group = "queue",
	    .member = "connections_total", .kind = FIGURE_COUNTER,
	    .metric = "queue_connections_total",
	    .help = "Connections to the queue ever." },
	{ QUEUE(counters.not_allowed), .group = "queue",
	    .member = "not_allowed", .kind = FIGURE_COUNTER,
	    .metric = "queue_not_allowed_total",
	    .help = "Connections refused by queue-allow." },
	{ QUEUE(counters.lines), .group = "queue", .member = "lines",
	    .kind = FIGURE_COUNTER, .metric = "queue_lines_total",
	    .help = "Lines read from the queue's socket." },
	{ QUEUE(counters.batches), .group = "queue", .member = "batches",
	    .kind = FIGURE_COUNTER, .metric = "queue_batches_total",
	    .help = "Batches committed." },
	{ QUEUE(line_max_bytes), .group = "queue", .member = "line_max_bytes" },
	{ QUEUE(counters.fifo_lines), .group = "queue", .member = "fifo_lines",
	    .kind = FIGURE_COUNTER, .metric = "fifo_lines_total",
	    .help = "Lines read from the named pipe." },
	{ QUEUE(counters.fifo_refused), .group = "queue",
	    .member = "fifo_refused", .kind = FIGURE_COUNTER,
	    .metric = "fifo_refused_total", .help = "Of them, refused." },

	{ DOOR(waiting), .group = "fastcgi", .member = "waiting",
	    .metric = "fastcgi_waiting",
	    .help = "The web server's connections without a stream." },
	{ DOOR(counters.connections), .group = "fastcgi",
	    .member = "connections", .kind = FIGURE_COUNTER,
	    .metric = "fastcgi_connections_total",
	    .help = "The web server's connections." },
	{ DOOR(counters.requests), .group = "fastcgi", .member = "requests",
	    .kind = FIGURE_COUNTER, .metric = "fastcgi_requests_total",
	    .help = "The web server's requests." },
	{ DOOR(counters.refused), .group = "fastcgi", .member = "refused",
	    .kind = FIGURE_COUNTER, .metric = "fastcgi_refused_total",
	    .help = "Of them, refused with an error." },
	{ DOOR(counters.broken), .group = "fastcgi", .member = "broken",
	    .kind = FIGURE_COUNTER, .metric = "fastcgi_broken_total",
	    .help = "Connections closed for what they sent." },
	{ DOOR(counters.handoffs), .group = "fastcgi", .member = "handoffs",
	    .kind = FIGURE_COUNTER },
	{ DOOR(programs), .group = "fastcgi", .member = "programs" },

	{ DAEMON(reloads), .group = "configuration", .member = "reloads",
	    .kind = FIGURE_COUNTER },

	{ STORE(degraded), .group = "store", .member = "degraded",
	    .kind = FIGURE_FLAG, .metric = "store_degraded",
	    .help = "Whether events cannot be stored." },
	{ STORE(events), .group = "store", .member = "events",
	    .metric = "store_events", .help = "Events stored." },
	{ STORE(bytes), .group = "store", .member = "bytes",
	    .metric = "store_bytes", .help = "Bytes of these." },
	{ STORE(file_bytes), .group = "store", .member = "file_bytes",
	    .metric = "store_file_bytes",
	    .help = "The size of the database's file." },
	{ STORE(channels), .group = "store", .member = "channels",
	    .metric = "store_channels",
	    .help = "Channels that the store knows." },
	{ STORE(oldest_ms), .group = "store", .member = "oldest_ms",
	    .kind = FIGURE_TIME, .metric = "store_oldest_timestamp_seconds",
	    .help = "When the oldest event was stored." },
	{ STORE(commits), .group = "store", .member = "commits",
	    .kind = FIGURE_COUNTER, .metric = "store_commits_total",
	    .help = "Commits of the store." },
	{ STORE(keys), .group = "store", .member = "keys",
	    .metric = "store_keys",
	    .help = "Publishers' keys that are known." },
	{ STORE(reads), .group = "store", .member = "reads",
	    .kind = FIGURE_COUNTER, .metric = "store_reads_total",
	    .help = "Streams' reads from the store." },
	{ STORE(errors), .group = "store", .member = "errors",
	    .kind = FIGURE_COUNTER, .metric = "store_errors_total",
	    .help = "Times that storing failed." },
};

const size_t figures_count = sizeof figures_table / sizeof figures_table[0];

static_assert(sizeof figures_table / sizeof figures_table[0] ==
	(sizeof(struct hub_figures) + sizeof(struct queue_figures) +
	    sizeof(struct door_figures) + sizeof(struct daemon_figures) +
	    sizeof(struct store_figures)) /
	    sizeof(uint64_t),
    "a figure has no row, or a row no figure");
