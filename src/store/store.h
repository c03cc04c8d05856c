/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_STORE_STORE_H
#define CRIER_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <event2/event.h>
#include <json-c/json.h>

#include "base/buffer.h"
#include "base/list.h"
#include "protocol/figures.h"
#include "protocol/id.h"
#include "protocol/store_url.h"
#include "store/batch.h"

/*
 * Where history survives a restart.  The hub commits batches to a store, and
 * reads events that its memory no longer has; it does not know which store it
 * uses.  All calls come from the loop's thread and return at once.  Batches and
 * reads come back on that thread by their own `done`, batches in the order in
 * which they were given.
 *
 * A store may be shared by several hubs, each a node.  Then it is a log that
 * all nodes read in one order: batches of this hub come by their `done`, those
 * of others by store_hooks, as are questions.  The log's position is the id of
 * what was read of it last.  Ids in it only grow.
 */

/* One channel of a read. */
struct store_range {
	const char *name; /* the asker's */
	/* What the channel keeps by now; 0: no bound. */
	uint64_t keep, keep_bytes, keep_ms;
	struct id after; /* events behind this one; may be moved (see last) */
	struct id floor; /* answer: events up to here are not retained */

	/* How far the last events are counted; the store's, from zero on. */
	bool is_counted;
	uint64_t counted;
	struct id counted_to; /* from the end back to this one */
};

/*
 * A run of the answer's records, whole ones, in whose size a stream takes them:
 * what its client has begun to take, and no more, must stay for it.
 */
struct store_mark {
	size_t end;      /* of the records' bytes */
	uint64_t events; /* in this run */
	struct id last;
	const struct store_range *range; /* the first that has the first */
};

enum {
	STORE_MARKS = 128,
	STORE_MARK_BYTES = 2048 /* of a run, and what is left of an event */
};

/* An event of the answer, for who has to know one from the other. */
struct store_note {
	size_t end; /* of the records' bytes */
	struct id id;
	const struct store_range *range; /* the first that has it */
};

/*
 * A read of what several channels retain, merged in the order of ids.  All
 * memory of it is the asker's, and the store's to write to until the read comes
 * back.  A read comes back when it is answered in part, too: whoever wants the
 * rest asks again, from behind last_id and with the same ranges.
 */
struct store_read {
	struct store_range *ranges;
	size_t range_count;
	/*
	 * The last event that the answer may have.  A shared store may raise
	 * it to its position, if no event is in between.
	 */
	struct id upto;
	uint64_t wall_ms; /* events that expire by then are left out */
	bool has_last;    /* begin so many events before the end */
	uint64_t last;
	const char *own_id; /* begin behind the newest event with this id */
	size_t own_id_len;  /* 0: none */
	char *room;         /* for the records */
	size_t room_bytes;
	struct store_mark *marks; /* STORE_MARKS */
	bool by_range;            /* each run has events of one range alone */
	struct store_note *notes; /* or NULL: of each event, note_max at most */
	size_t note_max;

	bool own_found; /* the answer to that */
	struct id own;
	bool is_counting; /* last is not counted yet: ask again */
	/*
	 * A range begins, or own is, behind upto, and its event is on the log
	 * of a shared store, which has not come there: ask again.  False, if a
	 * range begins behind upto: nobody knows that id.
	 */
	bool is_ahead;
	bool is_complete; /* nothing is left up to upto */
	size_t bytes;     /* of the records */
	size_t wants;     /* not 0: so much room the next event needs */
	size_t mark_count;
	uint64_t events;
	struct id first_id, last_id; /* of the records, if there are any */
	char error[BATCH_WHY_SIZE];  /* "" or why there is no answer */

	STAILQ_ENTRY(store_read) link; /* the store's */
	uint64_t began_us;             /* the store's: when it was given */
	void (*done)(struct store_read *);
	void *arg;
};

STAILQ_HEAD(store_read_list, store_read);

/*
 * For stores: adds an event's record, behind what stands in front of it, to the
 * answer, once if it is in several channels.  False: there is no room for it.
 */
bool store_read_take(struct store_read *, const struct store_range *, struct id,
    struct text_span front, struct text_span record);

/* The bounds of a store, which a reload may change. */
struct store_bounds {
	uint64_t key_ms; /* for so long a publisher's key is known */
	uint64_t keys;   /* so many are */
	uint64_t bytes;  /* of the database without free pages; 0: no bound */
	uint64_t ages;   /* another number if any channel's keep-seconds is */
};

struct store;

/* Who is not to come back for a while: a channel's clients, or a user. */
enum store_stop_kind {
	STORE_STOP_CHANNEL = 'c',
	STORE_STOP_USER = 'u'
};

struct store_stop {
	enum store_stop_kind kind;
	struct text_span name;
};

enum {
	STORE_ANSWER_MAX = 256 * 1024, /* bytes of a node's answer */
	STORE_SAID_MAX = 1024          /* and of what it says of itself */
};

/* What a node said to a question. */
struct store_answer {
	const char *node;
	struct text_span text; /* len 0: nothing, or not in time */
	uint64_t ms;           /* that it took */
};

/*
 * What a hub asks all nodes, or has them do, itself among them.  Each meets it
 * at its place in the log, so behind all that was published before.
 */
struct store_question {
	struct text_span text; /* the hub's affair */
	/* Nodes that start within stop_ms are told of these, too. */
	const struct store_stop *stops;
	size_t stop_count;
	uint64_t stop_ms;
	/*
	 * Called once, later, with an answer of each node that was there; or
	 * with none, and why.
	 */
	void (*answered)(void *arg, const struct store_answer *, size_t count,
	    const char *why);
	void *arg;
};

