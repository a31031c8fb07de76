# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""VLANs of bridges and their ports (bridge-vlan(8), net/bridge/br_vlan.c). An object is one VLAN ID of one device.

The bridge's default PVID is the kernel's doing (`implied`): a port of a fabric has it as a new port gets it, unless an entry says something
else of that number.
"""

from __future__ import annotations

import os
import re
import socket
import struct

from .. import wire
from ..errors import Conflict, Invalid, OperationFailed
from ..fields import Option, interface
from . import _vlans
from ._base import NETNS, Kind, bridge, place
from ._link import refuse_fabric, whose
from ._link_messages import IFLA_IFNAME, IFLA_LINKINFO, INFO_DATA, INFO_KIND, header
from .bridge import DEFAULT_PVID

IFLA_AF_SPEC, IFLA_EXT_MASK = 26, 29
IFLA_BRIDGE_FLAGS, IFLA_BRIDGE_VLAN_INFO = 0, 2
MASTER, SELF = 1, 2
RTEXT_FILTER_BRVLAN = 2
PVID, UNTAGGED = 2, 4  # of struct bridge_vlan_info


def vlan_ids(value, path):
    """A VLAN ID, or a range of them, as it is written in normal form."""
    found = re.match(r"(\d{1,4})(?:-(\d{1,4}))?\Z", value)
    first, last = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
    if not _vlans.FIRST <= first <= last <= _vlans.LAST:
        raise Invalid(path, value, "a VLAN ID from %d to %d, or a range of them such as 100-199" % (_vlans.FIRST, _vlans.LAST))
    return _words(first, last)


def _words(first, last):
    return str(first) if first == last else "%d-%d" % (first, last)


class BridgeVlan(Kind):
    name = table = "bridge_vlan"
    schema = {
        "netns": NETNS,
        "dev": Option("str", required=True, check=interface),
        "vid": Option("str", required=True, check=vlan_ids),
        "pvid": Option("bool", False),
        "untagged": Option("bool", False),
    }
    identity = ("dev", "vid")

    def keys(self, entry, path):
        first, dummy, last = entry["vid"].partition("-")
        return [(entry["netns"], entry["dev"], vid) for vid in range(int(first), int(last or first) + 1)]

    def objects(self, entry, owner, path):
        keys = self.keys(entry, path)
        if entry["pvid"] and len(keys) > 1:
            raise Invalid(path + ".pvid", True, "a single VLAN ID with it, not %s: a port has one PVID" % entry["vid"])
        return [(key, {"dev": entry["dev"], "self": None, "pvid": entry["pvid"], "untagged": entry["untagged"]}) for key in keys]

    # --- planning ---

    def owned(self, state, key, item, owner):
        link = state["link"].get(key[:2])
        return link is not None and owner.holds_link(link)

    def implied(self, state, key, item):
        """As it was given, or without the PVID where another one has that."""
        if not item["untagged"] or key[2] != _vlans.default_of(state, key[0], _vlans.bridge_of(state, key[:2])):
            return False
        return item["pvid"] or any(other["pvid"] for dummy, other in _vlans.on(state, key[:2]))

    def check(self, state, key, wanted, owner):
        if not state.has_vlans:
            raise Conflict("%s: %s" % (self.describe(key), _vlans.LACKING))
        link = state["link"].get(key[:2])
        if link is None:
            return
        if not owner.fabric:
            refuse_fabric(self, key, link)
        elif not owner.holds_link(link):
            raise Conflict("%s: the device is %s, and a fabric cannot mark VLANs of such a one; add them with the module bridge_vlan"
                           % (self.describe(key), whose(link)))

    def given(self, state, wanted, owner):
        """The default PVIDs of the owner's bridges and ports."""
        pvids = {key[:2] for key, item in wanted.items() if item["pvid"]}
        found = {}
        for device, link in state["link"].items():
            bridge_ = device[1] if link["kind"] == "bridge" else link["master"]
            default = bridge_ and owner.holds_link(link) and _vlans.default_of(state, device[0], bridge_)
            if default and device + (default,) not in wanted:
                found[device + (default,)] = {"dev": device[1], "self": link["kind"] == "bridge", "pvid": device not in pvids, "untagged": True}
        return found

    def simulate(self, state, operation):
        if operation.verb == "remove":
            super().simulate(state, operation)
        else:
            _vlans.put(state, operation.key[:2], operation.key[2], operation.after)

    # --- the kernel ---

    def requests(self, transaction, operation):
        netns, dev, vid = operation.key
        item = dict(operation.before or {}, **operation.after or {})
        flags = PVID * bool(item["pvid"]) | UNTAGGED * bool(item["untagged"])
        spec = wire.attribute(IFLA_BRIDGE_FLAGS, struct.pack("=H", SELF if item["self"] else MASTER))
        spec += wire.attribute(IFLA_BRIDGE_VLAN_INFO, struct.pack("=HH", flags if operation.verb != "remove" else 0, vid))
        body = struct.pack("=BxHiII", socket.AF_BRIDGE, 0, transaction.index(netns, dev), 0, 0) + wire.attribute(IFLA_AF_SPEC, spec)
        transaction.queue(netns, wire.RTM_DELLINK if operation.verb == "remove" else wire.RTM_SETLINK, 0, body)

    def commands(self, operation):
        return self.all_commands([operation])

    def all_commands(self, operations):
        """One line for those that differ in nothing but the next number."""
        runs = []
        for operation in operations:
            item = dict(operation.before or {}, **operation.after or {})
            netns, dev, vid = operation.key
            removes = operation.verb == "remove"
            words = ["dev", dev], [word for word in ("pvid", "untagged") if item[word] and not removes] + (["self"] if item["self"] else [])
            if runs and runs[-1][:3] == (netns, removes, words) and runs[-1][4] == vid - 1 and not (item["pvid"] and not removes):
                runs[-1] = runs[-1][:4] + (vid,)
            else:
                runs.append((netns, removes, words, vid, vid))
        return [bridge(netns, "vlan", "delete" if removes else "add", *words[0], "vid", _words(first, last), *words[1])
                for netns, removes, words, first, last in runs]

    # --- back to a document ---

    def entry(self, state, key, item):
        """One for a range."""
        netns, dev, vid = key

        def alike(other):
            return not item["pvid"] and state[self.table].get((netns, dev, other)) == item

        if alike(vid - 1):
            return None
        last = vid
        while alike(last + 1):
            last += 1
        return {"netns": netns, "dev": dev, "vid": _words(vid, last), "pvid": item["pvid"], "untagged": item["untagged"]}

    def describe(self, key):
        return "VLAN %s of %s%s" % (key[2], key[1], place(key[0]))


