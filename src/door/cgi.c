/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/cause.h"
#include "base/clock.h"
#include "base/listener.h"
#include "base/log.h"
#include "door/cgi.h"
#include "door/handoff.h"
#include "protocol/client.h"
#include "protocol/demand.h"
#include "request/body.h"
#include "request/exchange.h"

enum {
	CGI_AGAIN_MS = 10,
	CGI_READ_BYTES = 65536
};

/* The one request that this process serves. */
struct cgi {
	const struct config *config;
	struct exchange *exchange;
	struct buffer body, out;
};

bool
cgi_is_request(void)
{
	return getenv("GATEWAY_INTERFACE") != NULL &&
	    getenv("REQUEST_METHOD") != NULL &&
	    !listener_is_listening(STDIN_FILENO);
}

/*
 * A program whose name begins with nph- writes the whole HTTP response itself
 * (RFC 3875, 5).
 */
static bool
cgi_is_raw(void)
{
	const char *name = getenv("SCRIPT_FILENAME"), *slash;

	if (name == NULL && (name = getenv("SCRIPT_NAME")) == NULL)
		return false;
	slash = strrchr(name, '/');
	return strncmp(slash == NULL ? name : slash + 1, "nph-", 4) == 0;
}

/*
 * Reads the request's variables.  0; 431: they are more than they may be; -1
 * (memory).
 */
static int
cgi_read_environment(const struct config *config, struct request *request)
{
	char **variable;

	for (variable = environ; *variable != NULL; variable++)
		if (request_add(request, *variable) == -1)
			return -1;
	return request->env.len > config->max_request_bytes ? 431 : 0;
}

/*
 * Reads as many bytes as are announced, and no more (RFC 3875, 4.2).  0, also
 * if they do not come; a status: they are refused unread; -1 (memory).
 */
static int
cgi_read_body(const struct config *config, const struct request *request,
    struct buffer *body)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	uint64_t left;
	ssize_t n;
	char *to;
	int status = body_announced(request, config->max_request_bytes, &left);

	if (status != 0)
		return status;
	while (left > 0) {
		if ((to = buffer_reserve(body, CGI_READ_BYTES)) == NULL)
			return -1;
		if (poll(&in, 1, (int)config->request_timeout_ms) != 1)
			break;
		n = read(STDIN_FILENO, to,
		    left < CGI_READ_BYTES ? left : CGI_READ_BYTES);
		if (n <= 0)
			break;
		buffer_commit(body, (size_t)n);
		left -= (uint64_t)n;
	}
	return 0;
}

static int
cgi_write(const struct buffer *b)
{
	struct pollfd out = { .fd = STDOUT_FILENO, .events = POLLOUT };
	size_t done = 0;
	ssize_t n;

	while (done < b->len) {
		n = write(STDOUT_FILENO, b->data + done, b->len - done);
		if (n > 0)
			done += (size_t)n;
		else if (errno == EAGAIN)
			poll(&out, 1, -1);
		else if (errno != EINTR)
			return -1;
	}
	return 0;
}

/*
 * Whether an error means that no hub is there: trying again, or starting one,
 * may help.
 */
static bool
cgi_is_absent(int error)
{
	return error == ENOENT || error == ECONNREFUSED ||
	    error == ECONNRESET || error == EPIPE;
}

/*
 * Sends the hub a line, and fd with it unless that is -1.  0 with the reply
 * appended, and a NUL; or -1 with errno.  A hub that has read a line which is
 * not repeatable may have acted on it before it ended: that is EIO, and no
 * reason to try again.
 */
static int
cgi_try(const struct cgi *cgi, const struct buffer *line, int fd,
    bool is_repeatable, uint64_t until, struct buffer *to)
{
	uint64_t now = clock_monotonic_ms(),
		 left = until > now ? until - now : 1;
	struct client client;
	const char *reply;
	size_t len;
	int rc = -1, error;

	if (client_try(&client, cgi->config->queue, 0, left) == 0) {
		client.silence_ms = (int)left;
		rc = client_ask(&client, line, fd, &reply, &len);
	}
	error = errno;
	if (rc == -1 && client.fd != -1 && cgi_is_absent(error) &&
	    !is_repeatable && client.ended && !client.was_reset)
		error = EIO;
	if (rc == 0 &&
	    (buffer_append(to, reply, len) == -1 ||
		buffer_append(to, "", 1) == -1)) {
		rc = -1;
		error = ENOMEM;
	}
	client_close(&client);
	errno = error;
	return rc;
}

