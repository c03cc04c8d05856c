#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""Types what the page has sent, one character after the other."""

import json
import sys
import time


def send(**event):
    print(json.dumps(event), flush=True)


message = json.load(sys.stdin)["message"]
send(type="start")
for character in message:
    send(type="chunk", content=character)
    time.sleep(0.1)
send(type="end")
