# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Static entries of a VXLAN device's own forwarding database (bridge-fdb(8) `self`, drivers/net/vxlan).

The kernel leaves port and VNI out where they equal the device's. Only the all-zero MAC, which is the flood list, and multicast ones
hold several destinations. A device in external mode has its entries by the VNI that a frame brings (`src_vni`). Learned entries are no objects; what was
learned from an end goes when that leaves the flood list.
"""

from __future__ import annotations

import socket
import struct
from functools import lru_cache

from .. import wire
from ..errors import Conflict, FabricError, Invalid
from ..fields import Option, address, between, interface, mac
from ._base import NETNS, bridge, place
from ._bulk import Bulk, by_attribute, on_devices, shared, told
from ._link import GONE, refuse_fabric, whose
from .vxlan import FLOOD

NDA_DST, NDA_LLADDR, NDA_PORT, NDA_VNI, NDA_IFINDEX, NDA_SRC_VNI = 1, 2, 6, 7, 8, 11
RTMGRP_NEIGH = 4
NUD_PERMANENT, NUD_NOARP, NTF_SELF, NTF_EXT_LEARNED = 0x80, 0x40, 0x02, 0x10
AGREE_TRIES = 8
_ODD = "13579bdf"  # the second digit of a multicast MAC
_LLADDR = struct.Struct("=HH6sxx")


def holds_several(text):
    """Whether a MAC can have several destinations: the flood list's and multicast ones."""
    return text[1] in _ODD or text == FLOOD


@shared
def _object(dev, dst, port, vni, via=""):
    return {"dev": dev, "dst": dst, "port": port, "vni": vni, "via": via}


class VxlanFdb(Bulk):
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
        return [(self.key(entry, path), _object(entry["dev"], entry["dst"], entry["port"] or 0, entry["vni"] or 0, entry["via"] or ""))]

    def many(self, columns, owner):
        dev, mac_, dst = columns["dev"], columns["mac"], columns["dst"]
        port, vni, src_vni = ([value or 0 for value in columns[name]] for name in ("port", "vni", "src_vni"))
        via = [value or "" for value in columns["via"]]
        return _keys(columns["netns"], dev, mac_, dst, src_vni), map(_object, dev, dst, port, vni, via)

    def owned(self, state, key, item, owner):
        link = state["link"].get(key[:2])
        return link is not None and owner.holds_link(link)

    def given(self, state, wanted, owner):
        """The groups of the owner's devices, each in its flood list."""
        found = {key + (FLOOD, item["flood_group"], 0): _object(key[1], item["flood_group"], 0, 0, item["dev"])
                 for key, item in state["link"].items() if item.get("flood_group") and owner.holds_link(item)}
        return {key: item for key, item in found.items() if key not in wanted}

    def implied(self, state, key, item):
        return key[2] == FLOOD and item["dst"] == (state["link"].get(key[:2]) or {}).get("flood_group")

    def check(self, state, key, wanted, owner):
        link = state["link"].get(key[:2])
        if link is None:
            return
        if not owner.fabric:
            refuse_fabric(self, key, link)
        elif not owner.holds_link(link):
            raise Conflict("%s: the device is %s, and a fabric cannot mark entries of such a one; make them with the module vxlan_fdb"
                           % (self.describe(key), whose(link)))

    def check_all(self, state, items, owner):
        for key in on_devices(items).values():  # it is all the same to those of one device
            self.check(state, key, items[key], owner)

    def simulate(self, state, operation):
        if (operation.verb == "remove" or self.moves(operation)) and gone(operation.before["via"]):
            one = operation.key[:3] + operation.key[4:]
            state.drop(self.table, [key for key in state[self.table] if key[:3] + key[4:] == one and key != operation.key])
        super().simulate(state, operation)

    def requests(self, transaction, operation):
        netns, key = operation.key[0], operation.key
        if operation.verb == "remove" or self.moves(operation):
            transaction.queue(netns, wire.RTM_DELNEIGH, 0, *self.bodies(transaction, [(key, operation.before)]))
        if operation.verb != "remove":
            item = dict(operation.before or {}, **operation.after)
            transaction.queue(netns, *self.new(operation), *self.bodies(transaction, [(key, item)]))

    def new(self, operation):
        # REPLACE: a learned entry may be there, and is no obstacle
        several = wire.NLM_F_APPEND if holds_several(operation.key[2]) else wire.NLM_F_REPLACE
        return wire.RTM_NEWNEIGH, wire.NLM_F_CREATE | several

    @staticmethod
    def moves(operation):
        """One of several destinations cannot be altered: it would be one more."""
        return operation.verb == "change" and holds_several(operation.key[2])

    def bodies(self, transaction, pairs):
        heads = {device: struct.pack("=BxxxiHBB", socket.AF_BRIDGE, transaction.index(*device), NUD_PERMANENT | NUD_NOARP, NTF_SELF, 0)
                 for device in {key[:2] for key, dummy in pairs}}
        indices = {(netns, via): transaction.index(netns, via) if via and not gone(via) else 0
                   for netns, via in {(key[0], item["via"]) for key, item in pairs}}
        macs = bytes.fromhex("".join([key[2] for key, dummy in pairs]).replace(":", ""))
        return [heads[key[:2]] + _LLADDR.pack(10, NDA_LLADDR, raw)
                + _destination("" if gone(item["via"]) else item["dst"], item["port"], item["vni"], indices[key[0], item["via"]], key[4])
                for (key, item), (raw,) in zip(pairs, struct.iter_unpack("6s", macs))]

    def afterwards(self, kernel, operations):
        """What a device has learned of an end that is no more on its flood list: as long as frames use such an entry it does not age (vxlan_cleanup)."""
        left = {}
        for operation in operations:
            if operation.kind is self and operation.verb == "remove" and operation.key[2] == FLOOD and operation.before["dst"]:
                left.setdefault(operation.key[:2], set()).add(operation.before["dst"])
        for (netns, device), ends in left.items():
            forget(kernel, netns, device, ends)

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


