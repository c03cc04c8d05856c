/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * How much is done for a delivery, a heartbeat, a stream opened and a batch
 * published: system calls and allocations, which say on any machine, however
 * busy, whether speed was lost.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include "door/door.h"
#include "door/fcgi.h"
#include "door/record.h"
#include "hub/watch.h"
#include "lib/streams.h"
#include "lib/support.h"
#include "queue/queue.h"

enum {
	TEST_STREAMS = 100,
	TEST_BATCH = 50,
	TEST_FIRST = 20,
	TEST_OPENED = 50,
	TEST_PARAM_MAX = 127,
	TEST_PARAM_ROOM = 2 * TEST_PARAM_MAX + 1
};

/* What was called since test_forget, by whichever thread. */
static struct {
	atomic_uint sends, writes, reads, accepts, watches, options;
	atomic_uint file_writes, file_seeks, file_cuts, allocations;
} test_calls;

static struct streams test_hub;
static struct streams_client test_clients[TEST_STREAMS];

/*
 * With offsets of 64 bits, which hiredis' flags ask for, the C library's names
 * for these three end in 64.
 */
#if defined _FILE_OFFSET_BITS && _FILE_OFFSET_BITS == 64
#define test_real_pwrite    __real_pwrite64
#define test_real_lseek     __real_lseek64
#define test_real_ftruncate __real_ftruncate64
#define test_wrap_pwrite    __wrap_pwrite64
#define test_wrap_lseek     __wrap_lseek64
#define test_wrap_ftruncate __wrap_ftruncate64
#else
#define test_real_pwrite    __real_pwrite
#define test_real_lseek     __real_lseek
#define test_real_ftruncate __real_ftruncate
#define test_wrap_pwrite    __wrap_pwrite
#define test_wrap_lseek     __wrap_lseek
#define test_wrap_ftruncate __wrap_ftruncate
#endif

void *__real_malloc(size_t);
void *__real_calloc(size_t, size_t);
void *__real_realloc(void *, size_t);
ssize_t __real_send(int, const void *, size_t, int);
ssize_t __real_sendmsg(int, const struct msghdr *, int);
ssize_t __real_write(int, const void *, size_t);
ssize_t __real_read(int, void *, size_t);
int __real_accept4(int, struct sockaddr *, socklen_t *, int);
int __real_setsockopt(int, int, int, const void *, socklen_t);
ssize_t test_real_pwrite(int, const void *, size_t, off_t);
off_t test_real_lseek(int, off_t, int);
int test_real_ftruncate(int, off_t);
void *__wrap_malloc(size_t);
void *__wrap_calloc(size_t, size_t);
void *__wrap_realloc(void *, size_t);
ssize_t __wrap_send(int, const void *, size_t, int);
ssize_t __wrap_sendmsg(int, const struct msghdr *, int);
ssize_t __wrap_write(int, const void *, size_t);
ssize_t __wrap_read(int, void *, size_t);
int __wrap_accept4(int, struct sockaddr *, socklen_t *, int);
int __wrap_setsockopt(int, int, int, const void *, socklen_t);
ssize_t test_wrap_pwrite(int, const void *, size_t, off_t);
off_t test_wrap_lseek(int, off_t, int);
int test_wrap_ftruncate(int, off_t);

void *
__wrap_malloc(size_t size)
{
	test_calls.allocations++;
	return __real_malloc(size);
}

void *
__wrap_calloc(size_t count, size_t size)
{
	test_calls.allocations++;
	return __real_calloc(count, size);
}

void *
__wrap_realloc(void *p, size_t size)
{
	test_calls.allocations++;
	return __real_realloc(p, size);
}

ssize_t
__wrap_send(int fd, const void *data, size_t len, int flags)
{
	test_calls.sends++;
	return __real_send(fd, data, len, flags);
}

ssize_t
__wrap_sendmsg(int fd, const struct msghdr *m, int flags)
{
	test_calls.sends++;
	return __real_sendmsg(fd, m, flags);
}

ssize_t
__wrap_write(int fd, const void *data, size_t len)
{
	test_calls.writes++;
	return __real_write(fd, data, len);
}

ssize_t
__wrap_read(int fd, void *data, size_t len)
{
	test_calls.reads++;
	return __real_read(fd, data, len);
}

int
__wrap_accept4(int fd, struct sockaddr *sa, socklen_t *len, int flags)
{
	test_calls.accepts++;
	return __real_accept4(fd, sa, len, flags);
}

int
__wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	test_calls.options++;
	return __real_setsockopt(fd, level, name, value, len);
}

ssize_t
test_wrap_pwrite(int fd, const void *data, size_t len, off_t at)
{
	test_calls.file_writes++;
	return test_real_pwrite(fd, data, len, at);
}

off_t
test_wrap_lseek(int fd, off_t at, int whence)
{
	test_calls.file_seeks++;
	return test_real_lseek(fd, at, whence);
}

int
test_wrap_ftruncate(int fd, off_t len)
{
	test_calls.file_cuts++;
	return test_real_ftruncate(fd, len);
}

