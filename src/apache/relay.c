/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include <apr_portable.h>
#include <apr_thread_mutex.h>
#include <apr_thread_proc.h>

#include <httpd.h>
#include <http_config.h>
#include <http_connection.h>
#include <http_core.h>
#include <http_log.h>
#include <http_main.h>
#include <http_protocol.h>
#include <http_request.h>
#include <ap_mpm.h>

#include "apache/child.h"
#include "apache/feed.h"
#include "apache/limit.h"
#include "apache/mod_crier.h"
#include "apache/relay.h"

APLOG_USE_MODULE(crier);

enum {
	READ_SIZE = 16 * 1024,
	EVENTS_MAX = 256,
	TICK_MS = 50,
	/* How long a client may take to close its side (RFC 9112, 9.6). */
	LINGER_SECONDS = 2,
	/*
	 * The MPM writes to two fields of a connection after its hook has
	 * given it to us, so nothing is freed for a second.
	 */
	GRACE_SECONDS = 1,
	/*
	 * Streams that end with their child end one after the other, so that
	 * their clients do not all come back together.
	 */
	STOP_STREAM_USEC = 10000,
	STOP_SECONDS = 4,
	/* Then what a client has not read yet is lost to it. */
	STOP_DRAIN_SECONDS = 2
};

enum relay_state {
	RELAY_OPEN,
	RELAY_DRAINING,
	RELAY_LINGERING
};

struct relay_stream;

/* What an epoll event is about. */
struct relay_side {
	struct relay_stream *stream; /* NULL: the wake-up */
	int fd;
};

struct relay_stream {
	TAILQ_ENTRY(relay_stream) link;
	enum relay_state state;
	int blocked;  /* the client does not read, so crierd is not read */
	int is_gone;  /* the client is not there, or has closed its side */
	int is_final; /* in epoll no longer */
	apr_time_t born;
	apr_time_t deadline; /* OPEN: of a stop, else 0 */
	conn_rec *c;
	struct feed feed; /* until LINGERING */
	struct upstream upstream;
	struct relay_side client_side, crier_side;
};

TAILQ_HEAD(relay_list, relay_stream);

static struct {
	apr_thread_t *thread;
	apr_thread_mutex_t *mutex;
	struct relay_list fresh; /* by the mutex */
	/* The thread's own. */
	struct relay_list open, ending;
	int epoll, wake;
	struct relay_side wake_side;
	enum child_state stopped;
	apr_time_t looked_at;
	volatile int quits;
} relay;

static int
relay_watch(struct relay_side *side, int operation, uint32_t events)
{
	struct epoll_event e = { .events = events, .data = { .ptr = side } };

	return epoll_ctl(relay.epoll, operation, side->fd, &e);
}

static uint32_t
relay_crier_events(const struct relay_stream *s)
{
	return s->blocked ? 0 : EPOLLIN;
}

static uint32_t
relay_client_events(const struct relay_stream *s)
{
	return EPOLLRDHUP | (s->blocked ? EPOLLOUT : 0);
}

static void
relay_block(struct relay_stream *s)
{
	int blocked = feed_is_blocked(&s->feed);

	if (blocked == s->blocked)
		return;
	s->blocked = blocked;
	if (s->upstream.fd != -1)
		relay_watch(&s->crier_side, EPOLL_CTL_MOD,
		    relay_crier_events(s));
	relay_watch(&s->client_side, EPOLL_CTL_MOD, relay_client_events(s));
}

/*
 * To close a descriptor does not take it out of epoll while another process
 * has it, which is one that was forked and has not yet called exec: the
 * stream would be freed, and still be told of.
 */
static void
relay_forget_client(struct relay_stream *s)
{
	if (!s->is_final)
		relay_watch(&s->client_side, EPOLL_CTL_DEL, 0);
	s->is_final = 1;
}

static void
relay_forget_crier(struct relay_stream *s)
{
	if (s->upstream.fd != -1)
		relay_watch(&s->crier_side, EPOLL_CTL_DEL, 0);
	upstream_close(&s->upstream);
}

/*
 * The end of the request: it is logged and freed, and the connection closed on
 * our side.  Nothing of it waits, the client's socket having no time-out.
 */
