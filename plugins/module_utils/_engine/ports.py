# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What moves with a device that becomes a port of a bridge (kind bridge_port), and comes back when it is released.

The bridge gets the addresses and routes before the device loses them, so a connection that runs over it lives on: to the kernel the address
never goes. What moved is in the ledger; a route that somebody has changed meanwhile comes back as it is then.
"""

from __future__ import annotations

import ipaddress

from .kinds import KINDS
from .kinds._hops import Hop, with_hops
from .kinds.route import by_address

RA = 9  # RTPROT_RA: from router advertisements, which the bridge receives by itself
DOES_NOT_COUNT = ("noted", "secondary")


class Moves:
    """stand: {kind: {key: object}} of what is to be there; go: addresses that leave; release: {port: fields of the link}."""

    def __init__(self, found, wanted, owner, purge):
        self.stand, self.go, self.release = {"address": {}, "route": {}}, [], {}
        for port, item in wanted["bridge_port"].items():
            if item["moves"] and port in found["link"]:
                self._take(found, wanted, port, (port[0], item["master"]), had(found, wanted, owner, port, item))
        for port, note in found.taken.items() if purge else ():
            if note["fabric"] == owner.name and port in found["link"] and not wanted["bridge_port"].get(port, {}).get("moves"):
                self._give_back(found, port, note, port not in wanted["bridge_port"])

    def moved(self, name, key):
        """Whether an object is not lost but elsewhere."""
        return name == "address" and key in self.go or name == "route" and key in self.stand["route"]

    def _take(self, found, wanted, port, bridge, note):
        there = dict(addresses_on(found, port))
        for text, item in {**dict(note["addresses"]), **there}.items():
            if port + (text,) in wanted["address"]:
                continue
            if bridge + (text,) not in wanted["address"]:
                self.stand["address"][bridge + (text,)] = on_other(item, bridge[1])
            if text in there:
                self.go.append(port + (text,))
        for key, item in routes_on(found, port) + routes_on(found, (port[0], note["bridge"]), dict(note["routes"])):
            self._route(wanted, key, item, (port[1], note["bridge"]), bridge[1])
        for key, item in note["routes"]:
            if key not in found["route"]:
                self._route(wanted, key, item, (port[1],), bridge[1])

    def _route(self, wanted, key, item, old, new):
        if key not in wanted["route"]:
            self.stand["route"][key] = moved(item, old, new)

    def _give_back(self, found, port, note, released):
        bridge = (port[0], note["bridge"])
        self.stand["address"].update((port + (text,), dict(item, dev=port[1])) for text, item in note["addresses"])
        for key, item in note["routes"]:
            if key not in found["route"]:
                self.stand["route"][key] = item
        self.stand["route"].update((key, moved(item, bridge[1:], port[1])) for key, item in routes_on(found, bridge, dict(note["routes"])))
        if released and found["link"][port]["master"] == bridge[1]:
            self.release[port] = {"master": "", "up": note["up"]}


def addresses_on(state, device):
    """[(address, object)] of what can move: link-local ones are of the device."""
    return [(key[2], state["address"][key]) for key in state.on_device("address", *device)
            if not (":" in key[2] and ipaddress.ip_interface(key[2]).is_link_local)]


def routes_on(state, device, of=None):
    """[(key, object)] of routes by a device that can move, of some keys."""
    found = [(key, state["route"][key]) for key in state.on_device("route", *device) if of is None or key in of]
    return [(key, item) for key, item in found if item["protocol"] != RA and "mixed" not in item and not by_address(state, key, item)]


def on_other(item, dev):
    """An address as another device has it; its label is of the first one."""
    found = {field: value for field, value in item.items() if field not in DOES_NOT_COUNT + ("told",)}
    told = {word: value for word, value in item.get("told", {}).items() if word != "label"}
    return dict(found, dev=dev, **({"told": told} if told else {}))


def moved(route, old, new):
    """A route by another device."""
    if route["nexthops"]:
        return with_hops(route, tuple(hop._replace(dev=new) if hop.dev in old else hop for hop in route["nexthops"]))
    return dict(route, dev=new if route["dev"] in old else route["dev"])


def shown(state, wanted, owner):
    """{port: the link as one, or None where it is none} of what is wanted or is the fabric's."""
    found = {port: item.get("moves", True) for port, item in wanted["bridge_port"].items()}
    for port, note in state.taken.items():
        if note["fabric"] == owner.name and state["link"].get(port, {}).get("master") == note["bridge"]:
            found.setdefault(port, note["moves"])
    return {port: dict(state["link"][port], kind="bridge_port", moves=moves) if state["link"].get(port, {}).get("master") else None
            for port, moves in found.items()}


