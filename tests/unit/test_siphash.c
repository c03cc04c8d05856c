/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/* Against values that others have calculated. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/siphash.h"
#include "lib/support.h"

static const uint64_t test_key[2] = { UINT64_C(0x0706050403020100),
	UINT64_C(0x0f0e0d0c0b0a0908) };

/* Of the bytes 0, 1, 2…, under the key 0, 1, … 15, by another program. */
static void
test_64(void **state)
{
	static const struct {
		size_t len;
		uint64_t want;
	} cases[] = {
		{ 0, UINT64_C(0xabac0158050fc4dc) },
		{ 1, UINT64_C(0xc9f49bf37d57ca93) },
		{ 2, UINT64_C(0x82cb9b024dc7d44d) },
		{ 3, UINT64_C(0x8bf80ab8e7ddf7fb) },
		{ 4, UINT64_C(0xcf75576088d38328) },
		{ 5, UINT64_C(0xdef9d52f49533b67) },
		{ 6, UINT64_C(0xc50d2b50c59f22a7) },
		{ 7, UINT64_C(0xd3927d989bb11140) },
		{ 8, UINT64_C(0x369095118d299a8e) },
		{ 9, UINT64_C(0x25a48eb36c063de4) },
		{ 15, UINT64_C(0xd320d86d2a519956) },
		{ 16, UINT64_C(0xcc4fdd1a7d908b66) },
		{ 17, UINT64_C(0x9cf2689063dbd80c) },
		{ 31, UINT64_C(0x2370dd1f8c21d1bc) },
		{ 63, UINT64_C(0x9d199062b7bbb3a8) },
		{ 300, UINT64_C(0x4016a23bda5a2224) },
	};
	char data[300];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof data; i++)
		data[i] = (char)i;
	for (i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_true(siphash_64(test_key,
				support_guard(data, cases[i].len),
				cases[i].len) == cases[i].want);
}

/* As openssl mac has them, and, up to 63 bytes, their authors. */
static void
test_128(void **state)
{
	static const struct {
		size_t len;
		const char *want;
	} cases[] = {
		{ 0, "a3817f04ba25a8e66df67214c7550293" },
		{ 1, "da87c1d86b99af44347659119b22fc45" },
		{ 7, "a1f1ebbed8dbc153c0b84aa61ff08239" },
		{ 8, "3b62a9ba6258f5610f83e264f31497b4" },
		{ 9, "264499060ad9baabc47f8b02bb6d71ed" },
		{ 15, "5493e99933b0a8117e08ec0f97cfc3d9" },
		{ 16, "6ee2a4ca67b054bbfd3315bf85230577" },
		{ 63, "5150d1772f50834a503e069a973fbd7c" },
	};
	char data[64], have[2 * SIPHASH_BYTES + 1];
	unsigned char hash[SIPHASH_BYTES];
	size_t i, n;

	(void)state;
	for (i = 0; i < sizeof data; i++)
		data[i] = (char)i;
	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		siphash_128(test_key, support_guard(data, cases[i].len),
		    cases[i].len, hash);
		for (n = 0; n < sizeof hash; n++)
			snprintf(have + 2 * n, 3, "%02x", hash[n]);
		assert_string_equal(have, cases[i].want);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_64),
		cmocka_unit_test(test_128),
	};

	return cmocka_run_group_tests_name("siphash", tests, NULL, NULL);
}
