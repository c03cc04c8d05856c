/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <libgen.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cause.h"
#include "base/clock.h"
#include "base/listener.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/process.h"

enum {
	LISTENER_BACKLOG = 4096,
	LISTENER_FRESH_LETTERS = 8,
	LISTENER_BATCH = 64, /* accepted before other events have a turn */
	LISTENER_REST_MS = 200
};

struct listener {
	int fd;
	bool is_tcp;
	struct event *io, *rest;
	void (*accept_cb)(void *, int);
	void *arg;
};

const char *
listener_path(const char *address)
{
	if (strncmp(address, "unix:", 5) == 0)
		return address + 5;
	return strncmp(address, "tcp:", 4) == 0 ? NULL : address;
}

int
listener_make_directory(const char *path, const struct listener_access *access,
    char **cause)
{
	char *copy = strdup(path), *dir;
	int rc = 0;

	if (copy == NULL) {
		*cause = NULL;
		return -1;
	}
	dir = dirname(copy);
	if (mkdir(dir, 0755) == 0) {
		if (access->owner != (uid_t)-1 &&
		    chown(dir, access->owner, access->group) == -1)
			rc = cause_set(cause, "%s: cannot set its owner: %s",
			    dir, strerror(errno));
	} else if (errno != EEXIST) {
		rc = process_cannot(dir, "cannot make the directory: ", 0,
		    errno, cause);
	}
	free(copy);
	return rc;
}

/*
 * 0 if nobody accepts connections there; else -1 with *cause.  Who may not
 * connect cannot know whether somebody does.
 */
static int
listener_check_dead(const struct sockaddr_un *sun, char **cause)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int error = fd == -1 ? errno : 0;

	if (fd != -1) {
		if (connect(fd, (const struct sockaddr *)sun, sizeof *sun) ==
		    -1)
			error = errno;
		close(fd);
	}
	if (error == ECONNREFUSED || error == ENOENT)
		return 0;
	if (error == 0 || error == EAGAIN)
		return cause_set(cause, "%s: another process listens on it",
		    sun->sun_path);
	return process_cannot(sun->sun_path,
	    "is a socket already, and cannot be tried: ", W_OK, error, cause);
}

static int
listener_clear_path(const struct sockaddr_un *sun, char **cause)
{
	struct stat st;

	if (lstat(sun->sun_path, &st) == -1)
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return cause_set(cause,
		    "%s: is there already, and is no socket", sun->sun_path);
	if (listener_check_dead(sun, cause) == -1)
		return -1;
	if (unlink(sun->sun_path) == -1)
		return process_cannot(sun->sun_path,
		    "cannot remove the socket that a dead process left: ", 0,
		    errno, cause);
	return 0;
}

static int
listener_set_path(struct sockaddr_un *sun, const char *path)
{
	memset(sun, 0, sizeof *sun);
	sun->sun_family = AF_UNIX;
	if (strlen(path) >= sizeof sun->sun_path)
		return -1;
	strncpy(sun->sun_path, path, sizeof sun->sun_path - 1);
	return 0;
}

/*
 * Binds the socket to a free name in the path's directory: the path with other
 * last letters.
 */
static int
listener_bind_fresh(int fd, struct sockaddr_un *fresh)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	char *end = fresh->sun_path + strlen(fresh->sun_path), *p;
	int tries, rc = -1;

	errno = EADDRINUSE;
	for (tries = 0; rc == -1 && errno == EADDRINUSE && tries < 16;
	     tries++) {
		for (p = end; p > fresh->sun_path && p[-1] != '/' &&
		     end - p < LISTENER_FRESH_LETTERS;
		     p--)
			p[-1] = letters[loop_random(sizeof letters - 1)];
		rc = bind(fd, (const struct sockaddr *)fresh, sizeof *fresh);
	}
	return rc;
}

/*
 * Makes the socket ready under another name and renames it to the path last.
 * So whoever finds the socket at the path can connect, and the mode and owner
 * cannot be given to something that was put there meanwhile.
 */
static int
listener_bind_unix(int fd, const char *path, struct sockaddr_un *fresh,
    const struct listener_access *access)
{
	mode_t mask = umask(0);
	int rc;

	/* bind(2) gives the file the mode that the socket has. */
	rc = fchmod(fd, access->mode);
	if (rc == 0)
		rc = listener_bind_fresh(fd, fresh);
	umask(mask);
	if (rc == -1)
		return -1;
	if (((access->owner == (uid_t)-1 && access->group == (gid_t)-1) ||
		lchown(fresh->sun_path, access->owner, access->group) == 0) &&
	    listen(fd, LISTENER_BACKLOG) == 0 &&
	    rename(fresh->sun_path, path) == 0)
		return 0;
	unlink(fresh->sun_path);
	return -1;
}

