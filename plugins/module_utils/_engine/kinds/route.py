# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Routes: unicast by gateway or device, on-link gateways, blackholes; any table. Multipath is read, not made.

A prefix belongs to one maker: where a foreign route shares it, nothing is added, replaced or removed.
Sources: rtnetlink(7), net/ipv4/fib_semantics.c, net/ipv6/route.c.
"""

from __future__ import annotations

import functools
import ipaddress
import itertools
import socket
import struct

from .. import wire
from ..errors import Conflict, Invalid
from ..fields import Option, address, between, destination, interface
from ..owner import STATIC, fabric_number
from ._base import NETNS, ip, place
from ._bulk import Bulk

RTA_DST, RTA_OIF, RTA_GATEWAY, RTA_PRIORITY, RTA_PREFSRC = 1, 4, 5, 6, 7
RTA_MULTIPATH, RTA_TABLE = 9, 15
RTNH_F_ONLINK = 4
RTM_F_CLONED = 0x200
MAIN, LOCAL = 254, 255
KERNEL = 2  # RTPROT_KERNEL: comes and goes with an address
TYPES = {"unicast": 1, "blackhole": 6, "unreachable": 7, "prohibit": 8}
_TYPE_NAMES = {number: name for name, number in TYPES.items()}
SCOPES = {"global": 0, "link": 253, "host": 254}
_SCOPE_NAMES = {number: name for name, number in SCOPES.items()}
IPV6_METRIC = 1024  # IP6_RT_PRIO_USER: what an IPv6 route without a metric gets


def _table(value, path):
    value = between(1, (1 << 32) - 1, "a routing table's number")(value, path)
    if value == LOCAL:
        raise Invalid(path, value, "a table other than 255, the kernel's own (local)")
    return value


class Route(Bulk):
    name = table = "route"
    schema = {
        "netns": NETNS,
        "dst": Option("str", required=True, check=destination),
        "via": Option("str", check=address),
        "dev": Option("str", check=interface),
        "onlink": Option("bool", False),
        "table": Option("int", MAIN, check=_table),
        "metric": Option("int", check=between(0, (1 << 32) - 1, "a metric")),
        "src": Option("str", check=address),
        "scope": Option("str", choices=tuple(SCOPES)),
        "type": Option("str", "unicast", choices=tuple(TYPES)),
        "protocol": Option("int", check=between(1, 255, "a routing protocol's number")),
    }

    identity = ("dst",)

    def key(self, entry, path):
        family = _family(entry, path)
        dst = entry["dst"] if entry["dst"] != "default" else ("::/0" if family == 6 else "0.0.0.0/0")
        metric = entry["metric"] or (IPV6_METRIC if family == 6 else 0)  # IPv6 has no metric 0
        return (entry["netns"], entry["table"], dst, metric)

    def objects(self, entry, owner, path):
        key, family = self.key(entry, path), _family(entry, path)
        if entry["type"] == "unicast" and not (entry["via"] or entry["dev"]):
            raise Invalid(path + ".dev", None, "a device or a gateway (via) for a unicast route")
        if entry["type"] != "unicast" and (entry["via"] or entry["dev"]):
            raise Invalid(path + ".type", entry["type"], "unicast, since a device or a gateway is given",
                          "drop `dev` and `via`, or the type")
        if entry["onlink"] and not (entry["via"] and entry["dev"]):
            raise Invalid(path + ".onlink", True, "both `via` and `dev` with it")
        direct = family == 4 and entry["type"] == "unicast" and not entry["via"]
        scope = entry["scope"] or ("link" if direct else "global")
        protocol = granular_protocol(entry, owner, path)
        # None: the kernel chooses the device of the gateway
        dev = entry["dev"] or (None if entry["via"] else "" if family == 4 else "lo")
        return [(key, {"dev": dev, "via": entry["via"] or "",
                       "onlink": entry["onlink"], "src": entry["src"] or "", "scope": scope if family == 4 else "global",
                       "type": entry["type"], "family": family, "protocol": owner.protocol if owner.fabric else protocol})]

    def many(self, columns, owner):
        """Of its prefix an object knows no more than the family, so those that differ in nothing else are one."""
        prefixes = columns["dst"]
        names = [name for name in columns if name != "dst"]
        rows = zip(*(columns[name] for name in names), (dst if dst == "default" else ":" in dst for dst in prefixes))
        first, keys, items = {}, [], []
        for dst, row in zip(prefixes, rows):
            if row not in first:
                first[row] = self.objects(dict(zip(names, row), dst=dst), owner, "")[0]
            key, item = first[row]
            keys.append(key if dst == "default" else (key[0], key[1], dst, key[3]))
            items.append(item)
        return keys, items

    def owned(self, state, key, item, owner):
        return owner.holds_protocol(item)

    def check_all(self, state, items, owner):
        others = {key[:3] for key, route in state["route"].items() if not owner.holds_protocol(route)}
        for key in [key for key in items if key[:3] in others]:
            self.check(state, key, items[key], owner)

    def check(self, state, key, wanted, owner):
        netns, table, dst, metric = key
        for other, found in sharing(state, netns, table, dst):
            if owner.fabric and not owner.holds_protocol(found):
                device = state["link"].get((netns, found["dev"]))
                if found["protocol"] == KERNEL and device is not None and owner.holds_link(device):
                    continue  # the connected route of a device of ours
                raise Conflict("%s: there is already a route to that prefix (%s), not made by this fabric; "
                               "remove it, or choose another prefix" % (self.describe(key), _words(found)))
            if not owner.fabric and other == key and fabric_number(found) is not None:
                raise Conflict("%s belongs to the fabric with number %d; change it in that fabric's document"
                               % (self.describe(key), found["protocol"]))

    def order(self, item):
        """Routes by a device alone make the gateways of the others reachable."""
        return bool(item["via"])

    def difference(self, found, wanted):
        changed = super().difference(found, wanted)
        if "via" in changed and wanted["dev"] is None:
            changed["dev"] = ""  # the old gateway's device need not be the new one's
        return changed

    def simulate(self, state, operation):
        super().simulate(state, operation)
        route = state["route"].get(operation.key)
        if route and route["via"] and not route["dev"]:
            state.alter("route", operation.key, dev=_towards(state, operation.key[0], route["via"]))

    def simulate_all(self, state, operations):
        super().simulate_all(state, operations)
        towards = functools.lru_cache(None)(lambda netns, gateway: _towards(state, netns, gateway))
        for key, route in [(operation.key, operation.after) for operation in operations if operation.after["via"] and not operation.after["dev"]]:
            state.alter("route", key, dev=towards(key[0], route["via"]))

    def made(self, wanted):
        if wanted["protocol"] and wanted["dev"] is not None:
            return wanted
        return dict(wanted, protocol=wanted["protocol"] or STATIC, dev=wanted["dev"] or "")

    def requests(self, transaction, operation):
        netns, key = operation.key[0], operation.key
        if operation.verb == "remove":
            transaction.queue(netns, wire.RTM_DELROUTE, 0, *self.bodies(transaction, [(key, operation.before)]))
            return
        route = self.made(operation.after) if operation.verb == "add" else dict(operation.before, **operation.after)
        transaction.queue(netns, *self.new(operation), *self.bodies(transaction, [(key, route)]))

    def new(self, operation):
        return wire.RTM_NEWROUTE, wire.NLM_F_CREATE | (wire.NLM_F_EXCL if operation.verb == "add" else wire.NLM_F_REPLACE)

    def bodies(self, transaction, pairs):
        bodies, around = [], {}
        for (netns, table, dst, metric), route in pairs:
            prefix, dummy, length = dst.partition("/")
            alike = (id(route), netns, table, length, metric)
            if alike not in around:
                around[alike] = self._around(transaction, netns, table, length, metric, route)
            before, inet, after = around[alike]
            bodies.append(before + (wire.attribute(RTA_DST, socket.inet_pton(inet, prefix)) if length != "0" else b"") + after)
        return bodies

    @staticmethod
    def _around(transaction, netns, table, length, metric, route):
        """(what stands before the prefix, the address family, what stands behind it)"""
        inet = socket.AF_INET6 if route["family"] == 6 else socket.AF_INET
        before = struct.pack("=BBBBBBBBI", inet, int(length), 0, 0, table if table < 256 else 0, route["protocol"],
                             SCOPES[route["scope"]], TYPES[route["type"]], RTNH_F_ONLINK if route["onlink"] else 0)
        after = wire.u32(RTA_TABLE, table)
        if route["via"]:
            after += wire.attribute(RTA_GATEWAY, socket.inet_pton(inet, route["via"]))
        if route["dev"]:
            after += wire.u32(RTA_OIF, transaction.index(netns, route["dev"]))
        if route["src"]:
            after += wire.attribute(RTA_PREFSRC, socket.inet_pton(inet, route["src"]))
        if metric:
            after += wire.u32(RTA_PRIORITY, metric)
        return before, inet, after

    def commands(self, operation):
        netns, table, dst, metric = operation.key
        if operation.verb == "remove":
            verb, route = "delete", operation.before
        elif operation.verb == "add":
            verb, route = "add", self.made(operation.after)
        else:
            verb, route = "replace", dict(operation.before, **operation.after)
        words = ["route", verb] + ([route["type"]] if route["type"] != "unicast" else []) + [dst]
        words += ["via", route["via"]] if route["via"] else []
        words += ["dev", route["dev"]] if route["dev"] and route["type"] == "unicast" else []
        words += ["proto", route["protocol"]]
        words += ["scope", route["scope"]] if route["family"] == 4 else []
        words += ["table", table] if table != MAIN else []
        words += ["metric", metric] if metric else []
        words += ["src", route["src"]] if route["src"] else []
        words += ["onlink"] if route["onlink"] else []
        return [ip(netns, *(["-6"] if route["family"] == 6 else []), *words)]

    def entry(self, state, key, item):
        if item["protocol"] == KERNEL or item.get("also"):
            return None
        netns, table, dst, metric = key
        unicast = item["type"] == "unicast"
        return {"netns": netns, "dst": dst, "via": item["via"] or None, "dev": item["dev"] or None if unicast else None,
                "onlink": item["onlink"], "table": table, "metric": metric, "src": item["src"] or None,
                "scope": item["scope"], "type": item["type"], "protocol": item["protocol"]}

    def describe(self, key):
        netns, table, dst, metric = key
        return "route %s%s%s%s" % (dst, " metric %d" % metric if metric else "",
                                   " table %d" % table if table != MAIN else "", place(netns))


def _towards(state, netns, gateway):
    """The device by which the kernel will reach a gateway: one with an address beside it, or else with a direct route to it."""
    gateway = ipaddress.ip_address(gateway)

    def nearest(candidates):
        near = ((ipaddress.ip_interface(text).network, dev) for text, dev in candidates)
        return max(((network.prefixlen, dev) for network, dev in near if gateway in network), default=(0, ""))[1]

    return (nearest((key[2], item["dev"]) for key, item in state["address"].items() if key[0] == netns)
            or nearest((key[2], item["dev"]) for key, item in state["route"].items()
                       if key[0] == netns and key[1] == MAIN and item["dev"] and not item["via"]))


def _family(entry, path):
    """Of the addresses that are given; `default` goes by its gateway, and is IPv4 without one."""
    families = {6 if ":" in entry[field] else 4 for field in ("dst", "via", "src")
                if entry[field] and entry[field] != "default"}
    if len(families) > 1:
        raise Invalid(path, entry["via"] or entry["src"], "addresses of the same family as dst %s" % entry["dst"])
    return families.pop() if families else 4


def granular_protocol(entry, owner, path):
    """The protocol asked for; a fabric's objects carry its own number and no other."""
    if owner.fabric and entry["protocol"] not in (None, owner.number):
        raise Invalid(path + ".protocol", entry["protocol"], "the fabric's own number %d, or nothing" % owner.number)
    return entry["protocol"]


