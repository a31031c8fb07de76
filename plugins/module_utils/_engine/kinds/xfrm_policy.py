# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""IPsec policies: which packets have to be encrypted, and how."""

from __future__ import annotations

import ipaddress
import socket
import struct

from .. import wire
from ..errors import Invalid
from ..fields import Option, address, between
from ._base import NETNS, ip, place
from ._xfrm import EVERY, MODES, WITHOUT_LIMIT, Xfrm, address_of, dump, family, mode_of, narrowed, packed

XFRM_MSG_NEWPOLICY, XFRM_MSG_DELPOLICY, XFRM_MSG_GETPOLICY, XFRM_MSG_UPDPOLICY = 19, 20, 21, 25
XFRMA_TMPL, XFRMA_POLICY_TYPE = 5, 16
DIRECTIONS = ("in", "out", "fwd")
ACTIONS = ("allow", "block")
PROTOCOLS = {"esp": socket.IPPROTO_ESP, "ah": socket.IPPROTO_AH}
LEVELS = ("required", "use")

# daddr, saddr, dport, its mask, sport, its mask, family, prefix lengths of dst and src, protocol, ifindex, user
SELECTOR = struct.Struct("=16s16sHHHHHBBBxxxiI")
POLICY = struct.Struct("=56s64s32sIIBBBBxxxx")  # selector, limits, what was used, priority, index, direction, action, flags, share
POLICY_ID = struct.Struct("=56sIBxxx")
# daddr, SPI, protocol, family, saddr, reqid, mode, share, optional, three masks of algorithms
TEMPLATE = struct.Struct("=16sIBxxxHxx16sIBBBxIII")


def _prefix(value, path):
    try:
        return str(ipaddress.ip_network(value))
    except ValueError as error:
        raise Invalid(path, value, "a prefix without host bits, such as 192.0.2.0/24 (%s)" % error) from None


class XfrmPolicy(Xfrm):
    name = table = "xfrm_policy"
    what = "policy"
    schema = {
        "netns": NETNS,
        "dir": Option("str", required=True, choices=DIRECTIONS),
        "src": Option("str", required=True, check=_prefix),
        "dst": Option("str", required=True, check=_prefix),
        "priority": Option("int", 0, check=between(0, EVERY, "a priority")),
        "action": Option("str", "allow", choices=ACTIONS),
        "template": Option("dict", options={
            "src": Option("str", check=address),
            "dst": Option("str", check=address),
            "proto": Option("str", "esp", choices=tuple(PROTOCOLS)),
            "mode": Option("str", "tunnel", choices=MODES),
            "reqid": Option("int", 0, check=between(0, EVERY, "a number")),
            "level": Option("str", "required", choices=LEVELS),
        }),
    }
    identity = ("dir", "src", "dst")

    def key(self, entry, path):
        if (":" in entry["src"]) != (":" in entry["dst"]):
            raise Invalid(path + ".dst", entry["dst"], "a prefix of the same family as src, %s" % entry["src"])
        return (entry["netns"], entry["dir"], entry["src"], entry["dst"], "")

    def objects(self, entry, owner, path):
        template = dict(entry["template"] or {})
        if template:
            ends = [template["src"], template["dst"]]
            if ends.count(None) == 1 or None not in ends and (":" in ends[0]) != (":" in ends[1]):
                raise Invalid(path + ".template", ends, "src and dst of one family, or none of the two")
            if None in ends and template["mode"] == "tunnel":
                raise Invalid(path + ".template.src", None, "the addresses of the tunnel's ends, src and dst")
            if None in ends:
                template["src"] = template["dst"] = "::" if ":" in entry["src"] else "0.0.0.0"
        return [(self.key(entry, path), {"priority": entry["priority"], "action": entry["action"], "template": template})]

    def requests(self, transaction, operation):
        netns, direction = operation.key[:2]
        if operation.verb == "remove":
            message = (XFRM_MSG_DELPOLICY, POLICY_ID.pack(_selector(operation.key), 0, DIRECTIONS.index(direction)))
        else:
            item = dict(operation.before or {}, **operation.after)
            body = POLICY.pack(_selector(operation.key), WITHOUT_LIMIT, bytes(32), item["priority"], 0, DIRECTIONS.index(direction),
                               ACTIONS.index(item["action"]), 0, 0)
            if item["template"]:
                body += wire.attribute(XFRMA_TMPL, _template(item["template"]))
            message = (XFRM_MSG_NEWPOLICY if operation.verb == "add" else XFRM_MSG_UPDPOLICY, body)
        self.send(transaction, netns, message)

    def commands(self, operation):
        netns, direction, src, dst = operation.key[:4]
        verb = {"add": "add", "change": "update", "remove": "delete"}[operation.verb]
        words = ["xfrm", "policy", verb, "src", src, "dst", dst, "dir", direction]
        if operation.verb != "remove":
            item = dict(operation.before or {}, **operation.after)
            words += ["priority", item["priority"]] + (["action", item["action"]] if item["action"] != "allow" else [])
            if item["template"]:
                words += ["tmpl"] + [word for field in ("src", "dst", "proto", "reqid", "mode", "level")
                                     for word in (field, item["template"][field])]
        return [ip(netns, *words)]

    def entry(self, state, key, item):
        if key[4]:
            return None
        return {"netns": key[0], "dir": key[1], "src": key[2], "dst": key[3], "priority": item["priority"], "action": item["action"],
                "template": dict(item["template"]) or None}

    def describe(self, key):
        return "xfrm policy %s from %s to %s%s%s" % (key[1], key[2], key[3], " (%s)" % key[4] if key[4] else "", place(key[0]))


