# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Proxy neighbours: addresses for which a device answers ARP and neighbour solicitations in another's place.

The kernel takes a second request for the same as a change, EXCL or not, and keeps the protocol where the request names none; so an
entry of somebody's is looked for before, and what changes is deleted first. Entries go with the device's family, as permanent
neighbours do, but not when the MAC changes.
Sources: net/core/neighbour.c (pneigh_lookup, neigh_add, __neigh_ifdown); measured in tests/kernel.
"""

from __future__ import annotations

import socket
import struct

from .. import wire
from ..errors import Conflict
from ..fields import Option, address, between, interface
from ..owner import fabric_number
from ._base import NETNS, Kind, ip, place
from .neighbour import NDA_DST, NDA_PROTOCOL, NTF_PROXY, NUD_PERMANENT
from .route import granular_protocol


class ProxyNeighbour(Kind):
    name = table = "proxy_neighbour"
    schema = {
        "netns": NETNS,
        "dev": Option("str", required=True, check=interface),
        "address": Option("str", required=True, check=address),
        "protocol": Option("int", check=between(1, 255, "a routing protocol's number")),
    }
    identity = ("dev", "address")

    def key(self, entry, path):
        return (entry["netns"], entry["dev"], entry["address"])

    def objects(self, entry, owner, path):
        protocol = granular_protocol(entry, owner, path)
        return [(self.key(entry, path), {"dev": entry["dev"], "family": 6 if ":" in entry["address"] else 4,
                                         "protocol": owner.protocol if owner.fabric else protocol})]

    def owned(self, state, key, item, owner):
        return owner.holds_protocol(item)

    def check(self, state, key, wanted, owner):
        found = state["proxy_neighbour"].get(key)
        if found is None:
            return
        if owner.fabric and not owner.holds_protocol(found):
            raise Conflict("%s: there is already such an entry, not made by this fabric; remove it first" % self.describe(key))
        if not owner.fabric and fabric_number(found) is not None:
            raise Conflict("%s belongs to the fabric with number %d; change it in that fabric's document" % (self.describe(key), found["protocol"]))

    def made(self, wanted):
        return dict(wanted, protocol=wanted["protocol"] or 0)

    def requests(self, transaction, operation):
        netns, dev, text = operation.key
        inet = socket.AF_INET6 if ":" in text else socket.AF_INET
        # permanent, as iproute2 has it: otherwise it would go when the device loses its carrier
        body = struct.pack("=BxxxiHBB", inet, transaction.index(netns, dev), NUD_PERMANENT, NTF_PROXY, 0)
        body += wire.attribute(NDA_DST, socket.inet_pton(inet, text))
        if operation.verb != "add":
            transaction.queue(netns, wire.RTM_DELNEIGH, 0, body)
        if operation.verb != "remove":
            protocol = operation.after["protocol"]
            body += wire.attribute(NDA_PROTOCOL, bytes([protocol])) if protocol else b""
            transaction.queue(netns, wire.RTM_NEWNEIGH, wire.NLM_F_CREATE | wire.NLM_F_EXCL, body)

    def commands(self, operation):
        netns, dev, text = operation.key
        lines = [ip(netns, "neighbour", "delete", "proxy", text, "dev", dev)] if operation.verb != "add" else []
        if operation.verb != "remove":
            protocol = operation.after["protocol"]
            lines.append(ip(netns, "neighbour", "add", "proxy", text, "dev", dev, *(["protocol", protocol] if protocol else [])))
        return lines

    def entry(self, state, key, item):
        return {"netns": key[0], "dev": key[1], "address": key[2], "protocol": item["protocol"] or None}

    def describe(self, key):
        return "proxy neighbour %s on %s%s" % (key[2], key[1], place(key[0]))


def read(kernel, netns, names):
    """{key: object} of a namespace's proxy neighbours, both families; one for every device is nobody's here."""
    found = {}
    for body in kernel.socket(netns).dump(wire.RTM_GETNEIGH, struct.pack("=BxxxiHBB", 0, 0, 0, NTF_PROXY, 0)):
        inet, index, dummy, flags, dummy = struct.unpack_from("=BxxxiHBB", body)
        dev = names.get(index)
        if not flags & NTF_PROXY or dev is None or inet not in (socket.AF_INET, socket.AF_INET6):
            continue
        attributes = wire.attributes(body, 12)
        found[(netns, dev, socket.inet_ntop(inet, attributes[NDA_DST]))] = {
            "dev": dev, "family": 4 if inet == socket.AF_INET else 6, "protocol": wire.number(attributes.get(NDA_PROTOCOL), 0)}
    return found