/*
 * Tries until a hub replies.  A hub that is about to leave may take the
 * connection and not the line; soon there is none then, and another is
 * started.  0 with the reply, as cgi_try; or -1 after logging why there is
 * none.
 */
static int
cgi_talk(const struct cgi *cgi, const struct buffer *line, int fd,
    bool is_repeatable, struct buffer *to)
{
	uint64_t until = clock_monotonic_ms() + cgi->config->request_timeout_ms;
	const char *queue = cgi->config->queue;
	char *cause;

	while (cgi_try(cgi, line, fd, is_repeatable, until, to) == -1) {
		if (!cgi_is_absent(errno)) {
			log_error("%s: %s", queue, strerror(errno));
			return -1;
		}
		if (demand_start(queue, &cause) == -1) {
			log_error("%s", cause_text(cause));
			free(cause);
			return -1;
		}
		if (clock_monotonic_ms() > until)
			return -1;
		clock_sleep_ms(CGI_AGAIN_MS);
	}
	return 0;
}

/* Keeps the exchange's answer, which is written in the end. */
static int
cgi_answer(void *arg, const struct buffer *response)
{
	struct cgi *cgi = arg;

	return buffer_append(&cgi->out, response->data, response->len);
}

/* Hands the exchange's stream to the hub, with standard output. */
static enum exchange_state
cgi_open(void *arg, struct opening *opening)
{
	const struct cgi *cgi = arg;
	struct buffer line = { 0 }, reply = { 0 };
	struct opening_result result;
	enum exchange_state state = EXCHANGE_FAILED;

	opening->sub.fd = STDOUT_FILENO;
	if (handoff_put(&line, opening, HANDOFF_RAW) == -1)
		goto out;
	if (cgi_talk(cgi, &line, STDOUT_FILENO, opening_is_repeatable(opening),
		&reply) == -1) {
		state = exchange_give_up(cgi->exchange);
		goto out;
	}
	handoff_read_reply(reply.data, reply.len - 1, &result);
	if (result.refusal.status == 503)
		log_error("%s: %s", cgi->config->queue, result.refusal.text);
	state = exchange_opened(cgi->exchange, &result);
out:
	buffer_clear(&line);
	buffer_clear(&reply);
	return state;
}

/* Asks the hub the exchange's question. */
static enum exchange_state
cgi_ask(void *arg, struct buffer *line, bool is_repeatable)
{
	const struct cgi *cgi = arg;
	struct buffer reply = { 0 };
	enum exchange_state state;

	if (cgi_talk(cgi, line, -1, is_repeatable, &reply) == -1)
		state = exchange_give_up(cgi->exchange);
	else
		state =
		    exchange_replied(cgi->exchange, reply.data, reply.len - 1);
	buffer_clear(&reply);
	return state;
}

static const struct exchange_attachment cgi_attachment = {
	.answer = cgi_answer,
	.open = cgi_open,
	.ask = cgi_ask,
};

/* Reads the request and serves it; an answer is in out then. */
static enum exchange_state
cgi_exchange(struct cgi *cgi, const char *trouble)
{
	struct exchange *ex = cgi->exchange;
	int status = cgi_read_environment(cgi->config, &ex->request);

	if (status == 0)
		status = cgi_read_body(cgi->config, &ex->request, &cgi->body);
	if (status == -1)
		return EXCHANGE_FAILED;
	ex->door = "cgi";
	ex->request.body.text = cgi->body.data;
	ex->request.body.len = cgi->body.len;
	if (status == 0)
		status = body_check_length(&ex->request,
		    cgi->config->max_request_bytes);
	ex->context.is_raw = cgi_is_raw();
	ex->is_padded = true;
	ex->trouble = trouble;
	return exchange_serve(ex, status);
}

int
cgi_serve(const struct config *config, const char *trouble)
{
	struct cgi cgi = { .config = config };
	enum exchange_state state = EXCHANGE_FAILED;
	int rc = -1;

	cgi.exchange = exchange_new(config, &cgi_attachment, &cgi);
	if (cgi.exchange != NULL)
		state = cgi_exchange(&cgi, trouble);
	if (state == EXCHANGE_FAILED)
		log_error("CGI: the request cannot be read");
	else
		rc = cgi_write(&cgi.out);
	buffer_clear(&cgi.out);
	buffer_clear(&cgi.body);
	exchange_free(cgi.exchange);
	return rc == 0 ? 0 : EX_TEMPFAIL;
}
