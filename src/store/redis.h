/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_STORE_REDIS_H
#define CRIER_STORE_REDIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <event2/event.h>

#include "base/list.h"
#include "base/log.h"
#include "base/table.h"
#include "protocol/redis_url.h"
#include "store/redis_blob.h"
#include "store/redis_command.h"
#include "store/redis_entry.h"
#include "store/redis_link.h"
#include "store/redis_peer.h"
#include "store/redis_sentinel.h"
#include "store/store.h"

/*
 * The store over a Redis that several nodes share; redis.c says how it goes,
 * and each part below belongs to the file that is named.
 */

enum {
	/* What is given waits so long for a Redis that is away. */
	REDIS_PATIENCE_MS = 5000,
	REDIS_CUTS = 32,
	REDIS_SILENT_MAX = 16,
	REDIS_GONE_MS = 15000, /* a node that did not say that it is there */
	REDIS_KEY_SIZE = REDIS_URL_PREFIX_MAX + 72
};

enum redis_state {
	REDIS_DOWN,   /* no connection, until the timer says to try */
	REDIS_COMING, /* two connections are being made and asked */
	REDIS_HELLO,  /* what of the position still holds is being asked */
	REDIS_LIVE,
	REDIS_STATES
};

/* Ids that nothing valid has: behind the first, before the second. */
struct redis_cut {
	struct id from, to;
};

/* redis_greet.c: the way to a server, and what is known of it. */
struct redis_server {
	char run[64];     /* its run id */
	bool is_known[2]; /* of a link: it is that server's */
	int64_t clock_ms; /* its wall clock, less ours, monotonic */
	struct id floor;  /* as it has it; what is told may be greater */
	uint64_t evicted; /* keys of it, that its memory had no room for */
	uint64_t down_ms; /* monotonic; when it went, if it is down */
	bool is_proved;   /* its log was read since it came */
	unsigned tries;   /* since it was proved */
	uint64_t comings; /* how often it came */
	char why[REDIS_LINK_WHY_SIZE]; /* it was down; "": it is proved */
};

/* redis_publish.c: batches on their way. */
struct redis_outbox {
	struct batch_list batches; /* in the order in which they were given */
	size_t settled;            /* events of the first, known already */
	struct redis_blob blob;    /* of what was sent, but for known keys */
	struct table keys;         /* of that; entries in key_entries */
	struct table_entry *key_entries;
	size_t key_count;
	size_t sent;      /* events on their way, from `settled` on */
	uint64_t seq;     /* of the newest that was sent */
	bool is_sent;     /* not settled yet */
	bool is_settling; /* nothing is sent meanwhile */
	bool is_asked;    /* its reply is to come */
	bool is_doubtful; /* nobody knows whether it was taken */
	uint64_t commits, known, doubts;
};

/* redis_log.c: what is read. */
TAILQ_HEAD(redis_log_nodes, redis_log_node);

struct redis_log {
	struct id position;
	char header[REDIS_HEADER_BYTES + REDIS_NODE_SIZE + 21];
	size_t header_len; /* of the entry there; 0: it is not known */
	bool is_broken;    /* an entry did not follow the one before */
	struct id newest;  /* of its entries that is a batch */
	struct id asked;   /* the position, when it was asked what is there */
	uint64_t lag_ms;   /* of the newest, when it was read */
	struct id least;   /* entries before it may go */
	struct redis_log_marks *marks;
	struct table nodes; /* the last seq that was read of each */
	struct redis_log_nodes by_age;
};

/* redis_ask.c: questions to all nodes. */
TAILQ_HEAD(redis_ask_list, redis_ask);

struct redis_asks {
	struct redis_ask_list open; /* the first that is not told may be sent */
	size_t count, bytes;        /* of their answers so far */
	uint64_t number;            /* of the newest */
	uint64_t sent; /* of the one whose reply is to come; 0: none */
	struct event *timer;
	uint64_t asked, answered, missing; /* ever: ours, others', no answer */
	/* Nodes that did not answer the last time: nobody waits for them. */
	char silent[REDIS_SILENT_MAX][REDIS_NODE_SIZE];
	size_t silent_count;
};

