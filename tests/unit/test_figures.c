/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/buffer.h"
#include "base/json.h"
#include "protocol/figures.h"

/* The one table of figures, and what is made of it. */

static bool
test_same(const char *a, const char *b)
{
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

/*
 * The compiler has counted the rows; no two of them are one figure, so every
 * figure has its own.
 */
static void
test_rows(void **state)
{
	const struct figure *f, *g;

	(void)state;
	for (f = figures_table; f < figures_table + figures_count; f++)
		for (g = figures_table; g < f; g++) {
			assert_false(f->owner == g->owner &&
			    f->offset == g->offset);
			assert_false(test_same(f->group, g->group) &&
			    test_same(f->member, g->member));
			assert_false(test_same(f->metric, g->metric));
			assert_false(test_same(f->stats, g->stats));
			assert_false(test_same(f->rate, g->rate));
		}
}

/* What a row has of one thing it has of what belongs to that. */
static void
test_columns(void **state)
{
	const struct figure *f;
	char rate[64];

	(void)state;
	for (f = figures_table; f < figures_table + figures_count; f++) {
		assert_non_null(f->group);
		assert_non_null(f->member);
		assert_int_equal(f->offset % sizeof(uint64_t), 0);
		assert_int_equal(f->metric != NULL, f->help != NULL);
		if (f->rate == NULL)
			continue;
		assert_int_equal(f->kind, FIGURE_COUNTER);
		snprintf(rate, sizeof rate, "%s_per_second", f->stats);
		assert_string_equal(f->rate, rate);
	}
}

static char *
test_text(struct buffer *b, struct json_object *o)
{
	buffer_truncate(b, 0);
	assert_int_equal(json_append(b, o), 0);
	assert_int_equal(buffer_append(b, "", 1), 0);
	return b->data;
}

/* What was not told, or is another's, is left out; groups are made once. */
static void
test_status(void **state)
{
	struct store_figures store;
	const struct daemon_figures daemon = { .reloads = 3,
		.log_file_bytes = FIGURE_NONE,
		.log_bytes = FIGURE_NONE };
	struct json_object *o = json_object_new_object();
	struct buffer b = { 0 };

	(void)state;
	memset(&store, 0xff, sizeof store);
	store.degraded = 1;
	store.bytes = FIGURE_NONE - 1;
	json_add_text(figures_group(o, "store"), "kind", "x", 1);
	figures_add(o, FIGURES_STORE, &store);
	figures_add(o, FIGURES_DAEMON, &daemon);
	json_add_text(figures_group(o, "store"), "last_error", "", 0);
	assert_string_equal(test_text(&b, o),
	    "{\"store\":{\"kind\":\"x\",\"degraded\":true,"
	    "\"bytes\":18446744073709551614,\"last_error\":\"\"},"
	    "\"configuration\":{\"reloads\":3}}");
	/* Without memory there is no status, and nothing is added to it. */
	figures_add(NULL, FIGURES_STORE, &store);
	assert_null(figures_group(NULL, "store"));
	buffer_clear(&b);
}

/* Rates are rounded; in no time at all nothing is divided by zero. */
static void
test_stats(void **state)
{
	static const struct {
		uint64_t ms;
		const char *rate;
	} cases[] = {
		{ 1000, "\"bytes_per_second\":15" },
		{ 2000, "\"bytes_per_second\":8" },
		{ 1, "\"bytes_per_second\":15000" },
		{ 0, "\"bytes_per_second\":15000" },
	};
	const struct hub_figures before = { .counters.bytes = 85 };
	const struct hub_figures now = {
		.counters.bytes = 100, .streams = 7, .limits.threads = 1
	};
	struct json_object *o;
	struct buffer b = { 0 };
	const char *text;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		o = json_object_new_object();
		figures_add_stats(o, FIGURES_HUB, &now, &before, cases[i].ms);
		text = test_text(&b, o);
		assert_non_null(strstr(text, cases[i].rate));
		assert_non_null(strstr(text, "\"bytes\":100,"));
		assert_non_null(strstr(text, "\"streams\":7,"));
		assert_null(strstr(text, "threads"));
	}
	buffer_clear(&b);
}

/*
 * The manual's lists.  In its section FIGURES each item has in its head a
 * figure's member, or several, and their metrics; a .Cm outside of the items
 * names the group that follows.  In the item of $stats each .Cm is a name.
 */
enum {
	TEST_ROWS = 256
};

struct test_manual {
	bool in_figures, in_stats;
	char group[64];
	unsigned items;
	unsigned members[TEST_ROWS]; /* the item where each row's is; 0: none */
	bool metrics[TEST_ROWS], stats[TEST_ROWS], rates[TEST_ROWS];
};

