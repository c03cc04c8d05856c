/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_TESTS_PROGRAMS_H
#define CRIER_TESTS_PROGRAMS_H

#include <netinet/in.h>
#include <stdbool.h>

/* How this process's connections are set, by the address at their other end. */

/* Whether our end of each connection to a Unix socket is closed by an exec. */
bool peers_close_by_exec(const char *path);

/* Whether our end of the connection to a port, in network order, sends at once.
 */
bool peers_send_at_once(in_port_t port);

#endif
