# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Key material: documents name a file on the node, the kernel holds the content, and the two are compared in memory alone.

Nothing here has a text form that shows the content, and JSON takes none of it.
"""

from __future__ import annotations

import hmac
import os

from ..errors import FabricError, Invalid


class Key:
    """What the kernel holds; b'' is none."""

    path = None

    def __init__(self, content):
        self._content = content

    def content(self):
        return self._content

    def __eq__(self, other):
        if not isinstance(other, Key):
            return NotImplemented
        if self.path is not None and self.path == other.path:
            return True
        ours, theirs = self.content(), other.content()
        return None not in (ours, theirs) and hmac.compare_digest(ours, theirs)

    __hash__ = None

    def __repr__(self):
        return "a key"


NONE = Key(b"")


class KeyFile(Key):
    """What a file of the node holds, read whenever it is asked for. `decode` turns the file's bytes into the key, or raises ValueError;
    `make`, where the file may be missing, gives the bytes of a new one, which is written when the key is put to use."""

    def __init__(self, path, decode, expected, make=None):
        self.path, self._decode, self._expected, self._make = path, decode, expected, make
        self._may_miss = make is not None

    def missing(self):
        """Whether there is no file and none will be made."""
        return self._make is None and not os.path.lexists(self.path)

    def will_come(self):
        """It is not there yet, and what is foretold is for when it is."""
        self._may_miss = True

    def _error(self, reason):
        return FabricError("%s: expected %s on this node: %s" % (self.path, self._expected, reason))

    def content(self):
        """The key; None where it is yet to be made, or to come."""
        try:
            with open(self.path, "rb") as handle:
                return self._decode(handle.read(65536).strip())
        except FileNotFoundError:
            if self._may_miss:
                return None
            raise self._error("there is no such file; put it there, readable for root alone (0400)") from None
        except ValueError:
            raise self._error("it holds something else") from None
        except OSError as error:
            raise self._error(error.strerror) from None

    def settle(self):
        """The key, made where it is missing. Returns (key, whether it was made)."""
        found = self.content()
        if found is not None:
            return found, False
        try:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o400)
        except OSError as error:
            raise self._error("it cannot be made: %s" % error.strerror) from None
        with os.fdopen(descriptor, "wb") as handle:
            os.fchmod(descriptor, 0o400)
            handle.write(self._make() + b"\n")
            handle.flush()
            os.fsync(descriptor)
        return self.content(), True


def file_path(value, path):
    """The path of a file with a key on the node."""
    if not value.startswith("/") or "\0" in value or "\n" in value:
        raise Invalid(path, value, "an absolute path of a file on the node, such as /etc/clusternet/key")
    return value


def file_path_or_none(value, path):
    return file_path(value, path) if value else ""
