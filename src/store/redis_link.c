/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/loop.h"
#include "store/redis_link.h"
#include "store/redis_reader.h"
#include "store/redis_resolve.h"

enum {
	/* What is written or read at once; libevent's own is 16 KiB. */
	REDIS_LINK_PIECE = 256 * 1024
};

/* A command whose reply has not come. */
struct redis_link_command {
	STAILQ_ENTRY(redis_link_command) link;
	redis_link_cb *cb;
	void *arg;
};

STAILQ_HEAD(redis_link_commands, redis_link_command);

/*
 * The way up: a name is resolved, its addresses are tried one after the other
 * until one takes us, then AUTH and SELECT are sent if they are needed, and
 * when both were answered the link is up.
 *
 * A callback may free the link, so each of libevent's callbacks holds it
 * (`holders`) until it returns; redis_link_free closes at once and frees then.
 */
struct redis_link {
	struct event_base *base;
	const struct redis_link_peer *peer;
	struct redis_link_owner owner;
	struct redis_resolve *resolve;
	struct addrinfo *addresses, *next; /* next: the one to try */
	struct bufferevent *bev;
	struct event *timer;
	struct redis_reader reader;
	struct redis_link_commands commands;
	size_t waiting;
	/*
	 * What the oldest command waits since: its turn, or a part of its
	 * reply. One byte now and then is none: it would be waited for for
	 * ever.
	 */
	uint64_t since_ms;
	size_t part;     /* bytes that came since */
	unsigned logins; /* replies of the login that are missing */
	bool is_up, is_over, is_freed;
	unsigned holders;
	char why[REDIS_LINK_WHY_SIZE]; /* of the last address */
};

static void redis_link_try_next(struct redis_link *);

static void
redis_link_close(struct redis_link *l)
{
	struct redis_link_command *c;

	l->is_over = true;
	l->is_up = false;
	redis_resolve_free(l->resolve);
	l->resolve = NULL;
	if (l->addresses != NULL)
		freeaddrinfo(l->addresses);
	l->addresses = l->next = NULL;
	if (l->bev != NULL)
		bufferevent_free(l->bev);
	l->bev = NULL;
	if (l->timer != NULL)
		event_del(l->timer);
	while ((c = STAILQ_FIRST(&l->commands)) != NULL) {
		STAILQ_REMOVE_HEAD(&l->commands, link);
		free(c);
	}
	l->waiting = 0;
}

static void
redis_link_end(struct redis_link *l, const char *why)
{
	char text[REDIS_LINK_WHY_SIZE];

	if (l->is_over)
		return;
	snprintf(text, sizeof text, "%s", why);
	redis_link_close(l);
	l->owner.down(l->owner.arg, text);
}

static void
redis_link_hold(struct redis_link *l)
{
	l->holders++;
}

static void
redis_link_release(struct redis_link *l)
{
	if (--l->holders > 0 || !l->is_freed)
		return;
	if (l->timer != NULL)
		event_free(l->timer);
	redis_reader_clear(&l->reader);
	free(l);
}

void
redis_link_free(struct redis_link *l)
{
	if (l == NULL || l->is_freed)
		return;
	redis_link_hold(l);
	l->is_freed = true;
	redis_link_close(l);
	redis_link_release(l);
}

size_t
redis_link_waiting(const struct redis_link *l)
{
	return l->waiting;
}

static void
redis_link_set_up(struct redis_link *l)
{
	l->is_up = true;
	l->owner.up(l->owner.arg);
}

/* An answer of the login; of an error so many bytes are told. */
static void
redis_link_logged_in(struct redis_link *l, const redisReply *reply,
    const char *verb, size_t told)
{
	char why[REDIS_LINK_WHY_SIZE];

	if (reply->type == REDIS_REPLY_ERROR) {
		snprintf(why, sizeof why, "login: %s: %.*s", verb, (int)told,
		    reply->str);
		redis_link_end(l, why);
	} else if (--l->logins == 0)
		redis_link_set_up(l);
}

/*
 * Of an error the code alone is told, its first word in capitals: what follows
 * may repeat the password.
 */
