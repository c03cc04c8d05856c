/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/* protocol/id.h: what is read is written the same, and the next id is greater.
 */
#include "fuzz.h"

#include <string.h>

#include "protocol/id.h"

const char *const fuzz_name = "id";

static void
fuzz_next(struct id id, uint64_t now_ms)
{
	struct id next;

	if (id.ms == UINT64_MAX && id.n == UINT64_MAX)
		return;
	next = id_next(id, now_ms);
	fuzz_check(id_cmp(next, id) > 0);
	fuzz_check(id_cmp(id, next) < 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = size > 0 ? (const char *)data : "";
	char written[ID_TEXT_SIZE];
	struct id id;
	struct id again;
	size_t len;

	if (!id_parse(text, size, &id))
		return 0;
	len = id_format(id, written);
	fuzz_check(len < sizeof(written) && strlen(written) == len);
	fuzz_check(id_parse(written, len, &again));
	fuzz_check(id_cmp(id, again) == 0);
	fuzz_check(strspn(written, "0123456789-") == len);
	/* All but leading zeros is as it was. */
	fuzz_check(len <= size);
	fuzz_next(id, 0);
	fuzz_next(id, id.ms);
	fuzz_next(id, UINT64_MAX);
	return 0;
}
