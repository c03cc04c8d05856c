/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * A load client: thousands of event streams in one process, over FastCGI or
 * HTTP, and a publisher in another one.  Every event says which one of its
 * channel it is and when it was sent, so every stream's are checked: each once,
 * in order, whole.
 */
#ifndef CRIER_BENCH_LOAD_H
#define CRIER_BENCH_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "measure.h"

enum {
	LOAD_KEEP = 512,   /* of a response's head or a line in pieces */
	LOAD_ID_SIZE = 64, /* of an event's id */
	LOAD_HEADER = 8    /* FastCGI Specification 1.0, 3.3 */
};

struct load_address {
	struct sockaddr_storage sa;
	socklen_t len;
};

struct load_options {
	struct load_address server; /* of the streams */
	bool is_http;
	const char *prefix; /* of a stream's URL, before its channel */
	unsigned streams, channels, in_flight;
	unsigned stalled; /* so many of the streams are not read */

	struct load_address queue; /* where events go; len 0: nowhere */
	bool is_posted;            /* by HTTP, else crier's lines */
	bool is_grip;              /* as Pushpin wants it */
	const char *post_prefix;
	bool is_elsewhere;           /* what the URLs run makes the events */
	unsigned events, size, rate; /* rate 0: as fast as they are taken */
	unsigned fill;               /* bytes of each of FILLS events before */
	unsigned back;               /* a storm asks for so many events */
	unsigned settle_ms, limit_s;
	struct measure_pids pids;
};

enum {
	LOAD_FILLS = 8,
	LOAD_FILL_SIZE = 60000
};

/* What the publisher tells the client, in memory that they share. */
struct load_shared {
	uint64_t first_ns, done_ns;
	uint64_t sent, accepted, refused;
	uint64_t late_ns; /* how far behind its pace it was, at most */
	char back_id[LOAD_ID_SIZE];
	char refusal[256];
};

enum load_phase {
	LOAD_CLOSED,
	LOAD_CONNECTING,
	LOAD_HEAD, /* the response's head is awaited */
	LOAD_OPEN,
	LOAD_FAILED
};

struct load_stream {
	int fd;
	uint8_t phase;
	bool is_stalled;
	bool is_chunked;
	bool is_welcome; /* the first bytes behind the head have come */
	uint32_t channel;

	/* FastCGI: a record's header; HTTP: a chunk's size */
	unsigned char header[LOAD_HEADER];
	uint8_t header_len;
	uint8_t chunk_part;
	uint32_t content_left, padding_left;

	uint32_t kept; /* of the head, or of a line whose end has not come */
	uint32_t line_len;
	uint32_t next; /* event */
	char keep[LOAD_KEEP];
};

/* All that was seen. */
struct load_counts {
	uint64_t opened, failed, ended;
	uint64_t delivered, duplicates, lost, odd, gaps, fills;
	uint64_t bytes, reads;
	uint64_t last_ns;
	struct measure_latency latency;
};

struct load {
	struct load_options options;
	struct load_counts counts;
	struct load_stream *streams;
	struct load_shared *shared;
	const char *since; /* Last-Event-ID, or NULL */
	uint64_t now_ns;   /* when the bytes at hand were read */
	int epoll;
	unsigned started, in_flight;
};

/* load_parse.c: what came for a stream; 0, or -1 (it has ended). */
int load_parse(struct load *, struct load_stream *, const char *, size_t);

/* load_stream.c: opens all that are not; waits until all are, or time is up. */
void load_open_all(struct load *);
void load_close_all(struct load *);

/* Reads for up to so long; how many streams had something. */
unsigned load_turn(struct load *, int timeout_ms);

/* load_publish.c: a process that begins when a byte comes from the pipe. */
pid_t load_publisher(const struct load *, int go);

/* An address of the form unix:PATH or HOST:PORT (numbers). */
void load_read_address(struct load_address *, const char *text);

#endif
