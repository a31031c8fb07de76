# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The document that a fabric is built from again after a restart, on the node's disk.

  <FOLDER>/<fabric>/document.json      what a restart builds
  <FOLDER>/<fabric>/document.json.new  what a run is building; it takes the other's place in one step, when all of it stands
  <RUN>/<fabric>/pending.json          says of that run how long others keep their hands off, and whether it goes back then

So a power cut at any moment leaves the document before the run or the one after it, and nothing under <RUN>, which says what is under way.
Times are of the clock that counts from the start of the machine.
"""

from __future__ import annotations

import contextlib
import json
import os
import time

from .errors import FabricError, Invalid

FOLDER = "/var/lib/clusternet"
RUN = "/run/clusternet"
NAME = "document.json"
VERSION = 1


class Stored:
    """A stored document and whose it is. `since` is when it was written, in seconds of the epoch."""

    def __init__(self, name, number, document, since=None):
        self.name, self.number, self.document, self.since = name, number, document, since

    def text(self):
        content = {"version": VERSION, "owner": self.name, "number": self.number, "document": self.document}
        return json.dumps(content, indent=1, sort_keys=True) + "\n"


class Place:
    """A fabric's files. Writers hold the engine's lock."""

    def __init__(self, name):
        if name in (".", ".."):
            raise Invalid("owner", name, "a name that a folder can have")
        self.name = name
        self.folder, self.run = os.path.join(FOLDER, name), os.path.join(RUN, name)
        self.path, self.new = os.path.join(self.folder, NAME), os.path.join(self.folder, NAME + ".new")
        self.mark = os.path.join(self.run, "pending.json")

    def text(self):
        return _read(self.path)

    def stored(self):
        """What a restart builds, or None."""
        return self._parse(self.path)

    def coming(self):
        """What a run that has not ended is building, or None."""
        return self._parse(self.new)

    def _parse(self, path):
        text = _read(path)
        if text is None:
            return None
        try:
            content = json.loads(text)
            if content["version"] != VERSION:
                raise FabricError("%s: version %s: expected %d; a newer clusternet.fabric wrote it" % (path, content["version"], VERSION))
            return Stored(content["owner"], content["number"], content["document"], os.stat(path).st_mtime)
        except (ValueError, KeyError, TypeError) as error:
            raise FabricError("%s is no stored document (%s): remove it, and run the playbook again" % (path, error)) from None

    def prepare(self, text):
        """Have the document on the disk before the kernel is changed: what can go wrong with files goes wrong here."""
        _make(self.folder)
        if _read(self.new) != text:
            _write(self.new, text)

    def settle(self, text):
        """What a restart builds from now on; None: nothing."""
        if text is None:
            _discard(self.path)
            _discard(self.new)
            _sync(self.folder)
        elif self.text() != text:
            self.prepare(text)
            os.rename(self.new, self.path)
            _sync(self.folder)
        self.drop()

    def drop(self):
        """Nothing is under way any more."""
        _discard(self.new)
        _discard(self.mark)
        _prune(self.folder, FOLDER)
        _prune(self.run, RUN)

    # --- what is under way ---

    def pend(self, seconds, goes_back):
        _make(self.run)
        _write(self.mark, json.dumps({"until": time.monotonic() + seconds, "goes_back": goes_back}) + "\n")

    def pending(self):
        """{until, goes_back} of a run that is under way, None where there is none."""
        text = _read(self.mark)
        try:
            return dict(json.loads(text)) if text is not None else None
        except ValueError:
            return None


def names():
    """The fabrics that have a stored document."""
    return _with(NAME)


def users():
    """Those too that are about to have one."""
    return sorted({*_with(NAME), *_with(NAME + ".new")})


def _with(file):
    try:
        return sorted(name for name in os.listdir(FOLDER) if os.path.isfile(os.path.join(FOLDER, name, file)))
    except FileNotFoundError:
        return []


def _read(path):
    try:
        with open(path, encoding="utf-8") as handle:
            return handle.read()
    except FileNotFoundError:
        return None


def _write(path, text):
    """Only root may read it: it says more of a network than everybody has to know."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
        os.fchmod(descriptor, 0o600)
        handle.write(text)
        handle.flush()
        os.fsync(descriptor)


def _sync(folder):
    """A name that changed is on the disk too."""
    with contextlib.suppress(FileNotFoundError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _make(folder):
    """Folders that everybody may enter, whatever the umask, as those of the other files there."""
    for path in (os.path.dirname(folder), folder):
        with contextlib.suppress(FileExistsError):
            os.mkdir(path)
            os.chmod(path, 0o755)


def _discard(path):
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def _prune(*folders):
    """Remove folders as far as they are empty: others keep files there too."""
    for folder in folders:
        try:
            os.rmdir(folder)
        except OSError:
            break