def without_vlans(bridges):
    """Where the kernel has none, not to filter them is nothing to ask for: it refuses that too."""
    for item in bridges.values():
        if item["vlan_filtering"] is False:
            item["vlan_filtering"] = None


def fitting(wanted, link, paths):
    """Raise Invalid where a device has no VLANs, or two PVIDs; and say of each whether it is the bridge itself."""
    pvids = {}
    for key, item in wanted.items():
        device, path = link(*key[:2]) or {}, paths["bridge_vlan", key]
        item["self"] = device.get("kind") == "bridge"
        if not item["self"] and not device.get("master"):
            raise Invalid(path + ".dev", key[1], "a bridge, or a port of one")
        if item["pvid"] and pvids.setdefault(key[:2], key[2]) != key[2]:
            raise Invalid(path + ".pvid", True, "one PVID for a device, and VLAN %d is that of %s already" % (pvids[key[:2]], key[1]))


def read(kernel, netns, names, links):
    """{key: object} of a namespace's bridges and ports."""
    found = {}
    for body in kernel.socket(netns).dump(wire.RTM_GETLINK, struct.pack("=BxHiII", socket.AF_BRIDGE, 0, 0, 0, 0)
                                          + wire.u32(IFLA_EXT_MASK, RTEXT_FILTER_BRVLAN)):
        dev = names.get(struct.unpack_from("=i", body, 4)[0])
        link = links.get((netns, dev), {})
        itself = link.get("kind") == "bridge"
        if not itself and not link.get("master"):
            continue
        for payload in wire.repeated(wire.attributes(body, 16).get(IFLA_AF_SPEC, b""), IFLA_BRIDGE_VLAN_INFO):
            flags, vid = struct.unpack_from("=HH", payload)
            found[(netns, dev, vid)] = {"dev": dev, "self": itself, "pvid": bool(flags & PVID), "untagged": bool(flags & UNTAGGED)}
    return found


_HAS = []  # what `supported` found out


def supported(kernel, links):
    """Whether this kernel has VLANs of bridges: what one of the bridges says, or a new one in a throw-away namespace.

    A bridge module that is not loaded stays so: kernels of which it is a module have them.
    """
    told = [item["vlan_default_pvid"] is not None for item in links.values() if item["kind"] == "bridge"]
    if told:
        return told[0]
    if not _HAS:
        if not os.path.isdir("/sys/module/bridge"):  # which it is too where bridges are built in
            return True
        with kernel.throwaway():
            _HAS.append(_says())
    return _HAS[0]


def _says():
    new = wire.Socket()
    try:
        name = wire.text(IFLA_IFNAME, "probe")
        new.send([(wire.RTM_NEWLINK, wire.NLM_F_CREATE | wire.NLM_F_EXCL,
                   header() + name + wire.attribute(IFLA_LINKINFO, wire.text(INFO_KIND, "bridge")))])
        info = wire.attributes(wire.attributes(new.get(wire.RTM_GETLINK, header() + name), 16)[IFLA_LINKINFO])
        return DEFAULT_PVID in wire.attributes(info[INFO_DATA])
    except OperationFailed:
        return False
    finally:
        new.close()
