# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whose an object is. The marks are in the kernel: link group and alias, routing protocol, rule comment (docs/architecture.md)."""

from __future__ import annotations

import re

from .errors import Invalid
from .fields import between

NUMBERS = (160, 175)  # of rt_protos below the ones iproute2 knows (186 is bgp); shared by protocol and link group
COMMENT = "clusternet:"
STATIC = 4  # RTPROT_STATIC: what a granular module's routes carry


class Owner:
    """A fabric, or (`name` None) a granular module, which acts on exactly what it names and marks nothing."""

    def __init__(self, name=None, number=None):
        if name is not None:
            if not re.match(r"[A-Za-z0-9_.-]{1,32}\Z", name):
                raise Invalid("owner", name, "a fabric name of 1 to 32 letters, digits, '-', '_' or '.'")
            between(NUMBERS[0], NUMBERS[1], "a fabric's number")(number, "number")
        self.name, self.number = name, number

    @property
    def fabric(self):
        return self.name is not None

    @property
    def group(self):
        return self.number if self.fabric else 0

    @property
    def alias(self):
        return self.name or ""

    @property
    def protocol(self):
        return self.number if self.fabric else STATIC

    @property
    def comment(self):
        return COMMENT + self.name

    def holds_link(self, link):
        """Both marks, or the group alone: a link that a killed run of ours had just made."""
        return self.fabric and link["group"] == self.number and link["alias"] in (self.name, "")

    def holds_protocol(self, item):
        return self.fabric and item["protocol"] == self.number

    def __str__(self):
        return "fabric %s" % self.name if self.fabric else "this task"


def fabric_of_link(link):
    """The fabric that a link's marks name, or None."""
    return link["alias"] if link["alias"] and NUMBERS[0] <= link["group"] <= NUMBERS[1] else None


def fabric_number(item):
    """The fabric's number that a route or neighbour carries, or None."""
    return item["protocol"] if NUMBERS[0] <= item["protocol"] <= NUMBERS[1] else None
