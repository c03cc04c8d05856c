/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include "daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fcgi_client.h"

enum {
	DAEMON_WORDS = 64,
	DAEMON_STEP_MS = 5
};

static void
daemon_pause(void)
{
	poll(NULL, 0, DAEMON_STEP_MS);
}

/* The arguments for crierd; words that are not constant are kept in *text. */
static void
daemon_arguments(const struct daemon *daemon, const char *const *options,
    char *program, char *text, size_t size, char **argv)
{
	size_t n = 0;
	char *save = NULL;

	for (char *word = strtok_r(program, " ", &save); word != NULL;
	     word = strtok_r(NULL, " ", &save))
		argv[n++] = word;
	snprintf(text, size, "-f\n-c\n%s\n-o\nqueue=%s\n-o\nfifo=%s",
	    daemon->config, daemon->queue, daemon->fifo);
	for (; options != NULL && *options != NULL; options++) {
		size_t len = strlen(text);

		if (**options != '@' && strncmp(*options, "listen=", 7) != 0 &&
		    strncmp(*options, "also=", 5) != 0)
			snprintf(text + len, size - len, "\n-o\n%s", *options);
	}
	for (char *word = strtok_r(text, "\n", &save);
	     word != NULL && n < DAEMON_WORDS - 1;
	     word = strtok_r(NULL, "\n", &save))
		argv[n++] = word;
	argv[n] = NULL;
}

/* In the child: never returns. */
static void
daemon_exec(const struct daemon *daemon, const char *const *options)
{
	const char *given = getenv("CRIERD");
	char program[1024];
	char text[4096];
	char *argv[DAEMON_WORDS];
	int log;
	int null;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(program, sizeof(program), "%s",
	    given != NULL && *given != '\0' ? given : "./crierd");
	daemon_arguments(daemon, options, program, text, sizeof(text), argv);
	log = open(daemon->log, O_WRONLY | O_CREAT | O_APPEND, 0644);
	null = open("/dev/null", O_RDWR);
	if (log == -1 || null == -1 || dup2(null, 0) == -1 ||
	    dup2(log, 1) == -1 || dup2(log, 2) == -1)
		_exit(126);
	if (argv[0] == NULL)
		_exit(127);
	execvp(argv[0], argv);
	fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

int
daemon_free_port(const char *address, char *to, size_t size)
{
	size_t len = strlen(address);
	struct fcgi_conn conn;

	snprintf(to, size, "%s", address);
	if (len < 2 || strcmp(address + len - 2, ":0") != 0)
		return 0;
	/* Below the ports of outgoing connections, which come and go. */
	for (unsigned n = 0; n < 100; n++) {
		snprintf(to, size, "%.*s:%u", (int)len - 2, address,
		    15000 + ((unsigned)getpid() * 31 + n * 97) % 17000);
		if (fcgi_open(&conn, to, 0) == 0)
			fcgi_close(&conn);
		else
			return errno == ECONNREFUSED ? 0 : -1;
	}
	return -1;
}

/* The listeners stand in the configuration file, since -o takes one value. */
static int
daemon_write_config(struct daemon *daemon, const char *const *options)
{
	FILE *config = fopen(daemon->config, "w");
	int result = 0;

	if (config == NULL)
		return -1;
	for (; options != NULL && *options != NULL; options++) {
		if (**options == '@')
			fprintf(config, "%s\n", *options + 1);
		if (strncmp(*options, "listen=", 7) == 0)
			result |= daemon_free_port(*options + 7, daemon->listen,
			    sizeof(daemon->listen));
		if (strncmp(*options, "also=", 5) == 0)
			result |= daemon_free_port(*options + 5, daemon->also,
			    sizeof(daemon->also));
	}
	if (*daemon->also != '\0')
		fprintf(config, "listen = { \"%s\", \"%s\" }\n", daemon->listen,
		    daemon->also);
	else
		fprintf(config, "listen = \"%s\"\n", daemon->listen);
	return fclose(config) | result;
}

/* The directory, its names and the configuration file. */
static int
daemon_prepare(struct daemon *daemon, const char *const *options)
{
	const char *base = getenv("TMPDIR");
	const char *dir = daemon->dir;

	if (base == NULL || strlen(base) > 30)
		base = "/tmp";
	snprintf(daemon->dir, sizeof(daemon->dir), "%s/crier-test-XXXXXX",
	    base);
	if (mkdtemp(daemon->dir) == NULL || chmod(dir, 0755) == -1)
		return -1;
	snprintf(daemon->listen, sizeof(daemon->listen), "unix:%s/fcgi.sock",
	    dir);
	snprintf(daemon->queue, sizeof(daemon->queue), "%s/queue.sock", dir);
	snprintf(daemon->fifo, sizeof(daemon->fifo), "%s/queue.fifo", dir);
	snprintf(daemon->log, sizeof(daemon->log), "%s/log", dir);
	snprintf(daemon->config, sizeof(daemon->config), "%s/crier.conf", dir);
	return daemon_write_config(daemon, options);
}

static void
daemon_print_log(const struct daemon *daemon)
{
	FILE *log = fopen(daemon->log, "r");
	char line[1024];

	while (log != NULL && fgets(line, sizeof(line), log) != NULL)
		fprintf(stderr, "# crierd: %s", line);
	if (log != NULL)
		fclose(log);
}

static void
daemon_free(struct daemon *daemon)
{
	static const char *const names[] = { "log", "crier.conf", "fcgi.sock",
		"queue.sock", "queue.sock.lock", "queue.lock", "queue.fifo" };
	char path[128];

	if (getenv("CRIER_TEST_KEEP") == NULL) {
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
			snprintf(path, sizeof(path), "%s/%s", daemon->dir,
			    names[i]);
			unlink(path);
		}
		rmdir(daemon->dir);
	}
	free(daemon);
}

