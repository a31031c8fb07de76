# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files and folders written so that neither a second run nor a power cut sees half of one."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time

LOCK_SECONDS = 60


class Refused(Exception):
    """What is there is not what was expected, and is left alone; the text names the path and what to do."""


def missing_folders(path):
    """The folders above a path that are not there, the uppermost first."""
    result = []
    folder = os.path.dirname(path)
    while not os.path.isdir(folder):
        if os.path.lexists(folder):
            raise Refused("%s: %s is not a directory: move it away" % (path, folder))
        result.insert(0, folder)
        folder = os.path.dirname(folder)
    return result


def make_folder(path):
    """A folder that everybody may enter, whatever the umask."""
    with contextlib.suppress(FileExistsError):
        os.mkdir(path)
        os.chmod(path, 0o755)


@contextlib.contextmanager
def lock(folder, seconds=LOCK_SECONDS):
    """Two runs on a node wait for each other. A folder that is there anyhow is what they lock: no file has to be made for it."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    deadline = time.monotonic() + seconds
    try:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise Refused("%s: another run has held its lock for %d seconds; wait for that run or end it" % (folder, seconds))
                time.sleep(0.05)
        yield
    finally:
        os.close(handle)


def replace(path, content, mode):
    """Put a file in place in one step. What a run that died here left is taken over by the next: see C(temporary)."""
    new = temporary(path)
    discard(new)
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "wb") as file:
        os.fchmod(handle, mode)
        file.write(content)
        file.flush()
        os.fsync(handle)
    os.rename(new, path)
    _sync(os.path.dirname(path))


def _sync(folder):
    """A name that changed is on the disk too: a node whose power goes right after a run has what the run built."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def temporary(path):
    """The name under which a file is written before it takes its place; writers hold the lock."""
    folder, name = os.path.split(path)
    return os.path.join(folder, ".%s.clusternet" % name)


def discard(path):
    """Remove a file that may be there."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
