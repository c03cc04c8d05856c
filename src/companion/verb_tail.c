/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "companion/print.h"
#include "companion/verb.h"
#include "protocol/client.h"
#include "protocol/eventstream.h"
#include "protocol/limits.h"
#include "protocol/reply.h"

/*
 * crier tail follows channels.
 *
 * A tail outlives connections: when one ends, it asks for the stream again from
 * the last id that it was told, as a browser does, for as long as -w
 * allows.  What a connection's end means is one of three (enum tail_end).
 */

static const char tail_help[] =
    "usage: crier tail [-d] [-n COUNT | --since ID] CHANNEL...\n"
    "\n"
    "Follows channels: prints each event as a line of JSON when it is\n"
    "published, until it is interrupted.\n"
    "\n"
    "  -d          print the data alone, as it is\n"
    "  -n COUNT    begin with the last COUNT events of each channel\n"
    "  --since ID  begin after the event with this id; 'all' is everything\n"
    "              that is retained\n"
    "  -h          this text\n"
    "\n"
    "When crierd goes away, 'crier -w SECONDS tail' waits so long for it to\n"
    "come back and goes on where it was; without -w it ends with 75.\n"
    "\n"
    "exit status: 0 interrupted, reader gone, or closed by 'crier close';\n"
    "64 wrong usage, 65 bad channel, 69 no crierd, 75 crierd went away, 77\n"
    "not allowed\n"
    "\n"
    "examples:\n"
    "  crier tail news sports\n"
    "  crier tail -d log | grep --line-buffered error\n"
    "  crier tail --since 1763620000123-0 news\n"
    "  crier -w 60 tail -n 10 news\n";

enum {
	TAIL_SINCE = 256,
	TAIL_PAUSE_MS = 100 /* milliseconds before crierd is tried again */
};

enum tail_end {
	TAIL_LOST, /* crierd went away or asks to come again */
	TAIL_TURN, /* the stream is to be opened again at once (max-time) */
	TAIL_OVER  /* ended for good: tail.code is the exit code */
};

struct tail {
	const struct verb_env *env;
	char **channels;
	int channel_count;
	const char *since;
	uint64_t last;
	bool has_last, data_only, is_terminal;
	struct eventstream stream;
	bool heard; /* this connection has brought something */
	int code;
	char why[512]; /* what to say when it is given up */
};

/*
 * An interrupted tail ends at once, with 0, but never within a line: while it
 * prints, the signal's handler only leaves a note.
 */
static volatile sig_atomic_t tail_is_printing, tail_is_interrupted;

static void
tail_signal_cb(int signal_number)
{
	(void)signal_number;
	if (!tail_is_printing)
		_exit(0);
	tail_is_interrupted = 1;
}

static void
tail_catch_signals(void)
{
	struct sigaction action = { .sa_handler = tail_signal_cb };

	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
}

/* 0, -1 after help, or the exit code. */
static int
tail_options(struct tail *t, int argc, char **argv)
{
	static const struct option longs[] = { { "help", 0, NULL, 'h' },
		{ "since", 1, NULL, TAIL_SINCE }, { NULL, 0, NULL, 0 } };
	bool begun = false;
	int c;

	while ((c = verb_option(&verb_tail, argc, argv, ":dn:h", longs,
		    &begun)) != -1)
		switch (c) {
		case 'd':
			t->data_only = true;
			break;
		case 'n':
			t->has_last = true;
			if (text_parse_number(optarg, strlen(optarg),
				limit_of[LIMIT_LAST].max, &t->last))
				break;
			return verb_usage(&verb_tail, "-n takes a number");
		case TAIL_SINCE:
			t->since = optarg;
			break;
		case 'h':
			return -1;
		default:
			return EX_USAGE;
		}
	t->channels = argv + optind;
	t->channel_count = argc - optind;
	if (t->channel_count == 0)
		return verb_usage(&verb_tail, "which channel?");
	if (t->has_last && t->since != NULL)
		return verb_usage(&verb_tail,
		    "-n and --since exclude each other");
	return 0;
}

/* The command that asks for the stream, from where the last one ended. */
static struct json_object *
tail_command(const struct tail *t)
{
	struct json_object *o = json_object_new_object();
	const char *since = eventstream_last_id(&t->stream);

	json_add_string(o, "do", "stream");
	json_add_value(o, "channel", verb_names(t->channel_count, t->channels));
	if (since == NULL)
		since = t->since;
	if (since != NULL)
		json_add_value(o, "since", json_object_new_string(since));
	else if (t->has_last)
		json_add_number(o, "last", t->last);
	return o;
}

static void
tail_add(struct json_object *o, const char *name, const char *text, size_t len)
{
	if (text != NULL)
		json_add_value(o, name,
		    json_object_new_string_len(text, (int)len));
}

static void
tail_print_json(const struct tail *t, const struct eventstream_event *e)
{
	struct json_object *o = json_object_new_object();
	const char *line;

	if (o == NULL)
		return;
	tail_add(o, "id", e->id, e->id_len);
	tail_add(o, "event", e->event, e->event_len);
	tail_add(o, "data", e->data, e->data_len);
	if ((line = json_line(o)) != NULL)
		print_line(t->is_terminal, line, strlen(line));
	json_object_put(o);
}

static bool
tail_is_event(const struct eventstream_event *e, const char *name)
{
	return e->event_len == strlen(name) &&
	    memcmp(e->event, name, e->event_len) == 0;
}

/* What the reason in a crier.end means for tail. */
static enum tail_end
tail_reason(struct tail *t, const struct eventstream_event *e)
{
	struct json_object *o = json_parse_object(e->data, e->data_len);
	const char *reason = json_get_string(json_member(o, "reason"));
	enum tail_end end = TAIL_LOST;

	if (reason != NULL && strcmp(reason, "timeout") == 0) {
		end = TAIL_TURN;
	} else if (reason != NULL && strcmp(reason, "closed") == 0) {
		t->code = 0;
		end = TAIL_OVER;
	}
	json_object_put(o);
	return end;
}

