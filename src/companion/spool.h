/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_COMPANION_SPOOL_H
#define CRIER_COMPANION_SPOOL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buffer.h"

/*
 * A directory that keeps events while there is no crierd.  It holds
 *
 *     journal  the events, a line each (spool_record.h), oldest first
 *     refused  those that crierd refused for good, as `crier pub -n` takes them
 *     damaged  lines of the journal that are no records
 *     clock    by which events grow older (spool_clock.h)
 *
 * Two locks, both flock(2)'s, so a crash frees them.  The directory's is held
 * by whoever talks to crierd: so events are sent by one process at a time, the
 * journal's before any new one.  The journal's is held for the moment of adding
 * to it, so an event can be kept while another process is sending.  Nothing is
 * ever removed from the journal but all of it, by the sender, when all is sent;
 * until then each sent record is marked in place.  A mark may get lost in a
 * crash, a record not: it is then sent again, and its key tells crierd so.
 */
struct spool {
	const char *path;
	int dir;
	uid_t owner; /* of the directory, and so of all in it */
	int journal; /* of the sender, while it has the lock; or -1 */
};

/*
 * Opens, and makes the directory if it is missing and create is set.  0; -1 if
 * it is not there; or the exit code after saying why.
 */
int spool_open(struct spool *, const char *path, bool create);
void spool_close(struct spool *);

/* One of the directory's files, or -1 with errno. */
int spool_open_file(const struct spool *, const char *name, bool create);

/*
 * Takes the sender's lock.  False if another process has it until deadline_ms
 * (of clock_monotonic_ms), or, with keeps, as soon as it is clear that it is
 * busy with what is in the journal.
 */
bool spool_lock(struct spool *, uint64_t deadline_ms, bool keeps);
void spool_unlock(struct spool *);

/*
 * Adds records to the journal, all or none, so that they survive a crash of
 * the machine.  0, or the exit code, and in why the reason.
 */
int spool_keep(struct spool *, const struct buffer *records, char *why,
    size_t why_size);

/*
 * Cuts off what a crashed process left half written, and says so; sets *size to
 * the journal's.  If it is still `known`, all of which was sent, empties it and
 * sets *size to 0 (known < 0: never).  0, or -1 with errno.
 */
int spool_measure(struct spool *, off_t known, off_t *size);

/* Overwrites the state of the record at an offset.  0, or -1 with errno. */
int spool_mark(struct spool *, off_t at, char state);

/* Adds a line to another file of the spool, for good.  0, or -1 with errno. */
int
spool_put_aside(struct spool *, const char *name, const char *line, size_t len);

/* Says what went wrong with a file of the spool; returns the exit code. */
int spool_fail(const struct spool *, const char *name);

#endif
