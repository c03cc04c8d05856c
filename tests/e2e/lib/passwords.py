# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""Passwords of a web server's own: a file of users, and what they send."""

import base64
import hashlib

USERS = ("ann", "bob")


def word_of(user):
    return user + "!"


def write(place):
    """A file as htpasswd(1) makes it; its path.

    SHA-1, as weak as it is, because all of the web servers read it.
    """
    lines = []
    for user in USERS:
        digest = hashlib.sha1(word_of(user).encode()).digest()
        lines.append(f"{user}:{{SHA}}{base64.b64encode(digest).decode()}\n")
    return place.write("users", "".join(lines))


def basic(user, word=None):
    """The value of the header Authorization (RFC 7617)."""
    text = f"{user}:{word or word_of(user)}".encode()
    return "Basic " + base64.b64encode(text).decode()
