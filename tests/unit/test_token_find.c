/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/support.h"
#include "request/request.h"
#include "request/token.h"

#define SECRET "0123456789abcdef0123456789abcdef"

/* Where a token is looked for; "-": there is none. */
static const struct {
	const char *config, *uri, *header, *cookie, *want;
} find_cases[] = {
	{ NULL, "/e?token=q", "Bearer h", NULL, "h" },
	{ NULL, "/e?token=q", "bEARER   h  ", NULL, "h" },
	{ NULL, "/e?token=q", "Basic YTpi", NULL, "q" },
	{ NULL, "/e?token=q", "Bearer", NULL, "q" },
	{ NULL, "/e?token=q", "Bearer ", NULL, "q" },
	{ NULL, "/e?token=q", "Bearerh", NULL, "q" },
	{ NULL, "/e?a=1&token=q%2Ex", NULL, NULL, "q.x" },
	{ NULL, "/e?token=", NULL, NULL, "-" },
	{ NULL, "/e?token=%zz", NULL, NULL, "-" },
	{ NULL, "/e?token=a%00b", NULL, NULL, "-" },
	{ NULL, "/e?tokens=q", NULL, "token=c", "-" },
	{ "token-parameter=", "/e?token=q", NULL, NULL, "-" },
	{ "token-parameter=jwt", "/e?token=q&jwt=j", NULL, NULL, "j" },
	{ "token-cookie=ck", "/e?token=q", NULL, "ck=c", "c" },
	{ "token-cookie=ck", "/e?token=q", "Bearer h", "ck=c", "h" },
	{ "token-cookie=ck", "/e", NULL, "a=b; ck=c; ck=d", "c" },
	{ "token-cookie=ck", "/e", NULL, "ackk=1; ck2=x;ck=c ; e=f", "c" },
	{ "token-cookie=ck", "/e", NULL, "ck=\"c\"", "c" },
	{ "token-cookie=ck", "/e?token=q", NULL, "ck=", "q" },
	{ "token-cookie=ck", "/e?token=q", NULL, "ck", "q" },
	{ "token-cookie=ck", "/e?token=q", NULL, ";;; ;c;k;=;ck", "q" },
	{ "token-cookie=ck", "/%zz?token=q", NULL, NULL, "-" },
};

static void
test_add(struct request *r, const char *name, const char *value)
{
	char text[256];

	if (value == NULL)
		return;
	snprintf(text, sizeof text, "%s=%s", name, value);
	assert_int_equal(request_add(r, text), 0);
}

static void
test_find(void **state)
{
	const char *settings[] = { "token-key=" SECRET, NULL, NULL };
	char *found;
	struct config *c;
	size_t i;
	int rc;

	(void)state;
	for (i = 0; i < sizeof find_cases / sizeof find_cases[0]; i++) {
		struct request r = { .env.len = 0 };

		settings[1] = find_cases[i].config;
		c = support_config(settings);
		test_add(&r, "REQUEST_URI", find_cases[i].uri);
		test_add(&r, "HTTP_AUTHORIZATION", find_cases[i].header);
		test_add(&r, "HTTP_COOKIE", find_cases[i].cookie);
		rc = token_find(&r, c, &found);
		if (strcmp(rc == 1 ? found : "-", find_cases[i].want) != 0)
			fail_msg("case %zu: %s", i, rc == 1 ? found : "-");
		assert_int_equal(rc == 1, found != NULL);
		free(found);
		config_free(c);
		c = support_config(NULL);
		assert_int_equal(token_find(&r, c, &found), 0);
		config_free(c);
		request_clear(&r);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
	};

	return cmocka_run_group_tests_name("token of a request", tests, NULL,
	    NULL);
}