static void
relay_finish(struct relay_stream *s)
{
	request_rec *r = s->feed.r;
	conn_rec *c = s->c;

	if (s->is_gone)
		c->aborted = 1;
	apr_socket_timeout_set(ap_get_conn_socket(c), 0);
	ap_finalize_request_protocol(r);
	ap_process_request_after_handler(r);
	/* As what it is counted by the MPM. */
	c->cs->state = CONN_STATE_SUSPENDED;
	s->state = RELAY_LINGERING;
	s->deadline = apr_time_now() + apr_time_from_sec(LINGER_SECONDS);
	if (c->aborted || ap_start_lingering_close(c) || s->is_gone) {
		s->is_gone = 1;
		relay_forget_client(s);
		return;
	}
	relay_watch(&s->client_side, EPOLL_CTL_MOD, EPOLLIN | EPOLLRDHUP);
}

/* No more will come from crierd, or for this client. */
static void
relay_end(struct relay_stream *s)
{
	if (s->state == RELAY_OPEN) {
		TAILQ_REMOVE(&relay.open, s, link);
		TAILQ_INSERT_TAIL(&relay.ending, s, link);
	}
	relay_forget_crier(s);
	if (s->is_gone || !feed_is_blocked(&s->feed)) {
		relay_finish(s);
		return;
	}
	s->state = RELAY_DRAINING;
	s->blocked = 1;
	relay_watch(&s->client_side, EPOLL_CTL_MOD, relay_client_events(s));
	s->deadline = apr_time_now() +
	    (relay.stopped == CHILD_RUNS
		    ? s->c->base_server->timeout
		    : apr_time_from_sec(STOP_DRAIN_SECONDS));
}

static void
relay_leave(struct relay_stream *s)
{
	s->is_gone = 1;
	relay_end(s);
}

/* crierd has said something. */
static void
relay_read_crier(struct relay_stream *s)
{
	static char data[READ_SIZE]; /* the thread's */
	ssize_t n;

	if (s->state != RELAY_OPEN)
		return;
	n = upstream_read(&s->upstream, data, sizeof(data));
	if (n < 0) {
		relay_end(s);
		return;
	}
	if (n > 0 && feed_put(&s->feed, data, (size_t)n) == -1) {
		relay_leave(s);
		return;
	}
	if (s->upstream.records.ended)
		relay_end(s);
	else
		relay_block(s);
}

/* What a client sends after its request is of no interest. */
static void
relay_read_lingering(struct relay_stream *s)
{
	char nothing[512];
	ssize_t n;

	n = recv(s->client_side.fd, nothing, sizeof(nothing), MSG_DONTWAIT);
	if (n == 0 || (n == -1 && errno != EAGAIN && errno != EINTR)) {
		s->is_gone = 1;
		relay_forget_client(s);
	}
}

static void
relay_look_at_client(struct relay_stream *s, uint32_t events)
{
	if (s->is_final)
		return;
	if (s->state == RELAY_LINGERING) {
		relay_read_lingering(s);
		return;
	}
	if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
		relay_leave(s);
		return;
	}
	if ((events & EPOLLOUT) == 0)
		return;
	if (feed_push(&s->feed) == -1)
		relay_leave(s);
	else if (s->state == RELAY_OPEN)
		relay_block(s);
	else if (!feed_is_blocked(&s->feed))
		relay_finish(s);
}

/* The socket is closed, and the stream's memory freed, by the pool. */
static void
relay_drop(struct relay_stream *s)
{
	TAILQ_REMOVE(&relay.ending, s, link);
	relay_forget_client(s);
	apr_pool_destroy(s->c->pool);
}

static void
relay_stop_stream(struct relay_stream *s)
{
	feed_put_retry(&s->feed);
	relay_end(s);
}

/* Streams whose time has come.  Only here is a stream freed. */
static void
relay_look_after(void)
{
	struct relay_stream *s, *next;
	apr_time_t now = apr_time_now();

	if (now - relay.looked_at < apr_time_from_msec(TICK_MS))
		return;
	relay.looked_at = now;
	while (relay.stopped != CHILD_RUNS &&
	    (s = TAILQ_FIRST(&relay.open)) != NULL && now >= s->deadline)
		relay_stop_stream(s);
	for (s = TAILQ_FIRST(&relay.ending); s != NULL; s = next) {
		next = TAILQ_NEXT(s, link);
		if (s->state == RELAY_DRAINING && now >= s->deadline)
			relay_leave(s);
		if (s->state == RELAY_LINGERING &&
		    now >= s->born + apr_time_from_sec(GRACE_SECONDS) &&
		    (s->is_gone || now >= s->deadline))
			relay_drop(s);
	}
}

