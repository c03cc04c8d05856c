/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_DOCTOR_CHECKUP_REDIS_H
#define CRIER_DOCTOR_CHECKUP_REDIS_H

#include <stdbool.h>
#include <stdint.h>

#include "doctor/checkup.h"
#include "protocol/redis_url.h"
#include "store/redis_link.h"

struct ask;

/*
 * What a Redis was found to be.  checkup_redis.c and checkup_rights.c ask, and
 * checkup_judge.c, which does no I/O, judges.
 */

/* Settings of the server that are looked at, if they may be read. */
enum checkup_setting {
	CHECKUP_APPENDFSYNC,
	CHECKUP_LAZYFREE,
	CHECKUP_MIN_REPLICAS,
	CHECKUP_SETTINGS
};

extern const char *const checkup_setting_name[CHECKUP_SETTINGS];

enum {
	CHECKUP_DENIED_SIZE = 256,
	CHECKUP_PINGS = 21
};

/* Whether ACL's user default may do what is read back from the file. */
enum checkup_replay {
	CHECKUP_REPLAY_UNKNOWN, /* that may not be asked */
	CHECKUP_REPLAY_MAY,
	CHECKUP_REPLAY_MAY_NOT
};

struct checkup_redis {
	struct redis_url url;
	/* The master, as sentinels name it, and how many of them name one. */
	struct redis_host master;
	size_t sentinels;
	size_t watched, holding_down;   /* sentinels that told of it, and how */
	uint64_t replicas;              /* the most that one of them knows */
	char why[REDIS_LINK_WHY_SIZE];  /* it cannot be reached; or "" */
	char gone[REDIS_LINK_WHY_SIZE]; /* it went in the middle; or "" */
	uint64_t reach_us;              /* until commands could be given */

	char *info; /* the answer to INFO; "": it may not be asked */
	char settings[CHECKUP_SETTINGS][32]; /* "": not told */

	char denied[CHECKUP_DENIED_SIZE]; /* "+command ...", or "" */
	bool is_key_denied; /* the prefix's keys may not be used */
	char refused[REDIS_LINK_WHY_SIZE]; /* why it takes no writes, or "" */
	enum checkup_replay replay;
	char replay_denied[32]; /* the command that may not; or "" */

	uint64_t ping_us, ping_max_us; /* the median, and the slowest */
	uint64_t script_us;            /* the median; 0: none could be run */
	int64_t clock_ms;              /* its clock, less ours */

	/* What nodes have left there. */
	char version[16], run[64], last[48], floor[48], cuts[32];
	uint64_t nodes;
};

/* checkup_rights.c: tries each command on keys of its own. */
void checkup_rights(struct checkup_redis *, struct ask *);

/* Asks what the append-only file is read back as: Redis 7.0 does so as ACL's
 * user default, and drops a transaction of which it may not do all. */
void checkup_replay(struct checkup_redis *, struct ask *);

/* "+get +set ...": all that are tried. */
void checkup_rights_all(char to[CHECKUP_ADVICE_SIZE]);

/* Where advice belongs. */
#define IN_REDIS "in redis.conf"
#define IN_CRIER "in crier.conf"
#define IN_CLI   "in redis-cli"

/* checkup_judge_reach.c: sentinels, and the way to the server; false: nothing
 * can be said of the server itself. */
bool checkup_judge_reach(struct checkup *, const struct checkup_redis *);

/* checkup_judge.c: all of it. */
void checkup_judge(struct checkup *, const struct checkup_redis *);

#endif
