/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_PROTOCOL_STORE_URL_H
#define CRIER_PROTOCOL_STORE_URL_H

#include <stdbool.h>

/*
 * Which store keeps the history, as the configuration says it: the one place
 * that knows how stores are written.  A store is added here with a row for each
 * of its schemes, and in store.c with its maker.
 */

enum store_kind {
	STORE_KIND_MEMORY,
	STORE_KIND_SQLITE,
	STORE_KIND_REDIS, /* see redis_url.h */
	STORE_KINDS
};

struct store_url {
	enum store_kind kind;
	const char *scheme;  /* with its ':' or "://", if an address follows */
	const char *address; /* within the URL: what follows the scheme */
};

/* What an acknowledged event survives. */
enum store_durability {
	STORE_NONE,    /* what the system has written when it is asked to */
	STORE_PROCESS, /* the end of the process */
	STORE_POWER,   /* the end of the machine */
	STORE_DURABILITIES
};

/* Their words, in the configuration and in the status. */
extern const char *const store_durability_name[STORE_DURABILITIES];

/* Takes a URL apart; false if it is none that we know. */
bool store_url_read(const char *text, struct store_url *);

/* What is wrong with the value of the setting `store`, or NULL. */
const char *store_url_wrong(const char *text);

/*
 * The file that the store is, within the URL; NULL: it is no file.  Whoever
 * starts makes the directory that the file lies in.
 */
const char *store_url_file(const char *text);

/*
 * The URL that the setting means, the caller's, or NULL (memory): "auto" is the
 * memory or, if processes come and go, a file: beside the queue's socket, but
 * for one below RUNSTATEDIR or $XDG_RUNTIME_DIR, where files are in memory, in
 * /var/lib/crier or ~/.crier if this process may write there and none is beside
 * the socket yet.
 */
char *
store_url_choose(const char *setting, const char *queue, bool comes_and_goes);

#endif
