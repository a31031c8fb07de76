# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Routing policy rules (ip-rule(8)), which say which table a packet is routed by. IPv4 and IPv6.

A rule is all that it says: one with another table is another rule, and stands beside the first. The kernel tells two apart by all but
whether they are inverted and where they go on (`rule_exists`); so those two are what can change, by a new rule in the old one's place.
Whose a rule is says its protocol number. It is part of what the rule is: two that differ in nothing else are two rules.

To delete, the kernel takes the first rule that has all that the request names, whatever more that rule says (`rule_find`). A request
always names all there is to name; where a narrower rule comes first, that one is put behind before, so that no packet misses it.
And it refuses a rule as there already where one has the same to say, but a source, a destination or a type of service that the new one
does not name. So wide rules are made before narrow ones, and removed after; where a narrow one stands, a wide one is made without EXCL.
`ip rule add` always asks for EXCL: the commands take narrow rules out for the while.
Sources: net/core/fib_rules.c, net/ipv4/fib_rules.c, net/ipv6/fib6_rules.c, include/uapi/linux/fib_rules.h; measured in tests/kernel.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import struct

from .. import wire
from ..errors import Conflict, Invalid
from ..fields import Option, between, interface
from ..owner import STATIC, fabric_number
from ._base import NETNS, Kind, ip, place
from .route import KERNEL, granular_protocol

FRA_DST, FRA_SRC, FRA_IIFNAME, FRA_GOTO, FRA_PRIORITY, FRA_FWMARK = 1, 2, 3, 4, 6, 10
FRA_SUPPRESS_PREFIXLEN, FRA_TABLE, FRA_FWMASK, FRA_OIFNAME, FRA_UID_RANGE, FRA_PROTOCOL = 14, 15, 16, 17, 20, 21
FRA_IP_PROTO, FRA_SPORT_RANGE, FRA_DPORT_RANGE, FRA_SPORT_MASK, FRA_DPORT_MASK = 22, 23, 24, 28, 29
INVERT = 2  # FIB_RULE_INVERT
ACTIONS = {"lookup": 1, "goto": 2, "nop": 3, "blackhole": 6, "unreachable": 7, "prohibit": 8}
_ACTION_NAMES = {number: name for name, number in ACTIONS.items()}
IP_PROTOCOLS = {"icmp": 1, "tcp": 6, "udp": 17, "gre": 47, "esp": 50, "ah": 51, "ipv6-icmp": 58, "sctp": 132}
_IP_PROTOCOL_NAMES = {number: name for name, number in IP_PROTOCOLS.items()}
EVERY = (1 << 32) - 1
HEADER = struct.Struct("=BBBBBBBBI")  # struct fib_rule_hdr: family, dst_len, src_len, tos, table, -, -, action, flags
LENGTH = {4: 32, 6: 128}
_INET = {4: socket.AF_INET, 6: socket.AF_INET6}


def _prefix(value, path):
    try:
        network = ipaddress.ip_network(value)
    except ValueError:
        raise Invalid(path, value, "a prefix without host bits, such as 192.0.2.0/24") from None
    return str(network) if network.prefixlen else ""


def _mark(value, path):
    """A mark and the bits of it that count, as `0x7/0xff`; all bits count where none are named."""
    try:
        mark, dummy, mask = value.partition("/")
        mark, mask = int(mark, 0), int(mask, 0) if dummy else EVERY
    except ValueError:
        raise Invalid(path, value, "a mark, or a mark and its mask, such as 0x7 or 0x7/0xff") from None
    if not (0 <= mark <= EVERY and 0 < mask <= EVERY) or mark & ~mask:
        raise Invalid(path, value, "a mark of 32 bits that are all in its mask, such as 0x7/0xff")
    if not mark and not dummy:
        raise Invalid(path, value, "a mask with the mark 0, such as 0/0xff", "or leave it out: any mark will do")
    return _mark_text(mark, mask)


def _mark_text(mark, mask):
    return "%#x" % mark + ("" if mask == EVERY else "/%#x" % mask)


def _range(most, what, single):
    def check(value, path):
        found = re.match(r"(\d+)(?:-(\d+))?\Z", value)
        first, last = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
        if not first <= last <= most:
            raise Invalid(path, value, "%s, or a range of them such as 1000-1999, up to %d" % (what, most))
        return _range_text(first, last, single)
    return check


