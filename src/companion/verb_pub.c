/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <ctype.h>
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/json.h"
#include "base/quantity.h"
#include "base/text.h"
#include "companion/client_feed.h"
#include "companion/pub_command.h"
#include "companion/pub_json.h"
#include "companion/spool_pub.h"
#include "companion/verb.h"
#include "protocol/event.h"
#include "protocol/limits.h"

/*
 * crier pub publishes events.
 *
 * All its ways come down to texts, each of which becomes the data of one
 * event: the one of the command line or of standard input, the lines of
 * standard input (-l) or of a command (-c).  With -n the lines are events in
 * JSON already.  client_feed sends them without waiting for replies; with -S
 * spool_pub sends them in windows, or keeps them.
 */

enum {
	PUB_START = 256 /* getopt_long's value for --start */
};

static const char pub_help[] =
    "usage: crier pub [options] CHANNEL [TEXT|-]      one event\n"
    "       crier pub -l [options] CHANNEL            one for each line\n"
    "       crier pub -J [options] CHANNEL NAME=VALUE...\n"
    "       crier pub -c COMMAND [options] CHANNEL    one for each line that "
    "it prints\n"
    "       crier pub -n [-v] [-S DIR]                many, in JSON\n"
    "\n"
    "Publishes events to everybody who follows CHANNEL.  Without TEXT, or\n"
    "with '-', the text is all of standard input without its last newline.\n"
    "\n"
    "  -e EVENT    the event's name; pages get it by addEventListener\n"
    "  -i ID       the event's own id (otherwise crierd makes one)\n"
    "  -r MS       tell clients to wait so long before they reconnect\n"
    "  -x SECONDS  forget the event after that time\n"
    "  -l          each line of standard input is an event, sent as it "
    "arrives\n"
    "  -J          the data is a JSON object; a VALUE that is JSON stays "
    "so,\n"
    "              any other is a string\n"
    "  -c COMMAND  run it with the shell; each line that it prints is an "
    "event,\n"
    "              and at its end there is one named \"exit\", with "
    "\"status\" and\n"
    "              \"seconds\" in JSON; signals that would end crier go to "
    "it\n"
    "  -n          each line of standard input is a complete event in JSON, "
    "with\n"
    "              \"channel\", \"data\" and optionally \"event\", \"id\", "
    "\"retry\",\n"
    "              \"expires\"; the fastest way\n"
    "  -S DIR      keep events in DIR while crierd is away or refuses for "
    "now,\n"
    "              and send first what is kept there; see 'crier flush -h'\n"
    "  -v          print the id of each accepted event, \"kept\" for a kept "
    "one\n"
    "  --start     start a crierd of your own in the background if there is "
    "none;\n"
    "              it leaves when it is idle\n"
    "  -h          this text\n"
    "\n"
    "Options come before CHANNEL.  With -l, -c and -n, a line that is "
    "refused is\n"
    "named on standard error and the next ones are sent nevertheless.\n"
    "\n"
    "exit status: 0 all accepted (or kept), 64 wrong usage, 65 an event is\n"
    "bad, 69 no crierd, 75 refused for now, connection lost or DIR is full,\n"
    "77 not allowed; the status of COMMAND is in its event alone\n"
    "\n"
    "examples:\n"
    "  crier pub news \"Going down at five\"\n"
    "  uptime | crier pub status\n"
    "  tail -F /var/log/syslog | crier pub -l log\n"
    "  crier pub -c 'make 2>&1' build\n"
    "  crier pub -S /var/spool/orders orders \"Order 17\"\n"
    "  crier pub -e load -J host name=web1 load=0.25 tags='[\"a\",\"b\"]'\n"
    "  echo '{\"channel\":[\"a\",\"b\"],\"data\":{\"n\":1}}' | crier pub -n\n";

struct pub {
	const char *channel, *event, *id, *spool, *command;
	uint64_t retry_ms, expires_ms;
	bool has_retry, has_expires;
	bool lines, object, bulk, verbose, start;
	struct buffer prefix;       /* of an event in JSON, up to its data */
	struct buffer exit_prefix;  /* of the event at the command's end */
	struct pub_command running; /* the command */
};