/* Prints an event.  True if it ends the stream, with *end. */
static bool
tail_event(struct tail *t, const struct eventstream_event *e,
    enum tail_end *end)
{
	/* With an id it is a channel's event: the end of a run. */
	if (e->id == NULL && tail_is_event(e, "crier.end")) {
		*end = tail_reason(t, e);
		return true;
	}
	if (!t->data_only)
		tail_print_json(t, e);
	else if (tail_is_event(e, "crier.gap"))
		client_warn("events may be missing here");
	else
		print_line(t->is_terminal, e->data, e->data_len);
	return false;
}

/* Prints what has come.  True at the end, with *end. */
static bool
tail_read(struct tail *t, struct client *c, enum tail_end *end)
{
	struct eventstream_event e;
	const char *bytes = c->in.data;
	size_t left = c->in.len;
	bool ended = false;
	int rc = 0;

	errno = 0;
	tail_is_printing = 1;
	while (!ended && left > 0 &&
	    (rc = eventstream_read(&t->stream, &bytes, &left, CLIENT_LINE_MAX,
		 &e)) == 1)
		ended = tail_event(t, &e, end);
	buffer_consume(&c->in, c->in.len - left);
	if (fflush(stdout) == EOF || ferror(stdout) || tail_is_interrupted) {
		t->code = tail_is_interrupted ? 0 : print_failed();
		*end = TAIL_OVER;
		ended = true;
	} else if (rc == -1) {
		client_warn("event stream: %s", strerror(errno));
		t->code = EX_TEMPFAIL;
		*end = TAIL_OVER;
		ended = true;
	}
	tail_is_printing = 0;
	return ended;
}

/*
 * Takes a line of JSON that is there in place of the stream: a refusal.  True
 * when it is whole, with *end.
 */
static bool
tail_refused(struct tail *t, struct client *c, enum tail_end *end)
{
	const char *reply;
	size_t len;

	if (!client_next_line(c, &reply, &len))
		return false;
	t->code = reply_code(reply, len, t->why, sizeof t->why);
	*end = t->code == EX_TEMPFAIL ? TAIL_LOST : TAIL_OVER;
	if (*end == TAIL_OVER && t->code != 0)
		client_warn("%s", t->why);
	return true;
}

/*
 * Waits for bytes, and sees whether anybody still reads what is printed.  True
 * at the end, with *end.
 */
static bool
tail_wait(struct tail *t, struct client *c, enum tail_end *end)
{
	struct pollfd fds[2] = { { .fd = -1 }, { .fd = STDOUT_FILENO } };

	if (client_turn(c, fds, 2, -1) == -1 && errno != EINTR) {
		client_warn("connection: %s", strerror(errno));
		*end = TAIL_LOST;
		return true;
	}
	if ((fds[1].revents & (POLLERR | POLLNVAL)) == 0)
		return false;
	t->code = 0;
	*end = TAIL_OVER;
	return true;
}

/* Follows one connection, from the command to its end. */
static enum tail_end
tail_follow(struct tail *t, struct client *c)
{
	enum tail_end end = TAIL_LOST;
	bool refused;

	t->heard = false;
	snprintf(t->why, sizeof t->why, "crierd went away");
	eventstream_restart(&t->stream);
	while (!c->ended || c->in.len > 0) {
		refused = !t->heard && c->in.len > 0 && c->in.data[0] == '{';
		if (refused && tail_refused(t, c, &end))
			return end;
		if (refused && c->ended)
			return TAIL_LOST;
		if (!refused && c->in.len > 0) {
			t->heard = true;
			if (tail_read(t, c, &end))
				return end;
		} else if (tail_wait(t, c, &end)) {
			return end;
		}
	}
	return TAIL_LOST;
}

/* Makes one connection and follows it; TAIL_OVER also if there is none. */
static enum tail_end
tail_connect(struct tail *t, uint64_t wait_ms)
{
	struct client c = { .fd = -1 };
	enum tail_end end = TAIL_OVER;

	t->code = client_open(&c, t->env->queue, wait_ms);
	if (t->code == 0) {
		t->code = EX_TEMPFAIL;
		if (json_append_line(&c.out, tail_command(t)) == 0)
			end = tail_follow(t, &c);
	}
	client_close(&c);
	return end;
}

/* Follows over all connections; returns the exit code. */
static int
tail_loop(struct tail *t)
{
	uint64_t deadline = clock_monotonic_ms() + t->env->wait_ms, now;
	enum tail_end end;

	for (;;) {
		now = clock_monotonic_ms();
		end = tail_connect(t, now < deadline ? deadline - now : 0);
		now = clock_monotonic_ms();
		if (t->heard)
			deadline = now + t->env->wait_ms;
		if (end == TAIL_OVER)
			return t->code;
		if (end == TAIL_TURN && t->heard)
			continue;
		if (now >= deadline) {
			client_warn("%s", t->why);
			return EX_TEMPFAIL;
		}
		clock_sleep_ms(TAIL_PAUSE_MS);
	}
}

static int
tail_run(const struct verb_env *env, int argc, char **argv)
{
	struct tail t = { .env = env, .is_terminal = isatty(STDOUT_FILENO) };
	int rc = tail_options(&t, argc, argv);

	if (rc != 0)
		return rc == -1 ? verb_finish(0) : rc;
	tail_catch_signals();
	rc = tail_loop(&t);
	eventstream_clear(&t.stream);
	return rc;
}

const struct verb verb_tail = { "tail", "follow channels", tail_help,
	tail_run };
