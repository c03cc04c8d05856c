/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "lib/support.h"
#include "request/accept.h"

static const struct {
	const char *accept;
	bool prefers_json;
} test_cases[] = {
	/* What clients send that never thought of a choice. */
	{ "", false },
	{ "*/*", false },
	{ "text/event-stream", false },
	{ "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,"
	  "image/webp,*/*;q=0.8",
	    false },
	{ "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", false },
	{ "text/html", false },
	/* Who asks for JSON: fetch, axios, jQuery. */
	{ "application/json", true },
	{ "application/json, text/plain, */*", true },
	{ "application/json, text/javascript, */*; q=0.01", true },
	{ "Application/JSON;charset=utf-8", true },
	{ "application/*", true },
	/* The greater weight, and the more exact name. */
	{ "application/json, text/event-stream", false },
	{ "text/event-stream, application/json", false },
	{ "application/json;q=0.5, text/event-stream", false },
	{ "application/json, text/event-stream;q=0.5", true },
	{ "application/json, text/event-stream;q=0.999", true },
	{ "application/json;q=0.8, */*;q=0.9", false },
	{ "application/json;q=0.8, */*;q=0.8", true },
	{ "application/json;q=0.8, text/*;q=0.9", false },
	{ "text/*, application/*", false },
	{ "application/*;q=0.2, */*;q=0.1", true },
	{ "*/*, text/event-stream;q=0", true },
	/* The most exact range has the last word, wherever it stands. */
	{ "application/json;q=0, */*", false },
	{ "application/json;q=0.000", false },
	{ "application/*, application/json;q=0.1, text/event-stream;q=0.2",
	    false },
	{ "*/*;q=1, application/json;q=0.1, text/event-stream;q=0.05", true },
	{ "application/json;q=0.1, application/json;q=0.9, "
	  "text/event-stream;q=0.5",
	    true },
	/* Form. */
	{ " \t application/json \t ; \t q=1.000 ", true },
	{ "application/json;Q=0.3,text/event-stream;q=0.2", true },
	{ "application/json;x=\",text/event-stream,\";q=0.5, */*;q=0.1", true },
	{ "application/json;x=\"\\\",\";q=0, */*", false },
	{ ",,application/json,,", true },
	/* What is malformed counts as not there. */
	{ "application/json;q=2", false },
	{ "application/json;q=1.001", false },
	{ "application/json;q=0.1234", false },
	{ "application/json;q=", false },
	{ "application/json;q=x", false },
	{ "application/json;q=-1", false },
	{ "application", false },
	{ "/json", false },
	{ "*/json", false },
	{ "application/jsonx", false },
	{ "xapplication/json", false },
	{ "application/json/x", false },
	{ "application/json+ld", false },
	{ "application/json;x=\"", true },
	{ "\"application/json", false },
	{ ";q=1", false },
};

static void
test_accept(void **state)
{
	const char *accept;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof test_cases / sizeof *test_cases; i++) {
		accept = test_cases[i].accept;
		accept = support_guard(accept, strlen(accept) + 1);
		if (accept_prefers_json(accept) != test_cases[i].prefers_json)
			fail_msg("%s", test_cases[i].accept);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accept),
	};

	return cmocka_run_group_tests_name("accept", tests, NULL, NULL);
}