/* Reads the number of -r or -x.  0, or the exit code after a message. */
static int
pub_number(struct pub *p, int option, const char *text)
{
	if (option == 'r') {
		p->has_retry = true;
		if (text_parse_number(text, strlen(text),
			limit_of[LIMIT_RETRY_MS].max, &p->retry_ms))
			return 0;
		return verb_usage(&verb_pub,
		    "-r takes milliseconds, at most %llu",
		    (unsigned long long)limit_of[LIMIT_RETRY_MS].max);
	}
	p->has_expires = true;
	if (event_parse_expires(text, strlen(text), &p->expires_ms))
		return 0;
	return verb_usage(&verb_pub, "-x takes seconds, more than 0");
}

/* 0 and optind at the first argument; -1 after help; or the exit code. */
static int
pub_options(struct pub *p, int argc, char **argv)
{
	static const struct option longs[] = { { "help", 0, NULL, 'h' },
		{ "start", 0, NULL, PUB_START }, { NULL, 0, NULL, 0 } };
	bool begun = false;
	int c, rc;

	while ((c = verb_option(&verb_pub, argc, argv, "+:c:e:i:r:x:S:lJnvh",
		    longs, &begun)) != -1)
		switch (c) {
		case 'c':
			p->command = optarg;
			break;
		case 'e':
			p->event = optarg;
			break;
		case 'i':
			p->id = optarg;
			break;
		case 'S':
			p->spool = optarg;
			break;
		case 'l':
			p->lines = true;
			break;
		case 'J':
			p->object = true;
			break;
		case 'n':
			p->bulk = true;
			break;
		case 'v':
			p->verbose = true;
			break;
		case PUB_START:
			p->start = true;
			break;
		case 'h':
			return -1;
		case 'r':
		case 'x':
			if ((rc = pub_number(p, c, optarg)) != 0)
				return rc;
			break;
		default:
			return EX_USAGE;
		}
	return 0;
}

/* The first of the arguments behind the channel that is like an option. */
static const char *
pub_late_option(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++)
		if ((argv[i][0] == '-' && isalpha((unsigned char)argv[i][1]) &&
			argv[i][2] == '\0') ||
		    strcmp(argv[i], "--start") == 0)
			return argv[i];
	return NULL;
}

/* Whether -n goes together with the other options and arguments. */
static int
pub_check_bulk(const struct pub *p, int argc)
{
	if (argc > 0)
		return verb_usage(&verb_pub,
		    "-n takes no channel: the lines name it");
	if (p->event != NULL || p->id != NULL || p->has_retry || p->has_expires)
		return verb_usage(&verb_pub, "-n goes with -v and -S alone");
	return 0;
}

/* Whether options and arguments (those behind the options) go together. */
static int
pub_check(const struct pub *p, int argc, char **argv)
{
	const char *late = pub_late_option(argc, argv);

	if (p->lines + p->object + p->bulk + (p->command != NULL) > 1)
		return verb_usage(&verb_pub,
		    "-l, -J, -c and -n exclude another");
	if (p->command != NULL && p->command[0] == '\0')
		return verb_usage(&verb_pub, "-c takes a command");
	if (p->spool != NULL && p->spool[0] == '\0')
		return verb_usage(&verb_pub, "-S takes a directory");
	if (p->bulk)
		return pub_check_bulk(p, argc);
	if (argc == 0)
		return verb_usage(&verb_pub, "which channel?");
	/* A single word behind the channel is the text, even one like -v. */
	if (late != NULL &&
	    (argc > 2 || p->lines || p->object || p->command != NULL))
		return verb_usage(&verb_pub, "%s: options come before CHANNEL",
		    late);
	if ((p->lines || p->command != NULL) && p->id != NULL)
		return verb_usage(&verb_pub,
		    "-i is for one event, -l and -c are for many");
	if (p->lines && argc > 1)
		return verb_usage(&verb_pub, "-l reads standard input alone");
	if (p->command != NULL && argc > 1)
		return verb_usage(&verb_pub,
		    "too many arguments (a command with spaces needs quotes)");
	if (p->object && argc == 1)
		return verb_usage(&verb_pub, "-J needs NAME=VALUE");
	if (!p->object && argc > 2)
		return verb_usage(&verb_pub,
		    "too many arguments (a text with spaces needs quotes)");
	return 0;
}

