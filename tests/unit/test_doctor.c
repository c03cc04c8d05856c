/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/* crier doctor without a network: what follows from what was measured. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/measured.h"

/* Microseconds. */
#define MS     UINT64_C(1000)
#define SECOND UINT64_C(1000000)

static const struct check *
test_find(const struct check *checks, const char *name)
{
	size_t i;

	for (i = 0; i < VERDICT_CHECKS; i++)
		if (strcmp(checks[i].name, name) == 0)
			return &checks[i];
	fail_msg("no check %s", name);
	return NULL;
}

static void
test_all_well(void **state)
{
	struct measure m = measured_good();
	struct check checks[VERDICT_CHECKS];
	size_t i;

	(void)state;
	verdict_checks(&m, checks);
	for (i = 0; i < VERDICT_CHECKS; i++)
		if (checks[i].verdict != VERDICT_OK ||
		    checks[i].fault != FAULT_NONE)
			fail_msg("%s: %s", checks[i].name, checks[i].text);
}

/* Each makes a good measure worse in one way. */

static void
spoil_certificate(struct measure *m)
{
	memset(&m->head, 0, sizeof m->head);
	m->at_crierd = m->has_crowd = m->has_idle = false;
	m->has_leaving = m->has_resume = false;
	m->first_us = MEASURE_NEVER;
	m->event_count = 0;
	m->bad_certificate = true;
	strcpy(m->why, "certificate has expired");
}

static void
spoil_status(struct measure *m)
{
	spoil_certificate(m);
	m->bad_certificate = false;
	m->head.status = 404;
}

static void
spoil_gateway(struct measure *m)
{
	spoil_status(m);
	m->head.status = 502;
}

static void
spoil_denied(struct measure *m)
{
	spoil_status(m);
	m->head.status = 403;
}

static void
spoil_stopped(struct measure *m)
{
	spoil_status(m);
	m->head.status = 204;
}

static void
spoil_type(struct measure *m)
{
	spoil_status(m);
	m->head.status = 200;
	strcpy(m->head.type, "text/event-streams");
}

static void
spoil_stand_in(struct measure *m)
{
	spoil_type(m);
	strcpy(m->head.type, "text/event-stream");
}

static void
spoil_other(struct measure *m)
{
	m->at_crierd = false;
	m->crowd_at_crierd = 0;
}

static void
spoil_some(struct measure *m)
{
	m->crowd_at_crierd = 2;
}

static void
spoil_first_elsewhere(struct measure *m)
{
	m->at_crierd = false;
	m->crowd_at_crierd = 1;
}

static void
spoil_full(struct measure *m)
{
	m->crowd_opened = m->crowd_at_crierd = 2;
}

static void
spoil_encoding(struct measure *m)
{
	strcpy(m->head.encoding, "gzip");
}

static void
spoil_cache(struct measure *m)
{
	strcpy(m->head.cache, "no-cache");
}

static void
spoil_no_head_and_encoding(struct measure *m)
{
	measured_nothing(m);
	spoil_encoding(m);
}

static void
spoil_no_head_at_all(struct measure *m)
{
	measured_nothing(m);
	memset(&m->head, 0, sizeof m->head);
}

static void
spoil_one_missing(struct measure *m)
{
	m->events[2].delay_us = MEASURE_NEVER;
}

static void
spoil_with_next(struct measure *m)
{
	m->events[0].delay_us = 6 * SECOND;
	m->events[0].with_next = true;
}

static void
spoil_one_slow(struct measure *m)
{
	m->events[0].delay_us = 2 * SECOND;
}

static void
spoil_one_slower(struct measure *m)
{
	m->events[0].delay_us = 900 * MS;
}

static void
spoil_all_slow(struct measure *m)
{
	size_t i;

	for (i = 0; i < MEASURE_EVENTS; i++)
		m->events[i].delay_us = 200 * MS;
}

static void
spoil_cut(struct measure *m)
{
	m->cut_us = 20 * SECOND;
	m->heartbeats = 0;
}

