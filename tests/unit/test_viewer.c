/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "lib/support.h"
#include "request/viewer.h"

/* Who may see a status. */

static void
test_local(void **state)
{
	static const struct {
		const char *address, *host, *more;
		bool want;
	} cases[] = {
		{ "127.0.0.1", "localhost", NULL, true },
		{ "127.9.8.7", "LOCALHOST:8080", NULL, true },
		{ "::1", "[::1]", NULL, true },
		{ "::1", "[::1]:8080", NULL, true },
		{ "::ffff:127.0.0.1", "127.0.0.1:80", NULL, true },
		{ "127.0.0.1", "demo.localhost", NULL, true },
		{ "127.0.0.1", "localhost", "HTTP_ORIGIN=http://localhost",
		    true },
		{ "128.0.0.1", "localhost", NULL, false },
		{ "192.0.2.7", "localhost", NULL, false },
		{ "::2", "localhost", NULL, false },
		{ "::ffff:192.0.2.7", "localhost", NULL, false },
		{ "", "localhost", NULL, false },
		{ "unix:", "localhost", NULL, false },
		{ "127.0.0.1x", "localhost", NULL, false },
		{ "127.0.0.1", "", NULL, false },
		{ "127.0.0.1", "example.org", NULL, false },
		{ "127.0.0.1", "localhost.example.org", NULL, false },
		{ "127.0.0.1", "notlocalhost", NULL, false },
		{ "127.0.0.1", ".localhost", NULL, false },
		{ "127.0.0.1", "127.0.0.1.example.org", NULL, false },
		{ "127.0.0.1", "[::1].example.org", NULL, false },
		{ "127.0.0.1", "localhost", "HTTP_ORIGIN=http://example.org",
		    false },
		{ "127.0.0.1", "localhost", "HTTP_ORIGIN=null", false },
		{ "127.0.0.1", "localhost", "HTTP_X_FORWARDED_FOR=192.0.2.7",
		    false },
		{ "127.0.0.1", "localhost", "HTTP_X_REAL_IP=127.0.0.1", false },
		{ "127.0.0.1", "localhost", "HTTP_FORWARDED=for=_x", false },
		{ "127.0.0.1", "localhost", "HTTP_VIA=1.1 x", false },
	};
	char text[128];
	struct request r;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		memset(&r, 0, sizeof r);
		snprintf(text, sizeof text, "REMOTE_ADDR=%s", cases[i].address);
		assert_int_equal(request_add(&r, text), 0);
		snprintf(text, sizeof text, "HTTP_HOST=%s", cases[i].host);
		assert_int_equal(request_add(&r, text), 0);
		if (cases[i].more != NULL)
			assert_int_equal(request_add(&r, cases[i].more), 0);
		if (viewer_is_local(&r) != cases[i].want)
			fail_msg("case %zu", i);
		request_clear(&r);
	}
}

/* Only a token that names both of crier's channels is one for a status. */
static void
test_who(void **state)
{
	static char stats[] = "$stats", streams[] = "$streams", all[] = "**";
	static char *both[] = { stats, streams }, *one[] = { stats, stats },
		    *some[] = { all, streams };
	static const struct {
		uint64_t viewers;
		const char *user;
		char **patterns; /* two, of a token; NULL: there is none */
		enum access_result want;
	} cases[] = {
		{ CONFIG_ANYONE, "", NULL, ACCESS_GRANTED },
		{ 0, "ann", both, ACCESS_DENIED },
		{ CONFIG_USER, "ann", NULL, ACCESS_GRANTED },
		{ CONFIG_USER, "", NULL, ACCESS_LOGIN },
		{ CONFIG_USER, "", both, ACCESS_DENIED },
		{ CONFIG_TOKEN, "", both, ACCESS_GRANTED },
		{ CONFIG_TOKEN, "", one, ACCESS_DENIED },
		{ CONFIG_TOKEN, "", some, ACCESS_DENIED },
		{ CONFIG_TOKEN, "", NULL, ACCESS_LOGIN },
		{ CONFIG_TOKEN, "ann", NULL, ACCESS_DENIED },
		{ CONFIG_LOCAL, "", NULL, ACCESS_DENIED },
		{ CONFIG_LOCAL | CONFIG_USER, "", NULL, ACCESS_LOGIN },
		{ CONFIG_LOCAL | CONFIG_USER, "ann", NULL, ACCESS_GRANTED },
	};
	struct config_route route;
	struct access_who who;
	struct request r;
	char text[64];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		memset(&route, 0, sizeof route);
		memset(&who, 0, sizeof who);
		memset(&r, 0, sizeof r);
		route.viewers = cases[i].viewers;
		who.has_token = cases[i].patterns != NULL;
		/* A token's own user is none of the web server's. */
		who.user = "bob";
		if (who.has_token) {
			who.token.subscribe.items = cases[i].patterns;
			who.token.subscribe.count = 2;
		}
		snprintf(text, sizeof text, "REMOTE_USER=%s", cases[i].user);
		assert_int_equal(request_add(&r, text), 0);
		if (viewer_check(&route, &r, &who) != cases[i].want)
			fail_msg("case %zu", i);
		request_clear(&r);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_local),
		cmocka_unit_test(test_who),
	};

	return cmocka_run_group_tests_name("viewer", tests, NULL, NULL);
}