def _selector(key):
    src, dst = ipaddress.ip_network(key[2]), ipaddress.ip_network(key[3])
    return SELECTOR.pack(packed(dst.network_address), packed(src.network_address), 0, 0, 0, 0, family(key[2]),
                         dst.prefixlen, src.prefixlen, 0, 0, 0)


def _template(template):
    return TEMPLATE.pack(packed(template["dst"]), 0, PROTOCOLS[template["proto"]], family(template["dst"]), packed(template["src"]),
                         template["reqid"], MODES.index(template["mode"]), 0, LEVELS.index(template["level"]), EVERY, EVERY, EVERY)


def read(kernel, netns):
    """{key: object} of the policies of a namespace that belong to no socket."""
    found = {}
    for body in dump(kernel, netns, XFRM_MSG_GETPOLICY, bytes(POLICY_ID.size)):
        selector, dummy, dummy, priority, dummy, direction, action, dummy, dummy = POLICY.unpack_from(body)
        if direction >= len(DIRECTIONS):
            continue
        (daddr, saddr, dport, dummy, sport, dummy, inet, long_d, long_s, proto, ifindex, dummy) = SELECTOR.unpack(selector)
        attributes = wire.attributes(body, POLICY.size)
        raw = attributes.get(XFRMA_TMPL, b"")
        further = [word for word, value in (
            ("port", dport or sport), ("protocol %d" % proto, proto), ("device %d" % ifindex, ifindex),
            ("type %d" % attributes.get(XFRMA_POLICY_TYPE, b"\0")[0], attributes.get(XFRMA_POLICY_TYPE, b"\0")[0]),
            ("several templates", len(raw) > TEMPLATE.size)) if value]
        key = (netns, DIRECTIONS[direction], "%s/%d" % (address_of(saddr, inet), long_s), "%s/%d" % (address_of(daddr, inet), long_d),
               " ".join(further + narrowed(attributes)))
        found[key] = {"priority": priority, "action": ACTIONS[action], "template": _read_template(raw) if raw else {}}
    return found


def _read_template(raw):
    (daddr, dummy, proto, inet, saddr, reqid, mode, dummy, optional, dummy, dummy, dummy) = TEMPLATE.unpack_from(raw)
    names = {number: name for name, number in PROTOCOLS.items()}
    return {"src": address_of(saddr, inet), "dst": address_of(daddr, inet), "proto": names.get(proto, str(proto)),
            "mode": mode_of(mode), "reqid": reqid, "level": LEVELS[bool(optional)]}
