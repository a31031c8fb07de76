# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""macvlan devices (ip-link(8), drivers/net/macvlan.c): each with a MAC of its own on its parent's segment.

In mode passthru a device is alone on its parent and the two have one MAC; in mode source it gets frames of the MACs on its list alone.
Into passthru, and out of it, no device can be changed.
"""

from __future__ import annotations

import struct

from .. import wire
from ..errors import Invalid
from ..fields import Option, between, unicast_mac
from ._child import Child, number_of
from ._link import Data
from ._raw import whole

MODES = {"private": 1, "vepa": 2, "bridge": 4, "passthru": 8, "source": 16}
PASSTHRU, SOURCE = "passthru", "source"
IFLA_MACVLAN_MODE, IFLA_MACVLAN_MACADDR_MODE, IFLA_MACVLAN_MACADDR, IFLA_MACVLAN_MACADDR_DATA, IFLA_MACVLAN_BC_QUEUE_LEN = 1, 3, 4, 5, 7
MACADDR_SET = 3
_decode, _encode = number_of(MODES, "I")


def _macs(value, path):
    return tuple(sorted({unicast_mac(str(mac), "%s[%d]" % (path, position)) for position, mac in enumerate(value)}))


def _decode_macs(data, names):
    return tuple(sorted(raw.hex(":") for raw in wire.listed(data.get(IFLA_MACVLAN_MACADDR_DATA, b""))))


def _encode_macs(value, transaction, netns):
    return b"".join(wire.attribute(IFLA_MACVLAN_MACADDR, bytes.fromhex(mac.replace(":", ""))) for mac in value)


class Macvlan(Child):
    name = kind = "macvlan"
    schema = dict(
        Child.schema,
        mode=Option("str", "bridge", choices=tuple(MODES)),
        source_macs=Option("list", elements="str", check=_macs),
        bcqueuelen=Option("int", check=between(1, (1 << 32) - 1, "a number of frames")),
    )
    data = {
        "mode": Data(
            IFLA_MACVLAN_MODE, None,
            lambda data, names: _decode(data.get(IFLA_MACVLAN_MODE)),
            lambda value, transaction, netns: _encode(value),
            lambda value: ["mode", value]),
        "source_macs": Data(
            IFLA_MACVLAN_MACADDR_DATA, None, _decode_macs, _encode_macs,
            lambda value: ["macaddr", "set", *value] if value else ["macaddr", "flush"]),
        "bcqueuelen": whole(IFLA_MACVLAN_BC_QUEUE_LEN, "I", "bcqueuelen"),
    }

    def objects(self, entry, owner, path):
        if entry["source_macs"] and entry["mode"] != SOURCE:
            raise Invalid(path + ".source_macs", list(entry["source_macs"]), "mode source with it, not %s" % entry["mode"])
        return super().objects(dict(entry, source_macs=(entry["source_macs"] or ()) if entry["mode"] == SOURCE else None), owner, path)

    def claim(self, key, item):
        """A MAC on a parent, of those that are up (macvlan_open)."""
        return (item["parent"], item["mac"]) if item["up"] and item["mac"] and item.get("parent") and item["mode"] != PASSTHRU else None

    def rivals(self, key, item):
        same = super().rivals(key, item)

        def rival(other, found):
            alone = other != key and found.get("parent") == item.get("parent") and PASSTHRU in (found["mode"], item["mode"])
            return alone or same is not None and same(other, found)

        return rival

    def claimed(self, item, rival=None):
        if rival is not None and PASSTHRU in (rival["mode"], item["mode"]):
            return "parent %s" % item["parent"][1], "another parent"
        return "MAC %s on %s" % (item["mac"], item["parent"][1]), "another MAC"

    def must_replace(self, found, wanted):
        if found["kind"] == self.kind and found["mode"] != wanted["mode"] and PASSTHRU in (found["mode"], wanted["mode"]):
            return "mode"
        return super().must_replace(found, wanted)

    def fitting(self, item, link, links, path):
        super().fitting(item, link, links, path)
        for other, wanted in links.items():
            if wanted["kind"] == self.kind and wanted is not item and wanted["parent"] == item["parent"] and item["mode"] == PASSTHRU:
                raise Invalid(path + ".mode", PASSTHRU, "no other macvlan on the parent, and %s is one" % self.describe(other))
        if item["mode"] == PASSTHRU and item["mac"]:
            raise Invalid(path + ".mac", item["mac"], "none in mode passthru: it is the parent's, and who changes it changes that")

    def simulate(self, state, operation):
        super().simulate(state, operation)
        if operation.verb != "remove" and state["link"][operation.key]["mode"] != SOURCE:
            state.alter("link", operation.key, source_macs=())

    def follow(self, state, key, parent, changed):
        super().follow(state, key, parent, changed)
        if "mac" in changed and state["link"][key]["mode"] == PASSTHRU:
            state.alter("link", key, mac=changed["mac"])  # of which nobody is told: neighbours stay

    def data_words(self, wanted):
        return super().data_words(dict(wanted, source_macs=wanted.get("source_macs") or None))

    def entry(self, state, key, item):
        entry = super().entry(state, key, item)
        if entry and entry["source_macs"] is not None:
            entry["source_macs"] = list(entry["source_macs"]) or None
        if entry and entry["mode"] == PASSTHRU:
            entry["mac"] = None
        return entry

    # --- the kernel: how a list is to be changed is an attribute of its own ---

    def info_data(self, transaction, netns, fields):
        macs = fields.get("source_macs")
        rest = {field: value for field, value in fields.items() if field != "source_macs"}
        data = super().info_data(transaction, netns, rest)
        if macs is None or not macs and "mode" in fields and fields["mode"] != SOURCE:
            return data
        return (data + wire.attribute(IFLA_MACVLAN_MACADDR_MODE, struct.pack("=I", MACADDR_SET))
                + wire.attribute(IFLA_MACVLAN_MACADDR_DATA, _encode_macs(macs, transaction, netns)))
