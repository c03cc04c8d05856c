/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/log.h"
#include "config/config.h"
#include "protocol/paths.h"
#include "protocol/store_url.h"

enum {
	FILE_MAX = 1048576
};

static char test_dir[] = "/tmp/crier-config-XXXXXX";
static char test_file[64];

static struct config *
test_load(const char *text, size_t len, const char *const *options,
    char **cause)
{
	struct config_override overrides[8];
	size_t n = 0;
	FILE *fp;

	if (text != NULL) {
		fp = fopen(test_file, "w");
		assert_non_null(fp);
		assert_int_equal(fwrite(text, 1, len, fp), len);
		assert_int_equal(fclose(fp), 0);
	}
	for (; options != NULL && options[n] != NULL; n++)
		overrides[n].text = options[n];
	return config_load(text == NULL ? NULL : test_file, overrides, n,
	    cause);
}

static struct config *
test_good(const char *text, const char *const *options)
{
	char *cause;
	struct config *c =
	    test_load(text, text == NULL ? 0 : strlen(text), options, &cause);

	if (c == NULL)
		fail_msg("%s: %s", text, cause);
	assert_null(cause);
	return c;
}

/* The file's name in want is written as "F". */
static void
test_bad(const char *text, const char *const *options, const char *want)
{
	char full[512], *cause;

	if (test_load(text, text == NULL ? 0 : strlen(text), options, &cause) !=
	    NULL)
		fail_msg("accepted: %s", text == NULL ? options[0] : text);
	if (want[0] == 'F')
		snprintf(full, sizeof full, "%s%s", test_file, want + 1);
	else
		snprintf(full, sizeof full, "%s", want);
	assert_string_equal(cause, full);
	free(cause);
}

static char *
test_print(const struct config *c)
{
	char *text = NULL;
	size_t len;
	FILE *fp = open_memstream(&text, &len);

	assert_non_null(fp);
	config_print(c, fp);
	assert_int_equal(fclose(fp), 0);
	return text;
}

static void
test_defaults(void **state)
{
	struct config *c = test_good(NULL, NULL);
	const struct config_channel *top;

	(void)state;
	assert_int_equal(c->listen.count, 1);
	assert_string_equal(c->listen.items[0],
	    "unix:" RUNSTATEDIR "/crier/fcgi.sock");
	assert_string_equal(c->queue, RUNSTATEDIR "/crier/queue.sock");
	assert_string_equal(c->fifo, RUNSTATEDIR "/crier/queue.fifo");
	assert_int_equal(c->listen_mode, 0660);
	assert_int_equal(c->queue_mode, 0660);
	assert_string_equal(c->listen_group, "");
	assert_string_equal(c->queue_group, "");
	assert_string_equal(c->user, "");
	assert_int_equal(c->queue_allow.count, 0);
	assert_int_equal(c->allow_origin.count, 0);
	assert_int_equal(c->max_streams, 0);
	assert_int_equal(c->max_channels, 64);
	assert_int_equal(c->max_request_bytes, 65536);
	assert_int_equal(c->request_timeout_ms, 10000);
	assert_int_equal(c->max_event_bytes, 65536);
	assert_int_equal(c->history_bytes, 256 << 20);
	assert_int_equal(c->stop_ms, 3600000);
	assert_int_equal(c->drain_ms, 2000);
	assert_int_equal(c->stall_ms, 300000);
	assert_string_equal(c->store, "auto");
	assert_int_equal(c->durability, STORE_PROCESS);
	assert_int_equal(c->store_error, CONFIG_REFUSE);
	assert_int_equal(c->key_ms, 86400000);
	assert_int_equal(c->log, CONFIG_LOG_AUTO);
	assert_int_equal(c->log_level, LOG_LEVEL_INFO);
	assert_int_equal(c->channel_count, 1);
	top = &c->channels[0];
	assert_string_equal(top->pattern, "**");
	assert_int_equal(top->keep, 10000);
	assert_int_equal(top->keep_bytes, 1 << 20);
	assert_int_equal(top->keep_ms, 86400000);
	assert_int_equal(top->heartbeat_ms, 25000);
	assert_int_equal(top->retry_ms, 3000);
	assert_int_equal(top->max_time_ms, 0);
	assert_int_equal(top->subscribe, CONFIG_ANYONE);
	assert_int_equal(top->publish, 0);
	assert_int_equal(c->token_key_count, 0);
	assert_int_equal(c->token_require_exp, 1);
	assert_string_equal(c->token_parameter, "token");
	config_free(c);
	config_free(NULL);
}

