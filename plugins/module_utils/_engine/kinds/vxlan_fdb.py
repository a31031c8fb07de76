# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Static entries of a VXLAN device's own forwarding database (bridge-fdb(8) `self`, drivers/net/vxlan).

The kernel leaves port and VNI out where they equal the device's. Only the all-zero MAC, which is the flood list, and multicast ones
hold several destinations. A device in external mode has its entries by the VNI that a frame brings (`src_vni`). Learned entries are no objects.
"""

from __future__ import annotations

import socket
import struct

from .. import wire
from ..errors import Conflict, FabricError, Invalid
from ..fields import Option, address, between, interface, mac
from ._base import NETNS, Kind, bridge, place
from ._link import GONE, refuse_fabric, whose
from .vxlan import FLOOD

NDA_DST, NDA_LLADDR, NDA_PORT, NDA_VNI, NDA_IFINDEX, NDA_SRC_VNI = 1, 2, 6, 7, 8, 11
RTMGRP_NEIGH = 4
NUD_PERMANENT, NUD_NOARP, NTF_SELF, NTF_EXT_LEARNED = 0x80, 0x40, 0x02, 0x10
AGREE_TRIES = 8


def holds_several(text):
    """Whether a MAC can have several destinations: the flood list's and multicast ones."""
    return text == FLOOD or bool(int(text[:2], 16) & 1)


class VxlanFdb(Kind):
    name = table = "vxlan_fdb"
    schema = {
        "netns": NETNS,
        "dev": Option("str", required=True, check=interface),
        "mac": Option("str", required=True, check=mac),
        "dst": Option("str", required=True, check=address),
        "port": Option("int", check=between(1, 65535, "a UDP port")),
        "vni": Option("int", check=between(1, (1 << 24) - 1, "a VNI")),
        "via": Option("str", check=interface),
        "src_vni": Option("int", check=between(1, (1 << 24) - 1, "a VNI")),
    }

    identity = ("dev", "mac")

    def key(self, entry, path):
        several = holds_several(entry["mac"])
        if several and not entry["dst"]:
            raise Invalid(path + ".dst", None, "the destination that is meant: the all-zero MAC can have several")
        return (entry["netns"], entry["dev"], entry["mac"], entry["dst"] if several else "", entry["src_vni"] or 0)

    def objects(self, entry, owner, path):
        return [(self.key(entry, path),
                 {"dev": entry["dev"], "dst": entry["dst"], "port": entry["port"] or 0, "vni": entry["vni"] or 0, "via": entry["via"] or ""})]

    def owned(self, state, key, item, owner):
        link = state["link"].get(key[:2])
        return link is not None and owner.holds_link(link)

    def given(self, state, wanted, owner):
        """The groups of the owner's devices, each in its flood list."""
        found = {key + (FLOOD, item["flood_group"], 0): {"dev": key[1], "dst": item["flood_group"], "port": 0, "vni": 0, "via": item["dev"]}
                 for key, item in state["link"].items() if item.get("flood_group") and owner.holds_link(item)}
        return {key: item for key, item in found.items() if key not in wanted}

    def implied(self, state, key, item):
        return key[2] == FLOOD and item["dst"] == (state["link"].get(key[:2]) or {}).get("flood_group")

    def check(self, state, key, wanted, owner):
        link = state["link"].get(key[:2])
        if link is None:
            return
        if link["kind"] != "vxlan":
            raise Conflict("%s: %s is a %s, not a VXLAN device" % (self.describe(key), key[1], link["kind"] or "device"))
        if not owner.fabric:
            refuse_fabric(self, key, link)
        elif not owner.holds_link(link):
            raise Conflict("%s: the device is %s, and a fabric cannot mark entries of such a one; make them with the module vxlan_fdb"
                           % (self.describe(key), whose(link)))

    def simulate(self, state, operation):
        if (operation.verb == "remove" or self.moves(operation)) and gone(operation.before["via"]):
            one = operation.key[:3] + operation.key[4:]
            state.drop(self.table, [key for key in state[self.table] if key[:3] + key[4:] == one])
        if operation.verb == "remove":
            state[self.table].pop(operation.key, None)
        else:
            state[self.table][operation.key] = dict(operation.before or {}, **operation.after)

    def requests(self, transaction, operation):
        netns, text = operation.key[0], operation.key[2]
        if operation.verb == "remove" or self.moves(operation):
            transaction.queue(netns, wire.RTM_DELNEIGH, 0, self._body(transaction, operation.key, operation.before))
        if operation.verb != "remove":
            item = dict(operation.before or {}, **operation.after)
            # REPLACE: a learned entry may be there, and is no obstacle
            several = wire.NLM_F_APPEND if holds_several(text) else wire.NLM_F_REPLACE
            transaction.queue(netns, wire.RTM_NEWNEIGH, wire.NLM_F_CREATE | several,
                              self._body(transaction, operation.key, item))

    @staticmethod
    def moves(operation):
        """One of several destinations cannot be altered: it would be one more."""
        return operation.verb == "change" and holds_several(operation.key[2])

    def _body(self, transaction, key, item):
        netns, dev, text, dummy, src_vni = key
        destination = item["dst"]
        inet = socket.AF_INET6 if ":" in destination else socket.AF_INET
        body = struct.pack("=BxxxiHBB", socket.AF_BRIDGE, transaction.index(netns, dev),
                           NUD_PERMANENT | NUD_NOARP, NTF_SELF, 0)
        body += wire.attribute(NDA_LLADDR, bytes.fromhex(text.replace(":", "")))
        if not gone(item["via"]):
            body += wire.attribute(NDA_DST, socket.inet_pton(inet, destination))
        if item["port"]:
            body += wire.attribute(NDA_PORT, struct.pack("!H", item["port"]))
        if item["vni"]:
            body += wire.u32(NDA_VNI, item["vni"])
        if item["via"] and not gone(item["via"]):
            body += wire.u32(NDA_IFINDEX, transaction.index(netns, item["via"]))
        if src_vni:
            body += wire.u32(NDA_SRC_VNI, src_vni)
        return body

    def commands(self, operation):
        lines = []
        if operation.verb == "remove" or self.moves(operation):
            lines.append(self._line(operation.key, operation.before, "delete"))
        if operation.verb != "remove":
            verb = "append" if holds_several(operation.key[2]) else "replace"
            lines.append(self._line(operation.key, dict(operation.before or {}, **operation.after), verb))
        return lines

    @staticmethod
    def _line(key, item, verb):
        netns, dev, text, dummy, src_vni = key
        words = ["fdb", verb, text, "dev", dev] + ([] if gone(item["via"]) else ["dst", item["dst"]])
        words += ["port", item["port"]] if item["port"] else []
        words += ["vni", item["vni"]] if item["vni"] else []
        words += ["src_vni", src_vni] if src_vni else []
        words += ["via", item["via"]] if item["via"] and not gone(item["via"]) else []
        return bridge(netns, *words, "self", *([] if verb == "delete" else ["permanent"]))

    def entry(self, state, key, item):
        return {"netns": key[0], "dev": key[1], "mac": key[2], "dst": item["dst"],
                "port": item["port"] or None, "vni": item["vni"] or None, "via": item["via"] or None, "src_vni": key[4] or None}

    def describe(self, key):
        return "FDB entry %s%s%s on %s%s" % (
            key[2], " to " + key[3] if key[3] else "", " of VNI %d" % key[4] if key[4] else "", key[1], place(key[0]))


