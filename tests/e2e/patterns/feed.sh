#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
#
# feed.sh SECONDS: ten messages, one of another kind, and an end.
for n in $(seq 10); do
	echo '{"type":"message","id":'"$n"',"content":"第'"$n"'条消息 🎉"}'
	sleep "$1"
done
echo '{"event":"custom","data":{"content":"自定义事件 👨‍👩‍👧‍👦"}}'
echo '{"type":"end"}'