/* mod_fcgid's first byte. */
static void
spoil_first_fcgid(struct measure *m)
{
	m->server = SERVER_APACHE;
	strcpy(m->door, "fastcgi-handoff");
	m->first_us = SECOND + 10 * MS;
}

static void
spoil_first_fcgid_slow(struct measure *m)
{
	spoil_first_fcgid(m);
	m->first_us = 4 * SECOND;
}

static void
spoil_first_slow(struct measure *m)
{
	spoil_first_fcgid(m);
	strcpy(m->door, "cgi");
}

static void
spoil_cut_early(struct measure *m)
{
	spoil_cut(m);
	m->ended_early = true;
	m->event_count = 1;
}

static void
spoil_end_early(struct measure *m)
{
	spoil_cut_early(m);
	strcpy(m->end, "timeout");
}

static void
spoil_max_time(struct measure *m)
{
	spoil_cut(m);
	strcpy(m->end, "timeout");
}

static void
spoil_heartbeat(struct measure *m)
{
	m->heartbeats = 0;
}

static void
spoil_unsent(struct measure *m)
{
	m->heartbeats = 0;
	m->idle_sent = false;
}

static void
spoil_short(struct measure *m)
{
	spoil_unsent(m);
	m->idle_ms = 5000;
}

static void
spoil_off(struct measure *m)
{
	spoil_unsent(m);
	m->heartbeat_ms = 0;
}

static void
spoil_late(struct measure *m)
{
	m->left_us = 25100 * MS;
}

static void
spoil_never(struct measure *m)
{
	m->left_us = MEASURE_NEVER;
}

static void
spoil_never_awaited(struct measure *m)
{
	spoil_never(m);
	m->leave_ms = 3000;
}

static void
spoil_held_never(struct measure *m)
{
	measured_nothing(m);
	spoil_never(m);
}

static void
spoil_resume(struct measure *m)
{
	m->resumed = 0;
}

static void
spoil_elsewhere(struct measure *m)
{
	spoil_resume(m);
	m->resume_elsewhere = true;
}

static void
spoil_gap(struct measure *m)
{
	m->resume_gap = true;
}

/* No fault by itself. */
static void
spoil_polls(struct measure *m)
{
	m->is_polling = true;
	m->polls = 3;
	m->first_us = 2 * SECOND;
	m->events[0].delay_us = 4 * SECOND;
	m->has_idle = m->has_leaving = false;
}

static void
spoil_polls_missing(struct measure *m)
{
	spoil_polls(m);
	spoil_one_missing(m);
}

static void
spoil_polls_cut(struct measure *m)
{
	spoil_polls_missing(m);
	m->polls_cut = 1;
}

static void
spoil_polls_gap(struct measure *m)
{
	spoil_polls_missing(m);
	m->poll_gap = true;
}

static void
spoil_polls_again(struct measure *m)
{
	spoil_polls(m);
	m->repeated = 1;
}

static void
spoil_polls_order(struct measure *m)
{
	spoil_polls(m);
	m->disordered = 1;
}

/* Apache's threads. */

static void
spoil_module(struct measure *m)
{
	m->server = SERVER_APACHE;
	strcpy(m->door, "fastcgi");
	m->mpm = (struct mpm){ true, true, 400, 150, 150 };
}

static void
spoil_module_factor(struct measure *m)
{
	spoil_module(m);
	m->mpm.factor = 2;
}

static void
spoil_module_spare(struct measure *m)
{
	spoil_module(m);
	m->mpm.spare = 149;
}

static void
spoil_module_prefork(struct measure *m)
{
	spoil_module(m);
	m->mpm.is_event = false;
}

static void
spoil_module_unread(struct measure *m)
{
	spoil_module_prefork(m);
	m->mpm.is_known = false;
}

static void
spoil_module_passed(struct measure *m)
{
	spoil_module_prefork(m);
	strcpy(m->door, "passed");
}

