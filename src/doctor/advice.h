/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_DOCTOR_ADVICE_H
#define CRIER_DOCTOR_ADVICE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Which directive mends which fault: a table of web server, the way in which
 * crierd is attached to it, and fault.  Does no I/O.
 */

enum server {
	SERVER_UNKNOWN,
	SERVER_NGINX,
	SERVER_APACHE,
	SERVER_LIGHTTPD,
	SERVER_HAPROXY,
	SERVER_CADDY,
	SERVER_H2O
};

enum attachment {
	ATTACHED_UNKNOWN,
	ATTACHED_FASTCGI, /* crierd runs by itself */
	ATTACHED_MANAGED, /* by handoff: the server starts processes */
	ATTACHED_CGI      /* by handoff */
};

enum fault {
	FAULT_NONE,
	FAULT_CERTIFICATE,
	FAULT_NOT_FOUND,    /* 404 */
	FAULT_DENIED,       /* 401, 403 */
	FAULT_GATEWAY,      /* 502, 503, 504 */
	FAULT_STATUS,       /* any other */
	FAULT_TYPE,         /* no event stream */
	FAULT_STAND_IN,     /* an empty stream in place of crierd's */
	FAULT_OTHER_CRIERD, /* not the one on this queue */
	FAULT_SOME_CRIERD,  /* some streams are at another one */
	FAULT_FULL,         /* not all of several streams were opened */
	FAULT_CACHE,        /* Cache-Control did not come through */
	FAULT_COMPRESSED,
	FAULT_HELD, /* events are kept back */
	FAULT_SLOW,
	FAULT_CUT, /* silence ends the stream */
	FAULT_MAX_TIME,
	FAULT_NO_HEARTBEAT, /* crierd did not send any */
	FAULT_HEARTBEAT_OFF,
	FAULT_LEAVING_LATE,  /* noticed at a heartbeat only */
	FAULT_LEAVING_NEVER, /* not noticed */
	FAULT_THREADS,       /* many streams hold one of Apache's each */
	FAULT_MPM,           /* too few streams a child, or ended early */
	FAULT_LAST_EVENT_ID, /* events that were missed did not come */
	FAULT_GAP            /* crierd no longer had it */
};

struct advice {
	enum server server;         /* SERVER_UNKNOWN: any */
	enum attachment attachment; /* ATTACHED_UNKNOWN: any */
	enum fault fault;
	const char *where;
	const char *directive; /* what to write there; lines end with '\n' */
	const char *why;       /* or NULL */
};

/*
 * The next advice behind previous (NULL: the first) that fits; NULL after the
 * last.  If server or attachment is unknown, the advice for any of them fits.
 */
const struct advice *advice_next(const struct advice *previous, enum server,
    enum attachment, enum fault);

/* The server, by the value of its Server header, or by its short name. */
enum server advice_server(const char *header);
bool advice_server_named(const char *name, enum server *server);

/*
 * The attachment, by the door that crierd says the stream came by ("" if it
 * says nothing); with Apache also by how many bytes were held back (0: none).
 */
enum attachment
advice_attachment(const char *door, enum server, uint64_t held_bytes);

/* Short names, as they stand in the JSON. */
const char *advice_server_name(enum server);
const char *advice_attachment_name(enum attachment);
const char *advice_fault_name(enum fault);

#endif
