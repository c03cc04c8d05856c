/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_HUB_PRESENCE_H
#define CRIER_HUB_PRESENCE_H

#include <json-c/json.h>

#include "base/text.h"
#include "hub/hub.h"

enum {
	PRESENCE_USERS_MAX = 1000
};

/*
 * Adds who follows a channel at this moment: its "streams", the "users" in the
 * order of their names with the number of streams of each, at most
 * PRESENCE_USERS_MAX and at most `limit` if that is not 0 ("more" says that
 * there are others), and how many streams are nobody's, "anonymous".  What ends
 * is not counted.
 */
void presence_add(struct hub *, struct text_span channel, size_t limit,
    struct json_object *);

#endif