static void
spoil_proxy(struct measure *m)
{
	spoil_module_factor(m);
	spoil_late(m);
	m->streams = 49;
}

static void
spoil_proxy_crowd(struct measure *m)
{
	spoil_proxy(m);
	m->streams = 50;
}

static void
spoil_fcgid_crowd(struct measure *m)
{
	spoil_proxy_crowd(m);
	strcpy(m->door, "fastcgi-handoff");
}

static const struct {
	void (*spoil)(struct measure *);
	const char *check;
	enum verdict verdict;
	enum fault fault;
} verdict_cases[] = {
	{ spoil_certificate, "answer", VERDICT_FAULT, FAULT_CERTIFICATE },
	{ spoil_certificate, "events", VERDICT_NONE, FAULT_NONE },
	{ spoil_certificate, "server", VERDICT_NONE, FAULT_NONE },
	{ spoil_status, "answer", VERDICT_FAULT, FAULT_NOT_FOUND },
	{ spoil_status, "first byte", VERDICT_NONE, FAULT_NONE },
	{ spoil_gateway, "answer", VERDICT_FAULT, FAULT_GATEWAY },
	{ spoil_denied, "answer", VERDICT_FAULT, FAULT_DENIED },
	{ spoil_stopped, "answer", VERDICT_FAULT, FAULT_STATUS },
	{ spoil_type, "answer", VERDICT_FAULT, FAULT_TYPE },
	{ spoil_stand_in, "answer", VERDICT_FAULT, FAULT_STAND_IN },
	{ spoil_stand_in, "headers", VERDICT_NONE, FAULT_NONE },
	{ spoil_other, "streams", VERDICT_FAULT, FAULT_OTHER_CRIERD },
	{ spoil_some, "streams", VERDICT_FAULT, FAULT_SOME_CRIERD },
	{ spoil_first_elsewhere, "streams", VERDICT_FAULT, FAULT_SOME_CRIERD },
	{ spoil_full, "streams", VERDICT_WARNING, FAULT_FULL },
	{ spoil_encoding, "headers", VERDICT_FAULT, FAULT_COMPRESSED },
	{ spoil_cache, "headers", VERDICT_WARNING, FAULT_CACHE },
	{ measured_nothing, "answer", VERDICT_FAULT, FAULT_HELD },
	{ measured_nothing, "first byte", VERDICT_FAULT, FAULT_HELD },
	{ measured_nothing, "events", VERDICT_FAULT, FAULT_HELD },
	{ measured_nothing, "silence", VERDICT_FAULT, FAULT_HELD },
	{ measured_nothing, "coming back", VERDICT_NONE, FAULT_NONE },
	{ spoil_no_head_and_encoding, "headers", VERDICT_FAULT,
	    FAULT_COMPRESSED },
	{ spoil_no_head_and_encoding, "events", VERDICT_FAULT, FAULT_HELD },
	{ spoil_no_head_at_all, "headers", VERDICT_NONE, FAULT_NONE },
	{ spoil_one_missing, "events", VERDICT_FAULT, FAULT_HELD },
	{ spoil_with_next, "events", VERDICT_FAULT, FAULT_HELD },
	{ spoil_one_slow, "events", VERDICT_WARNING, FAULT_SLOW },
	{ spoil_one_slower, "events", VERDICT_OK, FAULT_NONE },
	{ spoil_all_slow, "events", VERDICT_WARNING, FAULT_SLOW },
	{ spoil_polls, "first byte", VERDICT_OK, FAULT_NONE },
	{ spoil_polls, "events", VERDICT_OK, FAULT_NONE },
	{ spoil_polls, "silence", VERDICT_NONE, FAULT_NONE },
	{ spoil_polls, "leaving", VERDICT_NONE, FAULT_NONE },
	{ spoil_polls, "coming back", VERDICT_OK, FAULT_NONE },
	{ spoil_polls_missing, "events", VERDICT_FAULT, FAULT_LAST_EVENT_ID },
	{ spoil_polls_cut, "events", VERDICT_FAULT, FAULT_CUT },
	{ spoil_polls_gap, "events", VERDICT_FAULT, FAULT_GAP },
	{ spoil_polls_again, "events", VERDICT_FAULT, FAULT_CACHE },
	{ spoil_polls_order, "events", VERDICT_FAULT, FAULT_CACHE },
	{ spoil_cut, "silence", VERDICT_FAULT, FAULT_CUT },
	{ spoil_first_fcgid, "first byte", VERDICT_OK, FAULT_NONE },
	{ spoil_first_fcgid_slow, "first byte", VERDICT_WARNING, FAULT_SLOW },
	{ spoil_first_slow, "first byte", VERDICT_WARNING, FAULT_SLOW },
	{ spoil_cut_early, "events", VERDICT_FAULT, FAULT_CUT },
	{ spoil_cut_early, "silence", VERDICT_NONE, FAULT_NONE },
	{ spoil_end_early, "events", VERDICT_WARNING, FAULT_MAX_TIME },
	{ spoil_max_time, "silence", VERDICT_WARNING, FAULT_MAX_TIME },
	{ spoil_heartbeat, "silence", VERDICT_FAULT, FAULT_HELD },
	{ spoil_unsent, "silence", VERDICT_WARNING, FAULT_NO_HEARTBEAT },
	{ spoil_short, "silence", VERDICT_OK, FAULT_NONE },
	{ spoil_off, "silence", VERDICT_WARNING, FAULT_HEARTBEAT_OFF },
	{ spoil_late, "leaving", VERDICT_WARNING, FAULT_LEAVING_LATE },
	{ spoil_never, "leaving", VERDICT_FAULT, FAULT_LEAVING_NEVER },
	{ spoil_never_awaited, "leaving", VERDICT_WARNING, FAULT_LEAVING_LATE },
	{ spoil_held_never, "leaving", VERDICT_FAULT, FAULT_HELD },
	{ spoil_resume, "coming back", VERDICT_FAULT, FAULT_LAST_EVENT_ID },
	{ spoil_elsewhere, "coming back", VERDICT_FAULT, FAULT_SOME_CRIERD },
	{ spoil_gap, "coming back", VERDICT_FAULT, FAULT_GAP },
	{ spoil_module, "threads", VERDICT_OK, FAULT_NONE },
	{ spoil_module_factor, "threads", VERDICT_WARNING, FAULT_MPM },
	{ spoil_module_spare, "threads", VERDICT_WARNING, FAULT_MPM },
	{ spoil_module_prefork, "threads", VERDICT_WARNING, FAULT_MPM },
	{ spoil_module_unread, "threads", VERDICT_OK, FAULT_NONE },
	{ spoil_module_passed, "threads", VERDICT_OK, FAULT_NONE },
	{ spoil_proxy, "threads", VERDICT_OK, FAULT_NONE },
	{ spoil_proxy_crowd, "threads", VERDICT_WARNING, FAULT_THREADS },
	{ spoil_fcgid_crowd, "threads", VERDICT_WARNING, FAULT_THREADS },
	{ spoil_certificate, "threads", VERDICT_OK, FAULT_NONE },
};

static void
test_verdicts(void **state)
{
	const size_t n = sizeof verdict_cases / sizeof verdict_cases[0];
	struct check checks[VERDICT_CHECKS];
	const struct check *c;
	struct measure m;
	size_t i;

	(void)state;
	for (i = 0; i < n; i++) {
		m = measured_good();
		verdict_cases[i].spoil(&m);
		verdict_checks(&m, checks);
		c = test_find(checks, verdict_cases[i].check);
		if (c->verdict != verdict_cases[i].verdict ||
		    c->fault != verdict_cases[i].fault)
			fail_msg("%zu: %s is %s, %s: %s", i, c->name,
			    verdict_name(c->verdict),
			    advice_fault_name(c->fault), c->text);
		assert_true(strlen(c->text) > 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_well),
		cmocka_unit_test(test_verdicts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
