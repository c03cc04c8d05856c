/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_CONFIG_CONFIG_H
#define CRIER_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* What becomes of an event that cannot be stored. */
enum config_store_error {
	CONFIG_REFUSE,
	CONFIG_MEMORY
};

/* Where the log goes; auto: standard error in the foreground, else syslog. */
enum config_log {
	CONFIG_LOG_AUTO,
	CONFIG_LOG_STDERR,
	CONFIG_LOG_SYSLOG
};

/* Who may do something over HTTP: bits, of which one is enough; 0: nobody. */
enum config_who {
	CONFIG_ANYONE = 1,
	CONFIG_USER = 2,  /* anybody who is authenticated */
	CONFIG_OWNER = 4, /* the user whose name the pattern's '*' matched */
	CONFIG_TOKEN = 8, /* the bearer of a token that names the channel */
	CONFIG_LOCAL = 16 /* of a status: a program on this machine */
};

/* How tokens are signed (RFC 7518, 3.1). */
enum config_algorithm {
	CONFIG_HS256,
	CONFIG_HS384,
	CONFIG_HS512,
	CONFIG_RS256,
	CONFIG_RS384,
	CONFIG_RS512,
	CONFIG_ES256,
	CONFIG_ES384,
	CONFIG_ES512,
	CONFIG_ALGORITHMS
};

/* A key that tokens are checked with. */
struct config_token_key {
	char *kid;            /* its name in tokens; "": the top level's key */
	char *text, *file;    /* what the key is read from; "" for none */
	uint64_t algorithm;   /* enum config_algorithm */
	unsigned char *bytes; /* the key itself: a secret, or PEM text */
	size_t len;
	int line; /* in the file; 0: unknown */
};

/* A number that a section leaves out. */
#define CONFIG_UNSET UINT64_MAX

/* A list of words. */
struct config_list {
	char **items;
	size_t count;
};

/*
 * What holds for the channels that a pattern matches.  A section has the top
 * level's values, after the overrides, for what it leaves out.
 */
struct config_channel {
	char *pattern;         /* "**" for the defaults */
	uint64_t keep;         /* events, at least 1 */
	uint64_t keep_bytes;   /* at least 1 */
	uint64_t keep_ms;      /* 0: no limit by age */
	uint64_t heartbeat_ms; /* 0: none */
	uint64_t retry_ms;
	uint64_t max_time_ms;        /* 0: no limit */
	uint64_t subscribe, publish; /* bits of enum config_who */
};

struct config_route; /* config/config_route.h */

/*
 * The settings as crier.conf(5) names them, checked and in the program's own
 * units.  Immutable once made: a reload makes another one, and whoever still
 * needs the old one holds a reference to it.
 */
