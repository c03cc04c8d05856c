/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "lib/support.h"
#include "request/access.h"
#include "request/request.h"

static char test_ann[] = "user/ann", test_all[] = "**", test_own[] = "$streams";
static char *test_patterns[] = { test_ann, test_all, test_own };

/* Who asks: a user, and a token that names the first patterns. */
static const struct {
	const char *name, *user;
	size_t patterns;
	bool has_token;
} test_people[] = {
	{ "nobody", "", 0, false },
	{ "ann", "ann", 0, false },
	{ "bob", "bob", 0, false },
	{ "a token for nothing", "", 0, true },
	{ "a token for user/ann", "", 1, true },
	{ "a token for all", "", 2, true },
	{ "bob with a token for user/ann", "bob", 1, true },
	{ "a token for all and $streams", "", 3, true },
};

enum {
	TEST_PEOPLE = sizeof test_people / sizeof test_people[0]
};

/* G granted, L login, D denied; a letter for each of the people. */
static const struct {
	const char *pattern;
	uint64_t who;
	const char *channel, *want;
} test_rules[] = {
	{ "**", 0, "a", "DDDDDDDD" },
	{ "**", CONFIG_ANYONE, "a", "GGGGGGGG" },
	{ "**", CONFIG_USER, "a", "LGGDDDGD" },
	{ "**", CONFIG_TOKEN, "a", "LDDDDGDG" },
	{ "**", CONFIG_TOKEN, "user/ann", "LDDDGGGG" },
	{ "**", CONFIG_USER | CONFIG_TOKEN, "user/ann", "LGGDGGGG" },
	{ "user/*", CONFIG_OWNER, "user/ann", "LGDDDDDD" },
	{ "user/*", CONFIG_OWNER, "user/bob", "LDGDDDGD" },
	{ "user/*", CONFIG_OWNER, "user/annx", "LDDDDDDD" },
	{ "user/*", CONFIG_OWNER, "user/an", "LDDDDDDD" },
	{ "user/*", CONFIG_OWNER | CONFIG_TOKEN, "user/ann", "LGDDGGGG" },
	{ "*/user/**", CONFIG_OWNER, "ann/user/bob", "LGDDDDDD" },
	{ "x/*/*", CONFIG_OWNER, "x/ann/bob", "LGDDDDDD" },
	{ "*", CONFIG_OWNER, "ann", "LGDDDDDD" },
	{ "user/*", CONFIG_OWNER, "user/Ann", "LDDDDDDD" },
	{ "user/*", CONFIG_OWNER, "user/*", "LDDDDDDD" },
	{ "user/*", CONFIG_OWNER, "user/ann,bob", "LDDDDDDD" },
	{ "user/*/**", CONFIG_OWNER, "user/ann/a/b", "LGDDDDDD" },
	{ "user/*/**", CONFIG_OWNER, "user/bob/ann", "LDGDDDGD" },
	{ "user/*", CONFIG_OWNER | CONFIG_ANYONE, "user/x", "GGGGGGGG" },
	/* crier's own: only a pattern that begins with $ opens them. */
	{ "**", CONFIG_ANYONE, "$streams", "DDDDDDDD" },
	{ "**", CONFIG_TOKEN, "$streams", "DDDDDDDD" },
	{ "$streams", CONFIG_ANYONE, "$streams", "GGGGGGGG" },
	{ "$streams", CONFIG_TOKEN, "$streams", "LDDDDDDG" },
	{ "$streams", 0, "$streams", "DDDDDDDD" },
	{ "$presence/*", CONFIG_OWNER, "$presence/ann", "LGDDDDDD" },
};

static enum access_result
test_check(size_t rule, size_t who, enum access_operation operation)
{
	struct config_channel channel = { 0 };
	struct token token = { 0 };
	char *pattern = strdup(test_rules[rule].pattern);
	struct text_span name = { support_guard(test_rules[rule].channel,
				      strlen(test_rules[rule].channel)),
		strlen(test_rules[rule].channel) };
	struct config_list *list = &token.subscribe;
	enum access_result result;

	channel.pattern = pattern;
	if (operation == ACCESS_PUBLISH) {
		channel.publish = test_rules[rule].who;
		list = &token.publish;
	} else {
		channel.subscribe = test_rules[rule].who;
	}
	list->items = test_patterns;
	list->count = test_people[who].patterns;
	result = access_check(&channel, operation, name, test_people[who].user,
	    test_people[who].has_token ? &token : NULL);
	free(pattern);
	return result;
}

static void
test_table(void **state)
{
	static const char letters[] = "GLD";
	size_t rule, who;
	char subscribe, publish;

	(void)state;
	for (rule = 0; rule < sizeof test_rules / sizeof test_rules[0]; rule++)
		for (who = 0; who < TEST_PEOPLE; who++) {
			subscribe =
			    letters[test_check(rule, who, ACCESS_SUBSCRIBE)];
			publish =
			    letters[test_check(rule, who, ACCESS_PUBLISH)];
			if (subscribe != test_rules[rule].want[who] ||
			    publish != subscribe)
				fail_msg("rule %zu (%s, %s), %s: %c %c", rule,
				    test_rules[rule].pattern,
				    test_rules[rule].channel,
				    test_people[who].name, subscribe, publish);
		}
}

