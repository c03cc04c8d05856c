/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * A spool's journal, and behind a NUL what a crierd replies while it is sent.
 * Half of the journal's lines get a right checksum, so that what stands behind
 * it is read.  Each kept event ends in one way, and the journal is read again.
 */
#include "fuzz.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "companion/spool_drain.h"
#include "companion/spool_record.h"
#include "site.h"

const char *const fuzz_name = "spool";

enum {
	FUZZ_PATIENCE_MS = 50
};

static char fuzz_dir[64];

static void
fuzz_remove(void)
{
	static const char *const names[] = { "journal", "refused", "damaged",
		"clock" };
	char path[96];
	size_t i;

	for (i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(path, sizeof path, "%s/%s", fuzz_dir, names[i]);
		unlink(path);
	}
}

static void
fuzz_leave(void)
{
	fuzz_remove();
	rmdir(fuzz_dir);
}

/* What crier says of damage and refusals goes nowhere. */
static void
fuzz_setup(void)
{
	snprintf(fuzz_dir, sizeof fuzz_dir, "%s",
	    access("/dev/shm", W_OK) == 0 ? "/dev/shm/crier-fuzz-XXXXXX"
					  : "/tmp/crier-fuzz-XXXXXX");
	fuzz_check(mkdtemp(fuzz_dir) != NULL);
	atexit(fuzz_leave);
	signal(SIGPIPE, SIG_IGN);
}

/* A line as it is, or as the record that its words make. */
static void
fuzz_put_line(struct buffer *to, const char *line, size_t len)
{
	struct spool_record r = { .state = SPOOL_KEPT,
		.kept_ms = clock_wall_ms(),
		.key = "key",
		.key_len = 3 };

	if (len > 0 && line[0] == '{') {
		r.json = line;
		r.json_len = len;
		fuzz_check(spool_record_append(to, &r) == 0);
		return;
	}
	fuzz_check(buffer_append(to, line, len) == 0 &&
	    buffer_append(to, "\n", 1) == 0);
}

static void
fuzz_write_journal(const char *text, size_t len)
{
	struct buffer journal = { 0 };
	const char *end = text + len, *lf;
	char path[96];
	int fd;

	for (; (lf = memchr(text, '\n', (size_t)(end - text))) != NULL;
	     text = lf + 1)
		fuzz_put_line(&journal, text, (size_t)(lf - text));
	/* What a crash has left half written. */
	fuzz_check(buffer_append(&journal, text, (size_t)(end - text)) == 0);
	snprintf(path, sizeof path, "%s/journal", fuzz_dir);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	fuzz_check(fd != -1 &&
	    (journal.len == 0 ||
		write(fd, journal.data, journal.len) == (ssize_t)journal.len));
	close(fd);
	buffer_clear(&journal);
}

static void
fuzz_drain_spool(struct spool *s, const void *replies, size_t len)
{
	struct client client = { .silence_ms = FUZZ_PATIENCE_MS };
	struct spool_counts counts;
	bool has = true;
	int pair[2], rc;

	fuzz_pair(pair);
	if (len > 0)
		fuzz_check(send(pair[1], replies, len, MSG_NOSIGNAL) != -1);
	shutdown(pair[1], SHUT_WR);
	client.fd = pair[0];
	fuzz_check(spool_lock(s, clock_monotonic_ms(), false));
	rc = spool_drain(s, &client, clock_monotonic_ms() + FUZZ_PATIENCE_MS,
	    &counts);
	spool_unlock(s);
	if (rc == 0)
		fuzz_check(spool_has_kept(s, &has) == 0 && !has);
	client_close(&client);
	close(pair[1]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = size > 0 ? (const char *)data : "";
	const char *nul = size > 0 ? memchr(text, '\0', size) : NULL;
	size_t len = nul != NULL ? (size_t)(nul - text) : size;
	uint64_t expires_ms;
	struct spool spool;
	char why[256];
	bool has;

	if (fuzz_dir[0] == '\0')
		fuzz_setup();
	fuzz_remove();
	fuzz_write_journal(text, len);
	fuzz_check(spool_open(&spool, fuzz_dir, true) == 0);
	spool_has_kept(&spool, &has);
	fuzz_drain_spool(&spool, text + len + (nul != NULL),
	    size - len - (nul != NULL));
	spool_close(&spool);
	why[0] = '\0';
	if (spool_record_check(text, len, &expires_ms, why, sizeof why) != 0)
		fuzz_check(why[0] != '\0');
	return 0;
}