/* The loop's own, too: a program's functions go before a library's. */
int
epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
	test_calls.watches++;
	return (int)syscall(SYS_epoll_ctl, epfd, op, fd, event);
}

static void
test_forget(void)
{
	memset(&test_calls, 0, sizeof test_calls);
}

static int
test_setup(void **state)
{
	struct streams_request r = {
		.channels = "a", .is_framed = true, .address = "192.0.2.1"
	};
	size_t i;

	(void)state;
	streams_setup(&test_hub, NULL);
	for (i = 0; i < TEST_STREAMS; i++)
		streams_open(&test_hub, &test_clients[i], &r);
	/* What is made once is not what an event costs. */
	for (i = 0; i < TEST_FIRST; i++) {
		streams_publish(&test_hub, "a", "one of the first");
		streams_deliver(&test_hub);
	}
	streams_settle(&test_hub, test_clients, TEST_STREAMS);
	test_forget();
	return 0;
}

static int
test_teardown(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < TEST_STREAMS; i++)
		streams_close(&test_clients[i]);
	streams_teardown(&test_hub);
	return 0;
}

/* A turn with so many events; what it does for each stream, and altogether. */
static void
test_publish(unsigned events)
{
	struct hub_counters before = test_hub.hub->counters;
	const struct hub_counters *now = &test_hub.hub->counters;
	unsigned i;

	for (i = 0; i < events; i++)
		streams_publish(&test_hub, "a", "an event like others");
	test_forget();
	streams_deliver(&test_hub);
	assert_int_equal(test_calls.sends, TEST_STREAMS);
	assert_int_equal(test_calls.watches + test_calls.writes +
		test_calls.reads,
	    0);
	/* What `crier status` says is what was done. */
	assert_int_equal(now->writes - before.writes, TEST_STREAMS);
	assert_int_equal(now->delivered - before.delivered,
	    TEST_STREAMS * events);
}

static void
test_one_event(void **state)
{
	(void)state;
	test_publish(1);
	/* Not even for the channel: its block has room. */
	assert_int_equal(test_calls.allocations, 0);
	streams_settle(&test_hub, test_clients, TEST_STREAMS);
}

/* Turns of one event each use the batch of the turn before again. */
static void
test_turns(void **state)
{
	unsigned i;

	(void)state;
	streams_publish(&test_hub, "a", "first");
	streams_deliver(&test_hub);
	test_forget();
	for (i = 0; i < TEST_BATCH; i++) {
		streams_publish(&test_hub, "a", "event");
		streams_deliver(&test_hub);
	}
	assert_int_equal(test_calls.sends, TEST_BATCH * TEST_STREAMS);
	/* What is left are the history's blocks, and room for its entries. */
	assert_in_range(test_calls.allocations, 0, TEST_BATCH / 4);
	streams_settle(&test_hub, test_clients, TEST_STREAMS);
}

static void
test_batch(void **state)
{
	(void)state;
	test_publish(TEST_BATCH);
	/* Blocks of the history, and room for its entries: not for streams. */
	assert_in_range(test_calls.allocations, 0, 16);
	streams_settle(&test_hub, test_clients, TEST_STREAMS);
}

/* Two comments each, of bytes that all share. */
static void
test_heartbeat(void **state)
{
	struct hub *hub = test_hub.hub;
	struct stream *s;

	(void)state;
	hub->clock.now_ms += test_clients[0].stream->heartbeat_ms;
	test_forget();
	TAILQ_FOREACH(s, &hub->streams.list, link) {
		stream_due_cb(&s->timer, hub);
		stream_due_cb(&s->timer, hub);
	}
	assert_int_equal(test_calls.sends, 2 * TEST_STREAMS);
	assert_int_equal(test_calls.watches + test_calls.writes, 0);
	assert_int_equal(test_calls.allocations, 0);
	streams_settle(&test_hub, test_clients, TEST_STREAMS);
}

/* One that is full and drains again: it waits for that, and waits no more. */
static void
test_stall(void **state)
{
	static char data[40000];
	struct streams_client *c = &test_clients[0];
	unsigned i;

	(void)state;
	memset(data, 'x', sizeof data - 1);
	for (i = 0; i < 10; i++) {
		streams_publish(&test_hub, "a", data);
		streams_deliver(&test_hub);
		/* All but the first one read. */
		streams_settle(&test_hub, test_clients + 1, TEST_STREAMS - 1);
	}
	assert_true(c->stream->is_writing);
	test_forget();
	streams_publish(&test_hub, "a", "one more");
	streams_deliver(&test_hub);
	/* Whoever waits is not tried. */
	assert_int_equal(test_calls.sends, TEST_STREAMS - 1);
	test_forget();
	streams_settle(&test_hub, test_clients, TEST_STREAMS);
	assert_false(c->stream->is_writing);
	assert_int_equal(test_calls.watches, 1);
}

