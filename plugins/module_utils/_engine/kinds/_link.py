# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What all links share: options, how they are made, changed and removed, and what falls with them.

A link kind's own file adds its data fields. Links of every kind stand in one table, since they share their names.
pyroute2 encodes what is specific to a kind (LINKINFO); the rest are flat attributes.
Sources: net/core/rtnetlink.c, net/core/dev.c, net/ipv4/fib_frontend.c, net/core/neighbour.c; measured in tests/kernel.
"""

from __future__ import annotations

from .. import wire
from ..errors import Conflict
from ..fields import Option, interface, mtu, own_interface, unicast_mac
from ..owner import fabric_of_link
from . import _hops, _port, _vlans
from ._base import NETNS, Kind, ip, place
from ._link_messages import IFLA_IFNAME, IFLA_LINKINFO, change_commands, encode, flat_words, header, set_link

GONE = "if"  # before the number of a device that is there no more, as ip-link(8) writes it
IPV6_MIN_MTU = 1280
ALIKE = {"macvtap": "macvlan", "ipvtap": "ipvlan"}  # kinds that are none of the engine's and follow their parent as one of its does
# What a tunnel's module puts into every namespace, and nobody can remove while it is loaded.
FALLBACK = {"ipip": "tunl0", "gre": "gre0", "gretap": "gretap0", "erspan": "erspan0", "sit": "sit0", "ip6tnl": "ip6tnl0",
            "ip6gre": "ip6gre0", "vti": "ip_vti0", "vti6": "ip6_vti0"}

END = {
    "name": Option("str", required=True, check=own_interface),
    "netns": NETNS,
    "mtu": Option("str", check=mtu),
    "mac": Option("str", check=unicast_mac),
    "up": Option("bool", True),
    "master": Option("str", check=lambda value, path: interface(value, path) if value else ""),
    "bridge_port": _port.OPTION,
}


class Data:
    """A field of a link kind: its attribute in INFO_DATA, pyroute2's name of it, ip-link's words, and both codings.

    A field that is not `changeable` makes the engine replace the link.
    """

    __slots__ = ("number", "name", "decode", "encode", "words", "changeable")

    def __init__(self, number, name, decode, encode, words, changeable=True):
        self.number, self.name, self.decode, self.encode = number, name, decode, encode
        self.words, self.changeable = words, changeable


def flag_words(word, on="1", off="0"):
    return lambda value: [word, on if value else off]


class Link(Kind):
    table = "link"
    kind = None  # IFLA_INFO_KIND
    identity = ("name",)
    data = {}
    options = {}  # {field: the option that asks for it}, where that is another word
    overhead = None  # of a tunnel, {IP version: bytes that it puts before a packet}
    by_kind = {}  # {IFLA_INFO_KIND: Link}, of every kind

    def __init__(self):
        self.by_kind[self.kind] = self

    # --- from the document ---

    def key(self, entry, path):
        return (entry["netns"], entry["name"])

    def end(self, entry, owner):
        wanted = {
            "kind": self.kind,
            "mtu": entry["mtu"], "mac": entry.get("mac"), "up": entry["up"], "master": entry.get("master"),
            "port": _port.asked(entry.get("bridge_port")),
            "group": owner.group if owner.fabric else None,
            "alias": owner.alias if owner.fabric else None,
        }
        for field in self.data:
            wanted[field] = entry.get(field)
        return (entry["netns"], entry["name"]), wanted

    def objects(self, entry, owner, path):
        return [self.end(entry, owner)]

    def leaves(self, key, item):
        """{key of a sysctl: value} of what the kernel sets for such a link, and does not set back when it goes."""
        return {}

    # --- planning ---

    def owned(self, state, key, item, owner):
        return owner.holds_link(item)

    def claim(self, key, item):
        """What no two links of the kind can have, or None."""

    def rivals(self, key, item):
        """Says of another link of the kind (its key, itself) whether the two cannot be there together; None where that is never so."""
        claim = self.claim(key, item)
        return claim and (lambda other, found: other != key and self.claim(other, found) == claim)

    def claimed(self, item, rival=None):
        """(what the two cannot both have in words, what to choose instead)"""
        raise NotImplementedError

    def check(self, state, key, wanted, owner):
        found = state["link"].get(key)
        if found is not None and owner.fabric and not owner.holds_link(found):
            raise Conflict(
                "%s: there is already a %s of that name, %s; rename or remove it, or choose another name"
                % (self.describe(key), found["kind"] or "device", whose(found)))
        if found is not None and not owner.fabric:
            refuse_fabric(self, key, found)
            if found["kind"] != self.kind:
                raise Conflict("%s: there is a %s of that name; remove it first, or choose another name"
                               % (self.describe(key), found["kind"] or "device of another kind"))
        rivals = self.rivals(key, wanted)
        for other, found in state["link"].items() if rivals else ():
            if found["kind"] == self.kind and not owner.holds_link(found) and rivals(other, found):
                words, advice = self.claimed(wanted, found)
                raise Conflict("%s: %s is taken by %s, %s; choose %s"
                               % (self.describe(key), words, self.describe(other), whose(found), advice))

    def difference(self, found, wanted):
        changed = {}
        for field, value in wanted.items():
            if value is None or field in ("twin", "lead"):
                continue
            if field == "port":
                value = _port.difference(found["port"], value)
                if value:
                    changed["port"] = value
            elif found.get(field) != value:
                changed[field] = value
        return changed

    def must_replace(self, found, wanted):
        """The first field that the kernel cannot change in place, or None."""
        if found["kind"] != wanted["kind"]:
            return "kind"
        for field, data in self.data.items():
            if not data.changeable and wanted[field] is not None and found.get(field) != wanted[field]:
                return field
        return None

    def made(self, wanted):
        made = {key: value for key, value in wanted.items() if key not in ("twin", "lead")}
        made.update(up=False, alias="", group=wanted["group"] or 0, master=wanted["master"] or "", port=None)
        if made["master"]:
            made["port"] = _port.NEW_PORT
        return made

    def simulate(self, state, operation):
        key = operation.key
        if operation.verb == "remove":
            lose_link(state, key)
            return
        if operation.verb == "add":
            made = self.made(operation.after)
            port_changes(state, key[0], made["master"])
            state["link"][key] = made
            if made["master"]:
                _vlans.given(state, key, (key[0], made["master"]))
            return
        change_link(state, key, operation.after)

    def fitting(self, item, link, links, path):
        """Raise Invalid where the link cannot stand with others. `link` finds one by its key, wanted or found; `links` are the wanted ones."""

    def leftover(self, key):
        """The key of what a run that was killed while it made the link may have left, or None."""

    def follow(self, state, key, parent, changed):
        """What changes of the link when its parent changes; `parent` is that before."""

    # --- the kernel ---

    def requests(self, transaction, operation):
        netns, name = operation.key
        if operation.verb == "remove":
            transaction.queue(netns, wire.RTM_DELLINK, 0, header() + wire.text(IFLA_IFNAME, name), unmakes=True)
        elif operation.verb == "add":
            self.request_add(transaction, operation)
        else:
            self.request_change(transaction, operation)

    def request_add(self, transaction, operation):
        netns, name = operation.key
        attributes = self.flat_attributes(transaction, netns, name, operation.after)
        info = [("IFLA_INFO_KIND", self.kind)]
        data = self.encode_data(transaction, netns, operation.after)
        if data:
            info.append(("IFLA_INFO_DATA", {"attrs": data}))
        attributes.append(("IFLA_LINKINFO", {"attrs": info}))
        transaction.queue(netns, wire.RTM_NEWLINK, wire.NLM_F_CREATE | wire.NLM_F_EXCL, encode(attributes), makes=True)

    def flat_attributes(self, transaction, netns, name, wanted):
        attributes = [("IFLA_IFNAME", name)]
        if wanted["group"]:
            attributes.append(("IFLA_GROUP", wanted["group"]))
        if wanted["mtu"]:
            attributes.append(("IFLA_MTU", wanted["mtu"]))
        if wanted["mac"]:
            attributes.append(("IFLA_ADDRESS", wanted["mac"]))
        if wanted["master"]:
            attributes.append(("IFLA_MASTER", transaction.index(netns, wanted["master"])))
        return attributes

    def encode_data(self, transaction, netns, wanted):
        return [self.data[field].encode(wanted[field], transaction, netns)
                for field in self.data if wanted.get(field) not in (None, "")]

    def request_change(self, transaction, operation):
        netns, name = operation.key
        changed = operation.after
        master = None
        if "master" in changed:
            master = transaction.index(netns, changed["master"]) if changed["master"] else 0
        body = set_link(name, changed, master)
        if body:
            transaction.queue(netns, wire.RTM_NEWLINK, 0, body)
        if "port" in changed and changed["port"]:
            transaction.queue(netns, wire.RTM_NEWLINK, 0, _port.message(operation, header() + wire.text(IFLA_IFNAME, name), IFLA_LINKINFO))
        if any(field in changed for field in self.data):
            self.request_data(transaction, netns, name, changed)

    def request_data(self, transaction, netns, name, changed):
        data = [self.data[field].encode(changed[field], transaction, netns) for field in self.data if field in changed]
        transaction.queue(netns, wire.RTM_NEWLINK, 0, encode([
            ("IFLA_IFNAME", name),
            ("IFLA_LINKINFO", {"attrs": [("IFLA_INFO_KIND", self.kind), ("IFLA_INFO_DATA", {"attrs": data})]}),
        ]))

    def commands(self, operation):
        netns, name = operation.key
        if operation.verb == "remove":
            return [ip(netns, "link", "delete", "dev", name)]
        if operation.verb == "add":
            wanted = operation.after
            words = ["link", "add", "name", name] + flat_words(wanted, ("mtu", "mac", "group", "master"))
            return [ip(netns, *(words + ["type", self.kind] + self.data_words(wanted) + self.peer_words(wanted)))]
        return change_commands(operation, self.kind, self.data)

    def data_words(self, wanted):
        return [word for field, data in self.data.items() if wanted.get(field) not in (None, "")
                for word in data.words(wanted[field])]

    def peer_words(self, wanted):
        return []

    def read_more(self, kernel, netns, name):
        """The fields of the object that are not told with the link."""
        return {}

    # --- back to a document ---

    def entry(self, state, key, item):
        if item["kind"] != self.kind:
            return None
        entry = {option: value for option, value in end_entry(key, item).items() if option in self.schema}
        entry.update({field: item[field] for field in self.data})
        return entry

    def mask(self, found, asked):
        shown = super().mask(found, asked)
        if isinstance(shown.get("port"), dict) and isinstance(asked.get("port"), dict):
            shown["port"] = {flag: value for flag, value in shown["port"].items() if flag in asked["port"]}
        return shown

    def describe(self, key):
        return "link %s%s" % (key[1], place(key[0]))


def end_entry(key, item):
    # a bridge that lost its last port has the all-zero MAC, which is none
    mac = None if item["mac"] == "00:00:00:00:00:00" else item["mac"]
    return {"netns": key[0], "name": key[1], "mtu": item["mtu"], "mac": mac, "up": item["up"],
            "master": item["master"], "bridge_port": item["port"]}


def whose(link):
    fabric = fabric_of_link(link)
    return "which belongs to fabric %s" % fabric if fabric else "not made by this fabric"


def refuse_fabric(kind, key, link):
    fabric = fabric_of_link(link)
    if fabric:
        raise Conflict("%s belongs to fabric %s; change it in that fabric's document" % (kind.describe(key), fabric))


def is_fallback(key, link):
    return FALLBACK.get(link["kind"]) == key[1]


# --- cascades: what the kernel removes and changes in passing ------------------------------------------------------

def children(state, key):
    """Keys of the links that stand on a link, in whatever namespace."""
    links = state["link"]
    return [other for other, item in links.items() if item.get("parent") == key] if key and key in links.parents else []


def change_link(state, key, changed):
    """Fields of a link change: what falls with that, and what follows on the links that stand on it."""
    before = state["link"][key]
    if "master" in changed or "mac" in changed:
        for master in sorted({before["master"], changed.get("master", "")}):
            port_changes(state, key[0], master)
    state.alter("link", key, **changed)
    if changed.get("up") is False:
        link_down(state, key)
    elif changed.get("up"):
        _hops.revive(state, *key)
    if "mac" in changed:
        state.drop("neighbour", state.on_device("neighbour", *key))
    if "mtu" in changed and changed["mtu"] < IPV6_MIN_MTU:
        drop_ipv6(state, key, for_good=True)
        family = "net/ipv6/"
        state.drop("sysctl", [k for k in state["sysctl"]
                              if k[0] == key[0] and sysctl_device(k[1]) == key[1] and k[1].startswith(family)])
    if "master" in changed:
        state.alter("link", key, port=dict(_port.NEW_PORT) if changed["master"] else None)
        _vlans.lost(state, key)
        if changed["master"]:
            _vlans.given(state, key, (key[0], changed["master"]))
        if "port" in changed and changed["master"]:
            state.alter("link", key, port=changed["port"])
    for other in children(state, key):
        item = state["link"][other]
        kind = Link.by_kind.get(ALIKE.get(item["kind"], item["kind"]))
        if kind is not None:
            kind.follow(state, other, before, changed)


def link_down(state, key):
    """All routes and neighbours of the device, permanent and proxy ones too, and its IPv6 addresses."""
    _hops.lose(state, *key)
    for table in ("neighbour", "proxy_neighbour"):
        state.drop(table, state.on_device(table, *key))
    drop_ipv6(state, key)


def port_changes(state, netns, bridge):
    """Before a port comes, goes or gets another MAC: a bridge without a MAC of its own has its ports' lowest
    (br_stp_recalculate_bridge_id), and a change flushes its neighbours.

    Whether the MAC is its own cannot be read; it is where no port has it. A neighbour put back in vain does no harm.
    """
    found = state["link"].get((netns, bridge))
    if found is None or found["kind"] != "bridge":
        return
    ports = [item["mac"] for other, item in state["link"].items() if other[0] == netns and item["master"] == bridge and item["mac"]]
    if not ports or found["mac"] in ports + [None]:
        state.drop("neighbour", state.on_device("neighbour", netns, bridge))


def drop_ipv6(state, key, for_good=False):
    """IPv6 is taken off a device (addrconf_ifdown)."""
    _hops.lose(state, *key, (6,), for_good)
    for table in ("address", "neighbour", "proxy_neighbour"):
        state.drop(table, [k for k in state.on_device(table, *key) if state[table][k]["family"] == 6])


def lose_link(state, key):
    """The link, its veth peer, what stands on it, its sysctls; its ports are released, its VXLAN devices fall."""
    if key not in state["link"]:
        return
    netns, name = key
    port_changes(state, netns, state["link"][key]["master"])
    link = state["link"].pop(key)
    if link["up"]:
        _hops.lose(state, netns, name)
    _hops.lose(state, netns, name, for_good=True)
    for table in ("address", "neighbour", "proxy_neighbour", "bridge_vlan", "vxlan_fdb"):
        state.drop(table, state.on_device(table, netns, name))
    state.drop("sysctl", [k for k in state["sysctl"] if k[0] == netns and sysctl_device(k[1]) == name])
    for other, item in list(state["link"].items()):
        if other[0] != netns:
            continue
        if item["master"] == name:
            state.alter("link", other, master="", port=None)
            _vlans.lost(state, other)
        if item["kind"] == "vxlan" and item.get("dev") == name:
            lose_link(state, other)
        elif item.get("dev") == name:
            state.alter("link", other, dev="")  # a tunnel of another kind keeps the number of what is gone
    for other in [other for other, item in state["vxlan_fdb"].items() if item["via"] == name and other[0] == netns]:
        state.alter("vxlan_fdb", other, via=GONE + str(link.get("index", 0)))
    for other in children(state, key):
        lose_link(state, other)
    if link.get("peer"):
        lose_link(state, link["peer"])


def sysctl_device(key):
    """The device a per-device sysctl belongs to (net/ipv4/conf/eth0/...), or None."""
    parts = key.split("/")
    return parts[3] if len(parts) > 4 and parts[2] in ("conf", "neigh") else None
