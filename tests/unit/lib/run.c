/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "run.h"

char run_socket[64], run_requests[64], run_input[64];
char run_output[64], run_errors[64];
int run_listener = -1;
size_t run_piece = SIZE_MAX;

static char run_dir[] = "/tmp/crier-client-XXXXXX";

void
run_write(int fd, const char *text, size_t len)
{
	size_t n;
	ssize_t done;

	while (len > 0) {
		n = len < run_piece ? len : run_piece;
		done = write(fd, text, n);
		if (done <= 0)
			_exit(0); /* the client has left */
		text += done;
		len -= (size_t)done;
	}
}

void
run_write_text(int fd, const char *text)
{
	run_write(fd, text, strlen(text));
}

void
run_talk_lines(int fd, FILE *requests)
{
	FILE *in = fdopen(dup(fd), "r");
	char *line = NULL, reply[128];
	const char *refuse;
	size_t size = 0;
	unsigned n = 0;
	ssize_t len;

	while ((len = getline(&line, &size, in)) > 0) {
		if (strcmp(line, "{\"do\":\"order\"}\n") == 0) {
			run_write_text(fd, "{\"ok\":true}\n");
			continue;
		}
		fwrite(line, 1, (size_t)len, requests);
		fflush(requests);
		if (strstr(line, "mute") != NULL)
			continue;
		if (strstr(line, "drop") != NULL)
			break;
		if ((refuse = strstr(line, "refuse")) == NULL)
			snprintf(reply, sizeof reply,
			    "{\"ok\":true,\"id\":\"%u-0\",\"streams\":0}\n",
			    ++n);
		else
			snprintf(reply, sizeof reply,
			    "{\"ok\":false,\"error\":\"no %.2s\","
			    "\"code\":%.2s}\n",
			    refuse + 6, refuse + 6);
		run_write_text(fd, reply);
	}
	free(line);
	fclose(in);
}

void
run_save(const char *path, const char *text, size_t len)
{
	FILE *fp = fopen(path, "w");

	assert_non_null(fp);
	assert_int_equal(fwrite(text, 1, len, fp), len);
	assert_int_equal(fclose(fp), 0);
}

/* The file's text, the caller's to free. */
char *
run_read(const char *path)
{
	FILE *fp = fopen(path, "r");
	char *text = NULL;
	size_t size = 0;

	assert_non_null(fp);
	if (getdelim(&text, &size, '\0', fp) == -1) {
		free(text);
		text = strdup("");
	}
	fclose(fp);
	assert_non_null(text);
	return text;
}

void
run_listen(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	snprintf(sun.sun_path, sizeof sun.sun_path, "%s", run_socket);
	unlink(run_socket);
	run_listener = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_not_equal(run_listener, -1);
	assert_int_equal(bind(run_listener, (struct sockaddr *)&sun,
			     sizeof sun),
	    0);
	assert_int_equal(listen(run_listener, 8), 0);
}

/* Answers connections one after another, each in its own way. */
pid_t
run_serve(const run_talker *talkers, FILE *requests)
{
	pid_t pid = fork();
	size_t i;
	int fd;

	assert_int_not_equal(pid, -1);
	if (pid > 0)
		return pid;
	signal(SIGPIPE, SIG_IGN);
	for (i = 0; talkers[i] != NULL; i++) {
		if ((fd = accept(run_listener, NULL, NULL)) == -1)
			_exit(1);
		talkers[i](fd, requests);
		close(fd);
	}
	_exit(0);
}

int
run_wait(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* Runs a verb in a child; args end with NULL, the first is the verb's name. */
pid_t
run_begin(const struct verb *verb, int input, int output,
    const char *const *args, uint64_t wait_ms)
{
	struct verb_env env = { run_socket, wait_ms };
	char *argv[RUN_ARGS + 1] = { NULL };
	int errors, argc = 0;
	pid_t pid = fork();

	assert_int_not_equal(pid, -1);
	if (pid > 0)
		return pid;
	errors = open(run_errors, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (dup2(input, 0) == -1 || dup2(output, 1) == -1 ||
	    dup2(errors, 2) == -1)
		_exit(1);
	/* The other ends of pipes: input would never end. */
	for (errors = 3; errors < 64; errors++)
		close(errors);
	for (; argc < RUN_ARGS && args[argc] != NULL; argc++)
		argv[argc] = strdup(args[argc]);
	signal(SIGPIPE, SIG_IGN);
	argc = verb->run(&env, argc, argv);
	for (errors = 0; argv[errors] != NULL; errors++)
		free(argv[errors]);
	exit(argc);
}

/* The same with input and output files; its exit code. */
int
run_verb(const struct verb *verb, const char *const *args, uint64_t wait_ms)
{
	int in = open(run_input, O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
	int out =
	    open(run_output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	pid_t pid;

	assert_true(in != -1 && out != -1);
	pid = run_begin(verb, in, out, args, wait_ms);
	close(in);
	close(out);
	return run_wait(pid);
}

FILE *
run_open_requests(void)
{
	FILE *fp = fopen(run_requests, "w");

	assert_non_null(fp);
	return fp;
}

void
run_talk(struct run *run, run_talker talk, const struct verb *verb,
    const char *const *args, const char *input)
{
	const run_talker talkers[] = { talk, NULL };
	FILE *requests = run_open_requests();
	pid_t server;

	run_save(run_input, input, strlen(input));
	server = run_serve(talkers, requests);
	fclose(requests);
	run->code = run_verb(verb, args, 0);
	kill(server, SIGKILL);
	run_wait(server);
	run->requests = run_read(run_requests);
	run->output = run_read(run_output);
	run->errors = run_read(run_errors);
}

void
run_clear(struct run *run)
{
	free(run->requests);
	free(run->output);
	free(run->errors);
}

/* Waits until a file has the text; so nothing is slept for luck. */
void
run_await(const char *path, const char *want)
{
	char *have = NULL;
	int waited;

	for (waited = 0; waited < RUN_WAIT_MS; waited += 5) {
		free(have);
		have = run_read(path);
		if (strcmp(have, want) == 0)
			break;
		poll(NULL, 0, 5);
	}
	assert_string_equal(have, want);
	free(have);
}

int
run_setup(void **state)
{
	(void)state;
	if (mkdtemp(run_dir) == NULL)
		return -1;
	/* test_not_allowed is somebody else who must come as far as that. */
	if (chmod(run_dir, 0755) == -1)
		return -1;
	snprintf(run_socket, sizeof run_socket, "%s/q", run_dir);
	snprintf(run_requests, sizeof run_requests, "%s/requests", run_dir);
	snprintf(run_input, sizeof run_input, "%s/input", run_dir);
	snprintf(run_output, sizeof run_output, "%s/output", run_dir);
	snprintf(run_errors, sizeof run_errors, "%s/errors", run_dir);
	run_listen();
	return 0;
}

int
run_teardown(void **state)
{
	(void)state;
	unlink(run_socket);
	unlink(run_requests);
	unlink(run_input);
	unlink(run_output);
	unlink(run_errors);
	return rmdir(run_dir);
}
