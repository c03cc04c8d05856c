/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_STORE_REDIS_SCRIPT_H
#define CRIER_STORE_REDIS_SCRIPT_H

#include <stddef.h>

/*
 * What crierd has a Redis do in one step, as the files in store/redis say it:
 * they are built in, and each says what it takes and answers.
 */
enum redis_script_name {
	REDIS_SCRIPT_ASK,
	REDIS_SCRIPT_BEAT,
	REDIS_SCRIPT_CLAIM,
	REDIS_SCRIPT_HELLO,
	REDIS_SCRIPT_OWN,
	REDIS_SCRIPT_PUBLISH,
	REDIS_SCRIPT_READ,
	REDIS_SCRIPTS
};

struct redis_script {
	const char *text;
	size_t len;
	const char *sha; /* SHA-1 of the text, by which a Redis knows it */
};

extern const struct redis_script redis_scripts[REDIS_SCRIPTS];

#endif
