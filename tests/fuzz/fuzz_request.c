/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/* The request's target and parameters. The input is the environment,
 * NAME=VALUE with a NUL behind each; the part behind the last NUL is a form. */
#include "fuzz.h"

#include <string.h>

#include "base/text.h"
#include "request/request.h"

const char *const fuzz_name = "request";

static void
fuzz_parameters(struct text_span form)
{
	static const char *const names[] = { "channel", "last", "" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *why = NULL;
		char *value = NULL;
		size_t len = 0;
		int found = 1;

		struct text_span rest = form;

		while (found == 1) {
			found = request_next_parameter(&rest, names[i], &value,
			    &len, &why);
			fuzz_check(found != -1 || why != NULL);
			if (found != 1)
				break;
			fuzz_check(value[len] == '\0');
			fuzz_check(len <= form.len);
			free(value);
		}
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct request request = { .env.len = 0 };
	struct request_target target = { .path = NULL };
	const char *at = (const char *)data;
	const char *end = at + size;
	const char *nul;
	const char *why = NULL;
	char *form;

	for (; size > 0 && (nul = memchr(at, '\0', (size_t)(end - at))) != NULL;
	     at = nul + 1)
		fuzz_check(request_add(&request, at) == 0);
	if (request_read_target(&request, &target, &why) == 0) {
		fuzz_check(target.path != NULL);
		fuzz_check(target.path_len <= size);
		fuzz_parameters(target.query);
		request_target_clear(&target);
	} else {
		fuzz_check(why != NULL);
	}
	/* The form in memory of its own, without a NUL behind it. */
	size = (size_t)(end - at);
	form = malloc(size > 0 ? size : 1);
	fuzz_check(form != NULL);
	if (size > 0)
		memcpy(form, at, size);
	fuzz_parameters((struct text_span){ form, size });
	free(form);
	request_clear(&request);
	return 0;
}
