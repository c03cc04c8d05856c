/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include "store/sqlite_note.h"

/*
 * Notes stand in a table of their own, which an earlier version of crier leaves
 * alone.  It is made with the first of them.
 */

/* One statement with a note's name and, if it has some, its text and id. */
static int
note_step(struct sqlite_file *f, enum sqlite_statement which,
    const struct batch *b, const struct batch_note *note)
{
	static const int any = -1;
	static const struct id none;
	sqlite3_stmt *s = sqlite_file_use(f, which);

	if (s == NULL)
		return -1;
	sqlite3_bind_text(s, 1, note->name, any, SQLITE_STATIC);
	if (note->text == NULL)
		return sqlite_file_step(s);
	sqlite3_bind_text(s, 2, note->text, any, SQLITE_STATIC);
	sqlite_file_bind_id(s, 3,
	    note->has_event ? b->events[note->event].id : none);
	return sqlite_file_step(s);
}

int
sqlite_note_commit(struct sqlite_file *f, const struct batch *b)
{
	const struct batch_note *note;

	if (STAILQ_EMPTY(&b->notes))
		return 0;
	if (sqlite_file_run(f, STATEMENT_MAKE_NOTES) == -1)
		return -1;
	STAILQ_FOREACH(note, &b->notes, link) {
		/* cppcheck-suppress uninitvar; the loop sets it */
		if (note_step(f,
			note->text == NULL ? STATEMENT_DROP_NOTE
					   : STATEMENT_SET_NOTE,
			b, note) == -1)
			return -1;
	}
	return 0;
}

void
sqlite_note_read(const char *path,
    void (*take)(void *arg, const char *name, const char *text, struct id),
    void *arg)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *s = NULL;

	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) ==
		SQLITE_OK &&
	    sqlite3_busy_timeout(db, SQLITE_BUSY_MS) == SQLITE_OK &&
	    sqlite3_prepare_v2(db,
		"SELECT name, text, ms, n FROM note"
		" ORDER BY ms = 0, ms, n, name",
		-1, &s, NULL) == SQLITE_OK)
		while (sqlite3_step(s) == SQLITE_ROW)
			take(arg, (const char *)sqlite3_column_text(s, 0),
			    (const char *)sqlite3_column_text(s, 1),
			    sqlite_file_id(s, 2));
	sqlite3_finalize(s);
	sqlite3_close(db);
}