struct config {
	size_t refs;
	struct config_list listen; /* unix:PATH or tcp:HOST:PORT, checked */
	uint64_t listen_mode;
	char *listen_group; /* "" for none, as all strings here */
	char *queue;        /* a path that fits into sun_path */
	uint64_t queue_mode;
	char *queue_group;
	struct config_list queue_allow;
	struct config_list handoff_allow;
	struct config_list run_allow;
	uint64_t queue_connections; /* at once, to the queue */
	uint64_t queue_bytes; /* of lines begun and of replies, of them all */
	uint64_t fastcgi_connections; /* 0: what the descriptor limit allows */
	uint64_t idle_exit_ms;        /* of a hub that was started on demand */
	uint64_t log_bytes;           /* of the file that such a hub logs to */
	char *fifo;                   /* "": none */
	char *user;
	uint64_t threads;     /* that deliver */
	uint64_t max_streams; /* 0: what the descriptor limit allows */
	uint64_t max_streams_per_user, max_streams_per_address; /* 0: any */
	uint64_t poll_ms;      /* for how long a poll waits */
	uint64_t poll_above;   /* streams beyond which clients poll */
	uint64_t max_channels; /* on one stream */
	uint64_t max_followed; /* channels, by all streams together */
	uint64_t run_max;      /* programs at once; 0: any number */
	uint64_t max_request_bytes;
	uint64_t request_timeout_ms;
	uint64_t max_event_bytes;
	uint64_t history_bytes;  /* of all channels together */
	uint64_t replay_bytes;   /* of what is read from the store */
	uint64_t replay_waiting; /* streams that wait for that */
	char *store;             /* see protocol/store_url.h */
	char *store_password_file;
	uint64_t durability;  /* enum store_durability */
	uint64_t store_error; /* enum config_store_error */
	uint64_t key_ms, max_keys;
	uint64_t store_bytes; /* of the database; 0: no bound */
	uint64_t stop_ms;
	uint64_t drain_ms;
	uint64_t stall_ms;    /* 0: no limit */
	uint64_t stall_bytes; /* that stalled streams alone may hold */
	struct config_list allow_origin; /* "*" or origins in lower case */
	char *token_key;                 /* as the file has it */
	char *token_key_file;
	int token_key_line; /* the file's last with one of the two, or 0 */
	uint64_t token_algorithm; /* enum config_algorithm */
	char *token_cookie;       /* "": none */
	char *token_parameter;    /* of a query; "": none */
	char *token_audience;     /* whom "aud" has to name; "": nobody */
	uint64_t token_leeway_ms;
	uint64_t token_require_exp;          /* 0 or 1 */
	struct config_token_key *token_keys; /* the top level's is the last */
	size_t token_key_count;
	struct config_list warnings; /* in words: what is allowed, but odd */
	int *lines;   /* of the settings in the file, or 0; see config_where */
	uint64_t log; /* enum config_log */
	uint64_t log_level; /* enum log_level */
	struct config_channel
	    *channels; /* first match wins; the last is "**" */
	size_t channel_count;
	struct config_route **routes; /* in the file's order; never none */
	size_t route_count;
};

/*
 * One -o NAME=VALUE, as given; any setting of the top level.  Of a list, the
 * first override replaces what the file says, each further one appends, and
 * an empty VALUE empties it.
 */
struct config_override {
	const char *text;
};

/*
 * Reads file (NULL: no file), then the overrides.  Returns a configuration of
 * the caller's, or NULL with *cause (base/cause.h), one line:
 * "FILE:LINE: NAME: what is wrong", "FILE: why it cannot be read",
 * "-o NAME=VALUE: what is wrong".  Sizes are taken with K, M and G, times as
 * seconds with up to three decimals.
 */
struct config *config_load(const char *file,
    const struct config_override *overrides, size_t count, char **cause);

/*
 * Reads the file that crierd would read by itself, or *file, which is where the
 * name of the one read is put.  As above, and *rc has a code of sysexits(3) if
 * NULL is returned: EX_NOPERM if this user may not read it, or EX_CONFIG.
 */
struct config *config_load_found(const char **file, char **cause, int *rc);

/* Takes one more reference to the configuration, and returns it. */
const struct config *config_ref(const struct config *);

/* Gives up a reference, the first being config_load's; NULL is allowed. */
void config_free(const struct config *);

/*
 * Prints the configuration as it was understood, in the syntax of the file,
 * defaults included: config_load reads that back to the same, but for secrets,
 * which are not shown.
 */
void config_print(const struct config *, FILE *);

/* The first channel section that matches a name; never NULL. */
const struct config_channel *
config_match_channel(const struct config *, const char *name, size_t len);

enum {
	CONFIG_WHERE_SIZE = 512
};

/*
 * Where the file, from which it was loaded, has a setting of the top level: to
 * is "FILE:LINE: ", or "" if it has not, or an override has its place.
 */
void config_where(const struct config *, const char *file, const char *name,
    char to[CONFIG_WHERE_SIZE]);

/*
 * The name of the first setting in which a and b differ and which takes a
 * restart to change (sockets, pipe and user), or NULL.
 */
const char *
config_needs_restart(const struct config *a, const struct config *b);

/*
 * Whether pattern ('*' one segment, '**' the rest, which is at least one)
 * matches all of name.  Names that begin with '$' are matched only by patterns
 * that do so, too.
 */
bool config_pattern_match(const char *pattern, const char *name, size_t len);

#endif
