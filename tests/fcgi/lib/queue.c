/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/* The queue's side of daemon.h: lines of JSON to crierd and its replies. */
#include "daemon.h"

#include <json-c/json.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "fcgi_client.h"

enum {
	DAEMON_BATCH_BYTES = 65536,
	DAEMON_POLL_MS = 2
};

int
daemon_queue_open(struct daemon_queue *queue, const struct daemon *daemon)
{
	char address[160];
	struct fcgi_conn conn;
	struct timeval wait = { .tv_usec = 0 };

	snprintf(address, sizeof(address), "unix:%s", daemon->queue);
	*queue = (struct daemon_queue){ .fd = -1 };
	if (fcgi_open(&conn, address, 0) == -1)
		return -1;
	wait.tv_sec = fcgi_remaining(fcgi_deadline(FCGI_LONG_MS)) / 1000 + 1;
	setsockopt(conn.fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	setsockopt(conn.fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	queue->fd = conn.fd;
	queue->in = fdopen(conn.fd, "r");
	return queue->in != NULL ? 0 : -1;
}

void
daemon_queue_close(struct daemon_queue *queue)
{
	if (queue->in != NULL)
		fclose(queue->in);
	free(queue->line);
	*queue = (struct daemon_queue){ .fd = -1 };
}

static int
daemon_queue_send(struct daemon_queue *queue, const struct bytes *lines)
{
	size_t done = 0;

	while (done < lines->len) {
		ssize_t n = send(queue->fd, lines->at + done, lines->len - done,
		    MSG_NOSIGNAL);

		if (n == -1)
			return -1;
		done += (size_t)n;
	}
	return 0;
}

static const char *
daemon_queue_reply(struct daemon_queue *queue)
{
	ssize_t len = getline(&queue->line, &queue->cap, queue->in);

	if (len <= 0 || queue->line[len - 1] != '\n')
		return NULL;
	queue->line[len - 1] = '\0';
	return queue->line;
}

const char *
daemon_queue_ask(struct daemon_queue *queue, const char *line)
{
	struct bytes out = { NULL, 0, 0 };
	const char *reply = NULL;

	bytes_add_text(&out, line);
	bytes_add_text(&out, "\n");
	if (daemon_queue_send(queue, &out) == 0)
		reply = daemon_queue_reply(queue);
	bytes_clear(&out);
	return reply;
}

bool
daemon_turn(struct daemon_queue *queue)
{
	return daemon_queue_ask(queue, "{\"do\":\"status\"}") != NULL;
}

/* The number NAME (or a boolean as 0 or 1) in a reply that is no refusal, or
 * -1. */
static int
daemon_reply_number(const char *reply, const char *name)
{
	struct json_object *object;
	struct json_object *value;
	int number = -1;

	object = reply != NULL ? json_tokener_parse(reply) : NULL;
	if (object == NULL ||
	    (json_object_object_get_ex(object, "ok", &value) &&
		!json_object_get_boolean(value)))
		fprintf(stderr, "# crierd replied: %.200s\n",
		    reply != NULL ? reply : "(nothing)");
	else if (json_object_object_get_ex(object, name, &value))
		number = json_object_get_int(value);
	json_object_put(object);
	return number;
}

/* One line on a connection of its own. */
static int
daemon_ask_number(const struct daemon *daemon, const char *line,
    const char *name)
{
	struct daemon_queue queue;
	int number = -1;

	if (daemon_queue_open(&queue, daemon) == 0) {
		number =
		    daemon_reply_number(daemon_queue_ask(&queue, line), name);
		daemon_queue_close(&queue);
	}
	return number;
}

int
daemon_publish(const struct daemon *daemon, const char *channel,
    const char *text)
{
	char line[4096];

	snprintf(line, sizeof(line), "{\"channel\":\"%s\",\"data\":\"%s\"}",
	    channel, text);
	return daemon_ask_number(daemon, line, "streams");
}

void
daemon_fill(char *data, unsigned n, size_t size)
{
	char number[16];

	snprintf(number, sizeof(number), "%06u:", n);
	memcpy(data, number, 7);
	for (size_t i = 7; i < size; i++)
		data[i] = (char)('a' + ((size_t)n * 5 + i + i / 23) % 26);
}

int
daemon_publish_many(const struct daemon *daemon, const char *channel,
    unsigned first, unsigned count, size_t size)
{
	struct daemon_queue queue = { .fd = -1 };
	struct bytes lines = { NULL, 0, 0 };
	char *data = malloc(size);
	unsigned waiting = 0;
	int result = 0;

	if (data == NULL || daemon_queue_open(&queue, daemon) == -1)
		result = -1;
	for (unsigned n = 0; n < count && result == 0; n++) {
		daemon_fill(data, first + n, size);
		bytes_add_text(&lines, "{\"channel\":\"");
		bytes_add_text(&lines, channel);
		bytes_add_text(&lines, "\",\"data\":\"");
		bytes_add(&lines, data, size);
		bytes_add_text(&lines, "\"}\n");
		waiting++;
		if (lines.len < DAEMON_BATCH_BYTES && n + 1 < count)
			continue;
		result = daemon_queue_send(&queue, &lines);
		lines.len = 0;
		for (; waiting > 0 && result == 0; waiting--) {
			if (daemon_reply_number(daemon_queue_reply(&queue),
				"streams") == -1)
				result = -1;
		}
	}
	daemon_queue_close(&queue);
	bytes_clear(&lines);
	free(data);
	return result;
}

int
daemon_close_channel(const struct daemon *daemon, const char *channel,
    bool stop)
{
	char line[512];

	snprintf(line, sizeof(line), "{\"do\":\"close\",\"channel\":\"%s\"%s}",
	    channel, stop ? ",\"stop\":true" : "");
	return daemon_ask_number(daemon, line, "ok") == 1 ? 0 : -1;
}

int
daemon_streams(const struct daemon *daemon)
{
	return daemon_ask_number(daemon, "{\"do\":\"status\"}", "streams");
}

bool
daemon_wait_streams(const struct daemon *daemon, int count, int ms)
{
	int64_t deadline = fcgi_deadline(ms);

	while (daemon_streams(daemon) != count) {
		if (fcgi_remaining(deadline) == 0)
			return false;
		poll(NULL, 0, DAEMON_POLL_MS);
	}
	return true;
}
