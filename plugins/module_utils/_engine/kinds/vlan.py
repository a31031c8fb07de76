# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""VLAN devices (ip-link(8), net/8021q). ID and protocol cannot be changed in place.

A parent that goes down takes them down, and one that comes up brings them up. One without a MAC of its own has its parent's.
"""

from __future__ import annotations

import struct

from .. import wire
from ..errors import Invalid
from ..fields import Option, between
from ._child import Child, number_of
from ._link import Data, change_link

PROTOCOLS = {"802.1Q": 0x8100, "802.1ad": 0x88A8}
_decode, _encode = number_of(PROTOCOLS, "H", "!")


class Vlan(Child):
    name = kind = "vlan"
    schema = dict(
        Child.schema,
        id=Option("int", required=True, check=between(1, 4094, "a VLAN ID")),
        protocol=Option("str", "802.1Q", choices=tuple(PROTOCOLS)),
    )
    data = {
        "protocol": Data(
            5, "IFLA_VLAN_PROTOCOL",
            lambda data, names: _decode(data.get(5)),
            lambda value, transaction, netns: _encode(value),
            lambda value: ["protocol", value], changeable=False),
        "id": Data(
            1, "IFLA_VLAN_ID",
            lambda data, names: wire.number(data.get(1)),
            lambda value, transaction, netns: struct.pack("=H", value),
            lambda value: ["id", str(value)], changeable=False),
    }

    def claim(self, key, item):
        return (item["parent"], item["protocol"], item["id"]) if item.get("parent") else None

    def claimed(self, item, rival=None):
        return "VLAN %d (%s) of %s" % (item["id"], item["protocol"], item["parent"][1]), "another id or parent"

    def fitting(self, item, link, links, path):
        super().fitting(item, link, links, path)
        parent = link(*item["parent"])
        if item["up"] and parent is not None and not parent["up"]:
            raise Invalid(path + ".up", True, "false as long as its parent %s is down" % item["parent"][1], "or have that up too")

    def follow(self, state, key, parent, changed):
        super().follow(state, key, parent, changed)
        item = state["link"][key]
        if changed.get("up", item["up"]) != item["up"]:
            change_link(state, key, {"up": changed["up"]})
        if "mac" in changed and item["mac"] == parent["mac"]:
            change_link(state, key, {"mac": changed["mac"]})