static void
redis_link_auth_cb(void *arg, const redisReply *reply)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	size_t len = 0;

	if (reply->type == REDIS_REPLY_ERROR)
		len = strspn(reply->str, letters);
	if (len > 0 && reply->str[len] != ' ' && reply->str[len] != '\0')
		len = 0;
	redis_link_logged_in(arg, reply, "AUTH", len);
}

static void
redis_link_select_cb(void *arg, const redisReply *reply)
{
	redis_link_logged_in(arg, reply, "SELECT", REDIS_LINK_WHY_SIZE / 2);
}

static void
redis_link_free_words(const void *data, size_t len, void *words)
{
	(void)data;
	(void)len;
	redisFreeCommand(words);
}

/*
 * Writes what is there.  libevent would do so in its next turn, and look for
 * the moment with two more system calls; it does that for what is left.
 */
static void
redis_link_write_now(struct redis_link *l)
{
	struct evbuffer *out = bufferevent_get_output(l->bev);

	evbuffer_unfreeze(out, 1);
	evbuffer_write(out, bufferevent_getfd(l->bev));
	evbuffer_freeze(out, 1);
	if (evbuffer_get_length(out) > 0)
		bufferevent_enable(l->bev, EV_WRITE);
}

/*
 * Formats a command and hands its bytes over; 0, or -1 (memory).  If others
 * are being waited for, more of them may come, to be written together.
 */
static int
redis_link_write(struct redis_link *l, const struct redis_words *words)
{
	struct evbuffer *out = bufferevent_get_output(l->bev);
	bool is_now = l->peer->tls == NULL && l->waiting == 0 &&
	    evbuffer_get_length(out) == 0;
	char *text = NULL;
	long long len = redisFormatCommandArgv(&text, (int)words->count,
	    words->text, words->len);

	if (len < 0)
		return -1;
	if (is_now)
		bufferevent_disable(l->bev, EV_WRITE);
	if (evbuffer_add_reference(out, text, (size_t)len,
		redis_link_free_words, text) == -1) {
		redisFreeCommand(text);
		return -1;
	}
	if (is_now)
		redis_link_write_now(l);
	else
		bufferevent_enable(l->bev, EV_WRITE);
	return 0;
}

/* From now on a reply, or another part of it, is waited for. */
static void
redis_link_wait(struct redis_link *l)
{
	l->since_ms = clock_monotonic_ms();
	l->part = 0;
}

static int
redis_link_give(struct redis_link *l, const struct redis_words *words,
    redis_link_cb *cb, void *arg)
{
	struct redis_link_command *c = malloc(sizeof *c);

	if (c == NULL)
		return -1;
	if (redis_link_write(l, words) == -1) {
		free(c);
		return -1;
	}
	c->cb = cb;
	c->arg = arg;
	STAILQ_INSERT_TAIL(&l->commands, c, link);
	if (l->waiting++ == 0) {
		redis_link_wait(l);
		if (l->is_up)
			loop_set_timer(l->timer, REDIS_LINK_REPLY_MS);
	}
	return 0;
}

int
redis_link_send(struct redis_link *l, const struct redis_words *words,
    redis_link_cb *cb, void *arg)
{
	return l->is_up ? redis_link_give(l, words, cb, arg) : -1;
}

static int
redis_link_login(struct redis_link *l, redis_link_cb *cb, const char *verb,
    const char *first, const char *second)
{
	const char *text[3] = { verb, first, second };
	size_t len[3] = { strlen(verb), strlen(first),
		second == NULL ? 0 : strlen(second) };
	struct redis_words words = {
		.text = text, .len = len, .count = second == NULL ? 2 : 3
	};

	l->logins++;
	return redis_link_give(l, &words, cb, l);
}

/* Connected: AUTH and SELECT go out together. */
static void
redis_link_connected(struct redis_link *l)
{
	const struct redis_link_peer *peer = l->peer;
	int rc = 0;

	if (*peer->password != '\0')
		rc = *peer->user == '\0'
		    ? redis_link_login(l, redis_link_auth_cb, "AUTH",
			  peer->password, NULL)
		    : redis_link_login(l, redis_link_auth_cb, "AUTH",
			  peer->user, peer->password);
	if (rc == 0 && peer->db != NULL && strcmp(peer->db, "0") != 0)
		rc = redis_link_login(l, redis_link_select_cb, "SELECT",
		    peer->db, NULL);
	if (rc == -1)
		redis_link_end(l, "out of memory");
	else if (l->logins == 0)
		redis_link_set_up(l);
}

