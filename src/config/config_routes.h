/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_CONFIG_CONFIG_ROUTES_H
#define CRIER_CONFIG_CONFIG_ROUTES_H

#include <stddef.h>

#include "base/text.h"
#include "config/config_route.h"

/* All routes of a configuration together. */

enum {
	CONFIG_ROUTES_MAX = 1000
};

/* Takes a route, which is freed if that fails: 0, or -1 (memory). */
int config_routes_add(struct config *, struct config_route *);

/*
 * NULL, or the first route that no request comes to, with *cause, which follows
 * its title.
 */
const struct config_route *
config_routes_check(const struct config *, char **cause);

/* If there is no route, those that stand without any: 0, or -1 (memory). */
int config_routes_add_standing(struct config *);

/*
 * The most specific route that serves a method on a path, or NULL.  Of two for
 * the same path, one for GET and one for HEAD, the latter serves HEAD.
 */
const struct config_route *config_routes_find(const struct config *,
    const char *method, const struct text_span *segments, size_t count);

#endif