/* Whether status and a connection to the FastCGI socket work. */
static bool
daemon_answers(const struct daemon *daemon)
{
	struct fcgi_conn conn;

	if (daemon_streams(daemon) == -1)
		return false;
	if (fcgi_open(&conn, daemon->listen, 0) == -1)
		return false;
	fcgi_close(&conn);
	return true;
}

bool
daemon_is_alive(const struct daemon *daemon)
{
	siginfo_t info = { .si_pid = 0 };

	return waitid(P_PID, (id_t)daemon->pid, &info,
		   WEXITED | WNOHANG | WNOWAIT) == 0 &&
	    info.si_pid == 0;
}

struct daemon *
daemon_start(const char *const *options)
{
	struct daemon *daemon = calloc(1, sizeof(*daemon));
	int64_t deadline = fcgi_deadline(FCGI_LONG_MS);

	if (daemon == NULL || daemon_prepare(daemon, options) == -1) {
		fprintf(stderr, "# no directory: %s\n", strerror(errno));
		free(daemon);
		return NULL;
	}
	daemon->pid = fork();
	if (daemon->pid == 0)
		daemon_exec(daemon, options);
	while (daemon->pid != -1 && !daemon_answers(daemon)) {
		if (!daemon_is_alive(daemon) || fcgi_remaining(deadline) == 0) {
			fprintf(stderr, "# crierd does not come up\n");
			daemon_stop(daemon);
			return NULL;
		}
		daemon_pause();
	}
	return daemon;
}

/* Its exit status as wait() has it; killed when it does not end in time. */
static int
daemon_reap(const struct daemon *daemon)
{
	int64_t deadline = fcgi_deadline(FCGI_LONG_MS);
	int status;

	kill(daemon->pid, SIGTERM);
	while (waitpid(daemon->pid, &status, WNOHANG) == 0) {
		if (fcgi_remaining(deadline) == 0) {
			fprintf(stderr, "# crierd does not end\n");
			kill(daemon->pid, SIGKILL);
			waitpid(daemon->pid, &status, 0);
			return -1;
		}
		daemon_pause();
	}
	return status;
}

static bool
daemon_log_is_clean(const struct daemon *daemon)
{
	static const char *const bad[] = { "Sanitizer",
		"runtime error:", "stack smashing" };
	FILE *log = fopen(daemon->log, "r");
	char line[1024];
	bool clean = log != NULL;

	while (log != NULL && fgets(line, sizeof(line), log) != NULL) {
		for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
			if (strstr(line, bad[i]) != NULL)
				clean = false;
		}
	}
	if (log != NULL)
		fclose(log);
	return clean;
}

int
daemon_stop(struct daemon *daemon)
{
	bool alive = daemon_is_alive(daemon);
	int status = daemon_reap(daemon);
	bool good = alive && status == 0 && daemon_log_is_clean(daemon);

	if (!good) {
		fprintf(stderr, "# crierd %s, status %#x\n",
		    alive ? "was ended" : "had ended by itself",
		    (unsigned)status);
		daemon_print_log(daemon);
	}
	daemon_free(daemon);
	return good ? 0 : -1;
}