/* One reply, to whom it belongs. */
static void
redis_link_reply(struct redis_link *l, const redisReply *reply)
{
	struct redis_link_command *c = STAILQ_FIRST(&l->commands);
	redis_link_cb *cb;
	void *arg;

	if (c == NULL) {
		redis_link_end(l,
		    reply->type == REDIS_REPLY_ERROR
			? reply->str
			: "it replies without a question");
		return;
	}
	cb = c->cb;
	arg = c->arg;
	STAILQ_REMOVE_HEAD(&l->commands, link);
	free(c);
	l->waiting--;
	redis_link_wait(l);
	cb(arg, reply);
}

static void
redis_link_replies(struct redis_link *l)
{
	redisReply *reply;

	while (!l->is_over) {
		if (redis_reader_next(&l->reader, &reply) == -1) {
			redis_link_end(l, l->reader.wrong);
			return;
		}
		if (reply == NULL)
			return;
		redis_link_reply(l, reply);
		freeReplyObject(reply);
	}
}

static void
redis_link_read_cb(struct bufferevent *bev, void *arg)
{
	struct redis_link *l = arg;
	struct evbuffer *in = bufferevent_get_input(bev);
	struct evbuffer_iovec piece;

	redis_link_hold(l);
	l->part += evbuffer_get_length(in);
	if (l->part >= REDIS_LINK_REPLY_PART)
		redis_link_wait(l);
	while (!l->is_over && evbuffer_peek(in, -1, NULL, &piece, 1) > 0) {
		if (redis_reader_feed(&l->reader, piece.iov_base,
			piece.iov_len) == -1) {
			redis_link_end(l, l->reader.wrong);
			break;
		}
		evbuffer_drain(in, piece.iov_len);
		redis_link_replies(l);
	}
	redis_link_release(l);
}

/* Why the connection failed, in words. */
static void
redis_link_explain(struct redis_link *l, short what)
{
	int error = EVUTIL_SOCKET_ERROR();

	if (l->peer->tls != NULL &&
	    redis_tls_why(l->bev, l->why, sizeof l->why))
		return;
	snprintf(l->why, sizeof l->why, "%s",
	    (what & BEV_EVENT_EOF) != 0 || error == 0
		? "it closed the connection"
		: evutil_socket_error_to_string(error));
}

static void
redis_link_event_cb(struct bufferevent *bev, short what, void *arg)
{
	struct redis_link *l = arg;

	(void)bev;
	redis_link_hold(l);
	if ((what & BEV_EVENT_CONNECTED) != 0) {
		if (l->addresses != NULL)
			freeaddrinfo(l->addresses);
		l->addresses = l->next = NULL;
		redis_link_connected(l);
	} else {
		redis_link_explain(l, what);
		if (l->next != NULL)
			redis_link_try_next(l);
		else
			redis_link_end(l, l->why);
	}
	redis_link_release(l);
}

/*
 * A command is more than one segment, and the last one would wait until the
 * server has acknowledged those before, which it puts off for 40 ms.
 */
static int
redis_link_set_socket(struct redis_link *l, int family)
{
	int fd = bufferevent_getfd(l->bev), on = 1;

	if (family != AF_UNIX &&
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == -1)
		return -1;
	bufferevent_set_max_single_write(l->bev, REDIS_LINK_PIECE);
	bufferevent_set_max_single_read(l->bev, REDIS_LINK_PIECE);
	return evutil_make_socket_closeonexec(fd);
}

