# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""VXLAN devices (ip-link(8), drivers/net/vxlan). VNI, UDP port and underlay device cannot be changed in place."""

from __future__ import annotations

import ipaddress

from .. import wire
from ..fields import AUTO, Option, address, between, interface
from ._link import END, Data, Link

DEFAULT_PORT = 4789  # IANA; the kernel's own default is 8472


def _local(data, names):
    raw = data.get(4) or data.get(17)
    return str(ipaddress.ip_address(raw)) if raw else ""


def _version(item):
    return 6 if ":" in (item["local"] or "") else 4


def _encode_local(value, transaction, netns):
    return ("IFLA_VXLAN_LOCAL6" if ":" in value else "IFLA_VXLAN_LOCAL", value)


class Vxlan(Link):
    name = kind = "vxlan"
    overhead = {4: 50, 6: 70}  # inner Ethernet 14, VXLAN 8, UDP 8, and IPv4 20 or IPv6 40
    schema = dict(
        END,
        vni=Option("int", required=True, check=between(1, (1 << 24) - 1, "a VNI")),
        port=Option("int", DEFAULT_PORT, check=between(1, 65535, "a UDP port")),
        local=Option("str", check=address),
        dev=Option("str", check=lambda value, path: value if value == AUTO else interface(value, path)),
        learning=Option("bool", True),
    )
    data = {
        "vni": Data(
            1, "IFLA_VXLAN_ID",
            lambda data, names: wire.number(data.get(1)),
            lambda value, transaction, netns: ("IFLA_VXLAN_ID", value),
            lambda value: ["id", str(value)], changeable=False),
        "dstport": Data(
            15, "IFLA_VXLAN_PORT",
            lambda data, names: int.from_bytes(data.get(15, b""), "big"),
            lambda value, transaction, netns: ("IFLA_VXLAN_PORT", value),
            lambda value: ["dstport", str(value)], changeable=False),
        "local": Data(
            4, "IFLA_VXLAN_LOCAL", _local, _encode_local, lambda value: ["local", value], changeable=False),
        "dev": Data(
            3, "IFLA_VXLAN_LINK",
            lambda data, names: names.get(wire.number(data.get(3)), ""),
            lambda value, transaction, netns: ("IFLA_VXLAN_LINK", transaction.index(netns, value)),
            lambda value: ["dev", value], changeable=False),
        "learning": Data(
            7, "IFLA_VXLAN_LEARNING",
            lambda data, names: bool(wire.number(data.get(7))),
            lambda value, transaction, netns: ("IFLA_VXLAN_LEARNING", int(value)),
            lambda value: ["learning" if value else "nolearning"]),
    }

    def claim(self, key, item):
        return key[0], item["vni"], item["dstport"], _version(item)

    def claimed(self, item):
        return "VNI %d on UDP port %d" % (item["vni"], item["dstport"]), "another VNI or port"

    def end(self, entry, owner):
        return super().end(dict(entry, dstport=entry["port"]), owner)

    def entry(self, state, key, item):
        entry = super().entry(state, key, item)
        if entry:
            entry["port"] = entry.pop("dstport")
        return entry
