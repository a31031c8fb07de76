# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Links on the wire and in the words of ip-link(8): what all kinds share of their messages, commands and dumps.

Sources: include/uapi/linux/if_link.h, net/core/rtnetlink.c.
"""

from __future__ import annotations

import struct

from .. import wire
from . import _port
from ._base import ip

IFLA_ADDRESS, IFLA_IFNAME, IFLA_MTU, IFLA_LINK, IFLA_MASTER = 1, 3, 4, 5, 10
IFLA_LINKINFO, IFLA_IFALIAS, IFLA_GROUP, IFLA_NET_NS_FD, IFLA_LINK_NETNSID = 18, 20, 27, 28, 37
INFO_KIND, INFO_DATA = 1, 2
IFF_UP = 1
LOOPBACK, LOOPBACK_INDEX = "lo", 1  # the first device of every namespace
CHILDREN = ("macvlan", "macvtap", "ipvlan", "ipvtap", "vlan", "macsec")  # fall with the link that they stand on


def header(up=None):
    return struct.pack("=BxHiII", 0, 0, 0, IFF_UP if up else 0, 0 if up is None else IFF_UP)


def set_link(name, changed, master):
    """The body of a change of flat attributes, or None where there is none to change."""
    attributes = []
    if "mtu" in changed:
        attributes.append(wire.u32(IFLA_MTU, changed["mtu"]))
    if "mac" in changed:
        attributes.append(wire.attribute(IFLA_ADDRESS, bytes.fromhex(changed["mac"].replace(":", ""))))
    if master is not None:
        attributes.append(wire.u32(IFLA_MASTER, master))
    if "group" in changed:
        attributes.append(wire.u32(IFLA_GROUP, changed["group"]))
    if "alias" in changed:
        attributes.append(wire.attribute(IFLA_IFALIAS, changed["alias"].encode()))
    if not attributes and "up" not in changed:
        return None
    return header(changed.get("up")) + wire.text(IFLA_IFNAME, name) + b"".join(attributes)


def encode(attributes):
    """The body of a link message with nested attributes, by pyroute2's tables."""
    from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg  # 0.2 s: only where a link is made

    message = ifinfmsg()
    message["attrs"] = attributes
    message.encode()
    return bytes(message.data)[16:]


def flat_words(fields, which):
    words = {"mtu": "mtu", "mac": "address", "group": "group", "master": "master"}
    return [word for field in which if fields.get(field) for word in (words[field], fields[field])]


def change_commands(operation, kind, data):
    netns, name = operation.key
    changed = operation.after
    words = flat_words(changed, ("mtu", "mac", "group", "master"))
    if changed.get("master") == "":
        words.append("nomaster")
    if "alias" in changed:
        words += ["alias", changed["alias"]]
    if "up" in changed:
        words.append("up" if changed["up"] else "down")
    lines = [ip(netns, "link", "set", "dev", name, *words)] if words else []
    if changed.get("port"):
        lines.append(_port.command(operation))
    special = [word for field, item in data.items() if field in changed for word in item.words(changed[field])]
    if special:
        lines.append(ip(netns, "link", "set", "dev", name, "type", kind, *special))
    return lines


# --- reading -------------------------------------------------------------------------------------------------------

def read(kernel, netns, kinds, peers):
    """All links of a namespace but its loopback: {key: object}.

    kinds  {IFLA_INFO_KIND: Link}
    peers  called with (netns, nsid or None, (number, peer's number) of a veth or None) -> the name of the namespace a veth's peer is in, or None
    Device numbers are resolved here and remembered by the kernel handle; a veth's peer is left as (netns, number)
    until every namespace is read (see veth.join).
    """
    raw, names = [], {}
    for body in kernel.socket(netns).dump(wire.RTM_GETLINK, header() + wire.WITHOUT_COUNTERS):
        index, flags = struct.unpack_from("=iI", body, 4)
        if index == LOOPBACK_INDEX:
            names[index] = LOOPBACK
            continue
        attributes = wire.attributes(body, 16)
        name = wire.string(attributes.get(IFLA_IFNAME))
        names[index] = name
        raw.append((index, name, flags, attributes))
    kernel.learn_indices(netns, {name: index for index, name in names.items()})
    found = {}
    for index, name, flags, attributes in raw:
        info = wire.attributes(attributes.get(IFLA_LINKINFO, b""))
        kind = wire.string(info.get(INFO_KIND))
        master = names.get(wire.number(attributes.get(IFLA_MASTER)), "")
        link = {
            "kind": kind, "index": index,
            "mtu": wire.number(attributes.get(IFLA_MTU)),
            "mac": attributes.get(IFLA_ADDRESS, b"").hex(":"),
            "up": bool(flags & IFF_UP), "master": master,
            "group": wire.number(attributes.get(IFLA_GROUP), 0),
            "alias": wire.string(attributes.get(IFLA_IFALIAS)),
            "port": _port.read(info) if master else None,
        }
        if kind in kinds:
            data = wire.attributes(info.get(INFO_DATA, b""))
            for field, item in kinds[kind].data.items():
                link[field] = item.decode(data, names)
            link.update(kinds[kind].read_more(kernel, netns, name))
        if kind == "veth" or kind in CHILDREN:
            nsid = attributes.get(IFLA_LINK_NETNSID)
            number = wire.number(attributes.get(IFLA_LINK))
            nsid = None if nsid is None else struct.unpack("=i", nsid)[0]
            other = (peers(netns, nsid, (index, number) if kind == "veth" else None), number)
            link["peer" if kind == "veth" else "parent"] = other
        found[(netns, name)] = link
    return found
