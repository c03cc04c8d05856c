/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "doctor/http.h"
#include "protocol/client.h"

enum {
	HTTP_CONNECT_MS = 10 * 1000,
	HTTP_REDIRECTS = 10,
	HTTP_EVENT_MAX = 1024 * 1024, /* bytes of a line or an event */
	HTTP_BURST_US = 300 * 1000
};

struct http {
	CURLM *multi;
};

/* A stream, and what libcurl needs beside it. */
struct http_transfer {
	struct http_stream stream; /* first: one is the other */
	CURL *curl;
	struct curl_slist *headers;
	char error[CURL_ERROR_SIZE];
};

struct http *
http_new(void)
{
	struct http *h = calloc(1, sizeof *h);

	if (h == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != 0 ||
	    (h->multi = curl_multi_init()) == NULL) {
		free(h);
		return NULL;
	}
	return h;
}

void
http_free(struct http *h)
{
	if (h == NULL)
		return;
	curl_multi_cleanup(h->multi);
	curl_global_cleanup();
	free(h);
}

/* If the line is this header, copies its value, without spaces around it. */
static void
http_take_header(const char *line, size_t len, const char *name, char *to,
    size_t size)
{
	size_t n = strlen(name);

	if (len <= n || line[n] != ':' || strncasecmp(line, name, n) != 0)
		return;
	line += n + 1;
	len -= n + 1;
	while (len > 0 && strchr(" \t", *line) != NULL) {
		line++;
		len--;
	}
	while (len > 0 && strchr(" \t\r\n", line[len - 1]) != NULL)
		len--;
	text_escape(line, len, to, size);
}

/*
 * A status line begins a new head: of several (redirections) the last counts.
 */
static void
http_take_status(struct http_stream *s, const char *line, size_t len)
{
	const size_t begin = sizeof "HTTP/" - 1;
	const char *space = memchr(line, ' ', len), *version = line + begin;
	char location[sizeof s->head.location];
	uint64_t status;

	if (space == NULL || len - (size_t)(space - line) < 4 ||
	    !text_parse_number(space + 1, 3, 999, &status))
		return;
	memcpy(location, s->head.location, sizeof location);
	memset(&s->head, 0, sizeof s->head);
	memcpy(s->head.location, location, sizeof location);
	text_escape(version, (size_t)(space - version), s->head.http_version,
	    sizeof s->head.http_version);
	s->head.status = (long)status;
	s->head_us = clock_monotonic_us();
}

static size_t
http_header_cb(char *line, size_t size, size_t count, void *arg)
{
	struct http_transfer *t = arg;
	struct measure_head *head = &t->stream.head;
	const struct {
		const char *name;
		char *to;
		size_t size;
	} headers[] = {
		{ "server", head->server, sizeof head->server },
		{ "via", head->via, sizeof head->via },
		{ "content-type", head->type, sizeof head->type },
		{ "cache-control", head->cache, sizeof head->cache },
		{ "content-encoding", head->encoding, sizeof head->encoding },
		{ "location", head->location, sizeof head->location },
	};
	size_t len = size * count, i;

	if (len >= 5 && strncmp(line, "HTTP/", 5) == 0)
		http_take_status(&t->stream, line, len);
	for (i = 0; i < sizeof headers / sizeof headers[0]; i++)
		http_take_header(line, len, headers[i].name, headers[i].to,
		    headers[i].size);
	return len;
}

static bool
http_is_event(const struct eventstream_event *e, const char *name)
{
	return e->event_len == strlen(name) &&
	    memcmp(e->event, name, e->event_len) == 0;
}

static void
http_take_end(struct http_stream *s, const struct eventstream_event *e)
{
	struct json_object *o = json_parse_object(e->data, e->data_len);
	const char *reason = json_get_string(json_member(o, "reason"));

	if (reason == NULL)
		reason = "no reason";
	text_escape(reason, strlen(reason), s->end, sizeof s->end);
	json_object_put(o);
}

static void
http_take_event(struct http_stream *s, const struct eventstream_event *e)
{
	struct http_arrival *a;

	if (http_is_event(e, "crier.end"))
		http_take_end(s, e);
	if (http_is_event(e, "crier.gap"))
		s->has_gap = true;
	if (e->id == NULL || e->id_len >= sizeof a->id ||
	    s->arrival_count == HTTP_ARRIVALS)
		return;
	a = &s->arrivals[s->arrival_count++];
	memcpy(a->id, e->id, e->id_len);
	a->id[e->id_len] = '\0';
	a->at_us = s->last_us;
	a->piece = s->pieces;
}

static void
http_keep_begin(struct http_stream *s, const char *bytes, size_t len)
{
	size_t room = sizeof s->begin - 1 - s->begin_len;

	if (len > room)
		len = room;
	memcpy(s->begin + s->begin_len, bytes, len);
	s->begin_len += len;
}

static void
http_keep_tail(struct http_stream *s, const char *bytes, size_t len)
{
	size_t keep;

	if (len > sizeof s->tail) {
		bytes += len - sizeof s->tail;
		len = sizeof s->tail;
	}
	keep = sizeof s->tail - len;
	if (keep > s->tail_len)
		keep = s->tail_len;
	memmove(s->tail, s->tail + s->tail_len - keep, keep);
	memcpy(s->tail + keep, bytes, len);
	s->tail_len = keep + len;
}