/* For each number: the limits are accepted, what is beyond is not. */
static const struct {
	const char *name;
	const char *good[4];
	const char *bad[8];
} limit_cases[] = {
	{ "listen-mode", { "0", "0660", "777" },
	    { "1000", "-1", "8", "0o7", "" } },
	{ "queue-mode", { "0", "0600", "0777" },
	    { "01000", "rw", "77777777777777777777" } },
	{ "heartbeat", { "0", "0.5", "86400" },
	    { "86400.001", "-1", "1.0001", "1.", ".5", "1s", "" } },
	{ "retry", { "0", "1", "86400000" },
	    { "86400001", "1.5", "1K", "+1", "0x1", " 1" } },
	{ "max-time", { "0", "0.001", "31622400" },
	    { "31622400.001", "1e3", "nan" } },
	{ "max-streams-per-user", { "0", "1", "10000000" },
	    { "-1", "10000001", "x" } },
	{ "max-streams-per-address", { "0", "1", "10000000" },
	    { "-1", "10000001", "x" } },
	{ "max-streams", { "0", "1", "10000000" },
	    { "10000001", "18446744073709551616" } },
	{ "poll", { "0", "0.5", "3600" }, { "3600.001", "3601", "-1", "x" } },
	{ "poll-above", { "0", "1", "10000000" }, { "10000001", "-1", "1.5" } },
	{ "max-followed", { "0", "1", "1000000000" },
	    { "1000000001", "-1", "x" } },
	{ "max-channels", { "1", "2", "256" }, { "0", "257" } },
	{ "max-request", { "1024", "1K", "1M" },
	    { "1023", "1048577", "1025K", "2M" } },
	{ "request-timeout", { "0.001", "10", "3600" },
	    { "0", "0.0", "3600.001" } },
	{ "max-event", { "1", "64K", "1M" },
	    { "0", "1048577", "2M", "1T", "1k", "K" } },
	{ "keep", { "1", "1000000000" }, { "0", "1000000001", "1K" } },
	{ "keep-bytes", { "1", "1023G", "1024G" },
	    { "0", "1025G", "1099511627777", "99999999999999999999G",
		"17179869185G" } },
	{ "keep-seconds", { "0", "0.25", "316224000" },
	    { "316224000.001", "18446744073709551615" } },
	{ "store-bytes", { "0", "1", "1024G" }, { "1025G", "-1" } },
	{ "max-keys", { "1", "1000000000" }, { "0", "1000000001" } },
	{ "history-bytes", { "1K", "1024G" }, { "1023", "1025G", "-1" } },
	{ "store", { "memory", "sqlite:x", "sqlite:/a.b" },
	    { "", "Memory", "memory:", "sqlite", "sqlite:", "redis:x", "/a" } },
	{ "durability", { "none", "process", "power" },
	    { "", "Power", "full", "0", "3", "processes" } },
	{ "store-error", { "refuse", "memory" },
	    { "", "Refuse", "none", "1", "refuse " } },
	{ "key-seconds", { "1", "1.5", "31622400" },
	    { "0", "0.999", "31622400.001", "31622401", "-1", "1d", "" } },
	{ "stop-seconds", { "0", "31622400" }, { "31622401" } },
	{ "stall-time", { "0", "0.5", "31622400" }, { "31622401", "x" } },
	{ "drain-time", { "0", "3600" }, { "3600.001", "3601" } },
	{ "log", { "auto", "stderr", "syslog" }, { "", "Auto", "file", "2" } },
	{ "log-level", { "error", "warning", "debug" }, { "", "3", "trace" } },
};

static void
test_limits(void **state)
{
	char text[128], *cause;
	const char *options[] = { text, NULL };
	struct config *c;
	size_t i, k;

	(void)state;
	for (i = 0; i < sizeof limit_cases / sizeof limit_cases[0]; i++) {
		for (k = 0; k < 4 && limit_cases[i].good[k] != NULL; k++) {
			snprintf(text, sizeof text, "%s=%s",
			    limit_cases[i].name, limit_cases[i].good[k]);
			config_free(test_good(NULL, options));
			config_free(test_good(text, NULL));
		}
		for (k = 0; k < 8 && limit_cases[i].bad[k] != NULL; k++) {
			snprintf(text, sizeof text, "%s=%s",
			    limit_cases[i].name, limit_cases[i].bad[k]);
			c = test_load(NULL, 0, options, &cause);
			if (c != NULL)
				fail_msg("accepted: %s", text);
			assert_non_null(strstr(cause, " must be "));
			free(cause);
		}
	}
}

