/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/* What crier doctor reads of Apache's configuration. */

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "doctor/mpm.h"

static const char *const test_files[] = { "mods-enabled/mpm_event.load",
	"mods-enabled/crier.conf", "mods-enabled/mpm_event.conf",
	"conf.modules.d/00-mpm.conf", "conf/httpd.conf", "conf.d/crier.conf",
	"sites-enabled/site.conf" };

enum {
	TEST_FILES = sizeof test_files / sizeof test_files[0]
};

static int
test_make_dir(void **state)
{
	char dir[] = "/tmp/crier-test-mpm-XXXXXX";

	*state = mkdtemp(dir) != NULL ? strdup(dir) : NULL;
	return *state == NULL;
}

static int
test_remove_dir(void **state)
{
	char command[PATH_MAX];

	snprintf(command, sizeof command, "rm -rf '%s'", (char *)*state);
	free(*state);
	return system(command);
}

/* Writes one file, after the folder that it is in. */
static void
test_write(const char *dir, const char *name, const char *text)
{
	char path[PATH_MAX];
	FILE *to;

	snprintf(path, sizeof path, "%s/%.*s", dir,
	    (int)(strchr(name, '/') - name), name);
	mkdir(path, 0755);
	snprintf(path, sizeof path, "%s/%s", dir, name);
	assert_non_null(to = fopen(path, "w"));
	fputs(text, to);
	assert_int_equal(fclose(to), 0);
}

static void
test_remove_files(const char *dir)
{
	char path[PATH_MAX];
	size_t i;

	for (i = 0; i < TEST_FILES; i++) {
		snprintf(path, sizeof path, "%s/%s", dir, test_files[i]);
		unlink(path);
	}
}

#define EVENT            "LoadModule mpm_event_module /usr/lib/mod_mpm_event.so\n"
#define BLOCK(mpm, line) "<IfModule " mpm ">\n\t" line "\n</IfModule>\n"

static const struct {
	const char *text[TEST_FILES];
	struct mpm want;
} test_cases[] = {
	{ { NULL }, { false, false, 2, 250, 400 } },
	{ { EVENT }, { true, true, 2, 250, 400 } },
	{ { "LoadModule mpm_prefork_module x.so\n" },
	    { true, false, 2, 250, 400 } },
	/* Debian's, as it is, and with what mod_crier.conf tells to write. */
	{ { EVENT, NULL, "MaxSpareThreads 75\nMaxRequestWorkers 150\n" },
	    { true, true, 2, 75, 150 } },
	{ { EVENT, BLOCK("mpm_event_module", "AsyncRequestWorkerFactor 400"),
	      "MaxSpareThreads 75\nMaxRequestWorkers 150\n"
	      "maxsparethreads \"150\"\r\n" },
	    { true, true, 400, 150, 150 } },
	/* Read later, it counts; a comment, or another MPM's block, never. */
	{ { EVENT, NULL, "MaxSpareThreads 150\n", NULL, NULL, NULL,
	      "MaxSpareThreads 75\n#MaxClients 7\n" },
	    { true, true, 2, 75, 400 } },
	{ { EVENT,
	      BLOCK("mpm_worker_module", "MaxSpareThreads 7")
		  BLOCK("!mpm_event_module", "MaxRequestWorkers 7")
		      BLOCK("mod_ssl.c", "MaxRequestWorkers 100") },
	    { true, true, 2, 250, 100 } },
	/* Red Hat's. */
	{ { NULL, NULL, NULL, EVENT, "MaxClients 256\n",
	      "AsyncRequestWorkerFactor 40.5" },
	    { true, true, 40.5, 250, 256 } },
	/* Nothing to read in it. */
	{ { EVENT, "MaxSpareThreads\n\n<IfModule\nAsyncRequestWorkerFactor x" },
	    { true, true, 0, 250, 400 } },
};

static void
test_read(void **state)
{
	const char *dir = *state;
	const struct mpm *want;
	struct mpm got;
	size_t i, n;

	for (i = 0; i < sizeof test_cases / sizeof test_cases[0]; i++) {
		test_remove_files(dir);
		for (n = 0; n < TEST_FILES; n++)
			if (test_cases[i].text[n] != NULL)
				test_write(dir, test_files[n],
				    test_cases[i].text[n]);
		want = &test_cases[i].want;
		mpm_read(dir, &got);
		if (got.is_known != want->is_known ||
		    got.is_event != want->is_event ||
		    got.factor != want->factor || got.spare != want->spare ||
		    got.workers != want->workers)
			fail_msg("case %zu: %d %d %g %ld %ld", i, got.is_known,
			    got.is_event, got.factor, got.spare, got.workers);
	}
}

static void
test_no_folder(void **state)
{
	struct mpm got;

	(void)state;
	mpm_read("/nowhere/at/all", &got);
	assert_false(got.is_known);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_read, test_make_dir,
		    test_remove_dir),
		cmocka_unit_test(test_no_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