/* What became of a claim. */
enum store_claimed {
	STORE_CLAIMED,
	STORE_TAKEN,    /* another node has the name */
	STORE_NOT_ASKED /* nobody knows; or there are too many names */
};

/* A node at a shared store, as it said of itself. */
struct store_node {
	const char *name;
	struct text_span said;
	uint64_t age_ms; /* since it said so */
	bool is_gone;    /* for too long; one node alone is told so, once */
};

/*
 * What a shared store tells the hub, on the loop's thread and never from within
 * one of the hub's calls.
 */
struct store_hooks {
	/*
	 * A batch that this hub did not make, of accepted events with ids, in
	 * the log's order, and with added_ms and expires_ms by this machine's
	 * clock.  Its channels have names alone, and no rules.  It stays the
	 * store's.
	 */
	void (*arrived)(void *hub, struct batch *);
	/*
	 * The position is another one now, greater than before.  What lies in
	 * between was skipped, and can be read.  With is_lost events may be
	 * lost for good whose ids are less: this is the floor of all channels.
	 * The first position that a store has is told so as well.
	 */
	void (*moved)(void *hub, struct id to, bool is_lost);
	/*
	 * A question of a node, which may be this one, behind what has arrived:
	 * does what it says, and appends the answer.
	 */
	void (*asked)(void *hub, struct text_span text, uint64_t stop_ms,
	    struct buffer *answer);
	/* Since before this node came, and for so long. */
	void (*stopped)(void *hub, const struct store_stop *, uint64_t ms);
	/* Appends what this node says of itself. */
	void (*say)(void *hub, struct buffer *said);
	/*
	 * Every few seconds, all nodes, this one among them.  is_new: it was
	 * not there before, or was taken for gone.
	 */
	void (*heard)(void *hub, const struct store_node *, size_t count,
	    bool is_new);
	/*
	 * The node had this claim and is gone: it is this one's now, until it
	 * is released.
	 */
	void (*inherited)(void *hub, struct text_span name, const char *node);
};

struct store_ops {
	/*
	 * Gives every event an id, if it does not refuse it, and an outcome.  A
	 * store that is not shared gives the ids before it returns.
	 */
	void (*commit)(struct store *, struct batch *);
	/*
	 * If not is_durable: the hub has no memory for an event that was
	 * accepted, and refuses it after all.  Its key has not been used.
	 */
	void (*refused)(struct store *, const struct batch *,
	    const struct batch_event *);
	/* If is_durable, as is the next. */
	void (*read)(struct store *, struct store_read *);
	/*
	 * Takes a read back that nobody waits for any more.  True: it is not
	 * made, and its `done` not called.  False: it is being made.
	 */
	bool (*cancel)(struct store *, struct store_read *);
	/*
	 * If is_shared, as is the next: asks all nodes.  The texts are copied.
	 * NULL, or why it cannot.
	 */
	const char *(*ask)(struct store *, const struct store_question *);
	/* Says now what this node says of itself, and asks who is there. */
	void (*beat)(struct store *);
	/*
	 * Has a name for this node alone, until it is released or the node is
	 * gone; calls once, at once or later.  A name that this node has it
	 * gets.
	 */
	void (*claim)(struct store *, struct text_span name,
	    void (*claimed)(void *arg, enum store_claimed, const char *node),
	    void *arg);
	void (*release)(struct store *, struct text_span name);
	/*
	 * This node ends: the others need not wait for its answers.  Calls once
	 * when they know, or cannot be told; at once or later.
	 */
	void (*leave)(struct store *, void (*left)(void *arg), void *arg);
	/*
	 * Reads the notes of batches before, each with the id of its event, in
	 * the order of these, and then those without one (0-0); NULL: it keeps
	 * none.
	 */
	void (*notes)(struct store *,
	    void (*take)(void *arg, const char *name, const char *text,
		struct id),
	    void *arg);
	/* Adds the group "store" to a status. */
	void (*status)(struct store *, struct json_object *status);
	void (*configure)(struct store *, const struct store_bounds *);
	void (*close)(struct store *);
};

struct store {
	const struct store_ops *ops;
	bool is_durable; /* has more than the hub's memory */
	bool is_shared;  /* by several nodes; is durable, then */
	/*
	 * The newest id that it gave or, if it is shared, knows of: the loop's
	 * thread alone looks at it.
	 */
	struct id last;
	const char *node;  /* the name of this one; NULL: it is not shared */
	bool is_down;      /* it is shared, and cannot be reached */
	size_t copies_max; /* bytes of an event in all channels; 0: no bound */
	const struct store_hooks *hooks; /* the hub's; NULL: there is none */
	void *hub;
};

struct store_options {
	const char *url;
	enum store_durability durability;
	bool keep_in_memory; /* when it cannot store: accept all the same */
	const char *password_file; /* of a store with a login; "": none */
	struct store_bounds bounds;
	struct event_base *base;
};

/* A store, or NULL with *cause, the caller's. */
struct store *store_open(const struct store_options *, char **cause);

/* Finishes all batches and reads, and frees the store; NULL is allowed. */
void store_close(struct store *);

/*
 * As the store's claim and release, of any store: what is not shared is this
 * hub's alone, and claimed at once.
 */
void store_claim(struct store *, struct text_span name,
    void (*claimed)(void *arg, enum store_claimed, const char *node),
    void *arg);
void store_release(struct store *, struct text_span name);

/* The makers behind store_open; the URL is that of the options, apart. */
struct store *store_memory_open(const struct store_options *,
    const struct store_url *, char **cause);
struct store *store_sqlite_open(const struct store_options *,
    const struct store_url *, char **cause);
#ifdef HAVE_HIREDIS
struct store *store_redis_open(const struct store_options *,
    const struct store_url *, char **cause);
#endif

#endif
