/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/quantity.h"
#include "companion/verbs.h"
#include "protocol/client.h"
#include "protocol/paths.h"

/*
 * crier(1): the options before the verb, and then the verb, which is all else
 * (companion/verb.h).
 */

static const char crier_before[] =
    "usage: crier [-s QUEUE] [-w SECONDS] VERB ...\n"
    "\n"
    "Publishes events to web pages through a running crierd.\n"
    "\n";

/* The verbs stand between these. */
static const char crier_behind[] =
    "\n"
    "  -s QUEUE    crierd's queue socket (default: $CRIER_QUEUE, else the\n"
    "              one of your own crierd, else " RUNSTATEDIR
    "/crier/queue.sock)\n"
    "  -w SECONDS  wait that long for crierd if it is not there yet\n"
    "  -h          this text; 'crier VERB -h' tells more of one\n"
    "  -V          print the version\n"
    "\n"
    "exit status: 0 ok, 64 wrong usage, 65 an event is bad, 69 no crierd, 75\n"
    "refused for now, 77 not allowed\n"
    "\n"
    "examples:\n"
    "  crier pub news \"Going down at five\"\n"
    "  tail -F /var/log/syslog | crier pub -l log\n"
    "  crier tail -n 10 news\n";

static int
crier_usage(const char *what, const char *which)
{
	fprintf(stderr, "crier: %s%s\nTry 'crier -h'.\n", what, which);
	return EX_USAGE;
}

static int
crier_ask_for_verb(void)
{
	fputs("crier: what to do? ", stderr);
	verbs_print_names(stderr);
	fputs("\nTry 'crier -h'.\n", stderr);
	return EX_USAGE;
}

/* 0 with optind at the verb, -1 to exit well, or the exit code. */
static int
crier_options(int argc, char **argv, struct verb_env *env)
{
	static const struct option longs[] = { { "help", 0, NULL, 'h' },
		{ "version", 0, NULL, 'V' }, { NULL, 0, NULL, 0 } };
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, "+:s:w:hV", longs, NULL)) != -1)
		switch (c) {
		case 's':
			env->queue = optarg;
			break;
		case 'w':
			if (quantity_parse_seconds(optarg, &env->wait_ms) &&
			    env->wait_ms <= QUANTITY_DAY_MS)
				break;
			return crier_usage("-w takes seconds, not ", optarg);
		case 'h':
			fputs(crier_before, stdout);
			verbs_print(stdout);
			fputs(crier_behind, stdout);
			return -1;
		case 'V':
			puts("crier " PACKAGE_VERSION);
			return -1;
		case ':':
			return crier_usage(argv[optind - 1], " needs a value");
		default:
			return crier_usage("no such option: ",
			    argv[optind - 1]);
		}
	return 0;
}

int
main(int argc, char **argv)
{
	struct verb_env env = { 0 };
	const struct verb *verb;
	char *queue = NULL;
	int rc = crier_options(argc, argv, &env);

	if (rc != 0)
		return rc == -1 ? verb_finish(0) : rc;
	if (optind == argc)
		return crier_ask_for_verb();
	if ((verb = verbs_find(argv[optind])) == NULL)
		return crier_usage("no such verb: ", argv[optind]);
	if (env.queue == NULL) {
		if ((queue = paths_find_queue()) == NULL) {
			client_warn("%s", strerror(errno));
			return EX_OSERR;
		}
		env.queue = queue;
	}
	signal(SIGPIPE, SIG_IGN);
	rc = verb->run(&env, argc - optind, argv + optind);
	free(queue);
	return rc;
}