@lru_cache(maxsize=1 << 16)
def _destination(destination, port, vni, via, src_vni):
    """The attributes that say where to, and of which VNI."""
    inet = socket.AF_INET6 if ":" in destination else socket.AF_INET
    told_ = wire.attribute(NDA_DST, socket.inet_pton(inet, destination)) if destination else b""
    told_ += wire.attribute(NDA_PORT, struct.pack("!H", port)) if port else b""
    return told_ + b"".join(wire.u32(kind, number) for kind, number in ((NDA_VNI, vni), (NDA_IFINDEX, via), (NDA_SRC_VNI, src_vni)) if number)


def _keys(*columns):
    return [(netns, dev, text, dst if text[1] in _ODD or text == FLOOD else "", vni) for netns, dev, text, dst, vni in zip(*columns)]


def normalise(items, links, *other_links):
    """Port and VNI that equal the device's mean the same as none. Devices are looked up in the first of the tables that has them."""
    own = {}
    for key, item in [(key, item) for key, item in items.items() if item["port"] or item["vni"]]:
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
    for headers, columns in kernel.socket(netns).table(wire.RTM_GETNEIGH, struct.pack("=BxxxiHBB", socket.AF_BRIDGE, 0, 0, 0, 0)):
        if NDA_DST not in columns:
            continue
        count = len(headers)
        dev = told(headers, lambda header: _device(header, names, devices))
        text = [raw.hex(":") for raw in columns[NDA_LLADDR]]
        dst = told(columns[NDA_DST], _address)
        port = list(by_attribute(columns, count, NDA_PORT, lambda raw: int.from_bytes(raw, "big"), 0))
        vni, src_vni = (list(by_attribute(columns, count, kind, wire.number, 0)) for kind in (NDA_VNI, NDA_SRC_VNI))
        via = list(by_attribute(columns, count, NDA_IFINDEX, lambda raw: _name(wire.number(raw), names), ""))
        for key, item in zip(_keys([netns] * count, dev, text, dst, src_vni), map(_object, dev, dst, port, vni, via)):
            if key[1] is None:
                continue
            if key in found:  # nothing of ours: one destination twice, by different ports
                key = key[:3] + ("%s port %d vni %d via %s" % (item["dst"], item["port"], item["vni"], item["via"]), key[4])
            found[key] = item
    return found


def forget(kernel, netns, device, ends):
    """Remove what a device has learned to be behind these addresses."""
    try:
        head = struct.pack("=BxxxiHBB", socket.AF_BRIDGE, kernel.index(netns, device), 0, 0, 0)
    except FabricError:
        return  # with it, or its namespace, went all that it knew
    learned = [body for body in kernel.socket(netns).dump(wire.RTM_GETNEIGH, head) if _learned(body, ends)]
    kernel.socket(netns).send([(wire.RTM_DELNEIGH, 0, body) for body in learned], removes=True)


def _learned(body, ends):
    state, flags = struct.unpack_from("=HB", body, 8)
    dst = wire.attributes(body, 12).get(NDA_DST)
    return bool(dst and flags & NTF_SELF and not state & NUD_PERMANENT and not flags & NTF_EXT_LEARNED and _address(dst) in ends)


def _device(header, names, devices):
    """The VXLAN device on which the entry stands, or None where it is no object."""
    dummy, index, state, flags, dummy = struct.unpack("=BxxxiHBB", header)
    static = flags & NTF_SELF and state & NUD_PERMANENT and not flags & NTF_EXT_LEARNED
    return names.get(index) if static and names.get(index) in devices else None


def _name(index, names):
    return names.get(index, GONE + str(index)) if index else ""


def _address(raw):
    return socket.inet_ntop(socket.AF_INET if len(raw) == 4 else socket.AF_INET6, raw)