def gone(via):
    """Whether that is the number of a device that is there no more. The kernel keeps such a destination, and does not take its number as a name
    of it any more: it goes only with all others of its MAC."""
    return via.startswith(GONE) and via[len(GONE):].isdigit()


def normalise(items, links, *other_links):
    """Port and VNI that equal the device's mean the same as none. Devices are looked up in the first of the tables that has them."""
    own = {}
    for key, item in list(items.items()):
        if not (item["port"] or item["vni"]):
            continue
        device = key[:2]
        if device not in own:
            link = next((table[device] for table in (links,) + other_links if device in table), {})
            own[device] = (link.get("dstport"), link.get("vni"))
        port, vni = (0 if value == default else value for value, default in zip((item["port"], item["vni"]), own[device]))
        if (port, vni) != (item["port"], item["vni"]):
            items[key] = dict(item, port=port, vni=vni)


def read(kernel, netns, names, devices):
    """{key: object} of the static entries of the VXLAN devices named in `devices`.

    An FDB dump under concurrent change loses entries without any flag, so no neighbour may have changed meanwhile, or two dumps in
    a row must agree.
    """
    if not devices:
        return {}
    before = None
    with kernel.listening(netns, RTMGRP_NEIGH) as events:
        for dummy in range(AGREE_TRIES):
            found = _read(kernel, netns, names, devices)
            if events.quiet() or found == before:
                return found
            before = found
    raise FabricError("the forwarding database%s changes faster than it can be read (%d dumps, no two alike); "
                      "run again when whoever writes it has ended" % (place(netns), AGREE_TRIES))


def _read(kernel, netns, names, devices):
    found = {}
    for body in kernel.socket(netns).dump(wire.RTM_GETNEIGH, struct.pack("=BxxxiHBB", socket.AF_BRIDGE, 0, 0, 0, 0)):
        inet, index, state, flags, dummy = struct.unpack_from("=BxxxiHBB", body)
        if not flags & NTF_SELF or not state & NUD_PERMANENT or flags & NTF_EXT_LEARNED:
            continue
        dev = names.get(index)
        if dev not in devices:
            continue
        attributes = wire.attributes(body, 12)
        raw = attributes.get(NDA_DST)
        if raw is None:
            continue
        text = attributes[NDA_LLADDR].hex(":")
        destination = socket.inet_ntop(socket.AF_INET if len(raw) == 4 else socket.AF_INET6, raw)
        port, vni = int.from_bytes(attributes.get(NDA_PORT, b""), "big"), wire.number(attributes.get(NDA_VNI), 0)
        via = wire.number(attributes.get(NDA_IFINDEX))
        via = names.get(via, GONE + str(via)) if via else ""
        key = (netns, dev, text, destination if holds_several(text) else "", wire.number(attributes.get(NDA_SRC_VNI), 0))
        if key in found:  # nothing of ours: one destination twice, by different ports
            key = key[:3] + ("%s port %d vni %d via %s" % (destination, port, vni, via), key[4])
        found[key] = {"dev": dev, "dst": destination, "port": port, "vni": vni, "via": via}
    return found
