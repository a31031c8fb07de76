# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a document as written to what is wanted, in normal form: {kind name: {key: object}}."""

from __future__ import annotations

import copy

from . import fields
from .errors import Conflict, Invalid
from .columns import MANY, validated
from .fields import AUTO, Option
from .kinds import KINDS, LINKS, bridge_vlan
from .kinds._base import place
from .kinds._bulk import Bulk, on_devices
from .kinds._iptables_tool import BUILT_IN
from .kinds._link import IPV6_MIN_MTU, sysctl_device
from .kinds.ipset import ip_version
from .kinds.iptables import CHAIN, sets_of

UNDERLAY = {
    "address": Option("str", required=True, check=fields.address),
    "overhead": Option("int", 0, check=fields.between(0, 500, "bytes")),
    "mtu_limit": Option("int", check=fields.between(68, 65535, "bytes")),
}


class Paths(dict):
    """{(table, key): where in the input it was asked for}. Of a section that was taken in by columns it is told when somebody looks it up."""

    def __init__(self):
        super().__init__()
        self._sections = {}

    def section(self, table, keys, path):
        self._sections[table] = (keys, path)

    def __missing__(self, place_):
        keys, path = self._sections.pop(place_[0], ((), ""))
        self.update(((place_[0], key), "%s[%d]" % (path, position)) for position, key in enumerate(keys))
        return self[place_] if keys else super().__getitem__(place_)


class Wanted(dict):
    """{kind name: {key: object}}, and where in the input each key was asked for."""

    def __init__(self):
        super().__init__({name: {} for name in KINDS})
        self.underlay = None
        self.paths = Paths()

    def table(self, name):
        """All wanted objects of one table, links of every kind together."""
        merged = {}
        for kind_name, items in self.items():
            if KINDS[kind_name].table == name:
                merged.update(items)
        return merged

    def beside(self, items):
        """The same with more objects, {kind: {key: object}}, where it has none."""
        more = copy.copy(self)
        more.update({name: {**found, **self[name]} for name, found in items.items() if found})
        return more

    def namespaces(self):
        """Every namespace that a wanted object is in."""
        return {key[0] for name, items in self.items() if name != "netns" for key in items}


def parse(document, owner, path="document"):
    """Validate every section. Nothing of the machine is looked at. Raises Invalid."""
    if not isinstance(document, dict):
        raise Invalid(path, document, "a mapping of sections (%s)" % ", ".join(KINDS))
    wanted = Wanted()
    for section in document:
        if section != "underlay" and section not in KINDS:
            raise Invalid("%s.%s" % (path, section), "...", fields.unknown(section, list(KINDS) + ["underlay"], "kind"))
    if document.get("underlay"):
        wanted.underlay = underlay_of(document, path)
    for name in KINDS:
        entries = document.get(name) or []
        if not isinstance(entries, (list, tuple)):
            raise Invalid("%s.%s" % (path, name), entries, "a list of entries")
        if not add_all(wanted, name, entries, owner, "%s.%s" % (path, name)):
            for position, entry in enumerate(entries):
                add(wanted, name, entry, owner, "%s.%s[%d]" % (path, name, position))
    if owner.fabric:
        take_along(wanted)
    no_cycles(wanted)
    return wanted


def take_along(wanted):
    """What the kernel leaves behind of a link is the fabric's own too, unless the document has other words for it: so it goes with the fabric."""
    for key, item in wanted.table("link").items():
        for sysctl, value in LINKS[item["kind"]].leaves(key, item).items():
            if sysctl not in wanted["sysctl"]:
                wanted.paths["sysctl", sysctl] = wanted.paths["link", key]
                wanted["sysctl"][sysctl] = {"value": value}


def underlay_of(document, path="document"):
    """The section that says what auto means, and which peers are on-link."""
    return fields.validate(UNDERLAY, document.get("underlay") or {}, path + ".underlay")


def add_all(wanted, name, entries, owner, path):
    """Whether a whole section could be taken in at once: all of it is right, and it has much of one thing."""
    kind = KINDS[name]
    if len(entries) < MANY or not isinstance(kind, Bulk):
        return False
    try:
        columns = validated(kind.schema, entries)
        items = dict(zip(*kind.many(columns, owner))) if columns else {}
    except Invalid:
        return False
    if len(items) != len(entries):  # not all of it is right, or something is there twice
        return False
    wanted[name] = items
    wanted.paths.section(kind.table, items, path)
    return True


