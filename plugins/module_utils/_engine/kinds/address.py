# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Addresses of devices. What the kernel gives by itself (loopback's own, IPv6 link-local) is not in the table.

Sources: net/ipv4/devinet.c (__inet_del_ifa), net/ipv4/fib_frontend.c (fib_del_ifaddr), net/ipv6/addrconf.c.
"""

from __future__ import annotations

import ipaddress
import socket
import struct

from .. import wire
from ..errors import Conflict
from ..fields import Option, interface, interface_address
from ..owner import fabric_of_link
from . import _hops
from ._base import NETNS, Kind, ip, place
from ._link import refuse_fabric, whose
from ._link_messages import LOOPBACK
from .route import KERNEL, MAIN, sharing

IFA_ADDRESS, IFA_LOCAL, IFA_LABEL, IFA_BROADCAST, IFA_FLAGS, IFA_RT_PRIORITY, IFA_PROTO = 1, 2, 3, 4, 8, 9, 11
IFA_F_SECONDARY, IFA_F_NODAD, IFA_F_TEMPORARY, IFA_F_NOPREFIXROUTE = 0x01, 0x02, 0x01, 0x200
KERNEL_MADE = (1, 2, 3)  # IFAPROT_KERNEL_LO, _RA, _LL
SCOPES = {"global": 0, "site": 200, "link": 253, "host": 254}
_SCOPE_NAMES = {number: name for name, number in SCOPES.items()}


class Address(Kind):
    name = table = "address"
    schema = {
        "netns": NETNS,
        "dev": Option("str", required=True, check=interface),
        "address": Option("str", required=True, check=interface_address),
        "scope": Option("str", "global", choices=tuple(SCOPES)),
    }

    identity = ("dev", "address")

    def key(self, entry, path):
        return (entry["netns"], entry["dev"], entry["address"])

    def objects(self, entry, owner, path):
        family = 6 if ":" in entry["address"] else 4
        return [(self.key(entry, path),
                 {"dev": entry["dev"], "family": family, "scope": entry["scope"]})]

    def owned(self, state, key, item, owner):
        link = state["link"].get(key[:2])
        if link is not None and owner.holds_link(link):
            return True
        return item.get("noted") == owner.name

    def check(self, state, key, wanted, owner):
        netns, dev, text = key
        link = state["link"].get((netns, dev))
        if not owner.fabric and link is not None:
            refuse_fabric(self, key, link)
        if key in state["address"]:
            noted = state["address"][key].get("noted")
            if noted and not owner.fabric:
                raise Conflict("%s belongs to fabric %s; change it in that fabric's document" % (self.describe(key), noted))
            return
        network = ipaddress.ip_interface(text).network
        if network.prefixlen == network.max_prefixlen or network.is_link_local and network.version == 6:
            return
        for dummy, route in sharing(state, netns, MAIN, str(network)):
            if route["dev"] == dev:
                continue
            device = state["link"].get((netns, route["dev"]))
            if owner.fabric and (owner.holds_protocol(route) or device is not None and owner.holds_link(device)):
                continue
            if not owner.fabric and not (device and fabric_of_link(device)):
                continue  # several devices in one prefix: whoever names them so may have them so
            raise Conflict("%s: there is already a route to %s by device %s, %s; choose another prefix or remove it" % (
                self.describe(key), network, route["dev"], whose(device) if device else "not made by this fabric"))

    def simulate(self, state, operation):
        netns, dev, text = key = operation.key
        if operation.verb == "add":
            made = dict(operation.after)
            if made["family"] == 4 and self.beside(state, key):
                made["secondary"] = True
            state["address"][key] = made
            if made["family"] == 4 and state["link"].get(key[:2], {"up": True})["up"]:
                _hops.revive(state, netns, dev, (4,))
        elif operation.verb == "remove":
            secondaries = self.secondaries(state, key)
            for lost in [key] + secondaries:
                _lose(state, lost)
            if operation.before["family"] == 4 and not any(
                    state["address"][k]["family"] == 4 for k in state.on_device("address", netns, dev)):
                # the last one takes IPv4 off the device (fib_disable_ip): its routes and its neighbours
                _hops.lose(state, netns, dev, (4,))
                for table in ("neighbour", "proxy_neighbour"):
                    state.drop(table, [k for k in state.on_device(table, netns, dev) if state[table][k]["family"] == 4])

    @staticmethod
    def beside(state, key):
        """The other addresses of the device in the same subnet."""
        netns, dev, text = key
        return [other for other in state.on_device("address", netns, dev) if other != key and _subnet(other[2]) == _subnet(text)]

    def secondaries(self, state, key):
        """What goes with the address if promote_secondaries is off; if it is on, one of them takes its place."""
        if state["address"][key]["family"] == 6 or state["address"][key].get("secondary"):
            return []
        return [other for other in self.beside(state, key) if state["address"][other].get("secondary")]

    @staticmethod
    def misplaced(current, start, keys):
        """IPv4 addresses to be made anew, so that a device has them in the order it had: the first of a subnet is its primary one,
        and the first of all is the source of what goes elsewhere."""
        found = []
        for netns, dev in dict.fromkeys(key[:2] for key in keys):
            had = [key for key in start.on_device("address", netns, dev) if start["address"][key]["family"] == 4]
            has = [key for key in current.on_device("address", netns, dev) if key in had]
            while has and has[0] == had[0]:
                del has[0], had[0]
            found += has
        return found

    def in_the_way(self, state, key, wanted):
        """Of the addresses not wanted, those that a wanted one cannot stand beside, or only as their secondary."""
        netns, dev, text = key
        return [other for other in state.on_device("address", netns, dev)
                if other not in wanted and (_subnet(other[2]) == _subnet(text) or _ip(other[2]) == _ip(text) and ":" in text)]

    def requests(self, transaction, operation):
        netns, dev, text = operation.key
        interface_ = ipaddress.ip_interface(text)
        item = operation.before if operation.verb == "remove" else operation.after
        told = item.get("told", {})
        family = socket.AF_INET if interface_.version == 4 else socket.AF_INET6
        body = struct.pack("=BBBBI", family, interface_.network.prefixlen, 0, SCOPES[item["scope"]],
                           transaction.index(netns, dev))
        body += wire.attribute(IFA_LOCAL, interface_.ip.packed)
        body += wire.attribute(IFA_ADDRESS, ipaddress.ip_address(told.get("peer", _ip(text))).packed)
        if operation.verb == "remove":
            transaction.queue(netns, wire.RTM_DELADDR, 0, body)
            return
        # an IPv6 address of ours is allotted: nobody else has it, and DAD costs a second
        flags = (IFA_F_NODAD if family == socket.AF_INET6 else 0) | (IFA_F_NOPREFIXROUTE if told.get("noprefixroute") else 0)
        broadcast = told.get("brd", _broadcast(interface_))
        body += wire.u32(IFA_FLAGS, flags) if flags else b""
        body += wire.attribute(IFA_BROADCAST, ipaddress.ip_address(broadcast).packed) if broadcast else b""
        body += wire.text(IFA_LABEL, told["label"]) if "label" in told else b""
        body += wire.u32(IFA_RT_PRIORITY, told["metric"]) if "metric" in told else b""
        transaction.queue(netns, wire.RTM_NEWADDR, wire.NLM_F_CREATE | wire.NLM_F_EXCL, body)

    def commands(self, operation):
        netns, dev, text = operation.key
        told = (operation.before if operation.verb == "remove" else operation.after).get("told", {})
        length = text.rpartition("/")[2]
        named = [_ip(text), "peer", "%s/%s" % (told["peer"], length)] if "peer" in told else [text]
        if operation.verb == "remove":
            return [ip(netns, "address", "delete", *named, "dev", dev)]
        interface_ = ipaddress.ip_interface(text)
        words = ["address", "add"] + named
        if "brd" in told:
            words += ["brd", told["brd"]] if told["brd"] else []
        elif _broadcast(interface_):
            words += ["brd", "+"]
        words += ["dev", dev] + [word for name in ("label", "metric") if name in told for word in (name, told[name])]
        words += ["scope", operation.after["scope"]] + (["nodad"] if interface_.version == 6 else [])
        return [ip(netns, *words, *(["noprefixroute"] if told.get("noprefixroute") else []))]

    def difference(self, found, wanted):
        return {}  # an address that is there is there: its scope is given by who made it

    def entry(self, state, key, item):
        return {"netns": key[0], "dev": key[1], "address": key[2], "scope": item["scope"]}

    def describe(self, key):
        return "address %s on %s%s" % (key[2], key[1], place(key[0]))


def _broadcast(interface_):
    """The broadcast address that goes with an address of a subnet, or None."""
    return str(interface_.network.broadcast_address) if interface_.version == 4 and interface_.network.prefixlen < 31 else None


def _ip(text):
    return text.partition("/")[0]


def _subnet(text):
    return ipaddress.ip_interface(text).network


def _lose(state, key):
    """One address, and the routes that need it: the one to its subnet (unless another is in it) and those with it as source."""
    netns, dev, text = key
    lost = state["address"].pop(key)
    family, brings_route = lost["family"], not lost.get("told", {}).get("noprefixroute")
    subnet, source = _subnet(text), _ip(text)
    if brings_route and not any(_subnet(other[2]) == subnet for other in state.on_device("address", netns, dev)):
        state.drop("route", [k for k in state.on_device("route", netns, dev)
                             if k[2] == str(subnet) and state["route"][k]["protocol"] == KERNEL])
    if any(other[0] == netns and _ip(other[2]) == source for other in state["address"]):
        return  # it is still an address of the node
    for k, route in list(state["route"].items()):
        if k[0] != netns or route.get("src") != source:
            continue
        if family == 4 and k[1] == MAIN:  # fib_sync_down_addr
            state.drop("route", [k])
        elif family == 6:  # fib6_remove_prefsrc
            state.alter("route", k, src="")


LOOPBACK_IPV6 = bytes(15) + b"\1"


def read(kernel, netns, links):
    """{key: object} of a namespace; `links` maps device numbers to (name, MAC)."""
    found = {}
    for body in kernel.socket(netns).dump(wire.RTM_GETADDR, struct.pack("=BBBBI", 0, 0, 0, 0, 0)):
        family, length, flags, scope, index = struct.unpack_from("=BBBBI", body)
        attributes = wire.attributes(body, 8)
        raw = attributes.get(IFA_LOCAL) or attributes.get(IFA_ADDRESS)
        dev, mac = links.get(index, (None, ""))
        if raw is None or dev is None or family not in (socket.AF_INET, socket.AF_INET6):
            continue
        flags = wire.number(attributes.get(IFA_FLAGS), flags)
        if _by_kernel(raw, dev, mac, flags, wire.number(attributes.get(IFA_PROTO), 0)):
            continue
        address = ipaddress.ip_address(raw)
        item = {"dev": dev, "family": address.version, "scope": _SCOPE_NAMES.get(scope, "global")}
        if address.version == 4 and flags & IFA_F_SECONDARY:
            item["secondary"] = True
        told = _told(address, length, dev, flags, attributes)
        if told:
            item["told"] = told
        found[(netns, dev, "%s/%d" % (address, length))] = item
    return found


def _told(address, length, dev, flags, attributes):
    """What somebody's address has that the engine's have not, in the words of ip-address(8)."""
    told, peer = {}, attributes.get(IFA_ADDRESS)
    if peer and peer != address.packed:
        told["peer"] = str(ipaddress.ip_address(peer))
    if flags & IFA_F_NOPREFIXROUTE:
        told["noprefixroute"] = True
    if IFA_RT_PRIORITY in attributes:
        told["metric"] = wire.number(attributes[IFA_RT_PRIORITY])
    if address.version == 4:
        usual = (int(address) | (1 << 32 - length) - 1).to_bytes(4, "big") if length < 31 else None
        if attributes.get(IFA_BROADCAST) != usual:
            told["brd"] = str(ipaddress.ip_address(attributes[IFA_BROADCAST])) if IFA_BROADCAST in attributes else ""
        if wire.string(attributes.get(IFA_LABEL)) not in ("", dev):
            told["label"] = wire.string(attributes[IFA_LABEL])
    return told


def _by_kernel(raw, dev, mac, flags, protocol):
    """`raw`: the bytes of the address, which most need not become more than."""
    if protocol in KERNEL_MADE or dev == LOOPBACK and (raw[0] == 127 if len(raw) == 4 else raw == LOOPBACK_IPV6):
        return True
    if len(raw) == 4:
        return False
    if flags & IFA_F_TEMPORARY:
        return True
    # before Linux 5.18 there is no IFA_PROTO: a link-local address made from the MAC is the kernel's
    return raw[0] == 0xFE and raw[1] & 0xC0 == 0x80 and len(mac) == 17 and raw[8:] == _eui64(mac)


def _eui64(mac):
    raw = bytes.fromhex(mac.replace(":", ""))
    return bytes([raw[0] ^ 2]) + raw[1:3] + b"\xff\xfe" + raw[3:]
