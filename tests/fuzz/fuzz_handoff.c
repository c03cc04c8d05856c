/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * A line of a door in another process, into a hub: whatever it says, there is
 * one reply, and the descriptor is a stream's or is closed.
 */
#include "fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/log.h"
#include "door/door.h"
#include "door/handoff.h"
#include "protocol/command.h"
#include "store/store.h"

const char *const fuzz_name = "handoff";

enum {
	FUZZ_TURNS = 4,
	FUZZ_STREAMS = 4
};

/* Made once: what an input leaves behind is another one's beginning. */
static struct event_base *fuzz_base;
static struct hub *fuzz_hub;
static struct door *fuzz_door;

static void
fuzz_setup(void)
{
	struct store_options options = { .url = "memory",
		.bounds = { 60000, 1000, 0 } };
	struct config *config;
	struct store *store;
	char *cause;

	signal(SIGPIPE, SIG_IGN);
	log_open(LOG_TARGET_STDERR, LOG_LEVEL_ERROR);
	config = config_load(NULL, NULL, 0, &cause);
	fuzz_base = options.base = event_base_new();
	store = store_open(&options, &cause);
	fuzz_check(config != NULL && fuzz_base != NULL && store != NULL);
	fuzz_hub = hub_new(fuzz_base, config, store, FUZZ_STREAMS);
	fuzz_door = door_new(fuzz_base, NULL);
	fuzz_check(fuzz_hub != NULL && fuzz_door != NULL);
	door_configure(fuzz_door, config, FUZZ_STREAMS);
	door_set_hub(fuzz_door, fuzz_hub);
}

static void
fuzz_turn(void)
{
	int i;

	for (i = 0; i < FUZZ_TURNS; i++)
		event_base_loop(fuzz_base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

/* One line of JSON, as handoff_read_reply understands it; whether it opens. */
static bool
fuzz_check_reply(const struct buffer *reply)
{
	struct opening_result result;
	bool is_open;

	fuzz_check(reply->len > 2);
	fuzz_check(memchr(reply->data, '\n', reply->len) ==
	    reply->data + reply->len - 1);
	handoff_read_reply(reply->data, reply->len - 1, &result);
	is_open = opening_is_done(&result);
	fuzz_check(is_open ==
	    (memmem(reply->data, reply->len, "\"ok\":true", 9) != NULL));
	fuzz_check(result.refusal.status == 0 || *result.refusal.text != '\0');
	return is_open;
}

/* Of a descriptor that nobody has any more the other end has ended. */
static void
fuzz_check_end(int fd)
{
	char data[65536];
	ssize_t n;

	do
		n = read(fd, data, sizeof data);
	while (n > 0);
	fuzz_check(n == 0 || errno == ECONNRESET);
}

static void
fuzz_take(struct json_object *line, bool is_pipe)
{
	struct buffer reply = { 0 };
	size_t before = hub_stream_count(fuzz_hub);
	int fds[2], rc;

	rc = is_pipe ? pipe2(fds, O_CLOEXEC)
		     : socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds);
	fuzz_check(rc == 0 && fcntl(fds[0], F_SETFL, O_NONBLOCK) == 0);
	hub_now(fuzz_hub);
	fuzz_check(handoff_take(fuzz_door, line, fds[1], &reply) == 0);
	if (!fuzz_check_reply(&reply)) {
		fuzz_check(hub_stream_count(fuzz_hub) == before);
		fuzz_check_end(fds[0]);
	}
	buffer_clear(&reply);
	fuzz_turn();
	close(fds[0]);
	fuzz_turn();
	fuzz_check(hub_stream_count(fuzz_hub) == before);
}

static void
fuzz_line(struct json_tokener *tokener, const char *line, size_t len)
{
	struct command command;
	char *copy = malloc(len > 0 ? len : 1);

	fuzz_check(copy != NULL);
	if (len > 0)
		memcpy(copy, line, len);
	if (command_parse(&command, tokener, copy, len) == 0 &&
	    command.kind == COMMAND_HANDOFF) {
		fuzz_take(command.json, true);
		fuzz_take(command.json, false);
	}
	command_clear(&command);
	free(copy);
}

/* As what a hub says, too. */
static void
fuzz_reply(const char *line, size_t len)
{
	char *copy = malloc(len > 0 ? len : 1);
	struct opening_result result;

	fuzz_check(copy != NULL);
	if (len > 0)
		memcpy(copy, line, len);
	handoff_read_reply(copy, len, &result);
	fuzz_check(memchr(result.refusal.text, '\0', REFUSAL_TEXT_SIZE) !=
	    NULL);
	free(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json_tokener *tokener = command_tokener();
	const char *at = size > 0 ? (const char *)data : "";
	const char *end = at + size;

	if (fuzz_hub == NULL)
		fuzz_setup();
	fuzz_check(tokener != NULL);
	for (;;) {
		const char *lf = memchr(at, '\n', (size_t)(end - at));
		size_t len = (size_t)((lf != NULL ? lf : end) - at);

		fuzz_line(tokener, at, len);
		fuzz_reply(at, len);
		if (lf == NULL)
			break;
		at = lf + 1;
	}
	json_tokener_free(tokener);
	return 0;
}
