/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <apr_atomic.h>
#include <apr_optional.h>
#include <apr_shm.h>

#include <httpd.h>
#include <http_config.h>
#include <http_log.h>
#include <ap_mpm.h>
#include <scoreboard.h>

#include "apache/limit.h"
#include "apache/mod_crier.h"

APLOG_USE_MODULE(crier);

/* mod_http2's, whose header is not everywhere: H2MinWorkers, H2MaxWorkers. */
APR_DECLARE_OPTIONAL_FN(void, http2_get_num_workers,
    (server_rec *, int *min, int *max));

enum {
	/* The MPM's own, if AsyncRequestWorkerFactor is not said. */
	DEFAULT_FACTOR = 2,
	/* The client's socket and that to crierd. */
	DESCRIPTORS_A_STREAM = 2,
	/* Logs, listening sockets, modules. */
	DESCRIPTORS_BESIDE = 128,
	/* Requests of a connection that mod_http2 serves, to begin with. */
	HTTP2_AT_ONCE = 6
};

/* A child's part of the shared memory. */
struct limit_slot {
	apr_uint32_t pid; /* 0: free */
	apr_uint32_t held;
};

/* What outlives a reading of the configuration. */
struct limit_kept {
	struct limit_slot *slots;
};

static struct {
	apr_uint32_t relayed_max;    /* of a child */
	apr_uint32_t held_max;       /* of all */
	apr_uint32_t held_http2_max; /* of a child: workers of mod_http2 */
	apr_uint32_t relayed, held_http2;
	unsigned slots_count;
	struct limit_slot *slots; /* shared */
	struct limit_slot *own;   /* NULL: none was free */
} limit;

static int
limit_query(int code)
{
	int value;

	return ap_mpm_query(code, &value) == APR_SUCCESS && value > 0 ? value
								      : 0;
}

/* AsyncRequestWorkerFactor as it stands in the configuration. */
static double
limit_factor(void)
{
	const ap_directive_t *d;
	double factor = DEFAULT_FACTOR;

	for (d = ap_conftree; d != NULL; d = d->next)
		if (strcasecmp(d->directive, "AsyncRequestWorkerFactor") == 0)
			factor = strtod(d->args, NULL);
	return factor;
}

/*
 * The event MPM lets a child have ThreadsPerChild connections, and
 * AsyncRequestWorkerFactor more for each thread that is idle.  Three quarters
 * of that are for streams.
 */
static apr_uint32_t
limit_of_mpm(int threads)
{
	return (apr_uint32_t)((threads + (threads - 1) * limit_factor()) * 3 /
	    4);
}

static apr_uint32_t
limit_of_descriptors(int threads)
{
	struct rlimit all;
	rlim_t beside = DESCRIPTORS_BESIDE + 2 * (rlim_t)threads;

	if (getrlimit(RLIMIT_NOFILE, &all) == -1 || all.rlim_cur > 1000000)
		return 1000000 / DESCRIPTORS_A_STREAM;
	return all.rlim_cur <= beside
	    ? 0
	    : (apr_uint32_t)((all.rlim_cur - beside) / DESCRIPTORS_A_STREAM);
}

static void
limit_configure_relayed(server_rec *s, int threads, int max_streams)
{
	apr_uint32_t mpm = limit_of_mpm(threads);
	apr_uint32_t files = limit_of_descriptors(threads);

	limit.relayed_max = mpm < files ? mpm : files;
	if (max_streams > 0)
		limit.relayed_max = (apr_uint32_t)max_streams;
	ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, s,
	    "crier: up to %u streams a child without a worker each, and %u "
	    "that hold one (ThreadsPerChild %d and AsyncRequestWorkerFactor "
	    "%g allow %u streams a child, its descriptors %u)",
	    limit.relayed_max, limit.held_max, threads, limit_factor(), mpm,
	    files);
	if (limit.relayed_max > mpm || limit.relayed_max > files)
		ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
		    "crier: CrierMaxStreams %d is more than that: with so many "
		    "streams a child accepts nothing else",
		    max_streams);
	if (limit_query(AP_MPMQ_MAX_SPARE_THREADS) <
	    threads * limit_query(AP_MPMQ_MAX_DAEMONS))
		ap_log_error(APLOG_MARK, APLOG_INFO, 0, s,
		    "crier: MaxSpareThreads is less than MaxRequestWorkers: "
		    "when children are ended for it, their streams have to "
		    "connect again");
}

/*
 * Children of before and after a graceful restart count together, so the
 * memory is the process's, and not the configuration's.
 */
static int
limit_share(apr_pool_t *process_pool, unsigned slots_count)
{
	struct limit_kept *kept = ap_retained_data_get("crier_limit");
	apr_shm_t *shm;

	if (kept == NULL)
		kept = ap_retained_data_create("crier_limit", sizeof(*kept));
	if (kept->slots == NULL) {
		if (apr_shm_create(&shm, slots_count * sizeof(*kept->slots),
			NULL, process_pool) != APR_SUCCESS)
			return -1;
		kept->slots = apr_shm_baseaddr_get(shm);
		memset(kept->slots, 0, slots_count * sizeof(*kept->slots));
	}
	limit.slots = kept->slots;
	limit.slots_count = slots_count;
	return 0;
}

/*
 * Three quarters of the workers that mod_http2 has in a child; without it any
 * number.  Once all of them are busy, one may become idle although a request
 * waits, which then hangs until another comes (h2_workers.c, get_next()).
 */