/* redis_claim.c: names that one node has. */
STAILQ_HEAD(redis_claim_list, redis_claim);

struct redis_claims {
	struct redis_claim_list waiting; /* the first may be on its way */
	size_t count;
	bool is_asked;
};

/* redis_read.c */
TAILQ_HEAD(redis_read_list, redis_read);

struct redis_reads {
	struct store_read_list waiting;
	struct redis_read_list active;
	uint64_t count;
};

/* What a server answers to hello.lua. */
struct redis_hello {
	struct id floor, last, aged;
	bool is_lost, is_away;
	const char *cuts;
};

struct store_redis {
	struct store store; /* first: one is the other */
	struct event_base *base;
	struct redis_url url;
	enum store_durability durability;
	uint64_t key_ms, ages;      /* see store_bounds */
	char node[REDIS_NODE_SIZE]; /* this start of crierd's name */

	enum redis_state state;
	struct redis_peer peer;
	struct redis_sentinels *sentinels; /* NULL: the URL names the server */
	struct redis_host master;          /* of theirs, to which it goes */
	struct redis_link *talk;           /* for scripts */
	struct redis_link *tail;           /* reads the log */
	struct event *retry, *patience, *beat;
	struct redis_server server;
	/* It is LIVE, or not any more: redis.c tells the parts. */
	void (*came)(struct store_redis *, const struct redis_hello *);
	void (*went)(struct store_redis *);

	struct id floor; /* before it history may have holes */
	/*
	 * A channel without a list may have had events up to here, which a
	 * shorter keep-seconds has let go.
	 */
	struct id aged;
	struct redis_cut cuts[REDIS_CUTS];
	size_t cut_count;
	uint64_t nodes;          /* that were there when it was last asked */
	bool is_leaving;         /* and needs say no more that it is there */
	void (*left)(void *arg); /* to be called when it has; or NULL */
	void *left_arg;

	struct redis_outbox outbox;
	struct redis_log log;
	struct redis_asks asks;
	struct redis_claims claims;
	struct redis_reads reads;
	uint64_t errors;
	char last_error[REDIS_LINK_WHY_SIZE];
};

/* redis_greet.c */

/* Begins to connect, now. */
void redis_greet(struct store_redis *);

/* The sentinels say something else: it goes there at once, if that matters. */
void redis_greet_elsewhere(struct store_redis *);

/* Both connections end; it is tried again soon. */
void redis_leave(struct store_redis *, const char *why);

/*
 * Its log can be read, so it is there: whatever ends the connections before
 * makes the wait for the next ones longer.
 */
void redis_prove(struct store_redis *);

/* The chain of the log is broken: asks what of the position holds. */
void redis_greet_again(struct store_redis *);

/*
 * Sends a command of words that are texts: the callback's argument is the
 * store; 0, or -1: then it has left.
 */
int redis_send_words(struct store_redis *, struct redis_link *,
    const char *const *words, size_t count, redis_link_cb *);

/* Asks what time it is there; 0, or -1: then it has left. */
int redis_ask_time(struct store_redis *);

/* The server's wall clock. */
uint64_t redis_clock_ms(const struct store_redis *);

/* Sends a command; 0, or -1: then it has left. */
int redis_send(struct store_redis *, struct redis_link *,
    const struct redis_command *, redis_link_cb *, void *arg);

/* "{PREFIX}:NAME", into `to`. */
void redis_key(const struct store_redis *, const char *name,
    char to[REDIS_KEY_SIZE]);

/* Where the keys of key_ms are. */
void redis_bucket_key(const struct store_redis *, uint64_t bucket,
    char to[REDIS_KEY_SIZE]);

/*
 * Whether a reply is an error that ends the connection, as it says that the
 * server is none for us now; then it has left.
 */
bool redis_refuses_all(struct store_redis *, const redisReply *);

/* Notes an error for the status, and logs it now and then. */
void redis_note_error(struct store_redis *, const char *what, const char *why);

/*
 * redis_check.c: the commands that ask whether a server is one for a history,
 * and what is wrong with what was answered (perhaps in `why`), or NULL.
 */