static struct json_object *
pub_seconds(uint64_t ms)
{
	char text[QUANTITY_TEXT_SIZE];

	if (ms % 1000 == 0)
		return json_object_new_int64((int64_t)(ms / 1000));
	quantity_format_seconds(ms, text);
	return json_object_new_double_s((double)ms / 1000, text);
}

/* All of an event of that name (or NULL) but its data and the last brace. */
static int
pub_put_prefix(const struct pub *p, const char *event, struct buffer *prefix)
{
	struct json_object *o = json_object_new_object();

	json_add_value(o, "channel", json_object_new_string(p->channel));
	if (event != NULL)
		json_add_value(o, "event", json_object_new_string(event));
	if (p->id != NULL)
		json_add_value(o, "id", json_object_new_string(p->id));
	if (p->has_retry)
		json_add_number(o, "retry", p->retry_ms);
	if (p->has_expires)
		json_add_value(o, "expires", pub_seconds(p->expires_ms));
	if (json_append(prefix, o) == -1)
		return -1;
	buffer_truncate(prefix, prefix->len - 1);
	return 0;
}

/* client_encoder's line: a text becomes the data of an event. */
static int
pub_encode(void *arg, const char *text, size_t len, struct buffer *to)
{
	const struct pub *p = arg;
	int rc;

	if (buffer_append(to, p->prefix.data, p->prefix.len) == -1 ||
	    buffer_append_text(to, ",\"data\":") == -1)
		return -1;
	if (p->object)
		rc = buffer_append(to, text, len);
	else
		rc = pub_json_append_string(to, text, len);
	return rc == -1 ? -1 : buffer_append(to, "}\n", 2);
}

/* client_encoder's last: the event that tells how the command (-c) ended. */
static int
pub_encode_exit(void *arg, struct buffer *to)
{
	struct pub *p = arg;

	if (buffer_append(to, p->exit_prefix.data, p->exit_prefix.len) == -1 ||
	    buffer_append_text(to, ",\"data\":") == -1 ||
	    pub_command_finish(&p->running, to) == -1)
		return -1;
	return buffer_append(to, "}\n", 2);
}

/* Makes the object of -J.  0, or the exit code after a message. */
static int
pub_make_object(struct buffer *b, int argc, char **argv)
{
	int rc = pub_json_append_object(b, argc, argv);

	if (rc > 0)
		return verb_usage(&verb_pub, "'%s' is not NAME=VALUE",
		    argv[rc - 1]);
	if (rc == 0)
		return 0;
	client_warn("%s", strerror(errno));
	return EX_OSERR;
}

/* Reads all of standard input, and leaves out one line end at its end. */
static int
pub_read_text(struct buffer *b)
{
	const uint64_t most = limit_of[LIMIT_EVENT_BYTES].max;
	ssize_t n = 1;
	char *to;

	while (n > 0 && b->len <= most + 2) {
		to = buffer_reserve(b, 65536);
		n = to == NULL ? -1 : read(STDIN_FILENO, to, 65536);
		if (n == -1 && to != NULL && errno == EINTR)
			n = 1;
		else if (n > 0)
			buffer_commit(b, (size_t)n);
	}
	if (n == -1) {
		client_warn("standard input: %s", strerror(errno));
		return EX_IOERR;
	}
	if (b->len > 0 && b->data[b->len - 1] == '\n')
		buffer_truncate(b, b->len - 1);
	if (b->len > 0 && b->data[b->len - 1] == '\r')
		buffer_truncate(b, b->len - 1);
	if (b->len <= most)
		return 0;
	client_warn("data is longer than %llu bytes", (unsigned long long)most);
	return EX_DATAERR;
}

/* Finds the data of the one event.  0, or the exit code after a message. */
static int
pub_data(const struct pub *p, int argc, char **argv, struct buffer *b)
{
	if (p->object)
		return pub_make_object(b, argc - 1, argv + 1);
	if (argc == 1 || strcmp(argv[1], "-") == 0)
		return pub_read_text(b);
	if (buffer_append_text(b, argv[1]) == 0)
		return 0;
	client_warn("%s", strerror(errno));
	return EX_OSERR;
}