/* What clients have not read yet is not waited for as long as usual. */
static void
relay_hurry(apr_time_t deadline)
{
	struct relay_stream *s;

	for (s = TAILQ_FIRST(&relay.ending); s != NULL; s = TAILQ_NEXT(s, link))
		if (s->state == RELAY_DRAINING && s->deadline > deadline)
			s->deadline = deadline;
}

/* The child is asked to stop: each open stream gets its time. */
static void
relay_plan_stop(enum child_state how)
{
	apr_time_t now = apr_time_now(), step = STOP_STREAM_USEC;
	struct relay_stream *s;
	unsigned count = 0, number = 0;

	for (s = TAILQ_FIRST(&relay.open); s != NULL; s = TAILQ_NEXT(s, link))
		count++;
	if (step * count > apr_time_from_sec(STOP_SECONDS))
		step = apr_time_from_sec(STOP_SECONDS) / count;
	if (how == CHILD_ENDS)
		step = 0;
	for (s = TAILQ_FIRST(&relay.open); s != NULL; s = TAILQ_NEXT(s, link))
		s->deadline = now + step * number++;
	relay_hurry(now + apr_time_from_sec(STOP_DRAIN_SECONDS));
	relay.looked_at = 0;
	relay.stopped = how;
	if (count > 0)
		ap_log_error(APLOG_MARK, APLOG_INFO, 0, ap_server_conf,
		    "crier: %u streams end with this child", count);
}

static void
relay_take_fresh(void)
{
	struct relay_stream *s;
	uint64_t count;

	if (read(relay.wake, &count, sizeof(count)) == -1)
		count = 0;
	for (;;) {
		apr_thread_mutex_lock(relay.mutex);
		s = TAILQ_FIRST(&relay.fresh);
		if (s != NULL)
			TAILQ_REMOVE(&relay.fresh, s, link);
		apr_thread_mutex_unlock(relay.mutex);
		if (s == NULL)
			return;
		TAILQ_INSERT_TAIL(&relay.open, s, link);
		s->born = apr_time_now();
		s->blocked = feed_is_blocked(&s->feed);
		if (relay_watch(&s->crier_side, EPOLL_CTL_ADD,
			relay_crier_events(s)) == -1 ||
		    relay_watch(&s->client_side, EPOLL_CTL_ADD,
			relay_client_events(s)) == -1)
			relay_leave(s);
	}
}

static void
relay_turn(void)
{
	struct epoll_event events[EVENTS_MAX];
	const struct relay_side *side;
	struct relay_stream *s;
	int i, n, idle;

	idle = TAILQ_EMPTY(&relay.ending) &&
	    (relay.stopped == CHILD_RUNS || TAILQ_EMPTY(&relay.open));
	n = epoll_wait(relay.epoll, events, EVENTS_MAX, idle ? -1 : TICK_MS);
	for (i = 0; i < n; i++) {
		side = events[i].data.ptr;
		s = side->stream;
		if (s == NULL)
			relay_take_fresh();
		else if (side == &s->client_side)
			relay_look_at_client(s, events[i].events);
		else
			relay_read_crier(s);
	}
	if (relay.stopped < child_state())
		relay_plan_stop(child_state());
	relay_look_after();
}

/* An ungraceful end does not wait for clients: each request is logged. */
static void
relay_end_all(void)
{
	struct relay_stream *s;

	relay_take_fresh();
	relay.stopped = CHILD_ENDS;
	while ((s = TAILQ_FIRST(&relay.open)) != NULL)
		relay_stop_stream(s);
	for (s = TAILQ_FIRST(&relay.ending); s != NULL; s = TAILQ_NEXT(s, link))
		if (s->state == RELAY_DRAINING)
			relay_leave(s);
}

static void *APR_THREAD_FUNC
relay_run(apr_thread_t *thread, void *unused)
{
	(void)thread;
	(void)unused;
	while (!relay.quits)
		relay_turn();
	relay_end_all();
	return NULL;
}

static void
relay_wake(void)
{
	const uint64_t one = 1;

	while (write(relay.wake, &one, sizeof(one)) == -1 && errno == EINTR)
		;
}

