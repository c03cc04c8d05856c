/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/cause.h"
#include "base/listener.h"
#include "base/log.h"
#include "base/process.h"
#include "base/systemd.h"
#include "config/config.h"
#include "config/config_route.h"
#include "daemon/daemon.h"
#include "door/cgi.h"

/* crierd(8): reads the options, and finds out how it was started. */

enum {
	CRIERD_ON_DEMAND = 256 /* the option without a letter */
};

static void __attribute__((noreturn)) crierd_usage(int status)
{
	fprintf(status == 0 ? stdout : stderr,
	    "usage: crierd [-fhnV] [-c FILE] [-o NAME=VALUE]... [--on-demand]\n"
	    "  -c FILE        configuration (default: " SYSCONFDIR
	    "/crier.conf, if there is one)\n"
	    "  -f             stay in the foreground, log to standard error\n"
	    "  -n             check the configuration and say so; -nn prints it\n"
	    "  -o NAME=VALUE  override a setting\n"
	    "  -h             this text\n"
	    "  -V             print the version\n"
	    "  --on-demand    serve the queue alone, and leave when idle\n");
	exit(status);
}

static void
crierd_add_override(struct daemon_options *o, const char *text)
{
	if (o->override_count == DAEMON_OVERRIDES_MAX)
		log_fatal("more than %d times -o", DAEMON_OVERRIDES_MAX);
	o->overrides[o->override_count++].text = text;
}

static void
crierd_read_options(struct daemon_options *o, int argc, char **argv, int *check)
{
	static const struct option longs[] = { { "help", no_argument, NULL,
						   'h' },
		{ "version", no_argument, NULL, 'V' },
		{ "on-demand", no_argument, NULL, CRIERD_ON_DEMAND },
		{ NULL, 0, NULL, 0 } };
	int c;

	while ((c = getopt_long(argc, argv, "c:fhno:V", longs, NULL)) != -1) {
		switch (c) {
		case 'c':
			o->file = optarg;
			break;
		case 'f':
			o->foreground = true;
			break;
		case 'n':
			++*check;
			break;
		case 'o':
			crierd_add_override(o, optarg);
			break;
		case 'V':
			puts("crierd " PACKAGE_VERSION);
			printf("systemd: %s\n",
			    systemd_is_built_in() ? "yes" : "no");
			exit(0);
		case CRIERD_ON_DEMAND:
			o->start = DAEMON_ON_DEMAND;
			break;
		case 'h':
			crierd_usage(0);
		default:
			crierd_usage(EX_USAGE);
		}
	}
	if (optind < argc)
		crierd_usage(EX_USAGE);
}

/* A web server that starts crierd can only set the environment. */
static void
crierd_read_environment(struct daemon_options *o)
{
	static char queue[512];
	const char *value = getenv("CRIER_QUEUE");

	if (o->file == NULL)
		o->file = getenv("CRIER_CONF");
	if (o->file == NULL && access(SYSCONFDIR "/crier.conf", F_OK) == 0)
		o->file = SYSCONFDIR "/crier.conf";
	if (getenv("CRIER_ONCE") != NULL && o->start == DAEMON_SPAWNED)
		o->is_once = true;
	if (value == NULL || *value == '\0')
		return;
	if (strlen(value) > sizeof queue - sizeof "queue=")
		log_fatal("CRIER_QUEUE: path is too long");
	/* In front, so that -o has the last word. */
	snprintf(queue, sizeof queue, "queue=%s", value);
	crierd_add_override(o, queue);
	memmove(o->overrides + 1, o->overrides,
	    (o->override_count - 1) * sizeof *o->overrides);
	o->overrides[0].text = queue;
}

/* Why the system could not execute the file, or NULL. */
static const char *
crierd_find_trouble(const char *program)
{
	char start[4] = "";
	const char *why = NULL;
	ssize_t n;
	int fd;

	if (access(program, X_OK) == -1)
		return strerror(errno);
	/* One that may be executed, and not read, is taken to be good. */
	if ((fd = open(program, O_RDONLY | O_NONBLOCK | O_CLOEXEC)) == -1)
		return NULL;
	n = read(fd, start, sizeof start);
	if (n >= 0 && memcmp(start, "#!", 2) != 0 &&
	    memcmp(start, "\177ELF", 4) != 0)
		why = "neither a program nor a script that begins with #!";
	close(fd);
	return why;
}

/* Warns of programs that cannot be executed; they may be put there later. */
static void
crierd_check_programs(const struct config *config)
{
	const struct config_route *route;
	const char *why;
	size_t i;

	for (i = 0; i < config->route_count; i++) {
		route = config->routes[i];
		if (route->kind != CONFIG_ROUTE_RUN)
			continue;
		why = crierd_find_trouble(route->run.items[0]);
		if (why != NULL)
			log_warning("route \"%s\": %s: %s", route->title,
			    route->run.items[0], why);
	}
}

/* The exit status. */
static int
crierd_check(const struct daemon_options *o, struct config *config, int check)
{
	char *cause;

	if (daemon_check(o, config, &cause) == -1) {
		fprintf(stderr, "crierd: %s\n", cause_text(cause));
		free(cause);
		return EX_CONFIG;
	}
	crierd_check_programs(config);
	if (check > 1)
		config_print(config, stdout);
	else
		printf("crierd: %s: the configuration is good\n",
		    o->file == NULL ? "no file" : o->file);
	return 0;
}

/*
 * The configuration, or NULL after saying why.  A CGI program with a bad one
 * goes on with the defaults: its clients must not go away for good.
 */
static struct config *
crierd_load(const struct daemon_options *o, bool is_cgi, const char **trouble)
{
	struct config *config;
	char *cause;

	*trouble = NULL;
	config = config_load(o->file, o->overrides, o->override_count, &cause);
	if (config != NULL)
		return config;
	fprintf(stderr, "crierd: %s\n", cause_text(cause));
	free(cause);
	if (!is_cgi)
		return NULL;
	*trouble = "crierd's configuration has an error";
	config = config_load(NULL, NULL, 0, &cause);
	if (config == NULL)
		free(cause);
	return config;
}

int
main(int argc, char **argv)
{
	struct daemon_options options = { 0 };
	struct config *config;
	bool is_cgi;
	int check = 0, rc = 0;
	const char *trouble;

	options.argc = argc;
	options.argv = argv;
	process_guard_descriptors();
	/* A file at its limit (RLIMIT_FSIZE) is an error, not the end. */
	signal(SIGXFSZ, SIG_IGN);
	is_cgi = cgi_is_request();
	/*
	 * A CGI program has no options: some web servers make arguments of the
	 * query, and the query is the client's.
	 */
	if (!is_cgi)
		crierd_read_options(&options, argc, argv, &check);
	if (options.start == DAEMON_ALONE &&
	    listener_is_listening(STDIN_FILENO))
		options.start = DAEMON_SPAWNED;
	crierd_read_environment(&options);
	log_set_journal(systemd_has_journal());
	config = crierd_load(&options, is_cgi, &trouble);
	if (config == NULL)
		return EX_CONFIG;
	if (check == 0 && !is_cgi)
		return daemon_run(&options, config);
	if (is_cgi)
		rc = cgi_serve(config, trouble);
	else
		rc = crierd_check(&options, config, check);
	config_free(config);
	return rc;
}
