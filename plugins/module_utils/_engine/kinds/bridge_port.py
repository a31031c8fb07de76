# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A device that nobody here made, such as a physical NIC, as a port of a bridge; with its addresses and routes, which the bridge then has.

What moves, and comes back, is in ports.py. The device bears no mark: the ledger says whose port it is and what it had.
"""

from __future__ import annotations

from ..errors import Conflict, Invalid
from ..fields import Option, interface, own_interface
from . import _port
from ._base import NETNS, place
from ._link import Link, refuse_fabric, whose


class BridgePort(Link):
    name = kind = "bridge_port"
    schema = {
        "name": Option("str", required=True, check=own_interface),
        "netns": NETNS,
        "master": Option("str", required=True, check=interface),
        "bridge_port": _port.OPTION,
        "move_addresses": Option("bool", True),
    }

    def end(self, entry, owner):
        wanted = dict.fromkeys(("mtu", "mac", "group", "alias"))
        wanted.update(kind=self.kind, up=True, master=entry["master"], port=_port.asked(entry["bridge_port"]), moves=entry["move_addresses"])
        return (entry["netns"], entry["name"]), wanted

    # --- planning ---

    def owned(self, state, key, item, owner):
        return owner.fabric and state.taken.get(key, {}).get("fabric") == owner.name

    def check(self, state, key, wanted, owner):
        link, note = state["link"].get(key), state.taken.get(key)
        if link is None:
            raise Conflict("%s: there is no device %s%s; a port that this collection makes has its master in its own entry"
                           % (self.describe(key), key[1], place(key[0])))
        if note and note["fabric"] != owner.name:
            raise Conflict("%s is a port for fabric %s; change it in that fabric's document" % (self.describe(key), note["fabric"]))
        refuse_fabric(self, key, link)
        if "master" not in wanted:
            return  # it is to be released
        if link["master"] and not note and link["master"] != wanted["master"]:
            raise Conflict("%s: it is a port of %s already; release it first" % (self.describe(key), link["master"]))
        bridge = state["link"].get((key[0], wanted["master"]))
        if owner.fabric and bridge is not None and not owner.holds_link(bridge):
            raise Conflict("%s: bridge %s is %s; with the module bridge_port it can have a port" % (self.describe(key), wanted["master"], whose(bridge)))

    def fitting(self, item, link, links, path):
        netns = next(key[0] for key, other in links.items() if other is item)
        if item["moves"] and (link(netns, item["master"]) or {"up": True})["up"] is False:
            raise Invalid(path + ".move_addresses", True, "a bridge that is up, which %s is not to be" % item["master"])

    def must_replace(self, found, wanted):
        return None

    def difference(self, found, wanted):
        return super().difference(found, {field: value for field, value in wanted.items() if field not in ("kind", "moves")})

    def entry(self, state, key, item):
        if item["kind"] != self.kind:
            return None
        return {"netns": key[0], "name": key[1], "master": item["master"], "bridge_port": item["port"], "move_addresses": item["moves"]}

    def describe(self, key):
        return "bridge port %s%s" % (key[1], place(key[0]))
