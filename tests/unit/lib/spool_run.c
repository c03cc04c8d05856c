/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "companion/spool_record.h"
#include "spool_run.h"

char spool_dir[80], spool_journal[96], spool_refused[96];
char spool_damaged[96], spool_clock_file[96];

int
spool_setup(void **state)
{
	char *slash;

	if (run_setup(state) == -1)
		return -1;
	snprintf(spool_dir, sizeof spool_dir, "%s", run_socket);
	slash = strrchr(spool_dir, '/');
	snprintf(slash, sizeof spool_dir - (size_t)(slash - spool_dir),
	    "/spool");
	snprintf(spool_journal, sizeof spool_journal, "%s/journal", spool_dir);
	snprintf(spool_refused, sizeof spool_refused, "%s/refused", spool_dir);
	snprintf(spool_damaged, sizeof spool_damaged, "%s/damaged", spool_dir);
	snprintf(spool_clock_file, sizeof spool_clock_file, "%s/clock",
	    spool_dir);
	return 0;
}

int
spool_teardown(void **state)
{
	(void)state;
	unlink(spool_journal);
	unlink(spool_refused);
	unlink(spool_damaged);
	unlink(spool_clock_file);
	rmdir(spool_dir);
	return 0;
}

void
spool_leave(void)
{
	close(run_listener);
	run_listener = -1;
}

off_t
spool_size(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_size : -1;
}

int
spool_mode(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return (int)(st.st_mode & 07777);
}

int
spool_pub(const char *input, const char *const *more)
{
	const char *args[RUN_ARGS + 1] = { "pub", "-S", spool_dir };
	size_t n = 3;

	while (*more != NULL)
		args[n++] = *more++;
	run_save(run_input, input, strlen(input));
	return run_verb(&verb_pub, args, 0);
}

int
spool_flush(void)
{
	const char *const args[] = { "flush", "-v", "-S", spool_dir, NULL };

	return run_verb(&verb_flush, args, 0);
}

void
assert_file(const char *path, const char *want)
{
	char *text = run_read(path);

	assert_string_equal(text, want);
	free(text);
}

void
assert_in_file(const char *path, const char *want)
{
	char *text = run_read(path);

	if (strstr(text, want) == NULL)
		fail_msg("'%s' is not in '%s'", want, text);
	free(text);
}

/* Appends the value at data, and ';'. */
static void
spool_add(char *have, size_t size, const char *data)
{
	size_t len = strlen(have);

	snprintf(have + len, size - len, "%.*s;", (int)strcspn(data, ",}"),
	    data);
}

void
assert_kept(const char *want)
{
	char *text = run_read(spool_journal), *line, *rest = text, *data;
	char have[1024] = "";
	struct spool_record r;

	while ((line = strsep(&rest, "\n")) != NULL && *line != '\0') {
		assert_true(spool_record_parse(line, strlen(line), &r));
		if (r.state != SPOOL_KEPT)
			continue;
		data = strstr(line, "\"data\":");
		assert_non_null(data);
		spool_add(have, sizeof have, data + 7);
	}
	assert_string_equal(have, want);
	free(text);
}

void
assert_requests(const char *want)
{
	char *text = run_read(run_requests), *data = text;
	char have[4096] = "";

	while ((data = strstr(data, "\"data\":")) != NULL) {
		data += 7;
		spool_add(have, sizeof have, data);
	}
	assert_string_equal(have, want);
	free(text);
}

void
spool_talk_ok(int fd, FILE *requests)
{
	FILE *in = fdopen(dup(fd), "r");
	char *line = NULL;
	size_t size = 0;

	while (getline(&line, &size, in) > 0) {
		if (strstr(line, "\"do\"") == NULL)
			fputs(line, requests);
		fflush(requests);
		run_write_text(fd,
		    "{\"ok\":true,\"id\":\"9-0\",\"streams\":0}\n");
	}
	free(line);
	fclose(in);
}

void
spool_talk_old(int fd, FILE *requests)
{
	FILE *in = fdopen(dup(fd), "r");
	char *line = NULL;
	size_t size = 0;

	while (getline(&line, &size, in) > 0) {
		if (strstr(line, "\"do\"") == NULL)
			fputs(line, requests);
		fflush(requests);
		if (strstr(line, "\"do\"") != NULL)
			run_write_text(fd,
			    "{\"ok\":false,\"error\":\"none\","
			    "\"code\":64}\n");
		else if (strstr(line, "refuse75") != NULL)
			run_write_text(fd,
			    "{\"ok\":false,\"error\":\"full\","
			    "\"code\":75}\n");
		else
			run_write_text(fd, "{\"ok\":true,\"id\":\"9-0\"}\n");
	}
	free(line);
	fclose(in);
}

pid_t
spool_serve(const run_talker *talkers)
{
	FILE *requests = run_open_requests();
	pid_t server;

	if (run_listener == -1)
		run_listen();
	server = run_serve(talkers, requests);
	fclose(requests);
	return server;
}

const run_talker spool_talk_once[] = { run_talk_lines, NULL };
const run_talker spool_talk_old_once[] = { spool_talk_old, NULL };
const run_talker spool_talk_ok_once[] = { spool_talk_ok, NULL };
