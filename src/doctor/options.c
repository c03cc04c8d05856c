/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <string.h>
#include <sysexits.h>

#include "base/quantity.h"
#include "doctor/options.h"
#include "doctor/target.h"

enum {
	OPTIONS_SERVER = 256,
	OPTIONS_APACHE,
	OPTIONS_STORE,
	OPTIONS_CONFIG,
	OPTIONS_PASSWORD_FILE,
	OPTIONS_DURABILITY
};

static const char options_help[] =
    "usage: crier doctor [-jk] [-c CHANNEL] [-H HEADER]... [-i SECONDS]\n"
    "                    [--server NAME] [--apache DIR] URL\n"
    "       crier doctor --store [-j] [--config FILE] [--durability WORD]\n"
    "                    [--password-file FILE] [STORE]\n"
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
    "  --store     try where crierd keeps its history instead: the setting\n"
    "              store of its configuration, or a STORE as crier.conf(5)\n"
    "              has it, such as redis://HOST or sqlite:PATH.  For a Redis:\n"
    "              whether it can be reached, its settings, the user's rights,\n"
    "              and how long it takes.  As root, it is tried as crierd's "
    "user\n"
    "  --config FILE  crierd's configuration, with --store\n"
    "              (default, without a STORE: $CRIER_CONF, else\n"
    "              " SYSCONFDIR "/crier.conf, if there is one)\n"
    "  --password-file FILE  in place of store-password-file\n"
    "  --durability WORD  in place of durability: none, process or power\n"
    "  -h          this text\n"
    "\n"
    "exit status: 0 no fault, perhaps warnings; 1 a fault, 64 wrong usage, 69\n"
    "no crierd on the queue, or crier was built without libcurl; 75 the URL\n"
    "or the store cannot be reached, or something failed for now; 77 not\n"
    "allowed; 78 the configuration is not good\n"
    "\n"
    "examples:\n"
    "  crier doctor http://127.0.0.1/events\n"
    "  crier doctor 'https://www.example.org/live/{channel}?v=2'\n"
    "  crier doctor -c 'user/{channel}' 'http://localhost/sse?id={channel}'\n"
    "  crier doctor --store\n"
    "  crier doctor --store --password-file pw redis://crier@db.example.org\n";

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
options_take_durability(struct options *o, const char *word)
{
	size_t i;

	for (i = 0; i < STORE_DURABILITIES; i++)
		if (strcmp(word, store_durability_name[i]) == 0)
			break;
	if (i == STORE_DURABILITIES)
		return verb_usage(&options_verb,
		    "--durability takes none, process or power, not %s", word);
	o->has_durability = true;
	o->durability = (enum store_durability)i;
	return 0;
}

/* Those that go with --store. */
static int
options_take_store(struct options *o, int c, const char *value)
{
	switch (c) {
	case OPTIONS_STORE:
		o->is_store = true;
		return 0;
	case OPTIONS_CONFIG:
		o->config = value;
		return 0;
	case OPTIONS_PASSWORD_FILE:
		o->password_file = value;
		return 0;
	case OPTIONS_DURABILITY:
		return options_take_durability(o, value);
	default:
		return EX_USAGE;
	}
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
		return options_take_store(o, c, value);
	}
}

/*
 * A store is tried by other options than a route, but for -j, -s and -w.  What
 * is wrong with a URL is said without it, for it may have a password in spite
 * of all.
 */
static int
options_check_store(struct options *o, int argc, char **argv)
{
	const char *wrong;

	if (o->insecure || o->has_idle || o->has_server || o->apache != NULL ||
	    o->headers[0] != NULL || strcmp(o->channel, TARGET_CHANNEL) != 0)
		return verb_usage(&options_verb,
		    "--store goes with -j, --config, --durability and "
		    "--password-file alone");
	if (argc > 1)
		return verb_usage(&options_verb, "--store takes one STORE");
	if (argc == 0)
		return 0;
	o->url = argv[0];
	if ((wrong = store_url_wrong(o->url)) != NULL)
		return verb_usage(&options_verb, "STORE: %s", wrong);
	return 0;
}

/* The arguments behind the options must be one URL that goes with them. */
static int
options_check(struct options *o, int argc, char **argv)
{
	const char *wrong;

	if (o->is_store)
		return options_check_store(o, argc, argv);
	if (o->config != NULL || o->password_file != NULL || o->has_durability)
		return verb_usage(&options_verb,
		    "--config, --durability and --password-file go with "
		    "--store");
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
		{ "apache", 1, NULL, OPTIONS_APACHE },
		{ "store", 0, NULL, OPTIONS_STORE },
		{ "config", 1, NULL, OPTIONS_CONFIG },
		{ "password-file", 1, NULL, OPTIONS_PASSWORD_FILE },
		{ "durability", 1, NULL, OPTIONS_DURABILITY },
		{ NULL, 0, NULL, 0 } };
	bool begun = false;
	int c, rc;

	memset(o, 0, sizeof *o);
	o->channel = TARGET_CHANNEL;
	o->durability = STORE_PROCESS; /* as crier.conf(5) has it */
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