def add(wanted, name, entry, owner, path):
    """Validate one entry and take it in."""
    kind = KINDS[name]
    for key, item in kind.objects(fields.validate(kind.schema, entry, path), owner, path):
        place = (kind.table, key)
        if place in wanted.paths:
            advice = "only the all-zero MAC can have several destinations" if name == "vxlan_fdb" else "drop one"
            raise Invalid(path, kind.describe(key), "each object once, but it is also at %s" % wanted.paths[place], advice)
        wanted.paths[place] = path
        wanted[name][key] = item


def named(name, entry, path):
    """{kind name: [key]} of what an entry names. What it is made of may be left out, and is checked where it is given."""
    kind = KINDS[name]
    return {name: kind.keys(fields.validate(fields.naming(kind.schema, kind.identity), entry, path), path)}


def uppers(wanted):
    """{link key: the keys of the links it needs first} within what is wanted."""
    links = wanted.table("link")
    needs = {}
    for key, item in links.items():
        below = {(key[0], other) for other in (item["master"], item.get("dev")) if other and other != AUTO}
        needs[key] = {other for other in below | {item.get("parent")} if other in links}
    return needs


def no_cycles(wanted):
    needs, state = uppers(wanted), {}

    def visit(key, trail):
        if state.get(key) == "done":
            return
        if key in trail:
            ring = [name for dummy, name in trail[trail.index(key):] + [key]]
            raise Invalid(wanted.paths[("link", key)] + ".master", " -> ".join(ring),
                          "links whose masters and underlay devices do not form a cycle")
        for other in sorted(needs[key]):
            visit(other, trail + [key])
        state[key] = "done"

    for key in needs:
        visit(key, [])


def resolve(wanted, found):
    """Replace `auto` by what this node has. Returns {mtu, dev} of the underlay, or nothing where the document names none."""
    resolved = {}
    if wanted.underlay:
        dev = _holder(found, wanted.underlay["address"], "document.underlay.address")
        port = wanted["bridge_port"].get(("", dev))
        if port and not port["moves"]:
            raise Invalid(wanted.paths[("link", ("", dev))] + ".name", dev, "a device without the underlay's address %s" % wanted.underlay["address"],
                          "as a port it would not answer there any more")
        mtu = found["link"][("", dev)]["mtu"] - wanted.underlay["overhead"]
        resolved = {"dev": _heir(wanted, "", dev), "mtu": min(mtu, wanted.underlay["mtu_limit"] or mtu)}
    for port, item in wanted["bridge_port"].items():
        # What the segment knows the node by stays: its switches and neighbours have nothing to learn.
        bridge = wanted["bridge"].get((port[0], item["master"]))
        if item["moves"] and bridge is not None and bridge["mac"] is None and port in found["link"]:
            bridge["mac"] = found["link"][port]["mac"]
    for key, item in wanted.table("link").items():
        parent = (item.get("parent") or ("", ""))[1]
        if AUTO not in (item["mtu"], item.get("dev"), parent):
            continue
        path = wanted.paths[("link", key)]
        dev, mtu = resolved.get("dev"), resolved.get("mtu")
        if parent == AUTO:
            if not wanted.underlay or item["parent"][0]:
                raise Invalid(path + ".parent", AUTO, "no parent_netns, and a document with `underlay`, which says what auto means", "or name a link")
            item["parent"] = ("", dev)
            if item["mtu"] != AUTO:
                continue
        if not wanted.underlay or LINKS[item["kind"]].overhead and item["dev"] not in (AUTO, None, dev):
            dev, mtu = _own_underlay(wanted, found, key, item, path)
        if item.get("dev") == AUTO:
            item["dev"] = dev
        if item["mtu"] == AUTO:
            item["mtu"] = mtu
    return resolved