static struct client_encoder
pub_encoder(struct pub *p)
{
	struct client_encoder encoder = { .line = p->bulk ? NULL : pub_encode,
		.last = p->command == NULL ? NULL : pub_encode_exit,
		.arg = p };

	return encoder;
}

/* Where lines come from, if from the command or standard input. */
static struct client_input
pub_input(const struct pub *p)
{
	struct client_input input = { .fd = p->lines || p->bulk ? STDIN_FILENO
								: -1,
		.line_max =
		    p->bulk ? CLIENT_LINE_MAX : limit_of[LIMIT_EVENT_BYTES].max,
		.keep_blank = !p->bulk };

	if (p->command != NULL)
		input.fd = p->running.fd;
	return input;
}

/*
 * If publishing failed, the command still runs to its end; its exit event is
 * not published.
 */
static void
pub_leave_command(struct pub *p)
{
	if (p->running.pid <= 0)
		return;
	client_warn("the command goes on, but nothing of it is published");
	pub_command_drop(&p->running);
}

/* Connects and sends: data, or what standard input has. */
static int
pub_send(struct pub *p, const struct verb_env *env, const struct buffer *data)
{
	struct client client;
	struct client_feed feed = { .client = &client,
		.encoder = pub_encoder(p),
		.verbose = p->verbose };
	int rc = client_open(&client, env->queue, env->wait_ms);

	if (rc == 0 && p->command != NULL)
		rc = pub_command_start(&p->running, p->command);
	feed.input = pub_input(p);
	if (rc == 0 && feed.input.fd == -1 &&
	    client_feed_add(&feed, data->data, data->len) == -1) {
		client_warn("%s", strerror(errno));
		rc = EX_OSERR;
	}
	if (rc == 0)
		rc = client_feed_run(&feed);
	client_feed_clear(&feed);
	client_close(&client);
	return rc;
}

/* Sends or keeps the same, with -S. */
static int
pub_send_or_keep(struct pub *p, const struct verb_env *env,
    const struct buffer *data)
{
	struct spool_source source = { .env = env,
		.dir = p->spool,
		.text = data->data,
		.text_len = data->len,
		.encoder = pub_encoder(p),
		.verbose = p->verbose };
	int rc = 0;

	if (p->command != NULL)
		rc = pub_command_start(&p->running, p->command);
	source.input = pub_input(p);
	return rc == 0 ? spool_pub_run(&source) : rc;
}

/*
 * Makes all of the events but their data.  0, or the exit code after a message.
 */
static int
pub_prepare(struct pub *p, const char *channel)
{
	p->channel = channel;
	if (pub_put_prefix(p, p->event, &p->prefix) == 0 &&
	    (p->command == NULL ||
		pub_put_prefix(p, "exit", &p->exit_prefix) == 0))
		return 0;
	client_warn("%s", strerror(ENOMEM));
	return EX_OSERR;
}

static int
pub_run(const struct verb_env *env, int argc, char **argv)
{
	struct pub p = { 0 };
	struct buffer data = { 0 };
	int rc = pub_options(&p, argc, argv);

	if (rc == -1)
		return verb_finish(0);
	argc -= optind;
	argv += optind;
	if (rc != 0 || (rc = pub_check(&p, argc, argv)) != 0)
		return rc;
	if (!p.bulk)
		rc = pub_prepare(&p, argv[0]);
	if (rc == 0 && !p.bulk && !p.lines && p.command == NULL)
		rc = pub_data(&p, argc, argv, &data);
	if (rc == 0 && p.start)
		rc = verb_start_crierd(env);
	if (rc == 0 && p.spool != NULL)
		rc = pub_send_or_keep(&p, env, &data);
	else if (rc == 0)
		rc = pub_send(&p, env, &data);
	pub_leave_command(&p);
	buffer_clear(&p.prefix);
	buffer_clear(&p.exit_prefix);
	buffer_clear(&data);
	return rc;
}

const struct verb verb_pub = { "pub", "publish events", pub_help, pub_run };
