# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sets of text files with one owner: what module file_set does.

A set's ledger, C(/var/lib/clusternet/<owner>/<name>.json), lists the paths that are the owner's and the folders made for them. It is
written before the files are, so that a run that dies leaves nothing behind that no ledger knows.
"""

from __future__ import annotations

import errno
import glob
import json
import os
import stat

from ansible_collections.clusternet.fabric.plugins.module_utils._files import (
    Refused,
    discard,
    make_folder,
    missing_folders,
    replace,
    temporary,
)

STATE = "/var/lib/clusternet"
# What others keep beside the ledgers: the engine (_engine/store.py) and unit_set.
NO_LEDGERS = ("document.json", "units.json")
VERSION = 1


class Ledger:
    """What a set owns: paths of files, and folders that were made for them."""

    def __init__(self, state, owner, name):
        self.state = state
        self.path = os.path.join(state, owner, name + ".json")
        self.files, self.directories = self._read(self.path)

    def save(self, files, directories):
        """Write the ledger, or remove it and its empty folders where nothing is owned any more."""
        if files or directories:
            for folder in missing_folders(self.path):
                make_folder(folder)
            content = {"version": VERSION, "files": sorted(files), "directories": sorted(directories)}
            replace(self.path, (json.dumps(content, indent=2, sort_keys=True) + "\n").encode(), 0o644)
            return
        discard(temporary(self.path))
        discard(self.path)
        for path in (os.path.dirname(self.path), self.state):
            try:
                os.rmdir(path)
            except FileNotFoundError:
                pass
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
                break

    def others(self):
        """C(path of the ledger, files, directories) of every other set on this machine."""
        for path in sorted(glob.glob(os.path.join(glob.escape(self.state), "*", "*.json"))):
            if path != self.path and os.path.basename(path) not in NO_LEDGERS:
                yield (path,) + self._read(path)

    @staticmethod
    def _read(path):
        try:
            with open(path, encoding="utf-8") as file:
                content = json.load(file)
            if content["version"] != VERSION:
                raise Refused("%s: version %s: expected %d; a newer clusternet.fabric wrote it" % (path, content["version"], VERSION))
            return set(content["files"]), set(content["directories"])
        except FileNotFoundError:
            return set(), set()
        except (ValueError, KeyError, TypeError) as error:
            raise Refused("%s: is not a ledger of file_set: %s; remove it and the files it stood for" % (path, error)) from error


class Plan:
    """What has to be done for a set of files, found without changing anything."""

    def __init__(self, ledger, wanted):
        self.ledger = ledger
        # (path, content, mode, what is there or None), in the order given
        self.writes = []
        # (path, content) of ours that go
        self.removals = []
        self.files = set()
        # Folders to make, the uppermost first; and those of ours that stay.
        self.directories = []
        self.kept_directories = set()
        for entry in wanted:
            self._want(entry)
        for path in sorted(ledger.files - self.files):
            found = look(path)
            if found is not None:
                self.removals.append((path, found[0], found[1]))
        self._plan_directories()

    @property
    def created(self):
        return [path for path, _content, _mode, found in self.writes if found is None]

    @property
    def updated(self):
        return [path for path, _content, _mode, found in self.writes if found is not None]

    @property
    def removed(self):
        return [path for path, _content, _mode in self.removals]

    @property
    def changed(self):
        return bool(self.writes or self.removals)

    def _want(self, entry):
        path, content, mode = entry["path"], entry["content"], entry["mode"]
        ours = path in self.ledger.files
        found = look(path)
        if found is not None and not ours:
            if found != (content, mode):
                raise Refused("%s: %s; it is left as it is: move it away or leave it out" % (path, self._whose(path)))
            # Somebody's file that happens to be as wanted stays somebody's.
            return
        self.files.add(path)
        if found != (content, mode):
            self.writes.append((path, content, mode, found))
        self.directories.extend(folder for folder in missing_folders(path) if folder not in self.directories)

    def _whose(self, path):
        for other, files, _directories in self.ledger.others():
            if path in files:
                return "belongs to another set, %s" % other
        return "is there already with other content or mode, and not from here"

    def _plan_directories(self):
        """Folders of ours that are still needed; one that another set made counts as ours too, so that the last to go takes it away."""
        made = set(self.ledger.directories)
        for _path, _files, directories in self.ledger.others():
            made |= directories
        made.update(self.directories)
        for path in self.files:
            folder = os.path.dirname(path)
            while folder != os.path.dirname(folder):
                if folder in made:
                    self.kept_directories.add(folder)
                folder = os.path.dirname(folder)

    def diff(self):
        """One entry a file, in Ansible's form. What not everybody may read is not shown."""
        for path, content, mode, found in self.writes:
            before = (_shown(*found), "%04o" % found[1]) if found else ("", "absent")
            yield _difference(path, before, (_shown(content, mode), "%04o" % mode))
        for path, content, mode in self.removals:
            yield _difference(path, (_shown(content, mode), "%04o" % mode), ("", "absent"))

    def apply(self):
        """Do it. What fails midway is finished by the next run: the ledger knows both what was and what shall be."""
        ledger = self.ledger
        directories = ledger.directories | set(self.directories) | self.kept_directories
        settled = self.files == ledger.files and self.kept_directories == ledger.directories
        if not settled:
            ledger.save(ledger.files | self.files, directories)
        for folder in self.directories:
            make_folder(folder)
        for path, content, mode, _found in self.writes:
            replace(path, content, mode)
        for path in self.removed:
            os.unlink(path)
        for path in ledger.files - self.files:
            discard(temporary(path))
        for folder in sorted(ledger.directories - self.kept_directories, key=len, reverse=True):
            try:
                os.rmdir(folder)
            except FileNotFoundError:
                pass
            except OSError as error:
                # Somebody else's files are in it: it is theirs from now on.
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.EBUSY):
                    raise
        if not settled or not self.files:
            ledger.save(self.files, self.kept_directories)


def look(path):
    """C((content, mode)) of a regular file, None where nothing is; anything else there is an error rather than followed or replaced."""
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return None
    except NotADirectoryError as error:
        raise Refused("%s: a part of this path is not a directory: move that away" % path) from error
    if not stat.S_ISREG(status.st_mode):
        kind = "a symbolic link" if stat.S_ISLNK(status.st_mode) else "a directory" if stat.S_ISDIR(status.st_mode) else "a special file"
        raise Refused("%s: is %s: expected a plain file or nothing; move it away" % (path, kind))
    with open(path, "rb") as file:
        return file.read(), stat.S_IMODE(status.st_mode)


def _shown(content, mode):
    if not mode & stat.S_IROTH:
        return "(not shown: not everybody may read it)\n"
    return content.decode("utf-8", "replace")


def _difference(path, before, after):
    return {
        "before_header": "%s (%s)" % (path, before[1]),
        "after_header": "%s (%s)" % (path, after[1]),
        "before": before[0],
        "after": after[0],
    }
