/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <string.h>

#include "base/log.h"
#include <errno.h>

#include "protocol/command.h"
#include "source/program_output.h"

/* A line may be what it may be on the queue: an event in JSON is longer than
 * its data. */
static size_t
program_output_max(const struct program_output *p)
{
	return command_line_max(p->max_line);
}

static void
program_output_refuse(const struct program_output *p, const char *why)
{
	log_warning("run %s: a line of its output is left out: %s", p->name,
	    why);
}

/* Appends an event's record, without `id:` unless the program gives one. */
static int
program_output_put_event(struct program_output *p, const struct event_fields *e)
{
	const char *why = event_check(e, p->max_line);

	if (why != NULL) {
		program_output_refuse(p, why);
		return 0;
	}
	p->events++;
	if (p->put != NULL)
		return p->put(p->arg, e);
	return event_encode(&p->out, e, e->id, e->id_len);
}

static int
program_output_put_line(struct program_output *p, const char *line, size_t len)
{
	struct event_fields e = { .retry_ms = EVENT_RETRY_NONE };
	struct command c;
	int rc;

	e.data = line;
	e.data_len = len;
	if (len == 0 || line[0] != '{')
		return program_output_put_event(p, &e);
	/* A line of JSON that is no event is data like any other. */
	if (command_parse_event(&c, p->tokener, line, len) == 0)
		e = c.event;
	rc = program_output_put_event(p, &e);
	command_clear(&c);
	return rc;
}

/* Takes lines; at the end a last one without a newline is one, too. */
static int
program_output_take_lines(struct program_output *p, bool is_end)
{
	enum lines_found found = LINES_NONE;
	struct text_span line;
	int rc = 0;

	while (rc == 0 &&
	    (found = lines_find(&p->lines, &p->in, program_output_max(p),
		 is_end, &line)) != LINES_NONE) {
		if (found == LINES_WHOLE)
			rc = program_output_put_line(p, line.text, line.len);
		else if (found == LINES_LONG)
			program_output_refuse(p, "it is too long (max-event)");
		lines_pass(&p->lines, &p->in);
	}
	return rc;
}

static bool
program_output_is_end(char c)
{
	return c == '\n' || c == '\r';
}

/*
 * How many bytes of raw text are whole records: up to the end of the last empty
 * line.
 */
static size_t
program_output_whole(const char *text, size_t len)
{
	size_t before;

	for (; len > 1; len--) {
		if (!program_output_is_end(text[len - 1]))
			continue;
		before = len - 1;
		if (text[len - 1] == '\n' && text[before - 1] == '\r')
			before--;
		if (before > 0 && program_output_is_end(text[before - 1]))
			return len;
	}
	return 0;
}

/*
 * Takes a byte within a line.  A field's name ends at a colon, or with its line
 * (WHATWG HTML, 9.2.6).
 */
static void
program_output_count_byte(struct program_output *p, char c)
{
	static const char field[] = "data";
	const int whole = sizeof field - 1;

	if (!p->raw_in_line)
		p->raw_field = 0;
	p->raw_in_line = true;
	if (p->raw_field == whole && c == ':')
		p->raw_has_data = true;
	if (p->raw_field >= 0 && p->raw_field < whole &&
	    c == field[p->raw_field])
		p->raw_field++;
	else
		p->raw_field = -1;
}

/* Counts the events of raw text: the empty lines behind a field "data". */
static void
program_output_count(struct program_output *p, const char *text, size_t len)
{
	const int whole = sizeof "data" - 1;
	size_t i;

	for (i = 0; i < len; i++) {
		if (!program_output_is_end(text[i])) {
			program_output_count_byte(p, text[i]);
		} else if (text[i] == '\r' || !p->raw_is_cr) {
			if (p->raw_in_line && p->raw_field == whole)
				p->raw_has_data = true;
			if (!p->raw_in_line) {
				p->events += p->raw_has_data;
				p->raw_has_data = false;
			}
			p->raw_in_line = false;
		}
		p->raw_is_cr = text[i] == '\r';
	}
}

/*
 * Takes raw text.  A record that is longer than any of ours goes out as it
 * comes.  The last record is ended here, in case the program has not done so:
 * an empty line too many means nothing.
 */
static int
program_output_take_raw(struct program_output *p, bool is_end)
{
	size_t len = program_output_whole(p->in.data, p->in.len);
	size_t before = p->out.len;

	if (is_end || (len == 0 && p->in.len > 2 * p->max_line))
		len = p->in.len;
	if (buffer_append(&p->out, p->in.data, len) == -1 ||
	    (is_end && buffer_append(&p->out, "\n\n", 2) == -1))
		return -1;
	program_output_count(p, p->out.data + before, p->out.len - before);
	buffer_consume(&p->in, len);
	return 0;
}

/* Takes the events of raw text, for put. */
static int
program_output_take_events(struct program_output *p, bool is_end)
{
	const char *bytes;
	size_t left;
	struct eventstream_event got;
	int rc;

	if (is_end && buffer_append(&p->in, "\n\n", 2) == -1)
		return -1;
	bytes = p->in.data;
	left = p->in.len;
	while ((rc = eventstream_read(&p->stream, &bytes, &left,
		    program_output_max(p), &got)) == 1) {
		struct event_fields e = { .data = got.data,
			.data_len = got.data_len,
			.name = got.event,
			.name_len = got.event_len,
			.id = got.id,
			.id_len = got.id == NULL ? 0 : got.id_len,
			.retry_ms = EVENT_RETRY_NONE };

		if (program_output_put_event(p, &e) == -1)
			return -1;
	}
	buffer_truncate(&p->in, 0);
	if (rc == 0 || errno != EMSGSIZE)
		return rc;
	program_output_refuse(p, "it is too long (max-event)");
	eventstream_restart(&p->stream);
	return 0;
}

int
program_output_take(struct program_output *p, bool is_end)
{
	if (p->in.len == 0 && !(p->is_raw && is_end))
		return 0;
	if (p->is_raw && p->put != NULL)
		return program_output_take_events(p, is_end);
	return p->is_raw ? program_output_take_raw(p, is_end)
			 : program_output_take_lines(p, is_end);
}

void
program_output_clear(struct program_output *p)
{
	buffer_clear(&p->in);
	buffer_clear(&p->out);
	eventstream_clear(&p->stream);
}
