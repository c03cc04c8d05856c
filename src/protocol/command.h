/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_PROTOCOL_COMMAND_H
#define CRIER_PROTOCOL_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <json-c/json.h>

#include "base/text.h"
#include "protocol/event.h"

/* One line of the queue's protocol (crier(7)), read but not carried out. */

enum command_kind {
	COMMAND_PUBLISH,
	COMMAND_STREAM,
	COMMAND_STATUS,
	COMMAND_CLOSE,
	COMMAND_HANDOFF, /* json is for the door to read */
	COMMAND_PRESENCE,
	COMMAND_ORDER,
	COMMAND_STOP, /* what runs in a channel */
	COMMAND_RUN,  /* json is for whoever runs it to read */
	COMMAND_POSITION,
	COMMAND_HISTORY,
	COMMAND_RELOAD, /* this and what follows: for those who own the hub */
	COMMAND_RESTART,
	COMMAND_SHUTDOWN,
	COMMAND_KINDS
};

/* By what a list of channels is sorted, the greatest first. */
enum command_sort {
	COMMAND_SORT_EVENTS, /* in memory */
	COMMAND_SORT_STREAMS,
	COMMAND_SORT_BYTES,
	COMMAND_SORT_PUBLISHED, /* since the channel is known */
	COMMAND_SORT_NEWEST,    /* the last event's time */
	COMMAND_SORTS
};

enum {
	COMMAND_ERROR_SIZE = 160
};

struct command {
	enum command_kind kind;
	struct text_span channels[CURSORS_MAX]; /* names are not yet checked */
	size_t channel_count;
	struct event_fields event;
	struct text_span since; /* COMMAND_STREAM */
	bool since_all, has_last;
	bool runs; /* COMMAND_STATUS: list them */
	uint64_t last;
	bool stop;                   /* COMMAND_CLOSE */
	bool streams, list_channels; /* COMMAND_STATUS: list them */
	bool has_limit;
	bool here;              /* of this node alone */
	bool slow;              /* only streams that wait for their sockets */
	enum command_sort sort; /* of the channels */
	struct text_span find;  /* only channels with this in their names */
	uint64_t limit;         /* of each list; 0: as many as there may be */
	const char *user;
	bool has_stream;
	uint64_t stream;
	struct text_span node;    /* whose stream it is; len 0: this one's */
	struct json_object *json; /* the line, which all these point into */
	int code;                 /* if it was refused: of sysexits(3) */
	char error[COMMAND_ERROR_SIZE];
};

/*
 * Bytes that a line may have, its end not counted: of events with so much data,
 * and of a door that hands streams over, with all that their requests were.
 */
size_t command_line_max(uint64_t max_event_bytes);
size_t
command_handoff_max(uint64_t max_event_bytes, uint64_t max_request_bytes);

/* For command_parse; the caller's, to be freed with json_tokener_free. */
struct json_tokener *command_tokener(void);

/*
 * Reads a JSON line (without its end).  0, or -1 with error and code set.
 * command_clear either way.
 */
int command_parse(struct command *, struct json_tokener *, const char *line,
    size_t len);

/*
 * Reads a JSON line that is an event, whose "channel" may be missing: a
 * program's output names none.  Result as of command_parse.
 */
int command_parse_event(struct command *, struct json_tokener *,
    const char *line, size_t len);

/*
 * Reads a line as the named pipe has them: JSON if it begins with '{', else
 * `CHANNEL TEXT`, which is then pointed into.  Result as of command_parse.
 */
int command_parse_plain(struct command *, struct json_tokener *,
    const char *line, size_t len);

void command_clear(struct command *);

#endif