def named_in_note(state, kind, key):
    """Whether an address is one that a port has got back."""
    return kind.table == "address" and key[2] in dict(state.taken.get(key[:2], {}).get("addresses", ()))


# --- what is written down ------------------------------------------------------------------------------------------

def had(found, wanted, owner, port, item):
    """What is noted of a port. Where nothing is and it is on its bridge already, somebody has typed a run's commands or lost the ledger:
    what is on the bridge and nobody's else is taken for what has moved."""
    if port in found.taken:
        return found.taken[port]
    bridge, link = (port[0], item["master"]), found["link"][port]
    note = {"bridge": bridge[1], "up": link["up"], "addresses": [], "routes": []}
    if owner.fabric and item["moves"] and link["master"] == bridge[1]:
        note["addresses"] = [(text, on_other(address, port[1])) for text, address in addresses_on(found, bridge)
                             if bridge + (text,) not in wanted["address"]]
        note["routes"] = [(key, moved(route, bridge[1:], port[1])) for key, route in routes_on(found, bridge)
                          if key not in wanted["route"] and not owner.holds_protocol(route)]
    return note


def notes(wanted, found, owner):
    """{port: note} of a fabric's ports before a run: what is noted already, and what stands on the device now."""
    made = {}
    for port, item in wanted["bridge_port"].items():
        note = had(found, wanted, owner, port, item)
        addresses, routes = dict(note["addresses"]), dict(note["routes"])
        if item["moves"]:
            addresses.update((text, {field: value for field, value in address.items() if field not in DOES_NOT_COUNT})
                             for text, address in addresses_on(found, port) if port + (text,) not in wanted["address"])
            routes.update((key, route) for key, route in routes_on(found, port) if key not in wanted["route"])
        made[port] = {"fabric": owner.name, "bridge": item["master"], "up": note["up"], "moves": item["moves"],
                      "addresses": list(addresses.items()), "routes": list(routes.items())}
    return made


def told(note):
    """A note as JSON has it."""
    routes = [[list(key), dict(item, metrics=[[number, raw.hex()] for number, raw in item.get("metrics", ())])] for key, item in note["routes"]]
    return dict(note, addresses=[list(pair) for pair in note["addresses"]], routes=routes)


def understood(note):
    """The other way round."""
    routes = []
    for key, item in note["routes"]:
        item = dict(item, metrics=tuple((number, bytes.fromhex(raw)) for number, raw in item["metrics"]))
        if not item["metrics"]:
            del item["metrics"]
        item = with_hops(item, tuple(Hop(*hop) for hop in item["nexthops"])) if item["nexthops"] else dict(item, nexthops=())
        routes.append((tuple(key), item))
    return dict(note, addresses=[tuple(pair) for pair in note["addresses"]], routes=routes)


def released(planner, moves):
    """The steps that no other object's are: ports are released, addresses leave the device that they moved from."""
    kind = KINDS["bridge_port"]
    for port, fields in moves.release.items():
        changed = {field: value for field, value in fields.items() if planner.work["link"][port][field] != value}
        if changed:
            planner.change(kind, port, changed)
    for key in moves.go:
        if key in planner.work["address"]:
            planner.remove_one(KINDS["address"], key)