static apr_status_t
relay_quit(void *unused)
{
	apr_status_t status;

	(void)unused;
	relay.quits = 1;
	relay_wake();
	apr_thread_join(&status, relay.thread);
	relay.thread = NULL;
	return APR_SUCCESS;
}

/* Signals are the MPM's, and none of them for our thread. */
static apr_status_t
relay_start_thread(apr_pool_t *child)
{
	sigset_t all, before;
	apr_status_t status;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	status = apr_thread_create(&relay.thread, NULL, relay_run, NULL, child);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return status;
}

void
relay_child_init(apr_pool_t *child, server_rec *server)
{
	apr_status_t status;
	int is_async = 0;

	if (ap_mpm_query(AP_MPMQ_IS_ASYNC, &is_async) != APR_SUCCESS ||
	    !is_async)
		return;
	TAILQ_INIT(&relay.fresh);
	TAILQ_INIT(&relay.open);
	TAILQ_INIT(&relay.ending);
	relay.epoll = epoll_create1(EPOLL_CLOEXEC);
	relay.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	relay.wake_side.fd = relay.wake;
	relay_watch(&relay.wake_side, EPOLL_CTL_ADD, EPOLLIN);
	status = apr_thread_mutex_create(&relay.mutex, APR_THREAD_MUTEX_DEFAULT,
	    child);
	if (status == APR_SUCCESS)
		status = relay_start_thread(child);
	if (status != APR_SUCCESS) {
		relay.thread = NULL;
		ap_log_error(APLOG_MARK, APLOG_ERR, status, server,
		    "crier: no thread for streams: each will hold a worker");
		return;
	}
	apr_pool_pre_cleanup_register(child, NULL, relay_quit);
}

void
relay_stop(void)
{
	if (relay.thread != NULL)
		relay_wake();
}

/*
 * httpd forgets that a request was suspended when it was redirected inside or
 * is a part of another one; a stream of HTTP/2 has no connection of its own.
 */
int
relay_can_take(const request_rec *r)
{
	const conn_rec *c = r->connection;

	return relay.thread != NULL && c->master == NULL && c->cs != NULL &&
	    r->main == NULL && r->prev == NULL && !r->header_only &&
	    !c->clogging_input_filters && child_state() == CHILD_RUNS;
}

/* Of a request that ends without having been suspended. */
static apr_status_t
relay_close_cleanup(void *stream)
{
	upstream_close(&((struct relay_stream *)stream)->upstream);
	return APR_SUCCESS;
}

static apr_status_t
relay_release_cleanup(void *unused)
{
	(void)unused;
	limit_release(PLACE_RELAYED);
	return APR_SUCCESS;
}

int
relay_take(request_rec *r, struct upstream *upstream, const char *data,
    size_t len)
{
	conn_rec *c = r->connection;
	struct relay_stream *s;
	apr_os_sock_t fd;

	s = apr_pcalloc(c->pool, sizeof(*s));
	s->c = c;
	apr_os_sock_get(&fd, ap_get_conn_socket(c));
	feed_init(&s->feed, r);
	if (feed_put(&s->feed, data, len) == -1) {
		limit_release(PLACE_RELAYED);
		return OK;
	}
	s->upstream = *upstream;
	upstream->fd = -1;
	s->client_side.stream = s;
	s->client_side.fd = fd;
	s->crier_side.stream = s;
	s->crier_side.fd = s->upstream.fd;
	apr_pool_cleanup_register(r->pool, s, relay_close_cleanup,
	    apr_pool_cleanup_null);
	apr_pool_cleanup_register(c->pool, s, relay_release_cleanup,
	    apr_pool_cleanup_null);
	ap_set_module_config(c->conn_config, &crier_module, s);
	feed_give_back(&s->feed);
	return SUSPENDED;
}

void
relay_suspend(conn_rec *c)
{
	struct relay_stream *s =
	    ap_get_module_config(c->conn_config, &crier_module);

	if (s == NULL || c->cs == NULL || c->cs->state != CONN_STATE_SUSPENDED)
		return;
	ap_set_module_config(c->conn_config, &crier_module, NULL);
	/* As the MPM is about to do: the worker's line of the scoreboard is no
	 * longer this connection's. */
	c->sbh = NULL;
	apr_thread_mutex_lock(relay.mutex);
	TAILQ_INSERT_TAIL(&relay.fresh, s, link);
	apr_thread_mutex_unlock(relay.mutex);
	relay_wake();
}
