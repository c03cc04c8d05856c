/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * A database of SQLite, tried from beside crierd: nothing in it is changed, and
 * a crierd that has it open goes on.
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <sqlite3.h>

#include "base/cause.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/process.h"
#include "doctor/checkup.h"
#include "protocol/paths.h"
#include "store/sqlite_schema.h"

enum {
	CHECKUP_FILE_TIME_US = 5 * 1000 * 1000, /* to read the whole of it */
	CHECKUP_FILE_STEPS = 10000, /* of SQLite's, between two looks */
	CHECKUP_FILE_WRITES = 9,
	CHECKUP_FILE_SLOW_US = 20 * 1000,
	CHECKUP_FILE_ROOM = 64 * 1024 * 1024 /* less is a warning */
};

#define CHECKUP_IN_CRIER "in crier.conf"

/* File systems that SQLite's log cannot be on, or that a boot empties. */
static const struct {
	uint64_t type;
	const char *name;
	bool is_remote;
} checkup_file_systems[] = {
	{ 0x6969, "NFS", true },
	{ 0xff534d42, "CIFS", true },
	{ 0xfe534d42, "SMB", true },
	{ 0x01021997, "9P", true },
	{ 0x00c36400, "Ceph", true },
	{ 0x01021994, "tmpfs", false },
	{ 0x858458f6, "ramfs", false },
};

/* On which file system it is, where that matters. */
static void
checkup_file_system(struct checkup *u, const char *dir)
{
	struct checkup_check *c;
	struct statfs fs;
	size_t i;

	if (statfs(dir, &fs) == -1)
		return;
	for (i = 0;
	     i < sizeof checkup_file_systems / sizeof checkup_file_systems[0];
	     i++) {
		if ((uint32_t)fs.f_type != checkup_file_systems[i].type)
			continue;
		c = checkup_add(u, "file system",
		    checkup_file_systems[i].is_remote ? VERDICT_FAULT
						      : VERDICT_WARNING,
		    "%s: %s", checkup_file_systems[i].name,
		    checkup_file_systems[i].is_remote
			? "SQLite's log needs one of this machine"
			: "it is empty after the next start of the machine");
		checkup_advise(c, CHECKUP_IN_CRIER, NULL,
		    "store = \"sqlite:/var/lib/crier/history.db\"\n");
		return;
	}
}

/* Whether crierd may make files there. */
static bool
checkup_file_place(struct checkup *u, const char *path)
{
	struct checkup_check *c;
	char *cause = NULL;

	if (process_check_writable(path, &cause) == 0) {
		checkup_add(u, "place", VERDICT_OK, "%s",
		    access(path, F_OK) == 0
			? "it is there, and may be written"
			: "it is not there yet, and may be made");
		return true;
	}
	c = checkup_add(u, "place", VERDICT_FAULT, "%s", cause_text(cause));
	checkup_advise(c, "in a shell, as root",
	    "crierd makes the database, and files beside it",
	    "install -d -o crier -g crier DIRECTORY\n");
	free(cause);
	return false;
}

/* Ends what takes too long. */
static int
checkup_file_progress(void *arg)
{
	return clock_monotonic_us() > *(const uint64_t *)arg;
}

/* Reads all of it, as far as that goes in the time: sets *why if it is bad. */
static int
checkup_file_read(sqlite3 *db, char why[128])
{
	uint64_t end = clock_monotonic_us() + CHECKUP_FILE_TIME_US;
	sqlite3_stmt *statement = NULL;
	const char *text;
	int rc;

	why[0] = '\0';
	sqlite3_progress_handler(db, CHECKUP_FILE_STEPS, checkup_file_progress,
	    &end);
	rc = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &statement,
	    NULL);
	if (rc == SQLITE_OK && (rc = sqlite3_step(statement)) == SQLITE_ROW) {
		text = (const char *)sqlite3_column_text(statement, 0);
		if (text == NULL || strcmp(text, "ok") != 0)
			snprintf(why, 128, "%s", text == NULL ? "?" : text);
	} else if (rc != SQLITE_INTERRUPT)
		snprintf(why, 128, "%s", sqlite3_errmsg(db));
	sqlite3_finalize(statement);
	sqlite3_progress_handler(db, 0, NULL, NULL);
	return rc == SQLITE_INTERRUPT ? 1 : 0;
}

static void
checkup_file_say_read(struct checkup *u, sqlite3 *db, const char *size)
{
	struct checkup_check *c;
	char why[128];
	int is_cut = checkup_file_read(db, why);

	if (why[0] == '\0') {
		checkup_add(u, "database", VERDICT_OK, "%s, %s", size,
		    is_cut ? "whole as far as five seconds go"
			   : "read, and whole");
		return;
	}
	c = checkup_add(u, "database", VERDICT_FAULT, "%s, damaged: %s", size,
	    why);
	checkup_advise(c, "in a shell, as root",
	    "crierd sets a damaged one aside when it meets that, and goes on "
	    "with an empty one",
	    "crier restart\n");
}

