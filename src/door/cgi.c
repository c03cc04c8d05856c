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
#include "request/exchange.h"

enum {
	CGI_AGAIN_MS = 10,
	CGI_READ_BYTES = 65536
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

/* 0, 413 or 431: how the request is larger than it may be; -1: memory. */
static int
cgi_read_environment(const struct config *config, struct request *request)
{
	char **variable;

	for (variable = environ; *variable != NULL; variable++)
		if (request_add(request, *variable) == -1)
			return -1;
	return request->env.len > config->max_request_bytes ? 431 : 0;
}

/* As many bytes as are announced; 0, 413, or -1: they do not come. */
static int
cgi_read_body(const struct config *config, const struct request *request,
    struct buffer *body)
{
	const char *text = request_get(request, "CONTENT_LENGTH");
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	uint64_t left = 0;
	ssize_t n;
	char *to;

	if (*text != '\0' &&
	    !text_parse_number(text, strlen(text), UINT64_MAX, &left))
		return -1;
	if (left > config->max_request_bytes)
		return 413;
	while (left > 0) {
		if (poll(&in, 1, (int)config->request_timeout_ms) != 1 ||
		    (to = buffer_reserve(body, CGI_READ_BYTES)) == NULL)
			return -1;
		n = read(STDIN_FILENO, to,
		    left < CGI_READ_BYTES ? left : CGI_READ_BYTES);
		if (n <= 0)
			return -1;
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

/* Whether a hub could be there by trying again, or by starting one. */
static bool
cgi_is_absent(int error)
{
	return error == ENOENT || error == ECONNREFUSED ||
	    error == ECONNRESET || error == EPIPE;
}

/*
 * Whether a line whose answer is missing may be sent once more: what is said
 * twice is published twice, unless it was not even read.
 */
static bool
cgi_may_repeat(const struct exchange *ex, const struct client *client)
{
	return exchange_is_stream(ex) || exchange_is_repeatable(ex) ||
	    !client->ended || client->was_reset;
}

/* 0 with the answer in b; or -1: no hub has answered, with errno. */
static int
cgi_ask(const struct config *config, const struct exchange *ex,
    const struct buffer *line, uint64_t until, struct buffer *b)
{
	uint64_t now = clock_monotonic_ms(),
		 left = until > now ? until - now : 1;
	struct client client;
	const char *reply;
	char why[256];
	size_t len;
	int answer, rc = -1, error;

	if (client_try(&client, config->queue, 0, left) == 0) {
		client.silence_ms = (int)left;
		rc = client_ask(&client, line,
		    exchange_is_stream(ex) ? STDOUT_FILENO : -1, &reply, &len);
	}
	error = errno;
	if (rc == -1 && client.fd != -1 && cgi_is_absent(error) &&
	    !cgi_may_repeat(ex, &client))
		error = EIO;
	if (rc == 0 && !exchange_is_stream(ex)) {
		rc = exchange_put_reply(ex, reply, len, b);
	} else if (rc == 0) {
		answer = handoff_read_reply(reply, len, why, sizeof why);
		if (answer == -1) {
			log_error("%s: %s", config->queue, why);
			rc = exchange_put_failure(ex, why, b);
		} else if (answer != HUB_OPENED) {
			rc = exchange_put_refusal(ex, (enum hub_answer)answer,
			    b);
		}
	}
	client_close(&client);
	errno = error;
	return rc;
}

/*
 * A hub that is about to leave may take the connection and not the stream;
 * then there is soon none, and another is started.
 */
static int
cgi_find_hub(const struct config *config, const struct exchange *ex,
    const struct buffer *line, struct buffer *b)
{
	uint64_t until = clock_monotonic_ms() + config->request_timeout_ms;
	char *cause;

	while (cgi_ask(config, ex, line, until, b) == -1) {
		if (!cgi_is_absent(errno)) {
			log_error("%s: %s", config->queue, strerror(errno));
			return exchange_put_later(ex, "crierd is not there", b);
		}
		if (demand_start(config->queue, &cause) == -1) {
			log_error("%s", cause_text(cause));
			free(cause);
			return exchange_put_later(ex, "crierd is not there", b);
		}
		if (clock_monotonic_ms() > until)
			return exchange_put_later(ex, "crierd is not there", b);
		clock_sleep_ms(CGI_AGAIN_MS);
	}
	return 0;
}

static int
cgi_subscribe(const struct config *config, struct exchange *ex,
    struct buffer *b)
{
	struct subscription sub = { .fd = STDOUT_FILENO };
	struct buffer head = { 0 }, end = { 0 }, line = { 0 };
	const struct route *route = &ex->route;
	int rc = -1;

	if (exchange_put_subscription(ex, &sub, &head, &end) == 0 &&
	    handoff_put(&line, &sub, HANDOFF_RAW,
		route->config->kind == CONFIG_ROUTE_RUN ? route->config : NULL,
		&ex->request) == 0)
		rc = cgi_find_hub(config, ex, &line, b);
	buffer_clear(&line);
	buffer_clear(&end);
	buffer_clear(&head);
	return rc;
}

static int
cgi_question(const struct config *config, const struct exchange *ex,
    struct buffer *b)
{
	struct buffer line = { 0 };
	int rc = exchange_put_question(ex, &line);

	if (rc == 0)
		rc = cgi_find_hub(config, ex, &line, b);
	buffer_clear(&line);
	return rc;
}

/* In trouble it is not even known what there is on this site. */
static int
cgi_answer(const struct config *config, struct exchange *ex,
    const char *trouble, struct buffer *b)
{
	if (trouble != NULL)
		return exchange_put_later(ex, trouble, b);
	if (exchange_is_stream(ex))
		return cgi_subscribe(config, ex, b);
	if (exchange_is_question(ex))
		return cgi_question(config, ex, b);
	return exchange_put_answer(ex, b);
}

int
cgi_serve(const struct config *config, const char *trouble)
{
	struct exchange *ex = exchange_new(config);
	struct buffer body = { 0 }, b = { 0 };
	int rc = -1, status = -1;

	if (ex != NULL)
		status = cgi_read_environment(config, &ex->request);
	if (status == 0)
		status = cgi_read_body(config, &ex->request, &body);
	if (status != -1) {
		ex->context.is_raw = cgi_is_raw();
		ex->is_padded = true;
		ex->request.body.text = body.data;
		ex->request.body.len = body.len;
		exchange_decide(ex, status);
		rc = cgi_answer(config, ex, trouble, &b);
	}
	if (rc == 0)
		rc = cgi_write(&b);
	else
		log_error("CGI: the request cannot be read");
	buffer_clear(&b);
	buffer_clear(&body);
	exchange_free(ex);
	return rc == 0 ? 0 : EX_TEMPFAIL;
}
