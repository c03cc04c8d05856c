# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""Programs where the accounts that the tests become can reach them.

Root's home is closed to all others, and so is whatever is built below it.
"""

import os
import shutil
import subprocess
import tempfile

from lib import bench

# What crier looks for beside itself.
NAMES = ("crierd", "crier", "crier-doctor", "crier-token")


def _allows(test, path):
    """Whether the web server's user may do that with the path."""
    user = bench.server_user()
    return subprocess.run(
        ["/usr/bin/test", test, path], user=user.pw_uid, group=user.pw_gid,
        extra_groups=(), cwd="/", check=False).returncode == 0


def unreachable_place():
    """The directory of our benches if that user cannot enter it, or ''."""
    place = tempfile.gettempdir()
    return "" if not bench.IS_ROOT or _allows("-x", place) else place


class Programs:
    """Copies of what was built, only if the originals cannot be reached."""

    def __init__(self):
        self.folder = None

    def __enter__(self):
        commands = (bench.CRIERD, bench.CRIER)
        if bench.IS_ROOT and not all(_allows("-x", words[-1])
                                     for words in commands):
            self._copy(commands)
        return self

    def _copy(self, commands):
        self.folder = tempfile.mkdtemp(prefix="crier-programs-")
        os.chmod(self.folder, 0o755)
        for words in commands:
            for name in NAMES:
                source = os.path.join(os.path.dirname(words[-1]), name)
                target = os.path.join(self.folder, name)
                if os.path.exists(source) and not os.path.exists(target):
                    shutil.copy(source, target)
                    os.chmod(target, 0o755)
            words[-1] = os.path.join(self.folder, os.path.basename(words[-1]))

    def __exit__(self, *_exception):
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)