static int
listener_open_unix(const char *path, const struct listener_access *access,
    char **cause)
{
	struct sockaddr_un sun, fresh;
	int fd;

	if (*path == '\0')
		return cause_set(cause, "path is empty");
	if (listener_set_path(&sun, path) == -1)
		return cause_set(cause, "%s: path is too long", path);
	fresh = sun;
	if (listener_make_directory(path, access, cause) == -1 ||
	    listener_clear_path(&sun, cause) == -1)
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd != -1 && listener_bind_unix(fd, path, &fresh, access) == 0)
		return fd;
	process_cannot(path, "cannot listen: ", 0, errno, cause);
	if (fd != -1)
		close(fd);
	return -1;
}

/* HOST:PORT or [HOST]:PORT, in place. */
static int
listener_split(char *text, char **host, char **port)
{
	char *colon = strrchr(text, ':');
	size_t len;

	if (colon == NULL || colon == text)
		return -1;
	*colon = '\0';
	*port = colon + 1;
	*host = text;
	len = strlen(text);
	if (text[0] == '[' && text[len - 1] == ']') {
		text[len - 1] = '\0';
		*host = text + 1;
	}
	return 0;
}

static int
listener_bind_tcp(const struct addrinfo *ai)
{
	int fd = socket(ai->ai_family,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int on = 1, error;

	if (fd == -1)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) == -1 ||
	    listen(fd, LISTENER_BACKLOG) == -1) {
		error = errno;
		close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

static int
listener_open_tcp(const char *address, char **cause)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE | AI_NUMERICSERV };
	struct addrinfo *list = NULL, *ai;
	char *copy = strdup(address), *host, *port;
	int fd = -1, rc;

	if (copy == NULL || listener_split(copy, &host, &port) == -1) {
		free(copy);
		return cause_set(cause, "tcp:%s: not of the form tcp:HOST:PORT",
		    address);
	}
	rc = getaddrinfo(host, port, &hints, &list);
	if (rc != 0)
		cause_set(cause, "tcp:%s: %s", address, gai_strerror(rc));
	for (ai = list; fd == -1 && ai != NULL; ai = ai->ai_next)
		fd = listener_bind_tcp(ai);
	if (rc == 0 && fd == -1)
		cause_set(cause, "tcp:%s: cannot listen: %s", address,
		    strerror(errno));
	if (list != NULL)
		freeaddrinfo(list);
	free(copy);
	return fd;
}

int
listener_open(const char *address, const struct listener_access *access,
    char **cause)
{
	const char *path = listener_path(address);

	if (path == NULL)
		return listener_open_tcp(address + 4, cause);
	return listener_open_unix(path, access, cause);
}

bool
listener_is_listening(int fd)
{
	int on = 0;
	socklen_t len = sizeof on;

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &len) == 0 &&
	    on != 0;
}

static void
listener_rest_cb(evutil_socket_t fd, short what, void *arg)
{
	struct listener *l = arg;

	(void)fd;
	(void)what;
	event_add(l->io, NULL);
}

/*
 * Out of descriptors or memory, accepting pauses.  Clients stay in the backlog
 * and are not lost.
 */
static void
listener_rest(struct listener *l, int error)
{
	static struct log_limit limit;

	if (log_limit_pass(&limit, clock_monotonic_ms()))
		log_warning("cannot accept a connection, waiting: %s",
		    strerror(error));
	event_del(l->io);
	loop_set_timer(l->rest, LISTENER_REST_MS);
}

static bool
listener_is_passing(int error)
{
	return error == ECONNABORTED || error == EINTR || error == EPROTO;
}

static void
listener_accept_cb(evutil_socket_t fd, short what, void *arg)
{
	struct listener *l = arg;
	int i, on = 1, got;

	(void)what;
	for (i = 0; i < LISTENER_BATCH; i++) {
		got = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (got == -1 && listener_is_passing(errno))
			continue;
		if (got == -1) {
			if (errno != EAGAIN)
				listener_rest(l, errno);
			return;
		}
		if (l->is_tcp)
			setsockopt(got, IPPROTO_TCP, TCP_NODELAY, &on,
			    sizeof on);
		l->accept_cb(l->arg, got);
	}
}

static bool
listener_is_tcp(int fd)
{
	int domain = AF_UNSPEC;
	socklen_t len = sizeof domain;

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == -1 ||
	    domain != AF_UNIX;
}

struct listener *
listener_new(struct event_base *base, int fd, void (*accept_cb)(void *, int),
    void *arg)
{
	struct listener *l = calloc(1, sizeof *l);

	if (l == NULL)
		return NULL;
	l->fd = fd;
	l->is_tcp = listener_is_tcp(fd);
	l->accept_cb = accept_cb;
	l->arg = arg;
	l->io =
	    event_new(base, fd, EV_READ | EV_PERSIST, listener_accept_cb, l);
	l->rest = event_new(base, -1, 0, listener_rest_cb, l);
	if (l->io == NULL || l->rest == NULL || event_add(l->io, NULL) == -1) {
		listener_free(l);
		return NULL;
	}
	return l;
}

void
listener_free(struct listener *l)
{
	if (l == NULL)
		return;
	if (l->io != NULL)
		event_free(l->io);
	if (l->rest != NULL)
		event_free(l->rest);
	close(l->fd);
	free(l);
}
