# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""IPIP tunnels (ip-tunnel(8), net/ipv4/ipip.c). Nothing of one is changed in place.

The kernel module puts a tunnel without addresses, tunl0, into every namespace. It is nobody's, and stays (_link.FALLBACK).
"""

from __future__ import annotations

import socket
import struct

from .. import wire
from ..errors import Invalid
from ..fields import AUTO, Option, address, between, interface
from ._link import END, FALLBACK, Data
from ._raw import RawLink


def _ipv4(value, path):
    value = address(value, path)
    if ":" in value:
        raise Invalid(path, value, "an IPv4 address: the outer packets are IPv4")
    return value


def _address(number, name, word):
    def decode(data, names):
        raw = data.get(number, b"\0" * 4)
        return socket.inet_ntop(socket.AF_INET, raw) if any(raw) else ""

    return Data(number, name, decode, lambda value, transaction, netns: socket.inet_aton(value), lambda value: [word, value], changeable=False)


class Ipip(RawLink):
    name = kind = "ipip"
    overhead = {4: 20}
    schema = {option: END[option] for option in ("name", "netns", "mtu", "up")}
    schema.update(
        local=Option("str", check=_ipv4),
        remote=Option("str", check=_ipv4),
        dev=Option("str", check=lambda value, path: value if value == AUTO else interface(value, path)),
        ttl=Option("int", check=between(0, 255, "a TTL, 0 for that of the inner packet,")),
    )
    data = {
        "local": _address(2, "IFLA_IPTUN_LOCAL", "local"),
        "remote": _address(3, "IFLA_IPTUN_REMOTE", "remote"),
        "dev": Data(
            1, "IFLA_IPTUN_LINK",
            lambda data, names: names.get(wire.number(data.get(1)), ""),
            lambda value, transaction, netns: struct.pack("=I", transaction.index(netns, value)),
            lambda value: ["dev", value], changeable=False),
        "ttl": Data(
            4, "IFLA_IPTUN_TTL",
            lambda data, names: wire.number(data.get(4), 0),
            lambda value, transaction, netns: bytes([value]),
            lambda value: ["ttl", str(value or "inherit")], changeable=False),
    }

    def objects(self, entry, owner, path):
        if entry["name"] != FALLBACK[self.kind] and not entry["local"] and not entry["remote"]:
            raise Invalid(path + ".local", None, "an address here or as remote: the tunnel that has neither is the kernel's own, %s"
                          % FALLBACK[self.kind])
        return super().objects(entry, owner, path)

    def claim(self, key, item):
        return (key[0],) + tuple(item.get(field) or "" for field in ("local", "remote", "dev"))

    def claimed(self, item, rival=None):
        return "the tunnel from %s to %s" % (item["local"] or "any address", item["remote"] or "any"), "other addresses"
