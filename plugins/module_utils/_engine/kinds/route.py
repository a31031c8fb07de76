# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Routes: unicast by gateway, device or several ways; those that drop; any table.

A prefix belongs to one maker: where a foreign route shares it, nothing is added, replaced or removed. An IPv6 route takes in what others
append to it and is told with its first hop's protocol, so its hops go one by one: the kernel knows whose each of them is.
Sources: rtnetlink(7), net/ipv4/fib_semantics.c, net/ipv6/route.c.
"""

from __future__ import annotations

import errno
import functools
import ipaddress
import itertools
import os
import socket
import struct
from socket import inet_ntop, inet_pton

from .. import wire
from ..errors import Conflict, Invalid, OperationFailed
from ..fields import Option, address, between, destination, interface
from ..owner import STATIC, fabric_number
from ._base import NETNS, ip, place
from . import _hops
from ._bulk import Bulk
from ._hops import RTA_GATEWAY, RTA_VIA, RTNH_F_ONLINK

RTA_DST, RTA_OIF, RTA_PRIORITY, RTA_PREFSRC, RTA_METRICS = 1, 4, 6, 7, 8
RTA_MULTIPATH, RTA_TABLE = 9, 15
METRICS = {"mtu": 2, "advmss": 8}  # RTAX_*
RTM_F_CLONED = 0x200
MAIN, LOCAL = 254, 255
BIRD = 12  # RTPROT_BIRD
KERNEL = 2  # RTPROT_KERNEL: comes and goes with an address
TYPES = {"unicast": 1, "blackhole": 6, "unreachable": 7, "prohibit": 8, "throw": 9}
_TYPE_NAMES = {number: name for name, number in TYPES.items()}
SCOPES = {"global": 0, "link": 253, "host": 254}
_SCOPE_NAMES = {number: name for name, number in SCOPES.items()}
IPV6_METRIC = 1024  # IP6_RT_PRIO_USER: what an IPv6 route without a metric gets


def _table(value, path):
    value = between(1, (1 << 32) - 1, "a routing table's number")(value, path)
    if value == LOCAL:
        raise Invalid(path, value, "a table other than 255, the kernel's own (local)")
    return value


# What a route's message says beside its prefix and its gateway.
_MOST = ("family", "protocol", "scope", "type", "onlink", "nexthops", "dev", "src", "mtu", "advmss", "metrics")


class Route(Bulk):
    name = table = "route"
    schema = {
        "netns": NETNS,
        "dst": Option("str", required=True, check=destination),
        "via": Option("str", check=address),
        "dev": Option("str", check=interface),
        "onlink": Option("bool", False),
        "nexthops": Option("list", elements="dict", options=_hops.SCHEMA),
        "table": Option("int", MAIN, check=_table),
        "metric": Option("int", check=between(0, (1 << 32) - 1, "a metric")),
        "src": Option("str", check=address),
        "scope": Option("str", choices=tuple(SCOPES)),
        "mtu": Option("int", check=between(68, 65520, "an MTU in bytes")),
        "advmss": Option("int", check=between(1, 65495, "a segment size in bytes")),
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
        ways = entry["via"] or entry["dev"]
        if entry["nexthops"] is not None:
            if ways:
                raise Invalid(path + ".nexthops", ways, "all gateways and devices in it", "drop `dev` and `via`")
            hops = _hops.wanted(entry["nexthops"], family, path + ".nexthops")
            if len(hops) == 1:  # to the kernel a route like any other
                return self.objects(dict(entry, nexthops=None, **dict(zip(("via", "dev", "onlink"), hops[0]))), owner, path)
        else:
            hops = ()
        if entry["type"] == "unicast" and not (ways or hops):
            raise Invalid(path + ".dev", None, "a device or a gateway (via) for a unicast route")
        if entry["type"] != "unicast" and (ways or hops):
            raise Invalid(path + ".type", entry["type"], "unicast, since a device or a gateway is given",
                          "drop `dev` and `via`, or the type")
        if entry["onlink"] and not (entry["via"] and entry["dev"]):
            raise Invalid(path + ".onlink", True, "both `via` and `dev` with it")
        direct = family == 4 and entry["type"] == "unicast" and not entry["via"] and not hops
        scope = entry["scope"] or ("link" if direct else "global")
        protocol = granular_protocol(entry, owner, path)
        # None: the kernel chooses the device of the gateway
        dev = entry["dev"] or (None if entry["via"] else "" if family == 4 or hops else "lo")
        return [(key, {"dev": dev, "via": entry["via"] or "",
                       "onlink": entry["onlink"], "src": entry["src"] or "", "scope": scope if family == 4 else "global",
                       "mtu": entry["mtu"] or 0, "advmss": entry["advmss"] or 0, "nexthops": hops,
                       "type": entry["type"], "family": family, "protocol": owner.protocol if owner.fabric else protocol})]

    def many(self, columns, owner):
        """Of its prefix an object knows no more than the family, so those that differ in nothing else are one; of its gateway, that and the text."""
        prefixes, gateways = columns["dst"], columns["via"]
        alike = {name: column[0] for name, column in columns.items() if len(set(column)) == 1}
        names = [name for name in columns if name not in alike and name not in ("dst", "via")]
        rows = zip(*(columns[name] for name in names), (dst if dst == "default" else ":" in dst for dst in prefixes), (
            via and ":" in via for via in gateways))
        first, made, keys, items = {}, {}, [], []
        for dst, via, row in zip(prefixes, gateways, rows):
            if (row, via) not in made:
                if row not in first:
                    first[row] = self.objects(dict(alike, **dict(zip(names, row)), dst=dst, via=via), owner, "")[0]
                key, item = first[row]
                made[row, via] = key, dict(item, via=via) if via and item["via"] != via else item
            key, item = made[row, via]
            keys.append(key if dst == "default" else (key[0], key[1], dst, key[3]))
            items.append(item)
        return keys, items

    def owned(self, state, key, item, owner):
        return owner.holds_protocol(item)

    def check_all(self, state, items, owner):
        others = {key[:3] for key, route in state["route"].items() if not owner.holds_protocol(route) or "mixed" in route}
        for key in [key for key in items if key[:3] in others]:
            self.check(state, key, items[key], owner)

    def check(self, state, key, wanted, owner):
        netns, table, dst, metric = key
        for other, found in sharing(state, netns, table, dst):
            if owner.fabric and not all(number == owner.number for number in found.get("mixed", (found["protocol"],))):
                device = state["link"].get((netns, found["dev"]))
                if found["protocol"] == KERNEL and device is not None and owner.holds_link(device):
                    continue  # the connected route of a device of ours
                if found["protocol"] == BIRD and other != key:
                    continue  # of another metric, and so another route: where BGP tells of what is static from now on
                raise Conflict("%s: there is already a route to that prefix (%s), not made by this fabric; "
                               "remove it, or choose another prefix" % (self.describe(key), _words(found)))
            if not owner.fabric and other == key and fabric_number(found) is not None:
                raise Conflict("%s belongs to the fabric with number %d; change it in that fabric's document"
                               % (self.describe(key), found["protocol"]))

    def order(self, item):
        """Routes by a device alone make the gateways of the others reachable."""
        return bool(item["via"] or item["nexthops"])

    def difference(self, found, wanted):
        changed = super().difference(found, {field: value for field, value in wanted.items() if field not in ("nexthops", "also", "dead", "mixed")})
        if not _hops.same(found["nexthops"], wanted["nexthops"]):
            changed["nexthops"] = wanted["nexthops"]
        if changed.keys() & {"via", "nexthops"} and wanted["dev"] is None:
            changed["dev"] = ""  # the old gateway's device need not be the new one's
        return changed

    def simulate(self, state, operation):
        super().simulate(state, operation)
        if operation.verb != "remove":
            self._settle(state, [operation.key], _towards)

    def simulate_all(self, state, operations):
        super().simulate_all(state, operations)
        open_ = [operation.key for operation in operations if operation.after["nexthops"] or operation.after["via"] and not operation.after["dev"]]
        towards = functools.lru_cache(None)(functools.partial(_towards, state))
        self._settle(state, open_, lambda dummy, *place: towards(*place))

    @staticmethod
    def _settle(state, keys, towards):
        """Fill in what the kernel does by itself: devices of gateways."""
        for key in keys:
            route = state["route"][key]
            if route["nexthops"] or "also" in route:
                hops = tuple(hop if hop.dev else hop._replace(dev=towards(state, key[0], hop.via)) for hop in route["nexthops"])
                state["route"][key] = route = _hops.with_hops(route, hops)
            if route["via"] and not route["dev"]:
                state.alter("route", key, dev=towards(state, key[0], route["via"]))

    def made(self, wanted):
        if wanted["protocol"] and wanted["dev"] is not None:
            return wanted
        return dict(wanted, protocol=wanted["protocol"] or STATIC, dev=wanted["dev"] or "")

    def requests(self, transaction, operation):
        netns, key = operation.key[0], operation.key
        for hop in self._hops_that_go(operation):
            self._take_hop(transaction, operation, hop)
        if operation.verb == "remove":
            transaction.queue(netns, wire.RTM_DELROUTE, 0, *self.bodies(transaction, [(key, _first_hop(operation.before))]))
            return
        route = self.made(operation.after) if operation.verb == "add" else dict(operation.before, **operation.after)
        transaction.queue(netns, *self.new(operation), *self.bodies(transaction, [(key, route)]))

    @staticmethod
    def _hops_that_go(operation):
        """Of an IPv6 route by several ways those that go by themselves: all but the first, by whose protocol the route is told."""
        if operation.verb == "add" or operation.before["family"] == 4 or not operation.before["nexthops"]:
            return []
        stay = set()
        if operation.verb == "change":
            route = dict(operation.before, **operation.after)
            ways = route["nexthops"] or (_hops.Hop(route["via"], route["dev"], route["onlink"], 1),)
            stay = {(hop.via, dev) for hop in ways for dev in ([hop.dev] if hop.dev else operation.before["also"])}
        return [hop for hop in operation.before["nexthops"][1:] if hop[:2] not in stay]

    def _take_hop(self, transaction, operation, hop):
        """Delete one hop, unless it is of another protocol: somebody has appended it."""
        netns = operation.key[0]
        body, = self.bodies(transaction, [(operation.key, _hops.with_hops(operation.before, (hop,)))])
        transaction.flush()
        try:
            transaction.kernel.socket(netns).send([(wire.RTM_DELROUTE, 0, body)])
        except OperationFailed as error:
            if os.strerror(errno.ESRCH) not in error.reason:
                raise
            if operation.verb == "change":
                raise OperationFailed("its next hop %s is not of protocol %d: somebody has added it; delete it first, or choose another prefix" % (
                    " ".join(_hops.words(hop, 6)), operation.before["protocol"])) from None

    def new(self, operation):
        return wire.RTM_NEWROUTE, wire.NLM_F_CREATE | (wire.NLM_F_EXCL if operation.verb == "add" else wire.NLM_F_REPLACE)

    def bodies(self, transaction, pairs):
        # Few differ in more than the prefix, and fewer still in more than the gateway.
        parts = [key[2].partition("/") for key, dummy in pairs]
        alike = [(key[0], key[1], part[2], key[3], id(route)) for (key, route), part in zip(pairs, parts)]
        most = functools.lru_cache(None)(functools.partial(self._around, transaction))
        around = {}
        for which, (dummy, route) in dict(zip(alike, pairs)).items():
            before, inet, after = most(*which[:4], *map(route.get, _MOST))
            via = _hops.gateway(route["via"], route["family"]) if route["via"] else b""
            around[which] = before, inet, after + via
        return [before + inet_pton(inet, prefix) + after if inet else before + after
                for (before, inet, after), (prefix, dummy, dummy) in zip(map(around.__getitem__, alike), parts)]

    @staticmethod
    def _around(transaction, netns, table, length, metric, *values):
        """(what stands before the prefix, its address family, what stands behind it but for the gateway); of a default route, which has no
        prefix, the family is 0"""
        route = dict(zip(_MOST, values))
        inet = socket.AF_INET6 if route["family"] == 6 else socket.AF_INET
        before = struct.pack("=BBBBBBBBI", inet, int(length), 0, 0, table if table < 256 else 0, route["protocol"],
                             SCOPES[route["scope"]], TYPES[route["type"]], RTNH_F_ONLINK if route["onlink"] else 0)
        if length != "0":
            before += struct.pack("=HH", 8 if route["family"] == 4 else 20, RTA_DST)
        after = wire.u32(RTA_TABLE, table)
        if route["nexthops"]:
            after += wire.attribute(RTA_MULTIPATH, _hops.encode(route["nexthops"], route["family"], lambda dev: transaction.index(netns, dev)))
        if route["dev"]:
            after += wire.u32(RTA_OIF, transaction.index(netns, route["dev"]))
        if route["src"]:
            after += wire.attribute(RTA_PREFSRC, inet_pton(inet, route["src"]))
        if metric:
            after += wire.u32(RTA_PRIORITY, metric)
        metrics = [wire.u32(number, route[name]) for name, number in METRICS.items() if route[name]]
        metrics += [wire.attribute(number, payload) for number, payload in route["metrics"] or ()]
        after += wire.attribute(RTA_METRICS, b"".join(metrics)) if metrics else b""
        return before, inet if length != "0" else 0, after

    def commands(self, operation):
        lines = [self._command(operation.key, "delete", _hops.with_hops(operation.before, (hop,))) for hop in self._hops_that_go(operation)]
        if operation.verb == "remove":
            verb, route = "delete", _first_hop(operation.before)
        elif operation.verb == "add":
            verb, route = "add", self.made(operation.after)
        else:
            verb, route = "replace", dict(operation.before, **operation.after)
        return lines + [self._command(operation.key, verb, route)]

    @staticmethod
    def _command(key, verb, route):
        netns, table, dst, metric = key
        words = ["route", verb] + ([route["type"]] if route["type"] != "unicast" else []) + [dst]
        words += _hops.words(_hops.Hop(route["via"], route["dev"], False, 1), route["family"]) if route["type"] == "unicast" else []
        words += ["proto", route["protocol"]]
        words += ["scope", route["scope"]] if route["family"] == 4 else []
        words += ["table", table] if table != MAIN else []
        words += ["metric", metric] if metric else []
        words += ["src", route["src"]] if route["src"] else []
        words += [word for name in METRICS if route[name] for word in (name, route[name])]
        words += ["onlink"] if route["onlink"] else []
        return ip(netns, *(["-6"] if route["family"] == 6 else []), *words, *_hops.multipath_words(route["nexthops"], route["family"]))

    def mask(self, found, asked):
        shown = super().mask(found, asked)
        shown["nexthops"] = [hop._replace(dev=None) if hop._replace(dev=None) in asked.get("nexthops", ()) else hop for hop in found["nexthops"]]
        return shown

    def entry(self, state, key, item):
        if item["protocol"] == KERNEL or "mixed" in item:
            return None
        netns, table, dst, metric = key
        unicast = item["type"] == "unicast"
        return {"netns": netns, "dst": dst, "via": item["via"] or None, "dev": item["dev"] or None if unicast else None,
                "onlink": item["onlink"], "nexthops": _hops.entries(item["nexthops"]) or None, "table": table, "metric": metric,
                "src": item["src"] or None, "mtu": item["mtu"] or None, "advmss": item["advmss"] or None,
                "scope": item["scope"], "type": item["type"], "protocol": item["protocol"]}

    def describe(self, key):
        netns, table, dst, metric = key
        return "route %s%s%s%s" % (dst, " metric %d" % metric if metric else "",
                                   " table %d" % table if table != MAIN else "", place(netns))


def _first_hop(route):
    """An IPv6 route of which the other hops went one by one."""
    return _hops.with_hops(route, route["nexthops"][:1]) if route["family"] == 6 and route["nexthops"] else route


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
    gateways = [entry["via"]] + [hop["via"] for hop in entry["nexthops"] or ()]
    families = {6 if ":" in text else 4 for text in (entry["dst"], entry["src"]) if text and text != "default"}
    of_gateways = {6 if ":" in text else 4 for text in gateways if text}
    if len(families) > 1 or families == {6} and 4 in of_gateways or not families and len(of_gateways) > 1:
        raise Invalid(path, next(filter(None, gateways), entry["src"]), "addresses of the same family as dst %s" % entry["dst"])
    return next(iter(families or of_gateways), 4)


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


def told(state, key, route, owner):
    """Whether a routing daemon put it on a device of the owner's: that one tells it again where it still holds, and knows nothing that would be lost."""
    device = state["link"].get((key[0], route["dev"]))
    return route["protocol"] == BIRD and device is not None and owner.holds_link(device)


