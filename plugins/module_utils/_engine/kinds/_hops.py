# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Next hops of routes by several ways: their options, their coding, and what the kernel does to them in passing.

A device that goes down takes such a route only with the last hop that lives; until then its hops are `dead`, and they revive with the
device (IPv4: with an address of it, too). A device that goes for good takes an IPv4 route as a whole, and of an IPv6 route its hops.
Sources: rtnetlink(7) (struct rtnexthop), net/ipv4/fib_semantics.c (fib_sync_down_dev, fib_sync_up), net/ipv6/route.c (fib6_ifdown,
rt6_sync_up); measured in tests/kernel.
"""

from __future__ import annotations

import collections
import socket
import struct

from .. import wire
from ..errors import Invalid
from ..fields import Option, address, between, interface

RTA_GATEWAY, RTA_VIA = 5, 18
RTNH_F_DEAD, RTNH_F_ONLINK = 1, 4
SCHEMA = {
    "via": Option("str", check=address),
    "dev": Option("str", check=interface),
    "onlink": Option("bool", False),
    "weight": Option("int", 1, check=between(1, 256, "a weight")),
}
_HEAD = struct.Struct("=HBBi")  # length, flags, weight - 1, device
INET = {4: socket.AF_INET, 6: socket.AF_INET6}

# `dev` None: the kernel chooses the device of the gateway.
Hop = collections.namedtuple("Hop", "via dev onlink weight")


def wanted(entries, family, path):
    """The hops that entries in normal form ask for."""
    hops = []
    for position, entry in enumerate(entries):
        where = "%s[%d]" % (path, position)
        if not (entry["via"] or entry["dev"]):
            raise Invalid(where + ".via", None, "a gateway, a device or both for each next hop")
        if family == 6 and len(entries) > 1 and not entry["via"]:
            raise Invalid(where + ".via", None, "a gateway for each of several next hops of an IPv6 route")
        if entry["onlink"] and not (entry["via"] and entry["dev"]):
            raise Invalid(where + ".onlink", True, "both `via` and `dev` with it")
        hop = Hop(entry["via"] or "", entry["dev"] or None, entry["onlink"], entry["weight"])
        if any(hop[:2] == other[:2] for other in hops):
            raise Invalid(where, " ".join(filter(None, hop[:2])), "each next hop once", "give it a weight")
        hops.append(hop)
    if not hops:
        raise Invalid(path, [], "at least one next hop")
    return tuple(hops)


def same(found, asked):
    """Whether the hops are those asked for, in whatever order."""
    left = list(found)
    for hop in sorted(asked, key=lambda hop: not hop.dev):
        there = next((other for other in left if hop in (other, other._replace(dev=None))), None)
        if there is None:
            return False
        left.remove(there)
    return not left


def with_hops(route, hops, dead=()):
    """A route with other hops; one alone makes it a route like any other."""
    route = {field: value for field, value in route.items() if field not in ("also", "dead")}
    if len(hops) == 1:
        return dict(route, via=hops[0].via, dev=hops[0].dev, onlink=hops[0].onlink, nexthops=())
    if not hops:
        return dict(route, nexthops=())
    route.update(via="", dev="", onlink=False, nexthops=hops, also=tuple(hop.dev for hop in hops))  # what it stands on
    if dead:
        route["dead"] = dead
    return route


# --- coding --------------------------------------------------------------------------------------------------------

def gateway(via, family):
    """The attribute for a gateway; one of IPv6 can serve an IPv4 route."""
    version = 6 if ":" in via else 4
    packed = socket.inet_pton(INET[version], via)
    return wire.attribute(RTA_GATEWAY, packed) if version == family else wire.attribute(RTA_VIA, struct.pack("=H", INET[version]) + packed)


def told_gateway(raw, via):
    """The gateway of the two attributes, or ''."""
    raw = raw or (via[2:] if via else b"")
    return socket.inet_ntop(INET[4 if len(raw) == 4 else 6], raw) if raw else ""


def encode(hops, family, index):
    """The payload of RTA_MULTIPATH. `index` gives a device's number."""
    coded = []
    for hop in hops:
        more = gateway(hop.via, family) if hop.via else b""
        coded.append(_HEAD.pack(_HEAD.size + len(more), RTNH_F_ONLINK if hop.onlink else 0, hop.weight - 1, index(hop.dev) if hop.dev else 0) + more)
    return b"".join(coded)


def decode(payload, names):
    """(hops, devices of those that are dead)"""
    hops, dead, offset = [], set(), 0
    while offset + _HEAD.size <= len(payload):
        size, flags, weight, number = _HEAD.unpack_from(payload, offset)
        attributes = wire.attributes(payload[offset:offset + size], _HEAD.size)
        dev = names.get(number, "")
        hops.append(Hop(told_gateway(attributes.get(RTA_GATEWAY), attributes.get(RTA_VIA)), dev, bool(flags & RTNH_F_ONLINK), weight + 1))
        if flags & RTNH_F_DEAD:
            dead.add(dev)
        offset += max((size + 3) & ~3, _HEAD.size)
    return tuple(hops), tuple(sorted(dead))


def words(hop, family):
    """A hop as `ip route` has it, without its weight."""
    said = (["via"] + (["inet6"] if ":" in hop.via and family == 4 else []) + [hop.via]) if hop.via else []
    return said + (["dev", hop.dev] if hop.dev else [])


def multipath_words(hops, family):
    return [word for hop in hops for word in ["nexthop"] + words(hop, family) + (["weight", hop.weight] if hop.weight > 1 else [])
            + (["onlink"] if hop.onlink else [])]


def entries(hops):
    return [{field: value for field, value in hop._asdict().items() if value} for hop in hops]


# --- cascades ------------------------------------------------------------------------------------------------------

def lose(state, netns, dev, families=(4, 6), for_good=False):
    """What becomes of routes when their device goes down, or for good."""
    for key in state.on_device("route", netns, dev):
        route = state["route"][key]
        if route["family"] not in families:
            continue
        hops, dead = route["nexthops"], tuple(sorted({dev}.union(route.get("dead", ()))))
        if not hops or for_good and route["family"] == 4 or all(hop.dev in dead for hop in hops):
            state.drop("route", [key])
        elif for_good:
            state["route"][key] = with_hops(route, tuple(hop for hop in hops if hop.dev != dev), tuple(other for other in dead if other != dev))
        else:
            state.alter("route", key, dead=dead)


def revive(state, netns, dev, families=(4, 6)):
    """What becomes of routes when their device comes up."""
    for key in state.on_device("route", netns, dev):
        route = state["route"][key]
        if dev in route.get("dead", ()) and route["family"] in families:
            state["route"][key] = with_hops(route, route["nexthops"], tuple(other for other in route["dead"] if other != dev))


def harmed(found, after):
    """Whether a route by several ways has lost some of them."""
    return bool(found["nexthops"]) and (after["nexthops"] != found["nexthops"] or not set(after.get("dead", ())) <= set(found.get("dead", ())))