static void
test_messages(void **state)
{
	static const struct {
		const char *text, *cause;
	} table[] = {
		{ "heartbeat = 86401\n",
		    "F:1: heartbeat: must be from 0 to 86400" },
		{ "# one\n\n/* two\n */ // three\nretry = x\n",
		    "F:5: retry: must be a whole number" },
		{ "max-channels = 0",
		    "F:1: max-channels: must be from 1 to 256" },
		{ "max-event = 2M", "F:1: max-event: must be from 1 to 1M" },
		{ "request-timeout = 0",
		    "F:1: request-timeout: must be from 0.001 to 3600" },
		{ "log = x", "F:1: log: must be auto, stderr or syslog" },
		{ "\nlogs = x", "F:2: no such option 'logs'" },
		{ "channel \"a\" {\n queue = x }",
		    "F:2: no such option 'queue'" },
		{ "channel \"a\" {\n keep = 5\n retry = -1\n}",
		    "F:3: retry: must be a whole number" },
		{ "channel a {}\n\nchannel a {}",
		    "F:3: channel \"a\": there is one in line 1 already: change "
		    "that, or leave this out" },
		{ "\nchannel \"a//b\" {\n\n keep = 1 \n}\n\n",
		    "F:2: channel \"a//b\": the pattern has an empty segment" },
		{ "channel {}", "F:1: missing title for section 'channel'" },
		{ "\nchannel \"a\" {\n keep = 1\n",
		    "F:2: this '{' has no closing '}'" },
		{ "keep = 1 }", "F:1: a '}' without its '{'" },
		{ "\nuser = \"a\n\n", "F:2: this string has no closing quote" },
		{ "user = 'a\n", "F:1: this string has no closing quote" },
		{ "\n/* a\n\n", "F:2: this comment has no end" },
		{ "channel user/* {\n}\n",
		    "F:1: a word with '*' must stand in quotes" },
		{ "keep 5", "F:1: missing equal sign after option 'keep'" },
		{ "keep =", "F:1: premature end of file" },
		{ "keep = { 1 }", "F:1: unexpected token '{'" },
		{ "user = \"\\9\"", "F:1: bad escape sequence '\\x5c9'" },
		{ "listen = { \"unix:/a\",\n \"http:x\" }",
		    "F:2: listen: must be unix:PATH or tcp:HOST:PORT" },
		{ "listen = unix:", "F:1: listen: must name a socket" },
		{ "user = \"a\nb\"",
		    "F:2: user: must not contain control characters" },
		{ "queue-allow = { \"\" }",
		    "F:1: queue-allow: must not be empty" },
		{ "queue = \"\"", "F:1: queue: must name a socket" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof table / sizeof table[0]; i++) {
		test_bad(table[i].text, NULL, table[i].cause);
		/* A bad file leaves nothing behind in libConfuse's scanner. */
		config_free(test_good("user = x\n", NULL));
	}
}

static void
test_override_messages(void **state)
{
	static const char *const table[][2] = {
		{ "heartbeat", "-o heartbeat: is not NAME=VALUE" },
		{ "heart=1", "-o heart=1: no such setting" },
		{ "=1", "-o =1: no such setting" },
		{ "heartbeats=1", "-o heartbeats=1: no such setting" },
		{ "channel=x", "-o channel=x: no such setting" },
		{ "keep=0", "-o keep=0: must be from 1 to 1000000000" },
		{ "user=\n",
		    "-o user=\\x0a: must not contain control "
		    "characters" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof table / sizeof table[0]; i++) {
		const char *options[] = { table[i][0], NULL };

		test_bad(NULL, options, table[i][1]);
	}
}

static void
test_files(void **state)
{
	char *cause, want[128], *big;

	(void)state;
	assert_null(config_load("/nonexistent/crier.conf", NULL, 0, &cause));
	assert_string_equal(cause,
	    "/nonexistent/crier.conf: No such file or directory");
	free(cause);
	assert_null(config_load(test_dir, NULL, 0, &cause));
	snprintf(want, sizeof want, "%s: Is a directory", test_dir);
	assert_string_equal(cause, want);
	free(cause);
	assert_null(test_load("user=a\n\0", 8, NULL, &cause));
	snprintf(want, sizeof want, "%s:2: a NUL byte: this is no text file",
	    test_file);
	assert_string_equal(cause, want);
	free(cause);
	big = malloc(FILE_MAX + 1);
	assert_non_null(big);
	memset(big, ' ', FILE_MAX + 1);
	config_free(test_load(big, FILE_MAX, NULL, &cause));
	assert_null(cause);
	assert_null(test_load(big, FILE_MAX + 1, NULL, &cause));
	free(cause);
	free(big);
	config_free(test_good("", NULL));
	config_free(test_good("#\n#", NULL));
	config_free(test_good("# thirty-two characters in all..\n", NULL));
}

static void
test_channels(void **state)
{
	static const char *const options[] = { "heartbeat=7", "keep=9", NULL };
	struct config *c = test_good("channel \"user/*\" { keep = 100 }\n"
				     "retry = 1\n"
				     "channel \"user/**\" { heartbeat = 0.5 "
				     "retry = 2 keep-bytes = 1K "
				     "keep-seconds = 3 max-time = 4 }\n"
				     "keep = 8\n",
	    options);
	const struct config_channel *ch;

	(void)state;
	assert_int_equal(c->channel_count, 3);
	ch = config_match_channel(c, "user/a", 6);
	assert_string_equal(ch->pattern, "user/*");
	assert_int_equal(ch->keep, 100);
	assert_int_equal(ch->heartbeat_ms, 7000);
	assert_int_equal(ch->retry_ms, 1);
	assert_int_equal(ch->keep_bytes, 1 << 20);
	ch = config_match_channel(c, "user/a/b", 8);
	assert_string_equal(ch->pattern, "user/**");
	assert_int_equal(ch->keep, 9);
	assert_int_equal(ch->heartbeat_ms, 500);
	assert_int_equal(ch->retry_ms, 2);
	assert_int_equal(ch->keep_bytes, 1024);
	assert_int_equal(ch->keep_ms, 3000);
	assert_int_equal(ch->max_time_ms, 4000);
	ch = config_match_channel(c, "user", 4);
	assert_string_equal(ch->pattern, "**");
	assert_int_equal(ch->keep, 9);
	assert_ptr_equal(ch, &c->channels[2]);
	config_free(c);
}

static void
test_lists(void **state)
{
	static const struct {
		const char *text;
		const char *options[4];
		const char *want; /* items, each with a space behind it */
	} table[] = {
		{ "listen = unix:/a", { NULL }, "unix:/a " },
		{ "listen = { \"unix:/a\", tcp:b:1 }", { NULL },
		    "unix:/a tcp:b:1 " },
		{ "listen = {}", { NULL }, "" },
		{ "listen = unix:/a", { "listen=unix:/b" }, "unix:/b " },
		{ "listen = unix:/a", { "listen=unix:/b", "listen=tcp:c:1" },
		    "unix:/b tcp:c:1 " },
		{ "listen = unix:/a", { "listen=" }, "" },
		{ NULL, { "listen=unix:/b", "listen=", "listen=unix:/c" },
		    "unix:/c " },
	};
	char have[256];
	struct config *c;
	size_t i, k, n;

	(void)state;
	for (i = 0; i < sizeof table / sizeof table[0]; i++) {
		c = test_good(table[i].text, table[i].options);
		for (k = n = 0; k < c->listen.count; k++)
			n += (size_t)snprintf(have + n, sizeof have - n, "%s ",
			    c->listen.items[k]);
		have[n] = '\0';
		assert_string_equal(have, table[i].want);
		config_free(c);
	}
}

static void
test_origins(void **state)
{
	struct config *c;

	(void)state;
	c = test_good("allow-origin = { HTTPS://Example.ORG:8443, \"*\" }",
	    NULL);
	assert_string_equal(c->allow_origin.items[0],
	    "https://example.org:8443");
	assert_string_equal(c->allow_origin.items[1], "*");
	config_free(c);
}

/* What is printed reads back to what prints the same. */
static void
test_round_trip(void **state)
{
	static const char *const table[] = {
		"",
		"listen = { \"unix:/a\", \"tcp:[::1]:9\" } listen-mode = 0600\n"
		"listen-group = \"a b\" queue = '/q \"\\\\ ${HOME} # // */'\n"
		"queue-mode = 0 queue-group = g queue-allow = { a, \"1\" }\n"
		"fifo = \"\" user = \"www-data\" heartbeat = 0.5 retry = 1\n"
		"max-time = 1.25 max-streams = 7 max-streams-per-user = 8\n"
		"max-streams-per-address = 9 max-channels = 256\n"
		"max-request = 1M request-timeout = 0.001 max-event = 1000\n"
		"keep = 5 keep-bytes = 1536 keep-seconds = 0 log = syslog\n"
		"history-bytes = 3G stop-seconds = 10.010 drain-time = 0\n"
		"poll = 2.5 poll-above = 3 stall-time = 1.5 store = \"sqlite:/h \\\"x\" \n"
		"durability = power store-error = memory key-seconds = 1.25\n"
		"allow-origin = { \"*\", https://a.b:1 } log-level = debug\n"
		"channel \"a/*\" { keep = 1 heartbeat = 0 }\n"
		"channel \"$x/\\\"\" { max-time = 60 }\n"
		"channel \"**\" { retry = 5 }\n",
		"listen = {}",
	};
	char *first, *second;
	struct config *c;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof table / sizeof table[0]; i++) {
		c = test_good(table[i], NULL);
		first = test_print(c);
		config_free(c);
		c = test_good(first, NULL);
		second = test_print(c);
		assert_string_equal(first, second);
		free(first);
		free(second);
		if (i == 1) {
			assert_string_equal(c->queue,
			    "/q \"\\ ${HOME} # // */");
			assert_string_equal(c->channels[1].pattern, "$x/\"");
			assert_int_equal(c->stop_ms, 10010);
			assert_string_equal(c->store, "sqlite:/h \"x");
			assert_int_equal(c->durability, STORE_POWER);
			assert_int_equal(c->store_error, CONFIG_MEMORY);
			assert_int_equal(c->key_ms, 1250);
		}
		config_free(c);
	}
}

static void
test_restart(void **state)
{
	static const struct {
		const char *option, *want;
	} table[] = {
		{ "listen=unix:/a", "listen" },
		{ "listen=", "listen" },
		{ "listen-mode=0", "listen-mode" },
		{ "listen-group=x", "listen-group" },
		{ "queue=/x", "queue" },
		{ "queue-mode=0", "queue-mode" },
		{ "queue-group=x", "queue-group" },
		{ "fifo=", "fifo" },
		{ "user=x", "user" },
		{ "store=sqlite:/x", "store" },
		{ "durability=none", "durability" },
		{ "store-error=memory", "store-error" },
		{ "key-seconds=1", NULL },
		{ "stall-time=1", NULL },
		{ "max-streams=1", NULL },
		{ "poll=1", NULL },
		{ "poll-above=1", NULL },
		{ "queue-allow=x", NULL },
		{ "keep=1", NULL },
		{ "heartbeat=1", NULL },
		{ "log=stderr", NULL },
		{ "allow-origin=*", NULL },
		{ "max-event=1", NULL },
		{ "publish=user", NULL },
	};
	struct config *a = test_good(NULL, NULL), *b;
	const char *name;
	size_t i;

	(void)state;
	assert_null(config_needs_restart(a, a));
	for (i = 0; i < sizeof table / sizeof table[0]; i++) {
		const char *options[] = { table[i].option, NULL };

		b = test_good(NULL, options);
		name = config_needs_restart(a, b);
		if (table[i].want == NULL)
			assert_null(name);
		else
			assert_string_equal(name, table[i].want);
		config_free(b);
	}
	config_free(a);
}

static void
test_paths(void **state)
{
	char *path;

	(void)state;
	assert_int_equal(setenv("CRIER_QUEUE", "/x/q", 1), 0);
	path = paths_find_queue();
	assert_string_equal(path, "/x/q");
	free(path);
	assert_int_equal(setenv("CRIER_QUEUE", "", 1), 0);
	assert_int_equal(setenv("XDG_RUNTIME_DIR", test_dir, 1), 0);
	path = paths_find_queue();
	assert_string_equal(path, RUNSTATEDIR "/crier/queue.sock");
	free(path);
	path = paths_runtime_file("x");
	if (geteuid() == 0)
		assert_string_equal(path, RUNSTATEDIR "/crier/x");
	else
		assert_memory_equal(path, test_dir, strlen(test_dir));
	free(path);
	unsetenv("CRIER_QUEUE");
	unsetenv("XDG_RUNTIME_DIR");
}

static int
test_setup(void **state)
{
	(void)state;
	unsetenv("XDG_RUNTIME_DIR");
	if (mkdtemp(test_dir) == NULL)
		return -1;
	snprintf(test_file, sizeof test_file, "%s/crier.conf", test_dir);
	return 0;
}

static int
test_teardown(void **state)
{
	(void)state;
	unlink(test_file);
	return rmdir(test_dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_override_messages),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_channels),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_origins),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_restart),
		cmocka_unit_test(test_paths),
	};

	return cmocka_run_group_tests_name("config", tests, test_setup,
	    test_teardown);
}