def by_address(state, key, route):
    """Whether the kernel made it with an address. There are such that look so, made by others for addresses that bring none."""
    if route["protocol"] != KERNEL or not route["dev"]:
        return route["protocol"] == KERNEL
    without = [other for other in state.on_device("address", key[0], route["dev"]) if state["address"][other].get("told", {}).get("noprefixroute")]
    return not any(str(ipaddress.ip_interface(other[2]).network) == key[2] for other in without)


def sharing(state, netns, table, dst):
    """[(key, route)] of the routes to exactly this prefix, whatever their metric."""
    return [(key, state["route"][key]) for key in state.routes_to(netns, table, dst)]


def _words(route):
    return " ".join(word for word in (
        route["type"] if route["type"] != "unicast" else "",
        "via " + route["via"] if route["via"] else "", "dev " + route["dev"] if route["dev"] else "",
        " ".join(map(str, _hops.multipath_words(route["nexthops"], route["family"]))),
        "proto %d" % route["protocol"]) if word)


def read(kernel, netns, names, readers):
    """{key: object} of a namespace's unicast and blackhole routes, the local table and cached routes left out.

    `readers` is kept from one namespace to the next: where devices have the same numbers, routes differ in little.
    """
    found, numbers = {}, tuple(names.items())
    for inet, family in ((socket.AF_INET, 4), (socket.AF_INET6, 6)):
        request = struct.pack("=BBBBBBBBI", inet, 0, 0, 0, 0, 0, 0, 0, 0)
        read_one = readers.get((family, numbers))
        if read_one is None:
            read_most = functools.lru_cache(None)(functools.partial(_read_most, inet, family, names))
            read_one = readers[family, numbers] = functools.lru_cache(None)(functools.partial(_read, read_most))
        for headers, columns in kernel.socket(netns).table(wire.RTM_GETROUTE, request):
            told = [columns.get(kind) or itertools.repeat(None) for kind in _READ]
            prefixes = columns[RTA_DST] if RTA_DST in columns else [bytes(4 if family == 4 else 16)] * len(headers)
            metrics = map(wire.number, columns[RTA_PRIORITY]) if RTA_PRIORITY in columns else itertools.repeat(0)
            for raw, metric, multipath, (length, table, route) in zip(
                    prefixes, metrics, columns.get(RTA_MULTIPATH) or itertools.repeat(None), map(read_one, headers, *told)):
                if route is None:
                    continue
                key = (netns, table, inet_ntop(inet, raw) + length, metric)
                if multipath:
                    route = _hops.with_hops(route, *_hops.decode(multipath, names))
                found[key] = route if key not in found else _mixed(found[key], route)
    return found