def granular_protocols(column, owner):
    """The same of a column."""
    if owner.fabric and not set(column) <= {None, owner.number}:
        raise Invalid("protocol", column, "the fabric's own number")
    return itertools.repeat(owner.protocol, len(column)) if owner.fabric else column


def sharing(state, netns, table, dst):
    """[(key, route)] of the routes to exactly this prefix, whatever their metric."""
    return [(key, state["route"][key]) for key in state.routes_to(netns, table, dst)]


def _words(route):
    return " ".join(word for word in (
        route["type"] if route["type"] != "unicast" else "",
        "via " + route["via"] if route["via"] else "", "dev " + route["dev"] if route["dev"] else "",
        "proto %d" % route["protocol"]) if word)


def read(kernel, netns, names):
    """{key: object} of a namespace's unicast and blackhole routes, the local table and cached routes left out."""
    found = {}
    for inet, family in ((socket.AF_INET, 4), (socket.AF_INET6, 6)):
        request = struct.pack("=BBBBBBBBI", inet, 0, 0, 0, 0, 0, 0, 0, 0)
        read_one = functools.lru_cache(None)(functools.partial(_read, inet, family, names))
        for headers, columns in kernel.socket(netns).table(wire.RTM_GETROUTE, request):
            rows = zip(headers, *(columns.get(kind, itertools.repeat(None)) for kind in _READ))
            for header, oif, gateway, source, number, raw, metric, multipath in rows:
                length, table, route = read_one(header, oif, gateway, source, number)
                if route is None:
                    continue
                dst = "%s/%d" % (socket.inet_ntop(inet, raw) if raw else ("::" if family == 6 else "0.0.0.0"), length)
                key = (netns, table, dst, wire.number(metric, 0))
                if multipath or key in found:
                    also = _devices(multipath or b"", names) + (route["dev"],)
                    found[key] = dict(found.get(key, route), also=found.get(key, route).get("also", ()) + also)
                else:
                    found[key] = route
    return found