def _range_text(first, last, single):
    return "%d" % first if single and first == last else "%d-%d" % (first, last)


def _protocol(value, path):
    number = IP_PROTOCOLS.get(value, value)
    if not str(number).isdigit() or not 1 <= int(number) <= 255:
        raise Invalid(path, value, "an IP protocol's number from 1 to 255, or one of %s" % ", ".join(IP_PROTOCOLS))
    return _IP_PROTOCOL_NAMES.get(int(number), str(number))


def _tos(value, path):
    if not 0 <= value <= 252 or value & 3:
        raise Invalid(path, value, "a multiple of 4 from 0 to 252: the two lowest bits are ECN's")
    return value


_PORTS = _range(65535, "a port", True)


class Rule(Kind):
    name = table = "rule"
    schema = {
        "netns": NETNS,
        "priority": Option("int", required=True, check=between(0, EVERY, "a priority")),
        "ip_version": Option("int", choices=(4, 6)),
        "from": Option("str", check=lambda value, path: value and _prefix(value, path)),
        "to": Option("str", check=lambda value, path: value and _prefix(value, path)),
        "iif": Option("str", check=lambda value, path: value and interface(value, path)),
        "oif": Option("str", check=lambda value, path: value and interface(value, path)),
        "fwmark": Option("str", check=lambda value, path: value and _mark(value, path)),
        "tos": Option("int", 0, check=_tos),
        "ipproto": Option("str", check=lambda value, path: value and _protocol(value, path)),
        "sport": Option("str", check=lambda value, path: value and _PORTS(value, path)),
        "dport": Option("str", check=lambda value, path: value and _PORTS(value, path)),
        "uidrange": Option("str", check=lambda value, path: value and _range(EVERY - 1, "a user's number", False)(value, path)),
        "invert": Option("bool", False),
        "action": Option("str", "lookup", choices=tuple(ACTIONS)),
        "table": Option("int", check=between(1, EVERY, "a routing table's number")),
        "goto": Option("int", check=between(1, EVERY, "a priority")),
        "suppress_prefixlength": Option("int", check=between(0, 128, "a prefix length")),
        "protocol": Option("int", check=between(1, 255, "a routing protocol's number")),
    }
    identity = ("priority",)
    CHANGEABLE = ("invert", "goto")
    # What a rule looks for in a packet: in a request to delete, what is left out is not compared.
    # Whether it is there says something to the kernel's question whether a new rule is there already (fib4_rule_compare).
    WIDENING = ("from", "to", "tos")
    SELECTORS = ("from", "to", "iif", "oif", "fwmark", "tos", "ipproto", "sport", "dport", "uidrange", "suppress_prefixlength")

    # --- from the document ---

    def key(self, entry, path):
        item = self._item(entry, path)
        return _key(entry["netns"], item, entry["protocol"])

    def objects(self, entry, owner, path):
        protocol = owner.protocol if owner.fabric else entry["protocol"]
        granular_protocol(entry, owner, path)
        item = dict(self._item(entry, path), protocol=protocol)
        return [(_key(entry["netns"], item, protocol), item)]

    def _item(self, entry, path):
        versions = {field: 6 if ":" in entry[field] else 4 for field in ("from", "to") if entry[field]}
        asked = entry["ip_version"]
        if len(set(versions.values()) | ({asked} if asked else set())) > 1:
            raise Invalid(path + ".to" if len(set(versions.values())) > 1 else path + ".ip_version", asked or entry["to"],
                          "prefixes of one IP version, and that ip_version")
        version = asked or next(iter(versions.values()), 4)
        action = entry["action"]
        for field, of in (("table", "lookup"), ("goto", "goto")):
            if action == of and entry[field] is None:
                raise Invalid("%s.%s" % (path, field), None, "the %s that the action %s needs" % (
                    "number of the table" if of == "lookup" else "priority", of))
            if action != of and entry[field] is not None:
                raise Invalid("%s.%s" % (path, field), entry[field], "none with the action %s" % action)
        if action == "goto" and entry["goto"] <= entry["priority"]:
            raise Invalid(path + ".goto", entry["goto"], "a priority behind the rule's own, %d" % entry["priority"])
        if entry["protocol"] == KERNEL:
            raise Invalid(path + ".protocol", KERNEL, "another number: the kernel's own rules are left alone")
        if (entry["suppress_prefixlength"] or 0) > LENGTH[version]:
            raise Invalid(path + ".suppress_prefixlength", entry["suppress_prefixlength"],
                          "a prefix length of IPv%d, up to %d" % (version, LENGTH[version]))
        item = {field: entry[field] or "" for field in self.SELECTORS}
        item.update({field: entry[field] for field in ("priority", "invert", "action", "protocol")})
        return dict(item, ip_version=version, further=(), tos=entry["tos"], goto=entry["goto"] or 0, table=entry["table"] or 0,
                    suppress_prefixlength=-1 if entry["suppress_prefixlength"] is None else entry["suppress_prefixlength"])

    # --- planning ---

    def owned(self, state, key, item, owner):
        return owner.holds_protocol(item)

    def check(self, state, key, wanted, owner):
        for number in range(256):
            found = state["rule"].get(key[:4] + (number,))
            if found is None:
                continue
            if owner.fabric and number != owner.number:
                raise Conflict("%s: there is already such a rule, of protocol %d and not made by this fabric; "
                               "remove it, or choose another priority" % (self.describe(key), number))
            if not owner.fabric and fabric_number(found) is not None:
                raise Conflict("%s belongs to the fabric with number %d; change it in that fabric's document" % (self.describe(key), number))

    def order(self, item):
        """Wide rules before narrow ones, see the top."""
        return len(_named(item)) + len(item["further"])

    def simulate(self, state, operation):
        """And find out for the operation what the kernel would take for it, see the top: `first`, what it would delete before;
        `narrower`, what to take out for the while by hand."""
        key, rules = operation.key, state["rule"]
        item = operation.after if operation.verb == "add" else rules[key]
        narrower = {other: found for other, found in rules.items()
                    if other[2] == key[2] and other != key and _takes(key, item, other, found)}
        taken_for_it = operation.verb != "remove" and any(
            all(found[field] == item[field] for field in self.SELECTORS + ("further",) if field not in self.WIDENING)
            for found in narrower.values())
        if operation.verb == "add":
            operation.before = {"narrower": self._sorted(narrower.values()) if taken_for_it else []}
            rules[key] = item
            return
        keys = list(rules)
        first = [other for other in keys[:keys.index(key)] if other in narrower]
        operation.before = dict(item, first=[rules[other] for other in first],
                                narrower=self._sorted(narrower.values()) if first or taken_for_it else [])
        for other in first:
            rules[other] = rules.pop(other)
        del rules[key]
        if operation.verb == "change":
            rules[key] = dict(item, **operation.after)

    def _sorted(self, items):
        return sorted(items, key=self.order)

    # --- the kernel ---

    def requests(self, transaction, operation):
        netns, before = operation.key[0], operation.before
        if operation.verb == "add":
            flags = wire.NLM_F_CREATE | (0 if before["narrower"] else wire.NLM_F_EXCL)
            transaction.queue(netns, wire.RTM_NEWRULE, flags, _body(operation.after))
            return
        for item in before["first"]:  # not EXCL: there are two for a moment
            transaction.queue(netns, wire.RTM_NEWRULE, wire.NLM_F_CREATE, _body(item))
        for dummy in range(len(before["first"]) + 1):
            transaction.queue(netns, wire.RTM_DELRULE, 0, _body(before))
        if operation.verb == "change":
            transaction.queue(netns, wire.RTM_NEWRULE, wire.NLM_F_CREATE, _body(dict(before, **operation.after)))

    def commands(self, operation):
        netns, before = operation.key[0], operation.before
        lines = [_command(netns, "delete", item) for item in reversed(before["narrower"])]
        lines += [_command(netns, "delete", before)] if operation.verb != "add" else []
        lines += [_command(netns, "add", dict(before, **operation.after))] if operation.verb != "remove" else []
        return lines + [_command(netns, "add", item) for item in before["narrower"]]

    def difference(self, found, wanted):
        return {field: wanted[field] for field in self.CHANGEABLE if found[field] != wanted[field]}

    # --- back to a document ---

    def entry(self, state, key, item):
        if item["further"]:
            return None
        entry = {field: item[field] or None for field in self.SELECTORS + ("table", "goto", "protocol")}
        entry["suppress_prefixlength"] = None if item["suppress_prefixlength"] < 0 else item["suppress_prefixlength"]
        return dict(entry, netns=key[0], priority=item["priority"], ip_version=item["ip_version"], action=item["action"], invert=item["invert"])

    def describe(self, key):
        return "IPv%d rule %d: %s%s" % (key[1], key[2], key[3], place(key[0]))


