/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_DOCTOR_OPTIONS_H
#define CRIER_DOCTOR_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "companion/verb.h"
#include "doctor/advice.h"
#include "protocol/store_url.h"

enum {
	OPTIONS_HEADERS = 32
};

/* The options of crier doctor; the texts are argv's. */
struct options {
	struct verb_env env; /* env.queue: NULL if it was not named */
	const char *url; /* of the store: NULL, if the configuration says it */
	const char *apache;                       /* a folder, or NULL */
	const char *channel;                      /* a pattern */
	const char *headers[OPTIONS_HEADERS + 1]; /* up to a NULL */
	bool has_idle, has_server, json, insecure;
	bool is_store; /* it is the store that is tried, not a route */
	bool has_durability;
	const char *config, *password_file; /* of the store; or NULL */
	enum store_durability durability;
	uint64_t idle_ms;
	enum server server;
};

/* 0, -1 after help, or the exit code after a message. */
int options_read(struct options *, int argc, char **argv);

#endif
