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
#include "request/origin.h"

/* A port that is left out is the scheme's own, on either side. */
static void
test_host(void **state)
{
	static const struct {
		const char *origin, *host;
		bool want;
	} cases[] = {
		{ "https://example.org", "example.org", true },
		{ "https://example.org", "EXAMPLE.org", true },
		{ "https://example.org", "example.org:443", true },
		{ "https://example.org:443", "example.org", true },
		{ "https://example.org", "example.org:", true },
		{ "https://example.org", "example.org:80", false },
		{ "https://example.org", "example.org:4430", false },
		{ "https://example.org", "example.org:0443", false },
		{ "https://example.org:8443", "example.org", false },
		{ "https://example.org:8443", "example.org:8443", true },
		{ "https://example.org:8443", "example.org:844", false },
		{ "http://example.org", "example.org:80", true },
		{ "http://example.org:80", "example.org", true },
		{ "http://example.org", "example.org:443", false },
		{ "HTTP://example.org", "example.org:80", true },
		{ "http://[::1]", "[::1]:80", true },
		{ "http://[::1]", "[::1]", true },
		{ "https://[::1]", "[::1]:443", true },
		{ "https://[::1]", "[::1]:80", false },
		{ "http://[::1]:8080", "[::1]:8080", true },
		{ "http://[::1", "[::1", true },
		{ "http://[::1]", "[::2]", false },
		{ "app://example.org", "example.org", true },
		{ "app://example.org", "example.org:80", false },
		{ "https://example.org", "www.example.org", false },
		{ "https://example.org", "example.org.evil", false },
		{ "https://example.org.evil", "example.org", false },
		{ "https://example.org@evil", "example.org", false },
		{ "https://", "", false },
		{ "https://", ":443", false },
		{ "https://example.org", "", false },
		{ "null", "null", false },
		{ "", "example.org", false },
		{ "example.org", "example.org", false },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof *cases; i++)
		if (origin_is_of_host(cases[i].origin, cases[i].host) !=
		    cases[i].want)
			fail_msg("%s and %s", cases[i].origin, cases[i].host);
}

static void
test_own(void **state)
{
	static const char *const settings[] = {
		"allow-origin=https://A.example", "allow-origin=*", NULL
	};
	static const struct {
		const char *origin, *site, *host;
		bool want;
	} cases[] = {
		{ "", "", "x", true },
		{ "", "same-origin", "x", true },
		{ "", "none", "x", true },
		{ "", "same-site", "x", false },
		{ "", "cross-site", "x", false },
		{ "https://a.example", "cross-site", "x", true },
		{ "HTTPS://a.EXAMPLE", "cross-site", "x", false },
		{ "http://a.example", "cross-site", "x", false },
		{ "https://a.example.", "cross-site", "x", false },
		{ "https://a.example:444", "cross-site", "x", false },
		{ "*", "", "x", false },
		{ "https://b.example", "cross-site", "x", false },
		{ "https://x", "same-origin", "x:443", true },
		{ "https://x", "none", "x", true },
		/* A page over http, or of another port that Host lacks. */
		{ "http://x", "cross-site", "x", false },
		{ "https://x", "same-site", "x", false },
		{ "https://x", "SAME-ORIGIN", "x", false },
		{ "https://xn--bcher-kva.example", "", "XN--BCHER-KVA.example",
		    true },
		{ "https://x.", "", "x.", true },
		{ "https://x.", "", "x", false },
		{ "https://x", "", "x:443:443", false },
		{ "https://x", "", "user@x", false },
		{ "null", "", "null", false },
	};
	struct config *config = support_config(settings);
	char text[64];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct request r = { 0 };

		snprintf(text, sizeof text, "HTTP_ORIGIN=%s", cases[i].origin);
		assert_int_equal(request_add(&r, text), 0);
		snprintf(text, sizeof text, "HTTP_SEC_FETCH_SITE=%s",
		    cases[i].site);
		assert_int_equal(request_add(&r, text), 0);
		snprintf(text, sizeof text, "HTTP_HOST=%s", cases[i].host);
		assert_int_equal(request_add(&r, text), 0);
		if (origin_is_own(&r, config) != cases[i].want)
			fail_msg("%s, %s", cases[i].origin, cases[i].site);
		request_clear(&r);
	}
	config_free(config);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_host),
		cmocka_unit_test(test_own),
	};

	return cmocka_run_group_tests_name("origin", tests, NULL, NULL);
}