def _own_underlay(wanted, found, key, item, path):
    """A tunnel can tell its underlay by itself: its `dev`, or the device that holds its `local` address."""
    dev, overhead = item.get("dev"), LINKS[item["kind"]].overhead
    if not overhead or not item["local"] and dev in (AUTO, None):
        raise Invalid(path + (".mtu" if item["mtu"] == AUTO else ".dev"), AUTO, "a document with `underlay`, which says what auto means",
                      "or give a number" if item["mtu"] == AUTO else "or name a device")
    if dev in (AUTO, None):
        dev = _holder(found, item["local"], path + ".local", key[0])
    link = found["link"].get((key[0], dev))
    if link is None:
        raise Conflict("%s: the underlay device %s does not exist" % (path, dev))
    version = 6 if ":" in (item["local"] or item.get("flood_group") or "") else 4
    return _heir(wanted, key[0], dev), link["mtu"] - overhead[version]


def _heir(wanted, netns, dev):
    """The device that will have what a device has: the bridge that it is to be a port of."""
    item = wanted["bridge_port"].get((netns, dev))
    return item["master"] if item and item["moves"] else dev


def _holder(found, address, path, netns=""):
    for key in found["address"]:
        if key[0] == netns and key[2].partition("/")[0] == address:
            return key[1]
    raise Invalid(path, address, "an address that a device of this node holds",
                  "see `ip address`; a fabric's node address is fabric_node_ip")


def present_places(wanted, found, purger=None):
    """Every namespace and device that something is wanted in or on must be there, or wanted itself. `purger` is the owner whose
    unwanted objects will go."""
    def stays(item):
        return purger is None or not purger.holds_link(item)

    links = wanted.table("link")
    namespaces = set(wanted["netns"]) | {key for key, item in found["netns"].items() if stays(item)} | {("",)}
    devices = set(links) | {key for key, item in found["link"].items() if stays(item)}
    for table, key in _standing(wanted):
        item = links[key] if table == "link" else {}
        if (key[0],) not in namespaces:
            raise Conflict("%s.netns: there is no namespace %s%s"
                           % (_where(wanted, table, key), key[0], _where_to_make(key[:1] in found["netns"])))
        needed = [(option, (key[0], item.get(option))) for option in ("master", "dev")]
        if isinstance(KINDS.get(table), Bulk):
            item = wanted[table][key]
            needed = [("dev", (key[0], item["dev"]))] + [("nexthops", (key[0], hop.dev)) for hop in item.get("nexthops", ())]
            needed += [("via", (key[0], item["via"]))] if table == "vxlan_fdb" else []
        elif table in ("address", "proxy_neighbour", "bridge_vlan"):
            needed = [("dev", key[:2])]
        elif item.get("parent"):
            needed.append(("parent", item["parent"]))
        for option, (netns, device) in needed:
            if device and device != "lo" and (netns, device) not in devices:
                raise Conflict("%s.%s: there is no device %s%s%s" % (
                    _where(wanted, table, key), option, device, place(netns), _where_to_make((netns, device) in found["link"])))
        if table == "chain" and key in wanted["iptables_rule"] and key[3] not in BUILT_IN[key[2]]:
            if key[:4] not in wanted["iptables_chain"] and key[:4] not in found["chain"]:
                raise Conflict("%s.chain: there is no %s; create it first, or in the same document"
                               % (_where(wanted, table, key), CHAIN.describe(key)))
    for key, version, rule, path in sets_of(wanted):
        item = wanted["ipset"].get(key) or found["ipset"].get(key)
        if item is None:
            raise Conflict("%s: %s: there is no set %s%s%s" % (path, rule, key[1], place(key[0]), _where_to_make(False)))
        if ip_version(item) not in (version, None):
            raise Invalid(path, rule, "a set of IPv%d, which %s is not" % (version, key[1]))
    fitting(wanted, found)


def _standing(wanted):
    """(table, key) of all that stands in a namespace; of what comes in thousands one for each device."""
    yield from [("route", key) for key, item in wanted["route"].items() if item["nexthops"]]
    yield from [("vxlan_fdb", key) for key, item in wanted["vxlan_fdb"].items() if item["via"]]
    for name, items in wanted.items():
        kind = KINDS[name]
        for key in on_devices(items).values() if isinstance(kind, Bulk) else items if name != "netns" else ():
            yield kind.table, key


def _where(wanted, table, key):
    """Where in the input a wanted object was asked for."""
    lead = table != "link" or wanted.table("link")[key].get("lead") is not False
    return wanted.paths[table, key] + ("" if lead else ".peer")


