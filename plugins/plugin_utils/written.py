# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What all files have in common that a fabric has on a node: their first line, where they are, and by what one tells one content from another."""

from __future__ import annotations

import hashlib

HEAD = "# Made by clusternet.fabric; changes are overwritten.\n"


def place(fabric, name):
    """The path of a file of a fabric's own."""
    return "/etc/clusternet/%s/%s" % (fabric["name"], name)


def revision(text):
    """What changes with a text: for whatever has to be restarted or read again then."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]