def _key(netns, item, protocol):
    words = [word for word in _selector(item) + _action(dict(item, goto=None)) if word is not None]
    words += ["attribute %d" % number for number, dummy in item["further"]]
    return netns, item["ip_version"], item["priority"], " ".join(map(str, words)), protocol


def _selector(item):
    words = ["from", item["from"] or "all"]
    for field in ("to", "iif", "oif", "fwmark"):
        words += [field, item[field]] if item[field] else []
    words += ["tos", "%#x" % item["tos"]] if item["tos"] else []
    # by number: a small node has no /etc/protocols
    words += ["ipproto", IP_PROTOCOLS.get(item["ipproto"], item["ipproto"])] if item["ipproto"] else []
    for field in ("sport", "dport", "uidrange"):
        words += [field, item[field]] if item[field] else []
    return words


def _action(item):
    words = ["suppress_prefixlength", item["suppress_prefixlength"]] if item["suppress_prefixlength"] >= 0 else []
    return words + [item["action"]] + {"lookup": [item["table"]], "goto": [item["goto"]]}.get(item["action"], [])


def _command(netns, verb, item):
    words = (["-6"] if item["ip_version"] == 6 else []) + ["rule", verb] + (["not"] if item["invert"] else []) + _selector(item)
    return ip(netns, *words, "priority", item["priority"], "protocol", item["protocol"], *_action(item))