def _where_to_make(there):
    return (" when this run is over: it is this fabric's, and not in the document; add it" if there
            else " on this node; create it first, or in the same document")


def _mtu_of(key, links, found):
    """The MTU that a device will have, or None where nothing says it: one that is wanted without an MTU keeps what it has, or is made with that of
    what it stands on, and never has a larger one."""
    item, there = links.get(key) or {}, found["link"].get(key)
    if item.get("mtu") is not None:
        return item["mtu"]
    kept = there is not None and not (item and LINKS[item["kind"]].must_replace(there, item))
    below = _mtu_of(item["parent"], links, found) if item.get("parent") else None
    return min((mtu for mtu in (there["mtu"] if kept else None, below) if mtu is not None), default=None)


def leave_out_ipv6(wanted, found):
    """A device with an MTU under 1280 has no IPv6, and no sysctls of it: what they would keep from happening cannot happen."""
    links = wanted.table("link")
    for key in list(wanted["sysctl"]):
        mtu = _mtu_of((key[0], sysctl_device(key[1])), links, found)
        if key[1].startswith("net/ipv6/") and mtu is not None and mtu < IPV6_MIN_MTU:
            del wanted["sysctl"][key]


def fitting(wanted, found):
    """What is well-formed by itself and cannot stand together."""
    links, claims = wanted.table("link"), {}

    def link(netns, name):
        return links.get((netns, name)) or found["link"].get((netns, name))

    for key, item in links.items():
        kind = LINKS[item["kind"]]
        claim = kind.claim(key, item)
        if claim and claims.setdefault((kind.kind, claim), key) != key:
            words, advice = kind.claimed(item)
            raise Invalid(wanted.paths[("link", key)], words, "each such once, but %s has it too" % kind.describe(claims[kind.kind, claim]),
                          "choose " + advice)
        kind.fitting(item, link, links, wanted.paths[("link", key)])
        path = _where(wanted, "link", key)
        master = link(key[0], item["master"])
        if master is not None and master["kind"] != "bridge":
            raise Invalid(path + ".master", item["master"], "a bridge, not a %s" % (master["kind"] or "device of another kind"))
        if item["port"] and item["master"] == "":
            raise Invalid(path + ".bridge_port", item["port"], "a master with it: these are settings of a bridge's port")
    if not found.has_vlans:
        bridge_vlan.without_vlans(wanted["bridge"])
    bridge_vlan.fitting(wanted["bridge_vlan"], link, wanted.paths)
    for name in ("address", "route", "neighbour", "proxy_neighbour"):
        for key, item in wanted[name].items():
            for dev in (item["dev"], *(hop.dev for hop in item.get("nexthops", ()))) if item["family"] == 6 else ():
                size = _mtu_of((key[0], dev), links, found) if dev else None
                if size is not None and size < IPV6_MIN_MTU:
                    raise Invalid(wanted.paths[(name, key)] + ".dev", dev,
                                  "a device with an MTU of at least %d, which IPv6 needs, not %d" % (IPV6_MIN_MTU, size))
    local = {}
    for device, key in on_devices(wanted["vxlan_fdb"]).items():
        below = link(*device) or {"kind": "vxlan"}
        if below["kind"] != "vxlan":
            raise Invalid(wanted.paths[("vxlan_fdb", key)] + ".dev", key[1], "a VXLAN device, not a %s" % (below["kind"] or "device of another kind"))
        local[device] = below.get("local") or below.get("flood_group")
        for other in () if below.get("external") else [other for other in wanted["vxlan_fdb"] if other[4] and other[:2] == device]:
            raise Invalid(wanted.paths[("vxlan_fdb", other)] + ".src_vni", other[4], "a device in external mode with it, which %s is not" % other[1])
    ipv6 = {device: ":" in address for device, address in local.items() if address}
    mixed = len({":" in item["dst"] for item in wanted["vxlan_fdb"].values()} | set(ipv6.values())) > 1
    for key, item in wanted["vxlan_fdb"].items() if mixed else ():
        if (":" in item["dst"]) != ipv6.get(key[:2], ":" in item["dst"]):
            raise Invalid(wanted.paths[("vxlan_fdb", key)] + ".dst", item["dst"],
                          "an address of the same family as the device's own, %s" % local[key[:2]])
