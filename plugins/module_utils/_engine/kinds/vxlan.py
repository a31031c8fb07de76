# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""VXLAN devices (ip-link(8), drivers/net/vxlan). Learning, ageing, TTL and TOS can be changed in place; what else makes it anew.

With a multicast group the kernel keeps that as a destination of the flood list, which nobody has to ask for.
"""

from __future__ import annotations

import ipaddress
import re
import struct

from .. import wire
from ..errors import Invalid
from ..fields import AUTO, Option, address, between, interface
from ._link import END, Data
from ._raw import RawLink, flag, whole

DEFAULT_PORT = 4789  # IANA; the kernel's own default is 8472
FLOOD = "00:00:00:00:00:00"  # the MAC address of the flood list


def _endpoint(inet, inet6, word):
    """An address of either family, each of which has an attribute of its own."""
    def decode(data, names):
        raw = data.get(inet) or data.get(inet6)
        return str(ipaddress.ip_address(raw)) if raw and any(raw) else ""

    return Data(lambda value: inet6 if ":" in value else inet, None, decode,
                lambda value, transaction, netns: ipaddress.ip_address(value).packed, lambda value: [word, value], changeable=False)


def _version(item):
    """Of the underlay."""
    return 6 if ":" in (item["local"] or item["flood_group"] or "") else 4


def _group(value, path):
    if not value:
        return ""
    if not ipaddress.ip_address(address(value, path)).is_multicast:
        raise Invalid(path, value, "a multicast address", "unicast destinations of the flood list are entries of vxlan_fdb")
    return address(value, path)


def _ports(value, path):
    found = re.match(r"(\d{1,5})-(\d{1,5})\Z", value)
    low, high = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 1 <= low < high <= 65535:
        raise Invalid(path, value, "a range of UDP ports such as 49152-65535")
    return "%d-%d" % (low, high)


def _decode_ports(data, names):
    low, high = struct.unpack("!HH", data.get(10, bytes(4))[:4])
    return "%d-%d" % (low, high)


class Vxlan(RawLink):
    name = kind = "vxlan"
    overhead = {4: 50, 6: 70}  # inner Ethernet 14, VXLAN 8, UDP 8, and IPv4 20 or IPv6 40
    schema = dict(
        END,
        vni=Option("int", check=between(1, (1 << 24) - 1, "a VNI")),
        external=Option("bool", False),
        port=Option("int", DEFAULT_PORT, check=between(1, 65535, "a UDP port")),
        local=Option("str", check=address),
        dev=Option("str", check=lambda value, path: value if value == AUTO else interface(value, path)),
        group=Option("str", check=_group),
        learning=Option("bool", True),
        ageing_time=Option("int", check=between(1, (1 << 31) - 1, "seconds")),
        ttl=Option("int", check=between(0, 255, "a TTL")),
        tos=Option("int", check=between(0, 255, "a TOS")),
        srcport=Option("str", check=_ports),
        proxy=Option("bool"),
        l2miss=Option("bool"),
        l3miss=Option("bool"),
        udpcsum=Option("bool"),
        udp6zerocsumtx=Option("bool"),
        udp6zerocsumrx=Option("bool"),
    )
    options = {"dstport": "port", "flood_group": "group"}
    data = {
        "vni": whole(1, "I", "id", changeable=False),
        "external": flag(25, ("external", None), changeable=False),
        "dstport": whole(15, "!H", "dstport", changeable=False),
        "local": _endpoint(4, 17, "local"),
        "dev": Data(
            3, None,
            lambda data, names: names.get(wire.number(data.get(3)), ""),
            lambda value, transaction, netns: struct.pack("=I", transaction.index(netns, value)),
            lambda value: ["dev", value], changeable=False),
        "flood_group": _endpoint(2, 16, "group"),
        "learning": flag(7, ("learning", "nolearning")),
        "ageing_time": whole(8, "I", "ageing"),
        "ttl": whole(5, "B", "ttl"),
        "tos": Data(6, None, lambda data, names: wire.number(data.get(6)), lambda value, transaction, netns: bytes([value]),
                    lambda value: ["tos", "0x%02x" % value]),
        "srcport": Data(10, None, _decode_ports, lambda value, transaction, netns: struct.pack("!HH", *map(int, value.split("-"))),
                        lambda value: ["srcport"] + value.split("-"), changeable=False),
        **{name: flag(number, (name, "no" + name), changeable=False) for name, number in (
            ("proxy", 11), ("l2miss", 13), ("l3miss", 14), ("udpcsum", 18), ("udp6zerocsumtx", 19), ("udp6zerocsumrx", 20))},
    }

    def claim(self, key, item):
        return key[0], item["vni"] or 0, item["dstport"], _version(item)

    def claimed(self, item, rival=None):
        return ("VNI %d on UDP port %d" % (item["vni"], item["dstport"]), "another VNI or port") if item["vni"] else (
            "being external on UDP port %d" % item["dstport"], "another port")

    def objects(self, entry, owner, path):
        if entry["external"] and entry["vni"]:
            raise Invalid(path + ".vni", entry["vni"], "no VNI with external: each packet brings its own")
        if not entry["external"] and not entry["vni"]:
            raise Invalid(path + ".vni", None, "a VNI from 1 to 16777215, or external")
        if entry["group"] and not entry["dev"]:
            raise Invalid(path + ".dev", None, "the underlay device on which the group is joined")
        if entry["group"] and entry["local"] and (":" in entry["group"]) != (":" in entry["local"]):
            raise Invalid(path + ".group", entry["group"], "an address of the same family as local, %s" % entry["local"])
        return super().objects(entry, owner, path)

    def end(self, entry, owner):
        return super().end(dict(entry, dstport=entry["port"], flood_group=entry["group"]), owner)

    def simulate(self, state, operation):
        super().simulate(state, operation)
        if operation.verb == "add":
            item = state["link"][operation.key]
            if item["external"]:
                state.alter("link", operation.key, vni=0)
            if item["flood_group"]:
                state["vxlan_fdb"][operation.key + (FLOOD, item["flood_group"], 0)] = {
                    "dev": operation.key[1], "dst": item["flood_group"], "port": 0, "vni": 0, "via": item["dev"]}

    def entry(self, state, key, item):
        entry = super().entry(state, key, item)
        if entry:
            entry["port"], entry["vni"], entry["group"] = entry.pop("dstport"), entry["vni"] or None, entry.pop("flood_group")
            if entry["srcport"] == "0-0":
                entry["srcport"] = None
        return entry