extern const char *const redis_check_info_words[1];
extern const char *const redis_check_fsync_words[3];

const char *redis_check_info(struct store_redis *, const redisReply *,
    char why[REDIS_LINK_WHY_SIZE]);
const char *
redis_check_fsync(const redisReply *, char why[REDIS_LINK_WHY_SIZE]);

/* redis_publish.c */
int redis_outbox_init(struct redis_outbox *);
void redis_outbox_clear(struct redis_outbox *);
void redis_outbox_take(struct store_redis *, struct batch *);

/* The connection is there: what waits is sent. */
void redis_outbox_send(struct store_redis *);

/* The connection went. */
void redis_outbox_stop(struct store_redis *);

/* The position moved: what was sent may lie in what was skipped. */
void redis_outbox_doubt(struct store_redis *);

/* An entry of ours was read: what was sent with that seq has these ids. */
bool redis_outbox_came(struct store_redis *, const struct redis_header *);

/* Refuses what was given before, and has waited in vain. */
void
redis_outbox_give_up(struct store_redis *, uint64_t before_us, const char *why);

/* redis_log.c */
int redis_log_init(struct redis_log *);
void redis_log_clear(struct redis_log *);

/* Reads on behind the position. */
void redis_log_read(struct store_redis *);

/*
 * The position is another one, as a hello says; a loss may have told that the
 * floor is it.
 */
void redis_log_move(struct store_redis *, struct id to, bool is_lost);

/* redis_ask.c */
int redis_asks_init(struct store_redis *);
void redis_asks_clear(struct redis_asks *);

/* NULL, or why it cannot be asked. */
const char *
redis_asks_take(struct store_redis *, const struct store_question *);

/* The connection is there: what waits is sent. */
void redis_asks_send(struct store_redis *);

/* What a node said to a question of ours, once. */
void redis_asks_note(struct store_redis *, uint64_t number,
    struct text_span name, struct text_span text);

/* The store ends. */
void redis_asks_give_up(struct store_redis *, const char *why);

/* redis_answer.c */
#define REDIS_ASK_WORD "ask " /* at the front of a question's entry */

/* What the log has may be a question. */
void redis_asks_came(struct store_redis *, const char *text, size_t len);

/* Where answers come to this node: a stream of its own. */
void redis_asks_key(const struct store_redis *, const char *node,
    char to[REDIS_KEY_SIZE]);

/* Its entries, as XREAD says them; 0, or -1: it has left. */
int redis_asks_read(struct store_redis *, const redisReply *entries);

/* redis_stop.c: asks who was stopped before this node came. */
void redis_asks_stops(struct store_redis *);

/* redis_claim.c */

/* Wants a name; or, if nobody is to be told, does not any more. */
void redis_claims_take(struct store_redis *, struct text_span name,
    void (*claimed)(void *arg, enum store_claimed, const char *node),
    void *arg);

/* Whether a name is being released, which Redis may not know so far. */
bool redis_claims_leaves(const struct store_redis *, struct text_span name);

/* The connection is there: what waits is sent. */
void redis_claims_send(struct store_redis *);

/* The connection went: who wants a name is told so, the rest waits. */
void redis_claims_stop(struct store_redis *);
void redis_claims_give_up(struct store_redis *);

/* redis_beat.c: every few seconds, that this node is there; or that it goes. */
void redis_beat(struct store_redis *);
void redis_beat_leave(struct store_redis *, void (*left)(void *arg), void *arg);

/* The connection went: nobody can be told. */
void redis_beat_stop(struct store_redis *);

/* redis_read.c */
void redis_reads_take(struct store_redis *, struct store_read *);
bool redis_reads_cancel(struct store_redis *, struct store_read *);
void redis_reads_go_on(struct store_redis *);

/* The connection went: what is being read begins anew. */
void redis_reads_stop(struct store_redis *);

/* Of those that wait the one that was given first; or NULL. */
struct store_read *redis_reads_first(const struct store_redis *);

/* Refuses what was given before, and waits. */
void
redis_reads_give_up(struct store_redis *, uint64_t before_us, const char *why);

#endif
