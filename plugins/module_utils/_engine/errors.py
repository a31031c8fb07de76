# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can go wrong, by who has to act: the writer of the input, the owner of a foreign object, or the kernel."""

from __future__ import annotations


class FabricError(Exception):
    """Anything the engine reports to its user; the text stands by itself."""


class Invalid(FabricError):
    """Bad input, found before the kernel is touched. `path` is the field's place in the input."""

    def __init__(self, path, value, expected, advice=""):
        self.path, self.value, self.expected = path, value, expected
        super().__init__(
            "%s: %r: expected %s%s" % (path, value, expected, "; " + advice if advice else "")
        )


class Conflict(FabricError):
    """Something that is not ours stands in the way, or would be lost."""


class OperationFailed(FabricError):
    """The kernel (or a tool) refused an operation. `op` is set by whoever knows which one it was."""

    def __init__(self, reason, index=0):
        self.reason, self.index, self.op = reason, index, None
        super().__init__(reason)