static int
limit_of_http2_workers(server_rec *s, int threads)
{
	APR_OPTIONAL_FN_TYPE(http2_get_num_workers) * get;
	int min, max = 0;

	get = APR_RETRIEVE_OPTIONAL_FN(http2_get_num_workers);
	if (get == NULL || threads == 1)
		return threads;
	get(s, &min, &max);
	if (max < HTTP2_AT_ONCE * threads)
		ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
		    "crier: H2MaxWorkers %d is less than %d times "
		    "ThreadsPerChild: requests over HTTP/2 may hang while "
		    "streams are open (see mod_crier.conf)",
		    max, HTTP2_AT_ONCE);
	return max * 3 / 4;
}

/*
 * Streams of HTTP/2 leave a quarter of mod_http2's workers free, and of a
 * child's threads, but of these no more than its part of MinSpareThreads: the
 * MPM starts no other child while so many are idle, and this one asks whoever
 * comes to come again.
 */
static int
limit_of_http2(server_rec *s, int threads, int children)
{
	int idle = threads - threads * 3 / 4;
	int spare = limit_query(AP_MPMQ_MIN_SPARE_THREADS) / children;
	int workers = limit_of_http2_workers(s, threads);

	if (idle > spare)
		idle = spare > 0 ? spare : 1;
	return workers < threads - idle ? workers : threads - idle;
}

int
limit_configure(apr_pool_t *p, server_rec *s, int max_streams)
{
	int threads = limit_query(AP_MPMQ_MAX_THREADS);
	int children = limit_query(AP_MPMQ_MAX_DAEMONS);

	(void)p;
	if (threads == 0)
		threads = 1;
	if (children == 0)
		children = 1;
	limit.held_max = (apr_uint32_t)(threads * children) * 3 / 4;
	limit.held_http2_max =
	    (apr_uint32_t)limit_of_http2(s, threads, children);
	if (limit_share(s->process->pool,
		(unsigned)limit_query(AP_MPMQ_HARD_LIMIT_DAEMONS)) == -1) {
		ap_log_error(APLOG_MARK, APLOG_CRIT, 0, s,
		    "crier: no shared memory");
		return HTTP_INTERNAL_SERVER_ERROR;
	}
	if (limit_query(AP_MPMQ_IS_ASYNC))
		limit_configure_relayed(s, threads, max_streams);
	else
		ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, s,
		    "crier: up to %u streams that hold a worker each; only "
		    "the event MPM can do without",
		    limit.held_max);
	return OK;
}

/* Whether the process with this id is a child of our server. */
static int
limit_is_child(apr_uint32_t pid)
{
	unsigned i;

	for (i = 0; i < limit.slots_count; i++)
		if (ap_scoreboard_image->parent[i].pid == (pid_t)pid)
			return 1;
	return 0;
}

/*
 * The slot of a child that was killed is taken over.  The parent enters a
 * child into the scoreboard before it starts the next, so none is taken for
 * dead that only begins.
 */
void
limit_child_init(void)
{
	apr_uint32_t pid, self = (apr_uint32_t)getpid();
	struct limit_slot *slot;

	for (slot = limit.slots; slot < limit.slots + limit.slots_count;
	     slot++) {
		pid = apr_atomic_read32(&slot->pid);
		if (pid != 0 && pid != self && limit_is_child(pid))
			continue;
		if (apr_atomic_cas32(&slot->pid, self, pid) != pid)
			continue;
		apr_atomic_set32(&slot->held, 0);
		limit.own = slot;
		return;
	}
}

static apr_uint32_t
limit_count_held(void)
{
	const struct limit_slot *slot;
	apr_uint32_t all = 0;

	for (slot = limit.slots; slot < limit.slots + limit.slots_count; slot++)
		if (slot->held > 0 &&
		    (slot == limit.own || limit_is_child(slot->pid)))
			all += slot->held;
	return all;
}

static int
limit_reserve_own(apr_uint32_t *count, apr_uint32_t max)
{
	if (apr_atomic_inc32(count) < max)
		return 1;
	apr_atomic_dec32(count);
	return 0;
}

static int
limit_reserve_held(void)
{
	if (limit.own == NULL)
		return 0;
	apr_atomic_inc32(&limit.own->held);
	if (limit_count_held() <= limit.held_max)
		return 1;
	apr_atomic_dec32(&limit.own->held);
	return 0;
}

int
limit_reserve(enum place place)
{
	switch (place) {
	case PLACE_NONE:
		break;
	case PLACE_RELAYED:
		return limit_reserve_own(&limit.relayed, limit.relayed_max);
	case PLACE_HELD:
		return limit_reserve_held();
	case PLACE_HELD_HTTP2:
		if (!limit_reserve_own(&limit.held_http2, limit.held_http2_max))
			return 0;
		if (limit_reserve_held())
			return 1;
		apr_atomic_dec32(&limit.held_http2);
		break;
	}
	return 0;
}

void
limit_release(enum place place)
{
	if (place == PLACE_RELAYED)
		apr_atomic_dec32(&limit.relayed);
	if (place == PLACE_HELD_HTTP2)
		apr_atomic_dec32(&limit.held_http2);
	if (place == PLACE_HELD || place == PLACE_HELD_HTTP2)
		apr_atomic_dec32(&limit.own->held);
}
