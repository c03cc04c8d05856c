/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "doctor/verdict.h"

enum {
	VERDICT_SLOW_US = 1000 * 1000,
	/* mod_fcgid lets the first byte wait for one second, or two. */
	VERDICT_FCGID_US = 3000 * 1000,
	/* If no event is faster than this, that is no accident. */
	VERDICT_ALL_SLOW_US = 100 * 1000,
	/*
	 * If crierd noticed a leaving in less of the heartbeat's time, the web
	 * server told it; else the heartbeat did.
	 */
	VERDICT_AT_ONCE_PERCENT = 80,
	/* A third of what Debian's Apache has threads for. */
	VERDICT_MANY_STREAMS = 50,
	/* Less is hardly more than Apache's default. */
	VERDICT_FACTOR = 10
};

static void verdict_say(struct check *, enum verdict, enum fault,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

static void
verdict_say(struct check *c, enum verdict verdict, enum fault fault,
    const char *fmt, ...)
{
	va_list ap;

	c->verdict = verdict;
	c->fault = fault;
	va_start(ap, fmt);
	vsnprintf(c->text, sizeof c->text, fmt, ap);
	va_end(ap);
}

struct verdict_time {
	char text[32];
};

/* A time as people read it, in a unit that suits it. */
static struct verdict_time
verdict_time(uint64_t us)
{
	struct verdict_time t;
	double ms = (double)us / 1000;

	if (us == MEASURE_NEVER)
		snprintf(t.text, sizeof t.text, "never");
	else if (ms < 10)
		snprintf(t.text, sizeof t.text, "%.1f ms", ms);
	else if (ms < 1000)
		snprintf(t.text, sizeof t.text, "%.0f ms", ms);
	else
		snprintf(t.text, sizeof t.text, "%.3g s", ms / 1000);
	return t;
}

/* A setting's milliseconds as seconds. */
static struct verdict_time
verdict_setting(uint64_t ms)
{
	struct verdict_time t;

	snprintf(t.text, sizeof t.text, "%.6g s", (double)ms / 1000);
	return t;
}

static enum fault
verdict_status_fault(long status)
{
	if (status == 404)
		return FAULT_NOT_FOUND;
	if (status == 401 || status == 403)
		return FAULT_DENIED;
	if (status >= 502 && status <= 504)
		return FAULT_GATEWAY;
	return FAULT_STATUS;
}

static void
verdict_answer(const struct measure *m, struct check *c)
{
	const char *type = m->head.type[0] == '\0' ? "no type" : m->head.type;
	const char *lead =
	    m->head.location[0] == '\0' ? "" : ", redirected to ";

	if (m->bad_certificate)
		verdict_say(c, VERDICT_FAULT, FAULT_CERTIFICATE, "%s", m->why);
	else if (m->head.status == 0)
		verdict_say(c, VERDICT_FAULT, FAULT_HELD,
		    "crierd has the stream, but not even its head came");
	else if (m->head.status != 200)
		verdict_say(c, VERDICT_FAULT,
		    verdict_status_fault(m->head.status), "status %ld, %s%s%s",
		    m->head.status, type, lead, m->head.location);
	else if (!measure_is_stream(m))
		verdict_say(c, VERDICT_FAULT, FAULT_TYPE, "status 200, %s%s%s",
		    type, lead, m->head.location);
	else if (!m->at_crierd && m->first_us == MEASURE_NEVER)
		verdict_say(c, VERDICT_FAULT, FAULT_STAND_IN,
		    "an empty stream that does not come from crierd%s%s",
		    m->comment[0] == '\0' ? "" : ": ", m->comment);
	else
		verdict_say(c, VERDICT_OK, FAULT_NONE, "status 200, %s%s%s",
		    type, lead, m->head.location);
}

/*
 * Whether there are headers to judge.  If this stream's head was held back,
 * they came with another stream.
 */
static bool
verdict_has_headers(const struct measure *m)
{
	if (m->head.status == 0)
		return m->at_crierd && m->head.type[0] != '\0';
	return measure_is_stream(m) &&
	    (m->at_crierd || m->first_us != MEASURE_NEVER);
}

static void
verdict_headers(const struct measure *m, struct check *c)
{
	bool may_store = strcasestr(m->head.cache, "no-store") == NULL;

	if (!verdict_has_headers(m))
		verdict_say(c, VERDICT_NONE, FAULT_NONE, "no stream");
	else if (m->head.encoding[0] != '\0' &&
	    strcasecmp(m->head.encoding, "identity") != 0)
		verdict_say(c, VERDICT_FAULT, FAULT_COMPRESSED,
		    "Content-Encoding: %s; a compressor collects what should "
		    "be sent now, and takes memory for each stream",
		    m->head.encoding);
	else if (may_store || strcasestr(m->head.cache, "no-transform") == NULL)
		verdict_say(c, VERDICT_WARNING, FAULT_CACHE,
		    "Cache-Control: %s, where crierd says no-store, "
		    "no-transform",
		    m->head.cache[0] == '\0' ? "none" : m->head.cache);
	else
		verdict_say(c, VERDICT_OK, FAULT_NONE,
		    "not compressed; Cache-Control: %s", m->head.cache);
}

/* Whether mod_fcgid explains a first byte that would be slow elsewhere. */
static bool
verdict_is_fcgid(const struct measure *m)
{
	return m->server == SERVER_APACHE && m->first_us > VERDICT_SLOW_US &&
	    m->first_us <= VERDICT_FCGID_US &&
	    advice_attachment(m->door, m->server, m->held_bytes) ==
	    ATTACHED_MANAGED;
}

static void
verdict_first(const struct measure *m, struct check *c)
{
	bool fcgid = verdict_is_fcgid(m);

	if (!measure_has_stream(m) && m->first_us == MEASURE_NEVER)
		verdict_say(c, VERDICT_NONE, FAULT_NONE, "no stream");
	else if (measure_is_held(m))
		verdict_say(c, VERDICT_FAULT, FAULT_HELD,
		    "nothing came, although crierd has sent it");
	else if (m->is_polling)
		verdict_say(c, VERDICT_OK, FAULT_NONE,
		    "after %s (head %s); crierd polls here",
		    verdict_time(m->first_us).text,
		    verdict_time(m->head_us).text);
	else if (m->first_us > VERDICT_SLOW_US && !fcgid)
		verdict_say(c, VERDICT_WARNING, FAULT_SLOW,
		    "after %s (head %s)", verdict_time(m->first_us).text,
		    verdict_time(m->head_us).text);
	else
		verdict_say(c, VERDICT_OK, FAULT_NONE, "after %s (head %s)%s",
		    verdict_time(m->first_us).text,
		    verdict_time(m->head_us).text,
		    fcgid ? ", as mod_fcgid does it" : "");
}

static void
verdict_crowd(const struct measure *m, struct check *c)
{
	bool elsewhere = m->crowd_opened > m->crowd_at_crierd || !m->at_crierd;

	if (!m->has_crowd)
		verdict_say(c, VERDICT_NONE, FAULT_NONE, "no stream");
	else if (!m->at_crierd && m->crowd_at_crierd == 0)
		verdict_say(c, VERDICT_FAULT, FAULT_OTHER_CRIERD,
		    "the stream is not at the crierd of this queue");
	else if (elsewhere)
		verdict_say(c, VERDICT_FAULT, FAULT_SOME_CRIERD,
		    "%zu of %zu at the same time are at the crierd of this "
		    "queue",
		    m->crowd_at_crierd + m->at_crierd, m->crowd_opened + 1);
	else if (m->crowd_at_crierd < MEASURE_CROWD)
		verdict_say(c, VERDICT_WARNING, FAULT_FULL,
		    "only %zu of %d at the same time were opened",
		    m->crowd_at_crierd, MEASURE_CROWD);
	else
		verdict_say(c, VERDICT_OK, FAULT_NONE,
		    "%d at the same time, all at this crierd", MEASURE_CROWD);
}

/* The delays, one behind the other. */
static struct check
verdict_delays(const struct measure *m)
{
	struct check c = { 0 };
	size_t i, n = 0;

	for (i = 0; i < m->event_count && n < sizeof c.text; i++)
		n += (size_t)snprintf(c.text + n, sizeof c.text - n, "%s%s%s",
		    i == 0 ? "" : ", ",
		    verdict_time(m->events[i].delay_us).text,
		    m->events[i].with_next ? " with the next" : "");
	return c;
}

static void
verdict_held_events(const struct measure *m, size_t missing, size_t late,
    struct check *c)
{
	char more[80] = "";

	if (m->held_bytes == MEASURE_NEVER)
		snprintf(more, sizeof more,
		    "; much more data did not push them out");
	else if (m->held_bytes > 0)
		snprintf(more, sizeof more,
		    "; something came after %" PRIu64 " more bytes",
		    m->held_bytes);
	verdict_say(c, VERDICT_FAULT, FAULT_HELD,
	    "of %zu events %zu did not come, %zu came with the next one%s",
	    m->event_count, missing, late, more);
}

/* All events have come by themselves: judges whether quickly enough. */
static void
verdict_quick_events(const struct measure *m, struct check *c)
{
	uint64_t slowest = 0, fastest = MEASURE_NEVER, us;
	bool slow;
	size_t i;

	for (i = 0; i < m->event_count; i++) {
		us = m->events[i].delay_us;
		slowest = us > slowest ? us : slowest;
		fastest = us < fastest ? us : fastest;
	}
	slow = slowest > VERDICT_SLOW_US || fastest > VERDICT_ALL_SLOW_US;
	verdict_say(c, slow ? VERDICT_WARNING : VERDICT_OK,
	    slow ? FAULT_SLOW : FAULT_NONE, "%zu of %zu, one by one: %.200s",
	    m->event_count, m->event_count, verdict_delays(m).text);
}

/* Events over polls: delays do not count, as clients stay away in between. */
static void
verdict_polls(const struct measure *m, size_t missing, struct check *c)
{
	size_t n = m->event_count;

	if (m->poll_gap)
		verdict_say(c, VERDICT_FAULT, FAULT_GAP,
		    "crierd no longer had what came between two polls");
	else if (missing > 0 && m->polls_cut > 0)
		verdict_say(c, VERDICT_FAULT, FAULT_CUT,
		    "of %zu events %zu did not come; %zu polls were cut off", n,
		    missing, m->polls_cut);
	else if (missing > 0)
		verdict_say(c, VERDICT_FAULT, FAULT_LAST_EVENT_ID,
		    "of %zu events %zu did not come over %zu polls", n, missing,
		    m->polls);
	else if (m->repeated + m->disordered > 0)
		verdict_say(c, VERDICT_FAULT, FAULT_CACHE,
		    "of %zu events over %zu polls %zu came again, %zu out of "
		    "order",
		    n, m->polls, m->repeated, m->disordered);
	else
		verdict_say(c, VERDICT_OK, FAULT_NONE,
		    "%zu of %zu, once and in order, over %zu polls: %.200s", n,
		    n, m->polls, verdict_delays(m).text);
}

static void
verdict_events(const struct measure *m, struct check *c)
{
	size_t missing = 0, late = 0, i;

	for (i = 0; i < m->event_count; i++) {
		missing += m->events[i].delay_us == MEASURE_NEVER;
		late += m->events[i].with_next;
	}
	if (m->is_polling)
		verdict_polls(m, missing, c);
	else if (m->ended_early)
		verdict_say(c,
		    m->end[0] == '\0' ? VERDICT_FAULT : VERDICT_WARNING,
		    m->end[0] == '\0' ? FAULT_CUT : FAULT_MAX_TIME,
		    "the stream ended when %zu had come", m->event_count);
	else if (m->event_count == 0)
		verdict_say(c, VERDICT_NONE, FAULT_NONE, "no stream");
	else if (missing + late > 0)
		verdict_held_events(m, missing, late, c);
	else
		verdict_quick_events(m, c);
}

static void
verdict_cut(const struct measure *m, struct check *c)
{
	if (m->end[0] == '\0')
		verdict_say(c, VERDICT_FAULT, FAULT_CUT,
		    "the stream was cut after %s; the heartbeat is %s",
		    verdict_time(m->cut_us).text,
		    verdict_setting(m->heartbeat_ms).text);
	else
		verdict_say(c, VERDICT_WARNING, FAULT_MAX_TIME,
		    "crierd ended the stream after %s: %s",
		    verdict_time(m->cut_us).text, m->end);
}

static void
verdict_idle(const struct measure *m, struct check *c)
{
	struct verdict_time idle = verdict_setting(m->idle_ms);

	if (m->is_polling)
		verdict_say(c, VERDICT_NONE, FAULT_NONE,
		    "crierd polls here, and ends its answers by itself");
	else if (!m->has_idle)
		verdict_say(c, VERDICT_NONE, FAULT_NONE, "no stream");
	else if (m->ended_early)
		verdict_say(c, VERDICT_NONE, FAULT_NONE,
		    "the stream had ended before");
	else if (m->cut_us != MEASURE_NEVER)
		verdict_cut(m, c);
	else if (m->heartbeat_ms == 0)
		verdict_say(c, VERDICT_WARNING, FAULT_HEARTBEAT_OFF,
		    "open for %s; the heartbeat is off", idle.text);
	else if (m->heartbeats > 0)
		verdict_say(c, VERDICT_OK, FAULT_NONE,
		    "open for %s, %u heartbeat%s came", idle.text,
		    m->heartbeats, m->heartbeats == 1 ? "" : "s");
	else if (m->idle_ms <= m->heartbeat_ms)
		verdict_say(c, VERDICT_OK, FAULT_NONE,
		    "open for %s, which is less than the heartbeat of %s",
		    idle.text, verdict_setting(m->heartbeat_ms).text);
	else if (m->idle_sent)
		verdict_say(c, VERDICT_FAULT, FAULT_HELD,
		    "open for %s, but no heartbeat came, although crierd "
		    "sent it",
		    idle.text);
	else
		verdict_say(c, VERDICT_WARNING, FAULT_NO_HEARTBEAT,
		    "open for %s, but crierd sent no heartbeat", idle.text);
}

/* Whether crierd was told of the leaving, and not by a failing heartbeat. */
static bool
verdict_left_at_once(const struct measure *m)
{
	uint64_t soon_us = m->heartbeat_ms * 10 * VERDICT_AT_ONCE_PERCENT;

	return m->has_leaving && m->left_us != MEASURE_NEVER &&
	    (m->heartbeat_ms == 0 || m->left_us < soon_us);
}

static void
verdict_leaving(const struct measure *m, struct check *c)
{
	if (m->is_polling)
		verdict_say(c, VERDICT_NONE, FAULT_NONE,
		    "crierd polls here, and nobody stays");
	else if (!m->has_leaving)
		verdict_say(c, VERDICT_NONE, FAULT_NONE, "no stream");
	else if (m->left_us == MEASURE_NEVER && m->leave_ms < m->heartbeat_ms)
		verdict_say(c, VERDICT_WARNING, FAULT_LEAVING_LATE,
		    "crierd did not notice it within %s, which is less than "
		    "the heartbeat of %s",
		    verdict_setting(m->leave_ms).text,
		    verdict_setting(m->heartbeat_ms).text);
	else if (m->left_us == MEASURE_NEVER && measure_is_held(m))
		verdict_say(c, VERDICT_FAULT, FAULT_HELD,
		    "crierd did not notice it within %s: what is held back "
		    "hides it",
		    verdict_setting(m->leave_ms).text);
	else if (m->left_us == MEASURE_NEVER)
		verdict_say(c, VERDICT_FAULT, FAULT_LEAVING_NEVER,
		    "crierd did not notice it within %s",
		    verdict_setting(m->leave_ms).text);
	else if (verdict_left_at_once(m))
		verdict_say(c, VERDICT_OK, FAULT_NONE,
		    "crierd noticed it after %s",
		    verdict_time(m->left_us).text);
	else
		verdict_say(c, VERDICT_WARNING, FAULT_LEAVING_LATE,
		    "crierd noticed it only at a heartbeat, after %s",
		    verdict_time(m->left_us).text);
}

static void
verdict_resume(const struct measure *m, struct check *c)
{
	if (!m->has_resume)
		verdict_say(c, VERDICT_NONE, FAULT_NONE, "%s",
		    measure_is_held(m) ? "events are held back" : "no stream");
	else if (m->resume_elsewhere)
		verdict_say(c, VERDICT_FAULT, FAULT_SOME_CRIERD,
		    "the stream that came back is not at the crierd of this "
		    "queue");
	else if (m->resume_gap)
		verdict_say(c, VERDICT_FAULT, FAULT_GAP,
		    "crierd no longer had what was missed");
	else if (m->resumed < MEASURE_MISSED)
		verdict_say(c, VERDICT_FAULT, FAULT_LAST_EVENT_ID,
		    "%zu of %d missed events came after Last-Event-ID",
		    m->resumed, MEASURE_MISSED);
	else
		verdict_say(c, VERDICT_OK, FAULT_NONE,
		    "all %d missed events came after Last-Event-ID",
		    MEASURE_MISSED);
}

/* mod_crier: it is the one of Apache's modules that notices at once. */
static void
verdict_mod_crier(const struct measure *m, struct check *c)
{
	const struct mpm *mpm = &m->mpm;

	if (strcmp(m->door, "passed") == 0)
		verdict_say(c, VERDICT_OK, FAULT_NONE,
		    "none: crierd has its clients' own sockets");
	else if (!mpm->is_known)
		verdict_say(c, VERDICT_OK, FAULT_NONE,
		    "none, by mod_crier; the MPM's settings cannot be read");
	else if (!mpm->is_event)
		verdict_say(c, VERDICT_WARNING, FAULT_MPM,
		    "each stream holds one of %ld: the MPM is not event",
		    mpm->workers);
	else if (mpm->factor < VERDICT_FACTOR || mpm->spare < mpm->workers)
		verdict_say(c, VERDICT_WARNING, FAULT_MPM,
		    "none, but AsyncRequestWorkerFactor is %g, "
		    "MaxSpareThreads %ld of MaxRequestWorkers %ld",
		    mpm->factor, mpm->spare, mpm->workers);
	else
		verdict_say(c, VERDICT_OK, FAULT_NONE,
		    "none, by mod_crier; AsyncRequestWorkerFactor %g, "
		    "MaxSpareThreads %ld",
		    mpm->factor, mpm->spare);
}

/* Apache's threads: what is short first. */
static void
verdict_threads(const struct measure *m, struct check *c)
{
	enum attachment way =
	    advice_attachment(m->door, m->server, m->held_bytes);

	if (m->server != SERVER_APACHE)
		verdict_say(c, VERDICT_OK, FAULT_NONE,
		    "a stream holds none; only those of Apache do");
	else if (m->is_polling)
		verdict_say(c, VERDICT_OK, FAULT_NONE,
		    "crierd polls here, and nobody stays");
	else if (!m->has_leaving)
		verdict_say(c, VERDICT_NONE, FAULT_NONE, "no stream");
	else if (way == ATTACHED_FASTCGI && verdict_left_at_once(m))
		verdict_mod_crier(m, c);
	else if (m->streams >= VERDICT_MANY_STREAMS)
		verdict_say(c, VERDICT_WARNING, FAULT_THREADS,
		    "each stream holds one, and %" PRIu64 " are open",
		    m->streams);
	else
		verdict_say(c, VERDICT_OK, FAULT_NONE,
		    "each stream holds one; %" PRIu64 " are open", m->streams);
}

/* Says who answered, which alone is never a fault. */
static void
verdict_server(const struct measure *m, struct check *c)
{
	enum attachment way =
	    advice_attachment(m->door, m->server, m->held_bytes);

	if (m->head.http_version[0] == '\0') {
		verdict_say(c, VERDICT_NONE, FAULT_NONE, "no answer");
		return;
	}
	verdict_say(c, VERDICT_OK, FAULT_NONE, "%s%s%s, HTTP/%s, attachment %s",
	    m->head.server[0] == '\0' ? "no Server header" : m->head.server,
	    m->head.via[0] == '\0' ? "" : ", by way of ", m->head.via,
	    m->head.http_version, advice_attachment_name(way));
}

void
verdict_checks(const struct measure *m, struct check checks[VERDICT_CHECKS])
{
	static const struct {
		const char *name;
		void (*judge)(const struct measure *, struct check *);
	} table[VERDICT_CHECKS] = {
		{ "server", verdict_server },
		{ "answer", verdict_answer },
		{ "headers", verdict_headers },
		{ "first byte", verdict_first },
		{ "streams", verdict_crowd },
		{ "events", verdict_events },
		{ "silence", verdict_idle },
		{ "leaving", verdict_leaving },
		{ "threads", verdict_threads },
		{ "coming back", verdict_resume },
	};
	size_t i;

	for (i = 0; i < VERDICT_CHECKS; i++) {
		checks[i].name = table[i].name;
		table[i].judge(m, &checks[i]);
	}
}

const char *
verdict_name(enum verdict verdict)
{
	static const char *const names[] = {
		[VERDICT_OK] = "ok",
		[VERDICT_WARNING] = "warning",
		[VERDICT_FAULT] = "FAULT",
		[VERDICT_NONE] = "-",
	};

	return names[verdict];
}
