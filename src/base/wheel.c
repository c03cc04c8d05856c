/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <string.h>

#include "base/wheel.h"

/*
 * A timer lies in the slot of its tick, modulo the number of slots.  A timer
 * that is due after more than a full turn is met early and left in place:
 * due_ms decides, not the slot.
 */

static struct wheel_timer **
wheel_slot(struct wheel *w, uint64_t tick)
{
	return &w->slots[tick % WHEEL_SLOTS];
}

static void
wheel_link(struct wheel_timer **head, struct wheel_timer *t)
{
	t->next = *head;
	t->prev = head;
	if (*head != NULL)
		(*head)->prev = &t->next;
	*head = t;
}

static void
wheel_unlink(struct wheel_timer *t)
{
	*t->prev = t->next;
	if (t->next != NULL)
		t->next->prev = t->prev;
	t->prev = NULL;
	t->next = NULL;
}

void
wheel_init(struct wheel *w, uint64_t now_ms)
{
	memset(w, 0, sizeof *w);
	w->turned = now_ms / WHEEL_TICK_MS;
}

bool
wheel_is_set(const struct wheel_timer *t)
{
	return t->prev != NULL;
}

void
wheel_clear(struct wheel *w, struct wheel_timer *t)
{
	if (t->prev == NULL)
		return;
	wheel_unlink(t);
	w->count--;
}

void
wheel_set(struct wheel *w, struct wheel_timer *t, uint64_t due_ms)
{
	/* Rounded up: a slot is turned when its tick has begun. */
	uint64_t tick = (due_ms + WHEEL_TICK_MS - 1) / WHEEL_TICK_MS;

	wheel_clear(w, t);
	t->due_ms = due_ms;
	if (tick <= w->turned)
		tick = w->turned + 1;
	wheel_link(wheel_slot(w, tick), t);
	w->count++;
}

/*
 * The due timers of one slot move to a list of their own first: a callback
 * may clear any of them, and may set new ones into this very slot.
 */
static void
wheel_turn_slot(struct wheel *w, struct wheel_timer **head, uint64_t now_ms,
    void (*due_cb)(struct wheel_timer *, void *), void *arg)
{
	struct wheel_timer *t, *next, *due = NULL;

	for (t = *head; t != NULL; t = next) {
		next = t->next;
		if (t->due_ms > now_ms)
			continue;
		wheel_unlink(t);
		wheel_link(&due, t);
	}
	while ((t = due) != NULL) {
		wheel_clear(w, t);
		due_cb(t, arg);
	}
}

void
wheel_turn(struct wheel *w, uint64_t now_ms,
    void (*due_cb)(struct wheel_timer *, void *), void *arg)
{
	uint64_t end = now_ms / WHEEL_TICK_MS;

	/* After a long sleep each slot is visited once, not once a tick. */
	if (end > w->turned + WHEEL_SLOTS)
		w->turned = end - WHEEL_SLOTS;
	while (w->turned < end) {
		w->turned++;
		wheel_turn_slot(w, wheel_slot(w, w->turned), now_ms, due_cb,
		    arg);
	}
}
