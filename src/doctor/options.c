/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <string.h>
#include <sysexits.h>

#include "base/quantity.h"
#include "doctor/options.h"
#include "doctor/target.h"

enum {
	OPTIONS_SERVER = 256,
	OPTIONS_APACHE
};

static const char options_help[] =
    "usage: crier doctor [-jk] [-c CHANNEL] [-H HEADER]... [-i SECONDS]\n"
    "                    [--server NAME] [--apache DIR] URL\n"
    "\n"
    "Measures a route through the web server: opens streams at its URL,\n"
    "publishes events to them through the queue, and says what is wrong, and\n"
    "what to write where to mend it.  Takes a little longer than crierd's\n"
    "heartbeat, twice that behind some servers.\n"
    "\n"
    "  URL         the route, without a channel: ?channel=NAME is added.  Or\n"
    "              {channel} stands in it where the name belongs\n"
    "  -c CHANNEL  the channel that such a route leads to, with {channel} for\n"
    "              the name (default: {channel} alone)\n"
    "  -H HEADER   send this header too, as 'Cookie: session=1'\n"
    "  -i SECONDS  how long the stream is left silent, and crierd given to\n"
    "              notice that the client has left (default: the heartbeat\n"
    "              and some)\n"
    "  -j          print one object of JSON, with all that was measured\n"
    "  -k          take any certificate\n"
    "  --server NAME  what the web server is, if it does not say: nginx,\n"
    "              apache, lighttpd, haproxy, caddy or h2o\n"
    "  --apache DIR  where Apache's configuration is, for its MPM's settings\n"
    "              (default: /etc/apache2 or /etc/httpd)\n"
    "  -h          this text\n"
    "\n"
    "exit status: 0 no fault, perhaps warnings; 1 a fault, 64 wrong usage, 69\n"
    "no crierd on the queue, or crier was built without libcurl; 75 the URL\n"
    "cannot be reached, or something failed for now; 77 not allowed\n"
    "\n"
    "examples:\n"
    "  crier doctor http://127.0.0.1/events\n"
    "  crier doctor 'https://www.example.org/live/{channel}?v=2'\n"
    "  crier doctor -c 'user/{channel}' 'http://localhost/sse?id={channel}'\n";

static const struct verb options_verb = { "doctor", NULL, options_help, NULL };

static bool
options_seconds(const char *text, uint64_t *ms)
{
	return quantity_parse_seconds(text, ms) && *ms <= QUANTITY_DAY_MS;
}

static int
options_add_header(struct options *o, const char *line)
{
	size_t n = 0;

	if (strchr(line, ':') == NULL || strpbrk(line, "\r\n") != NULL)
		return verb_usage(&options_verb,
		    "-H takes 'Name: value' on one line");
	while (o->headers[n] != NULL)
		n++;
	if (n == OPTIONS_HEADERS)
		return verb_usage(&options_verb, "more than %d headers",
		    OPTIONS_HEADERS);
	o->headers[n] = line;
	return 0;
}

static int
options_take(struct options *o, int c, const char *value)
{
	switch (c) {
	case 'c':
		o->channel = value;
		return 0;
	case 'H':
		return options_add_header(o, value);
	case 'i':
		o->has_idle = options_seconds(value, &o->idle_ms);
		if (!o->has_idle || o->idle_ms == 0)
			return verb_usage(&options_verb,
			    "-i takes seconds, not %s", value);
		return 0;
	case 's':
		o->env.queue = value;
		return 0;
	case 'w':
		if (!options_seconds(value, &o->env.wait_ms))
			return verb_usage(&options_verb,
			    "-w takes seconds, not %s", value);
		return 0;
	case OPTIONS_APACHE:
		o->apache = value;
		return 0;
	case OPTIONS_SERVER:
		o->has_server = advice_server_named(value, &o->server);
		if (!o->has_server)
			return verb_usage(&options_verb,
			    "--server takes nginx, apache, lighttpd, haproxy, "
			    "caddy or h2o, not %s",
			    value);
		return 0;
	default:
		return EX_USAGE;
	}
}

/* The arguments behind the options must be one URL that goes with them. */
static int
options_check(struct options *o, int argc, char **argv)
{
	const char *wrong;

	if (argc != 1)
		return verb_usage(&options_verb,
		    argc == 0 ? "which URL?" : "takes one URL");
	o->url = argv[0];
	if ((wrong = target_wrong(o->url)) != NULL)
		return verb_usage(&options_verb, "URL: %s", wrong);
	if (strstr(o->channel, TARGET_CHANNEL) == NULL)
		return verb_usage(&options_verb,
		    "-c: no " TARGET_CHANNEL " in it");
	return 0;
}

int
options_read(struct options *o, int argc, char **argv)
{
	static const struct option longs[] = { { "help", 0, NULL, 'h' },
		{ "server", 1, NULL, OPTIONS_SERVER },
		{ "apache", 1, NULL, OPTIONS_APACHE }, { NULL, 0, NULL, 0 } };
	bool begun = false;
	int c, rc;

	memset(o, 0, sizeof *o);
	o->channel = TARGET_CHANNEL;
	while ((c = verb_option(&options_verb, argc, argv, ":c:H:i:jks:w:h",
		    longs, &begun)) != -1) {
		if (c == 'h')
			return -1;
		if (c == 'j')
			o->json = true;
		else if (c == 'k')
			o->insecure = true;
		else if ((rc = options_take(o, c, optarg)) != 0)
			return rc;
	}
	return options_check(o, argc - optind, argv + optind);
}
