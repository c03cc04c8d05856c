/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/json.h"
#include "base/text.h"
#include "companion/print.h"
#include "companion/verb.h"
#include "protocol/client.h"
#include "protocol/id.h"
#include "protocol/limits.h"
#include "protocol/reply.h"

/*
 * crier history prints what channels retain, and ends.  It asks for one page
 * after the other, up to what was the newest id when it began: a publisher that
 * is faster than its reader does not keep it going.
 */

static const char history_help[] =
    "usage: crier history [-d] [-n COUNT | --since ID] CHANNEL...\n"
    "\n"
    "Prints what the channels retain, the oldest first, each event as a line\n"
    "of JSON with id, event, channel, data and at (milliseconds since 1970),\n"
    "and ends.\n"
    "\n"
    "  -d          print the data alone, as it is\n"
    "  -n COUNT    the last COUNT events of each channel\n"
    "  --since ID  those after the event with this id\n"
    "  -h          this text\n"
    "\n"
    "exit status: 0 done, 64 wrong usage, 65 bad channel, 69 no crierd, 75\n"
    "try again, 77 not allowed\n"
    "\n"
    "examples:\n"
    "  crier history -n 10 news\n"
    "  crier history log | jq -r '.at, .data'\n";

enum {
	HISTORY_SINCE = 256
};

struct history {
	char **channels;
	int channel_count;
	const char *since;
	uint64_t last;
	bool has_last, data_only, is_terminal;
	struct id upto; /* pages beyond this id are not asked for */
};

/* 0, -1 after help, or the exit code. */
static int
history_options(struct history *h, int argc, char **argv)
{
	static const struct option longs[] = { { "help", 0, NULL, 'h' },
		{ "since", 1, NULL, HISTORY_SINCE }, { NULL, 0, NULL, 0 } };
	bool begun = false;
	int c;

	while ((c = verb_option(&verb_history, argc, argv, ":dn:h", longs,
		    &begun)) != -1)
		switch (c) {
		case 'd':
			h->data_only = true;
			break;
		case 'n':
			h->has_last = true;
			if (text_parse_number(optarg, strlen(optarg),
				limit_of[LIMIT_LAST].max, &h->last))
				break;
			return verb_usage(&verb_history, "-n takes a number");
		case HISTORY_SINCE:
			h->since = optarg;
			break;
		case 'h':
			return -1;
		default:
			return EX_USAGE;
		}
	h->channels = argv + optind;
	h->channel_count = argc - optind;
	if (h->channel_count == 0)
		return verb_usage(&verb_history, "which channel?");
	if (h->has_last && h->since != NULL)
		return verb_usage(&verb_history,
		    "-n and --since exclude each other");
	return 0;
}

/* Asks for a page, which begins behind an id or, NULL, as the options say. */
static struct json_object *
history_command(const struct history *h, const char *since)
{
	struct json_object *o = json_object_new_object();

	json_add_string(o, "do", "history");
	json_add_value(o, "channel", verb_names(h->channel_count, h->channels));
	if (since == NULL && h->has_last)
		json_add_number(o, "last", h->last);
	if (since == NULL)
		since = h->since;
	if (since != NULL)
		json_add_value(o, "since", json_object_new_string(since));
	return o;
}

static bool
history_print(const struct history *h, struct json_object *event)
{
	struct text_span text = { "", 0 };

	if (h->data_only) {
		json_get_text(json_member(event, "data"), &text);
	} else {
		if ((text.text = json_line(event)) == NULL)
			return false;
		text.len = strlen(text.text);
	}
	return print_line(h->is_terminal, text.text, text.len);
}

/* Prints a page.  0, or an exit code; *next is where the next one begins. */
static int
history_page(const struct history *h, struct json_object *page,
    const char **next)
{
	struct json_object *events = json_member(page, "events");
	struct id at;
	bool has_gap = false;
	size_t i;

	json_get_flag(json_member(page, "gap"), &has_gap);
	if (has_gap)
		client_warn("events may be missing here");
	errno = 0;
	for (i = 0; i < json_length(events); i++)
		if (!history_print(h, json_object_array_get_idx(events, i)))
			return print_failed();
	if (fflush(stdout) == EOF)
		return print_failed();
	*next = json_get_string(json_member(page, "next"));
	if (*next != NULL && id_parse(*next, strlen(*next), &at) &&
	    id_cmp(at, h->upto) >= 0)
		*next = NULL;
	return 0;
}

/* Takes the newest id, from the reply to `position`. */
static void
history_begin(struct history *h, const char *line, size_t len)
{
	const char *position;
	struct reply reply;

	reply_read(&reply, line, len);
	position = json_get_string(json_member(reply.json, "position"));
	if (position != NULL)
		id_parse(position, strlen(position), &h->upto);
	reply_clear(&reply);
}

/* Asks for all pages on one connection; the exit code. */
static int
history_ask(struct history *h, struct client *c)
{
	struct json_object *command = json_object_new_object();
	struct reply page = { 0 };
	const char *line, *next = NULL;
	size_t len;
	int rc;

	json_add_string(command, "do", "position");
	if ((rc = client_call(c, command, &line, &len)) != 0)
		return rc;
	history_begin(h, line, len);
	do {
		command = history_command(h, next);
		reply_clear(&page);
		if ((rc = client_call(c, command, &line, &len)) != 0)
			return rc;
		reply_read(&page, line, len);
		rc = history_page(h, page.json, &next);
	} while (rc == 0 && next != NULL);
	reply_clear(&page);
	return rc;
}

static int
history_run(const struct verb_env *env, int argc, char **argv)
{
	struct history h = { .is_terminal = isatty(STDOUT_FILENO) };
	struct client client;
	int rc = history_options(&h, argc, argv);

	if (rc != 0)
		return rc == -1 ? verb_finish(0) : rc;
	rc = client_open(&client, env->queue, env->wait_ms);
	if (rc == 0)
		rc = history_ask(&h, &client);
	client_close(&client);
	return rc;
}

const struct verb verb_history = { "history", "print what channels retain",
	history_help, history_run };
