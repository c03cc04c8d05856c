/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_HUB_STATE_H
#define CRIER_HUB_STATE_H

#include <event2/event.h>

#include "config/config.h"
#include "hub/channel.h"
#include "hub/drain.h"
#include "hub/hub.h"
#include "hub/hub_clock.h"
#include "hub/latency.h"
#include "hub/nodes.h"
#include "hub/notice.h"
#include "hub/relief.h"
#include "hub/replay.h"
#include "hub/retained.h"
#include "hub/runs.h"
#include "hub/slice.h"
#include "hub/stats.h"
#include "hub/stop.h"
#include "hub/stream.h"
#include "hub/turn.h"
#include "hub/visitor.h"
#include "hub/wanted.h"
#include "protocol/figures.h"
#include "store/store.h"

/*
 * The hub from within.  Each part is a structure of the module that it is named
 * after, in whose header it stands: that module alone changes it, and others
 * read it.  (stream_open.c and poll.c belong to stream.c, publish.c to turn.c.)
 * The counters are everybody's.
 */
struct hub {
	struct event_base *base;
	const struct config *config;
	struct store *store;
	struct hub_counters counters;
	struct hub_clock clock;
	struct hub_channels channels;
	struct hub_streams streams;
	struct hub_visitors visitors;
	struct hub_turn turn;
	struct hub_delivery delivery; /* of turn.h, too */
	struct hub_slices slices;
	struct hub_replays replays;
	struct hub_retained retained;
	struct hub_relief relief;
	struct hub_notices notices;
	struct hub_latency latency;
	struct hub_stats stats;
	struct hub_stops stops;
	struct hub_runs runs;
	struct hub_drain drain;
	struct hub_nodes nodes;
	struct hub_wanted wanted;
};

#endif
