# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""macvlan devices (ip-link(8), drivers/net/macvlan.c): each with a MAC of its own on its parent's segment.

Left out are the modes passthru, in which the parent's own MAC is the child's, and source.
"""

from __future__ import annotations

from ..fields import Option
from ._child import Child, number_of
from ._link import Data

MODES = {"private": 1, "vepa": 2, "bridge": 4}
_decode, _encode = number_of(MODES, "I")


class Macvlan(Child):
    name = kind = "macvlan"
    schema = dict(Child.schema, mode=Option("str", "bridge", choices=tuple(MODES)))
    data = {
        "mode": Data(
            1, "IFLA_MACVLAN_MODE",
            lambda data, names: _decode(data.get(1)),
            lambda value, transaction, netns: _encode(value),
            lambda value: ["mode", value]),
    }

    def claim(self, key, item):
        """A MAC on a parent, of those that are up (macvlan_open)."""
        return (item["parent"], item["mac"]) if item["up"] and item["mac"] and item.get("parent") else None

    def claimed(self, item):
        return "MAC %s on %s" % (item["mac"], item["parent"][1]), "another MAC"