/* What the status says in words, or to tell a crierd from others. */
static const char *const test_words[][2] = {
	{ "", "version" },
	{ "", "pid" },
	{ "", "last_id" },
	{ "configuration", "file" },
	{ "configuration", "reload_error" },
	{ "store", "kind" },
	{ "store", "durability" },
	{ "store", "last_error" },
	{ "store", "node" },
	{ "store", "state" },
	{ "store", "position" },
	{ "store", "last" },
	{ "store", "floor" },
	{ "store", "master" },
};

static void
test_manual_member(struct test_manual *m, const char *word)
{
	size_t i;

	for (i = 0; i < figures_count; i++)
		if (test_same(figures_table[i].group, m->group) &&
		    test_same(figures_table[i].member, word)) {
			m->members[i] = m->items;
			return;
		}
	for (i = 0; i < sizeof test_words / sizeof test_words[0]; i++)
		if (test_same(test_words[i][0], m->group) &&
		    test_same(test_words[i][1], word))
			return;
	fail_msg("crier(7): group \"%s\" has no %s", m->group, word);
}

/* It belongs to a member of the same item. */
static void
test_manual_metric(struct test_manual *m, const char *word)
{
	size_t i;

	for (i = 0; i < figures_count; i++)
		if (test_same(figures_table[i].metric, word + 6)) {
			assert_int_equal(m->members[i], m->items);
			m->metrics[i] = true;
			return;
		}
	fail_msg("crier(7): there is no metric %s", word);
}

static void
test_manual_stats(struct test_manual *m, const char *word)
{
	bool is_there = false;
	size_t i;

	for (i = 0; i < figures_count; i++) {
		m->stats[i] |= test_same(figures_table[i].stats, word);
		m->rates[i] |= test_same(figures_table[i].rate, word);
		is_there |= test_same(figures_table[i].stats, word) ||
		    test_same(figures_table[i].rate, word);
	}
	if (!is_there)
		fail_msg("crier(7): $stats has no %s", word);
}

/* Words between spaces; macros have capitals, and marks have no letter. */
static void
test_manual_words(struct test_manual *m, char *line,
    void (*take)(struct test_manual *, const char *))
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
	char *save, *word;

	for (word = strtok_r(line, " ", &save); word != NULL;
	     word = strtok_r(NULL, " ", &save))
		if (word[strspn(word, letters)] == '\0')
			take(m, word);
}

static void
test_manual_item(struct test_manual *m, const char *word)
{
	if (strncmp(word, "crier_", 6) == 0)
		test_manual_metric(m, word);
	else
		test_manual_member(m, word);
}

static void
test_manual_group(struct test_manual *m, const char *word)
{
	snprintf(m->group, sizeof m->group, "%s", word);
}

static void
test_manual_line(struct test_manual *m, char *line)
{
	line[strcspn(line, "\n")] = '\0';
	if (strncmp(line, ".Sh ", 4) == 0)
		m->in_figures = strcmp(line, ".Sh FIGURES") == 0;
	else if (strcmp(line, ".It Cm $stats") == 0)
		m->in_stats = true;
	else if (strcmp(line, ".El") == 0)
		m->in_stats = false;
	else if (m->in_stats && strncmp(line, ".Cm ", 4) == 0)
		test_manual_words(m, line, test_manual_stats);
	else if (m->in_figures && strncmp(line, ".Cm ", 4) == 0)
		test_manual_words(m, line, test_manual_group);
	else if (m->in_figures && strncmp(line, ".It ", 4) == 0) {
		m->items++;
		test_manual_words(m, line, test_manual_item);
	}
}

static void
test_manual(void **state)
{
	static struct test_manual m;
	const char *srcdir = getenv("srcdir");
	const struct figure *f = figures_table;
	char path[4096], line[1024];
	FILE *fp;
	size_t i;

	(void)state;
	assert_in_range(figures_count, 1, TEST_ROWS);
	snprintf(path, sizeof path, "%s/doc/crier.7",
	    srcdir == NULL ? "." : srcdir);
	assert_non_null(fp = fopen(path, "re"));
	while (fgets(line, sizeof line, fp) != NULL)
		test_manual_line(&m, line);
	fclose(fp);
	for (i = 0; i < figures_count; i++, f++)
		if (m.members[i] == 0 || m.metrics[i] != (f->metric != NULL) ||
		    m.stats[i] != (f->stats != NULL) ||
		    m.rates[i] != (f->rate != NULL))
			fail_msg("crier(7) does not tell all of %s.%s",
			    f->group, f->member);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_columns),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_stats),
		cmocka_unit_test(test_manual),
	};

	return cmocka_run_group_tests_name("figures", tests, NULL, NULL);
}
