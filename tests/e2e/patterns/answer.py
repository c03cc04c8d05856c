#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""Answers a question, word by word, as a language model does."""

import json
import re
import sys
import time

question = sys.stdin.read()
for word in re.findall(r"\S+\s*", question):
    print(json.dumps(word), flush=True)
    time.sleep(0.1)
