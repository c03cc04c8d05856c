/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_DOCTOR_CHECKUP_H
#define CRIER_DOCTOR_CHECKUP_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "doctor/options.h"
#include "doctor/verdict.h"
#include "protocol/store_url.h"

struct json_object;

/*
 * The store of crierd's configuration, or any other, tried from here: crier
 * doctor --store.  What was found is a list of checks in the order in which
 * they are shown, each with what mends it; texts are fit for a terminal, and
 * none has a password.
 */

enum {
	CHECKUP_MAX = 16, /* checks of one store */
	CHECKUP_ADVICE_SIZE = 768
};

struct checkup_check {
	const char *name;
	enum verdict verdict;
	char text[320];
	const char *where; /* the advice goes there; NULL: there is none */
	char directive[CHECKUP_ADVICE_SIZE]; /* lines, each with its end */
	const char *why;                     /* or NULL */
};

struct checkup {
	const char *store;         /* as it is written */
	const char *password_file; /* or NULL */
	char user[64];             /* whom it is tried as, or "" */
	enum store_durability durability;
	uint64_t store_bytes; /* as crier.conf(5) has it */

	struct checkup_check checks[CHECKUP_MAX];
	size_t count;
	struct json_object *measured; /* numbers and words, for programs */
	bool is_away;                 /* it could not be reached, for now */
};

/* checkup_run.c: reads the configuration if need be, tries the store, and
 * prints a report. */
int checkup_run(const struct options *);

/* Adds a check. */
struct checkup_check *checkup_add(struct checkup *, const char *name,
    enum verdict, const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* Says what mends it; why may be NULL. */
void checkup_advise(struct checkup_check *, const char *where, const char *why,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* How many checks have this verdict. */
size_t checkup_count(const struct checkup *, enum verdict);

/* "12 KiB", as people read it. */
const char *checkup_size(uint64_t bytes, char to[32]);

/* "0.3 ms" */
const char *checkup_time(uint64_t us, char to[32]);

/* checkup_file.c: a database of SQLite at this path. */
void checkup_file(struct checkup *, const char *path);

/* checkup_redis.c: 0, or the exit code after a message. */
int checkup_redis(struct checkup *);

/* checkup_report.c */
void checkup_print(const struct checkup *, FILE *);

/* The caller's, or NULL. */
struct json_object *checkup_json(const struct checkup *);

#endif