def _named(item):
    """{field: value} of what a rule looks for."""
    return {field: item[field] for field in Rule.SELECTORS if item[field] != NOTHING.get(field, "")}


NOTHING = {"tos": 0, "suppress_prefixlength": -1}


def _takes(key, item, other, found):
    """Whether a request to delete one rule would do for another."""
    return (key[:3] == other[:3] and key[4] == other[4] and all(item[field] == found[field] for field in ("action", "table"))
            and set(item["further"]) <= set(found["further"]) and all(found[field] == value for field, value in _named(item).items()))


def _body(item):
    inet = _INET[item["ip_version"]]
    lengths = {field: int(item[field].partition("/")[2]) if item[field] else 0 for field in ("to", "from")}
    table = item["table"]
    body = HEADER.pack(inet, lengths["to"], lengths["from"], item["tos"], table if table < 256 else 0, 0, 0, ACTIONS[item["action"]],
                       INVERT if item["invert"] else 0)
    for field, number in (("to", FRA_DST), ("from", FRA_SRC)):
        if item[field]:
            body += wire.attribute(number, socket.inet_pton(inet, item[field].partition("/")[0]))
    for field, number in (("iif", FRA_IIFNAME), ("oif", FRA_OIFNAME)):
        if item[field]:
            body += wire.text(number, item[field])
    body += wire.u32(FRA_PRIORITY, item["priority"]) + wire.u32(FRA_TABLE, table)
    if item["fwmark"]:
        mark, dummy, mask = item["fwmark"].partition("/")
        body += wire.u32(FRA_FWMARK, int(mark, 0)) + wire.u32(FRA_FWMASK, int(mask, 0) if mask else EVERY)
    if item["goto"]:
        body += wire.u32(FRA_GOTO, item["goto"])
    if item["suppress_prefixlength"] >= 0:
        body += wire.u32(FRA_SUPPRESS_PREFIXLEN, item["suppress_prefixlength"])
    if item["uidrange"]:
        body += wire.attribute(FRA_UID_RANGE, struct.pack("=II", *map(int, item["uidrange"].split("-"))))
    if item["ipproto"]:
        body += wire.attribute(FRA_IP_PROTO, bytes([int(IP_PROTOCOLS.get(item["ipproto"], item["ipproto"]))]))
    for field, number in (("sport", FRA_SPORT_RANGE), ("dport", FRA_DPORT_RANGE)):
        if item[field]:
            first, dummy, last = item[field].partition("-")
            body += wire.attribute(number, struct.pack("=HH", int(first), int(last or first)))
    body += wire.attribute(FRA_PROTOCOL, bytes([item["protocol"]]))
    return body + b"".join(wire.attribute(number, payload) for number, payload in item["further"])