/* Takes a piece of the body, which libcurl has decompressed. */
static size_t
http_body_cb(char *bytes, size_t size, size_t count, void *arg)
{
	struct http_transfer *t = arg;
	struct http_stream *s = &t->stream;
	struct eventstream_event e;
	const char *p = bytes;
	size_t left = size * count;
	uint64_t now = clock_monotonic_us();
	int rc;

	if (s->pieces == 0 || now - s->last_us > HTTP_BURST_US)
		s->bursts++;
	s->pieces++;
	s->last_us = now;
	http_keep_begin(s, bytes, left);
	http_keep_tail(s, bytes, left);
	while ((rc = eventstream_read(&s->parser, &p, &left, HTTP_EVENT_MAX,
		    &e)) == 1)
		http_take_event(s, &e);
	if (rc == -1)
		return 0;
	if (s->first_us == MEASURE_NEVER && http_has_begun(s))
		s->first_us = now;
	return size * count;
}

static bool
http_add_header(struct http_transfer *t, const char *line)
{
	struct curl_slist *list = curl_slist_append(t->headers, line);

	if (list == NULL)
		return false;
	t->headers = list;
	return true;
}

static bool
http_set_headers(struct http_transfer *t, const struct http_request *request)
{
	const char *const *line = request->headers;
	char last[ID_TEXT_SIZE + 32];

	if (!http_add_header(t, "Accept: text/event-stream") ||
	    !http_add_header(t, "Cache-Control: no-cache"))
		return false;
	for (; line != NULL && *line != NULL; line++)
		if (!http_add_header(t, *line))
			return false;
	if (request->last_event_id == NULL)
		return true;
	snprintf(last, sizeof last, "Last-Event-ID: %s",
	    request->last_event_id);
	return http_add_header(t, last);
}

static void
http_set_protocols(CURL *curl)
{
#if LIBCURL_VERSION_NUM >= 0x075500
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
#else
	const long both = CURLPROTO_HTTP | CURLPROTO_HTTPS;

	curl_easy_setopt(curl, CURLOPT_PROTOCOLS, both);
	curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS, both);
#endif
}

/* Sets the request up as a browser would, but without a proxy. */
static bool
http_set_request(struct http_transfer *t, const struct http_request *request)
{
	CURL *curl = t->curl;

	if (!http_set_headers(t, request) ||
	    curl_easy_setopt(curl, CURLOPT_URL, request->url) != CURLE_OK ||
	    curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "") != CURLE_OK)
		return false;
	http_set_protocols(curl);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, t->headers);
	curl_easy_setopt(curl, CURLOPT_USERAGENT,
	    "crier-doctor/" PACKAGE_VERSION);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	/* Each stream has a connection of its own, which ends with it. */
	curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
	curl_easy_setopt(curl, CURLOPT_MAXREDIRS, (long)HTTP_REDIRECTS);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
	    (long)HTTP_CONNECT_MS);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, t->error);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, http_header_cb);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, t);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, http_body_cb);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(curl, CURLOPT_PRIVATE, t);
	if (request->head_only)
		curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
	if (request->insecure) {
		curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	return true;
}

static void
http_transfer_free(struct http_transfer *t)
{
	curl_easy_cleanup(t->curl);
	curl_slist_free_all(t->headers);
	eventstream_clear(&t->stream.parser);
	free(t);
}

struct http_stream *
http_open(struct http *h, const struct http_request *request)
{
	struct http_transfer *t = calloc(1, sizeof *t);

	if (t == NULL)
		return NULL;
	t->stream.head_us = t->stream.first_us = MEASURE_NEVER;
	t->stream.opened_us = clock_monotonic_us();
	if ((t->curl = curl_easy_init()) == NULL ||
	    !http_set_request(t, request) ||
	    curl_multi_add_handle(h->multi, t->curl) != CURLM_OK) {
		http_transfer_free(t);
		return NULL;
	}
	return &t->stream;
}

void
http_leave(struct http *h, struct http_stream *s)
{
	struct http_transfer *t = (struct http_transfer *)s;

	if (s == NULL)
		return;
	curl_multi_remove_handle(h->multi, t->curl);
	http_transfer_free(t);
}

/* A request is over, for whatever reason. */
static void
http_finish(struct http_transfer *t, CURLcode code)
{
	struct http_stream *s = &t->stream;
	const char *why =
	    t->error[0] == '\0' ? curl_easy_strerror(code) : t->error;

	s->ended = true;
	s->ended_us = clock_monotonic_us();
	s->bad_certificate = code == CURLE_PEER_FAILED_VERIFICATION;
	if (code != CURLE_OK)
		text_escape(why, strlen(why), s->why, sizeof s->why);
}

void
http_turn(struct http *h, int timeout_ms)
{
	struct http_transfer *t;
	CURLMsg *message;
	int running, left;

	curl_multi_poll(h->multi, NULL, 0, timeout_ms, NULL);
	curl_multi_perform(h->multi, &running);
	while ((message = curl_multi_info_read(h->multi, &left)) != NULL) {
		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &t);
		http_finish(t, message->data.result);
	}
}

const struct http_arrival *
http_arrival(const struct http_stream *s, const char *id)
{
	size_t i;

	for (i = 0; i < s->arrival_count; i++)
		if (strcmp(s->arrivals[i].id, id) == 0)
			return &s->arrivals[i];
	return NULL;
}

bool
http_has_begun(const struct http_stream *s)
{
	return eventstream_last_id(&s->parser) != NULL;
}
