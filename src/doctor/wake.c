/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "doctor/probe.h"
#include "doctor/target.h"
#include "doctor/wake.h"

static bool
wake_is_there(const struct options *o)
{
	struct client client;
	bool there = client_try(&client, o->env.queue, 0, 0) == 0;

	/* No request to the route would mend any other error. */
	there = there || (errno != ENOENT && errno != ECONNREFUSED);
	client_close(&client);
	return there;
}

/*
 * Waits until crierd is there.  The stream stays open that long, so that crierd
 * has a reason to stay.
 */
static void
wake_wait(const struct probe *p)
{
	uint64_t give_up = probe_after(PROBE_REACH_MS);

	while (!wake_is_there(p->options) && !p->stream->ended &&
	    !http_has_begun(p->stream) && clock_monotonic_us() < give_up)
		http_turn(p->http, PROBE_TURN_MS);
}

void
wake(const struct options *o)
{
	struct probe p = { .options = o };

	if (wake_is_there(o))
		return;
	p.url = target_url(o->url, "crier-doctor-first");
	if (p.url != NULL && (p.http = http_new()) != NULL) {
		if ((p.stream = probe_open(&p, p.url, NULL)) != NULL)
			wake_wait(&p);
		http_leave(p.http, p.stream);
		http_free(p.http);
	}
	free(p.url);
}