def named(keys, found):
    """The keys with their protocol, where a granular module left it open: those that there are, or else that of a new rule."""
    result = []
    for key in keys:
        there = [key[:4] + (number,) for number in range(256) if key[:4] + (number,) in found] if key[4] is None else [key]
        result += there or [key[:4] + (STATIC,)]
    return result


def settle_protocols(items, found):
    """{key: object} of wanted rules, of which a granular module may have left the protocol open."""
    settled = {named([key], found)[0]: item for key, item in items.items()}
    return {key: dict(item, protocol=key[4]) for key, item in settled.items()}


KNOWN = {FRA_DST, FRA_SRC, FRA_IIFNAME, FRA_GOTO, FRA_PRIORITY, FRA_FWMARK, FRA_SUPPRESS_PREFIXLEN, FRA_TABLE, FRA_FWMASK, FRA_OIFNAME,
         FRA_UID_RANGE, FRA_PROTOCOL, FRA_IP_PROTO, FRA_SPORT_RANGE, FRA_DPORT_RANGE}


def read(kernel, netns):
    """{key: object} of a namespace's rules but those that the kernel has made, in their order; both IP versions."""
    found = {}
    for version, inet in _INET.items():
        for body in kernel.socket(netns).dump(wire.RTM_GETRULE, HEADER.pack(inet, 0, 0, 0, 0, 0, 0, 0, 0)):
            item = _read_one(version, inet, body)
            if item is not None:
                found.setdefault(_key(netns, item, item["protocol"]), item)
    return found


def _read_one(version, inet, body):
    dummy, long_dst, long_src, tos, table, dummy, dummy, action, flags = HEADER.unpack_from(body)
    attributes = wire.attributes(body, HEADER.size)
    protocol = wire.number(attributes.get(FRA_PROTOCOL), 0)
    if protocol == KERNEL or action not in _ACTION_NAMES:
        return None

    def ports(number):
        return _range_text(*struct.unpack("=HH", attributes[number]), True) if number in attributes else ""

    def prefix(number, length):
        return "%s/%d" % (socket.inet_ntop(inet, attributes[number]), length) if length else ""

    number = wire.number(attributes.get(FRA_IP_PROTO), 0)
    # one port is told with a mask of all bits
    masks = {mask for mask in (FRA_SPORT_MASK, FRA_DPORT_MASK) if attributes.get(mask) == b"\xff\xff"}
    suppressed = wire.number(attributes.get(FRA_SUPPRESS_PREFIXLEN), EVERY)
    return {
        "ip_version": version, "priority": wire.number(attributes.get(FRA_PRIORITY), 0), "protocol": protocol,
        "from": prefix(FRA_SRC, long_src), "to": prefix(FRA_DST, long_dst),
        "iif": wire.string(attributes.get(FRA_IIFNAME)), "oif": wire.string(attributes.get(FRA_OIFNAME)),
        "fwmark": _mark_text(wire.number(attributes.get(FRA_FWMARK), 0), wire.number(attributes[FRA_FWMASK])) if FRA_FWMASK in attributes else "",
        "tos": tos, "ipproto": _IP_PROTOCOL_NAMES.get(number, str(number)) if number else "",
        "sport": ports(FRA_SPORT_RANGE), "dport": ports(FRA_DPORT_RANGE),
        "uidrange": "%d-%d" % struct.unpack("=II", attributes[FRA_UID_RANGE]) if FRA_UID_RANGE in attributes else "",
        "invert": bool(flags & INVERT), "action": _ACTION_NAMES[action],
        "table": wire.number(attributes.get(FRA_TABLE), table) if _ACTION_NAMES[action] == "lookup" else 0,
        "goto": wire.number(attributes.get(FRA_GOTO), 0) if _ACTION_NAMES[action] == "goto" else 0,
        "suppress_prefixlength": -1 if suppressed == EVERY else suppressed,
        "further": tuple((number, payload) for number, payload in sorted(attributes.items()) if number not in KNOWN | masks),
    }