/* What is in the file. */
static void
checkup_file_database(struct checkup *u, const char *path)
{
	static const char *const wrong[] = {
		[SCHEMA_LATER] = "a newer crier's: this crierd does not start",
		[SCHEMA_FOREIGN] = "another program's: crierd does not start",
		[SCHEMA_UNREADABLE] = "it cannot be read",
	};
	struct checkup_check *c;
	sqlite3 *db = NULL;
	struct stat st;
	char size[32];
	enum schema_state state;

	if (stat(path, &st) == -1)
		return;
	json_add_number(u->measured, "file_bytes", (uint64_t)st.st_size);
	checkup_size((uint64_t)st.st_size, size);
	state =
	    sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK
	    ? schema_look(db)
	    : SCHEMA_UNREADABLE;
	if (state >= SCHEMA_LATER) {
		c = checkup_add(u, "database", VERDICT_FAULT, "%s, %s%s%s",
		    size, wrong[state], state == SCHEMA_UNREADABLE ? ": " : "",
		    state == SCHEMA_UNREADABLE ? sqlite3_errmsg(db) : "");
		checkup_advise(c, CHECKUP_IN_CRIER, NULL,
		    "store = \"sqlite:ANOTHER PATH\"\n");
	} else if (state == SCHEMA_NONE)
		checkup_add(u, "database", VERDICT_OK, "empty");
	else
		checkup_file_say_read(u, db, size);
	sqlite3_close(db);
}

/* Whether the disk has room for what may come. */
static void
checkup_file_room(struct checkup *u, const char *path, const char *dir)
{
	uint64_t room, used = 0, wanted = CHECKUP_FILE_ROOM;
	char text[32], bound[32];
	struct checkup_check *c;
	struct statvfs fs;
	struct stat st;

	if (statvfs(dir, &fs) == -1)
		return;
	room = (uint64_t)fs.f_bavail * fs.f_frsize;
	json_add_number(u->measured, "free_bytes", room);
	if (stat(path, &st) == 0)
		used = (uint64_t)st.st_size;
	/* A quarter of it is free pages, and as much its log. */
	if (u->store_bytes > used)
		wanted += (u->store_bytes - used) / 2 * 3;
	checkup_size(room, text);
	if (room >= wanted) {
		checkup_add(u, "room", VERDICT_OK, "%s are free", text);
		return;
	}
	c = checkup_add(u, "room", VERDICT_WARNING,
	    "%s are free, and store-bytes lets it take %s more", text,
	    checkup_size(wanted, bound));
	if (u->store_bytes <= used)
		snprintf(c->text, sizeof c->text, "only %s are free", text);
	if (room < UINT64_C(2) * CHECKUP_FILE_ROOM)
		checkup_advise(c, "on this disk",
		    "a full one refuses events with exit status 75 until older "
		    "ones go",
		    "remove what is not needed\n");
	else
		checkup_advise(c, CHECKUP_IN_CRIER,
		    "beyond it the oldest events go, before the disk is full",
		    "store-bytes = %" PRIu64 "\n",
		    (room - CHECKUP_FILE_ROOM) / 2);
}

static int
checkup_file_less(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* How long the disk takes to have a page: the median, or UINT64_MAX. */
static uint64_t
checkup_file_measure(const char *dir)
{
	static const char page[4096];
	uint64_t us[CHECKUP_FILE_WRITES], began;
	char *path = NULL;
	size_t i = 0;
	int fd;

	if (asprintf(&path, "%s/.crier-doctor.XXXXXX", dir) == -1)
		return UINT64_MAX;
	if ((fd = mkostemp(path, O_CLOEXEC)) != -1)
		unlink(path);
	for (; fd != -1 && i < CHECKUP_FILE_WRITES; i++) {
		began = clock_monotonic_us();
		if (write(fd, page, sizeof page) != (ssize_t)sizeof page ||
		    fdatasync(fd) == -1)
			break;
		us[i] = clock_monotonic_us() - began;
	}
	if (fd != -1)
		close(fd);
	free(path);
	if (i < CHECKUP_FILE_WRITES)
		return UINT64_MAX;
	qsort(us, i, sizeof us[0], checkup_file_less);
	return us[i / 2];
}

/* What a commit waits for. */
static void
checkup_file_disk(struct checkup *u, const char *dir)
{
	uint64_t us = checkup_file_measure(dir);
	bool waits = u->durability == STORE_POWER;
	char text[32];

	if (us == UINT64_MAX) {
		checkup_add(u, "disk", VERDICT_FAULT, "cannot be written: %s",
		    strerror(errno));
		return;
	}
	json_add_number(u->measured, "disk_us", us);
	checkup_add(u, "disk",
	    waits && us > CHECKUP_FILE_SLOW_US ? VERDICT_WARNING : VERDICT_OK,
	    "has a page after %s; with durability = %s %s",
	    checkup_time(us, text), store_durability_name[u->durability],
	    waits ? "each commit waits for that" : "no commit waits for it");
}

void
checkup_file(struct checkup *u, const char *path)
{
	char *dir = paths_beside(path, ".");

	json_add_string(u->measured, "kind", "sqlite");
	if (dir != NULL && checkup_file_place(u, path)) {
		checkup_file_system(u, dir);
		checkup_file_database(u, path);
		checkup_file_room(u, path, dir);
		checkup_file_disk(u, dir);
	}
	free(dir);
}
