/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/base64.h"
#include "lib/support.h"

/* RFC 4648, 10, and the edges; NULL: refused. */
static const struct {
	const char *text, *url, *any;
} base64_cases[] = {
	{ "", "", "" },
	{ "Zg", "f", "f" },
	{ "Zg==", NULL, "f" },
	{ "Zg=", NULL, "f" },
	{ "Zm8", "fo", "fo" },
	{ "Zm8=", NULL, "fo" },
	{ "Zm9v", "foo", "foo" },
	{ "Zm9vYg", "foob", "foob" },
	{ "Zm9vYmFy", "foobar", "foobar" },
	{ "-_-_", "\xfb\xff\xbf", "\xfb\xff\xbf" },
	{ "+/+/", NULL, "\xfb\xff\xbf" },
	{ " Zm9v\r\nYg==\n", NULL, "foob" },
	{ "Zm9v===", NULL, NULL },
	{ "Z=g", NULL, NULL },
	{ "Z", NULL, NULL },
	{ "Zm9vY", NULL, NULL },
	{ "Zh", NULL, NULL },  /* four bits that mean nothing */
	{ "Zm9", NULL, NULL }, /* two */
	{ "Zm9v.", NULL, NULL },
	{ "Zm9\xff", NULL, NULL },
	{ "====", NULL, NULL },
};

static void
test_one(const char *text, size_t len, enum base64_form form, const char *want)
{
	unsigned char to[64];
	ptrdiff_t n = base64_decode(support_guard(text, len), len, form, to);

	if (want == NULL) {
		if (n != -1)
			fail_msg("accepted: %s", text);
		return;
	}
	if (n != (ptrdiff_t)strlen(want))
		fail_msg("%s: %td", text, n);
	assert_memory_equal(to, want, strlen(want));
}

static void
test_table(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof base64_cases / sizeof base64_cases[0]; i++) {
		test_one(base64_cases[i].text, strlen(base64_cases[i].text),
		    BASE64_URL, base64_cases[i].url);
		test_one(base64_cases[i].text, strlen(base64_cases[i].text),
		    BASE64_ANY, base64_cases[i].any);
	}
	test_one("Zm\0v", 4, BASE64_ANY, NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests_name("base64", tests, NULL, NULL);
}
