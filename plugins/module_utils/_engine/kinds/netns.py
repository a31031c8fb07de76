# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Named network namespaces. A fabric's mark stands on the namespace's loopback: group and alias, as on any link."""

from __future__ import annotations

import struct

from .. import wire
from ..errors import Conflict
from ..fields import Option, named_namespace
from ..owner import fabric_of_link
from ._base import Kind, ip
from ._link import lose_link
from ._link_messages import IFF_UP, IFLA_GROUP, IFLA_IFALIAS, LOOPBACK, LOOPBACK_INDEX, set_link


class Netns(Kind):
    name = table = "netns"
    schema = {"name": Option("str", required=True, check=named_namespace)}
    identity = ("name",)

    def key(self, entry, path):
        return (entry["name"],)

    def objects(self, entry, owner, path):
        return [(self.key(entry, path), {"up": True, "group": owner.group if owner.fabric else None,
                                         "alias": owner.alias if owner.fabric else None})]

    def owned(self, state, key, item, owner):
        return owner.holds_link(item)

    def check(self, state, key, wanted, owner):
        found = state["netns"].get(key)
        if found is None:
            return
        fabric = fabric_of_link(found)
        if owner.fabric and not owner.holds_link(found):
            raise Conflict("%s exists and %s; remove it, or choose another name" % (
                self.describe(key), "belongs to fabric %s" % fabric if fabric else "was not made by this fabric"))
        if not owner.fabric and fabric:
            raise Conflict("%s belongs to fabric %s; change it in that fabric's document" % (self.describe(key), fabric))

    def made(self, wanted):
        return {"up": wanted["up"], "group": wanted["group"] or 0, "alias": wanted["alias"] or ""}

    def simulate(self, state, operation):
        if operation.verb != "remove":
            super().simulate(state, operation)
            return
        netns = operation.key[0]
        for key in [key for key in state["link"] if key[0] == netns]:
            lose_link(state, key)
        for table in [table for table in state if table not in ("netns", "link")]:
            state.drop(table, [key for key in state[table] if key[0] == netns])
        state["netns"].pop(operation.key)

    def requests(self, transaction, operation):
        netns = operation.key[0]
        if operation.verb == "remove":
            transaction.flush()
            transaction.kernel.remove_namespace(netns)
            return
        changed = {field: value for field, value in operation.after.items() if value is not None}
        body = set_link(LOOPBACK, changed, None)
        if operation.verb == "add":
            transaction.flush()
            transaction.kernel.create_namespace(netns, (wire.RTM_NEWLINK, 0, body))
        else:
            transaction.queue(netns, wire.RTM_NEWLINK, 0, body)

    def commands(self, operation):
        netns = operation.key[0]
        if operation.verb == "remove":
            return [ip("", "netns", "delete", netns)]
        changed = operation.after
        words = ["link", "set", "dev", LOOPBACK]
        words += ["group", changed["group"]] if changed.get("group") is not None else []
        words += ["alias", changed["alias"]] if changed.get("alias") is not None else []
        words += ["up" if changed["up"] else "down"] if "up" in changed else []
        return ([ip("", "netns", "add", netns)] if operation.verb == "add" else []) + [ip(netns, *words)]

    def entry(self, state, key, item):
        return {"name": key[0]}

    def describe(self, key):
        return "namespace %s" % key[0]


def read(kernel, netns):
    """What the namespace's loopback says."""
    body = kernel.socket(netns).get(wire.RTM_GETLINK, struct.pack("=BxHiII", 0, 0, LOOPBACK_INDEX, 0, 0) + wire.WITHOUT_COUNTERS)
    attributes = wire.attributes(body, 16)
    flags = struct.unpack_from("=I", body, 8)[0]
    return {"up": bool(flags & IFF_UP), "group": wire.number(attributes.get(IFLA_GROUP), 0),
            "alias": wire.string(attributes.get(IFLA_IFALIAS))}
