# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Permanent neighbours. Learned entries are no objects: one of ours takes their place (net/core/neighbour.c)."""

from __future__ import annotations

import socket
import struct

from .. import wire
from ..errors import Conflict
from ..fields import Option, address, between, interface, unicast_mac
from ..owner import fabric_number
from ._base import NETNS, ip, place
from ._bulk import Bulk, by_attribute, shared, told
from .route import granular_protocol, granular_protocols

NDA_DST, NDA_LLADDR, NDA_PROTOCOL = 1, 2, 12
NUD_PERMANENT, NTF_PROXY = 0x80, 0x08
INET = {4: socket.AF_INET, 6: socket.AF_INET6}
FAMILY = {inet: family for family, inet in INET.items()}
_BOTH = {4: struct.Struct("=HH4sHH6sxx"), 6: struct.Struct("=HH16sHH6sxx")}  # NDA_DST and NDA_LLADDR


@shared
def _object(dev, mac, family, protocol):
    return {"dev": dev, "mac": mac, "family": family, "protocol": protocol}


def _family(text):
    return 6 if ":" in text else 4


class Neighbour(Bulk):
    name = table = "neighbour"
    schema = {
        "netns": NETNS,
        "dev": Option("str", required=True, check=interface),
        "address": Option("str", required=True, check=address),
        "mac": Option("str", required=True, check=unicast_mac),
        "protocol": Option("int", check=between(0, 255, "a routing protocol's number")),
    }

    identity = ("dev", "address")

    def key(self, entry, path):
        return (entry["netns"], entry["dev"], entry["address"])

    def objects(self, entry, owner, path):
        protocol = granular_protocol(entry, owner, path)
        return [(self.key(entry, path),
                 _object(entry["dev"], entry["mac"], _family(entry["address"]), owner.protocol if owner.fabric else protocol))]

    def many(self, columns, owner):
        dev, text = columns["dev"], columns["address"]
        protocols = granular_protocols(columns["protocol"], owner)
        return zip(columns["netns"], dev, text), map(_object, dev, columns["mac"], map(_family, text), protocols)

    def owned(self, state, key, item, owner):
        return owner.holds_protocol(item)

    def check_all(self, state, items, owner):
        there = state["neighbour"]
        for key, item in items.items():
            if key in there and not (owner.fabric and there[key] is item):  # the very same bears the fabric's number
                self.check(state, key, item, owner)

    def check(self, state, key, wanted, owner):
        found = state["neighbour"].get(key)
        if found is None:
            return
        if owner.fabric and not owner.holds_protocol(found):
            raise Conflict("%s: there is already a permanent entry (%s), not made by this fabric; remove it first"
                           % (self.describe(key), found["mac"]))
        if not owner.fabric and fabric_number(found) is not None:
            raise Conflict("%s belongs to the fabric with number %d; change it in that fabric's document"
                           % (self.describe(key), found["protocol"]))

    def made(self, wanted):
        return wanted if wanted["protocol"] is not None else dict(wanted, protocol=0)

    def whole(self, operation):
        return self.made(operation.after) if operation.verb == "add" else dict(operation.before, **operation.after)

    def requests(self, transaction, operation):
        item = operation.before if operation.verb == "remove" else self.whole(operation)
        message = (wire.RTM_DELNEIGH, 0) if operation.verb == "remove" else self.new(operation)
        transaction.queue(operation.key[0], *message, *self.bodies(transaction, [(operation.key, item)]))

    def new(self, operation):
        # REPLACE: a learned or half-resolved entry may be there, and is no obstacle
        return wire.RTM_NEWNEIGH, wire.NLM_F_CREATE | wire.NLM_F_REPLACE

    def bodies(self, transaction, pairs):
        macs = struct.iter_unpack("6s", bytes.fromhex("".join([item["mac"] for dummy, item in pairs]).replace(":", "")))
        alike, bodies = {}, []
        for ((netns, dev, text), item), (mac,) in zip(pairs, macs):
            which = netns, dev, item["family"], item["protocol"]
            if which not in alike:
                alike[which] = self._around(transaction, *which)
            head, pack, inet, size, tail = alike[which]
            bodies.append(head + pack(size, NDA_DST, socket.inet_pton(inet, text), 10, NDA_LLADDR, mac) + tail)
        return bodies

    @staticmethod
    def _around(transaction, netns, dev, family, protocol):
        """(what stands before the address, how that and the MAC are packed, the address family, the attribute's size, what stands behind)"""
        head = struct.pack("=BxxxiHBB", INET[family], transaction.index(netns, dev), NUD_PERMANENT, 0, 0)
        tail = wire.attribute(NDA_PROTOCOL, bytes([protocol])) if protocol else b""
        return head, _BOTH[family].pack, INET[family], 8 if family == 4 else 20, tail

    def commands(self, operation):
        netns, dev, text = operation.key
        if operation.verb == "remove":
            return [ip(netns, "neighbour", "delete", text, "dev", dev)]
        item = self.whole(operation)
        protocol = ["protocol", item["protocol"]] if item["protocol"] else []
        return [ip(netns, "neighbour", "replace", text, "lladdr", item["mac"], "dev", dev, "nud", "permanent", *protocol)]

    def entry(self, state, key, item):
        return {"netns": key[0], "dev": key[1], "address": key[2], "mac": item["mac"], "protocol": item["protocol"]}

    def describe(self, key):
        return "neighbour %s on %s%s" % (key[2], key[1], place(key[0]))


def read(kernel, netns, names):
    """{key: object} of a namespace's permanent neighbours, both families."""
    found = {}
    for headers, columns in kernel.socket(netns).table(wire.RTM_GETNEIGH, struct.pack("=BxxxiHBB", 0, 0, 0, 0, 0)):
        if NDA_LLADDR not in columns:
            continue
        places = told(headers, lambda header: _place(header, names))
        protocols = by_attribute(columns, len(headers), NDA_PROTOCOL, wire.number, 0)
        for (inet, dev), raw, mac, protocol in zip(places, columns[NDA_DST], columns[NDA_LLADDR], protocols):
            if dev is not None:
                found[(netns, dev, socket.inet_ntop(inet, raw))] = _object(dev, mac.hex(":"), FAMILY[inet], protocol)
    return found


def _place(header, names):
    """(address family, device), the device None where the entry is no object."""
    inet, index, state, flags, dummy = struct.unpack("=BxxxiHBB", header)
    permanent = state & NUD_PERMANENT and not flags & NTF_PROXY and inet in INET.values()
    return inet, names.get(index) if permanent else None
