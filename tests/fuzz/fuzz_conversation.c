/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * A web server's whole conversation with the door, hub and queue behind it:
 * records of several ids, one in the other, in pieces.  When the server has
 * gone, nothing is left of it.  The first byte says how large the pieces are.
 */
#include "fuzz.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "door/connection.h"
#include "site.h"

const char *const fuzz_name = "conversation";

enum {
	FUZZ_STREAMS = 8,
	FUZZ_PIECES = 40,
	FUZZ_TURNS = 16
};

static const char fuzz_routes[] =
    "max-request = 8K\n"
    "allow-origin = { \"https://a.example\" }\n"
    "route \"GET,POST /events\" { subscribe = \"{query.channel}\" }\n"
    "route \"GET /events/{c...}\" { subscribe = \"{c}\" last = 3 }\n"
    "route \"POST /j\" { subscribe = { \"{json.channel}\", \"x/{query.a?}\" }\n"
    "  terse = true end-event = done end-stop = true }\n"
    "route \"POST /p/{x}\" { publish = \"{x}\" }\n"
    "route \"POST /q\" { publish = { \"{query.c}\", \"j/{json.a.b}\" }\n"
    "  data = '{\"u\":{user?},\"t\":{json.m},\"q\":\"{query.z?}\"}'\n"
    "  reply = '{\"id\":{id},\"s\":{streams},\"m\":{json.m?}}' }\n"
    "route \"POST /h\" { publish = \"f/{form.c}\" data = \"{form.d}\"\n"
    "  event = \"{form.e?}\" id = \"{form.i?}\" retry = \"{form.r?}\"\n"
    "  expires = \"{form.x?}\" reply = \"<p>{form.d}</p>{id}\"\n"
    "  reply-type = \"text/html\" }\n"
    "route \"POST /b\" { publish = \"b\" data = \"{body}\" reply = \"\" }\n"
    "route \"GET /s\" { status = json }\n"
    "route \"GET /m\" { status = prometheus }\n"
    "route \"GET /w/{c...}\" { presence = \"{c}\" }\n"
    "channel \"user/*\" { subscribe = owner publish = owner }\n"
    "channel \"**\" { publish = anyone }\n";

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct text_span none = { "", 0 };
	struct fuzz_site *site = fuzz_site_get(fuzz_routes, FUZZ_STREAMS);
	int before = fuzz_free_descriptor(), fds[2], i;
	size_t piece = size > 0 ? data[0] * (size_t)7 : 0, at = 1, n;

	if (piece == 0)
		piece = SIZE_MAX;
	fuzz_pair(fds);
	connection_open(site->door, fds[1], false, none);
	for (i = 0; i < FUZZ_PIECES && at < size; i++, at += n) {
		n = size - at < piece ? size - at : piece;
		if (send(fds[0], data + at, n, MSG_NOSIGNAL) != (ssize_t)n)
			break;
		fuzz_site_turn(site, 2);
		fuzz_drain(fds[0]);
	}
	fuzz_site_turn(site, FUZZ_TURNS);
	fuzz_drain(fds[0]);
	close(fds[0]);
	fuzz_site_empty(site, before);
	return 0;
}