static size_t
test_put_param(char *to, const char *name, const char *value)
{
	size_t name_len = strlen(name), len = strlen(value);

	assert_true(name_len <= TEST_PARAM_MAX && len <= TEST_PARAM_MAX);
	to[0] = (char)name_len;
	to[1] = (char)len;
	return 2 +
	    (size_t)snprintf(to + 2, TEST_PARAM_ROOM, "%s%s", name, value);
}

/* A client of the door that has asked for a stream. */
static int
test_ask(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	struct buffer b = { 0 };
	char params[512];
	size_t n = 0;

	snprintf(sun.sun_path, sizeof sun.sun_path, "%s", path);
	n += test_put_param(params + n, "REQUEST_METHOD", "GET");
	n += test_put_param(params + n, "REQUEST_URI", "/events/a");
	n += test_put_param(params + n, "SCRIPT_NAME", "/events/a");
	n += test_put_param(params + n, "REMOTE_ADDR", "192.0.2.1");
	n += test_put_param(params + n, "HTTP_ACCEPT", "text/event-stream");
	assert_int_equal(record_append_request(&b, params, n), 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)&sun, sizeof sun),
	    0);
	assert_int_equal(__real_write(fd, b.data, b.len), b.len);
	buffer_clear(&b);
	return fd;
}

static void
test_check_opening(void)
{
	const unsigned n = TEST_OPENED;

	/* The last one finds nobody. */
	assert_int_equal(test_calls.accepts, n + 1);
	assert_int_equal(test_calls.reads, n);
	assert_int_equal(test_calls.sends, n);
	assert_int_equal(test_calls.watches, n);
	/* libfcgi's file; libfcgi itself reads it once, which is not seen. */
	assert_int_equal(test_calls.file_writes, n);
	assert_int_equal(test_calls.file_seeks, n);
	assert_int_equal(test_calls.file_cuts, 0);
	assert_int_equal(test_calls.options + test_calls.writes, 0);
	/* 17 each when this was written, and some that are made once. */
	assert_in_range(test_calls.allocations, n, 18 * n);
}

static void
test_opening(void **state)
{
	const struct listener_access access = { 0600, (uid_t)-1, (gid_t)-1 };
	char dir[] = "/tmp/crier-test-XXXXXX", path[64], *cause;
	int fds[TEST_OPENED], listener, i;
	struct streams t;
	struct door *door;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/fcgi", dir);
	streams_setup(&t, NULL);
	fcgi_init();
	assert_non_null(door = door_new(t.base, NULL));
	door_configure(door, t.config, 1000);
	door_set_hub(door, t.hub);
	listener = listener_open(path, &access, &cause);
	assert_int_not_equal(listener, -1);
	assert_int_equal(door_listen(door, listener), 0);
	event_base_loop(t.base, EVLOOP_NONBLOCK);
	for (i = 0; i < TEST_OPENED; i++)
		fds[i] = test_ask(path);
	test_forget();
	while (t.hub->streams.count < TEST_OPENED)
		event_base_loop(t.base, EVLOOP_ONCE);
	test_check_opening();
	for (i = 0; i < TEST_OPENED; i++)
		close(fds[i]);
	door_free(door);
	streams_teardown(&t);
	unlink(path);
	rmdir(dir);
}

/* However many lines are there, they are one batch and get one send. */
static void
test_publisher(void **state)
{
	static const char line[] = "{\"channel\":\"b\",\"data\":\"x\"}\n";
	char replies[TEST_BATCH * 128];
	struct queue *q = queue_new(test_hub.base, test_hub.hub);
	int fds[2], i;
	ssize_t n;

	(void)state;
	assert_non_null(q);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
			     fds),
	    0);
	queue_serve(q, fds[0]);
	for (i = 0; i < TEST_BATCH; i++)
		assert_int_equal(__real_write(fds[1], line, sizeof line - 1),
		    sizeof line - 1);
	test_forget();
	do
		event_base_loop(test_hub.base, EVLOOP_ONCE);
	while (test_calls.sends == 0);
	/* The replies: nobody follows that channel. */
	assert_int_equal(test_calls.sends, 1);
	assert_int_equal(test_calls.writes, 0);
	assert_int_equal(test_hub.hub->counters.published,
	    TEST_BATCH + TEST_FIRST);
	assert_in_range(test_calls.allocations, 1, TEST_BATCH * 3 / 5);
	n = __real_read(fds[1], replies, sizeof replies);
	assert_true(n > TEST_BATCH && replies[n - 1] == '\n');
	close(fds[1]);
	queue_free(q);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_one_event, test_setup,
		    test_teardown),
		cmocka_unit_test_setup_teardown(test_turns, test_setup,
		    test_teardown),
		cmocka_unit_test_setup_teardown(test_batch, test_setup,
		    test_teardown),
		cmocka_unit_test_setup_teardown(test_heartbeat, test_setup,
		    test_teardown),
		cmocka_unit_test_setup_teardown(test_stall, test_setup,
		    test_teardown),
		cmocka_unit_test_setup_teardown(test_publisher, test_setup,
		    test_teardown),
		cmocka_unit_test(test_opening),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
