/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_HUB_TAG_H
#define CRIER_HUB_TAG_H

struct block;
struct channel;

/*
 * A stream may be asked to say of which channel its events are.  An event in
 * several of its channels is sent once, so it is of the one whose cursor it
 * came by.  A tag is a comment line, `: channel NAME`, and stands in front of
 * events: before the first one of each stream, and wherever the next one is of
 * another channel than the one before.
 *
 * So it is no part of an event, and what channels retain, and a store has, is
 * the same for all streams.  It is a unit of its own of the one stream
 * (delivery.c), which knows of which channel it was told last; so wherever a
 * socket is full, between a tag and its event too, what follows needs no more
 * than that to be right.
 */

/* The tag of a channel, as a block of the caller's; or NULL (memory). */
struct block *tag_new(const struct channel *);

#endif