_READ = (RTA_GATEWAY, RTA_VIA, RTA_OIF, RTA_PREFSRC, RTA_TABLE, RTA_METRICS)  # what many have in common


def _mixed(one, other):
    """Of two routes that differ in what the engine does not tell apart the one that a fabric made, with what is to be known of both."""
    first, second = (other, one) if fabric_number(one) is None and fabric_number(other) is not None else (one, other)
    devices = tuple(dev for route in (first, second) for dev in (route["dev"],) + route.get("also", ()))
    return dict(first, also=devices, mixed=tuple(number for route in (one, other) for number in route.get("mixed", (route["protocol"],))))


def _read(read_most, header, gateway, via, *others):
    """(its length as behind a prefix, table, object or None) of a route but for its prefix and metric: it is that of many."""
    length, table, route = read_most(header, *others)
    return length, table, dict(route, via=_hops.told_gateway(gateway, via)) if route and (gateway or via) else route


def _read_most(inet, family, names, header, oif, source, table, metrics):
    """The same but for its gateway: that of more still."""
    dummy, length, dummy, dummy, short, protocol, scope, kind, flags = struct.unpack("=BBBBBBBBI", header)
    length, table = "/%d" % length, wire.number(table, short)
    if kind not in _TYPE_NAMES or flags & RTM_F_CLONED or table == LOCAL:
        return length, table, None
    metrics = wire.attributes(metrics or b"")
    further = tuple((number, payload) for number, payload in sorted(metrics.items()) if number not in METRICS.values())
    return length, table, {
        **({"metrics": further} if further else {}), **{name: wire.number(metrics.get(number), 0) for name, number in METRICS.items()},
        "nexthops": (), "dev": names.get(wire.number(oif), ""),
        "via": "", "onlink": bool(flags & RTNH_F_ONLINK), "src": inet_ntop(inet, source) if source else "",
        "scope": _SCOPE_NAMES.get(scope, "global") if family == 4 else "global",
        "type": _TYPE_NAMES[kind], "family": family, "protocol": protocol,
    }