static char
test_decide(const struct config *c, const char *user, const char *channel,
    enum access_operation operation)
{
	struct access_who who = { .user = user };
	struct text_span name = { channel, strlen(channel) };

	return "GLD"[access_decide(&who, c, operation, name)];
}

static void
test_defaults(void **state)
{
	struct config *c = support_config(NULL);

	(void)state;
	assert_int_equal(test_decide(c, "", "a/b", ACCESS_SUBSCRIBE), 'G');
	assert_int_equal(test_decide(c, "ann", "a", ACCESS_PUBLISH), 'D');
	assert_int_equal(test_decide(c, "", "a", ACCESS_PUBLISH), 'D');
	assert_int_equal(test_decide(c, "ann", "$stats", ACCESS_SUBSCRIBE),
	    'D');
	assert_int_equal(test_decide(c, "ann", "$stats", ACCESS_PUBLISH), 'D');
	config_free(c);
}

static void
test_sections(void **state)
{
	static const char text[] =
	    "publish = user\n"
	    "channel \"secret/**\" { subscribe = {} }\n"
	    "channel \"user/*\" { subscribe = owner }\n"
	    "channel \"**\" { subscribe = anyone  publish = nobody }\n"
	    "channel \"$stats\" { subscribe = user }\n"
	    "channel \"$streams\" { keep = 1 }\n";
	char path[] = "/tmp/crier-access-XXXXXX", *cause;
	int fd = mkstemp(path);
	struct config *c;

	(void)state;
	assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
	close(fd);
	c = config_load(path, NULL, 0, &cause);
	unlink(path);
	assert_non_null(c);
	assert_int_equal(test_decide(c, "a", "secret/x", ACCESS_SUBSCRIBE),
	    'D');
	assert_int_equal(test_decide(c, "a", "secret/x", ACCESS_PUBLISH), 'G');
	assert_int_equal(test_decide(c, "", "secret/x", ACCESS_PUBLISH), 'L');
	assert_int_equal(test_decide(c, "a", "user/a", ACCESS_SUBSCRIBE), 'G');
	assert_int_equal(test_decide(c, "a", "user/b", ACCESS_SUBSCRIBE), 'D');
	assert_int_equal(test_decide(c, "a", "x", ACCESS_PUBLISH), 'D');
	/* Behind "**", which does not match them. */
	assert_int_equal(test_decide(c, "a", "$stats", ACCESS_SUBSCRIBE), 'G');
	assert_int_equal(test_decide(c, "", "$stats", ACCESS_SUBSCRIBE), 'L');
	/* What a section leaves out is closed, whatever is open elsewhere. */
	assert_int_equal(test_decide(c, "a", "$stats", ACCESS_PUBLISH), 'D');
	assert_int_equal(test_decide(c, "a", "$streams", ACCESS_SUBSCRIBE),
	    'D');
	config_free(c);
}

static void
test_identify(void **state)
{
	static const char *const settings[] = {
		"token-key=0123456789abcdef0123456789abcdef", NULL
	};
	struct config *c = support_config(NULL);
	struct request r = { .env.len = 0 };
	struct access_who who;

	(void)state;
	assert_int_equal(access_identify(&r, c, 0, &who), 0);
	assert_string_equal(who.user, "");
	assert_false(who.has_token);
	assert_null(who.why);
	access_clear(&who);
	assert_int_equal(request_add(&r, "REMOTE_USER=ann"), 0);
	assert_int_equal(request_add(&r, "HTTP_AUTHORIZATION=Bearer a.b"), 0);
	assert_int_equal(access_identify(&r, c, 0, &who), 0);
	assert_string_equal(who.user, "ann");
	assert_null(who.why); /* there are no keys: it is not looked at */
	access_clear(&who);
	config_free(c);
#ifdef HAVE_LIBJWT
	c = support_config(settings);
	assert_int_equal(access_identify(&r, c, 0, &who), 0);
	assert_string_equal(who.user, "ann");
	assert_false(who.has_token);
	assert_string_equal(who.why, "does not have three parts");
	access_clear(&who);
	config_free(c);
	request_clear(&r);
	/* {"alg":"HS256"}, {"sub":"bob","exp":1900000000} */
	memset(&r, 0, sizeof r);
	assert_int_equal(
	    request_add(&r,
		"HTTP_AUTHORIZATION=Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJib"
		"2IiLCJleHAiOjE5MDAwMDAwMDB9."
		"NRSz2KgTXdXaMjTspdCgm35ZJ-efK7oKVUh9-VtBaKs"),
	    0);
	c = support_config(settings);
	assert_int_equal(access_identify(&r, c, 0, &who), 0);
	assert_true(who.has_token);
	assert_string_equal(who.user, "bob");
	access_clear(&who);
	assert_int_equal(request_add(&r, "REMOTE_USER=ann"), 0);
	assert_int_equal(access_identify(&r, c, 0, &who), 0);
	assert_true(who.has_token);
	assert_string_equal(who.user, "ann");
	access_clear(&who);
	config_free(c);
#else
	(void)settings;
#endif
	request_clear(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_sections),
		cmocka_unit_test(test_identify),
	};

	return cmocka_run_group_tests_name("access", tests, NULL, NULL);
}
