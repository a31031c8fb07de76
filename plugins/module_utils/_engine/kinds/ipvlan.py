# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ipvlan devices (ip-link(8), drivers/net/ipvlan): links with their parent's MAC and addresses of their own.

Mode and flag are the parent's: all ipvlans on one have the same, and who sets one's sets all.
"""

from __future__ import annotations

from ..errors import Conflict, Invalid
from ..fields import Option
from ._child import Child, number_of
from ._link import Data, change_link, children, whose

MODES = {"l2": 0, "l3": 1, "l3s": 2}
FLAGS = {"bridge": 0, "private": 1, "vepa": 2}
SHARED = ("mode", "flag")
_decode_mode, _encode_mode = number_of(MODES, "H")
_decode_flag, _encode_flag = number_of(FLAGS, "H")


class Ipvlan(Child):
    name = kind = "ipvlan"
    schema = {option: item for option, item in Child.schema.items() if option != "mac"}
    schema.update(mode=Option("str", "l2", choices=tuple(MODES)), flag=Option("str", "bridge", choices=tuple(FLAGS)))
    data = {
        "mode": Data(
            1, "IFLA_IPVLAN_MODE",
            lambda data, names: _decode_mode(data.get(1)),
            lambda value, transaction, netns: _encode_mode(value),
            lambda value: ["mode", value]),
        "flag": Data(
            2, "IFLA_IPVLAN_FLAGS",
            lambda data, names: _decode_flag(data.get(2)),
            lambda value, transaction, netns: _encode_flag(value),
            lambda value: [value]),
    }

    def fitting(self, item, link, links, path):
        super().fitting(item, link, links, path)
        for other, wanted in links.items():
            for field in SHARED:
                if wanted["kind"] == self.kind and wanted["parent"] == item["parent"] and wanted[field] != item[field]:
                    raise Invalid("%s.%s" % (path, field), item[field],
                                  "the same for all ipvlans of a parent, and %s has %s" % (self.describe(other), wanted[field]))

    def check(self, state, key, wanted, owner):
        super().check(state, key, wanted, owner)
        for other in children(state, wanted.get("parent")):
            found = state["link"][other]
            for field in SHARED:
                if other != key and not owner.holds_link(found) and wanted.get(field) != found.get(field, wanted.get(field)):
                    raise Conflict("%s: its %s %s would be that of %s too, which has %s and is %s; choose the same, or another parent"
                                   % (self.describe(key), field, wanted[field], self.describe(other), found[field], whose(found)))

    def simulate(self, state, operation):
        super().simulate(state, operation)
        if operation.verb == "remove":
            return
        item, flushed = state["link"][operation.key], []
        if operation.verb == "change" and "mode" in operation.after:
            flushed.append(operation.key)
        for other in children(state, item["parent"]):
            found = state["link"][other]
            changed = {field: item[field] for field in SHARED if field in found and found[field] != item[field]}
            if changed:
                change_link(state, other, changed)
            if "mode" in changed:
                flushed.append(other)
        for key in flushed:  # above L2 nobody asks for MACs
            state.drop("neighbour", state.on_device("neighbour", *key))

    def follow(self, state, key, parent, changed):
        """MTU and MAC are the parent's: the MTU whenever that changes, and nobody is told, so that IPv6 stays with too small a one."""
        if "mtu" in changed:
            state.alter("link", key, mtu=changed["mtu"])
        if "mac" in changed:
            change_link(state, key, {"mac": changed["mac"]})
