/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/clock.h"
#include "companion/spool_drain.h"
#include "companion/spool_pub.h"
#include "companion/verb.h"

/*
 * crier flush sends what `crier pub -S` has kept.  All of the work is
 * spool_drain's.
 */

static const char flush_help[] =
    "usage: crier flush [-v] -S DIR\n"
    "\n"
    "Sends the events that 'crier pub -S DIR' has kept, oldest first.  Those\n"
    "that crierd refuses for good are put into DIR/refused, so that they do\n"
    "not stop the others.\n"
    "\n"
    "  -S DIR  where the events are kept\n"
    "  -v      say how many were sent, had expired and were refused\n"
    "  -h      this text\n"
    "\n"
    "exit status: 0 nothing is left, 64 wrong usage, 65 an event was refused\n"
    "for good, 69 no crierd, 75 something is left, 77 not allowed\n"
    "\n"
    "examples:\n"
    "  crier flush -S /var/spool/orders\n"
    "  */5 * * * * crier -w 10 flush -S $HOME/spool    (in a crontab)\n";

struct flush_options {
	const char *dir;
	bool verbose;
};

/* 0, -1 after help, or the exit code. */
static int
flush_parse(struct flush_options *o, int argc, char **argv)
{
	static const struct option longs[] = { { "help", 0, NULL, 'h' },
		{ NULL, 0, NULL, 0 } };
	bool begun = false;
	int c;

	while ((c = verb_option(&verb_flush, argc, argv, ":S:vh", longs,
		    &begun)) != -1)
		switch (c) {
		case 'S':
			o->dir = optarg;
			break;
		case 'v':
			o->verbose = true;
			break;
		case 'h':
			return -1;
		default:
			return EX_USAGE;
		}
	if (o->dir == NULL || o->dir[0] == '\0')
		return verb_usage(&verb_flush, "which directory? give -S DIR");
	if (optind < argc)
		return verb_usage(&verb_flush, "too many arguments");
	return 0;
}

/* Says why something is left; returns the code. */
static int
flush_explain(int code, const struct spool_counts *counts,
    const struct client *client)
{
	if (counts->why[0] != '\0')
		client_warn("%s", counts->why);
	else if (code == EX_TEMPFAIL && client->fd == -1)
		client_warn("crierd went away or does not answer");
	return code;
}

static int
flush_send(const struct flush_options *o, const struct verb_env *env,
    struct spool *s, struct client *client)
{
	struct spool_counts counts;
	uint64_t wait_ms = env->wait_ms;
	int rc;

	if (wait_ms < SPOOL_PATIENCE_MS)
		wait_ms = SPOOL_PATIENCE_MS;
	if (!spool_lock(s, clock_monotonic_ms() + wait_ms, false)) {
		client_warn("%s: another process is sending what is there",
		    s->path);
		return EX_TEMPFAIL;
	}
	rc = spool_drain(s, client, 0, &counts);
	spool_unlock(s);
	if (rc != 0)
		flush_explain(rc, &counts, client);
	if (o->verbose)
		printf("sent %" PRIu64 ", expired %" PRIu64 ", refused %" PRIu64
		       "\n",
		    counts.sent, counts.expired,
		    counts.refused + counts.damaged);
	if (counts.refused + counts.damaged > 0)
		rc = client_worse_code(rc, EX_DATAERR);
	return rc;
}

static int
flush_run(const struct verb_env *env, int argc, char **argv)
{
	struct flush_options o = { 0 };
	struct client client = { .fd = -1 };
	struct spool s = { .dir = -1, .journal = -1 };
	bool has = false;
	int rc = flush_parse(&o, argc, argv);

	if (rc != 0)
		return rc == -1 ? verb_finish(0) : rc;
	rc = spool_open(&s, o.dir, false);
	if (rc == -1) /* no directory: nothing was ever kept there */
		return 0;
	if (rc == 0)
		rc = spool_has_kept(&s, &has);
	if (rc == 0 && has &&
	    (rc = client_open(&client, env->queue, env->wait_ms)) == 0)
		rc = flush_send(&o, env, &s, &client);
	client_close(&client);
	spool_close(&s);
	return verb_finish(rc);
}

const struct verb verb_flush = { "flush",
	"send the events that 'pub -S' has kept", flush_help, flush_run };
