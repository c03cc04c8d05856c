/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include "door/aside.h"
#include "door/door.h"
#include "door/uplink.h"

struct uplink *
aside_choose(struct door *door, bool is_question)
{
	if (!is_question || door->aside == NULL)
		return door->uplink;
	if (uplink_is_attached(door->aside) ||
	    (uplink_is_attached(door->uplink) &&
		door->attach_cb(door->attach_arg) == 0))
		return door->aside;
	return door->uplink;
}

void
aside_go_on(struct door *door)
{
	if (door->aside != NULL && !uplink_is_idle(door->aside) &&
	    !uplink_is_attached(door->aside))
		door->attach_cb(door->attach_arg);
}