_READ = (RTA_OIF, RTA_GATEWAY, RTA_PREFSRC, RTA_TABLE, RTA_DST, RTA_PRIORITY, RTA_MULTIPATH)


def _read(inet, family, names, header, oif, gateway, source, table):
    """(prefix length, table, object or None) of a route but for its prefix and metric: it is that of many."""
    dummy, length, dummy, dummy, short, protocol, scope, kind, flags = struct.unpack("=BBBBBBBBI", header)
    table = wire.number(table, short)
    if kind not in _TYPE_NAMES or flags & RTM_F_CLONED or table == LOCAL:
        return length, table, None
    return length, table, {
        "dev": names.get(wire.number(oif), ""),
        "via": socket.inet_ntop(inet, gateway) if gateway else "",
        "onlink": bool(flags & RTNH_F_ONLINK), "src": socket.inet_ntop(inet, source) if source else "",
        "scope": _SCOPE_NAMES.get(scope, "global") if family == 4 else "global",
        "type": _TYPE_NAMES[kind], "family": family, "protocol": protocol,
    }


def _devices(multipath, names):
    """Devices of further next hops (struct rtnexthop), so that a link's fall is known to take the route."""
    offset, devices = 0, []
    while offset + 8 <= len(multipath):
        size, dummy, dummy, index = struct.unpack_from("=HBBi", multipath, offset)
        devices.append(names.get(index, ""))
        offset += max((size + 3) & ~3, 8)
    return tuple(devices)