/* A bufferevent that begins to connect; 0, or -1 and l->why. */
static int
redis_link_connect(struct redis_link *l, const struct sockaddr *address,
    size_t len)
{
	if (l->bev != NULL)
		bufferevent_free(l->bev);
	if (l->peer->tls != NULL)
		l->bev = redis_tls_bufferevent(l->peer->tls, l->base,
		    l->peer->host->name);
	else
		l->bev = bufferevent_socket_new(l->base, -1,
		    BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	snprintf(l->why, sizeof l->why, "out of memory");
	if (l->bev == NULL)
		return -1;
	bufferevent_setcb(l->bev, redis_link_read_cb, NULL, redis_link_event_cb,
	    l);
	if (bufferevent_enable(l->bev, EV_READ | EV_WRITE) == 0 &&
	    bufferevent_socket_connect(l->bev, address, (int)len) == 0 &&
	    redis_link_set_socket(l, address->sa_family) == 0)
		return 0;
	snprintf(l->why, sizeof l->why, "%s", strerror(errno));
	return -1;
}

/* The next address that can be tried at all. */
static void
redis_link_try_next(struct redis_link *l)
{
	struct addrinfo *a;

	while ((a = l->next) != NULL) {
		l->next = a->ai_next;
		if (redis_link_connect(l, a->ai_addr, a->ai_addrlen) == 0)
			return;
	}
	redis_link_end(l, l->why);
}

static void
redis_link_resolved_cb(void *arg, struct addrinfo *addresses, const char *why)
{
	struct redis_link *l = arg;

	redis_link_hold(l);
	redis_resolve_free(l->resolve);
	l->resolve = NULL;
	l->addresses = l->next = addresses;
	if (addresses == NULL) {
		snprintf(l->why, sizeof l->why, "%.100s: %.50s",
		    l->peer->host->name, why);
		redis_link_end(l, l->why);
	} else
		redis_link_try_next(l);
	redis_link_release(l);
}

/*
 * The first call, from the loop, so that nothing ends within redis_link_new: a
 * socket at once, a host when its name is known.
 */
static void
redis_link_begin(struct redis_link *l)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	loop_set_timer(l->timer, REDIS_LINK_CONNECT_MS);
	if (l->peer->path == NULL) {
		l->resolve = redis_resolve_new(l->base, l->peer->host,
		    redis_link_resolved_cb, l);
		if (l->resolve == NULL)
			redis_link_end(l, "out of memory");
		return;
	}
	snprintf(un.sun_path, sizeof un.sun_path, "%s", l->peer->path);
	if (redis_link_connect(l, (struct sockaddr *)&un, sizeof un) == -1)
		redis_link_end(l, l->why);
}

/* Looks at the time that the login, or the oldest command, has taken. */
static void
redis_link_late(struct redis_link *l)
{
	uint64_t waited_ms;

	if (!l->is_up && l->next != NULL) {
		loop_set_timer(l->timer, REDIS_LINK_CONNECT_MS);
		redis_link_try_next(l);
		return;
	}
	if (!l->is_up) {
		redis_link_end(l,
		    l->bev == NULL ? "its name is not resolved in time"
			: l->peer->tls != NULL ? "it does not answer (by TLS)"
					       : "it does not answer");
		return;
	}
	if (l->waiting == 0)
		return;
	waited_ms = clock_monotonic_ms() - l->since_ms;
	if (waited_ms >= REDIS_LINK_REPLY_MS)
		redis_link_end(l,
		    l->part > 0 ? "it answers too slowly"
				: "it does not answer");
	else
		loop_set_timer(l->timer, REDIS_LINK_REPLY_MS - waited_ms);
}

static void
redis_link_timer_cb(evutil_socket_t fd, short what, void *arg)
{
	struct redis_link *l = arg;

	(void)fd;
	(void)what;
	redis_link_hold(l);
	if (l->bev == NULL && l->resolve == NULL)
		redis_link_begin(l);
	else
		redis_link_late(l);
	redis_link_release(l);
}

struct redis_link *
redis_link_new(struct event_base *base, const struct redis_link_peer *peer,
    const struct redis_link_owner *owner)
{
	struct redis_link *l = calloc(1, sizeof *l);

	if (l == NULL)
		return NULL;
	l->base = base;
	l->peer = peer;
	l->owner = *owner;
	STAILQ_INIT(&l->commands);
	l->timer = evtimer_new(base, redis_link_timer_cb, l);
	if (l->timer != NULL && loop_set_timer(l->timer, 0) == 0 &&
	    redis_reader_init(&l->reader, REDIS_LINK_REPLY_BYTES,
		REDIS_LINK_ELEMENTS) == 0)
		return l;
	redis_link_free(l);
	return NULL;
}
