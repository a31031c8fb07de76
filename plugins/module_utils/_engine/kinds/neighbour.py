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
from ._base import NETNS, Kind, ip, place
from .route import granular_protocol

NDA_DST, NDA_LLADDR, NDA_PROTOCOL = 1, 2, 12
NUD_PERMANENT, NTF_PROXY = 0x80, 0x08


class Neighbour(Kind):
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
                 {"dev": entry["dev"], "mac": entry["mac"], "family": 6 if ":" in entry["address"] else 4,
                  "protocol": owner.protocol if owner.fabric else protocol})]

    def owned(self, state, key, item, owner):
        return owner.holds_protocol(item)

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
        return dict(wanted, protocol=wanted["protocol"] or 0)

    def whole(self, operation):
        return self.made(operation.after) if operation.verb == "add" else dict(operation.before, **operation.after)

    def requests(self, transaction, operation):
        netns, dev, text = operation.key
        inet = socket.AF_INET6 if ":" in text else socket.AF_INET
        body = struct.pack("=BxxxiHBB", inet, transaction.index(netns, dev), NUD_PERMANENT, 0, 0)
        body += wire.attribute(NDA_DST, socket.inet_pton(inet, text))
        if operation.verb == "remove":
            transaction.queue(netns, wire.RTM_DELNEIGH, 0, body)
            return
        item = self.whole(operation)
        body += wire.attribute(NDA_LLADDR, bytes.fromhex(item["mac"].replace(":", "")))
        if item["protocol"]:
            body += wire.attribute(NDA_PROTOCOL, bytes([item["protocol"]]))
        # REPLACE: a learned or half-resolved entry may be there, and is no obstacle
        transaction.queue(netns, wire.RTM_NEWNEIGH, wire.NLM_F_CREATE | wire.NLM_F_REPLACE, body)

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
    for body in kernel.socket(netns).dump(wire.RTM_GETNEIGH, struct.pack("=BxxxiHBB", 0, 0, 0, 0, 0)):
        inet, index, state, flags, dummy = struct.unpack_from("=BxxxiHBB", body)
        if not state & NUD_PERMANENT or flags & NTF_PROXY or inet not in (socket.AF_INET, socket.AF_INET6):
            continue
        attributes = wire.attributes(body, 12)
        mac, dev = attributes.get(NDA_LLADDR), names.get(index)
        if mac is None or dev is None:
            continue
        text = socket.inet_ntop(inet, attributes[NDA_DST])
        found[(netns, dev, text)] = {
            "dev": dev, "mac": mac.hex(":"), "family": 4 if inet == socket.AF_INET else 6,
            "protocol": wire.number(attributes.get(NDA_PROTOCOL), 0)}
    return found
