# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Links that stand on another one, their parent, which may be in another namespace: made there, they are born here.

Sources: net/core/rtnetlink.c (rtnl_newlink); drivers/net/macvlan.c, drivers/net/ipvlan, net/8021q; measured in tests/kernel.
"""

from __future__ import annotations

import struct
import zlib

from .. import wire
from ..errors import Invalid, OperationFailed
from ..fields import AUTO, Option, interface
from ._base import NETNS, OWN_NETNS, ip
from ._link import END, change_link
from ._link_messages import IFLA_IFNAME, IFLA_LINK, IFLA_NET_NS_FD, flat_words, header
from ._raw import RawLink

PARENT = {
    "parent": Option("str", required=True, check=lambda value, path: value if value == AUTO else interface(value, path)),
    "parent_netns": NETNS,
}
# A link hands what it receives to one taker: to the bridge it is a port of, to its macvlans, or to its ipvlans.
TAKERS = ("macvlan", "ipvlan")


def temporary(key):
    """The name under which a link is born in another namespace than its parent's: the kernel looks for the name it is to have in the
    parent's, and refuses where there is one, though the link never stands there."""
    return "tmp%08x" % zlib.crc32("/".join(key).encode())


class Child(RawLink):
    schema = dict(END, **PARENT)

    def end(self, entry, owner):
        key, wanted = super().end(entry, owner)
        return key, dict(wanted, parent=(entry["parent_netns"], entry["parent"]))

    # --- planning ---

    def must_replace(self, found, wanted):
        return "parent" if found.get("parent") != wanted["parent"] else super().must_replace(found, wanted)

    def leftover(self, key):
        return key[0], temporary(key)

    def fitting(self, item, link, links, path):
        parent = link(*item["parent"])
        if parent is None:
            return
        if parent["kind"] == self.kind and self.kind in TAKERS:
            raise Invalid(path + ".parent", item["parent"][1], "a link that is no %s itself: name the one that it stands on" % self.kind)
        if self.kind in TAKERS and parent["master"]:
            raise Invalid(path + ".parent", item["parent"][1], "a link that is no port of a bridge: what that receives is the bridge's")
        for other, wanted in links.items():
            if wanted.get("parent") == item["parent"] and {wanted["kind"], self.kind} == set(TAKERS):
                raise Invalid(path + ".parent", item["parent"][1], "a link that bears either macvlans or ipvlans, but %s is %s of it" % (
                    self.describe(other), "a macvlan" if wanted["kind"] == "macvlan" else "an ipvlan"))

    def follow(self, state, key, parent, changed):
        """It cannot have a larger MTU than its parent."""
        mtu = state["link"][key]["mtu"]
        if "mtu" in changed and mtu and mtu > changed["mtu"]:
            change_link(state, key, {"mtu": changed["mtu"]})

    # --- the kernel ---

    def request_add(self, transaction, operation):
        netns, name = operation.key
        other, parent = operation.after["parent"]
        index, flags = transaction.index(other, parent), wire.NLM_F_CREATE | wire.NLM_F_EXCL
        if other == netns:
            body = self.born(transaction, netns, name, operation.after) + wire.u32(IFLA_LINK, index)
            transaction.queue(netns, wire.RTM_NEWLINK, flags, body, makes=True)
            return
        born = temporary(operation.key)
        body = self.born(transaction, netns, born, operation.after) + wire.u32(IFLA_LINK, index)
        with transaction.descriptors() as open_namespace:
            transaction.queue(other, wire.RTM_NEWLINK, flags, body + wire.u32(IFLA_NET_NS_FD, open_namespace(netns)), makes=True)
            transaction.flush()
        try:
            rename = struct.pack("=BxHiII", 0, 0, transaction.index(netns, born), 0, 0) + wire.text(IFLA_IFNAME, name)
            transaction.queue(netns, wire.RTM_NEWLINK, 0, rename, unmakes=True)
            transaction.flush()
        except OperationFailed:
            transaction.queue(netns, wire.RTM_DELLINK, 0, header() + wire.text(IFLA_IFNAME, born), unmakes=True)
            transaction.flush()
            raise

    def commands(self, operation):
        if operation.verb != "add":
            return super().commands(operation)
        netns, name = operation.key
        wanted = operation.after
        other, parent = wanted["parent"]
        kind = ["type", self.kind] + self.data_words(wanted)
        if other == netns:
            return [ip(netns, "link", "add", "link", parent, "name", name, *flat_words(wanted, ("mtu", "mac", "group", "master")), *kind)]
        born = temporary(operation.key)
        return [
            ip(other, "link", "add", "link", parent, "name", born, "netns", netns or OWN_NETNS, *flat_words(wanted, ("mtu", "mac", "group")), *kind),
            ip(netns, "link", "set", "dev", born, "name", name),
        ] + ([ip(netns, "link", "set", "dev", name, "master", wanted["master"])] if wanted["master"] else [])

    # --- back to a document ---

    def entry(self, state, key, item):
        entry = super().entry(state, key, item)
        if entry and item.get("parent"):
            entry.update(parent_netns=item["parent"][0], parent=item["parent"][1])
        return entry


def number_of(numbers, width, order="="):
    """(decode, encode) of a field that has names for numbers."""
    names, form = {number: name for name, number in numbers.items()}, order + width
    size = struct.calcsize(form)

    def decode(payload):
        number = struct.unpack(form, payload[:size])[0] if payload else None
        return names.get(number, str(number))

    return decode, lambda value: struct.pack(form, numbers[value])
